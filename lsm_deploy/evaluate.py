"""Train a readout on a compiled liquid, answer with it, and measure it beside honest baselines.

Features come from the integer spikes of the program as it would be deployed. Ranges of the encoder, standardisation and
regularisation are fitted to the training data alone. On the same split, with the same readout, `evaluate` also trains

    raw         on the frames themselves, averaged over as many parts of a sample
    encoded     on the input spikes, the liquid left out
    feedforward on the same program with every synapse between neurons cut: what recurrence adds
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
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
from lsm_deploy.ir import INPUT, Program, Stimulus, Trace
from lsm_deploy.neurons.kind import Floats
from lsm_deploy.pipeline import compile_spec
from lsm_deploy.readout import Classifier
from lsm_deploy.samples import contaminated
from lsm_deploy.spec.schema import Input, Readout, Spec, Traces
from lsm_deploy.spec.sections import section_from_json, section_to_json
from lsm_deploy.store.files import read_bytes

__all__ = [
    "Activity",
    "Evaluation",
    "Model",
    "Score",
    "evaluate",
    "load_model",
    "model_from_parts",
    "model_to_parts",
    "predict",
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
        parts = _parts(self.readout)
        population = _columns(self.program, self.readout.population)
        if self.classifier.coef.shape[1] != parts * (population.stop - population.start):
            raise ValueError("the classifier does not fit the population that is read")
        if self.seed < 0:
            raise ValueError(f"the seed is {self.seed}")


@dataclass(frozen=True)
class Score:
    """What a readout trained on one kind of features got right on the test data."""

    correct: int
    samples: int
    features: int
    regularisation: float
    cv_accuracy: float
    """Of the chosen regularisation, on the training data."""
    converged: bool

    @property
    def accuracy(self) -> float:
        return self.correct / self.samples

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy. Wilson, J. Am. Stat. Assoc. 22 (1927)."""
        z2, n, p = 1.959963984540054**2, self.samples, self.accuracy
        centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
        return max(0.0, centre - half), min(1.0, centre + half)

    def to_json(self) -> dict[str, Any]:
        low, high = self.interval
        return {"accuracy": self.accuracy, "low": low, "high": high, **asdict(self)}


@dataclass(frozen=True)
class Activity:
    """Mean rates of a population on the test data; its exc and inh neurons by the signs of their synapses, if any."""

    rate_hz: float
    exc_hz: float | None
    inh_hz: float | None
    silent: float
    """The share of neurons that never spike."""
    saturated: float
    """The share of neurons that spike in more than half of all steps."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The readout of a liquid on test data, its baselines, and what its runs (training and test) went through.

    confusion: `[true class, answered class]`. feedforward: None where no synapse joins neurons. counts: those of
    `ir.COUNTS` that the backend sees. contaminated: samples that an older one reached, of all that were run.
    """

    backend: str
    classes: tuple[str, ...]
    train_samples: int
    test_samples: int
    liquid: Score
    raw: Score
    encoded: Score
    feedforward: Score | None
    confusion: NDArray[np.int64]
    activity: Mapping[str, Activity]
    counts: Mapping[str, int]
    contaminated: int

    def to_json(self) -> dict[str, Any]:
        return {
            "backend": self.backend,
            "train_samples": self.train_samples,
            "test_samples": self.test_samples,
            "liquid": self.liquid.to_json(),
            "baselines": {
                "raw": self.raw.to_json(),
                "encoded": self.encoded.to_json(),
                "feedforward": self.feedforward.to_json() if self.feedforward else None,
            },
            "classes": list(self.classes),
            "confusion": self.confusion.tolist(),
            "activity": {name: asdict(activity) for name, activity in self.activity.items()},
            "counts": dict(self.counts),
            "contaminated_samples": self.contaminated,
        }


# --- what a user asks for ------------------------------------------------------------------------------------------


