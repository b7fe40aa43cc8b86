"""Models and evaluations."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from lsm_deploy.evaluate import Evaluation
from lsm_deploy.model import Model, OnChip
from lsm_deploy.report.runs import overflow_text
from lsm_deploy.report.text import table
from lsm_deploy.store import program_id

__all__ = ["model_facts", "show_evaluation", "show_model"]


def model_facts(model: Model | OnChip) -> dict[str, Any]:
    facts = {
        "program": program_id(model.program),
        "on_chip": isinstance(model, OnChip),
        "population": model.readout.population,
        "classes": list(model.classes),
        "classifier": model.readout.classifier,
        "channels": model.input.channels,
    }
    if isinstance(model, OnChip):
        return facts
    c = model.classifier
    return facts | {
        "available_features": c.available,
        "features": len(c.kept),
        "weight_bits": model.readout.weight_bits,
        "regularisation": c.regularisation,
        "cross_validated_accuracy": float(c.cv_accuracy.max()),
    }


def show_model(console: Console, model: Model | OnChip) -> None:
    facts = model_facts(model)
    read = ", ".join(repr(name) for name in model.readout.populations)
    classes = f"{len(model.classes)} classes ({', '.join(model.classes)})"
    takes = f"takes frames of {facts['channels']} channels"
    if isinstance(model, OnChip):
        reading = f"output neurons on the chip for {classes} read population {read}"
        console.print(f"model of program {facts['program']}: {reading}; {takes}")
        return
    kept = f"{facts['features']} of {facts['available_features']}" if model.readout.keep else f"{facts['features']}"
    console.print(
        f"model of program {facts['program']}: {facts['classifier']} on {kept} features of population {read}, "
        f"{classes}, regularisation {facts['regularisation']:g}, cross-validated accuracy "
        f"{facts['cross_validated_accuracy']:.1%}, answers with weights of {facts['weight_bits']} bits; {takes}"
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
