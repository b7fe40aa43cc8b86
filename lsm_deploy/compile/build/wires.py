"""From random numbers to synapses. They come as arguments: drawn here, they would depend on the compiler's version."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.build.rows import Rows, stack
from lsm_deploy.core.compiled import compiled
from lsm_deploy.core.threads import parts, together

__all__ = ["distinct", "join_near", "rewire", "skip"]


def distinct(draws: NDArray[np.int32], sources: int, no_loops: bool) -> Rows:
    """As many sources for each target as `draws` `[degree, target]` has rows: the targets of each source.

    Robert Floyd's sampling without replacement (1987): draw i of a target lies in 0 .. sources - degree + i, and one
    that the target has already stands for that upper end. no_loops: a target is not among its sources, which are
    numbered without it. The draws are overwritten.
    """
    here = parts(draws.shape[1], draws.size)

    def resolve(low: int, high: int) -> NDArray[np.int64]:
        counts = np.zeros(sources + no_loops, np.int64)
        _resolve(draws, low, high, sources, no_loops, counts)
        return counts

    starts, cursors = stack(together([partial(resolve, *part) for part in here], draws.size))
    posts = np.empty(draws.size, np.int32)
    turning = [partial(_turn, draws, *part, cursor, posts) for part, cursor in zip(here, cursors, strict=True)]
    together(turning, draws.size)
    return starts, posts


_TILE = 64
"""Targets whose draws are read together: a few cache lines of each row."""


@compiled
def _resolve(
    draws: NDArray[np.int32], low: int, high: int, sources: int, no_loops: bool, counts: NDArray[np.int64]
) -> None:
    degree = len(draws)
    owner = np.full(sources, -1, np.int32)  # the last target that took each source
    tile = np.empty((_TILE, degree), np.int32)
    for first in range(low, high, _TILE):
        size = min(_TILE, high - first)
        for i in range(degree):
            for j in range(size):
                tile[j, i] = draws[i, first + j]
        for j in range(size):
            target = first + j
            for i in range(degree):
                source = tile[j, i]
                if owner[source] == target:
                    source = sources - degree + i
                owner[source] = target
                source += no_loops and source >= target
                counts[source] += 1
                tile[j, i] = source
        for i in range(degree):
            for j in range(size):
                draws[i, first + j] = tile[j, i]


@compiled
def _turn(draws: NDArray[np.int32], low: int, high: int, cursor: NDArray[np.int64], posts: NDArray[np.int32]) -> None:
    degree = len(draws)
    tile = np.empty((_TILE, degree), np.int32)
    for first in range(low, high, _TILE):
        size = min(_TILE, high - first)
        for i in range(degree):
            for j in range(size):
                tile[j, i] = draws[i, first + j]
        for j in range(size):
            for i in range(degree):
                posts[cursor[tile[j, i]]] = first + j
                cursor[tile[j, i]] += 1


@compiled
def skip(
    gaps: NDArray[np.int64],
    flat: int,
    columns: int,
    no_loops: bool,
    indptr: NDArray[np.int64],
    posts: NDArray[np.int32],
    count: int,
    row: int,
) -> tuple[int, int, int]:
    """Go from synapse to synapse of a matrix of `columns` read row by row; flat, count and row are where it stands."""
    rows = len(indptr) - 1
    for gap in gaps:
        flat += gap
        while row < rows and flat >= (row + 1) * columns:
            row += 1
            indptr[row] = count
        if row == rows:
            break
        column = flat - row * columns
        if no_loops and column >= row:
            column += 1
        posts[count] = column
        count += 1
    return flat, count, row


@compiled
def rewire(indptr: NDArray[np.int64], sources: NDArray[np.int32], draws: NDArray[np.int32]) -> None:
    """Move sources, in place, to those drawn, unless that makes a loop or a pair twice; -1 stays. Rows are targets."""
    size = len(indptr) - 1
    owner = np.full(size, -1, np.int32)
    for target in range(size):
        row = range(indptr[target], indptr[target + 1])
        for k in row:
            owner[sources[k]] = target
        for k in row:
            new = draws[k]
            if new >= 0 and new != target and owner[new] != target:
                owner[sources[k]] = -1
                owner[new] = target
                sources[k] = new


@compiled
def join_near(
    gaps: NDArray[np.int64],
    uniforms: NDArray[np.float64],
    flat: int,
    which: int,
    steps: NDArray[np.int32],
    ends: NDArray[np.int64],
    nearness: NDArray[np.float64],
    bound: float,
    scale: NDArray[np.float64],
    grid: tuple[int, ...],
    inhibitory: NDArray[np.bool_],
    pre: NDArray[np.int32],
    post: NDArray[np.int32],
    count: int,
) -> tuple[int, int, int]:
    """Go from candidate to candidate through all pairs that lie one of `steps` `[step, axis]` apart.

    ends: where the pairs of each step end in that order. A candidate, of probability `bound`, is kept so that its own
    probability, `scale` of its types times `nearness` of its step, is met. flat, which (step) and count: where it is.
    """
    _, height, depth = grid
    for i in range(len(gaps)):
        flat += gaps[i]
        while which < len(ends) and flat >= ends[which]:
            which += 1
        if which == len(ends):
            break
        k = flat - (ends[which - 1] if which else 0)
        x, y, z = steps[which]
        wide, deep = height - abs(y), depth - abs(z)
        layer = k // deep
        source = max(0, -z) + k - layer * deep
        column = layer // wide
        source += depth * (max(0, -y) + layer - column * wide) + depth * height * (max(0, -x) + column)
        target = source + depth * (height * x + y) + z
        p = scale[int(inhibitory[source]), int(inhibitory[target])] * nearness[which]
        pre[count], post[count] = source, target  # overwritten unless it counts: cheaper than a branch none can foresee
        count += uniforms[i] * bound < p
    return flat, which, count
