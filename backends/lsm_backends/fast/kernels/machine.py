"""What numba has no words for: addresses, bits of a word, the cache, other threads."""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = [
    "U", "apart", "array", "call", "copy", "inner", "ints", "lowest", "not_zero", "pointer", "prefetch", "record",
    "registers_of", "some_not_zero", "wait",
]  # fmt: skip

inner = numba.njit(boundscheck=False, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""For what only kernels call. It raises nothing, and Python cannot call it, which takes less time to compile."""
U = np.uint32
"""Of an index that is 32 bits wide: none is negative, and so none is wrapped."""


@intrinsic
def pointer(typing, address):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


@intrinsic
def call(typing, address, a, b, c, d, e, f, g, h):  # type: ignore[no-untyped-def]
    """The code at an address, as `core.native` makes it; the process ends where that found an index out of range."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        number, word = ir.IntType(64), ir.IntType(32)
        made = ir.FunctionType(word, [number] * (len(arguments) - 1))
        failed = builder.call(builder.inttoptr(arguments[0], made.as_pointer()), arguments[1:])
        with builder.if_then(builder.icmp_signed("!=", failed, word(0)), likely=False):
            builder.call(builder.module.declare_intrinsic("llvm.trap", (), ir.FunctionType(ir.VoidType(), [])), [])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 9), generate


@intrinsic
def _add_atomically(typing, address, value):  # type: ignore[no-untyped-def]
    """Returns what was there; 0 as the value reads it."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", place, arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def prefetch(typing, address):  # type: ignore[no-untyped-def]
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
def apart(typing):  # type: ignore[no-untyped-def]
    """In a function: no array that it is given overlaps another one. Looking whether any does takes a loop over a
    hundred neurons a fifth of its time."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        for argument in builder.function.args:
            if isinstance(argument.type, ir.PointerType):
                argument.add_attribute("noalias")
        return context.get_dummy_value()

    return types.void(), generate


def _not_zero(many):  # type: ignore[no-untyped-def]
    @intrinsic
    def not_zero(typing, address):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            vector = ir.VectorType(ir.IntType(8), many)
            loaded = builder.load(builder.inttoptr(arguments[0], vector.as_pointer()), align=1)
            bits = builder.bitcast(builder.icmp_signed("!=", loaded, ir.Constant(vector, None)), ir.IntType(many))
            return bits if many == 64 else builder.zext(bits, ir.IntType(64))

        return types.uint64(types.int64), generate

    return not_zero


not_zero, some_not_zero = _not_zero(64), _not_zero(8)  # type: ignore[no-untyped-call]
"""Bit i says whether the i-th of the 64, or 8, bytes from an address on is other than 0."""


@intrinsic
def lowest(typing, word):  # type: ignore[no-untyped-def]
    """The number of the lowest bit that is set; there is one."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


_yield = types.ExternalFunction("sched_yield", types.int32())


if numba.config.BOUNDSCHECK:

    @inner
    def array(address, count, dtype):  # type: ignore[no-untyped-def]
        return numba.carray(pointer(address), count, dtype)

else:

    @intrinsic
    def array(typing, address, count, dtype):  # type: ignore[no-untyped-def]
        """So many numbers from an address on, to be indexed from 0. A pointer: one of numba's arrays is seven values,
        which take longer to compile, and to hand on, than what is done with them does."""
        made = types.CPointer(dtype.dtype)

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            return builder.inttoptr(arguments[0], context.get_value_type(made))

        return made(types.int64, types.int64, dtype), generate


@inner
def ints(address, rows, columns):  # type: ignore[no-untyped-def]
    return numba.carray(pointer(address), (rows, columns), np.int64)


@inner
def record(table, number, columns):  # type: ignore[no-untyped-def]
    """A row of a table of int64 at an address."""
    return array(table + 8 * columns * number, columns, np.int64)


@inner
def registers_of(rows, size, first, last):  # type: ignore[no-untyped-def]
    """Neurons first..last of each row of `[register, neuron]` at an address; of rows that are not there, nothing is
    to be read."""
    at, row, many = rows + 4 * first, 4 * size, last - first
    return (
        array(at, many, np.int32),
        array(at + row, many, np.int32),
        array(at + 2 * row, many, np.int32),
        array(at + 3 * row, many, np.int32),
        array(at + 4 * row, many, np.int32),
        array(at + 5 * row, many, np.int32),
        array(at + 6 * row, many, np.int32),
        array(at + 7 * row, many, np.int32),
    )


@inner
def copy(source, target, count):  # type: ignore[no-untyped-def]
    """target[:] = source, of which numba would check the lengths, and compile for two seconds what it says of them."""
    for i in range(count):
        target[i] = source[i]


@inner
def wait(arrived, blocks):  # type: ignore[no-untyped-def]
    """Until all blocks have come here as often as this one."""
    if blocks == 1:
        return
    round_ = _add_atomically(arrived, 1) // blocks
    spins = 0
    while _add_atomically(arrived, 0) < (round_ + 1) * blocks:
        spins += 1
        if spins % 64 == 0:  # somebody else may need the processor that the others wait for
            _yield()
