"""Episodes: a plant, a sensor between it and a controller, and a teacher, if there is one, who says what to have done.

The loop of a step: the sensor shows a frame, the controller answers a command at once, a teacher answers what it would
have commanded in the state as it is, a controller that learns may take that in, and the plant moves for 20 ms.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.control.experts import Expert
from bench.control.plants import PLANTS, Altered, Plant

__all__ = ["Condition", "Controller", "Episode", "Outcome", "Sensor", "outcome_of", "run"]

Floats = NDArray[np.float64]


class Controller(Protocol):
    def begin(self) -> None:
        """An episode begins."""

    def act(self, frame: Floats) -> float:
        """The command that a frame `[channel]` asks for."""


@dataclass(frozen=True)
class Condition:
    """What is not as in training: noise, a standard deviation in units of frames; delay, in steps; the plant."""

    noise: float = 0.0
    delay: int = 0
    plant: Altered = field(default_factory=Altered)


class Sensor:
    """Shows frames that are `delay` steps old, the first one until there is an older, with Gaussian noise of its own
    for each episode."""

    def __init__(self, condition: Condition) -> None:
        self._noise, self._late = condition.noise, deque[Floats](maxlen=condition.delay + 1)
        self._rng = np.random.default_rng(0)

    def begin(self, seed: int) -> None:
        self._late.clear()
        self._rng = np.random.default_rng([seed, 1])

    def show(self, frame: Floats) -> Floats:
        noise = self._rng.normal(size=frame.shape)
        self._late.append(frame + self._noise * noise if self._noise else frame)
        return self._late[0]


@dataclass(frozen=True, eq=False)
class Episode:
    """frames `[step, channel]` as they were shown; labels `[step]`: a teacher's commands, or none; commands `[step]`;
    total: the rewards; held: whether it went well."""

    frames: Floats
    labels: Floats
    commands: Floats
    total: float
    held: bool


def run(
    plant: Plant, controller: Controller, seed: int, teacher: Expert | None = None, condition: Condition | None = None
) -> Episode:
    """One episode. What `correct(label)` of a controller takes, if it has it, is what a teacher says of each step."""
    sensor = Sensor(condition or Condition())
    learn: Callable[[float], None] | None = getattr(controller, "correct", None)
    plant.reset(seed)
    sensor.begin(seed)
    controller.begin()
    frames, labels, commands, states, total, over = [], [], [], [plant.state], 0.0, False
    while not over:
        frames.append(sensor.show(plant.frame))
        commands.append(controller.act(frames[-1]))
        if teacher is not None:
            labels.append(teacher(states[-1]))
            if learn is not None:
                learn(labels[-1])
        reward, over = plant.act(commands[-1])
        states.append(plant.state)
        total += reward
    return Episode(np.array(frames), np.array(labels), np.array(commands), total, plant.held(np.array(states)))


@dataclass(frozen=True, eq=False)
class Outcome:
    """totals, held `[episode]`."""

    totals: Floats
    held: NDArray[np.bool_]


def outcome_of(
    name: str, controller: Callable[[Plant], Controller], seeds: Sequence[int], condition: Condition | None = None
) -> Outcome:
    """What a controller of a plant comes to in episodes of these seeds, under a condition."""
    plant = PLANTS[name](condition.plant if condition else None)
    made = controller(plant)
    episodes = [run(plant, made, seed, condition=condition) for seed in seeds]
    return Outcome(np.array([each.total for each in episodes]), np.array([each.held for each in episodes]))
