"""What reading somebody else's network came to: the network, and a line of account for each of the file's nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import Network, QNetwork
from lsm_deploy.core.shown import Reported

__all__ = ["Line", "Reading", "Verdict"]

Verdict: TypeAlias = Literal["exact", "approximated", "assumed"]
"""What cannot be read is no line but an LsmError that names the node, all of them at once."""


@dataclass(frozen=True)
class Line:
    """What became of one node of a file.

    node, kind: its name and its type in the file. what: a sentence, what it became, or was approximated by, and by
    how much."""

    node: str
    kind: str
    verdict: Verdict
    what: str


@dataclass(frozen=True, eq=False, repr=False)
class Reading(Reported):
    """A network that was read: in floats, or in the chip's integers.

    output: the population whose spikes are the answer. lags: by population, how many steps later than in its source a
    spike comes, because every synapse takes a step here; the same everywhere, so nothing else changes.
    """

    network: Network | QNetwork
    output: str
    lines: tuple[Line, ...]
    lags: Mapping[str, int] = field(default_factory=dict)

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, "lags")

    @property
    def losses(self) -> tuple[Line, ...]:
        """What was approximated."""
        return tuple(line for line in self.lines if line.verdict == "approximated")
