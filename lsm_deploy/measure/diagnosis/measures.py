"""Every measure of one side, the float liquid or the deployed one, on what is shown and on generated input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import Network, Program, Stimulus
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Brief
from lsm_deploy.measure.activity import Activity, activity_of
from lsm_deploy.measure.diagnosis import capacity as capacities
from lsm_deploy.measure.diagnosis import fading as fadings
from lsm_deploy.measure.diagnosis import growth as growths
from lsm_deploy.measure.diagnosis import ranks as kernels
from lsm_deploy.measure.diagnosis import separation as separations
from lsm_deploy.measure.diagnosis.liquid import Specimen, deployed_liquid, float_liquid
from lsm_deploy.measure.diagnosis.shown import Shown
from lsm_deploy.measure.diagnosis.state_space import dimension, final_states, trajectories
from lsm_deploy.measure.fidelity import Dynamics, branching_ratio, spectral_radius

__all__ = ["Examination", "Measures", "Tests", "class_facts", "measured"]


@dataclass(frozen=True, eq=False, repr=False)
class Measures(Brief):
    """One side. states: those on what is shown `[t, neuron read]`; dimension: of them."""

    activity: Activity
    dynamics: Dynamics
    dimension: float | None
    separation: separations.Separation
    classes: separations.ClassSeparation | None
    ranks: kernels.Ranks
    capacity: capacities.Capacity
    fading: fadings.Fading
    growth: growths.Growth
    states: Floats = field(repr=False)

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, states=np.float64)

    def to_json(self) -> dict[str, Any]:
        """All measures by name."""
        classes = self.classes
        return {
            **asdict(self.activity),
            **asdict(self.dynamics),
            "dimension": self.dimension,
            "separation": {"redrawn": separations.SHARES, **asdict(self.separation)},
            "classes": class_facts(classes) if classes else None,
            "ranks": asdict(self.ranks),
            "memory_capacity": {"total": self.capacity.total, **asdict(self.capacity)},
            "fading": asdict(self.fading),
            "growth": asdict(self.growth),
        }


def class_facts(classes: separations.ClassSeparation) -> dict[str, Any]:
    return {"separation": classes.separation, "ratio": classes.ratio, **asdict(classes)}


@dataclass(frozen=True, eq=False)
class Tests:
    """Generated input, drawn once for both sides."""

    pairs: separations.Pairs
    ranks: tuple[Stimulus, Stimulus]
    bits: capacities.Bits
    histories: Sequence[Stimulus]
    perturbed: Sequence[Stimulus]

    @classmethod
    def of(cls, channels: int, probability: float, dt_ms: float, seed: int) -> Tests:
        given = (channels, probability, dt_ms, seed)
        return cls(
            pairs=separations.pairs_of(*given),
            ranks=kernels.rank_stimuli(*given),
            bits=capacities.bit_stream(*given),
            histories=fadings.histories(*given),
            perturbed=growths.perturbed(*given),
        )


@dataclass(frozen=True, eq=False)
class Examination:
    """What both sides share. within: who is told how far one of them is, if that is in this process."""

    read: NDArray[np.int64]
    backend: str
    shown: Shown
    tests: Tests
    tau_steps: float
    within: Progress | None


def measured(asked: Examination, side: Program | Network) -> Measures:
    if isinstance(side, Program):
        liquid = deployed_liquid(side, asked.read, asked.backend)
    else:
        liquid = float_liquid(side, asked.read)
    return _measure(liquid, asked.shown, asked.tests, asked.tau_steps, asked.within)


_PARTS = 6


def _measure(liquid: Specimen, shown: Shown, tests: Tests, tau_steps: float, progress: Progress | None) -> Measures:
    def done(parts: int) -> None:
        if progress:
            progress(parts, _PARTS)

    stimulus = shown.stimulus
    every, _ = liquid.run(stimulus, ())
    spikes = every[:, liquid.read]
    states = trajectories(spikes, stimulus, tau_steps)
    done(1)
    separation = separations.separate(liquid, tests.pairs, tau_steps)
    done(2)
    ranks = kernels.ranks(liquid, tests.ranks, tau_steps)
    done(3)
    capacity = capacities.capacity(liquid, tests.bits)
    done(4)
    fading = fadings.fading(liquid, tests.histories, tau_steps)
    done(5)
    growth = growths.growth(liquid, tests.perturbed, tau_steps)
    done(6)
    return Measures(
        activity=activity_of(spikes, liquid.network.dt_ms),
        dynamics=Dynamics(spectral_radius(liquid.network), branching_ratio(every, stimulus.starts)),
        dimension=dimension(states),
        separation=separation,
        classes=separations.separate_classes(final_states(spikes, stimulus, tau_steps), shown.labels),
        ranks=ranks,
        capacity=capacity,
        fading=fading,
        growth=growth,
        states=states,
    )
