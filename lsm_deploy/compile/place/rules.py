"""The design rules of a board: what a network asks of each, the limit, and whether it is kept.

A rule is `broken` where the board cannot hold the network, and a `warning` where it may compute something else than
the backends here do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lsm_deploy.compile.certify.bounds import certify_network
from lsm_deploy.compile.place.axons import axons_of
from lsm_deploy.compile.place.cores import arrange, load_of
from lsm_deploy.compile.place.filling import needs_alone
from lsm_deploy.core import fixed
from lsm_deploy.core.boards import MAX_DELAY, MAX_WEIGHT_EXP, Board
from lsm_deploy.core.ir import Program, QNetwork, standings
from lsm_deploy.core.neurons import KINDS, bounds

__all__ = ["DesignRule", "check_rules"]

_BEYOND_REGISTER = {"dv": fixed.LARGEST_DECAY}
"""Registers that hold less than our integers allow: `dv` has 12 bits, and 4096 works in simulators only."""


@dataclass(frozen=True)
class DesignRule:
    """value: what the network asks for, at its worst; limit: the most (or, below 0, the least) that there is."""

    name: str
    value: int
    limit: int
    status: Literal["ok", "warning", "broken"]
    where: str = ""
    note: str = ""

    @property
    def margin(self) -> int:
        return (self.limit - self.value) * (-1 if self.limit < 0 else 1)


def check_rules(network: QNetwork, target: Board) -> list[DesignRule]:
    """Every rule of the board; those of cores only where each neuron fits one."""
    axons = axons_of(network)
    words, entering = needs_alone(axons)
    rules = [
        _worst("synapse memory of a neuron", words, target.synapse_units_per_core, network),
        _worst("input axons of a neuron", entering, target.axons_per_core, network),
    ]
    if all(rule.status == "ok" for rule in rules):
        cores = arrange(axons, target).cores
        loads = load_of(Program(network, cores, target.name))
        used = len(loads)
        rules = [
            _most("neurons on a core", max(load.neurons for load in loads), target.neurons_per_core),
            _most("input axons of a core", max(load.axons for load in loads), target.axons_per_core),
            _most("synapse memory of a core", max(load.synapse_units for load in loads), target.synapse_units_per_core),
            _most("groups on a core", max(load.groups for load in loads), target.groups_per_core),
            _most("cores", used, target.cores),
            _most("chips", -(-used // target.cores_per_chip), target.chips),
            *rules,
        ]
    return [*rules, *_of_synapses(network), *_of_registers(network), *_of_overflow(network), *_of_runs(network)]


def _most(name: str, value: int, limit: int, where: str = "", note: str = "") -> DesignRule:
    return DesignRule(name, value, limit, "ok" if value <= limit else "broken", where, note)


def _worst(name: str, needed: np.ndarray[tuple[int], np.dtype[np.int64]], limit: int, network: QNetwork) -> DesignRule:
    neuron = int(np.argmax(needed))
    return _most(name, int(needed[neuron]), limit, _neuron(network, neuron))


def _neuron(network: QNetwork, neuron: int) -> str:
    population, index = network.locate(neuron)
    return f"{population}[{index}]"


def _of_synapses(network: QNetwork) -> Iterator[DesignRule]:
    for name, values, limit in (
        ("steps of delay", [int(p.delays.max(initial=0)) for p in network.projections], MAX_DELAY),
        ("bits a weight", [p.num_weight_bits for p in network.projections], fixed.WEIGHT_BITS),
        ("weight exponent", [p.weight_exp for p in network.projections], MAX_WEIGHT_EXP),
    ):
        if values:
            yield _most(name, max(values), limit, network.projections[int(np.argmax(values))].name)


def _of_registers(network: QNetwork) -> Iterator[DesignRule]:
    for kind in network.kinds:
        populations = [p for p in network.populations if p.kind == kind]
        for field in KINDS[kind].Registers.__dataclass_fields__:
            low, high = bounds(KINDS[kind].Registers, field)
            highest = [int(p.registers[field].max()) for p in populations]
            lowest = [int(p.registers[field].min()) for p in populations]
            if high > 0:
                limit = _BEYOND_REGISTER.get(field, int(high))
                yield _most(f"{field} of {kind}", max(highest), limit, populations[int(np.argmax(highest))].name)
            if low < 0:
                least, where = min(lowest), populations[int(np.argmin(lowest))].name
                yield DesignRule(f"least {field} of {kind}", least, int(low), "ok" if least >= low else "broken", where)


def _of_overflow(network: QNetwork) -> Iterator[DesignRule]:
    certificate = certify_network(network)
    for name, values, limit in (
        ("synaptic sum, bound", certificate.largest_sum.astype(np.float64), fixed.SUM_LIMIT),
        ("u and v, bound", certificate.largest_u, fixed.UV_LIMIT - 1),
    ):
        worst = int(np.argmax(values))
        beyond = int((values > limit).sum())
        note = f"an input could overflow it in {beyond} neurons: see what a run counts" if beyond else ""
        yield DesignRule(name, int(values[worst]), limit, "warning" if beyond else "ok", _neuron(network, worst), note)


def _of_runs(network: QNetwork) -> Iterator[DesignRule]:
    interval = network.sample_interval
    if interval:
        above = 1 << (interval - 1).bit_length()
        note = "" if above == interval else "a power of two is reported to be needed on the chip"
        yield DesignRule("steps of a sample", interval, above, "warning" if note else "ok", "", note)
    for kind, words in standings(network).items():
        neurons = sum(p.size for p in network.populations if p.kind == kind)
        yield DesignRule(f"neurons of kind {kind}", neurons, 0, "warning", "", words)
