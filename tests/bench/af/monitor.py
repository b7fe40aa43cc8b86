"""Beat by beat, as on a wearable: one endless run of a liquid a record, an answer after every beat, and alarms.

The liquid never rests: it hears the steps of a beat when the beat comes. Channels are causal, with the median of the
last `HISTORY` intervals in place of the window's so far. A readout of the spike counts of the last beats, trained on
such counts of the training records, says AF or not; the alarm changes when it has said the same k times in a row. k is
chosen on the training records: the one whose alarm agrees with the rhythm on most beats; or the least one that keeps
false alarms below a rate, which costs delay.

An episode is a run of `EPISODE` or more AF beats. Its delay is how many of them were heard when the alarm came, 0 where
it was on before; where a record begins in AF there is no onset, and no delay. A false alarm begins on a beat that is
not AF; it is without cause where none of the last `EPISODE` beats was.
"""

from __future__ import annotations

import time
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld
from bench.af.windows import SPLIT, front_of
from lsm_deploy import readout as readouts
from lsm_deploy.data import Beats, Frames, splits, subset
from lsm_deploy.encode import encode, fit_ranges
from lsm_deploy.front import AF, NOT_AF
from lsm_deploy.front.beats import LONGEST_S, SHORTEST_S
from lsm_deploy.ir import Program
from lsm_deploy.model import readout_of
from lsm_deploy.readout import IntegerReadout
from lsm_deploy.spec.schema import BeatChannel, Spec
from lsm_deploy.states import read

__all__ = [
    "EPISODE",
    "Causal",
    "Monitor",
    "Record",
    "Watch",
    "Watched",
    "alarm",
    "heard",
    "monitored",
    "outcome",
    "says",
    "timed",
    "train",
    "watch",
]

HISTORY = EPISODE = 128
IN_A_ROW = (1, 2, 4, 8, 16, 32, 64, 128, 256)
AT_MOST = 0.25
"""False alarms an hour of other rhythms, in training."""
AT_ONCE = 1 << 12
"""Beats that are run at a time, where nobody waits for each."""

Floats, Ints, Bools = NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]


class Causal:
    """The channels of a beat from the intervals so far, as `front.beats` has them."""

    def __init__(self, channels: Sequence[BeatChannel]) -> None:
        self.channels = channels
        self.recent: deque[float] = deque()
        self.ordered: list[float] = []
        self.before, self.relative = 0.0, 0.0

    def hear(self, rr: float) -> list[float]:
        """The values of one more interval in s."""
        rr = min(max(rr, SHORTEST_S), LONGEST_S)
        first = not self.recent
        self.recent.append(rr)
        insort(self.ordered, rr)
        if len(self.recent) > HISTORY:
            del self.ordered[bisect_left(self.ordered, self.recent.popleft())]
        half = len(self.ordered) // 2
        median = (self.ordered[half] + self.ordered[-half - 1]) / 2
        before = rr if first else self.before
        relative = (rr - before) / ((rr + before) / 2)
        values = {
            "rr": rr,
            "drr": rr - before,
            "rr_relative": rr / median - 1,
            "drr_relative": relative,
            "abs_drr_relative": abs(relative),
            "ddrr_relative": 0.0 if first else relative - self.relative,
        }
        self.before, self.relative = rr, relative
        return [values[name] for name in self.channels]


