"""The wiring of all projections together, as a core sees it: the sources of each neuron, the targets of each source.

Sources are numbered neurons first, then input channels. An axon is a source with synapses on a core, whatever
projections these belong to: one message a spike reaches them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.build import rows
from lsm_deploy.compile.place import kernels
from lsm_deploy.compile.place.synapse_memory import synapse_bits
from lsm_deploy.core.fixed import WEIGHT_BITS
from lsm_deploy.core.ir import INPUT, QNetwork, QProjection
from lsm_deploy.core.threads import parts, together

__all__ = ["Axons", "axons_of"]

_BLOCK = 1 << 14
"""Neurons whose rows are written to together: where they grow the processor's cache holds."""


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
    neurons, sources, synapses = network.neurons, network.neurons + network.channels, network.synapses
    wires = [(p, _first_source(p, network), network.offsets[p.target]) for p in network.projections]

    def from_sources(low: int, high: int) -> Iterator[tuple[QProjection, NDArray[np.int64], int, int]]:
        """Of each projection what comes from these: where their synapses begin, and its first source and target."""
        for p, first_source, first_target in wires:
            begin, end = max(low - first_source, 0), min(high - first_source, len(p.indptr) - 1)
            if begin < end:
                yield p, p.indptr[begin : end + 1], first_source + begin, first_target

    out_indptr = np.zeros(sources + 1, np.int64)

    def count(low: int, high: int) -> tuple[NDArray[np.int64], bool]:
        counts, ascend = np.zeros(neurons + 1, np.int64), True
        for p, here, first_source, first_target in from_sources(low, high):
            rows.count_targets(p.post[here[0] : here[-1]], first_target + 1, counts)
            ascend = ascend and rows.ascend(here, p.post)
            out_indptr[first_source + 1 : first_source + len(here)] += np.diff(here)
        return counts, ascend

    counted = together([partial(count, *part) for part in parts(sources, synapses)], synapses)
    indptr = np.cumsum(sum(counts for counts, _ in counted))
    np.cumsum(out_indptr, out=out_indptr)
    by_target, bits, by_source = (
        np.empty(synapses, np.int32),
        np.empty(synapses, np.uint8),
        np.empty(synapses, np.int32),
    )
    cursor, held = indptr[:-1].copy(), np.zeros(sources, np.int64)

    def append(low: int, high: int, block: int = _BLOCK) -> None:
        for p, first_source, first_target in wires:
            begin, end = max(low - first_target, 0), min(high - first_target, network.sizes[p.target])
            if begin < end:
                each = synapse_bits(p) - max(0, p.num_weight_bits - most_weight_bits)
                ends = (first_source, first_target, each, begin, end, block)
                kernels.append_synapses(p.indptr, p.post, *ends, cursor, by_target, bits)

    def merge(low: int, high: int) -> None:
        for p, here, first_source, first_target in from_sources(low, high):
            kernels.merge_targets(here, p.post, first_source, first_target, out_indptr, held, by_source)

    if all(ascend for _, ascend in counted):
        appending = [partial(append, *part) for part in parts(neurons, synapses)]
        together([*appending, *(partial(merge, *part) for part in parts(sources, synapses))], synapses)
    else:
        append(0, neurons, block=neurons)
        out_indptr, by_source = rows.transpose(indptr, by_target, sources)
    groups = np.repeat(np.arange(len(network.sizes), dtype=np.int32), list(network.sizes.values()))
    return Axons(indptr, by_target, bits, out_indptr, by_source, groups)


def _first_source(p: QProjection, network: QNetwork) -> int:
    return network.neurons if p.source == INPUT else network.offsets[p.source]
