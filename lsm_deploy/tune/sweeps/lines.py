"""The results of a sweep: `results.jsonl` in a folder, which a kill or a full disk leaves fit to go on with.

The first line says what the results are of; each other is one result, under a key that is a digest of what was
evaluated. A line is written whole and is on the disk before it counts; half of one, at the end, is cut off. Each ends
with a digest of itself, so that one that was altered is noticed; where one was lost, its point is evaluated again, and
one that is there twice counts once.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.store.files import read_bytes
from lsm_deploy.store.lines import add_lines, alone, cut_off, sealed, unsealed
from lsm_deploy.store.whole import make_folder

__all__ = ["RESULTS", "Lines", "key_of", "opened_lines", "read_lines"]

RESULTS = "results.jsonl"
_OF = "results_of"
"""The key that the first line has, and no other."""
_BEGINS = f'{{"{_OF}"'.encode()


def key_of(what: Any) -> str:
    """A digest of plain data."""
    return hashlib.blake2b(_json(what).encode(), digest_size=16).hexdigest()


class Lines:
    """An open folder of results: those that are there, by key, and room for more."""

    def __init__(self, file: Path, known: dict[str, dict[str, Any]]) -> None:
        self.file, self.known = file, known

    def add(self, key: str, result: Mapping[str, Any]) -> None:
        """Keep a result; an LsmError where the disk does not, with all before it in place."""
        _append(self.file, {"key": key, **result}, f"; {len(self.known)} results are kept")
        self.known[key] = dict(result)


@contextmanager
def opened_lines(folder: Path, of: Mapping[str, str], about: Mapping[str, Any]) -> Iterator[Lines]:
    """The results in a folder, new or as they were left, for one process at a time.

    of: what they are of, each part by its name; an LsmError names those in which a folder that is there differs.
    about: what else its first line says.
    """
    make_folder(folder)
    file = folder / RESULTS
    what, hint = "another process is writing these results", "wait for it, or name another folder"
    with alone(FileLock(f"{file}.lock", timeout=0), file, LsmError(what, where=str(file), hint=hint)):
        if not file.exists() or not _whole(file):
            _append(file, {_OF: dict(of), **about}, "; there is no result yet")
        first, known = read_lines(folder)
        theirs = first[_OF]
        hint = "go on with what it was begun with, or name another folder"
        others = [name for name in {**theirs, **of} if theirs.get(name) != of.get(name)]
        raise_all([LsmError(f"its results are of another {name}", where=str(folder), hint=hint) for name in others])
        yield Lines(file, known)


def read_lines(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The first line of a folder's results, and the results by key; an LsmError where they are none, or damaged."""
    file = folder / RESULTS
    lines = [_checked(file, number, line) for number, line in enumerate(read_bytes(file).split(b"\n")[:-1], 1)]
    if not lines or not isinstance(lines[0].get(_OF), dict):
        raise LsmError("these are no results of a sweep", where=str(file), hint="name another folder")
    known: dict[str, dict[str, Any]] = {}
    for line in lines[1:]:
        known.setdefault(line.pop("key", ""), line)
    return lines[0], known


def _whole(file: Path) -> int:
    """Cut off what a kill left unfinished; the bytes that are whole lines."""
    text = read_bytes(file)
    whole = text.rfind(b"\n") + 1
    if whole < len(text):
        if whole == 0 and not text.startswith(_BEGINS[: len(text)]):
            raise LsmError("these are no results of a sweep", where=str(file), hint="name another folder")
        cut_off(file, whole)
    return whole


def _append(file: Path, data: Mapping[str, Any], state: str) -> None:
    line, _ = sealed(_json(data))
    size = file.stat().st_size if file.exists() else 0
    try:
        add_lines(file, line)
    except OSError as error:
        with suppress(OSError):  # or the next one cuts it off
            os.truncate(file, size)
        hint = "make room, and give the same command again: it goes on from there"
        raise LsmError(f"cannot write: {error.strerror or error}{state}", where=str(file), hint=hint) from None


def _checked(file: Path, number: int, line: bytes) -> dict[str, Any]:
    if (read := unsealed(line)) is None:
        if number == 1 and not line.startswith(_BEGINS):
            raise LsmError("these are no results of a sweep", where=str(file), hint="name another folder")
        hint = "remove that line: its point is evaluated again" if number > 1 else "name another folder"
        raise LsmError("this line is not as it was written", where=f"{file}:{number}", hint=hint)
    return read[0]


def _json(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False)
