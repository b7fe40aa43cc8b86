"""Leaky integrator whose rate is a gate: a unit of a gated recurrent network, or of a liquid time-constant network.

Floats, once a step, or once in `period` steps; `a` is the sum of w * s over the synapses onto the first port, `b` over
those onto the gate:

    u = a + bias;   x = activation(u)                what it is driven to
    w = b + bias_gate;   g = gate(w), held within 0 .. 1

    mix    (fused 0)    v = base * v + g * (x - base * v)
    fused  (fused 1)    v = (base * v + x) * (1 - g)
    s = output(v)

What other models are made of, with `base` 1 where nothing else is said:

    GRU (Cho et al. 2014), h = z h + (1 - z) n               mix, gate sigmoid with the weights of z negated
    LTC, its fused step (Hasani et al., AAAI 2021),          fused, gate ratio: g = d / (1 + d) with
    v = (v + dt f A) / (1 + dt (1 / tau + f))                w = d = dt (1 / tau + f), x = u = dt f A
    CfC (Hasani et al., Nature Machine Intelligence 2022),   two units, base 0 and one gate: fused with x = f and
    h = (1 - g) f + g k                                      mix with x = k; their messages add up in what they reach
    a product g x, such as GRU's r h                         mix, base 0

In integers, with F = fraction_bits and RN(x, k) = x / 2**k to the nearest, halves away from zero:

    u = clip(RN(a modulo 2**32, shift_in) + bias)                              to 24 bits
    w = clip(RN(b modulo 2**32, shift_in_gate) + bias_gate)                    to 24 bits
    gamma = RN(clip(gate(w), 0, 2**F), F - 15)                                 0 .. 2**15
    mix    v = clip(base * v + RN(gamma * (activation(u) - base * v), 15))     to 24 bits, where clock = phase
    fused  v = clip(y - RN(gamma * y, 15)), y = base * v + activation(u)       likewise; y has 25 bits
    s = clip(RN(output(v), message_shift))                                     to message_bits; 0 in other steps
    clock = (clock + 1) modulo period                                          v begins at v_initial, clock at 0

A float is 2**F of `u`, `w` and `v`, 2**(F - message_shift) of a message, 2**(F + shift_in) of a sum `a` and
2**(F + shift_in_gate) of a sum `b`. See `activations`. No recording covers this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le, MultipleOf
from numpy.typing import NDArray

from lsm_deploy.core import activations, fixed
from lsm_deploy.core.activations import activate
from lsm_deploy.core.fixed import Ints, round_shift
from lsm_deploy.core.messages import LARGEST_BITS, Message, Messages
from lsm_deploy.core.neurons import formats, membrane
from lsm_deploy.core.neurons.kind import Floats, FloatStep, Policy, Rule, Step, unknown_view

NAME = "GatedLI"
STATE: tuple[str, ...] = ("u", "w", "v", "clock")
CURRENT = "u"
DECAYS = ("", "")
TIMES = ("", "")
BOUNDED: tuple[str, ...] = ()
THRESHOLDS: tuple[str, ...] = ()
LEVELS: tuple[str, ...] = ()
RESETS = False
PORTS = 2
MESSAGE = Message(LARGEST_BITS, signed=True)
LARGEST_SUM = formats.LARGEST_SUM
RECORDED = False
STOCK: tuple[Policy, ...] = ()
SHARED: tuple[str, ...] = ()
RULES: tuple[Rule, ...] = (
    Rule("gated-ports", "a second port opens the gate", "the two ports are exchanged", "a, b = a", "b, a = a"),
    Rule("gated-sum-rounding", "a sum onto the gate is rounded to the nearest", "it is floored",
         'round_shift(fixed.wrap32(b), registers["shift_in_gate"])', '(fixed.wrap32(b) >> registers["shift_in_gate"])'),
    Rule("gated-saturation", "w is held within 24 bits", "it wraps",
         "w = fixed.saturate24(sum_w)", "w = fixed.wrap24(sum_w)"),
    Rule("gated-order", "the gate takes w of this step", "it takes w of the step before",
         "opening(registers, w)", 'opening(registers, state["w"])'),
    Rule("gated-range", "a gate is held within 0 .. 1", "it is as open as it comes",
         'np.clip(opened, 0, 1 << registers["fraction_bits"])', "opened"),
    Rule("gated-rounding", "a gate is rounded to the nearest", "it is floored",
         'round_shift(held, registers["fraction_bits"] - GATE_BITS)',
         '(held << GATE_BITS) >> registers["fraction_bits"]'),
    Rule("gated-mix-rounding", "a mix is rounded to the nearest", "it is truncated toward zero",
         "round_shift(gamma * (x - base), GATE_BITS)", "fixed.truncate(gamma * (x - base), GATE_BITS)"),
    Rule("gated-fused-rounding", "what a fused step takes away is rounded to the nearest", "it is truncated",
         "round_shift(gamma * y, GATE_BITS)", "fixed.truncate(gamma * y, GATE_BITS)"),
    Rule("gated-fused", "a fused step takes from the sum of both", "it mixes them",
         'np.where(registers["fused"] == 1, fused, mixed)', "mixed"),
    Rule("gated-base", "with base 0 nothing is left of v", "v stays", 'registers["base"] * state["v"]', 'state["v"]'),
    Rule("gated-ratio", "a ratio of what is negative is 0", "it is that of its magnitude",
         "between(RATIOS, np.maximum(z, 0), fraction)", "between(RATIOS, z, fraction)"),
)  # fmt: skip

Gate = Literal["identity", "clip", "relu", "tanh", "quadratic", "sigmoid", "ratio"]
GATE_BITS = 15
"""Of a gate, behind the point."""
_WHOLE = ("gate", "fused", "base")


@dataclass(frozen=True)
class Parameters(formats.Parameters):
    """What a user writes, for each neuron or as a distribution over neurons; of activations, one for all."""

    gate: Gate = "sigmoid"
    """What the input onto the gate becomes, held within 0 .. 1: one of these, or ratio, z / (1 + z)."""
    fused: Annotated[float, Ge(0), Le(1), MultipleOf(1)] = 0.0
    """0: the gate mixes the old value and the new; 1: it says what share of their sum is taken away."""
    base: Annotated[float, Ge(0), Le(1), MultipleOf(1)] = 1.0
    """1, or 0 for a unit without memory of its own, which multiplies."""
    bias_gate: float = 0.0
    """Added to the input onto the gate."""


@dataclass(frozen=True)
class Registers:
    """What the chip is given for each neuron."""

    shift_in: formats.Shift
    """Fraction bits of a synaptic sum beyond those of `u`."""
    shift_in_gate: formats.Shift
    """Fraction bits of a synaptic sum onto the gate beyond those of `w`."""
    activation: formats.ActivationNumber = 3
    """By number: see `core.activations`."""
    gate: Annotated[int, Ge(0), Le(len(activations.GATES) - 1)] = 5
    """Likewise, and 6 for a ratio."""
    fused: Annotated[int, Ge(0), Le(1)] = 0
    base: Annotated[int, Ge(0), Le(1)] = 1
    output: formats.ActivationNumber = 0
    bias: formats.Number = 0
    bias_gate: formats.Number = 0
    lo: formats.Number = formats.LOWEST
    hi: formats.Number = formats.HIGHEST
    v_initial: formats.Number = 0
    fraction_bits: formats.FractionBits = 20
    """Of `u`, `w` and `v`."""
    message_shift: formats.Shift = 5
    """Fraction bits of `v` beyond those of a message."""
    message_bits: formats.MessageBits = 16
    period: formats.Period = 1
    phase: formats.Phase = 0


def largest_scale(parameters: Mapping[str, Floats], headroom: int = membrane.THRESHOLD_HEADROOM) -> float:
    """As far as a shift reaches: there is no threshold that it could lie beyond."""
    return 2.0 ** (fraction_of(parameters)[0] + fixed.LARGEST_SHIFT)


def fraction_of(parameters: Mapping[str, Floats]) -> tuple[int, int]:
    """Fraction bits of `u`, `w` and `v`, and of a message, of all the neurons alike.

    An LsmError says, without its place, which parameters no format holds.
    """
    bound = formats.reach(parameters["activation"], parameters)  # a mix lies between what is mixed
    adds_up = (parameters["fused"] > 0) & (parameters["base"] > 0)
    # By step 0 no message has come: the biases alone have moved it.
    first = float_step(parameters, float_initial(parameters), np.zeros((2, len(bound)))).state["v"]
    return formats.fraction_of(parameters, np.where(adds_up, np.inf, bound), np.abs(first), adds_up)


def to_registers(parameters: Mapping[str, Floats], scale: float, dt_ms: float) -> dict[str, Ints]:
    """The gate has the scale of the other port here; quantisation gives it one of its own."""
    fraction, of_message = fraction_of(parameters)
    bias_gate = membrane.nearest(float(1 << fraction) * parameters["bias_gate"])
    shift = np.full(len(bias_gate), round(np.log2(scale)) - fraction)
    return {
        "shift_in": shift,
        "shift_in_gate": shift,
        **{name: membrane.nearest(parameters[name]) for name in _WHOLE},
        "bias_gate": bias_gate,
        **formats.to_registers(parameters, fraction, of_message),
    }


def to_parameters(registers: Mapping[str, Ints], scale: float, dt_ms: float) -> dict[str, Floats]:
    return {
        **{name: registers[name].astype(np.float64) for name in _WHOLE},
        "bias_gate": registers["bias_gate"] / np.exp2(registers["fraction_bits"].astype(np.float64)),
        **formats.to_parameters(registers),
    }


def leaks(registers: Mapping[str, Ints]) -> tuple[Ints, Ints]:
    """Of the voltage what it loses where nothing arrives at the gate."""
    lost = round_shift(opening(registers, registers["bias_gate"]), GATE_BITS - fixed.DECAY_BITS)
    return np.full(len(lost), fixed.DECAY_UNITY), np.where(registers["base"] == 1, lost, fixed.DECAY_UNITY)


def largest_register(registers: Mapping[str, Ints], current: Floats) -> Floats:
    """|u| or |w|, whichever is more; both are clipped, as `v` is."""
    sums = np.minimum(current / (1 << fixed.ACT_SHIFT), 2.0**31)
    shifts = np.stack([registers["shift_in"], registers["shift_in_gate"]]).astype(np.float64)
    biases = np.abs(np.stack([registers["bias"], registers["bias_gate"]]))
    largest: Floats = np.minimum(sums * np.exp2(-shifts) + 1 + biases, formats.HELD).max(axis=0)
    return largest


largest_messages = formats.largest_messages
message_units = formats.message_units
sum_units = formats.sum_units
shortest_interval = formats.shortest_interval
threshold = formats.threshold
float_constants = formats.float_constants


def stuck(registers: Mapping[str, Ints], firing: bool) -> dict[str, Ints]:
    return formats.stuck(registers, firing, fused=0, base=1, bias_gate=0)


def initial(registers: Mapping[str, Ints]) -> dict[str, Ints]:
    none = np.zeros(len(registers["bias"]), np.int64)
    return {"u": none, "w": none, "v": registers["v_initial"], "clock": none}


def step(registers: Mapping[str, Ints], state: Mapping[str, Ints], a: Ints) -> Step:
    a, b = a
    sum_u = round_shift(fixed.wrap32(a), registers["shift_in"]) + registers["bias"]
    u = fixed.saturate24(sum_u)
    sum_w = round_shift(fixed.wrap32(b), registers["shift_in_gate"]) + registers["bias_gate"]
    w = fixed.saturate24(sum_w)
    due = state["clock"] == registers["phase"]
    x = activate(registers["activation"], u, registers)
    gamma = opening(registers, w)
    base = registers["base"] * state["v"]
    mixed = base + round_shift(gamma * (x - base), GATE_BITS)
    y = base + x
    fused = y - round_shift(gamma * y, GATE_BITS)
    sum_v = np.where(due, np.where(registers["fused"] == 1, fused, mixed), state["v"])
    v = fixed.saturate24(sum_v)
    message = round_shift(activate(registers["output"], v, registers), registers["message_shift"])
    largest = (1 << (registers["message_bits"] - 1)) - 1
    held = np.clip(message, -largest, largest)
    return Step(
        state={"u": u, "w": w, "v": v, "clock": (state["clock"] + 1) % registers["period"]},
        spikes=np.where(due, held, 0).astype(np.int16),
        wrapped=(u != sum_u) | (w != sum_w),
        saturated=v != sum_v,
    )


def opening(registers: Mapping[str, Ints], w: Ints) -> Ints:
    """How far the gate is open, 0 .. 2**15."""
    opened = activate(registers["gate"], w, registers)
    held = np.clip(opened, 0, 1 << registers["fraction_bits"])
    return round_shift(held, registers["fraction_bits"] - GATE_BITS)


def float_initial(constants: Mapping[str, Floats]) -> dict[str, Floats]:
    none = np.zeros(len(constants["bias"]))
    return {"u": none, "w": none, "v": constants["v_initial"], "clock": none}


def float_step(constants: Mapping[str, Floats], state: Mapping[str, Floats], a: Floats) -> FloatStep:
    ends = constants["clip_lo"], constants["clip_hi"]
    u, w = a[0] + constants["bias"], a[1] + constants["bias_gate"]
    due = state["clock"] == constants["phase"]
    x = activations.of_floats(constants["activation"], u, *ends)
    opened = np.clip(activations.of_floats(constants["gate"], w, *ends), 0.0, 1.0)
    base = constants["base"] * state["v"]
    moved = np.where(constants["fused"] > 0, (base + x) * (1 - opened), base + opened * (x - base))
    v = np.where(due, moved, state["v"])
    sent = np.where(due, activations.of_floats(constants["output"], v, *ends), 0.0)
    return FloatStep(dict(u=u, w=w, v=v, clock=(state["clock"] + 1) % constants["period"]), sent)


def chip_view(register: str, values: NDArray[np.int32], spikes: Messages) -> NDArray[np.int32]:
    """Unknown: no recording covers this kind."""
    return unknown_view(NAME, STATE, register, values)
