"""GatedLI: what only it has, the gate and the two ways in which it moves `v`; the rest is GradedLI's (see `graded`).

The emulator's step is given sums onto both ports. A gate shows in `v` of a neuron without a base that is driven by what
2**15 divides, so every number of 24 bits can be put through every gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from prove import graded
from prove.graded import LIMIT, NEUTRAL, Step, function, held, nearest, numbers, sums

GATED = {
    **{name: value for name, value in NEUTRAL.items() if name not in ("alpha", "leak")},
    "b": 0, "shift_in_gate": 0, "bias_gate": 0, "gate": 0, "fused": 0, "base": 0,
}  # fmt: skip
RATIOS = np.array([round(i / (32 + i) * 2**22) for i in range(257)], np.int64)


# --- the contract, written again -------------------------------------------------------------------------------------


def ratio(z: Any, fraction: Any) -> Any:
    i, rest = np.divmod(np.minimum(np.maximum(z, 0), 8 * 2**fraction), 2 ** (fraction - 5))
    low, high = RATIOS[i], RATIOS[np.minimum(i + 1, 256)]
    return nearest(low + nearest((high - low) * rest, fraction - 5), 22 - fraction)


def defined(g: dict[str, Any]) -> tuple[Any, Any, Any]:
    a, b = ((g[name] + 2**31) % 2**32 - 2**31 for name in ("a", "b"))
    u = held(nearest(a, g["shift_in"]) + g["bias"])
    w = held(nearest(b, g["shift_in_gate"]) + g["bias_gate"])
    fraction = g["fraction_bits"]
    opened = np.where(g["gate"] == 6, ratio(w, fraction), function(g["gate"] % 6, w, g))
    gamma = nearest(np.minimum(np.maximum(opened, 0), 2**fraction), fraction - 15)
    old, new = g["base"] * g["v_initial"], function(g["activation"], u, g)
    both = old + new
    v = held(np.where(g["fused"] == 1, both - nearest(gamma * both, 15), old + nearest(gamma * (new - old), 15)))
    return w, v, held(nearest(function(g["output"], v, g), g["message_shift"]), 2 ** (g["message_bits"] - 1) - 1)


# --- implementations -------------------------------------------------------------------------------------------------


@contextmanager
def emulator() -> Iterator[Step]:
    from lsm_deploy.core.neurons import gated

    def step(given: dict[str, Any]) -> tuple[Any, Any, Any]:
        after = gated.step(given, gated.initial(given), np.stack([given["a"], given["b"]]))
        return after.state["w"], after.state["v"], after.spikes

    yield step


ALL: dict[str, Callable[[], Any]] = {"emulator": emulator, "fast": graded.whole("fast", "GatedLI", "w")}


# --- claims ----------------------------------------------------------------------------------------------------------


def _gates(stride: int) -> Iterator[dict[str, Any]]:
    for z in numbers(stride):
        for number in range(7):
            yield {"bias_gate": z, "gate": number, "bias": 1 << 20}


def _formats(stride: int) -> Iterator[dict[str, Any]]:
    for fraction in (*range(5, 20), 21, 22):
        for z in numbers(max(stride, 64) + 1):
            for number in (5, 6):
                yield {"bias_gate": z, "gate": number, "fraction_bits": fraction, "bias": 1 << 20}


def _mixes(stride: int) -> Iterator[dict[str, Any]]:
    edges = [s * x for s in (-1, 1) for x in (0, 1, 2, 16383, 16384, 32767, 32768, (1 << 20) + 1, LIMIT - 2, LIMIT - 1)]
    gates = np.arange(0, (1 << 15) + 1, max(1, stride // 100)) << 5
    bias, bias_gate = (axis.ravel() for axis in np.meshgrid(edges, gates))
    for v in edges:
        for form in range(4):
            yield {"bias": bias, "bias_gate": bias_gate, "v_initial": v, "fused": form // 2, "base": form % 2}


def _onto_gates(stride: int) -> Iterator[dict[str, Any]]:
    for given in sums(stride):
        a, shift, bias = given["a"], given["shift_in"], given["bias"]
        yield {"a": a[::-1], "b": a, "shift_in": shift[::-1], "shift_in_gate": shift, "bias_gate": bias, "gate": 1}


CLAIMS = (
    ("gates", "every", "2^24 - 1 inputs of 20 fraction bits, 7 functions", _gates, False),
    ("gates: formats", "sample", "every 65th input, 17 other formats", _formats, False),
    ("mix, fused, saturation", "every", "32769 gates, 20 x 20 edges, 4 forms", _mixes, False),
    ("sums: modulo, rounding, bias", "edges", "49 shifts, powers of two to 2^32 and beside", _onto_gates, True),
)
"""Primitive, method, range, inputs, and whether they are sums."""


def check(inputs: Callable[[int], Iterator[dict[str, Any]]], step: Step, stride: int = 1) -> int:
    """How many inputs were compared; AssertionError with the first one that differs."""
    return graded.check(inputs, step, stride, defined, GATED)
