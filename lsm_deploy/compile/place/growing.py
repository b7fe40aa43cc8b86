"""How neurons fill cores: in an order, or by growing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.compiled import compiled

__all__ = ["fill_cores"]


@compiled
def fill_cores(
    indptr: NDArray[np.int64],
    sources: NDArray[np.int32],
    bits: NDArray[np.uint8],
    bits_of_sources: bool,
    out_begin: NDArray[np.int64],
    out_end: NDArray[np.int64],
    targets: NDArray[np.int32],
    groups: NDArray[np.int32],
    order: NDArray[np.int32],
    most: tuple[int, int, int, int],
    word: tuple[int, int],
    cores_per_chip: int,
    most_cores: int,
    grow: bool,
    cores: NDArray[np.int32],
    closed: NDArray[np.int64],
    loads: NDArray[np.int32],
) -> int:
    """Fill `cores` with one core after the other, `most` neurons, words, axons and groups each; how many took a place.

    Without `grow`, neurons come in the given order. With it, the next is the one with the most synapses from and to
    those already on the core; where there is none, on the chip; where there is none, anywhere; or else the next in
    order. A core ends with the first that does not fit: `closed` counts by which limit. Stops at `most_cores`.
    Every neuron fits a core alone. word: bits of a word and of a list's header. Neurons not in the order are left out.
    loads `[core, 4]`: what each core then holds, in the order of `most`.

    A neuron's gain at a level is what joins it to the core that is being filled, to the cores before that on the chip,
    to the chips before. Of each level there is a stack for each gain, a list of `stacks` `[level, entry]`: a neuron,
    its gain, and the entry below. Whose gain rises is put on the next stack, and what it leaves behind is found to be
    stale when it is met: so nothing of any other neuron is touched. When a core, or a chip, ends, what its neurons gave
    goes to the next level: before, nobody asks there for one who waits on this level, as those come first.
    """
    neurons, levels = len(groups), 3 if grow else 0
    # Of each source the last core for which its list was begun, and the bits of that: side by side, as they are used.
    listed = np.full((len(out_begin), 2), -1, np.int32)
    mixed = np.full(neurons + 1, -1, np.int32)  # the last core that each group entered
    gains = np.zeros((max(1, levels), neurons), np.int32)  # at the first level -1: it has a place, or shall have none
    for neuron in range(neurons):
        gains[0, neuron] = -1
    for neuron in order:
        gains[0, neuron] = 0
    largest = 0
    for neuron in range(neurons):
        largest = max(largest, indptr[neuron + 1] - indptr[neuron] + out_end[neuron] - out_begin[neuron])
    room = 3 * neurons + largest  # of which as many as there are neurons are not stale
    stacks = np.empty((levels, room, 3), np.int32)
    first = np.full((levels, largest + 1), -1, np.int32)
    height, top = np.zeros(levels, np.int64), np.zeros(levels, np.int64)

    def is_stale(level: int, entry: int) -> bool:
        other = stacks[level, entry, 0]
        stale: bool = gains[0, other] < 0 or gains[level, other] != stacks[level, entry, 1]
        return stale

    def put(level: int, other: int, gain: int) -> None:
        entry = height[level]
        stacks[level, entry, 0], stacks[level, entry, 1], stacks[level, entry, 2] = other, gain, first[level, gain]
        first[level, gain] = entry
        height[level] += 1

    core, held, words, axons, groups_held, next_in_order, done = 0, 0, 0, 0, 0, 0, 0
    while done < len(order):
        neuron = -1
        for level in range(levels):
            if height[level] + max(neurons, largest) > room:
                entries, height[level] = height[level], 0
                for gain in range(largest + 1):
                    first[level, gain] = -1
                for entry in range(entries):
                    if not is_stale(level, entry):
                        put(level, stacks[level, entry, 0], stacks[level, entry, 1])
        for level in range(levels):
            while top[level] > 0 and neuron < 0:
                entry = first[level, top[level]]
                while entry >= 0 and is_stale(level, entry):
                    entry = stacks[level, entry, 2]
                first[level, top[level]] = entry
                if entry >= 0:
                    neuron = stacks[level, entry, 0]
                else:
                    top[level] -= 1
            if neuron >= 0:
                break
        if neuron < 0:
            while gains[0, order[next_in_order]] < 0:
                next_in_order += 1
            neuron = order[next_in_order]

        new_group = mixed[groups[neuron]] != core
        new_words, new_axons, broken = 0, 0, -1
        if held == most[0]:
            broken = 0
        elif groups_held + new_group > most[3]:
            broken = 3
        else:
            for k in range(indptr[neuron], indptr[neuron + 1]):
                source = sources[k]
                size = bits[source] if bits_of_sources else bits[k]
                old = listed[source, 1] if listed[source, 0] == core else 0
                listed[source, 0], listed[source, 1] = core, old + size
                new_words += (word[1] + old + size + word[0] - 1) // word[0]
                if old == 0:
                    new_axons += 1
                else:
                    new_words -= (word[1] + old + word[0] - 1) // word[0]
            if words + new_words > most[1]:
                broken = 1
            elif axons + new_axons > most[2]:
                broken = 2
        if broken >= 0:
            closed[broken] += 1
            core += 1
            if core == most_cores:
                return done
            held, words, axons, groups_held = 0, 0, 0, 0
            for level in range(min(levels, 2 if core % cores_per_chip == 0 else 1)):
                for entry in range(height[level]):
                    if not is_stale(level, entry):
                        other, gain = stacks[level, entry, 0], stacks[level, entry, 1]
                        gains[level, other] = 0
                        gains[level + 1, other] += gain
                        put(level + 1, other, gains[level + 1, other])
                        top[level + 1] = max(top[level + 1], gains[level + 1, other])
                for gain in range(top[level] + 1):
                    first[level, gain] = -1
                height[level], top[level] = 0, 0
            continue

        cores[neuron] = core
        gains[0, neuron] = -1
        mixed[groups[neuron]] = core
        held, words, axons, groups_held = held + 1, words + new_words, axons + new_axons, groups_held + new_group
        loads[core, 0], loads[core, 1], loads[core, 2], loads[core, 3] = held, words, axons, groups_held
        done += 1
        for outwards in range(2 if grow else 0):
            begin = out_begin[neuron] if outwards else indptr[neuron]
            end = out_end[neuron] if outwards else indptr[neuron + 1]
            for k in range(begin, end):
                other = targets[k] if outwards else sources[k]
                if other < neurons and gains[0, other] >= 0:
                    gains[0, other] += 1
                    put(0, other, gains[0, other])
                    top[0] = max(top[0], gains[0, other])
    return done
