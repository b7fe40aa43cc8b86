"""LIF with two thresholds: a spike is +1 above the upper one, -1 below the lower one, and either resets the voltage.

A synapse delivers its weight with the sign of the spike: on the chip that is a graded message, because a binary one
says only that there was a spike.

Floats, once a step of `dt_ms`, with alpha = exp(-dt / tau_syn) and beta = exp(-dt / tau_mem):

    u = alpha * u + sum of w * s;   v = beta * v + u + bias
    s = +1 where v > v_threshold_hi, -1 where v < v_threshold_lo;   v = 0 where s

Integers (lava-nc 0.10.0, `PyTernLifModelFixed`), with `scale` integer units to one unit of weight and threshold:

    x = t0(u * (4096 - (du + 1))) + (a << 6)                           modulo 2**32
    u = x wrapped once into (-2**23, 2**23]
    v = clip(t0(v * (4096 - dv)) + u + (bias_mant << bias_exp))         to 24 bits
    s = +1 where v > (vth_hi << 6), -1 where v < (vth_lo << 6);   v = 0 where s
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.messages import TERNARY, Messages
from lsm_deploy.core.neurons import membrane
from lsm_deploy.core.neurons.kind import Floats, FloatStep, Policy, Rule, Step, unknown_view

NAME = "TernaryLIF"
STATE: tuple[str, ...] = ("u", "v")
CURRENT = "u"
DECAYS = ("du", "dv")
TIMES = ("tau_syn_ms", "tau_mem_ms")
BOUNDED: tuple[str, ...] = ()
THRESHOLDS: tuple[str, ...] = ("v_threshold_hi", "v_threshold_lo")
LEVELS: tuple[str, ...] = ("vth_hi", "vth_lo")
RESETS = True
PORTS = 1
MESSAGE = TERNARY
LARGEST_SUM = fixed.SUM_LIMIT
RECORDED = False
STOCK: tuple[Policy, ...] = ("fresh",)
SHARED: tuple[str, ...] = ()
RULES: tuple[Rule, ...] = (
    Rule("lower-threshold", "a negative spike is v < vth_lo << 6", "a negative spike is v <= vth_lo << 6",
         'v < (registers["vth_lo"] << fixed.ACT_SHIFT)', 'v <= (registers["vth_lo"] << fixed.ACT_SHIFT)'),
    Rule("upper-threshold", "a positive spike is v > vth_hi << 6", "a positive spike is v >= vth_hi << 6",
         'v > (registers["vth_hi"] << fixed.ACT_SHIFT)', 'v >= (registers["vth_hi"] << fixed.ACT_SHIFT)'),
)  # fmt: skip


@dataclass(frozen=True)
class Parameters:
    """What a user writes, for each neuron or as a distribution over neurons."""

    tau_mem_ms: Annotated[float, Gt(0)] = 20.0
    """Membrane time constant."""
    tau_syn_ms: Annotated[float, Ge(0)] = 5.0
    """Time constant of the synaptic current; 0 forgets it at once."""
    v_threshold_hi: Annotated[float, Gt(0)] = 1.0
    """In units of weight."""
    v_threshold_lo: Annotated[float, Lt(0)] = -1.0
    """In units of weight."""
    bias: float = 0.0
    """Added to `v` in each step, in units of weight."""


@dataclass(frozen=True)
class Registers:
    """What the chip is given for each neuron."""

    du: Annotated[int, Ge(0), Le(4095)]
    """Current decays by (du + 1) / 4096 a step."""
    dv: Annotated[int, Ge(0), Le(4096)]
    """Voltage decays by dv / 4096 a step; 4096 lies beyond the 12-bit register and is for explicit integers only."""
    vth_hi: Annotated[int, Ge(0), Le(131071)]
    vth_lo: Annotated[int, Ge(-131071), Le(0)]
    """Lava would take an upper threshold below 0 as well, and a lower one above: such a neuron spikes at rest."""
    bias_mant: Annotated[int, Ge(-4096), Le(4095)] = 0
    bias_exp: Annotated[int, Ge(0), Le(7)] = 0


def largest_scale(parameters: Mapping[str, Floats], headroom: int = membrane.THRESHOLD_HEADROOM) -> float:
    threshold = np.maximum(parameters["v_threshold_hi"], -parameters["v_threshold_lo"])
    return membrane.largest_scale(parameters, threshold, headroom)


def to_registers(parameters: Mapping[str, Floats], scale: float, dt_ms: float) -> dict[str, Ints]:
    return {
        "du": membrane.decay_of(parameters["tau_syn_ms"], dt_ms) - 1,
        # 4096 would forget at once, but lies beyond the 12-bit register: only explicit integers ask for it.
        "dv": np.minimum(membrane.decay_of(parameters["tau_mem_ms"], dt_ms), 4095),
        "vth_hi": membrane.nearest(scale * parameters["v_threshold_hi"]),
        "vth_lo": membrane.nearest(scale * parameters["v_threshold_lo"]),
        **membrane.quantise_bias(parameters["bias"], scale),
    }


def to_parameters(registers: Mapping[str, Ints], scale: float, dt_ms: float) -> dict[str, Floats]:
    return {
        "tau_mem_ms": membrane.tau_of(registers["dv"], dt_ms),
        "tau_syn_ms": membrane.tau_of(registers["du"] + 1, dt_ms),
        "v_threshold_hi": registers["vth_hi"] / scale,
        "v_threshold_lo": registers["vth_lo"] / scale,
        "bias": membrane.realise_bias(registers, scale),
    }


largest_messages = membrane.largest_messages
message_units = membrane.message_units
sum_units = membrane.sum_units


def leaks(registers: Mapping[str, Ints]) -> tuple[Ints, Ints]:
    return registers["du"] + 1, registers["dv"]


def largest_register(registers: Mapping[str, Ints], current: Floats) -> Floats:
    """|u| + |bias|, what `v` moves by in a step; `v` itself saturates."""
    return current + membrane.largest_bias(registers)


def shortest_interval(registers: Mapping[str, Ints], most: Floats, least: Floats, cleared: bool) -> Ints:
    """As LIF's, to whichever threshold is nearer: a spike of either sign resets `v`."""
    bias = membrane.bias(registers)
    up = membrane.steps_to(threshold(registers), most + bias, registers["dv"])
    down = membrane.steps_to(-registers["vth_lo"] << fixed.ACT_SHIFT, least - bias, registers["dv"])
    return np.where((up > 0) & (down > 0), np.minimum(up, down), np.maximum(up, down))


