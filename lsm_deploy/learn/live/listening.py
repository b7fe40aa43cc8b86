"""A model that listens: a frame comes in, scores go out, without an end.

What is the same as `predict`, or `forecast`, bit for bit: after the frames of a sample, from `reset` on, the scores are
those of the sample, and so after each of its frames those of a sample that ends there. The k-th sample has the noise of
the k-th one of a file. What is not: where a readout of classes has a window, and the sample is longer, the last frames
alone are read, of a liquid that never was at rest in between, while `predict` begins each window at rest.

A forecast needs the messages of the step after the frame (on the chip, of two), which depend on nothing that enters in
it: they are looked at when the scores are asked for, and the run goes back. So an answer is there before the next frame
is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lsm_deploy.core.errors import LsmError, MisuseError, require_type
from lsm_deploy.core.ir import State
from lsm_deploy.core.masked import unmasked
from lsm_deploy.core.notes import warn
from lsm_deploy.core.shown import Brief
from lsm_deploy.core.turn import Turn
from lsm_deploy.data import Role
from lsm_deploy.data.coding import Coder
from lsm_deploy.data.front.online import ComingIn, coming_in
from lsm_deploy.learn.live.answering import Racing, Relaying, answering
from lsm_deploy.learn.live.values import MostSpikes, Scores, Streams
from lsm_deploy.run import backends
from lsm_deploy.run.memo import digest

__all__ = ["Live", "LiveState"]


@dataclass(frozen=True, eq=False, repr=False)
class LiveState(Brief):
    """All that the next scores depend on, of one model: that of this digest."""

    model: bytes
    session: State
    frames: int
    sample: int
    window: int | None
    parts: tuple[Any, ...]
    """Of the coder, of what answers, and of the front end."""


class Live:
    """One run of a model's program, from rest; what `start` of a model returns. One thread's at a time: a second one
    that gives it a frame meanwhile gets an LsmError."""

    def __init__(
        self, streams: Streams, window: int | None = None, backend: str = backends.DEFAULT, role: Role = "test"
    ) -> None:
        """window: see `start` of a model; role: of the data whose noise a random code has."""
        _check_window(streams, window)
        self.streams = streams
        network = streams.program.network
        if network.sample_interval:
            what = f"the program clears its registers every {network.sample_interval} steps, whatever comes in"
            hint = "set `samples: {policy: fresh}`, and train it again"
            raise LsmError(what, where="samples", hint=hint)
        self._answering = answering(streams, window or streams.window or None)
        self._coder = Coder(streams.code, streams.seed, role)
        self._session = backends.start(backend, streams.program)
        self._steps = self._session.frame(streams.code.steps, self._answering.ahead)
        self._frame = np.zeros(streams.code.channels)
        self._coming: ComingIn | None = None
        self._turn = Turn()
        self._frames, self._sample = 0, -1
        self._fresh = self._ended = self._clipped = False
        self._scores = self._answering.scores.view()
        self._scores.setflags(write=False)
        # Compiled code is loaded now, and not while the first frame waits.
        self.step(streams.code.low)
        self.reset()

    def __repr__(self) -> str:
        window = f", window={self.window}" if self.window else ""
        return (
            f"Live({', '.join(self.names[:4])}{', ...' if len(self.names) > 4 else ''}; frames={self.frames}{window})"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """What the scores are called: the classes, or the outputs."""
        return self.streams.answers.names

    @property
    def frames(self) -> int:
        """Frames since the sample began."""
        return self._frames

    @property
    def window(self) -> int | None:
        """How many frames are read at most; None where it is all since the sample began."""
        return self._answering.window

    @property
    def full(self) -> bool:
        """Whether as many frames came in as the window has."""
        return self._frames >= (self.window or 1)

    def step(self, frame: ArrayLike) -> NDArray[Any]:
        """Take the next frame `[channel]`, and return the scores `[class]`, integers, or the forecast `[output]`.

        They are a view of a buffer that the next frame writes over. LsmError: the frame is none of the model's.
        """
        self.take(frame)
        return self.scores

    def take(self, frame: ArrayLike) -> None:
        """Take the next frame, and read nothing yet."""
        with self._turn:
            try:
                given = np.asarray(unmasked(frame), np.float64)
            except (TypeError, ValueError, OverflowError):
                what = f"a frame of type {type(frame).__name__} is no list of numbers"
                raise MisuseError(what, where="frame", hint="give one finite number for each channel") from None
            if given.shape != self._frame.shape or not np.isfinite(given).all():
                what = f"a frame has {given.size} values, the model takes {len(self._frame)} finite numbers"
                raise LsmError(what, where="frame", hint="give one finite number for each channel")
            if self._ended:
                raise LsmError("the recording has ended", where="frame", hint="call `reset`, which begins another one")
            self._frame[:] = given
            beyond = self._coder.encode(self._frame, self._steps.entering)
            if beyond and self.streams.code.how == "graded" and not self._clipped:
                self._clipped = True  # it is said once
                words = "a frame lies beyond the range that the input takes, which clips it"
                warn(f"{words}; give `input.encoder` a wider range", level=3)
            self._steps.run()
            self._answering.take(self._steps.sent, self._frame)
            self._frames += 1
            self._fresh = True

    def push(self, values: ArrayLike) -> NDArray[Any] | None:
        """Take what was recorded, through the front end: seconds between beats, one or several, or sound `[t]`.

        Returned are the scores if a frame was completed by it, None otherwise. LsmError, all at once: the front end
        needs the whole recording, or the model has none.
        """
        before = self._frames
        for frame in self._front_end.take(values):
            self.take(frame)
        return self.scores if self._frames > before else None

    def each(self, values: ArrayLike) -> Iterator[NDArray[Any]]:
        """Take what was recorded, as `push` does, and give the scores after each frame that is completed by it: a view
        that the next one writes over. What has not been asked for when this is left has not come in."""
        for frame in self._front_end.take(values):
            self.take(frame)
            yield self.scores

    def end(self) -> NDArray[Any]:
        """The recording ends here: frames that reach beyond it are completed with silence. Returns the scores."""
        if self._coming is not None:
            for frame in self._coming.end():
                self.take(frame)
        self._ended = True
        return self.scores

    @property
    def scores(self) -> NDArray[Any]:
        """The scores as they are now; an LsmError before the first frame."""
        with self._turn:
            if self._fresh:
                if self._answering.ahead:
                    self._steps.look()
                self._answering.read(self._steps.ahead)
                self._fresh = False
            elif not self._frames:
                raise LsmError("no frame came in", where="live", hint="give it one, by `step` or `push`")
            return self._scores

    @property
    def features(self) -> NDArray[np.int64]:
        """What the scores are made of `[feature]`, integers: for a readout of your own, such as one that learns on.

        They are those that the model was trained on, a view that the next frame writes over. LsmError: no frame came
        in, or output neurons answer, of which nothing else is read.
        """
        if isinstance(self._answering, Racing | Relaying):
            what = "output neurons answer, and no features are read"
            raise LsmError(what, where="live", hint="train the model without `on_chip`")
        _ = self.scores
        view = self._answering.features.view()
        view.setflags(write=False)
        return view

    def named(self) -> dict[str, float]:
        """The scores by name."""
        return dict(zip(self.names, self.scores.tolist(), strict=True))

    def answer(self) -> str:
        """The name of the class that `predict` would answer with; an LsmError for a model of signals."""
        if not isinstance(self.streams.answers, Scores | MostSpikes):
            raise LsmError("the model answers signals, and has no classes", where="live", hint="use `scores`")
        with self._turn:
            _ = self.scores
            return self.names[self._answering.chosen()]  # type: ignore[union-attr]

    def reset(self, *, recording: bool = True) -> None:
        """Begin the next sample: the liquid at rest, nothing read. recording: whether it is of another recording, of
        which the front end knows nothing yet."""
        with self._turn:
            self._session.reset()
            if self._frames:  # a sample has some: who calls this before the first one as well gets the same noise
                self._sample += 1
            self._coder.begin(self._sample)
            self._answering.begin()
            if self._coming is not None:
                self._coming.begin(recording=recording)
            self._frames, self._fresh, self._ended = 0, False, False

    def save(self) -> LiveState:
        """All that the next scores depend on; `restore` takes it back, also in another start of the same model."""
        with self._turn:
            coming = None if self._coming is None else self._coming.save()
            parts = (self._coder.save(), self._answering.save(), coming, self._ended)
            return LiveState(digest(self.streams), self._session.save(), self._frames, self._sample, self.window, parts)

    def restore(self, state: LiveState) -> None:
        """Go on where `state` was saved. LsmError: it is of another model, or of another window."""
        require_type(state, LiveState, "state", "give what `save` returned")
        if state.model != digest(self.streams):
            what = "the state is of another model"
            raise LsmError(what, where="state", hint="restore it into a start of the model that it was saved of")
        if state.window != self.window:
            what = f"the state is of a window of {state.window or 'all'} frames, and here it is {self.window or 'all'}"
            raise LsmError(what, where="state", hint="start the model with the same `window`")
        with self._turn:
            self._session.restore(state.session)
            coder, answers, coming, self._ended = state.parts
            self._coder.restore(coder)
            self._answering.restore(answers)
            if coming is None:
                self._coming = None  # nothing had come in through it
            else:
                self._front_end.restore(coming)
            self._frames, self._sample, self._fresh = state.frames, state.sample, state.frames > 0

    def __enter__(self) -> Live:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Nothing takes frames any more."""
        self._ended = True

    @property
    def _front_end(self) -> ComingIn:
        if self._coming is None:
            self._coming = coming_in(self.streams.front_end)
        return self._coming


def _check_window(streams: Streams, window: int | None) -> None:
    if window is None:
        return
    if isinstance(window, bool) or not isinstance(window, int | np.integer) or not 1 <= window < 1 << 31:
        raise LsmError(f"a window of {window!r} frames", where="window", hint="give a whole number of them, 1 or more")
    if not isinstance(streams.answers, Scores | MostSpikes):
        what = "the model answers signals, from the state after each frame"
        raise LsmError(what, where="window", hint="leave out `window`")
