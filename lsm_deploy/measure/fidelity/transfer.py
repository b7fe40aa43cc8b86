"""Accuracy on the way to the chip: with the readout that was trained on floats as it is, and with one trained again.

A readout that is trained on the deployed spikes hides what quantisation did to them, as long as the classes can still
be told apart; the one that was trained on floats does not. Both are of use: the second is what one would deploy. And
accuracy has its floor as distances have: what moving one input spike of each sample does to that of the float liquid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import Network, Program, Stimulus
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Progress, part_of
from lsm_deploy.core.streams import stream
from lsm_deploy.data import Frames, check_split
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.listener import listen
from lsm_deploy.learn.model import fit_to, readout_of, relative
from lsm_deploy.learn.readout import Classifier
from lsm_deploy.learn.runs import features_of, read, sizes_of
from lsm_deploy.measure.evaluation import Score
from lsm_deploy.measure.fidelity.side_by_side import move_spikes
from lsm_deploy.run import backends
from lsm_deploy.run.reference import run_float
from lsm_deploy.spec.schema import Readout, Spec

__all__ = ["FloatReadout", "Transfer", "measure_transfer", "teach"]


@dataclass(frozen=True, eq=False)
class FloatReadout:
    """A readout that was trained on the float liquid, and the data that it was trained and tested on."""

    readout: Readout
    seed: int
    stimuli: tuple[Stimulus, Stimulus]
    data: tuple[Frames, Frames]
    classifier: Classifier
    score: Score
    shaken: Score | None
    """On the float liquid with one input spike of each test sample moved by a step; None where there is none."""


@dataclass(frozen=True)
class Transfer:
    """Test scores: of the float liquid, and with an input spike of each sample moved; of the deployed one read with the
    same readout, and with one of its own."""

    floats: Score
    shaken: Score | None
    unchanged: Score
    retrained: Score

    def to_json(self) -> dict[str, Any]:
        scores = {name: getattr(self, name) for name in ("floats", "shaken", "unchanged", "retrained")}
        return {name: score.to_json() if score else None for name, score in scores.items()}


def teach(
    spec: Spec, network: Network, program: Program, train: Frames, test: Frames, progress: Progress | None = None
) -> FloatReadout:
    """Train the spec's readout on the spikes of the float network; the program says how its samples are laid out."""
    check_split(train, test, spec.data is not None and spec.data.shared_groups)
    readout = readout_of(spec)
    listener = listen(spec, train, program)
    for part in (train, test):
        readouts.check_parts(readout, listener.steps(part), part.source)
    stimuli = listener.encode(train, "train"), listener.encode(test, "test")
    moved = move_spikes(stimuli[1], stream(spec.seed, "moved spike", "test"))
    runs = [*stimuli, *([moved] if moved else [])]
    sizes = sizes_of(program, readout)
    starts = np.cumsum([0, *(len(stimulus.spikes) for stimulus in runs)]).tolist()
    total, features = starts[-1], []
    for stimulus, before in zip(runs, starts, strict=False):
        ahead = part_of(progress, before, total)
        spikes = read(program, run_float(network, stimulus, progress=ahead).spikes, readout)
        features.append(readouts.extract_features(spikes, stimulus.starts, readout, spec.dt_ms, sizes))
    classifier = fit_to(relative(features[0], train, readout), train, readout, spec.seed)
    scores = [_score(classifier, relative(x, test, readout), test.labels) for x in features[1:]]
    data = (train, test)
    return FloatReadout(readout, spec.seed, stimuli, data, classifier, scores[0], scores[1] if moved else None)


def measure_transfer(float_readout: FloatReadout, program: Program, backend: str = backends.DEFAULT) -> Transfer:
    """Read the deployed liquid with the readout of its floats, and with a readout of its own."""
    readout = float_readout.readout
    features = [
        relative(features_of(program, backends.run_program(backend, program, stimulus), readout), part, readout)
        for stimulus, part in zip(float_readout.stimuli, float_readout.data, strict=True)
    ]
    again = fit_to(features[0], float_readout.data[0], readout, float_readout.seed)
    return Transfer(
        floats=float_readout.score,
        shaken=float_readout.shaken,
        unchanged=_score(float_readout.classifier, features[1], float_readout.data[1].labels),
        retrained=_score(again, features[1], float_readout.data[1].labels),
    )


def _score(classifier: Classifier, features: Floats | Ints, labels: Sequence[str]) -> Score:
    answers = readouts.predict(classifier, features)
    return Score(
        correct=sum(answer == label for answer, label in zip(answers, labels, strict=True)),
        samples=len(labels),
        features=features.shape[1],
        regularisation=classifier.regularisation,
        cv_accuracy=float(classifier.cv_accuracy[classifier.candidates == classifier.regularisation][0]),
        converged=classifier.converged,
    )
