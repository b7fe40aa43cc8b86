"""The whole examination: the same stimuli through the float liquid and the deployed one, every measure of both.

The `interval` policy's clearing of registers is left out, as all memory would end where it clears: each sample, of data
and of generated input, starts from rest instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.core.ir import Network, Program, Stimulus
from lsm_deploy.core.progress import Pieces, Progress
from lsm_deploy.core.shown import Reported
from lsm_deploy.data import Frames
from lsm_deploy.learn.deployable import Compilable, compile_any
from lsm_deploy.learn.model import check_overlap
from lsm_deploy.learn.runs import refuse_silence
from lsm_deploy.measure.diagnosis import separation as separations
from lsm_deploy.measure.diagnosis.knowledge import Knowledge, answerers, knowledge_of, questions_of, timing_of
from lsm_deploy.measure.diagnosis.liquid import Specimen, deployed_liquid, some_of
from lsm_deploy.measure.diagnosis.measures import Examination, Measures, Tests, class_facts, measured
from lsm_deploy.measure.diagnosis.shown import SAMPLES, Shown, frames_to_show, shown_of
from lsm_deploy.measure.diagnosis.state_space import final_states
from lsm_deploy.measure.fidelity import TAU_MS
from lsm_deploy.measure.uncertainty import FEWEST
from lsm_deploy.run import backends
from lsm_deploy.run.extremes import warn_of_extremes
from lsm_deploy.run.work import completed
from lsm_deploy.spec.schema import Readout

__all__ = ["Diagnosis", "diagnose"]


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Reported):
    """What every measure says of a liquid, in floats and as it is deployed, and on what it was shown.

    floats: None for a program, whose floats are gone. of_input: classes' separation in the filtered input itself.
    knows: what it still knows of what is past, where that was asked.

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
    knows: Knowledge | None = None

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
            "classes_of_input": class_facts(self.of_input) if self.of_input else None,
            "float": self.floats.to_json() if self.floats else None,
            "deployed": self.deployed.to_json(),
            "knows": self.knows.to_json() if self.knows else None,
        }


def diagnose(
    source: Compilable,
    *,
    train: Frames | str | Path | None = None,
    samples: int = SAMPLES,
    seed: int | None = None,
    backend: str = backends.DEFAULT,
    tau_ms: float = TAU_MS,
    knows: bool = False,
    after_ms: Sequence[float] | None = None,
    last_ms: float | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Diagnosis:
    """Measure a liquid on so many samples of its spec's training data (or Poisson ones) and on generated input.

    train: frames, or a file of what the spec's front end takes, to show instead of the spec's. seed: of all that is
    generated; the spec's own, or 0. tau_ms: of the filter that makes spikes a state. knows: ask, too, what a linear
    readout of the last last_ms still knows of samples that ended after_ms ago, and of frames of so long ago; left out,
    these are ten frames and eight delays up to sixty frames, of graded neurons a frame and ten delays up to fifty.
    Asked about are up to 500 samples, whatever `samples` says. An LsmWarning says which times were rounded.

    A liquid that never spikes is an LsmError that says how far it is from its threshold. executor: where the float and
    the deployed liquid are measured, and asked; here, one after the other, if none is given.
    """
    made = compile_any(source)
    spec, program = made.spec, made.program
    floats = made.compiled.network if made.compiled is not None else None
    seed = made.seed if seed is None else seed
    if spec is None and train is not None:
        what = "there are training data, and a program does not say how they become its input"
        raise MisuseError(what, where="diagnose", hint="give a spec")
    if not knows and (after_ms is not None or last_ms is not None):
        what = "there are delays, or a window, and nothing is asked about them"
        raise MisuseError(what, where="diagnose", hint="set `knows`, or leave them out")
    backend = backends.choose(backend, program)
    _check(program, samples, tau_ms)
    populations = spec.readout.populations if spec and spec.readout else ()
    timing = timing_of(spec, program.network, populations, after_ms, last_ms)
    clears = program.network.sample_interval
    program = replace(program, network=replace(program.network, sample_interval=0))
    floats = replace(floats, sample_interval=0) if floats else None
    network = program.network
    data = frames_to_show(spec, train)
    if knows and spec is not None and data is not None:
        check_overlap(spec, data, FEWEST)
    shown = shown_of(spec, network, samples, seed, data)
    questions = questions_of(spec, network, data, timing, seed, shown.rate_hz) if knows else None
    read = _read(program, populations, seed)
    deployed = deployed_liquid(program, read, backend)
    _require_spikes(program, deployed, shown.stimulus, populations, backend)
    tests = Tests.of(network.channels, shown.rate_hz * network.dt_ms / 1000, network.dt_ms, seed)
    tau_steps = tau_ms / network.dt_ms
    sides: tuple[Program | Network, ...] = (program, floats) if floats else (program,)
    sources = answerers(program, floats) if knows else []
    pieces = Pieces(progress, len(sides) + len(sources))
    asked = Examination(read, backend, shown, tests, tau_steps, pieces.within if executor is None else None)
    done: dict[int, Measures] = {}
    for index, measures in completed(measured, asked, sides, executor):
        done[index] = measures
        pieces.next()
    knowledge = None
    if questions is not None:
        readout = spec.readout if spec is not None and isinstance(spec.readout, Readout) else None
        names = populations or _names(program)
        shared = questions, sources, read, backend, readout, names, seed
        knowledge = knowledge_of(*shared, pieces.next, executor)
    return Diagnosis(
        shown=shown,
        seed=seed,
        backend=backend,
        tau_ms=tau_ms,
        populations=populations,
        neurons=network.neurons,
        read=len(read),
        clears=clears,
        of_input=separations.separate_classes(
            final_states(shown.stimulus.spikes, shown.stimulus, tau_steps), shown.labels
        ),
        floats=done.get(1),
        deployed=done[0],
        knows=knowledge,
    )


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


def _names(program: Program) -> tuple[str, ...]:
    return tuple(p.name for p in program.network.populations)


def _read(program: Program, populations: Sequence[str], seed: int) -> NDArray[np.int64]:
    columns = [program.network.columns(name) for name in populations] or [slice(0, program.network.neurons)]
    neurons = np.sort(np.concatenate([np.r_[each] for each in columns]))
    return some_of(neurons, seed, "read")


def _require_spikes(
    program: Program, liquid: Specimen, stimulus: Stimulus, populations: Sequence[str], backend: str
) -> None:
    spikes, _ = liquid.run(stimulus, ())
    if not spikes[:, liquid.read].any():
        refuse_silence(program, stimulus, populations or _names(program), backend, "what it is shown")
    warn_of_extremes(program, spikes, stimulus)
