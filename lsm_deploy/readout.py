"""A linear readout of spikes: features of each sample, a classifier trained on them, and its answers.

Features are standardised on the training samples; one score a class, `coef @ (features - mean) / scale + intercept`,
and the largest wins. The regularisation is the one with the best cross-validated accuracy on the training samples
(the strongest of several that tie), each fold standardised by itself. scikit-learn trains; plain numpy answers.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.data import class_order
from lsm_deploy.errors import LsmError
from lsm_deploy.neurons.kind import Floats
from lsm_deploy.spec.schema import Readout, Traces
from lsm_deploy.streams import stream

__all__ = ["Classifier", "features", "fit", "from_arrays", "mean_bins", "predict", "to_arrays"]

MAX_ITERATIONS = 1000
"""Of logistic regression's L-BFGS; `Classifier.converged` says whether they sufficed."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """mean, scale `[feature]`; coef `[class, feature]`; intercept `[class]`; candidates, cv_accuracy `[candidate]`."""

    classes: tuple[str, ...]
    mean: Floats
    scale: Floats
    coef: Floats
    intercept: Floats
    regularisation: float
    candidates: Floats
    cv_accuracy: Floats
    converged: bool

    def __post_init__(self) -> None:
        shapes = {
            "mean": self.coef.shape[1:],
            "scale": self.coef.shape[1:],
            "coef": (len(self.classes), *self.coef.shape[1:]),
            "intercept": (len(self.classes),),
            "candidates": self.candidates.shape,
            "cv_accuracy": self.candidates.shape,
        }
        for name, shape in shapes.items():
            array = np.array(getattr(self, name), np.float64)
            if array.shape != shape or not np.isfinite(array).all():
                raise ValueError(f"{name} has shape {array.shape}, not {shape}, or is not finite")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.coef.ndim != 2 or not (self.scale > 0).all():
            raise ValueError(f"coef has shape {self.coef.shape}, or scale is not positive")


# --- features ------------------------------------------------------------------------------------------------------


def features(spikes: NDArray[np.int8], starts: NDArray[np.int64], section: Readout, dt_ms: float) -> Floats:
    """Features `[sample, part * neuron]` of the spikes `[t, neuron]` of the population that is read.

    A sample of length L falls into parts [k L // n, (k + 1) L // n); where L < n some are empty. `bins` counts each
    part's spikes. `traces` sums exp(-(r - t) dt / tau) over the sample's spikes at t <= r, with r the part's last step.
    """
    steps, neurons = spikes.shape
    if isinstance(section.features, Traces):
        parts, tau_steps = section.features.samples, section.features.tau_ms / dt_ms
    else:
        parts, tau_steps = section.features.bins, None
    edges = _edges(starts, steps, parts)
    t, neuron = np.nonzero(spikes)
    part = np.searchsorted(edges[:, 1:].ravel(), t, "right")  # an empty part ends where it starts: nothing falls in it
    values = spikes[t, neuron].astype(np.float64)
    if tau_steps is not None:
        values *= np.exp(-(edges[:, 1:].ravel()[part] - 1 - t) / tau_steps)
    flat = np.bincount(part * neurons + neuron, values, minlength=edges[:, 1:].size * neurons)
    summed: Floats = flat.reshape(len(starts), parts, neurons).astype(np.float64)
    if tau_steps is not None:
        decay = np.exp(-np.diff(edges) / tau_steps)
        for k in range(1, parts):
            summed[:, k] += decay[:, k, None] * summed[:, k - 1]
    return summed.reshape(len(starts), parts * neurons)


def mean_bins(frames: Floats, starts: NDArray[np.int64], parts: int) -> Floats:
    """Means `[sample, part * channel]` over the same parts; one that is empty repeats the frame at its start."""
    edges = _edges(starts, len(frames), parts)
    means = [frames[a : max(a + 1, b)].mean(axis=0) for row in edges for a, b in pairwise(row)]
    return np.array(means).reshape(len(starts), -1)


def _edges(starts: NDArray[np.int64], steps: int, parts: int) -> NDArray[np.int64]:
    """Where the parts of each sample begin and end `[sample, part + 1]`."""
    lengths = np.diff(starts, append=steps)
    edges: NDArray[np.int64] = starts[:, None] + lengths[:, None] * np.arange(parts + 1) // parts
    return edges


# --- the classifier ------------------------------------------------------------------------------------------------


