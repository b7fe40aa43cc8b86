"""What the chip's integers stand for: weights and messages in the units of the floats that they came from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import INPUT, Network, Population, QNetwork, QPopulation, QProjection
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["messages_in_floats", "registers_of", "weights_in_floats"]


def messages_in_floats(network: QNetwork, spikes: Messages) -> Messages:
    """The spikes `[t, neuron]` of a run as `run_float` gives them; as they are where no neuron is graded."""
    if not network.message.graded:
        return spikes
    units = [KINDS[p.kind].message_units(p.registers) for p in network.populations]
    return spikes / np.concatenate(units)


def weights_in_floats(network: Network | QNetwork, p: QProjection) -> Floats:
    """What the integer weights `[synapse]` of a projection stand for: floats sent to floats received."""
    target = next(q for q in network.populations if q.name == p.target)
    scale = target.scale if isinstance(target, QPopulation) else 1.0
    received = KINDS[target.kind].sum_units(registers_of(target, network.dt_ms), scale, p.port)[p.post]
    if p.source == INPUT:
        sent: Floats = np.full(len(p.post), network.input.unit)
    else:
        source = next(q for q in network.populations if q.name == p.source)
        sent = KINDS[source.kind].message_units(registers_of(source, network.dt_ms))[p.pre]
    weights: Floats = (p.weights.astype(np.int64) << p.weight_exp) * sent / received
    return weights


def registers_of(population: Population | QPopulation, dt_ms: float) -> Mapping[str, Ints]:
    """The registers of a population, also where it is in floats yet."""
    if isinstance(population, QPopulation):
        return population.registers
    return KINDS[population.kind].to_registers(population.parameters, 1.0, dt_ms)
