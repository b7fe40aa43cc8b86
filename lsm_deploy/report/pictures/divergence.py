"""A divergence as a picture: both rasters, the spikes that only one side has, and the culprit's registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.ir import Program, Trace
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.parity.compare import Divergence, Verdict, in_view
from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.pictures.style import BLUE, MARK, VERMILION, beside, name_of, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture_of_divergence"]

WINDOW = 24
"""Steps before and after the divergence that are drawn large."""
_NEIGHBOURS = 12
"""Neurons above and below the culprit in the large raster."""
_DOTS = 100_000
"""Spikes that both sides have and that are drawn, at most."""
_BOTH, _FIRST, _SECOND = "#B9B9B9", BLUE, VERMILION


def picture_of_divergence(program: Program, traces: tuple[Trace, Trace], verdict: Verdict) -> Picture:
    """Of a verdict that found a divergence."""
    d = verdict.divergence
    assert d is not None, "equal traces have no divergence to draw"
    return Picture("divergence", _title(verdict, d), lambda: _draw(program, traces, verdict, d))


def _draw(program: Program, traces: tuple[Trace, Trace], verdict: Verdict, d: Divergence) -> Figure:
    first, second = (in_view(program, trace, verdict.view) for trace in traces)
    population = next(p for p in program.network.populations if p.name == d.population)
    registers = [r for r in KINDS[population.kind].STATE if r in first.registers and r in second.registers]
    heights = [2.6, 2.2, *(1.7 for _ in registers)]
    figure, axes = sheet(
        _title(verdict, d), rows=len(heights), size=(10.0, sum(heights) / len(heights)), height_ratios=heights
    )
    _raster(axes[0], first, second, d, verdict.names, slice(0, len(first.spikes)), slice(0, first.spikes.shape[1]))
    rows = slice(max(0, d.t - WINDOW), min(len(first.spikes), d.t + WINDOW + 1))
    near = slice(max(0, d.neuron - _NEIGHBOURS), min(first.spikes.shape[1], d.neuron + _NEIGHBOURS + 1))
    _raster(axes[1], first, second, d, verdict.names, rows, near)
    beside(axes[0], markerscale=2)
    axes[0].add_patch(_frame(rows, near))
    for axis, register in zip(axes[2:], registers, strict=True):
        axis.sharex(axes[1])
        _register(axis, first, second, d, verdict.names, register, rows)
        if register == "v":
            level = int(KINDS[population.kind].threshold(population.registers)[d.index])
            _level(axis, level)
    for axis in axes[1:-1]:
        axis.tick_params(labelbottom=False)
    axes[-1].set_xlabel("step")
    return figure


def _title(verdict: Verdict, d: Divergence) -> str:
    what = "spike" if d.register == "s" else d.register
    differing = ", ".join(f"{n} of {'spikes' if r == 's' else r}" for r, n in sorted(verdict.differing.items()))
    return (
        f"{name_of(verdict.names[0])} and {name_of(verdict.names[1])} part at step {d.t}, neuron {d.neuron} ="
        f" {name_of(d.population)}[{d.index}]: {what} {d.first} and {d.second}; "
        f"{differing} values differ in {verdict.steps} steps of {verdict.neurons} neurons"
    )


def _raster(
    axis: Any, first: Trace, second: Trace, d: Divergence, names: tuple[str, str], rows: slice, columns: slice
) -> None:
    a, b = first.spikes[rows, columns], second.spikes[rows, columns]
    large = a.shape[0] <= 2 * WINDOW + 1
    size = 25.0 if large else float(np.clip(4000 / a.shape[1], 2.0, 16.0))
    both = np.argwhere((a == b) & (a != 0))
    shown = both[:: -(-len(both) // _DOTS) or 1]
    thinned = "" if len(shown) == len(both) else f", 1 in {-(-len(both) // _DOTS)} drawn"
    _dots(axis, shown, rows, columns, size, _BOTH, "|", f"on both sides{thinned}")
    # A spike of the other sign is a difference on both sides.
    _dots(axis, np.argwhere((a != b) & (a != 0)), rows, columns, size, _FIRST, "|", f"only {name_of(names[0])}")
    _dots(axis, np.argwhere((a != b) & (b != 0)), rows, columns, size, _SECOND, "|", f"only {name_of(names[1])}")
    axis.axvline(d.t, color=MARK, linewidth=0.8, linestyle=":", zorder=0)
    if large:
        axis.scatter([d.t], [d.neuron], s=130, facecolors="none", edgecolors=MARK, linewidths=1.0, zorder=4)
    axis.set_xlim(rows.start - 0.5, rows.stop - 0.5)
    axis.set_ylim(columns.start - 0.7, columns.stop - 0.3)
    axis.set_ylabel("neuron")
    axis.yaxis.get_major_locator().set_params(integer=True)


def _dots(
    axis: Any, at: NDArray[np.intp], rows: slice, columns: slice, size: float, colour: str, marker: str, label: str
) -> None:
    t, neuron = at.T
    axis.scatter(
        t + rows.start, neuron + columns.start, s=size, c=colour, marker=marker, linewidths=1.2, label=label, zorder=2
    )


def _frame(rows: slice, columns: slice) -> Any:
    from matplotlib.patches import Rectangle

    corner = (rows.start - 0.5, columns.start - 0.5)
    size = (rows.stop - rows.start, columns.stop - columns.start)
    return Rectangle(corner, *size, fill=False, edgecolor=MARK, linewidth=0.8, zorder=3)


def _register(
    axis: Any, first: Trace, second: Trace, d: Divergence, names: tuple[str, str], register: str, rows: slice
) -> None:
    t = np.arange(rows.start, rows.stop)
    values = [trace.registers[register][rows, d.neuron] for trace in (first, second)]
    axis.plot(t, values[0], color=_FIRST, linewidth=3.5, alpha=0.35, drawstyle="steps-mid", label=name_of(names[0]))
    axis.plot(t, values[1], color=_SECOND, linewidth=1.2, drawstyle="steps-mid", label=name_of(names[1]))
    differs = values[0] != values[1]
    axis.plot(t[differs], values[1][differs], ".", color=_SECOND, markersize=4)
    axis.axvline(d.t, color=MARK, linewidth=0.8, linestyle=":", zorder=0)
    axis.set_ylabel(f"{register} of\n{name_of(d.population, 16)}[{d.index}]")
    axis.ticklabel_format(useOffset=False, style="plain", axis="y")
    beside(axis)
    axis.margins(y=0.2)


def _level(axis: Any, level: int) -> None:
    low, high = axis.get_ylim()
    if level < high + (high - low):  # far above, it would flatten what is to be seen
        axis.axhline(level, color=MARK, linewidth=0.8, linestyle="--", zorder=0)
        axis.annotate(
            "threshold", (1.0, level), (4, 0), ("axes fraction", "data"), "offset points", fontsize=7, va="center"
        )
