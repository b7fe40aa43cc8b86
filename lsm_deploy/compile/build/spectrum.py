"""The spectral radius of recurrent weights: the magnitude of their largest eigenvalue."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.streams import stream

__all__ = ["spectral_factor", "spectral_radius_of"]


def spectral_radius_of(matrix: sparse.csc_array, where: str) -> float:
    """Of a square matrix `[post, pre]`."""
    size = matrix.shape[0]
    if size <= 1000:
        return float(np.abs(np.linalg.eigvals(matrix.toarray())).max())
    start = stream(0, "arnoldi", size).random(size)  # fixed, or the result would vary in its last digits
    try:
        return float(np.abs(sparse.linalg.eigs(matrix, k=1, v0=start, tol=1e-12, return_eigenvectors=False)[0]))
    except sparse.linalg.ArpackError as error:
        raise LsmError(
            f"its spectral radius could not be computed: {error}", where=where, hint="scale the weights yourself"
        ) from None


def spectral_factor(radius: float, matrix: sparse.csc_array, where: str) -> float:
    """What the weights are to be multiplied by, so that their spectral radius is this one."""
    now = spectral_radius_of(matrix, where)
    if now < 1e-9 * float(np.abs(matrix.data).max(initial=1e-300)):
        raise LsmError(
            "its weights have a spectral radius of 0: there is no cycle to scale", where=where, hint="make it denser"
        )
    return float(f"{radius / now:.6g}")
