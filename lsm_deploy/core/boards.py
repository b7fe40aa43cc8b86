"""The limits of the chips a program can be placed on, each with its source."""

from __future__ import annotations

from dataclasses import dataclass

from lsm_deploy.core.errors import MisuseError

__all__ = ["BOARDS", "BOARD_NAMES", "MAX_DELAY", "MAX_WEIGHT_EXP", "NOWHERE", "Board", "board_named"]

MAX_DELAY = 62
"""Steps. 6 bits; Lava takes 63, lava-dl refuses it, brian2_loihi stops at 62."""

MAX_WEIGHT_EXP = 7
"""Negative exponents exist, but the bit-accurate emulators disagree about them: none is ever emitted."""


@dataclass(frozen=True)
class Board:
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
    """Synapse memory in the units of the compiler's report; lava-dl's notebooks. See `encoding`."""
    chips_across: int = 1
    """Chips side by side; no map is published, so as near to a square as divides their number."""

    @property
    def cores(self) -> int:
        return self.chips * self.cores_per_chip


_ANY = (1 << 31) - 1

NOWHERE = Board("none", 1, 1, _ANY, _ANY, _ANY, 1 << 62)
"""No board: the network is not placed, its neurons all stand on core 0, and only the CPU backends can run it."""

BOARDS = {
    target.name: target
    for target in (
        Board("oheo_gulch", 1),
        Board("kapoho_point", 8, chips_across=4),
        Board("hala_point", 1152, chips_across=36),
        NOWHERE,
    )
}
"""Chips a board: Intel's announcements of the three systems."""

BOARD_NAMES = tuple(name for name in BOARDS if name != NOWHERE.name)


def board_named(name: str) -> Board:
    """The board of that name; a MisuseError where there is none."""
    if not isinstance(name, str) or name not in BOARDS:
        raise MisuseError(f"there is no board {name!r:.40}", hint=f"choose from {', '.join(BOARDS)}")
    return BOARDS[name]
