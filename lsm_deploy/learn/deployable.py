"""A program with all that it came from: from any file that has one, or compiles to one, and the stimulus to run it on.

file --kind--> spec, integer network, program or model --compile_any--> Deployable --stimulus_for--> Stimulus
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from lsm_deploy import data, store
from lsm_deploy import spec as specs
from lsm_deploy.compile import pipeline
from lsm_deploy.compile.certify.bounds import Certificate, certify_network, check_certificate
from lsm_deploy.compile.place.rules import DesignRule, check_rules
from lsm_deploy.core.boards import board_named
from lsm_deploy.core.errors import AbsentError, LsmError, MisuseError, require_path, require_type
from lsm_deploy.core.ir import Network, Program, QNetwork, Stimulus, Trace
from lsm_deploy.core.notes import warn
from lsm_deploy.core.shown import Brief, Reported
from lsm_deploy.data import front
from lsm_deploy.data.encoders import poisson_stimulus
from lsm_deploy.formats.integer_files import integers_in
from lsm_deploy.learn.listener import Listener, listen
from lsm_deploy.learn.model import AnyModel, Model, load_model
from lsm_deploy.learn.readout import check_parts
from lsm_deploy.learn.regression.model import RegressionModel
from lsm_deploy.learn.regression.pairs import check_series
from lsm_deploy.run import backends as backend
from lsm_deploy.run.extremes import probe
from lsm_deploy.spec.schema import Readout, Spikes

__all__ = ["Compilable", "Deployable", "check_board", "check_spec", "compile_any", "quantise_any", "stimulus_for"]

DEFAULT_STEPS = 1000
DEFAULT_RATE_HZ = 50.0
DEFAULT_SEED = 0
"""The Poisson stimulus of a program that comes without data."""


PROBED = 5
"""Samples that a check runs."""


@dataclass(frozen=True, eq=False, repr=False)
class Probe(Brief):
    """What a check ran of a program, in words what that is, and what came of it."""

    words: str
    stimulus: Stimulus
    trace: Trace


@dataclass(frozen=True, eq=False, repr=False)
class Deployable(Reported):
    """A program, and what it came from as far as that is known: each of the others may be None.

    compiled: with its floats, and what became of them. proved: as the program's file has it, and proved again. model:
    the trained readout that the program came with. source: the file, for messages. tried: by `check_spec`.
    """

    _short = ("source", "program")

    program: Program
    spec: specs.Spec | None = None
    compiled: pipeline.Compiled | None = None
    proved: Certificate | None = None
    model: AnyModel | None = None
    source: str = ""
    tried: Probe | None = None

    @property
    def certificate(self) -> Certificate:
        """What no input can do to it; proved now, if it was not before."""
        proved = self.compiled.certificate if self.compiled is not None else self.proved
        return proved if proved is not None else certify_network(self.program.network)

    @property
    def seed(self) -> int:
        """Of what is drawn about it: the spec's, or `DEFAULT_SEED` where there is none, as with a model."""
        return self.spec.seed if self.spec is not None else DEFAULT_SEED


Compilable: TypeAlias = "str | Path | specs.Spec | Network | pipeline.Compiled | Program | AnyModel | Deployable"
"""What there is a program of: a file, or what is in one."""


def compile_any(
    source: Compilable, *, strict: bool = False, certified: bool = False, on: Sequence[str] = ()
) -> Deployable:
    """The program of a spec, a network, a program or a model, given as a file (a network as .npz) or as a value.

    strict: every loss beyond rounding is an error. certified: prefer scales that certify; for floats only. on: backends
    that it is to run on; an LsmError where there is no such one, where it cannot run the program, or is not here.
    """
    named = [name for name in on if name != backend.DEFAULT]
    for name in named:
        backend.load_backend(name)  # a name that there is not is said before anything is compiled
    made = _compiled(source, strict, certified)
    backend.check(named, made.program)  # who lacks a kind need not be installed for it
    for name in named:
        backend.require(name)
    return made


def _compiled(source: Compilable, strict: bool, certified: bool) -> Deployable:
    if isinstance(source, str | Path):
        return replace(_compiled_file(Path(source), strict, certified), source=str(source))
    if isinstance(source, specs.Spec):
        compiled = pipeline.compile_spec(source, strict=strict, certified=certified)
        return Deployable(compiled.program, source, compiled)
    if isinstance(source, Network):
        compiled = pipeline.compile_built(source, how=specs.schema.Quantise(certified=certified), strict=strict)
        return Deployable(compiled.program, compiled=compiled)
    if certified:
        raise _no_scale()
    if isinstance(source, pipeline.Compiled):
        return Deployable(source.program, compiled=source)
    if isinstance(source, Program):
        return Deployable(source)
    require_type(
        source, (Model, RegressionModel, Deployable), "source", "give a spec, a program, a model, or a file of one"
    )
    return source if isinstance(source, Deployable) else Deployable(source.program, model=source)


def _compiled_file(file: Path, strict: bool, certified: bool) -> Deployable:
    kind = store.kind_of(file)
    if certified and kind != "spec":
        raise _no_scale(file)
    if kind == "program":
        program, certificate = store.load_certified(file)
        if certificate is not None:
            check_certificate(program.network, certificate)
        return Deployable(program, proved=certificate)
    if kind == "model":
        return _compiled(load_model(file), strict, certified)
    if kind in ("spec", "state"):  # a state is no spec, as its loader says
        return _compiled(specs.load(file), strict, certified)
    return _compiled(pipeline.compile_network(file, strict=strict), strict, certified)


def _no_scale(file: Path | None = None) -> MisuseError:
    where = str(file) if file is not None else ""
    return MisuseError("exact integers leave no scale to choose", where=where, hint="leave out `certified`")


