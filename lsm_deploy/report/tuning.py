"""What tuning and searching found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from statistics import stdev
from typing import Any

from lsm_deploy.report.blocks import Block, Column, Heading, Line, Report, table
from lsm_deploy.report.judgements import report_judgement
from lsm_deploy.report.numbers import PERCENT, count, setting, text_of
from lsm_deploy.tune import Tuning
from lsm_deploy.tune.liquid import START, Measurement, Part, is_graded
from lsm_deploy.tune.searches.journal import Trial
from lsm_deploy.tune.searches.trials import SearchResult

__all__ = ["report_search", "report_tuning"]

SHOWN = 10
"""Of the best trials, and of those that failed; `--json` has all."""
_RATIO = "{:.3f}"
_ALWAYS = ("input", "recurrent")
"""The gains whose factors are shown even where they stay as they are."""


def report_tuning(tuned: Tuning) -> Report:
    facts = {
        "population": tuned.population,
        "samples": tuned.samples,
        "gains": {_path(path): gain for path, gain in tuned.changes.items()},
        "before": asdict(tuned.before),
        "after": asdict(tuned.after),
        "met": not tuned.missed,
        "missed": tuned.missed,
        "turns": [{"knobs": turn.knobs, "why_not": turn.why, "nearest": asdict(turn.nearest)} for turn in tuned.turns],
        "steps": [asdict(step) for step in tuned.steps],
    }
    return Report(tuple(_tuning(tuned)), facts) + report_judgement(tuned.judgement)


def _tuning(tuned: Tuning) -> Iterator[Block]:
    before, after = tuned.before, tuned.after
    measured: dict[str | Column, Callable[[Measurement], Any]] = {Column("level", _RATIO): lambda m: m.level}
    moved = f"level {before.level:.3f} -> {after.level:.3f}"
    if not is_graded(tuned.spec, tuned.population):
        measured = {"rate Hz": lambda m: m.rate_hz, Column("branching", _RATIO): lambda m: m.branching}
        moved = (
            f"rate {before.rate_hz:.4g} -> {after.rate_hz:.4g} Hz, branching ratio "
            f"{text_of(before.branching, _RATIO)} -> {text_of(after.branching, _RATIO)}"
        )
    yield Heading(f"population {tuned.population!r}, on {count(tuned.samples, 'training sample')}")
    several = any(turn.beforehand for turn in tuned.turns)  # of many searches what each came to, of one every step
    rows: list[tuple[str, Measurement]] = (
        [(turn.knobs, turn.nearest) for turn in tuned.turns] if several else [(m.part, m) for m in tuned.steps]
    )
    turned = [part for part in START if part in _ALWAYS or any(m.factors[part] != 1 for _, m in rows)]
    shown: dict[str | Column, Callable[[Measurement], Any]] = {
        **{f"{part} ×": partial(_factor, part) for part in turned},
        **measured,
        Column("silent", PERCENT): lambda m: m.silent,
        Column("saturated", PERCENT): lambda m: m.saturated,
    }
    yield table(["gain sought", *shown], [[knobs, *(ask(m) for ask in shown.values())] for knobs, m in rows])
    for turn in tuned.turns if several else ():
        if turn.why:
            yield Line(f"{turn.knobs}: {turn.why}")
    if several and not tuned.missed:
        yield Line(
            f"what decides is more than the {tuned.turns[0].part}'s gain: {tuned.turns[-1].knobs}, and it is near"
        )
    if tuned.missed:
        yield Line(tuned.missed)
    yield Line(moved)
    for path, gain in tuned.changes.items():
        yield Line(f"{_path(path)} ({tuned.spec.projections[int(path[1])].name}): {setting(gain)}")
    if not tuned.gains:
        yield Line("the gains stay as they are")


def _factor(part: Part, measured: Measurement) -> float:
    return measured.factors[part]


def _path(path: tuple[str | int, ...]) -> str:
    return ".".join(map(str, path))


# --- searches ------------------------------------------------------------------------------------------------------


def report_search(result: SearchResult) -> Report:
    facts = {
        "samples": result.samples,
        "liquid_seeds": result.liquid_seeds,
        "as_written": _trial(result.as_written, result.figure),
        "best": _trial(result.best, result.figure),
        "importance": dict(result.importance),
        "trials": [_trial(trial, result.figure) for trial in result.trials],
    }
    return Report(tuple(_search(result)), facts)


def _trial(trial: Trial, figure: str) -> dict[str, Any]:
    every = "accuracies" if figure == "accuracy" else f"{figure}s"
    facts = {"turn": trial.turn, figure: trial.score, every: list(trial.scores)}
    return facts | {"values": dict(trial.values), "failed": trial.reason or None}


def _search(result: SearchResult) -> Iterator[Block]:
    failed = [trial for trial in result.trials if trial.score is None]
    figure, thing = ("accuracy", "training sample") if result.figure == "accuracy" else ("NRMSE", "training frame")
    yield Heading(
        f"{count(len(result.trials), 'trial')}, {len(failed)} failed; cross-validated on "
        f"{count(result.samples, thing)}, {count(result.liquid_seeds, 'liquid')} each"
    )
    paths = list(result.best.values)
    yield table(
        ["spec", figure, *paths],
        [
            ["as written", _score(result.as_written, result.figure), *("" for _ in paths)],
            *(
                [f"trial {trial.turn}", _score(trial, result.figure), *(setting(trial.values[path]) for path in paths)]
                for trial in result.ranked()[:SHOWN]
            ),
        ],
    )
    if result.no_better:
        yield Line(
            "no trial is better than the spec as it is written: the values of the best one, which a search writes, are"
            " no improvement"
        )
    if result.importance:
        yield Heading(f"share of the {figure}'s variance")
        yield table(["parameter", Column("share", "{:.0%}")], result.importance.items())
    for trial in failed[:SHOWN]:
        yield Line(f"trial {trial.turn} failed: {trial.reason}")
    if len(failed) > SHOWN:
        yield Line(f"and {len(failed) - SHOWN} more")


def _score(trial: Trial, figure: str) -> str:
    if trial.score is None:
        return f"failed: {trial.reason}"
    form = PERCENT if figure == "accuracy" else "{:.4g}"
    spread = f" ± {form.format(stdev(trial.scores))}" if len(trial.scores) > 1 else ""
    return f"{form.format(trial.score)}{spread}"
