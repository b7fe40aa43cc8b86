"""Synapses in rows of uint8: mantissas of up to 256 rows add within uint16, and are shifted once for all."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lsm_backends.fast.kernels.machine import U, inner

__all__ = ["AT_ONCE", "add_rows", "gather", "spread"]

_I = np.int32
AT_ONCE = 256
"""Rows of uint8 that a uint16 holds the sum of: 256 * 255 < 2**16."""


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


@inner
def add_rows(rows, size, chosen, count, sums):  # type: ignore[no-untyped-def]
    """The sums of the `count` chosen rows, 256 at most, which are as wide as some cache lines; addresses."""
    for i in range(0, size - 255, 256):
        _sum_rows_256(rows + i, size, chosen, count, sums + 2 * i)
    for i in range(size - size % 256, size, 64):
        _sum_rows_64(rows + i, size, chosen, count, sums + 2 * i)


@inner
def gather(row_of, active, signs, first, last, wanted, rows, count):  # type: ignore[no-untyped-def]
    """Append the rows of those active sources, of first..last, that have one and whose spike is `wanted`."""
    for j in range(first, last):  # without a branch: whether there is a row is as good as random
        row = row_of[U(active[j])]
        rows[count] = row
        count += (row >= 0) & (signs[j] == wanted)
    return count


@inner
def spread(sums, size, shift, shifts, sign, target):  # type: ignore[no-untyped-def]
    """Add sums to what is in flight; shift: that of all targets, or -1."""
    if shift >= 0:
        factor = _I(sign << shift)
        for i in range(size):
            target[i] += _I(_I(sums[i]) * factor)
    else:
        for i in range(size):
            target[i] += _I(_I(sign) * _I(_I(sums[i]) << shifts[i]))
