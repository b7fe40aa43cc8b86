"""What commands say of readouts, of searches, and of what is known of a liquid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

from lsm_deploy.learn.regression.metrics import Errors
from lsm_deploy.measure.activity import Activity, TypedActivity
from lsm_deploy.measure.diagnosis.fading import Fading
from lsm_deploy.measure.diagnosis.growth import Growth
from lsm_deploy.measure.diagnosis.ranks import Ranks
from lsm_deploy.measure.fidelity.side_by_side import Dynamics
from lsm_deploy.measure.uncertainty import Spread
from lsm_deploy.report.published.judged import Judged
from lsm_deploy.tune.liquid import Measurement

__all__ = [
    "AcrossFacts", "Classes", "Diagnosed", "Evaluated", "Fidelity", "Forecasts", "ModelOfClasses", "ModelOfSignals",
    "RegressionFacts", "Searched", "Tuned",
]  # fmt: skip


# --- evaluations ---------------------------------------------------------------------------------------------------


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
    """In accuracy, with its paired 95 % interval."""

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
    """`eval` of a readout of signals: means over liquids."""

    nrmse: float
    r2: float
    smape: float
    nrmse_float: float | None
    baselines: Mapping[str, Errors | None]
    nrmse_unrounded: float | None
    nrmse_on_chip: float | None
    chosen: Mapping[str, str]
    spread: Mapping[str, Spread]
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


# --- models and their answers --------------------------------------------------------------------------------------


class ModelOfClasses(TypedDict):
    """A model that tells classes apart; output neurons on the chip have no more than the first six."""

    kind: NotRequired[Literal["model"]]
    program: str
    on_chip: bool
    population: str
    classes: list[str]
    classifier: str
    channels: int
    available_features: NotRequired[int]
    features: NotRequired[int]
    weight_bits: NotRequired[int]
    regularisation: NotRequired[float]
    cross_validated_accuracy: NotRequired[float]


class ModelOfSignals(TypedDict):
    """A model that forecasts."""

    kind: NotRequired[Literal["model"]]
    program: str
    on_chip: bool
    population: str
    outputs: list[str]
    target: str
    horizon: int
    washout: int
    regressor: str
    channels: int
    features: int
    weight_bits: int
    regularisation: float
    cross_validated_nrmse: float


class Classes(TypedDict):
    """`predict`, by sample. scores: integers `[sample, class]`, where there are such."""

    ids: list[str]
    labels: list[str]
    classes: list[str]
    scores: list[list[int]] | None


class Forecasts(TypedDict):
    """`predict` by a model of signals: `[frame, output]`, all samples end to end, and where each begins."""

    outputs: list[str]
    starts: list[int]
    forecasts: list[list[float]]


# --- searches ------------------------------------------------------------------------------------------------------


class TurnFacts(TypedDict):
    """One search of a gain, and why it came no nearer."""

    knobs: str
    why_not: str
    nearest: Measurement


class Tuned(TypedDict):
    """`tune`. gains: by the path of the field; met: whether what was asked for was reached."""

    population: str
    samples: int
    gains: Mapping[str, float | Mapping[str, float]]
    before: Measurement
    after: Measurement
    met: bool
    missed: str
    turns: list[TurnFacts]
    steps: list[Measurement]
    activity: NotRequired[Judged]
    written: str


class TrialFacts(TypedDict):
    """accuracy, accuracies: their mean and those of each liquid; or nrmse and nrmses. failed: why, if it did."""

    turn: int
    accuracy: NotRequired[float | None]
    accuracies: NotRequired[list[float]]
    nrmse: NotRequired[float | None]
    nrmses: NotRequired[list[float]]
    values: Mapping[str, Any]
    failed: str | None


class Searched(TypedDict):
    """`search`."""

    samples: int
    liquid_seeds: int
    as_written: TrialFacts
    best: TrialFacts
    importance: Mapping[str, float]
    trials: list[TrialFacts]
    written: str


# --- what is known of a liquid -------------------------------------------------------------------------------------


class ClassSeparationFacts(TypedDict):
    separation: float
    ratio: float | None
    classes: int
    between: float
    within: float


class SeparationFacts(TypedDict):
    redrawn: list[float]
    inputs: list[float]
    states: list[float]


class CapacityFacts(TypedDict):
    total: float
    curve: list[float]
    chance: float


class MeasuresFacts(TypedDict):
    """`lsm-deploy manual measures` says what each is."""

    rate_hz: float
    silent: float
    saturated: float
    spectral_radius: float | None
    branching_ratio: float | None
    dimension: float | None
    separation: SeparationFacts
    classes: ClassSeparationFacts | None
    ranks: Ranks
    memory_capacity: CapacityFacts
    fading: Fading
    growth: Growth


class ShownFacts(TypedDict):
    words: str
    samples: int
    steps: int
    rate_hz: float


class Diagnosed(TypedDict):
    """`diagnose`. clearing_left_out: registers would be cleared every so many steps; 0: they are not."""

    stimulus: ShownFacts
    seed: int
    backend: str
    tau_ms: float
    populations: list[str]
    neurons: int
    read: int
    clearing_left_out: int
    classes_of_input: ClassSeparationFacts | None
    float: MeasuresFacts | None
    deployed: MeasuresFacts
    pictures: NotRequired[list[str]]


class Length(TypedDict):
    samples: int
    steps: int


class DistanceFacts(TypedDict):
    """0 equal, 1 nothing in common."""

    relative: float | None
    correlation: float | None
    over_time: list[float]


class PopulationFidelity(TypedDict):
    name: str
    neurons: int
    before: Activity
    after: Activity
    rate_change_hz: float
    fell_silent: int
    woke: int
    distance: DistanceFacts
    floor: DistanceFacts | None


class ProjectionFidelity(TypedDict):
    name: str
    num_weight_bits: int
    weight_exp: int
    snr_db: float | None
    levels: int
    synapses: int
    rounded_to_zero: int
    clipped: int


class ParameterFidelity(TypedDict):
    population: str
    parameter: str
    asked: float
    realised: float


class BothDynamics(TypedDict):
    before: Dynamics
    after: Dynamics


class TransferFacts(TypedDict):
    """The readout of the float liquid, there and on the deployed one; and one of its own."""

    floats: ScoreFacts
    shaken: ScoreFacts | None
    unchanged: ScoreFacts
    retrained: ScoreFacts


class CurvePoint(TypedDict):
    bits: int
    distance: float | None
    rounded_to_zero: int
    value: float | None
    kept: bool
    fits: bool
    accuracy: TransferFacts | None


class FittedBits(TypedDict):
    criterion: str
    bound: float
    bits: int | None
    floor: float | None
    curve: list[CurvePoint]


class Fidelity(TypedDict):
    """`quantise-report`: float and deployed liquid side by side."""

    stimulus: Length
    tau_ms: float
    populations: list[PopulationFidelity]
    projections: list[ProjectionFidelity]
    parameters: list[ParameterFidelity]
    dynamics: BothDynamics
    compensation: Mapping[str, float]
    losses: list[str]
    counts: Mapping[str, int]
    accuracy: TransferFacts | None
    fit_bits: NotRequired[FittedBits]
    pictures: NotRequired[list[str]]
