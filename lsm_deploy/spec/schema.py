"""What a user may write: one frozen dataclass a section, the bounds in the annotations, the units in the names.

Times end in `_ms`, rates in `_hz`; weights are in units of the threshold. Fields hold what was written, never arrays
or random draws. pydantic reads these declarations to validate a file; `load.py` adds what no single field can see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, make_dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Len
from pydantic import AfterValidator, AllowInfNan, Discriminator, Field, Strict, Tag

from lsm_deploy.core import fixed
from lsm_deploy.core.boards import MAX_WEIGHT_EXP
from lsm_deploy.core.messages import BINARY, Message
from lsm_deploy.core.neurons import KINDS, Kind
from lsm_deploy.core.shown import Reported
from lsm_deploy.spec.front_ends import (
    AudioFrontEnd,
    Augment,
    BeatChannel,
    BeatsFrontEnd,
    EventsFrontEnd,
    FrontEnd,
    GammatoneFrontEnd,
    MelFrontEnd,
    Pcen,
)
from lsm_deploy.spec.ranges import Choices, Interval, Range, Search
from lsm_deploy.spec.topologies import AllToAll, ErdosRenyi, Explicit, Maass, OneToOne, Ring, Topology, WattsStrogatz
from lsm_deploy.spec.values import (
    Count,
    Delay,
    DelayByDistance,
    Distribution,
    Flag,
    Gain,
    Integer,
    Number,
    PerType,
    PerTypeGain,
    Positive,
    Probability,
    Size,
    Text,
    Weight,
    forbid_unknown,
    ordinary,
    plain,
    shape_of_value,
)

__all__ = [
    "AllToAll",
    "AnyReadout",
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
    "Graded",
    "Input",
    "Interval",
    "Latency",
    "Maass",
    "MelFrontEnd",
    "Neuron",
    "OneToOne",
    "Pcen",
    "PerType",
    "PerTypeGain",
    "Population",
    "Projection",
    "Quantise",
    "Range",
    "Rate",
    "Rates",
    "Readout",
    "Regression",
    "Ring",
    "Samples",
    "Search",
    "SendOnDelta",
    "Spec",
    "Spikes",
    "States",
    "Target",
    "Topology",
    "Traces",
    "WattsStrogatz",
    "Weight",
]

# --- the liquid ---------------------------------------------------------------------------------------------------


def _widened(declaration: type[Any], value_of: Any) -> list[tuple[str, Any, Any]]:
    """The fields of a kind's declaration, as a user may write them, with the bounds that they carry."""
    hints = get_type_hints(declaration, include_extras=True)
    widened = []
    for declared in fields(declaration):
        bounds = getattr(hints[declared.name], "__metadata__", ())
        default = field() if declared.default is MISSING else field(default=declared.default)
        hint = hints[declared.name]
        widened.append((declared.name, hint if get_origin(hint) is Literal else value_of(bounds), default))
    return widened


def _number_or_distribution(bounds: tuple[Any, ...]) -> Any:
    number = _annotated(float, AllowInfNan(False), AfterValidator(ordinary), *bounds, Tag("number"))
    return Annotated[number | Annotated[Distribution, Tag("a distribution")], Discriminator(shape_of_value)]


def _annotated(kind: type, *marks: Any) -> Any:
    arguments = (kind, Strict(), *marks)
    return Annotated[arguments]


def _neuron_section(kind: Kind) -> type[Any]:
    exact_fields = _widened(kind.Registers, lambda bounds: _annotated(int, *bounds))
    registers = _made(f"{kind.NAME}Registers", exact_fields)
    parameters = _widened(kind.Parameters, _number_or_distribution)
    exact = ("registers", registers | None, field(default=None))
    return _made(kind.NAME, [("kind", Literal[kind.NAME], field()), *parameters, exact])


def _made(name: str, fields: Any) -> type[Any]:
    """A dataclass that this module has under its name, so that a spec can be pickled, and sent to another process."""
    made = make_dataclass(name, fields, frozen=True)
    made.__module__ = __name__
    globals()[name] = made
    return made


