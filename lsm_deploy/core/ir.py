"""The values that flow through the compiler: each stage is a type of its own, frozen, and checked as it is built.

    Network --quantise--> QNetwork --place--> Program --backend.run(., Stimulus)--> Trace

Arrays are `[post, pre]` and `[t, neuron]`; `t` counts from 0; values own them (see `frozen`). A `ValueError` from a
constructor is a bug in the pass that called it.

Neurons are numbered through all populations in order. Synapses of a projection are stored by source (compressed
columns): those of source `j` are `indptr[j]:indptr[j + 1]`, in ascending order of target and delay. Two synapses may
join the same pair. A liquid of a million neurons has 1e8 synapses: nothing here is ever dense.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import index
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.boards import BOARDS, MAX_DELAY, MAX_WEIGHT_EXP
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.frozen import freeze, own, rebuilt
from lsm_deploy.core.indices import mistake_in
from lsm_deploy.core.messages import BINARY, Message, Messages
from lsm_deploy.core.neurons import KINDS, breaks_bound, standing
from lsm_deploy.core.neurons.kind import Floats, Policy
from lsm_deploy.core.shown import Brief, Reported

__all__ = [
    "INPUT",
    "Network",
    "Population",
    "Program",
    "Projection",
    "QNetwork",
    "QPopulation",
    "QProjection",
    "SignMode",
    "State",
    "Stimulus",
    "Trace",
    "View",
    "check_messages",
    "kinds_in",
    "narrowest",
    "standings",
]

INPUT = "input"
"""The name of the stimulus as the source of a projection; no population may bear it."""

SignMode: TypeAlias = Literal["excitatory", "inhibitory", "mixed"]
View: TypeAlias = Literal["sim", "chip"]


@dataclass(frozen=True, eq=False, repr=False)
class Population(Brief):
    """`size` neurons of one kind with float parameters, each an array `[size]` (units: see the kind)."""

    name: str
    kind: str
    size: int
    parameters: Mapping[str, Floats]

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        declaration = KINDS[self.kind].Parameters
        parameters = {}
        for field in declaration.__dataclass_fields__:
            values = own(self.parameters[field], np.float64)
            _require(values.shape == (self.size,), f"{self.name}.{field} has shape {values.shape}")
            _require(not breaks_bound(declaration, field, values).any(), f"{self.name}.{field} out of bounds")
            parameters[field] = values
        object.__setattr__(self, "parameters", MappingProxyType(parameters))


@dataclass(frozen=True, eq=False, repr=False)
class Projection(Brief):
    """Float synapses from a population, or the input, to a population; the weights of one have one sign, or are mixed.

    weight `[synapse]` in units of threshold; delay_ms `[synapse]`, on top of the one step that every synapse takes.
    weight_bits: what quantisation may spend on a weight. port: 1 onto the gate of a kind that has one.
    """

    name: str
    source: str
    target: str
    sign_mode: SignMode
    weight_bits: int
    indptr: NDArray[np.int64]
    post: NDArray[np.int32]
    weight: Floats
    delay_ms: Floats
    port: int = 0

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, indptr=np.int64, post=np.int32, weight=np.float64, delay_ms=np.float64)
        _check_wiring(self.name, self.indptr, self.post, self.weight, self.delay_ms)
        low, high = _extremes(self.weight)
        _require(bool(np.isfinite(low) and np.isfinite(high)), f"{self.name}: weights are not finite")
        _require(_have_sign(low, high, self.sign_mode), f"{self.name}: a weight is not {self.sign_mode}")
        _require(bool(_extremes(self.delay_ms)[0] >= 0), f"{self.name}: a delay is negative")

    @property
    def pre(self) -> NDArray[np.int64]:
        """The source of each synapse `[synapse]`."""
        return _sources(self.indptr)


@dataclass(frozen=True, eq=False, repr=False)
class _Populations(Brief):
    """What a network is in floats and in integers alike, and the index of its neurons.

    sample_interval: 0 for the `fresh` policy; N > 0 clears all registers before integration in steps 0, N, 2N, ...
    """

    _short = ("neurons", "channels", "dt_ms", "sizes", "projections")

    dt_ms: float
    channels: int
    sample_interval: int
    populations: tuple[Population | QPopulation, ...]

    __reduce__ = rebuilt

    @property
    def neurons(self) -> int:
        return sum(population.size for population in self.populations)

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """The number of each population's neurons."""
        return MappingProxyType({population.name: population.size for population in self.populations})

    @cached_property
    def offsets(self) -> Mapping[str, int]:
        """The number of each population's first neuron."""
        starts = np.cumsum([0, *self.sizes.values()]).tolist()
        return MappingProxyType(dict(zip(self.sizes, starts, strict=False)))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of neurons, in the order of their first populations."""
        return tuple(dict.fromkeys(population.kind for population in self.populations))

    @property
    def state_names(self) -> tuple[str, ...]:
        """Every register that changes in a run and can be recorded, in the order in which a step writes them."""
        return tuple(dict.fromkeys(name for kind in self.kinds for name in KINDS[kind].STATE))

    @property
    def message(self) -> Message:
        """What its neurons' spikes can be: the widest of its kinds'."""
        return max((KINDS[kind].MESSAGE for kind in self.kinds), key=lambda message: (message.largest, message.signed))

    @property
    def message_type(self) -> type[np.signedinteger[Any]]:
        """The narrowest type that holds the spikes of all its neurons."""
        return self.message.dtype

    def columns(self, population: str) -> slice:
        """The neurons of a population, as columns of a trace."""
        _require(population in self.sizes, f"there is no population {population!r}")
        first = self.offsets[population]
        return slice(first, first + self.sizes[population])

    @cached_property
    def ports(self) -> Mapping[tuple[str, int], slice]:
        """By population and port, the columns of its synaptic sums; those of second ports come after all neurons'."""
        places = {(name, 0): self.columns(name) for name in self.sizes}
        first = self.neurons
        for p in self.populations:
            if KINDS[p.kind].PORTS > 1:
                places[p.name, 1] = slice(first, first + p.size)
                first += p.size
        return MappingProxyType(places)

    @property
    def sums(self) -> int:
        """The number of synaptic sums: one for each neuron, two where its kind has two ports."""
        return int(max(where.stop for where in self.ports.values()))

    def sums_onto(self, population: str, sums: NDArray[Any]) -> NDArray[Any]:
        """Of sums `[..., column]` those onto a population `[..., neuron]`, or `[port, ..., neuron]` of two ports."""
        first = sums[..., self.ports[population, 0]]
        return np.stack([first, sums[..., self.ports[population, 1]]]) if (population, 1) in self.ports else first

    def by_sum(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of each neuron `[neuron]`, for each synaptic sum `[column]`."""
        return np.concatenate([values, *(values[self.columns(name)] for name, port in self.ports if port)])

    def locate(self, neuron: int) -> tuple[str, int]:
        """The population of a neuron, and its number there."""
        _require(0 <= neuron < self.neurons, f"there is no neuron {neuron}")
        population = self.populations[bisect(list(self.offsets.values()), neuron) - 1].name
        return population, neuron - self.offsets[population]


@dataclass(frozen=True, eq=False, repr=False)
class Network(_Populations):
    """The sampled liquid in floats: what `quantise_network` starts from and what a float reference runs.

    Parts that a user gave as exact integers are in their final form already, and stay as they are.
    input: what the stimulus may hold.
    """

    projections: tuple[Projection | QProjection, ...]
    input: Message = BINARY

    def __post_init__(self) -> None:
        _check_network(self)


@dataclass(frozen=True, eq=False, repr=False)
class QPopulation(Brief):
    """`size` neurons of one kind with integer registers, each an array `[size]` within the kind's bounds.

    scale: integer units to one float unit of weight and threshold (and 64 * scale to one of `u`, `v` and bias).
    """

    name: str
    kind: str
    size: int
    registers: Mapping[str, fixed.Ints]
    scale: float = 1.0

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        declaration = KINDS[self.kind].Registers
        registers = {}
        for field in declaration.__dataclass_fields__:
            values = own(self.registers[field], np.int64)
            _require(values.shape == (self.size,), f"{self.name}.{field} has shape {values.shape}")
            _require(not breaks_bound(declaration, field, values).any(), f"{self.name}.{field} out of bounds")
            registers[field] = values
        if "phase" in registers:
            _require(bool((registers["phase"] < registers["period"]).all()), f"{self.name}: phase not below period")
        object.__setattr__(self, "registers", MappingProxyType(registers))
        _require(np.isfinite(self.scale) and self.scale > 0, f"{self.name}: scale {self.scale}")


@dataclass(frozen=True, eq=False, repr=False)
class QProjection(Brief):
    """Integer synapses: `weights << weight_exp` is what a spike adds to its target's sum, `delays` + 1 steps later.

    port: which sum, of a kind that takes two.
    """

    name: str
    source: str
    target: str
    sign_mode: SignMode
    num_weight_bits: int
    weight_exp: int
    indptr: NDArray[np.int64]
    post: NDArray[np.int32]
    weights: NDArray[np.int16]
    delays: NDArray[np.uint8]
    port: int = 0

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, indptr=np.int64, post=np.int32, weights=np.int16, delays=np.uint8)
        _check_wiring(self.name, self.indptr, self.post, self.weights, self.delays)
        _require(1 <= self.num_weight_bits <= fixed.WEIGHT_BITS, f"{self.name}: {self.num_weight_bits} weight bits")
        _require(0 <= self.weight_exp <= MAX_WEIGHT_EXP, f"{self.name}: weight exponent {self.weight_exp}")
        _require(_extremes(self.delays)[1] <= MAX_DELAY, f"{self.name}: a delay exceeds {MAX_DELAY}")
        mixed = self.sign_mode == "mixed"
        low, high = _extremes(self.weights)
        _require(_have_sign(low, high, self.sign_mode), f"{self.name}: a weight is not {self.sign_mode}")
        least, most = fixed.weight_range(mixed)
        _require(least <= low and high <= most, f"{self.name}: a weight is too large")
        step = fixed.grid_step(self.num_weight_bits, mixed)
        bits_in_use = int(np.bitwise_or.reduce(self.weights))  # a multiple of a power of two ends in zeros
        _require(bits_in_use % step == 0, f"{self.name}: a weight is off the grid of {step}")

    @property
    def pre(self) -> NDArray[np.int64]:
        """The source of each synapse `[synapse]`."""
        return _sources(self.indptr)


@dataclass(frozen=True, eq=False, repr=False)
class QNetwork(_Populations):
    """The liquid in the chip's integers, before it has a place on the chip; input: what the stimulus may hold."""

    populations: tuple[QPopulation, ...]
    projections: tuple[QProjection, ...]
    input: Message = BINARY

    def __post_init__(self) -> None:
        _check_network(self)

    @property
    def synapses(self) -> int:
        return sum(len(projection.post) for projection in self.projections)

    def registers(self, kind: str) -> dict[str, fixed.Ints]:
        """The registers of all neurons of a kind, in their order."""
        parts = [population.registers for population in self.populations if population.kind == kind]
        _require(bool(parts), f"there is no neuron of kind {kind!r}")
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True, eq=False, repr=False)
class Program(Reported):
    """All that a backend may know: a `QNetwork` and the core of each of its neurons, `[neuron]`, on `target`."""

    network: QNetwork
    cores: NDArray[np.int32]
    target: str

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, cores=np.int32)
        _require(self.cores.shape == (self.network.neurons,), f"cores have shape {self.cores.shape}")
        # A board of somebody's own is not in the table; a file may name none such (`store.programs`).
        cores = BOARDS[self.target].cores if self.target in BOARDS else np.iinfo(np.int32).max
        _refuse("cores", mistake_in(self.cores, cores))


