"""A trained readout of signals with its listener: fit it to what the chip would send, keep it in a file, ask it.

What answers is a readout in integers of the messages of the program as it would be deployed: on the host (`integer`),
or as output neurons of the program (`output_neurons`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.pipeline import integers_of_spec
from lsm_deploy.compile.place.cores import place_network
from lsm_deploy.core.boards import BOARDS, NOWHERE
from lsm_deploy.core.errors import LsmError, require_type
from lsm_deploy.core.frozen import rebuilt
from lsm_deploy.core.ir import Program
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Reported
from lsm_deploy.data import Frames, Role
from lsm_deploy.data.front import training_frames
from lsm_deploy.learn.known import known_states
from lsm_deploy.learn.listener import Listener, listen
from lsm_deploy.learn.live import Forecasts, Live, SentForecasts, Streams
from lsm_deploy.learn.regression.integer import FEATURE_BITS, IntegerRegressor, answer
from lsm_deploy.learn.regression.linear import Regressor, fit, quantised, to_bits
from lsm_deploy.learn.regression.output_neurons import (
    OutputNeurons,
    attach_regressor,
    check_features,
    for_chip,
    largest_of,
    messages_of,
    run_output,
)
from lsm_deploy.learn.regression.pairs import check_series, output_names, pairs_of
from lsm_deploy.learn.regression.states import StatesRun, run_states
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import Regression, Spec

__all__ = [
    "RegressionModel",
    "features_wide",
    "fit_states",
    "forecast",
    "on_the_chip",
    "regression_of",
    "require_states",
    "train_regression",
]


@dataclass(frozen=True, eq=False, repr=False)
class RegressionModel(Reported):
    """A listener, and a linear readout of the states of its program after each frame.

    regressor: as it was trained; integers: what answers. outputs: what the outputs are called. chip: of output neurons
    that answer in the place of the host, what their messages stand for.
    """

    _short = ("outputs", "on_chip", "readout", "program")

    listener: Listener
    readout: Regression
    regressor: Regressor
    integers: IntegerRegressor
    outputs: tuple[str, ...]
    chip: OutputNeurons | None = None

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        if self.regressor.coef.shape != self.integers.weights.shape:
            raise ValueError("the integers are not those of the regressor")
        if len(self.outputs) != len(self.integers.weights):
            raise ValueError(f"{len(self.outputs)} names for {len(self.integers.weights)} outputs")
        if (wide := features_wide(self.listener, self.readout)) != self.integers.weights.shape[1]:
            raise ValueError(f"the readout has {self.integers.weights.shape[1]} features, the states {wide}")
        if self.chip is not None:
            check_features(self.listener, self.readout)
            self.chip.check(self.program, len(self.outputs))

    @property
    def on_chip(self) -> bool:
        """Whether output neurons of the program answer, and not the host."""
        return self.chip is not None

    @property
    def program(self) -> Program:
        """The program whose messages are answered from."""
        return self.listener.program

    @property
    def streams(self) -> Streams:
        """From a frame to a forecast, in numbers: what `start` runs."""
        chip = self.chip
        if chip is not None:
            return Streams.of(self.listener, SentForecasts.of(self.program, chip, self.outputs))
        return Streams.of(self.listener, Forecasts.of(self.program, self.readout, self.integers, self.outputs))

    def start(self, *, backend: str = backends.DEFAULT, role: Role = "test") -> Live:
        """Listen from rest on: `step(frame)` takes a frame and returns the forecast.

        role: of the data whose noise random encoders draw. LsmError: the backend knows no stepping.
        """
        return Live(self.streams, None, backend, role)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What a model's file keeps of the readout, by name."""
        r, i = self.regressor, self.integers
        return {
            "outputs": np.array(self.outputs),
            "feature_bits": np.array([FEATURE_BITS]),
            **{name: getattr(r, name) for name in _FLOATS},
            "regularisation": np.array([r.regularisation]),
            **{f"integer.{name}": getattr(i, name) for name in _INTEGERS},
            **({f"chip.{name}": getattr(self.chip, name) for name in _CHIP} if self.chip else {}),
        }

    @classmethod
    def from_arrays(
        cls, listener: Listener, readout: Regression, arrays: Mapping[str, NDArray[Any]]
    ) -> RegressionModel:
        """The model again; KeyError or ValueError where the arrays are none."""
        names, strength = arrays["outputs"], arrays["regularisation"]
        if names.ndim != 1 or names.dtype.kind != "U" or strength.shape != (1,):
            raise ValueError("outputs are no list of text, or there is not one regularisation")
        if arrays["feature_bits"].tolist() != [FEATURE_BITS]:
            raise ValueError(f"its features have not {FEATURE_BITS} bits")
        regressor = Regressor(**{name: arrays[name] for name in _FLOATS}, regularisation=float(strength[0]))
        integers = IntegerRegressor(**{name: arrays[f"integer.{name}"] for name in _INTEGERS})
        chip = OutputNeurons(**{name: arrays[f"chip.{name}"] for name in _CHIP}) if "chip.scale" in arrays else None
        return cls(listener, readout, regressor, integers, tuple(names.tolist()), chip)


