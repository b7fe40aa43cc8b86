"""Python loops made fast by numba: compiled when they are first called, and kept on disk for every later process.

numba looks for a folder that it may write to when a function is declared, and raises if there is none; a disk that is
full, or a file that was cut off, raises later. None of that is worth a run: code that cannot be kept is compiled again.
Two processes may compile at once. Files appear whole, but two that add to one index would lose an entry, or pair it
with the other's code: so there is a lock.

No loop looks at a bound: an index that is out of range reads, or writes, somebody else's memory. What the loops take
for granted is granted where values are made (`indices` says by whom). NUMBA_BOUNDSCHECK=1 is the debug build, in which
numba looks at every index; give it a NUMBA_CACHE_DIR of its own, or the two builds drop each other's code.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import wraps
from glob import escape, glob
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["cannot_be_kept", "compiled", "compiling", "dispatcher", "stamps_of", "when_compiling"]

PATIENCE = 60
"""Seconds that a process waits for another one to write."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """`dispatcher`, when it is first called: importing numba takes longer than most commands do."""
    made: list[Any] = []

    @wraps(function)
    def call(*arguments: Any) -> Any:
        if not made:
            made.append(dispatcher(function))
        return made[0](*arguments)

    return call  # type: ignore[return-value]


def dispatcher(function: Callable[..., Any]) -> Any:
    """The function as numba's own object: no bounds checks, the interpreter's lock released, the code kept."""
    import numba
    from numba.core.caching import FunctionCache

    class Cache(FunctionCache):  # type: ignore[misc]
        def __init__(self, py_func: Any) -> None:
            super().__init__(py_func)
            # A build that looks at bounds (NUMBA_BOUNDSCHECK=1) and one that does not never take each other's code.
            stamps = (numba.config.BOUNDSCHECK, *stamps_of(Path(py_func.__code__.co_filename)))
            self._cache_file._source_stamp = (self._cache_file._source_stamp, *stamps)

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            loaded = None
            try:
                loaded = super().load_overload(sig, target_context)
            except Exception as error:  # whatever a damaged pickle raises
                cannot_be_kept(error)
            if loaded is None:
                compiling()
            return loaded

        def save_overload(self, sig: Any, data: Any) -> None:
            from filelock import FileLock

            base = f"{self.cache_path}/{self._impl.filename_base}"
            try:
                self._impl.locator.ensure_cache_path()
                with FileLock(f"{base}.lock", timeout=PATIENCE):
                    # numba writes the index first: were it cut off then, that would name the code of an older source.
                    if not self._index(base):
                        for old in glob(f"{escape(base)}.*.nbc"):
                            os.unlink(old)
                    for left in glob(f"{escape(base)}.*.tmp.*"):  # by a process that was killed: here is but one
                        os.unlink(left)
                    try:
                        super().save_overload(sig, data)
                    except BaseException:
                        Path(f"{base}.nbi").unlink(missing_ok=True)
                        raise
            except (OSError, NotImplementedError) as error:  # the latter: a file system without locks
                cannot_be_kept(error)

        def _index(self, base: str) -> Any:
            """What the index names; one that is damaged names nothing, and goes."""
            try:
                return self._cache_file._load_index()
            except OSError:  # it is not damaged, it cannot be read
                raise
            except Exception:  # whatever a damaged pickle raises
                Path(f"{base}.nbi").unlink(missing_ok=True)
                return {}

    made = numba.njit(nogil=True, boundscheck=False)(function)
    try:
        made._cache = Cache(function)
    except RuntimeError as error:
        cannot_be_kept(error)
    return made


def stamps_of(source: Path) -> tuple[tuple[str, int, int], ...]:
    """Of the files that code may depend on: what it calls may stand in others of its folder, of which numba looks at
    none, and the chip's numbers stand in `fixed` and `activations`."""
    files = [
        *sorted(source.parent.glob("*.py")),
        Path(__file__).with_name("fixed.py"),
        Path(__file__).with_name("activations.py"),
    ]
    return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)


_LISTENERS: list[Callable[[str], object]] = []


def when_compiling(say: Callable[[str], object]) -> None:
    """Have it said, once, that somebody waits because something is compiled."""
    _LISTENERS[:] = [say]


def compiling() -> None:
    while _LISTENERS:
        _LISTENERS.pop()("compiling loops for this machine, which happens once and takes some six seconds")


def cannot_be_kept(error: Exception) -> None:
    words = f"compiled code cannot be kept, so each process compiles for seconds ({error}); set NUMBA_CACHE_DIR"
    warnings.warn(words, RuntimeWarning, stacklevel=3)
