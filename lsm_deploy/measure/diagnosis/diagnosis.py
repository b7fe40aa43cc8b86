"""The whole examination: the same stimuli through the float liquid and the deployed one, every measure of both.

The `interval` policy's clearing of registers is left out, as all memory would end where it clears: each sample, of data
and of generated input, starts from rest instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import Network, Program, Stimulus
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Pieces, Progress
from lsm_deploy.core.shown import Brief, Reported
from lsm_deploy.core.streams import stream
from lsm_deploy.data import Frames
from lsm_deploy.learn.deployable import Compilable, compile_any
from lsm_deploy.learn.runs import refuse_silence
from lsm_deploy.measure.activity import Activity, activity_of
from lsm_deploy.measure.diagnosis import capacity as capacities
from lsm_deploy.measure.diagnosis import fading as fadings
from lsm_deploy.measure.diagnosis import growth as growths
from lsm_deploy.measure.diagnosis import ranks as kernels
from lsm_deploy.measure.diagnosis import separation as separations
from lsm_deploy.measure.diagnosis.liquid import Specimen, deployed_liquid, float_liquid
from lsm_deploy.measure.diagnosis.shown import SAMPLES, Shown, shown_of
from lsm_deploy.measure.diagnosis.state_space import dimension, final_states, trajectories
from lsm_deploy.measure.fidelity import TAU_MS, Dynamics, branching_ratio, spectral_radius
from lsm_deploy.run import backends
from lsm_deploy.run.extremes import warn_of_extremes
from lsm_deploy.run.work import completed

__all__ = ["Diagnosis", "Measures", "diagnose"]

MOST_READ = 1000
"""Neurons whose spikes make the state, drawn at random of more: a rank or a readout takes time with their cube."""


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
            "classes": _class_facts(classes) if classes else None,
            "ranks": asdict(self.ranks),
            "memory_capacity": {"total": self.capacity.total, **asdict(self.capacity)},
            "fading": asdict(self.fading),
            "growth": asdict(self.growth),
        }


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Reported):
    """What every measure says of a liquid, in floats and as it is deployed, and on what it was shown.

    floats: None for a program, whose floats are gone. of_input: classes' separation in the filtered input itself.

    neurons, read: all there are, and those that the states are made of. clears: registers would be cleared every so
    many steps, which is left out here; 0 where they are not.
    """

    _short = ("populations", "neurons", "read", "backend", "tau_ms")

    shown: Shown
    seed: int
    backend: str
    tau_ms: float
    populations: tuple[str, ...]
    neurons: int
    read: int
    clears: int
    of_input: separations.ClassSeparation | None
    floats: Measures | None
    deployed: Measures

    def to_json(self) -> dict[str, Any]:
        """What `diagnose --json` prints."""
        shown = self.shown
        return {
            "stimulus": {
                "words": shown.words,
                "samples": len(shown.stimulus.starts),
                "steps": len(shown.stimulus.spikes),
                "rate_hz": shown.rate_hz,
            },
            "seed": self.seed,
            "backend": self.backend,
            "tau_ms": self.tau_ms,
            "populations": list(self.populations),
            "neurons": self.neurons,
            "read": self.read,
            "clearing_left_out": self.clears,
            "classes_of_input": _class_facts(self.of_input) if self.of_input else None,
            "float": self.floats.to_json() if self.floats else None,
            "deployed": self.deployed.to_json(),
        }


def _class_facts(classes: separations.ClassSeparation) -> dict[str, Any]:
    return {"separation": classes.separation, "ratio": classes.ratio, **asdict(classes)}


def diagnose(
    source: Compilable,
    *,
    train: Frames | str | Path | None = None,
    samples: int = SAMPLES,
    seed: int | None = None,
    backend: str = backends.DEFAULT,
    tau_ms: float = TAU_MS,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Diagnosis:
    """Measure a liquid on so many samples of its spec's training data (or Poisson ones) and on generated input.

    train: frames, or a file of what the spec's front end takes, to show instead of the spec's. seed: of all that is
    generated; the spec's own, or 0. tau_ms: of the filter that makes spikes a state. A liquid that never spikes is an
    LsmError that says how far it is from its threshold. executor: where the float and the deployed liquid are measured;
    here, one after the other, if none is given.
    """
    made = compile_any(source)
    spec, program = made.spec, made.program
    floats = made.compiled.network if made.compiled is not None else None
    seed = made.seed if seed is None else seed
    if spec is None and train is not None:
        what = "there are training data, and a program does not say how they become its input"
        raise MisuseError(what, where="diagnose", hint="give a spec")
    backend = backends.choose(backend, program)
    _check(program, samples, tau_ms)
    clears = program.network.sample_interval
    program = replace(program, network=replace(program.network, sample_interval=0))
    floats = replace(floats, sample_interval=0) if floats else None
    network = program.network
    shown = shown_of(spec, network, samples, seed, train)
    populations = spec.readout.populations if spec and spec.readout else ()
    read = _read(program, populations, seed)
    deployed = deployed_liquid(program, read, backend)
    _require_spikes(program, deployed, shown.stimulus, populations, backend)
    tests = _Tests.of(network.channels, shown.rate_hz * network.dt_ms / 1000, network.dt_ms, seed)
    tau_steps = tau_ms / network.dt_ms
    sides: tuple[Program | Network, ...] = (program, floats) if floats else (program,)
    pieces = Pieces(progress, len(sides))
    asked = _Asked(read, backend, shown, tests, tau_steps, pieces.within if executor is None else None)
    done: dict[int, Measures] = {}
    for index, measures in completed(_measured, asked, sides, executor):
        done[index] = measures
        pieces.next()
    measured, before = done[0], done.get(1)
    of_input = separations.separate_classes(
        final_states(shown.stimulus.spikes, shown.stimulus, tau_steps), shown.labels
    )
    return Diagnosis(
        shown, seed, backend, tau_ms, populations, network.neurons, len(read), clears, of_input, before, measured
    )


# --- the examination -----------------------------------------------------------------------------------------------


def _check(program: Program, samples: int, tau_ms: float) -> None:
    errors: list[LsmError] = []
    if samples < 1:
        errors.append(MisuseError(f"{samples} samples to show", where="diagnose", hint="take at least 1"))
    if not 0 < tau_ms < np.inf:
        hint = "choose a finite time above 0"
        errors.append(MisuseError(f"a filter of {tau_ms} ms", where="diagnose", hint=hint))
    if not program.network.channels:
        hint = "give it an input"
        errors.append(LsmError("the network has no input channel to stimulate", where="diagnose", hint=hint))
    raise_all(errors)


def _read(program: Program, populations: Sequence[str], seed: int) -> NDArray[np.int64]:
    columns = [program.network.columns(name) for name in populations] or [slice(0, program.network.neurons)]
    neurons = np.sort(np.concatenate([np.r_[each] for each in columns]))
    if len(neurons) <= MOST_READ:
        return neurons
    chosen = np.argsort(stream(seed, "diagnose", "read").random(len(neurons)))[:MOST_READ]
    return np.sort(neurons[chosen])


def _require_spikes(
    program: Program, liquid: Specimen, stimulus: Stimulus, populations: Sequence[str], backend: str
) -> None:
    spikes, _ = liquid.run(stimulus, ())
    if not spikes[:, liquid.read].any():
        names = populations or tuple(p.name for p in program.network.populations)
        refuse_silence(program, stimulus, names, backend, "what it is shown")
    warn_of_extremes(program, spikes, stimulus)


@dataclass(frozen=True, eq=False)
class _Tests:
    """Generated input, drawn once for both sides."""

    pairs: separations.Pairs
    ranks: tuple[Stimulus, Stimulus]
    bits: capacities.Bits
    histories: Sequence[Stimulus]
    perturbed: Sequence[Stimulus]

    @classmethod
    def of(cls, channels: int, probability: float, dt_ms: float, seed: int) -> _Tests:
        given = (channels, probability, dt_ms, seed)
        return cls(
            pairs=separations.pairs_of(*given),
            ranks=kernels.rank_stimuli(*given),
            bits=capacities.bit_stream(*given),
            histories=fadings.histories(*given),
            perturbed=growths.perturbed(*given),
        )


@dataclass(frozen=True, eq=False)
class _Asked:
    """What both sides share. within: who is told how far one of them is, if that is in this process."""

    read: NDArray[np.int64]
    backend: str
    shown: Shown
    tests: _Tests
    tau_steps: float
    within: Progress | None


def _measured(asked: _Asked, side: Program | Network) -> Measures:
    if isinstance(side, Program):
        liquid = deployed_liquid(side, asked.read, asked.backend)
    else:
        liquid = float_liquid(side, asked.read)
    return _measure(liquid, asked.shown, asked.tests, asked.tau_steps, asked.within)


_PARTS = 6


def _measure(liquid: Specimen, shown: Shown, tests: _Tests, tau_steps: float, progress: Progress | None) -> Measures:
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
