"""A trained readout with its listener: fit it to the spikes that the chip would emit, keep it in a file, ask it.

A model is a listener and an answerer. Features come from the integer spikes of the program as it would be deployed;
ranges of the encoder, standardisation and regularisation are fitted to the training data alone. What answers is a
readout on the host, in integers (`OnHost`), or output neurons that are a part of the program (`OnChip`; `onchip` trains
them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from lsm_deploy import store
from lsm_deploy.core.errors import LsmError, require_path, require_type
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.frozen import rebuilt
from lsm_deploy.core.ir import Program, Trace
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Brief, Reported
from lsm_deploy.data import Frames, Role, check_labels
from lsm_deploy.data.front import training_frames
from lsm_deploy.data.raw import is_rate
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.attach import output_of, winners
from lsm_deploy.learn.known import known_run
from lsm_deploy.learn.listener import Listener, listen
from lsm_deploy.learn.live import Live, MostSpikes, Scores, Streams
from lsm_deploy.learn.readout import Classifier, IntegerReadout
from lsm_deploy.learn.regression.model import RegressionModel
from lsm_deploy.learn.runs import Run, require_spikes, run_samples, sizes_of, warn_of_run
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import BeatsFrontEnd, FrontEnd, Input, Readout, Regression, Spec
from lsm_deploy.spec.sections import section_from_json, section_to_json
from lsm_deploy.store.files import read_bytes

__all__ = [
    "NO_PROBABILITIES",
    "AnyModel",
    "Model",
    "OnChip",
    "OnHost",
    "check_overlap",
    "fit_run",
    "fit_to",
    "folds_for",
    "load_model",
    "model_from_parts",
    "model_to_parts",
    "predict",
    "probabilities",
    "readout_of",
    "relative",
    "save_model",
    "scores",
    "train",
]


@dataclass(frozen=True, eq=False, repr=False)
class OnHost(Brief):
    """A linear readout of spikes that the host computes. classifier: as it was trained; integers: what answers."""

    readout: Readout
    classifier: Classifier
    integers: IntegerReadout

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        if self.classifier.available != self.integers.available or self.classifier.classes != self.integers.classes:
            raise ValueError("the integers are not those of the classifier")

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their numbers."""
        return self.classifier.classes

    def check(self, program: Program) -> None:
        """A ValueError where this does not fit what is read of the program."""
        if self.classifier.available != readouts.width(self.readout, sizes_of(program, self.readout)):
            raise ValueError("the classifier does not fit the population that is read")

    def scores(self, listener: Listener, data: Frames, backend: str, progress: Progress | None) -> Ints:
        """The integer score of each class for each sample `[sample, class]`."""
        return self.scores_of(run_samples(listener, self.readout, data, "test", backend, progress), data)

    def scores_of(self, run: Run, data: Frames) -> Ints:
        """The same of a run of these samples."""
        return readouts.scores(self.integers, relative(run.samples.features, data, self.readout))

    def answers(self, program: Program) -> Scores:
        """The same in numbers, for frames that come one by one."""
        return Scores.of(program, self.readout, self.integers)

    def answer(self, listener: Listener, data: Frames, backend: str, progress: Progress | None) -> Ints:
        """The class `[sample]`, by number: that of the largest score."""
        chosen: Ints = np.argmax(self.scores(listener, data, backend, progress), axis=1)
        return chosen

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What a model's file keeps of this, by name."""
        return {**readouts.to_arrays(self.classifier), **readouts.integer_to_arrays(self.integers)}

    @classmethod
    def from_arrays(cls, readout: Readout, arrays: Mapping[str, NDArray[Any]]) -> OnHost:
        integers = readouts.integer_from_arrays(arrays)
        return cls(readout, readouts.from_arrays(arrays), integers)


