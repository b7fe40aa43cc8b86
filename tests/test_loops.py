"""Compiled loops against what they stand for in plain numpy or Python."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsm_deploy.compile.build import rows, wires
from lsm_deploy.compile.quantise import kernels
from lsm_deploy.core import fixed

SEEDS = st.integers(0, 10_000)


def some_rows(rng, sources=7, targets=9):
    matrix = rng.random((sources, targets)) < 0.4
    indptr = np.concatenate([[0], np.cumsum(matrix.sum(axis=1))])
    return matrix, indptr, np.nonzero(matrix)[1].astype(np.int32)


@given(SEEDS)
def test_rows_turned_round(seed):
    matrix, indptr, post = some_rows(np.random.default_rng(seed))
    turned, pre = rows.transpose(indptr, post, matrix.shape[1])
    assert np.array_equal(np.repeat(np.arange(len(turned) - 1), np.diff(turned)), np.nonzero(matrix.T)[0])
    assert np.array_equal(pre, np.nonzero(matrix.T)[1])


@given(SEEDS)
def test_values_by_key_keep_their_order(seed):
    rng = np.random.default_rng(seed)
    keys, values = rng.integers(0, 6, 40).astype(np.int32), np.arange(40, dtype=np.int32)
    starts, grouped = rows.group(keys, values, 6)
    assert [grouped[a:b].tolist() for a, b in itertools.pairwise(starts)] == [
        values[keys == key].tolist() for key in range(6)
    ]


@given(SEEDS)
def test_what_is_chosen_is_counted_by_row(seed):
    rng = np.random.default_rng(seed)
    _, indptr, post = some_rows(rng)
    chosen = rng.random(len(post)) < 0.5
    left = rows.count_chosen(indptr, chosen)
    assert np.diff(left).tolist() == [int(chosen[a:b].sum()) for a, b in itertools.pairwise(indptr)]


@given(SEEDS)
def test_rewiring_edge_by_edge(seed):
    """Against the rule as it is said: a pair of a target that has been given up may come back."""
    rng = np.random.default_rng(seed)
    size, degree = 6, 3
    sources = np.array([rng.permutation(np.delete(np.arange(size), j))[:degree] for j in range(size)], np.int32)
    draws = rng.integers(-1, size, (size, degree)).astype(np.int32)
    plain = sources.tolist()
    for target in range(size):
        for k in range(degree):
            new = int(draws[target, k])
            if new >= 0 and new != target and new not in plain[target]:
                plain[target][k] = new
    moved = sources.ravel().copy()
    wires.rewire(np.arange(size + 1) * degree, moved, draws.ravel())
    assert moved.reshape(size, degree).tolist() == plain


@given(SEEDS, st.booleans())
def test_the_nearest_on_the_grid(seed, kept):
    rng = np.random.default_rng(seed)
    weight = rng.normal(0, 1, 50) * 10.0 ** rng.integers(-3, 3)
    factor, step, low, high = 40.0 * rng.random(), 4, -252, 252
    plain = np.rint(fixed.stable(weight * factor)) * step
    held = np.clip(plain, low, high)
    weights, seen = np.zeros(50 if kept else 0, np.int16), np.zeros(512 if kept else 0, bool)
    error, size, clipped = kernels.to_grid(weight, factor, step, low, high, 0.1, weights, seen)
    assert clipped == (held != plain).sum()
    assert error == pytest.approx(((held * 0.1 - weight) ** 2).sum())
    assert size == pytest.approx((weight**2).sum())
    if kept:
        assert weights.tolist() == held.tolist()
        assert (np.flatnonzero(seen) - 256).tolist() == np.unique(held).tolist()


def test_ties_and_last_digits_fall_as_stable_has_them():
    """0.5 less a last digit is 0.5 after `stable`, and a tie: to the even neighbour."""
    weight = np.array([0.5, np.nextafter(0.5, 0), 1.5, np.nextafter(1.5, 0), np.nextafter(2.5, 3), -0.5, -1.5])
    weights, seen = np.zeros(7, np.int16), np.zeros(512, bool)
    kernels.to_grid(weight, 1.0, 1, -255, 255, 1.0, weights, seen)
    assert weights.tolist() == [0, 0, 2, 2, 2, 0, -2]
    half_a_bit_less = np.array([1.5 - 2.0**-34])  # of the 34 that `stable` keeps: to 1.5, whose last bit is even
    kernels.to_grid(half_a_bit_less, 1.0, 1, -255, 255, 1.0, weights, seen)
    assert weights[0] == 2
    kernels.to_steps(half_a_bit_less, 1.0, 62, steps := np.zeros(1, np.uint8))
    assert steps[0] == 2
    delays = np.zeros(7, np.uint8)
    assert kernels.to_steps(np.abs(weight) * 30, 30.0, 62, delays) == (0, 7, pytest.approx(15.0))
    assert delays.tolist() == [0, 0, 2, 2, 2, 0, 2]


@given(SEEDS)
def test_the_nearest_steps(seed):
    delay_ms = np.random.default_rng(seed).random(50) * 40
    delays = np.zeros(50, np.uint8)
    late, far, largest = kernels.to_steps(delay_ms, 0.5, 62, delays)
    plain = np.rint(fixed.stable(delay_ms / 0.5))
    assert late == (plain > 62).sum()
    assert delays.tolist() == np.minimum(plain, 62).tolist()
    change = np.abs(delays * 0.5 - delay_ms)
    assert far == ((plain <= 62) & (change > 0.1 * delay_ms)).sum()
    assert largest == change.max()
