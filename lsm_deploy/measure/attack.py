"""Try to break a certificate: search for the input that drives a neuron furthest.

Gradient-free, because the network is made of thresholds: a population of stimuli is run at once, and those that come
closest to a bound are changed at random (bits flipped, stretches filled or emptied, channels silenced or joined,
rhythms shifted) and tried again. It begins with what the weights suggest: for a neuron, all channels that excite it in
every step, or all that inhibit it, at several rhythms, since what is refractory is driven hardest in step with itself.
What it reaches is a lower bound on the truth, as the certificate is an upper one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.certificate import Certificate
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, Stimulus, Trace
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons import KINDS, membrane
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Brief
from lsm_deploy.core.streams import stream
from lsm_deploy.run import backends

__all__ = ["Attack", "attack"]

STEPS = 120
SAMPLES = 32
"""Stimuli that are tried at once."""
_BEST = 8
"""The best ones, which are changed further."""

Input = Messages


@dataclass(frozen=True, eq=False, repr=False)
class Attack(Brief):
    """What a search came to. reached `[neuron]`: the largest registers, as the certificate bounds them; share: of their
    bounds. shortest_interval `[neuron]`: steps between two spikes, 0 where none spiked twice. closest: the input that
    came closest to the bound of `neuron`. counts: of all runs."""

    tried: int
    reached: NDArray[np.int64]
    share: Floats
    shortest_interval: NDArray[np.int64]
    neuron: int
    closest: Stimulus
    counts: Mapping[str, int]


def attack(
    program: Program,
    certificate: Certificate,
    rounds: int = 20,
    neuron: int | None = None,
    seed: int = 0,
    steps: int = STEPS,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
) -> Attack:
    """Search for `rounds` rounds; for `neuron`, or for whichever is closest to its bound."""
    network, rng = program.network, stream(seed, "attack")
    largest = network.input.dtype(network.input.largest)  # whatever a channel says, it says as loudly as it can
    interval = network.sample_interval
    steps = -(-steps // interval) * interval if interval else steps
    pool = _first(network, neuron, rng, steps)
    best: list[tuple[float, Input]] = []
    reached = np.zeros(network.neurons, np.int64)
    shortest = np.zeros(network.neurons, np.int64)
    totals: dict[str, int] = {}
    for done in range(rounds):
        spikes = np.concatenate(pool)
        stimulus = Stimulus(spikes * largest, np.arange(len(pool), dtype=np.int64) * steps)
        trace = backends.run_program(backend, program, stimulus, _registers(network))
        peaks = _peaks(network, trace, steps)
        reached = np.maximum(reached, peaks.max(axis=0))
        shortest = _shorter(shortest, trace.spikes.reshape(len(pool), steps, -1))
        totals = {name: totals.get(name, 0) + count for name, count in trace.counts.items()}
        share = peaks / np.maximum(certificate.largest_u, 1.0)
        scores = share[:, neuron] if neuron is not None else share.max(axis=1)
        best = sorted([*best, *zip(scores.tolist(), pool, strict=True)], key=lambda scored: -scored[0])[:_BEST]
        pool = [_changed(best[i % len(best)][1], [b for _, b in best], rng) for i in range(SAMPLES)]
        if progress:
            progress(done + 1, rounds)
    share = reached / np.maximum(certificate.largest_u, 1.0)
    return Attack(
        tried=rounds * SAMPLES,
        reached=reached,
        share=share,
        shortest_interval=shortest,
        neuron=int(share.argmax()) if neuron is None else neuron,
        closest=Stimulus(best[0][1] * largest, np.zeros(1, np.int64)),
        counts=totals,
    )


def _registers(network: QNetwork) -> tuple[str, ...]:
    """Those of 24 bits that a certificate bounds."""
    kinds = [KINDS[p.kind] for p in network.populations]
    return tuple(dict.fromkeys(name for kind in kinds for name in (kind.CURRENT, *kind.BOUNDED)))


def _peaks(network: QNetwork, trace: Trace, steps: int) -> NDArray[np.int64]:
    """The largest of |current| + |bias|, and of further registers, in each sample `[sample, neuron]`.

    Of the largest and the least value, so that nothing of the size of the trace is made anew.
    """
    samples = len(trace.spikes) // steps
    peaks = np.zeros((samples, network.neurons), np.int64)
    for name, values in trace.registers.items():
        added = np.concatenate([_beside(p) * (name == KINDS[p.kind].CURRENT) for p in network.populations])
        for sample in range(samples):
            rows = values[sample * steps : (sample + 1) * steps]
            size = np.maximum(rows.max(axis=0).astype(np.int64), -rows.min(axis=0).astype(np.int64))
            peaks[sample] = np.maximum(peaks[sample], size + added)
    return peaks


def _beside(population: QPopulation) -> NDArray[np.int64]:
    """What the bound on a current holds beside it; a graded one has its bias in it."""
    if KINDS[population.kind].MESSAGE.graded:
        return np.zeros(population.size, np.int64)
    return membrane.largest_bias(population.registers)


def _shorter(shortest: NDArray[np.int64], spikes: Messages) -> NDArray[np.int64]:
    """The shorter of known intervals and those in spikes `[sample, t, neuron]`; 0 is none."""
    least = shortest.copy()
    since = np.zeros((spikes.shape[0], spikes.shape[2]), np.int64)  # steps since the last spike; 0: none yet
    for t in range(spikes.shape[1]):
        fired = spikes[:, t] != 0
        since += since > 0
        gaps = np.where(fired & (since > 1), since - 1, np.iinfo(np.int64).max).min(axis=0)
        least = np.where(gaps < np.where(least > 0, least, np.iinfo(np.int64).max), gaps, least)
        since[fired] = 1
    return least


# --- stimuli --------------------------------------------------------------------------------------------------------


def _first(network: QNetwork, neuron: int | None, rng: np.random.Generator, steps: int) -> list[Input]:
    """Everything at once, what excites or inhibits, at several rhythms and densities."""
    excites, inhibits = _signs(network, neuron)
    everything = np.ones(network.channels, bool)
    pool = []
    for i in range(SAMPLES):
        channels = (everything, excites, inhibits)[i % 3]
        period = (1, 1, 2, 3, 4, 6, 10, 16)[i // 3 % 8]
        due = (np.arange(steps) % period == 0) if i % 2 else (np.arange(steps) % period < max(1, period // 2))
        stimulus = (due[:, None] & channels).astype(np.int8)
        if i >= SAMPLES // 2:
            stimulus &= (rng.random(stimulus.shape) < rng.uniform(0.3, 1.0)).astype(np.int8)
        pool.append(stimulus)
    return pool


def _signs(network: QNetwork, neuron: int | None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The channels with a positive, and with a negative, synapse onto the neuron, or onto any."""
    signs = np.zeros((2, network.channels), bool)
    for p in network.projections:
        if p.source == INPUT:
            pre = p.pre
            wanted = np.ones(len(pre), bool) if neuron is None else p.post + network.offsets[p.target] == neuron
            signs[0, pre[wanted & (p.weights > 0)]] = True
            signs[1, pre[wanted & (p.weights < 0)]] = True
    return signs[0], signs[1]


def _changed(stimulus: Input, others: list[Input], rng: np.random.Generator) -> Input:
    """A copy with one to three random changes."""
    changed = stimulus.copy()
    steps, channels = changed.shape
    if not channels:
        return changed
    for _ in range(int(rng.integers(1, 4))):
        start = int(rng.integers(steps))
        rows = slice(start, start + int(rng.integers(1, 1 + max(1, steps // 4))))
        channel = int(rng.integers(channels))
        match int(rng.integers(6)):
            case 0:
                changed[rng.random(changed.shape) < rng.choice([0.002, 0.02, 0.1])] ^= 1
            case 1:
                changed[rows] = rng.integers(2)
            case 2:
                changed[rows, channel] = rng.integers(2)
            case 3:
                changed[:, channel] = rng.integers(2)
            case 4:
                changed = np.roll(changed, int(rng.integers(-5, 6)), axis=0)
            case _:
                changed[rows] = others[int(rng.integers(len(others)))][rows]
    return changed
