"""Which neurons excite others, and which inhibit them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.ir import QNetwork
from lsm_deploy.core.neurons import KINDS

__all__ = ["types_of"]


def types_of(network: QNetwork, population: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The neurons `[neuron]` of a population that only excite, and those that only inhibit, others.

    Where messages have a sign, what a neuron does depends on them, and there are none of either.
    """
    excites, inhibits = np.zeros((2, network.sizes[population]), bool)
    signed = next(KINDS[p.kind].MESSAGE.signed for p in network.populations if p.name == population)
    for p in network.projections:
        if p.source == population and not signed:
            some = np.flatnonzero(np.diff(p.indptr))  # a liquid may have 1e8 synapses: nothing as long is made
            if len(some):
                excites[some] |= np.maximum.reduceat(p.weights, p.indptr[some]) > 0
                inhibits[some] |= np.minimum.reduceat(p.weights, p.indptr[some]) < 0
    return excites & ~inhibits, inhibits & ~excites
