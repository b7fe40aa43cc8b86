"""A liquid under examination, in floats or in the deployed integers: a stimulus goes in, spikes and registers come out.

Every measure is taken of this one type, so that both sides of a table are computed by the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.ir import Network, Program, QNetwork, Stimulus
from lsm_deploy.core.messages import Message, Messages
from lsm_deploy.core.streams import stream
from lsm_deploy.run import backends
from lsm_deploy.run.reference import run_float

__all__ = ["Specimen", "deployed_liquid", "float_liquid", "loud", "some_of"]

MOST_READ = 1000
"""Neurons whose spikes make the state, or channels beside them, drawn at random of more: a rank or a readout takes time
with their cube."""

Recorded = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Specimen:
    """run: spikes and the named registers of all neurons, each `[t, neuron]`. read: the neurons whose spikes make the
    liquid's state `[neuron read]`."""

    network: Network | QNetwork
    run: Callable[[Stimulus, Sequence[str]], tuple[Messages, Recorded]]
    read: NDArray[np.int64]

    def spikes(self, stimulus: Stimulus) -> Messages:
        """The spikes of the neurons that are read `[t, neuron read]`, on generated input of 0 and 1."""
        return self.run(loud(stimulus, self.network.input), ())[0][:, self.read]

    @property
    def registers(self) -> tuple[str, ...]:
        """All that any of its neurons remembers."""
        return tuple(sorted(self.network.state_names))


def loud(stimulus: Stimulus, message: Message) -> Stimulus:
    """Generated spikes of 0 and 1 as the largest messages that the input takes: a graded 1 is next to nothing."""
    if not message.graded:
        return stimulus
    return Stimulus(stimulus.spikes * message.dtype(message.largest), stimulus.starts)


def some_of(every: NDArray[np.int64], seed: int, what: str) -> NDArray[np.int64]:
    """As many as are read, in their order, drawn at random of more."""
    if len(every) <= MOST_READ:
        return every
    chosen = np.argsort(stream(seed, "diagnose", what).random(len(every)))[:MOST_READ]
    return np.sort(every[chosen])


def float_liquid(network: Network, read: NDArray[np.int64]) -> Specimen:
    def run(stimulus: Stimulus, record: Sequence[str]) -> tuple[Messages, Recorded]:
        trace = run_float(network, stimulus, record)
        return trace.spikes, trace.state

    return Specimen(network, run, read)


def deployed_liquid(program: Program, read: NDArray[np.int64], backend: str = backends.DEFAULT) -> Specimen:
    def run(stimulus: Stimulus, record: Sequence[str]) -> tuple[Messages, Recorded]:
        trace = backends.run_program(backend, program, stimulus, record)
        return trace.spikes, trace.registers

    return Specimen(program.network, run, read)
