"""What was measured, as the manual's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.control.episodes import Outcome
from bench.control.measured import LEARNT, TRAINED, Done
from bench.control.timing import Latency
from lsm_deploy.measure.sums import Figure, Sums
from lsm_deploy.measure.uncertainty import Difference, Resampled
from lsm_deploy.report.blocks import Block, Line, right, table

__all__ = ["Found", "mean_return", "render", "returns_of"]

NAMES = {
    "liquid": "**the liquid, deployed integers**",
    "cut": "recurrence off",
    "spiking": "a spiking liquid, deployed integers",
    "frame": "no liquid: the readout on the current frame",
    "two": "the readout on two frames",
    "window": "the readout on a buffer of as many values",
    "nvar": "the readout on a shorter buffer and its products",
    "gru": "a GRU of as many units",
    "differences": "the expert, velocities by finite differences",
    "filtered": "the expert, on a Kalman filter",
    "expert": "the expert, who sees all",
}
WELL = {"cart_pole": "never fell", "pendulum": "upright at last", "double_pendulum": "never fell"}
ENDS = {"cart_pole": (0.0, 500.0), "pendulum": (-np.inf, 0.0), "double_pendulum": (-np.inf, 500 * (10 - 0.8**2))}
"""Of a return. The double pendulum's costs are 0 at a height of 2 m, of which it has 1.2."""
BESIDE = ("liquid", "liquid+", "spiking", "window", "window+", "nvar", "gru", "differences", "filtered", "expert")
"""Columns of conditions."""
SHORT = {
    "liquid": "**liquid**",
    "liquid+": "**liquid, learns on**",
    "spiking": "spiking",
    "window": "buffer",
    "window+": "buffer, learns on",
    "nvar": "products",
    "gru": "GRU",
    "differences": "differences",
    "filtered": "Kalman filter",
    "expert": "sees all",
}


@dataclass(frozen=True, eq=False)
class Found:
    """Of a plant: its liquids, what has none, and latencies."""

    name: str
    liquids: Sequence[Done]
    baselines: Done
    latencies: dict[str, Latency]

    def outcomes(self, condition: str) -> dict[str, Sequence[Outcome]]:
        """By controller, of each liquid, or the one where there is none."""
        of_liquids = {
            each: [done.outcomes[condition][each] for done in self.liquids]
            for each in self.liquids[0].outcomes[condition]
        }
        return of_liquids | {each: [one] for each, one in self.baselines.outcomes[condition].items()}

    def returns(self, condition: str) -> Sums:
        """Of each episode its return, and a 1."""
        return returns_of({each: [one.totals for one in some] for each, some in self.outcomes(condition).items()})

    @property
    def figure(self) -> Figure:
        return mean_return(self.name)

    def held(self, condition: str) -> Resampled:
        right = {each: np.array([one.held for one in some]) for each, some in self.outcomes(condition).items()}
        return Resampled(right, ())

    @property
    def conditions(self) -> list[str]:
        return [each for each in self.baselines.outcomes if each != TRAINED]


def returns_of(totals: Mapping[str, Any]) -> Sums:
    """Of the return of each episode `[liquid, episode]`, by controller."""
    every = {name: np.array(each, np.float64) for name, each in totals.items()}
    return Sums({name: np.stack([each, np.ones_like(each)], axis=2) for name, each in every.items()}, "episodes")


def mean_return(plant: str) -> Figure:
    """Of what `returns_of` has; it ends at what a plant's return can be."""
    return Figure(lambda sums: sums[..., 0] / sums[..., 1], ENDS[plant])


def render(found: Found) -> list[Block]:
    blocks = [*_as_trained(found), *_curves(found)]
    return [*blocks, *(_disturbed(found) if found.conditions else []), *_deployed(found)]


