"""What a run costs on a chip: events, counted exactly from a trace, and from them a range of energy and step time.

A spike is a message to every core on which it has a synapse, its own included, and a synaptic operation for each of
these synapses; every neuron is updated in every step. Input spikes come from the entrance (`layout`). Events depend on
the network, its placement and the spikes alone; energy and time are modelled on figures of Loihi 1 (`figures`).

Time of a step, after SANA-FE's simple model: cores work side by side, each first on its neurons, then on what arrives.
At the least the two overlap on the core that is busiest; at the most the busiest at either follow each other, behind
the longest way. A barrier ends it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.place.axons import axons_of
from lsm_deploy.compile.place.cores import board_of
from lsm_deploy.core import mesh as layout
from lsm_deploy.core.errors import require_type
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.shown import Reported
from lsm_deploy.measure.cost import figures, kernels

__all__ = ["Estimate", "EventCounts", "Range", "Resources", "Traffic", "count_resources"]

_AT_ONCE = 1 << 22
"""Counts, of a step and core, that are held at a time."""


@dataclass(frozen=True)
class EventCounts:
    """Exact counts over a run. `between_*` are messages of neurons alone; hops are those of input spikes too."""

    steps: int
    input_spikes: int
    spikes: int
    neuron_updates: int
    synaptic_operations: int
    messages: int
    input_messages: int
    between_cores: int
    between_chips: int
    hops_x: int
    hops_y: int


@dataclass(frozen=True)
class Range:
    least: float
    most: float


@dataclass(frozen=True)
class Estimate:
    """Modelled on Loihi 1 figures: dynamic energy in J, by event and in all; the mean time of a step in s."""

    energy_by_event: dict[str, Range]
    energy: Range
    step_time: Range


@dataclass(frozen=True, eq=False)
class Traffic:
    """places: x and y of each core's tile `[core, 2]`. neurons: how many it has `[core]`. messages: what each sent to
    each, `[pair, 3]`: from (-1: the host), to, how many."""

    places: NDArray[np.int64]
    neurons: NDArray[np.int64]
    messages: NDArray[np.int64]

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, places=np.int64, neurons=np.int64, messages=np.int64)


@dataclass(frozen=True, repr=False)
class Resources(Reported):
    """What a run took, as counted and as modelled."""

    _short = ("cores", "chips", "tiles", "events", "estimate")

    cores: int
    chips: int
    tiles: int
    events: EventCounts
    estimate: Estimate
    traffic: Traffic = field(compare=False)


@dataclass(frozen=True, eq=False)
class _Ways:
    """For each source the cores it reaches (`indptr`, `to`), its synapses there, and the hops along x and y."""

    indptr: NDArray[np.int64]
    to: NDArray[np.int32]
    synapses: NDArray[np.int32]
    hops: NDArray[np.int64]
    home: NDArray[np.int64]
    """`[entry]` the core of the source; -1 for input."""


def count_resources(program: Program, stimulus: Stimulus, trace: Trace) -> Resources:
    """Count what the spikes of a run did, and model what it took."""
    require_type(program, Program, "program", "compile one, or read it with `load_program`")
    require_type(stimulus, Stimulus, "stimulus", "read one with `load_stimulus`, or encode it")
    require_type(trace, Trace, "trace", "read one with `load_trace`, or run the program")
    network, target = program.network, board_of(program)
    ways = _ways(program)
    used = int(program.cores.max()) + 1
    all_spikes = np.concatenate([trace.spikes != 0, stimulus.spikes != 0], axis=1)
    counts, least, most = np.zeros(len(ways.indptr) - 1, np.int64), 0.0, 0.0
    tiles = len(np.unique(layout.tiles(np.unique(program.cores).astype(np.int64), target), axis=0))
    neurons = np.bincount(program.cores, minlength=used)
    longest = float(ways.hops.sum(axis=1).max(initial=0))
    block = max(1, _AT_ONCE // used)
    for first in range(0, len(all_spikes), block):
        rows = all_spikes[first : first + block]
        steps, fired = np.nonzero(rows)
        counts += np.bincount(fired, minlength=len(counts))
        by_core = np.zeros((len(rows), 4, used), np.int64)
        kernels.spread(steps, fired, ways.indptr, ways.to, ways.synapses, program.cores, by_core)
        some = _step_times(by_core, neurons, tiles, longest)
        least, most = least + some.least, most + some.most

    times_sent = np.repeat(counts, np.diff(ways.indptr))  # how often each way was taken
    from_neurons = ways.home >= 0
    away = from_neurons & (ways.home != ways.to)
    abroad = away & (ways.home // target.cores_per_chip != ways.to // target.cores_per_chip)
    events = EventCounts(
        steps=len(all_spikes),
        input_spikes=int(counts[network.neurons :].sum()),
        spikes=int(counts[: network.neurons].sum()),
        neuron_updates=network.neurons * len(all_spikes),
        synaptic_operations=int(times_sent @ ways.synapses.astype(np.int64)),
        messages=int(times_sent[from_neurons].sum()),
        input_messages=int(times_sent[~from_neurons].sum()),
        between_cores=int(times_sent[away].sum()),
        between_chips=int(times_sent[abroad].sum()),
        hops_x=int(times_sent @ ways.hops[:, 0]),
        hops_y=int(times_sent @ ways.hops[:, 1]),
    )
    by_event = _energy(events)
    energy = Range(sum(r.least for r in by_event.values()), sum(r.most for r in by_event.values()))
    step_time = Range(least / max(events.steps, 1), most / max(events.steps, 1))
    chips = len(np.unique(program.cores // target.cores_per_chip))
    traffic = Traffic(layout.tiles(np.arange(used), target), neurons, _between(ways, times_sent))
    return Resources(
        len(np.unique(program.cores)), chips, tiles, events, Estimate(by_event, energy, step_time), traffic
    )


def _between(ways: _Ways, times_sent: NDArray[np.int64]) -> NDArray[np.int64]:
    """`[pair, 3]`: messages from each core, or the host, to each that got any."""
    pairs, which = np.unique(np.stack([ways.home, ways.to]), axis=1, return_inverse=True)
    messages = np.zeros(pairs.shape[1], np.int64)
    np.add.at(messages, which.reshape(-1), times_sent)
    between: NDArray[np.int64] = np.concatenate([pairs, messages[None]]).T[messages > 0]
    return between


def _ways(program: Program) -> _Ways:
    axons, target = axons_of(program.network), board_of(program)
    sources, out = len(axons.out_begin), (axons.out_begin, axons.out_end, axons.targets)
    counts = np.zeros(sources, np.int64)
    kernels.count_reached(*out, program.cores, counts)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    to, synapses = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.int32)
    kernels.list_reached(*out, program.cores, indptr, to, synapses)
    homes = np.full(sources, -1, np.int64)
    homes[: program.network.neurons] = program.cores
    places = np.concatenate([layout.tiles(program.cores.astype(np.int64), target), _entrances(program)])
    here = np.repeat(places, counts, axis=0)
    hops = np.abs(here - layout.tiles(to.astype(np.int64), target))
    return _Ways(indptr, to, synapses, hops, np.repeat(homes, counts))


def _entrances(program: Program) -> NDArray[np.int64]:
    return np.tile(np.array(layout.ENTRANCE, np.int64), (program.network.channels, 1))


def _energy(events: EventCounts) -> dict[str, Range]:
    counted = {
        "synaptic operation": events.synaptic_operations,
        "neuron update": events.neuron_updates,
        "spike": events.spikes,
        "message": events.messages,  # input messages are sent by the host
        "hop along x": events.hops_x,
        "hop along y": events.hops_y,
    }
    return {
        name: Range(count * figures.ENERGY[name].least * 1e-12, count * figures.ENERGY[name].most * 1e-12)
        for name, count in counted.items()
    }


def _step_times(counts: NDArray[np.int64], neurons: NDArray[np.int64], tiles: int, longest: float) -> Range:
    """The summed time of steps in s, from counts `[step, kind, core]`."""
    spikes, out, incoming, operations = (counts[:, kind] for kind in range(4))
    time = figures.TIME
    at_neurons, at_synapses = [], []
    for end in ("least", "most"):
        cost = {name: getattr(figure, end) for name, figure in time.items()}
        at_neurons.append(neurons * cost["neuron update"] + spikes * cost["spike"] + out * cost["message out"])
        at_synapses.append(incoming * cost["message in"] + operations * cost["synaptic operation"])
    least = np.maximum(at_neurons[0], at_synapses[0]).max(axis=1)
    most = at_neurons[1].max(axis=1) + at_synapses[1].max(axis=1) + longest * time["hop"].most
    barrier = max((ns for size, ns in figures.SYNC.items() if size <= tiles), default=0.0)
    last = max(figures.SYNC.values())
    return Range(float((least + barrier).sum()) * 1e-9, float((most + last).sum()) * 1e-9)