def train(spec: Spec, data: Frames | None = None, backend: str = "emulator", progress: Progress | None = None) -> Model:
    """Compile a spec, run the training data (its own, if none is given) and fit the readout to the spikes."""
    section = _readout(spec)
    data = load_data(_data(spec))[0] if data is None else data
    check_labels(data)
    program = compile_spec(spec).program
    ranges = fit_ranges(data, spec.input)
    stimulus = _encode(program, spec.input, ranges, data, spec.seed, "train")
    trace = backends.run(backend, program, stimulus, progress=progress)
    _require_spikes(program, stimulus, trace, section.population, backend)
    classifier = readouts.fit(_features(program, trace, section), data.labels, section, spec.seed)
    return Model(program, spec.input, ranges, section, classifier, spec.seed)


def predict(model: Model, data: Frames, backend: str = "emulator", progress: Progress | None = None) -> tuple[str, ...]:
    """The class of each sample; labels that the data may have are not looked at."""
    stimulus = _encode(model.program, model.input, model.ranges, data, model.seed, "test")
    trace = backends.run(backend, model.program, stimulus, progress=progress)
    return readouts.predict(model.classifier, _features(model.program, trace, model.readout))


def evaluate(
    spec: Spec,
    train: Frames | None = None,
    test: Frames | None = None,
    backend: str = "emulator",
    progress: Progress | None = None,
) -> Evaluation:
    """Train on `train` and measure on `test` (the spec's own, if neither is given), with all baselines."""
    section = _readout(spec)
    if train is None and test is None:
        train, test = load_data(_data(spec))
    if train is None or test is None:
        raise LsmError("training and test data come together", hint="give both, or neither to use the spec's")
    check_labels(train, test)
    program = compile_spec(spec).program
    ranges = fit_ranges(train, spec.input)
    stimuli = (
        _encode(program, spec.input, ranges, train, spec.seed, "train"),
        _encode(program, spec.input, ranges, test, spec.seed, "test"),
    )
    cut = _without_recurrence(program)
    told = _Told(progress, sum(len(s.spikes) for s in stimuli) * (2 if cut else 1))
    traces = [backends.run(backend, program, stimuli[0], progress=told.next())]
    _require_spikes(program, stimuli[0], traces[0], section.population, backend)
    traces.append(backends.run(backend, program, stimuli[1], progress=told.next()))

    def score(features: Sequence[Floats]) -> tuple[Score, tuple[str, ...], Classifier]:
        classifier = readouts.fit(features[0], train.labels, section, spec.seed)
        answers = readouts.predict(classifier, features[1])
        correct = sum(answer == label for answer, label in zip(answers, test.labels, strict=True))
        cv_accuracy = float(classifier.cv_accuracy[classifier.candidates == classifier.regularisation][0])
        result = Score(
            correct, test.samples, features[0].shape[1], classifier.regularisation, cv_accuracy, classifier.converged
        )
        return result, answers, classifier

    liquid, answers, classifier = score([_features(program, trace, section) for trace in traces])
    raw = score([readouts.mean_bins(data.frames, data.starts, _parts(section)) for data in (train, test)])[0]
    encoded = score([readouts.features(s.spikes, s.starts, section, spec.dt_ms) for s in stimuli])[0]
    feedforward = None
    if cut:
        runs = [backends.run(backend, cut, stimulus, progress=told.next()) for stimulus in stimuli]
        feedforward = score([_features(cut, trace, section) for trace in runs])[0]
    counts: Counter[str] = Counter()
    for trace in traces:
        counts.update(trace.counts)
    return Evaluation(
        backend=backend,
        classes=classifier.classes,
        train_samples=train.samples,
        test_samples=test.samples,
        liquid=liquid,
        raw=raw,
        encoded=encoded,
        feedforward=feedforward,
        confusion=_confusion(classifier.classes, test.labels, answers),
        activity=_activity(program, traces[1]),
        counts=dict(counts),
        contaminated=sum(contaminated(program, s, t.spikes) for s, t in zip(stimuli, traces, strict=True)),
    )


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


