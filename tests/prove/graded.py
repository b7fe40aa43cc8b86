"""GradedLI: rounding, tables, saturation and messages, in each backend's own code.

A backend is given neurons without synapses, and runs one step: `u` is then the bias, `v` what the activation makes of
it, and so every number of 24 bits can be put through every function. The emulator's step takes sums as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from prove.implementations import CHUNK

LIMIT = 1 << 23
NAMES = ("identity", "clip", "relu", "tanh", "quadratic", "sigmoid")
NEUTRAL = {
    "a": 0, "shift_in": 0, "alpha": 4096, "leak": 1, "activation": 0, "output": 0, "bias": 0, "lo": -(1 << 20),
    "hi": 1 << 20, "v_initial": 0, "fraction_bits": 20, "message_shift": 5, "message_bits": 16, "period": 1, "phase": 0,
}  # fmt: skip
Step = Callable[[dict[str, Any]], "tuple[Any, Any, Any]"]
"""Registers, and `a`, to `u`, `v` and the message after one step."""


# --- the contract, written again -------------------------------------------------------------------------------------


def nearest(x: Any, bits: Any) -> Any:
    down = np.maximum(bits, 0)
    whole, rest = np.divmod(np.abs(x), 2**down)
    return np.where(x < 0, -1, 1) * (whole + (2 * rest >= 2**down) * (down > 0)) * 2 ** np.maximum(-bits, 0)


def held(x: Any, most: Any = LIMIT - 1) -> Any:
    return np.minimum(np.maximum(x, -most), most)


TABLE = np.array([round(math.tanh(i / 32) * 2**22) for i in range(257)], np.int64)


def tanh(z: Any, fraction: Any) -> Any:
    size = np.minimum(np.abs(z), 8 * 2**fraction)
    i, rest = np.divmod(size, 2 ** (fraction - 5))
    low, high = TABLE[i], TABLE[np.minimum(i + 1, 256)]
    y = nearest(low + nearest((high - low) * rest, fraction - 5), 22 - fraction)
    return np.where(z < 0, -y, y)


def function(number: Any, z: Any, g: dict[str, Any]) -> Any:
    fraction, one = g["fraction_bits"], 2 ** g["fraction_bits"]
    ends = np.minimum(np.maximum(z, -2 * one), 2 * one)
    every = [
        z,
        np.minimum(np.maximum(z, g["lo"]), g["hi"]),
        np.maximum(z, 0),
        tanh(z, fraction),
        ends - nearest(ends * np.abs(ends), fraction + 2),
        nearest(one + tanh(nearest(z, 1), fraction), 1),
    ]
    return np.choose(number, every)


def defined(g: dict[str, Any]) -> tuple[Any, Any, Any]:
    a = (g["a"] + 2**31) % 2**32 - 2**31
    u = held(nearest(a, g["shift_in"]) + g["bias"])
    change = nearest(g["alpha"] * (function(g["activation"], u, g) - g["leak"] * g["v_initial"]), 12)
    v = held(g["v_initial"] + change)
    return u, v, held(nearest(function(g["output"], v, g), g["message_shift"]), 2 ** (g["message_bits"] - 1) - 1)


# --- implementations -------------------------------------------------------------------------------------------------


@contextmanager
def emulator() -> Iterator[Step]:
    from lsm_deploy.core.neurons import graded

    def step(given: dict[str, Any]) -> tuple[Any, Any, Any]:
        after = graded.step(given, graded.initial(given), given["a"])
        return after.state["u"], after.state["v"], after.spikes

    yield step


def whole(name: str, kind: str, current: str) -> Callable[[], Any]:
    """A backend that runs a program of neurons without synapses, of which `current` is seen; sums are out of reach."""

    @contextmanager
    def implementation() -> Iterator[Step]:
        from lsm_deploy.core.ir import Program, QNetwork, QPopulation, Stimulus
        from lsm_deploy.core.neurons import KINDS
        from lsm_deploy.run.backends import run_program

        def step(given: dict[str, Any]) -> tuple[Any, Any, Any]:
            registers = {n: given[n] for n in KINDS[kind].Registers.__dataclass_fields__}
            size = len(given["a"])
            network = QNetwork(1.0, 0, 0, (QPopulation("p", kind, size, registers),), ())
            program = Program(network, np.zeros(size, np.int32), "none")
            trace = run_program(name, program, Stimulus(np.zeros((1, 0), np.int8), np.array([0])), (current, "v"))
            return trace.registers[current][0], trace.registers["v"][0], trace.spikes[0]

        yield step

    return implementation


ALL: dict[str, Callable[[], Any]] = {"emulator": emulator, "fast": whole("fast", "GradedLI", "u")}


# --- claims ----------------------------------------------------------------------------------------------------------


def numbers(stride: int) -> Iterator[Any]:
    for start in range(1 - LIMIT, LIMIT, CHUNK * stride):
        yield np.arange(start, min(start + CHUNK * stride, LIMIT), stride)


def _activations(stride: int) -> Iterator[dict[str, Any]]:
    for z in numbers(stride):
        for number in range(len(NAMES)):
            yield {"bias": z, "activation": number}


def _formats(stride: int) -> Iterator[dict[str, Any]]:
    for fraction in (*range(5, 20), 21, 22):
        for z in numbers(max(stride, 64) + 1):
            for number in (3, 4, 5):
                yield {"bias": z, "activation": number, "fraction_bits": fraction}


def _messages(stride: int) -> Iterator[dict[str, Any]]:
    for v in numbers(stride):
        for shift, bits in ((5, 16), (8, 12), (0, 16), (-3, 16), (21, 2)):
            yield {"v_initial": v, "alpha": 0, "message_shift": shift, "message_bits": bits}


def _rates(stride: int) -> Iterator[dict[str, Any]]:
    edges = [s * x for s in (-1, 1) for x in (0, 1, 2, 2047, 2048, 4095, 4096, (1 << 20) + 1, LIMIT - 2, LIMIT - 1)]
    bias, alpha = (axis.ravel() for axis in np.meshgrid(edges, np.arange(0, 4097, max(1, stride // 100))))
    for v in edges:
        for leak in (0, 1):
            yield {"bias": bias, "alpha": alpha, "v_initial": v, "leak": leak}


def sums(stride: int) -> Iterator[dict[str, Any]]:
    bases = [s * ((1 << k) + off) for s in (-1, 1) for k in range(33) for off in (-1, 0, 1)]
    bases += [s * ((3 << k) >> 1) for s in (-1, 1) for k in range(32)]
    a, shift = (axis.ravel() for axis in np.meshgrid(bases, np.arange(-24, 25)))
    for bias in (0, 1, -1, LIMIT - 1, 1 - LIMIT):
        yield {"a": a, "shift_in": shift, "bias": bias}


CLAIMS = (
    ("activations", "every", "2^24 - 1 inputs of 20 fraction bits, 6 functions", _activations, False),
    ("activations: formats", "sample", "every 65th input, 17 other formats", _formats, False),
    ("messages", "every", "2^24 - 1 states, 5 formats", _messages, False),
    ("rate, leak, saturation", "every", "4097 rates, 20 x 20 edges, both leaks", _rates, False),
    ("sum: modulo, rounding, bias", "edges", "49 shifts, powers of two to 2^32 and beside", sums, True),
)
"""Primitive, method, range, inputs, and whether they need a sum."""


def check(
    inputs: Callable[[int], Iterator[dict[str, Any]]],
    step: Step,
    stride: int = 1,
    definition: Step = defined,
    neutral: dict[str, int] = NEUTRAL,
) -> int:
    """How many inputs were compared; AssertionError with the first one that differs."""
    compared = 0
    for given in inputs(stride):
        size = max(np.size(values) for values in given.values())
        whole = {
            name: np.array(np.broadcast_to(np.asarray(x, np.int64), size)) for name, x in (neutral | given).items()
        }
        expected, found = definition(whole), step(whole)
        for name, mine, theirs in zip(("the sum's register", "v", "s"), expected, found, strict=True):
            wrong = np.flatnonzero(np.asarray(mine) != theirs)
            if len(wrong):
                where = {key: int(values[wrong[0]]) for key, values in whole.items()}
                raise AssertionError(f"{name} is {theirs[wrong[0]]}, not {mine[wrong[0]]}, for {where}")
        compared += size
    return compared
