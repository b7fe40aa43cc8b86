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
    indptr: NDArray[np.uint64],
    place: NDArray[np.uint64],
    weight: NDArray[np.float64],
    begin: np.uint64,
    ring: NDArray[np.float64],
) -> None:
    """Add to `ring` `[sample, step * sum]` what spikes `[sample, source]` deliver.

    place: of each synapse, how far behind `begin`, the next step's sums, it delivers; beyond the end is the beginning.
    """
    # Signed numbers would be looked at before each use: as indices they may count from the end.
    size = np.uint64(ring.shape[1])
    for i in range(len(fired)):
        sums = ring[i]
        for j in range(fired.shape[1]):
            if fired[i, j] == 0:
                continue
            for k in range(indptr[j], indptr[j + 1]):
                at = begin + place[k]
                if at >= size:
                    at -= size
                sums[at] += fired[i, j] * weight[k]
