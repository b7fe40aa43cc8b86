"""A linear classifier of features: trained in floats, its regularisation chosen by cross-validation.

Features are standardised on the training samples; one score a class, `coef @ (features - mean) / scale + intercept`,
and the largest wins. The regularisation is the one with the best cross-validated accuracy on the training samples
(the strongest of several that tie), each fold standardised, and its features selected, by itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.indices import mistake_in
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.shown import Brief
from lsm_deploy.data import class_order
from lsm_deploy.learn.readout.folds import Fold, folds_of
from lsm_deploy.learn.readout.online import start_after, strength_after
from lsm_deploy.learn.readout.ridge import RidgeFolds, Solution, ridge, targets_of
from lsm_deploy.spec.schema import Readout

__all__ = ["Classifier", "decision_function", "fit", "predict", "probabilities", "standard", "weights_at"]

MAX_ITERATIONS = 1000
"""Of logistic regression's L-BFGS; `Classifier.converged` says whether they sufficed."""


SMALL = 5_000_000
"""Values of features that one thread trains on."""


@dataclass(frozen=True, eq=False, repr=False)
class Classifier(Brief):
    """Of `available` features those in `support` are read: mean, scale `[feature]`; coef `[class, feature]`,
    intercept `[class]`. candidates, cv_accuracy `[candidate]`."""

    classes: tuple[str, ...]
    available: int
    support: Ints
    mean: Floats
    scale: Floats
    coef: Floats
    intercept: Floats
    regularisation: float
    candidates: Floats
    cv_accuracy: Floats
    converged: bool

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        shapes = {
            "support": self.coef.shape[1:],
            "mean": self.coef.shape[1:],
            "scale": self.coef.shape[1:],
            "coef": (len(self.classes), *self.coef.shape[1:]),
            "intercept": (len(self.classes),),
            "candidates": self.candidates.shape,
            "cv_accuracy": self.candidates.shape,
        }
        for name, shape in shapes.items():
            freeze(self, **{name: np.int64 if name == "support" else np.float64})
            array = getattr(self, name)
            if array.shape != shape or not np.isfinite(array).all():
                raise ValueError(f"{name} has shape {array.shape}, not {shape}, or is not finite")
        if self.coef.ndim != 2 or not (self.scale > 0).all():
            raise ValueError(f"coef has shape {self.coef.shape}, or scale is not positive")
        if mistake := mistake_in(self.support, self.available, "ascending"):
            raise ValueError(f"support: {mistake}")


def fit(
    features: Floats | Ints,
    labels: Sequence[str],
    readout: Readout,
    seed: int,
    groups: Sequence[object] | None = None,
    origin: Sequence[int] | None = None,
    *,
    centre: bool = True,
) -> Classifier:
    """Train on features `[sample, feature]`; for groups and origin, which folds keep together, see `folds_of`.

    centre: without it there is neither mean nor intercept, and 0 features score 0.
    """
    classes = class_order(labels)
    _check(labels, classes, features.shape[1], readout)
    from threadpoolctl import threadpool_limits

    # Small products are not worth a second thread, which on a busy machine makes them 20 times slower.
    with threadpool_limits(1 if features.size < SMALL else None):
        return _fit(features, labels, classes, readout, seed, groups, origin, centre)


def _fit(
    features: Floats | Ints,
    labels: Sequence[str],
    classes: tuple[str, ...],
    readout: Readout,
    seed: int,
    groups: Sequence[object] | None,
    origin: Sequence[int] | None,
    centre: bool,
) -> Classifier:
    index = {name: i for i, name in enumerate(classes)}
    y = np.array([index[label] for label in labels])
    x = features.astype(np.float64)
    candidates = np.array(sorted(readout.regularisation), np.float64)
    folds = folds_of(y, readout.folds, seed, groups, origin)
    solver = _Solver(x, y, len(classes), readout, candidates.tolist(), centre)
    accuracy = np.zeros((len(folds), len(candidates)))
    for i, fold in enumerate(folds):
        support, mean, scale, path = solver.path(fold)
        held_out = (solver.rows(fold[1], support) - mean) / scale
        for k, (coef, intercept) in enumerate(path):
            accuracy[i, k] = np.mean(_choose(held_out @ coef.T + intercept) == y[fold[1]])
    cv_accuracy = accuracy.mean(axis=0)
    best = float(candidates[np.flatnonzero(cv_accuracy >= cv_accuracy.max() - 1e-12)[-1]])
    support, mean, scale, (coef, intercept), converged = solver.final(best)
    return Classifier(
        classes, x.shape[1], support, mean, scale, coef, intercept, best, candidates, cv_accuracy, converged
    )


