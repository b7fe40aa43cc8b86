"""Models and evaluations."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from lsm_deploy.evaluate import Evaluation
from lsm_deploy.model import Model
from lsm_deploy.report.runs import overflow_text
from lsm_deploy.report.text import table
from lsm_deploy.store import program_id

__all__ = ["model_facts", "show_evaluation", "show_model"]


def model_facts(model: Model) -> dict[str, Any]:
    c = model.classifier
    best = float(c.cv_accuracy.max())
    return {
        "program": program_id(model.program),
        "population": model.readout.population,
        "features": c.coef.shape[1],
        "classes": list(c.classes),
        "classifier": model.readout.classifier,
        "regularisation": c.regularisation,
        "cross_validated_accuracy": best,
        "channels": model.input.channels,
    }


def show_model(console: Console, model: Model) -> None:
    facts = model_facts(model)
    console.print(
        f"model of program {facts['program']}: {facts['classifier']} on {facts['features']} features of population "
        f"{facts['population']!r}, {len(facts['classes'])} classes ({', '.join(facts['classes'])}), regularisation "
        f"{facts['regularisation']:g}, cross-validated accuracy {facts['cross_validated_accuracy']:.1%}; "
        f"takes frames of {facts['channels']} channels"
    )


def show_evaluation(console: Console, found: Evaluation) -> None:
    scores = [
        ("the liquid, deployed integers", found.liquid),
        ("its recurrence switched off", found.feedforward),
        ("encoded spikes, no liquid", found.encoded),
        ("raw input, no spikes", found.raw),
    ]
    rows = [
        [
            label,
            f"{s.accuracy:.1%}",
            f"{s.interval[0]:.1%} to {s.interval[1]:.1%}",
            f"{s.correct} of {s.samples}",
            s.features,
            s.regularisation,
            f"{s.cv_accuracy:.1%}",
        ]
        for label, s in scores
        if s is not None
    ]
    columns = ["readout on", "accuracy", "95 % interval", "correct", "features", "regularisation", "cross-validated"]
    title = f"trained on {found.train_samples}, tested on {found.test_samples} samples, on {found.backend}"
    console.print(table(title, columns, rows))
    if any(s is not None and not s.converged for _, s in scores):
        console.print("not every readout converged: raise its regularisation")
    activity = [
        [name, a.rate_hz, _hz(a.exc_hz), _hz(a.inh_hz), f"{a.silent:.1%}", f"{a.saturated:.1%}"]
        for name, a in found.activity.items()
    ]
    columns = ["population", "rate Hz", "exc Hz", "inh Hz", "silent", "saturated"]
    console.print(table("activity on the test data", columns, activity))
    console.print("overflow: " + (overflow_text(found.counts) if found.counts else "not counted by this backend"))
    if found.contaminated:
        samples = found.train_samples + found.test_samples
        console.print(f"{found.contaminated} of {samples} samples were reached by spikes of the one before")


def _hz(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.3g}"
