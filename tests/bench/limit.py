"""What the machine could do at best: a lower bound of the time of a step, from rates that are measured on it.

    bound = max(sum of bytes / bandwidth, sum of operations / rate)        over the parts of a step

Whatever the engine does, a step has to read and write the state of every neuron, and to add a weight for every synapse
of each source that spiked. The parts, a neuron or a synapse each:

    state    reads keep_u, keep_v, theta, bias, u, v (6 × 4 bytes) and the sum that is due (w bytes); writes u, v, the
             spike (4 + 4 + 1) and the emptied sum (w)                                    33 + 2 w bytes, 36 operations
    rows     a row of weights as wide as the network, for each source that spiked         1 byte, 2 operations a neuron
    lists    target and weight of each synapse (4 + 2 bytes; 1 more for its delay)        6 or 7 bytes, 1 addition

w is 2, or 4 where the largest sum exceeds 16 bits. Of rows and lists the one with the smaller bound counts; rows of a
network with delays have to be read for each delay that occurs. Operations of the state: two decays (absolute value,
shift, mask, two products, shift, sum, sign: 8 each), the sum aligned and added (2), the wrap (4), the sums of `v` (2),
the clip (2), threshold and reset (2), and the three counts (8); all 32-bit.

    bandwidth    of a loop that reads (synapses), or reads and writes (state), an array as large as what the part of a
                 step is chosen from: so from the cache, or the memory, in which that lies
    rate         of a loop that does a decay after another; that widens bytes and adds them; that adds to places drawn
                 at random in an array as large as the sums: each where it is fastest, in the first cache

Where lists lie beyond every cache there is a second bound, `scattered`: a stream of bytes is more than such a memory
gives to a step, which begins anew for each list, and adds to places all over sums that no first cache holds. Its lists
part is the rate of a loop that adds lists drawn at random, each asked for ahead of its turn, to sums as many as the
network's, without anything else that the engine does.

The best of many repeats counts, with as many threads as the engine uses. All loops are compiled by numba, as the engine
is. The bound flatters nobody: a part's bytes and operations are taken to overlap entirely, and listing who spiked, the
records of spikes and the call itself are not in it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
import numpy as np
from lsm_backends.fast.kernels.machine import prefetch
from lsm_backends.fast.layout import AHEAD

from bench.network import EXCITATORY, Case, largest_weights
from lsm_deploy.core.fixed import SUM_LIMIT

__all__ = ["Limit", "Part", "Rates", "limit_of", "measured", "parts_of"]

STATE_OPERATIONS = 36
CELL_OPERATIONS = 2
DECAY_OPERATIONS = 8
LARGEST_CACHE = 1 << 25
"""Bytes that the processor's last cache holds, about."""
BLOCKS_FROM = 1 << 14
"""Neurons from which on the engine uses all cores for one stream."""


@dataclass(frozen=True)
class Part:
    """`count` neurons, cells or synapses a step; of an array of `reach` bytes; `kind` names the loops of its rates."""

    kind: str
    count: float
    bytes_each: float
    operations_each: float
    reach: float

    @property
    def bytes(self) -> float:
        return self.count * self.bytes_each

    @property
    def operations(self) -> float:
        return self.count * self.operations_each


@dataclass(frozen=True)
class Limit:
    """The bound of one step, in seconds, and what it was computed from."""

    parts: tuple[Part, ...]
    bandwidths: tuple[float, ...]
    """Bytes a second, for each part."""
    rates: tuple[float, ...]
    """Operations a second, for each part."""
    threads: int
    scattered_lists: float = 0.0
    """Seconds for the lists at random places, where they lie beyond every cache; else 0."""

    @property
    def memory(self) -> float:
        return sum(part.bytes / rate for part, rate in zip(self.parts, self.bandwidths, strict=True))

    @property
    def arithmetic(self) -> float:
        return sum(part.operations / rate for part, rate in zip(self.parts, self.rates, strict=True))

    @property
    def seconds(self) -> float:
        return max(self.memory, self.arithmetic)

    @property
    def scattered(self) -> float:
        """The bound that knows of random access; 0 where there is none."""
        state, rate = self.parts[0], self.bandwidths[0]
        return state.bytes / rate + self.scattered_lists if self.scattered_lists else 0.0


