"""What a user may write: one frozen dataclass a section, the bounds in the annotations, the units in the names.

Times end in `_ms`, rates in `_hz`; weights are in units of the threshold. Fields hold what was written, never arrays
or random draws. pydantic reads these declarations to validate a file; `load.py` adds what no single field can see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, make_dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias, get_type_hints

from annotated_types import Ge, Gt, Le, Len
from pydantic import AllowInfNan, Discriminator, Field, Strict, Tag

from lsm_deploy.neurons import KINDS, Kind

__all__ = [
    "AllToAll",
    "AudioFrontEnd",
    "Augment",
    "BeatChannel",
    "BeatsFrontEnd",
    "Bins",
    "Choices",
    "Data",
    "DelayByDistance",
    "Distribution",
    "Encoder",
    "ErdosRenyi",
    "EventsFrontEnd",
    "Explicit",
    "Features",
    "FrontEnd",
    "Gain",
    "GammatoneFrontEnd",
    "GaussianPopulation",
    "Input",
    "Interval",
    "Latency",
    "Maass",
    "MelFrontEnd",
    "Neuron",
    "OneToOne",
    "PerType",
    "PerTypeGain",
    "Population",
    "Projection",
    "Quantise",
    "Range",
    "Rate",
    "Rates",
    "Readout",
    "Ring",
    "Samples",
    "Search",
    "SendOnDelta",
    "Spec",
    "Spikes",
    "Target",
    "Topology",
    "Traces",
    "WattsStrogatz",
    "Weight",
]

Number: TypeAlias = Annotated[float, Strict(), AllowInfNan(False)]
Integer: TypeAlias = Annotated[int, Strict()]
Flag: TypeAlias = Annotated[bool, Strict()]
Text: TypeAlias = Annotated[str, Strict()]
Probability: TypeAlias = Annotated[Number, Ge(0), Le(1)]
Positive: TypeAlias = Annotated[Number, Gt(0)]
NotNegative: TypeAlias = Annotated[Number, Ge(0)]
Count: TypeAlias = Annotated[Integer, Ge(1)]


# --- values that may vary over neurons or synapses ---------------------------------------------------------------


@dataclass(frozen=True)
class Constant:
    distribution: Literal["constant"]
    value: Number


@dataclass(frozen=True)
class Uniform:
    distribution: Literal["uniform"]
    low: Number
    high: Number

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low is {self.low}, above high, which is {self.high}")


@dataclass(frozen=True)
class Normal:
    distribution: Literal["normal"]
    mean: Number
    std: NotNegative


@dataclass(frozen=True)
class Lognormal:
    """`mean` and `std` are those of the variable itself, not of its logarithm."""

    distribution: Literal["lognormal"]
    mean: Positive
    std: NotNegative


@dataclass(frozen=True)
class Gamma:
    """`mean` and `std` of the variable; shape is (mean / std)**2. Maass et al. (2002) take std = mean for weights."""

    distribution: Literal["gamma"]
    mean: Positive
    std: Positive


Distribution: TypeAlias = Annotated[
    Constant | Uniform | Normal | Lognormal | Gamma, Field(discriminator="distribution")
]


def _shape_of_value(value: Any) -> str:
    if not isinstance(value, dict):
        return "number"
    if {"EE", "EI", "IE", "II"} & value.keys():
        return "per type"
    return "by distance" if {"per_unit_ms", "offset_ms"} & value.keys() else "a distribution"


Value: TypeAlias = Annotated[
    Annotated[Number, Tag("number")] | Annotated[Distribution, Tag("a distribution")], Discriminator(_shape_of_value)
]


@dataclass(frozen=True)
class PerType:
    """One value for each pair of types; the first letter is the source's, E excitatory or I inhibitory."""

    EE: Value
    EI: Value
    IE: Value
    II: Value


@dataclass(frozen=True)
class PerTypeProbability:
    EE: NotNegative
    EI: NotNegative
    IE: NotNegative
    II: NotNegative


