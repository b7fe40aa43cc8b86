"""One frame at a time: how it becomes the spikes of its steps, in numbers, and what does it as frames come in.

`encoders` says what each code is; here are its numbers (`Code`), which C is written from as well, and a coder that
gives the same spikes, bit for bit, when it is given the frames of a sample in turn. It allocates nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import stable
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.messages import Message, Messages
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.shown import Brief
from lsm_deploy.core.streams import stream
from lsm_deploy.data import Role, kernels
from lsm_deploy.data.encoders import MIDDLE, fields_of
from lsm_deploy.spec.schema import GaussianPopulation, Graded, Input, Latency, Rate, SendOnDelta

__all__ = ["Code", "Coder", "code_of"]


@dataclass(frozen=True, eq=False, repr=False)
class Code(Brief):
    """How a frame `[channel]` becomes the messages of its steps `[step, spike channel]`.

    low, width `[channel]`: x is (value - low) / width, held within 0 and 1; `still` where the width is 0. (`spikes`
    takes values as they are.) centres `[field]`, spread: where there are fields, exp(-(x - centre)**2 / spread) of
    each, rounded by `fixed.stable`, is coded in the place of x, channel by channel. how: the code of what comes of it,
    with its number: probability of a spike in a step where x is 1, threshold, delta.
    """

    how: Literal["rate", "latency", "send_on_delta", "spikes", "graded"]
    steps: int
    message: Message
    low: Floats
    width: Floats
    still: float
    centres: Floats
    spread: float
    probability: float = 0.0
    threshold: float = 0.0
    delta: float = 0.0

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, low=np.float64, width=np.float64, centres=np.float64)

    @property
    def channels(self) -> int:
        """Values of a frame."""
        return len(self.low)

    @property
    def spike_channels(self) -> int:
        """Spike trains."""
        return self.channels * max(1, len(self.centres)) * (2 if self.how == "send_on_delta" else 1)


def code_of(input: Input, ranges: Floats, dt_ms: float) -> Code:
    """The code of a spec's input with these ranges `[channel, 2]`; an LsmError where it has no encoder."""
    encoder = input.encoder
    if encoder is None:
        what = "input has no encoder to turn frames into spikes"
        raise LsmError(what, where="input", hint="add an encoder, or `start` the program and give it spikes")
    fields = isinstance(encoder, GaussianPopulation)
    centres, spread = fields_of(encoder) if isinstance(encoder, GaussianPopulation) else (np.zeros(0), 1.0)
    rate = isinstance(encoder, Rate | GaussianPopulation)
    return Code(
        how=encoder.code if fields else encoder.kind,  # type: ignore[union-attr, arg-type]
        steps=round(encoder.frame_ms / dt_ms),
        message=input.message,
        low=ranges[:, 0],
        width=ranges[:, 1] - ranges[:, 0],
        still=MIDDLE if isinstance(encoder, Graded) else 0.0,
        centres=centres,
        spread=spread,
        probability=encoder.max_rate_hz * dt_ms / 1000 if rate else 0.0,  # type: ignore[union-attr]
        threshold=encoder.threshold if isinstance(encoder, Latency | GaussianPopulation) else 0.0,
        delta=encoder.delta if isinstance(encoder, SendOnDelta) else 0.0,
    )


class Coder:
    """Frames of samples, one at a time, as `encode` has them all at once: the k-th sample has the random stream that
    the k-th sample of data of this role would have."""

    def __init__(self, code: Code, seed: int, role: Role = "test") -> None:
        self.code, self._seed, self._role = code, seed, role
        fields = code.channels * max(1, len(code.centres))
        self._x, self._y = np.zeros(code.channels), np.zeros(fields)
        self._work = np.zeros(fields)  # what is rounded, as floats and as their bits
        self._bits: NDArray[np.int64] = self._work.view(np.int64)
        self._levels = np.zeros(fields)
        self._draws = np.zeros((code.steps, fields) if code.how == "rate" else (0, 0))
        self._threshold = float(stable(np.array(code.threshold)))
        self.begin(0)

    def begin(self, sample: int) -> None:
        """Begin a sample, by its number."""
        self._random = stream(self._seed, "encode", self._role, sample)
        self._levels[:] = 0

    def encode(self, frame: Floats, entering: Messages) -> bool:
        """Write the messages of a frame `[channel]` to entering `[step, spike channel]`; whether some value of it lay
        beyond the range and was clipped."""
        code, y = self.code, self._y
        if code.how == "spikes":
            entering[:] = 0
            np.not_equal(frame, 0, out=entering[0], casting="unsafe")
            return False
        beyond = kernels.normalise(frame, code.low, code.width, code.still, self._x)
        if len(code.centres):
            kernels.measure_fields(self._x, code.centres, code.spread, self._work)
            np.exp(self._work, out=self._work)
            kernels.round_stably(self._bits)
            y[:] = self._work
        else:
            y[:] = self._x
        if code.how == "graded":
            kernels.send(y, code.message.unit, code.message.largest, entering)
        elif code.how == "latency":
            kernels.spike_late(y, self._threshold, self._work, self._bits, entering)
        elif code.how == "rate":
            self._random.random(out=self._draws)
            np.multiply(y, code.probability, out=self._work)
            np.less(self._draws, self._work, out=entering, casting="unsafe")
        else:
            np.divide(y, code.delta, out=self._work)
            kernels.round_stably(self._bits)
            kernels.move(self._work, self._levels, entering)
        return bool(beyond)

    def save(self) -> tuple[dict[str, Any], Floats]:
        """All that the next frames' spikes depend on."""
        return dict(self._random.bit_generator.state), self._levels.copy()

    def restore(self, state: tuple[dict[str, Any], Floats]) -> None:
        """Go on from there."""
        self._random.bit_generator.state = state[0]
        self._levels[:] = state[1]
