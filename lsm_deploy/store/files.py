"""Bytes in: nothing takes more memory than it may, each failure says why."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lsm_deploy.core import memory
from lsm_deploy.core.errors import LsmError, require_path

__all__ = [
    "is_modest",
    "opened",
    "read_bytes",
    "read_json",
    "reading",
    "require_modest",
]


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """What the system says against reading this file is an LsmError, as is a pipe, which may never end or begin."""
    path = require_path(path)
    if "\0" in str(path):
        raise LsmError("there is a null byte in this name", where=str(path), hint="check the path")
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise LsmError("this is a pipe or a device, not a file", where=str(path), hint="write it to a file first")
    try:
        yield
    except OSError as error:
        what = f"cannot read: {error.strerror or error}"
        raise LsmError(what, where=str(path), hint="check the path") from None


@contextmanager
def opened(path: str | Path) -> Iterator[tuple[IO[bytes], int]]:
    """A file to be read, and its size in bytes."""
    with reading(path), Path(path).open("rb") as file:
        yield file, os.fstat(file.fileno()).st_size


def require_modest(needed: int, size: int, where: str) -> None:
    """Refuse, before it is read, what takes more than 20 times its file's `size` and 64 MB, unless the user asked for
    it; and what takes more memory than there is."""
    if not is_modest(needed, size) and not needed <= _asked() * 1e9:
        declared, granted = memory.gigabytes(needed), memory.gigabytes(20 * size + MODEST)
        what = f"the file declares {declared}, and one of its size may take {granted} without being asked"
        enough = math.ceil(needed / 1e8) / 10
        raise LsmError(what, where=where, hint=f"set {ASKED}={enough:g} if you trust it, or save it uncompressed")
    memory.require(needed, "it takes", where=where, hint="read it where there is more")


def is_modest(needed: int, size: int) -> bool:
    """Whether something may take so much memory without being asked, whose file has `size` bytes."""
    return needed <= 20 * size + MODEST


MODEST = 1 << 26
ASKED = "LSM_DEPLOY_MAX_READ_GB"
"""What a user asks for who has files that inflate further: as many GB as one may take."""


def _asked() -> float:
    given = os.environ.get(ASKED, "0")
    try:
        return float(given)
    except ValueError:
        raise LsmError(f"{ASKED} is {given}", where="environment", hint="give a number of GB") from None


def read_json(path: Path) -> Any:
    """What a file of JSON holds; an LsmError where it is none, or larger than any of ours."""
    try:
        with opened(path) as (file, size):
            if size > LARGEST_JSON:
                what = f"this is no JSON of ours: it has {size} bytes, {LARGEST_JSON} are read"
                raise LsmError(what, where=str(path), hint="name another file")
            return json.loads(file.read().decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise LsmError(f"this is no JSON: {error}", where=str(path), hint="write one JSON object") from None


LARGEST_JSON = 16_000_000


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON's")


def read_bytes(path: Path) -> bytes:
    """All of a file."""
    with opened(path) as (file, size):
        memory.require(size, "it takes", where=str(path), hint="read it where there is more")
        return file.read()