@dataclass(frozen=True)
class Rates:
    """Bytes a second for a kind, its reach and threads; operations a second for a kind, the sums' bytes and threads;
    synapses a second of lists at random places, for a case, the bytes of a sum and threads."""

    bandwidth: Callable[[str, float, int], float]
    operations: Callable[[str, float, int], float]
    scattered: Callable[[Case, int, int], float]


def limit_of(case: Case, rates: Rates) -> Limit:
    """The smaller bound of the two ways to keep synapses; a batch is divided among all cores."""
    threads = (os.cpu_count() or 1) if case.batch > 1 or case.neurons >= BLOCKS_FROM else 1
    limits = []
    for storage in ("rows", "lists"):
        parts = parts_of(case, storage)
        sums = case.neurons * _width(case)
        beyond = storage == "lists" and parts[1].reach > LARGEST_CACHE
        limits.append(
            Limit(
                parts,
                tuple(rates.bandwidth(part.kind, part.reach, threads) for part in parts),
                tuple(rates.operations(part.kind, sums, threads) for part in parts),
                threads,
                parts[1].count / rates.scattered(case, _width(case), threads) if beyond else 0.0,
            )
        )
    return min(limits, key=lambda limit: limit.seconds)


def parts_of(case: Case, storage: str) -> tuple[Part, ...]:
    n, width = case.neurons, _width(case)
    active = case.activity * (n + case.channels)
    each = 33 + 2 * width
    state = Part("state", n, each, STATE_OPERATIONS, n * each)
    if storage == "rows":
        # With few synapses a row, not every delay occurs.
        delays = min(case.max_delay + 1, case.degree)
        reach = float(n + case.channels) * n * delays
        return state, Part("rows", active * n * delays, 1, CELL_OPERATIONS, reach)
    each = 7 if case.max_delay else 6
    return state, Part("lists", case.activity * case.synapses, each, 1, float(case.synapses) * each)


def _width(case: Case) -> int:
    """Bytes of a sum: of all synapses of a neuron at once, as many as leave one on average."""
    largest = largest_weights(case)
    mean = (EXCITATORY * largest["excitatory"] + (1 - EXCITATORY) * largest["inhibitory"]) / 2
    return 2 if case.degree * mean < SUM_LIMIT else 4


# --- the machine's rates --------------------------------------------------------------------------------------------

REPEATS = 100
LEAST = 2e-3
"""Seconds that a loop runs at least: what a call costs is nothing beside it."""
IN_FIRST_CACHE = 1 << 13
"""Bytes."""


