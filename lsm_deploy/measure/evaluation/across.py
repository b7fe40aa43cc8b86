"""The same evaluation over several splits of the data and several liquids: what chance there is in a figure.

Each liquid is the spec with another seed, and answers for every test sample of every split; its accuracy is the share
of them that it has right. Intervals of the mean over liquids, and of differences, are over liquids and over the groups
or samples that they answered for (`uncertainty`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import MisuseError, require_type
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Pieces, Progress
from lsm_deploy.core.shown import Reported
from lsm_deploy.data import Raw, splits, subset
from lsm_deploy.data.front import AF, recordings
from lsm_deploy.learn.model import readout_of
from lsm_deploy.measure.evaluation.compared import Compared, resampled
from lsm_deploy.measure.evaluation.evaluation import Evaluation, evaluate_one
from lsm_deploy.measure.evaluation.score import Answers, Score, by_group, pooled, score_of
from lsm_deploy.measure.uncertainty import Resampled, Spread
from lsm_deploy.run import backends
from lsm_deploy.run.work import completed
from lsm_deploy.spec.schema import BeatsFrontEnd, Data, Spec

__all__ = ["Across", "evaluate_across", "joined"]


_LIQUIDS = ("liquid", "unrounded", "floats")
_SEEDED = (*_LIQUIDS, "feedforward")
"""Answers that depend on the liquid's seed."""


@dataclass(frozen=True, eq=False, repr=False)
class Across(Reported, Compared):
    """Evaluations of several liquids on several splits, and what follows of them together.

    positive: the class that is to be detected, if one is. scores: by name of what answered, one for each liquid, over
    the test samples of all splits (one alone for what does not depend on the liquid). splits: the accuracy of what
    answered in each split, the mean over liquids. groups: that of the liquid in each speaker's or record's samples.
    on_chip: of all splits, for each liquid. evaluations: of each liquid, of each split."""

    _short = ("how", "seeds", "samples", "splits", "scores", "seconds")

    how: str
    seeds: tuple[int, ...]
    samples: int
    positive: str | None
    scores: Mapping[str, tuple[Score, ...]]
    splits: Mapping[str, Mapping[str, float]]
    groups: Mapping[str, tuple[Score, ...]]
    on_chip: tuple[dict[str, float], ...]
    evaluations: tuple[tuple[Evaluation, ...], ...]
    seconds: float

    def accuracy(self, name: str) -> Spread:
        """The accuracy of what answered by this name: its interval is over liquids and what `over` says."""
        return self._spread([score.accuracy for score in self.scores[name]], self.resampled.interval(name))

    def detection(self, name: str, what: str) -> Spread | None:
        """The sensitivity, specificity or auc of what answered by this name, likewise; None where there is none."""
        values = [getattr(score.detection, what) for score in self.scores[name] if score.detection]
        if not values or None in values:
            return None
        positive = self._labels == self.positive
        if what == "auc":
            return self._spread(values, self.resampled.auc_interval(self._margins(name), positive))
        return self._spread(values, self.resampled.interval(name, positive if what == "sensitivity" else ~positive))

    @cached_property
    def resampled(self) -> Resampled:
        first = self.evaluations[0]
        return resampled(
            {name: self._answers(name) for name in self.scores},
            self._labels.tolist(),
            [group for each in first for group in each.group_of],
            [(each.group_of, each.trained_groups) for each in first],
        )

    @cached_property
    def _labels(self) -> NDArray[np.str_]:
        return np.array([label for each in self.evaluations[0] for label in each.labels])

    def _answers(self, name: str) -> list[Answers]:
        """Of each liquid over all splits; of one alone what depends on none."""
        liquids = self.evaluations if name in _SEEDED else self.evaluations[:1]
        return [pooled([each.answers[name] for each in liquid]) for liquid in liquids]

    def _margins(self, name: str) -> Floats:
        return np.array([each.margins for each in self._answers(name)])

    @staticmethod
    def _spread(values: Sequence[float], interval: tuple[float, float] | None) -> Spread:
        low, high = interval or (None, None)
        return Spread(float(np.mean(values)), low, high, min(values), max(values))

    def without(self, left_out: Sequence[str]) -> float:
        """The liquid's mean accuracy on the samples of all other groups, of the same answers."""
        others = [scores for name, scores in self.groups.items() if name not in left_out]
        right = [sum(s[i].correct for s in others) / sum(s[i].samples for s in others) for i in range(len(self.seeds))]
        return float(np.mean(right))

    def _means(self, name: str) -> dict[str, float]:
        figure = {what: self.detection(name, what) for what in ("sensitivity", "specificity", "auc")}
        return {"accuracy": self.accuracy(name).mean, **{what: each.mean for what, each in figure.items() if each}}

    def to_json(self) -> dict[str, Any]:
        """What `eval --json` prints: the keys of one evaluation, as means over liquids, then what they come from."""
        return {
            **self._means("liquid"),
            "accuracy_float": self.accuracy("floats").mean if "floats" in self.scores else None,
            "baselines": {name: self._means(name) for name in self.scores if name not in _LIQUIDS},
            "split": self.how,
            "seeds": list(self.seeds),
            "samples": self.samples,
            "intervals_over": self.over,
            "scores": {
                name: {
                    "accuracy": asdict(self.accuracy(name)),
                    **{
                        what: asdict(figure)
                        for what in ("sensitivity", "specificity", "auc")
                        if (figure := self.detection(name, what)) is not None
                    },
                    "of_each_liquid": [score.to_json() for score in scores],
                }
                for name, scores in self.scores.items()
            },
            "differences": self.differences(),
            "splits": {name: dict(figure) for name, figure in self.splits.items()},
            "groups": {name: float(np.mean([s.accuracy for s in figure])) for name, figure in self.groups.items()},
            "on_chip": list(self.on_chip),
            "seconds": self.seconds,
        }


