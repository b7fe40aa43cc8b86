"""Rows of synapses, turned round, grouped and thinned by counting sorts.

Synapses stand in rows: those of row i are `columns[indptr[i]:indptr[i + 1]]`, indptr int64, columns int32. The compiled
part fills arrays that numpy made: what others make belongs to them, and a `Network` would copy it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import repeat
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.compiled import compiled
from lsm_deploy.core.threads import parts, together

__all__ = [
    "Rows", "append_sources", "ascend", "begin_rows", "count_chosen", "count_targets", "distances", "group", "mark",
    "stack", "take", "take_out", "transpose", "turn_sign",
]  # fmt: skip


Rows: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int32]]


def transpose(indptr: NDArray[np.int64], columns: NDArray[np.int32], size: int) -> Rows:
    """Rows for columns, of which there are `size`: a counting sort, so that what stands in a row ascends."""
    here = parts(len(indptr) - 1, len(columns))
    starts, cursors = begin_rows([columns[indptr[low] : indptr[high]] for low, high in here], size)
    turned = np.empty(len(columns), np.int32)

    def append(part: tuple[int, int], cursor: NDArray[np.int64]) -> None:
        low, high = part
        append_sources(indptr[low : high + 1], columns, low, cursor, turned)

    together(map(partial, repeat(append), here, cursors), len(columns))
    return starts, turned


def group(keys: NDArray[np.int32], values: NDArray[np.int32], size: int) -> Rows:
    """The values of each key, 0 to `size`, in the order in which they come."""
    pieces = [slice(*part) for part in parts(len(keys), len(keys))]
    starts, cursors = begin_rows([keys[piece] for piece in pieces], size)
    grouped = np.empty(len(keys), np.int32)

    def append(piece: slice, cursor: NDArray[np.int64]) -> None:
        _group(keys[piece], values[piece], cursor, grouped)

    together(map(partial, repeat(append), pieces, cursors), len(keys))
    return starts, grouped


def begin_rows(pieces: Sequence[NDArray[np.int32]], size: int) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Where rows begin that take entries of `size` kinds from pieces, one behind the other; and where those of each."""

    def count(piece: NDArray[np.int32]) -> NDArray[np.int64]:
        counts = np.zeros(size, np.int64)
        count_targets(piece, 0, counts)
        return counts

    return stack(together([partial(count, piece) for piece in pieces], sum(map(len, pieces))))


def stack(counts: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Where rows begin that take so many entries `[row]` of each piece; and where those of each piece do."""
    starts = np.concatenate([[0], np.cumsum(sum(counts))])
    return starts, [starts[:-1] + sum(counts[:i]) for i in range(len(counts))]


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
    cursor: NDArray[np.int64],
    sources: NDArray[np.int32],
) -> None:
    """Write each synapse's source to its target's row of `sources`, at `cursor` `[neuron]`, which moves on."""
    for pre in range(len(indptr) - 1):
        for k in range(indptr[pre], indptr[pre + 1]):
            sources[cursor[post[k]]] = first_source + pre
            cursor[post[k]] += 1


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


def take_out(values: NDArray[Any], out: NDArray[np.bool_], apart: NDArray[Any]) -> None:
    """Move what is `out` to `apart`, which has room for it, and leave the rest of `values` in its memory."""
    _take_out(values, out, apart)
    values.resize(len(values) - len(apart), refcheck=False)


@compiled
def _take_out(values: NDArray[Any], out: NDArray[np.bool_], apart: NDArray[Any]) -> None:
    left, taken = 0, 0
    for k in range(len(values)):
        if out[k]:
            apart[taken] = values[k]
            taken += 1
        else:
            values[left] = values[k]
            left += 1


def take(values: NDArray[Any], chosen: NDArray[np.bool_], taken: NDArray[Any]) -> NDArray[Any]:
    """Fill `taken` with the values that are chosen."""
    _take(values, chosen, taken)
    return taken


@compiled
def _take(values: NDArray[Any], chosen: NDArray[np.bool_], taken: NDArray[Any]) -> None:
    count = 0
    for k in range(len(values)):
        if chosen[k]:
            taken[count] = values[k]
            count += 1


@compiled
def mark(
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    sources: NDArray[np.bool_],
    targets: NDArray[np.bool_],
    kinds: NDArray[np.int8],
) -> None:
    """Write the kind of each synapse: 2 where its source is marked, and 1 more where its target is."""
    for pre in range(len(indptr) - 1):
        for k in range(indptr[pre], indptr[pre + 1]):
            kinds[k] = 2 * sources[pre] + targets[post[k]]


@compiled
def turn_sign(indptr: NDArray[np.int64], sources: NDArray[np.bool_], weight: NDArray[np.float64]) -> None:
    """Turn the sign of the weights of the sources that are marked."""
    for pre in range(len(indptr) - 1):
        if sources[pre]:
            for k in range(indptr[pre], indptr[pre + 1]):
                weight[k] = -weight[k]


def distances(
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    source_positions: NDArray[np.float64],
    target_positions: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The Euclidean distance that each synapse bridges; positions are `[neuron, 3]`."""
    distance = np.empty(len(post))

    def measure(low: int, high: int) -> None:
        here = indptr[low : high + 1]
        _distances(here, post, source_positions[low:high], target_positions, distance)

    together([partial(measure, *part) for part in parts(len(indptr) - 1, len(post))], len(post))
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
