"""`lsm_backends.fast` decays in int32, where there is no room for a product: so every operand is tried instead."""

from __future__ import annotations

import numba
import numpy as np
from lsm_backends.fast import kernels

LIMIT = 2**23


@numba.njit
def _differing(keep):  # type: ignore[no-untyped-def]
    """Over all states, how many decays are not the division of the product; in int64, which has room."""
    count = 0
    for x in range(-LIMIT, LIMIT + 1):
        product = np.int64(x) * np.int64(keep)
        # The remainder has the sign of what is divided, or is 0, and is smaller than 4096: only truncation does that.
        rest = product - 4096 * np.int64(kernels._decay(np.int32(x), np.int32(keep)))
        same_side = (rest >= 0) if product >= 0 else (rest <= 0)
        count += not (same_side and -4096 < rest < 4096)
    return count


def check(keeps: range = range(4097)) -> int:
    """All states for each factor, and the states beyond 24 bits that `u` can reach, in steps."""
    for keep in keeps:
        bad = _differing(keep)
        assert bad == 0, f"{bad} states differ for the factor {keep}"
    return len(keeps) * (2 * LIMIT + 1)