def weights_at(features: Ints, y: Ints, classes: int, readout: Readout, strength: float) -> Floats:
    """Trained without a centre at one strength: what a unit of each feature adds to each score `[class, feature]`."""
    x = features.astype(np.float64)
    support, _, scale, (coef, _), _ = _Solver(x, y, classes, readout, [strength], centre=False).final(strength)
    weights = np.zeros((classes, x.shape[1]))
    weights[:, support] = coef / scale
    return weights


def decision_function(classifier: Classifier, features: Floats | Ints) -> Floats:
    """The score of each class `[sample, class]` for all features `[sample, feature]`."""
    x = (features[:, classifier.support] - classifier.mean) / classifier.scale
    scores: Floats = x @ classifier.coef.T + classifier.intercept
    return scores


def predict(classifier: Classifier, features: Floats | Ints) -> tuple[str, ...]:
    """The class of each sample."""
    return tuple(classifier.classes[i] for i in _choose(decision_function(classifier, features)))


def probabilities(scores: Floats) -> Floats:
    """What logistic regression takes scores `[sample, class]` for; of two classes they are the second's, either way."""
    from scipy.special import softmax

    shares: Floats = softmax(scores / 2 if scores.shape[1] == 2 else scores, axis=1)
    return shares


def _choose(scores: Floats) -> Ints:
    best: Ints = np.argmax(scores, axis=1)
    return best


def _check(labels: Sequence[str], classes: Sequence[str], features: int, readout: Readout) -> None:
    if len(classes) < 2:
        raise LsmError(f"all training samples are of class {classes[0]!r}", where="readout", hint="add another class")
    counts = {name: list(labels).count(name) for name in classes}
    if (rarest := min(counts.values())) < readout.folds:
        name = min(counts, key=counts.__getitem__)
        raise LsmError(
            f"class {name!r} has {rarest} training samples, fewer than the {readout.folds} folds of cross-validation",
            where="readout",
            hint=f"set `readout: {{folds: {rarest}}}`, or add samples" if rarest > 1 else "add samples of it",
        )
    if readout.keep is not None and readout.keep > features:
        raise LsmError(
            f"{readout.keep} features are to be kept of {features}",
            where="readout",
            hint=f"set `readout: {{keep: {features}}}`, or leave it out",
        )


# --- solving -------------------------------------------------------------------------------------------------------


