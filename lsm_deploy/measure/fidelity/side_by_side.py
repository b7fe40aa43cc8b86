"""Float and deployed liquid side by side on one stimulus.

A chaotic liquid diverges from itself, so each distance stands beside its floor: the float liquid against itself, with
one input spike of every sample moved by one step. No quantiser can be asked for less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lsm_deploy.core.in_floats import messages_in_floats
from lsm_deploy.core.ir import Network, Program, Stimulus, Trace
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.progress import Progress, part_of
from lsm_deploy.core.shown import Brief
from lsm_deploy.core.streams import stream
from lsm_deploy.measure.activity import Activity, activity_of
from lsm_deploy.measure.fidelity.distances import TAU_MS, Distance, compare_spikes, mean_of
from lsm_deploy.measure.fidelity.dynamics import branching_ratio, spectral_radius
from lsm_deploy.run import backends
from lsm_deploy.run.reference import FloatTrace, run_float

__all__ = [
    "Baseline",
    "Dynamics",
    "Fidelity",
    "PopulationFidelity",
    "baseline_of",
    "measure_fidelity",
    "move_spikes",
]

REPEATS = 3
"""Moved spikes that a floor is the mean of."""


@dataclass(frozen=True, eq=False, repr=False)
class PopulationFidelity(Brief):
    """A population before and after. fell_silent: neurons that spike in floats and no more; woke: the reverse.

    rate_change_hz: the mean over neurons of |rate after - rate before|. floor: None where there is no input spike.
    """

    name: str
    neurons: int
    before: Activity
    after: Activity
    rate_change_hz: float
    fell_silent: int
    woke: int
    distance: Distance
    floor: Distance | None


@dataclass(frozen=True)
class Dynamics:
    spectral_radius: float | None
    branching_ratio: float | None


@dataclass(frozen=True, eq=False, repr=False)
class Baseline(Brief):
    """The float liquid on a stimulus, and on the same one with a spike of each sample moved, several times."""

    network: Network
    stimulus: Stimulus
    reference: FloatTrace
    moved: Sequence[Messages]


@dataclass(frozen=True, eq=False, repr=False)
class Fidelity(Brief):
    """What became of a liquid on its way to the chip."""

    samples: int
    steps: int
    populations: Sequence[PopulationFidelity]
    before: Dynamics
    after: Dynamics
    deployed: Trace


def baseline_of(
    network: Network, stimulus: Stimulus, seed: int = 0, repeats: int = REPEATS, progress: Progress | None = None
) -> Baseline:
    """Run the float liquid, and run it again with spikes moved."""
    steps, total = len(stimulus.spikes), len(stimulus.spikes) * (1 + repeats)

    reference = run_float(network, stimulus, progress=part_of(progress, 0, total))
    stimuli = [move_spikes(stimulus, stream(seed, "moved spike", k)) for k in range(repeats)]
    again = [
        run_float(network, m, progress=part_of(progress, (1 + k) * steps, total)).spikes
        for k, m in enumerate(stimuli)
        if m is not None
    ]
    return Baseline(network, stimulus, reference, again)


def move_spikes(stimulus: Stimulus, rng: np.random.Generator) -> Stimulus | None:
    """The stimulus with one spike of each sample moved by one step within it; None where no spike can be moved."""
    spikes = stimulus.spikes.copy()
    moved = False
    for start, stop in zip(stimulus.starts.tolist(), [*stimulus.starts[1:].tolist(), len(spikes)], strict=True):
        here = spikes[start:stop]
        t, channel = np.nonzero(here)
        for k in rng.permutation(len(t)).tolist():
            free = [to for to in (t[k] + 1, t[k] - 1) if 0 <= to < len(here) and not here[to, channel[k]]]
            if free:
                here[free[0], channel[k]], here[t[k], channel[k]] = here[t[k], channel[k]], 0
                moved = True
                break
    return Stimulus(spikes, stimulus.starts) if moved else None


def measure_fidelity(baseline: Baseline, program: Program, backend: str = backends.DEFAULT) -> Fidelity:
    """Run the program on the baseline's stimulus and compare."""
    network, stimulus, before = program.network, baseline.stimulus, baseline.reference.spikes
    trace = backends.run_program(backend, program, stimulus)
    after = messages_in_floats(network, trace.spikes)
    tau_steps = TAU_MS / network.dt_ms
    populations = []
    for p in network.populations:
        columns = network.columns(p.name)
        a, b = before[:, columns], after[:, columns]
        rates = [(spikes != 0).mean(axis=0) for spikes in (a, b)]
        floors = [compare_spikes(a, again[:, columns], stimulus.starts, tau_steps) for again in baseline.moved]
        populations.append(
            PopulationFidelity(
                name=p.name,
                neurons=p.size,
                before=activity_of(a, network.dt_ms),
                after=activity_of(b, network.dt_ms),
                rate_change_hz=float(np.abs(rates[1] - rates[0]).mean() * 1000 / network.dt_ms),
                fell_silent=int(((rates[0] > 0) & (rates[1] == 0)).sum()),
                woke=int(((rates[0] == 0) & (rates[1] > 0)).sum()),
                distance=compare_spikes(a, b, stimulus.starts, tau_steps),
                floor=mean_of(floors),
            )
        )
    return Fidelity(
        samples=len(stimulus.starts),
        steps=len(stimulus.spikes),
        populations=tuple(populations),
        before=Dynamics(spectral_radius(baseline.network), branching_ratio(before, stimulus.starts)),
        after=Dynamics(spectral_radius(network), branching_ratio(trace.spikes, stimulus.starts)),
        deployed=trace,
    )