class _Told:
    """Turns the progress of several runs into one."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.before, self.last = progress, total, 0, 0

    def next(self) -> Progress | None:
        self.before, self.last = self.before + self.last, 0
        return self._tell if self.progress else None

    def _tell(self, done: int, total: int) -> None:
        self.last = total
        assert self.progress is not None
        self.progress(self.before + done, self.total)


def _readout(spec: Spec) -> Readout:
    if spec.readout is None:
        raise LsmError("the spec has no readout to train", where="spec", hint="add a readout section")
    return spec.readout


def _data(spec: Spec) -> Any:
    if spec.data is None:
        raise LsmError(
            "the spec names no data", where="spec", hint="add a data section, or give training and test data"
        )
    return spec.data


def _encode(
    program: Program, section: Input, ranges: Floats, data: Frames, seed: int, role: Literal["train", "test"]
) -> Stimulus:
    network = program.network
    return encode(section, ranges, data, network.dt_ms, seed, network.sample_interval, role)


def _columns(program: Program, population: str) -> slice:
    network = program.network
    size = next((p.size for p in network.populations if p.name == population), None)
    if size is None:
        raise ValueError(f"there is no population {population!r}")
    return slice(network.offsets[population], network.offsets[population] + size)


def _features(program: Program, trace: Trace, section: Readout) -> Floats:
    spikes = trace.spikes[:, _columns(program, section.population)]
    return readouts.features(spikes, trace.starts, section, program.network.dt_ms)


def _parts(section: Readout) -> int:
    return section.features.samples if isinstance(section.features, Traces) else section.features.bins


def _without_recurrence(program: Program) -> Program | None:
    # Cut in the integers, not in the spec: compiled again, what remains might get another scale.
    kept = tuple(p for p in program.network.projections if p.source == INPUT)
    if len(kept) == len(program.network.projections):
        return None
    return replace(program, network=replace(program.network, projections=kept))


def _require_spikes(program: Program, stimulus: Stimulus, trace: Trace, population: str, backend: str) -> None:
    """A silent population has nothing to read: say how far it is from its threshold."""
    columns = _columns(program, population)
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
    registers = next(p for p in program.network.populations if p.name == population).registers
    reached = float((v / np.maximum(registers["vth"] << 6, 1)).max())
    if reached <= 0:
        hint = "join it to the input with excitatory weights, or raise its bias"
        raise LsmError("it never spikes on the training data: nothing raises its voltage", where=where, hint=hint)
    raise LsmError(
        f"it never spikes on the training data: the first samples raise it to {reached:.3g} of its threshold",
        where=where,
        hint=f"raise the weights onto it about {1.5 / reached:.2g}-fold, or lower its v_threshold",
    )


def _confusion(classes: Sequence[str], labels: Sequence[str], answers: Sequence[str]) -> NDArray[np.int64]:
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    for label, answer in zip(labels, answers, strict=True):
        confusion[classes.index(label), classes.index(answer)] += 1
    return confusion


def _activity(program: Program, trace: Trace) -> dict[str, Activity]:
    per_step = (trace.spikes != 0).mean(axis=0)
    hz = per_step * 1000 / program.network.dt_ms
    activity = {}
    for population in program.network.populations:
        columns = _columns(program, population.name)
        exc, inh = _types(program, population.name, population.size)
        here, rate = per_step[columns], hz[columns]
        activity[population.name] = Activity(
            rate_hz=float(rate.mean()),
            exc_hz=float(rate[exc].mean()) if exc.any() else None,
            inh_hz=float(rate[inh].mean()) if inh.any() else None,
            silent=float((here == 0).mean()),
            saturated=float((here > 0.5).mean()),
        )
    return activity


def _types(program: Program, population: str, size: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which neurons only excite, and which only inhibit, others."""
    excites, inhibits = np.zeros(size, bool), np.zeros(size, bool)
    for p in program.network.projections:
        if p.source == population:
            pre = np.repeat(np.arange(size), np.diff(p.indptr))
            excites[pre[p.weights > 0]] = True
            inhibits[pre[p.weights < 0]] = True
    return excites & ~inhibits, inhibits & ~excites
