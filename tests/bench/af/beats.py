"""Beat by beat, as on a wearable: one endless run of a liquid a record, and an answer after every beat.

The liquid never rests: it hears the steps of a beat when the beat comes. Channels are causal, with the median of the
last `HISTORY` intervals in place of the window's so far. What is read is the spike counts of the last beats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld
from bench.af.windows import front_of
from lsm_deploy.core.ir import Program
from lsm_deploy.data import Beats, Frames, subset
from lsm_deploy.data.coding import code_of
from lsm_deploy.data.encoders import encode, fit_ranges
from lsm_deploy.data.front import AF
from lsm_deploy.data.front.beats import LONGEST_S, SHORTEST_S
from lsm_deploy.data.front.online import BeatsIn
from lsm_deploy.learn.live import Scores
from lsm_deploy.learn.model import readout_of
from lsm_deploy.learn.readout import IntegerReadout
from lsm_deploy.learn.runs import read
from lsm_deploy.measure.evaluation.baselines import hrv
from lsm_deploy.spec.schema import BeatsFrontEnd, Spec

__all__ = ["Bools", "Floats", "Heart", "Ints", "Measured", "Monitor", "Record", "heard", "hearts_of", "measured"]

HISTORY = 128
AT_ONCE = 1 << 12
"""Beats that are run at a time, where nobody waits for each."""

Floats, Ints, Bools = NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]


class Monitor:
    """All that a wearable does at a beat: a model that listens, and the alarm."""

    def __init__(self, spec: Spec, program: Program, integers: IntegerReadout, window: int, in_a_row: int) -> None:
        code = code_of(spec.input, _ranges(spec), spec.dt_ms)
        answers = Scores.of(program, readout_of(spec), integers)
        self.live = ld.Live(ld.Streams(_causal(spec), code, program, answers, window, spec.seed))
        self.in_a_row, self.said, self.times, self.on = in_a_row, False, 0, False

    def beat(self, rr: float) -> bool:
        """Whether the alarm is on after one more interval in s."""
        self.live.push(rr)
        said = self.live.full and self.live.answer() == AF
        self.times = self.times + 1 if said == self.said else 1
        self.said = said
        if self.times >= self.in_a_row:
            self.on = said
        return self.on


def _causal(spec: Spec) -> BeatsFrontEnd:
    """Its front end, with the median of the last `HISTORY` intervals."""
    return replace(front_of(spec), window_beats=HISTORY)


def _ranges(spec: Spec) -> Floats:
    """The encoder's, which the spec says: nothing is fitted."""
    nothing = Frames(np.zeros((1, spec.input.channels)), np.zeros(1, np.int64))
    return fit_ranges(nothing, spec.input)


# --- a whole record at once, which is the same -----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Heart:
    """Of each interval of a record its length in s, and whether it is AF."""

    name: str
    rr: Floats
    is_af: Bools

    @property
    def calm_hours(self) -> float:
        """Of rhythms other than AF."""
        return float(self.rr[~self.is_af].sum()) / 3600

    def counts(self, window: int) -> Any:
        """What is read of the last `window` beats `[beat, feature]`, from the beat on that fills them."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Measured(Heart):
    """A heart of which is known what is read of the last beats `[beat, feature]`, from the beat on that fills them."""

    features: NDArray[Any]

    def counts(self, window: int) -> NDArray[Any]:
        assert len(self.features) == len(self.rr) - window + 1, "these are features of another window"
        return self.features


@dataclass(frozen=True, eq=False)
class Record(Heart):
    """A heart to which a liquid listens, and its spikes `[beat, neuron]`."""

    spikes: Ints

    def counts(self, window: int) -> Ints:
        """Spikes of the last `window` beats `[beat, neuron]`, from the beat on that fills them."""
        total = np.concatenate([np.zeros((1, self.spikes.shape[1]), np.int64), np.cumsum(self.spikes, axis=0)])
        return total[window:] - total[:-window]


def hearts_of(spec: Spec, data: Beats) -> Iterator[Heart]:
    positive = data.rhythms.index(front_of(spec).positive)
    for i, name in enumerate(data.groups):
        one = subset(data, [i])
        yield Heart(name, np.diff(one.beats) / one.rate, one.rhythm[1:] == positive)


def measured(spec: Spec, data: Beats) -> list[Measured]:
    """Each record, with the measures of heart rate variability of the spec's window after every beat."""
    window, records = front_of(spec).window_beats, []
    for heart in hearts_of(spec, data):
        rr = np.clip(heart.rr, SHORTEST_S, LONGEST_S)
        windows = np.lib.stride_tricks.sliding_window_view(rr, window)
        parts = [hrv(windows[low : low + AT_ONCE].copy()) for low in range(0, len(windows), AT_ONCE)]
        records.append(Measured(heart.name, heart.rr, heart.is_af, np.concatenate(parts)))
    return records


@lru_cache(maxsize=32)
def _frames(front_end: BeatsFrontEnd, rr: bytes) -> Floats:
    """Of a record as it comes in, the same for all liquids; rr: float64."""
    return np.array([frame.copy() for frame in BeatsIn(front_end).take(np.frombuffer(rr))])


def heard(spec: Spec, program: Program, data: Beats) -> list[Record]:
    """Each record in one run of the program, from its first beat to its last."""
    records = []
    for heart in hearts_of(spec, data):
        rr, frames = heart.rr, _frames(_causal(spec), heart.rr.tobytes())
        session, counts = ld.start("fast", program), []
        for low in range(0, len(rr), AT_ONCE):
            part = Frames(frames[low : low + AT_ONCE], np.zeros(1, np.int64))
            given = encode(spec.input, _ranges(spec), part, spec.dt_ms, spec.seed)
            spikes = read(program, session.run(given.spikes)[0], readout_of(spec))
            counts.append(spikes.reshape(len(part.frames), -1, spikes.shape[1]).sum(axis=1, dtype=np.int64))
        records.append(Record(heart.name, rr, heart.is_af, np.concatenate(counts)))
    return records
