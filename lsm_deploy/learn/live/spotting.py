"""Names that are given while somebody speaks: when a class stands out from `nothing`, and then not again for a while.

A model of windows whose classes are what is to be spotted, and one more, `nothing`, for all else, has after each frame

    margin = score[best] - score[nothing]         best: the largest score of all other classes, the first of several

and the best one is named where the margin is at least `threshold`, the window is full, and at least `refractory` frames
have come in since the name before. So a name depends on what came in before it alone, and is never taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all, require_type
from lsm_deploy.core.shown import Brief
from lsm_deploy.learn.live.listening import Live

__all__ = ["NOTHING", "Spotted", "Spotter"]

NOTHING = "nothing"

MOST = 10**15
"""Of a threshold: sums of 16-bit weights with features do not come near."""
LONGEST = 10**9
"""Frames of a refractory time."""
_SHOWN = 10**18


@dataclass(frozen=True, repr=False)
class Spotted(Brief):
    """A class that was named. frame: frames that had come in, the one that it was named at included; margin: by which
    its score exceeded that of `nothing`."""

    name: str
    frame: int
    margin: int


class Spotter:
    """What a model that listens names, and when."""

    def __init__(self, live: Live, threshold: int, refractory: int = 0, nothing: str = NOTHING) -> None:
        """live: `start` of a model of classes. threshold: the least margin, in units of its scores. refractory: frames
        after a name in which there is no other. nothing: what the class is called that is none to be named. LsmError:
        what of this cannot be."""
        require_type(live, Live, "live", "give what `start` of a model returns")
        raise_all(list(_mistakes(live, threshold, refractory, nothing)))
        self.live, self.threshold, self.refractory = live, int(threshold), int(refractory)
        self._nothing = live.names.index(nothing)
        self._others = np.delete(np.arange(len(live.names)), self._nothing)
        self._last = self._before = 0  # the frame of the last name (of none, 0), and the frame before

    def push(self, values: ArrayLike) -> list[Spotted]:
        """Take what was recorded, through the front end, as `Live.push` does; what was named at the frames that were
        completed by it."""
        return list(self._named(self.live.each(values)))

    def step(self, frame: ArrayLike) -> Spotted | None:
        """Take the next frame `[channel]`; what is named at it, if anything."""
        return next(self._named(iter([self.live.step(frame)])), None)

    def reset(self, *, recording: bool = True) -> None:
        """Begin the next sample, as `Live.reset` does."""
        self.live.reset(recording=recording)
        self._last = self._before = 0

    def _named(self, scores: Iterator[NDArray[Any]]) -> Iterator[Spotted]:
        for each in scores:
            frame = self.live.frames
            if frame <= self._before:  # somebody else began the sample anew, or set it back
                self._last = 0
            self._before = frame
            if not self.live.full:  # scores of less than what was trained on
                continue
            if self._last and frame - self._last < self.refractory:
                continue
            best = self._others[each[self._others].argmax()]
            margin = int(each[best]) - int(each[self._nothing])
            if margin >= self.threshold:
                self._last = frame
                yield Spotted(self.live.names[best], frame, margin)


def _mistakes(live: Live, threshold: object, refractory: object, nothing: str) -> Iterator[LsmError]:
    if not hasattr(live.streams.answers, "classes"):
        yield LsmError("the model answers signals, and has no classes to spot", where="live", hint="use its forecasts")
    elif nothing not in live.names:
        what = f"the model has no class {nothing!r} for all that is not to be spotted; it has {', '.join(live.names)}"
        hint = "train it with windows of that class, or say what it is called"
        yield MisuseError(what, where="nothing", hint=hint)
    elif len(live.names) < 2:
        yield LsmError(f"the model has no class but {nothing!r}", where="live", hint="train it with others")
    limits: tuple[tuple[str, object, int, int], ...] = (
        ("threshold", threshold, -MOST, MOST),
        ("refractory", refractory, 0, LONGEST),
    )
    for name, value, least, most in limits:
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            more = "" if least else f", {least} or more"
            yield MisuseError(f"a {name} of {value!r}", where=name, hint=f"give a whole number{more}")
        elif not least <= value <= most:
            # A number may have more digits than Python prints.
            words = f"{value}" if -_SHOWN < value < _SHOWN else f"more than {len(str(_SHOWN)) - 1} digits"
            hint = f"give a whole number from {least} to {most}"
            yield MisuseError(f"a {name} of {words}", where=name, hint=hint)
