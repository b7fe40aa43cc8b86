"""The loop: step by step, for one block of neurons.

A block is what one thread owns: it integrates its neurons, lists those that spiked, adds what these deliver to sums of
its own, for neurons of all blocks, and waits until every block has done so; then each takes together what all have for
its neurons. (Were each to add what arrives at its own neurons, all would read a part of every list, and it is where the
lists lie in memory that takes time, not how long they are.) One wait a step is enough: who is ahead adds to later rows.

The ring of sums in flight is int64 where a true sum could wrap, and int16 where none can leave 16 bits.
"""

from __future__ import annotations

import numpy as np

from lsm_backends.fast.kernels import plan as at
from lsm_backends.fast.kernels.lists import add_list, add_list_of_one_delay, prefetch_list
from lsm_backends.fast.kernels.machine import U, array, call, copy, inner, record, wait
from lsm_backends.fast.kernels.neurons import collect, list_active
from lsm_backends.fast.kernels.rows import AT_ONCE, add_rows, gather, spread

__all__ = ["advance_int16", "advance_int32", "advance_int64"]

_I = np.int32
_PIECE, _PROJECTION = len(at.PIECE), len(at.PROJECTION)
_LINE = 8
"""Numbers in a line of the cache: the counts of each block have one."""


@inner
def _integrate(plan, block, now, row, stimulus, spikes, recording, registers, ring_type, width):  # type: ignore[no-untyped-def]
    """Take the neurons of a block a step on, and list who spiked; addresses, of this step.

    row: of the ring, which is due; width: bytes of a sum.
    """
    size, neurons, blocks, horizon = plan[at.SIZE], plan[at.NEURONS], plan[at.BLOCKS], plan[at.HORIZON]
    piece_count, recordable = plan[at.PIECE_COUNT], plan[at.RECORDABLE]
    counts = array(plan[at.ACTIVE_COUNTS], piece_count, np.int64)
    clears = plan[at.INTERVAL] != 0 and now % plan[at.INTERVAL] == 0
    for p in range(piece_count):
        piece = record(plan[at.PIECES], p, _PIECE)
        if piece[at.BLOCK] != block:
            continue
        update, first, last = piece[at.UPDATE], piece[at.FIRST], piece[at.LAST]
        many = last - first
        active = array(plan[at.ACTIVE] + 4 * first, many, np.int32)
        signs = array(plan[at.ACTIVE_SIGNS] + first, many, np.int8)
        if update == 0:
            counts[p] = list_active(stimulus, many, first, active, signs)
            for j in range(counts[p]):
                signs[j] = 1  # whatever is not 0 is a spike
            continue
        if clears:
            for r in range(plan[at.REGISTERS]):
                there = 4 * (r * size + first)
                copy(
                    array(plan[at.INITIAL] + there, many, np.int32), array(plan[at.STATE] + there, many, np.int32), many
                )
        due = plan[at.RING] + width * ((block * horizon + row) * size + first)
        for other in range(blocks):
            if other != block:
                theirs = plan[at.RING] + width * ((other * horizon + row) * size + first)
                collect(array(due, many, ring_type), array(theirs, many, ring_type), many)
        events = plan[at.EVENTS] + 8 * _LINE * block
        fires = plan[at.FIRES] + first
        call(update, plan[at.CONSTANTS], plan[at.STATE], due, fires, size, first, piece[at.END], events)
        copy(array(fires, many, np.int8), array(spikes + first, many, np.int8), many)
        if recording:
            for r in range(recordable):
                state = record(plan[at.RECORDED], r, piece_count)[p]
                if state >= 0:
                    copy(
                        array(plan[at.STATE] + 4 * (state * size + first), many, np.int32),
                        array(registers + 4 * (r * neurons + first), many, np.int32),
                        many,
                    )
        counts[p] = list_active(fires, many, first, active, signs)


@inner
def _add_all_rows(plan, block, row, ring, ring_type, width):  # type: ignore[no-untyped-def]
    """What those that spiked in the step of a row deliver by rows of weights; ring: address of the block's."""
    size, sources, classes, horizon = plan[at.SIZE], plan[at.SOURCES], plan[at.CLASS_COUNT], plan[at.HORIZON]
    active = array(plan[at.ACTIVE], sources, np.int32)
    signs = array(plan[at.ACTIVE_SIGNS], sources, np.int8)
    counts = array(plan[at.ACTIVE_COUNTS], plan[at.PIECE_COUNT], np.int64)
    gathered = plan[at.GATHERED] + 8 * (sources + 1) * block
    chosen = array(gathered, sources + 1, np.int64)
    sums = plan[at.SUMS] + 2 * size * block
    for c in range(classes):
        due = row + 1 + array(plan[at.ROW_DELAYS], classes, np.int64)[c]
        due -= horizon if due >= horizon else 0
        target = array(ring + width * due * size, size, ring_type)
        row_of = array(plan[at.ROW_OF] + 4 * c * sources, sources, np.int32)
        sign = array(plan[at.SIGNS], classes, np.int64)[c]
        shift = array(plan[at.ROW_SHIFTS], classes, np.int64)[c]
        shifts = array(plan[at.SHIFTS] + 4 * c * size, size, np.int32)
        for wanted in range(1, -1 - plan[at.TERNARY], -2):
            count = 0
            for p in range(plan[at.PIECE_COUNT]):
                piece = record(plan[at.PIECES], p, _PIECE)
                if piece[at.BLOCK] == block:
                    first = piece[at.FIRST]
                    count = gather(row_of, active, signs, first, first + counts[p], wanted, chosen, count)
            for begin in range(0, count, AT_ONCE):
                some = count - begin if count - begin < AT_ONCE else AT_ONCE
                add_rows(plan[at.ROWS], size, gathered + 8 * begin, some, sums)
                spread(array(sums, size, np.uint16), size, shift, shifts, sign * wanted, target)


