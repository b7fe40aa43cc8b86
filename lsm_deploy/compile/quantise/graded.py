"""The scale of a graded population: units of a synaptic sum to 1.0, a power of two, because only a shift follows.

As large as it takes for every projection's largest weight to use all its bits, at an exponent of 0, or of as many as it
has beyond 8; so far as no exponent passes 7, and no sum passes the 32 bits that it is added in, whatever arrives. That
bound is the largest message times the magnitudes of all weights onto a neuron. Sums onto a gate have their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lsm_deploy.compile.quantise import kernels
from lsm_deploy.compile.quantise.grid import largest_weight, range_of
from lsm_deploy.compile.quantise.registers import registers_of
from lsm_deploy.compile.quantise.sources import Sent
from lsm_deploy.core import fixed
from lsm_deploy.core.boards import MAX_WEIGHT_EXP
from lsm_deploy.core.ir import Population, Projection
from lsm_deploy.core.neurons import KINDS

__all__ = ["choose_graded_scale"]

_ROUNDING = 1.02
"""What rounding may add to a sum of weights, with some to spare."""


def choose_graded_scale(
    population: Population, incoming: Sequence[tuple[Projection, Sent]], dt_ms: float, ceiling: float
) -> float:
    """incoming: projections onto one port, with weights in the units of what they get. ceiling: no larger than this."""
    kind = KINDS[population.kind]
    limits = [kind.largest_scale(population.parameters), ceiling]
    wanted, most = [1.0], np.zeros((2, population.size))
    if incoming:
        wanted = []
    for p, sent in incoming:
        low, high, _ = range_of(p)
        aligned = (high or -low) / largest_weight(p)
        wanted.append(aligned * (1 << max(p.weight_bits - fixed.WEIGHT_BITS, 0)))
        limits.append(aligned * (1 << MAX_WEIGHT_EXP))
        kernels.gather(p.post, p.weight * sent.largest, sent.signed, most)
    if largest := float(most.max(initial=0.0)):
        limits.append(fixed.LARGEST_ADDED / (largest * _ROUNDING))
    # The least that the shift reaches: a population without synapses has no other.
    registers, _ = registers_of(population.kind, population.parameters, 1.0, dt_ms)
    least = int(registers["fraction_bits"][0]) - fixed.LARGEST_SHIFT
    exponent = np.floor(np.log2(fixed.stable(np.array(min([max(wanted), *limits])))))
    return float(2.0 ** max(exponent, least))
