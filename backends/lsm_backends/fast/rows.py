"""Projections as rows of uint8: one a source, for each delay and sign of its synapses.

Rows whose exponents agree in every target share a class, and so one pass over the sums. A row costs what the network is
wide, however many synapses it has, and an active source costs a row for each of its delays: rows pay where synapses are
dense and the network is small.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lsm_deploy.core.boards import MAX_DELAY
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import INPUT, QNetwork, QProjection

__all__ = ["Rows", "aligned"]

MOST_BYTES = 1 << 29
"""Rows take at most this much; beyond it, lists."""


def _own_cache() -> int:
    """Bytes of the cache that a core has to itself: as Linux says, or what is usual."""
    try:
        size = Path("/sys/devices/system/cpu/cpu0/cache/index2/size").read_text(encoding="ascii")
        return int(size.strip().removesuffix("K")) << 10
    except (OSError, ValueError):
        return 1 << 20


# What an active source costs, in ns, as measured on one machine (AMD Zen 5): the ratios are what matters.
LIST = 10.0
LIST_SYNAPSE, LIST_SYNAPSE_DELAYED = 0.4, 0.7
ROW = 5.0
ROW_BYTE = ((_own_cache(), 0.0065), (1 << 24, 0.0125), (MOST_BYTES, 0.033))
"""By what all rows take together: a core's cache, the shared one, memory."""


def pays(synapses: float, rows: float, size: int, total: int, delayed: bool) -> bool:
    """Whether a source's `rows` are read sooner than its list of synapses; total: bytes of all rows, with these."""
    of_a_byte = next((cost for most, cost in ROW_BYTE if total <= most), np.inf)
    return rows * (ROW + of_a_byte * size) < LIST + synapses * (LIST_SYNAPSE_DELAYED if delayed else LIST_SYNAPSE)


def aligned(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Zeros that begin with a cache line: where each read of a vector touches two, reading takes twice as long."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    held = np.zeros(size + 64, np.uint8)
    first = -held.ctypes.data % 64
    return held[first : first + size].view(dtype).reshape(shape)


@dataclass(frozen=True, eq=False)
class Rows:
    """weights `[row, neuron]`; a class has a sign, a delay, and the exponent of each target."""

    weights: NDArray[np.uint8]
    row_of: NDArray[np.int32]
    """`[class, source]`, or -1."""
    signs: NDArray[np.int64]
    delays: NDArray[np.int64]
    class_shifts: NDArray[np.int64]
    """The exponent of all targets of a class, or -1 where they differ."""
    shifts: NDArray[np.int32]
    """`[class, neuron]`"""
    numbers: frozenset[int]
    """The numbers of the projections that are here."""

    @staticmethod
    def of(network: QNetwork, size: int) -> Rows:
        """Take the projections that are dense enough, one synapse a pair and delay, as long as there is room."""
        classes: list[_Class] = []
        numbers: set[int] = set()
        taken = 0
        for number, p in enumerate(network.projections):
            sources, delayed = (
                int(np.count_nonzero(np.diff(p.indptr))),
                int(np.ptp(p.delays)) > 0 if len(p.delays) else False,
            )
            # Not even if all had one delay and sign? Of too many synapses, perhaps, to look at them one by one.
            if not sources or not pays(len(p.post) / sources, 1, size, (taken + sources) * size, delayed):
                continue
            pre = p.pre
            parts = _parts(p, pre, network, size)
            needed = sum(len(np.unique(of)) for _, _, of, _, _ in parts)
            total = (taken + needed) * size
            if not pays(len(p.post) / sources, needed / sources, size, total, delayed) or _has_twins(p, pre):
                continue
            taken += needed
            numbers.add(number)
            # Mixed weights are even, and reach -256: halved they fit.
            halve = p.sign_mode == "mixed"
            for sign, delay, pre, post, magnitudes in parts:
                its_class = _class(classes, sign, delay, p, p.weight_exp + halve)
                its_class.parts.append((pre, post, magnitudes >> halve))
        return _assemble(classes, frozenset(numbers), network, size)


@dataclass
class _Class:
    sign: int
    delay: int
    exponents: dict[str, int] = field(default_factory=dict)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    parts: list[tuple[Ints, Ints, Ints]] = field(default_factory=list)


def _parts(p: QProjection, pre: Ints, network: QNetwork, size: int) -> list[tuple[int, int, Ints, Ints, Ints]]:
    """Sign, delay, sources, targets and magnitudes of the synapses of each sign and delay."""
    sources = pre + (size if p.source == INPUT else network.offsets[p.source])
    targets = network.offsets[p.target] + p.post.astype(np.int64)
    parts = []
    for delay in np.unique(p.delays):
        for sign in (1, -1):
            chosen = (p.delays == delay) & (sign * p.weights > 0)
            if chosen.any():
                magnitudes = np.abs(p.weights[chosen].astype(np.int64))
                parts.append((sign, int(delay), sources[chosen], targets[chosen], magnitudes))
    return parts


def _has_twins(p: QProjection, pre: Ints) -> bool:
    """Whether two synapses of one delay join the same pair: a row has one place for both."""
    places = (pre * (int(p.post.max()) + 1) + p.post) * (MAX_DELAY + 1) + p.delays
    return len(np.unique(places)) < len(places)


def _class(classes: list[_Class], sign: int, delay: int, p: QProjection, exponent: int) -> _Class:
    pair = (p.source, p.target)
    for c in classes:
        fits = (c.sign, c.delay) == (sign, delay) and pair not in c.pairs
        if fits and c.exponents.setdefault(p.target, exponent) == exponent:
            c.pairs.add(pair)
            return c
    classes.append(_Class(sign, delay, {p.target: exponent}, {pair}))
    return classes[-1]


def _assemble(classes: list[_Class], numbers: frozenset[int], network: QNetwork, size: int) -> Rows:
    row_of = np.full((len(classes), size + network.channels), -1, np.int32)
    shifts = np.zeros((len(classes), size), np.int32)
    total = 0
    for number, c in enumerate(classes):
        used = np.unique(np.concatenate([pre for pre, _, _ in c.parts]))
        row_of[number, used] = total + np.arange(len(used))
        total += len(used)
        for name, exponent in c.exponents.items():
            shifts[number, network.columns(name)] = exponent
    weights = aligned((total, size), np.uint8)
    for number, c in enumerate(classes):
        for pre, post, magnitudes in c.parts:
            weights[row_of[number, pre], post] = magnitudes
    return Rows(
        weights=weights,
        row_of=row_of,
        signs=np.array([c.sign for c in classes], np.int64),
        delays=np.array([c.delay for c in classes], np.int64),
        class_shifts=np.array(
            [min(c.exponents.values()) if len(set(c.exponents.values())) == 1 else -1 for c in classes], np.int64
        ),
        shifts=shifts,
        numbers=numbers,
    )
