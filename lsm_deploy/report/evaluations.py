"""Evaluations: of one split, and across several splits and liquids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lsm_deploy.learn.onchip import OnChipAccuracy
from lsm_deploy.measure.evaluation import Across, Evaluation, Score
from lsm_deploy.report.blocks import Block, Column, Heading, Line, Report, table
from lsm_deploy.report.numbers import INTERVAL, PERCENT, SIGNED, SIGNED_INTERVAL
from lsm_deploy.report.pictures.answers import picture_of_confusion, picture_of_roc
from lsm_deploy.report.runs import overflow

__all__ = ["report_across", "report_evaluation", "report_on_chip"]

ROWS = {
    "liquid": "the liquid, deployed integers",
    "unrounded": "the same, its readout in floats",
    "floats": "the float liquid",
    "feedforward": "its recurrence switched off",
    "encoded": "encoded spikes, no liquid",
    "raw": "raw input, no spikes",
    "svm": "RBF SVM on ten slices of the input",
    "hrv_logistic": "logistic on heart rate variability",
    "hrv_boosting": "boosting on heart rate variability",
}
"""What answers, in the order that it is shown."""
_DETECTED = ("sensitivity", "specificity", "auc")


def report_evaluation(evaluation: Evaluation) -> Report:
    return Report(tuple(_evaluation(evaluation)), evaluation.to_json())


def _evaluation(evaluation: Evaluation) -> Iterator[Block]:
    scores = {
        "liquid": evaluation.liquid,
        "unrounded": evaluation.unrounded,
        "floats": evaluation.floats,
        **evaluation.baselines,
    }
    shown = {name: score for name in ROWS if (score := scores.get(name)) is not None}
    detects = any(score.detection for score in shown.values())
    detection = [Column(name, "{:.3f}") for name in ("sensitivity", "specificity", "AUC")] if detects else []

    def detected(score: Score) -> list[float | None]:
        return [getattr(score.detection, name, None) for name in _DETECTED] if detects else []

    yield Heading(
        f"trained on {evaluation.train_samples}, tested on {evaluation.test_samples} samples, on {evaluation.backend}"
    )
    yield table(
        [
            "readout on",
            Column("accuracy", PERCENT),
            Column("95 % interval", INTERVAL),
            *detection,
            Column("correct", "{} of {}"),
            "features",
            Column("regularisation", "{:g}"),
            Column("cross-validated", PERCENT),
        ],
        [
            [ROWS[name], s.accuracy, evaluation.interval(name), *detected(s), (s.correct, s.samples), s.features,
             s.regularisation, s.cv_accuracy]
            for name, s in shown.items()
        ],
    )  # fmt: skip
    yield from _differences(evaluation, list(shown))
    if not all(score.converged for score in shown.values()):
        yield Line("not every readout converged: raise its regularisation")
    if evaluation.on_chip:
        yield _on_chip(evaluation.on_chip)
    if len(evaluation.groups) > 1:
        yield Heading("the deployed liquid, one by one")
        rows = [[name, s.samples, s.accuracy, *detected(s)] for name, s in evaluation.groups.items()]
        yield table(["of", "samples", Column("accuracy", PERCENT), *detection], rows)
    yield from _activity(evaluation)
    yield from _pictures(evaluation)
    if evaluation.contaminated:
        samples = evaluation.train_samples + evaluation.test_samples
        yield Line(f"{evaluation.contaminated} of {samples} samples were reached by spikes of the one before")
    if evaluation.constant:
        names = ", ".join(str(channel) for channel in evaluation.constant)
        yield Line(f"channels that never change in the training data: {names}")


def report_on_chip(chip: OnChipAccuracy) -> Report:
    return Report((_on_chip(chip),), chip.to_json())


def _on_chip(chip: OnChipAccuracy) -> Line:
    shares = {name: getattr(chip, name) / chip.samples for name in ("floats", "integers", "summed", "on_chip")}
    return Line(
        f"{_to_the_chip(shares)}; {chip.agreed} of {chip.samples} decisions are those of the integers, {chip.tied} "
        f"are ties of spike counts, {chip.output_spikes:.3g} output spikes a sample; overflow: {overflow(chip.counts)}"
    )


def _pictures(evaluation: Evaluation) -> Iterator[Block]:
    yield picture_of_confusion(evaluation.classes, evaluation.confusion)
    roc = picture_of_roc(evaluation.classes, evaluation.labels, evaluation.answers["liquid"])
    yield from [roc] if roc else []


def _differences(of: Evaluation | Across, shown: Sequence[str]) -> Iterator[Block]:
    """Of the deployed liquid and each of the others."""
    others = {ROWS[name]: of.difference("liquid", name) for name in shown if name != "liquid"}
    if others:
        yield table(
            ["the liquid, beside", Column("difference", SIGNED), Column("95 % interval", SIGNED_INTERVAL), "is"],
            [[name, d.mean, (d.low, d.high), d.says] for name, d in others.items()],
        )
    yield Line(f"95 % intervals: of a bootstrap over {of.over}; of differences, paired")


def _activity(evaluation: Evaluation) -> Iterator[Block]:
    yield Heading("activity")
    rates = (Column(name, "{:.3g}") for name in ("exc Hz", "inh Hz"))
    yield table(
        ["population", "rate Hz", *rates, Column("silent", PERCENT), Column("saturated", PERCENT)],
        [[name, a.rate_hz, a.exc_hz, a.inh_hz, a.silent, a.saturated] for name, a in evaluation.activity.items()],
    )
    yield Line(f"overflow: {overflow(evaluation.counts)}")


def _to_the_chip(share: Mapping[str, float]) -> str:
    """What each step to output neurons costs."""
    return (
        f"readouts of whole counts: in floats {share['floats']:.1%}, in integers {share['integers']:.1%}, the chip's"
        f" weights summed {share['summed']:.1%}, output neurons on the chip {share['on_chip']:.1%}"
    )


# --- across splits and liquids ----------------------------------------------------------------------------------------


def report_across(across: Across) -> Report:
    return Report(tuple(_across(across)), across.to_json())


def _across(across: Across) -> Iterator[Block]:
    shown = [name for name in ROWS if name in across.scores]
    detected = _DETECTED if any(across.detection(name, "auc") for name in shown) else ()
    rows = []
    for name in shown:
        accuracy, varies = across.accuracy(name), len(across.scores[name]) > 1
        rows.append(
            [
                ROWS[name],
                accuracy.mean,
                None if accuracy.low is None else (accuracy.low, accuracy.high),
                (accuracy.least, accuracy.most) if varies else None,
                *(spread.mean if (spread := across.detection(name, what)) else None for what in detected),
                *(each[name] for each in across.splits.values()),
            ]
        )
    liquids = f"{len(across.seeds)} liquids" if len(across.seeds) > 1 else "1 liquid"
    yield Heading(f"{across.how}: {across.samples} test samples, {liquids}")
    yield table(
        [
            "readout on",
            Column("accuracy", PERCENT),
            Column("95 % interval", INTERVAL),
            Column("of liquids", INTERVAL),
            *(Column(name, "{:.3f}") for name in detected),
            *(Column(name, PERCENT) for name in across.splits),
        ],
        rows,
    )
    yield from _differences(across, shown)
    if across.on_chip:
        yield Line(
            _to_the_chip(
                {name: sum(each[name] for each in across.on_chip) / len(across.on_chip) for name in across.on_chip[0]}
            )
        )
    if len(across.groups) > len(across.splits):
        yield Heading("the deployed liquid, one by one")
        rows = [[name, s[0].samples, sum(each.accuracy for each in s) / len(s)] for name, s in across.groups.items()]
        yield table(["of", "samples", Column("accuracy", PERCENT)], rows)
    yield from _activity(across.evaluations[0][-1])  # of the first liquid, which by then has run everything
    if any(set(each.group_of) & set(each.trained_groups) for each in across.evaluations[0]):
        yield Line("speakers or records that are tested are also trained on, as this split has it")
    yield Line(f"took {across.seconds:.0f} s")
    classes = across.evaluations[0][0].classes
    if all(each.classes == classes for each in across.evaluations[0]):  # of the first liquid, over all splits
        yield picture_of_confusion(classes, np.sum([each.confusion for each in across.evaluations[0]], axis=0))
