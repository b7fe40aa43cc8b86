"""Faults of neurons: dead ones, ones that cannot stop, thresholds that are off, and cores that are lost.

Nothing reaches a neuron that is stuck: the weights of all synapses onto it are 0, and its registers are
such that it rests, or fires, by itself (`Kind.stuck`). Which neurons are hit is drawn for each population, once for all
strengths: those of a smaller strength are among those of a greater one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, QNetwork, QPopulation
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import bounds
from lsm_deploy.core.streams import stream

__all__ = ["lost_cores", "shifted_thresholds", "stuck_neurons"]


def stuck_neurons(program: Program, share: float, seed: int, *, firing: bool) -> Program:
    """Each neuron never fires (firing: in every step) with a probability of `share`."""
    names = program.network.sizes.items()
    word = "firing" if firing else "dead"
    hit = [stream(seed, "fault", word, name).random(size) < share for name, size in names]
    return _stuck(program, np.concatenate(hit), firing)


def lost_cores(program: Program, many: int, seed: int) -> Program:
    """All neurons of so many cores are dead; an LsmError where there are not so many."""
    used = np.unique(program.cores)
    if many > len(used):
        what = f"{many} cores cannot be lost: the program is on {len(used)}"
        raise LsmError(what, where="fault 'lost-cores'", hint=f"lose {len(used)} at most")
    order = np.argsort(stream(seed, "fault", "lost cores").random(len(used)))
    return _stuck(program, np.isin(program.cores, used[order[:many]]), False)


def shifted_thresholds(program: Program, deviation: float, seed: int) -> Program:
    """Every threshold is times 1 + deviation * g, g of a standard normal distribution, one for each neuron; rounded,
    and held within its register."""

    def shifted(p: QPopulation) -> QPopulation:
        kind = KINDS[p.kind]
        factor = 1 + deviation * stream(seed, "fault", "threshold", p.name).standard_normal(p.size)
        levels = {
            name: np.clip(np.rint(p.registers[name] * factor), *bounds(kind.Registers, name)).astype(np.int64)
            for name in kind.LEVELS
        }
        return replace(p, registers={**p.registers, **levels})

    network = program.network
    return replace(program, network=replace(network, populations=tuple(map(shifted, network.populations))))


def _stuck(program: Program, hit: NDArray[np.bool_], firing: bool) -> Program:
    """hit: which of all neurons `[neuron]`."""
    network = program.network
    populations = tuple(_stuck_in(p, hit[network.columns(p.name)], firing) for p in network.populations)
    return replace(program, network=_unreached(replace(network, populations=populations), hit))


def _stuck_in(p: QPopulation, hit: NDArray[np.bool_], firing: bool) -> QPopulation:
    stuck = KINDS[p.kind].stuck(p.registers, firing)
    return replace(p, registers={name: np.where(hit, stuck[name], there) for name, there in p.registers.items()})


def _unreached(network: QNetwork, hit: NDArray[np.bool_]) -> QNetwork:
    projections = tuple(
        replace(p, weights=np.where(hit[network.columns(p.target)][p.post], 0, p.weights)) for p in network.projections
    )
    return replace(network, projections=projections)
