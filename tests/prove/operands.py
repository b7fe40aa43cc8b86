"""`lsm_backends.fast` decays in int32, where there is no room for a product: so every operand is tried instead."""

from __future__ import annotations

import numba
import numpy as np
from lsm_backends.fast.kernels import neurons

LIMIT = 2**23
EXCURSION = 2**31 - 2**24
"""`u` wraps by one period, so this is how far from 0 a sum of 32 bits can leave it."""


@numba.njit
def _wrong(x, keep):  # type: ignore[no-untyped-def]
    """Whether a decay is not the truncated division of the product; in int64, which has room."""
    product = np.int64(x) * np.int64(keep)
    # The remainder has the sign of what is divided, or is 0, and is smaller than 4096: only truncation does that.
    rest = product - 4096 * np.int64(neurons.decay(np.int32(x), np.int32(keep)))
    same_side = (rest >= 0) if product >= 0 else (rest <= 0)
    return not (same_side and -4096 < rest < 4096)


@numba.njit
def _differing(keep):  # type: ignore[no-untyped-def]
    """Over all states of 24 bits, how many decays differ."""
    count = 0
    for x in range(-LIMIT, LIMIT + 1):
        count += _wrong(x, keep)
    return count


@numba.njit
def _differing_beyond(keep):  # type: ignore[no-untyped-def]
    """Over the ends of each run of 4096 states beyond 24 bits, how many decays differ.

    x = 4096 h + l decays to h * k + (l * k >> 12): all l are among the states of 24 bits, and all h are here.
    """
    count = 0
    for h in range(LIMIT // 4096, EXCURSION // 4096):
        for rest in (0, 1, 4095):
            count += _wrong(4096 * h + rest, keep)
            count += _wrong(-4096 * h - rest, keep)
    return count + _wrong(EXCURSION, keep) + _wrong(-EXCURSION, keep)


def check(keeps: range = range(4097)) -> int:
    """All states of 24 bits for each factor, and the ends beyond for those of a current, which always leaks."""
    compared = 0
    for keep in keeps:
        bad = _differing(keep) + (_differing_beyond(keep) if keep < 4096 else 0)
        assert bad == 0, f"{bad} states differ for the factor {keep}"
        compared += 2 * LIMIT + 1 + (keep < 4096) * (2 + 6 * (EXCURSION - LIMIT) // 4096)
    return compared
