"""A case taken apart: neurons, synapses and input spikes as lists that pieces can be left out of, and put together.

Neurons keep the numbers that they had at first, through everything that is left out, and get new ones, in the same
order, where a program is put together. Several cases are put together as one program without a synapse between them,
population by population, so that a backend that is slow to start can answer for all of them in one run.

A neuron can be replaced by its spikes: a channel that replays them reaches the same synapses a step as the neuron did,
so whatever does not depend on how these spikes came about is left as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus
from lsm_deploy.core.messages import LARGEST_BITS, Message, Messages

__all__ = ["Parts", "assemble", "drop_rows", "keep_neurons", "keep_synapses", "replay", "take_apart", "tidy", "undelay"]


@dataclass(frozen=True, eq=False)
class Parts:
    """A case. `base` is what its populations and projections were; synapse arrays are `[synapse]`.

    projection: its number in `base`; from_input: whether `source` is a channel (a column of `spikes`) or a neuron.
    """

    base: Program
    neurons: Ints
    projection: Ints
    from_input: NDArray[np.bool_]
    source: Ints
    target: Ints
    weight: Ints
    delay: Ints
    spikes: Messages
    starts: Ints


def take_apart(program: Program, stimulus: Stimulus) -> Parts:
    """The parts of a whole case."""
    network = program.network
    offsets = network.offsets
    columns: list[NDArray[np.int64]] = [np.zeros((6, 0), np.int64)]
    for i, p in enumerate(network.projections):
        from_input = p.source == INPUT
        pre = p.pre + (0 if from_input else offsets[p.source])
        post = p.post.astype(np.int64) + offsets[p.target]
        same = np.ones(len(post), np.int64)
        columns.append(np.stack([i * same, from_input * same, pre, post, p.weights, p.delays]))
    projection, from_input, source, target, weight, delay = np.concatenate(columns, axis=1).astype(np.int64)
    return Parts(
        base=program,
        neurons=np.arange(network.neurons),
        projection=projection,
        from_input=from_input == 1,
        source=source,
        target=target,
        weight=weight,
        delay=delay,
        spikes=stimulus.spikes,
        # Under the `interval` policy starts only say where samples are; one is as good.
        starts=np.zeros(1, np.int64) if network.sample_interval else stimulus.starts,
    )


# --- leaving out ------------------------------------------------------------------------------------------------------


def keep_synapses(parts: Parts, mask: NDArray[np.bool_]) -> Parts:
    fields = ("projection", "from_input", "source", "target", "weight", "delay")
    return replace(parts, **{name: getattr(parts, name)[mask] for name in fields})


def keep_neurons(parts: Parts, neurons: Ints) -> Parts:
    """The case without the other neurons, their synapses, and what reaches them."""
    inside = np.isin(parts.target, neurons) & (parts.from_input | np.isin(parts.source, neurons))
    return replace(keep_synapses(parts, inside), neurons=np.sort(neurons))


def drop_rows(parts: Parts, mask: NDArray[np.bool_]) -> Parts:
    """The case without some steps of its stimulus; what comes later moves up."""
    starts = np.cumsum(mask)[parts.starts] - mask[parts.starts]
    starts = np.unique(starts[starts < max(1, int(mask.sum()))])
    return replace(parts, spikes=parts.spikes[mask], starts=starts)


def replay(parts: Parts, neurons: Ints, spikes: Messages) -> Parts | None:
    """The case with only these neurons, each other source being a channel that replays its `spikes` [t, neuron].

    None where a source of a network without graded neurons has spikes of both signs: its input holds one.
    """
    wanted = np.isin(parts.target, neurons)
    cut = wanted & ~parts.from_input & ~np.isin(parts.source, neurons)
    sources = np.unique(parts.source[cut])
    if not parts.base.network.message.graded and (spikes[:, sources] < 0).any():
        return None
    channel = parts.spikes.shape[1] + np.searchsorted(sources, parts.source)
    made = replace(
        parts,
        neurons=np.sort(neurons),
        from_input=parts.from_input | cut,
        source=np.where(cut, channel, parts.source),
        spikes=np.concatenate([parts.spikes, spikes[: len(parts.spikes), sources]], axis=1),
    )
    return keep_synapses(made, wanted)


def undelay(parts: Parts) -> Parts:
    """The case with the delays of its input synapses taken out, and the spikes sent so much later instead."""
    delayed = parts.from_input & (parts.delay > 0)
    pairs, number = np.unique(np.stack([parts.source, parts.delay])[:, delayed], axis=1, return_inverse=True)
    late = np.zeros((len(parts.spikes), pairs.shape[1]), parts.spikes.dtype)
    steps = np.arange(len(parts.spikes))
    began = parts.starts[np.searchsorted(parts.starts, steps, "right") - 1]
    for i, (channel, delay) in enumerate(pairs.T.tolist()):
        sent = steps - delay
        inside = sent >= began  # nothing is in flight where a sample begins
        late[inside, i] = parts.spikes[sent[inside], channel]
    source, delays = parts.source.copy(), parts.delay.copy()
    source[delayed], delays[delayed] = parts.spikes.shape[1] + number.reshape(-1), 0
    return replace(parts, source=source, delay=delays, spikes=np.concatenate([parts.spikes, late], axis=1))


def tidy(parts: Parts) -> Parts:
    """The case without channels that are silent or reach nothing, and without synapses from a silent channel."""
    speaks = parts.spikes.any(axis=0)
    parts = keep_synapses(parts, ~parts.from_input | speaks[np.where(parts.from_input, parts.source, 0)]) if (
        len(speaks)
    ) else parts  # fmt: skip
    used = np.unique(parts.source[parts.from_input])
    source = np.where(parts.from_input, np.searchsorted(used, parts.source), parts.source)
    return replace(parts, source=source, spikes=np.ascontiguousarray(parts.spikes[:, used]))


# --- putting together -------------------------------------------------------------------------------------------------


def assemble(cases: Sequence[Parts]) -> tuple[Program, Stimulus, list[Ints]]:
    """Cases of one base as one program, side by side, and the columns of each one's neurons, in their order.

    More than one case has to start at step 0 only; each is as long as the longest then, with silence after its end.
    """
    base = cases[0].base
    network = base.network
    offsets, total = network.offsets, network.neurons
    steps = max(len(case.spikes) for case in cases)
    channels = np.cumsum([0, *(case.spikes.shape[1] for case in cases)])
    spikes = np.zeros((steps, int(channels[-1])), np.result_type(*(case.spikes for case in cases)))
    for case, first in zip(cases, channels.tolist(), strict=False):
        spikes[: len(case.spikes), first : first + case.spikes.shape[1]] = case.spikes

    # A neuron of copy c is numbered c * total + its first number; populations hold those of all copies.
    alive = np.concatenate([case.neurons + c * total for c, case in enumerate(cases)])
    of = np.searchsorted([*offsets.values()], alive % total, "right") - 1
    order = np.argsort(of, kind="stable")
    populations, first = [], {}
    place = np.zeros(total * len(cases), np.int64)
    place[alive[order]] = np.arange(len(alive))
    for i, population in enumerate(network.populations):
        members = alive[order][of[order] == i]
        if len(members):
            first[population.name] = int(place[members[0]])
            populations.append(_members(population, members % total - offsets[population.name]))

    shift = [(c * total, channels[c]) for c in range(len(cases))]

    def joined(name: str) -> Ints:
        return np.concatenate([getattr(case, name) for case in cases])

    target = np.concatenate([case.target + by for case, (by, _) in zip(cases, shift, strict=True)])
    source = np.concatenate(
        [case.source + np.where(case.from_input, by, of) for case, (of, by) in zip(cases, shift, strict=True)]
    )
    projection, from_input, weight, delay = (joined(n) for n in ("projection", "from_input", "weight", "delay"))
    sizes = {p.name: p.size for p in populations}
    projections = []
    for i, p in enumerate(network.projections):
        for given in (False, True):
            here = np.flatnonzero((projection == i) & (from_input == given))
            if not len(here):
                continue
            replayed = given and p.source != INPUT
            pre = source[here] if given else place[source[here]] - first[p.source]
            post = place[target[here]] - first[p.target]
            count = spikes.shape[1] if given else sizes[p.source]
            quantised = _projection(p, pre, post, weight[here], delay[here], count)
            if replayed:
                quantised = replace(quantised, name=f"{p.name} (replayed)", source=INPUT)
            projections.append(quantised)
    made = QNetwork(
        dt_ms=network.dt_ms,
        channels=spikes.shape[1],
        sample_interval=network.sample_interval,
        populations=tuple(populations),
        projections=tuple(projections),
        input=_holding(network.input, spikes),
    )
    program = Program(made, base.cores[alive[order] % total], base.target)
    starts = cases[0].starts if len(cases) == 1 else np.zeros(1, np.int64)
    return program, Stimulus(spikes, starts), [place[case.neurons + c * total] for c, case in enumerate(cases)]


def _holding(message: Message, spikes: Messages) -> Message:
    """That of the input, or, where it would not hold what is replayed of graded neurons, theirs."""
    holds = not spikes.size or message.least <= spikes.min() <= spikes.max() <= message.largest
    return message if holds else Message(LARGEST_BITS, signed=True, fraction=message.fraction)


def _members(p: QPopulation, index: Ints) -> QPopulation:
    return replace(p, size=len(index), registers={name: values[index] for name, values in p.registers.items()})


def _projection(p: QProjection, pre: Ints, post: Ints, weight: Ints, delay: Ints, sources: int) -> QProjection:
    order = np.lexsort((delay, post, pre))
    return replace(
        p,
        indptr=np.concatenate([[0], np.cumsum(np.bincount(pre, minlength=sources))]).astype(np.int64),
        post=post[order].astype(np.int32),
        weights=weight[order].astype(np.int16),
        delays=delay[order].astype(np.uint8),
    )
