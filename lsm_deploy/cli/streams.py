"""Standard output and error, whatever they are: any character can be said there, and neither ends a command.

What an encoding lacks is spelt in letters that it has. What cannot be written (a closed stream, a pipe that nobody
reads, a full disk) is remembered: a command goes on, so that the files that it writes are whole, and fails at its end;
not where a pipe was closed, whose reader has what it wants.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

__all__ = ["Lasting", "lasting_streams"]

_PLAIN = {"≠": "!=", "×": "x", "µ": "u", "±": "+-", "→": "->", "…": "...", "λ": "lambda", "–": "-", "’": "'"}


class Lasting:
    """A text stream over another one, of which no write fails."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._encoding = stream, stream.encoding or "utf-8"
        # click takes ASCII for a mistake, and writes UTF-8 there.
        self.encoding = "latin-1" if codecs.lookup(self._encoding).name == "ascii" else self._encoding
        self.errors = "lsm-deploy"
        self.buffer = Text(self)
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        sayable = text.encode(self._encoding, self.errors).decode(self._encoding)
        if self.failure is None:
            try:
                self._stream.write(sayable)
            except OSError as error:
                self._fail(error)
        return len(text)

    def flush(self) -> None:
        if self.failure is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.failure = error
        # What is still in its buffer goes nowhere, or the interpreter would fail once more at its end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


class Text:
    """The bytes of text, in which click prints completions."""

    def __init__(self, stream: Lasting) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        return self._stream.write(data.decode())

    def flush(self) -> None:
        self._stream.flush()


@contextmanager
def lasting_streams() -> Iterator[tuple[Lasting, Lasting]]:
    """Both streams, made so; afterwards they are what they were."""
    codecs.register_error("lsm-deploy", _plain)
    _open_closed()
    before = sys.stdout, sys.stderr
    out, err = Lasting(sys.stdout), Lasting(sys.stderr)
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        yield out, err
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before


def _open_closed() -> None:
    """Give a stream that was closed a file that cannot be written to, before a file of ours gets its number."""
    while (handle := os.open(os.devnull, os.O_RDONLY)) <= 2:
        os.set_inheritable(handle, True)
    os.close(handle)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, io.TextIOWrapper(io.FileIO(number, "w", closefd=False), "utf-8"))


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    spelt = (_PLAIN.get(letter) or letter.encode("ascii", "backslashreplace").decode() for letter in letters)
    return "".join(spelt), error.end
