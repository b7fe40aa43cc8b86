"""What neurons receive."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compiled import compiled

__all__ = ["deliver"]


@compiled
def deliver(
    post: NDArray[np.int32],
    weights: NDArray[np.int16],
    weight_exp: int,
    signed: bool,
    first: int,
    most: NDArray[np.int64],
) -> None:
    """Add to `most` `[sign, neuron]` what all synapses of either sign deliver at once; a signed source does both.

    first: the number of the projection's first target.
    """
    for k in range(len(post)):
        added = np.int64(weights[k]) << weight_exp
        if signed or added > 0:
            most[0, first + post[k]] += abs(added)
        if signed or added < 0:
            most[1, first + post[k]] += abs(added)