@dataclass(frozen=True)
class PerTypeGain:
    """A gain for each pair of types, which sets the balance of excitation and inhibition; 1 where left out."""

    EE: Positive = 1.0
    EI: Positive = 1.0
    IE: Positive = 1.0
    II: Positive = 1.0


@dataclass(frozen=True)
class DelayByDistance:
    """offset_ms + per_unit_ms * Euclidean distance, between neurons on grids."""

    per_unit_ms: NotNegative
    offset_ms: NotNegative = 0.0


Weight: TypeAlias = Annotated[
    Annotated[Number, Tag("number")]
    | Annotated[Distribution, Tag("a distribution")]
    | Annotated[PerType, Tag("per type")],
    Discriminator(_shape_of_value),
]
Gain: TypeAlias = Annotated[
    Annotated[Positive, Tag("number")] | Annotated[PerTypeGain, Tag("pertypegain")],
    Discriminator(lambda value: "pertypegain" if isinstance(value, dict | PerTypeGain) else "number"),
]
Delay: TypeAlias = Annotated[
    Annotated[NotNegative, Tag("number")]
    | Annotated[Distribution, Tag("a distribution")]
    | Annotated[DelayByDistance, Tag("by distance")],
    Discriminator(_shape_of_value),
]


# --- topologies ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AllToAll:
    kind: Literal["all_to_all"]
    self_connections: Flag = False


@dataclass(frozen=True)
class OneToOne:
    kind: Literal["one_to_one"]


@dataclass(frozen=True)
class ErdosRenyi:
    """Each pair with `probability`, or exactly `in_degree` distinct sources for every target."""

    kind: Literal["erdos_renyi"]
    probability: Probability | None = None
    in_degree: Count | None = None
    self_connections: Flag = False

    def __post_init__(self) -> None:
        if (self.probability is None) == (self.in_degree is None):
            raise ValueError("give either probability or in_degree")


@dataclass(frozen=True)
class WattsStrogatz:
    """A directed small world: a ring of `neighbours` (half each side), each edge's source redrawn with `rewire`.

    Watts & Strogatz, Nature 393 (1998).
    """

    kind: Literal["watts_strogatz"]
    neighbours: Annotated[Integer, Ge(2)]
    rewire: Probability

    def __post_init__(self) -> None:
        if self.neighbours % 2:
            raise ValueError(f"neighbours is {self.neighbours}; half of them lie on each side, so it must be even")


@dataclass(frozen=True)
class Ring:
    """Each neuron to its next `neighbours`; `both` ways, or `forward` only (Rodan & Tino's cycle reservoir, 2011)."""

    kind: Literal["ring"]
    neighbours: Count = 1
    direction: Literal["both", "forward"] = "both"


@dataclass(frozen=True)
class Maass:
    """A 3-D column: probability C * exp(-(distance / lambda)**2). Maass, Natschlaeger & Markram, Neural Comp. (2002).

    Their C: EE 0.3, EI 0.2, IE 0.4, II 0.1; lambda 2; distances in grid units. No synapse is longer than `cutoff`, left
    out: 6 lambda. The error of that, the expected share of synapses lost, is reported: about 2e-15 at 6 lambda, 5e-7
    at 4, 0.044 % at 3, 4.6 % at 2 in an unbounded column; a grid has fewer far pairs.
    """

    kind: Literal["maass"]
    length: Annotated[Positive, Field(alias="lambda")]
    scale: Annotated[PerTypeProbability, Field(alias="C")]
    cutoff: Positive | None = None

    @property
    def reach(self) -> float:
        """The length of the longest synapse, in grid units."""
        return 6 * self.length if self.cutoff is None else self.cutoff


@dataclass(frozen=True)
class Explicit:
    """Weights `[post, pre]` from a file: a scipy sparse `.npz`, or an `.npz` with `weights` and perhaps `delays`.

    Delays in a file are in steps. exact: the weights are the chip's integers, `weight << weight_exp`.
    """

    kind: Literal["explicit"]
    file: Path
    exact: Flag = False
    weight_exp: Annotated[Integer, Ge(0), Le(7)] = 0

    def __post_init__(self) -> None:
        if self.weight_exp and not self.exact:
            raise ValueError("weight_exp belongs to exact weights; otherwise quantisation chooses it")


