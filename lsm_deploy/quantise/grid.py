"""The grid that a projection's weights are put on: its ends, its step, and its exponent.

The exponent is the smallest at which the largest weight fits. With few bits that is too careful: one heavy weight in
the tail of a distribution spreads the few levels until most weights are nothing. There a finer grid may clip the tail,
where the squared error over all weights is smaller for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy import fixed
from lsm_deploy.ir import Projection
from lsm_deploy.neurons.kind import Floats
from lsm_deploy.target import MAX_WEIGHT_EXP

__all__ = ["COARSE", "exponent_of", "largest_weight", "range_of", "squared_error", "to_grid"]

COARSE = 4
"""Bits up to which clipping is considered; beyond, it has never paid."""
_FINER = 4
"""Exponents below the one that fits which are tried."""
_TRIED = 1 << 16
"""Weights that grids are compared on, of more: evenly spaced ones."""


def largest_weight(p: Projection) -> float:
    return float(max(p.weight.max(initial=0.0), -p.weight.min(initial=0.0)))


def range_of(p: Projection) -> tuple[int, int, int]:
    """The smallest and the largest weight that the projection's grid holds, and the step between them."""
    mixed = p.sign_mode == "mixed"
    step = fixed.grid(p.weight_bits, mixed)
    high = (254 if mixed else fixed.WEIGHT_LIMIT) // step * step
    return (-256 if mixed else -high), high, step


def exponent_of(p: Projection, scale: float) -> int:
    low, high, _ = range_of(p)
    largest = fixed.stable(np.array(largest_weight(p) * scale))
    fitting = [e for e in range(MAX_WEIGHT_EXP + 1) if np.rint(largest / (1 << e)) <= (high or -low)]
    fits = fitting[0] if fitting else MAX_WEIGHT_EXP
    if p.weight_bits > COARSE:
        return fits
    some = slice(None, None, -(-len(p.weight) // _TRIED) or 1)
    errors = {e: squared_error(p, some, scale, e) for e in range(max(0, fits - _FINER), fits + 1)}
    return min(errors, key=lambda e: (float(fixed.stable(np.array(errors[e]))), -e))


def to_grid(p: Projection, part: slice, scale: float, exponent: int) -> tuple[Floats, NDArray[np.bool_]]:
    """The nearest weights on the grid, of that part, and where they had to be clipped to its ends."""
    low, high, step = range_of(p)
    nearest = np.rint(fixed.stable(p.weight[part] * (scale / (1 << exponent) / step))) * step
    clipped = np.clip(nearest, low, high)
    return clipped, clipped != nearest


def squared_error(p: Projection, part: slice, scale: float, exponent: int) -> float:
    weights, _ = to_grid(p, part, scale, exponent)
    return float(((weights * ((1 << exponent) / scale) - p.weight[part]) ** 2).sum())
