"""Points of a sweep by what they cost, those that none beats marked; curves of scores over the strength of faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lsm_deploy.measure.faults import FAULTS
from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.numbers import count
from lsm_deploy.report.pictures.style import BLUE, NEUTRAL, PALETTE, VERMILION, beside, name_of, plain_ticks, sheet
from lsm_deploy.tune.sweeps.robustness import Curve, Robustness
from lsm_deploy.tune.sweeps.sweep import Point, Sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["pictures_of_curves", "pictures_of_points"]

FIGURES = {"accuracy": "accuracy", "nrmse": "NRMSE"}
ACROSS = 3
"""Faults side by side."""


def pictures_of_points(sweep: Sweep) -> tuple[Picture, ...]:
    """The score over spikes, cores and synapses; none where no point has a score."""
    good = [point for point in sweep.points if point.score is not None]
    if not good:
        return ()
    best = len(sweep.non_dominated)
    heading = (
        f"{name_of(sweep.file)}: {best} of {count(len(good), 'point')} {'is' if best == 1 else 'are'} beaten by none in"
        f" {FIGURES[sweep.figure]}, cores and spikes"
    )
    return (Picture("pareto", heading, lambda: _draw_points(heading, sweep, good)),)


def _draw_points(heading: str, sweep: Sweep, good: list[Point]) -> Figure:
    best = set(sweep.non_dominated)
    axes_of: dict[str, Callable[[Point], float | None]] = {
        "spikes an answer": lambda p: p.mean(lambda t: t.spikes),
        "cores": lambda p: p.mean(lambda t: t.cores),
        "synapses": lambda p: p.mean(lambda t: t.synapses),
    }
    shown = {name: of for name, of in axes_of.items() if all(of(point) is not None for point in good)}
    figure, axes = sheet(heading, columns=len(shown), size=(3.2 * len(shown) + 1.6, 3.2), sharey=True)
    for axis, (name, of) in zip(axes, shown.items(), strict=True):
        for chosen, colour, words in ((False, NEUTRAL, "beaten by another"), (True, VERMILION, "beaten by none")):
            points = [point for point in good if (point in best) == chosen]
            scores = [point.score for point in points if point.score]
            across: list[Any] = [of(point) for point in points]
            axis.plot(across, [s.mean for s in scores], "o", color=colour, markersize=5 + chosen, label=words)
            for x, s in zip(across, scores, strict=True):
                axis.plot([x, x], [s.least if s.low is None else s.low, s.most if s.high is None else s.high],
                          color=colour, linewidth=0.8, alpha=0.6)  # fmt: skip
        if max(of(point) or 0 for point in good) > 20 * min(of(point) or 1 for point in good):
            axis.set_xscale("log")
            plain_ticks(axis.xaxis)
        elif name == "cores":
            axis.locator_params(axis="x", integer=True)
        axis.set(xlabel=name)
    axes[0].set(ylabel=FIGURES[sweep.figure])
    beside(axes[-1])
    return figure


def pictures_of_curves(robustness: Robustness) -> tuple[Picture, ...]:
    """A panel for each fault, a curve in it for each point of the spec; none where nothing has a score."""
    if not any(strength.mean is not None for curve in robustness.curves for strength in curve.strengths):
        return ()
    faults = tuple(dict.fromkeys(curve.fault for curve in robustness.curves))
    heading = f"{name_of(robustness.file)}: {FIGURES[robustness.figure]} under {count(len(faults), 'fault')}"
    return (Picture("robustness", heading, lambda: _draw_curves(heading, robustness, faults)),)


def _draw_curves(heading: str, robustness: Robustness, faults: tuple[str, ...]) -> Figure:
    across = min(len(faults), ACROSS)
    rows = -(-len(faults) // across)
    figure, axes = sheet(heading, rows=rows, columns=across, size=(3.2 * across + 1.6, 2.6), sharey=True)
    for axis, fault in zip(axes, faults, strict=False):
        for i, curve in enumerate(c for c in robustness.curves if c.fault == fault):
            _draw_curve(axis, curve, PALETTE[i % len(PALETTE)] if curve.values else BLUE)
        axis.set(xlabel=f"{fault}: {FAULTS[fault].unit}")
    for axis in axes[len(faults) :]:
        axis.set_axis_off()
    for row in range(rows):
        axes[row * across].set(ylabel=FIGURES[robustness.figure])
    if any(curve.values for curve in robustness.curves):
        beside(axes[across - 1])
    return figure


def _draw_curve(axis: Any, curve: Curve, colour: str) -> None:
    known = [s for s in curve.strengths if s.mean is not None]
    label = ", ".join(f"{path.split('.')[-1]} {value}" for path, value in curve.values.items())
    axis.plot(
        [s.strength for s in known], [s.mean for s in known], "o-", color=colour, markersize=3, label=name_of(label)
    )
    wide = [s for s in known if s.low is not None]
    axis.vlines([s.strength for s in wide], [s.low for s in wide], [s.high for s in wide], color=colour, alpha=0.5)