@dataclass(frozen=True, eq=False, repr=False)
class Stimulus(Reported):
    """Input spikes `[t, channel]`, and the first step of each sample, ascending from 0.

    Spikes are 0 or 1, or what else the network takes for which they are: `check_messages` looks.
    """

    spikes: Messages
    starts: NDArray[np.int64]

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, spikes=narrowest(self.spikes), starts=np.int64)
        _require(self.spikes.ndim == 2, f"a stimulus is [t, channel], not {self.spikes.shape}")
        _check_starts(self.starts, len(self.spikes))

    def until(self, step: int) -> Stimulus:
        """What enters before a step, 1 or a later one; all of it where it ends sooner."""
        return self if step >= len(self.spikes) else Stimulus(self.spikes[:step], self.starts[self.starts < step])


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Reported):
    """What a run left: spikes `[t, neuron]`, recorded registers `[t, neuron]` by name, and where samples start.

    Spikes are 0 and 1, or -1 too where a kind is ternary, or integers where one is graded. Registers are as a step
    leaves them, after any wrap and
    reset; 0 where the neuron's kind does not have that register. counts: events by name that the backend saw; empty
    where it cannot. view: `sim` where `v` reads 0 in the step of a spike, `chip` where it reads as silicon does.
    standings: as the function of that name gives for the program that ran; empty where nobody said.
    """

    spikes: Messages
    registers: Mapping[str, NDArray[np.int32]]
    starts: NDArray[np.int64]
    counts: Mapping[str, int]
    view: View = "sim"
    standings: Mapping[str, str] = dataclasses.field(default_factory=dict)

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, "counts", "standings", spikes=narrowest(self.spikes), registers=np.int32, starts=np.int64)
        _require(self.spikes.ndim == 2, f"a trace is [t, neuron], not {self.spikes.shape}")
        for name, values in self.registers.items():
            _require(values.shape == self.spikes.shape, f"{name} has shape {values.shape}")
        _check_starts(self.starts, len(self.spikes))


