"""How a network is seen from its cores, and what goes between these."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.compiled import compiled

__all__ = [
    "add_to_each_other",
    "append_synapses",
    "count_between",
    "count_lists",
    "count_messages",
    "lone_loads",
    "merge_targets",
]


@compiled
def append_synapses(
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    first_source: int,
    first_target: int,
    bits_each: int,
    low: int,
    high: int,
    block: int,
    cursor: NDArray[np.int64],
    sources: NDArray[np.int32],
    bits: NDArray[np.uint8],
) -> None:
    """Write source and size of the synapses onto `low` .. `high` to their targets' rows, at `cursor`, which moves on.

    Rows ascend, and so `block` targets at a time can be looked at: those whose rows' ends the cache holds. Where rows
    do not ascend, all targets are one block.
    """
    reached = np.empty(len(indptr) - 1, np.int64)
    for pre in range(len(reached)):
        left, right = indptr[pre], indptr[pre + 1]
        while left < right:
            middle = (left + right) // 2
            if post[middle] < low:
                left = middle + 1
            else:
                right = middle
        reached[pre] = left
    for start in range(low, high, block):
        stop = min(start + block, high)
        for pre in range(len(reached)):
            k = reached[pre]
            while k < indptr[pre + 1] and post[k] < stop:
                target = first_target + post[k]
                sources[cursor[target]] = first_source + pre
                if bits_each:
                    bits[cursor[target]] = bits_each
                cursor[target] += 1
                k += 1
            reached[pre] = k


@compiled
def merge_targets(
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    first_source: int,
    first_target: int,
    begin: NDArray[np.int64],
    held: NDArray[np.int64],
    targets: NDArray[np.int32],
) -> None:
    """Put the targets of each source of a projection among the `held` `[source]` that its row of `targets` has already.

    Rows begin at `begin` `[source]`; they ascend, as those of the projection do.
    """
    for pre in range(len(indptr) - 1):
        source = first_source + pre
        first, k = begin[source], indptr[pre + 1] - 1
        old = first + held[source] - 1
        held[source] += indptr[pre + 1] - indptr[pre]
        new = first + held[source] - 1
        while k >= indptr[pre]:
            target = first_target + post[k]
            if old >= first and targets[old] > target:
                targets[new] = targets[old]
                old -= 1
            else:
                targets[new] = target
                k -= 1
            new -= 1


@compiled
def lone_loads(
    indptr: NDArray[np.int64],
    sources: NDArray[np.int32],
    bits: NDArray[np.uint8],
    bits_of_sources: bool,
    source_count: int,
    word: tuple[int, int],
    words: NDArray[np.int64],
    axons: NDArray[np.int64],
) -> None:
    """Write the words and axons `[neuron]` that each neuron takes on a core of its own."""
    listed = np.zeros(source_count, np.int64)
    for neuron in range(len(indptr) - 1):
        for k in range(indptr[neuron], indptr[neuron + 1]):
            listed[sources[k]] += bits[sources[k]] if bits_of_sources else bits[k]
        for k in range(indptr[neuron], indptr[neuron + 1]):
            source = sources[k]
            if listed[source] > 0:
                axons[neuron] += 1
                words[neuron] += (word[1] + listed[source] + word[0] - 1) // word[0]
                listed[source] = 0


@compiled
def count_lists(
    indptr: NDArray[np.int64],
    sources: NDArray[np.int32],
    bits: NDArray[np.uint8],
    bits_of_sources: bool,
    source_count: int,
    word: tuple[int, int],
    cores: NDArray[np.int32],
    by_core: NDArray[np.int64],
    words: NDArray[np.int64],
    axons: NDArray[np.int64],
) -> None:
    """Add the words and axons `[core]` that enter each core; `by_core` goes through the neurons core by core."""
    listed = np.zeros(source_count, np.int64)
    entered = np.full(source_count, -1, np.int32)
    for neuron in by_core:
        core = cores[neuron]
        for k in range(indptr[neuron], indptr[neuron + 1]):
            source = sources[k]
            if entered[source] != core:
                entered[source] = core
                listed[source] = 0
                axons[core] += 1
            else:
                words[core] -= (word[1] + listed[source] + word[0] - 1) // word[0]
            listed[source] += bits[source] if bits_of_sources else bits[k]
            words[core] += (word[1] + listed[source] + word[0] - 1) // word[0]


@compiled
def count_between(
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    targets: NDArray[np.int32],
    cores: NDArray[np.int32],
    messages: NDArray[np.int32],
) -> None:
    """Add to `messages` `[core, core]` what each sends each, itself included, when every neuron spikes once."""
    reached = np.full(len(messages), -1, np.int64)
    for neuron in range(len(cores)):
        for k in range(begin[neuron], end[neuron]):
            core = cores[targets[k]]
            if reached[core] != neuron:
                reached[core] = neuron
                messages[cores[neuron], core] += 1


@compiled
def add_to_each_other(messages: NDArray[np.uint16]) -> None:
    """Let each two cores have what they send each other, either way, and a core by itself nothing."""
    tile = 64  # of either side of the diagonal stays in the cache
    size = len(messages)
    for first in range(0, size, tile):
        for second in range(0, first + 1, tile):
            for i in range(first, min(first + tile, size)):
                for j in range(second, min(second + tile, i)):
                    both = messages[i, j] + messages[j, i]
                    messages[i, j], messages[j, i] = both, both
    for i in range(size):
        messages[i, i] = 0


@compiled
def count_messages(
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    targets: NDArray[np.int32],
    cores: NDArray[np.int32],
    used: int,
    cores_per_chip: int,
) -> tuple[int, int]:
    """The messages that go to another core, and of these to another chip, when every neuron spikes once.

    One goes to each core with a target of the neuron.
    """
    reached = np.full(used, -1, np.int64)
    between_cores, between_chips = 0, 0
    for neuron in range(len(cores)):
        home = cores[neuron]
        reached[home] = neuron
        for k in range(begin[neuron], end[neuron]):
            core = cores[targets[k]]
            if reached[core] != neuron:
                reached[core] = neuron
                between_cores += 1
                between_chips += core // cores_per_chip != home // cores_per_chip
    return between_cores, between_chips