Topology: TypeAlias = Annotated[
    AllToAll | OneToOne | ErdosRenyi | WattsStrogatz | Ring | Maass | Explicit, Field(discriminator="kind")
]


# --- the liquid ---------------------------------------------------------------------------------------------------


def _widened(declaration: type[Any], value_of: Any) -> list[tuple[str, Any, Any]]:
    """The fields of a kind's declaration, as a user may write them, with the bounds that they carry."""
    hints = get_type_hints(declaration, include_extras=True)
    widened = []
    for declared in fields(declaration):
        bounds = getattr(hints[declared.name], "__metadata__", ())
        default = field() if declared.default is MISSING else field(default=declared.default)
        widened.append((declared.name, value_of(bounds), default))
    return widened


def _number_or_distribution(bounds: tuple[Any, ...]) -> Any:
    number = _annotated(float, AllowInfNan(False), *bounds, Tag("number"))
    return Annotated[number | Annotated[Distribution, Tag("a distribution")], Discriminator(_shape_of_value)]


def _annotated(kind: type, *marks: Any) -> Any:
    arguments = (kind, Strict(), *marks)
    return Annotated[arguments]


def _neuron_section(kind: Kind) -> type[Any]:
    exact_fields = _widened(kind.Registers, lambda bounds: _annotated(int, *bounds))
    registers = make_dataclass("Registers", exact_fields, frozen=True)
    parameters = _widened(kind.Parameters, _number_or_distribution)
    exact = ("registers", registers | None, field(default=None))
    return make_dataclass(kind.NAME, [("kind", Literal[kind.NAME], field()), *parameters, exact], frozen=True)


NEURON_SECTIONS = {name: _neuron_section(kind) for name, kind in KINDS.items()}
"""Made from the declarations in `lsm_deploy.neurons`: `kind`, its float parameters, or (`registers`) exact integers."""

if TYPE_CHECKING:
    Neuron = Any
else:
    Neuron = reduce(or_, NEURON_SECTIONS.values())
    if len(NEURON_SECTIONS) > 1:
        Neuron = Annotated[Neuron, Field(discriminator="kind")]


@dataclass(frozen=True)
class Population:
    """`size` neurons, or a `grid` of them. inhibitory_fraction turns Dale's law on: that share, drawn at random,
    inhibits with all its synapses, and weights are magnitudes. Without it weights carry their own signs."""

    neuron: Neuron
    size: Count | None = None
    grid: Annotated[tuple[Count, ...], Len(3, 3)] | None = None
    inhibitory_fraction: Probability | None = None

    def __post_init__(self) -> None:
        if (self.size is None) == (self.grid is None):
            raise ValueError("give either size or grid")

    @property
    def neurons(self) -> int:
        if self.grid is not None:
            return self.grid[0] * self.grid[1] * self.grid[2]
        assert self.size is not None
        return self.size


@dataclass(frozen=True)
class Projection:
    """Synapses from `source` (a population, or `input`) to `target`.

    weight: in units of the threshold; left out for an explicit topology, whose file has the weights.
    delay_ms: on top of the one step that every synapse takes. spectral_radius: scales the weights of a recurrent one.
    gain: multiplies the weights, after a spectral radius has; a number, or one for each pair of types.
    weight_bits, sign_mode: how it is quantised; `split` makes two projections of one sign each.
    """

    source: Text
    target: Text
    topology: Topology
    weight: Weight | None = None
    delay_ms: Delay = 0.0
    spectral_radius: Positive | None = None
    gain: Gain = 1.0
    weight_bits: Annotated[Integer, Ge(1), Le(8)] | None = None
    sign_mode: Literal["split", "mixed"] = "split"

    @property
    def name(self) -> str:
        return f"{self.source}->{self.target}"


