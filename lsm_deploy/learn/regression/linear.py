"""A linear readout of signals: ridge or recursive least squares, the strength chosen on held-out blocks of time.

Features are standardised on the rows that are trained on;

    y = coef @ (x - mean) / scale + intercept

The strength of regularisation is the one with the least NRMSE on held-out blocks, and that is measured with weights as
they will be deployed: in integers, or in floats. A weak
regularisation has huge weights that cancel each other, and rounding them costs what they gain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.shown import Brief
from lsm_deploy.learn.readout.classifier import standard
from lsm_deploy.learn.readout.online import start_after
from lsm_deploy.learn.readout.ridge import Solution, ridge
from lsm_deploy.learn.regression.blocks import blocks_of
from lsm_deploy.learn.regression.integer import IntegerRegressor, answer, quantise_regressor
from lsm_deploy.spec.schema import Regression

__all__ = ["Quantise", "Regressor", "fit", "predict", "quantised", "to_bits"]


@dataclass(frozen=True, eq=False, repr=False)
class Regressor(Brief):
    """mean, scale `[feature]`, coef `[output, feature]` (0 where a feature is constant), intercept `[output]`.

    candidates, cv_nrmse `[candidate]`: each regularisation, and its NRMSE on held-out blocks, with deployed weights.
    """

    mean: Floats
    scale: Floats
    coef: Floats
    intercept: Floats
    regularisation: float
    candidates: Floats
    cv_nrmse: Floats

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        features, outputs = self.coef.shape[-1:], self.coef.shape[:1]
        shapes = {
            "mean": features,
            "scale": features,
            "coef": (*outputs, *features),
            "intercept": outputs,
            "candidates": self.candidates.shape,
            "cv_nrmse": self.candidates.shape,
        }
        for name, shape in shapes.items():
            freeze(self, **{name: np.float64})
            array = getattr(self, name)
            if array.shape != shape or not np.isfinite(array).all():
                raise ValueError(f"{name} has shape {array.shape}, not {shape}, or is not finite")
        if self.coef.ndim != 2 or not (self.scale > 0).all():
            raise ValueError(f"coef has shape {self.coef.shape}, or scale is not positive")

    @property
    def error(self) -> float:
        """The NRMSE on held-out blocks of the regularisation that was chosen."""
        return float(self.cv_nrmse[self.candidates == self.regularisation][0])


Quantise: TypeAlias = "Callable[[Floats, Floats, Floats, Floats], IntegerRegressor]"
"""Mean and scale of features, coef and intercept of them, to the integers that will answer."""


def to_bits(weight_bits: int) -> Quantise:
    """As a host answers, with weights of so many bits."""
    return partial(quantise_regressor, weight_bits=weight_bits)


def fit(x: Floats | Ints, y: Floats, section: Regression, gap: int, deployed: Quantise | None = None) -> Regressor:
    """Train on features `[row, feature]` and targets `[row, output]` in the order of time.

    gap: rows beside a held-out block that teach nothing. deployed: how integers are made of it; None: floats answer.
    """
    if constant := np.flatnonzero(np.ptp(y, axis=0) == 0).tolist():
        what = f"target {constant[0]} is {y[0, constant[0]]:g} in every frame that is trained on"
        raise LsmError(what, where="readout", hint="choose a target that varies, or a longer series")
    from threadpoolctl import threadpool_limits

    candidates = np.array(sorted(section.regularisation), np.float64)
    with threadpool_limits(1):  # a second thread makes such small products slower on a busy machine
        errors = [
            [_held_out(each, x[held], y[held], deployed) for each in _path(x[train], y[train], section)]
            for train, held in blocks_of(len(x), section.folds, gap)
        ]
        # Of all blocks together: in a short one the target may hardly vary.
        cv_nrmse = np.sqrt((np.sum(errors, axis=0) / len(x) / np.var(y, axis=0)).mean(axis=1))
        best = int(np.flatnonzero(cv_nrmse <= cv_nrmse.min() * (1 + 1e-12))[-1])
        mean, scale, (coef, intercept) = _path(x, y, section)[best]
    return Regressor(mean, scale, coef, intercept, float(candidates[best]), candidates, cv_nrmse)


def quantised(regressor: Regressor, deployed: Quantise) -> IntegerRegressor:
    """The integers of a trained readout."""
    return deployed(regressor.mean, regressor.scale, regressor.coef, regressor.intercept)


def predict(regressor: Regressor, x: Floats | Ints) -> Floats:
    """What the features `[row, feature]` give `[row, output]`, in floats."""
    given: Floats = (x - regressor.mean) / regressor.scale @ regressor.coef.T + regressor.intercept
    return given


_Trained = tuple[Floats, Floats, Solution]
"""Mean and scale of the features, and what was learnt of them."""


def _path(x: Floats | Ints, y: Floats, section: Regression) -> list[_Trained]:
    """A solution for each strength, the weakest first."""
    rows = x.astype(np.float64)
    mean, deviation = standard(rows)
    z, strengths = (rows - mean) / deviation, sorted(section.regularisation)
    scale = np.where(np.isfinite(deviation), deviation, 1.0)
    if section.regressor == "ridge":
        return [(mean, scale, each) for each in ridge(z, y, None, strengths)]
    return [(mean, scale, _recursive(z, y, section.forgetting, a)) for a in strengths]


def _recursive(z: Floats, y: Floats, forgetting: float, strength: float) -> Solution:
    learner = start_after(z, y, np.ones(len(z)), forgetting, strength)
    return learner.weights[:-1].T, learner.weights[-1]


def _held_out(trained: _Trained, x: Floats | Ints, y: Floats, deployed: Quantise | None) -> Floats:
    """The sum of squared errors of each output `[output]`."""
    mean, scale, (coef, intercept) = trained
    if deployed is None:
        answers = (x - mean) / scale @ coef.T + intercept
    else:
        answers = answer(deployed(mean, scale, coef, intercept), np.asarray(x))
    total: Floats = ((answers - y) ** 2).sum(axis=0)
    return total
