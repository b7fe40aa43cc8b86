"""QNetwork -> Program: each neuron gets a core, within every limit, so that few spikes have to leave it.

A core holds neurons, the axons that enter it (each source with a synapse onto it, once), the synapses of these, and
the neuron groups (populations) it mixes. Every neuron is placed whole, with all of its synapses: where it lies changes
what a step costs and never what it computes.

Cores grow: the next neuron is the one with the most synapses from and to those that are there already (see
`growing.fill_cores`). Ties go to the one that was reached last, and all is done in integers, so that a network has one
placement everywhere. METIS was measured against it (`make placement`): within a twentieth either way for ten times the
work, and its cuts may change from version to version, which a program file must not. The neurons' own order is tried
too, and what sends fewer messages is kept: an order that a user chose well is never spoilt. A large network in which
anyone is joined to anyone keeps its order without another try (see `filling.grows`).

Then cores are gathered on chips (see `chips`): that of core `c` is `c // cores_per_chip`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.place import kernels
from lsm_deploy.compile.place import synapse_memory as encoding
from lsm_deploy.compile.place.axons import Axons, axons_of
from lsm_deploy.compile.place.chips import Traffic, by_chips, messages
from lsm_deploy.compile.place.filling import Filling, fill, grows, needs_alone
from lsm_deploy.compile.place.shortage import too_big
from lsm_deploy.core.boards import BOARD_NAMES, BOARDS, NOWHERE, Board
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.ir import Program, QNetwork
from lsm_deploy.core.threads import together

__all__ = ["Load", "Traffic", "arrange", "board_of", "load_of", "place_loaded", "place_network", "traffic_of"]


@dataclass(frozen=True)
class Load:
    """What one core holds, in the units of `Target`'s limits."""

    core: int
    neurons: int
    axons: int
    synapse_units: int
    groups: int


def place_network(network: QNetwork, target: Board) -> Program:
    """Find the core of each neuron; a neuron or a network that is too big is an LsmError with the numbers."""
    return place_loaded(network, target)[0]


def place_loaded(network: QNetwork, target: Board) -> tuple[Program, list[Load]]:
    """`place_network`, and what `load_of` would count of the program, which is known from filling its cores."""
    if target is NOWHERE:
        return Program(network, np.zeros(network.neurons, np.int32), target.name), []
    axons = axons_of(network)
    _check_neurons(network, axons, target)
    arrangement = arrange(axons, target)
    if arrangement.used > target.cores:
        raise too_big(network, axons, target, arrangement)
    return Program(network, arrangement.cores, target.name), _loads(arrangement.loads)


def arrange(axons: Axons, target: Board) -> Filling:
    """The best placement of neurons that each fit a core; where none fits the board, that of the fewest cores."""

    def placed(grow: bool) -> tuple[Filling, Traffic | None]:
        filling = fill(axons, target, grow=grow)
        if filling.used > target.cores:
            return filling, None
        cores, traffic = by_chips(axons, filling.cores, target)
        number = np.empty(filling.used, np.int64)
        number[filling.cores] = cores
        return replace(filling, cores=cores, loads=filling.loads[np.argsort(number)]), traffic

    ways = (True, False) if grows(axons, target) else (False,)
    fillings = together([partial(placed, way) for way in ways], len(axons.sources))
    fitting = [(filling, traffic) for filling, traffic in fillings if traffic is not None]
    if not fitting:
        return min((filling for filling, _ in fillings), key=lambda f: f.used)
    return min(fitting, key=lambda each: each[1])[0]


def board_of(program: Program) -> Board:
    """The board that a program is placed on: it may come from a file, and any."""
    if program.target == NOWHERE.name:
        raise LsmError("the program is placed on no board", hint="compile it for one of " + ", ".join(BOARD_NAMES))
    if program.target not in BOARDS:
        what = f"the program is placed on {program.target!r}, which is none of {', '.join(BOARD_NAMES)}"
        raise LsmError(what, hint="compile it again")
    return BOARDS[program.target]


def load_of(program: Program) -> list[Load]:
    """What each core up to the last in use holds, counted anew from the program; no core, where it was not placed."""
    if program.target == NOWHERE.name:
        return []
    network, cores = program.network, program.cores
    axons, used = axons_of(network), int(cores.max()) + 1
    words, entering = np.zeros(used, np.int64), np.zeros(used, np.int64)
    by_core = np.argsort(cores, kind="stable")
    sizes = (axons.bits, axons.bits_of_sources, len(axons.out_begin))
    word = (encoding.WORD, encoding.HEADER)
    kernels.count_lists(axons.indptr, axons.sources, *sizes, word, cores, by_core, words, entering)
    populations = len(network.populations)
    mixed = np.unique(cores.astype(np.int64) * populations + axons.groups) // populations
    columns = (np.bincount(cores, minlength=used), words, entering, np.bincount(mixed, minlength=used))
    return _loads(np.stack(columns, axis=1))


def _loads(counts: NDArray[Any]) -> list[Load]:
    """From `[core, 4]` as a `Filling` has them."""
    return [
        Load(core, neurons, axons, words, groups)
        for core, (neurons, words, axons, groups) in enumerate(counts.tolist())
    ]


def traffic_of(program: Program, target: Board) -> Traffic:
    """What a spike of every neuron sends, as the program is placed."""
    return messages(axons_of(program.network), program.cores, target)


def _check_neurons(network: QNetwork, axons: Axons, target: Board) -> None:
    """Every neuron has to fit a core that it has for itself."""
    words, entering = needs_alone(axons)
    errors = []
    for needed, most, what in (
        (words, target.synapse_units_per_core, "units of synapse memory"),
        (entering, target.axons_per_core, "input axons"),
    ):
        if too_large := int(np.count_nonzero(needed > most)):
            worst = int(np.argmax(needed))
            population, index = network.locate(worst)
            errors.append(
                LsmError(
                    f"neuron {index} needs {needed[worst]} {what}, a core of {target.name} has {most}"
                    + (f" ({too_large} neurons need too much)" if too_large > 1 else ""),
                    where=f"population {population!r}",
                    hint="lower its in-degree",
                )
            )
    raise_all(errors)
