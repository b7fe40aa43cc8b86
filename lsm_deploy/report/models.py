"""Models."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from lsm_deploy.learn.model import AnyModel, OnHost
from lsm_deploy.store import program_id

__all__ = ["model_facts", "show_model"]


def model_facts(model: AnyModel) -> dict[str, Any]:
    facts = {
        "program": program_id(model.program),
        "on_chip": model.on_chip,
        "population": model.readout.population,
        "classes": list(model.classes),
        "classifier": model.readout.classifier,
        "channels": model.listener.input.channels,
    }
    if not isinstance(model.answerer, OnHost):
        return facts
    c = model.answerer.classifier
    return facts | {
        "available_features": c.available,
        "features": len(c.kept),
        "weight_bits": model.readout.weight_bits,
        "regularisation": c.regularisation,
        "cross_validated_accuracy": float(c.cv_accuracy.max()),
    }


def show_model(console: Console, model: AnyModel) -> None:
    facts = model_facts(model)
    read = ", ".join(repr(name) for name in model.readout.populations)
    classes = f"{len(model.classes)} classes ({', '.join(model.classes)})"
    takes = f"takes frames of {facts['channels']} channels"
    if model.on_chip:
        reading = (
            f"output neurons on the chip for {classes} read population {read}, its counts in whole samples (parts,"
            " roots, centring and weight_bits are for readouts on the host)"
        )
        console.print(f"model of program {facts['program']}: {reading}; {takes}")
        return
    kept = f"{facts['features']} of {facts['available_features']}" if model.readout.keep else f"{facts['features']}"
    console.print(
        f"model of program {facts['program']}: {facts['classifier']} on {kept} features of population {read}, "
        f"{classes}, regularisation {facts['regularisation']:g}, cross-validated accuracy "
        f"{facts['cross_validated_accuracy']:.1%}, answers with weights of {facts['weight_bits']} bits; {takes}"
    )