_FLOATS = ("mean", "scale", "coef", "intercept", "candidates", "cv_nrmse")
_INTEGERS = ("weights", "biases", "scale")
_CHIP = ("scale", "centre")


def train_regression(
    spec: Spec,
    data: Frames | str | Path | None = None,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    *,
    on_chip: bool = False,
) -> RegressionModel:
    """Compile a spec, run the training data and fit its readout of signals to the states.

    data: frames, or a file of what the spec's front end takes; the spec's own training data, if none are given.
    on_chip: as output neurons of the program, which answer in the place of the host; an LsmError for features that
    synapses do not carry.
    """
    section = regression_of(spec)
    data = training_frames(data, spec)
    check_series(section, data)
    listener = listen(spec, data, place_network(integers_of_spec(spec), NOWHERE) if on_chip else None)
    if on_chip:
        check_features(listener, section)
    run = known_states(listener, section, data, "train", backend, progress, warn=True)
    require_states(run, section)
    if on_chip:
        return on_the_chip(spec, listener, run, data)
    regressor, integers = fit_states(run, data, section)
    return RegressionModel(listener, section, regressor, integers, output_names(data, section))


def fit_states(run: StatesRun, data: Frames, section: Regression) -> tuple[Regressor, IntegerRegressor]:
    """Train on the states of these samples, for integers that a host answers with."""
    pairs, deployed = pairs_of(data, section), to_bits(section.weight_bits)
    regressor = fit(run.features[pairs.rows], pairs.targets, section, section.horizon, deployed)
    return regressor, quantised(regressor, deployed)


def on_the_chip(spec: Spec, listener: Listener, run: StatesRun, data: Frames) -> RegressionModel:
    """Train output neurons on the states of these samples, attach them to the listener's liquid and place all of it."""
    section, network = regression_of(spec), listener.program.network
    check_features(listener, section)
    pairs, deployed = pairs_of(data, section), for_chip(largest_of(listener.program, section))
    x = messages_of(run, listener, section, data)[pairs.rows]
    regressor = fit(x, pairs.targets, section, section.horizon, deployed)
    integers = quantised(regressor, deployed)
    network, chip = attach_regressor(network, section, integers, x, pairs.targets.mean(axis=0))
    answering = replace(listener, program=place_network(network, BOARDS[spec.target.board]))
    return RegressionModel(answering, section, regressor, integers, output_names(data, section), chip)


def forecast(
    model: RegressionModel, data: Frames, backend: str = backends.DEFAULT, progress: Progress | None = None
) -> Floats:
    """What the model answers after each frame `[frame, output]`, of all samples end to end; targets that the data may
    have are not looked at. The first frames of a sample, as many as its washout, are answered from a state that still
    knows that it began at rest."""
    require_type(model, RegressionModel, "model", "read one with `load_model`, or `train_regression` it")
    require_type(data, Frames, "data", "read them with `load_frames`")
    if model.chip is not None:
        return model.chip.answers(run_output(model.listener, model.readout, data, backend, progress))
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
