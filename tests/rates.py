"""The three programs that the importers are about, as their authors meant them, in numpy: matrices and a run of them.

reservoir   100 tanh units, input weights uniform in +-0.5, recurrent weights uniform in 0 to 0.1, 100 points of a sine
core        h = Hardtanh(0, 1)(Linear(64, 64)(h) + x), 100 steps
ode         dy/dt = Linear(50, 10)(tanh(Linear(10, 50)(y))), 100 points over t in [0, 1] from a normal y0
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
UNITS = 1 << 15
"""Inputs that are multiples of 1 / UNITS are messages exactly."""

ACTIVATIONS: dict[str, Any] = {
    "identity": lambda z: z,
    "clip": lambda z: np.clip(z, 0, 1),
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "quadratic": lambda z: np.clip(z, -2, 2) * (1 - np.abs(np.clip(z, -2, 2)) / 4),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}


def on_grid(x: Floats) -> Floats:
    """The nearest inputs that a message holds exactly."""
    return np.clip(np.rint(x * UNITS), 1 - UNITS, UNITS - 1) / UNITS


class Rates(NamedTuple):
    """A recurrence and inputs [t, channel]."""

    w: Floats
    w_in: Floats
    bias: Floats
    activation: str
    x: Floats
    leak_rate: float | Floats = 1.0
    h: float | Floats = 0.0

    def run(self) -> Floats:
        """The states [t, unit]."""
        f, h, states = ACTIVATIONS[self.activation], np.full(len(self.w), self.h), []
        for x in self.x:
            h = (1 - self.leak_rate) * h + self.leak_rate * f(self.w @ h + self.w_in @ x + self.bias)
            states.append(h)
        return np.array(states)


def radius(w: Floats) -> float:
    return float(np.abs(np.linalg.eigvals(w)).max())


def reservoir(seed: int, spectral_radius: float | None = 0.9) -> Rates:
    """None: the weights as they are usually printed, of a spectral radius near 5."""
    rng = np.random.default_rng(seed)
    w_in, w = rng.uniform(-0.5, 0.5, (100, 1)), rng.uniform(0, 0.1, (100, 100))
    if spectral_radius is not None:
        w *= float(f"{spectral_radius / radius(w):.6g}")
    x = on_grid(np.sin(np.linspace(0, 2 * np.pi, 100)))[:, None]
    return Rates(w, w_in, np.zeros(100), "tanh", x)


def _linear(rng: np.random.Generator, sources: int, targets: int) -> tuple[Floats, Floats]:
    """As nn.Linear begins."""
    reach = 1 / np.sqrt(sources)
    return rng.uniform(-reach, reach, (targets, sources)), rng.uniform(-reach, reach, targets)


def core(seed: int) -> Rates:
    rng = np.random.default_rng(seed)
    w, bias = _linear(rng, 64, 64)
    return Rates(w, np.eye(64), bias, "clip", on_grid(rng.uniform(-1, 1, (100, 64))))


class Ode(NamedTuple):
    """Two layers, a state and a step."""

    first: tuple[Floats, Floats]
    second: tuple[Floats, Floats]
    y0: Floats
    dt: float = 1 / 99
    steps: int = 100

    def slope(self, y: Floats) -> Floats:
        (w1, b1), (w2, b2) = self.first, self.second
        return w2 @ np.tanh(w1 @ y + b1) + b2

    def run(self, within: int = 1) -> Floats:
        """The states [t, unit], by forward Euler with so many steps within each."""
        y, states = self.y0, [self.y0]
        for _ in range(self.steps - 1):
            for _ in range(within):
                y = y + self.dt / within * self.slope(y)
            states.append(y)
        return np.array(states)


def ode(seed: int) -> Ode:
    rng = np.random.default_rng(seed)
    return Ode(_linear(rng, 10, 50), _linear(rng, 50, 10), rng.standard_normal(10))


def off(states: Floats, reference: Floats) -> float:
    """The largest error, of the range of the trajectory."""
    return float(np.abs(states - reference).max() / np.ptp(reference))
