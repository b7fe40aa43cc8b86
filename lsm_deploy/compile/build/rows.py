"""Rows of synapses, turned round, grouped and thinned by counting sorts.

Synapses stand in rows: those of row i are `columns[indptr[i]:indptr[i + 1]]`, indptr int64, columns int32. The compiled
part fills arrays that numpy made: what others make belongs to them, and a `Network` would copy it.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.compiled import compiled

__all__ = ["Rows", "append_sources", "ascend", "count_chosen", "count_targets", "distances", "group", "transpose"]


Rows: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int32]]


def transpose(indptr: NDArray[np.int64], columns: NDArray[np.int32], size: int) -> Rows:
    """Rows for columns, of which there are `size`: a counting sort, so that what stands in a row ascends."""
    starts, rows = np.zeros(size + 1, np.int64), np.empty(len(columns), np.int32)
    count_targets(columns, 1, starts)
    np.cumsum(starts, out=starts)
    append_sources(indptr, columns, 0, 0, starts[:-1].copy(), rows)
    return starts, rows


def group(keys: NDArray[np.int32], values: NDArray[np.int32], size: int) -> Rows:
    """The values of each key, 0 to `size`, in the order in which they come."""
    starts, grouped = np.zeros(size + 1, np.int64), np.empty(len(keys), np.int32)
    count_targets(keys, 1, starts)
    np.cumsum(starts, out=starts)
    _group(keys, values, starts[:-1].copy(), grouped)
    return starts, grouped


@compiled
def _group(
    keys: NDArray[np.int32], values: NDArray[np.int32], cursor: NDArray[np.int64], grouped: NDArray[np.int32]
) -> None:
    for k in range(len(keys)):
        grouped[cursor[keys[k]]] = values[k]
        cursor[keys[k]] += 1


@compiled
def count_targets(post: NDArray[np.int32], first: int, counts: NDArray[np.int64]) -> None:
    """Add to `counts` `[neuron]` the synapses onto each; first: the number of the projection's first target."""
    for target in post:
        counts[first + target] += 1


@compiled
def append_sources(
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    first_source: int,
    first_target: int,
    cursor: NDArray[np.int64],
    sources: NDArray[np.int32],
) -> None:
    """Write each synapse's source to its target's row of `sources`, at `cursor` `[neuron]`, which moves on."""
    for pre in range(len(indptr) - 1):
        for k in range(indptr[pre], indptr[pre + 1]):
            target = first_target + post[k]
            sources[cursor[target]] = first_source + pre
            cursor[target] += 1


@compiled
def ascend(indptr: NDArray[np.int64], columns: NDArray[np.int32]) -> bool:
    """Whether no row descends anywhere."""
    for row in range(len(indptr) - 1):
        for k in range(indptr[row] + 1, indptr[row + 1]):
            if columns[k] < columns[k - 1]:
                return False
    return True


def count_chosen(indptr: NDArray[np.int64], chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The indptr of the rows that are left when only what is chosen stays."""
    left = np.zeros(len(indptr), np.int64)
    _count_chosen(indptr, chosen, left)
    return left


@compiled
def _count_chosen(indptr: NDArray[np.int64], chosen: NDArray[np.bool_], left: NDArray[np.int64]) -> None:
    for row in range(len(indptr) - 1):
        count = 0
        for k in range(indptr[row], indptr[row + 1]):
            count += chosen[k]
        left[row + 1] = left[row] + count


def distances(
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    source_positions: NDArray[np.float64],
    target_positions: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The Euclidean distance that each synapse bridges; positions are `[neuron, 3]`."""
    distance = np.empty(len(post))
    _distances(indptr, post, source_positions, target_positions, distance)
    return distance


@compiled
def _distances(
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    source_positions: NDArray[np.float64],
    target_positions: NDArray[np.float64],
    distance: NDArray[np.float64],
) -> None:
    for pre in range(len(indptr) - 1):
        for k in range(indptr[pre], indptr[pre + 1]):
            total = 0.0
            for axis in range(3):
                total += (source_positions[pre, axis] - target_positions[post[k], axis]) ** 2
            distance[k] = np.sqrt(total)
