"""How good a readout is on test data, in one figure: accuracy of one of classes, NRMSE of one of signals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lsm_deploy.core.errors import LsmError
from lsm_deploy.learn.model import AnyModel, predict
from lsm_deploy.learn.regression.metrics import nrmse
from lsm_deploy.learn.regression.model import RegressionModel, forecast
from lsm_deploy.learn.regression.pairs import check_series, pairs_of
from lsm_deploy.measure.evaluation import evaluate
from lsm_deploy.measure.regression import evaluate_regression
from lsm_deploy.measure.uncertainty import wilson
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import Regression, Spec

__all__ = ["Scored", "score_model", "score_spec"]


@dataclass(frozen=True)
class Scored:
    """name: of the figure; interval: 95 %, of an accuracy; words: what was answered, and what went wrong."""

    name: Literal["accuracy", "nrmse"]
    value: float
    interval: tuple[float, float] | None
    words: str


def score_spec(
    spec: Spec, train: str | Path | None = None, test: str | Path | None = None, backend: str = backends.DEFAULT
) -> Scored:
    """Of a readout trained on the spec's training data, or on `train`, in integers, without baselines."""
    if isinstance(spec.readout, Regression):
        regression = evaluate_regression(spec, train, test, backend, alone=True)
        error = regression.spread("nrmse")
        assert error is not None
        return Scored("nrmse", error.mean, None, f"{len(regression.true)} frames answered")
    evaluation = evaluate(spec, train, test, backend, alone=True)
    return _of_classes(evaluation.answers["liquid"].predicted, evaluation.labels)


def score_model(model: AnyModel, test: str | Path, backend: str = backends.DEFAULT) -> Scored:
    """Of a trained model, on a file or a folder of data that say what the answers should be."""
    frames = model.listener.frames(model.listener.load(test, None))
    if isinstance(model, RegressionModel):
        check_series(model.readout, frames)
        pairs = pairs_of(frames, model.readout)
        answers = forecast(model, frames, backend)[pairs.rows]
        return Scored("nrmse", nrmse(answers, pairs.targets), None, f"{len(answers)} frames answered")
    if not frames.labels:
        raise LsmError("the data have no labels", where=str(test), hint="give data whose classes are known")
    return _of_classes(predict(model, frames, backend), frames.labels)


def _of_classes(answers: Sequence[str], labels: Sequence[str]) -> Scored:
    wrong = Counter((label, answer) for label, answer in zip(labels, answers, strict=True) if label != answer)
    correct = len(labels) - wrong.total()
    words = f"{correct} of {len(labels)} right"
    if wrong:
        (label, answer), many = wrong.most_common(1)[0]
        words += f", {label!r} taken for {answer!r} {many} times"
    return Scored("accuracy", correct / len(labels), wilson(correct / len(labels), len(labels)), words)
