"""When spikes arrive, and the network that they make.

In its source a spike arrives in the step in which it is sent, and one that closes a cycle in the next; here each takes
a step. So each population runs some steps behind its source (its lag: the most synapses on a way to it), all others are
delayed to match, and nothing else changes. Only a cycle of more synapses than steps cannot be matched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import INPUT, Network, Population, Projection, QPopulation, SignMode
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.formats.nir_files.discretisation import Discretisation
from lsm_deploy.formats.nir_files.graph import Graph
from lsm_deploy.formats.nir_files.linear import Matrix, Shape
from lsm_deploy.formats.nir_files.neurons import Unit, always_on
from lsm_deploy.formats.nir_files.traffic import ONE

__all__ = ["Connection", "backward_of", "network_of", "schedule"]


class Connection(NamedTuple):
    """Weights [post, pre] by delay in steps, from neurons (the input, what is always on) to neurons."""

    source: str
    target: str
    weights: dict[int, Matrix]

    @property
    def least_delay(self) -> int:
        return min(self.weights)


# --- time -------------------------------------------------------------------------------------------------------------


def backward_of(connections: list[Connection]) -> tuple[set[tuple[str, str]], list[str]]:
    """Connections that close a cycle, on the ways from the input on, and the order of all others."""
    after: dict[str, list[str]] = {}
    for source, target, _ in connections:
        after.setdefault(source, []).append(target)
    backward: set[tuple[str, str]] = set()
    state: dict[str, str] = {}
    order: list[str] = []
    for first in (INPUT, ONE, *after):
        stack = [(first, iter(after.get(first, [])))] if first not in state else []
        state.setdefault(first, "open")
        while stack:
            name, targets = stack[-1]
            target = next(targets, "")
            if not target:
                state[name] = "done"
                order.append(name)
                stack.pop()
            elif state.get(target) == "open":
                backward.add((name, target))
            elif target not in state:
                state[target] = "open"
                stack.append((target, iter(after.get(target, []))))
    return backward, order[::-1]


def schedule(
    connections: list[Connection], backward: set[tuple[str, str]], order: list[str]
) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """How many steps each population runs behind its source, and by how many a cycle's spikes come too late."""
    lags = dict.fromkeys(order, 0)
    place = {name: i for i, name in enumerate(order)}
    for c in sorted(connections, key=lambda c: place[c.source]):
        if (c.source, c.target) not in backward:
            lags[c.target] = max(lags[c.target], lags[c.source] + 1 - c.least_delay)
    late = {}
    for c in connections:
        spare = lags[c.target] - lags[c.source] + c.least_delay - (0 if (c.source, c.target) in backward else 1)
        if spare < 0:
            late[c.source, c.target] = -spare
    return lags, late


# --- the network ------------------------------------------------------------------------------------------------------


def network_of(
    graph: Graph,
    shapes: Mapping[str, tuple[Shape, Shape]],
    units: Mapping[str, Unit],
    connections: list[Connection],
    lags: Mapping[str, int],
    how: Discretisation,
    weight_bits: int,
    where: str,
) -> Network:
    """The network that units and connections make; an LsmError where nothing bounds a graded unit."""
    ranges = _ranges(units, connections, where)
    backward, _ = backward_of(connections)
    populations: list[Population | QPopulation] = []
    for name, unit in units.items():
        if name in ranges:
            unit.parameters["state_range"] = np.full(unit.size, ranges[name])
        populations.append(unit.population())
    if any(c.source == ONE for c in connections):
        populations.append(always_on(ONE))
    projections: list[Projection] = []
    for c in connections:
        wait = lags[c.target] - lags[c.source] - (0 if (c.source, c.target) in backward else 1)
        projections += _projections(c, wait, how.dt_ms, weight_bits)
    channels = next(math.prod(shapes[name][1]) for name, node in graph.nodes.items() if node.kind == "Input")
    return Network(how.dt_ms, channels, 0, tuple(populations), tuple(projections))


def _ranges(units: Mapping[str, Unit], connections: list[Connection], where: str) -> dict[str, float]:
    """What bounds |v| of graded units: the magnitudes of all that can come to them, of which they are means."""
    is_graded = {name for name, unit in units.items() if KINDS[unit.kind].MESSAGE.graded}
    ranges: dict[str, float] = {}
    while missing := is_graded - ranges.keys():
        known = [
            name
            for name in missing
            if all(c.source not in is_graded or c.source in ranges for c in connections if c.target == name)
        ]
        if not known:
            what = f"nothing bounds what units without spikes send each other: {', '.join(sorted(missing))}"
            raise LsmError(what, where=where, hint="put spiking neurons into the cycle")
        for name in known:
            most = np.zeros(units[name].size)
            for c in connections:
                if c.target == name:
                    most += ranges.get(c.source, 1.0) * sum(abs(m).sum(axis=1) for m in c.weights.values())
            ranges[name] = float(most.max()) * _ROOM
    return ranges


_ROOM = 1 + 1e-6
"""For what rounding adds to a bound."""


def _projections(c: Connection, wait: int, dt_ms: float, weight_bits: int) -> list[Projection]:
    """One of each sign; a spike that cannot wait for less than nothing comes too late."""
    entries = [(max(wait + delay, 0), matrix.tocoo()) for delay, matrix in c.weights.items()]
    pre, post = (np.concatenate([m.coords[axis] for _, m in entries]) for axis in (1, 0))
    weight = np.concatenate([m.data for _, m in entries])
    steps = np.concatenate([np.full(m.nnz, delay) for delay, m in entries])
    order = np.lexsort((steps, post, pre))
    pre, post, weight, steps = pre[order], post[order], weight[order], steps[order]
    sources = next(iter(c.weights.values())).shape[1]
    signs: list[tuple[str, SignMode, Any]] = [("exc", "excitatory", weight > 0), ("inh", "inhibitory", weight < 0)]
    return [
        Projection(
            f"{c.source}->{c.target}:{label}",
            c.source,
            c.target,
            sign_mode,
            weight_bits,
            np.concatenate([[0], np.cumsum(np.bincount(pre[chosen], minlength=sources))]),
            post[chosen].astype(np.int32),
            weight[chosen],
            steps[chosen] * dt_ms,
        )
        for label, sign_mode, chosen in signs
        if chosen.any()
    ]
