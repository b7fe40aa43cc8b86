"""Pedestrians as the sensor would see them: boxes of TUD-Stadtmitte to train on, and of TUD-Campus to test.

The boxes are those of the ground truth that motmetrics ships (Andriluka, Roth & Schiele, CVPR 2008 and 2010; in the
form of MOTChallenge: frame, identity, left, top, width, height; 25 frames a second of 640 by 480 pixels). A pixel of
the sensor is 40 of the video's, boxes move on straight lines between frames, and each pedestrian walks alone, as a
dark box. What a person looks like, or who else is there, is not in it: paths and sizes are real, events are not.
"""

from __future__ import annotations

import csv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.tracking.scenes import FRAME_MS, SENSOR, Recording, hidden_once, log_intensity, record
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.streams import stream

__all__ = ["TEST", "TRAIN", "Walks", "walks"]

TRAIN, TEST = "TUD-Stadtmitte", "TUD-Campus"
FRAME_OF_VIDEO_MS = 40
SCALE = 40.0
"""Pixels of the video in one of the sensor."""
HEIGHT = 480.0
LASTS, HOP = 24, 14
"""Of a sequence, and from one to the next of the same pedestrian, in frames of the video: what is answered of each, all
but the first 300 ms and the last 100, begins where that of the one before ends."""


@dataclass(frozen=True, eq=False)
class Walks:
    """Sequences of pedestrians, and the number of the one in each `[sequence]`."""

    recording: Recording
    pedestrians: Ints


def walks(wheel: Path, name: str, seed: int) -> Walks:
    """Those of a video whose boxes are in motmetrics' wheel."""
    tracks = _tracks(wheel, name)
    steps = LASTS * FRAME_OF_VIDEO_MS
    at, boxes, pedestrians = np.arange(steps) / FRAME_OF_VIDEO_MS, [], []
    for number, track in enumerate(tracks):
        for first in range(0, len(track) - LASTS, HOP):
            some, frames = track[first : first + LASTS + 1], np.arange(LASTS + 1)
            boxes.append(np.stack([np.interp(at, frames, column) for column in some.T], axis=1))
            pedestrians.append(number)
    each = np.array(boxes)  # [sequence, ms, x y of the centre, and half of the sides]
    visible = hidden_once(stream(seed, "tracking", name), len(each), steps, (350, 600))

    def rendered(t: int) -> Floats:
        return log_intensity(each[:, t, :2], each[:, t, 2:], visible[:, t])

    last = slice(FRAME_MS - 1, None, FRAME_MS)
    events = record(rendered, len(each), steps, seed)
    return Walks(Recording(events, each[:, last, :2], visible[:, last] < 1), np.array(pedestrians))


def _tracks(wheel: Path, name: str) -> list[Floats]:
    """Of each pedestrian who is there for long enough, centres and half sides `[frame, 4]` in pixels of the sensor."""
    with zipfile.ZipFile(wheel) as files:
        lines = files.read(f"motmetrics/data/{name}/gt.txt").decode().splitlines()
    rows = np.array([row[:6] for row in csv.reader(lines)], np.float64)
    tracks = []
    for identity in np.unique(rows[:, 1]):
        mine = rows[rows[:, 1] == identity]
        mine = mine[np.argsort(mine[:, 0])]
        if len(mine) <= LASTS or (np.diff(mine[:, 0]) != 1).any():
            continue
        half = mine[:, 4:6] / 2
        centres = (mine[:, 2:4] + half + [0, (SENSOR * SCALE - HEIGHT) / 2]) / SCALE - 0.5
        tracks.append(np.concatenate([centres, half / SCALE], axis=1))
    return tracks
