"""Samples for backends that know only one long run: fresh samples become copies of the network, side by side.

The `fresh` policy starts every sample from zero with nothing in flight. A simulator that takes seconds to start, or
cannot be reset, runs them all at once instead: k copies of the network without a synapse between them, copy c fed with
sample c, all as long as the longest. What a copy does after its own sample has ended is cut off.
The `interval` policy is one long run already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus, Trace
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.progress import Progress

__all__ = ["LongRun", "contaminated", "run_side_by_side"]


@dataclass(frozen=True, eq=False)
class LongRun:
    """One run from zero: the (perhaps copied) network, its input `[t, channel]`, the steps that matter `[neuron]`."""

    network: QNetwork
    spikes: Messages
    lengths: NDArray[np.int64]


RunOnce = Callable[[LongRun], "tuple[Messages, dict[str, NDArray[np.int32]], dict[str, int]]"]
"""Spikes `[t, neuron]`, the recorded registers, and counts of events within `lengths` (or none)."""


def run_side_by_side(
    program: Program,
    stimulus: Stimulus,
    record: Sequence[str],
    run_once: RunOnce,
    max_neurons: int,
    progress: Progress | None = None,
) -> Trace:
    """Run all samples with as few long runs as `max_neurons` at a time allows."""
    network, steps = program.network, len(stimulus.spikes)
    if network.sample_interval:
        spikes, registers, counts = run_once(
            LongRun(network, stimulus.spikes, np.full(network.neurons, steps, np.int64))
        )
        return Trace(spikes, registers, stimulus.starts, counts)

    stops = [*stimulus.starts[1:].tolist(), steps]
    windows = [slice(start, stop) for start, stop in zip(stimulus.starts.tolist(), stops, strict=True)]
    all_spikes = np.zeros((steps, network.neurons), network.message_type)
    all_registers = {name: np.zeros((steps, network.neurons), np.int32) for name in record}
    all_counts: Counter[str] = Counter()
    together = max(1, max_neurons // network.neurons)
    for first in range(0, len(windows), together):
        batch = windows[first : first + together]
        spikes, registers, counts = run_once(_side_by_side(network, stimulus.spikes, batch))
        for copy, window in enumerate(batch):
            rows, columns = slice(0, window.stop - window.start), _columns(network, len(batch), copy)
            all_spikes[window] = spikes[rows, columns]
            for name, values in registers.items():
                all_registers[name][window] = values[rows, columns]
        all_counts.update(counts)
        if progress:
            progress(batch[-1].stop, steps)
    return Trace(all_spikes, all_registers, stimulus.starts, dict(all_counts))


def _side_by_side(network: QNetwork, stimulus: Messages, windows: Sequence[slice]) -> LongRun:
    copies = len(windows)
    lengths = np.array([window.stop - window.start for window in windows])
    spikes = np.zeros((int(lengths.max()), copies * network.channels), stimulus.dtype)
    for copy, window in enumerate(windows):
        spikes[: lengths[copy], copy * network.channels : (copy + 1) * network.channels] = stimulus[window]
    copied = replace(
        network,
        channels=copies * network.channels,
        populations=tuple(_copy_population(population, copies) for population in network.populations),
        projections=tuple(_copy_projection(p, copies, network.sizes[p.target]) for p in network.projections),
    )
    per_neuron = np.concatenate([np.repeat(lengths, size) for size in network.sizes.values()])
    return LongRun(copied, spikes, per_neuron)


def _copy_population(population: QPopulation, copies: int) -> QPopulation:
    registers = {name: np.tile(values, copies) for name, values in population.registers.items()}
    return replace(population, size=copies * population.size, registers=registers)


def _copy_projection(p: QProjection, copies: int, targets: int) -> QProjection:
    synapses = len(p.post)
    shift = np.repeat(np.arange(copies, dtype=np.int64) * targets, synapses)
    return replace(
        p,
        indptr=np.concatenate([[0], *(p.indptr[1:] + copy * synapses for copy in range(copies))]),
        post=(np.tile(p.post, copies) + shift).astype(np.int32),
        weights=np.tile(p.weights, copies),
        delays=np.tile(p.delays, copies),
    )


def _columns(network: QNetwork, copies: int, copy: int) -> NDArray[np.int64]:
    # The copies of a population follow each other, so that the copied network is again populations in order.
    return np.concatenate(
        [
            network.offsets[name] * copies + copy * size + np.arange(size, dtype=np.int64)
            for name, size in network.sizes.items()
        ]
    )


# --- the interval policy clears registers, not what is in flight ----------------------------------------------------


def contaminated(program: Program, stimulus: Stimulus, spikes: Messages) -> int:
    """How many samples receive something from a sample before them: 0 under the `fresh` policy.

    Counted is a sample in one of whose steps the sum over synapses that older spikes still deliver is not zero for
    some neuron. `spikes` `[t, neuron]` are those that the program gave on the stimulus.
    """
    network, steps = program.network, len(stimulus.spikes)
    if not network.sample_interval:
        return 0
    inputs = [
        (
            p,
            stimulus.spikes if p.source == INPUT else spikes[:, network.columns(p.source)],
            int(p.delays.max(initial=0)),
        )
        for p in network.projections
    ]
    stops = [*stimulus.starts[1:].tolist(), steps]
    boundaries = list(zip(stimulus.starts.tolist(), stops, strict=True))[1:]
    return sum(
        _receives(network, [_in_flight(*given, start, stop, network) for given in inputs], start)
        for start, stop in boundaries
    )


def _in_flight(
    p: QProjection, fired: Messages, reach: int, start: int, stop: int, network: QNetwork
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Step, sum and weight of what spikes before `start` deliver in `start` .. `stop`."""
    first = max(0, start - 1 - reach)
    t, source = np.nonzero(fired[first:start])
    count = p.indptr[source + 1] - p.indptr[source]
    synapse = np.repeat(p.indptr[source + 1] - np.cumsum(count), count) + np.arange(count.sum())
    arrival = np.repeat(first + t, count) + 1 + p.delays[synapse].astype(np.int64)
    late = (arrival >= start) & (arrival < stop)
    sign = np.repeat(fired[first:start][t, source], count).astype(np.int64)
    weight = (p.weights[synapse].astype(np.int64) << p.weight_exp) * sign
    onto = network.ports[p.target, p.port].start + p.post[synapse[late]].astype(np.int64)
    return arrival[late], onto, weight[late]


def _receives(network: QNetwork, parts: Sequence[tuple[NDArray[np.int64], ...]], start: int) -> bool:
    if not parts:
        return False
    arrival, onto, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    _, place = np.unique((arrival - start) * network.sums + onto, return_inverse=True)
    sums = np.zeros(int(place.max(initial=-1)) + 1, np.int64)
    np.add.at(sums, place, weight)
    return bool(sums.any())
