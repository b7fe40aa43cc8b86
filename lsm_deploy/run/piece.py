"""A piece of work on a worker: what it is held to before it begins, and what it sends back.

Every worker is held to this package's own source, and warns where other packages differ from those of who asks. What a
piece returns or raises goes back as bytes: of some errors Dask thinks that they are its own (a worker that is to end, a
piece that is to be done again), some it cannot send, and who asked would wait for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import pickle
import platform
from collections.abc import Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import metadata
from importlib.util import find_spec
from multiprocessing.pool import RemoteTraceback  # type: ignore[attr-defined]
from pathlib import Path
from traceback import format_exception, format_exception_only
from typing import Any
from uuid import uuid4

from lsm_deploy.core import threads
from lsm_deploy.core.begun import BEGUN
from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.core.notes import notes, silence
from lsm_deploy.run.backends import BACKENDS

__all__ = ["ENVIRONMENT", "HELD", "Done", "Shared", "do", "edited", "source", "versions"]

PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "librosa")
"""What figures in floats depend on, frames of sound among them; integers do not."""
HELD = 2
"""Values that workers hold for pieces to come, the last ones; each may be large."""
ENVIRONMENT = "give all workers the same environment as here"


@dataclass(frozen=True)
class Shared:
    """A value that many pieces have among what they are given, by its content; packed: without it, on its way."""

    name: str
    packed: bytes

    def __reduce__(self) -> tuple[Any, ...]:
        return Shared, (self.name, b"")


@dataclass(frozen=True)
class Done:
    """What became of a piece: its result, or its error and the text of its traceback, as bytes."""

    packed: bytes
    failed: bool
    warnings: tuple[LsmWarning, ...]

    def result(self) -> Any:
        """What the piece returned; what it raised is raised."""
        value = pickle.loads(self.packed)
        if self.failed:
            error, traceback = value
            raise error from RemoteTraceback(traceback)
        return value


def do(asked: bytes, source_there: str, versions_there: Mapping[str, str | None], packed: bytes) -> Done:
    """A piece: its function and what that is given. packed: the value that stands for what is `Shared` among it."""
    failed = False
    with silence(), notes() as warned:  # they are said where the piece was asked for
        try:
            _one_thread()
            if source_there != source():
                what = "a worker has another lsm-deploy than this: its results could differ"
                raise LsmError(what, where=platform.node(), hint=ENVIRONMENT)
            work, given = pickle.loads(asked)
            result = work(*(_value(each.name, packed) if isinstance(each, Shared) else each for each in given))
            sent = _dumped(result)
        except BaseException as error:  # the worker goes on, whatever it is
            sent, failed = _sent(error), True
    here = versions()
    other = [
        f"{name} {here[name] or 'none'} for {there or 'none'}"
        for name, there in versions_there.items()
        if here[name] != there
    ]
    if other:
        what = f"a worker has {', '.join(other)}: figures in floats may differ in their last digits"
        warned.insert(0, LsmWarning(what, about="versions of workers"))
    return Done(sent, failed, tuple(warned))


def _sent(error: BaseException) -> bytes:
    """An error and its traceback as bytes: as it says itself that it is sent, where that brings it back; made without
    its constructor; or, as where it would end the thread that waits for it, what it said."""
    said, traceback = _said(error), "".join(format_exception(type(error), error, error.__traceback__))
    ends = isinstance(error, asyncio.CancelledError | CancelledError | KeyboardInterrupt | SystemExit)
    for parts in () if ends else (type(error).__reduce__, _bare):
        with suppress(Exception):
            sent = _dumped((_Sent(parts(error)), traceback))
            if _said(pickle.loads(sent)[0]) == said:
                return sent
    return _dumped((_Sent((RuntimeError, (f"a piece of work raised {said}",))), traceback))


def _said(error: BaseException) -> str:
    return format_exception_only(type(error), error)[-1].strip()


@dataclass(frozen=True)
class _Sent:
    """What becomes an error. Of errors themselves tblib, which Dask has, sends all frames: too many, after some."""

    parts: Any

    def __reduce__(self) -> Any:
        return self.parts


def _bare(error: BaseException) -> tuple[Any, ...]:
    """Its class, its arguments, and those of its attributes that can be sent."""
    attributes = {}
    for name, value in vars(error).items():
        with suppress(Exception):
            _dumped(value)
            attributes[name] = value
    return _made, (type(error), error.args, attributes)


def _made(kind: type[BaseException], arguments: tuple[Any, ...], attributes: Mapping[str, Any]) -> BaseException:
    error = kind.__new__(kind)
    error.args = arguments
    vars(error).update(attributes)
    return error


def _dumped(value: Any) -> bytes:
    import cloudpickle

    packed: bytes = cloudpickle.dumps(value)
    return packed


_packed: dict[str, bytes] = {}


def _value(name: str, packed: bytes) -> Any:
    _packed[name] = packed
    try:
        return _unpacked(name)
    finally:
        del _packed[name]


@lru_cache(HELD)
def _unpacked(name: str) -> Any:
    return pickle.loads(_packed[name])


@cache
def _one_thread() -> None:
    """What would take all processors takes one: there are as many workers."""
    for name in (threads.VARIABLE, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


@cache
def source() -> str:
    """A digest of the source of this package and of its backends, as they are installed; where that is not what runs
    here (`edited`), something that is nobody else's."""
    if edited():
        return uuid4().hex
    digest = hashlib.blake2b(digest_size=16)
    for name, file in _files():
        digest.update(name.encode() + file.read_bytes())
    return digest.hexdigest()


def edited() -> bool:
    """Whether any source is younger than this process, which may run what was there before."""
    try:
        states = [file.stat() for _, file in _files()]
    except OSError:  # of one that is gone
        return True
    # What an editor, or a copy, leaves as it was is one of them.
    return any(max(state.st_mtime, state.st_ctime) >= BEGUN for state in states)


@cache
def _files() -> tuple[tuple[str, Path], ...]:
    files = []
    for package in sorted({module.partition(".")[0] for module in ("lsm_deploy", *BACKENDS.values())}):
        spec = find_spec(package)
        folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path()
        for file in sorted(folder.rglob("*.py")):
            files.append((f"{package}/{file.relative_to(folder).as_posix()}", file))
    return tuple(files)


@cache
def versions() -> dict[str, str | None]:
    """Of Python, and of what figures in floats depend on; None where that is not installed."""
    return {"Python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
