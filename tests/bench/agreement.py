"""Whether simulators say the same, spike for spike; and how far off those are that do not promise to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Agreement", "DisagreementError", "check", "compare"]


class DisagreementError(Exception):
    """A simulator that is exact has other spikes than the reference: nothing it takes is worth timing."""


@dataclass(frozen=True)
class Agreement:
    """Spikes of one simulator beside those of the reference, over the same steps."""

    spikes: int
    reference: int
    shared: int
    """Spikes of the same neuron in the same step."""
    first: tuple[int, int] | None
    """Step and neuron of the first spike that only one of them has."""

    @property
    def equal(self) -> bool:
        return self.first is None


def compare(spikes: tuple[NDArray[Any], NDArray[Any]], reference: tuple[NDArray[Any], NDArray[Any]]) -> Agreement:
    """Each is step and neuron of all spikes."""
    width = 1 + max((int(neuron.max(initial=0)) for _, neuron in (spikes, reference)))
    ours, theirs = (t.astype(np.int64) * width + neuron for t, neuron in (spikes, reference))
    apart = np.setxor1d(ours, theirs)
    first = (int(apart[0]) // width, int(apart[0]) % width) if len(apart) else None
    return Agreement(len(ours), len(theirs), len(np.intersect1d(ours, theirs)), first)


def check(name: str, exact: bool, found: Agreement) -> None:
    """DisagreementError: it is exact, and is not equal."""
    twice = found.spikes != found.reference
    if exact and (not found.equal or twice):
        place = f"first at step {found.first[0]}, neuron {found.first[1]}" if found.first else "some said twice"
        raise DisagreementError(f"{name}: {found.spikes} spikes, the reference {found.reference}; {place}")
