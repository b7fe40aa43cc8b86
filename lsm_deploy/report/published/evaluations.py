"""What `eval` says: of one split, across several, and of forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

from lsm_deploy.learn.regression.metrics import Errors
from lsm_deploy.measure.activity import TypedActivity
from lsm_deploy.measure.uncertainty import Spread

__all__ = ["AcrossFacts", "Evaluated", "NestedFacts", "RegressionFacts", "ScoreFacts"]


class ScoreFacts(TypedDict):
    """Accuracy on test data, with its 95 % interval; of a class that is to be detected, more."""

    accuracy: float
    low: float
    high: float
    correct: int
    samples: int
    features: int
    regularisation: float | None
    cv_accuracy: float | None
    converged: bool
    sensitivity: NotRequired[float | None]
    specificity: NotRequired[float | None]
    auc: NotRequired[float | None]


class DifferenceFacts(TypedDict):
    """In accuracy, or in explained variance, or in how much less an error is, with its paired 95 % interval."""

    mean: float
    low: float
    high: float
    says: Literal["better", "worse", "not distinguishable"]


class StepsToChip(TypedDict):
    """Shares of right answers, step by step."""

    floats: float
    integers: float
    summed: float
    on_chip: float


class OnChipFacts(TypedDict):
    """What output neurons get right, and each step to them; in samples, and as shares in `accuracy`."""

    samples: int
    floats: int
    integers: int
    summed: int
    on_chip: int
    agreed: int
    tied: int
    output_spikes: float
    counts: Mapping[str, int]
    accuracy: StepsToChip


class Evaluated(TypedDict):
    """`eval` of a readout of classes. confusion: `[true class, answered class]`."""

    accuracy: float
    accuracy_float: float | None
    sensitivity: NotRequired[float | None]
    specificity: NotRequired[float | None]
    auc: NotRequired[float | None]
    backend: str
    train_samples: int
    test_samples: int
    liquid: ScoreFacts
    float_readout: ScoreFacts
    float_liquid: ScoreFacts | None
    on_chip: OnChipFacts | None
    intervals_over: str
    differences: Mapping[str, Mapping[str, DifferenceFacts]]
    baselines: Mapping[str, ScoreFacts | None]
    classes: list[str]
    confusion: list[list[int]]
    groups: Mapping[str, ScoreFacts]
    activity: Mapping[str, TypedActivity]
    counts: Mapping[str, int]
    contaminated_samples: int
    constant_channels: list[int]
    seconds: Mapping[str, float]
    pictures: NotRequired[list[str]]


class MeanScore(TypedDict):
    """Means over liquids."""

    accuracy: float
    sensitivity: NotRequired[float]
    specificity: NotRequired[float]
    auc: NotRequired[float]


class ScoresOfLiquids(TypedDict):
    """Means and extremes over liquids with intervals, and what they come from."""

    accuracy: Spread
    sensitivity: NotRequired[Spread]
    specificity: NotRequired[Spread]
    auc: NotRequired[Spread]
    of_each_liquid: list[ScoreFacts]


class AcrossFacts(MeanScore):
    """`eval --data`: over the test samples of several splits, and of several liquids.

    intervals_over: what is drawn anew for intervals. differences: of what answered, less what else answered."""

    accuracy_float: float | None
    baselines: Mapping[str, MeanScore]
    split: str
    seeds: list[int]
    samples: int
    intervals_over: str
    scores: Mapping[str, ScoresOfLiquids]
    differences: Mapping[str, Mapping[str, DifferenceFacts]]
    splits: Mapping[str, Mapping[str, float]]
    groups: Mapping[str, float]
    on_chip: list[Mapping[str, float]]
    seconds: float
    pictures: NotRequired[list[str]]


class CandidateFacts(TypedDict):
    """What splits chose from: values by path, none of the spec as it is written. cv_accuracy: by split, on held-out
    parts of its training part; None where that failed."""

    values: Mapping[str, Any]
    cv_accuracy: Mapping[str, float | None]
    failed: str | None


class NestedFacts(AcrossFacts):
    """`eval --tune-inside`: what splits chose, each for itself, evaluated.

    as_written: the evaluation of the spec as it is. nested_less_written: by what answered; empty where samples differ.
    configurations: how many were tried. chosen: by split, the number of its candidate. failed: by split, which is in no
    figure, why what it chose does not answer for its test part."""

    as_written: AcrossFacts
    nested_less_written: Mapping[str, DifferenceFacts]
    configurations: int
    chosen: Mapping[str, int]
    failed: Mapping[str, str]
    candidates: list[CandidateFacts]


class LiquidFacts(TypedDict):
    """One liquid that forecasts."""

    seed: int
    nrmse: float
    r2: float
    smape: float
    nrmse_unrounded: float
    nrmse_float: float | None
    nrmse_feedforward: float | None
    nrmse_on_chip: float | None
    cv_nrmse: float
    regularisation: float
    counts: Mapping[str, int]


class RegressionFacts(TypedDict):
    """`eval` of a readout of signals: means over liquids.

    intervals_over: what is drawn anew for intervals; None where there are none, and why. differences: in NRMSE, how
    much less what answered has than what else answered."""

    nrmse: float
    r2: float
    smape: float
    nrmse_float: float | None
    baselines: Mapping[str, Errors | None]
    nrmse_unrounded: float | None
    nrmse_on_chip: float | None
    chosen: Mapping[str, str]
    intervals_over: str | None
    why_no_interval: str | None
    spread: Mapping[str, Spread]
    differences: Mapping[str, Mapping[str, DifferenceFacts]]
    backend: str
    target: str
    horizon: int
    washout: int
    outputs: list[str]
    train_frames: int
    test_frames: int
    answered_frames: int
    liquids: list[LiquidFacts]
    seconds: float
    pictures: NotRequired[list[str]]
