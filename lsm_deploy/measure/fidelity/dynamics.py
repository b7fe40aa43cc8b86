"""How near a liquid is to exploding: the spectral radius of its weights, the branching ratio of its activity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from lsm_deploy.core.in_floats import weights_in_floats
from lsm_deploy.core.ir import INPUT, Network, QNetwork, QProjection
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.streams import stream

__all__ = ["branching_ratio", "spectral_radius"]

_DENSE = 1000
"""Neurons up to which all eigenvalues are computed."""
_LAGS = 40
"""Steps over which activity is followed, at most."""


def spectral_radius(network: Network | QNetwork) -> float | None:
    """The largest magnitude of an eigenvalue of all weights between neurons, in units of the float weights.

    None where no synapse joins neurons, or the iteration does not converge.
    """
    matrix = _between_neurons(network)
    if not matrix.nnz:
        return None
    size = matrix.shape[0]
    if size <= _DENSE:
        return float(np.abs(np.linalg.eigvals(matrix.toarray())).max())
    start = stream(0, "spectral radius", size).random(size)
    try:
        eigenvalues = sparse.linalg.eigs(matrix, k=4, v0=start, tol=1e-6, return_eigenvectors=False)
    except sparse.linalg.ArpackError:
        return None
    return float(np.abs(eigenvalues).max())


def _between_neurons(network: Network | QNetwork) -> sparse.csc_array:
    """Weights `[post, pre]` of all populations, in floats; without those onto gates, which add to no state."""
    total = sparse.csc_array((network.neurons, network.neurons))
    for p in network.projections:
        if p.source == INPUT or p.port:
            continue
        weight = weights_in_floats(network, p) if isinstance(p, QProjection) else p.weight
        before, rows = network.offsets[p.source], len(p.indptr) - 1
        indptr = np.concatenate([np.zeros(before), p.indptr, np.full(network.neurons - before - rows, p.indptr[-1])])
        total = total + sparse.csc_array((weight, p.post + network.offsets[p.target], indptr), shape=total.shape)
    return total


def branching_ratio(spikes: Messages, starts: NDArray[np.int64]) -> float | None:
    """Spikes that one spike causes, one step later: m of r(k) = b m^k, r(k) the regression of A(t + k) on A(t).

    A is the number of spikes in a step, or the sum of what graded neurons send, in magnitude. The branching parameter
    of Beggs & Plenz, J. Neurosci. 23 (2003), estimated as Wilting & Priesemann, Nature Comm. 9 (2018), do.
    What the input has in common with
    itself counts as well: compare it before and after, not with 1. None where activity does not vary, or has no memory.
    """
    activity = np.abs(spikes.astype(np.float64)).sum(axis=1)
    parts = np.split(activity, starts[1:])
    mean, slopes = activity.mean(), []
    for lag in range(1, _LAGS + 1):
        pairs = [(part[:-lag] - mean, part[lag:] - mean) for part in parts if len(part) > lag]
        power = sum(float((now**2).sum()) for now, _ in pairs)
        slope = sum(float((now * later).sum()) for now, later in pairs) / power if power else 0.0
        if slope <= 0:
            break
        slopes.append(slope)
    if len(slopes) < 2:
        return None
    lags: Floats = np.arange(1.0, len(slopes) + 1)
    # Weighted by r: the logarithm of what is nearly 0 is mostly noise.
    return float(np.exp(np.polyfit(lags, np.log(slopes), 1, w=slopes)[0]))
