"""Train a readout on a compiled liquid, answer with it, and measure it beside honest baselines.

Features come from the integer spikes of the program as it would be deployed, and answers from integer weights. Ranges
of the encoder, standardisation and regularisation are fitted to the training data alone. On the same split, with the
same readout, `evaluate` also trains

    floats      on the float liquid that the program stands for, and answers in floats: what deployment costs
    encoded     on the input spikes, the liquid left out
    feedforward on the same program with every synapse between neurons cut: what recurrence adds

and what `baselines` lists. Cross-validation holds out what the test does: whole speakers or records where the test data
has others, samples where it has the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program
from lsm_deploy.data import Frames, Raw, Role, check_split, class_order, constant_channels, load_data
from lsm_deploy.data.encoders import fit_ranges
from lsm_deploy.data.front import AF, frames_for
from lsm_deploy.learn.model import check_overlap, fit_to, readout_of, relative
from lsm_deploy.learn.onchip import OnChipAccuracy, on_chip_accuracy
from lsm_deploy.learn.readout import Classifier
from lsm_deploy.learn.states import columns_of
from lsm_deploy.measure.evaluation.baselines import baselines, raw_answers
from lsm_deploy.measure.evaluation.liquids import Kept, Liquid, Liquids
from lsm_deploy.measure.evaluation.score import Answers, Score, by_group, float_answers, integer_answers, score_of
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import AudioFrontEnd, BeatsFrontEnd, Data, Spec

__all__ = ["Activity", "Evaluation", "evaluate", "positive_of"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Activity:
    """Mean rates of a population in all runs; its exc and inh neurons by the signs of their synapses, if any."""

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

    liquid: the deployed integers. unrounded: the same liquid, its readout in floats. floats: float liquid and readout.
    baselines: by name, None where there is no such thing. answers: of all of these by name. groups: the liquid's score
    of each speaker's, or record's, test samples. labels, group_of: of the test samples; trained_groups: those of the
    training data. confusion: `[true class, answered class]`. on_chip: what unbinned readouts get right on the way to
    output neurons, where that was asked for. counts: those of `ir.COUNTS` that the backend sees. contaminated: samples
    that an older one reached, of all that were run. constant: channels that never change in the training data. seconds:
    what took how long.
    """

    backend: str
    classes: tuple[str, ...]
    train_samples: int
    test_samples: int
    labels: tuple[str, ...]
    group_of: tuple[str, ...]
    trained_groups: tuple[str, ...]
    liquid: Score
    unrounded: Score
    floats: Score | None
    baselines: Mapping[str, Score | None]
    answers: Mapping[str, Answers]
    groups: Mapping[str, Score]
    confusion: NDArray[np.int64]
    on_chip: OnChipAccuracy | None
    activity: Mapping[str, Activity]
    counts: Mapping[str, int]
    contaminated: int
    constant: tuple[int, ...]
    seconds: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        detection = asdict(self.liquid.detection) if self.liquid.detection else {}
        return {
            "accuracy": self.liquid.accuracy,
            "accuracy_float": self.floats.accuracy if self.floats else None,
            **detection,
            "backend": self.backend,
            "train_samples": self.train_samples,
            "test_samples": self.test_samples,
            "liquid": self.liquid.to_json(),
            "float_readout": self.unrounded.to_json(),
            "float_liquid": self.floats.to_json() if self.floats else None,
            "on_chip": self.on_chip.to_json() if self.on_chip else None,
            "baselines": {name: score.to_json() if score else None for name, score in self.baselines.items()},
            "classes": list(self.classes),
            "confusion": self.confusion.tolist(),
            "groups": {name: score.to_json() for name, score in self.groups.items()},
            "activity": {name: asdict(activity) for name, activity in self.activity.items()},
            "counts": dict(self.counts),
            "contaminated_samples": self.contaminated,
            "constant_channels": list(self.constant),
            "seconds": dict(self.seconds),
        }


# --- what a user asks for ------------------------------------------------------------------------------------------


