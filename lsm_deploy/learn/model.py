"""A trained readout with its program: fit it to the spikes that the chip would emit, keep it in a file, ask it.

Features come from the integer spikes of the program as it would be deployed. Ranges of the encoder, standardisation and
regularisation are fitted to the training data alone. The readout answers on the host, in integers (`Model`), or on the
chip, where output neurons are a part of the program (`OnChip`; `onchip` trains it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy import store
from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import Program, Trace
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import Frames, check_labels
from lsm_deploy.data.encoders import fit_ranges
from lsm_deploy.data.front import load_data
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.attach import output_of, winners
from lsm_deploy.learn.readout import Classifier, IntegerReadout
from lsm_deploy.learn.states import pieces, require_spikes, run_features, sizes_of
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import BeatsFrontEnd, FrontEnd, Input, Readout, Spec
from lsm_deploy.spec.sections import section_from_json, section_to_json
from lsm_deploy.store.files import read_bytes

__all__ = [
    "Model",
    "OnChip",
    "check_overlap",
    "fit_to",
    "folds_for",
    "load_model",
    "model_from_parts",
    "model_to_parts",
    "pattern_of",
    "predict",
    "readout_of",
    "relative",
    "save_model",
    "scores",
    "train",
]

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Model:
    """A trained readout with the program it belongs to and all that turns frames into its input.

    classifier: as it was trained; integers: what answers. pattern: how WAV files were named, if not as the default.
    """

    program: Program
    input: Input
    ranges: Floats
    readout: Readout
    classifier: Classifier
    integers: IntegerReadout
    seed: int
    front_end: FrontEnd | None = None
    pattern: str | None = None

    def __post_init__(self) -> None:
        _check(self)
        available = readouts.width(self.readout, sizes_of(self.program, self.readout))
        if {self.classifier.available, self.integers.available} != {available}:
            raise ValueError("the classifier does not fit the population that is read")
        if self.classifier.classes != self.integers.classes:
            raise ValueError("the integers have other classes than the classifier")

    @property
    def classes(self) -> tuple[str, ...]:
        return self.classifier.classes


@dataclass(frozen=True, eq=False)
class OnChip:
    """A program whose output neurons name one of `classes`, and all that turns frames into its input."""

    program: Program
    input: Input
    ranges: Floats
    readout: Readout
    classes: tuple[str, ...]
    seed: int
    front_end: FrontEnd | None = None
    pattern: str | None = None

    def __post_init__(self) -> None:
        _check(self)
        there = output_of(self.program)
        if there.stop - there.start != len(self.classes):
            raise ValueError(f"{there.stop - there.start} output neurons for {len(self.classes)} classes")

    def decisions(self, trace: Trace) -> tuple[str, ...]:
        """The class of each sample of a run of the program, on whatever backend."""
        return tuple(self.classes[i] for i in winners(self.program, trace))


def _check(model: Model | OnChip) -> None:
    ranges = np.array(model.ranges, np.float64)
    ranges.setflags(write=False)
    object.__setattr__(model, "ranges", ranges)
    if ranges.shape != (model.input.channels, 2) or not np.isfinite(ranges).all():
        raise ValueError(f"ranges have shape {ranges.shape} or are not finite")
    if model.input.spike_channels != model.program.network.channels:
        raise ValueError("the input does not fit the program")
    if model.seed < 0:
        raise ValueError(f"the seed is {model.seed}")


# --- what a user asks for ------------------------------------------------------------------------------------------


def train(
    spec: Spec, data: Frames | None = None, backend: str = backends.DEFAULT, progress: Progress | None = None
) -> Model:
    """Compile a spec, run the training data (its own, if none is given) and fit the readout to the spikes."""
    section = readout_of(spec)
    data = load_data(spec)[0] if data is None else data
    check_labels(data)
    check_overlap(spec, data)
    program = compile_spec(spec).program
    ranges = fit_ranges(data, spec.input)
    run = run_features(program, spec.input, section, ranges, data, spec.seed, "train", backend, progress)
    require_spikes(program, spec.input, section, ranges, data, spec.seed, backend, run)
    classifier = fit_to(relative(run.features, data, section), data, section, spec.seed)
    integers = readouts.quantise_readout(classifier, section.weight_bits)
    pattern = pattern_of(spec)
    return Model(program, spec.input, ranges, section, classifier, integers, spec.seed, spec.front_end, pattern)


def fit_to(features: Floats | Ints, data: Frames, section: Readout, seed: int, *, centre: bool = True) -> Classifier:
    """Train on features of these samples, in folds that split neither a group nor the copies of one sample."""
    return readouts.fit(features, data.labels, section, seed, *_kept_together(data), centre=centre)


def folds_for(data: Frames, y: Ints, section: Readout, seed: int) -> list[readouts.Fold]:
    """The folds of these samples, of class `y`."""
    return readouts.folds_of(y, section.folds, seed, *_kept_together(data))


def _kept_together(data: Frames) -> tuple[Sequence[object], Sequence[int]]:
    # One speaker alone, or one record, has nobody to be held out against.
    return data.groups if len(set(data.groups)) > 1 else (), data.origin.tolist()


def check_overlap(spec: Spec, data: Frames) -> None:
    """Refuse windows that share beats where there is no other record for cross-validation to hold out."""
    front_end = spec.front_end
    if isinstance(front_end, BeatsFrontEnd) and front_end.stride < front_end.window_beats and len(set(data.groups)) < 2:
        raise LsmError(
            f"windows of {front_end.window_beats} beats begin every {front_end.stride}, and cross-validation has no"
            " other record to hold out: it would test on beats that it trains on",
            where=data.source,
            hint=f"set `front_end: {{stride_beats: {front_end.window_beats}}}`, or train on other records",
        )


def predict(
    model: Model | OnChip, data: Frames, backend: str = backends.DEFAULT, progress: Progress | None = None
) -> tuple[str, ...]:
    """The class of each sample; labels that the data may have are not looked at."""
    if isinstance(model, Model):
        return tuple(model.classes[i] for i in np.argmax(scores(model, data, backend, progress), axis=1))
    found: list[str] = []
    for piece in pieces(model.program, model.input, model.ranges, data, model.seed, "test", backend, progress):
        found += model.decisions(Trace(piece.spikes, {}, piece.stimulus.starts, piece.counts))
    return tuple(found)


def scores(model: Model, data: Frames, backend: str = backends.DEFAULT, progress: Progress | None = None) -> Ints:
    """The integer score of each class for each sample `[sample, class]`; the largest is the answer."""
    run = run_features(
        model.program, model.input, model.readout, model.ranges, data, model.seed, "test", backend, progress
    )
    return readouts.scores(model.integers, relative(run.features, data, model.readout))


def relative(features: NDArray[Any], data: Frames, section: Readout) -> NDArray[Any]:
    """Features of these samples as the readout takes them: centred, where it says so."""
    return readouts.centred(features, data.groups, data.source) if section.centre == "group" else features


def readout_of(spec: Spec) -> Readout:
    if spec.readout is None:
        raise LsmError("the spec has no readout to train", where="spec", hint="add a readout section")
    return spec.readout


def pattern_of(spec: Spec) -> str | None:
    """How WAV files are named, if not as the default."""
    return spec.data.pattern if spec.data is not None else None


# --- a model's file ------------------------------------------------------------------------------------------------


def save_model(path: str | Path, model: Model | OnChip) -> None:
    """One canonical file of the program, the encoder, the ranges and what answers."""
    facts, wiring = store.program_to_parts(model.program, _PREFIX)
    meta, arrays = model_to_parts(model)
    packed = store.pack("model", {"program": facts, "model": meta}, {**wiring, **arrays})
    store.write_file(path, lambda file: file.write(packed))


def load_model(path: str | Path) -> Model | OnChip:
    """The model of a file, or an LsmError that says what is wrong with it."""
    where = str(path)
    meta, arrays = store.unpack(read_bytes(Path(path)), "model", where)
    if not isinstance(meta, dict) or not all(isinstance(meta.get(part), dict) for part in ("program", "model")):
        raise LsmError("the model is not valid: a part is missing", where=where, hint="train it again")
    program = store.program_from_parts(meta["program"], arrays, where, _PREFIX)
    return model_from_parts(program, meta["model"], arrays, where)


_PREFIX = "program."


def model_to_parts(model: Model | OnChip) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Facts and arrays of a model, without its program."""
    meta = {
        "front_end": section_to_json(model.front_end) if model.front_end is not None else None,
        "input": section_to_json(model.input),
        "on_chip": isinstance(model, OnChip),
        "pattern": model.pattern,
        "readout": section_to_json(model.readout),
        "seed": model.seed,
    }
    if isinstance(model, OnChip):
        return meta, {"ranges": model.ranges, "classes": np.array(model.classes)}
    integers = readouts.integer_to_arrays(model.integers)
    return meta, {"ranges": model.ranges, **readouts.to_arrays(model.classifier), **integers}


def model_from_parts(
    program: Program, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], where: str = ""
) -> Model | OnChip:
    """The model again; an LsmError where the parts are none or do not fit the program."""
    try:
        given = program, section_from_json(Input, meta["input"]), arrays["ranges"]
        readout, seed = section_from_json(Readout, meta["readout"]), index(meta["seed"])
        front_end = section_from_json(FrontEnd, meta["front_end"]) if meta.get("front_end") is not None else None
        pattern = str(meta["pattern"]) if meta.get("pattern") is not None else None
        if meta["on_chip"]:
            return OnChip(*given, readout, tuple(str(name) for name in arrays["classes"]), seed, front_end, pattern)
        integers = readouts.integer_from_arrays(arrays)
        return Model(*given, readout, readouts.from_arrays(arrays), integers, seed, front_end, pattern)
    except (LsmError, ValueError, KeyError, TypeError, IndexError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error).split("\n")[0]
        raise LsmError(f"the model is not valid: {what}", where=where, hint="train it again") from None
