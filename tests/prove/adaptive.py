"""ATRLIF: what its step has beside LIF's, a threshold and a refractory state that decay, in each backend's own code.

`fast` and the emulator decay everything with the one function that the claims on LIF are about; Brian's equations and
Lava's model write these two decays out again. States lie within |theta - rest|, |r| <= 2**24 (`neurons/atrlif.py`), so
the lemma holds as it does for LIF, and the truncation of every product is what is left to prove.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from prove import definition
from prove.implementations import CHUNK, Port
from prove.one_step import Inputs, Kind, Step, compare, crossed, implementations

STATE = ("i", "v", "theta", "r")
REGISTERS = ("delta_i", "delta_v", "delta_theta", "delta_r", "theta_0", "theta_step", "bias_mant", "bias_exp")
LARGEST = 2**24


def defined(state: dict[str, Any], g: dict[str, Any], a: Any) -> tuple[Any, ...]:
    i = definition.wrap24(definition.wrap32(definition.t0(state["i"] * (4095 - g["delta_i"])) + 64 * a))
    v = definition.t0(state["v"] * (4096 - g["delta_v"])) + i + g["bias_mant"] * 2 ** g["bias_exp"]
    v = np.minimum(np.maximum(v, 1 - definition.LIMIT), definition.LIMIT - 1)
    rest = 64 * g["theta_0"]
    theta = definition.t0((state["theta"] - rest) * (4096 - g["delta_theta"])) + rest
    r = definition.t0(state["r"] * (4096 - g["delta_r"]))
    s = (v - r >= theta).astype(np.int64)
    return i, v, theta + s * 64 * g["theta_step"], r + s * 2 * theta, s


@contextmanager
def lava() -> Iterator[Step]:
    """`run_spk` of lava-nc's `PyATRLIFModelFixed`; decays are floats, as `graph.py` gives them."""
    from lava.proc.atrlif.models import PyATRLIFModelFixed

    def step(state: dict[str, Any], registers: dict[str, Any], a: Any) -> tuple[Any, ...]:
        model = PyATRLIFModelFixed(proc_params={})
        for name, values in state.items():  # registers are int32; a product that stands for one is wider
            narrow = np.abs(values).max(initial=0) < 2**31
            setattr(model, name, values.astype(np.int32 if narrow else np.int64))
        for name in ("delta_i", "delta_v", "delta_theta", "delta_r"):
            setattr(model, name, registers[name] / 4096.0)
        model.theta_0 = (registers["theta_0"] * 64).astype(np.int32)
        model.theta_step = np.int32(registers["theta_step"][0] * 64)  # Lava has one for all
        model.isthrscaled = True  # in the first step it would set theta
        model.bias_mant, model.bias_exp = (registers[name].astype(np.int16) for name in ("bias_mant", "bias_exp"))
        model.s = np.zeros(len(a), np.bool_)
        model.a_in, model.s_out = Port(a.astype(np.int32)), Port()
        model.run_spk()
        return (*(getattr(model, name) for name in STATE), model.s_out.value)

    yield step


ALL = implementations("ATRLIF", "atrlif", lava)
NEUTRAL = dict.fromkeys((*STATE, "a", *REGISTERS), 0) | {"delta_i": 4095, "delta_v": 4095, "theta_0": 4095}
KIND = Kind("ATRLIF", STATE, REGISTERS, defined, NEUTRAL)


def _truncations(stride: int) -> Iterator[dict[str, Any]]:
    # theta and r get opposite products; which of the neurons spike is up to them.
    for start in range(0, LARGEST + 1, CHUNK * stride):
        quotient = np.arange(start, min(start + CHUNK * stride, LARGEST + 1), stride)
        for rest, sign in ((0, 1), (4095, 1), (0, -1), (4095, -1)):
            product = sign * (quotient * 4096 + rest)
            yield {"theta": product, "r": -product, "delta_theta": 4095, "delta_r": 4095, "theta_0": 0}


def _rates(stride: int) -> Iterator[dict[str, Any]]:
    edges = [s * (base + off) for s in (-1, 1) for base in (0, 4096, 1 << 19, 1 << 23, LARGEST - 3) for off in range(4)]
    state, rate = (axis.ravel() for axis in np.meshgrid(edges, np.arange(0, 4096, max(1, stride // 100))))
    for rest in (0, 1, 4095):
        yield {"theta": state + 64 * rest, "r": -state, "theta_0": rest, "delta_theta": rate, "delta_r": rate}


def _crossed(stride: int) -> Iterator[dict[str, Any]]:
    limit = definition.LIMIT
    axes = {
        "i": [1 - limit, -1, 0, limit - 1], "v": [1 - limit, -4097, 0, 4095, limit - 1],
        "theta": [-1, 0, 64, 2**20, limit], "r": [-1, 0, 4097, limit, LARGEST], "a": [-(2**25), -1, 0, 255, 2**31 - 1],
        "delta_i": [0, 4095], "delta_v": [0, 1, 4095], "delta_theta": [0, 2048, 4095], "delta_r": [0, 1, 4095],
        "theta_0": [0, 4095], "bias_mant": [-4096, 4095], "bias_exp": [0, 7],
    }  # fmt: skip
    made = crossed(axes, max(1, stride // 10))
    for step in (0, 4095):
        yield made | {"theta_step": step}


CLAIMS = (
    ("decay of theta, r", "ends", "products to +-2^36, each of 2^25 quotients", _truncations, True),
    ("decay of theta, r: rates", "every", "4096 decays, 40 edge states to 2^24, 3 rests", _rates, False),
    ("one whole step of ATRLIF", "sample", "edges of all operands crossed", _crossed, False),
)
"""Primitive, method, range, inputs, and whether they need room for a product."""


def check(inputs: Inputs, step: Step, stride: int = 1) -> int:
    """As `compare` says it."""
    return compare(KIND, inputs, step, stride)
