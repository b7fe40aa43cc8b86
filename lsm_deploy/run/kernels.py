"""Float synapses: what spikes add to the sums of later steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.compiled import compiled
from lsm_deploy.core.messages import Messages

__all__ = ["send"]


@compiled
def send(
    fired: Messages | NDArray[np.float64],
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    weight: NDArray[np.float64],
    delay: NDArray[np.int32],
    first: int,
    t: int,
    ring: NDArray[np.float64],
) -> None:
    """Add to `ring` `[step % len, sample, neuron]` what the spikes `[sample, source]` of step t deliver,
    delay + 1 steps later.

    first: the number of the projection's first target. What would arrive beyond the ring's end never does.
    """
    horizon, next_row = len(ring), (t + 1) % len(ring)
    for i in range(len(fired)):
        for j in range(fired.shape[1]):
            if fired[i, j] == 0:
                continue
            for k in range(indptr[j], indptr[j + 1]):
                if delay[k] < horizon - 1:
                    row = next_row + delay[k]  # a division takes longer than all else here
                    ring[row if row < horizon else row - horizon, i, first + post[k]] += fired[i, j] * weight[k]
