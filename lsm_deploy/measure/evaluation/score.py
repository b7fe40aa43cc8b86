"""What readouts said of test samples, and how much of it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.shown import Brief
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.readout import Classifier
from lsm_deploy.measure.uncertainty import wilson

__all__ = [
    "Answers",
    "Detection",
    "Score",
    "by_group",
    "curve_of",
    "float_answers",
    "integer_answers",
    "pooled",
    "score_of",
]


@dataclass(frozen=True, eq=False, repr=False)
class Answers(Brief):
    """The class that a readout names for each test sample, and, where one is to be detected, how far its score is above
    the other's `[sample]`. regularisation and cv_accuracy: None where it has none to choose. scores: `[sample, class]`,
    where it gives such."""

    predicted: tuple[str, ...]
    margins: Floats | None
    features: int
    regularisation: float | None
    cv_accuracy: float | None
    converged: bool = True
    scores: Floats | None = None


@dataclass(frozen=True)
class Detection:
    """Of the positive class: the share found, the share of the others that are left alone, and the area under the
    curve of the one against the other (Hanley & McNeil, Radiology 143, 1982). None where there is nothing to share."""

    sensitivity: float | None
    specificity: float | None
    auc: float | None


@dataclass(frozen=True, repr=False)
class Score(Brief):
    """What a readout trained on one kind of features got right on the test data."""

    _short = ("correct", "samples")

    correct: int
    samples: int
    features: int
    regularisation: float | None
    cv_accuracy: float | None
    """Of the chosen regularisation, on the training data."""
    converged: bool
    detection: Detection | None = None

    @property
    def accuracy(self) -> float:
        return self.correct / self.samples

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy."""
        return wilson(self.accuracy, self.samples)

    def to_json(self) -> dict[str, Any]:
        low, high = self.interval
        facts = asdict(self)
        detection = facts.pop("detection") or {}
        return {"accuracy": self.accuracy, "low": low, "high": high, **facts, **detection}


def score_of(answers: Answers, labels: Sequence[str], positive: str | None = None) -> Score:
    """Count what is right; positive: the class, of two, that is to be detected."""
    right = np.array([predicted == label for predicted, label in zip(answers.predicted, labels, strict=True)])
    return Score(
        correct=int(right.sum()),
        samples=len(labels),
        features=answers.features,
        regularisation=answers.regularisation,
        cv_accuracy=answers.cv_accuracy,
        converged=answers.converged,
        detection=_detection(answers, np.array([label == positive for label in labels]), right) if positive else None,
    )


def _detection(answers: Answers, is_positive: Any, right: Any) -> Detection:
    some, others = right[is_positive], right[~is_positive]
    auc = None
    if len(some) and len(others) and answers.margins is not None:
        auc = curve_of(is_positive, answers.margins)[2]
    return Detection(
        sensitivity=float(some.mean()) if len(some) else None,
        specificity=float(others.mean()) if len(others) else None,
        auc=auc,
    )


def curve_of(is_positive: NDArray[np.bool_], margins: Floats) -> tuple[Floats, Floats, float]:
    """False and true positives as shares, as ever lower margins `[sample]` suffice, and the area under their curve.

    Points on a straight line between others are left out. Those of scikit-learn's `roc_curve` and `auc`, which take
    longer to import than a small evaluation does.
    """
    order = np.argsort(margins, kind="stable")[::-1]
    last = np.append(np.flatnonzero(np.diff(margins[order])), len(order) - 1)  # of equal margins
    true = np.cumsum(is_positive[order])[last]
    false = 1 + last - true
    corner = np.ones(len(last), bool)
    corner[1:-1] = (np.diff(false, 2) != 0) | (np.diff(true, 2) != 0)
    x, y = (np.append(0, counts[corner]) / counts[-1] for counts in (false, true))
    return x, y, float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())


def float_answers(classifier: Classifier, features: Floats | Ints, positive: str | None = None) -> Answers:
    """What a classifier says of features `[sample, feature]`, as it was trained."""
    scores = readouts.decision_function(classifier, features)
    return _answers(classifier, readouts.predict(classifier, features), scores, positive)


def integer_answers(classifier: Classifier, features: Ints, weight_bits: int, positive: str | None = None) -> Answers:
    """What it says once its weights are integers, as a host would compute it."""
    integers = readouts.quantise_readout(classifier, weight_bits)
    scores = readouts.scores(integers, features)
    predicted = tuple(classifier.classes[i] for i in np.argmax(scores, axis=1))
    # In units of the float scores: those of several splits are compared with each other.
    return _answers(classifier, predicted, scores / integers.scale, positive)


def _answers(classifier: Classifier, predicted: tuple[str, ...], scores: Floats, positive: str | None) -> Answers:
    margins = None
    if positive is not None and positive in classifier.classes:
        i = classifier.classes.index(positive)
        margins = scores[:, i] - np.delete(scores, i, axis=1).max(axis=1)
    cv_accuracy = float(classifier.cv_accuracy[classifier.candidates == classifier.regularisation][0])
    return Answers(
        predicted,
        margins,
        len(classifier.support),
        classifier.regularisation,
        cv_accuracy,
        classifier.converged,
        scores,
    )


def by_group(answers: Answers, labels: Sequence[str], groups: Sequence[str], positive: str | None) -> dict[str, Score]:
    """The score of each speaker's, or record's, samples."""
    names = sorted(set(groups))
    where = {name: np.flatnonzero([group == name for group in groups]) for name in names}
    return {name: score_of(_some(answers, rows), [labels[i] for i in rows], positive) for name, rows in where.items()}


def _some(answers: Answers, rows: Ints) -> Answers:
    margins = answers.margins[rows] if answers.margins is not None else None
    predicted = tuple(answers.predicted[i] for i in rows)
    return Answers(predicted, margins, answers.features, answers.regularisation, answers.cv_accuracy, answers.converged)


def pooled(parts: Sequence[Answers]) -> Answers:
    """The answers of several splits, one after the other; what was chosen in each is no one's any more."""
    margins = [part.margins for part in parts if part.margins is not None]
    return Answers(
        predicted=tuple(predicted for part in parts for predicted in part.predicted),
        margins=np.concatenate(margins) if len(margins) == len(parts) else None,
        features=max(part.features for part in parts),
        regularisation=None,
        cv_accuracy=None,
        converged=all(part.converged for part in parts),
    )
