"""Three plants of gymnasium, stepped every 20 ms, of which a controller is shown positions alone.

    cart_pole   CartPole-v1 as it is, whose step is 20 ms: a force of 10 N to the left or to the right keeps a pole
                upright. An episode ends where the pole leans by 12 degrees or the cart is 2.4 m off, or after 500
                steps. Shown are where the cart is and how the pole leans, in parts of these limits.
    pendulum    Pendulum-v1, whose step is set to 20 ms (it is 50) and whose episodes to 500 steps (200), 10 s as ever:
                a torque of 2 N m at most, too weak to lift it at once, swings a rod up and holds it.
                Shown is where its end is: cosine and sine of the angle, 0 upright.
    double_pendulum
                InvertedDoublePendulum-v5 of MuJoCo, whose frame_skip is set to 2 steps of 10 ms (it is 5) and whose
                episodes to 500 steps (1000), 10 s: a force of 500 N at most on a cart of 10 kg keeps two poles upright,
                one on the other. An episode ends where the upper end is no more than 1 m up, of 1.2. Shown are where
                the cart is, in m, and the sines of both joints' angles; all cosines are near 1.

What is shown is the environment's own observation, without its velocities. A `Plant` has them, for teachers.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["PERIOD", "PLANTS", "Altered", "CartPole", "DoublePendulum", "Pendulum", "Plant", "missing"]

Floats = NDArray[np.float64]

PERIOD = 0.02
"""Seconds of a step of the loop."""


@dataclass(frozen=True)
class Altered:
    """What the mass and the length of the pole, or poles, are multiplied by: no controller and no teacher is told."""

    mass: float = 1.0
    length: float = 1.0


class Plant(Protocol):
    """steps: of the longest episode. limit: of what acts, in its unit."""

    name: str
    channels: tuple[str, ...]
    steps: int
    limit: float

    def reset(self, seed: int) -> None:
        """Begin an episode; the same seed begins the same one."""

    @property
    def state(self) -> Floats:
        """Positions and velocities."""

    @property
    def frame(self) -> Floats:
        """What a controller is shown: positions `[channel]`."""

    def act(self, command: float) -> tuple[float, bool]:
        """A step under a command, as far as the plant can follow it: the reward, and whether the episode is over."""

    def held(self, states: Floats) -> bool:
        """Whether an episode with these states `[step, ...]`, the last one's included, went well."""


class CartPole:
    """State: place of the cart in m, its velocity, angle of the pole in rad, its velocity."""

    name, channels, steps, limit = "cart_pole", ("cart", "pole"), 500, 10.0

    def __init__(self, altered: Altered | None = None) -> None:
        self._env = _made("CartPole-v1", self.steps)
        plant, altered = self._env.unwrapped, altered or Altered()
        if plant.tau != PERIOD or plant.force_mag != self.limit:
            raise ValueError(f"CartPole-v1 has steps of {plant.tau} s and a force of {plant.force_mag} N")
        plant.masspole, plant.length = plant.masspole * altered.mass, plant.length * altered.length
        plant.total_mass, plant.polemass_length = plant.masspole + plant.masscart, plant.masspole * plant.length
        self._limits = np.array([plant.x_threshold, plant.theta_threshold_radians])
        self._seen = np.zeros(4)

    def reset(self, seed: int) -> None:
        self._seen, _ = self._env.reset(seed=seed)

    @property
    def state(self) -> Floats:
        return np.array(self._env.unwrapped.state, np.float64)

    @property
    def frame(self) -> Floats:
        return self._seen[[0, 2]].astype(np.float64) / self._limits

    def act(self, command: float) -> tuple[float, bool]:
        self._seen, reward, fell, late, _ = self._env.step(int(command > 0))
        return float(reward), fell or late

    def held(self, states: Floats) -> bool:
        """It never fell."""
        return len(states) > self.steps


