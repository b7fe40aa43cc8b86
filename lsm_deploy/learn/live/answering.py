"""What answers from spikes that come in frame by frame: registers that go on, and scores when they are asked for.

Each takes the spikes of a frame, and writes its scores into an array of its own. A window that is not full yet is as
long as the sample so far.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import kernels as coding
from lsm_deploy.data.coding import Code
from lsm_deploy.data.encoders import MIDDLE
from lsm_deploy.learn.attach import first_of_most
from lsm_deploy.learn.live import kernels
from lsm_deploy.learn.live.values import Forecasts, MostSpikes, Scores, SentForecasts, Streams
from lsm_deploy.learn.regression.integer import FEATURE_BITS

__all__ = ["Answering", "answering"]


class Scoring:
    """Scores of classes `[class]`, from registers of the last steps."""

    ahead = 0

    def __init__(self, values: Scores, steps: int, window: int | None) -> None:
        if not values.counts and values.parts == 1:  # what decays forgets by itself
            window = None
        self.values, self.window, self._most = values, window, (window or 0) * steps
        if window is None and values.parts > 1:
            what = f"the readout takes {values.parts} parts of a sample, and nobody knows how long one is"
            raise LsmError(what, where="window", hint="give `window`: the frames of a sample, or of the longest one")
        self._ring = np.zeros((max(self._most, 1) + 1, len(values.columns)), np.int64)
        self._parts = np.zeros((values.parts, values.groups), np.int64)
        self.features, self.scores = self._parts.ravel(), np.zeros(len(values.classes), np.int64)
        self._t = 0

    def take(self, sent: Messages, frame: Floats) -> None:
        """The spikes of a frame's steps `[step, neuron]`."""
        values = self.values
        if values.counts:
            kernels.add_spikes(sent, values.columns, self._ring, self._t)
        else:
            kernels.decay_spikes(sent, values.columns, values.keep, values.step, self._ring, self._t)
        self._t += len(sent)

    def read(self, ahead: Messages) -> None:
        """Write the scores of what was taken."""
        values, length = self.values, min(self._t, self._most) if self._most else self._t
        kernels.read_parts(self._ring, self._t, length, values.counts, values.root, values.group, self._parts)
        kernels.score(self.features, values.support, values.weights, values.biases, self.scores)

    def chosen(self) -> int:
        """The class that is answered, by number."""
        return int(self.scores.argmax())

    def begin(self) -> None:
        """Begin a sample."""
        self._t = 0
        self._ring[0] = 0

    def save(self) -> tuple[int, Ints]:
        return self._t, self._ring.copy()

    def restore(self, state: tuple[int, Ints]) -> None:
        self._t = state[0]
        self._ring[:] = state[1]


class Racing:
    """Spikes of output neurons `[class]`."""

    ahead = 0

    def __init__(self, values: MostSpikes, steps: int, window: int | None) -> None:
        self.values, self.window = values, window
        self._most = (window or 0) * steps
        self._ring = np.zeros((max(self._most, 1) + 1, len(values.columns)), np.int64)
        self._last, self._group = np.zeros(len(values.columns), np.int64), np.arange(len(values.columns))
        self._features = np.zeros((1, len(values.columns)), np.int64)
        self.scores = self._features[0]
        self._t = 0

    def take(self, sent: Messages, frame: Floats) -> None:
        """The spikes of a frame's steps `[step, neuron]`."""
        kernels.add_spikes(sent, self.values.columns, self._ring, self._t)
        kernels.see(sent, self.values.columns, self._t, self._last)
        self._t += len(sent)

    def read(self, ahead: Messages) -> None:
        """Write the scores of what was taken."""
        length = min(self._t, self._most) if self._most else self._t
        kernels.read_parts(self._ring, self._t, length, True, False, self._group, self._features)

    def chosen(self) -> int:
        """The class that is answered, by number."""
        before = self._t - (min(self._t, self._most) if self._most else self._t)
        reached = np.where(self.scores > 0, self._last - before, 0)
        return int(first_of_most(self.scores[None], reached[None])[0])

    def begin(self) -> None:
        """Begin a sample."""
        self._t = 0
        self._ring[0] = 0

    def save(self) -> tuple[int, Ints, Ints]:
        return self._t, self._ring.copy(), self._last.copy()

    def restore(self, state: tuple[int, Ints, Ints]) -> None:
        self._t = state[0]
        self._ring[:], self._last[:] = state[1:]


