"""QNetwork -> Program: each neuron gets a core, first-fit in the order of neurons, within every limit of the target.

What a core holds: its neurons, the axons that enter it (each source with a synapse onto it, once), the synapses, and
the neuron groups (populations) it mixes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.errors import LsmError
from lsm_deploy.ir import INPUT, Program, QNetwork
from lsm_deploy.target import SYNAPSE_UNITS, Target

__all__ = ["Load", "load_of", "place"]


@dataclass(frozen=True)
class Load:
    """What one core holds, in the units of `Target`'s limits."""

    core: int
    neurons: int
    axons: int
    synapse_units: float
    groups: int


def place(network: QNetwork, target: Target) -> Program:
    """Put each neuron on the first core that has room for it; too big is an LsmError with the numbers."""
    pre, indptr = _incoming(network)
    fan_in = np.diff(indptr)
    if (too_many := fan_in * SYNAPSE_UNITS > target.synapse_units_per_core).any():
        worst = int(np.argmax(fan_in))
        raise LsmError(
            f"neuron {worst} has {fan_in[worst]} synapses, a core of {target.name} holds "
            f"{int(target.synapse_units_per_core / SYNAPSE_UNITS)} ({int(too_many.sum())} neurons are too large)",
            where=_population_of(network, worst),
            hint="lower its in-degree",
        )
    groups = np.repeat(np.arange(len(network.populations)), [p.size for p in network.populations])
    cores = np.zeros(network.neurons, np.int32)
    open_cores: list[_Core] = []
    count = 0
    for neuron in range(network.neurons):
        sources = pre[indptr[neuron] : indptr[neuron + 1]]
        chosen = next((core for core in open_cores if core.takes(sources, int(groups[neuron]), target)), None)
        if chosen is None:
            chosen = _Core(count, network.neurons + network.channels)
            if not chosen.takes(sources, int(groups[neuron]), target):
                axons = len(np.unique(sources))
                raise LsmError(
                    f"neuron {neuron} has {axons} axons, a core of {target.name} takes {target.axons_per_core}",
                    where=_population_of(network, neuron),
                    hint="lower its in-degree",
                )
            open_cores = [*open_cores, chosen][-_OPEN:]
            count += 1
        cores[neuron] = chosen.number
    if count > target.cores:
        raise LsmError(
            f"the network needs {count} cores, {target.name} has {target.cores}",
            hint=_what_fits(network, count, target),
        )
    return Program(network, cores, target.name)


_OPEN = 8
"""Cores that are tried for each neuron: the last ones; earlier ones are full but for crumbs."""


class _Core:
    def __init__(self, number: int, sources: int) -> None:
        self.number = number
        self.neurons, self.synapses = 0, 0
        self.groups: set[int] = set()
        self.axons = np.zeros(sources, bool)
        self.axon_count = 0

    def takes(self, sources: NDArray[np.int64], group: int, target: Target) -> bool:
        """Add a neuron if it fits."""
        if (
            self.neurons + 1 > target.neurons_per_core
            or (self.synapses + len(sources)) * SYNAPSE_UNITS > target.synapse_units_per_core
            or len(self.groups | {group}) > target.groups_per_core
        ):
            return False
        new = np.unique(sources[~self.axons[sources]])
        if self.axon_count + len(new) > target.axons_per_core:
            return False
        self.neurons += 1
        self.synapses += len(sources)
        self.groups.add(group)
        self.axons[new] = True
        self.axon_count += len(new)
        return True


def load_of(program: Program) -> list[Load]:
    """What each core in use holds, counted anew from the program."""
    network = program.network
    pre, indptr = _incoming(network)
    core_of_synapse = np.repeat(program.cores, np.diff(indptr)).astype(np.int64)
    groups = np.repeat(np.arange(len(network.populations)), [p.size for p in network.populations])
    sources = network.neurons + network.channels
    axons = np.unique(core_of_synapse * sources + pre) // sources
    mixed = np.unique(program.cores.astype(np.int64) * len(network.populations) + groups) // len(network.populations)
    used = int(program.cores.max()) + 1
    columns = (
        np.bincount(program.cores, minlength=used),
        np.bincount(axons, minlength=used),
        np.bincount(core_of_synapse, minlength=used) * SYNAPSE_UNITS,
        np.bincount(mixed, minlength=used),
    )
    return [
        Load(core, int(n), int(a), float(s), int(g)) for core, (n, a, s, g) in enumerate(zip(*columns, strict=True))
    ]


def _incoming(network: QNetwork) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The sources of each neuron's synapses, all projections together: neurons first, then input channels."""
    offsets = network.offsets
    pres, posts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for p in network.projections:
        first = network.neurons if p.source == INPUT else offsets[p.source]
        pres.append(first + np.repeat(np.arange(len(p.indptr) - 1), np.diff(p.indptr)))
        posts.append(offsets[p.target] + p.post.astype(np.int64))
    pre, post = np.concatenate(pres), np.concatenate(posts)
    order = np.argsort(post, kind="stable")
    return pre[order], np.concatenate([[0], np.cumsum(np.bincount(post, minlength=network.neurons))])


def _population_of(network: QNetwork, neuron: int) -> str:
    name = [name for name, first in network.offsets.items() if first <= neuron][-1]
    return f"population {name!r}"


def _what_fits(network: QNetwork, cores: int, target: Target) -> str:
    share = target.cores / cores
    fits = int(network.neurons * share)
    return f"shrink it to about {fits} neurons or {share:.0%} of its synapses, or choose a larger board"