# --- from the world to spikes, and back ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Frames:
    frame_ms: Positive
    """How long one frame of data lasts; a whole number of steps."""
    range: Annotated[tuple[Number, ...], Len(2, 2)] | None = None
    """Values that map to 0 and 1; left out, each channel's own range over the training data. Beyond it is clipped."""

    def __post_init__(self) -> None:
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError(f"range starts at {self.range[0]}, not below its end {self.range[1]}")


@dataclass(frozen=True, kw_only=True)
class Rate(_Frames):
    """Bernoulli spikes, at most `max_rate_hz`: Poisson rate coding on a grid of steps (Heeger 2000)."""

    kind: Literal["rate"]
    max_rate_hz: Positive = 200.0


@dataclass(frozen=True, kw_only=True)
class Latency(_Frames):
    """One spike a frame, earlier for larger values; none below `threshold` (Thorpe, Delorme & Van Rullen 2001)."""

    kind: Literal["latency"]
    threshold: Probability = 0.1


@dataclass(frozen=True, kw_only=True)
class SendOnDelta(_Frames):
    """An up or a down spike for every `delta` of the range that a value moved (Miskowicz 2006); two channels each."""

    kind: Literal["send_on_delta"]
    delta: Annotated[Probability, Gt(0)] = 0.1


@dataclass(frozen=True, kw_only=True)
class GaussianPopulation(_Frames):
    """Overlapping Gaussian receptive fields on each channel (Bohte, Kok & La Poutre 2002), then rate or latency."""

    kind: Literal["gaussian_population"]
    neurons: Annotated[Integer, Ge(3)] = 8
    beta: Positive = 1.5
    code: Literal["rate", "latency"] = "latency"
    max_rate_hz: Positive = 200.0
    threshold: Probability = 0.1


@dataclass(frozen=True, kw_only=True)
class Spikes:
    """Values that are spikes already, such as binned events: whatever is not 0 is one, in its frame's first step."""

    kind: Literal["spikes"]
    frame_ms: Positive
    range: ClassVar[None] = None


Encoder: TypeAlias = Annotated[Rate | Latency | SendOnDelta | GaussianPopulation | Spikes, Field(discriminator="kind")]


@dataclass(frozen=True)
class Input:
    """`channels` of data, turned into spikes by `encoder`; without one, `channels` are spike trains as they come."""

    channels: Count
    encoder: Encoder | None = None

    @property
    def spike_channels(self) -> int:
        """How many spike trains reach the liquid."""
        if isinstance(self.encoder, SendOnDelta):
            return 2 * self.channels
        if isinstance(self.encoder, GaussianPopulation):
            return self.encoder.neurons * self.channels
        return self.channels


# --- from recordings to frames ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Augment:
    """Altered copies of the training utterances; test data stay as they are. Each copy draws its own values, evenly.

    warp: the factor on the frequency axis (vocal tract length perturbation: Jaitly & Hinton, ICML workshop 2013).
    stretch: the factor on the duration. time_shift_ms: at most so much later or earlier, at most a quarter of the
    utterance. noise_db: white noise, so many dB below the utterance.
    """

    copies: Count = 1
    warp: Annotated[tuple[Positive, ...], Len(2, 2)] | None = None
    stretch: Annotated[tuple[Positive, ...], Len(2, 2)] | None = None
    noise_db: Number | None = None
    time_shift_ms: Positive | None = None

    def __post_init__(self) -> None:
        if (self.warp, self.stretch, self.noise_db, self.time_shift_ms) == (None,) * 4:
            raise ValueError("copies are asked for, and nothing says how they differ")
        for name in ("warp", "stretch"):
            bounds = getattr(self, name)
            if bounds is not None and not 0.25 <= bounds[0] <= bounds[1] <= 4:
                raise ValueError(f"{name} is {list(bounds)}, not two ascending factors within 0.25 to 4")


