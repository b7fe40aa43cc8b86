"""How far something that takes long has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

__all__ = ["Progress", "Stages", "part_of", "silent"]

Progress: TypeAlias = Callable[[int, int], None]
"""Is called now and then with what is done and what there is to do in all: steps, where nothing else is said."""

Stages: TypeAlias = Callable[[str], AbstractContextManager[Progress]]
"""Given the name of a stage, what is called while it lasts."""


def part_of(progress: Progress | None, before: int, total: int) -> Progress | None:
    """What a part of the work may call, if anybody listens; before, total: what is done before it, and in all."""
    return (lambda done, _: progress(before + done, total)) if progress else None


@contextmanager
def silent(stage: str) -> Iterator[Progress]:
    """Stages to which nobody listens."""
    yield lambda done, total: None
