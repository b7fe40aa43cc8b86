"""Who is joined to whom: one function a topology, each giving the targets of every source, ascending, as rows.

Work and memory follow the synapses, never the pairs: Erdős-Rényi skips from synapse to synapse, and what is drawn
target by target is turned round by a counting sort.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.build import portions, rows, wires
from lsm_deploy.compile.build.column import join_column
from lsm_deploy.compile.build.rows import Rows
from lsm_deploy.spec import schema

__all__ = ["connect"]


def connect(
    topology: schema.Topology,
    sources: int,
    targets: int,
    recurrent: bool,
    grid: tuple[int, ...] | None,
    inhibitory: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Rows:
    """The synapses of a topology; grid and types `[neuron]` are those of a recurrent population."""
    match topology:
        case schema.AllToAll(self_connections=itself):
            return _all_to_all(sources, targets, recurrent and not itself)
        case schema.OneToOne():
            return np.arange(sources + 1, dtype=np.int64), np.arange(sources, dtype=np.int32)
        case schema.ErdosRenyi(probability=None, in_degree=degree, self_connections=itself) if degree is not None:
            return _fixed_in_degree(degree, sources, targets, recurrent and not itself, rng)
        case schema.ErdosRenyi(probability=p, self_connections=itself) if p is not None:
            return _erdos_renyi(p, sources, targets, recurrent and not itself, rng)
        case schema.WattsStrogatz(neighbours=k, rewire=rewire):
            return _watts_strogatz(targets, k, rewire, rng)
        case schema.Ring(neighbours=k, direction=direction):
            offsets = np.arange(1, k + 1)
            return _ring(targets, offsets if direction == "forward" else np.concatenate([-offsets, offsets]))
        case schema.Maass() if grid is not None:
            return join_column(topology, grid, inhibitory, rng)
    raise AssertionError(topology)


def _all_to_all(sources: int, targets: int, no_loops: bool) -> Rows:
    columns = targets - no_loops
    post = np.empty(sources * columns, np.int32)
    rows = post.reshape(sources, columns)
    rows[:] = np.arange(columns, dtype=np.int32)
    if no_loops:
        rows += rows >= np.arange(sources, dtype=np.int32)[:, None]
    return np.arange(sources + 1, dtype=np.int64) * columns, post


def _erdos_renyi(p: float, sources: int, targets: int, no_loops: bool, rng: np.random.Generator) -> Rows:
    # The gaps between synapses, counted through all pairs, are geometric.
    columns = targets - no_loops
    total = sources * columns
    indptr = np.zeros(sources + 1, np.int64)
    if p == 0 or total == 0:
        return indptr, np.zeros(0, np.int32)
    room = int(total * p + 6 * np.sqrt(total * p)) + 2 * portions.CHUNK  # what is not written to is no memory
    post = np.empty(room, np.int32)
    flat, count, row = -1, 0, 0
    while row < sources:
        if count + portions.CHUNK > len(post):
            post = np.concatenate([post, np.empty(room, np.int32)])
        gaps = rng.geometric(p, size=portions.CHUNK)
        flat, count, row = wires.skip(gaps, flat, columns, no_loops, indptr, post, count, row)
    post.resize(count, refcheck=False)
    return indptr, post


def _fixed_in_degree(degree: int, sources: int, targets: int, no_loops: bool, rng: np.random.Generator) -> Rows:
    columns = sources - no_loops
    draws = np.empty((degree, targets), np.int32)
    for i in range(degree):
        draws[i] = rng.integers(0, columns - degree + i + 1, size=targets)
    return wires.distinct(draws, columns, no_loops)


def _ring(size: int, offsets: NDArray[np.int64]) -> Rows:
    post = np.empty(size * len(offsets), np.int32)
    rows = post.reshape(size, len(offsets))
    rows[:] = (np.arange(size, dtype=np.int32)[:, None] + offsets.astype(np.int32)) % np.int32(size)
    rows.sort(axis=1)
    return np.arange(size + 1, dtype=np.int64) * len(offsets), post


def _watts_strogatz(size: int, neighbours: int, rewire: float, rng: np.random.Generator) -> Rows:
    offsets = np.arange(1, neighbours // 2 + 1)
    indptr, post = _ring(size, np.concatenate([-offsets, offsets]))
    draws = np.full(len(post), -1, np.int32)
    moved = rng.random(len(post)) < rewire
    draws[moved] = rng.integers(0, size, size=np.count_nonzero(moved))
    by_target, sources = rows.transpose(indptr, post, size)
    wires.rewire(by_target, sources, rows.group(post, draws, size)[1])
    return rows.transpose(by_target, sources, size)
