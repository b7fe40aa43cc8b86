"""QNetwork -> Program: each neuron gets a core, filled one after the other in the order of neurons, within every limit.

What a core holds: its neurons, the axons that enter it (each source with a synapse onto it, once), the synapses, and
the neuron groups (populations) it mixes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsm_deploy import loops
from lsm_deploy.errors import LsmError
from lsm_deploy.ir import INPUT, Program, QNetwork
from lsm_deploy.loops import Rows
from lsm_deploy.target import NOWHERE, SYNAPSE_UNITS, Target

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
    """Put each neuron on the core of the one before it, or on a new one; too big is an LsmError with the numbers."""
    cores = np.zeros(network.neurons, np.int32)
    if target is NOWHERE:
        return Program(network, cores, target.name)
    indptr, sources = _incoming(network)
    fan_in = np.diff(indptr)
    most_synapses = int(target.synapse_units_per_core / SYNAPSE_UNITS)
    if (too_many := fan_in > most_synapses).any():
        worst = int(np.argmax(fan_in))
        raise LsmError(
            f"neuron {worst} has {fan_in[worst]} synapses, a core of {target.name} holds "
            f"{most_synapses} ({int(too_many.sum())} neurons are too large)",
            where=_population_of(network, worst),
            hint="lower its in-degree",
        )
    groups = np.repeat(np.arange(len(network.populations)), [p.size for p in network.populations])
    most = (target.neurons_per_core, most_synapses, target.axons_per_core, target.groups_per_core)
    neuron = loops.fill_cores(indptr, sources, groups, network.neurons + network.channels, most, cores)
    if neuron < network.neurons:
        axons = len(np.unique(sources[indptr[neuron] : indptr[neuron + 1]]))
        raise LsmError(
            f"neuron {neuron} has {axons} axons, a core of {target.name} takes {target.axons_per_core}",
            where=_population_of(network, neuron),
            hint="lower its in-degree",
        )
    count = int(cores.max()) + 1
    if count > target.cores:
        raise LsmError(
            f"the network needs {count} cores, {target.name} has {target.cores}",
            hint=_what_fits(network, count, target),
        )
    return Program(network, cores, target.name)


def load_of(program: Program) -> list[Load]:
    """What each core in use holds, counted anew from the program; no core, where it was not placed."""
    if program.target == NOWHERE.name:
        return []
    network, cores = program.network, program.cores
    indptr, pre = _incoming(network)
    groups = np.repeat(np.arange(len(network.populations)), [p.size for p in network.populations])
    used = int(cores.max()) + 1
    axons = np.zeros(used, np.int64)
    by_core = np.argsort(cores, kind="stable")
    loops.axons_of(indptr, pre, network.neurons + network.channels, cores, by_core, axons)
    synapses = np.zeros(used, np.int64)
    np.add.at(synapses, cores, np.diff(indptr))
    mixed = np.unique(cores.astype(np.int64) * len(network.populations) + groups) // len(network.populations)
    columns = (
        np.bincount(cores, minlength=used),
        axons,
        synapses * SYNAPSE_UNITS,
        np.bincount(mixed, minlength=used),
    )
    return [
        Load(core, int(n), int(a), float(s), int(g)) for core, (n, a, s, g) in enumerate(zip(*columns, strict=True))
    ]


def _incoming(network: QNetwork) -> Rows:
    """The sources of each neuron's synapses, all projections together: neurons first, then input channels."""
    indptr = np.zeros(network.neurons + 1, np.int64)
    offsets = network.offsets
    for p in network.projections:
        loops.count_targets(p.post, offsets[p.target] + 1, indptr)
    np.cumsum(indptr, out=indptr)
    sources = np.empty(network.synapses, np.int32)
    cursor = indptr[:-1].copy()
    for p in network.projections:
        first = network.neurons if p.source == INPUT else offsets[p.source]
        loops.append_sources(p.indptr, p.post, first, offsets[p.target], cursor, sources)
    return indptr, sources


def _population_of(network: QNetwork, neuron: int) -> str:
    name = [name for name, first in network.offsets.items() if first <= neuron][-1]
    return f"population {name!r}"


def _what_fits(network: QNetwork, cores: int, target: Target) -> str:
    share = target.cores / cores
    fits = int(network.neurons * share)
    return f"shrink it to about {fits} neurons or {share:.0%} of its synapses, or choose a larger board, or board none"
