"""Learning by imitation where the learner itself drives (DAgger: Ross, Gordon & Bagnell, AISTATS 2011).

    data = the expert's episodes
    each round: a controller is trained on all data and drives some episodes; the expert says what to have done in each
                of their steps; they join the data

(Their beta is 1 at first and 0 afterwards, which has no parameter.) The controller that is taken is the one whose own
episodes, which it was not trained on, came to most; of equal ones the last. A liquid stays as it is: it is its readout
that is trained. Episodes begin at seeds of their own, apart from those of tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.control.episodes import Controller, Episode, run
from bench.control.experts import EXPERTS, Seeing
from bench.control.learners import Learner
from bench.control.plants import PLANTS

__all__ = ["TRAINING", "Imitated", "imitate"]

TRAINING = 100_000
"""The first seed of training episodes: those of tests are below."""


@dataclass(frozen=True, eq=False)
class Imitated:
    """controller: the one that is taken; curve: the mean return of each round's, on new episodes; episodes: all that
    were driven, the last round's included."""

    controller: Any
    curve: tuple[float, ...]
    episodes: tuple[Episode, ...]


def imitate(name: str, learner: Learner, rounds: int, episodes: int, first: int = TRAINING) -> Imitated:
    """Train a controller of a plant in so many rounds of so many episodes each; first: the first seed."""
    plant, expert = PLANTS[name](), EXPERTS[name]()

    def driven(controller: Controller, part: int) -> list[Episode]:
        seeds = range(first + part * episodes, first + (part + 1) * episodes)
        return [run(plant, controller, seed, expert) for seed in seeds]

    data = driven(Seeing(expert, plant), 0)
    controllers, curve = [], []
    for part in range(1, rounds + 1):
        controllers.append(learner.fit(data))
        own = driven(controllers[-1], part)
        curve.append(sum(each.total for each in own) / episodes)
        data += own
    best = max(range(rounds), key=lambda k: (curve[k], k))
    return Imitated(controllers[best], tuple(curve), tuple(data))
