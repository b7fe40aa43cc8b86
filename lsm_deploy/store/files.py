"""Bytes in and out: nothing is left half-written, nothing that carries pickles is read, and each failure says why."""

from __future__ import annotations

import errno
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import memory
from lsm_deploy.core.errors import LsmError

__all__ = [
    "make_folder",
    "names_of_arrays",
    "read_arrays",
    "read_bytes",
    "read_json",
    "reading",
    "write_bytes",
    "write_file",
    "write_text",
    "writing",
]


def make_folder(path: Path) -> None:
    """A folder, where there is none yet."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot make this folder: {error.strerror}"
        raise LsmError(what, where=str(path), hint="choose another folder") from None


def write_file(path: str | Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place; on any failure the old file stays."""
    path = Path(path)
    with writing(path):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError):
            state = "; the old file is untouched" if path.exists() else "; nothing was written"
            hint = "free some space" if error.errno == errno.ENOSPC else "choose another file name"
            raise LsmError(f"cannot write: {error.strerror}{state}", where=str(path), hint=hint) from None
        raise


def write_bytes(path: str | Path, data: bytes) -> None:
    """`write_file` with these bytes."""
    write_file(path, lambda file: file.write(data))


def write_text(path: str | Path, text: str) -> None:
    """`write_file` with this text, in UTF-8."""
    write_bytes(path, text.encode())


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """What the system says against reading this file is an LsmError."""
    try:
        yield
    except OSError as error:
        what = f"cannot read: {error.strerror or error}"
        raise LsmError(what, where=str(path), hint="check the path") from None


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """What the system says against writing this file is an LsmError."""
    try:
        yield
    except OSError as error:
        what = f"cannot write: {error.strerror}"
        raise LsmError(what, where=str(path), hint="choose a writable folder") from None


def read_json(path: Path) -> Any:
    try:
        with reading(path):
            return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise LsmError(f"this is no JSON: {error}", where=str(path), hint="write one JSON object") from None


def read_bytes(path: Path) -> bytes:
    with reading(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        memory.require(size, "it takes", where=str(path), hint="read it where there is more")
        return file.read()


def read_arrays(path: str | Path) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz`; one that carries pickles, or is no `.npz`, is an LsmError."""
    names_of_arrays(path)  # numpy takes whatever is no zip for a pickle, and says so
    with _of_arrays(path), np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def names_of_arrays(path: str | Path) -> set[str]:
    """The names of the arrays of an `.npz`, none of which is read; an LsmError if it is no `.npz`."""
    with _of_arrays(path), zipfile.ZipFile(path) as archive:
        return {name.removesuffix(".npy") for name in archive.namelist()}


@contextmanager
def _of_arrays(path: str | Path) -> Iterator[None]:
    try:
        with reading(path):
            yield
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        what, hint = "this is not an .npz file, or it is damaged", "write it again with np.savez"
        if "pickle" in str(error):
            what = "the file carries Python objects (pickle), which are not read"
            hint = "save plain arrays with np.savez"
        raise LsmError(what, where=str(path), hint=hint) from None
