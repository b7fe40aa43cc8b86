"""The primitives, each as inputs of one LIF step in which nothing else has a say, in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from prove import definition
from prove.implementations import CHUNK, Step

LIMIT = 2**23
HIGHEST = 131071
Inputs = Iterator[dict[str, Any]]
"""Arguments of a step: arrays of one length, or numbers for all of it."""


@dataclass(frozen=True)
class Claim:
    """For every input of the range, the code's u, v and spikes are the definition's."""

    primitive: str
    method: str
    range: str
    inputs: Callable[[int], Inputs]
    """By stride: 1 is all, 1000 every thousandth and the edges that come last."""
    wide: bool = False
    """It needs room for a product, which int32 has not."""


def check(claim: Claim, step: Step, stride: int = 1) -> int:
    """How many inputs were compared; AssertionError with the first one that differs."""
    compared = 0
    for chunk in claim.inputs(stride):
        size = max(np.size(values) for values in chunk.values())
        for start in range(0, size, CHUNK):
            given = {
                name: np.ascontiguousarray(np.broadcast_to(np.asarray(values, np.int64), size)[start : start + CHUNK])
                for name, values in ({**NEUTRAL, **chunk}).items()
            }
            expected = definition.step(**given)
            for name, ours, theirs in zip("uvs", step(**given), expected, strict=True):
                if (bad := np.flatnonzero(ours != theirs)).size:
                    i = bad[0]
                    case = {key: int(values[i]) for key, values in given.items()}
                    raise AssertionError(f"{claim.primitive}: {name} is {ours[i]}, not {theirs[i]}, for {case}")
            compared += len(given["u"])
    return compared


NEUTRAL = {"u": 0, "v": 0, "a": 0, "du": 4095, "dv": 4096, "vth": HIGHEST, "mant": 0, "exp": 0}
"""Everything is forgotten at once, nothing arrives, and the threshold is as far away as it can be."""


def _spans(first: int, last: int, stride: int) -> Iterator[Any]:
    """first .. last in pieces, every `stride`-th."""
    for start in range(first, last + 1, CHUNK * stride):
        yield np.arange(start, min(start + CHUNK * stride, last + 1), stride)


def _ends_of_quotients(stride: int) -> Inputs:
    # u and v get opposite products, so that their sum stays small and v is not clipped.
    for quotient in _spans(0, LIMIT, stride):
        for rest in (0, 1, 4095):
            product_ = quotient * 4096 + rest
            yield {"u": product_, "v": -product_, "du": 4094, "dv": 4095}
            yield {"u": -product_, "v": product_, "du": 4094, "dv": 4095}


def _states(rates: tuple[int, ...]) -> Callable[[int], Inputs]:
    def inputs(stride: int) -> Inputs:
        for rate, state in product(rates, _spans(1 - LIMIT, LIMIT - 1, stride)):
            yield {"u": state, "v": -state, "du": max(rate - 1, 0), "dv": rate}

    return inputs


EDGES = sorted(
    {
        sign * (base + off)
        for sign, base, off in product((-1, 1), (0, 4096, 1 << 15, 1 << 19, 1 << 20, LIMIT), range(-3, 4))
        if abs(base + off) < LIMIT
    }
)
EXCURSIONS = [sign * value for sign in (-1, 1) for value in (LIMIT, 2 * LIMIT + 1, 2**30 + 5, 2**31 - 2**24)]
"""`u` wraps by one period only, so after a sum beyond that it stays outside its 24 bits."""


def _rates(stride: int) -> Inputs:
    state, rate = (
        axis.ravel() for axis in np.meshgrid([*EDGES, *EXCURSIONS], np.arange(0, 4097, max(1, stride // 100)))
    )
    yield {"u": state, "v": np.clip(-state, 1 - LIMIT, LIMIT - 1), "du": np.maximum(rate - 1, 0), "dv": rate}


def _to_current(x: Any) -> dict[str, Any]:
    """What makes the sum before the wrap x: x = t0(u * 4095 / 4096) + 64 * a, where t0(u * 4095 / 4096) = u - 1."""
    low = x % 64
    return {"u": np.where(low == 0, 0, low + 1), "a": x // 64, "du": 0}


def _currents(stride: int) -> Inputs:
    for x in _spans(-2 * LIMIT - 4096, 2 * LIMIT + 4096, stride):
        yield _to_current(x)
    steps = np.arange(-(2**31), 2**31, 2**18)[:, np.newaxis] + np.arange(-3, 4)
    yield _to_current(definition.wrap32(steps.ravel()))


def _sums(stride: int) -> Inputs:
    for a in _spans(-(2**25), 2**25 - 1, stride):
        yield {"a": a, "u": 4096, "du": 2047}
    u, period, near = np.meshgrid([-LIMIT + 1, -4097, 0, 4097, LIMIT], np.arange(-32, 32) * 2**26, np.arange(-512, 512))
    yield {"a": (period + near).ravel(), "u": u.ravel(), "du": 0}


def _voltages(stride: int) -> Inputs:
    reach = 2 * LIMIT + (4096 << 7)
    for total in _spans(-reach, reach, stride):
        v = np.clip(total, 1 - LIMIT, LIMIT - 1)
        rest = total - v
        bias = np.clip(rest, -(4096 << 7), 4095 << 7) // 128  # in units of 1 << 7
        rest = rest - 128 * bias
        small = rest % 64  # what is left comes with the current
        yield {"v": v, "dv": 0, "mant": bias, "exp": 7, "a": rest // 64, "u": np.where(small, small + 1, 0), "du": 0}


def _thresholds(stride: int) -> Inputs:
    vth = np.arange(0, HIGHEST + 1, max(1, stride // 10))
    near = vth[:, np.newaxis] * 64 + [-1, 0, 1]
    far = np.broadcast_to([1 - LIMIT, 0, LIMIT - 1], near.shape)
    v = np.clip(np.hstack([near, far]), 1 - LIMIT, LIMIT - 1)
    yield {"vth": np.repeat(vth, 6), "v": v.ravel(), "dv": 0}


def _biases(stride: int) -> Inputs:
    mant, exp = (axis.ravel() for axis in np.meshgrid(np.arange(-4096, 4096), np.arange(8)))
    yield {"mant": mant, "exp": exp}


def _crossed(stride: int) -> Inputs:
    """Edges of everything at once: what the claims above take apart, put together."""
    states = np.array([1 - LIMIT, -4097, -1, 0, 1, 4095, LIMIT - 1])
    sums = np.array([-(2**31), -(2**25) - 1, -(2**17), -32768, -1, 0, 1, 255, 2**17, 2**25, 2**31 - 1])
    rates, thresholds = np.array([0, 1, 2048, 4095]), np.array([0, 1, 64, HIGHEST])
    mantissas, exponents = np.array([-4096, -1, 0, 4095]), np.array([0, 1, 7])
    axes = states, states, sums, rates, [*rates, 4096], thresholds, mantissas, exponents
    grid = np.indices([len(axis) for axis in axes]).reshape(8, -1)[:, :: max(1, stride // 10)]
    names = ("u", "v", "a", "du", "dv", "vth", "mant", "exp")
    yield {name: np.asarray(axis)[index] for name, axis, index in zip(names, axes, grid, strict=True)}


CLAIMS = (
    Claim("decay: truncation", "ends", "products to +-2^35, each of 2^24 quotients", _ends_of_quotients, wide=True),
    Claim("decay: operands", "every", "2^24 states, decays 1, 163, 4095", _states((1, 163, 4095))),
    Claim("decay: rates", "every", f"4097 decays, {len(EDGES) + len(EXCURSIONS)} edge states to 2^31", _rates),
    Claim("wrap of u, 24 bits", "ends", "sums within +-2^24 all, to +-2^31 around each 2^18", _currents),
    Claim("wrap of the sum, 32 bits", "ends", "a: all 2^26 residues, periods to +-2^31", _sums),
    Claim("saturation of v", "every", "sums to +-(2^24 + 2^19), all that occur", _voltages),
    Claim("threshold", "ends", "all 2^17 thresholds, v one off and at its limits", _thresholds),
    Claim("bias << bias_exp", "every", "8192 mantissas, 8 exponents", _biases),
    Claim("one whole step", "sample", "edges of all operands crossed", _crossed),
)
