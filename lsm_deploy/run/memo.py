"""What was computed once, known again by the content of all that it was made from.

Work is a pure function of its arguments, so that it may be done anywhere and in any order, and where two pieces of work
share a part (two splits of the same data, the same liquid) that part is done once: `MEMO.get(key, make)` returns what
`make` gave the last time for this key. A key is a `digest` of contents, never of names, so that what is found is right
whoever put it there; what is found must not be changed. The least recently used goes when there is no room.

What takes seconds to make is written to the disk as well (`store.cache`), for processes to come, if it says how
(`Form`). There a key is also of what makes it: this package's source, the packages that floats depend on, and the
processor. What warned while it was made warns whoever asks the next time, too.

Sums of floats depend on the number of threads that take them: what has a form is made on one.
"""

from __future__ import annotations

import hashlib
import platform
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import memory
from lsm_deploy.core.errors import LsmWarning
from lsm_deploy.core.notes import notes, warn
from lsm_deploy.core.threads import one_thread
from lsm_deploy.run import piece
from lsm_deploy.store import cache as on_disk

__all__ = ["MEMO", "Form", "Memo", "digest"]

_T = TypeVar("_T")

ROOM = 1 << 30
"""Bytes of arrays that a process remembers, until `MEMO.clear()`; less where memory is short."""


def digest(*parts: Any) -> bytes:
    """16 bytes that are equal where parts are: text, bytes, numbers, None, paths, arrays, and whatever holds these:
    tuples, lists, mappings and dataclasses."""
    state = hashlib.blake2b(digest_size=16)
    _add(state, parts)
    return state.digest()


def _add(state: Any, part: Any) -> None:
    if isinstance(part, np.ndarray):
        head, body = f"array {part.dtype.str} {part.shape}", np.ascontiguousarray(part).tobytes()
    elif isinstance(part, (tuple, list)):
        state.update(f"{len(part)} parts ".encode())
        for each in part:
            _add(state, each)
        return
    elif isinstance(part, Mapping):
        return _add(state, tuple(part.items()))
    elif is_dataclass(part):
        values = tuple((field.name, getattr(part, field.name)) for field in fields(part))
        return _add(state, (type(part).__qualname__, *values))
    elif isinstance(part, bytes):
        head, body = "bytes", part
    elif part is None or isinstance(part, (str, bool, int, float, Path, np.number)):
        head, body = type(part).__name__, str(part).encode()
    else:
        raise TypeError(f"{type(part).__name__} has no digest")
    state.update(f"{head} {len(body)} ".encode())
    state.update(body)


_Parts = tuple[Mapping[str, Any], Mapping[str, NDArray[Any]]]


@dataclass(frozen=True)
class Form(Generic[_T]):
    """How a value is written: as facts, and arrays by name. made: the value of these again; ValueError, KeyError or
    TypeError where they are not of its shape."""

    parts: Callable[[_T], _Parts]
    made: Callable[[Mapping[str, Any], Mapping[str, NDArray[Any]]], _T]


@dataclass(frozen=True)
class _Known(Generic[_T]):
    value: _T
    warnings: tuple[LsmWarning, ...]


class Memo:
    """Values by key, as long as their arrays take no more than `room` bytes together."""

    def __init__(self, room: int = ROOM) -> None:
        self._room, self._taken = room, 0
        self._values: OrderedDict[bytes, tuple[_Known[Any], int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: bytes, make: Callable[[], _T], size: Callable[[_T], int], form: Form[_T] | None = None) -> _T:
        """The value of this key, made now if it is not known; size: the bytes that it takes. form: how it is written to
        the disk; it is in this process alone where it has none. What warned while it was made warns each time."""
        with self._lock:
            known: _Known[_T] | None = self._values.get(key, (None, 0))[0]
        if known is None and form is not None and _is_disk_used():
            known = _from_disk(key, form)
        for warning in known.warnings if known else ():
            warn(warning, level=2)
        known = known or _made(key, make, form)
        self._put(key, known, size(known.value))
        return known.value

    def _put(self, key: bytes, value: _Known[Any], size: int) -> None:
        with self._lock:
            self._taken -= self._values.pop(key, (None, 0))[1]
            if size > self._room:
                return
            self._values[key] = value, size
            self._taken += size
            left = memory.available()
            room = self._room if left is None else min(self._room, left // 2)
            while self._values and self._taken > room:
                self._taken -= self._values.popitem(last=False)[1][1]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._taken = 0


WORTH = 0.3
"""Seconds that it takes to make what is worth a file."""


def _is_disk_used() -> bool:
    """What was made by other code than the source that keys are of is not written, nor read."""
    return bool(on_disk.room()) and not piece.edited()


def _from_disk(key: bytes, form: Form[_T]) -> _Known[_T] | None:
    key = digest(key, _maker())
    if (there := on_disk.look_up(key)) is None:
        return None
    facts, arrays = there
    try:
        warnings = tuple(LsmWarning(what, about) for what, about in facts["warnings"])
        return _Known(form.made(facts["facts"], arrays), warnings)
    except (ValueError, KeyError, TypeError):
        on_disk.forget(key)
        return None


def _made(key: bytes, make: Callable[[], _T], form: Form[_T] | None) -> _Known[_T]:
    begun = time.perf_counter()
    with one_thread() if form else nullcontext(), notes() as warnings:
        value = make()
    if time.perf_counter() - begun >= WORTH and form is not None and _is_disk_used():
        facts, arrays = form.parts(value)
        said = [[warning.args[0], warning.about] for warning in warnings]
        on_disk.put(digest(key, _maker()), {"facts": dict(facts), "warnings": said}, arrays)
    return _Known(value, tuple(warnings))


@cache
def _maker() -> bytes:
    """What values depend on beside what they are made from; floats do on the processor, too."""
    import llvmlite.binding as llvm  # which takes longer than small runs do

    processor = platform.machine(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return digest(piece.source(), piece.versions(), processor)


MEMO = Memo()
"""What this process remembers."""
