"""Pieces of pure work, one by one here or side by side on an executor: what comes out does not depend on where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from typing import TypeVar

__all__ = ["completed"]

_Shared = TypeVar("_Shared")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def completed(
    work: Callable[[_Shared, _Item], _Result],
    shared: _Shared,
    items: Sequence[_Item],
    executor: Executor | None = None,
) -> Iterator[tuple[int, _Result]]:
    """The index of each item and what `work(shared, item)` makes of it, as they are done.

    work: a function of a module, pure: it changes nothing of what it is given. shared: what is large, the same for all.
    items: small, and all that differs. executor: of `concurrent.futures`; here, in order, if none is given. An error of
    a piece is raised here, and what has not begun is cancelled, as where nobody asks on.
    """
    if executor is None:
        for index, item in enumerate(items):
            yield index, work(shared, item)
        return
    index_of = {executor.submit(work, shared, item): index for index, item in enumerate(items)}
    try:
        for future in as_completed(index_of):
            yield index_of[future], future.result()
    finally:
        for future in index_of:
            future.cancel()
