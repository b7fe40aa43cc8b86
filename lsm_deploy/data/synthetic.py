"""Recordings that nobody made, for specs to begin with: each file is the same wherever it is made.

gestures   three axes of a sensor in a hand that draws a circle, one or the other way round, a line, or shakes
calls      a voice that rises, falls, stays or warbles, at a pitch of its own
beats      hearts with a sinus rhythm, that breathe and skip at times, and with atrial fibrillation
movement   a bar that crosses a sensor of 8 by 8 pixels in one of four directions, among events that mean nothing
weights    a network in the chip's integers, 90 spike trains onto 100 neurons
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from lsm_deploy.core.archives import save_arrays
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["FILES", "make_file"]

PARTS = {"train": 160, "test": 80}
"""Samples of each part."""


def make_file(name: str) -> bytes:
    """What is in the file of that name, one of `FILES`."""
    return FILES[name]()


# --- what is recorded ------------------------------------------------------------------------------------------------


def _gesture(label: str, rng: Generator) -> Floats:
    """40 frames of three axes, 20 ms each."""
    turns = rng.uniform(1.5, 2.5) * np.linspace(0, 2 * np.pi, 40) + rng.uniform(0, 2 * np.pi)
    still = 0 * turns
    axes = {
        "circle": [np.cos(turns), np.sin(turns), still],
        "reverse": [np.cos(turns), -np.sin(turns), still],
        "line": [np.cos(turns), np.cos(turns), still],
        "shake": [still, still, np.sign(np.cos(turns))],
    }[label]
    frames: Floats = rng.uniform(0.7, 1.3) * np.stack(axes, axis=1) + rng.normal(0, 0.2, (40, 3))
    return frames


def _call(label: str, rng: Generator) -> Floats:
    """0.3 s of sound at 8 kHz, with three overtones."""
    t = np.linspace(0, 1, 2400)
    bend = {"rise": t - 0.5, "fall": 0.5 - t, "level": 0 * t, "warble": 0.3 * np.sin(6 * np.pi * t)}[label]
    phase = 2 * np.pi * np.cumsum(rng.uniform(300, 500) * 2.0**bend) / 8000
    voice = np.sum([np.sin(k * phase) / k for k in (1, 2, 3, 4)], axis=0)
    sound: Floats = np.sin(np.pi * t) * voice + rng.normal(0, 0.1, len(t))
    return sound * rng.uniform(0.1, 0.3)


def _crossing(label: str, rng: Generator) -> NDArray[np.uint8]:
    """30 frames of 64 pixels, row by row."""
    sensor = rng.random((30, 8, 8)) < 0.03
    at = np.floor(np.linspace(0, 8, 30, endpoint=False)).astype(int)
    at = at if label in ("right", "down") else 7 - at
    for t, place in enumerate(np.roll(at, rng.integers(30))):
        bar = sensor[t, :, place] if label in ("left", "right") else sensor[t, place]
        bar |= rng.random(8) < 0.7
    return sensor.reshape(30, 64).astype(np.uint8)


def _intervals(fibrillates: bool, rng: Generator) -> Floats:
    """Seconds between beats, for one bout of a rhythm."""
    beats = int(rng.integers(60, 120))
    if fibrillates:
        return rng.uniform(0.5, 0.75) * rng.gamma(25.0, 1 / 25, beats)
    breath = 0.05 * np.sin(2 * np.pi * np.arange(beats) / rng.uniform(3, 6) + rng.uniform(0, 6))
    intervals: Floats = rng.uniform(0.7, 1.0) * (1 + breath + rng.normal(0, 0.02, beats))
    early = np.flatnonzero(rng.random(beats - 1) < 0.04)
    intervals[early] *= 0.65
    intervals[early + 1] *= 1.35
    return intervals


# --- files -----------------------------------------------------------------------------------------------------------


def _samples(
    part: str, labels: list[str], record: Callable[[str, Generator], NDArray[Any]]
) -> Iterator[tuple[str, NDArray[Any]]]:
    for i in range(PARTS[part]):
        label = labels[i % len(labels)]
        yield label, record(label, np.random.default_rng([i, part == "test"]))


def _npz(arrays: Mapping[str, ArrayLike]) -> bytes:
    made = io.BytesIO()
    save_arrays(made, arrays, compressed=True)
    return made.getvalue()


def _gestures(part: str) -> bytes:
    lines = ["sample,label,x,y,z"]
    for i, (label, frames) in enumerate(_samples(part, ["circle", "reverse", "line", "shake"], _gesture)):
        lines += [f"{i},{label},{x:.3f},{y:.3f},{z:.3f}" for x, y, z in frames]
    return "\n".join([*lines, ""]).encode()


def _calls(part: str) -> bytes:
    labels, sounds = zip(*_samples(part, ["rise", "fall", "level", "warble"], _call), strict=True)
    audio = np.round(np.concatenate(sounds) * (np.iinfo(np.int16).max / 2)).clip(-(2.0**15), 2.0**15 - 1)
    return _npz({"audio": audio.astype(np.int16), "length": [len(s) for s in sounds], "rate": 8000, "labels": labels})


def _movement(part: str) -> bytes:
    labels, frames = zip(*_samples(part, ["left", "right", "up", "down"], _crossing), strict=True)
    return _npz({"frames": np.stack(frames), "labels": labels})


def _beats(part: str) -> bytes:
    """Records of 20 bouts, in which a rhythm follows the other; named as those of nobody."""
    arrays: dict[str, ArrayLike] = {"rate": 250.0}
    for i in range(8 if part == "train" else 6):
        rng = np.random.default_rng([i, part == "test"])
        bouts = [_intervals(bool(k % 2), rng) for k in range(20)]
        beats = np.round(np.cumsum(np.concatenate(bouts)) * 250).astype(np.int64)
        onset = beats[np.cumsum([0, *map(len, bouts[:-1])])]
        arrays |= {
            f"{part}{i}_beats": np.diff(beats, prepend=0),
            f"{part}{i}_onset": onset,
            f"{part}{i}_rhythm": np.arange(20, dtype=np.int8) % 2,
        }
    return _npz(arrays)


def _weights(sources: int, in_degree: int, largest: int) -> bytes:
    """Even integers of both signs `[post, pre]`, as a projection of mixed signs holds them."""
    rng = np.random.default_rng(sources)
    weights = np.zeros((100, sources), np.int16)
    for row in weights:
        chosen = rng.choice(sources, in_degree, replace=False)
        row[chosen] = 2 * rng.integers(-largest // 2, largest // 2 + 1, in_degree)
    return _npz({"weights": weights})


FILES: dict[str, Callable[[], bytes]] = {
    **{f"gestures-{part}.csv": partial(_gestures, part) for part in PARTS},
    **{f"calls-{part}.npz": partial(_calls, part) for part in PARTS},
    **{f"beats-{part}.npz": partial(_beats, part) for part in PARTS},
    **{f"movement-{part}.npz": partial(_movement, part) for part in PARTS},
    "weights-input.npz": partial(_weights, 30, 8, 120),
    "weights-recurrent.npz": partial(_weights, 100, 8, 60),
}
"""Each file, and what makes it."""
