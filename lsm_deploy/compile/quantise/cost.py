"""What quantisation changed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lsm_deploy.core.boards import MAX_DELAY

__all__ = ["FAR", "FEW_LEVELS", "PopulationCost", "ProjectionCost", "RoundingLoss"]

_EXACT = 1e-6
FAR = 0.1
"""What is realised further off than this share of itself is a loss."""
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
    infinite: Mapping[str, int]
    """Values of each time constant that became infinite, so that what they are of never decays; not among `far`."""


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
    delays_far: int
    """Delays that rounding to steps moves by more than a tenth; a tenth of nothing is nothing."""
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
    def gone(self) -> Sequence[str]:
        """What is not there any more, or is there for ever: those of `losses` that make another network of it."""
        lost = [
            f"all {q.synapses} synapses of {q.name!r} rounded to zero"
            for q in self.projections
            if q.rounded_to_zero == q.synapses > 0
        ]
        for p in self.populations:
            here = f"of population {p.name!r} became infinite: dt_ms is too small for"
            lost += [f"{count} values of {r} {here} {r}" for r, count in p.infinite.items() if count]
        return lost

    @property
    def losses(self) -> Sequence[str]:
        """Each lossy step beyond rounding to the grid, as a sentence; first what is gone."""
        losses = list(self.gone)
        for p in self.populations:
            here = f"of population {p.name!r}"
            losses += [f"{count} values of {r} {here} clipped" for r, count in p.clipped.items() if count]
            losses += [f"{count} values of {r} {here} off by more than 10 %" for r, count in p.far.items() if count]
        for q in self.projections:
            what = f"of {q.synapses} synapses of {q.name!r}"
            losses += [f"{q.rounded_to_zero} {what} rounded to zero"] if 0 < q.rounded_to_zero < q.synapses else []
            losses += [f"weights {what} clipped: {q.clipped}"] if q.clipped else []
            losses += [f"weights {what} collapsed onto {q.levels} levels"] if q.collapsed else []
            losses += [f"delays {what} clipped to {MAX_DELAY} steps: {q.delays_clipped}"] if q.delays_clipped else []
            losses += [f"delays {what} off by more than 10 %: {q.delays_far}"] if q.delays_far else []
        return losses
