"""Zips and `.npy`s written by hand, field by field: what the libraries write is always well-formed."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

STORED, DEFLATED = 0, 8


@dataclass(frozen=True)
class Member:
    """One file of a zip, as its two headers declare it; `crc` and `size` are those of what is inside."""

    name: bytes
    payload: bytes
    crc: int
    size: int
    method: int = STORED
    flags: int = 0
    version: int = 20
    declared: int | None = None
    """The compressed size that the headers say, where it is not that of the payload."""


def member(name: str, content: bytes, compress: bool = False) -> Member:
    payload = _deflated(content) if compress else content
    return Member(name.encode(), payload, zlib.crc32(content), len(content), DEFLATED if compress else STORED)


def _deflated(content: bytes) -> bytes:
    deflating = zlib.compressobj(1, zlib.DEFLATED, -15)
    return deflating.compress(content) + deflating.flush()


def zip_of(members: Sequence[Member], entries: int | None = None) -> bytes:
    """A zip of these; entries: how many its end says that there are, if not as many."""
    body, directory = bytearray(), bytearray()
    for m in members:
        size = len(m.payload) if m.declared is None else m.declared
        facts = struct.pack("<HHHHHIII", m.version, m.flags, m.method, 0, 33, m.crc, size, m.size)
        directory += b"PK\1\2" + struct.pack("<H", 20) + facts
        directory += struct.pack("<HHHHHII", len(m.name), 0, 0, 0, 0, 0, len(body)) + m.name
        body += b"PK\3\4" + facts + struct.pack("<HH", len(m.name), 0) + m.name + m.payload
    count = len(members) if entries is None else entries
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory) + b"PK\5\6" + end


def npz_of(arrays: Mapping[str, NDArray[np.generic]], compress: bool = False) -> bytes:
    return zip_of([member(f"{name}.npy", npy_of(array), compress) for name, array in arrays.items()])


def npy_of(array: NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)
    return file.getvalue()


def npy_with(header: str, data: bytes, version: tuple[int, int] = (1, 0), magic: bytes = b"\x93NUMPY") -> bytes:
    """An `.npy` whose header says whatever it says."""
    text = header.encode("latin1", "replace") + b" " * (-(len(header) + 11) % 64) + b"\n"
    length = struct.pack("<H" if version[0] == 1 else "<I", len(text) & 0xFFFF if version[0] == 1 else len(text))
    return magic + bytes(version) + length + text + data


@cache
def bomb(descr: str, rows: int, columns: int) -> Member:
    """A nameless member of nothing but zeros: a few hundred kilobytes that unpack to `rows * columns` values."""
    shape = (rows,) if columns == 0 else (rows, columns)
    head = npy_with(f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}", b"")
    size = rows * max(columns, 1) * np.dtype(descr).itemsize
    deflating, crc, zeros = zlib.compressobj(1, zlib.DEFLATED, -15), zlib.crc32(head), bytes(1 << 20)
    payload = bytearray(deflating.compress(head))
    for _ in range(size >> 20):
        payload += deflating.compress(zeros)
        crc = zlib.crc32(zeros, crc)
    payload += deflating.flush()
    return Member(b"", bytes(payload), crc, len(head) + size, DEFLATED)
