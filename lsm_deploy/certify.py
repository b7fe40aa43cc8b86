"""The overflow certificate: neurons whose synaptic sum and current no input can overflow; `v` saturates by design.

With A the largest |sum| that one step can deliver (all excitatory, or all inhibitory, synapses firing at once; a source
with signed spikes makes each of its synapses both), `u` is at most A * 64 * 4096 / (du + 1): a geometric series whose
truncation only takes away. A neuron is certified when A fits 16 bits, and that bound plus |bias| stays below 2**23; a
kind with further registers bounds those as well (`largest_register`). Where it fails the CPU backends still agree, a
chip may not: the counts of a run say what did occur.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy import fixed, loops
from lsm_deploy.ir import QNetwork
from lsm_deploy.neurons import KINDS

__all__ = ["Certificate", "certify"]


@dataclass(frozen=True, eq=False)
class Certificate:
    """Per neuron: the bound on |synaptic sum|, that on its registers (LIF: |u| + |bias|), and whether both fit."""

    largest_sum: NDArray[np.int64]
    largest_u: NDArray[np.float64]
    certified: NDArray[np.bool_]


def certify(network: QNetwork) -> Certificate:
    """Bound what each neuron can be driven to."""
    offsets = network.offsets
    most = np.zeros((2, network.neurons), np.int64)  # by sign
    signed = {population.name for population in network.populations if KINDS[population.kind].SIGNED}
    for p in network.projections:
        loops.deliver(p.post, p.weights, p.weight_exp, p.source in signed, offsets[p.target], most)
    largest_sum = most.max(axis=0)
    largest_u = np.zeros(network.neurons)
    for population in network.populations:
        here = slice(offsets[population.name], offsets[population.name] + population.size)
        largest_u[here] = KINDS[population.kind].largest_register(population.registers, largest_sum[here])
    certified = (largest_sum <= fixed.SUM_LIMIT) & (largest_u < fixed.UV_LIMIT)
    return Certificate(largest_sum, largest_u, certified)