@dataclass(frozen=True, kw_only=True)
class AudioFrontEnd:
    """Sound to `bands` of log power `[frame, band]`, one frame every `hop_ms`, in dB.

    fmax_hz: left out, half the rate. floor_db: nothing is further below the utterance's loudest value. trim_db: cuts
    both ends where they are so far below the loudest frame. level: first, mean 0 and variance 1 of every utterance over
    all its bands together, so that near and far sound alike. normalise: mean 0 and variance 1 of every band, over the
    `utterance` or over all utterances of its `group`, the speaker, in the same file. frames: every utterance in time
    resampled to so many. deltas: what changed since the frame before, as `bands` more channels.
    """

    rate_hz: Positive
    bands: Count = 24
    fmin_hz: NotNegative = 50.0
    fmax_hz: Positive | None = None
    window_ms: Positive = 25.0
    hop_ms: Positive = 10.0
    floor_db: Positive = 60.0
    trim_db: Positive | None = None
    pre_emphasis: Annotated[Probability, Gt(0)] | None = None
    level: Flag = False
    normalise: Literal["none", "utterance", "group"] = "none"
    frames: Annotated[Integer, Ge(2)] | None = None
    deltas: Flag = False
    augment: Augment | None = None

    def __post_init__(self) -> None:
        if not self.fmin_hz < self.highest_hz <= self.rate_hz / 2:
            raise ValueError(
                f"the bands run from {self.fmin_hz:g} to {self.highest_hz:g} Hz, not upwards within half the rate,"
                f" {self.rate_hz / 2:g} Hz"
            )
        for name in ("window_ms", "hop_ms"):
            if getattr(self, name) * self.rate_hz < 1000:
                raise ValueError(f"{name} is {getattr(self, name):g}, less than one sample of {self.rate_hz:g} Hz")

    @property
    def highest_hz(self) -> float:
        return self.rate_hz / 2 if self.fmax_hz is None else self.fmax_hz

    @property
    def frame_channels(self) -> int:
        return self.bands * (2 if self.deltas else 1)


@dataclass(frozen=True, kw_only=True)
class MelFrontEnd(AudioFrontEnd):
    """Triangles, evenly spaced on the mel scale (Slaney 1998, librosa's)."""

    kind: Literal["mel"]


@dataclass(frozen=True, kw_only=True)
class GammatoneFrontEnd(AudioFrontEnd):
    """The power responses of gammatone filters, evenly spaced in ERBs (Slaney 1993; Glasberg & Moore 1990)."""

    kind: Literal["gammatone"]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fmin_hz == 0:
            raise ValueError("fmin_hz is 0, and a gammatone filter needs a frequency above it")


BeatChannel: TypeAlias = Literal["rr", "rr_relative", "drr", "drr_relative", "abs_drr_relative", "ddrr_relative"]


@dataclass(frozen=True, kw_only=True)
class BeatsFrontEnd:
    """Heart beats to windows of `window_beats`, one frame a beat; a last window that is not full is left out.

    A window is AF if more than half of its beats lie in the rhythm `positive`, else not AF. stride_beats: from one
    window to the next; left out, as long as a window. channels, of RR, the interval in s that a beat ends: rr;
    rr_relative, its excess over the median of its window so far, as a share of that; drr, less the one before;
    drr_relative, that over the mean of both, and abs_drr_relative, without its sign; ddrr_relative, what drr_relative
    changed by.
    """

    kind: Literal["beats"]
    window_beats: Count
    stride_beats: Count | None = None
    positive: Text = "AFIB"
    channels: Annotated[tuple[BeatChannel, ...], Len(1)] = ("rr", "drr_relative")

    def __post_init__(self) -> None:
        if len(set(self.channels)) < len(self.channels):
            raise ValueError(f"channels are {', '.join(self.channels)}: one stands twice")

    @property
    def stride(self) -> int:
        return self.window_beats if self.stride_beats is None else self.stride_beats

    @property
    def frame_channels(self) -> int:
        return len(self.channels)


