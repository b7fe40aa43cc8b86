"""Populations that take turns: what networks of a few steps to a row of inputs are wired with.

All populations have one `period`, and `phase` says whose turn it is. An input is held for the whole period. A message
that is sent in phase p and read in phase q has a delay of (q - p - 1) modulo the period, on top of the step that every
synapse takes. In step 0, before anything has come, it is the turn of phase 0 already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lsm_deploy.core.errors import raise_all
from lsm_deploy.core.ir import INPUT, Population, Projection
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.exchange.imported import Imported, projections, samples_of, stimulus_of
from lsm_deploy.exchange.matrices import check_ends, input_range_of
from lsm_deploy.exchange.profiles import largest_states, with_range
from lsm_deploy.formats.bits import check_bits

__all__ = ["Drive", "Linear", "Options", "Source", "drive_of", "in_range", "parts_of", "wires"]


@dataclass(frozen=True)
class Options:
    """What a caller says of any of these networks; each as of `from_matrices`."""

    inputs: ArrayLike | None = None
    input_range: tuple[float, float] | None = None
    weight_bits: int = 8
    input_weight_bits: int = 15
    message_bits: int = 16
    dt_ms: float = 1.0


class Linear(NamedTuple):
    """weight [post, pre] and bias [post]."""

    weight: Floats
    bias: Floats

    def times(self, factor: float) -> Linear:
        return Linear(factor * self.weight, factor * self.bias)


class Source(NamedTuple):
    """What a layer reads: neurons of a population, or all inputs (None)."""

    population: Population | None
    columns: slice


Part: TypeAlias = tuple[Population | None, Floats]
"""A source, and the matrix [post, neuron] from all its neurons."""


class Drive(NamedTuple):
    """Inputs [sample, t, channel] to profile on, and the least and the largest that may come."""

    samples: Floats | None
    values: tuple[float, float]

    def scaled(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weights [..., post, channel] of inputs as the network has them, in -1 to 1, and the bias that is left."""
        low, high = self.values
        return weights * ((high - low) / 2), weights.sum(axis=-1) * ((high + low) / 2)


def drive_of(options: Options, channels: int, said: list[str]) -> Drive:
    """LsmErrors name every option that is none; notes go to `said`."""
    bits = check_bits(
        weight_bits=options.weight_bits,
        input_weight_bits=options.input_weight_bits,
        message_bits=options.message_bits,
    )
    raise_all([*bits, *check_ends(input_range=options.input_range)])
    samples = None if options.inputs is None else samples_of(options.inputs, channels)
    return Drive(samples, input_range_of(samples, options.input_range, said))


def parts_of(linear: Linear, sources: Sequence[Source], drive: Drive) -> tuple[list[Part], Floats]:
    """A layer that reads sources side by side: the matrix of each, and the bias."""
    parts: list[Part] = []
    bias, first = linear.bias, 0
    for source, columns in sources:
        width = columns.stop - columns.start
        block = linear.weight[:, first : first + width]
        first += width
        if source is None:
            block, more = drive.scaled(block)
            bias = bias + more
            parts.append((None, block))
        else:
            full = np.zeros((len(block), source.size))
            full[:, columns] = block
            parts.append((source, full))
    return parts, bias


def wires(target: Population, parts: Sequence[Part], options: Options, ports: Sequence[int] = (0,)) -> list[Projection]:
    """Synapses with the delays that turns call for; inputs are held, and need none."""
    made = []
    for source, weights in parts:
        for port in ports:
            if source is None:
                made += projections(INPUT, target.name, weights, options.input_weight_bits, port=port)
                continue
            sent, due = source.parameters["phase"], target.parameters["phase"]
            delays = options.dt_ms * ((due[:, None] - sent - 1) % target.parameters["period"][:, None])
            bits = options.weight_bits
            made += projections(source.name, target.name, weights, bits, port=port, delay_ms=delays)
    return made


def in_range(imported: Imported, samples: Floats | None, unbounded: Sequence[str]) -> Imported:
    """The same with ranges of twice what populations reach on the inputs; without those, what weights bound."""
    network, said = imported.network, list(imported.notes)
    if unbounded and samples is not None:
        reached = largest_states(network, stimulus_of(imported, samples))
        for name in unbounded:
            network = with_range(network, name, 2 * reached[name])
            said.append(f"assumed: {name} stays within {2 * reached[name]:.4g}, twice what it reaches on the inputs")
    return replace(imported, network=network, notes=tuple(said))