@dataclass(frozen=True, eq=False, repr=False)
class State(Brief):
    """Where a run stands after `t` steps: all that those to come depend on.

    registers: `[neuron]` by name, 0 where the neuron's kind does not have that one. in_flight: `[step, column]`, the
    synaptic sums that have been caused and are due in steps t, t + 1, ..., in columns as in `network.ports`. counts:
    those of a trace, so far.
    """

    t: int
    registers: Mapping[str, NDArray[np.int32]]
    in_flight: NDArray[np.int64]
    counts: Mapping[str, int]

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        object.__setattr__(self, "t", index(self.t))
        freeze(self, "counts", registers=np.int32, in_flight=np.int64)
        _require(0 <= self.t <= 1 << 62, f"a state after {self.t} steps")  # a clock of int64, with room to go on
        _require(self.in_flight.ndim == 2, f"sums in flight are [step, column], not {self.in_flight.shape}")
        for name, values in self.registers.items():
            fits = values.shape == (self.neurons,) and self.neurons <= self.in_flight.shape[1]
            _require(fits, f"{name} has shape {values.shape}")

    @property
    def neurons(self) -> int:
        """As many as its registers have; 0 where it has none."""
        return next((values.size for values in self.registers.values()), 0)


COUNTS = ("u_wraps", "v_saturations", "wide_sums")
"""Events a run counts: `u` beyond 24 bits (it wraps, or, where a kind has it so, is clipped), `v` clipped, |synaptic
sum| beyond 16 bits (beyond 24 where a kind is graded); each per neuron and step."""


