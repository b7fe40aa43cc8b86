"""Alarms: what answers beat by beat (`beats`) are worth to a patient who is monitored.

A readout of the spike counts of the last beats, trained on such counts of the training records, says AF or not; the
alarm changes when it has said the same k times in a row. k is chosen on the training records: the one whose alarm
agrees with the rhythm on most beats; or the least one that keeps false alarms below a rate, which costs delay.

An episode is a run of `EPISODE` or more AF beats. Its delay is how many of them were heard when the alarm came, 0 where
it was on before; where a record begins in AF there is no onset, and no delay. A false alarm begins on a beat that is
not AF; it is without cause where none of the last `EPISODE` beats was.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld
from bench.af.beats import Bools, Floats, Heart, Monitor, Record, heard
from bench.af.windows import SPLIT, front_of
from lsm_deploy.core.ir import Program
from lsm_deploy.data import Beats, splits
from lsm_deploy.data.front import AF, NOT_AF
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.model import readout_of
from lsm_deploy.learn.readout import IntegerReadout
from lsm_deploy.spec.schema import Spec

__all__ = [
    "EPISODE",
    "Watch",
    "Watched",
    "alarm",
    "choose_k",
    "monitored",
    "outcome",
    "says",
    "timed",
    "train",
    "watch",
    "windows_of",
]

EPISODE = 128
IN_A_ROW = (1, 2, 4, 8, 16, 32, 64, 128, 256)
AT_MOST = 0.25
"""False alarms an hour of other rhythms, in training."""


def alarm(said: Bools, in_a_row: int) -> Bools:
    """Whether the alarm is on after each answer."""
    at = np.arange(len(said))
    since = np.maximum.accumulate(np.where(np.diff(said, prepend=False), at, 0))
    sure = at - since + 1 >= in_a_row
    last = np.maximum.accumulate(np.where(sure, at, -1))
    return said[last] & (last >= 0)


def train(spec: Spec, records: Sequence[Record], window: int) -> IntegerReadout:
    """A readout of what the liquid emitted in every window of these records, one after the other."""
    features, is_af, groups = windows_of(records, window)
    section, labels = readout_of(spec), [AF if each else NOT_AF for each in is_af.tolist()]
    classifier = readouts.fit(features, labels, section, spec.seed, groups.tolist())
    return readouts.quantise_readout(classifier, section.weight_bits)


def windows_of(records: Sequence[Heart], window: int) -> tuple[Any, Bools, NDArray[np.str_]]:
    """Of windows, one after the other, what is read `[window, feature]`, whether most beats are AF, and the record."""
    inside = [np.convolve(record.is_af, np.ones(window, np.int64), "valid")[::window] for record in records]
    return (
        np.concatenate([record.counts(window)[::window] for record in records]),
        2 * np.concatenate(inside) > window,
        np.repeat([record.name for record in records], [len(each) for each in inside]),
    )


def says(integers: IntegerReadout, record: Record, window: int) -> Bools:
    """Whether the readout says AF after each beat; not before it has heard a window."""
    scores = readouts.scores(integers, record.counts(window))
    found = np.argmax(scores, axis=1) == integers.classes.index(AF)
    return np.concatenate([np.zeros(window - 1, bool), found])


# --- what comes of it -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Watch:
    """Over all test records. at_most: the false alarms an hour that k was chosen for, None for most beats right.
    in_a_row: k of each fold; agreed: the share of beats on which the alarm is as it should."""

    window: int
    at_most: float | None
    in_a_row: tuple[int, ...]
    agreed: float
    episodes: int
    missed: int
    delays: tuple[int, ...]
    false_alarms: int
    without_cause: int
    hours: float
    """Of rhythms other than AF."""


def watch(spec: Spec, data: Beats, records: Sequence[Record], window: int, at_most: float | None = None) -> Watch:
    """Train, and choose k, on the training records of each fold; watch the others."""
    by_name = {record.name: record for record in records}
    chosen, delays, right, beats, totals = [], list[int](), 0, 0, np.zeros(4, np.int64)
    hours = 0.0
    for _, train_data, test_data in splits(data, SPLIT, spec.seed):
        known = [by_name[name] for name in train_data.groups]
        integers = train(spec, known, window)
        said = [says(integers, record, window) for record in known]
        chosen.append(choose_k(said, known, at_most))
        for name in test_data.groups:
            record = by_name[name]
            on = alarm(says(integers, record, window), chosen[-1])
            right, beats = right + int((on == record.is_af).sum()), beats + len(on)
            found, counts = outcome(on, record.is_af)
            delays += found
            totals += counts
            hours += record.calm_hours
    episodes, missed, false_alarms, without_cause = totals.tolist()
    return Watch(
        window,
        at_most,
        tuple(chosen),
        right / beats,
        episodes,
        missed,
        tuple(delays),
        false_alarms,
        without_cause,
        hours,
    )


def choose_k(said: Sequence[Bools], records: Sequence[Heart], at_most: float | None) -> int:
    """How many equal answers the alarm waits for, where this is said of these records."""
    hours, agreed = sum(record.calm_hours for record in records), []
    for k in IN_A_ROW:
        on = [alarm(each, k) for each in said]
        found = [outcome(each, record.is_af)[1][2] for each, record in zip(on, records, strict=True)]
        if at_most is not None and sum(found) <= at_most * hours:
            return k
        agreed.append(sum(int((each == record.is_af).sum()) for each, record in zip(on, records, strict=True)))
    return IN_A_ROW[-1 if at_most is not None else int(np.argmax(agreed))]


def outcome(on: Bools, is_af: Bools) -> tuple[list[int], tuple[int, int, int, int]]:
    """Delays; and how many episodes there are and are missed, how many alarms are false and without cause."""
    edges = np.diff(is_af.astype(np.int8), prepend=0, append=0)
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    long = ends - begins >= EPISODE
    delays, missed = [], 0
    for begin, end in zip(begins[long].tolist(), ends[long].tolist(), strict=True):
        if not on[begin:end].any():
            missed += 1
        elif begin:
            delays.append(0 if on[begin - 1] and on[begin] else int(np.argmax(on[begin:end])) + 1)
    rises = np.flatnonzero(np.diff(on.astype(np.int8), prepend=0) == 1)
    false = rises[~is_af[rises]]
    causes = sum(bool(is_af[max(0, at - EPISODE + 1) : at].any()) for at in false.tolist())
    return delays, (int(long.sum()), missed, len(false), len(false) - causes)


def timed(spec: Spec, program: Program, records: Sequence[Record], beats: int) -> Floats:
    """Seconds that each of some beats took, one at a time. ValueError: the alarm is not what the whole record gives."""
    window = front_of(spec).window_beats
    integers = train(spec, records, window)
    # The record on which there is most to agree on.
    whole = {record.name: alarm(says(integers, record, window)[:beats], 1) for record in records}
    record = max(records, key=lambda each: int(np.count_nonzero(np.diff(whole[each.name]))))
    monitor, took, on = Monitor(spec, program, integers, window, 1), [], []
    for rr in record.rr[:beats].tolist():
        begun = time.perf_counter()
        on.append(monitor.beat(rr))
        took.append(time.perf_counter() - begun)
    if (np.array(on) != whole[record.name]).any():
        raise ValueError("beat by beat, the alarm is not what the whole record gives")
    return np.array(took)


@dataclass(frozen=True)
class Watched:
    """By length of the readout's window; seconds that a beat takes: median, 99 %, longest; beats a minute, the mean."""

    watches: tuple[Watch, ...]
    beat_seconds: tuple[float, float, float]
    rate: float


def monitored(spec: Spec, data: Beats, lengths: Sequence[int], beats: int) -> Watched:
    """All of the above with the spec's liquid; beats: to be timed."""
    program = ld.compile_spec(spec).program
    records = heard(spec, program, data)
    took = timed(spec, program, records, beats)
    rr = np.concatenate([record.rr for record in records])
    return Watched(
        tuple(watch(spec, data, records, window, at_most) for window in lengths for at_most in (None, AT_MOST)),
        (float(np.median(took)), float(np.quantile(took, 0.99)), float(took.max())),
        60 / float(rr.mean()),
    )
