"""Teachers, and what is classical: they know the plant's equations, and are given all of its state, or estimate it.

    cart_pole   a linear-quadratic regulator of the plant about upright. With F the force, M the mass of all, m of the
                pole and l half its length, and positions x and a (Barto, Sutton & Anderson, IEEE Trans. Systems, Man
                and Cybernetics 13, 1983; gymnasium steps it by forward Euler),
                    a'' = (g sin a - cos a f) / (l (4 / 3 - m cos^2 a / M)),   f = (F + m l a'^2 sin a) / M
                    x'' = f - m l a'' cos a / M
                The plant is pushed by the sign of a force alone; a learner is taught the force, however large.
    pendulum    energy control until it can be caught (Astrom & Furuta, Automatica 36, 2000), then such a regulator.
                With u the torque, m and l the rod's mass and length, and E its energy less that of resting upright,
                    a'' = 3 g / (2 l) sin a + 3 u / (m l^2),   E = m l^2 a'^2 / 6 + m g l (cos a - 1) / 2
                    u = -k E a'
                Either goes through 2 tanh(u / 2), which has no corners and ends at the limit.
                About upright a + a' / w grows by itself, w^2 = 3 g / (2 l): at the torque's limit u it can be stopped
                while |a + a' / w| < 2 u / (m g l). Within 0.8 of that, and 0.6 rad, the regulator takes over.
    double_pendulum
                a linear-quadratic regulator. Its model is MuJoCo's own step, of another copy of the plant, and about
                upright the central differences of that, over 1e-5 of each state and of the command. A learner is
                taught the command, however large.

Regulators minimise sums of x' Q x + u' R u (Anderson & Moore, Optimal Control: Linear Quadratic Methods, 1990, by
SciPy's Riccati solver). Masses and lengths are gymnasium's; those of a plant that was altered are not known to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.control.plants import PERIOD, PLANTS, Plant

__all__ = ["EXPERTS", "MODELS", "Expert", "Model", "Seeing", "turned"]

Floats = NDArray[np.float64]
Expert: TypeAlias = Callable[[Floats], float]
"""From a state to a command."""

GRAVITY, CART, POLE, HALF, FORCE = 9.8, 1.0, 0.1, 0.5, 10.0
"""Of CartPole-v1: m/s2, kg, kg, m, N."""
G, MASS, LENGTH, TORQUE, FASTEST = 10.0, 1.0, 1.0, 2.0, 8.0
"""Of Pendulum-v1: m/s2, kg, m, N m, rad/s."""
GAIN, CAUGHT, NEAR = 0.3, 0.8, 0.6
LIMITS = np.array([2.4, 12 * np.pi / 180])
"""What a frame of the cart-pole is in parts of."""


@dataclass(frozen=True, eq=False)
class Model:
    """What is known of a plant. moved: the state a step later; a, b: the same about upright, linear; turns: whether
    positions are angles of any number of turns; positions: of a frame; noise: of positions, as filters take it."""

    moved: Callable[[Floats, float], Floats]
    a: Floats
    b: Floats
    turns: bool
    positions: Callable[[Floats], Floats]
    noise: Floats


def turned(angle: Floats) -> Floats:
    """Angles within half a turn of 0."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


# --- the cart-pole ---------------------------------------------------------------------------------------------------


def _cart_pole_moved(state: Floats, command: float) -> Floats:
    _, velocity, angle, turning = state
    mass, force = CART + POLE, FORCE if command > 0 else -FORCE
    pushed = (force + POLE * HALF * turning**2 * np.sin(angle)) / mass
    leans = (GRAVITY * np.sin(angle) - np.cos(angle) * pushed) / (HALF * (4 / 3 - POLE * np.cos(angle) ** 2 / mass))
    return state + PERIOD * np.array([velocity, pushed - POLE * HALF * leans * np.cos(angle) / mass, turning, leans])


@cache
def _cart_pole() -> Model:
    mass = CART + POLE
    d = HALF * (4 / 3 - POLE / mass)
    lean, push = GRAVITY / d, -1 / (mass * d)
    a, b = np.zeros((4, 4)), np.zeros((4, 1))
    a[0, 1] = a[2, 3] = 1
    a[1, 2], a[3, 2] = -POLE * HALF * lean / mass, lean
    b[1], b[3] = (1 - POLE * HALF * push) / mass, push
    return Model(
        _cart_pole_moved, np.eye(4) + PERIOD * a, PERIOD * b, False, lambda frame: frame * LIMITS, 0.01 * LIMITS
    )


