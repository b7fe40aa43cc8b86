"""Compiled code that is kept on disk: compiled once a machine, or, where it cannot be kept, once a process.

numba looks for a folder it may write to when a function is declared, and raises if there is none; a disk that is full,
or a file that was cut off, raises later. Neither is worth a run. Two processes may compile at once: files appear whole
(they are renamed into place), but the index of a function with two signatures could pair one with the code of the
other. So every function that is kept has one signature: integers and addresses.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numba
from numba.core.caching import FunctionCache

__all__ = ["cached"]


def cached(function: Callable[..., Any]) -> Any:
    """Compile on first use, without bounds checks, the interpreter's lock released; keep the code where possible."""
    compiled = numba.njit(nogil=True, boundscheck=False)(function)
    try:
        compiled._cache = _Kept(function)
    except RuntimeError as error:
        _warn(error)
    return compiled


class _Kept(FunctionCache):  # type: ignore[misc]
    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # whatever a damaged pickle raises
            _warn(error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _warn(error)


def _warn(error: Exception) -> None:
    words = f"compiled code cannot be kept, so each process compiles for seconds ({error}); set NUMBA_CACHE_DIR"
    warnings.warn(words, RuntimeWarning, stacklevel=2)
