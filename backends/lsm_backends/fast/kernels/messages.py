"""The loop for networks whose messages are more than a sign: step by step, several samples side by side.

What a neuron takes in step t are weights times messages of the steps before, so it is messages that wait, not sums:
`sent` `[sample, row, source]` holds those of step t in row t % rows, neurons before channels. Neurons have places: each
population begins at a multiple of `products.LANES`.
"""

from __future__ import annotations

import numba
import numpy as np

from lsm_backends.fast.kernels.gated import gated
from lsm_backends.fast.kernels.graded import WORK_ROWS, graded
from lsm_backends.fast.kernels.machine import copy, ints, pointer, registers_of
from lsm_backends.fast.kernels.neurons import update
from lsm_backends.fast.kernels.products import LANES, multiply, multiply_lists, multiply_wide
from lsm_deploy.core.compiled import dispatcher

__all__ = ["MESSAGE_PIECE", "MESSAGE_PLAN", "PRODUCT", "SEGMENT", "advance_messages"]

MESSAGE_PIECE = ("kind", "place", "neuron", "size", "activation", "output", "gate", "gate_place", "gate_sum")
"""Neurons of one kind that stand together, and, where they are graded, have the same activation, output and gate.
Of gated ones also where their sums onto the gate begin: the place, and the column of `network.ports`."""
KIND, PLACE, NEURON, SIZE, ACTIVATION, OUTPUT, GATE, GATE_PLACE, GATE_SUM = range(len(MESSAGE_PIECE))

PRODUCT = (
    "place",
    "targets",
    "columns",
    "pairs",
    "segments",
    "many",
    "matrix",
    "indptr",
    "column",
    "weights",
    "weight_count",
)
"""All synapses onto a port of a population: a matrix of so many columns, each a source and a delay. Its address is 0
where there are lists in its place. segments: address of `many` rows of SEGMENT."""
TARGET, TARGETS, COLUMNS, PAIRS, SEGMENTS, MANY, MATRIX, INDPTR, COLUMN, WEIGHTS, WEIGHT_COUNT = range(len(PRODUCT))

SEGMENT = ("delay", "source", "column", "size")
"""Columns whose sources follow each other, and have one delay."""

MESSAGE_PLAN = (
    "neurons", "channels", "due", "size", "rows", "interval", "samples", "widest", "registers", "recordable",
    "piece_count", "pieces", "product_count", "products", "constant_rows", "constants", "initial", "tables",
    "table_size",
    "state", "sent", "gathered", "sums", "fires", "work", "pending", "pending_until", "recorded", "events", "clock",
)  # fmt: skip
"""Sizes and addresses. state `[sample, register, place]`, gathered `[sample, column]`, sums `[sample, place]`.
pending `[row, column]`: the `due` sums of `network.ports` that a saved state had in flight, for steps before
`pending_until`."""
(
    NEURONS, CHANNELS, DUE, PLACES, ROWS, INTERVAL, SAMPLES, WIDEST, REGISTERS, RECORDABLE,
    PIECE_COUNT, PIECES, PRODUCT_COUNT, PRODUCTS, CONSTANT_ROWS, CONSTANTS, INITIAL, TABLES, TABLE_SIZE,
    STATE, SENT, GATHERED, SUMS, FIRES, WORK, PENDING, PENDING_UNTIL, RECORDED, EVENTS, CLOCK,
) = range(len(MESSAGE_PLAN))  # fmt: skip
GRADED, GATED = 5, 6
"""The numbers of the kinds in `rules.RULES`."""


@numba.njit(boundscheck=False)
def _gather(product, sent, rows, now, gathered):  # type: ignore[no-untyped-def]
    """The message of each column, of every sample."""
    segments = ints(product[SEGMENTS], product[MANY], len(SEGMENT))
    for s in range(gathered.shape[0]):
        for g in range(segments.shape[0]):
            delay, source, column, size = segments[g]
            row = sent[s, (now + 2 * rows - 1 - delay) % rows]
            copy(row[source : source + size], gathered[s][column : column + size], size)