class Forecasting:
    """A signal `[output]`, from the states of the step after a frame."""

    ahead = 1

    def __init__(self, values: Forecasts, code: Code) -> None:
        self.values, self._code, self.window = values, code, None
        self._registers = np.zeros((2, len(values.columns)), np.int64)
        self._frame = np.zeros(code.channels if values.frame else 0)
        self.features = np.zeros(values.weights.shape[1], np.int64)
        self.scores = np.zeros(len(values.outputs))
        self._t, self._traces = 0, bool(values.spiking.any())

    def take(self, sent: Messages, frame: Floats) -> None:
        """The spikes of a frame's steps `[step, neuron]`, and the frame."""
        values, code = self.values, self._code
        if self._traces:
            kernels.decay_spikes(sent, values.columns, values.keep, values.step, self._registers, self._t)
            self._t += len(sent)
        if len(self._frame):
            coding.normalise(frame, code.low, code.width, MIDDLE, self._frame)
            np.multiply(self._frame, 2, out=self._frame)
            np.subtract(self._frame, 1, out=self._frame)

    def read(self, ahead: Messages) -> None:
        """Write the forecast; ahead: what is sent in the step after the frame `[1, neuron]`."""
        values = self.values
        kernels.forecast(
            ahead[0],
            values.columns,
            values.spiking,
            self._registers[self._t % 2],
            values.keep,
            values.step,
            values.down,
            values.up,
            self._frame,
            values.squares,
            FEATURE_BITS - 1,
            self.features,
            values.weights,
            values.biases,
            values.scale,
            self.scores,
        )

    def begin(self) -> None:
        """Begin a sample."""
        self._t = 0
        self._registers[:] = 0

    def save(self) -> tuple[int, Ints, Floats]:
        return self._t, self._registers.copy(), self._frame.copy()

    def restore(self, state: tuple[int, Ints, Floats]) -> None:
        self._t = state[0]
        self._registers[:], self._frame[:] = state[1:]


class Relaying:
    """A signal `[output]`, as output neurons send it some steps after a frame."""

    def __init__(self, values: SentForecasts) -> None:
        self.values, self.window, self.ahead = values, None, values.late
        self.scores = np.zeros(len(values.outputs))
        self._here = slice(int(values.columns[0]), int(values.columns[-1]) + 1)

    def take(self, sent: Messages, frame: Floats) -> None:
        """Nothing of a frame's own steps is answered."""

    def read(self, ahead: Messages) -> None:
        """Write the forecast; ahead: what is sent in the steps after the frame `[step, neuron]`."""
        np.divide(ahead[-1, self._here], self.values.scale, out=self.scores)
        np.add(self.scores, self.values.centre, out=self.scores)

    def begin(self) -> None:
        """Nothing goes on."""

    def save(self) -> tuple[()]:
        return ()

    def restore(self, state: tuple[()]) -> None:
        """Nothing goes on."""


Answering: TypeAlias = Scoring | Racing | Forecasting | Relaying


def answering(streams: Streams, window: int | None) -> Answering:
    """What answers for these values, at rest."""
    values = streams.answers
    if isinstance(values, Scores):
        return Scoring(values, streams.code.steps, window)
    if isinstance(values, MostSpikes):
        return Racing(values, streams.code.steps, window)
    return Forecasting(values, streams.code) if isinstance(values, Forecasts) else Relaying(values)
