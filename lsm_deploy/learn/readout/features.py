"""Features of samples: what a linear readout sees of spikes, in integers, as the chip or its host would hold them.

A sample of length L falls into parts [k L // n, (k + 1) L // n); where L < n some are empty: see `check_parts`. `bins`
counts each part's spikes, or takes floor(16 sqrt(count)) of them. `rates` sums counts over groups of neurons. `traces`
is the current of a neuron on the chip that hears one other,

    u = t0(u * (4096 - (du + 1))) + (weight << 6) * spike

from 0 at the start of a sample to the end of a part. A spike is felt in its own step, where a neuron would feel it in
the next. `weight` is a power of two, the largest up to 128 at which a spike in every step stays within 24 bits: with a
weight of 1, truncation would forget a spike within 64 steps, however slow the trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from lsm_deploy.core import fixed
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons import membrane
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.learn.readout import kernels
from lsm_deploy.spec.schema import Bins, Rates, Readout, Traces

__all__ = [
    "check_parts",
    "extract_features",
    "float_features",
    "group_starts",
    "mean_bins",
    "parts_of",
    "trace_registers",
    "width",
]

LARGEST_WEIGHT = 128


def extract_features(spikes: Messages, starts: Ints, readout: Readout, dt_ms: float, sizes: Sequence[int] = ()) -> Ints:
    """Features `[sample, part * neuron]` (or `part * group`) of the spikes `[t, neuron]` of what is read.

    sizes: how many neurons each population has; left out, they are one.
    """
    spikes = np.ascontiguousarray(spikes)
    edges = _edges(starts, len(spikes), parts_of(readout))
    values = np.zeros((len(starts), parts_of(readout), spikes.shape[1]), np.int64)
    if isinstance(readout.features, Traces):
        du, weight = trace_registers(readout.features.tau_ms, dt_ms)
        kernels.decay_parts(spikes, edges, fixed.DECAY_UNITY - (du + 1), weight << fixed.ACT_SHIFT, values)
    else:
        kernels.count_parts(spikes, edges, values)
    if isinstance(readout.features, Bins) and readout.features.root:
        # Roots of whole numbers below 2**52 are rounded correctly, and so is their whole part.
        values = np.sign(values) * np.floor(np.sqrt(np.abs(values) << 8)).astype(np.int64)
    if isinstance(readout.features, Rates):
        values = np.add.reduceat(values, group_starts(sizes or spikes.shape[1:], readout.features.groups), axis=2)
    return values.reshape(len(starts), -1)


def float_features(spikes: Messages, starts: Ints, readout: Readout, dt_ms: float, sizes: Sequence[int] = ()) -> Floats:
    """The same without rounding; roots as they are, traces as sums of exp(-(r - t) dt / tau) over spikes at t <= r, a
    part's last step."""
    if isinstance(readout.features, Bins) and readout.features.root:
        counted = replace(readout, features=replace(readout.features, root=False))
        counts = extract_features(spikes, starts, counted, dt_ms, sizes)
        return np.asarray(16 * np.sign(counts) * np.sqrt(np.abs(counts)))
    if not isinstance(readout.features, Traces):
        return extract_features(spikes, starts, readout, dt_ms, sizes).astype(np.float64)
    edges, tau_steps = _edges(starts, len(spikes), readout.features.samples), readout.features.tau_ms / dt_ms
    values = np.zeros((len(starts), readout.features.samples, spikes.shape[1]))
    for sample, row in enumerate(edges):
        last = np.zeros(spikes.shape[1])
        for k, (a, b) in enumerate(pairwise(row)):
            last = last * np.exp(-(b - a) / tau_steps) + np.exp(-np.arange(b - a)[::-1] / tau_steps) @ spikes[a:b]
            values[sample, k] = last
    return values.reshape(len(starts), -1)


def trace_registers(tau_ms: float, dt_ms: float) -> tuple[int, int]:
    """The decay `du` of a trace, and the weight of a spike."""
    leak = max(1, int(membrane.decay_of(np.array(tau_ms), dt_ms)))
    most = fixed.UV_LIMIT // fixed.DECAY_UNITY * leak >> fixed.ACT_SHIFT  # a spike a step sums to weight * 4096 / leak
    return leak - 1, min(LARGEST_WEIGHT, 1 << most.bit_length() - 1)


def check_parts(readout: Readout, lengths: Ints, where: str) -> None:
    """No sample has fewer steps, `lengths` `[sample]`, than there are parts; a part without a step says nothing."""
    parts = parts_of(readout)
    if parts > 1 and len(lengths) and (shortest := int(lengths.min())) < parts:
        name = "samples" if isinstance(readout.features, Traces) else "bins"
        raise LsmError(
            f"{name} is {parts}, and sample {lengths.argmin()} has {shortest} steps",
            where=where,
            hint=f"take at most {shortest}, or leave out short samples" if shortest else "leave out empty samples",
        )


def mean_bins(frames: Floats, starts: Ints, parts: int) -> Floats:
    """Means `[sample, part * channel]` over the same parts; one that is empty repeats the frame at its start."""
    edges = _edges(starts, len(frames), parts)
    frames, means = np.ascontiguousarray(frames), np.zeros((len(starts), parts, frames.shape[1]))
    kernels.count_parts(frames, edges, means)
    many = np.diff(edges, axis=1)
    means /= np.maximum(many, 1)[:, :, None]
    means[many == 0] = frames[edges[:, :-1][many == 0]]
    return means.reshape(len(starts), -1)


def parts_of(readout: Readout) -> int:
    return readout.features.samples if isinstance(readout.features, Traces) else readout.features.bins


def width(readout: Readout, sizes: Sequence[int]) -> int:
    """How many features there are of populations of these sizes."""
    if isinstance(readout.features, Rates):
        return parts_of(readout) * len(group_starts(sizes, readout.features.groups))
    return parts_of(readout) * sum(sizes)


def group_starts(sizes: Sequence[int], groups: int) -> list[int]:
    """The first neuron of each group; a population of fewer neurons than groups has one of each."""
    firsts, before = [], 0
    for size in sizes:
        n = min(groups, size)
        firsts += [before + k * size // n for k in range(n)]
        before += size
    return firsts


def _edges(starts: Ints, steps: int, parts: int) -> Ints:
    """Where the parts of each sample begin and end `[sample, part + 1]`."""
    lengths = np.diff(starts, append=steps)
    edges: Ints = starts[:, None] + lengths[:, None] * np.arange(parts + 1) // parts
    return edges
