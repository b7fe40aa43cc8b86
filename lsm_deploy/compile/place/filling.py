"""Neurons into cores, one core after the other: what both placing a network and saying what would fit are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.place import kernels
from lsm_deploy.compile.place.axons import Axons
from lsm_deploy.compile.place.growing import fill_cores
from lsm_deploy.compile.place.synapse_memory import HEADER, WORD
from lsm_deploy.core.boards import Board
from lsm_deploy.core.threads import parts, together

__all__ = ["LIMITS", "Filling", "fill", "grows", "needs_alone"]

LIMITS = ("neurons", "synapse memory", "axons", "groups")
"""What may end a core, in the order of `Filling.closed`."""


@dataclass(frozen=True, eq=False)
class Filling:
    """The core of each neuron `[neuron]` (-1: none), how many took a place, how many cores were ended by each limit.

    loads `[core, 4]`: the neurons, words, axons and groups of each core.
    """

    cores: NDArray[np.int32]
    placed: int
    closed: NDArray[np.int64]
    loads: NDArray[np.int32]

    @property
    def used(self) -> int:
        return int(self.closed.sum()) + 1


def fill(
    axons: Axons,
    target: Board,
    *,
    grow: bool = True,
    order: NDArray[np.int32] | None = None,
    most_cores: int | None = None,
) -> Filling:
    """Place the neurons in `order` (all of them by default); every neuron has to fit a core alone.

    grow: take those first that are joined to the ones already placed. most_cores: stop when there are so many.
    """
    neurons = len(axons.groups)
    order = np.arange(neurons, dtype=np.int32) if order is None else order
    cores, closed = np.full(neurons, -1, np.int32), np.zeros(len(LIMITS), np.int64)
    loads = np.zeros((min(neurons, most_cores or neurons), len(LIMITS)), np.int32)
    placed = fill_cores(
        axons.indptr,
        axons.sources,
        axons.bits,
        axons.bits_of_sources,
        axons.out_begin,
        axons.out_end,
        axons.targets,
        axons.groups,
        order,
        (target.neurons_per_core, target.synapse_units_per_core, target.axons_per_core, target.groups_per_core),
        (WORD, HEADER),
        target.cores_per_chip,
        neurons if most_cores is None else most_cores,
        grow,
        cores,
        closed,
        loads,
    )
    return Filling(cores, placed, closed, loads[: int(closed.sum()) + 1])


def grows(axons: Axons, target: Board) -> bool:
    """Whether growing can save messages: of a large network a few cores are grown here and there, to see.

    They begin on an empty board, where there is most to choose from: if hardly fewer axons enter them, to a synapse,
    than enter cores that take neurons in their order, as where anyone is joined to anyone, none later will do better.
    """
    if len(axons.sources) < SAMPLED_FROM:
        return True
    order = np.arange(len(axons.groups), dtype=np.int32)

    def axons_to_a_synapse(grow: bool, start: int) -> float:
        filling = fill(axons, target, grow=grow, order=np.roll(order, -start), most_cores=_SAMPLE_CORES)
        synapses = np.diff(axons.indptr)[filling.cores >= 0].sum()
        return float(filling.loads[:, 2].sum() / max(synapses, 1))

    starts = range(0, len(order), -(-len(order) // _SAMPLES))
    samples = [partial(axons_to_a_synapse, grow, start) for start in starts for grow in (True, False)]
    grown, ordered = np.reshape(together(samples, len(axons.sources)), (-1, 2)).T
    return bool((grown < (1 - LEAST_SAVING) * ordered).any())


SAMPLED_FROM = 1 << 22
"""Synapses from which on a sample is taken: of fewer, growing takes a quarter of a second at most."""
LEAST_SAVING = 0.1
"""Of axons, that is worth it: where anyone is joined to anyone it is 0.01."""
_SAMPLES, _SAMPLE_CORES = 4, 2


def needs_alone(axons: Axons) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The units of synapse memory and the input axons `[neuron]` that each takes on a core of its own."""
    neurons = len(axons.groups)
    words, entering = np.zeros(neurons, np.int64), np.zeros(neurons, np.int64)
    sizes = (axons.bits, axons.bits_of_sources, len(axons.out_begin))

    def load(low: int, high: int) -> None:
        here = axons.indptr[low : high + 1]
        kernels.lone_loads(here, axons.sources, *sizes, (WORD, HEADER), words[low:high], entering[low:high])

    together([partial(load, *part) for part in parts(neurons, len(axons.sources))], len(axons.sources))
    return words, entering
