"""What commands say of runs: traces, stimuli, and whether two agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from typing_extensions import NotRequired, TypedDict

from lsm_deploy.core.ir import View
from lsm_deploy.parity.compare import Divergence
from lsm_deploy.parity.forensics.causes import Cause
from lsm_deploy.parity.forensics.explanation import Slice
from lsm_deploy.parity.forensics.predict import Breaks
from lsm_deploy.parity.suite import Check
from lsm_deploy.report.published.judged import Judged

__all__ = ["Conformance", "Data", "Parity", "RecordingFacts", "Run", "State", "StimulusFacts", "Suites", "TraceOfFile"]


class StimulusFacts(TypedDict):
    """Input spikes."""

    steps: int
    channels: int
    samples: int
    spikes: int


class StimulusFile(StimulusFacts):
    """`inspect` of a stimulus."""

    kind: Literal["stimulus"]


class Activity(TypedDict):
    """A trace. counts: overflow events, of what its backend sees; standings: kinds whose arithmetic is not known to be
    the chip's."""

    steps: int
    neurons: int
    samples: int
    spikes: int
    spikes_per_neuron_and_step: float
    silent_neurons: int
    registers: list[str]
    view: View
    counts: Mapping[str, int]
    standings: Mapping[str, str]


class Run(Activity):
    """A run. stimulus: what was run, in words."""

    program: NotRequired[str]
    backend: str
    stimulus: str
    activity: NotRequired[Judged]
    pictures: NotRequired[list[str]]


class TraceOfFile(Activity):
    """`inspect` of a trace. ended: false where the run has not come to its end."""

    kind: NotRequired[Literal["trace"]]
    program: str | None
    backend: str | None
    ended: NotRequired[bool]


class State(TypedDict):
    """`inspect` of a state."""

    kind: Literal["state"]
    program: str
    t: int
    neurons: int
    counts: Mapping[str, int]


class Data(TypedDict):
    """`inspect` of recordings. lengths: of each sample, in its own units."""

    kind: Literal["frames", "audio", "beats", "events"]
    samples: int
    lengths: list[int]
    labels: list[str]
    groups: list[str]
    outputs: NotRequired[int]
    target_names: NotRequired[list[str]]


# --- whether two agree ---------------------------------------------------------------------------------------------


class VerdictFacts(TypedDict):
    """Two traces. compared, differing: values of each register, and of spikes (`s`)."""

    equal: bool
    names: tuple[str, str]
    view: View
    steps: int
    neurons: int
    samples: int
    spikes: tuple[int, int]
    compared: Mapping[str, int]
    differing: Mapping[str, int]
    divergence: Divergence | None
    standings: Mapping[str, str]


class PartingFacts(TypedDict):
    """Operations of the definition, between which two part."""

    agreed: str | None
    at: str


class ExplanationFacts(TypedDict):
    """Why a trace parts from the definition; `divergence.first` is what the definition has."""

    name: str
    registers: list[str]
    divergence: Divergence
    slice: Slice
    parting: PartingFacts
    breaks: Breaks | None
    causes: list[Cause]
    ties: int
    steps: int
    values: int
    notes: list[str]


class ShrunkFacts(TypedDict):
    """Sizes before and after; how many cases were asked for, and in how many runs."""

    folder: str
    neurons: list[int]
    steps: list[int]
    synapses: list[int]
    input_spikes: list[int]
    asked: int
    runs: int
    seconds: float
    stopped: str


class Parity(TypedDict):
    """Backends, or a backend and a trace, in pairs; `ok` says that they could be compared, `equal` that they agree."""

    program: NotRequired[str]
    stimulus: str
    backends: NotRequired[list[str]]
    equal: bool
    verdicts: list[VerdictFacts]
    explanations: NotRequired[list[ExplanationFacts]]
    shrunk: NotRequired[ShrunkFacts]
    pictures: NotRequired[list[str]]


class RuleFacts(TypedDict):
    """A rule of the integer contract, and who stands behind it."""

    name: str
    holds: str
    variant: str
    standing: str
    silicon: list[str]
    simulators: list[str]


class ReplayFacts(TypedDict):
    """A recording, or a probe on a simulator, against the emulator."""

    name: str
    by: str
    silicon: bool
    source: str
    kinds: list[str]
    verdict: VerdictFacts
    rules: list[str]


class Conformance(TypedDict):
    """missing: simulators that were not asked, and why. contradictions: the names of replays that differ."""

    rules: list[RuleFacts]
    recordings: list[ReplayFacts]
    simulations: list[ReplayFacts]
    missing: Mapping[str, str]
    contradictions: list[str]


class RecordingFacts(TypedDict):
    """A recording that was imported."""

    name: str
    silicon: bool
    recorded_on: str
    source: str
    licence: str
    population: str
    first_step: int
    stimulus: StimulusFacts
    trace: Activity


class MeasuredFacts(TypedDict):
    """What could be promised of a spec."""

    program: NotRequired[str]
    accuracy: NotRequired[float]
    nrmse: NotRequired[float]
    budget: NotRequired[Mapping[str, float]]


class SuiteFacts(TypedDict):
    """The checks of one spec."""

    spec: str
    program: str | None
    passed: bool
    measured: MeasuredFacts
    checks: list[Check]


Promise: TypeAlias = str | float | Mapping[str, float]
"""A program, a floor, or a budget."""


class RecordedPromise(TypedDict):
    """What `ci --update` changed in a file of promises."""

    file: str
    promise: str
    before: Promise | None
    now: Promise


class Suites(TypedDict):
    """`ci`; `ok` says that no check failed."""

    specs: list[SuiteFacts]
    recorded: list[RecordedPromise]
