"""The file of a journal: lines of JSON that optuna keeps its studies in, written by several processes in turn.

Each line bears a digest of itself and of all before it: one that was altered, lost, doubled or moved is noticed; one
that a kill or a full disk left unfinished, the last, is cut off by who comes next.
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
from lsm_deploy.store.files import opened
from lsm_deploy.store.whole import writing

__all__ = ["Lines", "damage"]

BEGINS = b'{"op_code"'
"""Every line of optuna's journal."""
DIGEST = ',"digest":"'
"""The last key of each line; optuna does not look at it."""
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
            text, digest = "", self._digest
            for log in logs:
                body = json.dumps(log, separators=(",", ":")).removesuffix("}")
                digest = _following(digest, body)
                text += f'{body}{DIGEST}{digest}"}}\n'
            with writing(self._file), self._file.open("ab") as journal:
                journal.write(text.encode())
                journal.flush()
                os.fsync(journal.fileno())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Under the lock, having read what others wrote meanwhile."""
        with writing(self._file):
            try:
                self._lock.acquire()
            except Timeout:  # one of the system's errors, to Python
                what = f"another process has held this journal's lock for {PATIENCE_S:.0f} s"
                hint = "wait for it, or name another journal"
                raise LsmError(what, where=str(self._file), hint=hint) from None
        try:
            self._read_on()
            yield
        finally:
            self._lock.release()

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
            with writing(self._file), self._file.open("r+b") as journal:
                journal.truncate(self._size)

    def _checked(self, line: bytes) -> dict[str, Any]:
        number = len(self._logs) + 1
        if number == 1 and DIGEST.encode() not in line and line.endswith(b"}"):
            what = "this journal is of an older version: without digests, nobody could tell if a line was altered"
            raise LsmError(what, where=str(self._file), hint="go on with that version, or name another file")
        body, _, digest = line.decode("utf-8", "replace").rpartition(DIGEST)
        self._digest = _following(self._digest, body)
        if digest != f'{self._digest}"}}':
            raise damage(str(self._file), f"line {number} is not as it was written, or not where")
        log: dict[str, Any] = json.loads(body + "}")
        return log


def _following(digest: str, body: str) -> str:
    """The digest of a line that comes after the one with this digest."""
    return hashlib.blake2b(f"{digest}{body}".encode(), digest_size=8).hexdigest()


def damage(where: str, what: str) -> LsmError:
    return LsmError(f"the journal is damaged: {what}", where=where, hint="name another journal, or remove it")
