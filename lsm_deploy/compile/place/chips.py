"""Cores to chips: cores are numbered anew, so that those which send each other most share a chip.

A chip takes one core after the other: the one of whose messages (with cores that have no chip yet, or are on this one)
the largest share stays on the chip; the first of a chip is the one that is joined most to the chips before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.place import kernels
from lsm_deploy.compile.place.axons import Axons
from lsm_deploy.core.boards import Board

__all__ = ["Traffic", "by_chips", "messages"]


@dataclass(frozen=True, order=True)
class Traffic:
    """Messages when every neuron spikes once, one to each other core with a target of it; and those to other chips."""

    between_cores: int
    between_chips: int


def by_chips(axons: Axons, cores: NDArray[np.int32], target: Board) -> tuple[NDArray[np.int32], Traffic]:
    """The same cores under other numbers, and what they send; as they are where that is no better, or one chip holds
    all."""
    used, per_chip = int(cores.max()) + 1, target.cores_per_chip
    # Who sends to whom is a dense matrix: beyond the size of the network itself it is not worth having.
    if used <= per_chip or used**2 > len(axons.sources):
        return cores, messages(axons, cores, target)
    # Each neuron of two cores sends the other one message at most.
    joined = np.zeros((used, used), np.min_scalar_type(2 * target.neurons_per_core))
    kernels.count_between(axons.out_begin, axons.out_end, axons.targets, cores, joined)
    kernels.add_to_each_other(joined)
    number = np.full(used, -1, np.int32)
    outside, here = joined.sum(axis=1, dtype=np.int64), np.zeros(used, np.int64)
    total = outside.copy()
    for i in range(used):
        if i % per_chip == 0:
            here[:] = 0
            share = (total - outside) / np.maximum(total, 1)
        else:
            share = here / np.maximum(outside + here, 1)
        core = int(np.argmax(np.where(number < 0, share, -1.0)))
        number[core] = i
        outside -= joined[core]
        here += joined[core]

    def sent(order: NDArray[np.int64]) -> Traffic:
        chips = (order[first : first + per_chip] for first in range(0, used, per_chip))
        within = sum(int(joined[np.ix_(chip, chip)].sum(dtype=np.int64)) for chip in chips)
        return Traffic(int(total.sum()) // 2, (int(total.sum()) - within) // 2)

    as_it_is, gathered = sent(np.arange(used)), sent(np.argsort(number))
    return (number[cores], gathered) if gathered < as_it_is else (cores, as_it_is)


def messages(axons: Axons, cores: NDArray[np.int32], target: Board) -> Traffic:
    """What a spike of every neuron sends."""
    used = int(cores.max()) + 1
    out = (axons.out_begin, axons.out_end, axons.targets)
    between = kernels.count_messages(*out, cores, used, target.cores_per_chip)
    return Traffic(*(int(count) for count in between))
