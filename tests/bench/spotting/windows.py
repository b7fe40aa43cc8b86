"""Windows to train on: what was heard up to a frame, and the digit that has just ended there, or `nothing`.

A frame is known half a window of sound after its middle. It is labelled with the digit of a word that had ended by
then, and not longer ago than `RECENT`; frames within `UNSURE` before and after these are not trained on, because where
a word ends is not known to the millisecond; all others are `nothing`: silence, noise, and words that go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.spotting.sound import RATE, Floats, Ints, Stream
from lsm_deploy.data import Audio, Frames
from lsm_deploy.data.front import to_frames
from lsm_deploy.learn.live.spotting import NOTHING
from lsm_deploy.spec.schema import AudioFrontEnd

__all__ = ["LENGTH", "Heard", "chosen", "heard", "windows"]

RECENT, UNSURE = RATE // 10, 3 * RATE // 50
"""Samples: 100 and 60 ms."""
LENGTH = 40
"""Frames of a window: 400 ms, as long as most words."""
ENDED, GOING_ON, ELSEWHERE = 2, 2, 1
"""Windows a word: as it has ended, while it goes on, and from where no word is."""


@dataclass(frozen=True, eq=False)
class Heard:
    """A stream, its frames `[frame, band]`, and the samples that had been heard when each was known `[frame]`."""

    frames: Floats
    known: Ints
    stream: Stream


def heard(stream: Stream, front_end: AudioFrontEnd) -> Heard:
    """What the front end makes of a stream, while it comes in: without the last frames, which take its end."""
    hop, late = (round(ms * RATE / 1000) for ms in (front_end.hop_ms, front_end.window_ms / 2))
    frames = to_frames(Audio(stream.sound, np.zeros(1, np.int64), float(RATE)), front_end).frames
    known = np.arange(len(frames)) * hop + late
    within = known <= len(stream.sound)
    return Heard(frames[within], known[within], stream)


def labels_of(each: Heard) -> tuple[str, ...]:
    """The label of each frame, "" where none is sure."""
    labels = np.full(len(each.known), NOTHING, object)
    for digit, end in zip(each.stream.digit, each.stream.end.tolist(), strict=True):
        low, first, last, high = np.searchsorted(each.known, [end - UNSURE, end, end + RECENT, end + RECENT + UNSURE])
        labels[low:high] = ""
        labels[first:last] = digit
    return tuple(labels.tolist())


def chosen(each: Heard, rng: np.random.Generator) -> tuple[Ints, list[str]]:
    """The frames at which windows end, ascending, and their labels."""
    labels = np.array(labels_of(each), object)
    inside = np.zeros(len(labels), bool)
    frames: list[int] = []
    for begin, end in zip(each.stream.begin.tolist(), each.stream.end.tolist(), strict=True):
        first, last, recent = np.searchsorted(each.known, [begin, end, end + RECENT])
        inside[first:last] = True
        ended = last + np.flatnonzero(labels[last:recent] != NOTHING)
        going_on = first + np.flatnonzero(labels[first:last] == NOTHING)
        for some, many in ((ended, ENDED), (going_on, GOING_ON)):
            frames += rng.permutation(some)[:many].tolist()
    elsewhere = np.flatnonzero((labels == NOTHING) & ~inside)
    frames += rng.permutation(elsewhere)[: ELSEWHERE * len(each.stream.digit)].tolist()
    at = np.unique(frames)
    return at, labels[at].tolist()


def windows(streams: Sequence[Heard], speakers: Sequence[str], at: Sequence[Ints], labels: Sequence[str]) -> Frames:
    """The windows that end at these frames of each stream, which a speaker speaks in; labels: of all of them."""
    parts, groups = [], list[str]()
    for each, speaker, ends in zip(streams, speakers, at, strict=True):
        parts += [each.frames[max(0, end + 1 - LENGTH) : end + 1] for end in ends.tolist()]
        groups += [speaker] * len(ends)
    many = np.array([len(part) for part in parts])
    return Frames(np.concatenate(parts), np.cumsum(many) - many, tuple(labels), "streams", tuple(groups))