def evaluate_across(
    spec: Spec,
    data: Raw | str | Path,
    how: str,
    seeds: int = 1,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    *,
    on_chip: bool = False,
    alone: bool = False,
    leave_out: Sequence[str] = (),
    executor: Executor | None = None,
) -> Across:
    """Evaluate a spec on splits of `data`, a file's or folder's, too (`how`: as `splits` takes it).

    seeds: the spec's own and those after it. alone: without floats, ablation and baselines. leave_out: groups that are
    neither trained on nor tested. executor: where each liquid is evaluated on each split; here, one by one, if none is
    given. What comes out does not depend on it.
    """
    readout_of(spec)
    require_type(how, str, "split", "name one, such as 'folds=5'")
    require_type(seeds, int, "number of liquids", "give a whole number")
    require_type(leave_out, (tuple, list), "groups to leave out", "give a list of names")
    if seeds < 1:
        raise MisuseError(f"{seeds} liquids are asked for", where="eval", hint="ask for at least 1")
    data = recordings(data, spec)
    if unknown := sorted(set(leave_out) - set(data.groups)):
        raise MisuseError(
            f"there is no group {', '.join(unknown)}", where=data.source, hint="check the names to leave out"
        )
    if data.groups and not set(data.groups) - set(leave_out):
        raise MisuseError("every group is left out", where=data.source, hint="leave fewer out")
    if leave_out:
        data = subset(data, np.array([group not in leave_out for group in data.groups]))  # type: ignore[type-var]
    begun = time.perf_counter()
    spec = _allowing(spec, how)
    names = [name for name, _, _ in splits(data, how, spec.seed)]  # type: ignore[type-var]
    numbers = tuple(range(spec.seed, spec.seed + seeds))
    work = [(number, i) for number in numbers for i in range(len(names))]
    pieces = Pieces(progress, len(work))
    asked = _Asked(spec, data, how, backend, on_chip, alone, pieces.within if executor is None else None)
    done: dict[int, Evaluation] = {}
    for index, evaluation in completed(_evaluated, asked, work, executor):
        done[index] = evaluation
        pieces.next()
    first, *others = ([done[k * len(names) + i] for i in range(len(names))] for k in range(seeds))
    evaluations = [first, *([_with_others(a, b) for a, b in zip(first, other, strict=True)] for other in others)]
    return joined(how, numbers, names, evaluations, spec, time.perf_counter() - begun)


@dataclass(frozen=True)
class _Asked:
    """What all evaluations share. within: who is told how far one of them is, if that is in this process."""

    spec: Spec
    data: Raw
    how: str
    backend: str
    on_chip: bool
    alone: bool
    within: Progress | None


def _evaluated(asked: _Asked, item: tuple[int, int]) -> Evaluation:
    """The liquid of a seed on one of the splits, by its number."""
    seed, number = item
    _, *split = next(islice(splits(asked.data, asked.how, asked.spec.seed), number, None))  # type: ignore[type-var]
    how = {"on_chip": asked.on_chip, "alone": asked.alone}
    return evaluate_one(asked.spec, (split[0], split[1]), seed, asked.backend, asked.within, **how)


def _with_others(first: Evaluation, other: Evaluation) -> Evaluation:
    """Another liquid's evaluation, with the answers of the first one's that depend on no liquid."""
    return replace(other, answers={**first.answers, **other.answers}, baselines={**first.baselines, **other.baselines})


def _allowing(spec: Spec, how: str) -> Spec:
    """Who asks for a split by takes or samples asks for its speakers on both sides."""
    if how == "official" or how.startswith("folds="):
        return replace(spec, data=replace(spec.data or Data(), shared_groups=True))
    return spec


def joined(
    how: str,
    seeds: tuple[int, ...],
    names: Sequence[str],
    liquids: Sequence[Sequence[Evaluation]],
    spec: Spec,
    seconds: float,
) -> Across:
    """Of evaluations of each liquid on each split, by their names."""
    first = liquids[0]
    labels = tuple(label for each in first for label in each.labels)
    groups = tuple(group for each in first for group in each.group_of)
    positive = AF if isinstance(spec.front_end, BeatsFrontEnd) else None
    scores: dict[str, tuple[Score, ...]] = {}
    for name in first[0].answers:
        answering = liquids if name in _SEEDED else liquids[:1]
        scores[name] = tuple(
            score_of(pooled([each.answers[name] for each in liquid]), labels, positive) for liquid in answering
        )
    by_liquid = [
        by_group(pooled([each.answers["liquid"] for each in liquid]), labels, groups, positive) for liquid in liquids
    ]
    return Across(
        how=how,
        seeds=seeds,
        samples=len(labels),
        positive=positive,
        scores=scores,
        splits={
            split: {
                name: float(
                    np.mean([score_of(liquid[i].answers[name], liquid[i].labels).accuracy for liquid in liquids])
                )
                for name in first[0].answers
            }
            for i, split in enumerate(names)
        },
        groups={name: tuple(liquid[name] for liquid in by_liquid) for name in by_liquid[0]} if groups else {},
        on_chip=tuple(_on_chip(liquid) for liquid in liquids if liquid[0].on_chip),
        evaluations=tuple(tuple(liquid) for liquid in liquids),
        seconds=seconds,
    )


def _on_chip(liquid: Sequence[Evaluation]) -> dict[str, float]:
    """The accuracies of `OnChipAccuracy` over all splits."""
    parts = [each.on_chip for each in liquid if each.on_chip]
    samples = sum(each.samples for each in parts)
    steps = ("floats", "integers", "summed", "on_chip", "agreed", "tied")
    return {step: sum(getattr(each, step) for each in parts) / samples for step in steps}
