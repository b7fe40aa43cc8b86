"""Beat by beat, as on a wearable: one endless run of a liquid a record, and an answer after every beat.

The liquid never rests: it hears the steps of a beat when the beat comes. Channels are causal, with the median of the
last `HISTORY` intervals in place of the window's so far. What is read is the spike counts of the last beats.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld
from bench.af.windows import front_of
from lsm_deploy.core.ir import Program
from lsm_deploy.data import Beats, Frames, subset
from lsm_deploy.data.encoders import encode, fit_ranges
from lsm_deploy.data.front import AF
from lsm_deploy.data.front.beats import LONGEST_S, SHORTEST_S
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.model import readout_of
from lsm_deploy.learn.readout import IntegerReadout
from lsm_deploy.learn.runs import read
from lsm_deploy.spec.schema import BeatChannel, Spec

__all__ = ["Bools", "Causal", "Floats", "Ints", "Monitor", "Record", "heard"]

HISTORY = 128
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
