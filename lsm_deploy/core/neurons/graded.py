"""Leaky integrator with an activation, which sends its value in every step: a unit of a rate reservoir or of an ODE.

Floats, once a step, or once in `period` steps:

    u = sum of w * s + bias;   v = v + leak_rate * (activation(u) - leak * v);   s = output(v)

With leak 1 that is the leaky-integrator neuron of echo state networks (Jaeger et al., Neural Networks 2007), with leak
0 forward Euler of dv/dt = activation(u). In integers, with F = fraction_bits and RN(x, k) = x / 2**k to the nearest,
halves away from zero:

    u = clip(RN(a modulo 2**32, shift_in) + bias)                              to 24 bits
    v = clip(v + RN(alpha * (activation(u) - leak * v), 12))                   to 24 bits, where clock = phase
    s = clip(RN(output(v), message_shift))                                     to message_bits; 0 in other steps
    clock = (clock + 1) modulo period                                          v begins at v_initial, clock at 0

A float is 2**F of `u` and `v`, 2**(F - message_shift) of a message, 2**(F + shift_in) of a synaptic sum. See
`activations`. Multiply, shift, add and clip with state in each neuron is what published work on Loihi 2 does; no
recording covers this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, MultipleOf
from numpy.typing import NDArray

from lsm_deploy.core import activations, fixed
from lsm_deploy.core.activations import activate
from lsm_deploy.core.fixed import Ints, round_shift
from lsm_deploy.core.messages import LARGEST_BITS, Message, Messages
from lsm_deploy.core.neurons import formats, membrane
from lsm_deploy.core.neurons.kind import Floats, FloatStep, Policy, Rule, Step, unknown_view

NAME = "GradedLI"
STATE: tuple[str, ...] = ("u", "v", "clock")
CURRENT = "u"
DECAYS = ("", "")
TIMES = ("", "")
BOUNDED: tuple[str, ...] = ()
THRESHOLDS: tuple[str, ...] = ()
LEVELS: tuple[str, ...] = ()
RESETS = False
PORTS = 1
MESSAGE = Message(LARGEST_BITS, signed=True)
LARGEST_SUM = formats.LARGEST_SUM
RECORDED = False
STOCK: tuple[Policy, ...] = ()
SHARED: tuple[str, ...] = ()
RULES: tuple[Rule, ...] = (
    Rule("graded-input-rounding", "a synaptic sum is rounded to the nearest", "it is floored",
         'round_shift(fixed.wrap32(a), registers["shift_in"])', '(fixed.wrap32(a) >> registers["shift_in"])'),
    Rule("graded-rate-rounding", "a change of v is rounded to the nearest", "it is truncated toward zero",
         "round_shift(change, fixed.DECAY_BITS)", "fixed.truncate(change)"),
    Rule("graded-message-rounding", "a message is rounded to the nearest", "it is floored",
         'round_shift(activate(registers["output"], v, registers), registers["message_shift"])',
         '(activate(registers["output"], v, registers) >> registers["message_shift"])'),
    Rule("graded-saturation", "u is held within 24 bits", "it wraps",
         "u = fixed.saturate24(sum_u)", "u = fixed.wrap24(sum_u)"),
    Rule("graded-message-saturation", "a message is held within message_bits", "it is as large as it comes",
         "np.clip(message, -largest, largest)", "message"),
    Rule("graded-leak", "v leaks from its old value", "it leaks from what it is driven to as well",
         'registers["leak"] * state["v"]', 'registers["leak"] * u'),
    Rule("graded-clock", "v moves where clock is phase", "it moves in every step",
         'state["clock"] == registers["phase"]', 'state["clock"] == state["clock"]'),
    Rule("graded-silence", "nothing is sent where v does not move", "the last message is sent again",
         "np.where(due, held, 0)", "held"),
    Rule("graded-order", "v takes u of this step", "v takes u of the step before",
         'activate(registers["activation"], u, registers)', 'activate(registers["activation"], state["u"], registers)'),
    Rule("graded-interpolation", "between two entries of a table runs a straight line", "the lower entry is taken",
         "low + round_shift((high - low) * rest, shift)", "low"),
    Rule("graded-odd", "tanh is odd", "tanh of a negative number is that of its magnitude",
         "np.sign(z) * round_shift(between(TABLE, z, fraction), TABLE_FRACTION - fraction)",
         "round_shift(between(TABLE, z, fraction), TABLE_FRACTION - fraction)"),
    Rule("graded-quadratic", "the quadratic is odd", "it is z - z^2 / 4 on either side",
         "held * np.abs(held)", "held * held"),
    Rule("graded-sigmoid", "a sigmoid is tanh of z / 2", "it is tanh of z",
         "tanh(round_shift(z, 1), fraction)", "tanh(z, fraction)"),
)  # fmt: skip


@dataclass(frozen=True)
class Parameters(formats.Parameters):
    """What a user writes, for each neuron or as a distribution over neurons; of activations, one for all."""

    leak_rate: Annotated[float, Gt(0), Le(1)] = 1.0
    """How far `v` goes in a step to what it is driven to; 1 is a unit without memory of its own."""
    leak: Annotated[float, Ge(0), Le(1), MultipleOf(1)] = 1.0
    """1, or 0 for an integrator, which never forgets."""


@dataclass(frozen=True)
class Registers:
    """What the chip is given for each neuron."""

    shift_in: formats.Shift
    """Fraction bits of a synaptic sum beyond those of `u`."""
    alpha: Annotated[int, Ge(0), Le(4096)] = 4096
    """`v` goes alpha / 4096 of the way in a step."""
    leak: Annotated[int, Ge(0), Le(1)] = 1
    activation: formats.ActivationNumber = 3
    """By number: see `core.activations`."""
    output: formats.ActivationNumber = 0
    bias: formats.Number = 0
    lo: formats.Number = formats.LOWEST
    hi: formats.Number = formats.HIGHEST
    v_initial: formats.Number = 0
    fraction_bits: formats.FractionBits = 20
    """Of `u` and `v`."""
    message_shift: formats.Shift = 5
    """Fraction bits of `v` beyond those of a message."""
    message_bits: formats.MessageBits = 16
    period: formats.Period = 1
    phase: formats.Phase = 0


def largest_scale(parameters: Mapping[str, Floats], headroom: int = membrane.THRESHOLD_HEADROOM) -> float:
    """As far as `shift_in` reaches: there is no threshold that it could lie beyond."""
    return 2.0 ** (fraction_of(parameters)[0] + fixed.LARGEST_SHIFT)


def fraction_of(parameters: Mapping[str, Floats]) -> tuple[int, int]:
    """Fraction bits of `u` and `v`, and of a message: as many as hold the largest state, of all the neurons alike.

    An LsmError says, without its place, which parameters no format holds.
    """
    bound = formats.reach(parameters["activation"], parameters)  # a mean of what the activation gives, where it leaks
    goes_on = parameters["leak"] == 0
    return formats.fraction_of(parameters, np.where(goes_on, np.inf, bound), _first(parameters), goes_on)


def _first(parameters: Mapping[str, Floats]) -> Floats:
    """|v| when it is first sent: by step 0 no message has come, so the bias alone has moved it from `v_initial`."""
    driven = activations.of_floats(*(parameters[name] for name in ("activation", "bias", "clip_lo", "clip_hi")))
    moved = parameters["v_initial"] + parameters["leak_rate"] * (driven - parameters["leak"] * parameters["v_initial"])
    first: Floats = np.abs(np.where(parameters["phase"] == 0, moved, parameters["v_initial"]))
    return first


def to_registers(parameters: Mapping[str, Floats], scale: float, dt_ms: float) -> dict[str, Ints]:
    fraction, of_message = fraction_of(parameters)
    alpha = membrane.nearest(fixed.DECAY_UNITY * parameters["leak_rate"])
    return {
        "shift_in": np.full(len(alpha), round(np.log2(scale)) - fraction),
        "alpha": alpha,
        "leak": membrane.nearest(parameters["leak"]),
        **formats.to_registers(parameters, fraction, of_message),
    }


def to_parameters(registers: Mapping[str, Ints], scale: float, dt_ms: float) -> dict[str, Floats]:
    return {
        "leak_rate": registers["alpha"] / fixed.DECAY_UNITY,
        "leak": registers["leak"].astype(np.float64),
        **formats.to_parameters(registers),
    }


def leaks(registers: Mapping[str, Ints]) -> tuple[Ints, Ints]:
    return np.full(len(registers["alpha"]), fixed.DECAY_UNITY), registers["alpha"] * registers["leak"]


def largest_register(registers: Mapping[str, Ints], current: Floats) -> Floats:
    """|u|, which is clipped, as `v` is."""
    arrives = np.minimum(current / (1 << fixed.ACT_SHIFT), 2.0**31) * np.exp2(-registers["shift_in"].astype(np.float64))
    largest: Floats = np.minimum(arrives + 1 + np.abs(registers["bias"]), formats.HELD)
    return largest


largest_messages = formats.largest_messages
message_units = formats.message_units
sum_units = formats.sum_units
shortest_interval = formats.shortest_interval
threshold = formats.threshold
float_constants = formats.float_constants


def stuck(registers: Mapping[str, Ints], firing: bool) -> dict[str, Ints]:
    return formats.stuck(registers, firing)


def initial(registers: Mapping[str, Ints]) -> dict[str, Ints]:
    none = np.zeros(len(registers["alpha"]), np.int64)
    return {"u": none, "v": registers["v_initial"], "clock": none}


def step(registers: Mapping[str, Ints], state: Mapping[str, Ints], a: Ints) -> Step:
    sum_u = round_shift(fixed.wrap32(a), registers["shift_in"]) + registers["bias"]
    u = fixed.saturate24(sum_u)
    due = state["clock"] == registers["phase"]
    change = registers["alpha"] * (activate(registers["activation"], u, registers) - registers["leak"] * state["v"])
    sum_v = state["v"] + np.where(due, round_shift(change, fixed.DECAY_BITS), 0)
    v = fixed.saturate24(sum_v)
    message = round_shift(activate(registers["output"], v, registers), registers["message_shift"])
    largest = (1 << (registers["message_bits"] - 1)) - 1
    held = np.clip(message, -largest, largest)
    return Step(
        state={"u": u, "v": v, "clock": (state["clock"] + 1) % registers["period"]},
        spikes=np.where(due, held, 0).astype(np.int16),
        wrapped=u != sum_u,
        saturated=v != sum_v,
    )


def float_initial(constants: Mapping[str, Floats]) -> dict[str, Floats]:
    none = np.zeros(len(constants["bias"]))
    return {"u": none, "v": constants["v_initial"], "clock": none}


def float_step(constants: Mapping[str, Floats], state: Mapping[str, Floats], a: Floats) -> FloatStep:
    ends = constants["clip_lo"], constants["clip_hi"]
    u = a + constants["bias"]
    due = state["clock"] == constants["phase"]
    driven = activations.of_floats(constants["activation"], u, *ends)
    change = constants["leak_rate"] * (driven - constants["leak"] * state["v"])
    v = state["v"] + np.where(due, change, 0.0)
    sent = np.where(due, activations.of_floats(constants["output"], v, *ends), 0.0)
    return FloatStep(dict(u=u, v=v, clock=(state["clock"] + 1) % constants["period"]), sent)


def chip_view(register: str, values: NDArray[np.int32], spikes: Messages) -> NDArray[np.int32]:
    """Unknown: no recording covers this kind."""
    return unknown_view(NAME, STATE, register, values)
