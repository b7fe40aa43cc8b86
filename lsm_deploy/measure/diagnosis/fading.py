"""Fading memory, or the echo-state property: does the liquid forget where it started from?

Two runs of the same input after different histories must end in the same state: Jaeger, GMD Report 148 (2001), and what
Maass, Natschlaeger & Markram, Neural Comp. 14 (2002), ask of every filter in a liquid. In integers that can be exact:
once all registers of all neurons are equal, and what is in flight with them, the two runs are one for ever. In floats
registers come near each other, and are equal only when rounding makes them so.

"Equal from" is the step after the last difference, if none follows for TAIL_MS: spikes are rare, and a few steps that
are alike are no end of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.streams import stream
from lsm_deploy.measure.diagnosis.liquid import Specimen, loud
from lsm_deploy.measure.diagnosis.stimuli import Rows, end_to_end, poisson
from lsm_deploy.measure.fidelity import filtered

__all__ = ["SAME_MS", "Fading", "fading", "histories"]

PAIRS = 5
HISTORY_MS = 200.0
SAME_MS = 1000.0
"""The common input."""
TAIL_MS = 100.0
"""Of it that has to pass without a difference, up to its end."""


@dataclass(frozen=True)
class Fading:
    """Of each pair, after how many ms of common input all spikes, and all registers, are equal up to its end; None:
    not within SAME_MS - TAIL_MS. distance: of the states `[step of common input]`, 0 equal, all pairs together."""

    spikes_ms: tuple[float | None, ...]
    registers_ms: tuple[float | None, ...]
    distance: tuple[float, ...]


def histories(channels: int, probability: float, dt_ms: float, seed: int) -> Sequence[Stimulus]:
    """Pairs of samples that are alike from HISTORY_MS on."""
    before, after = (max(1, round(ms / dt_ms)) for ms in (HISTORY_MS, SAME_MS))
    rng = stream(seed, "diagnose", "fading")

    def pair() -> list[Rows]:
        same = poisson(after, channels, probability, rng)
        return [np.concatenate([poisson(before, channels, probability, rng), same]) for _ in range(2)]

    return [end_to_end(pair()) for _ in range(PAIRS)]


def fading(liquid: Specimen, pairs: Sequence[Stimulus], tau_steps: float) -> Fading:
    """Run each pair by itself, as every register of every neuron is recorded."""
    dt_ms = liquid.network.dt_ms
    same = round(SAME_MS / dt_ms)
    spikes_ms, registers_ms = [], []
    apart, held = np.zeros(same), np.zeros(same)
    for pair in pairs:
        spikes, registers = liquid.run(loud(pair, liquid.network.input), liquid.registers)
        first, second = np.split(spikes, 2)
        spikes_ms.append(_equal_from(first[-same:] != second[-same:], dt_ms))
        halves = [np.split(values, 2) for values in registers.values()]
        differ = np.stack([(a[-same:] != b[-same:]).any(axis=1) for a, b in halves], axis=1)
        registers_ms.append(_equal_from(differ, dt_ms))
        x, y = (filtered(each[:, liquid.read], tau_steps)[-same:] for each in (first, second))
        apart += ((x - y) ** 2).sum(axis=1)
        held += (x**2 + y**2).sum(axis=1)
    distance: Floats = np.sqrt(apart / np.where(held > 0, held, 1.0))
    return Fading(tuple(spikes_ms), tuple(registers_ms), tuple(distance.tolist()))


def _equal_from(differ: NDArray[np.bool_], dt_ms: float) -> float | None:
    """The time after the last difference `[t, any]`; None where that lies in the tail."""
    steps = np.flatnonzero(differ.any(axis=1))
    equal_ms = (int(steps[-1]) + 1 if len(steps) else 0) * dt_ms
    return equal_ms if equal_ms <= SAME_MS - TAIL_MS else None