def balancer() -> Expert:
    """The force on the cart."""
    gain = _regulator(_cart_pole(), [1.0, 1.0, 10.0, 1.0], 0.1)

    def force(state: Floats) -> float:
        return float(-gain @ state)

    return force


# --- the pendulum ----------------------------------------------------------------------------------------------------


def _pendulum_moved(state: Floats, command: float) -> Floats:
    angle, turning = state
    torque = np.clip(command, -TORQUE, TORQUE)
    faster = turning + PERIOD * (3 * G / (2 * LENGTH) * np.sin(angle) + 3 / (MASS * LENGTH**2) * torque)
    faster = np.clip(faster, -FASTEST, FASTEST)
    return np.array([angle + PERIOD * faster, faster])


@cache
def _pendulum() -> Model:
    lean, push = 3 * G / (2 * LENGTH) * PERIOD, 3 / (MASS * LENGTH**2) * PERIOD
    a, b = np.array([[1 + PERIOD * lean, PERIOD], [lean, 1]]), np.array([[PERIOD * push], [push]])
    return Model(_pendulum_moved, a, b, True, lambda frame: np.arctan2(frame[1:], frame[:1]), np.array([0.01]))


def swinger() -> Expert:
    """The torque on the pendulum."""
    gain = _regulator(_pendulum(), [10.0, 1.0], 1.0)
    rate = np.sqrt(3 * G / (2 * LENGTH))

    def torque(state: Floats) -> float:
        angle, turning = float(turned(state[0])), state[1]
        grows = abs(angle + turning / rate)
        if abs(angle) < NEAR and grows < CAUGHT * 2 * TORQUE / (MASS * G * LENGTH):
            wanted = -gain @ [angle, turning]
        else:
            energy = MASS * LENGTH**2 * turning**2 / 6 + MASS * G * LENGTH * (np.cos(angle) - 1) / 2
            wanted = -GAIN * energy * turning
        return float(TORQUE * np.tanh(wanted / TORQUE))

    return torque


# --- the double pendulum ---------------------------------------------------------------------------------------------


@cache
def _double_pendulum() -> Model:
    plant = PLANTS["double_pendulum"]()
    plant.reset(0)
    env = plant._env.unwrapped

    def moved(state: Floats, command: float) -> Floats:
        env.set_state(state[::2], state[1::2])
        plant.act(command)
        return plant.state

    def positions(frame: Floats) -> Floats:
        return np.append(frame[:1], np.arcsin(np.clip(frame[1:], -1, 1)))

    here, off = np.zeros(6), 1e-5
    columns = [(moved(off * unit, 0.0) - moved(-off * unit, 0.0)) / (2 * off) for unit in np.eye(6)]
    pushed = (moved(here, off) - moved(here, -off)) / (2 * off)
    return Model(moved, np.stack(columns, axis=1), pushed[:, None], False, positions, np.full(3, 0.01))


def juggler() -> Expert:
    """The command of the motor."""
    gain = _regulator(_double_pendulum(), [1.0, 0.1, 10.0, 0.1, 10.0, 0.1], 100.0)

    def command(state: Floats) -> float:
        return float(-gain @ state)

    return command


def _regulator(model: Model, q: list[float], r: float) -> Floats:
    """K `[state]` of u = -K x."""
    from scipy.linalg import solve_discrete_are

    a, b = model.a, model.b
    p = solve_discrete_are(a, b, np.diag(q), np.array([[r]]))
    gain: Floats = np.linalg.solve(r + b.T @ p @ b, b.T @ p @ a)[0]
    return gain


MODELS: dict[str, Callable[[], Model]] = {
    "cart_pole": _cart_pole,
    "pendulum": _pendulum,
    "double_pendulum": _double_pendulum,
}
EXPERTS: dict[str, Callable[[], Expert]] = {"cart_pole": balancer, "pendulum": swinger, "double_pendulum": juggler}


class Seeing:
    """The expert as a controller that is shown everything, past the frames."""

    def __init__(self, expert: Expert, plant: Plant) -> None:
        self._expert, self._plant = expert, plant

    def begin(self) -> None:
        """Nothing is remembered."""

    def act(self, frame: Floats) -> float:
        return self._expert(self._plant.state)
