"""The canonical file that programs and models are kept in; the same value gives the same bytes on every machine.

    magic     8 bytes   b"LSMDEPL" and the format version, one byte
    length    8 bytes   of the header, little-endian
    header    JSON      ASCII, sorted keys, no spaces: {"kind", "meta", "arrays": [[name, dtype, shape], ...]}
    arrays              raw, little-endian, C order, in the header's order; they and the header padded to 8 bytes
    checksum  32 bytes  SHA-256 of all before it

Not compressed: compressors differ between versions, and bytes would with them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import IO, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError

__all__ = ["Arrays", "facts_in", "is_packed", "kind_in", "pack", "pieces", "unpack"]

MAGIC = b"LSMDEPL"
VERSION = 1

Arrays: TypeAlias = Mapping[str, NDArray[Any]]


def pack(kind: str, meta: Mapping[str, Any], arrays: Arrays) -> bytes:
    """The canonical bytes of named arrays and JSON-able facts about them."""
    return b"".join(pieces(kind, meta, arrays))


def pieces(kind: str, meta: Mapping[str, Any], arrays: Arrays) -> Iterator[bytes | memoryview]:
    """The same, one piece after the other, so that a large file need not be in memory; the last one is the checksum."""
    listed = [(name, np.ascontiguousarray(array)) for name, array in arrays.items()]
    little = [(name, array.astype(array.dtype.newbyteorder("<"), copy=False)) for name, array in listed]
    header = json.dumps(
        {"kind": kind, "meta": meta, "arrays": [[name, a.dtype.str, list(a.shape)] for name, a in little]},
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    ).encode("ascii")
    digest = hashlib.sha256()
    start = MAGIC + bytes([VERSION]) + len(header).to_bytes(8, "little") + header + _padding(len(header))
    digest.update(start)
    yield start
    for _, array in little:
        for piece in (array.reshape(-1).view(np.uint8).data, _padding(array.nbytes)):
            digest.update(piece)
            yield piece
    yield digest.digest()


def unpack(data: bytes, kind: str, where: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Meta and arrays of a packed file of that kind; whatever is wrong with it is an LsmError."""
    again = "copy or compile it again"
    if data[:7] != MAGIC or len(data) < 48:
        what = "the file is truncated" if data and MAGIC.startswith(data[:7]) else f"this is no lsm_deploy {kind}"
        raise LsmError(what, where=where, hint=again)
    if data[7] != VERSION:
        hint = "compile it again" if data[7] < VERSION else "install a newer lsm_deploy, or compile it again"
        raise LsmError(f"the file has format {data[7]}, this version reads {VERSION}", where=where, hint=hint)
    if hashlib.sha256(memoryview(data)[:-32]).digest() != data[-32:]:
        raise LsmError("the checksum does not match: the file is truncated or was altered", where=where, hint=again)
    try:
        return _parse(data, kind)
    except LsmError as error:
        raise LsmError(error.what, where=where, hint=error.hint) from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise LsmError(f"the checksum is right but the content is not: {error}", where=where, hint=again) from None


def _parse(data: bytes, kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    length = int.from_bytes(data[8:16], "little")
    if length > len(data) - 48:
        raise ValueError("the header is longer than the file")
    if length > _LONGEST_HEADER:
        raise ValueError(f"the header has {length} bytes, {_LONGEST_HEADER} are read")
    header = json.loads(data[16 : 16 + length], parse_constant=_no_number)
    if header["kind"] != kind:
        raise LsmError(f"this is a {header['kind']}, not a {kind}", hint="see what it holds with `lsm-deploy inspect`")
    position = 16 + length + len(_padding(length))
    arrays = {}
    for name, dtype, shape in header["arrays"]:
        if dtype[:2] not in ("<i", "<f", "|i", "|u", "<u", "|b", "<U"):
            raise ValueError(f"array {name} has type {dtype}")
        if type(name) is not str or name in arrays:
            raise ValueError(f"the array {name!r} is named twice, or by no text")
        if any(type(side) is not int or side < 0 for side in shape):
            raise ValueError(f"array {name} has shape {shape}")
        count = 1
        for side in shape:
            count *= side
        size = count * np.dtype(dtype).itemsize
        if position + size > len(data) - 32:
            raise ValueError(f"array {name} reaches beyond the end")
        arrays[name] = np.frombuffer(data, dtype, count, position).reshape(shape)
        position += size + len(_padding(size))
    if position != len(data) - 32:
        raise ValueError("there are bytes that no array owns")
    return header["meta"], arrays


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def facts_in(meta: Any, types: Mapping[str, type], what: str) -> dict[str, Any]:
    """These facts of `meta`, each of its type, whole numbers from 0 to _LARGEST. ValueError: one is not, or is missing.

    A float may be written as a whole number. Nothing else passes for what it is not: `True` is no number, 80.0 no size.
    """
    if not isinstance(meta, dict) or meta.keys() != types.keys():
        raise ValueError(f"{what} does not have the facts {', '.join(types)}")
    for name, wanted in types.items():
        value = meta[name]
        if type(value) is not wanted and not (wanted is float and type(value) is int and meta[name] < _LARGEST):
            raise ValueError(f"{name} of {what} is {value!r:.40}, not {_WORDS[wanted]}")
        if wanted is int and not 0 <= meta[name] <= _LARGEST:
            raise ValueError(f"{name} of {what} is {value!r:.40}, not 0 to {_LARGEST}")
    return meta


_LARGEST = 1 << 62
_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
    bool: "true or false",
}


def _padding(length: int) -> bytes:
    return bytes(-length % 8)


def is_packed(start: bytes) -> bool:
    """Whether a file that starts like this is a packed one."""
    return start.startswith(MAGIC)


def kind_in(start: bytes, file: IO[bytes]) -> Literal["program", "model", "state"]:
    """What the header says that the file holds; `start` are its first 16 bytes, which have been read."""
    header = file.read(min(int.from_bytes(start[8:], "little"), _LONGEST_HEADER))
    if b'"kind":"model"' in header:
        return "model"
    # A damaged header counts as a program: loading it says what is wrong.
    return "state" if b'"kind":"state"' in header else "program"


_LONGEST_HEADER = 1 << 24
"""What is read of a header to see what it belongs to."""