@numba.njit(boundscheck=False)
def _advance(plan, t, steps, windows, samples, stimulus, spikes, recording, registers, wide, sums, weight_type):  # type: ignore[no-untyped-def]
    neurons, channels, places, rows = plan[NEURONS], plan[CHANNELS], plan[PLACES], plan[ROWS]
    most, recordable = plan[SAMPLES], plan[RECORDABLE] if recording else 0
    windows = ints(windows, samples, 2)
    total = np.int64(0)
    for s in range(samples):
        total = max(total, windows[s, 0] + windows[s, 1])
    stimulus = numba.carray(pointer(stimulus), (total, channels), np.int16)
    spikes = numba.carray(pointer(spikes), (total, neurons), np.int16)
    registers = numba.carray(pointer(registers), (total if recording else 0, recordable, neurons), np.int32)
    pieces, products = ints(plan[PIECES], plan[PIECE_COUNT], 9), ints(plan[PRODUCTS], plan[PRODUCT_COUNT], 11)
    recorded = ints(plan[RECORDED], recordable, plan[PIECE_COUNT])
    constants = numba.carray(pointer(plan[CONSTANTS]), (plan[CONSTANT_ROWS], places), np.int32)
    initial = numba.carray(pointer(plan[INITIAL]), (plan[REGISTERS], places), np.int32)
    tables = numba.carray(pointer(plan[TABLES]), (2, plan[TABLE_SIZE], 2), np.int32)
    state = numba.carray(pointer(plan[STATE]), (most, plan[REGISTERS], places), np.int32)
    sent = numba.carray(pointer(plan[SENT]), (most, rows, neurons + channels), np.int16)
    all_gathered = numba.carray(pointer(plan[GATHERED]), (most, plan[WIDEST]), np.int16)
    fires = numba.carray(pointer(plan[FIRES]), places, np.int16)
    work = numba.carray(pointer(plan[WORK]), (WORK_ROWS, places), np.int32)
    pending = ints(plan[PENDING], rows, plan[DUE])
    pending_until = numba.carray(pointer(plan[PENDING_UNTIL]), 1, np.int64)
    events = numba.carray(pointer(plan[EVENTS]), 3, np.int64)
    clock = numba.carray(pointer(plan[CLOCK]), 1, np.int64)

    for step in range(steps):
        now = t + step
        active = 0  # the longest samples come first
        while active < samples and windows[active, 1] > step:
            active += 1
        for q in range(products.shape[0]):
            product = products[q]
            gathered = all_gathered[:active]
            _gather(product, sent, rows, now, gathered)
            place = product[TARGET]
            if product[MATRIX]:
                blocks = -(-product[TARGETS] // LANES)
                matrix = numba.carray(pointer(product[MATRIX]), (blocks, product[PAIRS], LANES, 2), np.int16)
                sums[active - 1, place + LANES * blocks - 1] = 0  # the last that is written
                if wide:
                    multiply_wide(matrix, gathered, sums, place)
                else:
                    multiply(matrix, gathered, sums, place)
            else:
                indptr = numba.carray(pointer(product[INDPTR]), product[TARGETS] + 1, np.int64)
                column = numba.carray(pointer(product[COLUMN]), product[WEIGHT_COUNT], np.int32)
                weights = numba.carray(pointer(product[WEIGHTS]), product[WEIGHT_COUNT], weight_type)
                multiply_lists(indptr, column, weights, gathered, sums, place)
        for s in range(active):
            row = windows[s, 0] + step
            of_sample, due = state[s], sums[s]
            sending = sent[s, now % rows]
            for p in range(pieces.shape[0]):
                kind, place, neuron, size = pieces[p, KIND], pieces[p, PLACE], pieces[p, NEURON], pieces[p, SIZE]
                end = place + size
                if plan[INTERVAL] and now % plan[INTERVAL] == 0:
                    for r in range(of_sample.shape[0]):
                        copy(initial[r][place:end], of_sample[r][place:end], size)
                if now < pending_until[0]:
                    for i in range(size):
                        due[place + i] += pending[now % rows, neuron + i]
                    if kind == GATED:
                        onto, column = pieces[p, GATE_PLACE], pieces[p, GATE_SUM]
                        for i in range(size):
                            due[onto + i] += pending[now % rows, column + i]
                if kind == GRADED:
                    clipped, saturations, wides = graded(
                        constants,
                        of_sample,
                        due,
                        fires,
                        place,
                        end,
                        pieces[p, ACTIVATION],
                        pieces[p, OUTPUT],
                        tables,
                        work,
                    )
                    events[0] += clipped
                    events[1] += saturations
                    events[2] += wides
                elif kind == GATED:
                    clipped_u, saturations_v, wides_both = gated(
                        constants,
                        of_sample,
                        due,
                        fires,
                        place,
                        end,
                        pieces[p, GATE_PLACE],
                        pieces[p, ACTIVATION],
                        pieces[p, OUTPUT],
                        pieces[p, GATE],
                        tables,
                        work,
                    )
                    events[0] += clipped_u
                    events[1] += saturations_v
                    events[2] += wides_both
                else:
                    wrapped, clipped_v, wides_of = update(
                        kind,
                        registers_of(constants.ctypes.data, places, place, end),
                        registers_of(of_sample.ctypes.data, places, place, end),
                        due[place:end],
                        fires[place:end],
                        size,
                    )
                    events[0] += wrapped
                    events[1] += clipped_v
                    events[2] += wides_of
                copy(fires[place:end], spikes[row][neuron : neuron + size], size)
                copy(fires[place:end], sending[neuron : neuron + size], size)
                for r in range(recorded.shape[0]):
                    if recorded[r, p] >= 0:
                        copy(of_sample[recorded[r, p]][place:end], registers[row, r][neuron : neuron + size], size)
            copy(stimulus[row], sending[neurons:], channels)
            if now < pending_until[0]:
                due[:] = 0  # where nothing else writes them, sums were those
        clock[0] = now + 1


@numba.njit
def _plan(address):  # type: ignore[no-untyped-def]
    return numba.carray(pointer(address), len(MESSAGE_PLAN), np.int64)


@dispatcher
def _advance_32(address, t, steps, windows, samples, stimulus, spikes, recording, registers):  # type: ignore[no-untyped-def]
    plan = _plan(address)
    sums = numba.carray(pointer(plan[SUMS]), (plan[SAMPLES], plan[PLACES]), np.int32)
    _advance(plan, t, steps, windows, samples, stimulus, spikes, recording, registers, False, sums, np.int32)


@dispatcher
def _advance_64(address, t, steps, windows, samples, stimulus, spikes, recording, registers):  # type: ignore[no-untyped-def]
    plan = _plan(address)
    sums = numba.carray(pointer(plan[SUMS]), (plan[SAMPLES], plan[PLACES]), np.int64)
    _advance(plan, t, steps, windows, samples, stimulus, spikes, recording, registers, True, sums, np.int64)


advance_messages = {np.int32: _advance_32, np.int64: _advance_64}
"""Advance the samples of the plan at `address` by `steps` steps from step `t`, by the type of the sums.

windows: address of `[sample, 2]`, the row in which a sample begins and its steps, the longest first. Addresses: of the
stimulus `[row, channel]`, of spikes `[row, neuron]` and, if anything is `recording`, of registers
`[row, register, neuron]`, the last two written.
"""
