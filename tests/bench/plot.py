"""The time of a step against the size of the network, for every simulator that ran more than one size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.rounds import Result
from bench.workers import PEERS

__all__ = ["curves", "draw_scaling"]


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


def draw_scaling(results: Sequence[Result], file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 5))
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
    axes.grid(which="both", alpha=0.2)
    if found:
        axes.legend(fontsize=8)
    figure.savefig(file, dpi=100, bbox_inches="tight")
    pyplot.close(figure)
