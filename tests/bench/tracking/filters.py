"""Trackers without neurons: constant velocity from where events are, and a Kalman filter. What they have is fitted to
training sequences, by the same error that is reported: the mean distance to where the object is 100 ms later.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from bench.tracking.scenes import FRAME_MS, SENSOR, Recording
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["AHEAD", "FIRST", "WINDOWS", "Centroids", "constant_velocity", "fitted", "kalman", "last_seen"]

AHEAD = 20
"""Frames between a forecast and what it is of: 100 ms."""
FIRST = 60
"""Frames of a sequence that are not answered."""
WINDOWS = tuple(product((2, 4, 6, 10, 15, 20, 30), (1, 3, 6, 12)))
"""Frames, and the fewest events in them, of which a pair is chosen."""
DT = FRAME_MS / 1000
MIDDLE = (SENSOR - 1) / 2
"""Of the sensor, where nothing has been seen yet."""
EVALUATIONS = 100
"""Of a search for a filter's parameters."""


@dataclass(frozen=True, eq=False)
class Centroids:
    """Events of each frame: how many `[sequence, frame]`, and the sums of their x and y `[sequence, frame, 2]`."""

    many: Floats
    sums: Floats

    @classmethod
    def of(cls, recording: Recording) -> Centroids:
        each = recording.events.sum(axis=-1).astype(np.float64)
        pixels = np.arange(SENSOR)
        sums = np.stack([each.sum(axis=2) @ pixels, each.sum(axis=3) @ pixels], axis=-1)
        return cls(each.sum(axis=(2, 3)), sums)


def error(forecasts: Floats, recording: Recording) -> float:
    """The mean distance in pixels; forecasts: `[sequence, frame, 2]`, of `AHEAD` frames later."""
    frames = slice(FIRST, -AHEAD)
    return float(np.hypot(*np.moveaxis(forecasts[:, frames] - recording.centres[:, FIRST + AHEAD :], -1, 0)).mean())


def last_seen(of: Centroids, window: int, least: int) -> Floats:
    """Where events were in the last so many frames `[sequence, frame, 2]`; with fewer events than so many, which may be
    noise, where they were last."""
    recent = _recent(of, window)
    return _held(recent.place, recent.many >= least, MIDDLE)[0]


def constant_velocity(of: Centroids, window: int, least: int) -> Floats:
    """Where the object will be if it moves on `[sequence, frame, 2]`: from the events of the last window, and of the
    one before it. With fewer events in either it moves on as it did last."""
    now = _recent(of, window)
    before = _Recent(_later(now.place, window, np.nan), _later(now.when, window, np.nan), _later(now.many, window, 0))
    velocity = (now.place - before.place) / (now.when - before.when)[..., None]
    reckoned = now.place + velocity * (np.arange(of.many.shape[1]) - now.when)[..., None]
    known = (now.many >= least) & (before.many >= least)
    place, age = _held(reckoned, known, MIDDLE)
    speed, _ = _held(velocity, known, 0.0)
    return place + speed * (AHEAD + age)[..., None]


@dataclass(frozen=True, eq=False)
class _Recent:
    """Of the events of the last frames: the mean place `[sequence, frame, 2]` and frame `[sequence, frame]`, NaN where
    there are none, and how many there are."""

    place: Floats
    when: Floats
    many: Floats


def _recent(of: Centroids, window: int) -> _Recent:
    def last(values: Floats) -> Floats:
        total = np.cumsum(values, axis=1)
        return total - np.concatenate([np.zeros_like(total[:, :window]), total[:, :-window]], axis=1)

    many = last(of.many)
    with np.errstate(invalid="ignore"):
        return _Recent(last(of.sums) / many[..., None], last(of.many * np.arange(of.many.shape[1])) / many, many)


def _later(values: Floats, frames: int, first: float) -> Floats:
    """So many frames later, and this before."""
    return np.concatenate([np.full_like(values[:, :frames], first), values[:, :-frames]], axis=1)


def _held(values: Floats, known: Any, first: float) -> tuple[Floats, Floats]:
    """Values `[sequence, frame, 2]` as they were last known, at first so, and how many frames ago that was."""
    frames = np.arange(values.shape[1])
    last = np.maximum.accumulate(np.where(known, frames, -1), axis=1)
    held = np.take_along_axis(values, np.maximum(last, 0)[..., None], axis=1)
    return np.where(last[..., None] >= 0, held, first), np.where(last >= 0, frames - last, 0).astype(np.float64)


def kalman(of: Centroids, acceleration: float, spread: float, gate: float, decay: float = 0.0) -> Floats:
    """The same by a Kalman filter (Bar-Shalom, Li & Kirubarajan, Estimation with Applications to Tracking and
    Navigation, 2001, 5.2 and 6.2).

    Of each axis the state is place and velocity; the velocity is constant, or decays, and white noise accelerates it.
    What is measured is where the events of a frame are: of n events with variance `spread` / n; a frame without events
    measures nothing, nor does one that lies beyond the gate.

    acceleration: the density of that noise in pixels^2 / s^3; gate: the largest square of a distance in its deviations;
    decay: of the velocity, in 1 / s.
    """
    keep = np.exp(-decay * DT)
    go, ahead = (_reach(decay, seconds) for seconds in (DT, DT * AHEAD))
    noise = acceleration * np.array([[DT**3 / 3, DT**2 / 2], [DT**2 / 2, DT]])
    step = np.array([[1.0, go], [0.0, keep]])
    sequences, frames = of.many.shape
    state = np.zeros((sequences, 2, 2))  # [sequence, place or velocity, axis]
    state[:, 0] = MIDDLE
    p = np.tile(np.diag([SENSOR**2 / 12.0, 20.0**2]), (sequences, 1, 1))
    forecasts = np.empty((sequences, frames, 2))
    for t in range(frames):
        state, p = step @ state, step @ p @ step.T + noise
        many = np.maximum(of.many[:, t], 1)
        off = of.sums[:, t] / many[:, None] - state[:, 0]
        variance = p[:, 0, 0] + spread / many
        takes = (of.many[:, t] > 0) & ((off**2).sum(axis=1) <= gate * variance)
        gain = p[:, :, 0] / variance[:, None] * takes[:, None]
        state = state + gain[:, :, None] * off[:, None, :]
        p = p - gain[:, :, None] * p[:, None, 0, :]
        forecasts[:, t] = state[:, 0] + ahead * state[:, 1]
    return forecasts


def _reach(decay: float, seconds: float) -> float:
    """How far a velocity of 1 goes."""
    return float(-np.expm1(-decay * seconds) / decay) if decay > 0 else seconds


def fitted(of: Centroids, recording: Recording, *, decays: bool) -> tuple[float, ...]:
    """The filter's parameters with the least error on these sequences, by Nelder and Mead's simplex of logarithms."""
    from scipy.optimize import minimize

    begin = np.log([300.0, 4.0, 9.0, *((1.0,) if decays else ())])

    def wrong(logarithms: Any) -> float:
        return error(kalman(of, *np.exp(logarithms)), recording)

    found = minimize(wrong, begin, method="Nelder-Mead", options={"maxfev": EVALUATIONS, "xatol": 0.02, "fatol": 1e-4})
    return tuple(np.exp(found.x).tolist())
