"""How far forecasts were off, beside each other: tables of `make tracking`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bench.tracking.chip import Cost
from bench.tracking.filters import AHEAD, FIRST
from bench.tracking.scenes import FRAME_MS, Recording
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.measure.cost.resources import Range
from lsm_deploy.measure.sums import Figure, Sums
from lsm_deploy.report.blocks import Block, Heading, Line, right, table

__all__ = ["DISTANCE", "HIDDEN", "NAMES", "render", "render_cost", "sums_of"]

NAMES = {
    "spiking": "**spiking liquid**",
    "spiking, cut": "spiking, recurrence off",
    "graded": "**graded liquid**",
    "graded, cut": "graded, recurrence off",
    "encoded": "encoded spikes, no liquid",
    "kalman": "Kalman filter, constant velocity",
    "decaying": "Kalman filter, velocity decays",
    "velocity": "constant velocity",
    "stays": "stays where it was seen",
    "middle": "mean place in training",
}
DISTANCE = Figure(lambda sums: sums[..., 0] / sums[..., 1], (0.0, np.inf), less_is_better=True)
"""The mean distance in pixels, over all frames."""
HIDDEN = Figure(lambda sums: sums[..., 2] / sums[..., 3], (0.0, np.inf), less_is_better=True)
"""The same of forecasts that are made while the object is hidden."""


def sums_of(
    recording: Recording, forecasts: Mapping[str, Floats], unit: Ints | None = None, units: str = "sequences"
) -> Sums:
    """Of each unit, distances and their number, over all frames and over those in which the object is hidden.

    forecasts: `[liquid, sequence, frame, 2]` by what answered, of the frames that are answered.
    unit: of each sequence, the number of what it is of; a unit of its own, where nothing is said.
    """
    of_unit = np.arange(len(recording.hidden)) if unit is None else np.unique(unit, return_inverse=True)[1]
    joined = (of_unit == np.arange(of_unit.max() + 1)[:, None]).astype(np.float64)  # [unit, sequence]
    truth, hidden = recording.centres[:, FIRST + AHEAD :], recording.hidden[:, FIRST:-AHEAD]
    sums = {}
    for name, each in forecasts.items():
        off = np.hypot(*np.moveaxis(each - truth, -1, 0))
        many = np.ones_like(off)
        sums[name] = joined @ np.stack([of.sum(axis=-1) for of in (off, many, off * hidden, many * hidden)], axis=-1)
    return Sums(sums, units)


def render(title: str, sums: Sums, against: tuple[str, ...] = ("spiking", "graded")) -> list[Block]:
    """Errors, and how much less those of liquids are than all others."""
    columns = {"all frames": DISTANCE, "hidden": HIDDEN}
    names = {name: words for name, words in NAMES.items() if name in sums.sums}
    rows = [[words, *(_interval(sums, name, figure) for figure in columns.values())] for name, words in names.items()]
    head = [f"off by, in pixels, {AHEAD * FRAME_MS} ms later", *right(*columns)]
    blocks: list[Block] = [Heading(f"{title}: intervals over {sums.over}"), table(head, rows)]
    for liquid in against:
        others = {name: words for name, words in names.items() if name != liquid}
        cells = [[w, *(_difference(sums, liquid, n, figure) for figure in columns.values())] for n, w in others.items()]
        blocks.append(table([f"{NAMES[liquid]} off by less than", *right(*columns)], cells))
    return blocks


def _interval(sums: Sums, name: str, figure: Figure) -> str:
    low, high = sums.interval(name, figure)
    return f"{sums.value(name, figure):.2f} ({low:.2f} to {high:.2f})"


def _difference(sums: Sums, name: str, other: str, figure: Figure) -> str:
    d = sums.difference(name, other, figure)
    return f"{d.mean:+.2f} ({d.low:+.2f} to {d.high:+.2f}): {d.says}"


def render_cost(cost: Cost) -> list[Block]:
    """What a forecast takes, and what a factor of a thousand would ask of whatever it is compared with."""
    each_s, events = 1000 / FRAME_MS, cost.resources.events
    with_static = Range(cost.energy.least + cost.static, cost.energy.most + cost.static)
    live = " and ".join(f"{1e6 * s:.0f} µs" for s in cost.cpu)
    rows = [
        ["dynamic energy, modelled", _range(cost.energy, 1e6, "µJ")],
        ["steps' time, modelled", _range(cost.time, 1e6, "µs")],
        ["the same with static power, as measured of another network", _range(with_static, 1e6, "µJ")],
        ["a thousand times the dynamic energy", _range(_times(cost.energy, 1000), 1e3, "mJ")],
        ["which is a power of", _range(_times(cost.energy, 1000 * each_s), 1.0, "W")],
        ["a thousand times that with static power, as a power", _range(_times(with_static, 1000 * each_s), 1.0, "W")],
        ["a processor's time, live, with the readout: 50 and 99 in 100", live],
        ["the same, sequences at once, without", f"{1e6 * cost.whole:.0f} µs"],
    ]  # fmt: skip
    what = (
        f"Counted, a second: {1000 * events.spikes / events.steps:.0f} spikes of neurons,"
        f" {1000 * events.input_spikes / events.steps:.0f} of the input,"
        f" {1000 * events.synaptic_operations / events.steps:.0f} synaptic operations and"
        f" {1000 * events.neuron_updates / events.steps:.0f} updates of neurons."
    )
    title = f"A forecast of the spiking liquid, {each_s:.0f} a second"
    return [Heading(title), table(["", *right("takes")], rows), Line(what)]


def _times(of: Range, factor: float) -> Range:
    return Range(factor * of.least, factor * of.most)


def _range(of: Range, unit: float, name: str) -> str:
    return f"{of.least * unit:.3g} to {of.most * unit:.3g} {name}"
