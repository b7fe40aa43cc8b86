"""Accuracy on windows of beats, record by record: by length, at the length chosen in training, by size of liquid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lsm_deploy.data import Beats
from lsm_deploy.measure.evaluation import Across, Evaluation, evaluate_across
from lsm_deploy.measure.evaluation.across import joined
from lsm_deploy.spec.schema import BeatsFrontEnd, Spec

__all__ = [
    "FAULTY",
    "SPLIT",
    "Chosen",
    "Windows",
    "choose",
    "front_of",
    "of_size",
    "of_window",
    "sized",
    "to_the_chip",
    "windows",
]

FAULTY = ("04936", "05091")
"""Records whose annotations several papers call faulty, and leave out."""
SPLIT = "group-folds=5"


@dataclass(frozen=True, eq=False)
class Windows:
    """With every record, and with `FAULTY` neither trained on nor tested."""

    beats: int
    every: Across
    fewer: Across


@dataclass(frozen=True, eq=False)
class Chosen:
    """The answers of the window with the best cross-validated accuracy on the training records of each fold."""

    answered: Across
    times: dict[int, int]
    """How often each window was chosen, of all folds."""
    each: tuple[int, ...]
    """Which of them each fold takes."""


def front_of(spec: Spec) -> BeatsFrontEnd:
    assert isinstance(spec.front_end, BeatsFrontEnd)
    return spec.front_end


def of_window(spec: Spec, beats: int) -> Spec:
    return replace(spec, front_end=replace(front_of(spec), window_beats=beats))


def of_size(spec: Spec, neurons: int) -> Spec:
    [(name, population)] = spec.populations.items()
    return replace(spec, populations={name: replace(population, size=neurons)})


def windows(spec: Spec, data: Beats, beats: int, liquids: int) -> Windows:
    """Evaluate with `FAULTY` and without; windows are run once for both."""
    spec = of_window(spec, beats)
    every = evaluate_across(spec, data, SPLIT, liquids)
    left_out = [name for name in FAULTY if name in data.groups]
    return Windows(beats, every, evaluate_across(spec, data, SPLIT, liquids, leave_out=left_out))


def choose(spec: Spec, found: Sequence[Across]) -> Chosen:
    """For each fold, of evaluations with other windows, the one that training data would choose, for all liquids."""
    times = dict.fromkeys(range(len(found)), 0)
    each_fold = []
    liquids: list[list[Evaluation]] = [[] for _ in range(min(len(across.seeds) for across in found))]
    for fold in range(len(found[0].splits)):

        def known(which: int, fold: int = fold) -> float:
            return float(np.mean([each[fold].liquid.cv_accuracy or 0.0 for each in found[which].evaluations]))

        best = max(range(len(found)), key=known)
        times[best] += 1
        each_fold.append(best)
        for liquid, each in zip(liquids, found[best].evaluations, strict=False):
            liquid.append(each[fold])
    first = found[0]
    across = joined(SPLIT, first.seeds[: len(liquids)], list(first.splits), liquids, spec, 0.0)
    return Chosen(across, times, tuple(each_fold))


def sized(spec: Spec, data: Beats, neurons: int, liquids: int) -> Across:
    """Liquids of so many neurons, with every record and without anything beside them."""
    return evaluate_across(of_size(spec, neurons), data, SPLIT, liquids, alone=True)


def to_the_chip(spec: Spec, data: Beats, liquids: int) -> tuple[dict[str, float], ...]:
    """For each liquid, what `OnChipAccuracy` counts, as shares over the test records of all folds."""
    return evaluate_across(spec, data, SPLIT, liquids, on_chip=True, alone=True).on_chip
