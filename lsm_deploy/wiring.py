"""Who is joined to whom: one function a topology, each giving synapses as `pre` and `post`, sorted by both.

Nothing is dense: Erdős-Rényi skips from synapse to synapse, the column goes through its sources in blocks.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lsm_deploy import fixed
from lsm_deploy.spec import schema

__all__ = ["Pairs", "connect"]

Pairs: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]

_BLOCK = 4_000_000
"""Pairs looked at together: bounds the memory of the distance-dependent wiring."""


def connect(
    topology: schema.Topology,
    sources: int,
    targets: int,
    recurrent: bool,
    positions: NDArray[np.float64],
    inhibitory: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Pairs:
    """The synapses of a topology; positions `[neuron, 3]` and types are those of a recurrent population."""
    match topology:
        case schema.AllToAll(self_connections=loops):
            pre, post = np.divmod(np.arange(sources * targets, dtype=np.int64), targets)
            keep = np.ones(len(pre), bool) if loops or not recurrent else pre != post
            return pre[keep], post[keep]
        case schema.OneToOne():
            return np.arange(sources, dtype=np.int64), np.arange(sources, dtype=np.int64)
        case schema.ErdosRenyi(probability=None, in_degree=degree, self_connections=loops) if degree is not None:
            return _fixed_in_degree(degree, sources, targets, recurrent and not loops, rng)
        case schema.ErdosRenyi(probability=p, self_connections=loops) if p is not None:
            return _erdos_renyi(p, sources, targets, recurrent and not loops, rng)
        case schema.WattsStrogatz(neighbours=k, rewire=rewire):
            return _watts_strogatz(targets, k, rewire, rng)
        case schema.Ring(neighbours=k, direction=direction):
            offsets = np.arange(1, k + 1)
            return _ring(targets, offsets if direction == "forward" else np.concatenate([-offsets, offsets]))
        case schema.Maass(length=length, scale=scale):
            return _maass(length, scale, positions, inhibitory, rng)
    raise AssertionError(topology)


def _sorted(pre: NDArray[np.int64], post: NDArray[np.int64], targets: int) -> Pairs:
    order = np.sort(pre * targets + post)
    return order // targets, order % targets


def _erdos_renyi(p: float, sources: int, targets: int, no_loops: bool, rng: np.random.Generator) -> Pairs:
    # The gaps between synapses, counted through all pairs, are geometric: work and memory follow the synapses.
    columns = targets - no_loops
    total = sources * columns
    if p == 0 or total == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    found: list[NDArray[np.int64]] = []
    last = -1
    while last < total:
        gaps = rng.geometric(p, size=int((total - last) * p * 1.05) + 100)
        found.append(last + np.cumsum(gaps))
        last = int(found[-1][-1])
    flat = np.concatenate(found)
    flat = flat[flat < total]
    pre, post = flat // columns, flat % columns
    return pre, post + (post >= pre) if no_loops else post


def _fixed_in_degree(degree: int, sources: int, targets: int, no_loops: bool, rng: np.random.Generator) -> Pairs:
    columns = sources - no_loops
    chosen = np.empty((targets, degree), np.int64)
    # Robert Floyd's sampling without replacement (1987), over all targets at once.
    for i in range(degree):
        top = columns - degree + i
        draw = rng.integers(0, top + 1, size=targets)
        taken = (chosen[:, :i] == draw[:, None]).any(axis=1)
        chosen[:, i] = np.where(taken, top, draw)
    post = np.repeat(np.arange(targets, dtype=np.int64), degree)
    pre = chosen.ravel()
    if no_loops:
        pre = pre + (pre >= post)
    return _sorted(pre, post, targets)


def _ring(size: int, offsets: NDArray[np.int64]) -> Pairs:
    pre = np.repeat(np.arange(size, dtype=np.int64), len(offsets))
    return _sorted(pre, (pre + np.tile(offsets, size)) % size, size)


def _watts_strogatz(size: int, neighbours: int, rewire: float, rng: np.random.Generator) -> Pairs:
    offsets = np.arange(1, neighbours // 2 + 1)
    pre, post = _ring(size, np.concatenate([-offsets, offsets]))
    moved = rng.random(len(pre)) < rewire
    existing = set((pre * size + post).tolist())
    pre = pre.copy()
    for i in np.flatnonzero(moved).tolist():
        if len(existing) >= size * (size - 1):
            break  # complete: there is nowhere to move to
        target = int(post[i])
        new = int(rng.integers(0, size))
        if new != target and new * size + target not in existing:
            existing.remove(int(pre[i]) * size + target)
            existing.add(new * size + target)
            pre[i] = new
    return _sorted(pre, post, size)


def _maass(
    length: float,
    scale: schema.PerTypeProbability,
    positions: NDArray[np.float64],
    inhibitory: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Pairs:
    size = len(positions)
    by_type = np.array([[scale.EE, scale.EI], [scale.IE, scale.II]])  # [source type, target type]
    kinds = inhibitory.astype(np.int64)
    pre: list[NDArray[np.int64]] = []
    post: list[NDArray[np.int64]] = []
    block = max(1, _BLOCK // size)
    for first in range(0, size, block):
        rows = slice(first, min(first + block, size))
        squared = ((positions[rows, None, :] - positions[None, :, :]) ** 2).sum(axis=2)
        probability = by_type[kinds[rows, None], kinds[None, :]] * np.exp(-squared / length**2)
        joined = rng.random(probability.shape) < fixed.stable(probability)
        joined[np.arange(rows.stop - first), np.arange(first, rows.stop)] = False
        i, j = np.nonzero(joined)
        pre.append(i + first)
        post.append(j)
    return np.concatenate(pre), np.concatenate(post)