def threshold(registers: Mapping[str, Ints]) -> Ints:
    """The upper one."""
    return registers["vth_hi"] << fixed.ACT_SHIFT


def stuck(registers: Mapping[str, Ints], firing: bool) -> dict[str, Ints]:
    return membrane.stuck(registers, firing, "vth_hi")


def initial(registers: Mapping[str, Ints]) -> dict[str, Ints]:
    return {name: np.zeros(len(registers["vth_hi"]), np.int64) for name in STATE}


def step(registers: Mapping[str, Ints], state: Mapping[str, Ints], a: Ints) -> Step:
    x = fixed.wrap32(fixed.decay(state["u"], registers["du"] + 1) + (a << fixed.ACT_SHIFT))
    u = fixed.wrap24(x)
    bias = registers["bias_mant"] << registers["bias_exp"]
    sum_v = fixed.decay(state["v"], registers["dv"]) + u + bias
    v = fixed.saturate24(sum_v)
    above = v > (registers["vth_hi"] << fixed.ACT_SHIFT)
    below = v < (registers["vth_lo"] << fixed.ACT_SHIFT)
    return Step(
        state={"u": u, "v": np.where(above | below, 0, v)},
        spikes=above.astype(np.int8) - below.astype(np.int8),
        wrapped=u != x,
        saturated=v != sum_v,
    )


def float_constants(parameters: Mapping[str, Floats], dt_ms: float) -> dict[str, Floats]:
    return {
        "alpha": membrane.factor_of(parameters["tau_syn_ms"], dt_ms),
        "beta": membrane.factor_of(parameters["tau_mem_ms"], dt_ms),
        **{name: parameters[name] for name in ("v_threshold_hi", "v_threshold_lo", "bias")},
    }


def float_initial(constants: Mapping[str, Floats]) -> dict[str, Floats]:
    return {name: np.zeros(len(constants["v_threshold_hi"])) for name in STATE}


def float_step(constants: Mapping[str, Floats], state: Mapping[str, Floats], a: Floats) -> FloatStep:
    u = constants["alpha"] * state["u"] + a
    v = constants["beta"] * state["v"] + u + constants["bias"]
    above, below = v > constants["v_threshold_hi"], v < constants["v_threshold_lo"]
    spikes = above.astype(np.int8) - below.astype(np.int8)
    return FloatStep(dict(u=u, v=np.where(spikes, 0.0, v)), spikes)


def chip_view(register: str, values: NDArray[np.int32], spikes: Messages) -> NDArray[np.int32]:
    """Unknown: no recording covers this kind."""
    return unknown_view(NAME, STATE, register, values)