@dataclass(frozen=True, kw_only=True)
class EventsFrontEnd:
    """Events to frames of `bin_ms`: 1 where a bin has an event, else 0.

    pool: pixels, along x and along y, that become one channel. merge_polarity: brighter and darker become one.
    """

    kind: Literal["events"]
    bin_ms: Positive
    pool: Annotated[tuple[Count, ...], Len(2, 2)] = (1, 1)
    merge_polarity: Flag = False
    frame_channels: ClassVar[None] = None
    """That is the sensor's to say."""


FrontEnd: TypeAlias = Annotated[
    MelFrontEnd | GammatoneFrontEnd | BeatsFrontEnd | EventsFrontEnd, Field(discriminator="kind")
]


@dataclass(frozen=True)
class Data:
    """A data set by name, or files and folders; neither where the command line names them.

    dataset: japanese_vowels, or tonic:NAME for one of tonic's, kept below the folder `root`. pattern: how the name of
    a WAV file says its label, group (the speaker) and take, as a regular expression with groups of these names.
    shared_groups: let a speaker or record be in both the training and the test data; otherwise that is refused.
    """

    dataset: Text | None = None
    root: Path | None = None
    train: Path | None = None
    test: Path | None = None
    pattern: Text | None = None
    shared_groups: Flag = False

    def __post_init__(self) -> None:
        if self.dataset is not None and (self.train is not None or self.test is not None):
            raise ValueError("give either dataset, or train and test files")
        if (self.train is None) != (self.test is None):
            raise ValueError("give both train and test files")
        if (self.root is not None) != (self.dataset or "").startswith("tonic:"):
            raise ValueError("root belongs to a tonic data set, which needs it: the folder that holds or gets it")

    @property
    def named(self) -> bool:
        """Whether this says where the data are."""
        return self.dataset is not None or self.train is not None


@dataclass(frozen=True)
class Bins:
    """Spike counts of each neuron in `bins` equal parts of a sample.

    root: 16 times their square roots, rounded down: the noise of a count grows as its root, that of a root does not
    (Anscombe, Biometrika 35, 1948)."""

    kind: Literal["bins"]
    bins: Count = 1
    root: Flag = False


@dataclass(frozen=True)
class Traces:
    """Each neuron's spikes, decaying with `tau_ms`, read at `samples` evenly spaced times, the last at the end."""

    kind: Literal["traces"]
    tau_ms: Positive = 30.0
    samples: Count = 1


@dataclass(frozen=True)
class Rates:
    """Spike counts of whole groups of neurons, in `bins` equal parts of a sample.

    A group is a population; or one of `groups` nearly equal parts of it, each of neurons that follow each other.
    """

    kind: Literal["rates"]
    groups: Count = 1
    bins: Count = 1


Features: TypeAlias = Annotated[Bins | Traces | Rates, Field(discriminator="kind")]


def _one_or_several(written: Any) -> str:
    return "a name" if isinstance(written, str) else "a list"


@dataclass(frozen=True)
class Readout:
    """A linear classifier on transient states; its regularisation chosen by cross-validation.

    population: one, or several that are read together, as an ensemble of small liquids is. keep: so many features with
    the largest ANOVA F on the training data, of all. regularisation: ridge's alphas, or the inverses of logistic
    regression's C. forgetting: what an older sample counts, of the next one, when training is online. weight_bits: of
    the integers that answer on the host. class_weight: balanced lets every class count the same. centre: `group` takes
    the mean of its group's samples in the same data (the speaker's, say) off each feature, for training and answers.
    """

    population: Annotated[
        Annotated[Text, Tag("a name")] | Annotated[tuple[Text, ...], Len(1), Tag("a list")],
        Discriminator(_one_or_several),
    ]
    features: Features
    classifier: Literal["ridge", "logistic", "online"] = "ridge"
    regularisation: Annotated[tuple[Positive, ...], Len(1)] = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0)
    folds: Annotated[Integer, Ge(2)] = 5
    keep: Count | None = None
    forgetting: Annotated[Positive, Le(1)] = 1.0
    class_weight: Literal["balanced", "none"] = "none"
    weight_bits: Annotated[Integer, Ge(2), Le(16)] = 8
    centre: Literal["none", "group"] = "none"

    def __post_init__(self) -> None:
        if len(set(self.populations)) < len(self.populations):
            raise ValueError("population names one twice")
        if self.forgetting < 1 and self.classifier != "online":
            raise ValueError(f"forgetting belongs to the classifier online, and this is {self.classifier}")

    @property
    def populations(self) -> tuple[str, ...]:
        """What is read, in the order in which its features come."""
        return (self.population,) if isinstance(self.population, str) else self.population