NEURON_SECTIONS = {name: _neuron_section(kind) for name, kind in KINDS.items()}
"""Made from the declarations in `core.neurons`: `kind`, its float parameters, or (`registers`) exact integers."""

if TYPE_CHECKING:
    Neuron = Any
else:
    Neuron = reduce(or_, NEURON_SECTIONS.values())
    if len(NEURON_SECTIONS) > 1:
        Neuron = Annotated[Neuron, Field(discriminator="kind")]


WeightBits: TypeAlias = Annotated[Integer, Ge(1), Le(fixed.WEIGHT_BITS + MAX_WEIGHT_EXP)]


@dataclass(frozen=True)
class Population:
    """`size` neurons, or a `grid` of them.

    neuron: what each of them computes. size: how many there are. grid: how many along x, y and z. inhibitory_fraction:
    turns Dale's law on: that share, drawn at random, inhibits with all its synapses, and weights are magnitudes.
    Without it weights carry their own signs.
    """

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


@dataclass(frozen=True, kw_only=True)
class FromFile:
    """A network of others with all its synapses, as `lsm-deploy import` reads it; its options are those of that.

    Its populations are called NAME/POPULATION, and the one whose spikes are the answer NAME. Its steps are dt_ms.
    """

    file: Annotated[Path, Field(alias="from")]
    """A NIR graph, a network of lava-dl, or integers."""
    source: Literal["snntorch", "norse", "spikingjelly", "sinabs", "rockpool"] | None = None
    """Who wrote a NIR graph, for what it does not say."""
    scheme: Literal["euler", "exponential", "exponential-decay"] | None = None
    """How its source made steps of time constants."""
    reset: Literal["zero", "zero-delayed", "subtract", "subtract-delayed"] | None = None
    """What a spike does to the voltage, and when."""
    if_input: Literal["per-step", "per-second"] | None = None
    """In what an IF takes its input."""
    max_synapses: Count | None = None
    """What linear nodes may be multiplied out to."""


def _drawn_or_read(written: Any) -> str:
    read = "from" in written if isinstance(written, dict) else isinstance(written, FromFile)
    return "read" if read else "drawn"


AnyPopulation: TypeAlias = Annotated[
    Annotated[Population, Tag("drawn")] | Annotated[FromFile, Tag("read")], Discriminator(_drawn_or_read)
]


@dataclass(frozen=True)
class Projection:
    """Synapses from `source` to `target`.

    source: a population, or `input`. target: the population that they reach. topology: who is joined to whom.
    weight: in units of the threshold; left out for an explicit topology, whose file has the weights.
    delay_ms: on top of the one step that every synapse takes. spectral_radius: scales the weights of a recurrent one.
    input_scaling: multiplies those of one from the input, which are uniform in -1 to 1 where `weight` is left out.
    gain: multiplies the weights, after a spectral radius has; a number, or one for each pair of types.
    port: what it drives, the neurons' `input`, or the `gate` of those that have one.
    weight_bits, sign_mode: how it is quantised; beyond 8 bits a coarse and a fine projection share the work, `split`
    makes two projections of one sign each.
    """

    source: Text
    target: Text
    topology: Topology
    weight: Weight | None = None
    delay_ms: Delay = 0.0
    spectral_radius: Positive | None = None
    input_scaling: Positive | None = None
    gain: Gain = 1.0
    weight_bits: WeightBits | None = None
    sign_mode: Literal["split", "mixed"] = "split"
    port: Literal["input", "gate"] = "input"

    @property
    def name(self) -> str:
        return f"{self.source}->{self.target}" + (":gate" if self.port == "gate" else "")


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
    """Overlapping Gaussian receptive fields on each channel (Bohte, Kok & La Poutre 2002), then rate or latency.

    neurons: so many spike trains a channel. beta: how narrow a field is. code: what becomes of a field's value.
    max_rate_hz: of the code rate. threshold: of the code latency, below which there is no spike.
    """

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


