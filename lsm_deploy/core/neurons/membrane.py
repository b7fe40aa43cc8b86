"""What every spiking kind has: a leaky current and voltage, and a bias; floats, registers, and how far they reach.

A decay is 1 - exp(-dt / tau), in units of 1/4096. The arithmetic of a step stands in each kind's own file, in full.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lsm_deploy.core import fixed
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.neurons.kind import Floats

THRESHOLD_HEADROOM = 16
"""`v` may move this many thresholds from 0 before it saturates; a 16-bit sum can deliver a quarter of that at once."""
NEVER_DECAYS = 1e15
"""A time constant of so many steps is as good as endless, and is what stands for an endless one in floats."""
LEAST_HEADROOM = 4
"""What slow neurons are left with, where truncation would cost more than room."""


# --- bounds ---------------------------------------------------------------------------------------------------------


def largest_current(largest_sum: Ints, leak: Ints) -> Floats:
    """What |u| cannot exceed where no |sum| exceeds this: a geometric series, whose truncation only takes away.

    leak: what the current loses in a step, in units of 1/4096.
    """
    largest: Floats = largest_sum * float(fixed.DECAY_UNITY << fixed.ACT_SHIFT) / leak
    return largest


SLACK = 1 + 1e-9
"""What a bound in floats is made larger by, so that rounding cannot make it one of nothing."""


def steps_to(threshold: Ints, added: Floats, dv: Ints, begun: Floats | float = 0.0) -> Ints:
    """Steps before which `v`, from `begun`, cannot exceed `threshold` if a step adds no more than `added`; 0: never.

    0 <= begun <= threshold. With b = (4096 - dv) / 4096, v(n) <= V(n) = b^n * begun + added * (1 + ... + b^(n - 1)): it
    holds of n = 0, and if v <= V, V >= 0, then t0(v * b) <= b * V, as truncation takes a positive value down, and a
    negative one stays below 0. So v(n + 1) <= b * V(n) + added = V(n + 1), and what is clipped or reset to 0 on the way
    stays below too. V(n) > threshold asks for added / (1 - b) > threshold at all; then V rises with n.

    V(n + m) = b^m * V(n) + what V(m) is from 0, so the last n with V(n) <= threshold is found bit by bit, from sums and
    products of positive numbers alone: these round alike on every machine, a logarithm does not, and the answer is kept
    in files.
    """
    never = (added <= 0) | (threshold * (dv / fixed.DECAY_UNITY) >= added * SLACK)
    largest = np.where(never, 0.0, added) * SLACK
    leaks, which = np.unique(dv, return_inverse=True)
    left, sums = [1.0 - leaks / fixed.DECAY_UNITY], [np.ones(len(leaks))]  # b^m and 1 + b + ... + b^(m - 1): m = 1,
    for _ in range(_FAR_BITS - 1):  # 2, 4, ...
        sums.append(sums[-1] * (1.0 + left[-1]))
        left.append(left[-1] * left[-1])
    steps, v = np.zeros(len(which), np.int64), np.broadcast_to(begun, len(which))
    for bit in reversed(range(_FAR_BITS)):
        further = v * left[bit][which] + largest * sums[bit][which]
        below = further <= threshold
        steps, v = steps + (below.astype(np.int64) << bit), np.where(below, further, v)
    return np.where(never, 0, steps + 1)


_FAR_BITS = 20
"""Of the most steps that are told from any larger number of them."""


def bias(registers: Mapping[str, Ints]) -> Ints:
    return registers["bias_mant"] << registers["bias_exp"]


def largest_bias(registers: Mapping[str, Ints]) -> Ints:
    largest: Ints = np.abs(bias(registers))
    return largest


def stuck(registers: Mapping[str, Ints], firing: bool, threshold: str, **others: int) -> dict[str, Ints]:
    """Registers of a neuron that nothing reaches: at rest for ever, or one unit above a threshold of 0 in every step.

    others: registers that would keep it from firing, as they are then.
    """
    size = np.ones(_size(registers), np.int64)
    changed = {"bias_mant": firing, "bias_exp": 0, **({threshold: 0, **others} if firing else {})}
    return {**registers, **{name: size * value for name, value in changed.items()}}


def largest_scale(parameters: Mapping[str, Floats], threshold: Floats, headroom: int) -> float:
    """The largest scale at which `threshold` (with its headroom) and `bias` fit their registers."""
    by_threshold = 131072 / headroom / float(np.max(threshold))
    largest = float(np.max(np.abs(parameters["bias"])))
    return min(by_threshold, (4095 << 7) / (64 * largest)) if largest else by_threshold


# --- units of what is sent and of what arrives ------------------------------------------------------------------------


def largest_messages(registers: Mapping[str, Ints]) -> Ints:
    return np.ones(_size(registers), np.int64)


def message_units(registers: Mapping[str, Ints]) -> Floats:
    return np.ones(_size(registers))


def sum_units(registers: Mapping[str, Ints], scale: float, port: int = 0) -> Floats:
    return np.full(_size(registers), scale)


def _size(registers: Mapping[str, Ints]) -> int:
    return len(next(iter(registers.values())))


# --- floats to registers, unbounded (the caller clips and counts), and back -------------------------------------------


def nearest(x: Floats) -> Ints:
    """The nearest whole numbers, held to what 64 bits hold: the caller clips them further."""
    return np.rint(fixed.stable(np.clip(x, -(2.0**62), 2.0**62))).astype(np.int64)


def decay_of(tau_ms: Floats, dt_ms: float) -> Ints:
    """The nearest decay in units of 1/4096; a time constant of 0 gives 4096, exactly."""
    with np.errstate(divide="ignore"):
        return nearest(-4096 * np.expm1(-dt_ms / tau_ms))


def tau_of(decay: Ints, dt_ms: float) -> Floats:
    """The time constant in ms of a decay in units of 1/4096; infinite for 0."""
    with np.errstate(divide="ignore"):
        tau: Floats = -dt_ms / np.log1p(-(decay / 4096))
    return tau


def factor_of(tau_ms: Floats, dt_ms: float) -> Floats:
    """What a step leaves of what decays with this time constant: all for an infinite one, nothing for 0."""
    with np.errstate(divide="ignore"):
        factor: Floats = np.exp(-dt_ms / tau_ms)
    return factor


def quantise_bias(value: Floats, scale: float) -> dict[str, Ints]:
    """Mantissa and exponent, no larger than the mantissa needs, of a bias in units of weight."""
    whole = np.rint(64 * scale * value).astype(np.int64)
    exponent = np.zeros(len(whole), np.int64)
    mantissa = whole.copy()
    while (too_wide := (np.abs(mantissa) > 4095) & (exponent < 7)).any():
        exponent[too_wide] += 1
        mantissa[too_wide] = np.rint(whole[too_wide] / 2.0 ** exponent[too_wide]).astype(np.int64)
    return {"bias_mant": mantissa, "bias_exp": exponent}


def realise_bias(registers: Mapping[str, Ints], scale: float) -> Floats:
    value: Floats = (registers["bias_mant"] << registers["bias_exp"]) / (64 * scale)
    return value
