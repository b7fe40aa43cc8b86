"""One thread at a time: two that advance a run at once would lose each other's steps."""

from __future__ import annotations

from threading import RLock
from typing import NoReturn

from lsm_deploy.core.errors import LsmError

__all__ = ["Turn"]


class Turn:
    """What a thread has while it advances a session; another one that asks for it is refused, and does not wait.

    A step of a small network takes less time than `with` does, which is made of `take(False)`, `refuse` and `leave`.
    """

    def __init__(self) -> None:
        lock = RLock()
        self.take, self.leave = lock.acquire, lock.release

    def refuse(self) -> NoReturn:
        hint = "give each thread a session of its own, or a lock around this one"
        raise LsmError("another thread is advancing this session", where="session", hint=hint)

    def __enter__(self) -> None:
        if not self.take(False):
            self.refuse()

    def __exit__(self, *_: object) -> None:
        self.leave()
