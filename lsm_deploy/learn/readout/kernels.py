"""Spikes summed and decayed over the parts of samples: one pass over a trace, which is read as it lies in memory.

A part holds rows `edges[sample, k]` up to `edges[sample, k + 1]`, of which `out` `[sample, part, neuron]` gets one
value a neuron.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.compiled import compiled
from lsm_deploy.core.messages import Messages

__all__ = ["count_parts", "decay_parts", "race"]

LIMIT = fixed.UV_LIMIT


@compiled
def count_parts(
    spikes: Messages | NDArray[np.float64], edges: NDArray[np.int64], out: NDArray[np.int64] | NDArray[np.float64]
) -> None:
    """The sum of each part's spikes, or of frames in floats, one after the other."""
    for sample in range(len(edges)):
        for k in range(edges.shape[1] - 1):
            row = out[sample, k]
            for t in range(edges[sample, k], edges[sample, k + 1]):
                for n in range(len(row)):
                    row[n] += spikes[t, n]


@compiled
def decay_parts(spikes: Messages, edges: NDArray[np.int64], keep: int, step: int, out: NDArray[np.int64]) -> None:
    """A register from 0 in each sample, `x = x * keep / 4096, towards 0, + step * spike`, at the end of each part."""
    neurons = spikes.shape[1]
    x = np.zeros(neurons, np.int64)
    for sample in range(len(edges)):
        x[:] = 0
        for k in range(edges.shape[1] - 1):
            for t in range(edges[sample, k], edges[sample, k + 1]):
                for n in range(neurons):
                    product = x[n] * keep
                    # Adding 4095 to a negative product makes the shift, which floors, truncate: and no branch.
                    up = (product >> 63) & fixed.LARGEST_DECAY
                    x[n] = ((product + up) >> fixed.DECAY_BITS) + step * spikes[t, n]
            for n in range(neurons):  # numba compiles for three seconds what it says of slices that do not fit
                out[sample, k, n] = x[n]


@compiled
def race(
    drive: NDArray[np.int64],
    starts: NDArray[np.int64],
    threshold: int,
    counts: NDArray[np.int64],
    reached: NDArray[np.int64],
) -> None:
    """Integrators `[class]` that `drive` `[t, class]` moves, from 0 at each start, and back to 0 above `threshold`.

    counts: spikes `[sample, class]`; reached: the step of the last one. Voltages are held within 24 bits.
    """
    steps, classes = drive.shape
    for c in range(classes):
        for sample in range(len(starts)):
            stop = starts[sample + 1] if sample + 1 < len(starts) else steps
            v = 0
            for t in range(starts[sample], stop):
                v = max(-LIMIT, min(LIMIT, v + drive[t, c]))
                if v > threshold:
                    v = 0
                    counts[sample, c] += 1
                    reached[sample, c] = t
