"""The loop: step by step, for one block of neurons.

A block is what one thread owns: it integrates its neurons, lists those that spiked, adds what these deliver to sums of
its own, for neurons of all blocks, and waits until every block has done so; then each takes together what all have for
its neurons. (Were each to add what arrives at its own neurons, all would read a part of every list, and it is where the
lists lie in memory that takes time, not how long they are.) One wait a step is enough: who is ahead adds to later rows.

The ring of sums in flight is int64 where a true sum could wrap, and int16 where none can leave 16 bits.
"""

from __future__ import annotations

import numba
import numpy as np

from lsm_backends.fast.kernels import plan as at
from lsm_backends.fast.kernels.lists import add_list, add_list_of_one_delay, prefetch_list
from lsm_backends.fast.kernels.machine import U, call, copy, inner, ints, part, pointer, wait
from lsm_backends.fast.kernels.neurons import collect, list_active
from lsm_backends.fast.kernels.rows import AT_ONCE, add_rows, gather, spread

__all__ = ["advance_int16", "advance_int32", "advance_int64"]

_I = np.int32


@inner
def _advance(plan, block, steps, stimulus, spikes, recording, registers, rings):  # type: ignore[no-untyped-def]
    """Advance one block by `steps` steps; stimulus, spikes, registers: addresses, as in `plan.CALL`."""
    size, sources, blocks = plan[at.SIZE], plan[at.SOURCES], plan[at.BLOCKS]
    neurons, channels, piece_count, recordable = (
        plan[at.NEURONS],
        plan[at.CHANNELS],
        plan[at.PIECE_COUNT],
        plan[at.RECORDABLE],
    )
    t = numba.carray(pointer(plan[at.CLOCK]), 1, np.int64)[0]
    stimulus = numba.carray(pointer(stimulus), (steps, channels), np.int8)
    spikes = numba.carray(pointer(spikes), (steps, neurons), np.int8)
    recordable = recordable if recording else 0
    recorded = ints(plan[at.RECORDED], recordable, piece_count)
    registers = numba.carray(pointer(registers), (steps, recordable, neurons), np.int32)
    pieces = ints(plan[at.PIECES], piece_count, 4)
    initial = numba.carray(pointer(plan[at.INITIAL]), (plan[at.REGISTERS], size), np.int32)
    state = numba.carray(pointer(plan[at.STATE]), (plan[at.REGISTERS], size), np.int32)
    rows = numba.carray(pointer(plan[at.ROWS]), (plan[at.ROW_COUNT], size), np.uint8)
    row_of = numba.carray(pointer(plan[at.ROW_OF]), (plan[at.CLASS_COUNT], sources), np.int32)
    class_signs = numba.carray(pointer(plan[at.SIGNS]), plan[at.CLASS_COUNT], np.int64)
    class_delays = numba.carray(pointer(plan[at.ROW_DELAYS]), plan[at.CLASS_COUNT], np.int64)
    class_shifts = numba.carray(pointer(plan[at.ROW_SHIFTS]), plan[at.CLASS_COUNT], np.int64)
    shifts = numba.carray(pointer(plan[at.SHIFTS]), (plan[at.CLASS_COUNT], size), np.int32)
    projections = ints(plan[at.PROJECTIONS], plan[at.PROJECTION_COUNT], len(at.PROJECTION))
    active = numba.carray(pointer(plan[at.ACTIVE]), sources, np.int32)
    signs = numba.carray(pointer(plan[at.ACTIVE_SIGNS]), sources, np.int8)
    counts = numba.carray(pointer(plan[at.ACTIVE_COUNTS]), piece_count, np.int64)
    gathered = numba.carray(pointer(plan[at.GATHERED]), (blocks, sources + 1), np.int64)[block]
    sums = numba.carray(pointer(plan[at.SUMS]), (blocks, size), np.uint16)[block]
    events = numba.carray(pointer(plan[at.EVENTS]), (blocks, 8), np.int64)[block]
    ring, ahead, horizon = rings[block], plan[at.AHEAD], plan[at.HORIZON]
    flat = numba.carray(pointer(ring.ctypes.data), horizon * size, rings.dtype)
    begin_of = numba.carray(pointer(plan[at.BEGIN_OF]), (blocks, horizon), np.uint32)[block]
    clock = numba.carray(pointer(plan[at.CLOCK]), 1, np.int64)

    for step in range(steps):
        now = t + step
        row = now % horizon
        due = ring[row]
        fires = spikes[step]
        for p in range(pieces.shape[0]):
            if pieces[p, at.BLOCK] != block:
                continue
            update, first, last = pieces[p, at.UPDATE], pieces[p, at.FIRST], pieces[p, at.LAST]
            if update == 0:
                counts[p] = list_active(stimulus[step], first, active[first:], signs[first:])
                for j in range(first, first + counts[p]):
                    signs[U(j)] = 1  # whatever is not 0 is a spike
                continue
            if plan[at.INTERVAL] and now % plan[at.INTERVAL] == 0:
                for r in range(state.shape[0]):
                    copy(part(initial, r, first, last), part(state, r, first, last))
            for other in range(blocks):
                if other != block:
                    collect(due[first:last], rings[other][row][first:last])
            call(
                update,
                plan[at.CONSTANTS],
                plan[at.STATE],
                due.ctypes.data,
                fires.ctypes.data,
                size,
                first,
                last,
                events.ctypes.data,
            )
            due[first:last] = 0
            for r in range(recorded.shape[0]):
                if recorded[r, p] >= 0:
                    copy(part(state, recorded[r, p], first, last), part(registers[step], r, first, last))
            counts[p] = list_active(fires[first:last], first, active[first:], signs[first:])

        for c in range(row_of.shape[0]):
            target = ring[(now + 1 + class_delays[c]) % horizon]
            for wanted in range(1, -1 - plan[at.TERNARY], -2):
                count = np.int64(0)
                for p in range(pieces.shape[0]):
                    first, last = pieces[p, at.FIRST], pieces[p, at.FIRST] + counts[p]
                    if pieces[p, at.BLOCK] == block:
                        count = gather(row_of[c], active[first:last], signs[first:last], wanted, gathered, count)
                for begin in range(0, count, AT_ONCE):
                    add_rows(rows, gathered[begin : min(begin + AT_ONCE, count)], sums)
                    spread(sums, class_shifts[c], shifts[c], class_signs[c] * wanted, target)

        for q in range(projections.shape[0]):
            of = projections[q]
            many = of[at.SYNAPSES]
            indptr = numba.carray(pointer(of[at.INDPTR]), of[at.SOURCE_COUNT] + 1, np.int64)
            post = numba.carray(pointer(of[at.POST]), many, np.int32)
            weights = numba.carray(pointer(of[at.WEIGHTS]), many, np.int16)
            delays = numba.carray(pointer(of[at.DELAYS]), many, np.uint8)
            one = of[at.DELAY]
            for d in range(horizon - 1):
                begin_of[d] = ((now + 1 + d) % horizon) * size + of[at.TARGET]
            target = flat[np.int64(begin_of[max(one, 0)]) :]
            for p in range(of[at.FIRST_PIECE], of[at.LAST_PIECE]):
                if pieces[p, at.BLOCK] != block:
                    continue
                last = pieces[p, at.FIRST] + counts[p]
                for j in range(pieces[p, at.FIRST], last):
                    if ahead and j + 2 * ahead < last:
                        prefetch_list(of, indptr, active[U(j + ahead)], active[U(j + 2 * ahead)])
                    source = U(active[U(j)] - of[at.SOURCE])
                    begin, end = indptr[source], indptr[U(source + U(1))]
                    factor = _I(signs[U(j)]) << _I(of[at.EXPONENT])
                    if one >= 0:
                        add_list_of_one_delay(post, weights, begin, end, factor, target)
                    else:
                        add_list(post, weights, delays, begin, end, factor, begin_of, flat)
        wait(plan[at.ARRIVED], blocks)
        if block == 0:
            clock[0] = now + 1


def _of(ring_type):  # type: ignore[no-untyped-def]
    """`advance` by the width of the sums in flight. Of an address only: more would cost more than a step does."""

    def advance(address):  # type: ignore[no-untyped-def]
        """Advance one block; address: of a `plan.CALL`.

        In a ring, `[row, neuron]`, one a block, row t % rows is due in step t. What the plan points to is the caller's,
        and is kept for the next call.
        """
        of = numba.carray(pointer(address), len(at.CALL), np.int64)
        plan = numba.carray(pointer(of[0]), len(at.PLAN), np.int64)
        rings = numba.carray(pointer(plan[at.RING]), (plan[at.BLOCKS], plan[at.HORIZON], plan[at.SIZE]), ring_type)
        _advance(plan, of[1], of[2], of[3], of[4], of[5], of[6], rings)

    return advance


advance_int16, advance_int32, advance_int64 = map(_of, (np.int16, np.int32, np.int64))