@dataclass(frozen=True, eq=False, repr=False)
class OnChip(Brief):
    """Output neurons of the program, one for each of `classes`; readout: the section that they were trained by."""

    readout: Readout
    classes: tuple[str, ...]

    def check(self, program: Program) -> None:
        """A ValueError where the program has not an output neuron for each class."""
        there = output_of(program)
        if there.stop - there.start != len(self.classes):
            raise ValueError(f"{there.stop - there.start} output neurons for {len(self.classes)} classes")

    def answers(self, program: Program) -> MostSpikes:
        """The same in numbers, for frames that come one by one."""
        return MostSpikes.of(program, self.classes)

    def answer(self, listener: Listener, data: Frames, backend: str, progress: Progress | None) -> Ints:
        """The class `[sample]`, by number: that of the output neuron with the most spikes."""
        pieces = listener.pieces(data, "test", backend, progress)
        return np.concatenate([winners(listener.program, piece.spikes, piece.stimulus.starts) for piece in pieces])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What a model's file keeps of this, by name."""
        return {"classes": np.array(self.classes)}

    @classmethod
    def from_arrays(cls, readout: Readout, arrays: Mapping[str, NDArray[Any]]) -> OnChip:
        return cls(readout, readouts.names_in(arrays["classes"]))


_Answerer = TypeVar("_Answerer", OnHost, OnChip)


@dataclass(frozen=True, eq=False, repr=False)
class Model(Reported, Generic[_Answerer]):
    """A listener, and what answers from the spikes of its program."""

    _short = ("classes", "on_chip", "readout", "program")

    listener: Listener
    answerer: _Answerer

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        if len({*self.classes}) != len(self.classes):
            raise ValueError(f"two classes have one name: {', '.join(self.classes)}")
        self.answerer.check(self.listener.program)

    @property
    def program(self) -> Program:
        """The program whose spikes are answered from."""
        return self.listener.program

    @property
    def streams(self) -> Streams:
        """From a frame to the scores of classes, in numbers: what `start` runs."""
        return Streams.of(self.listener, self.answerer.answers(self.program))

    def start(self, window: int | None = None, *, backend: str = backends.DEFAULT, role: Role = "test") -> Live:
        """Listen from rest on: `step(frame)` takes a frame and returns the scores, `push` beats or sound.

        window: so many frames, the last ones, are read; left out, as many as the longest training sample had. role: of
        the data whose noise random encoders draw. LsmError: what answers needs more than frames, or the backend knows
        no stepping.
        """
        if self.readout.centre != "none":
            what = "features are less the mean of their group, which takes other samples of it"
            raise LsmError(what, where="readout", hint="set `readout: {centre: none}`, and train it again")
        return Live(self.streams, window, backend, role)

    @property
    def readout(self) -> Readout:
        """The spec's readout section, by which this was trained."""
        return self.answerer.readout

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their numbers."""
        return self.answerer.classes

    @property
    def on_chip(self) -> bool:
        """Whether output neurons of the program answer, and not the host."""
        return isinstance(self.answerer, OnChip)

    def decisions(self, trace: Trace) -> tuple[str, ...]:
        """The class of each sample of a run of a program with output neurons, on whatever backend."""
        return tuple(self.classes[i] for i in winners(self.program, trace.spikes, trace.starts))


AnyModel: TypeAlias = Model[OnHost] | Model[OnChip] | RegressionModel

# --- what a user asks for ------------------------------------------------------------------------------------------


def train(
    spec: Spec,
    data: Frames | str | Path | None = None,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
) -> Model[OnHost]:
    """Compile a spec, run the training data and fit the readout to the spikes.

    data: frames, or a file of what the spec's front end takes; the spec's own training data, if none are given.
    """
    readout = readout_of(spec)
    data = training_frames(data, spec)
    check_labels(data)
    check_overlap(spec, data)
    listener = listen(spec, data)
    run = known_run(listener, readout, data, "train", backend, progress)
    return fit_run(run, listener, readout, data, data, spec.seed, backend)


def fit_run(
    run: Run, listener: Listener, readout: Readout, data: Frames, folded: Frames, seed: int, backend: str
) -> Model[OnHost]:
    """Fit the readout to a run of the training data; folded: the same data, as folds are to be made of it."""
    require_spikes(listener, readout, data, backend, run.samples)
    warn_of_run(listener, data, run.fired, run.steps)
    classifier = fit_to(relative(run.samples.features, data, readout), folded, readout, seed)
    integers = readouts.quantise_readout(classifier, readout.weight_bits)
    return Model(listener, OnHost(readout, classifier, integers))


def fit_to(features: Floats | Ints, data: Frames, readout: Readout, seed: int, *, centre: bool = True) -> Classifier:
    """Train on features of these samples, in folds that split neither a group nor the copies of one sample."""
    return readouts.fit(features, data.labels, readout, seed, *_held_together(data), centre=centre)


def folds_for(data: Frames, y: Ints, readout: Readout, seed: int) -> list[readouts.Fold]:
    """The folds of these samples, of class `y`."""
    return readouts.folds_of(y, readout.folds, seed, *_held_together(data))


def _held_together(data: Frames) -> tuple[Sequence[object], Sequence[int]]:
    # One speaker alone, or one record, has nobody to be held out against.
    return data.groups if len(set(data.groups)) > 1 else (), data.origin.tolist()


def check_overlap(spec: Spec, data: Frames, least: int = 2) -> None:
    """Refuse windows that share beats where there are not at least so many records for cross-validation to hold out."""
    front_end, records = spec.front_end, len(set(data.groups))
    if isinstance(front_end, BeatsFrontEnd) and front_end.stride < front_end.window_beats and records < least:
        there = "no other record to hold out" if records < 2 else f"{records} records to hold out, not {least}"
        raise LsmError(
            f"windows of {front_end.window_beats} beats begin every {front_end.stride}, and cross-validation has"
            f" {there}: it would test on beats that it trains on",
            where=data.source,
            hint=f"set `front_end: {{stride_beats: {front_end.window_beats}}}`, or train on other records",
        )


def predict(
    model: Model[OnHost] | Model[OnChip],
    data: Frames,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Answer for each sample with the name of its class; labels that the data may have are not looked at."""
    _require_classes(model)
    require_type(data, Frames, "data", "read them with `load_frames`")
    return tuple(model.classes[i] for i in model.answerer.answer(model.listener, data, backend, progress))


