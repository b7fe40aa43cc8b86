"""LIF whose spike takes the threshold from the voltage and leaves the rest, where LIF's takes all of it.

What most who train such networks call the subtract or soft reset. snnTorch takes the threshold by default in the step
after the spike (`reset_delay`), so that it does not decay with the voltage; with `reset_delay` 1 so does this.

Tried beside others, for the same spikes: Norse's `reset_subtract`, SpikingJelly's `v_reset=None` and SingleSpike of
sinabs are `reset_delay` 0, snnTorch's default is 1. What snnTorch does without its delay is 0 only while no spike
leaves more than a threshold, and what sinabs does by default (MultiSpike) while none would be two spikes in a step.

Floats, once a step of `dt_ms`, with alpha = exp(-dt / tau_syn) and beta = exp(-dt / tau_mem):

    u = alpha * u + sum of w * s;   v = beta * v + u + bias;   s = v > v_threshold;   v = v - v_threshold where s

    reset_delay: v = beta * v + u + bias - v_threshold * s of the step before;   s = v > v_threshold

Integers. Lava has no such kind: they are its arithmetic of LIF with another reset, a model of ours that nobody has
compared with silicon:

    x = t0(u * (4096 - (du + 1))) + (a << 6)                           modulo 2**32
    u = x wrapped once into (-2**23, 2**23]
    y = t0(v * (4096 - dv)) + u + (bias_mant << bias_exp)               - (vth << 6) where reset_delay and v > vth << 6
    v = clip(y)                                                         to 24 bits
    s = v > (vth << 6);   v = v - (vth << 6) where s and not reset_delay

With reset_delay `v` stays where it was, so that it tells itself whether there was a spike in the step before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, MultipleOf
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.messages import BINARY, Messages
from lsm_deploy.core.neurons import membrane
from lsm_deploy.core.neurons.kind import Floats, FloatStep, Policy, Rule, Step, unknown_view

NAME = "LIFSubtract"
STATE: tuple[str, ...] = ("u", "v")
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
    Rule("subtract-all", "a spike takes vth << 6 from v", "a spike takes v to 0",
         "np.where(now, v - threshold(registers), v)", "np.where(now, 0, v)"),
    Rule("subtract-nothing", "a spike takes vth << 6 from v", "a spike takes nothing from v",
         "np.where(now, v - threshold(registers), v)", "v"),
    Rule("subtract-shift", "a spike takes vth << 6 from v", "a spike takes vth from v",
         "np.where(now, v - threshold(registers), v)", 'np.where(now, v - registers["vth"], v)'),
    Rule("subtract-again", "what a spike leaves above vth << 6 stays", "vth << 6 is taken from it once more",
         'np.where(late & (state["v"] > threshold(registers)), threshold(registers), 0)',
         'np.where(state["v"] > threshold(registers), threshold(registers), 0)'),
    Rule("subtract-at-once", "with reset_delay vth << 6 is taken in the step after a spike", "it is taken at once",
         'registers["reset_delay"] == 1', 'registers["reset_delay"] == 2'),
    Rule("subtract-decayed", "with reset_delay vth << 6 is taken from the decayed v", "it is taken from v, and decays",
         'fixed.decay(state["v"], registers["dv"]) + u + bias - owed',
         'fixed.decay(state["v"] - owed, registers["dv"]) + u + bias'),
    Rule("subtract-nothing-owed", "with reset_delay vth << 6 is taken in the step after a spike", "it never is",
         'fixed.decay(state["v"], registers["dv"]) + u + bias - owed',
         'fixed.decay(state["v"], registers["dv"]) + u + bias'),
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
    reset_delay: Annotated[float, Ge(0), Le(1), MultipleOf(1)] = 0.0
    """1 takes the threshold from `v` in the step after a spike, as snnTorch does by default."""


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
    reset_delay: Annotated[int, Ge(0), Le(1)] = 0
    """Steps between a spike and what it takes from `v`."""


def largest_scale(parameters: Mapping[str, Floats], headroom: int = membrane.THRESHOLD_HEADROOM) -> float:
    return membrane.largest_scale(parameters, parameters["v_threshold"], headroom)


def to_registers(parameters: Mapping[str, Floats], scale: float, dt_ms: float) -> dict[str, Ints]:
    return {
        "du": membrane.decay_of(parameters["tau_syn_ms"], dt_ms) - 1,
        # 4096 would forget at once, but lies beyond the 12-bit register: only explicit integers ask for it.
        "dv": np.minimum(membrane.decay_of(parameters["tau_mem_ms"], dt_ms), 4095),
        "vth": membrane.nearest(scale * parameters["v_threshold"]),
        **membrane.quantise_bias(parameters["bias"], scale),
        "reset_delay": membrane.nearest(parameters["reset_delay"]),
    }


def to_parameters(registers: Mapping[str, Ints], scale: float, dt_ms: float) -> dict[str, Floats]:
    return {
        "tau_mem_ms": membrane.tau_of(registers["dv"], dt_ms),
        "tau_syn_ms": membrane.tau_of(registers["du"] + 1, dt_ms),
        "v_threshold": registers["vth"] / scale,
        "bias": membrane.realise_bias(registers, scale),
        "reset_delay": registers["reset_delay"].astype(np.float64),
    }


largest_messages = membrane.largest_messages
message_units = membrane.message_units
sum_units = membrane.sum_units


def leaks(registers: Mapping[str, Ints]) -> tuple[Ints, Ints]:
    return registers["du"] + 1, registers["dv"]


def largest_register(registers: Mapping[str, Ints], current: Floats) -> Floats:
    """|u| + |bias|, what `v` grows by in a step; `v` itself saturates, and a spike takes it no further than to -vth."""
    return current + membrane.largest_bias(registers)


def shortest_interval(registers: Mapping[str, Ints], most: Floats, least: Floats, cleared: bool) -> Ints:
    """What a spike leaves of `v` is a start, so that the next spike may come sooner than the first.

    With c = vth << 6, d = dv / 4096, and no more than A added in a step: let v <= c before the step of a spike, which
    takes it to at most (1 - d) c + A. Then the step after it ends, before its own spike, at no more than

        (1 - d) * max(A - d c, 0) + A                        as the rest (1 - d) c + A - c = A - d c decays;
        (1 - d) * ((1 - d) c + A) + A - c                    with reset_delay; cleared meanwhile, at A.

    Beyond c that may be a spike at once: 1. Otherwise it is none, and v <= c before any spike to come, as it was before
    the first: so what was assumed holds throughout, and `v` has the rest of the way to c to go from there.
    """
    c, d = threshold(registers), registers["dv"] / fixed.DECAY_UNITY
    # More than 2 c is a spike in every step: what is not bounded need not be infinite.
    added = np.minimum(most + membrane.bias(registers), 2.0 * fixed.UV_LIMIT)
    largest = added * membrane.SLACK
    at_once = (1 - d) * np.maximum(largest - c * d, 0.0) + largest
    late = np.maximum((2 - d) * largest - c * (d * (2 - d)), largest if cleared else 0.0)
    after = np.where(registers["reset_delay"] == 1, late, at_once)
    steps = membrane.steps_to(c, added, registers["dv"], np.clip(after, 0.0, c))
    ever = membrane.steps_to(c, added, registers["dv"]) > 0
    return np.where(ever, np.where(after > c, 1, 1 + steps), 0)


def threshold(registers: Mapping[str, Ints]) -> Ints:
    return registers["vth"] << fixed.ACT_SHIFT


def stuck(registers: Mapping[str, Ints], firing: bool) -> dict[str, Ints]:
    return membrane.stuck(registers, firing, "vth")


def initial(registers: Mapping[str, Ints]) -> dict[str, Ints]:
    return {name: np.zeros(len(registers["vth"]), np.int64) for name in STATE}


def step(registers: Mapping[str, Ints], state: Mapping[str, Ints], a: Ints) -> Step:
    late = registers["reset_delay"] == 1
    x = fixed.wrap32(fixed.decay(state["u"], registers["du"] + 1) + (a << fixed.ACT_SHIFT))
    u = fixed.wrap24(x)
    bias = registers["bias_mant"] << registers["bias_exp"]
    owed = np.where(late & (state["v"] > threshold(registers)), threshold(registers), 0)
    sum_v = fixed.decay(state["v"], registers["dv"]) + u + bias - owed
    v = fixed.saturate24(sum_v)
    spikes = v > (registers["vth"] << fixed.ACT_SHIFT)
    now = spikes & ~late
    return Step(
        state={"u": u, "v": np.where(now, v - threshold(registers), v)},
        spikes=spikes.astype(np.int8),
        wrapped=u != x,
        saturated=v != sum_v,
    )


def float_constants(parameters: Mapping[str, Floats], dt_ms: float) -> dict[str, Floats]:
    return {
        "alpha": membrane.factor_of(parameters["tau_syn_ms"], dt_ms),
        "beta": membrane.factor_of(parameters["tau_mem_ms"], dt_ms),
        **{name: parameters[name] for name in ("v_threshold", "bias", "reset_delay")},
    }


def float_initial(constants: Mapping[str, Floats]) -> dict[str, Floats]:
    return {name: np.zeros(len(constants["v_threshold"])) for name in STATE}


def float_step(constants: Mapping[str, Floats], state: Mapping[str, Floats], a: Floats) -> FloatStep:
    threshold, late = constants["v_threshold"], constants["reset_delay"] == 1
    u = constants["alpha"] * state["u"] + a
    owed = np.where(late & (state["v"] > threshold), threshold, 0.0)
    v = constants["beta"] * state["v"] + u + constants["bias"] - owed
    spikes = v > threshold
    return FloatStep(dict(u=u, v=np.where(spikes & ~late, v - threshold, v)), spikes.astype(np.int8))


def chip_view(register: str, values: NDArray[np.int32], spikes: Messages) -> NDArray[np.int32]:
    """Unknown: no recording covers this kind."""
    return unknown_view(NAME, STATE, register, values)
