"""Events become frames of 0 and 1: whether a channel, a pixel or a pool of them, had an event in a bin.

Bins count from the first event of a recording. A channel is (row * columns + column) * polarities + polarity.
"""

from __future__ import annotations

import numpy as np

from lsm_deploy.core import memory
from lsm_deploy.data import Events, Frames, digests, lengths
from lsm_deploy.spec.schema import EventsFrontEnd

__all__ = ["frames_of_events"]


def frames_of_events(events: Events, front_end: EventsFrontEnd) -> Frames:
    """Frames `[bin, channel]`; a recording without events is one bin of silence."""
    many = lengths(events)
    sample = np.repeat(np.arange(len(many)), many)
    begun = np.full(len(many), np.iinfo(np.int64).max)
    np.minimum.at(begun, sample, events.t_us)
    bins = ((events.t_us - begun[sample]) / (1000 * front_end.bin_ms)).astype(np.int64)
    last = np.zeros(len(many), np.int64)
    np.maximum.at(last, sample, bins)
    starts = np.cumsum(last + 1) - (last + 1)

    width, height, polarities = events.sensor
    columns, rows = -(-width // front_end.pool[0]), -(-height // front_end.pool[1])
    polarities = 1 if front_end.merge_polarity else polarities
    channels, total = columns * rows * polarities, int((last + 1).sum())
    memory.require(
        total * channels * 8 * 2,  # frames look at how large each value is
        f"{total} bins of {channels} channels take",
        where=events.source,
        hint="raise bin_ms or pool, or give fewer recordings",
    )
    frames = np.zeros((total, channels))
    pixel = (events.y // front_end.pool[1]).astype(np.int64) * columns + events.x // front_end.pool[0]
    frames[starts[sample] + bins, pixel * polarities + (0 if front_end.merge_polarity else events.p)] = 1.0
    return Frames(frames, starts, events.labels, events.source, events.groups, digests=digests(events))
