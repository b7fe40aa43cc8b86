"""Matrices times messages: integers of 16 bits, added in 32, modulo 2**32, or in 64 where 32 could be left.

A matrix is `[block, pair, target, 2]`: the weights of 16 targets from two neighbouring sources stand together, so that
a load and one instruction (pmaddwd, or pdpwssd) multiply a pair of messages by all of them, and no sum goes across a
vector. Messages of several samples share each load. What limits one sample is how fast weights come from the cache, and
what limits many is the multiplier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["LANES", "multiply", "multiply_lists", "multiply_wide"]

LANES = 16
"""Targets of a block."""
_I, _L = np.int32, np.int64
_WORD = ir.IntType(32)
_WORDS, _HALVES = ir.VectorType(_WORD, LANES), ir.VectorType(ir.IntType(16), 2 * LANES)


def _pairs_of(context: Any, builder: Any, a: Any, b: Any) -> Any:
    """a[2i] * b[2i] + a[2i + 1] * b[2i + 1] of vectors of int16."""
    features = context.codegen()._tm_features
    if "+avx512bw" in features:
        made = ir.FunctionType(_WORDS, [_HALVES, _HALVES])
        return builder.call(builder.module.declare_intrinsic("llvm.x86.avx512.pmaddw.d.512", [], made), [a, b])
    if "+avx2" in features:
        words, halves = ir.VectorType(_WORD, LANES // 2), ir.VectorType(ir.IntType(16), LANES)
        made = ir.FunctionType(words, [halves, halves])
        half = builder.module.declare_intrinsic("llvm.x86.avx2.pmadd.wd", [], made)
        low, high = (
            builder.call(half, [_shuffled(builder, each, range(first, first + LANES)) for each in (a, b)])
            for first in (0, LANES)
        )
        return builder.shuffle_vector(low, high, ir.Constant(_WORDS, list(range(LANES))))
    products = [
        builder.mul(*(builder.sext(_shuffled(builder, each, range(first, 2 * LANES, 2)), _WORDS) for each in (a, b)))
        for first in (0, 1)
    ]
    return builder.add(*products)


def _shuffled(builder: Any, vector: Any, places: Sequence[int]) -> Any:
    mask = ir.Constant(ir.VectorType(_WORD, len(places)), list(places))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)


def _tile(samples: int, blocks: int) -> Any:
    """A loop over pairs that keeps the sums of so many samples and blocks in registers; a compiler would not."""

    @intrinsic
    def tile(typing, weights, block_size, messages, sample_size, pairs, sums, row_size):  # type: ignore[no-untyped-def]
        """Addresses, of which those of weights and sums are aligned, and sizes in bytes; one pair at least."""

        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            weights, block_size, messages, sample_size, pairs, sums, row_size = arguments
            number, nothing = weights.type, ir.Constant(_WORDS, None)

            def place(start: Any, size: Any, i: int, offset: Any) -> Any:
                return builder.add(builder.add(start, builder.mul(size, number(i))), offset)

            before, body, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
            builder.branch(body)
            builder.position_at_end(body)
            j = builder.phi(number)
            held = [[builder.phi(_WORDS) for _ in range(blocks)] for _ in range(samples)]
            row = builder.mul(j, number(4 * LANES))
            read = [
                builder.load(
                    builder.inttoptr(place(weights, block_size, k, row), _HALVES.as_pointer()), align=4 * LANES
                )
                for k in range(blocks)
            ]
            then = []
            for s in range(samples):
                at = place(messages, sample_size, s, builder.mul(j, number(4)))
                pair = builder.load(builder.inttoptr(at, _WORD.as_pointer()), align=4)
                first = builder.insert_element(ir.Constant(_WORDS, ir.Undefined), pair, _WORD(0))
                both = builder.bitcast(_shuffled(builder, first, [0] * LANES), _HALVES)
                then.append(
                    [builder.add(held[s][k], _pairs_of(context, builder, read[k], both)) for k in range(blocks)]
                )
            next_j = builder.add(j, number(1))
            phis = [(j, number(0), next_j)] + [
                (held[s][k], nothing, then[s][k]) for s in range(samples) for k in range(blocks)
            ]
            for phi, start, value in phis:
                phi.add_incoming(start, before)
                phi.add_incoming(value, body)
            builder.cbranch(builder.icmp_signed("<", next_j, pairs), body, after)
            builder.position_at_end(after)
            for s in range(samples):
                for k in range(blocks):
                    at = place(sums, row_size, s, number(4 * LANES * k))
                    builder.store(then[s][k], builder.inttoptr(at, _WORDS.as_pointer()), align=4 * LANES)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 7), generate

    return tile


_SAMPLES, _BLOCKS = 4, 6
_4_6, _4_1, _1_6, _1_1 = (_tile(s, b) for s in (_SAMPLES, 1) for b in (_BLOCKS, 1))


@numba.njit(boundscheck=False)
def multiply(matrix, messages, sums, place):  # type: ignore[no-untyped-def]
    """sums `[sample, target]`, from `place` on, of matrix times messages `[sample, source]`."""
    blocks, pairs = matrix.shape[0], matrix.shape[1]
    samples = messages.shape[0]
    block_size, sample_size, row_size = 4 * LANES * pairs, 2 * messages.shape[1], 4 * sums.shape[1]
    for b in range(0, blocks, _BLOCKS):
        together = b + _BLOCKS <= blocks
        weights, target = matrix.ctypes.data + b * block_size, sums.ctypes.data + 4 * (place + LANES * b)
        s = 0
        while s < samples:
            four = s + _SAMPLES <= samples
            source, row = messages.ctypes.data + s * sample_size, target + s * row_size
            if together:
                if four:
                    _4_6(weights, block_size, source, sample_size, pairs, row, row_size)
                else:
                    _1_6(weights, block_size, source, sample_size, pairs, row, row_size)
            else:
                for k in range(blocks - b):
                    one, there = weights + k * block_size, row + 4 * LANES * k
                    if four:
                        _4_1(one, block_size, source, sample_size, pairs, there, row_size)
                    else:
                        _1_1(one, block_size, source, sample_size, pairs, there, row_size)
            s += _SAMPLES if four else 1


@numba.njit(boundscheck=False)
def multiply_wide(matrix, messages, sums, place):  # type: ignore[no-untyped-def]
    """The same in int64."""
    for s in range(messages.shape[0]):
        for b in range(matrix.shape[0]):
            target = sums[s][place + LANES * b : place + LANES * (b + 1)]
            target[:] = 0
            for j in range(matrix.shape[1]):
                first, second = _L(messages[s, 2 * j]), _L(messages[s, 2 * j + 1])
                weights = matrix[b, j]
                for i in range(LANES):
                    target[i] += _L(weights[i, 0]) * first + _L(weights[i, 1]) * second


@numba.njit(boundscheck=False)
def multiply_lists(indptr, column, weights, messages, sums, place):  # type: ignore[no-untyped-def]
    """The same of a matrix in rows of those that are not 0; in the type of its weights."""
    for s in range(messages.shape[0]):
        row = messages[s]
        for i in range(indptr.shape[0] - 1):
            total = weights.dtype.type(0)
            for k in range(np.uint64(indptr[i]), np.uint64(indptr[i + 1])):
                total += weights.dtype.type(weights[k] * weights.dtype.type(row[np.uint32(column[k])]))
            sums[s, place + i] = total
