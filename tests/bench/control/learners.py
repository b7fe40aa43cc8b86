"""What learns to control from frames and a teacher's commands, each with a linear readout of what it holds of the past.

    Liquid    a spec's liquid in the chip's integers, with its readout; `cut`: the same integers without recurrence
    Window    the last `frames` frames, in floats, and with `products` all products of two of their values (a nonlinear
              vector autoregression, Gauthier et al., Nature Communications 12, 2021); of one frame it is the readout
              without a liquid

Readouts are ridge regressions with the section of the liquid's spec: the same strengths, chosen on the same blocks of
time. A controller can be given another readout of the same features (`having`): one that learned on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld
from bench.control.episodes import Controller, Episode
from lsm_deploy.data import Frames, make_frames
from lsm_deploy.learn.regression.linear import Regressor, fit, predict, quantised, to_bits
from lsm_deploy.learn.regression.model import fit_states, regression_of
from lsm_deploy.learn.regression.pairs import output_names
from lsm_deploy.learn.regression.states import run_states
from lsm_deploy.measure.evaluation.liquids import without_recurrence

__all__ = ["Learner", "Liquid", "LiquidController", "ReadingController", "Window", "WindowController", "as_frames"]

Floats = NDArray[np.float64]


class Learner(Protocol):
    def fit(self, episodes: Sequence[Episode]) -> Controller:
        """Trained anew on all steps of episodes, which have labels."""


class ReadingController(Controller, Protocol):
    """regressor: a readout of `features` `[feature]`, which are those of the last frame."""

    regressor: Regressor

    @property
    def features(self) -> Floats: ...

    def having(self, regressor: Regressor) -> ReadingController:
        """The same with another readout."""


def as_frames(episodes: Sequence[Episode]) -> Frames:
    """Episodes as samples, a teacher's commands their targets."""
    lengths = [len(each.frames) for each in episodes]
    starts = np.cumsum([0, *lengths[:-1]])
    targets = np.concatenate([each.labels for each in episodes])[:, None]
    return make_frames(np.concatenate([each.frames for each in episodes]), starts, targets=targets)


# --- liquids -------------------------------------------------------------------------------------------------------


class Liquid:
    def __init__(self, spec: ld.Spec, *, cut: bool = False) -> None:
        self._spec = spec
        self._cut = without_recurrence(ld.compile_spec(spec).program) if cut else None

    def fit(self, episodes: Sequence[Episode]) -> LiquidController:
        data = as_frames(episodes)
        if self._cut is None:
            return LiquidController(ld.train_regression(self._spec, data))
        section, listener = regression_of(self._spec), ld.listen(self._spec, data, self._cut)
        fitted = fit_states(run_states(listener, section, data, "train"), data, section)
        return LiquidController(ld.RegressionModel(listener, section, *fitted, output_names(data, section)))


class LiquidController:
    """A trained model that listens, as a user has it."""

    def __init__(self, model: ld.RegressionModel) -> None:
        self.model, self.regressor, self._live = model, model.regressor, model.start()

    def begin(self) -> None:
        self._live.reset()

    def act(self, frame: Floats) -> float:
        return float(self._live.step(frame)[0])

    @property
    def features(self) -> Floats:
        return self._live.features.astype(np.float64)

    def having(self, regressor: Regressor) -> LiquidController:
        """The same liquid with another readout, rounded to integers as the first one was."""
        integers = quantised(regressor, to_bits(self.model.readout.weight_bits))
        return LiquidController(replace(self.model, regressor=regressor, integers=integers))


# --- frames --------------------------------------------------------------------------------------------------------


class Window:
    def __init__(self, spec: ld.Spec, frames: int, *, products: bool = False) -> None:
        self._section, self._frames, self._products = regression_of(spec), frames, products

    def fit(self, episodes: Sequence[Episode]) -> WindowController:
        rows = [_expanded(stacked(each.frames, self._frames), self._products) for each in episodes]
        targets = np.concatenate([each.labels for each in episodes])[:, None]
        regressor = fit(np.concatenate(rows), targets, self._section, self._section.horizon)
        return WindowController(regressor, self._frames, self._products)


class WindowController:
    def __init__(self, regressor: Regressor, frames: int, products: bool) -> None:
        self.regressor, self._frames, self._products = regressor, frames, products
        self._held: Floats | None = None

    def begin(self) -> None:
        self._held = None

    def act(self, frame: Floats) -> float:
        if self._held is None:
            self._held = np.tile(frame, (self._frames, 1))
        self._held = np.roll(self._held, -1, axis=0)
        self._held[-1] = frame
        return float(predict(self.regressor, self.features[None])[0, 0])

    @property
    def features(self) -> Floats:
        assert self._held is not None
        return _expanded(self._held.reshape(1, -1), self._products)[0]

    def having(self, regressor: Regressor) -> WindowController:
        return WindowController(regressor, self._frames, self._products)


def stacked(frames: Floats, many: int) -> Floats:
    """The last so many frames at each `[step, frame and channel]`, the first one before there were any."""
    padded = np.concatenate([np.repeat(frames[:1], many - 1, axis=0), frames])
    windows = np.lib.stride_tricks.sliding_window_view(padded, many, axis=0)
    return windows.transpose(0, 2, 1).reshape(len(frames), -1)


def _expanded(rows: Floats, products: bool) -> Floats:
    if not products:
        return rows
    a, b = np.triu_indices(rows.shape[1])
    return np.column_stack([rows, rows[:, a] * rows[:, b]])
