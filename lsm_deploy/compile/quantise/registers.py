"""Registers within their bounds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.neurons import KINDS, bounds
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["registers_of"]


def registers_of(
    kind: str, parameters: Mapping[str, Floats], scale: float, dt_ms: float
) -> tuple[dict[str, Ints], dict[str, int]]:
    """The nearest registers that the chip holds, and how many of each had to be clipped for it."""
    declaration, registers, clipped = KINDS[kind].Registers, {}, {}
    for name, values in KINDS[kind].to_registers(parameters, scale, dt_ms).items():
        low, high = bounds(declaration, name)
        registers[name] = np.clip(values, int(low), int(high))
        clipped[name] = int((registers[name] != values).sum())
    return registers, clipped
