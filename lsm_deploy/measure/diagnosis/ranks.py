"""Kernel quality and generalisation rank: how many inputs a linear readout can tell apart, and how much noise.

Legenstein & Maass, Neural Networks 20 (2007): the rank of the states in which m different inputs end bounds what linear
readouts can do with them; the rank for m noisy variants of one input estimates their VC dimension, and is the smaller
the better they generalise. Liquids in which the difference of the two is large computed best.

Different inputs are Poisson samples; variants are one of them with every spike moved by a normal deviate.
"""

from __future__ import annotations

from dataclasses import dataclass

from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.streams import stream
from lsm_deploy.measure.diagnosis.liquid import Specimen
from lsm_deploy.measure.diagnosis.state_space import effective_rank, final_states, numerical_rank
from lsm_deploy.measure.diagnosis.stimuli import end_to_end, jittered, poisson

__all__ = ["INPUTS", "JITTER_MS", "Rank", "Ranks", "rank_stimuli", "ranks"]

INPUTS = 400
LENGTH_MS = 100.0
JITTER_MS = 2.0
"""The standard deviation of a spike's time in variants."""


@dataclass(frozen=True)
class Rank:
    numerical: int
    effective: float


@dataclass(frozen=True)
class Ranks:
    """most: what no rank can exceed, the smaller of inputs and neurons."""

    most: int
    kernel: Rank
    generalisation: Rank


def rank_stimuli(channels: int, probability: float, dt_ms: float, seed: int) -> tuple[Stimulus, Stimulus]:
    """Different inputs, and variants of one."""
    steps = max(1, round(LENGTH_MS / dt_ms))
    rng = stream(seed, "diagnose", "ranks")
    different = [poisson(steps, channels, probability, rng) for _ in range(INPUTS)]
    variants = [jittered(different[0], JITTER_MS / dt_ms, rng) for _ in range(INPUTS)]
    return end_to_end(different), end_to_end(variants)


def ranks(liquid: Specimen, stimuli: tuple[Stimulus, Stimulus], tau_steps: float) -> Ranks:
    """Of the states in which different inputs end, and variants of one."""
    pair = []
    for stimulus in stimuli:
        states = final_states(liquid.spikes(stimulus), stimulus, tau_steps)
        pair.append(Rank(numerical_rank(states), effective_rank(states)))
    return Ranks(min(states.shape), *pair)
