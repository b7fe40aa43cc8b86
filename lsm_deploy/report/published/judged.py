"""What is said of a liquid's activity, by every command that runs it."""

from __future__ import annotations

from typing_extensions import NotRequired, TypedDict

from lsm_deploy.measure.judgement import Verdict

__all__ = ["Judged"]


class JudgedPopulation(TypedDict):
    """level: of graded neurons alone. knob: what to turn, where the verdict asks for it."""

    rate_hz: float
    exc_hz: float | None
    inh_hz: float | None
    silent: float
    saturated: float
    name: str
    neurons: int
    level: float | None
    excitation: float
    inhibition: float
    from_input: float
    balance: float | None
    branching: float | None
    synchrony: float | None
    verdict: Verdict
    knob: str


class Judged(TypedDict):
    """The activity of a run. stimulus: what was run, in words."""

    stimulus: NotRequired[str]
    steps: int
    samples: int
    populations: list[JudgedPopulation]