@dataclass(frozen=True, kw_only=True)
class Graded(_Frames):
    """The value itself, as a graded spike in every step of its frame: no spike code, and so no noise of one."""

    kind: Literal["graded"]
    range: Annotated[tuple[Number, ...], Len(2, 2)] | None = None
    """Values that map to -1 and 1; left out, each channel's own range over the training data. Beyond it is clipped."""
    message_bits: Annotated[Integer, Ge(2), Le(16)] = 16
    """Of a message, with its sign: 1.0 is 2**(message_bits - 1), and so just beyond the largest."""


Encoder: TypeAlias = Annotated[
    Rate | Latency | SendOnDelta | GaussianPopulation | Spikes | Graded, Field(discriminator="kind")
]


@dataclass(frozen=True)
class Input:
    """What comes in.

    channels: of the data, such as columns of a CSV or bands of sound. encoder: how they become spikes; without one, the
    channels are spike trains as they come.
    """

    channels: Count
    encoder: Encoder | None = None

    @property
    def message(self) -> Message:
        """What a spike train can hold."""
        bits = getattr(self.encoder, "message_bits", None)
        return BINARY if bits is None else Message(bits, signed=True, fraction=bits - 1)

    @property
    def spike_channels(self) -> int:
        """How many spike trains reach the liquid."""
        if isinstance(self.encoder, SendOnDelta):
            return 2 * self.channels
        if isinstance(self.encoder, GaussianPopulation):
            return self.encoder.neurons * self.channels
        return self.channels


@dataclass(frozen=True)
class Data:
    """A data set by name, or files and folders; neither where the command line names them.

    root: of a tonic data set, the folder that holds or gets it. train: a file or folder of what is trained on. test: of
    what is tested.
    dataset: japanese_vowels; one of the series mackey_glass, lorenz, narma10, laser, el_nino and sunspots, whose test
    part follows the training part in time; or tonic:NAME for one of tonic's, kept below the folder `root`. pattern: how
    the name of a sound file says its label, group (the speaker) and take, as a regular expression with groups of these
    names.
    shared_groups: let a speaker or record be in both the training and the test data; otherwise that is refused.
    drop_outside: leave out events that are off the sensor, and say how many; otherwise one is an error.
    targets: columns of a CSV that are values to be predicted of each frame, and no channels. mono: mix channels of
    sound down to one. resample: make sound of the front end's `rate_hz`, whatever rates files have.
    """

    dataset: Text | None = None
    root: Path | None = None
    train: Path | None = None
    test: Path | None = None
    pattern: Text | None = None
    shared_groups: Flag = False
    drop_outside: Flag = False
    mono: Flag = False
    resample: Flag = False
    targets: tuple[Text, ...] = ()
    length: Annotated[Integer, Ge(2), Le(1_000_000)] | None = None
    """Frames of a series, training and test together. Left out, all of a recorded one, and of one that is computed
    train_size + test_size, if both are whole numbers, or 5000."""
    skip: Annotated[Integer, Ge(0), Le(1_000_000)] | None = None
    """Frames of a series that are left out before it begins."""
    train_size: Size | None = None
    """Frames of a series to train on, its first ones, or (below 1) the share of them; 0.7 where test_size is left out,
    too."""
    test_size: Size | None = None
    """Frames that are tested, after those, or the share; left out, all that follow."""
    warm_up: Annotated[Integer, Ge(0)] | None = None
    """The last so many training frames begin the test data, too: a readout's washout passes over them."""
    seed: Annotated[Integer, Ge(0)] | None = None
    """Of the input of narma10; 0 where it is left out."""
    step: Annotated[Positive, Le(100)] | None = None
    """Between frames of mackey_glass (1) and lorenz (0.02), in the time of their equations."""
    tau: Annotated[Number, Ge(0.1), Le(1000)] | None = None
    """The delay of mackey_glass, 17 where it is left out."""
    past: Annotated[Number, Ge(0), Le(10)] | None = None
    """What mackey_glass was before it begins, 1.2 where it is left out."""

    def __post_init__(self) -> None:
        if self.dataset is not None and (self.train is not None or self.test is not None):
            raise ValueError("give either dataset, or train and test files")
        if (self.train is None) != (self.test is None):
            raise ValueError("give both train and test files")
        if self.dataset is not None and self.targets:
            raise ValueError("targets are columns of a CSV, and a data set has its own: remove them")
        if len(set(self.targets)) < len(self.targets):
            raise ValueError("targets name a column twice")
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

    population: one, or several that are read together, as an ensemble of small liquids is. features: what is read of
    them. classifier: trained at once (`ridge`, `logistic`), or sample by sample (`online`). folds: of the
    cross-validation. keep: so many features with
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
class States:
    """What is read after each frame: the messages of graded neurons, and the traces of spikes of spiking ones, which
    decay with `tau_ms`.

    frame: read the frame itself, too. squares: read the square of each of these, too.
    """

    kind: Literal["states"]
    tau_ms: Positive = 30.0
    frame: Flag = False
    squares: Flag = False


