"""LIFSubtract: what its step has beside LIF's, what a spike takes from the voltage, in each backend's own code.

Decays and wraps are those that the claims on LIF are about: the same functions, equations and methods of Lava's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from prove import definition
from prove.implementations import CHUNK, Port, brian_kind

STATE = ("u", "v")
REGISTERS = ("du", "dv", "vth", "bias_mant", "bias_exp", "reset_delay")
HIGHEST = 131071
Step = Callable[[dict[str, Any], dict[str, Any], Any], "tuple[Any, ...]"]
"""(state, registers, a) to u, v and the spikes."""


def defined(state: dict[str, Any], g: dict[str, Any], a: Any) -> tuple[Any, ...]:
    late, threshold = g["reset_delay"], 64 * g["vth"]
    u = definition.wrap24(definition.wrap32(definition.t0(state["u"] * (4095 - g["du"])) + 64 * a))
    v = definition.t0(state["v"] * (4096 - g["dv"])) + u + g["bias_mant"] * 2 ** g["bias_exp"]
    v = v - late * threshold * (state["v"] > threshold)
    v = np.minimum(np.maximum(v, 1 - definition.LIMIT), definition.LIMIT - 1)
    s = (v > threshold).astype(np.int64)
    return u, v - (1 - late) * threshold * s, s


@contextmanager
def emulator() -> Iterator[Step]:
    from lsm_deploy.core.neurons import subtract

    def step(state: dict[str, Any], registers: dict[str, Any], a: Any) -> tuple[Any, ...]:
        after = subtract.step(registers, state, a)
        return (*(after.state[name] for name in STATE), after.spikes)

    yield step


@contextmanager
def fast() -> Iterator[Step]:
    from lsm_backends.fast import rules
    from lsm_backends.fast.kernels import neurons

    def step(state: dict[str, Any], registers: dict[str, Any], a: Any) -> tuple[Any, ...]:
        constants = np.stack(rules.RULES["LIFSubtract"].constants(registers)).astype(np.int32)
        made, spikes = np.stack([state[name] for name in STATE]).astype(np.int32), np.zeros(len(a), np.int8)
        neurons.subtract(constants, made, a.astype(np.int32), spikes, 0, len(a))
        return (*made, spikes)

    yield step


@contextmanager
def brian() -> Iterator[Step]:
    with brian_kind("LIFSubtract") as run:
        yield run


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


ALL: dict[str, Callable[[], Any]] = {"emulator": emulator, "fast": fast, "brian (numpy)": brian, "lava": lava}

NEUTRAL = dict.fromkeys((*STATE, "a", *REGISTERS), 0) | {"du": 4095, "vth": HIGHEST}
"""The voltage stays as it is, nothing arrives."""


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
    grid = np.indices([len(axis) for axis in axes.values()]).reshape(len(axes), -1)[:, :: max(1, stride // 10)]
    made = {name: np.asarray(axis)[index] for (name, axis), index in zip(axes.items(), grid, strict=True)}
    for late in (0, 1):
        yield made | {"reset_delay": late}


CLAIMS = (
    ("reset by the threshold", "every", "2^24 - 1 voltages, 4 thresholds, at once or late", _voltages),
    ("reset: thresholds", "every", "131072 thresholds, v beside -1 .. 3 of them", _thresholds),
    ("one whole step, subtracting", "sample", "edges of all operands crossed", _crossed),
)
"""Primitive, method, range, inputs."""


def check(inputs: Callable[[int], Iterator[dict[str, Any]]], step: Step, stride: int = 1) -> int:
    """How many inputs were compared; AssertionError with the first one that differs."""
    compared = 0
    for given in inputs(stride):
        size = max(np.size(values) for values in given.values())
        whole = {name: np.broadcast_to(np.asarray(x, np.int64), size) for name, x in (NEUTRAL | given).items()}
        for start in range(0, size, CHUNK):
            part = {name: np.ascontiguousarray(values[start : start + CHUNK]) for name, values in whole.items()}
            state, registers = {n: part[n] for n in STATE}, {n: part[n] for n in REGISTERS}
            expected = defined(state, registers, part["a"])
            found = step({n: values.copy() for n, values in state.items()}, registers, part["a"])
            for name, ours, theirs in zip((*STATE, "s"), found, expected, strict=True):
                if (bad := np.flatnonzero(ours != theirs)).size:
                    i = bad[0]
                    case = {key: int(values[i]) for key, values in part.items()}
                    raise AssertionError(f"LIFSubtract: {name} is {ours[i]}, not {theirs[i]}, for {case}")
            compared += len(part["a"])
    return compared
