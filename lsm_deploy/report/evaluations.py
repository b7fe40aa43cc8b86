"""Evaluations: of one split, and across several splits and liquids."""

from __future__ import annotations

from rich.console import Console

from lsm_deploy.learn.onchip import OnChipAccuracy
from lsm_deploy.measure.evaluation import Across, Evaluation, Score, Spread
from lsm_deploy.report.runs import overflow_text
from lsm_deploy.report.text import table

__all__ = ["ROWS", "on_chip_text", "show_across", "show_evaluation"]

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


def show_evaluation(console: Console, found: Evaluation) -> None:
    scores = {"liquid": found.liquid, "unrounded": found.unrounded, "floats": found.floats, **found.baselines}
    shown = {name: score for name in ROWS if (score := scores.get(name)) is not None}
    detects = any(score.detection for score in shown.values())
    rows = [
        [
            ROWS[name],
            f"{s.accuracy:.1%}",
            f"{s.interval[0]:.1%} to {s.interval[1]:.1%}",
            *(_detection(s) if detects else ()),
            f"{s.correct} of {s.samples}",
            s.features,
            "-" if s.regularisation is None else f"{s.regularisation:g}",
            "-" if s.cv_accuracy is None else f"{s.cv_accuracy:.1%}",
        ]
        for name, s in shown.items()
    ]
    columns = [
        "readout on",
        "accuracy",
        "95 % interval",
        *(("sensitivity", "specificity", "AUC") if detects else ()),
        "correct",
        "features",
        "regularisation",
        "cross-validated",
    ]
    title = f"trained on {found.train_samples}, tested on {found.test_samples} samples, on {found.backend}"
    console.print(table(title, columns, rows))
    if not all(score.converged for score in shown.values()):
        console.print("not every readout converged: raise its regularisation")
    if found.on_chip:
        console.print(on_chip_text(found.on_chip))
    if len(found.groups) > 1:
        rows = [
            [name, s.samples, f"{s.accuracy:.1%}", *(_detection(s) if detects else ())]
            for name, s in found.groups.items()
        ]
        columns = ["of", "samples", "accuracy", *(("sensitivity", "specificity", "AUC") if detects else ())]
        console.print(table("the deployed liquid, one by one", columns, rows))
    _show_activity(console, found)
    if found.contaminated:
        samples = found.train_samples + found.test_samples
        console.print(f"{found.contaminated} of {samples} samples were reached by spikes of the one before")
    if found.constant:
        names = ", ".join(str(channel) for channel in found.constant)
        console.print(f"channels that never change in the training data: {names}")


def _show_activity(console: Console, found: Evaluation) -> None:
    activity = [
        [name, a.rate_hz, _hz(a.exc_hz), _hz(a.inh_hz), f"{a.silent:.1%}", f"{a.saturated:.1%}"]
        for name, a in found.activity.items()
    ]
    columns = ["population", "rate Hz", "exc Hz", "inh Hz", "silent", "saturated"]
    console.print(table("activity", columns, activity))
    console.print("overflow: " + (overflow_text(found.counts) if found.counts else "not counted by this backend"))


def on_chip_text(found: OnChipAccuracy) -> str:
    """What each step to output neurons costs, in a line."""
    share = {name: getattr(found, name) / found.samples for name in ("floats", "integers", "summed", "on_chip")}
    return (
        f"readouts of whole counts: in floats {share['floats']:.1%}, in integers {share['integers']:.1%}, the chip's"
        f" weights summed {share['summed']:.1%}, output neurons on the chip {share['on_chip']:.1%}; {found.agreed} of"
        f" {found.samples} decisions are those of the integers, {found.tied} are ties of spike counts,"
        f" {found.output_spikes:.3g} output spikes a sample; overflow: {overflow_text(found.counts)}"
    )


def show_across(console: Console, found: Across) -> None:
    """The table of several splits and liquids."""
    shown = [name for name in ROWS if name in found.scores]
    detects = any(found.detection(name, "auc") for name in shown)
    rows = []
    for name in shown:
        accuracy = found.accuracy(name)
        varies = len(found.scores[name]) > 1
        rows.append(
            [
                ROWS[name],
                f"{accuracy.mean:.1%}",
                _between(accuracy.low, accuracy.high) if varies else _between(*found.scores[name][0].interval) + " *",
                _between(accuracy.least, accuracy.most) if varies else "-",
                *((_mean(found.detection(name, what)) for what in _DETECTED) if detects else ()),
                *(f"{each[name]:.1%}" for each in found.splits.values()),
            ]
        )
    columns = ["readout on", "accuracy", "95 % interval", "of liquids"]
    columns += [*(_DETECTED if detects else ()), *found.splits]
    liquids = f"{len(found.seeds)} liquids" if len(found.seeds) > 1 else "1 liquid"
    console.print(table(f"{found.how}: {found.samples} test samples, {liquids}", columns, rows))
    console.print("95 % interval: Student's, of the mean over liquids; * Wilson's, of the share of samples")
    if found.on_chip:
        mean = {name: sum(each[name] for each in found.on_chip) / len(found.on_chip) for name in found.on_chip[0]}
        console.print(
            f"readouts of whole counts: in floats {mean['floats']:.1%}, in integers {mean['integers']:.1%}, the chip's"
            f" weights summed {mean['summed']:.1%}, output neurons on the chip {mean['on_chip']:.1%}"
        )
    if len(found.groups) > len(found.splits):
        rows = [
            [name, s[0].samples, f"{sum(each.accuracy for each in s) / len(s):.1%}"] for name, s in found.groups.items()
        ]
        console.print(table("the deployed liquid, one by one", ["of", "samples", "accuracy"], rows))
    last = found.evaluations[0][-1]  # of the first liquid, which by then has run everything
    _show_activity(console, last)
    if any(set(each.group_of) & set(each.trained_groups) for each in found.evaluations[0]):
        console.print("speakers or records that are tested are also trained on, as this split has it")
    console.print(f"took {found.seconds:.0f} s")


_DETECTED = ("sensitivity", "specificity", "auc")


def _between(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{low:.1%} to {high:.1%}"


def _mean(found: Spread | None) -> str:
    return "-" if found is None else f"{found.mean:.3f}"


def _detection(score: Score) -> tuple[str, ...]:
    found = [getattr(score.detection, name) if score.detection else None for name in _DETECTED]
    return tuple("-" if value is None else f"{value:.3f}" for value in found)


def _hz(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.3g}"