def scores(
    model: Model[OnHost], data: Frames, backend: str = backends.DEFAULT, progress: Progress | None = None
) -> Ints:
    """The integer score of each class for each sample `[sample, class]`; the largest is the answer.

    An LsmError for a model on the chip, which has no scores: its output neurons spike.
    """
    _require_classes(model)
    require_type(data, Frames, "data", "read them with `load_frames`")
    if not isinstance(model.answerer, OnHost):
        raise LsmError("output neurons have no scores", where="model", hint="use predict, or train it for the host")
    return model.answerer.scores(model.listener, data, backend, progress)


NO_PROBABILITIES = "train with `classifier: logistic`, or calibrate scores with scikit-learn's CalibratedClassifierCV"


def probabilities(
    model: Model[OnHost], data: Frames, backend: str = backends.DEFAULT, progress: Progress | None = None
) -> Floats:
    """The probability of each class for each sample `[sample, class]`, of logistic regression by integer scores.

    An LsmError for all other readouts: how far their scores are apart says nothing of how sure they are.
    """
    values = scores(model, data, backend, progress)
    if model.readout.classifier != "logistic":
        what = f"scores of a {model.readout.classifier} readout are no probabilities"
        raise LsmError(what, where="model", hint=NO_PROBABILITIES)
    return readouts.probabilities(values / model.answerer.integers.scale)


def _require_classes(model: object) -> None:
    if isinstance(model, RegressionModel):
        raise LsmError("the model answers signals, and classes are asked for", where="model", hint="use `forecast`")
    require_type(model, Model, "model", "read one with `load_model`, or `train` it")


def relative(features: NDArray[Any], data: Frames, readout: Readout) -> NDArray[Any]:
    """Features of these samples as the readout takes them: centred, where it says so."""
    return readouts.centred(features, data.groups, data.source) if readout.centre == "group" else features


def readout_of(spec: Spec) -> Readout:
    """The spec's readout of classes; an LsmError where it has none."""
    require_type(spec, Spec, "spec", "read one with `load`")
    if spec.readout is None:
        raise LsmError("the spec has no readout to train", where="spec", hint="add a readout section")
    if not isinstance(spec.readout, Readout):
        what = "the spec's readout answers signals, and classes are asked for"
        hint = (
            "remove `target` and name a `classifier`, or use what is for signals: `eval`, `train`, `train_regression`"
        )
        raise LsmError(what, where="readout", hint=hint)
    return spec.readout