def _as_trained(found: Found) -> list[Block]:
    returns, held, rows = found.returns(TRAINED), found.held(TRAINED), []
    for name, words in NAMES.items():
        if name not in returns.sums:
            continue
        low, high = held.interval(name) or (0.0, 1.0)
        share = f"{100 * held.right[name].mean():.0f} % ({100 * low:.0f} to {100 * high:.0f})"
        less = ["-", "-"]
        if name != "liquid":
            gap = returns.difference("liquid", name, found.figure)
            less = [_written(gap, found), gap.says]
        rows.append([words, _mean(returns, name, found), share, *less])
    how = f"Intervals, of 95 %, are over {returns.draws.over('test episodes')} together; differences are paired."
    missing = [f"Left out: {NAMES[name]}: {why}." for name, why in found.baselines.left_out.items()]
    columns = ["controller", *right("return", WELL[found.name], "the liquid's less it"), "the liquid is"]
    return [Line(" ".join([how, *missing])), table(columns, rows)]


def _mean(returns: Sums, name: str, found: Found) -> str:
    low, high = returns.interval(name, found.figure)
    mean = f"{returns.value(name, found.figure):.0f}"
    return mean if low == high else f"{mean} ({low:.0f} to {high:.0f})"


def _written(gap: Difference, found: Found) -> str:
    """A difference with its interval, which ends where differences of returns do."""
    if gap.low == gap.high:
        return f"{gap.mean:+.0f}"
    most = ENDS[found.name][1] - ENDS[found.name][0]
    return f"{gap.mean:+.0f} ({max(gap.low, -most):+.0f} to {min(gap.high, most):+.0f})"


def _curves(found: Found) -> list[Block]:
    curves = {name: np.array([done.curves[name] for done in found.liquids]) for name in found.liquids[0].curves}
    curves |= {name: np.array([curve]) for name, curve in found.baselines.curves.items()}
    rounds = curves["liquid"].shape[1]
    rows = [
        [NAMES[name], *(f"{value:.0f}" for value in curves[name].mean(axis=0))] for name in LEARNT if name in curves
    ]
    columns = ["mean return of a round of imitation", *right(*map(str, range(1, rounds + 1)))]
    return [table(columns, rows)]


def _disturbed(found: Found) -> list[Block]:
    rows, gaps = [], []
    for condition in found.conditions:
        returns, held = found.returns(condition), found.held(condition)
        cells = [
            f"{returns.value(name, found.figure):.0f}, {100 * held.right[name].mean():.0f} %"
            if name in held.right
            else "-"
            for name in BESIDE
        ]
        rows.append([condition, *cells])
        pairs = (("liquid", "window"), ("liquid", "differences"), ("liquid+", "liquid"), ("liquid+", "window+"))
        some = [returns.difference(a, b, found.figure) for a, b in pairs]
        gaps.append([condition, *(f"{_written(gap, found)}: {gap.says}" for gap in some)])
    present = [name for name in BESIDE if any(name in found.outcomes(each) for each in found.conditions)]
    kept = [BESIDE.index(name) for name in present]
    rows = [[row[0], *(row[1 + k] for k in kept)] for row in rows]
    differences = [
        "liquid less buffer",
        "liquid less differences",
        "learning on less not",
        "both learn on: liquid less buffer",
    ]
    episodes = returns.draws.units
    words = (
        f"Return, and the share of what went well ({WELL[found.name]}), of the first {episodes} test episodes, under "
        "what was not in training:"
    )
    return [
        Line(words),
        table(["", *right(*(SHORT[name] for name in present))], rows),
        table(["differences of returns", *right(*differences)], gaps),
    ]


def _deployed(found: Found) -> list[Block]:
    rows = [
        [what, *(f"{value:.1f}" for value in latency.quantiles), f"{latency.longest:.0f}"]
        for what, latency in found.latencies.items()
    ]
    blocks: list[Block] = [table(["from sensor to action", *right("median, µs", "99 %", "99.9 %", "longest")], rows)]
    of_c = [done.in_c for done in found.liquids if done.in_c is not None]
    if of_c:
        episodes, commands, differ = (
            sum(getattr(c, what) for c in of_c) for what in ("episodes", "commands", "differ")
        )
        driven = f"{len(of_c)} liquids, {episodes} episodes, {commands} commands of which {differ} differ"
        blocks.append(
            Line(f"Driven by C and by Python, each for itself: {driven}. C's state has {of_c[0].state} bytes.")
        )
    return blocks
