"""A trained readout of signals with its listener: fit it to what the chip would send, keep it in a file, ask it.

What answers is a readout on the host in integers (`integer`), from the messages of the program as it would be deployed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError, require_type
from lsm_deploy.core.frozen import rebuilt
from lsm_deploy.core.ir import Program
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Progress
from lsm_deploy.data import Frames
from lsm_deploy.data.front import training_frames
from lsm_deploy.learn.listener import Listener, listen
from lsm_deploy.learn.regression.integer import IntegerRegressor, answer, quantise_regressor
from lsm_deploy.learn.regression.linear import Regressor, fit
from lsm_deploy.learn.regression.pairs import check_series, output_names, pairs_of
from lsm_deploy.learn.regression.states import StatesRun, run_states
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import Regression, Spec

__all__ = [
    "RegressionModel",
    "features_wide",
    "fit_states",
    "forecast",
    "regression_of",
    "require_states",
    "train_regression",
]


@dataclass(frozen=True, eq=False)
class RegressionModel:
    """A listener, and a linear readout of the states of its program after each frame.

    regressor: as it was trained; integers: what answers. outputs: what the outputs are called.
    """

    listener: Listener
    readout: Regression
    regressor: Regressor
    integers: IntegerRegressor
    outputs: tuple[str, ...]

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        if self.regressor.coef.shape != self.integers.weights.shape:
            raise ValueError("the integers are not those of the regressor")
        if len(self.outputs) != len(self.integers.weights):
            raise ValueError(f"{len(self.outputs)} names for {len(self.integers.weights)} outputs")
        if (wide := features_wide(self.listener, self.readout)) != self.integers.weights.shape[1]:
            raise ValueError(f"the readout has {self.integers.weights.shape[1]} features, the states {wide}")

    @property
    def program(self) -> Program:
        """The program whose messages are answered from."""
        return self.listener.program

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What a model's file keeps of the readout, by name."""
        r, i = self.regressor, self.integers
        return {
            "outputs": np.array(self.outputs),
            **{name: getattr(r, name) for name in _FLOATS},
            "regularisation": np.array([r.regularisation]),
            **{f"integer.{name}": getattr(i, name) for name in _INTEGERS},
        }

    @classmethod
    def from_arrays(
        cls, listener: Listener, readout: Regression, arrays: Mapping[str, NDArray[Any]]
    ) -> RegressionModel:
        """The model again; KeyError or ValueError where the arrays are none."""
        names, strength = arrays["outputs"], arrays["regularisation"]
        if names.ndim != 1 or names.dtype.kind != "U" or strength.shape != (1,):
            raise ValueError("outputs are no list of text, or there is not one regularisation")
        regressor = Regressor(**{name: arrays[name] for name in _FLOATS}, regularisation=float(strength[0]))
        integers = IntegerRegressor(**{name: arrays[f"integer.{name}"] for name in _INTEGERS})
        return cls(listener, readout, regressor, integers, tuple(names.tolist()))


_FLOATS = ("mean", "scale", "coef", "intercept", "candidates", "cv_nrmse")
_INTEGERS = ("weights", "biases", "scale")


def train_regression(
    spec: Spec,
    data: Frames | str | Path | None = None,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
) -> RegressionModel:
    """Compile a spec, run the training data and fit its readout of signals to the states.

    data: frames, or a file of what the spec's front end takes; the spec's own training data, if none are given.
    """
    section = regression_of(spec)
    data = training_frames(data, spec)
    check_series(section, data)
    listener = listen(spec, data)
    run = run_states(listener, section, data, "train", backend, progress, warn=True)
    require_states(run, section)
    regressor, integers = fit_states(run, data, section)
    return RegressionModel(listener, section, regressor, integers, output_names(data, section))


def fit_states(run: StatesRun, data: Frames, section: Regression) -> tuple[Regressor, IntegerRegressor]:
    """Train on the states of these samples, for integers that will answer."""
    pairs = pairs_of(data, section)
    regressor = fit(run.features[pairs.rows], pairs.targets, section, section.horizon, section.weight_bits)
    r = regressor
    return regressor, quantise_regressor(r.mean, r.scale, r.coef, r.intercept, section.weight_bits)


def forecast(
    model: RegressionModel, data: Frames, backend: str = backends.DEFAULT, progress: Progress | None = None
) -> Floats:
    """What the model answers after each frame `[frame, output]`, of all samples end to end; targets that the data may
    have are not looked at. The first frames of a sample, as many as its washout, are answered from a state that still
    knows that it began at rest."""
    require_type(model, RegressionModel, "model", "read one with `load_model`, or `train_regression` it")
    require_type(data, Frames, "data", "read them with `load_frames`")
    run = run_states(model.listener, model.readout, data, "test", backend, progress)
    return answer(model.integers, run.features)


def regression_of(spec: Spec) -> Regression:
    """The spec's readout of signals; an LsmError where it has none."""
    require_type(spec, Spec, "spec", "read one with `load`")
    if isinstance(spec.readout, Regression):
        return spec.readout
    if spec.readout is None:
        raise LsmError("the spec has no readout to train", where="spec", hint="add a readout section")
    what, hint = (
        "the spec's readout tells classes apart, and a signal is asked for",
        "write `readout: {target: signal}`",
    )
    raise LsmError(what, where="readout", hint=hint)


def require_states(run: StatesRun, section: Regression) -> None:
    """An LsmError where nothing is sent by whatever is read, in the whole run."""
    if not run.features.any():
        where = f"population {', '.join(repr(name) for name in section.populations)}"
        hint = "join it to the input, raise its weights, or see `lsm-deploy diagnose`"
        raise LsmError("it sends nothing on the training data: there is no state to read", where=where, hint=hint)


def features_wide(listener: Listener, section: Regression) -> int:
    """How many features the states of a listener's program have."""
    columns = [listener.program.network.columns(name) for name in section.populations]
    wide: int = sum(there.stop - there.start for there in columns) + section.features.frame * listener.input.channels
    return wide * (1 + section.features.squares)
