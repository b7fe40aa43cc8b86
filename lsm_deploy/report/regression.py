"""Evaluations of readouts of signals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.measure.regression import FreeRun, RegressionEvaluation
from lsm_deploy.measure.regression.free import LIMIT
from lsm_deploy.report.blocks import Block, Cell, Column, Heading, Line, Report, table
from lsm_deploy.report.numbers import count
from lsm_deploy.report.pictures.forecast import picture_of_forecast
from lsm_deploy.report.runs import overflow

__all__ = ["BASELINES", "report_free_run", "report_regression", "row_of"]

LIQUIDS = {
    "liquid": "the liquid, deployed integers",
    "on_chip": "output neurons on the chip",
    "unrounded": "the same, its readout in floats",
    "floats": "the float liquid",
    "feedforward": "its recurrence switched off",
}
"""What answers of a liquid, in the order that it is shown."""
BASELINES = {
    "persistence": "persistence",
    "ar": "linear autoregression",
    "nvar": "quadratic autoregression (NVAR)",
    "input": "the input alone, no liquid",
}
"""What answers without it, likewise."""
_AHEAD = [digit * 10**power for power in range(7) for digit in (1, 2, 5)]
_RANGE = "{:.4g} to {:.4g}"


def report_regression(evaluation: RegressionEvaluation) -> Report:
    return Report(tuple(_regression(evaluation)), evaluation.to_json())


def row_of(values: Sequence[float] | Floats) -> str:
    """The outputs of one answer on one line, in ten digits."""
    return " ".join(f"{value:.10g}" for value in values)


def _regression(evaluation: RegressionEvaluation) -> Iterator[Block]:
    section, many = evaluation.section, len(evaluation.liquids)
    what = "the input" if section.target == "signal" else f"targets ({', '.join(evaluation.outputs)})"
    yield Heading(
        f"{what} {count(section.horizon, 'frame')} ahead: trained on {evaluation.train_frames}, tested on"
        f" {evaluation.test_frames} frames, {count(many, 'liquid')}, on {evaluation.backend}"
    )
    rows: list[list[Cell]] = []
    for who, words in LIQUIDS.items():
        nrmse, r2, smape = (evaluation.spread(figure, who) for figure in ("nrmse", "r2", "smape"))
        if nrmse is None or r2 is None or smape is None:
            continue
        interval = (nrmse.low, nrmse.high) if nrmse.low is not None else None
        rows.append([words, nrmse.mean, interval, (nrmse.least, nrmse.most) if many > 1 else None, r2.mean, smape.mean])
    for name, errors in evaluation.baselines.items():
        chosen = evaluation.chosen.get(name)
        words = f"{BASELINES[name]}{f': {chosen}' if chosen else ''}"
        rows.append([words, errors.nrmse, None, None, errors.r2, errors.smape])
    spread = [Column("95 % interval", _RANGE), Column("of liquids", _RANGE)] if many > 1 else []
    yield table(
        ["readout on", Column("NRMSE", "{:.4g}"), *spread, Column("R2", "{:.4f}"), Column("sMAPE", "{:.2f}")],
        rows if spread else [[*row[:2], *row[4:]] for row in rows],
    )
    yield Line(
        f"{count(len(evaluation.true), 'frame')} answered after a washout of {section.washout}; regularisation chosen"
        f" on {section.folds} held-out blocks of the training data, there NRMSE"
        f" {', '.join(f'{each.cv_nrmse:.4g}' for each in evaluation.liquids)}"
    )
    counts = Counter[str]()
    for each in evaluation.liquids:
        counts.update(each.counts)
    yield Line(f"overflow: {overflow(counts)}")
    yield picture_of_forecast(evaluation)


# --- free runs -------------------------------------------------------------------------------------------------------


def report_free_run(run: FreeRun) -> Report:
    """How far forecasts that are fed back stay near the truth."""
    facts: dict[str, Any] = {
        "origins": list(run.origins),
        "horizon": run.horizon(),
        "nrmse": run.nrmse.tolist(),
        "nrmse_float": run.floats.nrmse.tolist() if run.floats else None,
    }
    return Report(tuple(_free_run(run)), facts)


def _free_run(run: FreeRun) -> Iterator[Block]:
    steps = len(run.nrmse)
    yield Heading(f"forecasts that are fed back, from {count(len(run.origins), 'origin')}")
    shown = [ahead for ahead in _AHEAD if ahead < steps] + [steps]
    floats = [Column("float NRMSE", "{:.4g}")] if run.floats else []
    yield table(
        ["frames ahead", Column("NRMSE", "{:.4g}"), *floats],
        [[k, *(float(each.nrmse[k - 1]) for each in (run, run.floats) if each is not None)] for k in shown],
    )
    yield Line(f"NRMSE at most {LIMIT:g} for {count(run.horizon(), 'frame')}")
