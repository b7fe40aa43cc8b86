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
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import MisuseError, require_type
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Reported
from lsm_deploy.data import Frames, Raw, Role, check_split, class_order, constant_channels, load_data, require_there
from lsm_deploy.data.front import AF, recordings
from lsm_deploy.learn.model import check_overlap, fit_to, readout_of, relative
from lsm_deploy.learn.onchip import OnChipAccuracy, on_chip_accuracy
from lsm_deploy.learn.readout import Classifier
from lsm_deploy.learn.runs import require_spikes, warn_of_run
from lsm_deploy.measure.activity import TypedActivity, activity_of_types
from lsm_deploy.measure.evaluation.baselines import baselines, raw_answers
from lsm_deploy.measure.evaluation.compared import Compared, resampled
from lsm_deploy.measure.evaluation.known_frames import frames_of
from lsm_deploy.measure.evaluation.liquids import Both, Liquid, Together, liquids_of, run_both
from lsm_deploy.measure.evaluation.score import Answers, Score, by_group, float_answers, integer_answers, score_of
from lsm_deploy.measure.uncertainty import Resampled
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import BeatsFrontEnd, Data, Spec

__all__ = ["Evaluation", "evaluate", "evaluate_one", "held_out", "positive_of"]


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Reported, Compared):
    """The readout of a liquid on test data, its baselines, and what its runs (training and test) went through.

    liquid: the deployed integers. unrounded: the same liquid, its readout in floats. floats: float liquid and readout.
    baselines: by name, None where there is no such thing. answers: of all of these by name. groups: the liquid's score
    of each speaker's, or record's, test samples. labels, group_of: of the test samples; trained_groups: those of the
    training data. confusion: `[true class, answered class]`. on_chip: what unbinned readouts get right on the way to
    output neurons, where that was asked for. counts: those of `ir.COUNTS` that the backend sees. contaminated: samples
    that an older one reached, of all that were run. constant: channels that never change in the training data. seconds:
    what took how long.
    """

    _short = ("liquid", "test_samples", "train_samples", "classes", "backend")

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
    activity: Mapping[str, TypedActivity]
    counts: Mapping[str, int]
    contaminated: int
    constant: tuple[int, ...]
    seconds: Mapping[str, float]

    @cached_property
    def resampled(self) -> Resampled:
        answers = {name: [each] for name, each in self.answers.items()}
        return resampled(answers, self.labels, self.group_of, [(self.group_of, self.trained_groups)])

    def interval(self, name: str) -> tuple[float, float]:
        """The 95 % interval of the accuracy of what answered by this name."""
        interval = self.resampled.interval(name)
        assert interval is not None
        return interval

    def to_json(self) -> dict[str, Any]:
        """What `eval --json` prints."""
        detection = asdict(self.liquid.detection) if self.liquid.detection else {}
        return {
            "accuracy": self.liquid.accuracy,
            "accuracy_float": self.floats.accuracy if self.floats else None,
            **detection,
            "backend": self.backend,
            "train_samples": self.train_samples,
            "test_samples": self.test_samples,
            "liquid": self._facts("liquid", self.liquid),
            "float_readout": self._facts("unrounded", self.unrounded),
            "float_liquid": self._facts("floats", self.floats),
            "on_chip": self.on_chip.to_json() if self.on_chip else None,
            "intervals_over": self.over,
            "differences": self.differences(),
            "baselines": {name: self._facts(name, score) for name, score in self.baselines.items()},
            "classes": list(self.classes),
            "confusion": self.confusion.tolist(),
            "groups": {name: score.to_json() for name, score in self.groups.items()},
            "activity": {name: asdict(activity) for name, activity in self.activity.items()},
            "counts": dict(self.counts),
            "contaminated_samples": self.contaminated,
            "constant_channels": list(self.constant),
            "seconds": dict(self.seconds),
        }

    def _facts(self, name: str, score: Score | None) -> dict[str, Any] | None:
        return {**score.to_json(), **dict(zip(("low", "high"), self.interval(name), strict=True))} if score else None


# --- what a user asks for ------------------------------------------------------------------------------------------


def evaluate(
    spec: Spec,
    train: Raw | str | Path | None = None,
    test: Raw | str | Path | None = None,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    *,
    on_chip: bool = False,
    alone: bool = False,
) -> Evaluation:
    """Train on `train` and measure on `test` (the spec's own, if neither is given), with all baselines.

    Either may be a file or a folder. Recordings go through the spec's front end; frames are taken as they are. on_chip:
    train output neurons, too. alone: without floats, ablation and baselines.
    """
    readout_of(spec)
    if train is None and test is None:
        train, test = load_data(spec.data or Data(), spec.resampled_hz)
    if train is None or test is None:
        raise MisuseError("training and test data come together", hint="give both, or neither to use the spec's")
    require_there(train, test)
    split = recordings(train, spec), recordings(test, spec)
    return evaluate_one(spec, split, spec.seed, backend, progress, on_chip=on_chip, alone=alone)


