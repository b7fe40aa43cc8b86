"""The compiled loop: step by step, in int32 registers, for one block of neurons.

All arithmetic is that of `lsm_deploy.fixed`, narrowed to what the ranges allow:

    decay     |x| = 4096 h + l, so |x| * k >> 12 = h * k + (l * k >> 12), both within 31 bits for k <= 4096
    sums      int32 additions wrap as the accumulator does, modulo 2**32; the ring is int64 where a true sum could wrap,
              and int16 where none can leave 16 bits
    rows      mantissas of up to 256 rows of uint8 add within uint16, and are shifted by their exponent once for all

A block is what one thread owns: it integrates its neurons, lists those that spiked, waits until every block has done
so, and adds what arrives at its own neurons. Nothing else is shared, so one wait a step is enough; the lists alternate
between two places, because a block may be a step ahead of another that still reads.

Everything that is compiled stands in this one file: numba's cache looks at no other. A plan holds addresses.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lsm_deploy.compiled import dispatcher

__all__ = ["KINDS", "PIECE", "PLAN", "PROJECTION", "add_magnitudes", "advance", "find_first"]

KINDS = {"LIF": 0, "TernaryLIF": 1, "LIFRefractory": 2, "ATRLIF": 3}
"""The kinds that `_update` has a rule for, and their numbers there."""

PIECE = ("kind", "block", "first", "last")
"""Columns of the pieces: the neurons of one population in one block, which owns what they receive. The last piece is
the input: its kind is -1, its numbers follow those of the neurons."""
_KIND, _BLOCK, _FIRST, _LAST = range(len(PIECE))

PROJECTION = (
    "block", "first_piece", "last_piece", "source", "target", "exponent", "delay",
    "low", "high", "post", "weights", "delays",
)  # fmt: skip
"""Columns of the projections that are kept as lists, a row for each and each part of its targets: the block that owns
the part; the pieces of the source and the number of its first neuron; the number of the target's first neuron; the
delay of all synapses, or -1; and addresses: where the synapses of each source onto this part begin and end (int64) in
targets (int32), weights (int16) and delays (uint8)."""
(
    _OWNER, _FIRST_PIECE, _LAST_PIECE, _SOURCE, _TARGET, _EXPONENT, _DELAY, _LOW, _HIGH, _POST, _WEIGHTS, _DELAYS,
) = range(len(PROJECTION))  # fmt: skip

PLAN = (
    "neurons", "channels", "size", "sources", "horizon", "interval", "ternary", "ahead", "blocks",
    "piece_count", "pieces", "constant_rows", "constants", "registers", "initial", "state",
    "class_count", "row_count", "rows", "row_of", "signs", "delays", "class_shifts", "shifts",
    "projection_count", "projections", "recordable", "recorded",
    "ring", "begin_of", "active", "active_signs", "active_counts", "gathered", "sums", "events", "arrived",
)  # fmt: skip
"""Sizes, and addresses of what `layout.Layout` and `session.Session` hold. recorded: `[register, piece]`, the row of
the state where each register that can be recorded is found, or -1. begin_of: `[block, delay]`, room for where in the
ring the sums of each delay begin."""
(
    _NEURONS, _CHANNELS, _SIZE, _SOURCES, _HORIZON, _INTERVAL, _TERNARY, _AHEAD, _BLOCKS,
    _PIECE_COUNT, _PIECES, _CONSTANT_ROWS, _CONSTANTS, _REGISTERS, _INITIAL, _STATE,
    _CLASS_COUNT, _ROW_COUNT, _ROWS, _ROW_OF, _SIGNS, _ROW_DELAYS, _ROW_SHIFTS, _SHIFTS,
    _PROJECTION_COUNT, _PROJECTIONS, _RECORDABLE, _RECORDED,
    _RING, _BEGIN_OF, _ACTIVE, _ACTIVE_SIGNS, _ACTIVE_COUNTS, _GATHERED, _SUMS, _EVENTS, _ARRIVED,
) = range(len(PLAN))  # fmt: skip

_I = np.int32
_U = np.uint32
"""Of an index: numba looks at no sign, and does not read from the end."""
_AT_ONCE = 256
"""Rows of uint8 that a uint16 holds the sum of: 256 * 255 < 2**16."""


# --- memory and other threads ---------------------------------------------------------------------------------------


@intrinsic
def _pointer(typing, address):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


@intrinsic
def _add_atomically(typing, address, value):  # type: ignore[no-untyped-def]
    """Returns what was there; 0 as the value reads it."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", place, arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def _prefetch(typing, address):  # type: ignore[no-untyped-def]
    """Have the cache line fetched while other work goes on; no address is a wrong one."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        place = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        prefetch = builder.module.declare_intrinsic(
            "llvm.prefetch", [place.type], ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        )
        builder.call(prefetch, [place, number(0), number(3), number(1)])  # to read, to stay, data
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def _not_zero(typing, address):  # type: ignore[no-untyped-def]
    """Bit i says whether the i-th of the 64 bytes from `address` on is other than 0."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        vector = ir.VectorType(ir.IntType(8), 64)
        loaded = builder.load(builder.inttoptr(arguments[0], vector.as_pointer()), align=1)
        return builder.bitcast(builder.icmp_signed("!=", loaded, ir.Constant(vector, None)), ir.IntType(64))

    return types.uint64(types.int64), generate


