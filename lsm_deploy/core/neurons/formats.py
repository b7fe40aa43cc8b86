"""How many bits of a graded neuron's numbers stand behind the point: as many as leave room for the largest state."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import activations, fixed
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.neurons.kind import Floats

MOST_FRACTION_BITS = 20
"""`u` then reaches +-8, where tanh is 1 to 7 digits: a finer one saturates what tells inputs apart."""
SLOWEST = 0.5 / fixed.DECAY_UNITY
"""A leak rate that rounds to no unit."""
LARGEST_STATE = 1 << (23 - activations.FEWEST_FRACTION_BITS)


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
