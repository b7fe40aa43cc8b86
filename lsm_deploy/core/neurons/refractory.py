"""LIF that stands still after a spike: the current goes on, the voltage stays at 0 for some steps.

Lava has this kind in floating point only (`PyLifRefractoryModelFloat`). The integers are that model's schedule on the
arithmetic of LIF: a model of ours, which nobody has compared with silicon.

Floats, once a step of `dt_ms`, with alpha = exp(-dt / tau_syn) and beta = exp(-dt / tau_mem):

    u = alpha * u + sum of w * s;   v = beta * v + u + bias, but v = 0 for t_refractory after a spike
    s = v > v_threshold;   v = 0 where s

Integers; a spike in step t freezes `v` in steps t + 1 .. t + refractory_period:

    x = t0(u * (4096 - (du + 1))) + (a << 6)                           modulo 2**32
    u = x wrapped once into (-2**23, 2**23]
    v = clip(t0(v * (4096 - dv)) + u + (bias_mant << bias_exp))         to 24 bits, where refractory = 0; else it stays
    s = v > (vth << 6);   v = 0 where s
    refractory = refractory_period where s, else max(refractory - 1, 0)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.messages import BINARY, Messages
from lsm_deploy.core.neurons import membrane
from lsm_deploy.core.neurons.kind import Floats, FloatStep, Policy, Rule, Step, unknown_view

NAME = "LIFRefractory"
STATE: tuple[str, ...] = ("u", "v", "refractory")
"""`refractory` counts the steps for which `v` will stay as it is."""
CURRENT = "u"
DECAYS = ("du", "dv")
TIMES = ("tau_syn_ms", "tau_mem_ms")
BOUNDED: tuple[str, ...] = ()
THRESHOLDS: tuple[str, ...] = ("v_threshold",)
LEVELS: tuple[str, ...] = ("vth",)
RESETS = True
PORTS = 1
MESSAGE = BINARY
LARGEST_SUM = fixed.SUM_LIMIT
RECORDED = False
STOCK: tuple[Policy, ...] = ()
SHARED: tuple[str, ...] = ()
RULES: tuple[Rule, ...] = (
    Rule("refractory-short", "v stands still for refractory_period steps", "it stands still for one less",
         'np.where(spikes, registers["refractory_period"], left)',
         'np.where(spikes, np.maximum(registers["refractory_period"] - 1, 0), left)'),
    Rule("refractory-long", "v stands still for refractory_period steps", "it stands still for one more",
         'np.where(spikes, registers["refractory_period"], left)',
         'np.where(spikes, registers["refractory_period"] + 1, left)'),
    Rule("refractory-current", "u goes on while v stands still", "u stands still as well",
         '{"u": u, "v": np.where(spikes, 0, v), '
         '"refractory": np.where(spikes, registers["refractory_period"], left)}',
         '{"u": np.where(moves, u, state["u"]), "v": np.where(spikes, 0, v), '
         '"refractory": np.where(spikes, registers["refractory_period"], left)}'),
)  # fmt: skip


@dataclass(frozen=True)
class Parameters:
    """What a user writes, for each neuron or as a distribution over neurons."""

    tau_mem_ms: Annotated[float, Gt(0)] = 20.0
    """Membrane time constant."""
    tau_syn_ms: Annotated[float, Ge(0)] = 5.0
    """Time constant of the synaptic current; 0 forgets it at once."""
    v_threshold: Annotated[float, Gt(0)] = 1.0
    """In units of weight."""
    bias: float = 0.0
    """Added to `v` in each step, in units of weight."""
    t_refractory_ms: Annotated[float, Ge(0)] = 2.0
    """How long `v` stays at 0 after a spike."""


@dataclass(frozen=True)
class Registers:
    """What the chip is given for each neuron."""

    du: Annotated[int, Ge(0), Le(4095)]
    """Current decays by (du + 1) / 4096 a step."""
    dv: Annotated[int, Ge(0), Le(4096)]
    """Voltage decays by dv / 4096 a step; 4096 lies beyond the 12-bit register and is for explicit integers only."""
    vth: Annotated[int, Ge(0), Le(131071)]
    bias_mant: Annotated[int, Ge(-4096), Le(4095)] = 0
    bias_exp: Annotated[int, Ge(0), Le(7)] = 0
    refractory_period: Annotated[int, Ge(0), Le(63)] = 1
    """Steps; 0 is LIF. 6 bits, as nengo-loihi has it for Loihi 1 (whose counter includes the step of the spike)."""


def largest_scale(parameters: Mapping[str, Floats], headroom: int = membrane.THRESHOLD_HEADROOM) -> float:
    return membrane.largest_scale(parameters, parameters["v_threshold"], headroom)


def to_registers(parameters: Mapping[str, Floats], scale: float, dt_ms: float) -> dict[str, Ints]:
    return {
        "du": membrane.decay_of(parameters["tau_syn_ms"], dt_ms) - 1,
        # 4096 would forget at once, but lies beyond the 12-bit register: only explicit integers ask for it.
        "dv": np.minimum(membrane.decay_of(parameters["tau_mem_ms"], dt_ms), 4095),
        "vth": membrane.nearest(scale * parameters["v_threshold"]),
        **membrane.quantise_bias(parameters["bias"], scale),
        "refractory_period": membrane.nearest(parameters["t_refractory_ms"] / dt_ms),
    }


def to_parameters(registers: Mapping[str, Ints], scale: float, dt_ms: float) -> dict[str, Floats]:
    return {
        "tau_mem_ms": membrane.tau_of(registers["dv"], dt_ms),
        "tau_syn_ms": membrane.tau_of(registers["du"] + 1, dt_ms),
        "v_threshold": registers["vth"] / scale,
        "bias": membrane.realise_bias(registers, scale),
        "t_refractory_ms": registers["refractory_period"] * dt_ms,
    }


largest_messages = membrane.largest_messages
message_units = membrane.message_units
sum_units = membrane.sum_units


def leaks(registers: Mapping[str, Ints]) -> tuple[Ints, Ints]:
    return registers["du"] + 1, registers["dv"]


def largest_register(registers: Mapping[str, Ints], current: Floats) -> Floats:
    """|u| + |bias|, what `v` grows by in a step; `v` itself saturates."""
    return current + membrane.largest_bias(registers)


def shortest_interval(registers: Mapping[str, Ints], most: Floats, least: Floats, cleared: bool) -> Ints:
    """As LIF's, after `v` has stood still for `refractory_period`; not so if clearing may end that at once."""
    bias = membrane.bias(registers)
    steps = membrane.steps_to(threshold(registers), most + bias, registers["dv"])
    frozen = 0 if cleared else registers["refractory_period"]
    return np.where(steps > 0, steps + frozen, 0)


