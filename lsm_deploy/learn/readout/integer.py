"""The readout that a host computes beside the chip: scores in whole numbers, the same on every machine.

Standardisation goes into the weights, which are then rounded to `weight_bits` with one scale for all:

    score = W @ features + b       W = rint(scale * coef / deviation), b = rint(scale * intercept - W @ mean)

The scale is the one with the least squared error of the scores, over independent features: one that hardly ever changes
has a huge weight, and is clipped rather than to leave the others few levels. Equal scores go to the lower class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsm_deploy.core.fixed import Ints, stable
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.indices import mistake_in
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.shown import Brief
from lsm_deploy.learn.readout.classifier import Classifier

__all__ = ["IntegerReadout", "answers", "choose_scale", "quantise_readout", "scores"]

_FINEST = 1 / 32
"""The smallest limit to weights that is tried, of the largest one: what exceeds a limit is clipped to it."""


@dataclass(frozen=True, eq=False, repr=False)
class IntegerReadout(Brief):
    """weights `[class, feature]` for the `support` of `available` features, biases `[class]`; scale: of the scores."""

    classes: tuple[str, ...]
    available: int
    support: Ints
    weights: Ints
    biases: Ints
    scale: float

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        shapes = {
            "support": self.weights.shape[1:],
            "weights": (len(self.classes), *self.weights.shape[1:]),
            "biases": (len(self.classes),),
        }
        for name, shape in shapes.items():
            freeze(self, **{name: np.int64})
            array = getattr(self, name)
            if array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}, not {shape}")
        limit = 1 << 15  # at both ends: the least integer has itself as absolute value
        if self.weights.ndim != 2 or not ((-limit < self.weights) & (self.weights < limit)).all():
            raise ValueError(f"weights have shape {self.weights.shape}, or more than 16 bits")
        if mistake := mistake_in(self.support, self.available, "ascending"):
            raise ValueError(f"support: {mistake}")
        if not np.isfinite(self.scale) or self.scale <= 0:
            raise ValueError(f"the scale is {self.scale}")


def quantise_readout(classifier: Classifier, weight_bits: int) -> IntegerReadout:
    """The integers nearest to a classifier's floats."""
    real = stable(classifier.coef / classifier.scale)
    scale, weights = choose_scale(real, classifier.scale, (1 << weight_bits - 1) - 1)
    # The bias makes up for what rounding moved on average.
    biases = np.rint(stable(scale * classifier.intercept - weights @ classifier.mean)).astype(np.int64)
    return IntegerReadout(classifier.classes, classifier.available, classifier.support, weights, biases, scale)


def choose_scale(real: Floats, deviation: Floats, limit: int, least: int | None = None) -> tuple[float, Ints]:
    """The scale, and weights rint(scale * real) within -limit (or `least`) .. limit, with the least error of scores."""
    low = -limit if least is None else least
    largest = float(max(real.max(initial=0.0) / max(limit, 1), (-real).max(initial=0.0) / max(-low, 1)))
    if largest == 0:
        return 1.0, np.zeros(real.shape, np.int64)
    tried = []
    for part in np.geomspace(1.0, _FINEST, 41):
        scale = float(stable(np.array(1 / (largest * part))))
        weights = np.clip(np.rint(stable(real * scale)), low, limit)
        error = float((((weights / scale - real) * deviation) ** 2).sum())
        tried.append((error, scale, weights))
    error, scale, weights = min(tried, key=lambda each: (float(stable(np.array(each[0]))), each[1]))
    return scale, weights.astype(np.int64)


def scores(readout: IntegerReadout, features: Ints) -> Ints:
    """The score of each class `[sample, class]`, exact, for all features `[sample, feature]`."""
    x = features[:, readout.support]
    largest = int(np.abs(x).max(initial=0)) * int(np.abs(readout.weights).max(initial=0)) * max(1, x.shape[1])
    if largest < 1 << 53:  # then every sum of doubles is exact, in whatever order, and BLAS is much faster
        product = (x.astype(np.float64) @ readout.weights.T.astype(np.float64)).astype(np.int64)
    else:
        product = x @ readout.weights.T
    total: Ints = product + readout.biases
    return total


def answers(readout: IntegerReadout, features: Ints) -> tuple[str, ...]:
    """The class of each sample."""
    return tuple(readout.classes[i] for i in np.argmax(scores(readout, features), axis=1))
