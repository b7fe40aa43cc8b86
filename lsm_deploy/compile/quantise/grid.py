"""The grid that a projection's weights are put on: its ends, its step, and its exponent.

The exponent is the smallest at which the largest weight fits. With few bits that is too careful: one heavy weight in
the tail of a distribution spreads the few levels until most weights are nothing. There a finer grid may clip the tail,
where the squared error over all weights is smaller for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.quantise import kernels
from lsm_deploy.core import fixed
from lsm_deploy.core.boards import MAX_WEIGHT_EXP
from lsm_deploy.core.ir import Projection

__all__ = ["COARSE", "exponent_of", "in_two", "largest_weight", "range_of", "to_grid"]

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
    step = fixed.grid_step(min(p.weight_bits, fixed.WEIGHT_BITS), mixed)
    low, high = (limit // step * step for limit in fixed.weight_range(mixed))
    return (low if mixed else -high), high, step


def exponent_of(p: Projection, scale: float) -> int:
    low, high, _ = range_of(p)
    largest = fixed.stable(np.array(largest_weight(p) * scale))
    fitting = [e for e in range(MAX_WEIGHT_EXP + 1) if np.rint(largest / (1 << e)) <= (high or -low)]
    fits = fitting[0] if fitting else MAX_WEIGHT_EXP
    if p.weight_bits > COARSE:
        return fits
    every = -(-len(p.weight) // _TRIED) or 1
    errors = {e: to_grid(p, scale, e, every=every)[0] for e in range(max(0, fits - _FINER), fits + 1)}
    return min(errors, key=lambda e: (float(fixed.stable(np.array(errors[e]))), -e))


_NOT_KEPT, _NOT_SEEN = np.zeros(0, np.int16), np.zeros(0, bool)


def to_grid(
    p: Projection,
    scale: float,
    exponent: int,
    weights: NDArray[np.int16] = _NOT_KEPT,
    seen: NDArray[np.bool_] = _NOT_SEEN,
    every: int = 1,
) -> tuple[float, float, int]:
    """The nearest weights on the grid, in `weights`, if there is room for them; every: look at every so many-th only.

    Returns their squared error, the squares of the weights, and how many were clipped.
    """
    low, high, step = range_of(p)
    factor, unit = scale / (1 << exponent) / step, (1 << exponent) / scale
    some = p.weight if every == 1 else np.ascontiguousarray(p.weight[::every])
    return kernels.to_grid(some, factor, step, low, high, unit, weights, seen)


def in_two(
    p: Projection, scale: float, exponent: int, finer: int
) -> tuple[NDArray[np.int16], NDArray[np.int16], float]:
    """The nearest weights of 8 bits and `finer` more, as coarse ones at `exponent` and what those leave, at an exponent
    of `finer` less; and their squared error. Both have the sign of the weight, where a projection has but one."""
    low, high, step = range_of(p)
    rest, mixed = (1 << finer) - 1, p.sign_mode == "mixed"
    unit = 2.0 ** (exponent - finer) / scale * step
    least = (low // step << finer) - (0 if mixed else rest)
    most = (high // step << finer) + rest
    whole = np.clip(np.rint(fixed.stable(p.weight / unit)), least, most).astype(np.int64)
    coarse = whole >> finer if mixed else np.sign(whole) * (np.abs(whole) >> finer)
    fine = whole - (coarse << finer)
    error = float(((whole * unit - p.weight) ** 2).sum())
    return (coarse * step).astype(np.int16), (fine * step).astype(np.int16), error
