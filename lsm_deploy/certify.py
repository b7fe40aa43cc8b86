"""The overflow certificate: neurons whose registers no input can overflow.

With A the largest |sum| that one step can deliver (all excitatory, or all inhibitory, synapses firing at once), `u`
is at most A * 64 * 4096 / (du + 1): a geometric series whose truncation only takes away. A neuron is certified when A
fits 16 bits, and that bound plus |bias| stays below 2**23. Where it fails the CPU backends still agree, a chip may
not: the counts of a run say what did occur.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy import fixed
from lsm_deploy.ir import QNetwork

__all__ = ["Certificate", "certify"]


@dataclass(frozen=True, eq=False)
class Certificate:
    """Per neuron: the bound on |synaptic sum|, the bound on |u| + |bias|, and whether both fit, `[neuron]` each."""

    largest_sum: NDArray[np.int64]
    largest_u: NDArray[np.float64]
    certified: NDArray[np.bool_]


def certify(network: QNetwork) -> Certificate:
    """Bound what each neuron can be driven to."""
    offsets = network.offsets
    most = np.zeros((2, network.neurons), np.int64)  # by sign
    for p in network.projections:
        added = p.weights.astype(np.int64) << p.weight_exp
        for sign, row in ((1, most[0]), (-1, most[1])):
            np.add.at(row, offsets[p.target] + p.post.astype(np.int64), np.maximum(sign * added, 0))
    largest_sum = most.max(axis=0)
    largest_u = np.zeros(network.neurons)
    for population in network.populations:
        here = slice(offsets[population.name], offsets[population.name] + population.size)
        r = population.registers
        bias = np.abs(r["bias_mant"] << r["bias_exp"])
        largest_u[here] = largest_sum[here] * 64.0 * fixed.DECAY_UNITY / (r["du"] + 1) + bias
    certified = (largest_sum <= fixed.SUM_LIMIT) & (largest_u < fixed.UV_LIMIT)
    return Certificate(largest_sum, largest_u, certified)
