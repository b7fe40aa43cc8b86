"""A program as `kernels.messages` reads it: neurons in places, and one matrix for all synapses onto a population (of a
gated one, one for each port).

A matrix has a column for each source and delay that occur. Weights of the same column and target are one, their sum:
coarse and fine, excitatory and inhibitory. What 16 bits do not hold of it is in a second column. A matrix of few
synapses stays as lists.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, hstack

from lsm_backends.fast.kernels import messages as at
from lsm_backends.fast.kernels.products import LANES
from lsm_backends.fast.rows import aligned
from lsm_backends.fast.rules import LIMITS, RULES
from lsm_deploy.core.activations import RATIOS, TABLE
from lsm_deploy.core.errors import raise_all
from lsm_deploy.core.ir import INPUT, QNetwork, QPopulation
from lsm_deploy.core.limits import beyond
from lsm_deploy.core.neurons import KINDS

__all__ = ["Layout", "lay_out"]

SYNAPSE = 40
"""Cells of a matrix that are multiplied in the time of one synapse in a list, as measured."""
MOST_BYTES = 1 << 29
"""A matrix takes at most this much; beyond it, lists."""
_WIDEST = np.iinfo(np.int16).max
_Port = tuple[str, int]
_Delivered = tuple[_Port, csr_array, NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Layout:
    """What `advance_messages` reads and never writes."""

    network: QNetwork
    size: int
    """Places: each population begins at a multiple of a block; after all of them, so do the sums onto gates."""
    rows: int
    """Steps of which messages are held."""
    widest: int
    """Columns of the widest matrix, with one that makes pairs of them."""
    sum_type: type[Any]
    pieces: NDArray[np.int64]
    products: NDArray[np.int64]
    constants: NDArray[np.int32]
    initial: NDArray[np.int32]
    states: tuple[tuple[str, ...], ...]
    """The registers of each piece, in the order of the state's rows."""
    tables: NDArray[np.int32]
    delivered: tuple[_Delivered, ...]
    """Population and port, weights `[target, column]`, and `[column, 2]` the delay and the source of each column."""
    held: tuple[NDArray[Any], ...]
    """What `products` point to."""


