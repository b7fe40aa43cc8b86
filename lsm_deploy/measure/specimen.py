"""One liquid on the bench: how well it answers, whole or with a fault, and what it takes of a chip.

Every figure is a pure function of a spec, its data and a fault. The readout of a faulty liquid is the one that was
trained on the healthy one, as it is where a chip ages, or is one of many; or it is trained again on the faulty one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from lsm_deploy.compile.place.cores import load_of
from lsm_deploy.core.boards import NOWHERE
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.core.shown import Brief
from lsm_deploy.data import Frames, Raw, check_labels, check_split, subset
from lsm_deploy.learn.known import known_run, known_states
from lsm_deploy.learn.listener import Listener, listen
from lsm_deploy.learn.model import Model, OnHost, check_overlap, fit_run, readout_of
from lsm_deploy.learn.regression.integer import answer
from lsm_deploy.learn.regression.metrics import nrmse
from lsm_deploy.learn.regression.model import RegressionModel, fit_states, regression_of, require_states
from lsm_deploy.learn.regression.pairs import check_series, output_names, pairs_of
from lsm_deploy.learn.regression.states import run_states, steps_of_frame
from lsm_deploy.learn.runs import run_samples
from lsm_deploy.measure.activity import activity_of
from lsm_deploy.measure.cost.resources import Range, count_resources
from lsm_deploy.measure.evaluation.evaluation import held_out
from lsm_deploy.measure.evaluation.known_frames import frames_of
from lsm_deploy.measure.evaluation.liquids import compiled, content_of, run_in_blocks
from lsm_deploy.measure.faults import FAULTS, Fault, faulty_program, faulty_stimulus
from lsm_deploy.run import backends
from lsm_deploy.run.memo import MEMO, digest
from lsm_deploy.spec.schema import Regression, Spec

__all__ = [
    "OF_A_LIQUID",
    "Answered",
    "Takes",
    "answered",
    "checked_frames",
    "contents_of",
    "cross_validated",
    "specimen_of",
    "takes_of",
    "trained",
]

SAMPLES = 20
"""Training samples that are run to count what happens, evenly spaced."""
STEPS = 4000
"""That are run of them at most."""
OF_A_LIQUID = 1000
"""Seeds of faults, at most: draw d of a fault of the liquid of seed s is that of seed 1000 s + d."""


@dataclass(frozen=True)
class Answered:
    """score: accuracy, or NRMSE, on data that the readout was not trained on. groups: of each speaker or record how
    many samples are answered right, and how many there are; empty of signals, and where there are none."""

    score: float
    groups: Mapping[str, tuple[int, int]]

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, "groups")


@dataclass(frozen=True)
class Takes:
    """What a liquid takes. An answer is that to a sample, or, of signals, to a frame.

    cores, synapse_units: None where it is placed on no board; units are words of synapse memory, of all cores. rates:
    spikes a second and neuron, by population. spikes: of all neurons, an answer. energy: modelled, in J an answer.
    """

    neurons: int
    synapses: int
    cores: int | None
    synapse_units: int | None
    rates: Mapping[str, float]
    spikes: float
    energy: Range | None

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, "rates")


@dataclass(frozen=True, eq=False)
class Specimen(Brief):
    """A trained liquid with its training data; folded: these, as folds are made of them."""

    spec: Spec
    model: Model[OnHost] | RegressionModel
    train: Frames
    folded: Frames
    backend: str


def specimen_of(spec: Spec, train: Raw, test: Raw | None, contents: str, backend: str) -> Specimen:
    """The spec's liquid with a readout of it, known again where it was trained before.

    test: where the readout is to be asked of other data, those, for folds hold out what they do. contents: a
    digest of both.
    """

    def size(specimen: Specimen) -> int:
        return 40 * specimen.model.program.network.synapses + specimen.train.frames.nbytes

    key = digest("specimen", content_of(spec), contents, test is None, backend)

    def make() -> Specimen:
        return trained(spec, train, None if test is None else frames_of(test, spec, "test").groups, backend)

    return MEMO.get(key, make, size)


def contents_of(train: Raw, test: Raw | None = None) -> str:
    """A digest of all that is in data, wherever they come from."""
    return digest(*(None if raw is None else replace(raw, source="") for raw in (train, test))).hex()


def checked_frames(spec: Spec, train: Raw, test: Raw | None = None) -> Frames:
    """The training frames, if the spec can be trained on them, and asked of the test data; else LsmErrors."""
    section = spec.readout
    if not isinstance(section, Regression):
        readout_of(spec)
    frames = frames_of(train, spec, "train")
    other = None if test is None else frames_of(test, spec, "test")
    if other is not None:
        target = section.target if isinstance(section, Regression) else "label"
        check_split(frames, other, spec.data is not None and spec.data.shared_groups, target=target)
    if isinstance(section, Regression):
        check_series(section, frames, other)
    else:
        check_labels(frames)
    return frames


def cross_validated(model: Model[OnHost] | RegressionModel) -> float:
    """Its score on held-out parts of the training data: of its regularisations, the one that was chosen by that."""
    if isinstance(model, RegressionModel):
        return model.regressor.error
    return float(model.answerer.classifier.cv_accuracy.max())


def answered(specimen: Specimen, test: Raw, fault: Fault | None = None, *, retrain: bool = False) -> Answered:
    """On test data, as `evaluate` has it of the healthy liquid. fault: its seed is a draw, of which each liquid has its
    own: the same places in all of them would show less chance than there is. retrain: the readout is one of the faulty
    liquid."""
    spec, model = specimen.spec, specimen.model
    frames, backend = frames_of(test, spec, "test"), specimen.backend
    broken = fault is not None and fault.strength > 0
    if broken:
        assert fault is not None
        listener = _faulty(model.listener, replace(fault, seed=OF_A_LIQUID * spec.seed + fault.seed))
        again = listener, spec, specimen.train, specimen.folded, backend
        model = _fitted(*again, broken=True) if retrain else replace(model, listener=listener)
    # What is broken is run once, and its answer stands in the results.
    if isinstance(model, RegressionModel):
        run_on, pairs = run_states if broken else known_states, pairs_of(frames, model.readout)
        forecasts = answer(model.integers, run_on(model.listener, model.readout, frames, "test", backend).features)
        return Answered(nrmse(forecasts[pairs.rows], pairs.targets), {})
    run = (run_samples if broken else known_run)(model.listener, model.readout, frames, "test", backend)
    predicted = np.argmax(model.answerer.scores_of(run, frames), axis=1)
    right = np.array([model.classes[i] == label for i, label in zip(predicted, frames.labels, strict=True)])
    names = np.array(frames.groups)
    groups = {name: (int(right[names == name].sum()), int((names == name).sum())) for name in sorted({*frames.groups})}
    return Answered(float(right.mean()), groups)


def takes_of(specimen: Specimen) -> Takes:
    """What the liquid takes, from a run of some training samples."""
    model, backend = specimen.model, specimen.backend
    listener, program = model.listener, model.program
    network = program.network
    some = np.unique(np.linspace(0, specimen.train.samples - 1, SAMPLES).astype(np.int64))
    few = subset(specimen.train, some)
    stimulus = next(listener.stimuli(few, "train")).until(STEPS)
    trace = backends.run_program(backend, program, stimulus)
    regression = isinstance(model, RegressionModel)
    steps = steps_of_frame(listener) if regression else float(listener.steps(few).mean())
    answers = len(stimulus.spikes) / steps
    placed = program.target != NOWHERE.name
    energy = count_resources(program, stimulus, trace).estimate.energy if placed else None
    return Takes(
        neurons=network.neurons,
        synapses=network.synapses,
        cores=len(np.unique(program.cores)) if placed else None,
        synapse_units=sum(load.synapse_units for load in load_of(program)) if placed else None,
        rates={
            name: activity_of(trace.spikes[:, network.columns(name)], network.dt_ms).rate_hz for name in network.sizes
        },
        spikes=float(np.count_nonzero(trace.spikes) / answers),
        energy=Range(energy.least / answers, energy.most / answers) if energy else None,
    )


# --- training ------------------------------------------------------------------------------------------------------


def trained(
    spec: Spec, train: Raw, tested: Collection[str] | None, backend: str, *, in_blocks: bool = False
) -> Specimen:
    """The same, trained now: for what is asked once, and would only take the place of what is asked again.

    tested: groups of the data that the readout is to be asked of, where there are such. in_blocks: other splits of the
    same data are asked for, too.
    """
    frames = frames_of(train, spec, "train")
    folded = frames if tested is None else held_out(frames, tested)
    if isinstance(spec.readout, Regression):
        check_series(spec.readout, frames)
    else:
        check_labels(frames)
        check_overlap(spec, folded)
    listener = listen(spec, frames, compiled(spec).program)
    backend = backends.choose(backend, listener.program)
    model = _fitted(listener, spec, frames, folded, backend, in_blocks=in_blocks)
    return Specimen(spec, model, frames, folded, backend)


def _fitted(
    listener: Listener,
    spec: Spec,
    train: Frames,
    folded: Frames,
    backend: str,
    *,
    broken: bool = False,
    in_blocks: bool = False,
) -> Model[OnHost] | RegressionModel:
    if not isinstance(spec.readout, Regression):
        readout = readout_of(spec)
        if in_blocks:
            run = run_in_blocks(spec, listener, train, backend)
        else:
            run = (run_samples if broken else known_run)(listener, readout, train, "train", backend)
        return fit_run(run, listener, readout, train, folded, spec.seed, backend)
    section = regression_of(spec)
    states = (run_states if broken else known_states)(listener, section, train, "train", backend, warn=True)
    require_states(states, section)
    return RegressionModel(listener, section, *fit_states(states, train, section), output_names(train, section))


# --- faults --------------------------------------------------------------------------------------------------------


def _faulty(listener: Listener, fault: Fault) -> Listener:
    if FAULTS[fault.kind].stimulus is not None:
        return replace(listener, fault=partial(_entering, fault, listener.program))
    return replace(listener, program=faulty_program(listener.program, fault.kind, fault.strength, fault.seed))


def _entering(fault: Fault, program: Program, stimulus: Stimulus, first: int) -> Stimulus:
    return faulty_stimulus(stimulus, fault.kind, fault.strength, fault.seed, message=program.network.input, first=first)
