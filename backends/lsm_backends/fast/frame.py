"""The steps of one frame, again and again: arrays that are made once, of which the kernels know the addresses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.messages import BINARY, Message, Messages
from lsm_deploy.core.turn import Turn

__all__ = ["Frame"]


class Frame:
    """entering `[step, channel]`: to be written before each `run`; sent `[step, neuron]`: of the steps of the last one.
    ahead `[step, neuron]`: what is sent in silent steps after it, of the last `look`."""

    def __init__(
        self,
        turn: Turn,
        advance: Callable[[int, int, int], None],
        moving: Sequence[NDArray[Any]],
        message: Message,
        entering: Messages,
        sent: Messages,
        ahead: Messages,
    ) -> None:
        self.entering, self.sent, self.ahead = entering, sent, ahead
        self._turn, self._advance, self._message = turn, advance, message
        self._silence = np.zeros((len(ahead), entering.shape[1]), entering.dtype)
        self._run = (len(entering), entering.ctypes.data, sent.ctypes.data)
        self._look = (len(ahead), self._silence.ctypes.data, ahead.ctypes.data)
        self._moving = tuple((each, each.copy()) for each in moving) if len(ahead) else ()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a frame holds addresses of its session: make another one where it goes")

    def run(self) -> None:
        """Take the steps. LsmError: something in `entering` is no message that the network takes."""
        with self._turn:
            if self._message == BINARY:
                np.not_equal(self.entering, 0, out=self.entering, casting="unsafe")
            elif self.entering.max() > self._message.largest or self.entering.min() < self._message.least:
                what = f"an input of {self.entering.max()} or {self.entering.min()} is none of {self._message}"
                raise LsmError(what, where="input", hint="give messages that the network takes")
            self._advance(*self._run)

    def look(self) -> None:
        """Take the steps ahead, in which nothing enters, and go back."""
        with self._turn:
            for there, before in self._moving:
                np.copyto(before, there)
            try:
                self._advance(*self._look)
            finally:
                for there, before in self._moving:
                    np.copyto(there, before)
