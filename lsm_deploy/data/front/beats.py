"""Heart beats become windows of inter-beat intervals, one frame a beat, labelled by what most of their beats are.

Every value of a beat is known when the beat is: it depends on the beats before it alone, rr_relative on those of its
window. Intervals are clipped to 0.2 to 3 s, beyond which a detector has missed or invented a beat. The first interval
of a record has none before it, and counts as unchanged. Windows do not cross a record's end, and none is left out but a
last one that is not full.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import memory
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import Beats, Frames, digests, lengths, rows_of
from lsm_deploy.data.front import kernels
from lsm_deploy.spec.schema import BeatsFrontEnd

__all__ = ["AF", "NOT_AF", "frames_of_beats"]

AF, NOT_AF = "AF", "not AF"
"""The labels: more than half of a window's beats are in the positive rhythm, or not."""

SHORTEST_S, LONGEST_S = 0.2, 3.0


def frames_of_beats(beats: Beats, front_end: BeatsFrontEnd) -> Frames:
    """Frames `[beat of a window, channel]`; the groups are the records."""
    if beats.rhythms and front_end.positive not in beats.rhythms:
        what = f"there is no rhythm {front_end.positive!r}; here are {', '.join(beats.rhythms)}"
        raise LsmError(what, where=beats.source, hint="write one of them as `front_end: {positive: ...}`")
    # An interval belongs to the beat that ends it; the first beat of a record ends none.
    first, many = beats.starts - np.arange(len(beats.starts)), lengths(beats) - 1
    ends = rows_of(beats.starts + 1, many)
    rr = np.clip((beats.beats[ends] - beats.beats[ends - 1]) / beats.rate, SHORTEST_S, LONGEST_S)
    wanted = beats.rhythms.index(front_end.positive) if beats.rhythms else 0
    positive = beats.rhythm[ends] == wanted

    size = front_end.window_beats
    windows = np.maximum(0, (many - size) // front_end.stride + 1)
    if not windows.any():
        what = (
            f"no record has the {size + 1} beats that a window of {size} intervals takes, the longest {many.max() + 1}"
        )
        raise LsmError(what, where=beats.source, hint="shorten window_beats, or give longer records")
    needed = int(windows.sum()) * size * (3 * front_end.frame_channels + 2) * 8
    memory.require(
        needed, "the windows take", where=beats.source, hint="widen stride_beats, or give fewer records at a time"
    )
    record = np.repeat(np.arange(len(windows)), windows)
    start = np.repeat(first, windows) + rows_of(np.zeros_like(windows), windows) * front_end.stride
    rows = start[:, None] + np.arange(size)

    channels = _channels(rr, first[many > 0])
    frames = np.empty((len(rows), size, front_end.frame_channels))
    for i, name in enumerate(front_end.channels):
        frames[:, :, i] = rr[rows] / _running_median(rr[rows]) - 1 if name == "rr_relative" else channels[name][rows]
    is_af = 2 * positive[rows].sum(axis=1) > size
    return Frames(
        frames.reshape(-1, front_end.frame_channels),
        np.arange(len(rows)) * size,
        tuple(AF if yes else NOT_AF for yes in is_af.tolist()) if beats.rhythms else (),
        beats.source,
        tuple(beats.groups[i] for i in record.tolist()),
        digests=digests(beats)[record],
        ids=tuple(
            f"{beats.groups[i]} beat {at}"
            for i, at in zip(record.tolist(), (start - first[record]).tolist(), strict=True)
        ),
    )


def _channels(rr: Floats, first: NDArray[np.int64]) -> dict[str, Floats]:
    """Every channel that needs no window, of all intervals `[interval]`; first: where records start."""
    before = np.concatenate([rr[:1], rr[:-1]])
    before[first] = rr[first]
    drr = rr - before
    relative = drr / ((rr + before) / 2)
    changed = np.diff(relative, prepend=relative[:1])
    changed[first] = 0.0
    return {
        "rr": rr,
        "drr": drr,
        "drr_relative": relative,
        "abs_drr_relative": np.abs(relative),
        "ddrr_relative": changed,
    }


def _running_median(rr: Floats) -> Floats:
    """The median of each window's intervals up to each `[window, interval]`."""
    medians = np.empty_like(rr)
    kernels.running_medians(rr, np.empty(rr.shape[1]), medians)
    return medians
