"""Series that are computed: Mackey-Glass, Lorenz, NARMA10.

Only sums, products and quotients are taken, in one order: the values are the same, bit for bit, on every machine. That
matters, as two of the three are chaotic: a last bit that a library's power rounds otherwise is another series after
some twenty Lyapunov times.
"""

from __future__ import annotations

import math
from functools import reduce
from operator import add

import numpy as np

from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.streams import stream

__all__ = ["LORENZ_GRID", "MACKEY_GLASS_GRID", "lorenz", "mackey_glass", "narma10"]

MACKEY_GLASS_GRID = 0.1
"""Steps of integration are at most so long."""
LORENZ_GRID = 0.005


def mackey_glass(frames: int, tau: float, past: float, step: float) -> Floats:
    """Values `[frame, 1]`, `step` apart from t = 0, of  dx/dt = 0.2 x(t - tau) / (1 + x(t - tau)**10) - 0.1 x(t),
    with x(t) = `past` for all t <= 0.

    By the classical Runge-Kutta method on a grid of at most 0.1 that each `step` is a multiple of. All values and
    slopes on the grid are kept; in between the delayed value is their cubic (Hermite) interpolation, which is of the
    method's order, so that `tau` and `step` may be any numbers. Mackey & Glass, Science 197 (1977).
    """
    many = math.ceil(step / min(MACKEY_GLASS_GRID, tau))
    h = step / many
    x, slopes = [past], [_mackey_glass_slope(past, past)]
    middle, end = (_Delayed(x, slopes, past, h, max(1.0, tau / h) - ahead) for ahead in (0.5, 1.0))
    for i in range((frames - 1) * many):
        half, full, now, k1 = middle.at(i), end.at(i), x[i], slopes[i]
        k2 = _mackey_glass_slope(now + h / 2 * k1, half)
        k3 = _mackey_glass_slope(now + h / 2 * k2, half)
        k4 = _mackey_glass_slope(now + h * k3, full)
        x.append(now + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
        slopes.append(_mackey_glass_slope(x[-1], full))
    return np.array(x[::many])[:, None]


def _mackey_glass_slope(now: float, delayed: float) -> float:
    square = delayed * delayed
    fourth = square * square
    return 0.2 * delayed / (1 + fourth * fourth * square) - 0.1 * now


class _Delayed:
    """The value `lag` steps of the grid before each of its points; the fraction of a step is always the same one."""

    def __init__(self, x: list[float], slopes: list[float], past: float, h: float, lag: float) -> None:
        self.x, self.slopes, self.past = x, slopes, past
        self.back = math.ceil(lag)
        s = self.back - lag
        r = 1 - s
        self.weights = (1 + 2 * s) * r * r, h * s * r * r, s * s * (1 + 2 * r), -h * s * s * r

    def at(self, i: int) -> float:
        j = i - self.back
        if j < 0:
            return self.past
        if not self.weights[2]:  # on the grid
            return self.x[j]
        a, b, c, d = self.weights
        return a * self.x[j] + b * self.slopes[j] + c * self.x[j + 1] + d * self.slopes[j + 1]


def lorenz(frames: int, step: float) -> Floats:
    """x, y and z `[frame, 3]`, `step` apart, of  dx/dt = 10 (y - x), dy/dt = x (28 - z) - y, dz/dt = x y - 8/3 z, from
    1, 1, 1: by the classical Runge-Kutta method in steps of at most 0.005. Lorenz, J. Atmospheric Sciences 20 (1963).
    """
    many = math.ceil(step / LORENZ_GRID)
    h = step / many
    state: tuple[float, ...] = (1.0, 1.0, 1.0)
    values = [state]
    for i in range(1, (frames - 1) * many + 1):
        k1 = _lorenz_slope(*state)
        k2 = _lorenz_slope(*_ahead(state, h / 2, k1))
        k3 = _lorenz_slope(*_ahead(state, h / 2, k2))
        k4 = _lorenz_slope(*_ahead(state, h, k3))
        mean = tuple((a + 2 * b + 2 * c + d) / 6 for a, b, c, d in zip(k1, k2, k3, k4, strict=True))
        state = _ahead(state, h, mean)
        if i % many == 0:
            values.append(state)
    return np.array(values)


def _lorenz_slope(x: float, y: float, z: float) -> tuple[float, ...]:
    return 10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z


def _ahead(state: tuple[float, ...], h: float, slope: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(value + h * each for value, each in zip(state, slope, strict=True))


def narma10(frames: int, seed: int) -> tuple[Floats, Floats]:
    """The input u, uniform in 0 to 0.5, and the output y, each `[frame, 1]`, of

        y(t + 1) = 0.3 y(t) + 0.05 y(t) (y(t) + ... + y(t - 9)) + 1.5 u(t - 9) u(t) + 0.1

    from rest. So y(t + 1) is the target of a readout with horizon 1 that has taken the input up to u(t). Some inputs
    let it run away, beyond any bound. Atiya & Parlos, IEEE Transactions on Neural Networks 11 (2000).
    """
    u = (0.5 * stream(seed, "narma10").random(frames)).tolist()
    y = [0.0] * frames
    for t in range(frames - 1):
        before = reduce(add, y[max(0, t - 9) : t + 1])  # `sum` rounds otherwise from Python 3.12 on
        y[t + 1] = 0.3 * y[t] + 0.05 * y[t] * before + 1.5 * (u[t - 9] if t >= 9 else 0.0) * u[t] + 0.1
    return np.array(u)[:, None], np.array(y)[:, None]