def threshold(registers: Mapping[str, Ints]) -> Ints:
    return registers["vth"] << fixed.ACT_SHIFT


def stuck(registers: Mapping[str, Ints], firing: bool) -> dict[str, Ints]:
    return membrane.stuck(registers, firing, "vth", refractory_period=0)


def initial(registers: Mapping[str, Ints]) -> dict[str, Ints]:
    return {name: np.zeros(len(registers["vth"]), np.int64) for name in STATE}


def step(registers: Mapping[str, Ints], state: Mapping[str, Ints], a: Ints) -> Step:
    x = fixed.wrap32(fixed.decay(state["u"], registers["du"] + 1) + (a << fixed.ACT_SHIFT))
    u = fixed.wrap24(x)
    bias = registers["bias_mant"] << registers["bias_exp"]
    sum_v = fixed.decay(state["v"], registers["dv"]) + u + bias
    moved = fixed.saturate24(sum_v)
    moves = state["refractory"] == 0
    v = np.where(moves, moved, state["v"])
    spikes = v > (registers["vth"] << fixed.ACT_SHIFT)
    left = np.maximum(state["refractory"] - 1, 0)
    return Step(
        state={
            "u": u,
            "v": np.where(spikes, 0, v),
            "refractory": np.where(spikes, registers["refractory_period"], left),
        },
        spikes=spikes.astype(np.int8),
        wrapped=u != x,
        saturated=moves & (moved != sum_v),
    )


def float_constants(parameters: Mapping[str, Floats], dt_ms: float) -> dict[str, Floats]:
    return {
        "alpha": membrane.factor_of(parameters["tau_syn_ms"], dt_ms),
        "beta": membrane.factor_of(parameters["tau_mem_ms"], dt_ms),
        # A spike keeps `v` where it is for whole steps.
        "t_refractory": np.rint(fixed.stable(parameters["t_refractory_ms"] / dt_ms)),
        **{name: parameters[name] for name in ("v_threshold", "bias")},
    }


def float_initial(constants: Mapping[str, Floats]) -> dict[str, Floats]:
    return {name: np.zeros(len(constants["v_threshold"])) for name in STATE}


def float_step(constants: Mapping[str, Floats], state: Mapping[str, Floats], a: Floats) -> FloatStep:
    u = constants["alpha"] * state["u"] + a
    v = np.where(
        state["refractory"] == 0,
        constants["beta"] * state["v"] + u + constants["bias"],
        state["v"],
    )
    spikes = v > constants["v_threshold"]
    left = np.maximum(state["refractory"] - 1, 0)
    refractory = np.where(spikes, constants["t_refractory"], left)
    return FloatStep(dict(u=u, v=np.where(spikes, 0.0, v), refractory=refractory), spikes.astype(np.int8))


def chip_view(register: str, values: NDArray[np.int32], spikes: Messages) -> NDArray[np.int32]:
    """Unknown: no recording covers this kind."""
    return unknown_view(NAME, STATE, register, values)