@dataclass(frozen=True)
class Regression:
    """A linear readout of signals, such as forecasts, told from one of classes by its key `target`: an answer for each
    frame; its strength of regularisation chosen by cross-validation over blocks of time.

    population: one, or several that are read together. target: `signal` is the input itself, `horizon` frames later;
    `targets` are those of the data, of the frame that comes `horizon` later. washout: so many frames of each sample are
    not answered, while the state forgets that it began at rest. regularisation: of standardised features. folds: of
    time. forgetting: what an older frame counts, of the next one, when training is online (recursive least squares).
    weight_bits: of the integers that answer on the host.
    """

    population: Annotated[
        Annotated[Text, Tag("a name")] | Annotated[tuple[Text, ...], Len(1), Tag("a list")],
        Discriminator(_one_or_several),
    ]
    target: Literal["signal", "targets"]
    features: States = States("states")
    horizon: Annotated[Integer, Ge(0)] = 1
    washout: Annotated[Integer, Ge(0)] = 100
    regressor: Literal["ridge", "online"] = "ridge"
    regularisation: Annotated[tuple[Positive, ...], Len(1)] = (
        1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0, 100.0,
    )  # fmt: skip
    folds: Annotated[Integer, Ge(2)] = 5
    forgetting: Annotated[Positive, Le(1)] = 1.0
    weight_bits: Annotated[Integer, Ge(2), Le(24)] = 16

    def __post_init__(self) -> None:
        if len(set(self.populations)) < len(self.populations):
            raise ValueError("population names one twice")
        if self.target == "signal" and self.horizon == 0:
            raise ValueError("horizon is 0: of the input itself there is nothing to forecast")
        if self.forgetting < 1 and self.regressor != "online":
            raise ValueError(f"forgetting belongs to the regressor online, and this is {self.regressor}")

    @property
    def populations(self) -> tuple[str, ...]:
        """What is read, in the order in which its features come."""
        return (self.population,) if isinstance(self.population, str) else self.population


def _classes_or_signals(written: Any) -> str:
    signals = "target" in written if isinstance(written, dict) else isinstance(written, Regression)
    return "signals" if signals else "classes"


AnyReadout: TypeAlias = Annotated[
    Annotated[Readout, Tag("classes")] | Annotated[Regression, Tag("signals")], Discriminator(_classes_or_signals)
]


@dataclass(frozen=True)
class Samples:
    """When registers are cleared between samples.

    policy: `fresh`, every sample is a run of its own; `interval`, one run whose registers are cleared every `steps`.
    steps: of an interval, which is as long as the longest sample.
    """

    policy: Literal["fresh", "interval"] = "fresh"
    steps: Count | None = None

    def __post_init__(self) -> None:
        if (self.policy == "interval") != (self.steps is not None):
            raise ValueError("steps belongs to the interval policy, which needs it")


@dataclass(frozen=True)
class Quantise:
    """weight_bits: for every projection that does not state its own. compensate: let thresholds make up for what the
    integers lose in every step; left out, in populations of slow neurons, where it has been seen to help.
    certified: prefer scales at which no input can overflow a sum or a current, over those that round least.
    lava_dl: weights and biases that lava-dl's layers hold, for `export --net` and the backend netx."""

    weight_bits: WeightBits = 8
    compensate: Flag | None = None
    certified: Flag = False
    lava_dl: Flag = False


