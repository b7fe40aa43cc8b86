"""How this package warns: each warning is said, and noted by whoever asks for what warns, in its own thread alone.

`warnings.catch_warnings` changes filters of the whole process. Of two threads that do so, one undoes what the other
did, and may leave its own filters there for good: what was to be said is not, or what was not to be said is.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lsm_deploy.core.errors import LsmWarning

__all__ = ["notes", "silence", "warn"]

_NOTES: ContextVar[list[LsmWarning] | None] = ContextVar("notes", default=None)
_SILENT: ContextVar[bool] = ContextVar("silent", default=False)


def warn(what: str | LsmWarning, about: str = "", *, level: int = 1) -> None:
    """Say an LsmWarning, as `warnings.warn` does. level: 1 is the line of the caller, 2 that of its caller."""
    warning = LsmWarning(what, about) if isinstance(what, str) else what
    if (here := _NOTES.get()) is not None:
        here.append(warning)
    if not _SILENT.get():
        warnings.warn(warning, stacklevel=level + 1)


@contextmanager
def notes() -> Iterator[list[LsmWarning]]:
    """All that is warned of within, but for what is within a `silence` that is within this."""
    outer, here = _NOTES.get(), list[LsmWarning]()
    token = _NOTES.set(here)
    try:
        yield here
    finally:
        _NOTES.reset(token)
        if outer is not None:
            outer.extend(here)


@contextmanager
def silence(of_it: bool = True) -> Iterator[None]:
    """Warnings within are not said: of what is only tried they help nobody. of_it: False for no silence."""
    if not of_it:
        yield
        return
    silent, here = _SILENT.set(True), _NOTES.set(None)
    try:
        yield
    finally:
        _NOTES.reset(here)
        _SILENT.reset(silent)
