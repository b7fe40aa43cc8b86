"""What commands say of many liquids, or of broken ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

from lsm_deploy.measure.uncertainty import Spread

__all__ = ["RobustnessFacts", "SweepFacts"]


class Joules(TypedDict):
    """Modelled."""

    least: float
    most: float


class PointFacts(TypedDict):
    """One point; means over its liquids. An answer is that to a sample, or, of signals, to a frame.

    score: over liquids, of which scores has each; None where one failed. cores, synapse_units, energy_j: None on no
    board.
    """

    values: Mapping[str, Any]
    seeds: list[int]
    failed: str | None
    score: Spread | None
    scores: list[float | None]
    non_dominated: bool
    neurons: float | None
    synapses: float | None
    cores: float | None
    synapse_units: float | None
    spikes: float | None
    energy_j: Joules | None
    rates: Mapping[str, float]


class SweepFacts(TypedDict):
    """`sweep`. measure: what scores are, and on which data. evaluated: liquids that were not known before."""

    folder: str
    file: str
    figure: Literal["accuracy", "nrmse"]
    measure: str
    paths: list[str]
    evaluated: int
    points: list[PointFacts]
    pictures: NotRequired[list[str]]


class StrengthFacts(TypedDict):
    """The score under one strength of a fault. low, high: its 95 % interval, over what `over` says; or None."""

    strength: float
    mean: float | None
    low: float | None
    high: float | None
    least: float | None
    most: float | None
    over: Literal["groups, liquids and faults", "liquids", "faults"] | None
    liquids: int
    draws: int
    failed: str | None


class CurveFacts(TypedDict):
    """A fault on the liquids of one point of a spec; strength 0 is the healthy ones."""

    values: Mapping[str, Any]
    fault: str
    strengths: list[StrengthFacts]


class RobustnessFacts(TypedDict):
    """`robustness`. readout: trained on what."""

    folder: str
    file: str
    figure: Literal["accuracy", "nrmse"]
    measure: str
    readout: str
    evaluated: int
    healthy: list[PointFacts]
    curves: list[CurveFacts]
    pictures: NotRequired[list[str]]
