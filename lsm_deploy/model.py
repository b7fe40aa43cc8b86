"""A trained readout with its program: fit it to the spikes that the chip would emit, keep it in a file, ask it.

Features come from the integer spikes of the program as it would be deployed. Ranges of the encoder, standardisation and
regularisation are fitted to the training data alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lsm_deploy import backend as backends
from lsm_deploy import readout as readouts
from lsm_deploy import store
from lsm_deploy.data import Frames, check_labels, load_data
from lsm_deploy.encode import encode, fit_ranges
from lsm_deploy.errors import LsmError
from lsm_deploy.ir import Program, Stimulus, Trace
from lsm_deploy.neurons import KINDS
from lsm_deploy.neurons.kind import Floats
from lsm_deploy.pipeline import compile_spec
from lsm_deploy.readout import Classifier
from lsm_deploy.spec.schema import Data, Input, Readout, Spec, Traces
from lsm_deploy.spec.sections import section_from_json, section_to_json
from lsm_deploy.store.files import read_bytes

__all__ = [
    "Model",
    "columns_of",
    "data_of",
    "encode_for",
    "features_of",
    "load_model",
    "model_from_parts",
    "model_to_parts",
    "parts_of",
    "predict",
    "readout_of",
    "require_spikes",
    "save_model",
    "train",
]

Progress = Callable[[int, int], None]

DIAGNOSED_STEPS = 2000
"""Steps that are run again, with their voltages, to say why a liquid is silent."""


@dataclass(frozen=True, eq=False)
class Model:
    """A trained readout with the program it belongs to and all that turns frames into its input."""

    program: Program
    input: Input
    ranges: Floats
    readout: Readout
    classifier: Classifier
    seed: int

    def __post_init__(self) -> None:
        ranges = np.array(self.ranges, np.float64)
        ranges.setflags(write=False)
        object.__setattr__(self, "ranges", ranges)
        if ranges.shape != (self.input.channels, 2) or not np.isfinite(ranges).all():
            raise ValueError(f"ranges have shape {ranges.shape} or are not finite")
        if self.input.spike_channels != self.program.network.channels:
            raise ValueError("the input does not fit the program")
        parts = parts_of(self.readout)
        population = columns_of(self.program, self.readout.population)
        if self.classifier.coef.shape[1] != parts * (population.stop - population.start):
            raise ValueError("the classifier does not fit the population that is read")
        if self.seed < 0:
            raise ValueError(f"the seed is {self.seed}")


# --- what a user asks for ------------------------------------------------------------------------------------------


def train(
    spec: Spec, data: Frames | None = None, backend: str = backends.DEFAULT, progress: Progress | None = None
) -> Model:
    """Compile a spec, run the training data (its own, if none is given) and fit the readout to the spikes."""
    section = readout_of(spec)
    data = load_data(data_of(spec))[0] if data is None else data
    check_labels(data)
    program = compile_spec(spec).program
    ranges = fit_ranges(data, spec.input)
    stimulus = encode_for(program, spec.input, ranges, data, spec.seed, "train")
    trace = backends.run(backend, program, stimulus, progress=progress)
    require_spikes(program, stimulus, trace, section.population, backend)
    classifier = readouts.fit(features_of(program, trace, section), data.labels, section, spec.seed)
    return Model(program, spec.input, ranges, section, classifier, spec.seed)


def predict(
    model: Model, data: Frames, backend: str = backends.DEFAULT, progress: Progress | None = None
) -> tuple[str, ...]:
    """The class of each sample; labels that the data may have are not looked at."""
    stimulus = encode_for(model.program, model.input, model.ranges, data, model.seed, "test")
    trace = backends.run(backend, model.program, stimulus, progress=progress)
    return readouts.predict(model.classifier, features_of(model.program, trace, model.readout))


# --- a model's file ------------------------------------------------------------------------------------------------


def save_model(path: str | Path, model: Model) -> None:
    """One canonical file of the program, the encoder, the ranges and the classifier."""
    facts, wiring = store.program_to_parts(model.program, _PREFIX)
    meta, arrays = model_to_parts(model)
    packed = store.pack("model", {"program": facts, "model": meta}, {**wiring, **arrays})
    store.write_file(path, lambda file: file.write(packed))


def load_model(path: str | Path) -> Model:
    """The model of a file, or an LsmError that says what is wrong with it."""
    where = str(path)
    meta, arrays = store.unpack(read_bytes(Path(path)), "model", where)
    if not isinstance(meta, dict) or not all(isinstance(meta.get(part), dict) for part in ("program", "model")):
        raise LsmError("the model is not valid: a part is missing", where=where, hint="train it again")
    program = store.program_from_parts(meta["program"], arrays, where, _PREFIX)
    return model_from_parts(program, meta["model"], arrays, where)


_PREFIX = "program."


def model_to_parts(model: Model) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Facts and arrays of a model, without its program."""
    meta = {
        "input": section_to_json(model.input),
        "readout": section_to_json(model.readout),
        "seed": model.seed,
    }
    return meta, {"ranges": model.ranges, **readouts.to_arrays(model.classifier)}


