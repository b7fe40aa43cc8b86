"""How good forecasts are: three figures of predicted and true values, both `[row, output]`, or both `[row]`.

    NRMSE = sqrt(mean over outputs of MSE / variance)     0 is perfect, 1 what the mean of the true values has
    R2    = 1 - mean over outputs of MSE / variance = 1 - NRMSE^2
    sMAPE = 200 * mean |p - t| / (|p| + |t|)              per cent, 0 to 200

The variance is that of the true values on the same rows. sMAPE is NeuroBench's (Yik et al., Nature Communications 16,
2025), but for values of which both are 0: there the error is 0, where its code calls the whole 200.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from lsm_deploy.core.errors import MisuseError
from lsm_deploy.core.masked import unmasked
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["Errors", "errors_of", "nrmse", "r2", "relative", "smape", "symmetric"]


@dataclass(frozen=True)
class Errors:
    """The three figures of one set of answers."""

    nrmse: float
    r2: float
    smape: float

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def errors_of(predicted: ArrayLike, true: ArrayLike) -> Errors:
    return Errors(nrmse(predicted, true), r2(predicted, true), smape(predicted, true))


def nrmse(predicted: ArrayLike, true: ArrayLike) -> float:
    """The root of the mean squared error in variances of the true values; infinite where these are constant."""
    return float(np.sqrt(np.mean(relative(*_pair(predicted, true)))))


def r2(predicted: ArrayLike, true: ArrayLike) -> float:
    """The share of variance that is explained: scikit-learn's `r2_score`, averaged uniformly over outputs."""
    return 1.0 - float(np.mean(relative(*_pair(predicted, true))))


def smape(predicted: ArrayLike, true: ArrayLike) -> float:
    """The symmetric mean absolute percentage error, 0 to 200."""
    return float(np.mean(symmetric(*_pair(predicted, true))))


def relative(predicted: Floats, true: Floats) -> Floats:
    """Squared errors in variances of the true values, of each row and output: infinite, or 0, of constants."""
    error = (predicted - true) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(error == 0, 0.0, error / np.var(true, axis=0)), np.float64)


def symmetric(predicted: Floats, true: Floats) -> Floats:
    """Symmetric percentage errors, of each row and output."""
    size = np.abs(predicted) + np.abs(true)
    return np.asarray(200 * np.abs(predicted - true) / np.where(size > 0, size, 1.0), np.float64)


def _pair(predicted: ArrayLike, true: ArrayLike) -> tuple[Floats, Floats]:
    """Both as floats; a MisuseError where they are no numbers, or their shapes differ, which numpy would repeat."""
    try:
        pair = np.asarray(unmasked(predicted), np.float64), np.asarray(unmasked(true), np.float64)
    except (TypeError, ValueError):
        raise MisuseError("predicted or true values are not numbers", hint="give arrays [row, output]") from None
    shapes = [list(values.shape) for values in pair]
    if shapes[0] != shapes[1] or not shapes[0] or 0 in shapes[0]:
        what = f"predicted values have shape {shapes[0]}, true ones {shapes[1]}"
        raise MisuseError(what, hint="give both as [row, output], of the same rows")
    return pair
