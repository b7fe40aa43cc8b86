"""Which sample was it? Asked some time after its end, of a readout that is trained for that delay.

The readout is the spec's (ridge regression, where it has none of classes), its regularisation chosen by
cross-validation on what it is trained on; the deployed liquid, and the input's spikes, are answered for by its integer
weights, what is in floats by floats. Every sample is answered by a readout that was trained on others, whole groups
held out where there are some.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.data import Frames, class_order, subset
from lsm_deploy.learn.model import fit_to, relative
from lsm_deploy.learn.readout import Fold, folds_of
from lsm_deploy.measure.diagnosis.knowledge.asked import Questions
from lsm_deploy.measure.diagnosis.knowledge.sources import Moments
from lsm_deploy.measure.evaluation.score import float_answers, integer_answers
from lsm_deploy.spec.schema import Bins, Readout

__all__ = ["FOLDS", "Naming", "moments_after_end", "naming_of"]

FOLDS = 5

Bools = NDArray[np.bool_]


class Naming:
    """The samples with their labels, in folds; the spec's readout, of one number a neuron."""

    def __init__(self, data: Frames, readout: Readout, seed: int, folds: list[Fold]) -> None:
        self.data, self.readout, self.seed, self.folds = data, readout, seed, folds

    @cached_property
    def parts(self) -> list[tuple[Frames, Frames]]:
        return [(subset(self.data, train), subset(self.data, out)) for train, out in self.folds]

    @property
    def answered(self) -> Bools:
        """Samples that a fold holds out `[sample]`: where classes and groups go together, not all."""
        answered = np.zeros(self.data.samples, bool)
        for _, out in self.folds:
            answered[out] = True
        return answered

    @property
    def chance(self) -> float:
        """The share of the most frequent class of those: what naming it alone has right."""
        labels = np.array(self.data.labels)[self.answered]
        return float(np.unique(labels, return_counts=True)[1].max() / len(labels))

    def right(self, features: NDArray[Any], *, integers: bool) -> Bools:
        """Which samples are named right by features `[sample, feature]` of them; integers: by integer weights."""
        right = np.zeros(self.data.samples, bool)
        for (train, out), (known, others) in zip(self.folds, self.parts, strict=True):
            readout = self._fitting(known, features.shape[1])
            classifier = fit_to(relative(features[train], known, readout), known, readout, self.seed)
            x = relative(features[out], others, readout)
            answers = integer_answers(classifier, x, readout.weight_bits) if integers else float_answers(classifier, x)
            right[out] = [a == b for a, b in zip(answers.predicted, others.labels, strict=True)]
        return right

    def _fitting(self, data: Frames, features: int) -> Readout:
        """With no more folds, nor features, than there are."""
        rarest = min(data.labels.count(name) for name in set(data.labels))
        keep = min(self.readout.keep, features) if self.readout.keep else None
        return replace(self.readout, folds=max(2, min(self.readout.folds, rarest)), keep=keep)


def naming_of(asked: Questions, readout: Readout | None, populations: tuple[str, ...], seed: int) -> Naming | None:
    """None where nothing can be named; an LsmError says what of classes and groups cannot be held out."""
    if asked.why_not:
        return None
    data = asked.data
    readout = Readout(populations, Bins("bins")) if readout is None else replace(readout, features=Bins("bins"))
    classes = class_order(data.labels)
    y = np.array([classes.index(label) for label in data.labels])
    groups = data.groups if len(set(data.groups)) > 1 else ()
    folds = folds_of(y, min(FOLDS, int(np.bincount(y).min())), seed, groups)
    there = [(train, out) for train, out in folds if _can_be_trained_on(subset(data, train), readout, seed)]
    if not there:
        what = "what is left where some samples are held out cannot be cross-validated: classes and groups go together"
        raise LsmError(what, where=data.source, hint="show more groups of each class")
    return Naming(data, readout, seed, there)


def _can_be_trained_on(data: Frames, readout: Readout, seed: int) -> bool:
    """Whether regularisation can be chosen by folds of it."""
    classes = class_order(data.labels)
    y = np.array([classes.index(label) for label in data.labels])
    rarest = int(np.bincount(y).min())
    if len(classes) < 2 or rarest < 2:
        return False
    try:
        folds_of(y, max(2, min(readout.folds, rarest)), seed, data.groups if len(set(data.groups)) > 1 else ())
    except LsmError:
        return False
    return True


def moments_after_end(asked: Questions) -> list[Moments]:
    """Of each delay, one for each sample."""
    every = np.arange(asked.data.samples)
    return [Moments(every, asked.ends + after) for after in asked.timing.after]
