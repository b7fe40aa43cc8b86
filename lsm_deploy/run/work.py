"""Pieces of pure work, one by one here or side by side on an executor: what comes out does not depend on where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from lsm_deploy.core.notes import warn
from lsm_deploy.core.threads import one_thread

__all__ = ["completed"]

_Shared = TypeVar("_Shared")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

SILENCE = 10.0
"""Seconds without a piece that is done, after which is asked what there is to wait for."""


def completed(
    work: Callable[[_Shared, _Item], _Result],
    shared: _Shared,
    items: Sequence[_Item],
    executor: Executor | None = None,
) -> Iterator[tuple[int, _Result]]:
    """The index of each item and what `work(shared, item)` makes of it, as they are done.

    work: a function of a module, pure: it changes nothing of what it is given. shared: what is large, the same for all;
    workers are sent it once. items: small, and all that differs. executor: of `concurrent.futures`, or `workers`; here,
    in order, if none is given. An error of a piece is raised here, and what has not begun is cancelled, as where nobody
    asks on.
    """
    if executor is None:
        for index, item in enumerate(items):
            yield index, _piece(work, shared, item)
        return
    from lsm_deploy.run.cluster import Workers  # and with it asyncio, which nobody else waits for

    waiting_for = executor.waiting_for if isinstance(executor, Workers) else None
    given: Any = executor.share(shared) if isinstance(executor, Workers) else shared
    index_of = {executor.submit(_piece, work, given, item): index for index, item in enumerate(items)}
    ended: SimpleQueue[Future[_Result]] = SimpleQueue()
    try:
        for future in index_of:
            future.add_done_callback(ended.put)
        for done in range(len(index_of)):
            future = _next(ended, waiting_for, f"{done} of {len(index_of)} pieces are done")
            yield index_of[future], future.result()
    finally:
        for future in index_of:
            future.cancel()


def _piece(work: Callable[[_Shared, _Item], _Result], shared: _Shared, item: _Item) -> _Result:
    with one_thread():
        return work(shared, item)


def _next(ended: SimpleQueue[Future[_Result]], waiting_for: Callable[[], str] | None, so_far: str) -> Future[_Result]:
    """The next piece that ends; while none does, what that waits for is said, whenever it is another reason."""
    said = ""
    while True:
        try:
            return ended.get(timeout=SILENCE)
        except Empty:
            why = waiting_for() if waiting_for else ""
        if why and why != said:
            warn(f"waiting for workers: {so_far}; {why}", level=2)
        said = why
