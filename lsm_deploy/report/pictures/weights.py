"""Weights as they were asked for and on the chip's grid, and how far time constants are off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.ir import Network, Population, Projection, QNetwork, QProjection
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.numbers import count
from lsm_deploy.report.pictures.style import (
    EXCITATORY,
    INHIBITORY,
    MARK,
    NEUTRAL,
    PALETTE,
    beside,
    name_of,
    plain_ticks,
    sheet,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture_of_constants", "picture_of_weights"]

_PROJECTIONS = 8
"""That are drawn of more: those of the most synapses."""
_DRAWN = 200_000
"""Weights that are drawn of more, evenly spread."""


# --- weights ---------------------------------------------------------------------------------------------------------


def picture_of_weights(network: QNetwork, floats: Network | None = None) -> Picture | None:
    """A panel for each projection; floats: what it was quantised from, where that is known. None without synapses."""
    projections = sorted((q for q in network.projections if len(q.post)), key=lambda q: -len(q.post))[:_PROJECTIONS]
    if not projections:
        return None
    some = f" ({len(projections)} of them drawn)" if len(projections) == _PROJECTIONS < len(network.projections) else ""
    bits = sorted({q.num_weight_bits for q in projections})
    heading = (
        f"{count(network.synapses, 'weight')} in {count(len(network.projections), 'projection')}{some}, on the chip's"
        f" grid of {' and '.join(map(str, bits))} bits"
    )
    return Picture("weights", heading, lambda: _weights(heading, network, floats, projections))


def _weights(heading: str, network: QNetwork, floats: Network | None, projections: Sequence[QProjection]) -> Figure:
    figure, axes = sheet(heading, rows=len(projections), size=(8.0, 1.9))
    asked = {p.name: p for p in floats.projections if isinstance(p, Projection)} if floats else {}
    for axis, q in zip(axes, projections, strict=True):
        scale = next(p.scale for p in network.populations if p.name == q.target)
        many = np.bincount(q.weights.astype(np.int64) - fixed.LEAST_WEIGHT)
        levels = np.flatnonzero(many) + fixed.LEAST_WEIGHT
        counts = many[many > 0]
        values = levels * ((1 << q.weight_exp) / scale)
        if q.name in asked:
            given = _thinned(asked[q.name].weight)
            # Of one value only numpy would make an interval of 1 about it; here it is one step of the grid.
            about = 0.5 * (1 << q.weight_exp) / scale * (given.min() == given.max())
            shares, edges = np.histogram(given, bins=60, range=(given.min() - about, given.max() + about))
            axis.stairs(shares / max(shares.max(), 1), edges, fill=True, color="#C8C8C8", label="asked")
        for sign, colour, label in ((1, EXCITATORY, "excitatory"), (-1, INHIBITORY, "inhibitory"), (0, MARK, "zero")):
            here = np.sign(levels) == sign
            if here.any():
                axis.vlines(values[here], 0, counts[here] / counts.max(), color=colour, linewidth=1.3, label=label)
        grid = f"{q.num_weight_bits} bits, exponent {q.weight_exp}, {count(len(levels), 'level')}"
        title = f"{name_of(q.name)}: {count(len(q.post), 'weight')}, {grid}"
        axis.set(title=title, ylim=(0, 1.05), ylabel="share of the\nmost frequent")
        beside(axis)
    axes[-1].set_xlabel("weight, in the spec's units")
    return figure


def _thinned(values: NDArray[Any]) -> NDArray[Any]:
    return values[:: -(-len(values) // _DRAWN) or 1]


# --- time constants ---------------------------------------------------------------------------------------------------


def picture_of_constants(network: Network, quantised: QNetwork) -> Picture | None:
    """How far each time constant is realised from what was asked, in per cent; None where none was asked for."""
    constants = []
    for p, q in zip(network.populations, quantised.populations, strict=True):
        if isinstance(p, Population):
            realised = KINDS[q.kind].to_parameters(q.registers, q.scale, network.dt_ms)
            constants += [
                (f"{p.name}: {name}", asked, 100 * (realised[name] / asked - 1))
                for name, asked in p.parameters.items()
                if name.startswith("tau_") and (asked > 0).all()
            ]
    if not constants:
        return None
    heading = _how_far(constants)
    return Picture("time_constants", heading, lambda: _errors(heading, constants))


def _how_far(constants: Sequence[tuple[str, Floats, Floats]]) -> str:
    errors = np.concatenate([error for _, _, error in constants])
    finite = np.abs(errors[np.isfinite(errors)])
    lost = len(errors) - len(finite)
    if not len(finite):
        return "no time constant is realised: none of them decays"
    worst = max(constants, key=lambda each: float(np.abs(each[2][np.isfinite(each[2])]).max(initial=0)))[0]
    never = f"; {count(lost, 'one')} never decay" if lost else ""
    return (
        f"time constants are realised to within {finite.max():.2g} % of what was asked, {np.median(finite):.2g} % in"
        f" the median; furthest off: {name_of(worst)}{never}"
    )


def _errors(heading: str, constants: Sequence[tuple[str, Floats, Floats]]) -> Figure:
    figure, (axis,) = sheet(heading, size=(8.0, 3.2))
    axis.axhline(0, color=NEUTRAL, linewidth=0.8)
    for i, (name, asked, error) in enumerate(constants[: 2 * len(PALETTE)]):
        marker, colour = "ox"[i // len(PALETTE)], PALETTE[i % len(PALETTE)]
        finite = np.isfinite(error)
        points = np.unique(np.stack([asked[finite], error[finite]]), axis=1)
        axis.plot(*points, marker, color=colour, markersize=4, alpha=0.7, label=name_of(name))
    values = np.concatenate([asked for _, asked, _ in constants])
    if values.max() > 20 * values.min():
        axis.set_xscale("log")
        plain_ticks(axis.xaxis)
    axis.set(xlabel="asked, ms", ylabel="realised, % off")
    axis.margins(y=0.2)
    beside(axis)
    return figure
