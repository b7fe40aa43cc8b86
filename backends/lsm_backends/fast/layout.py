"""A program as the kernels read it.

Neurons are padded to whole vectors; input channels follow them as further sources. A projection's synapses of one delay
lie in rows of uint8 mantissas where they are dense (one row a source, read in whole vectors), and otherwise as events
(a target and a value each). Rows whose exponents agree in every target share a class, and so one pass over the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_backends.fast import kernels
from lsm_deploy.errors import BackendError
from lsm_deploy.fixed import Ints
from lsm_deploy.ir import INPUT, QNetwork, QProjection
from lsm_deploy.neurons import KINDS

__all__ = ["Layout", "lay_out"]

VECTOR = 64
"""Neurons are padded to a multiple of this: whole cache lines of uint8."""
DENSE = 0.025
"""Rows from this density on: a row of 1000 targets takes as long as some 20 events (measured)."""
DENSE_BYTES = 1 << 29
"""Rows take at most this much; beyond it, events."""


@dataclass(frozen=True, eq=False)
class Layout:
    """What `kernels.run_sample` takes, in its order and meaning."""

    neurons: int
    size: int
    horizon: int
    ring_type: type[Any]
    groups: NDArray[np.int64]
    constants: NDArray[np.int32]
    initial: NDArray[np.int32]
    dense: NDArray[np.uint8]
    row_of: NDArray[np.int32]
    signs: NDArray[np.int64]
    delays: NDArray[np.int64]
    shifts: NDArray[np.int32]
    indptr: NDArray[np.int64]
    offsets: NDArray[Any]
    values: NDArray[np.int16]
    sources: int
    states: tuple[tuple[str, ...], ...]
    """The registers of each population, in the order of the state's rows."""


def lay_out(network: QNetwork) -> Layout:
    """Choose rows or events for every projection, and pad."""
    size = -(-network.neurons // VECTOR) * VECTOR
    sources = size + network.channels
    groups, constants, initial, states = _neurons(network, size)
    dense, events = _Dense(network, size, sources), _Events(size)
    bound = np.zeros(network.neurons, np.int64)
    longest = 0
    for p in network.projections:
        first = size if p.source == INPUT else network.offsets[p.source]
        pre = first + np.repeat(np.arange(len(p.indptr) - 1), np.diff(p.indptr))
        post = network.offsets[p.target] + p.post.astype(np.int64)
        np.add.at(bound, post, np.abs(p.weights.astype(np.int64)) << p.weight_exp)
        longest = max(longest, int(p.delays.max(initial=0)))
        for delay in np.unique(p.delays):
            chosen = p.delays == delay
            part = (p, int(delay), pre[chosen], post[chosen], p.weights[chosen].astype(np.int64))
            if not dense.take(*part):
                events.take(*part)
    return Layout(
        neurons=network.neurons,
        size=size,
        horizon=longest + 2,
        # int32 sums wrap as they should, but then a wide one could not be told: 64 bits where that can happen.
        ring_type=np.int32 if bound.max(initial=0) < 1 << 31 else np.int64,
        groups=groups,
        constants=constants,
        initial=initial,
        **dense.arrays(),
        **events.arrays(sources),
        sources=sources,
        states=states,
    )


# --- neurons -------------------------------------------------------------------------------------------------------


def _membrane(registers: Mapping[str, Ints], du: str = "du", dv: str = "dv", vth: str = "vth") -> tuple[Ints, ...]:
    return (
        4096 - (registers[du] + 1),
        4096 - registers[dv],
        registers[vth] << 6,
        registers["bias_mant"] << registers["bias_exp"],
    )


_CONSTANTS: dict[str, Callable[[Mapping[str, Ints]], tuple[Ints, ...]]] = {
    "LIF": _membrane,
    "TernaryLIF": lambda r: (*_membrane(r, vth="vth_hi"), r["vth_lo"] << 6),
    "LIFRefractory": lambda r: (*_membrane(r), r["refractory_period"]),
    "ATRLIF": lambda r: (
        *_membrane(r, "delta_i", "delta_v", "theta_0"),
        4096 - r["delta_theta"],
        4096 - r["delta_r"],
        r["theta_step"] << 6,
    ),
}


def _neurons(
    network: QNetwork, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], tuple[tuple[str, ...], ...]]:
    for p in network.populations:
        if p.kind not in kernels.KINDS:
            raise BackendError(
                f"population {p.name!r} is of kind {p.kind}; fast can run {', '.join(kernels.KINDS)}",
                where="backend 'fast'",
                hint="run it on the emulator, which knows every kind",
            )
    groups, columns = [], []
    for p in network.populations:
        first = network.offsets[p.name]
        groups.append((kernels.KINDS[p.kind], first, first + p.size))
        columns.append(_CONSTANTS[p.kind](p.registers))
    rows = max(len(column) for column in columns)
    constants = np.zeros((rows, size), np.int32)
    for (_, first, last), column in zip(groups, columns, strict=True):
        constants[: len(column), first:last] = column
    states = tuple(KINDS[p.kind].STATE for p in network.populations)
    initial = np.zeros((max(len(state) for state in states), size), np.int32)
    for p, state, (_, first, last) in zip(network.populations, states, groups, strict=True):
        values = KINDS[p.kind].initial(p.registers)
        for row, name in enumerate(state):
            initial[row, first:last] = values[name]
    return np.array(groups, np.int64), constants, initial, states


