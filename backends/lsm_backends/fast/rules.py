"""What each neuron kind is to the kernels: the number that `kernels.update` knows it by, and its constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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


UNITY, SHIFT = fixed.DECAY_UNITY, fixed.ACT_SHIFT
RULES = {
    "LIF": Rule(0, _membrane),
    "TernaryLIF": Rule(1, lambda r: (*_membrane(r, vth="vth_hi"), r["vth_lo"] << SHIFT)),
    "LIFRefractory": Rule(2, lambda r: (*_membrane(r), r["refractory_period"])),
    "ATRLIF": Rule(
        3,
        lambda r: (
            *_membrane(r, "delta_i", "delta_v", "theta_0"),
            UNITY - r["delta_theta"],
            UNITY - r["delta_r"],
            r["theta_step"] << SHIFT,
        ),
    ),
}
LIMITS = Limits(kinds=tuple(RULES), graded_input=False)
