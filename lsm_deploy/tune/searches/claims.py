"""Claims to turns of a search: who works on what, among processes that may be killed at any time.

A process that works on a turn says so again now and then; one that does not, or that has ended, let it drop.
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
import socket
import time

from lsm_deploy.core.notes import warn

__all__ = ["BEAT_S", "Claims"]

BEAT_S = 15.0
"""After so many seconds a process says again that it works on what it claimed."""
GRACE_S = 60.0
"""After so many seconds in which it does not, others take it over; at once, where they see that it has ended."""
POLL_S = 0.2
"""Between two looks at what others work on."""
WORTH_SAYING_S = 5.0
"""Who waits for longer says for what."""

_CLAIMED = re.compile(r"(?P<host>\S+) (?P<process>\d{1,9}) (?P<name>\S+) \d+")
_OPEN: set[str] = set()
"""The names of this process's open journals."""


class Claims:
    """Of one open journal: those that it makes, and those of others as it sees them."""

    def __init__(self) -> None:
        self._host, self._name, self._beats = socket.gethostname(), secrets.token_hex(4), itertools.count()
        self._others: dict[int, tuple[str, float]] = {}
        """The last claim of another to a turn, and when it was new."""
        self._idle_since: float | None = None

    def open(self) -> None:
        _OPEN.add(self._name)

    def close(self) -> None:
        """What it claimed is dropped."""
        _OPEN.discard(self._name)

    def new(self) -> str:
        """A claim, which no other is like."""
        return f"{self._host} {os.getpid()} {self._name} {next(self._beats)}"

    def is_dropped(self, turn: int, claim: str) -> bool:
        """Whether nobody works any more on a turn with this claim."""
        if (by := _CLAIMED.fullmatch(claim)) and by["host"] == self._host:
            if int(by["process"]) == os.getpid():
                if by["name"] not in _OPEN - {self._name}:
                    return True
            elif not _runs(int(by["process"])):
                return True
        known, since = self._others.setdefault(turn, (claim, time.monotonic()))
        if known != claim:
            self._others[turn] = (claim, time.monotonic())
        return known == claim and time.monotonic() - since > GRACE_S

    def wait(self, turn: int | None) -> None:
        """Wait a little for others, if there is a turn to wait for; who waits long says for whom."""
        if turn is None:
            self._idle_since = None
            return
        self._idle_since = self._idle_since or time.monotonic()
        if time.monotonic() - self._idle_since > WORTH_SAYING_S:
            by = _CLAIMED.fullmatch(self._others.get(turn, ("", 0.0))[0])
            who = f"process {by['process']} on {by['host']}" if by else "another process"
            warn(f"waiting for trial {turn}, on which {who} works", about="waiting", level=2)
        time.sleep(POLL_S)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
