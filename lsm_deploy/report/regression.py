"""Evaluations of readouts of signals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
    shown = {who: words for who, words in LIQUIDS.items() if evaluation.spread("nrmse", who) is not None}
    for name in evaluation.baselines:
        chosen = evaluation.chosen.get(name)
        shown[name] = f"{BASELINES[name]}{f': {chosen}' if chosen else ''}"
    rows: list[list[Cell]] = []
    for who, words in shown.items():
        nrmse, r2, smape = (evaluation.spread(figure, who) for figure in ("nrmse", "r2", "smape"))
        assert nrmse is not None
        assert r2 is not None
        assert smape is not None
        interval = None if nrmse.low is None else (nrmse.low, nrmse.high)
        of_liquids = (nrmse.least, nrmse.most) if who in LIQUIDS else None
        rows.append([words, nrmse.mean, interval, *([of_liquids] if many > 1 else []), r2.mean, smape.mean])
    spread = [Column("of liquids", _RANGE)] if many > 1 else []
    numbers = [Column("NRMSE", "{:.4g}"), Column("95 % interval", _RANGE), *spread]
    yield table(["readout on", *numbers, Column("R2", "{:.4f}"), Column("sMAPE", "{:.2f}")], rows)
    yield from _differences(evaluation, shown)
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


def _differences(of: RegressionEvaluation, shown: Mapping[str, str]) -> Iterator[Block]:
    """Of the deployed liquid and each of the others."""
    others = {words: of.difference("liquid", who) for who, words in shown.items() if who != "liquid"}
    rows: list[list[Cell]] = [[words, d.mean, (d.low, d.high), d.says] for words, d in others.items() if d is not None]
    if rows:
        columns: list[str | Column] = [
            Column("has less NRMSE by", "{:+.3g}"),
            Column("95 % interval", "{:+.3g} to {:+.3g}"),
            "it is",
        ]
        yield table(["the liquid, beside", *columns], rows)
    if of.over:
        yield Line(f"95 % intervals: of a bootstrap over {of.over}; of differences, paired")
    else:
        yield Line(f"no intervals: {of.why_no_interval}")


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
