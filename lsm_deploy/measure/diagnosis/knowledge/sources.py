"""Who is asked: what each source has to say of a moment, as numbers that a linear readout is given.

    deployed      sums of the messages (of spikes: their counts) of each neuron that is read, over the last steps
    float         the same of the float liquid
    feedforward   the same of the deployed liquid with every synapse between neurons cut: what recurrence adds
    encoded       the same of the channels of the input, the liquid left out
    buffer        the last frames themselves, as many as make no more numbers than neurons are read (one at least)

Of more than a thousand channels as many are drawn at random, as of neurons: what the others say is left out.

A sum over a window remembers nothing by itself, unlike a filtered state: what is older than the window is in the
liquid or nowhere. What enters in a step is in the messages of the next, so that of neurons the window ends one step
later. In a buffer each frame moves on by one place a frame, in the rest after a sample, too, where nothing enters that
differs from the mean frame: a buffer that stood still in rests would know for ever, if somebody told it where
samples end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.measure.diagnosis.knowledge.asked import Questions
from lsm_deploy.measure.diagnosis.liquid import Specimen

__all__ = [
    "SOURCES",
    "Moments",
    "Source",
    "buffer_frames",
    "features_of_buffer",
    "features_of_input",
    "features_of_liquid",
]

Source: TypeAlias = Literal["deployed", "float", "feedforward", "encoded", "buffer"]
SOURCES: tuple[Source, ...] = ("deployed", "float", "feedforward", "encoded", "buffer")

AT_ONCE = 1 << 26
"""Messages of neurons that are held."""


@dataclass(frozen=True, eq=False)
class Moments:
    """When is asked: in which sample, and the step before which all is past; both `[moment]`."""

    sample: Ints
    now: Ints

    @classmethod
    def together(cls, parts: Sequence[Moments]) -> Moments:
        return cls(np.concatenate([m.sample for m in parts]), np.concatenate([m.now for m in parts]))


def features_of_liquid(asked: Questions, moments: Moments, liquid: Specimen) -> NDArray[Any]:
    """`[moment, neuron read]`: whole numbers, of a liquid in integers."""
    parts, rows = [], []
    for first, last, stimulus in _pieces(asked.stimulus, AT_ONCE // liquid.network.neurons):
        mine = np.flatnonzero((first <= moments.sample) & (moments.sample < last))
        if not len(mine):
            continue
        begin = int(asked.stimulus.starts[first])
        messages = liquid.run(stimulus, ())[0][:, liquid.read]
        parts.append(_sums(asked, Moments(moments.sample[mine], moments.now[mine]), messages, begin, 1))
        rows.append(mine)
    order = np.argsort(np.concatenate(rows))
    return np.asarray(np.concatenate(parts)[order])


def features_of_input(asked: Questions, moments: Moments, channels: Ints) -> NDArray[Any]:
    """`[moment, channel read]`, in whole numbers."""
    every = asked.stimulus.spikes
    return _sums(asked, moments, every if len(channels) == every.shape[1] else every[:, channels], 0, 0)


def features_of_buffer(asked: Questions, moments: Moments, frames: int, channels: Ints) -> Floats:
    """`[moment, frame back * channel read]`: values less their mean; 0 where a place holds none."""
    values = asked.data.frames[:, channels]
    values = values - values.mean(axis=0)
    past = (moments.now - asked.stimulus.starts[moments.sample]) // asked.timing.frame
    which = past[:, None] - 1 - np.arange(frames)
    there = (which >= 0) & (which < asked.data.lengths[moments.sample][:, None])
    rows = np.where(there, asked.data.starts[moments.sample][:, None] + which, 0)
    features: Floats = np.where(there[:, :, None], values[rows], 0.0).reshape(len(which), -1)
    return features


def buffer_frames(asked: Questions, neurons: int) -> int:
    """How many frames make no more numbers than there are neurons that are read."""
    return max(1, neurons // asked.data.channels)


def _sums(asked: Questions, moments: Moments, messages: NDArray[Any], begin: int, late: int) -> NDArray[Any]:
    """Over the last steps, no further back than the sample begins; begin: the step of the first row."""
    ends = moments.now + late
    first = np.maximum(ends - asked.timing.last, asked.stimulus.starts[moments.sample])
    kind = np.float64 if messages.dtype.kind == "f" else np.int64
    sums = np.zeros((len(ends), messages.shape[1]), kind)
    for i, (a, b) in enumerate(zip((first - begin).tolist(), (ends - begin).tolist(), strict=True)):
        sums[i] = messages[a:b].sum(axis=0, dtype=kind)
    return sums


def _pieces(stimulus: Stimulus, most: int) -> Iterator[tuple[int, int, Stimulus]]:
    """Samples that have at most so many steps together, or one sample; the first of them, and that of the next."""
    edges = np.append(stimulus.starts, len(stimulus.spikes))
    cuts = [0]
    for i in range(1, len(edges) - 1):
        if edges[i + 1] - edges[cuts[-1]] > most:
            cuts.append(i)
    for first, last in pairwise([*cuts, len(stimulus.starts)]):
        a, b = edges[first], edges[last]
        yield first, last, Stimulus(stimulus.spikes[a:b], stimulus.starts[first:last] - a)
