"""What commands say of readouts, of searches, and of what is known of a liquid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

from lsm_deploy.measure.activity import Activity
from lsm_deploy.measure.diagnosis.fading import Fading
from lsm_deploy.measure.diagnosis.growth import Growth
from lsm_deploy.measure.diagnosis.ranks import Ranks
from lsm_deploy.measure.fidelity.side_by_side import Dynamics
from lsm_deploy.report.published.evaluations import DifferenceFacts, ScoreFacts
from lsm_deploy.report.published.judged import Judged
from lsm_deploy.tune.liquid import Measurement

__all__ = [
    "Classes", "Diagnosed", "Fidelity", "Forecasts", "ModelOfClasses", "ModelOfSignals",
    "Searched", "Tuned",
]  # fmt: skip


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


class EstimateFacts(TypedDict):
    value: float
    low: float
    high: float


class CurvesFacts(TypedDict):
    """By source, of each delay; None where that could not be asked. differences: of the deployed liquid less each
    other, paired."""

    after_ms: list[float]
    chance: float
    intervals_over: str
    values: Mapping[str, list[EstimateFacts | None]]
    differences: Mapping[str, list[DifferenceFacts | None]]


class KnowsFacts(TypedDict):
    """What it still knows: labels, shares of right answers; frames, R2. why_not: labels are not asked. Of many
    channels some are read: encoded_numbers of encoded_channels, buffer_channels of frame_channels."""

    words: str
    samples: int
    last_ms: float
    frame_ms: float
    read: int
    buffer_frames: int
    buffer_numbers: int
    encoded_numbers: int
    encoded_channels: int
    buffer_channels: int
    frame_channels: int
    labels: CurvesFacts | None
    why_not: str
    frames: CurvesFacts | None


class Diagnosed(TypedDict):
    """`diagnose`. clearing_left_out: registers would be cleared every so many steps; 0: they are not. knows: None
    without `--knows`."""

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
    knows: KnowsFacts | None
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
