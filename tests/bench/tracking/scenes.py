"""Moving objects, and the events that a sensor makes of them.

An object is a dark box on a bright ground. Its velocity is an Ornstein-Uhlenbeck process that walls reflect, and turns
to a new direction at random times. For 200 ms at a time it is hidden: it fades within 10 ms, and comes back where it is
by then. A pixel's intensity is the mean over its area, exactly.

A pixel sends an event whenever the logarithm of its intensity has moved by its threshold since its last event (ESIM:
Rebecq, Gehrig & Scaramuzza, CoRL 2018; equation 1, with as many events between two renderings, a millisecond apart, as
thresholds were crossed). Thresholds differ from pixel to pixel and between polarities, normally; and every pixel sends
events of noise at random (background activity), of either polarity alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.streams import stream

__all__ = ["FRAME_MS", "SENSOR", "Bools", "Recording", "hidden_once", "log_intensity", "record", "simulate"]

Bools = NDArray[np.bool_]

SENSOR = 16
"""Pixels along x and y."""
FRAME_MS = 5
"""Events are gathered in frames of so many milliseconds."""
SECONDS = 3.0
BOX = (3.0, 3.0)
"""Pixels."""
RELAXES_S, SPEED, TURNS_HZ = 0.4, 15.0, 0.7
"""The velocity's relaxation time, its deviation along an axis in pixels a second, and turns in a second."""
MARGIN = 2.0
"""Pixels from the centre to the edge of the sensor at which a wall reflects."""
HIDDEN_MS, FADES_MS = 200, 10
HIDDEN_AT_MS = ((600, 1100), (1700, 2300))
"""A sequence is hidden twice, beginning at random within these."""
BRIGHT, DARK = 1.0, 0.3
THRESHOLD, MISMATCH, LEAST = 0.2, 0.03, 0.05
"""In the logarithm of intensity: mean and deviation over pixels, and what none is below."""
NOISE_HZ = 0.1
"""Of a pixel and polarity."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Sequences of one length. events `[sequence, frame, y, x, polarity]`, numbers of them; centres `[sequence, frame,
    2]`: x and y of the object at the frame's end, in pixels; hidden `[sequence, frame]`."""

    events: Ints
    centres: Floats
    hidden: Bools

    def __getitem__(self, some: slice) -> Recording:
        return Recording(self.events[some], self.centres[some], self.hidden[some])


def simulate(seed: int, sequences: int) -> Recording:
    """So many sequences, different ones for each seed."""
    steps = round(SECONDS * 1000)
    rng = stream(seed, "tracking", "motion")
    centres = _moving(rng, sequences, steps)
    visible = np.prod([hidden_once(rng, sequences, steps, within) for within in HIDDEN_AT_MS], axis=0)
    half = np.array(BOX) / 2

    def rendered(t: int) -> Floats:
        return log_intensity(centres[:, t], half, visible[:, t])

    events = record(rendered, sequences, steps, seed)
    last = slice(FRAME_MS - 1, None, FRAME_MS)
    return Recording(events, centres[:, last], visible[:, last] < 1)


def _moving(rng: np.random.Generator, sequences: int, steps: int) -> Floats:
    """Centres `[sequence, ms, 2]`."""
    dt, low, high = 1e-3, MARGIN - 0.5, SENSOR - MARGIN - 0.5  # a pixel's centre is a whole number
    p = low + (high - low) * rng.random((sequences, 2))
    v = SPEED * rng.standard_normal((sequences, 2))
    decay = np.exp(-dt / RELAXES_S)
    kick = SPEED * np.sqrt(1 - decay**2)
    centres = np.empty((sequences, steps, 2))
    for t in range(steps):
        v = decay * v + kick * rng.standard_normal((sequences, 2))
        turns = rng.random(sequences) < TURNS_HZ * dt
        angle, speed = 2 * np.pi * rng.random(sequences), np.hypot(*v.T)
        v[turns] = (speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1))[turns]
        p = p + dt * v
        beyond = (p < low) | (p > high)
        p = np.where(p < low, 2 * low - p, np.where(p > high, 2 * high - p, p))
        v = np.where(beyond, -v, v)
        centres[:, t] = p
    return centres


def hidden_once(rng: np.random.Generator, sequences: int, steps: int, within: tuple[int, int]) -> Floats:
    """How much of an object is seen `[sequence, ms]`, which is hidden once, beginning at random within these."""
    first = within[0] + np.floor((within[1] - within[0]) * rng.random(sequences))[:, None]
    edge = np.minimum(np.arange(steps) - first, first + HIDDEN_MS - np.arange(steps))  # ms within it
    seen: Floats = 1 - np.clip((edge + 1) / FADES_MS, 0, 1)
    return seen


def log_intensity(centre: Floats, half: Floats, visible: Floats) -> Floats:
    """Of each pixel `[sequence, y, x]`; centre, half of the sides `[sequence, 2]`, visible `[sequence]`."""
    pixels = np.arange(SENSOR)
    begin, end = (centre - half)[..., None], (centre + half)[..., None]
    # How much of a pixel, which reaches half a pixel to either side, lies within [sequence, axis, pixel].
    within = np.clip(np.minimum(end, pixels + 0.5) - np.maximum(begin, pixels - 0.5), 0, 1)
    covered = within[:, 1, :, None] * within[:, 0, None, :]
    given: Floats = np.log(BRIGHT + (DARK - BRIGHT) * covered * visible[:, None, None])
    return given


def record(rendered: Callable[[int], Floats], sequences: int, steps: int, seed: int) -> Ints:
    """The events `[sequence, frame, y, x, polarity]` of sequences that are rendered each millisecond.

    rendered: the logarithm of intensity `[sequence, y, x]` at a millisecond.
    """
    rng = stream(seed, "tracking", "sensor")
    shape = sequences, SENSOR, SENSOR
    thresholds = np.maximum(THRESHOLD + MISMATCH * rng.standard_normal((2, *shape)), LEAST)
    level = rendered(0)
    events = np.zeros((sequences, steps // FRAME_MS, SENSOR, SENSOR, 2), np.int64)
    for t in range(steps // FRAME_MS * FRAME_MS):
        change = rendered(t) - level
        up, down = (np.floor(np.maximum(sign * change, 0) / c) for sign, c in zip((1, -1), thresholds, strict=True))
        level = level + up * thresholds[0] - down * thresholds[1]
        noise = rng.random((*shape, 2)) < NOISE_HZ * 1e-3
        events[:, t // FRAME_MS] += np.stack([up, down], axis=-1).astype(np.int64) + noise
    return events
