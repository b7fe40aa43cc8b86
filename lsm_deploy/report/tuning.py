"""What tuning and searching found."""

from __future__ import annotations

from dataclasses import asdict
from statistics import stdev
from typing import Any

from rich.console import Console

from lsm_deploy.report.text import count, table
from lsm_deploy.tune import Measurement, Tuning
from lsm_deploy.tune.journal import Trial
from lsm_deploy.tune.trials import SearchResult

__all__ = ["search_facts", "show_search", "show_tuned", "tuned_facts"]

SHOWN = 10
"""Of the best trials, and of those that failed; `--json` has all."""


def tuned_facts(tuned: Tuning) -> dict[str, Any]:
    return {
        "population": tuned.population,
        "samples": tuned.samples,
        "gains": {".".join(map(str, path)): gain for path, gain in tuned.changes.items()},
        "before": asdict(tuned.before),
        "after": asdict(tuned.after),
        "steps": [asdict(step) for step in tuned.steps],
    }


def show_tuned(console: Console, tuned: Tuning) -> None:
    title = f"population {tuned.population!r}, on {count(tuned.samples, 'training sample')}"
    columns = ["gain sought", "input ×", "recurrent ×", "rate Hz", "branching", "silent", "saturated"]
    rows = [
        [m.part, m.input, m.recurrent, m.rate_hz, _ratio(m), f"{m.silent:.1%}", f"{m.saturated:.1%}"]
        for m in tuned.steps
    ]
    console.print(table(title, columns, rows))
    before, after = tuned.before, tuned.after
    console.print(
        f"rate {before.rate_hz:.4g} -> {after.rate_hz:.4g} Hz, branching ratio {_ratio(before)} -> {_ratio(after)}"
    )
    for path, gain in tuned.changes.items():
        console.print(f"{'.'.join(map(str, path))} ({tuned.spec.projections[int(path[1])].name}): {_text(gain)}")
    if not tuned.gains:
        console.print("the gains stay as they are")


def _ratio(measured: Measurement) -> str:
    return "-" if measured.branching is None else f"{measured.branching:.3f}"


# --- searches ------------------------------------------------------------------------------------------------------


def search_facts(found: SearchResult) -> dict[str, Any]:
    return {
        "samples": found.samples,
        "liquid_seeds": found.liquid_seeds,
        "as_written": _trial_facts(found.as_written),
        "best": _trial_facts(found.best),
        "importance": dict(found.importance),
        "trials": [_trial_facts(trial) for trial in found.trials],
    }


def _trial_facts(trial: Trial) -> dict[str, Any]:
    facts = {"turn": trial.turn, "accuracy": trial.accuracy, "accuracies": list(trial.accuracies)}
    return facts | {"values": dict(trial.values), "failed": trial.reason or None}


def show_search(console: Console, found: SearchResult) -> None:
    failed = [trial for trial in found.trials if trial.accuracy is None]
    title = (
        f"{count(len(found.trials), 'trial')}, {len(failed)} failed; cross-validated on "
        f"{count(found.samples, 'training sample')}, {count(found.liquid_seeds, 'liquid')} each"
    )
    paths = list(found.best.values)
    rows = [["as written", _accuracy(found.as_written), *("" for _ in paths)]] + [
        [f"trial {trial.turn}", _accuracy(trial), *(_text(trial.values[path]) for path in paths)]
        for trial in found.ranked()[:SHOWN]
    ]
    console.print(table(title, ["spec", "accuracy", *paths], rows))
    if (found.as_written.accuracy or 0.0) >= (found.best.accuracy or 0.0):
        console.print("no trial is better than the spec as it is written")
    if found.importance:
        shares = [[path, f"{share:.0%}"] for path, share in found.importance.items()]
        console.print(table("share of the accuracy's variance", ["parameter", "share"], shares))
    for trial in failed[:SHOWN]:
        console.print(f"trial {trial.turn} failed: {trial.reason}")
    if len(failed) > SHOWN:
        console.print(f"and {len(failed) - SHOWN} more")


def _accuracy(trial: Trial) -> str:
    if trial.accuracy is None:
        return f"failed: {trial.reason}"
    spread = f" ± {stdev(trial.accuracies):.1%}" if len(trial.accuracies) > 1 else ""
    return f"{trial.accuracy:.1%}{spread}"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(inner)}" for key, inner in value.items())
    return f"{value:.5g}" if isinstance(value, float) else str(value)
