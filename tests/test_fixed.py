"""Each operation of the chip, for arrays, equals its definition for Python's unbounded integers."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsm_deploy.core import fixed

LIMIT = 2**23
EDGES = sorted(
    {
        sign * (base + offset)
        for sign in (-1, 1)
        for base in (0, 1, 4095, 4096, 8191, 8192, 2**15, LIMIT, 2 * LIMIT, 3 * LIMIT, 2**31, 2**32, 3 * 2**31)
        for offset in (-2, -1, 0, 1, 2)
    }
)


def truncated(x: int, divisor: int) -> int:
    return math.trunc(Fraction(x, divisor))


def wrapped32(x: int) -> int:
    return int.from_bytes((x % 2**32).to_bytes(4, "little"), "little", signed=True)


def wrapped24(x: int) -> int:
    if x > LIMIT:
        return x - 2 * LIMIT
    return x + 2 * LIMIT if x <= -LIMIT else x


def saturated24(x: int) -> int:
    return sorted((-(LIMIT - 1), x, LIMIT - 1))[1]


DEFINITIONS: dict[str, tuple[Callable[[fixed.Ints], fixed.Ints], Callable[[int], int]]] = {
    "truncate": (fixed.truncate, lambda x: truncated(x, 4096)),
    "truncate by 3": (lambda x: fixed.truncate(x, 3), lambda x: truncated(x, 8)),
    "wrap32": (fixed.wrap32, wrapped32),
    "wrap24": (fixed.wrap24, wrapped24),
    "saturate24": (fixed.saturate24, saturated24),
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_equals_its_definition_at_the_edges(name: str) -> None:
    ours, definition = DEFINITIONS[name]
    result = ours(np.array(EDGES, np.int64))
    assert result.dtype == np.int64
    assert result.tolist() == [definition(x) for x in EDGES]


@pytest.mark.parametrize("name", DEFINITIONS)
@given(xs=st.lists(st.integers(-(2**50), 2**50), min_size=1))
def test_equals_its_definition(name: str, xs: list[int]) -> None:
    ours, definition = DEFINITIONS[name]
    assert ours(np.array(xs, np.int64)).tolist() == [definition(x) for x in xs]


@given(st.lists(st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(0, 4096)), min_size=1))
def test_decay_truncates_toward_zero(pairs: list[tuple[int, int]]) -> None:
    x, rate = np.array(pairs, np.int64).T
    assert fixed.decay(x, rate).tolist() == [truncated(x * (4096 - rate), 4096) for x, rate in pairs]


def test_decay_ends() -> None:
    x = np.array([-5000, -1, 0, 1, 5000])
    assert fixed.decay(x, np.array(0)).tolist() == x.tolist()
    assert fixed.decay(x, np.array(4096)).tolist() == [0] * 5
    assert fixed.decay(x, np.array(1)).tolist() == [-4998, 0, 0, 0, 4998]


@pytest.mark.parametrize("bits", range(1, 9))
def test_a_mixed_grid_is_twice_as_coarse(bits: int) -> None:
    assert fixed.grid_step(bits, mixed=False) == 2 ** (8 - bits)
    assert fixed.grid_step(bits, mixed=True) == 2 * 2 ** (8 - bits)


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False, min_value=-1e300, max_value=1e300))
def test_stable_keeps_34_bits(x: float) -> None:
    result = float(fixed.stable(np.array(x)))
    mantissa, exponent = math.frexp(x)
    assert Fraction(result) == Fraction(round(Fraction(mantissa) * 2**34)) / 2**34 * Fraction(2) ** exponent
    assert float(fixed.stable(np.array(result))) == result


def test_stable_forgets_last_digits() -> None:
    x = np.exp(-np.arange(1, 200) / 7)
    assert np.array_equal(fixed.stable(x), fixed.stable(np.nextafter(x, 1)))


@given(st.floats(1, 1e12), st.integers(-3, 3))
def test_a_stable_bound_is_one(x, noise):
    bound = float(fixed.stable_bound(np.array(x)))
    assert x <= bound <= x * (1 + 2.0**-32)
    short = fixed.stable(np.array(x))
    assert fixed.stable_bound(short + noise * np.spacing(short)) == fixed.stable_bound(short)