def model_from_parts(
    program: Program, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], where: str = ""
) -> Model:
    """The model again; an LsmError where the parts are none or do not fit the program."""
    try:
        return Model(
            program,
            section_from_json(Input, meta["input"]),
            arrays["ranges"],
            section_from_json(Readout, meta["readout"]),
            readouts.from_arrays(arrays),
            index(meta["seed"]),
        )
    except (LsmError, ValueError, KeyError, TypeError, IndexError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error).split("\n")[0]
        raise LsmError(f"the model is not valid: {what}", where=where, hint="train it again") from None


# --- the steps between ---------------------------------------------------------------------------------------------


def readout_of(spec: Spec) -> Readout:
    if spec.readout is None:
        raise LsmError("the spec has no readout to train", where="spec", hint="add a readout section")
    return spec.readout


def data_of(spec: Spec) -> Data:
    if spec.data is None:
        raise LsmError(
            "the spec names no data", where="spec", hint="add a data section, or give training and test data"
        )
    return spec.data


def encode_for(
    program: Program, section: Input, ranges: Floats, data: Frames, seed: int, role: Literal["train", "test"]
) -> Stimulus:
    network = program.network
    return encode(section, ranges, data, network.dt_ms, seed, network.sample_interval, role)


def columns_of(program: Program, population: str) -> slice:
    network = program.network
    size = next((p.size for p in network.populations if p.name == population), None)
    if size is None:
        raise ValueError(f"there is no population {population!r}")
    return slice(network.offsets[population], network.offsets[population] + size)


def features_of(program: Program, trace: Trace, section: Readout) -> Floats:
    spikes = trace.spikes[:, columns_of(program, section.population)]
    return readouts.features(spikes, trace.starts, section, program.network.dt_ms)


def parts_of(section: Readout) -> int:
    return section.features.samples if isinstance(section.features, Traces) else section.features.bins


def require_spikes(
    program: Program, stimulus: Stimulus, trace: Trace, population: str, backend: str, on: str = "the training data"
) -> None:
    """A silent population has nothing to read: say how far it is from its threshold."""
    columns = columns_of(program, population)
    if trace.spikes[:, columns].any():
        return
    where = f"population {population!r}"
    if not stimulus.spikes.any():
        raise LsmError(
            "the encoded training data has no spikes",
            where="input",
            hint="raise max_rate_hz, or lower threshold or delta",
        )
    end = int(stimulus.starts[np.searchsorted(stimulus.starts, DIAGNOSED_STEPS, "right") - 1]) or DIAGNOSED_STEPS
    part = Stimulus(stimulus.spikes[:end].copy(), stimulus.starts[stimulus.starts < end].copy())
    v = backends.run(backend, program, part, ("v",)).registers["v"][:, columns].max(axis=0)
    silent = next(p for p in program.network.populations if p.name == population)
    reached = float((v / np.maximum(KINDS[silent.kind].threshold(silent.registers), 1)).max())
    if reached <= 0:
        hint = "join it to the input with excitatory weights, or raise its bias"
        raise LsmError(f"it never spikes on {on}: nothing raises its voltage", where=where, hint=hint)
    raise LsmError(
        f"it never spikes on {on}: the first samples raise it to {reached:.3g} of its threshold",
        where=where,
        hint=f"raise the weights onto it about {1.5 / reached:.2g}-fold, or lower its v_threshold",
    )
