"""What commands say of specs, programs and boards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

from lsm_deploy.compile.certify.restrain import Price
from lsm_deploy.compile.pipeline import CutOff
from lsm_deploy.compile.quantise.cost import PopulationCost, ProjectionCost
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.exchange.deployed import Stage
from lsm_deploy.formats.account import Line
from lsm_deploy.measure.cost.figures import Figure, Measured
from lsm_deploy.measure.cost.resources import EventCounts, Range
from lsm_deploy.report.published.judged import Judged

__all__ = [
    "AnyFile",
    "Certified",
    "Compiled",
    "Cost",
    "Imported",
    "ImportedRates",
    "Program",
    "Rules",
    "Written",
]


class SamplePolicy(TypedDict):
    """steps: between two clearings of the registers, with the policy `interval`."""

    policy: Literal["fresh", "interval"]
    steps: NotRequired[int]


_REGISTERS = {name: NotRequired[list[int]] for kind in KINDS.values() for name in kind.Registers.__dataclass_fields__}
Population: Any = TypedDict(
    "Population",
    {
        "name": str,
        "kind": str,
        "neurons": int,
        "scale": float,
        **_REGISTERS,  # type: ignore[misc]  # the least and the largest value of each that its kind has
        "beyond_register": NotRequired[list[str]],
        "standing": NotRequired[str],
        "tables": NotRequired[str],
    },
)


class Projection(TypedDict):
    """weights, delays: the least and the largest; none where there are no synapses."""

    name: str
    synapses: int
    sign_mode: str
    num_weight_bits: int
    weight_exp: int
    weights: list[int]
    delays: list[int]


class CertificateSummary(TypedDict):
    """most: of the sums that a neuron's kind can add in. The others count neurons, or bound what they reach."""

    most: list[int]
    neurons: int
    certified: int
    by_geometry: int
    never_spike: int
    largest_sum: int
    largest_u: float


class CoreLoad(TypedDict, total=False):
    """The most that any core holds of each; empty where a program is placed on no board."""

    neurons: int
    axons: int
    synapse_units: int
    groups: int


class Program(TypedDict):
    """A program. program: its name, 16 hex digits."""

    program: str
    dt_ms: float
    channels: int
    neurons: int
    synapses: int
    samples: SamplePolicy
    populations: list[Population]
    projections: list[Projection]
    target: str
    cores: int
    fullest_core: CoreLoad
    certificate: CertificateSummary
    activity: NotRequired[Judged]


class Quantisation(TypedDict):
    """losses: those beyond rounding, as sentences."""

    populations: list[PopulationCost]
    projections: list[ProjectionCost]
    losses: list[str]


class Compiled(Program):
    """A program, and what became of its floats. certified: what scales cost that no input can overflow."""

    cut_offs: list[CutOff]
    quantisation: Quantisation
    certified: NotRequired[Price]


class ImportedRates(Compiled):
    """A program of weights of rates."""

    notes: list[str]


class PriceOfIntegers(TypedDict):
    """Shares of what was asked for; delay_steps in steps."""

    population: str
    decay: float
    threshold: float
    weights: float
    synapses: int
    to_zero: int
    delay_steps: float


class TrialOfImport(TypedDict):
    """A trial on samples. accuracy: in floats and in integers."""

    samples: int
    stimulus: str
    counts: Mapping[str, int]
    active: Mapping[str, float]
    source_to_network: list[Stage]
    floats_to_integers: list[Stage]
    same_answers: float | None
    accuracy: tuple[float, float] | None


class Imported(Compiled):
    """A program of somebody else's network, with an account of its reading."""

    output: str
    lags: Mapping[str, int]
    account: list[Line]
    price: list[PriceOfIntegers]
    trial: TrialOfImport


class DesignRuleFacts(TypedDict):
    """A rule of a board: what is asked for, the limit, and how far it is from it."""

    name: str
    value: int
    limit: int
    status: Literal["ok", "warning", "broken"]
    where: str
    note: str
    margin: int


class Rules(TypedDict):
    """`check --target`; `ok` says that no rule is broken. synapse_memory_error: the model's least and largest."""

    target: str
    rules: list[DesignRuleFacts]
    synapse_memory_error: list[float]


# --- what no input can do, and what a run costs --------------------------------------------------------------------


class AttackFacts(TypedDict):
    """A search for the input that comes closest to a bound: lists by neuron."""

    tried: int
    reached: list[float]
    share: list[float]
    shortest_interval: list[int]
    neuron: int
    counts: Mapping[str, int]


class Certified(TypedDict):
    """What is proved of each neuron: lists by neuron."""

    program: str
    largest_sum: list[int]
    largest_u: list[float]
    shortest_interval: list[int]
    certified: list[bool]
    by_geometry: list[bool]
    attack: NotRequired[AttackFacts]


class Modelled(TypedDict):
    """Energy in J and time in s, modelled on the figures that stand beside them."""

    standing: str
    dynamic_energy_j: Range
    dynamic_energy_by_event_j: Mapping[str, Range]
    step_time_s: Range
    figures_pj: Mapping[str, Figure]
    figures_ns: Mapping[str, Figure]
    not_counted: str


class Cost(TypedDict):
    """What a run does on the chip."""

    program: NotRequired[str]
    stimulus: NotRequired[str]
    cores: int
    tiles: int
    chips: int
    events: EventCounts
    modelled: Modelled
    measured_elsewhere: Measured


class Written(TypedDict):
    """Files that were written."""

    written: list[str]


AnyFile = Program | Compiled
