"""Loihi's integer arithmetic, one function an operation; arrays are int64, results are exact.

Every register fits in 32 bits; int64 holds each intermediate product. Python's and numpy's `>>` is the arithmetic
shift, which floors, while the chip truncates toward zero: hence `truncate`.
Sources: lava-nc 0.10.0 `lava/proc/lif/models.py` (AbstractPyLifModelFixed) and `lava/utils/weightutils.py`.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]

DECAY_BITS = 12
DECAY_UNITY = 1 << DECAY_BITS
"""A decay of 4096 forgets everything in one step."""
LARGEST_DECAY = DECAY_UNITY - 1
"""What a decay register holds; as `du`, whose decay is `du + 1`, it forgets everything."""
ACT_SHIFT = 6
"""Synaptic sums and thresholds are aligned to `u` and `v` by a left shift of 6."""
UV_LIMIT = 1 << 23
"""`u` and `v` are 24-bit signed: `u` wraps at this, `v` saturates one below it."""
LARGEST_SHIFT = 24
"""Between two numbers that a graded neuron has, either way."""
WEIGHT_LIMIT = 255
"""The largest weight of one sign."""
LEAST_WEIGHT = -256
"""Of mixed signs, whose weights are even: they take a bit for the sign."""
WEIGHT_BITS = 8
SUM_LIMIT = (1 << 15) - 1
"""The largest synaptic sum that a 16-bit accumulator holds."""
LARGEST_ADDED = (1 << 31) - 1
"""The largest that Lava's accumulator, of 32 bits, holds: beyond it a sum wraps, in silence."""


def truncate(x: Ints, bits: int = DECAY_BITS) -> Ints:
    """x / 2**bits, rounded toward zero: sign(x) * (|x| >> bits)."""
    shifted: Ints = np.sign(x) * (np.abs(x) >> bits)
    return shifted


def round_shift(x: Ints, bits: Ints | int) -> Ints:
    """x / 2**bits to the nearest, halves away from zero; x << -bits where `bits` is negative."""
    down, up = np.maximum(bits, 0), np.maximum(-bits, 0)
    shifted: Ints = np.sign(x) * ((np.abs(x) + ((1 << down) >> 1)) >> down) << up
    return shifted


def decay(x: Ints, rate: Ints) -> Ints:
    """x * (1 - rate / 4096), rounded toward zero; `rate` is `dv`, or `du + 1`."""
    return truncate(x * (DECAY_UNITY - rate))


def wrap32(x: Ints) -> Ints:
    """x modulo 2**32, signed: the accumulator that a synaptic sum is added in."""
    return ((x + (1 << 31)) & 0xFFFF_FFFF) - (1 << 31)


def wrap24(x: Ints) -> Ints:
    """One period of 2**24 taken off where x leaves (-2**23, 2**23]: +2**23 stays, -2**23 becomes +2**23."""
    return np.where(x > UV_LIMIT, x - 2 * UV_LIMIT, np.where(x <= -UV_LIMIT, x + 2 * UV_LIMIT, x))


def saturate24(x: Ints) -> Ints:
    """x held within -(2**23 - 1) .. 2**23 - 1."""
    return np.clip(x, -(UV_LIMIT - 1), UV_LIMIT - 1)


def weight_range(mixed: bool) -> tuple[int, int]:
    """The least and the largest weight that 8 bits hold: of either sign, or of both."""
    return (LEAST_WEIGHT, WEIGHT_LIMIT - 1) if mixed else (-WEIGHT_LIMIT, WEIGHT_LIMIT)


def grid_step(num_weight_bits: int, mixed: bool) -> int:
    """The step between representable weights: 2**(8 - num_weight_bits), doubled where signs are mixed."""
    return 1 << (WEIGHT_BITS - num_weight_bits + mixed)


def stable(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Floats rounded to 34 significant bits, a little over ten digits.

    `exp`, `log` and eigenvalues differ in their last digits between machines and library versions; what becomes an
    integer later goes through here first, so that the integer is the same everywhere. (Below 2**-1022, where floats
    have fewer bits to begin with, fewer are kept.)
    """
    rounded = np.array(x, np.float64)
    bits = rounded.view(np.int64)  # 53 of them significant, the last 52 stored
    bits += (1 << DROPPED - 1) - 1 + (bits >> DROPPED & 1)  # a tie goes to the even neighbour
    bits &= -1 << DROPPED
    return rounded


DROPPED = 53 - 34


def stable_bound(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upper bounds as `stable` rounds, and no smaller than they were.

    They are raised by 3/4 of the last place before: more than what rounding takes away, and never onto a tie for what
    had no further digits, so that noise in the last ones does not decide.
    """
    return stable(x * (1 + 3 * 2.0**-35))