@dataclass(frozen=True)
class Samples:
    """`fresh`: every sample is a run of its own. `interval`: one run whose registers are cleared every `steps`."""

    policy: Literal["fresh", "interval"] = "fresh"
    steps: Count | None = None

    def __post_init__(self) -> None:
        if (self.policy == "interval") != (self.steps is not None):
            raise ValueError("steps belongs to the interval policy, which needs it")


@dataclass(frozen=True)
class Quantise:
    """weight_bits: for every projection that does not state its own. compensate: let thresholds make up for what the
    integers lose in every step; left out, in populations of slow neurons, where it has been seen to help.
    certified: prefer scales at which no input can overflow a sum or a current, over those that round least."""

    weight_bits: Annotated[Integer, Ge(1), Le(8)] = 8
    compensate: Flag | None = None
    certified: Flag = False


@dataclass(frozen=True)
class Interval:
    """Numbers from `low` to `high`, both included: all of them, in equal parts of their logarithm, or each `step`."""

    low: Number
    high: Number
    log: Flag = False
    step: Positive | None = None

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise ValueError(f"low is {self.low}, not below high, which is {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low}, which has no logarithm")
        if self.log and self.step is not None:
            raise ValueError("give either log or step")


@dataclass(frozen=True)
class Choices:
    """Any values, without an order."""

    choices: Annotated[tuple[Any, ...], Len(2)]


def _shape_of_range(value: Any) -> str:
    if not isinstance(value, dict):
        return "ends"
    return "choices" if "choices" in value else "interval"


Range: TypeAlias = Annotated[
    Annotated[tuple[Number, ...], Len(2, 2), Tag("ends")]
    | Annotated[Interval, Tag("interval")]
    | Annotated[Choices, Tag("choices")],
    Discriminator(_shape_of_range),
]

Search: TypeAlias = Mapping[Text, Range]
"""What may be varied to make the liquid good: dotted paths of the spec, such as `projections.0.gain`, and their values.

A range is `[low, high]`, `{low, high, log, step}` or `{choices: [...]}`.
"""


@dataclass(frozen=True)
class Target:
    """The board that neurons are placed on: 1, 8 or 1152 chips of 120 cores; or none, for the CPU backends only.

    A million neurons with 100 synapses each take some 6,000 cores, and so a Hala Point.
    """

    board: Literal["oheo_gulch", "kapoho_point", "hala_point", "none"] = "oheo_gulch"


@dataclass(frozen=True)
class Spec:
    """A whole experiment as it was written."""

    dt_ms: Positive
    seed: Annotated[Integer, Ge(0)]
    input: Input
    populations: Annotated[Mapping[Text, Population], Len(1)]
    projections: tuple[Projection, ...]
    data: Data | None = None
    front_end: FrontEnd | None = None
    readout: Readout | None = None
    samples: Samples = field(default_factory=Samples)
    quantise: Quantise = field(default_factory=Quantise)
    target: Target = field(default_factory=Target)
    search: Annotated[Search, Len(1)] | None = None


# An unknown key is a mistake, everywhere.
for _section in [*globals().values(), *NEURON_SECTIONS.values()]:
    if isinstance(_section, type) and is_dataclass(_section):
        _section.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
for _section in NEURON_SECTIONS.values():
    get_type_hints(_section)["registers"].__args__[0].__pydantic_config__ = {"extra": "forbid"}
