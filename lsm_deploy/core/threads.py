"""How many threads a process may use, and calls on them: for loops that release the interpreter's lock (`compiled`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from threading import Lock
from typing import Any, TypeVar

__all__ = ["VARIABLE", "WORTH_THREADS", "ahead", "one_thread", "parts", "processors", "together"]

VARIABLE = "NUMBA_NUM_THREADS"
"""What numba, and all that computes here, takes for the number of threads; a worker sets it to 1."""
WORTH_THREADS = 1 << 18
"""Synapses from which on threads pay: starting some takes as long as work on a few thousand."""

_Made = TypeVar("_Made")


def processors() -> int:
    """Those that this process may run on, or as many of them as it is asked to use."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get(VARIABLE, "")
    return min(here, int(asked)) if asked.isdigit() and int(asked) else here


def together(calls: Iterable[Callable[[], _Made]], work: int) -> list[_Made]:
    """What each call returns, in their order; work: how many synapses they go through, few of which one thread does.

    Calls do not write to what another one reads, so results depend on no number of threads. Where one raises, what the
    first of them raised is raised when all have ended.
    """
    waiting = list(calls)
    threads = min(len(waiting), processors())
    if work < WORTH_THREADS or threads < 2:
        return [call() for call in waiting]
    from concurrent.futures import ThreadPoolExecutor  # most networks are too small to need it

    with ThreadPoolExecutor(threads) as pool:
        return [future.result() for future in [pool.submit(call) for call in waiting]]


def ahead(items: Iterable[_Made], work: int) -> Iterator[_Made]:
    """The items, each of which is made while the one before is used; work: as `together` takes it."""
    if work < WORTH_THREADS or processors() < 2:
        yield from items
        return
    from concurrent.futures import ThreadPoolExecutor

    iterator, nothing = iter(items), object()
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, iterator, nothing)
        while (item := following.result()) is not nothing:
            following = pool.submit(next, iterator, nothing)
            yield item  # type: ignore[misc]


def parts(size: int, work: int) -> list[tuple[int, int]]:
    """0 to `size` in as many parts of about one length as threads work on them: begin and end of each."""
    count = processors() if work >= WORTH_THREADS else 1
    return list(pairwise(size * i // count for i in range(count + 1)))


_within: list[Any] = []
"""For each that is within `one_thread` the first one's limit, which the last one lifts."""
_entering = Lock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Linear algebra takes one thread within: on more, sums of floats are taken in another order.

    BLAS is told so for the whole process, so that of several that are within, in threads of their own, none may lift
    what the others count on; OpenMP is told for each thread.
    """
    import scipy.linalg  # noqa: F401 - it has a BLAS of its own, which is told if it is there
    from threadpoolctl import ThreadpoolController

    pools = ThreadpoolController()  # apart: where the limit of one is lifted, it restores what all pools had
    blas, openmp = (pools.select(user_api=name) for name in ("blas", "openmp"))
    with openmp.limit(limits=1):
        with _entering:
            _within.append(_within[0] if _within else blas.limit(limits=1))
        try:
            yield
        finally:
            with _entering:
                limit = _within.pop()
                if not _within:
                    limit.restore_original_limits()