# --- synapses ------------------------------------------------------------------------------------------------------


@dataclass
class _Class:
    sign: int
    delay: int
    exponents: dict[str, int] = field(default_factory=dict)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    parts: list[tuple[Ints, Ints, Ints]] = field(default_factory=list)


class _Dense:
    """Projections in rows of uint8."""

    def __init__(self, network: QNetwork, size: int, sources: int) -> None:
        self.network, self.size, self.sources = network, size, sources
        self.classes: list[_Class] = []
        self.bytes = 0

    def take(self, p: QProjection, delay: int, pre: Ints, post: Ints, weights: Ints) -> bool:
        """Take the synapses if they are dense enough, one a pair, and there is room."""
        rows = len(np.unique(pre))
        keys = pre * self.size + post
        if len(post) < DENSE * rows * self.size or len(np.unique(keys)) < len(keys):
            return False
        signs = [sign for sign in (1, -1) if (sign * weights > 0).any()]
        if self.bytes + rows * len(signs) * self.size > DENSE_BYTES:
            return False
        # Mixed weights are even, and reach -256: halved they fit.
        halve = p.sign_mode == "mixed"
        for sign in signs:
            of_sign = sign * weights > 0
            found = self._class(sign, delay, p, p.weight_exp + halve)
            found.parts.append((pre[of_sign], post[of_sign], np.abs(weights[of_sign]) >> halve))
        self.bytes += rows * len(signs) * self.size
        return True

    def _class(self, sign: int, delay: int, p: QProjection, exponent: int) -> _Class:
        pair = (p.source, p.target)
        for c in self.classes:
            fits = (c.sign, c.delay) == (sign, delay) and pair not in c.pairs
            if fits and c.exponents.setdefault(p.target, exponent) == exponent:
                c.pairs.add(pair)
                return c
        self.classes.append(_Class(sign, delay, {p.target: exponent}, {pair}))
        return self.classes[-1]

    def arrays(self) -> dict[str, Any]:
        row_of = np.full((len(self.classes), self.sources), -1, np.int32)
        shifts = np.zeros((len(self.classes), self.size), np.int32)
        total = 0
        for number, c in enumerate(self.classes):
            used = np.unique(np.concatenate([pre for pre, _, _ in c.parts]))
            row_of[number, used] = total + np.arange(len(used))
            total += len(used)
            for name, exponent in c.exponents.items():
                first = self.network.offsets[name]
                last = first + next(p.size for p in self.network.populations if p.name == name)
                shifts[number, first:last] = exponent
        dense = np.zeros((total + 1, self.size), np.uint8)  # and a row of zeros to fill up with
        for number, c in enumerate(self.classes):
            for pre, post, magnitudes in c.parts:
                dense[row_of[number, pre], post] = magnitudes
        return {
            "dense": dense,
            "row_of": row_of,
            "signs": np.array([c.sign for c in self.classes], np.int64),
            "delays": np.array([c.delay for c in self.classes], np.int64),
            "shifts": shifts,
        }


class _Events:
    """Projections as single synapses, by source."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.parts: list[tuple[Ints, Ints, Ints]] = []

    def take(self, p: QProjection, delay: int, pre: Ints, post: Ints, weights: Ints) -> None:
        self.parts.append((pre, delay * self.size + post, weights << p.weight_exp))

    def arrays(self, sources: int) -> dict[str, Any]:
        empty = np.zeros(0, np.int64)
        pre, offsets, values = (np.concatenate([empty, *(part[i] for part in self.parts)]) for i in range(3))
        # By source, and then by target: additions walk through memory in one direction.
        order = np.lexsort((offsets, pre))
        indptr = np.concatenate([[0], np.cumsum(np.bincount(pre, minlength=sources))])
        return {
            "indptr": indptr,
            "offsets": offsets[order].astype(np.int32 if offsets.max(initial=0) < 1 << 31 else np.int64),
            "values": values[order].astype(np.int16),
        }