def narrowest(spikes: NDArray[Any]) -> type[np.signedinteger[Any]]:
    """The type in which spikes are held that come in this array: its own, int8 or int16, and else as they need."""
    given = np.asarray(spikes)
    if given.dtype in (np.int8, np.int16):
        return np.int16 if given.dtype == np.int16 else np.int8
    small = np.iinfo(np.int8).max
    return np.int8 if not given.size or -small <= given.min() <= given.max() <= small else np.int16


def check_messages(network: Network | QNetwork, spikes: NDArray[Any], where: str = "stimulus") -> None:
    """An LsmError where input `[t, channel]` holds what the network does not take: its kernels rely on it."""
    message = network.input
    if spikes.size and not message.least <= spikes.min() <= spikes.max() <= message.largest:
        wrong = spikes.min() if spikes.min() < message.least else spikes.max()
        what = f"an input spike is {wrong}, and the program takes {message}"
        raise LsmError(what, where=where, hint="encode it with the spec that the program was compiled from")


def standings(network: QNetwork) -> dict[str, str]:
    """By kind, why its arithmetic is not known to be the chip's; kinds that a recording covers are left out."""
    every = {kind: standing(KINDS[kind], *given) for kind, given in kinds_in(network).items()}
    return {kind: words for kind, words in every.items() if words}