class Pendulum:
    """State: angle in rad from upright, of any number of turns, and its velocity. The reward of a step is that of
    Pendulum-v1 for as long a time: an episode's sum compares with those of 200 steps of 50 ms."""

    name, channels, steps, limit = "pendulum", ("cosine", "sine"), 500, 2.0
    UPRIGHT, LAST = 0.2, 100
    """Radians, in all of the last so many steps, the last 2 s."""

    def __init__(self, altered: Altered | None = None) -> None:
        self._env = _made("Pendulum-v1", self.steps)
        plant, altered = self._env.unwrapped, altered or Altered()
        if plant.max_torque != self.limit:
            raise ValueError(f"Pendulum-v1 has a torque of {plant.max_torque} N m")
        self._share = PERIOD / plant.dt
        plant.dt = PERIOD
        plant.m, plant.l = plant.m * altered.mass, plant.l * altered.length
        self._seen = np.zeros(3)

    def reset(self, seed: int) -> None:
        self._seen, _ = self._env.reset(seed=seed)

    @property
    def state(self) -> Floats:
        return np.array(self._env.unwrapped.state, np.float64)

    @property
    def frame(self) -> Floats:
        return self._seen[:2].astype(np.float64)

    def act(self, command: float) -> tuple[float, bool]:
        torque = np.clip([command], -self.limit, self.limit)
        self._seen, reward, _, late, _ = self._env.step(torque.astype(np.float32))
        return float(reward) * self._share, late

    def held(self, states: Floats) -> bool:
        """It was upright at last, and stayed so."""
        off = np.abs((states[-self.LAST :, 0] + np.pi) % (2 * np.pi) - np.pi)
        return bool((off < self.UPRIGHT).all())


class DoublePendulum:
    """State: place of the cart in m, its velocity, angle of the lower pole in rad, its velocity, that of the upper pole
    beyond it, its velocity. Commands are parts of 500 N."""

    name, channels, steps, limit = "double_pendulum", ("cart", "lower", "upper"), 500, 1.0

    def __init__(self, altered: Altered | None = None) -> None:
        self._env = _made("InvertedDoublePendulum-v5", self.steps, frame_skip=2)
        plant, altered = self._env.unwrapped, altered or Altered()
        if plant.dt != PERIOD or plant.action_space.high != self.limit:
            raise ValueError(f"InvertedDoublePendulum-v5 has steps of {plant.dt} s, {plant.action_space}")
        if altered.length != 1:
            raise ValueError("the poles of MuJoCo's model are as long as it says")
        import mujoco

        for pole in ("pole", "pole2"):
            plant.model.body(pole).mass *= altered.mass
            plant.model.body(pole).inertia *= altered.mass
        mujoco.mj_setConst(plant.model, plant.data)
        self._seen = np.zeros(9)

    def reset(self, seed: int) -> None:
        self._seen, _ = self._env.reset(seed=seed)

    @property
    def state(self) -> Floats:
        data = self._env.unwrapped.data
        return np.stack([data.qpos, data.qvel], axis=1).ravel()

    @property
    def frame(self) -> Floats:
        return self._seen[:3].astype(np.float64)

    def act(self, command: float) -> tuple[float, bool]:
        force = np.clip([command], -self.limit, self.limit)
        self._seen, reward, fell, late, _ = self._env.step(force.astype(np.float32))
        return float(reward), fell or late

    def held(self, states: Floats) -> bool:
        """It never fell."""
        return len(states) > self.steps


PLANTS = {plant.name: plant for plant in (CartPole, Pendulum, DoublePendulum)}


def missing(name: str) -> str | None:
    """What keeps a plant from being here."""
    needed = ("gymnasium", "mujoco", "imageio") if name == DoublePendulum.name else ("gymnasium",)
    absent = [each for each in needed if importlib.util.find_spec(each) is None]
    return f"{' and '.join(absent)} not here: pip install 'lsm-deploy[control]'" if absent else None


def _made(name: str, steps: int, **more: Any) -> Any:
    import gymnasium

    return gymnasium.make(name, max_episode_steps=steps, disable_env_checker=True, **more)
