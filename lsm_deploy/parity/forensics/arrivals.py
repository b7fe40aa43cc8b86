"""What reaches a neuron: its synapses, the spikes that arrive over them, and their sum.

    a[t] = sum over synapses (j, w, d) onto the neuron of (w << weight_exp) * s[j, t - 1 - d]

looked up in recorded spikes instead of kept in flight. A `fresh` sample starts with nothing in flight. A neuron of two
ports has two sums, and `a` is `[port, t]`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import INPUT, Program, Stimulus
from lsm_deploy.core.messages import Messages

__all__ = ["Arrival", "Synapses", "arrivals_at", "began", "seen", "sums", "sums_of_all", "synapses_onto"]


@dataclass(frozen=True)
class Arrival:
    """A spike that reaches a neuron in a step, the synapse that it takes, and what it adds to the sum."""

    source: str
    """A population, or `input`."""
    index: int
    """Within its source."""
    sent: int
    """The step of the spike."""
    spike: int
    projection: str
    weight: int
    weight_exp: int
    delay: int
    adds: int
    """(weight << weight_exp) * spike."""
    port: int = 0
    """Which sum it adds to, of a neuron that has two."""


@dataclass(frozen=True, eq=False)
class Synapses:
    """All synapses onto one neuron, `[synapse]` each."""

    projection: Ints
    """The number of the projection that a synapse belongs to."""
    number: Ints
    """Within its projection."""
    source: Ints
    """Within its source: a channel, or a neuron of a population."""
    column: Ints
    """The source's column in stimulus and spikes side by side: channels first, then neurons."""
    weight: Ints
    weight_exp: Ints
    delay: Ints
    port: Ints


def synapses_onto(program: Program, neuron: int) -> Synapses:
    """The synapses onto a neuron, in the order of the projections."""
    network = program.network
    offsets = network.offsets
    columns: list[NDArray[np.int64]] = [np.zeros((8, 0), np.int64)]
    for i, p in enumerate(network.projections):
        index = neuron - offsets[p.target]
        if not 0 <= index < network.sizes[p.target]:
            continue
        number = np.flatnonzero(p.post == index)
        source = np.searchsorted(p.indptr, number, "right") - 1
        first = 0 if p.source == INPUT else network.channels + offsets[p.source]
        same = np.ones(len(number), np.int64)
        parts = (i * same, number, source, first + source, p.weights[number], p.weight_exp * same, p.delays[number])
        columns.append(np.stack([*parts, p.port * same]))
    return Synapses(*np.concatenate(columns, axis=1).astype(np.int64))


def began(program: Program, stimulus: Stimulus) -> Ints:
    """The first step of the run that each step belongs to, `[t]`: nothing that was sent before it arrives."""
    steps = np.arange(len(stimulus.spikes))
    if program.network.sample_interval:
        return np.zeros_like(steps)
    first: Ints = stimulus.starts[np.searchsorted(stimulus.starts, steps, "right") - 1]
    return first


def seen(values: Messages, delay: int, first: Ints) -> Messages:
    """Spikes `[t, ...]` as a synapse of that delay delivers them; `first` is `began`."""
    late = np.zeros_like(values)
    late[1 + delay :] = values[: max(0, len(values) - 1 - delay)]
    late[np.arange(len(values)) - 1 - delay < first] = 0
    return late


def arrivals_at(program: Program, stimulus: Stimulus, spikes: Messages, neuron: int, t: int) -> tuple[Arrival, ...]:
    """The spikes that reach a neuron in step t, the largest contribution first."""
    s = synapses_onto(program, neuron)
    sent = t - 1 - s.delay
    possible = sent >= began(program, stimulus)[t]
    sources = np.concatenate([stimulus.spikes, spikes], axis=1)
    value = np.where(possible, sources[np.where(possible, sent, 0), s.column], 0).astype(np.int64)
    adds = (s.weight << s.weight_exp) * value
    nonzero = np.flatnonzero(value)
    order = nonzero[np.lexsort((nonzero, -np.abs(adds[nonzero])))]
    projections = program.network.projections
    return tuple(
        Arrival(
            source=projections[s.projection[k]].source,
            index=int(s.source[k]),
            sent=int(sent[k]),
            spike=int(value[k]),
            projection=projections[s.projection[k]].name,
            weight=int(s.weight[k]),
            weight_exp=int(s.weight_exp[k]),
            delay=int(s.delay[k]),
            adds=int(adds[k]),
            port=int(s.port[k]),
        )
        for k in order
    )


def sums(program: Program, stimulus: Stimulus, spikes: Messages, neuron: int) -> Ints:
    """The synaptic sum of a neuron in every step, `[t]`, or both `[port, t]`."""
    network = program.network
    s = synapses_onto(program, neuron)
    first = began(program, stimulus)
    sources = np.concatenate([stimulus.spikes, spikes], axis=1)
    two = (network.locate(neuron)[0], 1) in network.ports
    total = np.zeros((1 + two, len(spikes)), np.int64)
    for port, delay in np.unique(np.stack([s.port, s.delay]), axis=1).T.tolist():
        here = (s.port == port) & (s.delay == delay)
        columns = sources[:, s.column[here]]
        total[port] += seen(columns, delay, first).astype(np.int64) @ (s.weight[here] << s.weight_exp[here])
    return total if two else total[0]


def sums_of_all(program: Program, stimulus: Stimulus, spikes: Messages, rows: slice) -> Ints:
    """All synaptic sums in the given steps, `[t, column]`: see `ports` of a network."""
    network = program.network
    start, stop, _ = rows.indices(len(spikes))
    first = began(program, stimulus)[rows]
    total = np.zeros((stop - start, network.sums), np.int64)
    for p in network.projections:
        sent = stimulus.spikes if p.source == INPUT else spikes[:, network.columns(p.source)]
        pre = p.pre
        weights = p.weights.astype(np.int64) << p.weight_exp
        here = network.ports[p.target, p.port]
        for delay in np.unique(p.delays).tolist():
            chosen = p.delays == delay
            matrix = csr_array(
                (weights[chosen], (p.post[chosen], pre[chosen])), shape=(network.sizes[p.target], sent.shape[1])
            )
            when = np.arange(start, stop) - 1 - delay
            arriving = np.where((when >= first)[:, None], sent[np.maximum(when, 0)], 0).astype(np.int64)
            total[:, here] += (matrix @ arriving.T).T
    return total
