"""Results of `inside` as Markdown, for the manual."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bench.af.beats import Bools, Floats
from bench.af.detect import SPECIFICITY, Detected
from bench.af.kinds import AS_WRITTEN, ENCODED
from bench.af.monitor import AT_MOST
from bench.af.windows import FAULTY
from lsm_deploy.data.front import AF
from lsm_deploy.measure.evaluation import Across
from lsm_deploy.measure.evaluation.score import curve_of
from lsm_deploy.measure.uncertainty import Difference, Resampled
from lsm_deploy.report.blocks import Block, Line, right, table
from lsm_deploy.report.markdown import to_markdown

__all__ = ["CHOSEN", "CUT", "FEWER", "RATE", "Found", "Said", "facts", "render"]

CHOSEN = "**chosen inside of each fold**"
FEWER = "**the same, of those of 32 neurons at most**"
CUT = "chosen inside, its recurrence cut"
RATE = {"hrv_logistic": "logistic, heart-rate measures", "hrv_boosting": "boosting, heart-rate measures"}
FEWEST = 10
"""Windows of a record of whose share is spoken."""


@dataclass(frozen=True, eq=False)
class Said:
    """Whether windows are said to be AF `[liquid, window]`, by what margin, and whether they are `[window]`."""

    af: Bools
    margins: Floats
    is_af: Bools
    groups: tuple[str, ...]

    @classmethod
    def of(cls, across: Across) -> Said:
        first = across.evaluations[0]
        answers = [[fold.answers["liquid"] for fold in liquid] for liquid in across.evaluations]
        return cls(
            np.array([np.concatenate([np.array(each.predicted) == AF for each in liquid]) for liquid in answers]),
            np.array([np.concatenate([np.asarray(each.margins) for each in liquid]) for liquid in answers]),
            np.concatenate([np.array(fold.labels) == AF for fold in first]),
            tuple(group for fold in first for group in fold.group_of),
        )

    @property
    def right(self) -> Bools:
        return self.af == self.is_af

    @property
    def accuracy(self) -> tuple[float, float, float]:
        low, high = Resampled({"this": self.right}, self.groups).interval("this") or (np.nan, np.nan)
        return float(self.right.mean()), low, high

    @property
    def auc(self) -> float:
        return float(np.mean([curve_of(self.is_af, each)[2] for each in self.margins]))

    def less(self, other: Said) -> Difference:
        """What is right here more often than there, of the same windows."""
        return Resampled({"this": self.right, "that": other.right}, self.groups).difference("this", "that")


@dataclass(frozen=True, eq=False)
class Found:
    """how: on what machine, in what time. every: all kinds. chosen: figures of the choice; times: what was chosen, how
    often. beats: beat by beat. mixed: accuracies on folds of windows, with every record and without `FAULTY`. small:
    kinds of 32 neurons at most."""

    how: str
    every: Mapping[str, Across]
    chosen: Mapping[str, Across]
    times: Mapping[str, Mapping[str, int]]
    rate: Mapping[str, Said]
    beats: Mapping[str, Detected]
    mixed: Mapping[str, tuple[float, ...]]
    small: Sequence[str]

    @property
    def said(self) -> dict[str, Said]:
        return {name: Said.of(across) for name, across in {**self.every, **self.chosen}.items()} | dict(self.rate)


def render(found: Found) -> str:
    return to_markdown(list(_blocks(found)))


def _blocks(found: Found) -> Iterator[Block]:
    first = next(iter(found.every.values()))
    liquids = len(first.seeds)
    yield Line(
        f"Measured on {found.how}. Windows of 128 beats, {first.samples} of them, 5 folds of records;"
        f" {len(found.every)} kinds, all that were tried here, {liquids} of each. Intervals, 95 %, are over"
        f" {first.over}; differences are paired."
    )
    yield from _accuracies(found.said)
    yield Line(
        "Chosen, of 5 folds: "
        + "; ".join(
            f"{_plain(words)}: " + ", ".join(f"{name} {n}" for name, n in times.items())
            for words, times in found.times.items()
        )
        + "."
    )
    yield from _specificity(found.beats)
    yield from _alarms(found.beats)
    yield from _records(found.beats)
    yield from _mixed(found)


def _plain(words: str) -> str:
    return words.strip("*")


def _per_cent(figure: tuple[float, float, float]) -> str:
    mean, low, high = figure
    return f"{100 * mean:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def _points(d: Difference) -> str:
    return f"{100 * d.mean:+.2f} ({100 * d.low:+.2f} to {100 * d.high:+.2f}): {d.says}"


def _accuracies(said: Mapping[str, Said]) -> Iterator[Block]:
    rows = [
        [
            name,
            _per_cent(each.accuracy),
            f"{100 * each.af[:, each.is_af].mean():.1f}, {100 * (~each.af[:, ~each.is_af]).mean():.1f}, {each.auc:.3f}",
            "" if name == ENCODED else _points(each.less(said[ENCODED])),
        ]
        for name, each in said.items()
    ]
    yield table(
        ["neurons", *right("accuracy, %", "sensitivity %, specificity %, AUC", "beside relays alone, points")], rows
    )


def _specificity(beats: Mapping[str, Detected]) -> Iterator[Block]:
    yield Line(
        f"**Sensitivity at {SPECIFICITY:.0%} specificity**, which a threshold has on training records (one endless run"
        f" a record, as on a wearable; the same windows; by record: of those that have {FEWEST} such windows or more):"
    )
    chosen = beats[CHOSEN].windows(True)
    rows = []
    for name, each in beats.items():
        shares = [list(each.by_record(af, FEWEST).values()) for af in (True, False)]
        pair = Resampled({"this": chosen[0], "that": each.windows(True)[0]}, chosen[1].tolist())
        rows.append(
            [
                name,
                _per_cent(each.share(True)),
                _per_cent(each.share(False)),
                *(", ".join(f"{100 * q:.0f}" for q in np.quantile(some, (0, 0.25, 0.5))) for some in shares),
                "" if name == CHOSEN else _points(pair.difference("this", "that")),
            ]
        )
    head = right(
        "sensitivity, %",
        "specificity that it comes to, %",
        "sensitivity by record: least, quartile, median",
        "specificity by record, likewise",
        "sensitivity of what is chosen beside it, points",
    )
    yield table(["", *head], rows)


def _alarms(beats: Mapping[str, Detected]) -> Iterator[Block]:
    first = beats[CHOSEN].alarms(None)[0]
    yield Line(
        f"**Alarms** ({sum(each.hours for each in first):.0f} hours of other rhythms,"
        f" {sum(each.episodes for each in first)} episodes of 128 beats of AF or more):"
    )
    rows = [
        [
            name,
            "most beats right" if at_most is None else f"at most {at_most:g} false alarms an hour",
            "{:.2f} ({:.2f} to {:.2f})".format(*each.false_alarms(at_most)),
            _per_cent(each.missed(at_most)),
            "{:.0f} ({:.0f} to {:.0f})".format(*each.late(at_most)),
        ]
        for at_most in (None, AT_MOST)
        for name, each in beats.items()
    ]
    head = right(
        "k is chosen for, in training",
        "false alarms an hour of other rhythms",
        "episodes missed, %",
        "beats to the alarm: median (quartiles)",
    )
    yield table(["", *head], rows)


def _records(beats: Mapping[str, Detected]) -> Iterator[Block]:
    names = [CHOSEN, FEWER, CUT, ENCODED, RATE["hrv_logistic"]]
    yield Line(
        "**Record by record** (sensitivity %, specificity % of its windows at that threshold; means over liquids):"
    )
    detected = {name: (beats[name].by_record(True), beats[name].by_record(False)) for name in names}
    many = [np.unique(beats[CHOSEN].windows(af)[1], return_counts=True) for af in (True, False)]
    af, other = ({str(k): int(n) for k, n in zip(*each, strict=True)} for each in many)
    rows = [
        [record, f"{af.get(record, 0)}, {other.get(record, 0)}"]
        + [
            ", ".join(f"{100 * part[record]:.1f}" if record in part else "-" for part in detected[name])
            for name in names
        ]
        for record in sorted({*af, *other})
    ]
    yield table(["record", *right("windows of AF, others", *map(_plain, names))], rows)


def _mixed(found: Found) -> Iterator[Block]:
    """The best are named by the figure itself."""
    yield Line(
        "**Not figures of new patients:** accuracy in % where windows are in folds, and not records, so that each"
        " patient is trained on, and where the best of all kinds is named by what it is tested on; one liquid of each:"
    )
    best = [max(names, key=lambda name: found.mixed[name][0]) for names in (found.small, list(found.every))]
    words = {
        AS_WRITTEN: AS_WRITTEN,
        ENCODED: ENCODED,
        best[0]: f"best of 32 neurons at most: {best[0]}",
        best[1]: f"best of all: {best[1]}",
        **{name: name for name in RATE.values()},
    }
    rows = [[text, *(f"{100 * share:.1f}" for share in found.mixed[name])] for name, text in words.items()]
    yield table(["", *right("all records", f"{', '.join(FAULTY)} left out")], rows)


def facts(found: Found) -> dict[str, Any]:
    return {
        "how": found.how,
        "accuracy": {
            name: dict(zip(("mean", "low", "high"), said.accuracy, strict=True)) for name, said in found.said.items()
        },
        "times": found.times,
        "at_specificity": {
            name: {"sensitivity": each.share(True), "specificity": each.share(False), "by_record": each.by_record(True)}
            for name, each in found.beats.items()
        },
        "alarms": {
            name: {
                str(rate): [[asdict(one) for one in liquid] for liquid in each.alarms(rate)] for rate in (None, AT_MOST)
            }
            for name, each in found.beats.items()
        },
        "windows_in_folds": found.mixed,
    }