@dataclass(frozen=True)
class Target:
    """The board that neurons are placed on.

    board: of 1, 8 or 1152 chips of 120 cores each; or none, for the CPU backends only.

    A million neurons with 100 synapses each take some 6,000 cores, and so a Hala Point.
    """

    board: Literal["oheo_gulch", "kapoho_point", "hala_point", "none"] = "oheo_gulch"


@dataclass(frozen=True, repr=False)
class Spec(Reported):
    """A whole experiment as it was written."""

    dt_ms: Positive
    """How long a step lasts: all neurons advance by one at a time."""
    seed: Annotated[Integer, Ge(0)]
    """Of all that is drawn: wiring, weights, and the spikes of a random code."""
    input: Input
    """What comes in, and how it becomes spikes."""
    populations: Annotated[Mapping[Text, AnyPopulation], Len(1)]
    """The neurons, in groups of one kind, each under a name of your own."""
    projections: tuple[Projection, ...]
    """The synapses: from the input to populations, among these, and within them."""
    data: Data | None = None
    """What the liquid is trained and tested on."""
    front_end: FrontEnd | None = None
    """How sound, heart beats or events become frames of numbers; data that are frames need none."""
    readout: AnyReadout | None = None
    """What is trained, to say a class or to predict values; the liquid itself is not."""
    samples: Samples = field(default_factory=Samples)
    """When registers are cleared between samples."""
    quantise: Quantise = field(default_factory=Quantise)
    """How floats become the chip's integers."""
    target: Target = field(default_factory=Target)
    """The board that it is to fit."""
    search: Annotated[Search, Len(1)] | None = None
    """What `lsm-deploy search` may vary: paths of this file, and their ranges."""

    _short = ("dt_ms", "seed", "input", "sizes", "projections", "data", "front_end", "readout", "target")

    @property
    def sizes(self) -> dict[str, int | None]:
        """The neurons of each population; None where a file has them."""
        return {name: getattr(population, "neurons", None) for name, population in self.populations.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], base: str | Path = ".") -> Spec:
        """The spec that a file with these sections would be; file names are relative to the folder `base`.

        Parts may be sections of other specs, and numbers numpy's. Raises LsmError with all mistakes and their paths.
        """
        from lsm_deploy.spec.read import spec_from  # which is written on this module

        return spec_from(data, base)

    def to_dict(self) -> dict[str, Any]:
        """What a file would say, without what is left at its default; `from_dict` reads it as an equal spec."""
        from lsm_deploy.spec.write import to_plain

        plain_data: dict[str, Any] = to_plain(self)
        return plain_data

    def with_(self, changes: Mapping[str | tuple[str | int, ...], Any] | None = None, /, **named: Any) -> Spec:
        """This spec with other values by path: `{"projections.0.weight": 2}`, or by keyword `projections__0__weight=2`.

        A projection is named by its number or as `exc->inh`, a population by its name; a name with dots in it needs a
        tuple of steps. A value may be a section; None takes away what is there. Raises LsmError with all mistakes.
        """
        from lsm_deploy.spec.changes import changed

        return changed(self, changes, named)

    @property
    def drawn(self) -> dict[str, Population]:
        """The populations that are made here, not read."""
        return {name: p for name, p in self.populations.items() if isinstance(p, Population)}

    @property
    def resampled_hz(self) -> float | None:
        """The rate that sound is resampled to as it is read, if it is."""
        asked = self.data is not None and self.data.resample
        return self.front_end.rate_hz if asked and isinstance(self.front_end, AudioFrontEnd) else None

    @property
    def read(self) -> dict[str, FromFile]:
        """The networks that are read from files."""
        return {name: p for name, p in self.populations.items() if isinstance(p, FromFile)}

    def __post_init__(self) -> None:
        for declared in fields(self):
            object.__setattr__(self, declared.name, plain(getattr(self, declared.name)))


forbid_unknown(globals())
forbid_unknown(NEURON_SECTIONS)
for _section in NEURON_SECTIONS.values():
    get_type_hints(_section)["registers"].__args__[0].__pydantic_config__ = {"extra": "forbid"}
