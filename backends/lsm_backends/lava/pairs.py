"""A network with repeated synapse pairs as one without: sources are copied, and each copy takes one of the repeats.

A matrix of Lava holds one synapse a pair. Further ones could go to further processes, but each of those is a process of
the operating system too, and Lava's compiler recurses once for each: a thousand parallel synapses are beyond both.
Weights of repeats cannot be added instead, because the sum may be off the grid, beyond 255, or of several delays.

So a channel becomes as many channels of the same spikes as it has repeats, and a neuron as many neurons with the same
registers and the same incoming synapses: in exact arithmetic they do the same in each step, and nothing here is
anything but stock processes. The price is that the synapses onto a copied neuron are copied with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.ir import INPUT, QNetwork, QPopulation, QProjection

__all__ = ["Apart", "apart", "repeats"]

_Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Apart:
    """The network without repeats; `channels`: which of the old ones each of its channels repeats; `neurons`: where
    each of the old ones is among its neurons, `[old neuron]`."""

    network: QNetwork
    channels: _Ints
    neurons: _Ints


def apart(network: QNetwork) -> Apart:
    """Copies of what has repeated pairs; a network that has none is returned as it is.

    Repeated is a pair that two synapses of one connection process would join: of one kind of source and of target,
    port, sign mode, width and exponent, both delayed or both not. Synapses of weight 0 are no synapses.
    """
    first = {INPUT: network.neurons, **network.offsets}  # channels are numbered behind the neurons
    kinds = {p.name: p.kind for p in network.populations}
    types: dict[tuple[object, ...], int] = {}
    columns = []
    for number, p in enumerate(network.projections):
        pre = p.pre + first[p.source]
        key = (p.sign_mode, p.num_weight_bits, p.weight_exp, kinds.get(p.source), kinds[p.target], p.port)
        process = 2 * types.setdefault(key, len(types)) + (p.delays > 0)
        of = np.full(len(pre), number)
        synapses = np.stack([of, process, pre, p.post + first[p.target], p.weights, p.delays])
        columns.append(synapses[:, p.weights != 0])
    joined = np.concatenate([np.zeros((6, 0), np.int64), *columns], axis=1)
    _, process, pre, post, _, _ = joined
    repeat = repeats(process, pre, post)
    if not repeat.any():
        return Apart(network, np.arange(network.channels), np.arange(network.neurons))

    copies = np.ones(network.neurons + network.channels, np.int64)
    np.maximum.at(copies, pre, repeat + 1)
    return _copied(network, first, copies, joined, repeat)


def repeats(*columns: _Ints) -> _Ints:
    """How many synapses of the same values stand before each one: 0, but for repeated pairs."""
    order = np.lexsort(columns)
    same = np.stack(columns)[:, order]
    changes = np.ones(len(order), np.bool_)
    changes[1:] = (same[:, 1:] != same[:, :-1]).any(axis=0)
    starts = np.flatnonzero(changes)
    repeat = np.zeros(len(order), np.int64)
    repeat[order] = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    return repeat


def _copied(network: QNetwork, first: dict[str, int], copies: _Ints, joined: _Ints, repeat: _Ints) -> Apart:
    """The network in which number j of a population, or channel j, is there `copies` times."""
    of, _, pre, post, _, _ = joined
    # Copies of one neuron follow each other. `place`: where the first of them is within its population.
    place = np.concatenate(
        [
            np.cumsum(within) - within
            for within in (
                *(copies[network.columns(name)] for name in network.sizes),
                copies[first[INPUT] :],
            )
        ]
    )
    populations = tuple(_population(p, copies[network.columns(p.name)]) for p in network.populations)
    sizes = {p.name: p.size for p in populations} | {INPUT: int(copies[first[INPUT] :].sum())}
    projections = []
    for number, p in enumerate(network.projections):
        mine = of == number
        times = copies[post[mine]]  # every copy of a target hears the same
        chosen = np.repeat(np.flatnonzero(mine), times)
        nth = np.arange(len(chosen)) - np.repeat(np.cumsum(times) - times, times)
        synapses = np.stack([place[pre[chosen]] + repeat[chosen], place[post[chosen]] + nth, *joined[4:, chosen]])
        projections.append(_projection(p, synapses, sizes[p.source]))
    made = replace(network, channels=sizes[INPUT], populations=populations, projections=tuple(projections))
    neurons = np.concatenate([made.offsets[name] + place[network.columns(name)] for name in network.sizes])
    return Apart(made, np.repeat(np.arange(network.channels), copies[first[INPUT] :]), neurons)


def _population(p: QPopulation, copies: _Ints) -> QPopulation:
    registers = {name: np.repeat(values, copies) for name, values in p.registers.items()}
    return replace(p, size=int(copies.sum()), registers=registers)


def _projection(p: QProjection, synapses: _Ints, sources: int) -> QProjection:
    pre, post, weights, delays = synapses[:, np.lexsort((synapses[3], synapses[1], synapses[0]))]
    indptr = np.searchsorted(pre, np.arange(sources + 1))
    return replace(p, indptr=indptr, post=post, weights=weights, delays=delays)
