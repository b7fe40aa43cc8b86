"""What the files on a command line are: a program or what compiles to one, and the stimulus to run it on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import lsm_deploy as api
from lsm_deploy import data, encode, front, pipeline, report, store
from lsm_deploy import spec as specs
from lsm_deploy.certify import Certificate, check_certificate
from lsm_deploy.cli.app import Output
from lsm_deploy.errors import LsmError
from lsm_deploy.ir import Program, QNetwork, Stimulus

__all__ = ["Subject", "integers_of", "show_subject", "stimulus_of", "subject_of"]

DEFAULT_STEPS = 1000
DEFAULT_RATE_HZ = 50.0
DEFAULT_SEED = 0
"""The Poisson stimulus of a program that comes without data."""


@dataclass(frozen=True)
class Subject:
    """A program, and the spec it was compiled from where there is one."""

    program: Program
    spec: specs.Spec | None
    compiled: pipeline.Compiled | None
    certificate: Certificate | None = None
    """As a program's file has it, and proved again."""


def subject_of(file: Path, strict: bool = False, certified: bool = False) -> Subject:
    kind = store.kind_of(file)
    if certified and kind != "text":
        raise LsmError("exact integers leave no scale to choose", where=str(file), hint="drop --certified")
    if kind == "program":
        program, certificate = store.load_certified(file)
        if certificate is not None:
            check_certificate(program.network, certificate)
        return Subject(program, None, None, certificate)
    if kind == "npz":
        compiled = pipeline.compile_network(file, strict=strict)
        return Subject(compiled.program, None, compiled)
    if kind == "model":
        return Subject(api.load_model(file).program, None, None)
    spec = specs.load(file)
    compiled = pipeline.compile_spec(spec, strict=strict, certified=certified)
    return Subject(compiled.program, spec, compiled)


def integers_of(file: Path, strict: bool = False, certified: bool = False) -> QNetwork:
    """The network in integers, wherever it may fit."""
    kind = store.kind_of(file)
    if kind == "npz":
        return pipeline.integers_of_network(file)
    if kind in ("program", "model"):
        return subject_of(file).program.network
    return pipeline.integers_of_spec(specs.load(file), strict=strict, certified=certified)


def stimulus_of(subject: Subject, file: Path | None, samples: int | None) -> tuple[Stimulus, str]:
    """The stimulus to run, and in words what it is."""
    network = subject.program.network
    if file is not None:
        stimulus = _first_samples(store.load_stimulus(file), samples)
        return stimulus, f"{file} ({report.count(len(stimulus.starts), 'sample')}, {len(stimulus.spikes)} steps)"
    spec = subject.spec
    if spec is not None and spec.data is not None and spec.data.named:
        train, test = front.load_data(spec)
        chosen = _first_frames(test, samples)
        ranges = encode.fit_ranges(train, spec.input)
        stimulus = encode.encode(spec.input, ranges, chosen, spec.dt_ms, spec.seed, network.sample_interval)
        return stimulus, f"the spec's encoded test data ({chosen.samples} of {test.samples} samples)"
    seed = spec.seed if spec is not None else DEFAULT_SEED
    steps = max(DEFAULT_STEPS, 3 * network.sample_interval)
    stimulus = encode.poisson_stimulus(network.channels, steps, DEFAULT_RATE_HZ, network.dt_ms, seed)
    return stimulus, f"a Poisson stimulus, {DEFAULT_RATE_HZ:g} Hz a channel, {steps} steps, seed {seed}"


def _first_frames(frames: data.Frames, samples: int | None) -> data.Frames:
    if samples is None or samples >= frames.samples:
        return frames
    return data.subset(frames, range(samples))


def _first_samples(stimulus: Stimulus, samples: int | None) -> Stimulus:
    if samples is None or samples >= len(stimulus.starts):
        return stimulus
    stop = int(stimulus.starts[samples])
    return Stimulus(stimulus.spikes[:stop], stimulus.starts[:samples])


def show_subject(output: Output, subject: Subject) -> None:
    if subject.compiled is not None:
        facts = report.compiled_facts(subject.compiled)
        report.show_compiled(output.console, subject.compiled, facts)
    else:
        facts = report.program_facts(subject.program, subject.certificate)
        report.show_program(output.console, subject.program, facts)
    output.facts(facts)
