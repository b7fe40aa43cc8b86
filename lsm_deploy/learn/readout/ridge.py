"""Ridge regression of classes for many regularisations: one Gram matrix a fold, and one Cholesky factor for each.

With z the standardised features, t = +1 for a sample's class and -1 for the others, and w the samples' weights,

    coef = (Z' W Z + a I)^-1 Z' W T       Z, T centred by their weighted means; intercept = mean t - mean z . coef

or, with fewer samples than features, coef = Z' W (..) through the kernel Z Z'. A factor takes a third of the features
cubed, an eigendecomposition some thirty times that: it would pay for thirty regularisations. Folds of unweighted
samples share most of their Gram matrix, so that it is computed once, and what is held out is taken off.
Hoerl & Kennard, Technometrics 12 (1970); scikit-learn's `RidgeClassifier` is the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["LARGEST", "RidgeFolds", "ridge", "solve", "targets_of"]

LARGEST = 1e150
"""Of features: the squares of larger ones overflow."""

Solution = tuple[Floats, Floats]
"""Coefficients `[class, feature]` of standardised features, intercepts `[class]`."""


def targets_of(y: Ints, classes: int) -> Floats:
    """+1 for a sample's class, -1 for the others `[sample, class]`."""
    return np.where(y[:, None] == np.arange(classes), 1.0, -1.0)


def ridge(
    z: Floats, t: Floats, weights: Floats | None, strengths: Sequence[float], centre: bool = True
) -> list[Solution]:
    """A solution for each strength; without `centre` there is no intercept."""
    w = np.ones(len(z)) if weights is None else weights
    z_mean, t_mean = (w @ z / w.sum(), w @ t / w.sum()) if centre else (np.zeros(z.shape[1]), np.zeros(t.shape[1]))
    z, t = z - z_mean, t - t_mean
    if weights is not None:
        root = np.sqrt(w)[:, None]
        z, t = z * root, t * root
    if len(z) < z.shape[1]:
        kernel = z @ z.T
        # All at once: the features are read once.
        together = np.hstack([solve(kernel, t, a) for a in strengths])
        coefs = np.split(together.T @ z, len(strengths))
    else:
        gram, cross = z.T @ z, z.T @ t
        coefs = [solve(gram, cross, a).T for a in strengths]
    return [(coef, t_mean - coef @ z_mean) for coef in coefs]


def solve(matrix: Floats, right: Floats, strength: float) -> Floats:
    from scipy.linalg import cho_factor, cho_solve, eigh

    shifted = matrix.copy()
    shifted.flat[:: len(matrix) + 1] += strength
    try:
        # Transposed it is the same, in LAPACK's order.
        factor = cho_factor(shifted.T, lower=True, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError:  # the strength is lost beside the largest eigenvalue
        values, vectors = eigh(matrix, check_finite=False)
        lost = values <= len(values) * np.finfo(np.float64).eps * values.max()
        # Of directions that are rounding errors nothing is known: there the answer is 0, as of a pseudo-inverse.
        part = np.where(lost, 0.0, 1 / np.where(lost, 1.0, values + strength))
        coef: Floats = vectors @ ((vectors.T @ right) * part[:, None])
        return coef
    solved: Floats = cho_solve(factor, right, check_finite=False)
    return solved


class RidgeFolds:
    """Unweighted folds of the features `x` `[sample, feature]`, at least as many samples as features in each."""

    def __init__(self, x: Floats, t: Floats) -> None:
        # About the mean of all, whatever is constant at 0: moments about 0 would lose digits.
        self.mean, deviation = x.mean(axis=0), x.std(axis=0)
        self.scale = np.where(deviation > 0, deviation, 1.0)
        self.z, self.t = (x - self.mean) / self.scale, t
        self.gram, self.cross = self.z.T @ self.z, self.z.T @ t

    def solve(self, held_out: Ints, mean: Floats, scale: Floats, strengths: Sequence[float]) -> list[Solution]:
        """Trained on all but `held_out`, whose others have this mean and scale (infinite where they are constant)."""
        z, t, n = self.z[held_out], self.t[held_out], len(self.z) - len(held_out)
        centre, unit = (mean - self.mean) / self.scale, self.scale / scale
        t_mean = (self.t.sum(axis=0) - t.sum(axis=0)) / n
        gram = self.gram - z.T @ z
        gram -= n * np.outer(centre, centre)
        gram *= unit
        gram *= unit[:, None]
        cross = (self.cross - z.T @ t - n * np.outer(centre, t_mean)) * unit[:, None]
        # The features are centred, so the intercept is the mean target.
        return [(solve(gram, cross, a).T, t_mean) for a in strengths]
