"""The same evaluation over several splits of the data and several liquids: what chance there is in a figure.

Each liquid is the spec with another seed, and answers for every test sample of every split; its accuracy is the share
of them that it has right. Intervals of the mean over liquids, and of differences, are over liquids and over the groups
or samples that they answered for (`uncertainty`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Pieces, Progress
from lsm_deploy.core.shown import Reported
from lsm_deploy.data import Raw
from lsm_deploy.data.front import AF
from lsm_deploy.measure.evaluation.compared import Compared, resampled
from lsm_deploy.measure.evaluation.evaluation import Evaluation
from lsm_deploy.measure.evaluation.pieces import Asked, Piece, allowing, by_liquid, divided, evaluated
from lsm_deploy.measure.evaluation.score import Answers, Score, by_group, pooled, score_of
from lsm_deploy.measure.uncertainty import Difference, Resampled, Spread
from lsm_deploy.run import backends
from lsm_deploy.run.work import completed
from lsm_deploy.spec.schema import BeatsFrontEnd, Spec

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

    def less(self, other: Across) -> dict[str, Difference]:
        """By what answered in both, what it has right here more often than in another evaluation of the same samples,
        with its paired interval. Empty where the samples are others."""
        here, there = ([(each.labels, each.group_of) for each in across.evaluations[0]] for across in (self, other))
        if here != there:
            return {}
        groups = [group for _, of in here for group in of]
        trained = [(each.group_of, each.trained_groups) for each in self.evaluations[0]]
        differences = {}
        for name in [name for name in self.scores if name in other.scores]:
            both = {"here": self._answers(name), "there": other._answers(name)}
            drawn = resampled(both, self._labels.tolist(), groups, trained)
            differences[name] = drawn.difference("here", "there")
        return differences

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
    split = divided(spec, data, how, seeds, leave_out)
    begun = time.perf_counter()
    spec = allowing(spec, how)
    numbers = tuple(range(spec.seed, spec.seed + seeds))
    work = [Piece(0, number, i) for number in numbers for i in range(len(split.names))]
    pieces = Pieces(progress, len(work))
    asked = Asked({0: spec}, split, backend, on_chip, alone, pieces.within if executor is None else None)
    done: dict[Piece, Evaluation] = {}
    for index, evaluation in completed(evaluated, asked, work, executor):
        done[work[index]] = evaluation
        pieces.next()
    evaluations = by_liquid(done, dict.fromkeys(range(len(split.names)), 0), numbers)
    return joined(how, numbers, split.names, evaluations, spec, time.perf_counter() - begun)


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
    everywhere = [name for name in first[0].answers if all(name in each.answers for each in first)]
    for name in everywhere:
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
                for name in everywhere
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
