"""`robustness`: what faults cost, as curves of the score over their strength, with what chance there is in them.

Nothing is chosen by these figures: they are of test data, and at strength 0 they are what `eval` says.

An interval is of 95 %. Where test data come from groups (speakers, records) it is a bootstrap's (`uncertainty`): these,
liquids and draws of the fault are drawn again, each with putting back. Else it is Student's, over liquids where there
are three or more, or over draws of the fault; of fewer, or where all came to the same, there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.errors import LsmError, MisuseError, raise_all, require_type
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Brief, Reported
from lsm_deploy.core.streams import stream
from lsm_deploy.data import Raw
from lsm_deploy.measure.faults import FAULTS, Fault, inapplicable
from lsm_deploy.measure.specimen import OF_A_LIQUID, Answered
from lsm_deploy.measure.uncertainty import DRAWS, ENDS, FEWEST, Draws, Spread
from lsm_deploy.run import backends
from lsm_deploy.spec.vary import values_in
from lsm_deploy.tune.sweeps.design import grid, require_few
from lsm_deploy.tune.sweeps.plan import Figure, plan_of, run_plan
from lsm_deploy.tune.sweeps.sweep import Point, require_seeds, sweep_of
from lsm_deploy.tune.sweeps.work import Case, Tried

__all__ = ["Curve", "Robustness", "Strength", "robustness", "robustness_of"]

Over = Literal["groups, liquids and faults", "liquids", "faults"]


@dataclass(frozen=True, repr=False)
class Strength(Brief):
    """The score under a fault of this strength: mean over liquids and draws, an interval of it, and the extremes.

    over: of what the interval is; None where there is none. reason: why it has no score; "" where it has one.
    """

    strength: float
    mean: float | None
    low: float | None
    high: float | None
    least: float | None
    most: float | None
    over: Over | None
    liquids: int
    draws: int
    reason: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Curve(Brief):
    """A fault on the liquids of one point of a spec, the healthy ones first."""

    values: Mapping[str, Any]
    fault: str
    strengths: tuple[Strength, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Robustness(Reported):
    """Curves of faults. healthy: the liquids without. evaluated: pieces that were not known before."""

    _short = ("folder", "measure", "readout", "curves", "evaluated")

    folder: str
    file: str
    figure: Figure
    measure: str
    readout: str
    healthy: tuple[Point, ...]
    curves: tuple[Curve, ...]
    evaluated: int


def robustness(
    file: str | Path,
    folder: str | Path,
    faults: Mapping[str, str | Sequence[float]] | None = None,
    *,
    vary: Mapping[str, Any] | None = None,
    draws: int = 5,
    seeds: int = 1,
    retrain: bool = False,
    train: Raw | str | Path | None = None,
    test: Raw | str | Path | None = None,
    backend: str = backends.DEFAULT,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Robustness:
    """Break what a spec compiles to, and measure what its readout still gets right on test data.

    faults: strengths by kind (`lsm-deploy manual sweep` lists them), in a list or as text such as `0..0.5 step 0.1`;
    left out, the usual ones that the program can have. vary: as `sweep` has it: curves of each point. draws: of each
    fault for each liquid, 1000 at most. seeds: liquids, of the spec's seed and those after it. retrain: the readout is
    trained again on each faulty liquid; else it is that of the healthy one. folder, train, test, executor: as `sweep`
    has them. What is asked wrongly is a MisuseError, before anything is run; a piece that an LsmError ends is kept with
    its reason.
    """
    require_seeds(seeds, "liquids")
    require_seeds(draws, "draws")
    if draws > OF_A_LIQUID:
        raise MisuseError(f"{draws} draws are asked for", where="robustness", hint=f"ask for at most {OF_A_LIQUID}")
    chosen = _strengths(faults)
    plan = plan_of("robustness", file, vary or {}, train, test, backend, tested=True, retrain=retrain)
    program = compile_spec(plan.spec).program
    cannot = {kind: why for kind in chosen if (why := inapplicable(program, kind))}
    if faults is None:
        chosen = {kind: strengths for kind, strengths in chosen.items() if kind not in cannot}
    else:
        raise_all([LsmError(why, where=f"fault {kind!r}", hint="leave it out") for kind, why in cannot.items()])
    points = grid(plan.parameters) if vary else [{}]
    require_few(len(points) * seeds * (1 + draws * sum(map(len, chosen.values()))))
    asked = [
        Case(values, seed, fault)
        for values in points
        for seed in range(plan.spec.seed, plan.spec.seed + seeds)
        for fault in [None, *(Fault(k, s, draw) for k, some in chosen.items() for s in some for draw in range(draws))]
    ]
    results, evaluated = run_plan(plan, asked, folder, executor, progress)
    return robustness_of(str(folder), plan.about["file"], plan.figure, plan.of, results, evaluated)


def _strengths(faults: Mapping[str, str | Sequence[float]] | None) -> dict[str, list[float]]:
    """The strengths above 0 of each fault, ascending."""
    if faults is None:
        return {name: list(kind.usual) for name, kind in FAULTS.items() if kind.usual}
    require_type(faults, Mapping, "what breaks", "give strengths by kind: {'dead-neurons': [0.1, 0.2]}")
    chosen: dict[str, list[float]] = {}
    errors: list[LsmError] = []
    for kind, given in faults.items():
        try:
            require_type(given, (str, Sequence), "list of strengths", "give [0.1, 0.2], or text such as '0.1, 0.2'")
            values = values_in(given, f"fault {kind!r}") if isinstance(given, str) else given
            chosen[kind] = sorted({Fault(kind, value).strength for value in values} - {0.0})
        except LsmError as error:
            errors += error.each()
    raise_all(errors)
    if not any(chosen.values()):
        raise MisuseError(
            "no fault is asked for", where="robustness", hint="give strengths of a kind, or leave them all out"
        )
    return chosen


# --- from results ---------------------------------------------------------------------------------------------------


def robustness_of(
    folder: str, file: str, figure: Figure, of: Mapping[str, str], results: Sequence[Tried], evaluated: int = 0
) -> Robustness:
    """Curves of results, in the order in which each point and each fault comes first."""
    every = sweep_of(folder, file, figure, of["measure"], results).points
    healthy = tuple(Point(p.values, tuple(t for t in p.tried if t.asked.fault is None), figure) for p in every)
    curves = []
    for point, well in zip(every, healthy, strict=True):
        for kind in dict.fromkeys(t.asked.fault.kind for t in point.tried if t.asked.fault):
            mine = [t for t in point.tried if t.asked.fault and t.asked.fault.kind == kind]
            by_strength: dict[float, list[Tried]] = {0.0: list(well.tried)}
            for each in mine:
                assert each.asked.fault is not None
                by_strength.setdefault(each.asked.fault.strength, []).append(each)
            strengths = tuple(_strength(strength, by_strength[strength], figure) for strength in sorted(by_strength))
            curves.append(Curve(point.values, kind, strengths))
    return Robustness(folder, file, figure, of["measure"], of["readout"], healthy, tuple(curves), evaluated)


def _strength(strength: float, tried: Sequence[Tried], figure: Figure) -> Strength:
    liquids = sorted({t.asked.seed for t in tried})
    draws = sorted({t.asked.fault.seed if t.asked.fault else 0 for t in tried})
    size = len(liquids), len(draws)
    if reason := next((t.reason for t in tried if t.reason), ""):
        return Strength(strength, None, None, None, None, None, None, *size, reason)
    by_place = {(t.asked.seed, t.asked.fault.seed if t.asked.fault else 0): t.answered for t in tried}
    scores = [answers.score for answers in by_place.values() if answers]
    low, high, over = _interval([[by_place.get((liquid, draw)) for draw in draws] for liquid in liquids], ENDS[figure])
    return Strength(strength, float(np.mean(scores)), low, high, min(scores), max(scores), over, *size)


_Interval: TypeAlias = tuple[float | None, float | None, Over | None]


def _interval(answers: Sequence[Sequence[Answered | None]], ends: tuple[float, float]) -> _Interval:
    """Of the mean of what liquids answer under draws of a fault `[liquid][draw]`; none where one is missing."""
    whole = [[each for each in row if each] for row in answers]
    if len({len(row) for row in whole}) > 1 or len(whole[0]) < len(answers[0]):
        return None, None, None
    groups = list(whole[0][0].groups)
    over: Over
    low: float | None
    high: float | None
    if len(groups) >= FEWEST:
        counts = np.array([[[each.groups[name] for name in groups] for each in row] for row in whole], np.float64)
        (low, high), over = _bootstrap(counts), "groups, liquids and faults"
    else:
        scores = np.array([[each.score for each in row] for row in whole])
        over = "liquids" if len(scores) >= FEWEST else "faults"
        spread = Spread.of(scores.mean(axis=1 if over == "liquids" else 0).tolist(), ends)
        low, high = spread.low, spread.high
    # Where all draws are alike, what was drawn does not tell what chance there is.
    return (None, None, None) if low == high else (low, high, over)


def _bootstrap(counts: Floats) -> tuple[float, float]:
    """The interval of the share of right answers; counts `[liquid, draw, group, right or all]`."""
    liquids, draws, groups, _ = counts.shape
    rng = stream(0, "bootstrap")
    shares = []
    for _ in range(DRAWS):
        some = counts[rng.integers(liquids, size=liquids)]
        some = some[np.arange(liquids)[:, None], rng.integers(draws, size=(liquids, draws))]
        right, of = some[:, :, rng.integers(groups, size=groups)].sum(axis=(0, 1, 2))
        shares.append(right / of)
    of_groups, anew = counts.sum(axis=(0, 1)), Draws(liquids, groups)
    if anew.few:
        right, of = np.array([*of_groups.sum(axis=0) - of_groups, of_groups.sum(axis=0)]).T
        shares.extend(right / of)
    right, of = counts.sum(axis=(1, 2)).T
    interval = anew.between(np.array(shares), right / of)
    assert interval is not None
    return max(interval[0], 0.0), min(interval[1], 1.0)
