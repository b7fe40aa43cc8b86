"""A piece of work on a worker: what it is held to before it begins, and what it sends back.

Every worker is held to this package's own source, and warns where other packages differ from those of who asks.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lsm_deploy.core import threads
from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.run.backends import BACKENDS

__all__ = ["ENVIRONMENT", "HELD", "Done", "Shared", "do", "source", "versions"]

PACKAGES = ("numpy", "scipy", "scikit-learn", "numba")
"""What figures in floats depend on; integers do not."""
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
    """What became of a piece."""

    result: Any
    warnings: tuple[LsmWarning, ...]


def do(asked: bytes, source_there: str, versions_there: Mapping[str, str], packed: bytes) -> Done:
    """A piece: its function and what that is given. packed: the value that stands for what is `Shared` among it."""
    _one_thread()
    if source_there != source():
        what = "a worker has another lsm-deploy than this: its results could differ"
        raise LsmError(what, where=platform.node(), hint=ENVIRONMENT)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LsmWarning)
        work, given = pickle.loads(asked)
        result = work(*(_value(each.name, packed) if isinstance(each, Shared) else each for each in given))
    notes = [each.message for each in caught if isinstance(each.message, LsmWarning)]
    here = versions()
    other = [f"{name} {here[name]} for {there}" for name, there in versions_there.items() if here[name] != there]
    if other:
        what = f"a worker has {', '.join(other)}: figures in floats may differ in their last digits"
        notes.insert(0, LsmWarning(what, about="versions of workers"))
    return Done(result, tuple(notes))


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
    """A digest of the source of this package and of its backends, as they are installed."""
    digest = hashlib.blake2b(digest_size=16)
    for package in sorted({module.partition(".")[0] for module in ("lsm_deploy", *BACKENDS.values())}):
        spec = find_spec(package)
        folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path()
        for file in sorted(folder.rglob("*.py")):
            digest.update(f"{package}/{file.relative_to(folder).as_posix()}".encode() + file.read_bytes())
    return digest.hexdigest()


@cache
def versions() -> dict[str, str]:
    """Of Python, and of what figures in floats depend on."""
    return {"Python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}
