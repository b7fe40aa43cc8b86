"""What quantisation changed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lsm_deploy.core.boards import MAX_DELAY

__all__ = ["FEW_LEVELS", "PopulationCost", "ProjectionCost", "RoundingLoss"]

_EXACT = 1e-6
FEW_LEVELS = 8
"""Weights of more values than this that are left with fewer have collapsed."""


@dataclass(frozen=True)
class PopulationCost:
    """Parameters asked for and realised, as means over the population, and what could not be held."""

    name: str
    scale: float
    asked: Mapping[str, float]
    realised: Mapping[str, float]
    compensation: float
    """What thresholds were divided by, in the mean, to make up for what the integers lose; 1 where they were not."""
    clipped: Mapping[str, int]
    """Values of each register that had to be clipped to its bounds."""
    far: Mapping[str, int]
    """Values of each parameter that are realised more than a tenth off: rounded to nothing, or out of reach."""


@dataclass(frozen=True)
class ProjectionCost:
    """What became of a projection's weights and delays."""

    name: str
    synapses: int
    weight_exp: int
    num_weight_bits: int
    levels: int
    """Different weights that are left."""
    rounded_to_zero: int
    """Synapses whose weight is less than half a step of the grid; they are gone."""
    clipped: int
    """Weights beyond the end of the grid: no exponent reaches them, or a finer grid serves all others better."""
    collapsed: bool
    """Many values became fewer than 8."""
    delays_clipped: int
    """Delays beyond 62 steps."""
    delay_error_ms: float
    """The largest change of a delay."""
    rms_error: float
    """Of the weights, as a share of their root mean square."""

    @property
    def snr_db(self) -> float | None:
        """Signal to noise of the weights; None where the grid holds them exactly, but for the rounding of floats."""
        return -20 * math.log10(self.rms_error) if self.rms_error > _EXACT else None


@dataclass(frozen=True)
class RoundingLoss:
    """What quantisation changed; exact parts cost nothing and are not listed."""

    populations: tuple[PopulationCost, ...]
    projections: tuple[ProjectionCost, ...]

    @property
    def losses(self) -> Sequence[str]:
        """Each lossy step beyond rounding to the grid, as a sentence."""
        losses = []
        for p in self.populations:
            here = f"of population {p.name!r}"
            losses += [f"{count} values of {r} {here} clipped" for r, count in p.clipped.items() if count]
            losses += [f"{count} values of {r} {here} off by more than 10 %" for r, count in p.far.items() if count]
        for q in self.projections:
            what = f"of {q.synapses} synapses of {q.name!r}"
            losses += [f"{q.rounded_to_zero} {what} rounded to zero"] if q.rounded_to_zero else []
            losses += [f"weights {what} clipped: {q.clipped}"] if q.clipped else []
            losses += [f"weights {what} collapsed onto {q.levels} levels"] if q.collapsed else []
            losses += [f"delays {what} clipped to {MAX_DELAY} steps: {q.delays_clipped}"] if q.delays_clipped else []
        return losses
