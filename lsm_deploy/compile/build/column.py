"""Maass' column: who is joined to whom at a distance, drawn in time that follows the synapses, not the pairs.

Pairs that lie the same step (x, y, z) apart have, but for their types, the same probability: C * exp(-(d / lambda)**2).
Steps of nearly the same probability make a shell; the pairs of a shell are gone through with geometric gaps for its
largest probability, and a candidate is kept with what is missing to its own. So each pair is joined with its exact
probability, up to the cut-off; beyond it none is, and `share_lost` says how many synapses that costs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.build import portions, rows, wires
from lsm_deploy.compile.build.rows import Rows
from lsm_deploy.core import fixed
from lsm_deploy.core.threads import ahead
from lsm_deploy.spec import schema

__all__ = ["expected_synapses", "join_column"]

_SHELLS = 8
"""Shells for each halving of the probability: 4 % of the candidates are drawn in vain."""
_LEAST = 1e-15
"""Gaps for a probability below this could leave 64 bits; it is met by what is kept."""


_NOWHERE = 28
"""Lambdas from which on exp(-d**2) is 0 in floats."""


def join_column(
    topology: schema.Maass, grid: tuple[int, ...], inhibitory: NDArray[np.bool_], rng: np.random.Generator
) -> Rows:
    """Neurons are numbered with the last axis of the grid fastest."""
    size = math.prod(grid)
    scale = _by_type(topology)
    largest = float(scale.max())
    steps, pairs, exponents = _steps(topology, grid)
    if not len(steps) or not largest:
        return np.zeros(size + 1, np.int64), np.zeros(0, np.int32)
    near = exponents < _NOWHERE**2
    steps, pairs, exponents = steps[near], pairs[near], exponents[near]
    shells = np.floor(exponents * (_SHELLS / math.log(2))).astype(np.int64)
    order = np.argsort(shells, kind="stable")
    steps, pairs, shells = steps[order], pairs[order], shells[order]
    nearness = fixed.stable(np.exp(-exponents[order]))

    most = float((pairs * np.minimum(1.0, largest * nearness)).sum())
    room = int(most + 6 * np.sqrt(most)) + 2 * portions.CHUNK  # what is not written to is no memory
    pre, post = np.empty(room, np.int32), np.empty(room, np.int32)
    flat, which, count = -1, 0, 0
    for first, last, bound, ends, gaps, uniforms in ahead(_candidates(shells, pairs, largest, rng), int(most)):
        if count + len(gaps) > len(pre):
            pre, post = (np.concatenate([array, np.empty(room, np.int32)]) for array in (pre, post))
        flat, which, count = wires.join_near(
            gaps, uniforms, flat, which, steps[first:last], ends, nearness[first:last], bound, scale,
            grid, inhibitory, pre, post, count,
        )  # fmt: skip
        if which == len(ends):
            flat, which = -1, 0
    by_target, sources = rows.group(post[:count], pre[:count], size)
    del pre, post
    return rows.transpose(by_target, sources, size)


def _candidates(
    shells: NDArray[np.int64], pairs: NDArray[np.int64], largest: float, rng: np.random.Generator
) -> Iterator[tuple[int, int, float, NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Of each shell its first step and the next one's, its bound, where the pairs of its steps end, and random gaps and
    uniforms: as often as it takes to reach the last pair."""
    edges = np.flatnonzero(np.diff(shells, prepend=-1, append=np.iinfo(np.int64).max))
    for first, last in pairwise(edges.tolist()):
        outermost = math.exp(-int(shells[first]) * math.log(2) / _SHELLS)
        bound = min(1.0, max(_LEAST, float(fixed.stable(np.array(largest * outermost)))))
        ends = np.cumsum(pairs[first:last])
        flat, end = -1, int(ends[-1])
        while flat < end:
            size = min(portions.CHUNK, int((end - flat) * bound * 1.05) + 10)
            gaps, uniforms = rng.geometric(bound, size=size), rng.random(size)
            flat += int(gaps.sum())
            yield first, last, bound, ends, gaps, uniforms


def expected_synapses(topology: schema.Maass, grid: tuple[int, ...], inhibitory_fraction: float) -> tuple[float, float]:
    """How many synapses are drawn on average, and how many more the rule would give this grid beyond the cut-off.

    Counted over the steps of one octant, for neurons of which that share, anywhere, inhibits.
    """
    share = np.array([1 - inhibitory_fraction, inhibitory_fraction])
    sides = sorted(grid)
    axes = [np.arange(min(side, math.ceil(_NOWHERE * topology.length) + 1)) for side in sides]
    # The pairs a step along an axis apart, in both directions.
    pairs = [np.where(axis == 0, side, 2.0 * (side - axis)) for side, axis in zip(sides, axes, strict=True)]
    drawn = lost = 0.0
    for x, pairs_x in zip(axes[0].tolist(), pairs[0].tolist(), strict=True):  # a layer at a time: there may be millions
        squared = x**2 + axes[1][:, None] ** 2 + axes[2] ** 2
        together = pairs_x * pairs[1][:, None] * pairs[2] * (squared > 0)
        nearness = np.exp(-squared / topology.length**2)
        for (i, j), c in np.ndenumerate(_by_type(topology)):
            joined = share[i] * share[j] * together * np.minimum(1.0, c * nearness)
            beyond = squared > topology.reach**2
            lost += float(joined[beyond].sum())
            drawn += float(joined[~beyond].sum())
    return drawn, lost


def _by_type(topology: schema.Maass) -> NDArray[np.float64]:
    """`[source type, target type]`, 1 the inhibitory one."""
    scale = topology.scale
    return np.array([[scale.EE, scale.EI], [scale.IE, scale.II]])


def _steps(
    topology: schema.Maass, grid: tuple[int, ...]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
    """The steps within the cut-off but the one to oneself, the pairs that lie each apart, and (d / lambda)**2."""
    reach = [min(side - 1, math.floor(topology.reach)) for side in grid]
    sides = [np.arange(-far, far + 1, dtype=np.int32) for far in reach]
    steps = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)
    squared = (steps.astype(np.int64) ** 2).sum(axis=1)
    within = (squared > 0) & (squared <= topology.reach**2)
    steps = steps[within]
    pairs = np.prod(np.array(grid, np.int64) - np.abs(steps), axis=1)
    return steps, pairs, squared[within] / topology.length**2
