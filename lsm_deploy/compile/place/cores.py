"""QNetwork -> Program: each neuron gets a core, within every limit, so that few spikes have to leave it.

A core holds neurons, the axons that enter it (each source with a synapse onto it, once), the synapses of these, and
the neuron groups (populations) it mixes. Every neuron is placed whole, with all of its synapses: where it lies changes
what a step costs and never what it computes.

Cores grow: the next neuron is the one with the most synapses from and to those that are there already (see
`kernels.fill_cores`). Ties go to the one that was reached last, and all is done in integers, so that a network has one
placement everywhere. METIS was measured against it (`make placement`): within a twentieth either way for ten times the
work, and its cuts may change from version to version, which a program file must not. The neurons' own order is tried
too, and what sends fewer messages is kept: an order that a user chose well is never spoilt.

Then cores are gathered on chips (see `chips`): that of core `c` is `c // cores_per_chip`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.place import kernels
from lsm_deploy.compile.place import synapse_memory as encoding
from lsm_deploy.compile.place.axons import Axons, axons_of
from lsm_deploy.compile.place.chips import by_chips
from lsm_deploy.compile.place.filling import Filling, fill, needs_alone
from lsm_deploy.compile.place.shortage import too_big
from lsm_deploy.core.boards import BOARD_NAMES, BOARDS, NOWHERE, Board
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.ir import Program, QNetwork

__all__ = ["Load", "Traffic", "arrange", "board_of", "load_of", "place_network", "traffic_of"]


@dataclass(frozen=True)
class Load:
    """What one core holds, in the units of `Target`'s limits."""

    core: int
    neurons: int
    axons: int
    synapse_units: int
    groups: int


@dataclass(frozen=True)
class Traffic:
    """Messages when every neuron spikes once, one to each other core with a target of it; and those to other chips."""

    between_cores: int
    between_chips: int


def place_network(network: QNetwork, target: Board) -> Program:
    """Find the core of each neuron; a neuron or a network that is too big is an LsmError with the numbers."""
    if target is NOWHERE:
        return Program(network, np.zeros(network.neurons, np.int32), target.name)
    axons = axons_of(network)
    _check_neurons(network, axons, target)
    arrangement = arrange(axons, target)
    if arrangement.used > target.cores:
        raise too_big(network, axons, target, arrangement)
    return Program(network, arrangement.cores, target.name)


def arrange(axons: Axons, target: Board) -> Filling:
    """The best placement of neurons that each fit a core; where none fits the board, that of the fewest cores."""
    fillings = [fill(axons, target, grow=grow) for grow in (True, False)]
    fitting = [replace(f, cores=by_chips(axons, f.cores, target)) for f in fillings if f.used <= target.cores]
    if not fitting:
        return min(fillings, key=lambda f: f.used)
    return min(fitting, key=lambda f: _messages(axons, f.cores, target))


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
    sources = len(axons.out_indptr) - 1
    word = (encoding.WORD, encoding.HEADER)
    kernels.count_lists(axons.indptr, axons.sources, axons.bits, sources, word, cores, by_core, words, entering)
    populations = len(network.populations)
    mixed = np.unique(cores.astype(np.int64) * populations + axons.groups) // populations
    columns = (np.bincount(cores, minlength=used), entering, words, np.bincount(mixed, minlength=used))
    return [Load(core, *(int(value) for value in row)) for core, row in enumerate(zip(*columns, strict=True))]


def traffic_of(program: Program, target: Board) -> Traffic:
    """What a spike of every neuron sends, as the program is placed."""
    return Traffic(*_messages(axons_of(program.network), program.cores, target))


def _messages(axons: Axons, cores: NDArray[np.int32], target: Board) -> tuple[int, int]:
    used = int(cores.max()) + 1
    between = kernels.count_messages(axons.out_indptr, axons.targets, cores, used, target.cores_per_chip)
    return int(between[0]), int(between[1])


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
