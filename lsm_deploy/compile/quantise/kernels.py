"""Floats to the chip's integers, and what all synapses of a neuron deliver, in one pass that keeps no array between.

`fixed.stable` stands here inlined, on the bits of a single number; a test holds both to the same result.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.quantise.cost import FAR
from lsm_deploy.core.compiled import compiled
from lsm_deploy.core.fixed import DROPPED, LEAST_WEIGHT

__all__ = ["gather", "to_grid", "to_steps"]

_HALF = (1 << DROPPED - 1) - 1
_MASK = -1 << DROPPED


@compiled
def to_grid(
    weight: NDArray[np.float64],
    factor: float,
    step: int,
    low: int,
    high: int,
    unit: float,
    weights: NDArray[np.int16],
    seen: NDArray[np.bool_],
) -> tuple[float, float, int]:
    """The nearest weights on the grid: `step` times the nearest integer to weight * factor, held within low and high.

    unit: what 1 on the grid stands for. weights takes the result, and `seen` `[256 + weight]` which there are; with no
    room for it only the rest is found. Returns the squared error, the squares of the weights, how many were clipped.
    """
    error, size, clipped = 0.0, 0.0, 0
    for k in range(len(weight)):
        bits = np.float64(weight[k] * factor).view(np.int64)
        bits += _HALF + (bits >> DROPPED & 1)
        bits &= _MASK
        nearest = np.rint(np.int64(bits).view(np.float64)) * step
        held = min(max(nearest, np.float64(low)), np.float64(high))
        clipped += held != nearest
        error += (held * unit - weight[k]) ** 2
        size += weight[k] ** 2
        if len(weights):
            weights[k] = np.int16(held)
            seen[weights[k] - LEAST_WEIGHT] = True
    return error, size, clipped


@compiled
def to_steps(
    delay_ms: NDArray[np.float64], dt_ms: float, most: int, delays: NDArray[np.uint8]
) -> tuple[int, int, float]:
    """The nearest whole steps, held to `most`, into `delays`.

    Returns how many were held, how many rounding alone moves by more than a tenth, and the largest change in ms.
    """
    late, far, largest = 0, 0, 0.0
    for k in range(len(delay_ms)):
        bits = np.float64(delay_ms[k] / dt_ms).view(np.int64)
        bits += _HALF + (bits >> DROPPED & 1)
        bits &= _MASK
        nearest = np.rint(np.int64(bits).view(np.float64))
        held = min(nearest, np.float64(most))
        late += held != nearest
        change = abs(held * dt_ms - delay_ms[k])
        far += held == nearest and change > FAR * delay_ms[k] * (1 + 1e-9)
        largest = max(largest, change)
        delays[k] = np.uint8(held)
    return late, far, largest


@compiled
def gather(post: NDArray[np.int32], weight: NDArray[np.float64], signed: bool, most: NDArray[np.float64]) -> None:
    """Add to `most` `[sign, neuron]` what all synapses of either sign deliver at once; a signed source does both."""
    for k in range(len(post)):
        if signed or weight[k] > 0:
            most[0, post[k]] += abs(weight[k])
        if signed or weight[k] < 0:
            most[1, post[k]] += abs(weight[k])
