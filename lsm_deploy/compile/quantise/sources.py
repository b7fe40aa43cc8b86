"""What the sources of a projection send, and weights in its units.

A weight multiplies what its source sends as a float; on the chip that is an integer, `unit` to 1.0. So integer weights
are made of the weights divided by that unit. A binary source sends 1, and nothing changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lsm_deploy.compile.quantise.registers import registers_of
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.ir import Population, Projection, QPopulation
from lsm_deploy.core.messages import Message
from lsm_deploy.core.neurons import KINDS

__all__ = ["Sent", "in_units", "message_of"]


@dataclass(frozen=True)
class Sent:
    """The largest message of any source, whether it may be negative as well, and its units to 1.0."""

    largest: int
    signed: bool
    unit: float

    @classmethod
    def of(cls, message: Message) -> Sent:
        return cls(message.largest, message.signed, message.unit)


def message_of(population: Population | QPopulation, dt_ms: float) -> Sent:
    """What a population sends; an LsmError where nothing bounds it, or where its neurons' units differ."""
    kind = KINDS[population.kind]
    if not kind.MESSAGE.graded:
        return Sent.of(kind.MESSAGE)
    where = f"population {population.name!r}"
    if isinstance(population, QPopulation):
        registers = dict(population.registers)
    else:
        try:
            registers, _ = registers_of(population.kind, population.parameters, 1.0, dt_ms)
        except LsmError as error:
            raise_all([LsmError(each.what, where=where, hint=each.hint) for each in error.each()])
    units = np.unique(kind.message_units(registers))
    if len(units) > 1:
        what = f"its neurons send messages of different units, {units.min():g} to {units.max():g} to 1.0"
        raise LsmError(what, where=where, hint="make a population of those of each unit")
    return Sent(int(kind.largest_messages(registers).max()), kind.MESSAGE.signed, float(units[0]))


def in_units(p: Projection, sent: Sent) -> Projection:
    """The projection with weights of what its source really sends."""
    return p if sent.unit == 1.0 else replace(p, weight=p.weight / sent.unit)
