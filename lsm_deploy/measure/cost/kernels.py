"""What spikes cause on cores, counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.compiled import compiled

__all__ = ["count_reached", "list_reached", "spread"]


@compiled
def count_reached(
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    targets: NDArray[np.int32],
    cores: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Write how many cores each source `[source]` reaches."""
    reached = np.full(cores.max() + 1, -1, np.int64)
    for source in range(len(counts)):
        for k in range(begin[source], end[source]):
            core = cores[targets[k]]
            if reached[core] != source:
                reached[core] = source
                counts[source] += 1


@compiled
def list_reached(
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    targets: NDArray[np.int32],
    cores: NDArray[np.int32],
    indptr: NDArray[np.int64],
    to: NDArray[np.int32],
    synapses: NDArray[np.int32],
) -> None:
    """Write the cores that each source reaches and its synapses there, in rows that `indptr` begins."""
    row = np.full(cores.max() + 1, -1, np.int64)  # where a core stands in the row of the present source
    for source in range(len(indptr) - 1):
        last = indptr[source]
        for k in range(begin[source], end[source]):
            core = cores[targets[k]]
            if row[core] < indptr[source]:
                row[core] = last
                to[last] = core
                synapses[last] = 0
                last += 1
            synapses[row[core]] += 1


@compiled
def spread(
    steps: NDArray[np.int64],
    fired: NDArray[np.int64],
    indptr: NDArray[np.int64],
    to: NDArray[np.int32],
    synapses: NDArray[np.int32],
    cores: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Add to `counts` `[step, kind, core]` spikes, messages out, messages in and synaptic operations.

    The k-th spike is that of source `fired[k]` in step `steps[k]`; sources beyond the neurons are on no core.
    """
    for k in range(len(fired)):
        step, source = steps[k], fired[k]
        begin, end = indptr[source], indptr[source + 1]
        if source < len(cores):
            counts[step, 0, cores[source]] += 1
            counts[step, 1, cores[source]] += end - begin
        for entry in range(begin, end):
            counts[step, 2, to[entry]] += 1
            counts[step, 3, to[entry]] += synapses[entry]