def fit(features: Floats, labels: Sequence[str], section: Readout, seed: int) -> Classifier:
    """Choose the regularisation by stratified cross-validation, then train on everything."""
    from sklearn.model_selection import StratifiedKFold

    classes = class_order(labels)
    counts = {name: list(labels).count(name) for name in classes}
    if len(classes) < 2:
        raise LsmError(f"all training samples are of class {classes[0]!r}", where="readout", hint="add another class")
    if (rarest := min(counts.values())) < section.folds:
        name = min(counts, key=counts.__getitem__)
        raise LsmError(
            f"class {name!r} has {rarest} training samples, fewer than the {section.folds} folds of cross-validation",
            where="readout",
            hint=f"set `readout: {{folds: {rarest}}}`, or add samples" if rarest > 1 else "add samples of it",
        )
    y = np.array([classes.index(label) for label in labels])
    splitter = StratifiedKFold(section.folds, shuffle=True, random_state=_sklearn_seed(seed))
    candidates = np.array(sorted(section.regularisation), np.float64)
    accuracy = np.zeros((section.folds, len(candidates)))
    for fold, (train, held_out) in enumerate(splitter.split(features, y)):
        mean, scale = _standard(features[train])
        x, unseen = (features[train] - mean) / scale, (features[held_out] - mean) / scale
        for i, strength in enumerate(candidates):
            coef, intercept, _ = _solve(section.classifier, x, y[train], float(strength))
            accuracy[fold, i] = np.mean(_choose(unseen, coef, intercept) == y[held_out])
    cv_accuracy = accuracy.mean(axis=0)
    best = float(candidates[np.flatnonzero(cv_accuracy >= cv_accuracy.max() - 1e-12)[-1]])
    mean, scale = _standard(features)
    coef, intercept, converged = _solve(section.classifier, (features - mean) / scale, y, best)
    return Classifier(classes, mean, scale, coef, intercept, best, candidates, cv_accuracy, converged)


def predict(classifier: Classifier, features: Floats) -> tuple[str, ...]:
    """The class of each sample `[sample, feature]`."""
    x = (features - classifier.mean) / classifier.scale
    return tuple(classifier.classes[i] for i in _choose(x, classifier.coef, classifier.intercept))


def _standard(features: Floats) -> tuple[Floats, Floats]:
    scale = features.std(axis=0)
    # A feature that never changes has a deviation of 0, or of a rounding error.
    constant = features.max(axis=0) == features.min(axis=0)
    return features.mean(axis=0), np.where(constant, 1.0, scale)


def _solve(kind: str, x: Floats, y: NDArray[np.int64], strength: float) -> tuple[Floats, Floats, bool]:
    """Coefficients `[class, feature]`, intercepts `[class]`, and whether the solver converged."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, RidgeClassifier

    if kind == "ridge":
        model = RidgeClassifier(alpha=strength).fit(x, y)
        converged = True
    else:
        with warnings.catch_warnings():  # told through `converged` instead
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(C=1 / strength, max_iter=MAX_ITERATIONS).fit(x, y)
        converged = bool(np.max(model.n_iter_) < MAX_ITERATIONS)
    coef, intercept = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    if len(coef) == 1:  # of two classes scikit-learn keeps the score of the second
        coef, intercept = np.concatenate([-coef, coef]), np.concatenate([-intercept, intercept])
    return coef, intercept, converged


def _choose(x: Floats, coef: Floats, intercept: Floats) -> NDArray[np.int64]:
    best: NDArray[np.int64] = np.argmax(x @ coef.T + intercept, axis=1)
    return best


def _sklearn_seed(seed: int) -> int:
    return int(stream(seed, "cross-validation").random() * 2**32)  # it takes 32 bits, a spec's seed may have more


# --- storing -------------------------------------------------------------------------------------------------------


_FLOATS = ("mean", "scale", "coef", "intercept", "candidates", "cv_accuracy")


def to_arrays(classifier: Classifier) -> dict[str, NDArray[Any]]:
    """A classifier as plain arrays."""
    return {
        "classes": np.array(classifier.classes),
        **{name: getattr(classifier, name) for name in _FLOATS},
        "regularisation": np.array([classifier.regularisation]),
        "converged": np.array([classifier.converged]),
    }


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Classifier:
    """The classifier again; KeyError or ValueError where the arrays are none."""
    (regularisation,), (converged,) = arrays["regularisation"], arrays["converged"]
    return Classifier(
        classes=tuple(str(name) for name in arrays["classes"]),
        regularisation=float(regularisation),
        converged=bool(converged),
        **{name: arrays[name] for name in _FLOATS},
    )
