"""The limits of the chips a program can be placed on, each with its source."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MAX_DELAY", "NOWHERE", "TARGETS", "Target"]

MAX_DELAY = 62
"""Steps. 6 bits; Lava takes 63, lava-dl refuses it, brian2_loihi stops at 62."""

MAX_WEIGHT_EXP = 7
"""Negative exponents exist, but the bit-accurate emulators disagree about them: none is ever emitted."""


@dataclass(frozen=True)
class Target:
    """One board: its name and the budgets that placement keeps to."""

    name: str
    chips: int
    cores_per_chip: int = 120
    """128 on the die (Intel's Loihi 2 brief); Lava's mapper places 120."""
    neurons_per_core: int = 4096
    """8192 in Intel's brief; 4096 units are seen in the compiler output of lava-dl's notebooks."""
    axons_per_core: int = 16000
    """Input axons; lava-dl's notebooks report 784 axons as 4.90 %."""
    groups_per_core: int = 8
    """Neuron groups; compiler output in lava-dl's notebooks."""
    synapse_units_per_core: int = 12000
    """Synapse memory in the units of the compiler's report; lava-dl's notebooks."""

    @property
    def cores(self) -> int:
        return self.chips * self.cores_per_chip


_ANY = (1 << 31) - 1

NOWHERE = Target("none", 1, 1, _ANY, _ANY, _ANY, 1 << 62)
"""No board: the network is not placed, its neurons all stand on core 0, and only the CPU backends can run it."""

TARGETS = {
    target.name: target
    for target in (Target("oheo_gulch", 1), Target("kapoho_point", 8), Target("hala_point", 1152), NOWHERE)
}
"""Chips a board: Intel's announcements of the three systems."""

SYNAPSE_UNITS = 0.32
"""Units of synapse memory a synapse, an upper envelope of the published allocations.

Oxford 200->256->200 dense takes 16128 and 16200 units for 51200 synapses each (0.315, 0.316); MNIST 784->128->64->10
takes 9408 units for 39200 synapses (0.24), 2016 for 8192 (0.246) and 192 for 640 (0.30): lava-dl's notebooks. So the
estimate is 1 to 2 % above the first two and up to a third above the others.
"""
