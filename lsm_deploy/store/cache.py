"""Arrays that took long to make, on the disk, under a key of all that they were made from.

A file is a packed one (`container`) that is named by its key and has the key in it: what is read is whole, and belongs
to that key, or it is no answer, and goes. It is written aside and renamed, so that any number of processes may share a
folder. The least recently used go where all together take more than `room`. Where a disk is full, or may not be written
to, there is no cache, which is said once.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.core.temporary import temporary_file
from lsm_deploy.store.container import Arrays, pack, unpack

__all__ = ["ROOM", "VARIABLE", "folder", "forget", "look_up", "put", "room", "sizes"]

VARIABLE = "LSM_DEPLOY_CACHE_GB"
ROOM = 2.0
"""GB that a folder takes at most, if nobody says otherwise."""
SUFFIX = ".run"
_KIND = "cached"


def room() -> int:
    """Bytes that the files may take together; 0: there is no cache."""
    given = os.environ.get(VARIABLE, "") or ROOM
    with suppress(ValueError):
        if 0 <= (size := float(given)) < math.inf:
            return int(size * 1e9)
    raise LsmError(f"{VARIABLE} is {given}", where="environment", hint="give a number of GB, or 0 for no cache")


def folder() -> Path | None:
    """Where the files are, beside the compiled code of a user who may not write to the package."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lsm_deploy" / "runs"
    except RuntimeError:  # a user without a name has no home
        return None


def sizes() -> dict[Path, int]:
    """The bytes of each file, the least recently used first."""
    place, there = folder(), []
    with suppress(OSError):  # there is no folder yet
        for entry in os.scandir(place) if place else ():
            with suppress(OSError):  # another process removed it
                if entry.name.endswith(SUFFIX):
                    state = entry.stat()
                    there.append((state.st_mtime_ns, entry.name, state.st_size))
    return {Path(place or "", name): size for _, name, size in sorted(there)}


def look_up(key: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """Facts and arrays of a key; None where there are none, or none that are whole."""
    if (file := _file(key)) is None:
        return None
    try:
        data = file.read_bytes()
    except OSError:  # mostly: it is not there
        return None
    try:
        meta, arrays = unpack(data, _KIND, str(file))
        if meta["key"] != key.hex() or meta["types"].keys() != arrays.keys():
            raise ValueError("this is the answer to another question")
        arrays = {name: array.astype(meta["types"][name], casting="safe", copy=False) for name, array in arrays.items()}
        if any(array.dtype.kind not in "iufbU" for array in arrays.values()):
            raise ValueError("this is no array of numbers or text")
        facts = dict(meta["facts"])
    except (LsmError, ValueError, KeyError, TypeError, AttributeError):
        forget(key)
        return None
    with suppress(OSError):  # of a folder that may be read and not be written to
        os.utime(file)
    return facts, arrays


def put(key: bytes, facts: Mapping[str, Any], arrays: Arrays) -> None:
    """Write what a key stands for, if the disk takes it, and remove what there is no room for any more."""
    if (file := _file(key)) is None:
        return
    meta = {"key": key.hex(), "types": {name: array.dtype.str for name, array in arrays.items()}, "facts": facts}
    data = pack(_KIND, meta, {name: _narrow(array) for name, array in arrays.items()})
    most = room()
    if len(data) > most:
        return
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = temporary_file(file.parent, f".{SUFFIX}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                os.replace(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
        there = sizes()
        taken = sum(there.values())
        for old, size in there.items():
            if taken <= most:
                break
            old.unlink(missing_ok=True)
            taken -= size
    except OSError as error:
        _say(error.strerror or str(error), str(file.parent))


def forget(key: bytes) -> None:
    """Remove what is no answer."""
    with suppress(OSError):
        if (file := _file(key)) is not None:
            file.unlink(missing_ok=True)


def _file(key: bytes) -> Path | None:
    place = folder() if room() else None
    return place / f"{key.hex()}{SUFFIX}" if place else None


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    """Integers in the fewest bytes that hold them: features are mostly counts of a few spikes."""
    if array.dtype.kind not in "iu" or not array.size:
        return array
    least, most = int(array.min()), int(array.max())
    narrow = np.promote_types(np.min_scalar_type(least), np.min_scalar_type(most))
    return array.astype(narrow) if narrow.kind in "iu" else array


@cache
def _say(why: str, place: str) -> None:
    hint = f"make room there, or set XDG_CACHE_HOME, or {VARIABLE}=0"
    warnings.warn(LsmWarning(f"what is run cannot be cached in {place}: {why}; {hint}"), stacklevel=3)