def lay_out(network: QNetwork) -> Layout:
    """Choose how the synapses onto each population are held, and the width of the sums."""
    raise_all(beyond("fast", LIMITS, network))
    places = _places(network)
    size = sum(-(-network.sizes[name] // LANES) * LANES for name, _ in network.ports)
    delivered = tuple((port, *made) for port in network.ports if (made := _delivered(network, *port))[0].nnz)
    sum_type = _width_of_sums(network, delivered)
    products, held, widest = [], [], 2
    for port, weights, columns in delivered:
        row, arrays, pairs = _product(weights, columns, sum_type)
        products.append((places[port], weights.shape[0], *row))
        held += arrays
        widest = max(widest, 2 * pairs)
    constants, initial = _registers(network, places, size)
    return Layout(
        network=network,
        size=size,
        rows=max((int(columns[:, 0].max()) for _, _, columns in delivered), default=0) + 2,
        widest=widest,
        sum_type=sum_type,
        pieces=_pieces(network, places),
        products=np.array(products, np.int64).reshape(-1, len(at.PRODUCT)),
        constants=constants,
        initial=initial,
        states=tuple(KINDS[p.kind].STATE for p in network.populations for _ in _alike(p)),
        tables=np.stack(
            [np.stack([table, np.diff(table, append=table[-1:])], axis=1) for table in (TABLE, RATIOS)]
        ).astype(np.int32),
        delivered=delivered,
        held=tuple(held),
    )


def _places(network: QNetwork) -> dict[_Port, int]:
    blocks = np.cumsum([0, *(-(-network.sizes[name] // LANES) for name, _ in network.ports)])
    return dict(zip(network.ports, (LANES * blocks).tolist(), strict=False))


def _pieces(network: QNetwork, places: dict[_Port, int]) -> NDArray[np.int64]:
    """A row of `MESSAGE_PIECE` for each run of neurons that are alike."""
    rows = []
    for p in network.populations:
        place, neuron = places[p.name, 0], network.offsets[p.name]
        gate_place = places.get((p.name, 1), 0)
        gate_sum = network.ports[p.name, 1].start if (p.name, 1) in places else 0
        for first, last, numbers in _alike(p):
            of_gate = (gate_place + first, gate_sum + first)
            rows.append((RULES[p.kind].number, place + first, neuron + first, last - first, *numbers, *of_gate))
    return np.array(rows, np.int64)


def _alike(p: QPopulation) -> list[tuple[int, int, tuple[int, ...]]]:
    """First and last neuron of each run that has one activation, one output and one gate, and their numbers."""
    none = np.zeros(p.size, np.int64)
    numbers = np.stack([p.registers.get(name, none) for name in ("activation", "output", "gate")])
    edges = [0, *(np.flatnonzero((numbers[:, 1:] != numbers[:, :-1]).any(axis=0)) + 1).tolist(), p.size]
    return [(a, b, tuple(numbers[:, a].tolist())) for a, b in itertools.pairwise(edges)]


def _registers(network: QNetwork, places: dict[_Port, int], size: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Constants and initial state `[register, place]`."""
    columns = [RULES[p.kind].constants(p.registers) for p in network.populations]
    constants = aligned((max(map(len, columns)), size), np.int32)
    initial = aligned((max(len(KINDS[kind].STATE) for kind in network.kinds), size), np.int32)
    for p, column in zip(network.populations, columns, strict=True):
        here = slice(places[p.name, 0], places[p.name, 0] + p.size)
        for row, values in enumerate(column):
            constants[row, here] = values
        start = KINDS[p.kind].initial(p.registers)
        for row, name in enumerate(KINDS[p.kind].STATE):
            initial[row, here] = start[name]
    return constants, initial


# --- synapses -------------------------------------------------------------------------------------------------------


def _delivered(network: QNetwork, target: str, port: int) -> tuple[csr_array, NDArray[np.int64]]:
    """The weights onto a population's port `[target, column]`, and the delay and source of each column, in order."""
    onto = [p for p in network.projections if (p.target, p.port) == (target, port)]
    first = {**network.offsets, INPUT: network.neurons}
    sources = network.neurons + network.channels
    keys = [np.zeros(0, np.int64), *(p.delays.astype(np.int64) * sources + first[p.source] + p.pre for p in onto)]
    columns, place = np.unique(np.concatenate(keys), return_inverse=True)
    post = np.concatenate([np.zeros(0, np.int64), *(p.post for p in onto)])
    weights = np.concatenate([np.zeros(0, np.int64), *(p.weights.astype(np.int64) << p.weight_exp for p in onto)])
    matrix = csr_array(coo_array((weights, (post, place)), shape=(network.sizes[target], len(columns))))
    matrix.sum_duplicates()
    return matrix, np.stack([columns // sources, columns % sources], axis=1)


def _width_of_sums(network: QNetwork, delivered: tuple[_Delivered, ...]) -> type[Any]:
    """int32 where no true sum can leave it, whatever is sent."""
    largest = np.concatenate(
        [
            *(KINDS[p.kind].largest_messages(p.registers) for p in network.populations),
            np.full(network.channels, network.input.largest),
        ]
    )
    bounds = [abs(weights) @ largest[columns[:, 1]] for _, weights, columns in delivered]
    return np.int32 if max((int(bound.max()) for bound in bounds), default=0) < 1 << 31 else np.int64


def _product(
    weights: csr_array, columns: NDArray[np.int64], sum_type: type[Any]
) -> tuple[tuple[int, ...], list[NDArray[Any]], int]:
    """A row of products behind place and targets, the arrays that it points to, and pairs of columns."""
    beyond = weights.data - np.clip(weights.data, -_WIDEST, _WIDEST)
    if beyond.any():
        rest = csr_array((beyond, weights.indices, weights.indptr), shape=weights.shape)
        second = np.unique(rest.indices[beyond != 0])
        whole = csr_array(hstack([weights - rest, rest[:, second]]))
        all_columns = np.concatenate([columns, columns[second]])
    else:
        whole, all_columns = weights, columns
    targets, width = whole.shape
    pairs, blocks = -(-width // 2), -(-targets // LANES)
    cells = blocks * LANES * pairs * 2
    dense = np.abs(whole.data).max() <= _WIDEST and cells * 2 <= MOST_BYTES and cells <= SYNAPSE * weights.nnz
    if dense:
        segments = _segments(all_columns)
        matrix = aligned((blocks, pairs, LANES, 2), np.int16)
        cells_of = whole.tocoo()
        target, column = cells_of.row, cells_of.col
        matrix[target // LANES, column // 2, target % LANES, column % 2] = whole.data
        addresses = (matrix.ctypes.data, 0, 0, 0, 0)
        return (width, pairs, segments.ctypes.data, len(segments), *addresses), [segments, matrix], pairs
    segments = _segments(columns)
    lists = [weights.indptr.astype(np.int64), weights.indices.astype(np.int32), weights.data.astype(sum_type)]
    addresses = (0, *(array.ctypes.data for array in lists), weights.nnz)
    pairs = -(-len(columns) // 2)
    return (len(columns), pairs, segments.ctypes.data, len(segments), *addresses), [segments, *lists], pairs


def _segments(columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Delay, first source, first column and size of each run of columns whose sources follow each other."""
    delay, source = columns.T
    follows = (delay[1:] == delay[:-1]) & (source[1:] == source[:-1] + 1)
    first = np.flatnonzero(np.concatenate([[True], ~follows]))
    sizes = np.diff(first, append=len(columns))
    return np.ascontiguousarray(np.stack([delay[first], source[first], first, sizes], axis=1))