class _Solver:
    """What the folds and the final training share. Rows `x` `[sample, feature]` of class `y` `[sample]`."""

    def __init__(
        self, x: Floats, y: Ints, classes: int, readout: Readout, strengths: Sequence[float], centre: bool
    ) -> None:
        self.x, self.y, self.classes, self.readout, self.strengths = x, y, classes, readout, strengths
        self.centre = centre
        plain = readout.classifier == "ridge" and readout.keep is None and readout.class_weight == "none" and centre
        # A fold of 2 has the fewest samples, half of all.
        self.shared = RidgeFolds(x, targets_of(y, classes)) if plain and len(x) >= 2 * x.shape[1] else None

    def path(self, fold: Fold) -> tuple[Ints, Floats, Floats, list[Solution]]:
        """For each strength what the training samples of a fold teach: the kept features, their mean and scale."""
        train, held_out = fold
        support, mean, scale, z = self._prepare(train)
        if self.shared is not None:
            return support, mean, scale, self.shared.solve(held_out, mean, scale, self.strengths)
        return support, mean, scale, self._solve(z, self.y[train], self.strengths)[0]

    def final(self, strength: float) -> tuple[Ints, Floats, Floats, Solution, bool]:
        """What all samples teach, and whether that converged."""
        support, mean, scale, z = self._prepare(np.arange(len(self.x)))
        if self.shared is not None:
            path, converged = self.shared.solve(np.zeros(0, np.int64), mean, scale, [strength]), True
        else:
            path, converged = self._solve(z, self.y, [strength])
        # What is constant has coefficients of 0.
        return support, mean, np.where(np.isfinite(scale), scale, 1.0), path[0], converged

    def rows(self, rows: Ints, support: Ints) -> Floats:
        x = self.x[rows]
        return x if self.readout.keep is None else x[:, support]

    def _prepare(self, rows: Ints) -> tuple[Ints, Floats, Floats, Floats]:
        """The kept features, their mean and scale, and these rows of them, standardised."""
        support = np.arange(self.x.shape[1])
        if self.readout.keep is not None:
            support = _select(self.x[rows], self.y[rows], self.readout.keep)
        x = self.rows(rows, support)
        if self.centre:
            mean, scale = _standardise(x)
            return support, mean, scale, x
        scale = standard(x)[1]
        # Without an intercept what is constant is of use: it is one.
        scale = np.where(np.isinf(scale) & (x[0] != 0), np.abs(x[0]), scale)
        return support, np.zeros(len(support)), scale, x / scale

    def _solve(self, z: Floats, y: Ints, strengths: Sequence[float]) -> tuple[list[Solution], bool]:
        counts = np.bincount(y, minlength=self.classes)
        balanced = self.readout.class_weight == "balanced"
        weights = (len(y) / (np.count_nonzero(counts) * np.maximum(counts, 1)))[y] if balanced else None
        if self.readout.classifier == "logistic":
            return _logistic(z, y, self.classes, weights, strengths, self.centre)
        targets = targets_of(y, self.classes)
        if self.readout.classifier == "ridge" or not self.centre:  # what is put on the chip learns at once
            return ridge(z, targets, weights, strengths, self.centre), True
        weights, forgetting = np.ones(len(y)) if weights is None else weights, self.readout.forgetting
        if len(strengths) == 1:
            learner = start_after(z, targets, weights, forgetting, strengths[0]).weights
            return [(learner[:-1].T, learner[-1])], True
        # The same without P, and so sooner.
        rows = np.column_stack([z, np.ones(len(z))])
        weights = weights * forgetting ** np.arange(len(z) - 1, -1, -1.0)
        ends = [strength_after(len(z), forgetting, a) for a in strengths]
        return [(coef[:, :-1], coef[:, -1]) for coef, _ in ridge(rows, targets, weights, ends, centre=False)], True


def standard(x: Floats) -> tuple[Floats, Floats]:
    """The mean and the deviation of each feature, infinite where it never changes."""
    return _standardise(x.astype(np.float64))


def _standardise(x: Floats) -> tuple[Floats, Floats]:
    """`standard`, and x becomes what it is in these units: many features are read as seldom as that needs."""
    # There the deviation is 0, or a rounding error; the square of one below 1e-150 would be, too.
    constant = x.max(axis=0) - x.min(axis=0) < 1e-150
    mean = x.mean(axis=0)
    x -= mean
    scale = np.where(constant, np.inf, np.sqrt((x * x).mean(axis=0)))
    x /= scale
    return mean, scale


def _select(x: Floats, y: Ints, keep: int) -> Ints:
    """The features with the largest ANOVA F, in their order; the first of equal ones."""
    from sklearn.feature_selection import f_classif

    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore")  # about constant features, whose F is not a number
        ratio = np.nan_to_num(f_classif(x, y)[0], nan=-1.0, posinf=np.inf)
    chosen: Ints = np.sort(np.argsort(-ratio, kind="stable")[:keep])
    return chosen


def _logistic(
    z: Floats, y: Ints, classes: int, weights: Floats | None, strengths: Sequence[float], centre: bool
) -> tuple[list[Solution], bool]:
    """Multinomial; from the strongest regularisation on, each solution the start of the next."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    present = np.unique(y)
    model = LogisticRegression(max_iter=MAX_ITERATIONS, fit_intercept=centre, warm_start=True)
    solutions, converged = {}, True
    for strength in sorted(strengths, reverse=True):
        model.set_params(C=1 / strength)
        with warnings.catch_warnings():  # told through `converged` instead
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(z, y, sample_weight=weights)
        converged &= bool(np.max(model.n_iter_) < MAX_ITERATIONS)
        some, bias = np.atleast_2d(model.coef_), np.broadcast_to(model.intercept_, max(1, len(model.coef_)))
        if len(some) == 1:  # of two classes scikit-learn keeps the score of the second
            some, bias = np.concatenate([-some, some]), np.concatenate([-bias, bias])
        # A class that a fold does not train on is never answered.
        coef, intercept = np.zeros((classes, z.shape[1])), np.full(classes, -np.inf)
        coef[present], intercept[present] = some, bias
        solutions[strength] = coef, intercept
    return [solutions[strength] for strength in strengths], converged