def evaluate_one(
    spec: Spec,
    split: tuple[Raw, Raw],
    seed: int,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    *,
    on_chip: bool = False,
    alone: bool = False,
) -> Evaluation:
    """The spec's liquid of this seed on one split, training data first: a piece of work that depends on nothing else.

    What does not depend on the liquid is answered by the spec's own seed alone.
    """
    readout = readout_of(spec)
    require_type(split, (tuple, list), "split", "give training and test data, as a pair")
    own, spec, clock = seed == spec.seed, replace(spec, seed=seed), _Clock()
    train, test = (frames_of(part, spec, role) for part, role in zip(split, _ROLES, strict=True))
    check_split(train, test, spec.data is not None and spec.data.shared_groups)
    constant = constant_channels(train)
    folded = held_out(train, test.groups)
    check_overlap(spec, folded)
    clock.stop("front end")
    deployed, feedforward, floats = liquids_of(spec, train, test, backend, hold=on_chip)
    backend = backends.choose(backend, deployed.listener.program)
    positive = positive_of(spec, train)
    advance = _Advance(progress, 1 if alone else 3 if feedforward else 2)
    together = Together.of(train, test) if deployed.shared else None
    clock.stop("compile")

    def trained(liquid: Liquid) -> tuple[Classifier, Any, Both]:
        both = run_both(liquid, train, test, advance.next(), together)
        if liquid is deployed:
            require_spikes(liquid.listener, readout, train, backend, both.train)
            warn_of_run(liquid.listener, train, both.fired, both.steps)
        clock.stop("run")
        classifier = fit_to(relative(both.train.features, train, readout), folded, readout, seed)
        clock.stop("train readout")
        return classifier, relative(both.test.features, test, readout), both

    classifier, x, ran = trained(deployed)
    answers = {"liquid": integer_answers(classifier, x, readout.weight_bits, positive)}
    clock.stop("answer")
    answers["unrounded"] = float_answers(classifier, x, positive)
    if feedforward is not None and not alone:
        cut, x, _ = trained(feedforward)
        answers["feedforward"] = integer_answers(cut, x, readout.weight_bits, positive)
    if not alone:
        in_floats, x, _ = trained(floats)
        answers["floats"] = float_answers(in_floats, x, positive)
    clock.stop("float liquid and ablation")
    others: dict[str, Answers] = {}
    if own and not alone:
        spikes, test_spikes = (
            relative(part.encoded, data, readout) for part, data in ((ran.train, train), (ran.test, test))
        )
        few = replace(readout, keep=min(readout.keep, spikes.shape[1])) if readout.keep else readout
        encoded = fit_to(spikes, folded, few, seed)
        others = {
            "encoded": integer_answers(encoded, test_spikes, readout.weight_bits, positive),
            "raw": raw_answers((folded, test), train.groups, readout, seed, positive),
            **baselines(spec.front_end, readout, (train, test), split, seed),
        }
    answers |= others
    clock.stop("baselines")
    chip = (
        on_chip_accuracy(spec, folded, test, backend, liquid=deployed.listener, samples=ran.train) if on_chip else None
    )
    clock.stop("on chip")
    scores = {name: score_of(each, test.labels, positive) for name, each in answers.items()}
    return Evaluation(
        backend=backend,
        classes=classifier.classes,
        train_samples=train.samples,
        test_samples=test.samples,
        labels=test.labels,
        group_of=test.groups,
        trained_groups=tuple(sorted(set(train.groups))),
        liquid=scores["liquid"],
        unrounded=scores["unrounded"],
        floats=scores.get("floats"),
        baselines={"feedforward": scores.get("feedforward"), **{name: scores[name] for name in others}},
        answers=answers,
        groups=by_group(answers["liquid"], test.labels, test.groups, positive) if test.groups else {},
        confusion=_confusion(classifier.classes, test.labels, answers["liquid"].predicted),
        on_chip=chip,
        activity=activity_of_types(deployed.listener.program.network, ran.fired / max(ran.steps, 1)),
        counts=dict(ran.counts),
        contaminated=ran.contaminated,
        constant=constant,
        seconds=clock.seconds,
    )


def held_out(train: Frames, tested: Collection[str]) -> Frames:
    """The training data, of which folds hold out what the test does: groups, where it has others; tested: these."""
    return replace(train, groups=()) if set(train.groups) & set(tested) else train


def positive_of(spec: Spec, data: Frames) -> str | None:
    """The class that is to be detected, where there is one."""
    return AF if isinstance(spec.front_end, BeatsFrontEnd) and AF in class_order(data.labels) else None


# --- the steps between ---------------------------------------------------------------------------------------------


_ROLES: tuple[Role, Role] = ("train", "test")


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.perf_counter()

    def stop(self, what: str) -> None:
        """What was done since the last call."""
        now = time.perf_counter()
        self.seconds[what] = self.seconds.get(what, 0.0) + now - self.last
        self.last = now


class _Advance:
    """Turns the progress of several runs of the same length into one."""

    def __init__(self, progress: Progress | None, runs: int) -> None:
        self.progress, self.runs, self.run = progress, runs, -1

    def next(self) -> Progress | None:
        self.run += 1
        return self._advance if self.progress else None

    def _advance(self, done: int, total: int) -> None:
        assert self.progress is not None
        self.progress(self.run * total + done, self.runs * total)


def _confusion(classes: Sequence[str], labels: Sequence[str], answers: Sequence[str]) -> NDArray[np.int64]:
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    for label, answer in zip(labels, answers, strict=True):
        confusion[classes.index(label), classes.index(answer)] += 1
    return confusion
