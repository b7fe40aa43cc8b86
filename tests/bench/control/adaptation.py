"""A readout that goes on learning while it controls: recursive least squares from its trained weights.

After each step the expert, who sees the state as it is, says what to have commanded. Only he could: in the field there
is no such teacher, and where there is one, there is no need of a controller. What is measured is what a readout could
follow, given that.

With w the weights on standardised features it minimises the squared errors of all its steps and
`STRENGTH` |w - w trained|^2: P begins as I / STRENGTH. Nothing is forgotten, as forgetting was worse on training seeds.
Afterwards the readout is deployed as it was before, a liquid's in integers, and tested without a teacher.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.control.episodes import Condition, run
from bench.control.experts import EXPERTS
from bench.control.learners import ReadingController
from bench.control.plants import PLANTS
from lsm_deploy.learn.readout import Recursive

__all__ = ["ADAPTING", "Learning", "adapted"]

Floats = NDArray[np.float64]

ADAPTING = 200_000
"""The first seed of episodes in which a readout goes on learning."""
FORGETTING, STRENGTH = 1.0, 100.0


class Learning:
    """A controller whose readout learns from corrections; its commands are of the readout as it is, in floats."""

    def __init__(self, of: ReadingController) -> None:
        self._of, before = of, of.regressor
        self._learner = Recursive(before.coef.shape[1], 1, FORGETTING, STRENGTH)
        self._learner.weights[:-1], self._learner.weights[-1] = before.coef.T, before.intercept
        self._z = np.zeros(before.coef.shape[1])

    def begin(self) -> None:
        self._of.begin()

    def act(self, frame: Floats) -> float:
        self._of.act(frame)
        before = self._of.regressor
        self._z = (self._of.features - before.mean) / before.scale
        return float(self._learner.predict(self._z[None])[0, 0])

    def correct(self, label: float) -> None:
        """What the last command should have been."""
        self._learner.learn(self._z, np.array([label]))

    def controller(self) -> ReadingController:
        """The controller with the readout as it is now."""
        weights = self._learner.weights
        return self._of.having(replace(self._of.regressor, coef=weights[:-1].T, intercept=weights[-1]))


def adapted(name: str, controller: ReadingController, condition: Condition, episodes: int) -> ReadingController:
    """The controller after so many episodes under a condition, each step of which the expert corrected."""
    plant, learning = PLANTS[name](condition.plant), Learning(controller)
    seeds: Sequence[int] = range(ADAPTING, ADAPTING + episodes)
    for seed in seeds:
        run(plant, learning, seed, EXPERTS[name](), condition)
    return learning.controller()
