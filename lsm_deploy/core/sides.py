"""Which neurons excite others, and which inhibit them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.ir import QNetwork

__all__ = ["types_of"]


def types_of(network: QNetwork, population: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The neurons `[neuron]` of a population that only excite, and those that only inhibit, others."""
    excites, inhibits = np.zeros((2, network.sizes[population]), bool)
    for p in network.projections:
        if p.source == population:
            pre = p.pre
            excites[pre[p.weights > 0]] = True
            inhibits[pre[p.weights < 0]] = True
    return excites & ~inhibits, inhibits & ~excites
