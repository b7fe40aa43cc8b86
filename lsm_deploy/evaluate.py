"""Train a readout on a compiled liquid, answer with it, and measure it beside honest baselines.

Features come from the integer spikes of the program as it would be deployed. Ranges of the encoder, standardisation and
regularisation are fitted to the training data alone. On the same split, with the same readout, `evaluate` also trains

    raw         on the frames themselves, averaged over 1 to 5 parts of a sample, whichever cross-validates best
    encoded     on the input spikes, the liquid left out
    feedforward on the same program with every synapse between neurons cut: what recurrence adds
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy import backend as backends
from lsm_deploy import readout as readouts
from lsm_deploy.data import Frames, check_split
from lsm_deploy.encode import fit_ranges
from lsm_deploy.errors import LsmError
from lsm_deploy.front import load_data
from lsm_deploy.ir import INPUT, Program
from lsm_deploy.model import fit_to, readout_of
from lsm_deploy.pipeline import compile_spec
from lsm_deploy.readout import Classifier
from lsm_deploy.spec.schema import Spec
from lsm_deploy.states import Role, Run, columns_of, require_spikes, run_features, steps_of

__all__ = ["Activity", "Evaluation", "Score", "evaluate"]

Progress = Callable[[int, int], None]


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


def evaluate(
    spec: Spec,
    train: Frames | None = None,
    test: Frames | None = None,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
) -> Evaluation:
    """Train on `train` and measure on `test` (the spec's own, if neither is given), with all baselines."""
    section = readout_of(spec)
    if train is None and test is None:
        train, test = load_data(spec)
    if train is None or test is None:
        raise LsmError("training and test data come together", hint="give both, or neither to use the spec's")
    check_split(train, test, spec.data is not None and spec.data.shared_groups)
    program = compile_spec(spec).program
    ranges = fit_ranges(train, spec.input)
    steps = sum(int(steps_of(program, spec.input, data).sum()) for data in (train, test))
    cut = _without_recurrence(program)
    told = _Told(progress, steps * (2 if cut else 1))

    def run(of: Program, data: Frames, role: Role) -> Run:
        return run_features(of, spec.input, section, ranges, data, spec.seed, role, backend, told.next())

    runs = [run(program, train, "train")]
    require_spikes(program, spec.input, section, ranges, train, spec.seed, backend, runs[0])
    runs.append(run(program, test, "test"))

    def score(features: Sequence[Any], integers: bool = True) -> tuple[Score, tuple[str, ...], Classifier]:
        classifier = fit_to(features[0], train, section, spec.seed)
        if integers:
            answers = readouts.answers(readouts.quantise_readout(classifier, section.weight_bits), features[1])
        else:
            answers = readouts.predict(classifier, features[1])
        correct = sum(answer == label for answer, label in zip(answers, test.labels, strict=True))
        cv_accuracy = float(classifier.cv_accuracy[classifier.candidates == classifier.regularisation][0])
        result = Score(
            correct, test.samples, features[0].shape[1], classifier.regularisation, cv_accuracy, classifier.converged
        )
        return result, answers, classifier

    liquid, answers, classifier = score([each.features for each in runs])
    parts = sorted({*range(1, 6), readouts.parts_of(section)})
    raws = [score([readouts.mean_bins(d.frames, d.starts, n) for d in (train, test)], integers=False)[0] for n in parts]
    raw = max(raws, key=lambda found: found.cv_accuracy)
    encoded = score([each.encoded for each in runs])[0]
    feedforward = None
    if cut:
        feedforward = score([run(cut, train, "train").features, run(cut, test, "test").features])[0]
    counts: Counter[str] = Counter()
    for each in runs:
        counts.update(each.counts)
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
        activity=_activity(program, runs[1]),
        counts=dict(counts),
        contaminated=sum(each.contaminated for each in runs),
    )


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


def _without_recurrence(program: Program) -> Program | None:
    # Cut in the integers, not in the spec: compiled again, what remains might get another scale.
    kept = tuple(p for p in program.network.projections if p.source == INPUT)
    if len(kept) == len(program.network.projections):
        return None
    return replace(program, network=replace(program.network, projections=kept))


def _confusion(classes: Sequence[str], labels: Sequence[str], answers: Sequence[str]) -> NDArray[np.int64]:
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    for label, answer in zip(labels, answers, strict=True):
        confusion[classes.index(label), classes.index(answer)] += 1
    return confusion


def _activity(program: Program, run: Run) -> dict[str, Activity]:
    per_step = run.fired / run.steps
    hz = per_step * 1000 / program.network.dt_ms
    activity = {}
    for population in program.network.populations:
        columns = columns_of(program, population.name)
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
