"""Separation: how far apart a liquid puts what is different.

Point-wise (Maass, Natschlaeger & Markram, Neural Comp. 14, 2002): pairs of inputs at a distance, and the distance of
the states that they lead to. Both are van Rossum's in units of what the two hold between them (`fidelity.distances`): 0
for equal trains, 1 for trains without a common spike. Inputs are Poisson samples; a pair differs in a share of channels
and steps that was drawn again.

Between classes (Norton & Ventura, Neurocomputing 73, 2010), with m(c) the mean of the final states of class c of n:

    between = sum over c, d of |m(c) - m(d)| / n^2           within = sum over c of mean |m(c) - x|, x in c, / n
    separation = between / (within + 1)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.streams import stream
from lsm_deploy.measure.diagnosis.liquid import Specimen
from lsm_deploy.measure.diagnosis.stimuli import end_to_end, poisson, redrawn
from lsm_deploy.measure.fidelity import compare_spikes

__all__ = ["SHARES", "ClassSeparation", "Pairs", "Separation", "pairs_of", "separate", "separate_classes"]

SHARES = (0.02, 0.1, 0.5)
"""Of an input's channels and steps that are drawn again, one after the other."""
PAIRS = 10
LENGTH_MS = 200.0


@dataclass(frozen=True, eq=False)
class Pairs:
    """Samples, and the same samples with a share of each redrawn, for each share."""

    samples: Stimulus
    others: tuple[Stimulus, ...]


@dataclass(frozen=True)
class Separation:
    """The distance of the inputs of pairs, and of the states they lead to; one each for each share of `SHARES`."""

    inputs: tuple[float, ...]
    states: tuple[float, ...]


@dataclass(frozen=True)
class ClassSeparation:
    """between, within: distances of states as above, in spikes. classes: how many there are."""

    classes: int
    between: float
    within: float

    @property
    def separation(self) -> float:
        return self.between / (self.within + 1)

    @property
    def ratio(self) -> float | None:
        """between / within, which has no unit: comparable with that of the input. None where nothing varies."""
        return self.between / self.within if self.within > 0 else None


def pairs_of(channels: int, probability: float, dt_ms: float, seed: int) -> Pairs:
    steps = max(1, round(LENGTH_MS / dt_ms))
    rng = stream(seed, "diagnose", "separation")
    samples = [poisson(steps, channels, probability, rng) for _ in range(PAIRS)]
    others = [[redrawn(rows, share, probability, rng) for rows in samples] for share in SHARES]
    return Pairs(end_to_end(samples), tuple(end_to_end(each) for each in others))


def separate(liquid: Specimen, pairs: Pairs, tau_steps: float) -> Separation:
    """Run all pairs and compare."""
    starts, base = pairs.samples.starts, liquid.spikes(pairs.samples)
    inputs = [compare_spikes(pairs.samples.spikes, other.spikes, starts, tau_steps) for other in pairs.others]
    states = [compare_spikes(base, liquid.spikes(other), starts, tau_steps) for other in pairs.others]
    return Separation(tuple(d.relative for d in inputs), tuple(d.relative for d in states))


def separate_classes(states: Floats, labels: Sequence[str]) -> ClassSeparation | None:
    """Of final states `[sample, neuron]`; None of fewer than two classes."""
    names = sorted(set(labels))
    if len(names) < 2:
        return None
    of_class = [states[[label == name for label in labels]] for name in names]
    means = np.stack([each.mean(axis=0) for each in of_class])
    return ClassSeparation(
        classes=len(names),
        between=float(np.linalg.norm(means[:, None] - means[None], axis=2).mean()),
        within=float(np.mean([np.linalg.norm(x - m, axis=1).mean() for x, m in zip(of_class, means, strict=True)])),
    )
