"""What quantisation did, as pictures: weights on their grid, time constants, rasters, and states drifting apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.ir import Network, Population, Projection, QNetwork
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.measure.fidelity import Baseline, Fidelity, Fitted
from lsm_deploy.report.blocks import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture_of_bits", "pictures_of_fidelity"]

_FLOAT, _DEPLOYED, _FLOOR = "#1f6fb4", "#d1420b", "#777777"
_DRAWN = 200_000
"""Weights, or spikes, that are drawn of more."""
_RASTER_STEPS = 400


def pictures_of_fidelity(baseline: Baseline, network: QNetwork, fidelity: Fidelity) -> Iterator[Picture]:
    projections = [p for p in baseline.network.projections if isinstance(p, Projection)]
    if projections:
        yield Picture("weights", "weights, asked and on their grid", lambda: _weights(projections, network))
    constants = _time_constants(baseline.network, network)
    if constants:
        yield Picture("time_constants", "time constants, asked and realised", lambda: _diagonals(constants))
    yield Picture("rasters", "spikes of the float and of the deployed liquid", lambda: _rasters(baseline, fidelity))
    yield Picture("distance", "distance of the states over a sample", lambda: _distances(fidelity))


def picture_of_bits(fitted: Fitted) -> Picture:
    """The curve of a search for bits."""
    return Picture("fit_bits", f"{fitted.bound.criterion} by bits a weight", lambda: _curve(fitted))


def _sheet(rows: int, width: float = 8.0) -> tuple[Figure, Sequence[Any]]:
    """A column of axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 2.6 * rows), layout="constrained")
    axes: list[Any] = list(figure.subplots(rows, 1, squeeze=False)[:, 0])
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _curve(fitted: Fitted) -> Figure:
    bits = [point.bits for point in fitted.curve]
    figure, (axis,) = _sheet(1, width=7.0)
    axis.plot(bits, [point.value for point in fitted.curve], "o-", color=_DEPLOYED, label=fitted.bound.criterion)
    axis.axhline(fitted.bound.most, color=_FLOAT, linestyle="--", linewidth=1.0, label="the bound")
    if fitted.bound.criterion == "distance" and fitted.floor is not None:
        axis.axhline(fitted.floor, color=_FLOOR, linewidth=1.0, label="the liquid's own floor")
    unit = "relative spike distance" if fitted.bound.criterion == "distance" else "points of accuracy lost"
    axis.set(xlabel="bits a weight", ylabel=unit)
    axis.legend(fontsize=8, frameon=False)
    return figure


def _distances(fidelity: Fidelity) -> Figure:
    figure, axes = _sheet(len(fidelity.populations))
    for axis, p in zip(axes, fidelity.populations, strict=True):
        t = np.arange(len(p.distance.over_time))
        axis.plot(t, p.distance.over_time, color=_DEPLOYED, linewidth=1.2, label="float and deployed")
        if p.floor is not None:
            axis.plot(t, p.floor.over_time, color=_FLOOR, linewidth=1.2, label="float, an input spike moved")
        axis.set(ylim=(0, None), xlabel="step of a sample", ylabel="distance of the states", title=p.name)
        axis.legend(fontsize=8, frameon=False)
    return figure


def _weights(projections: Sequence[Projection], network: QNetwork) -> Figure:
    figure, axes = _sheet(len(projections))
    for axis, p in zip(axes, projections, strict=True):
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
    return figure


def _thinned(values: NDArray[Any]) -> NDArray[Any]:
    return values[:: -(-len(values) // _DRAWN) or 1]


def _time_constants(network: Network, quantised: QNetwork) -> list[tuple[str, Floats, Floats]]:
    constants = []
    for p, q in zip(network.populations, quantised.populations, strict=True):
        if isinstance(p, Population):
            realised = KINDS[q.kind].to_parameters(q.registers, q.scale, network.dt_ms)
            constants += [(f"{p.name}: {n}", v, realised[n]) for n, v in p.parameters.items() if n.startswith("tau_")]
    return constants


def _diagonals(constants: Sequence[tuple[str, Floats, Floats]]) -> Figure:
    figure, axes = _sheet(len(constants))
    for axis, (name, asked, realised) in zip(axes, constants, strict=True):
        finite = np.isfinite(realised)
        ends = [float(asked.min()), float(asked.max())]
        axis.plot(ends, ends, color=_FLOOR, linewidth=0.8)
        axis.plot(asked[finite], realised[finite], ".", color=_DEPLOYED, markersize=4)
        axis.set(xlabel="asked, ms", ylabel="realised, ms", title=name)
    return figure


def _rasters(baseline: Baseline, fidelity: Fidelity) -> Figure:
    figure, axes = _sheet(2, width=11.0)
    starts = baseline.stimulus.starts
    end = min(int(starts[1]) if len(starts) > 1 else fidelity.steps, _RASTER_STEPS)
    runs = (
        (axes[0], baseline.reference.spikes, "float", _FLOAT),
        (axes[1], fidelity.deployed.spikes, "deployed", _DEPLOYED),
    )
    for axis, spikes, title, colour in runs:
        t, neuron = _thinned(np.argwhere(spikes[:end])).T
        axis.scatter(t, neuron, s=2.0, c=colour, marker="|", linewidths=0.8)
        axis.set(
            xlim=(-0.5, end - 0.5), ylim=(-0.5, spikes.shape[1] - 0.5), xlabel="step", ylabel="neuron", title=title
        )
    return figure