def check_board(
    source: Compilable, board: str, *, strict: bool = False, certified: bool = False
) -> tuple[DesignRule, ...]:
    """Every design rule of the named board, and how far the network keeps it; strict, certified: as it is compiled."""
    return tuple(check_rules(quantise_any(source, strict=strict, certified=certified), board_named(board)))


def quantise_any(source: Compilable, *, strict: bool = False, certified: bool = False) -> QNetwork:
    """The network in integers, placed nowhere: `compile_any` without the board, which it need not fit."""
    if isinstance(source, str | Path):
        kind = store.kind_of(source)
        if kind == "network":
            if certified:
                raise _no_scale(Path(source))
            return integers_in(Path(source))
        if kind == "spec":
            source = specs.load(Path(source))
    if isinstance(source, specs.Spec):
        return pipeline.integers_of_spec(source, strict=strict, certified=certified)
    return compile_any(source, strict=strict, certified=certified).program.network


def check_spec(source: Compilable, *, strict: bool = False, certified: bool = False) -> Deployable:
    """Compile it, and see that the data which a spec names fit its input and its readout; an LsmError if not.

    Its first test samples, or Poisson spikes where it has no data, are run briefly: an LsmWarning says where a
    population is silent on them, or saturated. One says, too, where data that it names are not on this machine: all
    that does not depend on them is checked.
    """
    made = compile_any(source, strict=strict, certified=certified)
    loaded = _loaded_if_here(made)
    readout = made.spec.readout if made.spec is not None else None
    if loaded is not None:
        listener, train, test = loaded
        if isinstance(readout, Readout):
            data.check_labels(train, test)
            for part in (train, test):
                check_parts(readout, listener.steps(part), part.source)
        elif readout is not None:
            check_series(readout, train, test)
    stimulus, words = _own_stimulus(made, loaded, PROBED)
    probed = probe(made.program, stimulus)
    return made if probed is None else replace(made, tried=Probe(words, *probed))


# --- what to run it on ---------------------------------------------------------------------------------------------


def stimulus_for(
    deployable: Deployable, file: str | Path | None = None, samples: int | None = None
) -> tuple[Stimulus, str]:
    """The stimulus to run, and in words what it is.

    file: a stimulus, or recordings, which the spec or the model encodes. Without one it is the spec's test data, or
    Poisson spikes where there are none. samples: only the first so many.
    """
    require_type(deployable, Deployable, "first argument", "make one with `compile_any`")
    if samples is not None and samples < 1:
        raise MisuseError(f"{samples} samples are asked for", where="stimulus", hint="ask for at least 1")
    file = require_path(file) if file is not None else None
    if file is not None and (Path(file).is_dir() or (Path(file).exists() and store.kind_of(file) in store.DATA)):
        return _encoded(deployable, Path(file), samples)
    if file is not None:
        stimulus = _first_samples(store.load_stimulus(file), samples)
        many = f"{len(stimulus.starts):,} sample{'s' * (len(stimulus.starts) != 1)}".replace(",", " ")
        return stimulus, f"{file} ({many}, {len(stimulus.spikes)} steps)"
    return _own_stimulus(deployable, _loaded(deployable.spec, deployable.program), samples)


_Loaded: TypeAlias = tuple[Listener, data.Frames, data.Frames]


def _loaded(spec: specs.Spec | None, program: Program) -> _Loaded | None:
    """The training and test data that a spec names, and what encodes them."""
    if spec is None or spec.data is None or not spec.data.named:
        return None
    train, test = front.load_data(spec)
    return listen(spec, train, program), train, test


def _loaded_if_here(made: Deployable) -> _Loaded | None:
    root = made.spec.data.root if made.spec is not None and made.spec.data is not None else None
    try:
        data.require_there(root)  # a check downloads nothing
        return _loaded(made.spec, made.program)
    except LsmError as error:
        if not all(isinstance(each, AbsentError) for each in error.each()):
            raise
        absent = "; ".join(f"{each.where}: {each.what} ({each.hint})" for each in error.each())
        unknown = "whether they fit the input and the readout, and what the liquid does on them"
        what = f"the data cannot be read here, so that it is not known {unknown}: {absent}"
        warn(what, level=3)
        return None


def _own_stimulus(deployable: Deployable, loaded: _Loaded | None, samples: int | None) -> tuple[Stimulus, str]:
    if loaded is not None:
        listener, _, test = loaded
        chosen = _first_frames(test, samples)
        return listener.encode(chosen), f"the spec's encoded test data ({chosen.samples} of {test.samples} samples)"
    network = deployable.program.network
    steps = max(DEFAULT_STEPS, 3 * network.sample_interval)
    rate_hz = min(DEFAULT_RATE_HZ, 500 / network.dt_ms)  # a spike in at most every other step
    stimulus = poisson_stimulus(network.channels, steps, rate_hz, network.dt_ms, deployable.seed, network.input)
    return stimulus, f"a Poisson stimulus, {rate_hz:g} Hz a channel, {steps} steps, seed {deployable.seed}"


def _encoded(deployable: Deployable, file: Path, samples: int | None) -> tuple[Stimulus, str]:
    spec, model = deployable.spec, deployable.model
    if model is not None:
        listener: Listener = model.listener
        frames = listener.frames(listener.load(file))
    elif spec is not None:
        frames = front.load(file, spec)
        encoder = spec.input.encoder
        fixed = encoder is not None and (isinstance(encoder, Spikes) or encoder.range is not None)
        named = spec.data is not None and spec.data.named
        if not fixed and not named:
            what = "the spec gives no range of values, and no training data to take it from"
            raise LsmError(what, where=str(file), hint="set `input: {encoder: {range: ...}}`, or give a trained model")
        listener = listen(spec, frames if fixed else front.load_data(spec)[0], deployable.program)
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
