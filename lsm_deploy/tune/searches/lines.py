"""The file of a journal: lines of JSON that optuna keeps its studies in, written by several processes in turn.

Each line bears a digest of itself and of all before it, which optuna does not look at: one that was altered, lost,
doubled or moved is noticed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from lsm_deploy.core.errors import LsmError
from lsm_deploy.store.files import opened
from lsm_deploy.store.lines import DIGEST, add_lines, alone, cut_off, sealed, unsealed
from lsm_deploy.store.whole import writing

__all__ = ["Lines", "damage"]

BEGINS = b'{"op_code"'
"""Every line of optuna's journal."""
PATIENCE_S = 60.0
"""Others hold the lock for as long as a line takes."""


class Lines:
    """What optuna asks of a journal's file. Nobody reads or writes it but under its lock, which the system lets go of
    when a process is killed, and which makes file systems of a network show what others wrote."""

    def __init__(self, file: Path) -> None:
        self._file, self._lock = file, FileLock(f"{file}.lock", timeout=PATIENCE_S)
        self._digest, self._size = "", 0
        self._logs: list[dict[str, Any]] = []
        with self._alone():
            pass

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        with self._alone():
            return self._logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        with self._alone():
            lines, digest = b"", self._digest
            for log in logs:
                line, digest = sealed(json.dumps(log, separators=(",", ":")), digest)
                lines += line
            with writing(self._file):
                add_lines(self._file, lines)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Under the lock, having read what others wrote meanwhile."""
        what = f"another process has held this journal's lock for {PATIENCE_S:.0f} s"
        with alone(
            self._lock,
            self._file,
            LsmError(what, where=str(self._file), hint="wait for it, or name another journal"),
        ):
            self._read_on()
            yield

    def _read_on(self) -> None:
        size = self._file.stat().st_size if self._file.exists() else 0
        if size < self._size:
            raise damage(str(self._file), "it was cut short while it was in use")
        if size == self._size:
            return
        with opened(self._file) as (journal, _):
            journal.seek(self._size)
            text = journal.read()
        if not self._size and not text.startswith(BEGINS[: len(text)]):
            raise LsmError("this is no journal of a search", where=str(self._file), hint="name another file")
        whole = text.rfind(b"\n") + 1
        for line in text[:whole].split(b"\n")[:-1]:
            self._logs.append(self._checked(line))
        self._size += whole
        if whole < len(text):
            cut_off(self._file, self._size)

    def _checked(self, line: bytes) -> dict[str, Any]:
        number = len(self._logs) + 1
        if number == 1 and DIGEST.encode() not in line and line.endswith(b"}"):
            what = "this journal is of an older version: without digests, nobody could tell if a line was altered"
            raise LsmError(what, where=str(self._file), hint="go on with that version, or name another file")
        if (read := unsealed(line, self._digest)) is None:
            raise damage(str(self._file), f"line {number} is not as it was written, or not where")
        log, self._digest = read
        return log


def damage(where: str, what: str) -> LsmError:
    return LsmError(f"the journal is damaged: {what}", where=where, hint="name another journal, or remove it")
