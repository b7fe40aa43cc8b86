"""Python loops made fast: compiled once a machine, when they are first called."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar

__all__ = ["CHUNK", "chunks", "compiled"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

CHUNK = 1 << 14
"""Synapses that elementwise work takes at a time: its intermediate arrays stay in the processor's cache."""


def chunks(size: int) -> Iterator[slice]:
    """0 to `size` in parts that fit the cache."""
    return (slice(start, min(start + CHUNK, size)) for start in range(0, size, CHUNK))


def compiled(function: _Function) -> _Function:
    """Compiled when it is first called: importing numba takes longer than most commands do."""
    made: list[Any] = []

    @wraps(function)
    def call(*arguments: Any) -> Any:
        if not made:
            made.append(_compile(function))
        return made[0](*arguments)

    return call  # type: ignore[return-value]


def _compile(function: Callable[..., Any]) -> Any:
    """Once a machine; or, where no folder can be written, once a process."""
    import numba

    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba found no place for its cache
        warnings.warn("compiled code can be kept nowhere: every process compiles for seconds", stacklevel=4)
        return numba.njit(nogil=True)(function)