@intrinsic
def _lowest(typing, word):  # type: ignore[no-untyped-def]
    """The number of the lowest bit that is set; there is one."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


_yield = types.ExternalFunction("sched_yield", types.int32())


@numba.njit
def _ints(address, rows, columns):  # type: ignore[no-untyped-def]
    return numba.carray(_pointer(address), (rows, columns), np.int64)


@numba.njit
def _wait(arrived, blocks):  # type: ignore[no-untyped-def]
    """Until all blocks have come here as often as this one."""
    if blocks == 1:
        return
    round_ = _add_atomically(arrived, 1) // blocks
    spins = 0
    while _add_atomically(arrived, 0) < (round_ + 1) * blocks:
        spins += 1
        if spins % 64 == 0:  # somebody else may need the processor that the others wait for
            _yield()


# --- neurons --------------------------------------------------------------------------------------------------------


@numba.njit(inline="always")
def _decay(x, k):  # type: ignore[no-untyped-def]
    a = _I(abs(x))
    r = _I(_I(_I(a >> _I(12)) * k) + _I(_I(_I(a & _I(4095)) * k) >> _I(12)))
    return r if x >= 0 else _I(-r)


@numba.njit(inline="always")
def _current(u, keep, a):  # type: ignore[no-untyped-def]
    """The decayed current plus the sum, before it wraps; of a wide sum the low 32 bits are enough."""
    return _I(_decay(u, keep) + _I(_I(a) << _I(6)))


@numba.njit(inline="always")
def _wrap(x):  # type: ignore[no-untyped-def]
    u = x
    if x > _I(8388608):
        u = _I(x - _I(16777216))
    elif x <= _I(-8388608):
        u = _I(x + _I(16777216))
    return u


@numba.njit(inline="always")
def _clip(x):  # type: ignore[no-untyped-def]
    return _I(min(max(x, _I(-8388607)), _I(8388607)))


# One function a kind: constants and state `[register, neuron]` and sums of neurons first..last in, state and spikes
# out. Every array is cut to size first, row by row: an index that might be negative, or a stride that is not known to
# be 1, keeps a loop from being vectorised. Counts are 32 bits wide, as everything else, for the same reason.


@numba.njit(boundscheck=False)
def _lif(constants, state, sums, fires, first, last):  # type: ignore[no-untyped-def]
    """constants: 4096 - (du + 1), 4096 - dv, vth << 6, bias_mant << bias_exp; state: u, v."""
    keep_u, keep_v, theta, bias = (
        constants[0][first:last],
        constants[1][first:last],
        constants[2][first:last],
        constants[3][first:last],
    )
    us, vs = state[0][first:last], state[1][first:last]
    sums, fires = sums[first:last], fires[first:last]
    wraps = saturations = wide = _I(0)
    for i in range(sums.shape[0]):
        x = _current(us[i], keep_u[i], sums[i])
        u = _wrap(x)
        total = _I(_I(_decay(vs[i], keep_v[i]) + u) + bias[i])
        v = _clip(total)
        fired = v > theta[i]
        wraps = _I(wraps + _I(u != x))
        saturations = _I(saturations + _I(v != total))
        wide = _I(wide + _I((sums[i] > 32767) | (sums[i] < -32767)))
        us[i] = u
        vs[i] = _I(0) if fired else v
        fires[i] = fired
    return wraps, saturations, wide


@numba.njit(boundscheck=False)
def _ternary(constants, state, sums, fires, first, last):  # type: ignore[no-untyped-def]
    """constants: 4096 - (du + 1), 4096 - dv, vth_hi << 6, bias_mant << bias_exp, vth_lo << 6; state: u, v."""
    keep_u, keep_v, high, bias, low = (
        constants[0][first:last],
        constants[1][first:last],
        constants[2][first:last],
        constants[3][first:last],
        constants[4][first:last],
    )
    us, vs = state[0][first:last], state[1][first:last]
    sums, fires = sums[first:last], fires[first:last]
    wraps = saturations = wide = _I(0)
    for i in range(sums.shape[0]):
        x = _current(us[i], keep_u[i], sums[i])
        u = _wrap(x)
        total = _I(_I(_decay(vs[i], keep_v[i]) + u) + bias[i])
        v = _clip(total)
        spike = np.int8(v > high[i]) - np.int8(v < low[i])
        wraps = _I(wraps + _I(u != x))
        saturations = _I(saturations + _I(v != total))
        wide = _I(wide + _I((sums[i] > 32767) | (sums[i] < -32767)))
        us[i] = u
        vs[i] = _I(0) if spike != 0 else v
        fires[i] = spike
    return wraps, saturations, wide


@numba.njit(boundscheck=False)
def _refractory(constants, state, sums, fires, first, last):  # type: ignore[no-untyped-def]
    """constants: as LIF, then refractory_period; state: u, v, refractory."""
    keep_u, keep_v, theta, bias, period = (
        constants[0][first:last],
        constants[1][first:last],
        constants[2][first:last],
        constants[3][first:last],
        constants[4][first:last],
    )
    us, vs, counters = state[0][first:last], state[1][first:last], state[2][first:last]
    sums, fires = sums[first:last], fires[first:last]
    wraps = saturations = wide = _I(0)
    for i in range(sums.shape[0]):
        x = _current(us[i], keep_u[i], sums[i])
        u = _wrap(x)
        total = _I(_I(_decay(vs[i], keep_v[i]) + u) + bias[i])
        moved = _clip(total)
        moves = counters[i] == 0
        v = moved if moves else vs[i]
        fired = v > theta[i]
        wraps = _I(wraps + _I(u != x))
        saturations = _I(saturations + _I(moves & (moved != total)))
        wide = _I(wide + _I((sums[i] > 32767) | (sums[i] < -32767)))
        us[i] = u
        vs[i] = _I(0) if fired else v
        counters[i] = period[i] if fired else _I(max(counters[i] - _I(1), _I(0)))
        fires[i] = fired
    return wraps, saturations, wide


@numba.njit(boundscheck=False)
def _atrlif(constants, state, sums, fires, first, last):  # type: ignore[no-untyped-def]
    """constants: 4096 - (delta_i + 1), 4096 - delta_v, theta_0 << 6, bias_mant << bias_exp, 4096 - delta_theta,
    4096 - delta_r, theta_step << 6; state: i, v, theta, r."""
    keep_i, keep_v, rest, bias = (
        constants[0][first:last],
        constants[1][first:last],
        constants[2][first:last],
        constants[3][first:last],
    )
    keep_theta, keep_r, step = constants[4][first:last], constants[5][first:last], constants[6][first:last]
    currents, vs, thetas, rs = state[0][first:last], state[1][first:last], state[2][first:last], state[3][first:last]
    sums, fires = sums[first:last], fires[first:last]
    wraps = saturations = wide = _I(0)
    for i in range(sums.shape[0]):
        x = _current(currents[i], keep_i[i], sums[i])
        u = _wrap(x)
        total = _I(_I(_decay(vs[i], keep_v[i]) + u) + bias[i])
        v = _clip(total)
        theta = _I(_decay(_I(thetas[i] - rest[i]), keep_theta[i]) + rest[i])
        r = _decay(rs[i], keep_r[i])
        fired = _I(v - r) >= theta
        wraps = _I(wraps + _I(u != x))
        saturations = _I(saturations + _I(v != total))
        wide = _I(wide + _I((sums[i] > 32767) | (sums[i] < -32767)))
        currents[i] = u
        vs[i] = v
        thetas[i] = _I(theta + step[i]) if fired else theta
        rs[i] = _I(r + _I(theta * _I(2))) if fired else r
        fires[i] = fired
    return wraps, saturations, wide


@numba.njit(boundscheck=False)
def _update(kind, constants, state, sums, fires, first, last):  # type: ignore[no-untyped-def]
    if kind == 0:
        return _lif(constants, state, sums, fires, first, last)
    if kind == 1:
        return _ternary(constants, state, sums, fires, first, last)
    if kind == 2:
        return _refractory(constants, state, sums, fires, first, last)
    return _atrlif(constants, state, sums, fires, first, last)


@numba.njit(boundscheck=False)
def _list_active(fires, offset, active, signs):  # type: ignore[no-untyped-def]
    """Which of `fires` are not 0, numbered from `offset`, and their signs; returns how many.

    64 neurons become one word of bits, so that those at rest cost nothing.
    """
    size, count = fires.shape[0], 0
    for i in range(0, size, 64):
        if i + 64 <= size:
            word = _not_zero(fires.ctypes.data + i)
        elif size >= 64:  # the last few, read together with those before them
            word = _not_zero(fires.ctypes.data + size - 64) >> np.uint64(i + 64 - size)
        else:
            word = np.uint64(0)
            for k in range(size):
                word |= np.uint64(fires[_U(k)] != 0) << np.uint64(k)
        while word:
            k = i + _lowest(word)
            word &= word - np.uint64(1)
            active[_U(count)] = offset + k
            signs[_U(count)] = fires[_U(k)]
            count += 1
    return count


# --- synapses in rows -----------------------------------------------------------------------------------------------


def _sum_rows(columns):  # type: ignore[no-untyped-def]
    """A loop over rows that keeps the sums of so many columns in registers; written out: a compiler would not."""
    half = ir.VectorType(ir.IntType(16), columns // 2)
    eight = ir.Constant(half, [8] * (columns // 2))
    in_turn = [k // 2 + k % 2 * (columns // 2) for k in range(columns)]

    @intrinsic
    def sum_rows(typing, first, size, chosen, count, sums):  # type: ignore[no-untyped-def]
        """From the column at `first` on, rows of `size` bytes, aligned; `chosen`: `count` row numbers, one at least.

        Bytes are read as words of 16 bits, and no byte is moved: the sum of the words holds that of the low bytes, plus
        256 times that of the high bytes, which is summed apart.
        """

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            first, size, chosen, count, sums = arguments
            number = first.type
            before, body, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
            builder.branch(body)
            builder.position_at_end(body)
            j, words, high = builder.phi(number), builder.phi(half), builder.phi(half)
            row = builder.load(builder.gep(builder.inttoptr(chosen, number.as_pointer()), [j]))
            place = builder.inttoptr(builder.add(first, builder.mul(row, size)), half.as_pointer())
            read = builder.load(place, align=64)
            next_j = builder.add(j, number(1))
            next_words, next_high = builder.add(words, read), builder.add(high, builder.lshr(read, eight))
            for phi, start, then in (
                (j, number(0), next_j),
                (words, ir.Constant(half, None), next_words),
                (high, ir.Constant(half, None), next_high),
            ):
                phi.add_incoming(start, before)
                phi.add_incoming(then, body)
            builder.cbranch(builder.icmp_signed("<", next_j, count), body, after)
            builder.position_at_end(after)
            low = builder.sub(next_words, builder.shl(next_high, eight))
            whole = ir.VectorType(ir.IntType(16), columns)
            mask = ir.Constant(ir.VectorType(ir.IntType(32), columns), in_turn)
            joined = builder.shuffle_vector(low, next_high, mask)
            builder.store(joined, builder.inttoptr(sums, whole.as_pointer()), align=2)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 5), generate

    return sum_rows


_sum_rows_256, _sum_rows_64 = _sum_rows(256), _sum_rows(64)  # type: ignore[no-untyped-call]


@numba.njit(boundscheck=False)
def _add_rows(rows, chosen, low, high, sums):  # type: ignore[no-untyped-def]
    """The sums of columns low..high, multiples of 64, of the chosen rows, of which there are 256 at most."""
    size, count = rows.shape[1], chosen.shape[0]
    for i in range(low, high - 255, 256):
        _sum_rows_256(rows.ctypes.data + i, size, chosen.ctypes.data, count, sums.ctypes.data + 2 * i)
    for i in range(high - (high - low) % 256, high, 64):
        _sum_rows_64(rows.ctypes.data + i, size, chosen.ctypes.data, count, sums.ctypes.data + 2 * i)


@numba.njit(boundscheck=False)
def _gather(row_of, active, signs, wanted, rows, found):  # type: ignore[no-untyped-def]
    """Append the rows of those active sources that have one and whose spike is `wanted`."""
    for j in range(active.shape[0]):  # without a branch: whether there is a row is as good as random
        row = row_of[_U(active[j])]
        rows[_U(found)] = row
        found += (row >= 0) & (signs[j] == wanted)
    return found


@numba.njit(boundscheck=False)
def _spread(sums, shift, shifts, sign, target):  # type: ignore[no-untyped-def]
    """Add sums to what is in flight; shift: that of all targets, or -1."""
    if shift >= 0:
        factor = _I(sign << shift)
        for i in range(sums.shape[0]):
            target[i] += _I(_I(sums[i]) * factor)
    else:
        for i in range(sums.shape[0]):
            target[i] += _I(_I(sign) * _I(_I(sums[i]) << shifts[i]))


# --- synapses in lists ----------------------------------------------------------------------------------------------


@numba.njit(boundscheck=False)
def _add_list(post, weights, delays, low, high, factor, begin_of, flat):  # type: ignore[no-untyped-def]
    """Add each synapse low..high, its weight times `factor`, to the sums that begin where its delay says."""
    for k in range(np.uint64(low), np.uint64(high)):
        flat[_U(begin_of[delays[k]] + _U(post[k]))] += weights[k] * factor


@numba.njit(boundscheck=False)
def _add_list_of_one_delay(post, weights, low, high, factor, target):  # type: ignore[no-untyped-def]
    for k in range(np.uint64(low), np.uint64(high)):
        target[_U(post[k])] += weights[k] * factor


@numba.njit(boundscheck=False)
def _prefetch_list(of, low, high):  # type: ignore[no-untyped-def]
    for line in range(low // 16, (high + 15) // 16):
        _prefetch(of[_POST] + line * 64)
    for line in range(low // 32, (high + 31) // 32):
        _prefetch(of[_WEIGHTS] + line * 64)
    if of[_DELAY] < 0:
        for line in range(low // 64, (high + 63) // 64):
            _prefetch(of[_DELAYS] + line * 64)


@dispatcher
def add_magnitudes(post, weights, factor, totals):  # type: ignore[no-untyped-def]
    """Add what each synapse can deliver to the total of its target."""
    for k in range(post.shape[0]):
        totals[_U(post[k])] += abs(np.int64(weights[k])) * factor


@dispatcher
def find_first(indptr, post, target, found):  # type: ignore[no-untyped-def]
    """The first synapse of each source whose target is `target` or a later one; they ascend within a source."""
    for source in range(found.shape[0]):
        low, high = indptr[source], indptr[source + 1]
        while low < high:
            middle = (low + high) // 2
            if post[middle] < target:
                low = middle + 1
            else:
                high = middle
        found[source] = low


# --- the loop -------------------------------------------------------------------------------------------------------


@numba.njit(boundscheck=False)
def _advance(plan, block, t, steps, stimulus, spikes, recording, registers, ring):  # type: ignore[no-untyped-def]
    """Advance one block by `steps` steps from step `t`; stimulus, spikes, registers: addresses, see `advance`."""
    size, sources, blocks = plan[_SIZE], plan[_SOURCES], plan[_BLOCKS]
    neurons, channels, piece_count, recordable = plan[_NEURONS], plan[_CHANNELS], plan[_PIECE_COUNT], plan[_RECORDABLE]
    stimulus = numba.carray(_pointer(stimulus), (steps, channels), np.int8)
    spikes = numba.carray(_pointer(spikes), (steps, neurons), np.int8)
    recordable = recordable if recording else 0
    recorded = _ints(plan[_RECORDED], recordable, piece_count)
    registers = numba.carray(_pointer(registers), (steps, recordable, neurons), np.int32)
    pieces = _ints(plan[_PIECES], piece_count, 4)
    constants = numba.carray(_pointer(plan[_CONSTANTS]), (plan[_CONSTANT_ROWS], size), np.int32)
    initial = numba.carray(_pointer(plan[_INITIAL]), (plan[_REGISTERS], size), np.int32)
    state = numba.carray(_pointer(plan[_STATE]), (plan[_REGISTERS], size), np.int32)
    rows = numba.carray(_pointer(plan[_ROWS]), (plan[_ROW_COUNT], size), np.uint8)
    row_of = numba.carray(_pointer(plan[_ROW_OF]), (plan[_CLASS_COUNT], sources), np.int32)
    class_signs = numba.carray(_pointer(plan[_SIGNS]), plan[_CLASS_COUNT], np.int64)
    class_delays = numba.carray(_pointer(plan[_ROW_DELAYS]), plan[_CLASS_COUNT], np.int64)
    class_shifts = numba.carray(_pointer(plan[_ROW_SHIFTS]), plan[_CLASS_COUNT], np.int64)
    shifts = numba.carray(_pointer(plan[_SHIFTS]), (plan[_CLASS_COUNT], size), np.int32)
    projections = _ints(plan[_PROJECTIONS], plan[_PROJECTION_COUNT], 12)
    all_active = numba.carray(_pointer(plan[_ACTIVE]), (2, sources), np.int32)
    all_signs = numba.carray(_pointer(plan[_ACTIVE_SIGNS]), (2, sources), np.int8)
    all_counts = numba.carray(_pointer(plan[_ACTIVE_COUNTS]), (2, piece_count), np.int64)
    gathered = numba.carray(_pointer(plan[_GATHERED]), (blocks, sources + 1), np.int64)[block]
    sums = numba.carray(_pointer(plan[_SUMS]), size, np.uint16)
    events = numba.carray(_pointer(plan[_EVENTS]), (blocks, 4), np.int64)[block]
    flat = ring.ravel()
    begin_of = numba.carray(_pointer(plan[_BEGIN_OF]), (blocks, ring.shape[0]), np.uint32)[block]
    low = size
    high = np.int64(0)
    for p in range(pieces.shape[0]):
        if pieces[p, _BLOCK] == block and pieces[p, _KIND] >= 0:
            low, high = min(low, pieces[p, _FIRST]), max(high, (pieces[p, _LAST] + 63) // 64 * 64)

    for step in range(steps):
        now = t + step
        half = now % 2
        active, signs, counts = all_active[half], all_signs[half], all_counts[half]
        due = ring[now % ring.shape[0]]
        fires = spikes[step]
        for p in range(pieces.shape[0]):
            if pieces[p, _BLOCK] != block:
                continue
            kind, first, last = pieces[p, _KIND], pieces[p, _FIRST], pieces[p, _LAST]
            if kind < 0:
                counts[p] = _list_active(stimulus[step], first, active[first:], signs[first:])
                continue
            if plan[_INTERVAL] and now % plan[_INTERVAL] == 0:
                for r in range(state.shape[0]):
                    state[r][first:last] = initial[r][first:last]
            wraps, saturations, wide = _update(kind, constants, state, due, fires, first, last)
            events[0] += wraps
            events[1] += saturations
            events[2] += wide
            due[first:last] = 0
            for r in range(recorded.shape[0]):
                if recorded[r, p] >= 0:
                    registers[step, r][first:last] = state[recorded[r, p]][first:last]
            counts[p] = _list_active(fires[first:last], first, active[first:], signs[first:])
        _wait(plan[_ARRIVED], blocks)

        for c in range(row_of.shape[0]):
            target = ring[(now + 1 + class_delays[c]) % ring.shape[0]]
            for wanted in range(1, -1 - plan[_TERNARY], -2):
                found = np.int64(0)
                for p in range(pieces.shape[0]):
                    first, count = pieces[p, _FIRST], counts[p]
                    found = _gather(
                        row_of[c], active[first : first + count], signs[first : first + count], wanted, gathered, found
                    )
                for begin in range(0, found, _AT_ONCE):
                    _add_rows(rows, gathered[begin : min(begin + _AT_ONCE, found)], low, high, sums)
                    sign = class_signs[c] * wanted
                    _spread(sums[low:high], class_shifts[c], shifts[c][low:high], sign, target[low:high])

        for q in range(projections.shape[0]):
            of = projections[q]
            if of[_OWNER] != block:
                continue
            begins = numba.carray(_pointer(of[_LOW]), sources, np.int64)
            ends = numba.carray(_pointer(of[_HIGH]), sources, np.int64)
            many = 1 << 62  # as long as the lists may be: their length is not looked at
            post = numba.carray(_pointer(of[_POST]), many, np.int32)
            weights = numba.carray(_pointer(of[_WEIGHTS]), many, np.int16)
            delays = numba.carray(_pointer(of[_DELAYS]), many, np.uint8)
            one = of[_DELAY]
            for d in range(begin_of.shape[0]):
                begin_of[d] = ((now + 1 + d) % ring.shape[0]) * size + of[_TARGET]
            target = flat[np.int64(begin_of[max(one, 0)]) :]
            for p in range(of[_FIRST_PIECE], of[_LAST_PIECE]):
                last = pieces[p, _FIRST] + counts[p]
                for j in range(pieces[p, _FIRST], last):
                    if plan[_AHEAD] and j + plan[_AHEAD] < last:
                        later = _U(active[_U(j + plan[_AHEAD])] - of[_SOURCE])
                        _prefetch_list(of, begins[later], ends[later])
                    source = _U(active[_U(j)] - of[_SOURCE])
                    factor = _I(signs[_U(j)]) << _I(of[_EXPONENT])
                    if one >= 0:
                        _add_list_of_one_delay(post, weights, begins[source], ends[source], factor, target)
                    else:
                        _add_list(post, weights, delays, begins[source], ends[source], factor, begin_of, flat)


# By the width of the sums in flight. Integers only: an array as an argument would cost more than a step of a small
# network.


@numba.njit
def _plan(address):  # type: ignore[no-untyped-def]
    return numba.carray(_pointer(address), len(PLAN), np.int64)


@numba.njit
def _ring(plan, dtype):  # type: ignore[no-untyped-def]
    return numba.carray(_pointer(plan[_RING]), (plan[_HORIZON], plan[_SIZE]), dtype)


@dispatcher
def _advance_16(address, block, t, steps, stimulus, spikes, recording, registers):  # type: ignore[no-untyped-def]
    plan = _plan(address)
    _advance(plan, block, t, steps, stimulus, spikes, recording, registers, _ring(plan, np.int16))


@dispatcher
def _advance_32(address, block, t, steps, stimulus, spikes, recording, registers):  # type: ignore[no-untyped-def]
    plan = _plan(address)
    _advance(plan, block, t, steps, stimulus, spikes, recording, registers, _ring(plan, np.int32))


@dispatcher
def _advance_64(address, block, t, steps, stimulus, spikes, recording, registers):  # type: ignore[no-untyped-def]
    plan = _plan(address)
    _advance(plan, block, t, steps, stimulus, spikes, recording, registers, _ring(plan, np.int64))


advance = {np.int16: _advance_16, np.int32: _advance_32, np.int64: _advance_64}
"""Advance one block of the plan at `address` by `steps` steps from step `t`.

In the ring, `[row, neuron]`, row t % rows is due in step t. Addresses: of the stimulus `[step, channel]`, of spikes
`[step, neuron]` and, if anything is `recording`, of registers `[step, register, neuron]`, both written. What the plan
points to is the caller's, and is kept for the next call.
"""
