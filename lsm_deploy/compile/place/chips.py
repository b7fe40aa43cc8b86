"""Cores to chips: cores are numbered anew, so that those which send each other most share a chip.

A chip takes one core after the other: the one of whose messages (with cores that have no chip yet, or are on this one)
the largest share stays on the chip; the first of a chip is the one that is joined most to the chips before it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.place import kernels
from lsm_deploy.compile.place.axons import Axons
from lsm_deploy.core.boards import Board

__all__ = ["by_chips"]


def by_chips(axons: Axons, cores: NDArray[np.int32], target: Board) -> NDArray[np.int32]:
    """The same cores under other numbers; as they are where that is no better, or one chip holds all."""
    used = int(cores.max()) + 1
    # Who sends to whom is a dense matrix: beyond the size of the network itself it is not worth having.
    if used <= target.cores_per_chip or used**2 > len(axons.sources):
        return cores
    joined = np.zeros((used, used), np.int32)
    kernels.count_between(axons.out_indptr, axons.targets, cores, joined)
    joined += joined.T
    np.fill_diagonal(joined, 0)
    number = np.full(used, -1, np.int32)
    outside, here = joined.sum(axis=1, dtype=np.int64), np.zeros(used, np.int64)
    total = outside.copy()
    for i in range(used):
        if i % target.cores_per_chip == 0:
            here[:] = 0
            share = (total - outside) / np.maximum(total, 1)
        else:
            share = here / np.maximum(outside + here, 1)
        core = int(np.argmax(np.where(number < 0, share, -1.0)))
        number[core] = i
        outside -= joined[core]
        here += joined[core]
    return min(cores, number[cores], key=lambda placed: _between_chips(axons, placed, target))


def _between_chips(axons: Axons, cores: NDArray[np.int32], target: Board) -> int:
    used = int(cores.max()) + 1
    return int(kernels.count_messages(axons.out_indptr, axons.targets, cores, used, target.cores_per_chip)[1])
