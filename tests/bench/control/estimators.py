"""The expert on frames alone, which is what is classical: velocities by finite differences, or by a Kalman filter.

The filter predicts with the plant's own equations from the command before, and corrects by what a frame shows, with
the gain of the steady state about upright (Anderson & Moore, Optimal Filtering, 1979), for positions that are uncertain
by 1 % and velocities that are pushed by 0.05 a step, in their unit. These were set before anything was run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.control.experts import EXPERTS, MODELS, Model, turned
from bench.control.plants import PERIOD

__all__ = ["Differences", "Filtered"]

Floats = NDArray[np.float64]

PUSHED = 0.05


class Differences:
    """Velocities are differences of positions over a step, 0 in the first one."""

    def __init__(self, name: str) -> None:
        self._expert, self._model = EXPERTS[name](), MODELS[name]()
        self._before: Floats | None = None

    def begin(self) -> None:
        self._before = None

    def act(self, frame: Floats) -> float:
        now = self._model.positions(frame)
        moved = np.zeros_like(now) if self._before is None else now - self._before
        self._before = now
        return self._expert(_state(now, (turned(moved) if self._model.turns else moved) / PERIOD))


class Filtered:
    """Velocities are a Kalman filter's, and so are positions."""

    def __init__(self, name: str) -> None:
        self._expert, self._model = EXPERTS[name](), MODELS[name]()
        self._gain = _filter(self._model)
        self._estimate: Floats | None = None
        self._command = 0.0

    def begin(self) -> None:
        self._estimate = None

    def act(self, frame: Floats) -> float:
        now = self._model.positions(frame)
        if self._estimate is None:
            self._estimate = _state(now, np.zeros_like(now))
        else:
            predicted = self._model.moved(self._estimate, self._command)
            off = now - predicted[::2]
            self._estimate = predicted + self._gain @ (turned(off) if self._model.turns else off)
        self._command = self._expert(self._estimate)
        return self._command


def _state(positions: Floats, velocities: Floats) -> Floats:
    return np.stack([positions, velocities], axis=1).ravel()


def _filter(model: Model) -> Floats:
    """L `[state, position]` of x = predicted + L (shown - predicted)."""
    from scipy.linalg import solve_discrete_are

    shown = np.eye(len(model.a))[::2]
    pushed, noise = np.zeros(len(model.a)), np.diag(model.noise**2)
    pushed[1::2] = PUSHED**2
    p = solve_discrete_are(model.a.T, shown.T, np.diag(pushed), noise)
    gain: Floats = np.linalg.solve(shown @ p @ shown.T + noise, shown @ p).T
    return gain
