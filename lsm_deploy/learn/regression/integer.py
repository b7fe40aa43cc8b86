"""The readout that a host computes beside the chip: signals from whole numbers, the same on every machine.

Standardisation goes into the weights, which are rounded to `weight_bits` with a scale for each output:

    y = (W @ x + b) / s       W = rint(s * coef / scale), b = rint(s * intercept - W @ mean)

x are features in integers (`states`). W @ x + b is exact; the division by s is the last step, into the units of the
target.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints, stable
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.learn.readout.integer import choose_scale

__all__ = ["FEATURE_BITS", "MOST_BITS", "IntegerRegressor", "answer", "quantise_regressor"]

MOST_BITS = 24
"""Of a weight."""
FEATURE_BITS = 24
"""Of a feature, with its sign: products of two, and sums of their products with weights, fit 64 bits."""
LARGEST_BIAS = np.iinfo(np.int64).max // 2
"""What is added to it stays within 64 bits."""
LARGEST_TOTAL = LARGEST_BIAS >> FEATURE_BITS - 1
"""Of the magnitudes of an output's weights: times the largest feature, that is what is added."""


@dataclass(frozen=True, eq=False)
class IntegerRegressor:
    """weights `[output, feature]`, biases `[output]`; scale `[output]`: of what they sum to."""

    weights: Ints
    biases: Ints
    scale: Floats

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, weights=np.int64, biases=np.int64, scale=np.float64)
        outputs = self.weights.shape[:1]
        if self.weights.ndim != 2 or (np.abs(self.weights) >> MOST_BITS - 1).any():
            raise ValueError(f"weights have shape {self.weights.shape}, or more than {MOST_BITS} bits")
        if (np.abs(self.weights).sum(axis=1) > LARGEST_TOTAL).any():
            raise ValueError(f"{self.weights.shape[1]} weights add up to more than 64 bits hold")
        if self.biases.shape != outputs or self.scale.shape != outputs:
            raise ValueError(f"biases {self.biases.shape} and scale {self.scale.shape} are not both [output]")
        if not ((self.scale > 0) & (self.scale < np.inf)).all():
            raise ValueError(f"the scale is {self.scale}")


def quantise_regressor(
    mean: Floats, scale: Floats, coef: Floats, intercept: Floats, weight_bits: int
) -> IntegerRegressor:
    """The integers nearest to a readout in floats: mean, scale `[feature]`, coef `[output, feature]`.

    An LsmError where a bias is too large: the signal is that small beside its mean.
    """
    limit = (1 << weight_bits - 1) - 1
    of_each = [choose_scale(stable(row / scale)[None], scale, limit) for row in coef]
    weights = np.concatenate([rows for _, rows in of_each])
    scales = np.array([s for s, _ in of_each])
    # The bias makes up for what rounding moved on average.
    biases = np.rint(stable(scales * intercept - weights @ mean))
    if wide := np.flatnonzero(np.abs(biases) > LARGEST_BIAS).tolist():
        what = f"the bias of output {wide[0]} is {biases[wide[0]]:.3g} beside such small weights, too large to be held"
        hint = "take the mean off the target, or leave out the strongest `regularisation`"
        raise LsmError(what, where="readout", hint=hint)
    return IntegerRegressor(weights, biases.astype(np.int64), scales)


def answer(integers: IntegerRegressor, x: Ints) -> Floats:
    """What the features `[row, feature]`, all of them integers, give `[row, output]`."""
    largest = int(np.abs(x).max(initial=0)) * int(np.abs(integers.weights).sum(axis=1).max(initial=0))
    if largest < 1 << 53:  # then every sum of doubles is exact, in whatever order, and BLAS is much faster
        product = (x.astype(np.float64) @ integers.weights.T.astype(np.float64)).astype(np.int64)
    else:
        product = x @ integers.weights.T
    total: Ints = product + integers.biases
    return np.asarray(total / integers.scale)
