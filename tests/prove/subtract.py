"""LIFSubtract: what its step has beside LIF's, what a spike takes from the voltage, in each backend's own code.

Decays and wraps are those that the claims on LIF are about: the same functions, equations and methods of Lava's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from prove import definition
from prove.implementations import CHUNK, Port
from prove.one_step import Inputs, Kind, Step, compare, crossed, implementations

STATE = ("u", "v")
REGISTERS = ("du", "dv", "vth", "bias_mant", "bias_exp", "reset_delay")
HIGHEST = 131071


def defined(state: dict[str, Any], g: dict[str, Any], a: Any) -> tuple[Any, ...]:
    late, threshold = g["reset_delay"], 64 * g["vth"]
    u = definition.wrap24(definition.wrap32(definition.t0(state["u"] * (4095 - g["du"])) + 64 * a))
    v = definition.t0(state["v"] * (4096 - g["dv"])) + u + g["bias_mant"] * 2 ** g["bias_exp"]
    v = v - late * threshold * (state["v"] > threshold)
    v = np.minimum(np.maximum(v, 1 - definition.LIMIT), definition.LIMIT - 1)
    s = (v > threshold).astype(np.int64)
    return u, v - (1 - late) * threshold * s, s


@contextmanager
def lava() -> Iterator[Step]:
    """`run_spk` of our `PyLifSubtract`, with the dtypes that Lava's builder gives to variables and ports."""
    from lsm_backends.lava.lif_subtract.process import PyLifSubtract

    def step(state: dict[str, Any], registers: dict[str, Any], a: Any) -> tuple[Any, ...]:
        model = PyLifSubtract(proc_params={"reset_delay": registers["reset_delay"], "reset_interval": 0})
        model.u, model.v = (state[name].astype(np.int32) for name in STATE)
        model.du, model.dv, model.vth = (registers[name].astype(np.int32) for name in ("du", "dv", "vth"))
        model.bias_mant, model.bias_exp = (registers[name].astype(np.int16) for name in ("bias_mant", "bias_exp"))
        model.a_in, model.s_out = Port(a.astype(np.int32)), Port()
        model.run_spk()
        return model.u, model.v, model.s_out.value

    yield step


ALL = implementations("LIFSubtract", "subtract", lava)
NEUTRAL = dict.fromkeys((*STATE, "a", *REGISTERS), 0) | {"du": 4095, "vth": HIGHEST}
"""The voltage stays as it is, nothing arrives."""
KIND = Kind("LIFSubtract", STATE, REGISTERS, defined, NEUTRAL)


def _voltages(stride: int) -> Iterator[dict[str, Any]]:
    limit = definition.LIMIT
    for start in range(1 - limit, limit, CHUNK * stride):
        v = np.arange(start, min(start + CHUNK * stride, limit), stride)
        for vth in (0, 1, 65536, HIGHEST):
            for late in (0, 1):
                yield {"v": v, "vth": vth, "reset_delay": late}


def _thresholds(stride: int) -> Iterator[dict[str, Any]]:
    # Of a voltage the number of thresholds in it, and what lies beside; a leak has the threshold taken before or after.
    axes = np.arange(0, HIGHEST + 1, max(1, stride // 10)), np.arange(-1, 4), np.arange(-1, 2), [0, 2048], [0, 1]
    vth, times, off, dv, late = (axis.ravel() for axis in np.meshgrid(*axes))
    v = np.clip(64 * vth * times + off, 1 - definition.LIMIT, definition.LIMIT - 1)
    yield {"v": v, "vth": vth, "reset_delay": late, "dv": dv}


def _crossed(stride: int) -> Iterator[dict[str, Any]]:
    limit = definition.LIMIT
    axes = {
        "u": [1 - limit, -1, 0, limit - 1, limit], "v": [1 - limit, -4097, -1, 0, 1, 4095, 2**22, limit - 1],
        "a": [-(2**25), -256, -1, 0, 255, 2**31 - 1], "du": [0, 4094, 4095], "dv": [0, 1, 2048, 4095, 4096],
        "vth": [0, 1, 63, 2**16, HIGHEST], "bias_mant": [-4096, -1, 0, 4095], "bias_exp": [0, 7],
    }  # fmt: skip
    made = crossed(axes, max(1, stride // 10))
    for late in (0, 1):
        yield made | {"reset_delay": late}


CLAIMS = (
    ("reset by the threshold", "every", "2^24 - 1 voltages, 4 thresholds, at once or late", _voltages),
    ("reset: thresholds", "every", "131072 thresholds, v beside -1 .. 3 of them", _thresholds),
    ("one whole step, subtracting", "sample", "edges of all operands crossed", _crossed),
)
"""Primitive, method, range, inputs."""


def check(inputs: Inputs, step: Step, stride: int = 1) -> int:
    """As `compare` says it."""
    return compare(KIND, inputs, step, stride)
