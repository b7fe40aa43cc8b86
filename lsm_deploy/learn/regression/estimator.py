"""A liquid that answers signals as a scikit-learn estimator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from lsm_deploy.data import make_frames
from lsm_deploy.learn.arguments import as_arguments, checked_regression, required, seed_of, validated
from lsm_deploy.learn.parameters import OfSpec
from lsm_deploy.learn.regression.model import RegressionModel, forecast, regression_of, train_regression
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import Spec
from lsm_deploy.spec.sections import section_to_json

__all__ = ["LiquidRegressor"]


class LiquidRegressor(OfSpec, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A compiled liquid and its readout of signals, as `lsm_deploy.train_regression` makes them; integers answer.

    X is one series `[frame, channel]`, which begins at rest, and y what is to be answered after each of its frames,
    `[frame]` or `[frame, output]`; for forecasts, shift it. The first `washout` frames are answered, not trained on.
    regressor, washout and weight_bits replace what the spec's readout section says, and seed that of the spec.
    """

    def __init__(
        self,
        spec: Spec | None = None,
        backend: str = backends.DEFAULT,
        regressor: str | None = None,
        washout: int | None = None,
        weight_bits: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.spec, self.backend, self.regressor = spec, backend, regressor
        self.washout, self.weight_bits, self.seed = washout, weight_bits, seed

    def fit(self, X: Any, y: Any) -> LiquidRegressor:  # noqa: N803
        """Train on a series, and what is to be answered after each frame."""
        with as_arguments():
            spec = required(self.spec)
            changed = {name: getattr(self, name) for name in ("regressor", "washout", "weight_bits")}
            given = {name: value for name, value in changed.items() if value is not None}
            section = section_to_json(regression_of(spec)) | {"target": "targets", "horizon": 0} | given
            readout = checked_regression(**section)
            spec = replace(spec, readout=readout, seed=spec.seed if self.seed is None else seed_of(self.seed))
            X, y = validated(self, X, y, multi_output=True, y_numeric=True)  # noqa: N806
            self.one_output_ = y.ndim == 1
            data = make_frames(X, np.zeros(1, np.int64), source="X", targets=y.reshape(len(X), -1))
            self.model_: RegressionModel = train_regression(spec, data, self.backend)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """What is answered after each frame `[frame]`, or `[frame, output]`, by integer weights."""
        check_is_fitted(self)
        X = validated(self, X, reset=False)  # noqa: N806
        with as_arguments():
            answers = forecast(self.model_, make_frames(X, np.zeros(1, np.int64), source="X"), self.backend)
        return answers[:, 0] if self.one_output_ else answers

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