def measured() -> Rates:
    """The rates of this machine, each measured when it is first asked for."""

    @cache
    def bandwidth(kind: str, reach: int, threads: int) -> float:
        size = max(int(reach / threads) // 16, 64)
        one = [np.ones(2 * size, np.int64) for _ in range(threads)]
        two = [np.ones(size, np.int64) for _ in range(threads)] if kind == "state" else one
        if kind == "state":
            return threads * _best(lambda i, times: _copy(one[i][:size], two[i], times), 16.0 * size, threads)
        return threads * _best(lambda i, times: _read(one[i], times), 16.0 * size, threads)

    @cache
    def operations(kind: str, sums: int, threads: int) -> float:
        rng = np.random.default_rng(0)
        count = IN_FIRST_CACHE // 4
        if kind == "state":
            values = [np.full(count, 1 << 20, np.int32) for _ in range(threads)]
            keep = np.full(count, 4000, np.int32)
            work = float(DECAY_OPERATIONS * count)
            return threads * _best(lambda i, times: _decay(values[i], keep, times), work, threads)
        if kind == "rows":
            cells = np.ones(IN_FIRST_CACHE, np.uint8)
            totals = [np.zeros(IN_FIRST_CACHE, np.uint16) for _ in range(threads)]
            work = float(CELL_OPERATIONS * 4 * IN_FIRST_CACHE)
            return threads * _best(lambda i, times: _widen(cells, totals[i], times), work, threads)
        places = rng.integers(0, max(int(sums / threads) // 4, 1), count, dtype=np.int32)
        weights = np.ones(count, np.int16)
        targets = [np.zeros(max(int(sums / threads) // 4, 1), np.int32) for _ in range(threads)]
        return threads * _best(lambda i, times: _scatter(places, weights, targets[i], times), float(count), threads)

    @cache
    def scattered(neurons: int, degree: int, active: int, width: int, threads: int) -> float:
        rng = np.random.default_rng(0)
        # The same targets over and over: what matters is that each list is elsewhere.
        some = np.sort(rng.integers(0, neurons, (1000, degree), dtype=np.int32), axis=1).reshape(-1)
        post, weights = np.resize(some, neurons * degree), np.ones(neurons * degree, np.int16)
        begins = [degree * np.sort(rng.choice(neurons, active // threads, replace=False)) for _ in range(8 * threads)]
        sums = [np.zeros(neurons, np.int16 if width == 2 else np.int32) for _ in range(threads)]
        places = (post.ctypes.data, weights.ctypes.data)

        def loop(i: int, times: int) -> None:
            for r in range(times):  # each time other lists, or they would be in the cache
                _add_lists(begins[(8 * i + r) % len(begins)], degree, post, weights, places, sums[i])

        return threads * _best(loop, float(len(begins[0]) * degree), threads)

    # A cache by the power of two, in halves: what is about as large lies in the same memory.
    def near(size: float) -> int:
        return int(2 ** (np.round(2 * np.log2(max(size, 1024))) / 2))

    return Rates(
        lambda kind, reach, threads: bandwidth(
            "state" if kind == "state" else "read", min(near(reach), 1 << 30), threads
        ),
        lambda kind, sums, threads: operations(kind, near(sums), threads),
        lambda case, width, threads: scattered(
            case.neurons, case.degree, max(threads, round(case.activity * case.neurons)), width, threads
        ),
    )


def _best(loop: Callable[[int, int], Any], work: float, threads: int) -> float:
    """Work a second of one of the threads, at the best of many times."""
    loop(0, 1)
    times = 1
    while (taken := _seconds(loop, times, 1)) < LEAST:
        times = int(times * min(10, max(2, 1.2 * LEAST / max(taken, 1e-9))))
    with ThreadPoolExecutor(threads) as pool:
        taken = min(_seconds(loop, times, threads, pool) for _ in range(REPEATS))
    return work * times / taken


def _seconds(
    loop: Callable[[int, int], Any], times: int, threads: int, pool: ThreadPoolExecutor | None = None
) -> float:
    started = time.perf_counter()
    if pool is None or threads == 1:
        loop(0, times)
    else:
        for done in [pool.submit(loop, i, times) for i in range(threads)]:
            done.result()
    return time.perf_counter() - started


@numba.njit(nogil=True)
def _copy(source: Any, target: Any, times: int) -> None:
    for r in range(times):
        for i in range(target.shape[0]):
            target[i] = source[i] + r


@numba.njit(nogil=True)
def _read(values: Any, times: int) -> int:
    total = 0
    for r in range(times):
        for i in range(values.shape[0]):
            total += values[i] ^ r
    return total


@numba.njit(nogil=True)
def _decay(values: Any, keep: Any, times: int) -> None:
    for _ in range(times):
        for i in range(values.shape[0]):
            x = values[i]
            a = np.int32(abs(x))
            high = np.int32(np.int32(a >> np.int32(12)) * keep[i])
            low = np.int32(np.int32(np.int32(a & np.int32(4095)) * keep[i]) >> np.int32(12))
            r = np.int32(high + low)
            values[i] = r if x >= 0 else np.int32(-r)


@numba.njit(nogil=True)
def _widen(cells: Any, totals: Any, times: int) -> None:
    """Four at a time, as the engine does, so that totals are read and written once for four."""
    for _ in range(times):
        for i in range(totals.shape[0]):
            four = np.uint16(np.uint16(cells[i]) + np.uint16(cells[i] ^ 1))
            more = np.uint16(np.uint16(cells[i] ^ 2) + np.uint16(cells[i] ^ 3))
            totals[i] = np.uint16(totals[i] + four + more)


@numba.njit(nogil=True)
def _scatter(places: Any, weights: Any, target: Any, times: int) -> None:
    for _ in range(times):
        for k in range(places.shape[0]):
            target[places[k]] += weights[k]


@numba.njit(nogil=True)
def _add_lists(begins: Any, degree: int, post: Any, weights: Any, places: Any, target: Any) -> None:
    for j in range(begins.shape[0]):
        if j + AHEAD < begins.shape[0]:
            for line in range(degree // 16 + 1):
                prefetch(places[0] + 4 * begins[j + AHEAD] + 64 * line)
            for line in range(degree // 32 + 1):
                prefetch(places[1] + 2 * begins[j + AHEAD] + 64 * line)
        for k in range(begins[j], begins[j] + degree):
            target[np.uint32(post[k])] += weights[k]
