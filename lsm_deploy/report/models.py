"""Models."""

from __future__ import annotations

from lsm_deploy.learn.model import AnyModel, Model, OnChip, OnHost
from lsm_deploy.learn.regression.model import RegressionModel
from lsm_deploy.report.blocks import Line, Report
from lsm_deploy.report.numbers import count
from lsm_deploy.store import program_id

__all__ = ["report_model"]


def report_model(model: AnyModel) -> Report:
    return _of_signals(model) if isinstance(model, RegressionModel) else _of_classes(model)


def _of_signals(model: RegressionModel) -> Report:
    r, section = model.regressor, model.readout
    facts = {
        "program": program_id(model.program),
        "on_chip": model.on_chip,
        "population": section.population,
        "outputs": list(model.outputs),
        "target": section.target,
        "horizon": section.horizon,
        "washout": section.washout,
        "regressor": section.regressor,
        "channels": model.listener.input.channels,
        "features": r.coef.shape[1],
        "weight_bits": section.weight_bits,
        "regularisation": r.regularisation,
        "cross_validated_nrmse": r.error,
    }
    read = ", ".join(repr(name) for name in section.populations)
    what = "its input" if section.target == "signal" else f"targets ({', '.join(model.outputs)})"
    answers = f"weights of {section.weight_bits} bits"
    if model.on_chip:
        answers = f"{len(model.outputs)} output neurons on the chip (weight_bits is for readouts on the host)"
    words = (
        f"model of program {facts['program']}: {section.regressor} on {facts['features']} features of population"
        f" {read}, {what} {count(section.horizon, 'frame')} ahead, regularisation {r.regularisation:g}, cross-validated"
        f" NRMSE {r.error:.3g}, answers with {answers}; takes frames of"
        f" {count(model.listener.input.channels, 'channel')}"
    )
    return Report((Line(words),), facts)


def _of_classes(model: Model[OnHost] | Model[OnChip]) -> Report:
    facts = {
        "program": program_id(model.program),
        "on_chip": model.on_chip,
        "population": model.readout.population,
        "classes": list(model.classes),
        "classifier": model.readout.classifier,
        "channels": model.listener.input.channels,
    }
    of = f"model of program {facts['program']}"
    read = ", ".join(repr(name) for name in model.readout.populations)
    classes = f"{len(model.classes)} classes ({', '.join(model.classes)})"
    takes = f"takes frames of {count(model.listener.input.channels, 'channel')}"
    if not isinstance(model.answerer, OnHost):
        reading = (
            f"output neurons on the chip for {classes} read population {read}, its counts in whole samples (parts,"
            " roots, centring and weight_bits are for readouts on the host)"
        )
        return Report((Line(f"{of}: {reading}; {takes}"),), facts)
    c = model.answerer.classifier
    accuracy = float(c.cv_accuracy.max())
    features = f"{len(c.support)} of {c.available}" if model.readout.keep else f"{len(c.support)}"
    words = (
        f"{of}: {model.readout.classifier} on {features} features of population {read}, {classes}, regularisation "
        f"{c.regularisation:g}, cross-validated accuracy {accuracy:.1%}, answers with weights of "
        f"{model.readout.weight_bits} bits; {takes}"
    )
    facts |= {
        "available_features": c.available,
        "features": len(c.support),
        "weight_bits": model.readout.weight_bits,
        "regularisation": c.regularisation,
        "cross_validated_accuracy": accuracy,
    }
    return Report((Line(words),), facts)
