"""What a spike carries: 1 for a binary kind, -1 or +1 for a ternary one, an integer for a graded one.

Loihi 2 calls the last graded spikes, and so do we. A message is what a synapse multiplies by its weight; 0 is no spike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["BINARY", "LARGEST_BITS", "TERNARY", "Message", "Messages"]

Messages: TypeAlias = NDArray[Any]
"""Of every neuron or channel: int8, or int16 where a kind is graded; float64 where the network is of floats."""

LARGEST_BITS = 16
"""Of a message: beyond, no sum of some hundred of them times a weight fits the 32 bits that they are added in."""


@dataclass(frozen=True)
class Message:
    """A message of so many bits, one of them the sign where it is `signed`; 2**fraction of its units are 1.0."""

    bits: int
    signed: bool
    fraction: int = 0

    def __post_init__(self) -> None:
        if not 1 + self.signed <= self.bits <= LARGEST_BITS - (not self.signed):
            raise ValueError(f"a message of {self.bits} bits")
        if not 0 <= self.fraction <= LARGEST_BITS:
            raise ValueError(f"a message whose fraction has {self.fraction} bits")

    @property
    def largest(self) -> int:
        """The largest magnitude."""
        return (1 << (self.bits - self.signed)) - 1

    @property
    def least(self) -> int:
        return -self.largest if self.signed else 0

    @property
    def graded(self) -> bool:
        """It says more than that there was a spike, and of which sign."""
        return self.largest > 1

    @property
    def unit(self) -> float:
        """Its units to 1.0."""
        return float(1 << self.fraction)

    @property
    def dtype(self) -> type[np.signedinteger[Any]]:
        """The narrowest type that holds it."""
        return np.int8 if self.largest <= np.iinfo(np.int8).max else np.int16

    def of(self, units: NDArray[np.float64]) -> Messages:
        """Values in its units as messages: the nearest, halves away from zero, within its ends."""
        nearest = np.copysign(np.floor(np.abs(units) + 0.5), units)
        return np.clip(nearest, self.least, self.largest).astype(self.dtype)

    def __str__(self) -> str:
        if self.graded:
            return f"integers from {self.least} to {self.largest}"
        return "-1, 0 and 1" if self.signed else "0 and 1"


BINARY = Message(1, False)
TERNARY = Message(2, True)
