"""Pieces of C: tables of the narrowest type, words of strangers made harmless, and what a struct takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Field", "Table", "by_width", "comment", "literal", "narrowest_type", "size_of_struct", "string"]

_TYPES = ("uint8_t", "int8_t", "uint16_t", "int16_t", "int32_t", "uint32_t", "int64_t")
"""As they are chosen: the narrowest that holds all values, unsigned if both do; but signed 32 bits, which they meet."""
_WIDE = 100
"""Of a line of a table."""
_LONGEST = 60
"""Of a name that somebody gave, in characters."""


@dataclass(frozen=True, eq=False)
class Table:
    """A `static const` array of the program; ctype: of its entries, the narrowest if left out."""

    name: str
    values: NDArray[Any]
    ctype: str = ""

    @property
    def type(self) -> str:
        return self.ctype or narrowest_type(self.values)

    @property
    def bytes(self) -> int:
        return len(self.values) * _width(self.type)

    def text(self) -> str:
        """Its definition, in lines of bounded length."""
        words, lines, line = [literal(value) for value in self.values.tolist()], [], "   "
        for word in words:
            if len(line) + len(word) > _WIDE:
                lines.append(line)
                line = "   "
            line += f" {word},"
        body = "\n".join([*lines, line])
        return f"static const {self.type} {self.name}[{len(words)}] = {{\n{body}\n}};\n"


@dataclass(frozen=True)
class Field:
    """A member of the struct that holds the state: an array of `length` entries, or one where it is 0."""

    ctype: str
    name: str
    length: str = ""
    """As C has it: a macro, or a product of some."""
    count: int = 1
    words: str = ""

    @property
    def bytes(self) -> int:
        return self.count * _width(self.ctype)

    def text(self) -> str:
        after = f" /* {self.words} */" if self.words else ""
        return f"    {self.ctype} {self.name}{self.length};{after}"


def _width(ctype: str) -> int:
    return 8 if ctype == "double" else int("".join(c for c in ctype if c.isdigit())) // 8


def size_of_struct(fields: Sequence[Field]) -> int:
    """Bytes of a struct of these, widest first, so that only its end is padded."""
    widest = max(_width(field.ctype) for field in fields)
    total = sum(field.bytes for field in fields)
    return -(-total // widest) * widest


def by_width(fields: Sequence[Field]) -> list[Field]:
    """The widest first."""
    return sorted(fields, key=lambda field: -_width(field.ctype))


def narrowest_type(values: NDArray[Any]) -> str:
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    for name in _TYPES:
        limits = np.iinfo(name.removesuffix("_t"))
        if limits.min <= low and high <= limits.max:
            return name
    raise ValueError(f"{low} to {high} do not fit 64 bits")


def literal(value: float) -> str:
    """A number in C: floats in hexadecimal, so that each is what it is; the least integers as their sums."""
    if isinstance(value, float):
        return value.hex()
    if value == -(1 << 31):
        return "-2147483647 - 1"
    if value == -(1 << 63):
        return "-INT64_C(9223372036854775807) - 1"
    return f"INT64_C({value})" if abs(value) >= 1 << 32 else f"{value}u" if value >= 1 << 31 else str(value)


def comment(name: str) -> str:
    """A name that somebody gave, for a comment: nothing in it ends one, or goes on to the next line."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in " _.-+") else "?" for c in name[:_LONGEST])
    return safe + ("..." if len(name) > _LONGEST else "")


def string(name: str) -> str:
    """The same as a string, whatever it holds: bytes beyond plain letters are octal, of which C takes three digits."""
    cut = name[:_LONGEST] + ("..." if len(name) > _LONGEST else "")
    plain = {*b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _.,:;()+-*/<>=#"}
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in cut.encode("utf-8", "replace")) + '"'
