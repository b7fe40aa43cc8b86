"""What a program in C takes: bytes of flash for its tables, of RAM for its state, and operations a step.

What the code itself takes depends on the compiler, whose `size` says it; so does what a pointer takes: 4 bytes here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.exchange.c_files.liquid import Part, synapses_of_sources
from lsm_deploy.exchange.c_files.tables import size_of_struct

__all__ = ["Events", "Sizes", "events_of", "sizes_of_parts"]


@dataclass(frozen=True)
class Sizes:
    """flash: bytes of tables; ram: bytes of the state; updates: neurons a step; worst: synapses that add to a sum in a
    step in which everybody sends; products: of the readout, for an answer."""

    flash: int
    ram: int
    updates: int
    worst: int
    products: int


@dataclass(frozen=True)
class Events:
    """Synapses that add to a sum, a step: on average and at most, in a run of so many steps."""

    mean: float
    most: int
    steps: int


def sizes_of_parts(program: Program, parts: Sequence[Part]) -> Sizes:
    tables = [table for part in parts for table in part.tables]
    neurons, channels = synapses_of_sources(program.network)
    return Sizes(
        flash=sum(table.bytes for table in tables) + sum(part.structs for part in parts),
        ram=size_of_struct([field for part in parts for field in part.fields]),
        updates=program.network.neurons,
        worst=int(neurons.sum() + channels.sum()),
        products=next((len(table.values) for table in tables if table.name == "lsm_weight"), 0),
    )


def events_of(program: Program, stimulus: Stimulus, trace: Trace) -> Events:
    """What a run did; trace: that of the program on the stimulus."""
    neurons, channels = synapses_of_sources(program.network)
    events = (trace.spikes != 0) @ neurons + (stimulus.spikes != 0) @ channels
    return Events(float(events.mean()), int(events.max(initial=0)), len(events))
