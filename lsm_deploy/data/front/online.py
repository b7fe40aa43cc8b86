"""Front ends while something is recorded: a beat, or some sound, comes in, and frames that are complete go out.

They are those that `to_frames` makes of the whole recording; of beats, those of a window that begins with the sample.
What needs the whole recording is an error that says so.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lsm_deploy.core import fixed
from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.core.masked import unmasked
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data.front.audio import analysis_of
from lsm_deploy.data.front.beats import LONGEST_S, SHORTEST_S
from lsm_deploy.data.raw import INT16
from lsm_deploy.spec.schema import AudioFrontEnd, BeatsFrontEnd, FrontEnd

__all__ = ["BeatsIn", "SoundIn", "coming_in"]


class BeatsIn:
    """Intervals between beats, in s. rr_relative is relative to the median of the last `window_beats` of the sample."""

    def __init__(self, front_end: BeatsFrontEnd) -> None:
        self.front_end = front_end
        self._frame = np.zeros(front_end.frame_channels)
        self.begin(recording=True)

    def begin(self, *, recording: bool) -> None:
        """Begin a sample, and a recording, too, or go on with the one that it is of."""
        self._recent: deque[float] = deque()
        self._ordered: list[float] = []
        if recording:
            self._before, self._relative = 0.0, 0.0  # no interval yet

    def take(self, values: ArrayLike) -> Iterator[Floats]:
        """The frame of each interval; it is written over by the next."""
        hint = "give the seconds from each beat to the next"
        try:
            each = (
                [values] if isinstance(values, float) else np.ravel(np.asarray(unmasked(values), np.float64)).tolist()
            )
        except (TypeError, ValueError):
            what = f"intervals of type {type(values).__name__} are no numbers"
            raise MisuseError(what, where="beats", hint=hint) from None
        for value in each:
            if not 0 <= value < np.inf:
                raise LsmError(f"an interval of {value:g} s between two beats", where="beats", hint=hint)
        # Only now: what was answered for some would be lost with the mistake in others.
        return map(self._one, each)

    def _one(self, rr: float) -> Floats:
        rr = min(max(rr, SHORTEST_S), LONGEST_S)
        self._recent.append(rr)
        insort(self._ordered, rr)
        if len(self._recent) > self.front_end.window_beats:
            del self._ordered[bisect_left(self._ordered, self._recent.popleft())]
        half = len(self._ordered) // 2
        median = (self._ordered[half] + self._ordered[-half - 1]) / 2
        first = self._before == 0
        before = rr if first else self._before
        relative = (rr - before) / ((rr + before) / 2)
        for i, name in enumerate(self.front_end.channels):
            if name == "rr":
                value = rr
            elif name == "rr_relative":
                value = rr / median - 1
            elif name == "drr":
                value = rr - before
            elif name == "drr_relative":
                value = relative
            elif name == "abs_drr_relative":
                value = abs(relative)
            else:
                value = 0.0 if first else relative - self._relative
            self._frame[i] = value
        self._before, self._relative = rr, relative
        return self._frame

    def end(self) -> Iterator[Floats]:
        """Nothing: each frame came with its beat."""
        return iter(())

    def save(self) -> Any:
        return tuple(self._recent), self._before, self._relative

    def restore(self, state: Any) -> None:
        recent, self._before, self._relative = state
        self._recent, self._ordered = deque(recent), sorted(recent)


class SoundIn:
    """Sound, as integers of 16 bits or as floats from -1 to 1, in pieces of any length. A frame is there as soon as its
    window is full, half a window after its middle."""

    def __init__(self, front_end: AudioFrontEnd) -> None:
        raise_all(_of_the_whole(front_end))
        self.front_end, self._analysis = front_end, analysis_of(front_end, "front_end")
        self._late = self._analysis.window // 2
        self._recent = np.zeros(self._analysis.n_fft // 2 + self._late)
        self._around = np.zeros(self._analysis.n_fft)  # beyond the window sound is multiplied by 0
        self.begin(recording=True)

    def begin(self, *, recording: bool) -> None:
        """Begin a sample, and a recording, too, or go on with the one that it is of."""
        if recording:
            self._recent[:] = 0
            self._values = self._frames = 0
            self._value, self._frame = 0.0, np.zeros(0)  # the last ones
            self._smoothed: Floats | None = None

    def take(self, values: ArrayLike) -> Iterator[Floats]:
        """The frames that these values `[t]` complete."""
        sound = np.asarray(unmasked(values))
        if sound.dtype == np.int16:
            sound = sound * INT16
        if sound.ndim != 1 or sound.dtype.kind != "f" or not np.isfinite(sound).all():
            what = f"sound of type {sound.dtype} and shape {list(sound.shape)}"
            raise LsmError(what, where="sound", hint="give int16, or finite floats from -1 to 1, [t]")
        if self.front_end.pre_emphasis is not None and len(sound):
            before = np.concatenate([[self._value], sound[:-1]])
            self._value = float(sound[-1])
            sound = sound - self.front_end.pre_emphasis * before
        yield from self._hear(np.asarray(sound, np.float64))

    def end(self) -> Iterator[Floats]:
        """The last frames, with the silence around a recording after it."""
        many = 1 + self._values // self._analysis.hop if self._values else 0
        missing = (many - 1) * self._analysis.hop + self._late - self._values
        yield from self._hear(np.zeros(max(missing, 0)))

    def _hear(self, sound: Floats) -> Iterator[Floats]:
        while len(sound):
            missing = self._frames * self._analysis.hop + self._late - self._values
            part, sound = sound[:missing], sound[missing:]
            held = np.concatenate([self._recent, part])
            self._recent[:] = held[len(part) :]
            self._values += len(part)
            if len(part) == missing:
                self._frames += 1
                yield self._made()

    def _made(self) -> Floats:
        self._around[: len(self._recent)] = self._recent
        spectrum = np.fft.rfft(self._analysis.hann * self._around)
        power = (spectrum.real**2 + spectrum.imag**2)[:, None]
        (frame,), self._smoothed = self._analysis.levels_after(power, self._smoothed)
        before, self._frame = self._frame if len(self._frame) else frame, frame
        return fixed.stable(np.append(frame, frame - before) if self.front_end.deltas else frame)

    def save(self) -> Any:
        return self._recent.copy(), self._values, self._frames, self._value, self._frame, self._smoothed

    def restore(self, state: Any) -> None:
        recent, self._values, self._frames, self._value, self._frame, self._smoothed = state
        self._recent[:] = recent


ComingIn: TypeAlias = BeatsIn | SoundIn


def coming_in(front_end: FrontEnd | None) -> ComingIn:
    """The front end of what comes in; an LsmError, all at once, where it needs the whole recording, or is none."""
    if isinstance(front_end, BeatsFrontEnd):
        return BeatsIn(front_end)
    if isinstance(front_end, AudioFrontEnd):
        return SoundIn(front_end)
    what = "the model takes frames" if front_end is None else "events come one by one, and frames of them are bins"
    raise LsmError(what, where="front_end", hint="give `step` a frame at a time")


def _of_the_whole(front_end: AudioFrontEnd) -> list[LsmError]:
    """What only the end of a recording tells."""
    wholes = [
        (front_end.trim_db is not None, "trim_db cuts an end that has not come", "leave out trim_db"),
        (
            front_end.loudest_db is None and front_end.pcen is None,
            "floor_db is below the loudest value of the whole utterance",
            "say `front_end: {loudest_db: 0}`, or what is usual, or `pcen: {}`, which asks for none",
        ),
        (front_end.level, "level takes the mean of the whole utterance", "set `front_end: {level: false}`"),
        (
            front_end.normalise != "none",
            f"normalise takes the mean over the whole {front_end.normalise}",
            "set `front_end: {normalise: none}`",
        ),
        (front_end.frames is not None, "frames divides the whole utterance", "leave out frames"),
    ]
    then = ", and train again; or give `step` frames that `to_frames` makes"
    return [LsmError(what, where="front_end", hint=f"{hint}{then}") for is_so, what, hint in wholes if is_so]
