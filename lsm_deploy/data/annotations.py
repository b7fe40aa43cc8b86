"""MIT annotation files, WFDB's annot(5) (Moody & Mark, PhysioNet): what was seen at which sample, and notes to that.

A file is words of two bytes, the low one first: a type in the upper six bits, a number in the lower ten.

    1 to 49      an annotation of this type, so many samples after the one before it; 0 with a number: of none
    59 SKIP      the next two words, the high one first, are an interval to the next annotation, perhaps negative
    60, 61, 62   further fields of the annotation before it, which nothing here asks for
    63 AUX       a note to the annotation before it, of so many bytes; an odd number has a null byte behind it
    a word of 0  the end

The library `wfdb` reads on for ever, or as if nothing were missing, where a file is damaged. Here each word is passed
once, and a file is whole or refused; the tests hold what is read of whole ones to the library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.data.raw import is_rate
from lsm_deploy.store.files import read_bytes, reading

__all__ = ["BEATS", "RHYTHM", "Annotations", "rate_in_header", "read_annotations"]

BEATS = (*range(1, 14), 25, 30, 31, 34, 35, 38, 41)
"""The types that are heart beats, as WFDB's `isqrs` has them."""
RHYTHM, REMARK = 28, 22
MOST, SKIP, AUX = 49, 59, 63
RATE = "## time resolution:"
"""A remark at sample 0 that begins so says how many samples a second has."""
DEFINITIONS = ("## annotation type definitions", "## end of definitions")
"""Others that begin with ##; between them, types of one's own are named."""
RATE_IF_NONE = 250.0
"""Of a header that does not say it: header(5)."""


@dataclass(frozen=True, eq=False)
class Annotations:
    """Sample numbers, ascending, and types `[annotation]`; the notes that there are, by annotation; Hz, or None."""

    samples: NDArray[np.int64]
    types: NDArray[np.int64]
    notes: dict[int, str]
    rate: float | None


def read_annotations(file: Path) -> Annotations:
    """Read a file of annotations; an LsmError where it is damaged."""
    content = read_bytes(file)
    if len(content) % 2:
        raise _damaged(file, "it ends within a word of two bytes")
    words = np.frombuffer(content, "<u2").astype(np.int64)
    types, steps = words >> 10, words & 1023
    is_annotation = np.ones(len(words), bool)
    notes: dict[int, str] = {}  # by the word in front of it
    end, done = None, 0
    for i in map(int, np.flatnonzero((types >= SKIP) | (words == 0))):
        if i < done:  # part of an interval or a note
            continue
        if words[i] == 0:
            end = i
            break
        size = int(steps[i])
        done = i + 1 + {SKIP: 2, AUX: (size + 1) // 2}.get(int(types[i]), 0)
        if done > len(words):
            break
        is_annotation[i:done] = False
        steps[i:done] = 0
        if types[i] == SKIP:
            high, low = words[i + 1 : done].tolist()
            steps[i] = (high << 16 | low) - (high >> 15 << 32)
        elif types[i] == AUX:
            notes[i] = content[2 * i + 2 : 2 * i + 2 + size].decode("latin-1").strip("\0 \t")
    if end is None:
        raise _damaged(file, "it has no end: it was cut off" if len(words) else "it is empty")
    if words[end:].any():
        raise _damaged(file, f"it goes on behind its end, at byte {2 * end}")
    chosen = is_annotation[:end]
    samples, types = np.cumsum(steps[:end])[chosen], types[:end][chosen]
    if (bad := np.flatnonzero(types > MOST)).size:
        raise _damaged(file, f"annotation {bad[0]} is of type {types[bad[0]]}, which there is not")
    if (bad := np.flatnonzero(np.diff(samples, prepend=0) < 0)).size:
        raise _damaged(file, f"annotation {bad[0]}, at sample {samples[bad[0]]}, lies before the one it follows")
    before = np.cumsum(chosen) - 1
    by_annotation = {int(before[i]): note for i, note in notes.items()}
    if -1 in by_annotation:
        raise _damaged(file, "it begins with a note to no annotation")
    return Annotations(samples, types, by_annotation, _rate_noted(samples, types, by_annotation, file))


def _damaged(file: Path, what: str) -> LsmError:
    return LsmError(f"the annotations cannot be read: {what}", where=str(file), hint="fetch the file again")


def _rate_noted(
    samples: NDArray[np.int64], types: NDArray[np.int64], notes: dict[int, str], file: Path
) -> float | None:
    for i in np.flatnonzero((samples == 0) & (types == REMARK)).tolist():
        note = notes.get(i, "")
        if note.startswith(RATE):
            return _rate(note.removeprefix(RATE).strip(), file)
        if note not in DEFINITIONS and get_close_matches(note[: len(RATE)], [RATE], cutoff=0.8):
            raise _damaged(file, f"it begins with the remark {note!r}, which is nearly {RATE!r}")
    return None


def _rate(written: str, file: Path) -> float:
    """Hz of text in digits, with a point and an exponent if need be."""
    rate = float(written) if re.fullmatch(r"\d+\.?\d*([eE][+-]?\d+)?", written) else 0.0
    if not is_rate(rate):
        raise LsmError(f"the rate is {written!r}", where=str(file), hint="write the samples a second has, in Hz")
    return rate


def rate_in_header(file: Path) -> float | None:
    """Hz, of a record's header (header(5)): the third word of its first line that is no comment; None without a file.

    It may be followed by `/` and the frequency of a counter, which is another thing.
    """
    if not file.exists():
        return None
    with reading(file), file.open(encoding="latin-1") as opened:
        lines = (line.strip() for line in iter(lambda: opened.readline(100_000), ""))
        record = next((line for line in lines if line and not line.startswith("#")), "").split()
    if len(record) < 2 or not re.fullmatch(r"\d+", record[1]):
        what = "this is no header of a record: its first line does not say how many signals there are"
        raise LsmError(what, where=str(file), hint="fetch the file again")
    return _rate(record[2].split("/")[0], file) if len(record) > 2 else RATE_IF_NONE
