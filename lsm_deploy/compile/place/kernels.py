"""How neurons fill cores, and what goes between these."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.compiled import compiled

__all__ = ["append_synapses", "count_between", "count_lists", "count_messages", "fill_cores", "lone_loads"]


@compiled
def append_synapses(
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    first_source: int,
    first_target: int,
    bits_each: int,
    cursor: NDArray[np.int64],
    sources: NDArray[np.int32],
    bits: NDArray[np.uint8],
) -> None:
    """Write the source and size of each synapse to its target's row, at `cursor` `[neuron]`, which moves on."""
    for pre in range(len(indptr) - 1):
        for k in range(indptr[pre], indptr[pre + 1]):
            target = first_target + post[k]
            sources[cursor[target]] = first_source + pre
            bits[cursor[target]] = bits_each
            cursor[target] += 1


@compiled
def fill_cores(
    indptr: NDArray[np.int64],
    sources: NDArray[np.int32],
    bits: NDArray[np.uint8],
    out_indptr: NDArray[np.int64],
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
) -> int:
    """Fill `cores` with one core after the other, `most` neurons, words, axons and groups each; how many took a place.

    Without `grow`, neurons come in the given order. With it, the next is the one with the most synapses from and to
    those already on the core; where there is none, on the chip; where there is none, anywhere; or else the next in
    order. A core ends with the first that does not fit: `closed` counts by which limit. Stops at `most_cores`.
    Every neuron fits a core alone. word: bits of a word and of a list's header. Neurons not in the order are left out.
    """
    neurons, levels = len(groups), 3 if grow else 0
    listed = np.zeros(len(out_indptr) - 1, np.int64)  # the bits of each source's list on this core
    entered = np.full(len(out_indptr) - 1, -1, np.int32)  # the last core for which that was begun
    mixed = np.full(neurons + 1, -1, np.int32)  # the last core that each group entered
    waiting = np.zeros(neurons, np.bool_)
    waiting[order] = True
    # A queue for each level, core, chip and board: the neurons of each gain are a doubly linked list.
    largest = 0
    for neuron in range(neurons):
        largest = max(largest, indptr[neuron + 1] - indptr[neuron] + out_indptr[neuron + 1] - out_indptr[neuron])
    first = np.full((levels, largest + 1), -1, np.int32)
    after = np.full((levels, neurons), -1, np.int32)
    before = np.full((levels, neurons), -1, np.int32)
    gain = np.zeros((levels, neurons), np.int32)
    top = np.zeros(levels, np.int64)

    core, held, words, axons, groups_held, next_in_order, done = 0, 0, 0, 0, 0, 0, 0
    while done < len(order):
        neuron = -1
        for level in range(levels):
            while top[level] > 0 and first[level, top[level]] < 0:
                top[level] -= 1
            if top[level] > 0:
                neuron = first[level, top[level]]
                break
        if neuron < 0:
            while not waiting[order[next_in_order]]:
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
                if entered[source] != core:
                    entered[source] = core
                    listed[source] = 0
                old = listed[source]
                listed[source] = old + bits[k]
                new_words += (word[1] + old + bits[k] + word[0] - 1) // word[0]
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
                for value in range(1, top[level] + 1):
                    other = first[level, value]
                    first[level, value] = -1
                    while other >= 0:
                        gain[level, other] = 0
                        other = after[level, other]
                top[level] = 0
            continue

        cores[neuron] = core
        waiting[neuron] = False
        mixed[groups[neuron]] = core
        held, words, axons, groups_held = held + 1, words + new_words, axons + new_axons, groups_held + new_group
        done += 1
        for level in range(levels):
            if gain[level, neuron] > 0:
                left, right = before[level, neuron], after[level, neuron]
                if left >= 0:
                    after[level, left] = right
                else:
                    first[level, gain[level, neuron]] = right
                if right >= 0:
                    before[level, right] = left
                gain[level, neuron] = 0
            for outwards in range(2):
                begin = out_indptr[neuron] if outwards else indptr[neuron]
                end = out_indptr[neuron + 1] if outwards else indptr[neuron + 1]
                for k in range(begin, end):
                    other = targets[k] if outwards else sources[k]
                    if other >= neurons or not waiting[other]:
                        continue
                    value = gain[level, other]
                    if value > 0:
                        left, right = before[level, other], after[level, other]
                        if left >= 0:
                            after[level, left] = right
                        else:
                            first[level, value] = right
                        if right >= 0:
                            before[level, right] = left
                    value += 1
                    right = first[level, value]
                    before[level, other] = -1
                    after[level, other] = right
                    if right >= 0:
                        before[level, right] = other
                    first[level, value] = other
                    gain[level, other] = value
                    top[level] = max(top[level], value)
    return done


@compiled
def lone_loads(
    indptr: NDArray[np.int64],
    sources: NDArray[np.int32],
    bits: NDArray[np.uint8],
    source_count: int,
    word: tuple[int, int],
    words: NDArray[np.int64],
    axons: NDArray[np.int64],
) -> None:
    """Write the words and axons `[neuron]` that each neuron takes on a core of its own."""
    listed = np.zeros(source_count, np.int64)
    for neuron in range(len(indptr) - 1):
        for k in range(indptr[neuron], indptr[neuron + 1]):
            listed[sources[k]] += bits[k]
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
            listed[source] += bits[k]
            words[core] += (word[1] + listed[source] + word[0] - 1) // word[0]


@compiled
def count_between(
    out_indptr: NDArray[np.int64],
    targets: NDArray[np.int32],
    cores: NDArray[np.int32],
    messages: NDArray[np.int32],
) -> None:
    """Add to `messages` `[core, core]` what each sends each, itself included, when every neuron spikes once."""
    reached = np.full(len(messages), -1, np.int64)
    for neuron in range(len(cores)):
        for k in range(out_indptr[neuron], out_indptr[neuron + 1]):
            core = cores[targets[k]]
            if reached[core] != neuron:
                reached[core] = neuron
                messages[cores[neuron], core] += 1


@compiled
def count_messages(
    out_indptr: NDArray[np.int64],
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
        for k in range(out_indptr[neuron], out_indptr[neuron + 1]):
            core = cores[targets[k]]
            if reached[core] != neuron:
                reached[core] = neuron
                between_cores += 1
                between_chips += core // cores_per_chip != home // cores_per_chip
    return between_cores, between_chips
