"""What quantisation did, as pictures: weights on their grid, time constants, rasters, and states drifting apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Network, Population, Projection, QNetwork
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.measure.fidelity import Baseline, Fidelity, Fitted
from lsm_deploy.store import write_file

__all__ = ["draw_curve", "draw_fidelity"]

_FLOAT, _DEPLOYED, _FLOOR = "#1f6fb4", "#d1420b", "#777777"
_DRAWN = 200_000
"""Weights, or spikes, that are drawn of more."""
_RASTER_STEPS = 400


def draw_fidelity(folder: Path, baseline: Baseline, network: QNetwork, found: Fidelity) -> Sequence[str]:
    """Write the pictures to a folder, which is made; their names."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot make this folder: {error.strerror}"
        raise LsmError(what, where=str(folder), hint="choose another folder") from None
    drawn = []
    floats = [p for p in baseline.network.projections if isinstance(p, Projection)]
    if floats:
        with _Sheet(folder / "weights.png", len(floats)) as axes:
            for axis, projection in zip(axes, floats, strict=True):
                _weights(axis, projection, network)
        drawn.append("weights.png")
    asked = _time_constants(baseline.network, network)
    if asked:
        with _Sheet(folder / "time_constants.png", len(asked)) as axes:
            for axis, (name, values, realised) in zip(axes, asked, strict=True):
                _diagonal(axis, name, values, realised)
        drawn.append("time_constants.png")
    with _Sheet(folder / "rasters.png", 2, width=11.0) as axes:
        _rasters(axes, baseline, found)
    with _Sheet(folder / "distance.png", len(found.populations), width=8.0) as axes:
        for axis, p in zip(axes, found.populations, strict=True):
            t = np.arange(len(p.distance.over_time))
            axis.plot(t, p.distance.over_time, color=_DEPLOYED, linewidth=1.2, label="float and deployed")
            if p.floor is not None:
                axis.plot(t, p.floor.over_time, color=_FLOOR, linewidth=1.2, label="float, an input spike moved")
            axis.set(ylim=(0, None), xlabel="step of a sample", ylabel="distance of the states", title=p.name)
            axis.legend(fontsize=8, frameon=False)
    return (*drawn, "rasters.png", "distance.png")


def draw_curve(file: Path, fitted: Fitted) -> None:
    """Write the curve of a search for bits."""
    bits = [point.bits for point in fitted.curve]
    with _Sheet(file, 1, width=7.0) as (axis,):
        axis.plot(bits, [point.value for point in fitted.curve], "o-", color=_DEPLOYED, label=fitted.bound.criterion)
        axis.axhline(fitted.bound.most, color=_FLOAT, linestyle="--", linewidth=1.0, label="the bound")
        if fitted.bound.criterion == "distance" and fitted.floor is not None:
            axis.axhline(fitted.floor, color=_FLOOR, linewidth=1.0, label="the liquid's own floor")
        unit = "relative spike distance" if fitted.bound.criterion == "distance" else "points of accuracy lost"
        axis.set(xlabel="bits a weight", ylabel=unit)
        axis.legend(fontsize=8, frameon=False)


class _Sheet:
    """A column of axes that is written to its file when all are drawn."""

    def __init__(self, file: Path, rows: int, width: float = 8.0) -> None:
        self.file, self.rows, self.width = file, rows, width

    def __enter__(self) -> Sequence[Any]:
        # Imported here: it takes half a second. No pyplot, which keeps figures for the whole process.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(self.width, 2.6 * self.rows), layout="constrained")
        FigureCanvasAgg(self.figure)
        axes: list[Any] = list(self.figure.subplots(self.rows, 1, squeeze=False)[:, 0])
        for axis in axes:
            axis.spines[["top", "right"]].set_visible(False)
        return axes

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            write_file(self.file, lambda f: self.figure.savefig(f, format="png", dpi=100, metadata={"Software": None}))


def _weights(axis: Any, p: Projection, network: QNetwork) -> None:
    q = next(each for each in network.projections if each.name == p.name)
    scale = next(each.scale for each in network.populations if each.name == p.target)
    levels, counts = np.unique(q.weights, return_counts=True)
    values = levels * ((1 << q.weight_exp) / scale)
    axis.hist(_thinned(p.weight), bins=120, color=_FLOAT, alpha=0.45, density=True, label="asked")
    twin = axis.twinx()
    twin.vlines(values, 0, counts / max(counts.sum(), 1), color=_DEPLOYED, linewidth=1.0, label="on the grid")
    twin.set(ylim=(0, None), ylabel="share of synapses")
    title = f"{p.name}: {q.num_weight_bits} bits, exponent {q.weight_exp}, {len(levels)} levels"
    axis.set(xlabel="weight", ylabel="density", title=title)


def _thinned(values: NDArray[Any]) -> NDArray[Any]:
    return values[:: -(-len(values) // _DRAWN) or 1]


def _time_constants(network: Network, quantised: QNetwork) -> list[tuple[str, Floats, Floats]]:
    found = []
    for p, q in zip(network.populations, quantised.populations, strict=True):
        if isinstance(p, Population):
            realised = KINDS[q.kind].to_parameters(q.registers, q.scale, network.dt_ms)
            found += [(f"{p.name}: {n}", v, realised[n]) for n, v in p.parameters.items() if n.startswith("tau_")]
    return found


def _diagonal(axis: Any, name: str, asked: Floats, realised: Floats) -> None:
    finite = np.isfinite(realised)
    ends = [float(asked.min()), float(asked.max())]
    axis.plot(ends, ends, color=_FLOOR, linewidth=0.8)
    axis.plot(asked[finite], realised[finite], ".", color=_DEPLOYED, markersize=4)
    axis.set(xlabel="asked, ms", ylabel="realised, ms", title=name)


def _rasters(axes: Sequence[Any], baseline: Baseline, found: Fidelity) -> None:
    starts = baseline.stimulus.starts
    end = min(int(starts[1]) if len(starts) > 1 else found.steps, _RASTER_STEPS)
    runs = (
        (axes[0], baseline.reference.spikes, "float", _FLOAT),
        (axes[1], found.deployed.spikes, "deployed", _DEPLOYED),
    )
    for axis, spikes, title, colour in runs:
        t, neuron = _thinned(np.argwhere(spikes[:end])).T
        axis.scatter(t, neuron, s=2.0, c=colour, marker="|", linewidths=0.8)
        axis.set(
            xlim=(-0.5, end - 0.5), ylim=(-0.5, spikes.shape[1] - 0.5), xlabel="step", ylabel="neuron", title=title
        )
