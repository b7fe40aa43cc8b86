"""What is named, and whether it is right: detections, confusions and false alarms of a stream, by threshold.

A word is there to be named from its middle up to `TOLERANCE` after its end. A name that is given then is a detection,
where it is the word's and the first such one, and a confusion where it is another digit; a repetition, and whatever is
named at other times, is a false alarm. The threshold and the refractory time are chosen on streams of speakers that the
readout was not trained on, and that are not tested: of those that keep false alarms at or below a rate, the ones with
the most detections less confusions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.spotting.sound import RATE, Ints
from bench.spotting.ways import Named
from bench.spotting.windows import LENGTH, Heard

__all__ = [
    "REFRACTORY",
    "THRESHOLDS",
    "TOLERANCE",
    "Bools",
    "Outcome",
    "Point",
    "choose",
    "names_of",
    "outcome",
    "tallies",
]

Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

TOLERANCE = RATE // 5
"""Samples: 200 ms."""
THRESHOLDS = np.linspace(-0.8, 1.6, 33)
"""In units of the classifier."""
REFRACTORY = (20, 40, 60)
"""Frames."""
ALARMS = RATE // 10
"""Samples in which an alarm is counted once: less than any refractory time."""


@dataclass(frozen=True)
class Point:
    """How a way is operated: which of its variants, with what threshold and refractory time; and whether the rate that
    was asked for was kept where this was chosen."""

    variant: int
    threshold: float
    refractory: int
    kept: bool


@dataclass(frozen=True, eq=False)
class Outcome:
    """detected, confused `[word]`; late: samples from the end of each detected word to its name; alarms `[tenth of a
    second]`: whether there was a false one; false: how many."""

    detected: Bools
    confused: Bools
    late: Ints
    alarms: Bools
    false: int


def names_of(named: Named, threshold: float, refractory: int) -> Ints:
    """The frames at which something is named, as `ld.Spotter` does it with this threshold in units of the scores: none
    before its window is full."""
    above = np.flatnonzero(named.margin >= round(threshold * named.scale))
    above = above[above >= LENGTH - 1]
    frames, at = [], 0
    while at < len(above):
        frames.append(above[at])
        at = int(np.searchsorted(above, above[at] + max(refractory, 1)))
    return np.array(frames, np.int64)


def outcome(named: Named, each: Heard, threshold: float, refractory: int) -> Outcome:
    """What comes of a stream with this threshold."""
    stream = each.stream
    middle, close = (stream.begin + stream.end) // 2, stream.end + TOLERANCE
    detected, confused = (np.zeros(len(stream.digit), bool) for _ in range(2))
    alarms, late, false = np.zeros(len(stream.sound) // ALARMS + 1, bool), list[int](), 0
    for frame in names_of(named, threshold, refractory).tolist():
        at, digit = int(each.known[frame]), named.classes[named.best[frame]]
        # Words last, and pauses are short: at most two are there to be named.
        last = int(np.searchsorted(middle, at, "right"))
        there = [i for i in range(max(0, last - 2), last) if at < close[i]]
        right = [i for i in there if stream.digit[i] == digit]
        fresh = [i for i in right if not detected[i]]
        if fresh:
            detected[fresh[0]] = True
            late.append(at - int(stream.end[fresh[0]]))
        elif there and not right:
            confused[there[0]] = True
        else:
            alarms[at // ALARMS] = True
            false += 1
    return Outcome(detected, confused, np.array(late, np.int64), alarms, false)


def tallies(variants: Sequence[Sequence[tuple[Named, Heard]]]) -> Ints:
    """Detections, confusions, and false alarms, over these streams `[variant, refractory time, threshold, 3]`."""
    found = np.zeros((len(variants), len(REFRACTORY), len(THRESHOLDS), 3), np.int64)
    for (variant, r, t, _), _ in np.ndenumerate(found[..., :1]):
        for named, each in variants[variant]:
            came = outcome(named, each, float(THRESHOLDS[t]), REFRACTORY[r])
            found[variant, r, t] += int(came.detected.sum()), int(came.confused.sum()), came.false
    return found


def choose(tally: Ints, hours: float, most: float) -> Point:
    """The point with the most detections less confusions in so many hours, of those with at most so many false alarms
    an hour; where there is none, the one with the fewest."""
    gained, false = tally[..., 0] - tally[..., 1], tally[..., 2]
    kept = false <= most * hours
    value = np.where(kept, gained, gained.min() - 1) if kept.any() else -false
    # Of equal ones the strictest.
    variant, r, t = max(np.ndindex(value.shape), key=lambda at: (int(value[at]), at[2], at[1], -at[0]))
    return Point(variant, float(THRESHOLDS[t]), REFRACTORY[r], bool(kept.any()))
