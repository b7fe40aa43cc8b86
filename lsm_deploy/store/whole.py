"""Files and folders that are there whole or not at all: made beside where they belong, under another name, and moved.

A link stays a link: what it points to is replaced. What is no file (a device, a pipe) is written to as it is.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO

from lsm_deploy.core.errors import LsmError, require_path
from lsm_deploy.core.temporary import clear_abandoned, temporary_file, temporary_folder

__all__ = ["check_own_folder", "make_folder", "new_folder", "write_bytes", "write_file", "write_text", "writing"]


def write_file(path: str | Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place; on any failure the old file stays."""
    path = require_path(path)
    there = os.path.exists(path)
    if there and not os.path.isfile(path) and not os.path.isdir(path):
        try:
            _write_into(Path(path), write)
        except OSError as error:
            raise _refused(error, path, "") from None
        return
    target = Path(os.path.realpath(path))
    with writing(path):
        if there and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        handle, temporary = temporary_file(target.parent, _prefix(target.name))
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
            if there:
                os.chmod(temporary, target.stat().st_mode & 0o777)
            os.replace(temporary, target)  # before it is closed: nobody takes it for one that was abandoned
        _sync(target.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _refused(error, path, "; the old file is untouched" if there else "; nothing was written") from None
        raise


def write_bytes(path: str | Path, data: bytes) -> None:
    """`write_file` with these bytes."""
    write_file(path, lambda file: file.write(data))


def write_text(path: str | Path, text: str) -> None:
    """`write_file` with this text, in UTF-8."""
    write_bytes(path, text.encode())


@contextmanager
def new_folder(folder: str | Path, names: Iterable[str] | None = None) -> Iterator[Path]:
    """A folder to be filled, which then becomes `folder`; on any failure to fill it that is as it was.

    names: all that it may hold; it replaces one that holds nothing else, such as an older one of its kind. Without
    them it is added to what is there. A folder that is there already stays, and is changed when all is written, by
    moving name after name: who is killed in that moment leaves some of either.
    """
    target = Path(os.path.realpath(require_path(folder)))
    if names is not None:
        check_own_folder(folder, names)
    there = os.path.isdir(target)
    place = target if there else target.parent
    make_folder(target if os.path.lexists(target) else place, asked=folder)
    clear_abandoned(target.parent, _prefix(target.name))  # of one who was killed when there was no such folder
    try:
        with temporary_folder(_prefix(target.name), place, 0o777) as made:
            yield made
            for file in made.rglob("*"):
                _sync(file)
            if there:
                _move_into(target, made, names)
            else:
                made.rename(target)
            _sync(place)
    except OSError as error:
        raise _refused(error, folder, "; nothing was written") from None
    except LsmError as error:  # of a file, which its writer knows under the other name
        raise LsmError(error.what, where=error.where.replace(str(made), str(folder)), hint=error.hint) from None


def _move_into(target: Path, made: Path, names: Iterable[str] | None) -> None:
    """The old go where the new come from, which is removed."""
    new = [entry.name for entry in made.iterdir()]
    with temporary_folder(_prefix(made.name), made) as old:
        for name in sorted({*new, *(names or ())}):
            if os.path.lexists(target / name) and (name not in new or (made / name).is_dir()):
                (target / name).rename(old / name)
            if name in new:
                (made / name).replace(target / name)


def check_own_folder(folder: str | Path, names: Iterable[str] = ()) -> None:
    """Refuse a folder that holds anything but these names, and what one left who wrote to it and was killed."""
    if not os.path.lexists(folder):
        return
    with writing(folder):
        others = [folder] if not os.path.isdir(folder) else sorted({*os.listdir(folder)} - {*names})
    if others := [str(name) for name in others if _OURS.fullmatch(str(name)) is None]:
        raise LsmError(
            f"this needs a folder of its own, and {os.path.basename(others[0])!r} is there",
            where=str(folder),
            hint="name a new folder, or remove what is there",
        )


def make_folder(path: Path, asked: str | Path | None = None) -> None:
    """A folder, where there is none yet; asked: what errors call it, if a user named another one for its sake."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot make this folder: {error.strerror}"
        raise LsmError(what, where=str(path if asked is None else asked), hint="choose another folder") from None


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """What the system says against writing this file is an LsmError."""
    try:
        yield
    except OSError as error:
        what = f"cannot write: {error.strerror or error}"
        hint = _REMEDIES.get(error.errno or 0, "choose a writable folder")
        raise LsmError(what, where=str(path), hint=hint) from None


def _prefix(name: str) -> str:
    """How temporary files for a target begin: cut off, as a name may have 255 bytes."""
    return f".{name[:40]}.lsm-deploy-"


_OURS = re.compile(r"\..*\.lsm-deploy-[0-9a-f]{8}", re.DOTALL)


def _write_into(target: Path, write: Callable[[IO[bytes]], object]) -> None:
    """All at once, since a pipe has no place to go back to."""
    made = BytesIO()
    write(made)
    with target.open("wb") as file:
        file.write(made.getbuffer())


def _sync(path: Path) -> None:
    """Have the disk keep it, names in folders too, as far as a file system does that."""
    if path.is_file():
        with path.open("rb") as file:
            os.fsync(file.fileno())  # a full disk may say so only now
        return
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
}


def _refused(error: OSError, path: str | Path, state: str) -> LsmError:
    hint = _REMEDIES.get(error.errno or 0, "choose another file name")
    return LsmError(f"cannot write: {error.strerror or error}{state}", where=str(path), hint=hint)
