"""The time of a step against the size of the network, for every simulator that ran more than one size."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from bench.rounds import Result
from bench.workers import PEERS
from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.pictures.style import beside, plain_ticks, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["curves", "picture_of_scaling"]


def curves(results: Sequence[Result]) -> dict[tuple[str, bool], list[tuple[int, float]]]:
    """Neurons and seconds a step, by peer and whether the network is a large one, which is less active."""
    found: dict[tuple[str, bool], list[tuple[int, float]]] = {}
    for result in results:
        if result.case.axis in ("main", "size", "large"):
            for entry in result.entries:
                if entry.times:
                    point = (result.case.neurons, median(entry.times))
                    found.setdefault((entry.peer, result.case.axis == "large"), []).append(point)
    return {key: sorted(points) for key, points in found.items()}


def picture_of_scaling(results: Sequence[Result]) -> Picture:
    return Picture("scaling", "the time of a step by the size of the network", lambda: _draw(results))


def _draw(results: Sequence[Result]) -> Figure:
    figure, (axes,) = sheet("the time of a step by the size of the network", size=(9.0, 5.0))
    found = curves(results)
    colours = {name: f"C{i}" for i, name in enumerate(PEERS)}
    for (peer, large), points in found.items():
        sizes, times = zip(*points, strict=True)
        label = PEERS[peer].title if not large or (peer, False) not in found else None
        style = {"marker": "o", "linestyle": "--", "markerfacecolor": "none"} if large else {"marker": "o"}
        axes.loglog(sizes, [1e6 * value for value in times], color=colours[peer], label=label, **style)
    limits = sorted((r.case.neurons, r.limit.seconds) for r in results if r.limit and r.case.axis in ("main", "size"))
    if limits:
        axes.loglog(*zip(*[(n, 1e6 * s) for n, s in limits], strict=True), color="0.6", label="the machine's limit")
    axes.set(xlabel="neurons (up to 100 synapses each; 5 % active, hollow: 1 %)", ylabel="µs a step")
    plain_ticks(axes.xaxis)
    plain_ticks(axes.yaxis)
    axes.grid(which="both", alpha=0.2)
    if found:
        beside(axes)
    return figure
