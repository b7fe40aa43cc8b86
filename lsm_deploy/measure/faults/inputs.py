"""Faults of what enters: spikes that are lost, that come twice, or at another time.

Each sample has a stream of its own, by its number, so that it does not matter which samples are run together; no spike
leaves its sample. What the exact engine holds of the like between neurons is a synapse that loses, or doubles, every
spike (`synapses`): that one spike of many is lost on its way to one neuron no program can say.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.messages import Message, Messages
from lsm_deploy.core.streams import stream

__all__ = ["doubled_spikes", "dropped_spikes", "jittered"]


def dropped_spikes(stimulus: Stimulus, share: float, seed: int, message: Message, first: int) -> Stimulus:
    """Each input spike, or graded message, is lost with a probability of `share`."""

    def dropped(spikes: Messages, rng: np.random.Generator) -> Messages:
        left = spikes.copy()
        steps, channels = np.nonzero(spikes)
        hit = rng.random(len(steps)) < share
        left[steps[hit], channels[hit]] = 0
        return left

    return _by_sample(stimulus, dropped, seed, "dropped", first)


def doubled_spikes(stimulus: Stimulus, share: float, seed: int, message: Message, first: int) -> Stimulus:
    """Each input spike comes twice with a probability of `share`.

    Of spikes that are 0 or 1 the second comes a step later, and is lost where there is one already, or no more step; a
    graded message is twice as large, as far as it can be.
    """

    def doubled(spikes: Messages, rng: np.random.Generator) -> Messages:
        more = spikes.astype(np.int64)
        steps, channels = np.nonzero(spikes)
        hit = rng.random(len(steps)) < share
        steps, channels = steps[hit], channels[hit]
        if message.graded:
            more[steps, channels] = np.clip(2 * more[steps, channels], message.least, message.largest)
        else:
            values, inside = spikes[steps, channels], steps + 1 < len(spikes)
            steps, channels, values = steps[inside] + 1, channels[inside], values[inside]
            more[steps, channels] = np.where(more[steps, channels] == 0, values, more[steps, channels])
        return more.astype(spikes.dtype)

    return _by_sample(stimulus, doubled, seed, "doubled", first)


def jittered(stimulus: Stimulus, deviation: float, seed: int, message: Message, first: int) -> Stimulus:
    """Each input spike comes at another step: off by a normal distribution of this deviation, rounded, and held within
    its sample; two that meet are one."""

    def moved(spikes: Messages, rng: np.random.Generator) -> Messages:
        steps, channels = np.nonzero(spikes)
        off = np.rint(deviation * rng.standard_normal(len(steps))).astype(np.int64)
        left = np.zeros_like(spikes)
        left[np.clip(steps + off, 0, len(spikes) - 1), channels] = spikes[steps, channels]
        return left

    return _by_sample(stimulus, moved, seed, "jitter", first)


def _by_sample(
    stimulus: Stimulus, change: Callable[[Messages, np.random.Generator], Messages], seed: int, name: str, first: int
) -> Stimulus:
    samples = np.split(stimulus.spikes, stimulus.starts[1:])
    changed = [change(spikes, stream(seed, "fault", name, first + i)) for i, spikes in enumerate(samples)]
    return Stimulus(np.concatenate(changed), stimulus.starts)
