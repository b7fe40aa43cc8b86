"""Arrays that took long to make, on the disk, under a key of all that they were made from.

A file is a packed one (`container`) that is named by its key and has the key in it: what is read is whole, and belongs
to that key, or it is no answer, and goes. It is written aside and renamed, so that any number of processes may share a
folder. The least recently used go where all together take more than `room`. Where a disk is full, or may not be written
to, there is no cache, which is said once.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.notes import warn
from lsm_deploy.core.places import cache_folder
from lsm_deploy.core.temporary import temporary_file
from lsm_deploy.store.container import Arrays, pack, unpack

__all__ = ["ROOM", "VARIABLE", "folder", "forget", "look_up", "put", "room", "sizes"]

VARIABLE = "LSM_DEPLOY_CACHE_GB"
ROOM = 2.0
"""GB that a folder takes at most, if nobody says otherwise."""
SUFFIX = ".run"
_KIND = "cached"
_FACTS = ""
"""The name of the array that is the JSON of the facts."""


def room() -> int:
    """Bytes that the files may take together; 0: there is no cache."""
    given = os.environ.get(VARIABLE, "") or ROOM
    with suppress(ValueError):
        if 0 <= (size := float(given)) < math.inf:
            return int(size * 1e9)
    raise LsmError(f"{VARIABLE} is {given}", where="environment", hint="give a number of GB, or 0 for no cache")


def folder() -> Path | None:
    """Where the files are, beside the compiled code of a user who may not write to the package."""
    place = cache_folder()
    return place / "runs" if place else None


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
        facts = dict(json.loads(arrays.pop(_FACTS).tobytes()))
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
    # Not in the header, which is read up to some length: there may be a label for each of a million samples.
    text = json.dumps(facts, allow_nan=False).encode("ascii")
    arrays = {**arrays, _FACTS: np.frombuffer(text, np.uint8)}
    meta = {"key": key.hex(), "types": {name: array.dtype.str for name, array in arrays.items()}}
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
    for narrow in ("u1", "i1", "u2", "i2", "u4", "i4"):
        ends = np.iinfo(narrow)
        if ends.min <= least and most <= ends.max and np.can_cast(narrow, array.dtype):
            return array.astype(narrow)
    return array


@cache
def _say(why: str, place: str) -> None:
    hint = f"make room there, or set XDG_CACHE_HOME, or {VARIABLE}=0"
    warn(f"what is run cannot be cached in {place}: {why}; {hint}", level=3)
