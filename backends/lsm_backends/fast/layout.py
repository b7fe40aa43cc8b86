"""A program as the kernels read it.

Neurons are padded to whole vectors; input channels follow them as further sources. A projection is kept in one of two
ways: as rows of uint8 (a row a source, delay and sign; `rows`), or as the lists that the program itself holds, which
are read where they stand: a network of 1e8 synapses is not copied. Large networks are cut into blocks of neurons, one a
thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_backends.fast import kernels
from lsm_backends.fast.rows import Rows, aligned
from lsm_backends.fast.rules import LIMITS, RULES
from lsm_deploy.core.errors import raise_all
from lsm_deploy.core.fixed import SUM_LIMIT
from lsm_deploy.core.ir import INPUT, QNetwork, QProjection
from lsm_deploy.core.limits import beyond
from lsm_deploy.core.neurons import KINDS

__all__ = ["Layout", "lay_out"]

VECTOR, WHOLE = 64, 16
"""Neurons are padded to a multiple of the former, whole cache lines of uint8, and taken on to one of the latter."""

CACHED = 1 << 21
"""Bytes of lists beyond which they are asked for ahead of their turn, by AHEAD lists. At 100,000 neurons × 100 synapses
a step then takes a third of the time; lists that stay in a core's cache would only be delayed."""
AHEAD = 4


@dataclass(frozen=True, eq=False)
class Layout:
    """What a `kernels.advance` reads and never writes."""

    network: QNetwork
    size: int
    """Neurons, padded: the number of the first input channel."""
    sources: int
    horizon: int
    """Rows of the ring of sums in flight."""
    ring_type: type[Any]
    ahead: int
    """Lists that are asked for ahead of their turn."""
    blocks: int
    pieces: NDArray[np.int64]
    constants: NDArray[np.int32]
    initial: NDArray[np.int32]
    states: tuple[tuple[str, ...], ...]
    """The registers of each piece, in the order of the state's rows; none for the input."""
    rows: Rows
    projections: NDArray[np.int64]
    lists: tuple[NDArray[Any], ...]
    """What `projections` point to."""


def lay_out(network: QNetwork, blocks: int = 1) -> Layout:
    """Choose how each projection is kept, the width of the sums, and the blocks (at most `blocks`)."""
    raise_all(beyond("fast", LIMITS, network))
    size = -(-network.neurons // VECTOR) * VECTOR
    edges = np.unique(np.linspace(0, size // VECTOR, blocks + 1).astype(np.int64)) * VECTOR
    ring_type = _width_of_sums(network)
    pieces, population = _pieces(network, size, edges, ring_type)
    constants, initial = _registers(network, size)
    rows = Rows.of(network, size)
    projections, lists = _lists(
        [p for i, p in enumerate(network.projections) if i not in rows.numbers], network, size, population
    )
    return Layout(
        network=network,
        size=size,
        sources=size + network.channels,
        horizon=max((int(p.delays.max(initial=0)) for p in network.projections), default=0) + 2,
        ring_type=ring_type,
        ahead=AHEAD if sum(array.nbytes for array in lists) > CACHED else 0,
        blocks=len(edges) - 1,
        pieces=pieces,
        constants=constants,
        initial=initial,
        states=tuple(KINDS[network.populations[i].kind].STATE if i >= 0 else () for i in population),
        rows=rows,
        projections=projections,
        lists=lists,
    )


def _width_of_sums(network: QNetwork) -> type[Any]:
    """The narrowest integers that no sum can leave: the largest one is that of all synapses at once."""
    largest = np.zeros(network.neurons, np.int64)
    for p in network.projections:
        kernels.add_magnitudes(p.post, p.weights, 1 << p.weight_exp, largest[network.offsets[p.target] :])
    bound = largest.max()
    return np.int16 if bound <= SUM_LIMIT else np.int32 if bound < 1 << 31 else np.int64


# --- neurons --------------------------------------------------------------------------------------------------------


def _pieces(
    network: QNetwork, size: int, edges: NDArray[np.int64], ring_type: type[Any]
) -> tuple[NDArray[np.int64], list[int]]:
    """The pieces, and the number of the population of each; -1 for the input."""
    pieces, population = [], []
    for i, p in enumerate(network.populations):
        first, update = network.offsets[p.name], kernels.update(RULES[p.kind].number, ring_type)
        for block in range(len(edges) - 1):
            low, high = max(first, int(edges[block])), min(first + p.size, int(edges[block + 1]))
            if low < high:
                end = high if high < network.neurons else -(-high // WHOLE) * WHOLE
                pieces.append((update, block, low, high, end))
                population.append(i)
    pieces.append((0, 0, size, size + network.channels, size + network.channels))
    return np.array(pieces, np.int64), [*population, -1]


def _registers(network: QNetwork, size: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Constants and initial state `[register, neuron]`."""
    columns = [RULES[p.kind].constants(p.registers) for p in network.populations]
    constants = aligned((max(map(len, columns)), size), np.int32)
    initial = np.zeros((max(len(KINDS[kind].STATE) for kind in network.kinds), size), np.int32)
    for p, column in zip(network.populations, columns, strict=True):
        here = network.columns(p.name)
        for row, values in enumerate(column):
            constants[row, here] = values
        start = KINDS[p.kind].initial(p.registers)
        for row, name in enumerate(KINDS[p.kind].STATE):
            initial[row, here] = start[name]
    return constants, initial


# --- lists ----------------------------------------------------------------------------------------------------------


def _lists(
    projections: list[QProjection], network: QNetwork, size: int, population: list[int]
) -> tuple[NDArray[np.int64], tuple[NDArray[Any], ...]]:
    """The table of projections, and the arrays that it points to: the program's own."""
    names = list(network.sizes)
    table = []
    held: list[NDArray[Any]] = []
    for p in projections:
        if not len(p.post):
            continue
        source = -1 if p.source == INPUT else names.index(p.source)
        of_source = [i for i, number in enumerate(population) if number == source]
        arrays: list[NDArray[Any]] = [p.indptr, p.post, p.weights, p.delays]
        held += arrays
        table.append(
            (
                of_source[0],
                of_source[-1] + 1,
                size if source < 0 else network.offsets[p.source],
                len(p.indptr) - 1,
                network.offsets[p.target],
                p.weight_exp,
                int(p.delays[0]) if np.ptp(p.delays) == 0 else -1,
                round(len(p.post) / np.count_nonzero(np.diff(p.indptr))),
                len(p.post),
                *(array.ctypes.data for array in arrays),
            )
        )
    return np.array(table, np.int64).reshape(-1, len(kernels.PROJECTION)), tuple(held)
