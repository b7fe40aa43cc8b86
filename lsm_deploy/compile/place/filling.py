"""Neurons into cores, one core after the other: what both placing a network and saying what would fit are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.place import kernels
from lsm_deploy.compile.place.axons import Axons
from lsm_deploy.compile.place.synapse_memory import HEADER, WORD
from lsm_deploy.core.boards import Board

__all__ = ["LIMITS", "Filling", "fill", "needs_alone"]

LIMITS = ("neurons", "synapse memory", "axons", "groups")
"""What may end a core, in the order of `Filling.closed`."""


@dataclass(frozen=True, eq=False)
class Filling:
    """The core of each neuron `[neuron]`, how many took a place, and how many cores were ended by each limit."""

    cores: NDArray[np.int32]
    placed: int
    closed: NDArray[np.int64]

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
    cores, closed = np.zeros(neurons, np.int32), np.zeros(len(LIMITS), np.int64)
    placed = kernels.fill_cores(
        axons.indptr,
        axons.sources,
        axons.bits,
        axons.out_indptr,
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
    )
    return Filling(cores, placed, closed)


def needs_alone(axons: Axons) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The units of synapse memory and the input axons `[neuron]` that each takes on a core of its own."""
    neurons = len(axons.groups)
    words, entering = np.zeros(neurons, np.int64), np.zeros(neurons, np.int64)
    sources = len(axons.out_indptr) - 1
    kernels.lone_loads(axons.indptr, axons.sources, axons.bits, sources, (WORD, HEADER), words, entering)
    return words, entering
