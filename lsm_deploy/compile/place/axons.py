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
    """Synapses by target (`indptr`, `sources`), by source (`out_begin` to `out_end` of `targets`), and groups.

    bits: of memory that a synapse takes, by the number of its source, or, where some have synapses of several sizes, by
    its own among those by target. groups `[neuron]`: the number of its population.
    """

    indptr: NDArray[np.int64]
    sources: NDArray[np.int32]
    bits: NDArray[np.uint8]
    bits_of_sources: bool
    out_begin: NDArray[np.int64]
    out_end: NDArray[np.int64]
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

    def size_in(p: QProjection) -> int:
        return synapse_bits(p) - max(0, p.num_weight_bits - most_weight_bits)

    out_indptr = np.zeros(sources + 1, np.int64)
    sizes = np.zeros(sources, np.uint8)
    alone, uniform = True, True  # whether no source has synapses in two projections, and none of two sizes
    for p, first_source, _ in wires:
        many, here = np.diff(p.indptr), slice(first_source, first_source + len(p.indptr) - 1)
        both = (many > 0) & (out_indptr[1:][here] > 0)
        alone = alone and not both.any()
        uniform = uniform and not (both & (sizes[here] != size_in(p))).any()
        sizes[here][many > 0] = size_in(p)
        out_indptr[1:][here] += many
    np.cumsum(out_indptr, out=out_indptr)

    def count(low: int, high: int) -> tuple[NDArray[np.int64], bool]:
        counts, ascend = np.zeros(neurons + 1, np.int64), True
        for p, here, _, first_target in from_sources(low, high):
            rows.count_targets(p.post[here[0] : here[-1]], first_target + 1, counts)
            ascend = ascend and rows.ascend(here, p.post)
        return counts, ascend

    counted = together([partial(count, *part) for part in parts(sources, synapses)], synapses)
    indptr, ascend = np.cumsum(sum(counts for counts, _ in counted)), all(ascend for _, ascend in counted)
    del counted
    cursor, by_target = indptr[:-1].copy(), np.empty(synapses, np.int32)
    bits = sizes if uniform else np.empty(synapses, np.uint8)

    def append(low: int, high: int, block: int = _BLOCK) -> None:
        for p, first_source, first_target in wires:
            begin, end = max(low - first_target, 0), min(high - first_target, network.sizes[p.target])
            if begin < end:
                ends = (first_source, first_target, 0 if uniform else size_in(p), begin, end, block)
                kernels.append_synapses(p.indptr, p.post, *ends, cursor, by_target, bits)

    groups = np.repeat(np.arange(len(network.sizes), dtype=np.int32), list(network.sizes.values()))
    if not ascend:
        append(0, neurons, block=neurons)
        begin, by_source = rows.transpose(indptr, by_target, sources)
        return Axons(indptr, by_target, bits, uniform, begin[:-1], begin[1:], by_source, groups)
    appending = [partial(append, *part) for part in parts(neurons, synapses)]
    if alone and len(network.sizes) == 1 and (shared := _one_array(network)) is not None:
        together(appending, synapses)
        begin, end = np.zeros(sources, np.int64), np.zeros(sources, np.int64)
        for p, first_source, _ in wires:
            sending, first = np.flatnonzero(np.diff(p.indptr)), (p.post.ctypes.data - shared.ctypes.data) // 4
            begin[first_source + sending] = first + p.indptr[sending]
            end[first_source + sending] = first + p.indptr[sending + 1]
        return Axons(indptr, by_target, bits, uniform, begin, end, shared, groups)
    by_source, held = np.empty(synapses, np.int32), np.zeros(sources, np.int64)

    def merge(low: int, high: int) -> None:
        for p, here, first_source, first_target in from_sources(low, high):
            kernels.merge_targets(here, p.post, first_source, first_target, out_indptr, held, by_source)

    together([*appending, *(partial(merge, *part) for part in parts(sources, synapses))], synapses)
    return Axons(indptr, by_target, bits, uniform, out_indptr[:-1], out_indptr[1:], by_source, groups)


def _one_array(network: QNetwork) -> NDArray[np.int32] | None:
    """What holds the targets of all projections, as where they were quantised together: they need not be copied."""
    holders = [p.post.base for p in network.projections if len(p.post)]
    shared = holders[0] if holders else None
    if not isinstance(shared, np.ndarray) or shared.dtype != np.int32 or shared.ndim != 1:
        return None
    return shared if all(holder is shared for holder in holders) else None


def _first_source(p: QProjection, network: QNetwork) -> int:
    return network.neurons if p.source == INPUT else network.offsets[p.source]
