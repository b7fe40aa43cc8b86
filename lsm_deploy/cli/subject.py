"""What the files on a command line are: a program or what compiles to one, and the stimulus to run it on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import lsm_deploy as api
from lsm_deploy import data, report, store
from lsm_deploy import spec as specs
from lsm_deploy.cli.app import Output
from lsm_deploy.compile import pipeline
from lsm_deploy.compile.certify.bounds import Certificate, check_certificate
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, QNetwork, Stimulus
from lsm_deploy.data import encoders as encode
from lsm_deploy.data import front
from lsm_deploy.learn.listener import Listener, listen
from lsm_deploy.learn.model import AnyModel

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
    model: AnyModel | None = None
    """The trained readout that the program came with."""


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
        model = api.load_model(file)
        return Subject(model.program, None, None, model=model)
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
    """The stimulus to run, and in words what it is: a file's, or what the spec or model makes of a file of data."""
    network = subject.program.network
    if file is not None and _holds_data(file):
        return _encoded(subject, file, samples)
    if file is not None:
        stimulus = _first_samples(store.load_stimulus(file), samples)
        return stimulus, f"{file} ({report.count(len(stimulus.starts), 'sample')}, {len(stimulus.spikes)} steps)"
    spec = subject.spec
    if spec is not None and spec.data is not None and spec.data.named:
        train, test = front.load_data(spec)
        chosen = _first_frames(test, samples)
        stimulus = listen(spec, train, subject.program).encode(chosen)
        return stimulus, f"the spec's encoded test data ({chosen.samples} of {test.samples} samples)"
    seed = spec.seed if spec is not None else DEFAULT_SEED
    steps = max(DEFAULT_STEPS, 3 * network.sample_interval)
    stimulus = encode.poisson_stimulus(network.channels, steps, DEFAULT_RATE_HZ, network.dt_ms, seed)
    return stimulus, f"a Poisson stimulus, {DEFAULT_RATE_HZ:g} Hz a channel, {steps} steps, seed {seed}"


def _holds_data(file: Path) -> bool:
    if file.is_dir() or file.suffix == ".csv":
        return True
    if file.suffix != ".npz" or not file.exists():
        return False
    names = store.read_arrays(file).keys()
    return bool(names & {"frames", "audio"}) or any(name.endswith("_beats") for name in names)


def _encoded(subject: Subject, file: Path, samples: int | None) -> tuple[Stimulus, str]:
    spec, model = subject.spec, subject.model
    if model is not None:
        listener: Listener = model.listener
        frames = listener.frames(data.load_raw(file, listener.pattern))
    elif spec is not None:
        frames = front.load(file, spec)
        fixed = spec.input.encoder is not None and spec.input.encoder.range is not None
        named = spec.data is not None and spec.data.named
        if not fixed and not named:
            what = "the spec gives no range of values, and no training data to take it from"
            raise LsmError(what, where=str(file), hint="set `input: {encoder: {range: ...}}`, or give a trained model")
        listener = listen(spec, frames if fixed else front.load_data(spec)[0], subject.program)
    else:
        what = "this is data, and a program does not say how they become its input"
        raise LsmError(what, where=str(file), hint="give a spec or a trained model, or a stimulus")
    chosen = _first_frames(frames, samples)
    return listener.encode(chosen), f"{file}, encoded ({chosen.samples} of {frames.samples} samples)"


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
