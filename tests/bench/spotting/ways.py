"""What spots: features of windows that a linear readout is trained on, and the same features along a stream.

    liquid        roots of counts of each neuron's spikes in parts of the last frames; it never rests
    feedforward   the same with every synapse between neurons cut
    encoded       the same of each input spike train
    buffer        the last frames themselves, a byte a value

Along a stream everything is made at once, chunk by chunk; a model that listens makes it frame by frame, and has the
same scores: `tests/test_spotting.py` compares them, and so does each run of the benchmark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

import lsm_deploy as ld
from bench.spotting.sound import Floats, Ints
from lsm_deploy.core.messages import Messages
from lsm_deploy.data import Frames
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.listener import Listener
from lsm_deploy.learn.live.spotting import NOTHING
from lsm_deploy.learn.readout import IntegerReadout
from lsm_deploy.learn.runs import read, run_samples
from lsm_deploy.measure.evaluation.liquids import without_recurrence
from lsm_deploy.spec.schema import Bins, Readout

__all__ = ["Named", "Speakers", "buffered", "cut_of", "fitted", "named", "of_liquid", "of_windows"]

AT_ONCE = 1 << 11
"""Frames."""
LEVELS = 255
"""Of a value in the buffer."""

Speakers: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Named:
    """Of each frame of a stream: the class, by number, that is best of all but `nothing`, and by how much it is."""

    classes: tuple[str, ...]
    best: Ints
    margin: Ints
    scale: float
    """Of the scores: so many units are 1 of the classifier in floats, whose classes are 2 apart."""


def cut_of(listener: Listener) -> Listener:
    """With its recurrence off."""
    cut = without_recurrence(listener.program)
    if cut is None:
        raise ValueError("the liquid has no recurrence")
    return replace(listener, program=cut)


def of_windows(listener: Listener, section: Readout, windows: Frames) -> tuple[Ints, Ints]:
    """Features of the liquid and of its input, from rest at the beginning of each window."""
    samples = run_samples(listener, section, windows, "train").samples
    return samples.features, samples.encoded


def of_liquid(listener: Listener, section: Readout, frames: Floats) -> Iterator[tuple[Ints, Ints]]:
    """Features of the liquid and of its input after each frame of an endless run, of the last `listener.longest`."""
    session, program = ld.start("fast", listener.program), listener.program
    inside, outside = (_Window(section, listener.longest) for _ in range(2))
    for low in range(0, len(frames), AT_ONCE):
        part = Frames(frames[low : low + AT_ONCE], np.zeros(1, np.int64))
        entering = listener.encode(part).spikes
        spikes = read(program, session.run(entering)[0], section)
        yield inside.after(spikes, len(part.frames)), outside.after(entering, len(part.frames))


class _Window:
    """Features of spike trains in the last frames, from rest on; before the window is full it is as long as the run."""

    def __init__(self, section: Readout, frames: int) -> None:
        if not isinstance(section.features, Bins):
            raise ValueError("the readout does not read counts in bins")
        self.parts, self.root, self.frames = section.features.bins, section.features.root, frames
        self.t, self.held = 0, np.zeros((1, 1), np.int32)
        """Steps so far, and spikes before each of the last ones `[step, train]`."""

    def after(self, sent: Messages, frames: int) -> Ints:
        """What they are after each of these frames `[frame, part * train]`."""
        each = len(sent) // frames
        most, ends = self.frames * each, self.t + each * np.arange(1, frames + 1)
        before = np.broadcast_to(self.held[-1:], (1, sent.shape[1]))
        held = np.broadcast_to(self.held, (len(self.held), sent.shape[1]))
        counts = np.concatenate([held, before + np.cumsum(sent, axis=0, dtype=np.int32)])
        first, long = self.t + 1 - len(held), np.minimum(ends, most)
        edges = (ends - long)[:, None] + long[:, None] * np.arange(self.parts + 1) // self.parts
        values = np.diff(counts[edges - first], axis=1).reshape(frames, -1).astype(np.int64)
        self.t, self.held = self.t + len(sent), counts[-most - 1 :].copy()
        return np.floor(np.sqrt(values << 8)).astype(np.int64) if self.root else values


def buffered(frames: Floats, ends: Ints, long: int, low: float, high: float) -> Ints:
    """The last frames up to each of `ends`, as bytes `[end, value]`; before the first one there was silence."""
    levels = np.rint(LEVELS * (np.clip(frames, low, high) - low) / (high - low)).astype(np.uint8)
    before = np.concatenate([np.zeros((long - 1, frames.shape[1]), np.uint8), levels])
    views = np.lib.stride_tricks.sliding_window_view(before, long, axis=0)
    return np.asarray(views[ends].transpose(0, 2, 1).reshape(len(ends), -1)).astype(np.int64)


def fitted(
    features: Ints, windows: Frames, section: Readout, seed: int, sets: Sequence[Speakers]
) -> dict[Speakers, tuple[readouts.Classifier, IntegerReadout]]:
    """A readout for each set of speakers, trained on what they say alone."""
    made = {}
    for speakers in sets:
        rows = [i for i, name in enumerate(windows.groups) if name in speakers]
        labels, groups = ([of[i] for i in rows] for of in (windows.labels, windows.groups))
        classifier = readouts.fit(features[rows], labels, section, seed, groups if len(speakers) > 1 else ())
        made[speakers] = classifier, readouts.quantise_readout(classifier, section.weight_bits)
    return made


def named(parts: Iterator[tuple[Ints, ...]], asked: Sequence[tuple[int, IntegerReadout]]) -> list[Named]:
    """What readouts make of a stream; parts: features `[frame, feature]` of one or several ways; asked: which of these
    each readout reads."""
    found: list[list[tuple[Ints, Ints]]] = [[] for _ in asked]
    for part in parts:
        for (way, integers), kept in zip(asked, found, strict=True):
            scores = readouts.scores(integers, part[way])
            nothing = integers.classes.index(NOTHING)
            beside = scores[:, nothing].copy()
            scores[:, nothing] = np.iinfo(np.int64).min
            best = scores.argmax(axis=1)
            kept.append((best, scores[np.arange(len(scores)), best] - beside))
    return [
        Named(integers.classes, *(np.concatenate(some) for some in zip(*kept, strict=True)), integers.scale)
        for (_, integers), kept in zip(asked, found, strict=True)
    ]
