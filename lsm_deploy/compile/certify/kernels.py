"""What neurons receive."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.compiled import compiled

__all__ = ["deliver"]


@compiled
def deliver(
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    weights: NDArray[np.int16],
    weight_exp: int,
    largest: NDArray[np.int64],
    signed: bool,
    first: int,
    intervals: NDArray[np.int64],
    stays: NDArray[np.float64],
    most: NDArray[np.int64],
    drive: NDArray[np.float64],
) -> None:
    """Add what all synapses of either sign deliver, once to `most` and in the long run to `drive`, `[sign, neuron]`.

    A source, with `intervals` `[source]` steps between two spikes at least (0: it has none), delivers w, and in the
    long run w (1 + r^m + r^2m + ...) of which the share r = `stays` `[neuron]` is left after each step. A signed source
    delivers both signs. largest: the largest message of each `[source]`. first: the number of the projection's first
    target.
    """
    for j in range(len(indptr) - 1):
        m = intervals[j]
        if m == 0:
            continue
        for k in range(indptr[j], indptr[j + 1]):
            target = first + post[k]
            added = (np.int64(weights[k]) << weight_exp) * largest[j]
            # r ** m from products alone: every machine rounds these alike, and not what a library makes of a power.
            stay, square, rest = 1.0, stays[target], m
            while rest:
                if rest & 1:
                    stay *= square
                square *= square
                rest >>= 1
            lasting = abs(added) / (1.0 - stay)
            if signed or added > 0:
                most[0, target] += abs(added)
                drive[0, target] += lasting
            if signed or added < 0:
                most[1, target] += abs(added)
                drive[1, target] += lasting
