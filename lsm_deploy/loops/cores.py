"""What neurons receive, and how they fill cores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.loops.compiled import compiled

__all__ = ["axons_of", "deliver", "fill_cores"]


@compiled
def deliver(
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    weights: NDArray[np.int16],
    weight_exp: int,
    signed: bool,
    first: int,
    intervals: NDArray[np.int64],
    stays: NDArray[np.float64],
    most: NDArray[np.int64],
    drive: NDArray[np.float64],
) -> None:
    """Add what all synapses of either sign deliver, once to `most` and in the long run to `drive`, `[sign, neuron]`.

    A source, with `intervals` `[source]` steps between two spikes at least (0: it has none), delivers w, and in the
    long run w (1 + r^m + r^2m + ...) of which the share r = `stays` `[neuron]` is left after each step. A signed source
    delivers both signs. first: the number of the projection's first target.
    """
    for j in range(len(indptr) - 1):
        m = intervals[j]
        if m == 0:
            continue
        for k in range(indptr[j], indptr[j + 1]):
            target = first + post[k]
            added = np.int64(weights[k]) << weight_exp
            stay = stays[target]
            lasting = abs(added) / (1.0 - (stay if m == 1 else stay**m))
            if signed or added > 0:
                most[0, target] += abs(added)
                drive[0, target] += lasting
            if signed or added < 0:
                most[1, target] += abs(added)
                drive[1, target] += lasting


@compiled
def fill_cores(
    indptr: NDArray[np.int64],
    sources: NDArray[np.int32],
    groups: NDArray[np.int64],
    source_count: int,
    most: tuple[int, int, int, int],
    cores: NDArray[np.int32],
) -> int:
    """Fill `cores` with one core after the other; `most` neurons, synapses, axons and groups each.

    Returns the number of neurons that were placed: fewer than all if the next one has too many axons for any core.
    """
    reached = np.full(source_count, -1, np.int32)  # the last core that an axon of each source entered
    core, neurons, synapses, axons, mixed = 0, 0, 0, 0, 0
    neuron = 0
    while neuron < len(groups):
        row = range(indptr[neuron], indptr[neuron + 1])
        new_group = neurons == 0 or groups[neuron] != groups[neuron - 1]
        new_axons = 0
        if neurons < most[0] and synapses + len(row) <= most[1] and mixed + new_group <= most[3]:
            for k in row:
                if reached[sources[k]] != core:
                    reached[sources[k]] = core
                    new_axons += 1
            if axons + new_axons <= most[2]:
                cores[neuron] = core
                neurons += 1
                synapses += len(row)
                axons += new_axons
                mixed += new_group
                neuron += 1
                continue
        if neurons == 0:
            break
        core += 1
        neurons, synapses, axons, mixed = 0, 0, 0, 0
    return neuron


@compiled
def axons_of(
    indptr: NDArray[np.int64],
    sources: NDArray[np.int32],
    source_count: int,
    cores: NDArray[np.int32],
    order: NDArray[np.int64],
    axons: NDArray[np.int64],
) -> None:
    """Count into `axons` `[core]` the sources with a synapse onto each core; `order` goes through neurons by core."""
    reached = np.full(source_count, -1, np.int32)
    for neuron in order:
        core = cores[neuron]
        for k in range(indptr[neuron], indptr[neuron + 1]):
            if reached[sources[k]] != core:
                reached[sources[k]] = core
                axons[core] += 1
