"""Pairs of intervals between beats that are alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.compiled import compiled
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["count_alike"]


@compiled
def count_alike(rr: Floats, close: float, ones: NDArray[np.int64], twos: NDArray[np.int64]) -> None:
    """Pairs of intervals `[window, beat]` that differ by `close` at the most, and those whose next ones do, too."""
    for window in range(len(rr)):
        row = rr[window]
        for lag in range(1, len(row)):
            before = False
            for i in range(len(row) - lag):
                alike = abs(row[i + lag] - row[i]) <= close
                ones[window] += alike
                twos[window] += alike and before
                before = alike