@inner
def _add_all_lists(plan, block, row, ring, ring_type, width):  # type: ignore[no-untyped-def]
    """What those that spiked in the step of a row deliver by lists of synapses; ring: address of the block's."""
    size, sources, horizon, ahead = plan[at.SIZE], plan[at.SOURCES], plan[at.HORIZON], plan[at.AHEAD]
    active = array(plan[at.ACTIVE], sources, np.int32)
    signs = array(plan[at.ACTIVE_SIGNS], sources, np.int8)
    counts = array(plan[at.ACTIVE_COUNTS], plan[at.PIECE_COUNT], np.int64)
    begin_of = array(plan[at.BEGIN_OF] + 4 * horizon * block, horizon, np.uint32)
    flat = array(ring, horizon * size, ring_type)
    for q in range(plan[at.PROJECTION_COUNT]):
        of = record(plan[at.PROJECTIONS], q, _PROJECTION)
        many = of[at.SYNAPSES]
        indptr = array(of[at.INDPTR], of[at.SOURCE_COUNT] + 1, np.int64)
        post = array(of[at.POST], many, np.int32)
        weights = array(of[at.WEIGHTS], many, np.int16)
        delays = array(of[at.DELAYS], many, np.uint8)
        for d in range(horizon - 1):
            due = row + 1 + d
            due -= horizon if due >= horizon else 0
            begin_of[d] = due * size + of[at.TARGET]
        one = of[at.DELAY]
        begin = np.int64(begin_of[one if one >= 0 else 0])
        target = array(ring + width * begin, horizon * size - begin, ring_type)
        for p in range(of[at.FIRST_PIECE], of[at.LAST_PIECE]):
            piece = record(plan[at.PIECES], p, _PIECE)
            if piece[at.BLOCK] != block:
                continue
            last = piece[at.FIRST] + counts[p]
            for j in range(piece[at.FIRST], last):
                if ahead and j + 2 * ahead < last:
                    prefetch_list(of, indptr, active[j + ahead], active[j + 2 * ahead])
                source = U(active[j] - of[at.SOURCE])
                low, high = indptr[source], indptr[U(source + U(1))]
                factor = _I(signs[j]) << _I(of[at.EXPONENT])
                if one >= 0:
                    add_list_of_one_delay(post, weights, low, high, factor, target)
                else:
                    add_list(post, weights, delays, low, high, factor, begin_of, flat)


def _of(ring_type):  # type: ignore[no-untyped-def]
    """`advance` by the width of the sums in flight. Of an address only: more would cost more than a step does."""
    width = np.dtype(ring_type).itemsize

    def advance(address):  # type: ignore[no-untyped-def]
        """Advance one block; address: of a `plan.CALL`.

        In a ring, `[row, neuron]`, one a block, row t % rows is due in step t. What the plan points to is the caller's,
        and is kept for the next call.
        """
        of = array(address, len(at.CALL), np.int64)
        plan = array(of[0], len(at.PLAN), np.int64)
        block, stimulus, spikes, recording, registers = of[1], of[3], of[4], of[5], of[6]
        clock = array(plan[at.CLOCK], 1, np.int64)
        horizon, now = plan[at.HORIZON], clock[0]
        ring = plan[at.RING] + width * horizon * plan[at.SIZE] * block
        row = now % horizon
        for _ in range(of[2]):
            _integrate(plan, block, now, row, stimulus, spikes, recording, registers, ring_type, width)
            _add_all_rows(plan, block, row, ring, ring_type, width)
            _add_all_lists(plan, block, row, ring, ring_type, width)
            wait(plan[at.ARRIVED], plan[at.BLOCKS])
            now += 1
            row = row + 1 if row + 1 < horizon else 0
            stimulus += plan[at.CHANNELS]
            spikes += plan[at.NEURONS]
            registers += 4 * plan[at.RECORDABLE] * plan[at.NEURONS]
            if block == 0:
                clock[0] = now

    return advance


advance_int16, advance_int32, advance_int64 = map(_of, (np.int16, np.int32, np.int64))
