"""The median of what came so far, at each interval between beats."""

from __future__ import annotations

from lsm_deploy.core.compiled import compiled
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["running_medians"]


@compiled
def running_medians(rr: Floats, ordered: Floats, medians: Floats) -> None:
    """Of each window's intervals `[window, interval]` up to each; ordered: room for those of one window."""
    for window in range(len(rr)):
        for i in range(rr.shape[1]):
            value, at = rr[window, i], i
            while at > 0 and ordered[at - 1] > value:
                ordered[at] = ordered[at - 1]
                at -= 1
            ordered[at] = value
            half = (i + 1) // 2
            medians[window, i] = (ordered[half] + ordered[i - half]) / 2