class Monitor:
    """All that a wearable does at a beat: channels, spikes, the liquid's steps, the readout, the alarm."""

    def __init__(self, spec: Spec, program: Program, integers: IntegerReadout, window: int, in_a_row: int) -> None:
        self.spec, self.program, self.integers = spec, program, integers
        self.window, self.in_a_row = window, in_a_row
        self.causal, self.session = Causal(front_of(spec).channels), ld.start("fast", program)
        self.ranges = _ranges(spec)
        self.ring: deque[Ints] = deque()
        self.counts: Ints = np.zeros(integers.available, np.int64)
        self.said, self.times, self.on = False, 0, False

    def beat(self, rr: float) -> bool:
        """Whether the alarm is on after one more interval in s."""
        frame = Frames(np.array([self.causal.hear(rr)]), np.zeros(1, np.int64))
        given = encode(self.spec.input, self.ranges, frame, self.spec.dt_ms, self.spec.seed)
        spikes = read(self.program, self.session.run(given.spikes)[0], readout_of(self.spec))
        self.ring.append(spikes.sum(axis=0, dtype=np.int64))
        self.counts += self.ring[-1]
        if len(self.ring) > self.window:
            self.counts -= self.ring.popleft()
        said = len(self.ring) == self.window and readouts.answers(self.integers, self.counts[None])[0] == AF
        self.times = self.times + 1 if said == self.said else 1
        self.said = said
        if self.times >= self.in_a_row:
            self.on = said
        return self.on


def _ranges(spec: Spec) -> Floats:
    """The encoder's, which the spec says: nothing is fitted."""
    nothing = Frames(np.zeros((1, spec.input.channels)), np.zeros(1, np.int64))
    return fit_ranges(nothing, spec.input)


# --- a whole record at once, which is the same -----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Record:
    """Of each interval of a record its length in s, whether it is AF, and the liquid's spikes `[beat, neuron]`."""

    name: str
    rr: Floats
    is_af: Bools
    spikes: Ints

    @property
    def calm_hours(self) -> float:
        """Of rhythms other than AF."""
        return float(self.rr[~self.is_af].sum()) / 3600

    def counts(self, window: int) -> Ints:
        """Spikes of the last `window` beats `[beat, neuron]`, from the beat on that fills them."""
        total = np.concatenate([np.zeros((1, self.spikes.shape[1]), np.int64), np.cumsum(self.spikes, axis=0)])
        return total[window:] - total[:-window]


def heard(spec: Spec, program: Program, data: Beats) -> list[Record]:
    """Each record in one run of the program, from its first beat to its last."""
    records = []
    positive = data.rhythms.index(front_of(spec).positive)
    for i, name in enumerate(data.groups):
        one = subset(data, [i])
        rr, causal = np.diff(one.beats) / one.rate, Causal(front_of(spec).channels)
        frames = np.array([causal.hear(value) for value in rr.tolist()])
        session, counts = ld.start("fast", program), []
        for low in range(0, len(rr), AT_ONCE):
            part = Frames(frames[low : low + AT_ONCE], np.zeros(1, np.int64))
            given = encode(spec.input, _ranges(spec), part, spec.dt_ms, spec.seed)
            spikes = read(program, session.run(given.spikes)[0], readout_of(spec))
            counts.append(spikes.reshape(len(part.frames), -1, spikes.shape[1]).sum(axis=1, dtype=np.int64))
        records.append(Record(name, rr, one.rhythm[1:] == positive, np.concatenate(counts)))
    return records


def alarm(said: Bools, in_a_row: int) -> Bools:
    """Whether the alarm is on after each answer."""
    at = np.arange(len(said))
    since = np.maximum.accumulate(np.where(np.diff(said, prepend=False), at, 0))
    sure = at - since + 1 >= in_a_row
    last = np.maximum.accumulate(np.where(sure, at, -1))
    return said[last] & (last >= 0)


def train(spec: Spec, records: Sequence[Record], window: int) -> IntegerReadout:
    """A readout of what the liquid emitted in every window of these records, one after the other."""
    features, labels, groups = [], [], []
    for record in records:
        features.append(record.counts(window)[::window])
        inside = np.convolve(record.is_af, np.ones(window, np.int64), "valid")[::window]
        labels += [AF if 2 * many > window else NOT_AF for many in inside.tolist()]
        groups += [record.name] * len(inside)
    section = readout_of(spec)
    classifier = readouts.fit(np.concatenate(features), labels, section, spec.seed, groups)
    return readouts.quantise_readout(classifier, section.weight_bits)


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
        chosen.append(_choose(said, known, at_most))
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


def _choose(said: Sequence[Bools], records: Sequence[Record], at_most: float | None) -> int:
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
