"""How far something that takes long has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

__all__ = ["Pieces", "Progress", "Stages", "part_of", "silent"]

Progress: TypeAlias = Callable[[int, int], None]
"""Is called now and then with what is done and what there is to do in all: steps, where nothing else is said."""

Stages: TypeAlias = Callable[[str], AbstractContextManager[Progress]]
"""Given the name of a stage, what is called while it lasts."""


def part_of(progress: Progress | None, before: int, total: int) -> Progress | None:
    """What a part of the work may call, if anybody listens; before, total: what is done before it, and in all."""
    return (lambda done, _: progress(before + done, total)) if progress else None


class Pieces:
    """Progress over pieces of work that are told of as they end, and of the one under way where it tells of itself."""

    PARTS = 1000
    """That a piece is told in: pieces differ in how many steps they take."""

    def __init__(self, progress: Progress | None, pieces: int) -> None:
        self._progress, self._pieces, self._done = progress, pieces, 0

    def within(self, done: int, total: int) -> None:
        """So much of the piece under way is done."""
        if self._progress:
            self._progress(self._done * self.PARTS + self.PARTS * done // max(total, 1), self._pieces * self.PARTS)

    def next(self) -> None:
        """A piece is done."""
        self._done += 1
        if self._progress:
            self._progress(self._done * self.PARTS, self._pieces * self.PARTS)


@contextmanager
def silent(stage: str) -> Iterator[Progress]:
    """Stages to which nobody listens."""
    yield lambda done, total: None
