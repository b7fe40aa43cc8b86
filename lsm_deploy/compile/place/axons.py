"""The wiring of all projections together, as a core sees it: the sources of each neuron, the targets of each source.

Sources are numbered neurons first, then input channels. An axon is a source with synapses on a core, whatever
projections these belong to: one message a spike reaches them all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.build import rows
from lsm_deploy.compile.place import kernels
from lsm_deploy.compile.place.synapse_memory import synapse_bits
from lsm_deploy.core.fixed import WEIGHT_BITS
from lsm_deploy.core.ir import INPUT, QNetwork

__all__ = ["Axons", "axons_of"]


@dataclass(frozen=True, eq=False)
class Axons:
    """Synapses by target (`indptr`, `sources`, `bits` of memory each), by source (`out_indptr`, `targets`), and groups.

    groups `[neuron]`: the number of its population.
    """

    indptr: NDArray[np.int64]
    sources: NDArray[np.int32]
    bits: NDArray[np.uint8]
    out_indptr: NDArray[np.int64]
    targets: NDArray[np.int32]
    groups: NDArray[np.int32]


def axons_of(network: QNetwork, most_weight_bits: int = WEIGHT_BITS) -> Axons:
    """Join the projections of a network; `most_weight_bits`: as if no weight had more."""
    indptr = np.zeros(network.neurons + 1, np.int64)
    for p in network.projections:
        rows.count_targets(p.post, network.offsets[p.target] + 1, indptr)
    np.cumsum(indptr, out=indptr)
    sources, bits = np.empty(network.synapses, np.int32), np.empty(network.synapses, np.uint8)
    cursor = indptr[:-1].copy()
    for p in network.projections:
        first = network.neurons if p.source == INPUT else network.offsets[p.source]
        each = synapse_bits(p) - max(0, p.num_weight_bits - most_weight_bits)
        kernels.append_synapses(p.indptr, p.post, first, network.offsets[p.target], each, cursor, sources, bits)
    sizes = list(network.sizes.values())
    return Axons(
        indptr,
        sources,
        bits,
        *rows.transpose(indptr, sources, network.neurons + network.channels),
        np.repeat(np.arange(len(sizes), dtype=np.int32), sizes),
    )