def kinds_in(network: QNetwork) -> dict[str, tuple[Policy, dict[str, fixed.Ints]]]:
    """The sample policy, and the registers of all neurons of each kind."""
    policy: Policy = "interval" if network.sample_interval else "fresh"
    return {kind: (policy, network.registers(kind)) for kind in network.kinds}


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _refuse(name: str, mistake: str | None) -> None:
    _require(mistake is None, f"{name}: {mistake}")


def _extremes(values: NDArray[Any]) -> tuple[Any, Any]:
    """The smallest and the largest value; 0 where there is none, NaN where one is. Quicker than any comparison."""
    return (values.min(), values.max()) if len(values) else (0, 0)


def _sources(indptr: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))


def _have_sign(low: float, high: float, sign_mode: SignMode) -> bool:
    return sign_mode == "mixed" or bool(low >= 0 if sign_mode == "excitatory" else high <= 0)


def _check_wiring(name: str, indptr: NDArray[Any], post: NDArray[Any], *per_synapse: NDArray[Any]) -> None:
    _refuse(f"{name}.post", mistake_in(post, np.iinfo(np.int32).max))
    _refuse(f"{name}.indptr", mistake_in(indptr, len(post) + 1, "not descending", first=0, last=len(post)))
    for values in per_synapse:
        _require(values.shape == post.shape, f"{name}: {values.shape} values for {post.shape} synapses")


def _check_network(network: Network | QNetwork) -> None:
    sizes = network.sizes
    kinds = {p.name: KINDS[p.kind] for p in network.populations}
    _require(1e-30 <= network.dt_ms <= 1e30, f"a step of {network.dt_ms} ms")  # as a spec may say
    _require(network.channels >= 0, f"{network.channels} channels")
    _require(network.sample_interval >= 0, f"sample interval {network.sample_interval}")
    _require(len(sizes) == len(network.populations) and INPUT not in sizes, "population names are not unique")
    _require(min(sizes.values(), default=0) > 0, "a population is empty, or there is none")
    for p in network.projections:
        _require(p.target in sizes, f"{p.name}: no population {p.target!r}")
        _require(p.source in sizes or p.source == INPUT, f"{p.name}: no source {p.source!r}")
        sources = network.channels if p.source == INPUT else sizes[p.source]
        _require(len(p.indptr) == sources + 1, f"{p.name}: {len(p.indptr) - 1} sources, not {sources}")
        _refuse(f"{p.name}.post", mistake_in(p.post, sizes[p.target]))
        _require(p.port in range(kinds[p.target].PORTS), f"{p.name}: {kinds[p.target].NAME} has no port {p.port}")


def _check_starts(starts: NDArray[np.int64], steps: int) -> None:
    _refuse("starts", mistake_in(starts, max(steps, 1), "ascending", first=0))
