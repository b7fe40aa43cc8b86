"""Recursive least squares: a linear readout that learns from every sample as it comes, and forgets old ones.

With x the features and a 1, d what they should give, and l the forgetting factor,

    k = P x / (l + x' P x);   w = w + k (d - w' x);   P = (P - k x' P) / l          P = I / regularisation at first

Haykin, Adaptive Filter Theory (2002), chapter 9. With l = 1 and the network's own output fed back this is the FORCE
rule, Sussillo & Abbott, Neuron 63 (2009). After n samples w is the ridge solution of weights l^(n - i) and a strength
of regularisation * l^n.

Only one triangle of P is kept, so that it stays symmetric. Where nothing excites a direction, P grows there by 1 / l a
step (wind-up): P stops growing as soon as its trace is `WIND_UP` times what it was at first.
"""

from __future__ import annotations

import numpy as np

from lsm_deploy.core.neurons.kind import Floats

__all__ = ["WIND_UP", "Recursive", "start_after"]

WIND_UP = 1e4


class Recursive:
    """weights `[feature + 1, output]`, the last row of them the intercept; p `[feature + 1, feature + 1]`, lower."""

    def __init__(self, features: int, outputs: int, forgetting: float, regularisation: float) -> None:
        if not 0 < forgetting <= 1 or not regularisation > 0:
            raise ValueError(f"forgetting {forgetting}, regularisation {regularisation}")
        self.forgetting, self.regularisation = forgetting, regularisation
        self.weights = np.zeros((features + 1, outputs))
        self.p: Floats = np.asfortranarray(np.eye(features + 1) / regularisation)

    def predict(self, x: Floats) -> Floats:
        """What the features `[sample, feature]` give `[sample, output]`."""
        given: Floats = x @ self.weights[:-1] + self.weights[-1]
        return given

    def learn(self, x: Floats, target: Floats) -> Floats:
        """Take in one sample; returns what was predicted for it before."""
        from scipy.linalg.blas import dsymv, dsyr

        row = np.append(x, 1.0)
        predicted: Floats = row @ self.weights
        px = dsymv(1.0, self.p, row, lower=1)
        # Rounding may make a tiny x' P x negative.
        divisor = self.forgetting + max(float(row @ px), 0.0)
        self.weights += np.outer(px / divisor, target - predicted)
        self.p = dsyr(-1.0 / divisor, px, a=self.p, lower=1, overwrite_a=1)
        most = WIND_UP * len(row) / self.regularisation
        if self.forgetting < 1 and float(np.trace(self.p)) <= most * self.forgetting:
            self.p /= self.forgetting
        return predicted


def start_after(x: Floats, targets: Floats, weights: Floats, forgetting: float, regularisation: float) -> Recursive:
    """As if `learn` had taken the samples one after the other, each counting `weights` times, in closed form.

    But for wind-up: what is forgotten of the regularisation ends at 1 / WIND_UP of it.
    """
    n = len(x)
    learner = Recursive(x.shape[1], targets.shape[1], forgetting, regularisation)
    rows = np.column_stack([x, np.ones(n)])
    weighted = rows * (weights * forgetting ** np.arange(n - 1, -1, -1.0))[:, None]
    information = weighted.T @ rows
    # Less would be lost in rounding, and where features repeat each other there would be no inverse.
    strength = strength_after(n, forgetting, regularisation)
    least = 10 * np.finfo(np.float64).eps * float(np.trace(information))
    moments = weighted.T @ targets
    # An inverse so near to none multiplies rounding: the weights are those that vanishing regularisation tends to.
    limit = np.linalg.lstsq(information, moments, rcond=_SINGULAR)[0] if strength < least else None
    information.flat[:: len(information) + 1] += max(strength, least)
    learner.p = np.asfortranarray(np.linalg.inv(information))
    learner.weights = learner.p @ moments if limit is None else limit
    return learner


_SINGULAR = 1e-12
"""Of the largest singular value: what is smaller is rounding."""


def strength_after(samples: int, forgetting: float, regularisation: float) -> float:
    return regularisation * max(forgetting**samples, 1 / WIND_UP)