def evaluate(
    spec: Spec,
    train: Raw | None = None,
    test: Raw | None = None,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    *,
    on_chip: bool = False,
    alone: bool = False,
    kept: Kept | None = None,
    split: str = "",
) -> Evaluation:
    """Train on `train` and measure on `test` (the spec's own, if neither is given), with all baselines.

    Recordings go through the spec's front end; frames are taken as they are. on_chip: train output neurons, too. alone:
    without floats, ablation and baselines. kept, split: what other evaluations of this spec left to share, and the name
    of this split among them.
    """
    section = readout_of(spec)
    if train is None and test is None:
        train, test = load_data(spec.data or Data())
    if train is None or test is None:
        raise LsmError("training and test data come together", hint="give both, or neither to use the spec's")
    clock = _Clock()
    kept = kept or Kept()
    heard, unseen = kept.frames.get(split) or (_frames(train, spec, "train"), _frames(test, spec, "test"))
    if split and not isinstance(spec.front_end, AudioFrontEnd):  # whose augmentation is seeded
        kept.frames[split] = heard, unseen
    check_split(heard, unseen, spec.data is not None and spec.data.shared_groups)
    constant = constant_channels(heard)
    # Folds hold out what the test does.
    folded = replace(heard, groups=()) if set(heard.groups) & set(unseen.groups) else heard
    check_overlap(spec, folded)
    clock.stop("front end")
    ranges = fit_ranges(heard, spec.input)
    if (key := ranges.tobytes()) not in kept.liquids:
        kept.liquids[key] = Liquids(spec, ranges, backend)
    liquids = kept.liquids[key]
    told = _Told(progress, liquids.steps(alone, heard, unseen))
    positive = positive_of(spec, heard)
    clock.stop("compile")

    def taught(liquid: Liquid) -> tuple[Classifier, Any, Any]:
        x, inputs = liquid.features(heard, "train", told.next())
        unseen_x, unseen_inputs = liquid.features(unseen, "test", told.next())
        clock.stop("run")
        x, inputs = (relative(each, heard, section) for each in (x, inputs))
        unseen_x, unseen_inputs = (relative(each, unseen, section) for each in (unseen_x, unseen_inputs))
        classifier = fit_to(x, folded, section, spec.seed)
        clock.stop("train readout")
        return classifier, unseen_x, (inputs, unseen_inputs)

    classifier, features, spikes = taught(liquids.deployed)
    answers = {"liquid": integer_answers(classifier, features, section.weight_bits, positive)}
    clock.stop("answer")
    answers["unrounded"] = float_answers(classifier, features, positive)
    if liquids.feedforward is not None and not alone:
        cut, features, _ = taught(liquids.feedforward)
        answers["feedforward"] = integer_answers(cut, features, section.weight_bits, positive)
    if not alone:
        in_floats, features, _ = taught(liquids.floats)
        answers["floats"] = float_answers(in_floats, features, positive)
    told.finish()
    clock.stop("float liquid and ablation")
    others = {} if alone else kept.unseeded.get(split) if split else None
    if others is None:
        kept_few = replace(section, keep=min(section.keep, spikes[0].shape[1])) if section.keep else section
        encoded = fit_to(spikes[0], folded, kept_few, spec.seed)
        others = {
            "encoded": integer_answers(encoded, spikes[1], section.weight_bits, positive),
            "raw": raw_answers((folded, unseen), heard.groups, section, spec.seed, positive),
            **baselines(spec.front_end, section, (heard, unseen), (train, test), spec.seed),
        }
        kept.unseeded[split] = others
    answers |= others
    clock.stop("baselines")
    chip = on_chip_accuracy(spec, folded, unseen, backend) if on_chip else None
    clock.stop("on chip")
    scores = {name: score_of(said, unseen.labels, positive) for name, said in answers.items()}
    program, deployed = liquids.program, liquids.deployed
    return Evaluation(
        backend=backend,
        classes=classifier.classes,
        train_samples=heard.samples,
        test_samples=unseen.samples,
        labels=unseen.labels,
        group_of=unseen.groups,
        trained_groups=tuple(sorted(set(heard.groups))),
        liquid=scores["liquid"],
        unrounded=scores["unrounded"],
        floats=scores.get("floats"),
        baselines={"feedforward": scores.get("feedforward"), **{name: scores[name] for name in others}},
        answers=answers,
        groups=by_group(answers["liquid"], unseen.labels, unseen.groups, positive) if unseen.groups else {},
        confusion=_confusion(classifier.classes, unseen.labels, answers["liquid"].said),
        on_chip=chip,
        activity=_activity(program, deployed),
        counts=dict(deployed.counts),
        contaminated=deployed.contaminated,
        constant=constant,
        seconds=clock.seconds,
    )


def positive_of(spec: Spec, data: Frames) -> str | None:
    """The class that is to be detected, where there is one."""
    return AF if isinstance(spec.front_end, BeatsFrontEnd) and AF in class_order(data.labels) else None


# --- the steps between ---------------------------------------------------------------------------------------------


def _frames(part: Raw, spec: Spec, role: Role) -> Frames:
    return part if isinstance(part, Frames) and spec.front_end is not None else frames_for(part, spec, role)


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.perf_counter()

    def stop(self, what: str) -> None:
        """What was done since the last call."""
        now = time.perf_counter()
        self.seconds[what] = self.seconds.get(what, 0.0) + now - self.last
        self.last = now


class _Told:
    """Turns the progress of several runs into one."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.before, self.last = progress, total, 0, 0

    def next(self) -> Progress | None:
        self.before, self.last = self.before + self.last, 0
        return self._tell if self.progress else None

    def finish(self) -> None:
        """Samples that were known already are done as well."""
        if self.progress:
            self.progress(self.total, self.total)

    def _tell(self, done: int, total: int) -> None:
        self.last = total
        assert self.progress is not None
        self.progress(self.before + done, self.total)


def _confusion(classes: Sequence[str], labels: Sequence[str], answers: Sequence[str]) -> NDArray[np.int64]:
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    for label, answer in zip(labels, answers, strict=True):
        confusion[classes.index(label), classes.index(answer)] += 1
    return confusion


def _activity(program: Program, run: Liquid) -> dict[str, Activity]:
    assert run.fired is not None
    per_step = run.fired / max(run.steps, 1)
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
