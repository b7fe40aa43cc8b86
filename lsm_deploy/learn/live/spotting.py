"""Names that are given while somebody speaks: when a class stands out from `nothing`, and then not again for a while.

A model of windows whose classes are what is to be spotted, and one more, `nothing`, for all else, has after each frame

    margin = score[best] - score[nothing]         best: the largest score of all other classes, the first of several

and the best one is named where the margin is at least `threshold`, and at least `refractory` frames have come in since
the name before. So a name depends on what came in before it alone, and is never taken back.
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
        """live: `start` of a model of classes, one of them called `nothing`. threshold: the least margin, in units of
        its scores. refractory: frames after a name in which there is no other. LsmError: what of this cannot be."""
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
        yield LsmError(what, where="nothing", hint="train it with windows of that class, or say what it is called")
    elif len(live.names) < 2:
        yield LsmError(f"the model has no class but {nothing!r}", where="live", hint="train it with others")
    for name, value, least in (("threshold", threshold, None), ("refractory", refractory, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or (least is not None and value < least):
            what = f"a {name} of {value!r}"
            more = "" if least is None else f", {least} or more"
            yield MisuseError(what, where=name, hint=f"give a whole number{more}")
