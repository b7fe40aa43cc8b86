"""What each neuron kind is to the kernels: the number that they know it by, and its constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lsm_deploy.core import fixed
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.limits import Limits

__all__ = ["LIMITS", "RULES", "Rule"]


@dataclass(frozen=True)
class Rule:
    """One kind: its number, and from its registers the constants, in the order in which its kernel takes them."""

    number: int
    constants: Callable[[Mapping[str, Ints]], tuple[Ints, ...]]


def _membrane(registers: Mapping[str, Ints], du: str = "du", dv: str = "dv", vth: str = "vth") -> tuple[Ints, ...]:
    return (
        UNITY - (registers[du] + 1),
        UNITY - registers[dv],
        registers[vth] << SHIFT,
        registers["bias_mant"] << registers["bias_exp"],
    )


def _taken(registers: Mapping[str, Ints]) -> tuple[Ints, Ints]:
    """What a spike takes from the voltage in its own step, and in the step after it."""
    threshold, late = registers["vth"] << SHIFT, registers["reset_delay"] == 1
    return np.where(late, 0, threshold), np.where(late, threshold, 0)


def _in_two(shift: Ints) -> tuple[Ints, Ints]:
    """To the right, and to the left."""
    return np.maximum(shift, 0), np.maximum(-shift, 0)


def _graded(registers: Mapping[str, Ints]) -> tuple[Ints, ...]:
    return (
        *_in_two(registers["shift_in"]),
        *(registers[name] for name in ("bias", "lo", "hi", "fraction_bits")),
        *_in_two(registers["message_shift"]),
        (1 << (registers["message_bits"] - 1)) - 1,
        registers["period"],
        registers["phase"],
    )


UNITY, SHIFT = fixed.DECAY_UNITY, fixed.ACT_SHIFT
RULES = {
    "LIF": Rule(0, _membrane),
    "TernaryLIF": Rule(1, lambda r: (*_membrane(r, vth="vth_hi"), r["vth_lo"] << SHIFT)),
    "LIFRefractory": Rule(2, lambda r: (*_membrane(r), r["refractory_period"])),
    "LIFSubtract": Rule(3, lambda r: (*_membrane(r), *_taken(r))),
    "ATRLIF": Rule(
        4,
        lambda r: (
            *_membrane(r, "delta_i", "delta_v", "theta_0"),
            UNITY - r["delta_theta"],
            UNITY - r["delta_r"],
            r["theta_step"] << SHIFT,
        ),
    ),
    "GradedLI": Rule(5, lambda r: (*_graded(r), r["alpha"], r["leak"])),
    "GatedLI": Rule(
        6, lambda r: (*_graded(r), *_in_two(r["shift_in_gate"]), *(r[name] for name in ("bias_gate", "fused", "base")))
    ),
}
LIMITS = Limits(kinds=tuple(RULES))
