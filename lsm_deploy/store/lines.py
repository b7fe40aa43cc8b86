"""Lines of JSON in a file that grows, by one process at a time; each bears a digest, its last key.

A line is on the disk before it counts. What a kill or a full disk left unfinished, the last, is cut off by who comes
next.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lsm_deploy.core.errors import LsmError
from lsm_deploy.store.whole import writing

__all__ = ["DIGEST", "add_lines", "alone", "cut_off", "sealed", "unsealed"]

DIGEST = ',"digest":"'


def sealed(text: str, before: str = "") -> tuple[bytes, str]:
    """The line of an object, written as text, and its digest; before: that of the line before it, where each is to be
    held to all before it."""
    body = text.removesuffix("}")
    digest = _digest(body, before)
    return f'{body}{DIGEST}{digest}"}}\n'.encode(), digest


def unsealed(line: bytes, before: str = "") -> tuple[dict[str, Any], str] | None:
    """What a line without its end holds, and its digest; None where it is not as it was written, or not there."""
    body, _, end = line.decode("utf-8", "replace").rpartition(DIGEST)
    digest = _digest(body, before)
    if not body or end != f'{digest}"}}':
        return None
    try:
        return json.loads(body + "}"), digest
    except (ValueError, RecursionError):  # who reckons digests may write what he likes
        return None


def _digest(body: str, before: str) -> str:
    return hashlib.blake2b(f"{before}{body}".encode(), digest_size=8).hexdigest()


def add_lines(file: Path, lines: bytes) -> None:
    """Have the disk keep them; the system's error where it does not, with any part of them in the file."""
    with file.open("ab") as out:
        out.write(lines)
        out.flush()
        os.fsync(out.fileno())


def cut_off(file: Path, whole: int) -> None:
    """All but so many bytes."""
    with writing(file):
        os.truncate(file, whole)


@contextmanager
def alone(lock: FileLock, file: Path, busy: LsmError) -> Iterator[None]:
    """Under a lock, which the system lets go of when a process is killed; `busy` is raised where others hold it."""
    with writing(file):
        try:
            lock.acquire()
        except Timeout:  # one of the system's errors, to Python
            raise busy from None
    try:
        yield
    finally:
        lock.release()
