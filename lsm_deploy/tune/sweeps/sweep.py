"""`sweep`: values of a spec over a grid or at random points, each through the whole pipeline.

Points are compared in order to choose among them, so what they are judged by is not what the chosen one may be praised
for: figures are cross-validated on training data unless `on` says otherwise, and the test data stay for `eval`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lsm_deploy.core.errors import MisuseError, require_type
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Brief, Reported
from lsm_deploy.data import Raw
from lsm_deploy.measure.specimen import Takes
from lsm_deploy.measure.uncertainty import ENDS, Spread
from lsm_deploy.run import backends
from lsm_deploy.tune.sweeps.design import DESIGNS, MOST, Design, drawn, grid, require_few
from lsm_deploy.tune.sweeps.plan import Figure, plan_of, run_plan
from lsm_deploy.tune.sweeps.work import Case, Tried

__all__ = ["Point", "Sweep", "require_seeds", "sweep", "sweep_of"]


@dataclass(frozen=True, eq=False, repr=False)
class Point(Brief):
    """The value at each path, and what came of each liquid there. figure: what its scores are."""

    values: Mapping[str, Any]
    tried: tuple[Tried, ...]
    figure: Figure

    @property
    def reason(self) -> str:
        """Why it has no score; "" where it has one."""
        return next((each.reason for each in self.tried if each.reason), "")

    @property
    def score(self) -> Spread | None:
        """Accuracy, or NRMSE, over liquids; None where one of them has none."""
        scores = [each.answered.score for each in self.tried if each.answered]
        return Spread.of(scores, ENDS[self.figure]) if scores and not self.reason else None

    def mean(self, what: Callable[[Takes], float | None]) -> float | None:
        """Over liquids, of something that each takes; None where it is not known."""
        values = [what(each.takes) for each in self.tried if each.takes]
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known and len(known) == len(values) else None


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(Reported):
    """Points of a spec. measure: what scores are, and on which data. evaluated: liquids that were not known before."""

    _short = ("folder", "measure", "points", "evaluated")

    folder: str
    file: str
    figure: Figure
    measure: str
    points: tuple[Point, ...]
    evaluated: int

    @property
    def paths(self) -> tuple[str, ...]:
        """What varies, in the order in which it was given."""
        return tuple(dict.fromkeys(path for point in self.points for path in point.values))

    @property
    def non_dominated(self) -> tuple[Point, ...]:
        """The points than which no other is better in one of score, cores and spikes an answer, and as good in all."""
        costs = {point: self._costs(point) for point in self.points if point.score is not None}
        best: list[Point] = []
        for point in sorted(costs, key=lambda point: costs[point]):  # one that beats it comes before it
            if not any(_dominates(costs[other], costs[point]) for other in best):
                best.append(point)
        return tuple(point for point in self.points if point in set(best))

    def _costs(self, point: Point) -> tuple[float, ...]:
        assert point.score is not None
        score = point.score.mean if self.figure == "nrmse" else -point.score.mean
        return score, point.mean(lambda t: t.cores) or 0.0, point.mean(lambda t: t.spikes) or 0.0


def _dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


def sweep(
    file: str | Path,
    vary: Mapping[str, Any],
    folder: str | Path,
    *,
    random: int = 0,
    design: Design = "uniform",
    seed: int = 0,
    seeds: int = 1,
    on: Literal["train", "test"] = "train",
    train: Raw | str | Path | None = None,
    test: Raw | str | Path | None = None,
    backend: str = backends.DEFAULT,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Evaluate a spec's file with other values: accuracy, or NRMSE, cores, synapse memory, rates, spikes and energy.

    vary: by path of the spec (as a search has them), values in a list, or text such as `2..8`, `0..1 step 0.1` or
    `0.1..10 log 5`. All combinations are evaluated, or so many `random` points of a `design` (uniform, latin, sobol)
    that `seed` draws. seeds: liquids a point: of the spec's seed and those after it. on: `train` cross-validates on the
    training data; `test` measures on the test data, from which then nothing may be chosen. train, test: as `evaluate`
    takes them; of `train` alone, test is not needed. folder: where results are kept, a line each; the same call, or one
    with more points, goes on from there. executor: as `evaluate_across` has it. Mistakes in what varies are
    MisuseErrors, all at once, before anything is run; a point that an LsmError ends is kept with its reason.
    """
    require_seeds(seeds, "liquids")
    require_type(random, int, "number of random points", "give a whole number")
    if on not in ("train", "test"):
        raise MisuseError(f"figures cannot be on {on!r:.20}", where="sweep", hint="choose from train, test")
    if design not in DESIGNS:
        raise MisuseError(f"there is no design {design!r:.20}", where="sweep", hint=f"choose from {', '.join(DESIGNS)}")
    if not 0 <= random <= MOST:
        raise MisuseError(f"{random} points are asked for", where="sweep", hint=f"ask for 1 to {MOST}")
    plan = plan_of("sweep", file, vary, train, test, backend, drawn=random > 0, tested=on == "test")
    if not plan.parameters:
        raise MisuseError("nothing varies", where="sweep", hint="give `vary` values by path")
    points = drawn(plan.parameters, random, seed, design) if random else grid(plan.parameters)
    require_few(len(points) * seeds)
    numbers = range(plan.spec.seed, plan.spec.seed + seeds)
    asked = [Case(values, number) for values in points for number in numbers]
    results, evaluated = run_plan(plan, asked, folder, executor, progress)
    return sweep_of(str(folder), plan.about["file"], plan.figure, plan.of["measure"], results, evaluated)


def require_seeds(number: object, of: str) -> None:
    """A MisuseError where this is no number of seeds."""
    require_type(number, int, f"number of {of}", "ask for at least 1")
    assert isinstance(number, int)
    if number < 1:
        raise MisuseError(f"{number} {of} are asked for", hint="ask for at least 1")


def sweep_of(
    folder: str, file: str, figure: Figure, measure: str, results: Sequence[Tried], evaluated: int = 0
) -> Sweep:
    """Results by point, in the order in which each comes first."""
    by_point: dict[str, list[Tried]] = {}
    for each in results:
        by_point.setdefault(repr(sorted(each.asked.values.items())), []).append(each)
    points = tuple(Point(tried[0].asked.values, tuple(tried), figure) for tried in by_point.values())
    return Sweep(folder, file, figure, measure, points, evaluated)
