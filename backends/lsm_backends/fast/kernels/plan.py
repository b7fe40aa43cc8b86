"""What a run consists of, as the kernels are given it: tables of numbers and addresses, and their columns' names."""

from __future__ import annotations

__all__ = ["CALL", "PIECE", "PLAN", "PROJECTION"]

CALL = ("plan", "block", "steps", "stimulus", "spikes", "recording", "registers")
"""One call of `advance`: the address of the plan; which block; how many steps; whether registers are recorded; and the
addresses of the stimulus `[step, channel]`, of spikes `[step, neuron]` and of registers `[step, register, neuron]`."""

PIECE = ("update", "block", "first", "last", "end")
"""Columns of the pieces: the neurons of one population in one block, and the address of what takes them a step on, to
`end`: those beyond `last` are nobody, at rest, and make the loop one of whole vectors. The last piece is the input, in
the first block; its address is 0, and its numbers follow those of the neurons."""
UPDATE, BLOCK, FIRST, LAST, END = range(len(PIECE))

PROJECTION = (
    "first_piece", "last_piece", "source", "sources", "target", "exponent", "delay", "usual", "synapses",
    "indptr", "post", "weights", "delays",
)  # fmt: skip
"""Columns of the projections that are kept as lists: the pieces of the source, the number of its first neuron and how
many there are; the number of the target's first neuron; the delay of all synapses, or -1; the usual length of a list
and that of all; and the addresses of where the lists begin (int64), of targets (int32), weights (int16) and delays
(uint8)."""
(
    FIRST_PIECE, LAST_PIECE, SOURCE, SOURCE_COUNT, TARGET, EXPONENT, DELAY, USUAL, SYNAPSES,
    INDPTR, POST, WEIGHTS, DELAYS,
) = range(len(PROJECTION))  # fmt: skip

PLAN = (
    "neurons", "channels", "size", "sources", "horizon", "interval", "ternary", "ahead", "blocks",
    "piece_count", "pieces", "constants", "registers", "initial", "state",
    "class_count", "row_count", "rows", "row_of", "signs", "delays", "class_shifts", "shifts",
    "projection_count", "projections", "recordable", "recorded",
    "ring", "fires", "begin_of", "active", "active_signs", "active_counts", "gathered", "sums", "events", "arrived",
    "clock",
)  # fmt: skip
"""Sizes, and addresses of what `layout.Layout` and `session.Session` hold. recorded: `[register, piece]`, the row of
the state where each register that can be recorded is found, or -1. fires: `[neuron]`, the spikes of one step. begin_of:
`[block, delay]`, room for where in a ring the sums of each delay begin. clock: the number of the step that comes next.
"""
(
    NEURONS, CHANNELS, SIZE, SOURCES, HORIZON, INTERVAL, TERNARY, AHEAD, BLOCKS,
    PIECE_COUNT, PIECES, CONSTANTS, REGISTERS, INITIAL, STATE,
    CLASS_COUNT, ROW_COUNT, ROWS, ROW_OF, SIGNS, ROW_DELAYS, ROW_SHIFTS, SHIFTS,
    PROJECTION_COUNT, PROJECTIONS, RECORDABLE, RECORDED,
    RING, FIRES, BEGIN_OF, ACTIVE, ACTIVE_SIGNS, ACTIVE_COUNTS, GATHERED, SUMS, EVENTS, ARRIVED, CLOCK,
) = range(len(PLAN))  # fmt: skip
