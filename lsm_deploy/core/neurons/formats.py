"""What every graded kind has: numbers with a point, what they are sent as, and a clock; in floats and in registers.

As many bits of a number stand behind the point as leave room for the largest state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
from annotated_types import Ge, Le, MultipleOf
from numpy.typing import NDArray

from lsm_deploy.core import activations, fixed
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.messages import LARGEST_BITS
from lsm_deploy.core.neurons import membrane
from lsm_deploy.core.neurons.kind import Floats

MOST_FRACTION_BITS = 20
"""`u` then reaches +-8, where tanh is 1 to 7 digits: a finer one saturates what tells inputs apart."""
SLOWEST = 0.5 / fixed.DECAY_UNITY
"""A leak rate that rounds to no unit."""
LARGEST_STATE = 1 << (23 - activations.FEWEST_FRACTION_BITS)
HELD = fixed.UV_LIMIT - 1
"""The largest number of 24 bits."""
LARGEST_SUM = HELD
LONGEST_PERIOD = 4096

Activation = Literal["identity", "clip", "relu", "tanh", "quadratic", "sigmoid"]


@dataclass(frozen=True)
class Parameters:
    """What a user writes of any graded kind."""

    activation: Activation = "tanh"
    """What the input becomes: identity, clip, relu, tanh, quadratic or sigmoid."""
    output: Activation = "identity"
    """What is sent of `v`."""
    bias: float = 0.0
    """Added to the input."""
    clip_lo: float = -1.0
    """Where the activation clip ends."""
    clip_hi: float = 1.0
    """Where the activation clip ends."""
    v_initial: float = 0.0
    """What `v` begins at."""
    state_range: Annotated[float, Ge(0)] = 0.0
    """The largest |v| that is to be held; 0 leaves it to what bounds it, if anything does."""
    message_bits: Annotated[float, Ge(2), Le(LARGEST_BITS), MultipleOf(1)] = 16.0
    """Of what is sent, with its sign."""
    period: Annotated[float, Ge(1), Le(LONGEST_PERIOD), MultipleOf(1)] = 1.0
    """Steps between two that move `v`."""
    phase: Annotated[float, Ge(0), Le(LONGEST_PERIOD - 1), MultipleOf(1)] = 0.0
    """The first step that does, counted from 0."""


# Registers, whose order each kind has for itself: programs are kept in it.
Shift: TypeAlias = Annotated[int, Ge(-fixed.LARGEST_SHIFT), Le(fixed.LARGEST_SHIFT)]
Number: TypeAlias = Annotated[int, Ge(-HELD), Le(HELD)]
ActivationNumber: TypeAlias = Annotated[int, Ge(0), Le(len(activations.ACTIVATIONS) - 1)]
FractionBits: TypeAlias = Annotated[int, Ge(activations.FEWEST_FRACTION_BITS), Le(activations.TABLE_FRACTION)]
MessageBits: TypeAlias = Annotated[int, Ge(2), Le(LARGEST_BITS)]
Period: TypeAlias = Annotated[int, Ge(1), Le(LONGEST_PERIOD)]
Phase: TypeAlias = Annotated[int, Ge(0), Le(LONGEST_PERIOD - 1)]
LOWEST, HIGHEST = -(1 << MOST_FRACTION_BITS), 1 << MOST_FRACTION_BITS
"""Where clip ends if nobody says so: at -1 and 1, with the most bits behind the point."""

_WHOLE = ("activation", "output", "message_bits", "period", "phase")


def to_registers(parameters: Mapping[str, Floats], fraction: int, of_message: int) -> dict[str, Ints]:
    """The registers of what `Parameters` says, for so many fraction bits of a number and of a message."""
    unit = float(1 << fraction)
    size = np.ones(len(parameters["bias"]), np.int64)
    return {
        **{name: membrane.nearest(parameters[name]) for name in _WHOLE},
        "bias": membrane.nearest(unit * parameters["bias"]),
        "lo": membrane.nearest(np.clip(unit * parameters["clip_lo"], -HELD, HELD)),
        "hi": membrane.nearest(np.clip(unit * parameters["clip_hi"], -HELD, HELD)),
        "v_initial": membrane.nearest(unit * parameters["v_initial"]),
        "fraction_bits": size * fraction,
        "message_shift": size * (fraction - of_message),
    }


def to_parameters(registers: Mapping[str, Ints]) -> dict[str, Floats]:
    """All but `state_range`, of which the fraction bits are what is left."""
    unit = np.exp2(registers["fraction_bits"].astype(np.float64))
    return {
        **{name: registers[name].astype(np.float64) for name in _WHOLE},
        "bias": registers["bias"] / unit,
        "clip_lo": registers["lo"] / unit,
        "clip_hi": registers["hi"] / unit,
        "v_initial": registers["v_initial"] / unit,
    }


def largest_messages(registers: Mapping[str, Ints]) -> Ints:
    largest: Ints = (1 << (registers["message_bits"] - 1)) - 1
    return largest


def message_units(registers: Mapping[str, Ints]) -> Floats:
    units: Floats = np.exp2((registers["fraction_bits"] - registers["message_shift"]).astype(np.float64))
    return units


def sum_units(registers: Mapping[str, Ints], scale: float, port: int = 0) -> Floats:
    """Said by shifts alone: the scale is what they were made of."""
    shift = registers["shift_in_gate" if port else "shift_in"]
    units: Floats = np.exp2((registers["fraction_bits"] + shift).astype(np.float64))
    return units


def shortest_interval(registers: Mapping[str, Ints], most: Floats, least: Floats, cleared: bool) -> Ints:
    """It may send in every step in which `v` moves; clearing sets its clock back."""
    return np.ones_like(registers["period"]) if cleared else registers["period"]


def threshold(registers: Mapping[str, Ints]) -> Ints:
    """There is none: what no voltage passes."""
    return np.full(len(registers["bias"]), HELD)


def float_constants(parameters: Mapping[str, Floats], dt_ms: float) -> dict[str, Floats]:
    return {name: values for name, values in parameters.items() if name not in ("state_range", "message_bits")}


def fraction_of(
    parameters: Mapping[str, Floats], bound: Floats, first: Floats, goes_on: NDArray[np.bool_]
) -> tuple[int, int]:
    """Fraction bits of `u` and `v`, and of a message, of all the neurons alike.

    bound: what |v| cannot exceed `[neuron]`, where no `state_range` says so. first: |v| when it is first sent.
    goes_on: which of them integrate, and get a bit more than what they were seen to reach."""
    held = np.where(parameters["state_range"] > 0, parameters["state_range"], bound)
    state = np.maximum(held, np.abs(parameters["v_initial"]))
    raise_all(_mistakes(parameters, state))
    sent = np.minimum(reach(parameters["output"], parameters), np.maximum(held, first))
    bits = int(parameters["message_bits"].min()) - 1
    of_state = min(MOST_FRACTION_BITS, 23 - int(goes_on.any()) - _whole_bits(state))
    of_message = max(0, min(bits - _whole_bits(sent), of_state + fixed.LARGEST_SHIFT))
    return max(of_state, activations.FEWEST_FRACTION_BITS), of_message


def _mistakes(parameters: Mapping[str, Floats], state: Floats) -> list[LsmError]:
    """Where parameters contradict each other, or the largest |v| of each neuron has no format."""
    errors = []
    if (parameters["phase"] >= parameters["period"]).any():
        what = "phase is not below period: a neuron's turn never comes, and it stays silent"
        errors.append(LsmError(what, hint="count phase from 0 to period - 1"))
    if "leak_rate" in parameters and (slow := parameters["leak_rate"].min()) <= SLOWEST:
        what = f"a leak_rate of {slow:g} rounds to nothing: the neuron would never move"
        errors.append(LsmError(what, hint=f"give more than {SLOWEST:g}, or let it move once in a `period` of steps"))
    if (parameters["clip_lo"] > parameters["clip_hi"]).any():
        errors.append(LsmError("clip_lo is above clip_hi: nothing lies between them", hint="exchange them"))
    if not np.isfinite(state).all():
        hint = "give `state_range`, the largest value that it reaches, or let an activation or `leak` bound it"
        errors.append(LsmError("nothing bounds the state: its range is unknown", hint=hint))
    elif state.max(initial=0.0) > LARGEST_STATE:
        what = f"a state of {state.max():g} does not fit 24 bits, of which a tanh needs some below the point"
        hint = f"give a `state_range` and a `v_initial` of at most {LARGEST_STATE}, or scale what drives it"
        errors.append(LsmError(what, hint=hint))
    return errors


def reach(number: Floats, parameters: Mapping[str, Floats]) -> Floats:
    """What an activation, by number `[neuron]`, cannot exceed in magnitude."""
    reach = np.full(number.shape, np.inf)
    for each, bound in activations.BOUNDS.items():
        reach[number == each] = bound
    clipped = np.maximum(np.abs(parameters["clip_lo"]), np.abs(parameters["clip_hi"]))
    return np.where(number == activations.CLIP, clipped, reach)


def _whole_bits(largest: Floats) -> int:
    """Bits before the point; a power of two itself is one unit too much, and is clipped by that unit."""
    return int(np.ceil(np.log2(fixed.stable(np.maximum(largest, 2.0**-8)).max())))


def stuck(registers: Mapping[str, Ints], firing: bool, **others: int) -> dict[str, Ints]:
    """Registers of a neuron that nothing reaches: its number is 0, or the largest, for ever; others: what moves it."""
    size = np.ones(len(registers["bias"]), np.int64)
    held = HELD if firing else 0
    alike = {"activation": activations.IDENTITY, "output": activations.IDENTITY, "message_shift": 0}
    changed = {**alike, "bias": held, "v_initial": held, **others}
    return {**registers, **{name: size * value for name, value in changed.items()}}