# --- a model's file ------------------------------------------------------------------------------------------------


def save_model(path: str | Path, model: AnyModel) -> None:
    """Write one canonical file of the program, the encoder, the ranges and what answers."""
    require_type(model, (Model, RegressionModel), "model", "read one with `load_model`, or `train` it")
    facts, wiring = store.program_to_parts(model.program, _PREFIX)
    meta, arrays = model_to_parts(model)
    packed = store.pack("model", {"program": facts, "model": meta}, {**wiring, **arrays})
    store.write_bytes(path, packed)


def load_model(path: str | Path) -> AnyModel:
    """Read a model, and check that its parts fit; an LsmError says what is wrong with a file that is none."""
    where = str(path)
    store.refuse_other(path, "a trained model", "model")
    meta, arrays = store.unpack(read_bytes(require_path(path)), "model", where)
    if not isinstance(meta, dict) or not all(isinstance(meta.get(part), dict) for part in ("program", "model")):
        raise LsmError("the model is not valid: a part is missing", where=where, hint="train it again")
    program = store.program_from_parts(meta["program"], arrays, where, _PREFIX)
    return model_from_parts(program, meta["model"], arrays, where)


_PREFIX = "program."


def model_to_parts(model: AnyModel) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Facts and arrays of a model, without its program."""
    listener = model.listener
    meta = {
        "front_end": section_to_json(listener.front_end) if listener.front_end is not None else None,
        "input": section_to_json(listener.input),
        "pattern": listener.pattern,
        "seed": listener.seed,
    }
    if listener.longest:
        meta["longest"] = listener.longest
    if listener.targets:
        meta["targets"] = list(listener.targets)
    if listener.names:
        meta["channels"] = list(listener.names)
    if listener.mono:
        meta["mono"] = True
    if listener.rate_hz is not None:
        meta["rate_hz"] = listener.rate_hz
    if isinstance(model, RegressionModel):
        meta["regression"] = section_to_json(model.readout)
        return meta, {"ranges": listener.ranges, **model.to_arrays()}
    meta |= {"on_chip": model.on_chip, "readout": section_to_json(model.readout)}
    return meta, {"ranges": listener.ranges, **model.answerer.to_arrays()}


def model_from_parts(
    program: Program, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], where: str = ""
) -> AnyModel:
    """The model again; an LsmError where the parts are none or do not fit the program."""
    try:
        front_end = section_from_json(FrontEnd, meta["front_end"]) if meta.get("front_end") is not None else None
        pattern = meta.get("pattern")
        if not isinstance(pattern, str | None):
            raise ValueError("pattern is no text")
        columns = [meta.get(name, []) for name in ("targets", "channels")]
        if not all(isinstance(each, list) and all(isinstance(name, str) for name in each) for each in columns):
            raise ValueError("targets, or channels, are no list of text")
        targets, channels = map(tuple, columns)
        encoded, seed = section_from_json(Input, meta["input"]), index(meta["seed"])
        longest, mono, rate_hz = index(meta.get("longest", 0)), meta.get("mono", False), meta.get("rate_hz")
        if not isinstance(mono, bool) or not (rate_hz is None or (isinstance(rate_hz, float) and is_rate(rate_hz))):
            raise ValueError("mono, or rate_hz, is not valid")
        ranges = arrays["ranges"]
        listener = Listener(
            program, encoded, ranges, seed, front_end, pattern, targets, channels, longest, mono, rate_hz
        )
        if "regression" in meta:
            return RegressionModel.from_arrays(listener, section_from_json(Regression, meta["regression"]), arrays)
        if not isinstance(meta["on_chip"], bool):
            raise ValueError("on_chip is neither true nor false")
        readout = section_from_json(Readout, meta["readout"])
        if meta["on_chip"]:
            return Model(listener, OnChip.from_arrays(readout, arrays))
        return Model(listener, OnHost.from_arrays(readout, arrays))
    except (LsmError, ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error).split("\n")[0]
        raise LsmError(f"the model is not valid: {what}", where=where, hint="train it again") from None
