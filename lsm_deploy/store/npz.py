"""The one reader of `.npz` and `.npy`: what a file declares is added up before it is read, and each failure says why.

An `.npz` is a zip of `.npy`, each with a header that says type and shape. Whoever wrote it may have written anything
there: the headers are read first, by themselves, and no more is read than they declare. What comes back is in this
machine's byte order, whichever the file has.
"""

from __future__ import annotations

import ast
import math
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.store.files import opened, require_modest

__all__ = ["misspelt", "names_of_arrays", "read_array", "read_arrays"]

MAGIC = b"\x93NUMPY"
LARGEST_HEADER = 1 << 14
"""Bytes: numpy's own are 128, but for types with many fields, which are not read."""
AT_ONCE = 1 << 20
TYPES = re.compile(r"[<>|=]?[?biufcmMSU]\d{0,9}(\[\w{1,9}\])?")
"""Numbers, times and text."""
ENCRYPTED = 1
"""The bit of a zip's flags."""


class _Declared(NamedTuple):
    """What the header of an array says, and at which byte the values begin."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    begin: int

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_arrays(path: str | Path) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz`; one that carries pickles, is damaged, or is no `.npz`, is an LsmError.

    So is one that would take more memory than `require_modest` grants to a file of its size.
    """
    with _archive(path) as (archive, size):
        declared = {}
        members = _members(archive, str(path))
        for name, member in members.items():
            with archive.open(member) as file:
                declared[name] = _header(file, member.file_size, f"array {name!r}")
        require_modest(sum(each.size for each in declared.values()), size, str(path))
        arrays = {}
        for name, member in members.items():
            with archive.open(member) as file:
                arrays[name] = _values(file, declared[name], f"array {name!r}")
        return arrays


def names_of_arrays(path: str | Path) -> set[str]:
    """The names of the arrays of an `.npz`, none of which is read; an LsmError if it is no `.npz`."""
    with _archive(path) as (archive, _):
        return set(_members(archive, str(path)))


def read_array(path: str | Path) -> NDArray[Any]:
    """The one array of an `.npy`, as `read_arrays` reads it."""
    with _sentences(path, "npy"), opened(path) as (file, size):
        declared = _header(file, size, "the array")
        require_modest(declared.size, size, str(path))
        file.seek(0)
        return _values(file, declared, "the array")


def misspelt(names: Iterable[str], known: Sequence[str], where: str) -> list[LsmError]:
    """Errors for arrays that are nearly called like one of `known` that is not there: nobody would miss it."""
    there = set(names)
    near = {name: get_close_matches(name.lower(), known, 1, cutoff=0.8) for name in sorted(there - set(known))}
    return [
        LsmError(f"there is an array {name!r}", where=where, hint=f"did you mean {match[0]!r}?")
        for name, match in near.items()
        if match and match[0] not in there
    ]


@contextmanager
def _archive(path: str | Path) -> Iterator[tuple[zipfile.ZipFile, int]]:
    """The open zip, and the size of the file."""
    with _sentences(path, "npz"), opened(path) as (file, size):
        if not size:
            raise LsmError("the file is empty", hint="write it again")
        with zipfile.ZipFile(file) as archive:
            yield archive, size


@contextmanager
def _sentences(path: str | Path, kind: str) -> Iterator[None]:
    """Whatever `zipfile` and the functions below say of a file is an LsmError."""
    try:
        yield
    except LsmError as error:
        raise LsmError(error.what, where=error.where or str(path), hint=error.hint) from None
    except _DAMAGE as error:
        what = f"this is not an .{kind} file, or it is damaged: {str(error) or 'it ends too early'}"
        raise LsmError(what, where=str(path), hint=f"write it again with np.save{'z' * (kind == 'npz')}") from None


_DAMAGE = (ValueError, NotImplementedError, OverflowError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


def _members(archive: zipfile.ZipFile, where: str) -> dict[str, zipfile.ZipInfo]:
    """By the name of the array; what nobody but an author of damage writes is refused."""
    members = archive.infolist()
    names = [member.filename.removesuffix(".npy") for member in members]
    for name, member in zip(names, members, strict=True):
        if member.flag_bits & ENCRYPTED:
            raise LsmError(f"array {name!r} is encrypted", where=where, hint="save it again, without a password")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            what = f"array {name!r} is compressed by method {member.compress_type} of zip, which is not read"
            raise LsmError(what, where=where, hint="save it with np.savez or np.savez_compressed")
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise LsmError(f"two arrays are called {twice[0]!r}", where=where, hint="save it again, with one of them")
    return dict(zip(names, members, strict=True))


def _header(file: IO[bytes], size: int, what: str) -> _Declared:
    """What an `.npy` of so many bytes declares; ValueError where it is none, or does not declare what is there."""
    start = file.read(LARGEST_HEADER)
    if not start.startswith(MAGIC):
        raise ValueError(f"{what} is no array of numpy's")
    version = start[6:8]
    if version not in (b"\1\0", b"\2\0"):
        raise ValueError(f"{what} has version {'.'.join(map(str, version))} of the format, 1.0 and 2.0 are read")
    begin = 10 if version == b"\1\0" else 12
    length = int.from_bytes(start[8:begin], "little")
    if length > len(start) - begin:
        raise ValueError(f"the header of {what} is cut off, or too long")
    text = start[begin : begin + length].decode("latin-1").strip()
    try:
        facts = ast.literal_eval(re.sub(r"(?<=\d)L\b", "", text))  # Python 2 wrote some numbers as 3L
        descr, fortran, shape = (facts.pop(name) for name in ("descr", "fortran_order", "shape"))
        if facts:
            raise KeyError
    except (ValueError, TypeError, AttributeError, KeyError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"the header of {what} is damaged") from None
    if "O" in str(descr):
        what = "the file carries Python objects (pickle), which are not read"
        raise LsmError(what, hint="save plain arrays with np.savez")
    if not isinstance(descr, str) or not TYPES.fullmatch(descr):
        has = "fields" if isinstance(descr, list) else f"type {descr!r:.20}"
        raise LsmError(f"{what} has {has}, which are not read", hint="save arrays of numbers or of text")
    try:
        dtype = np.dtype(descr)
    except (TypeError, ValueError):
        raise ValueError(f"{what} has type {descr!r}, which there is not") from None
    if type(fortran) is not bool or type(shape) is not tuple or any(type(n) is not int or n < 0 for n in shape):
        raise ValueError(f"the header of {what} is damaged")
    declared = _Declared(dtype, shape, fortran, begin + length)
    if declared.begin + declared.size != size:
        held = size - declared.begin
        raise ValueError(f"{what} of shape {list(shape)} takes {declared.size} bytes, and {held} are there")
    return declared


def _values(file: IO[bytes], declared: _Declared, what: str) -> NDArray[Any]:
    file.read(declared.begin)
    array: NDArray[Any] = np.empty(declared.shape, declared.dtype, "F" if declared.fortran else "C")
    if declared.size:
        values = array.reshape(-1, order="A").view(np.uint8)
        position = 0
        while position < len(values) and (piece := file.read(min(AT_ONCE, len(values) - position))):
            values[position : position + len(piece)] = np.frombuffer(piece, np.uint8)
            position += len(piece)
        if position < len(values):
            raise ValueError(f"{what} is cut off")
    if file.read(1):  # at the end of a zip's member the checksum is compared
        raise ValueError(f"{what} is longer than its header says")
    if declared.dtype.isnative:
        return array
    return array.byteswap(inplace=True).view(declared.dtype.newbyteorder("="))
