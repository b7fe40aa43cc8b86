"""Temporary files and folders that show whether their maker lives: it holds a lock on each, until it is gone.

The system takes the lock from a process that ends, however that comes about. So what bears our name and is not locked
was left by one that was killed, and the next who makes one of that name removes it. Where a file system has no locks
nothing is removed.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

__all__ = ["clear_abandoned", "short_folder", "temporary_file", "temporary_folder"]

SOCKETS = 64
"""Characters of a folder in which sockets can be made: their paths end at 104, and modules put two names behind it."""


def temporary_file(folder: Path, prefix: str) -> tuple[int, Path]:
    """An empty file, open for writing, with the mode that the umask gives. It is its maker's until that closes it."""
    clear_abandoned(folder, prefix)
    while True:
        path = folder / _name(prefix)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        if _lock(handle, path):
            return handle, path
        os.close(handle)


@contextmanager
def temporary_folder(prefix: str, parent: Path | None = None, mode: int = 0o700) -> Iterator[Path]:
    """A new folder, by default where temporary files go; on leaving, whatever is still there is removed."""
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    clear_abandoned(parent, prefix)
    while True:
        path = parent / _name(prefix)
        path.mkdir(mode)
        handle = os.open(path, os.O_RDONLY)
        if _lock(handle, path):
            break
        os.close(handle)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(handle)


@contextmanager
def short_folder(prefix: str, folder: Path) -> Iterator[Path]:
    """`folder`, or a new one in a place with a short name, if sockets could not be made in this one."""
    places = [place for place in (Path("/tmp"), Path("/var/tmp")) if os.access(place, os.W_OK)]
    if len(os.fsencode(folder)) < SOCKETS or not places:
        yield folder
    else:
        with temporary_folder(prefix, places[0]) as short:
            yield short


def _name(prefix: str) -> str:
    return prefix + secrets.token_hex(4)


def clear_abandoned(folder: Path, prefix: str) -> None:
    """Remove what makers left that were killed."""
    names: list[str] = []
    with suppress(OSError):  # of a folder that may be written to and not be read
        names = os.listdir(folder)
    for name in names:
        if re.fullmatch(re.escape(prefix) + "[0-9a-f]{8}", name) is None:
            continue
        path = folder / name
        with suppress(OSError):  # it is gone, in use, or somebody else's
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
            finally:
                os.close(handle)


def _lock(handle: int, path: Path) -> bool:
    """Hold what was just made; False where somebody was in between, who took it for abandoned and removed it."""
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)  # they let go of it at once
    return path.exists()
