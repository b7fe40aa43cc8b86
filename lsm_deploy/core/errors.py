"""Errors that a user can cause and mend, and warnings; all else that is raised is a bug of ours, with its traceback."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

__all__ = [
    "AbsentError",
    "BackendError",
    "LsmError",
    "LsmErrors",
    "LsmWarning",
    "MisuseError",
    "raise_all",
    "require_path",
    "require_type",
    "visible",
]


class LsmError(Exception):
    """A user's mistake: what is wrong, where it stands, and a way out.

    what:  a lower-case sentence with the value and the limit it breaks.
    where: `file:line:column`, a file, or a part of the network such as `population 'exc'`.
    hint:  begins with a verb.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return visible(f"{text}\n  {self.hint}" if self.hint else text)

    def each(self) -> Sequence[LsmError]:
        """The single mistakes in this error: itself, or all that a check collected."""
        return (self,)

    def in_brief(self) -> str:
        """What is wrong, and where, on one line: the reason why one of many things that were tried came to nothing."""
        return "; ".join(str(each).split("\n")[0] for each in self.each())

    def to_json(self) -> dict[str, str]:
        """The three parts by name, as `--json` prints them."""
        return {"what": self.what, "where": self.where, "hint": self.hint}


class LsmErrors(LsmError):  # noqa: N818 - a plural of LsmError
    """Several mistakes found in one pass, in the order in which they stand in the source."""

    def __init__(self, errors: Sequence[LsmError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(self.errors)} mistakes")

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)

    def each(self) -> Sequence[LsmError]:
        return self.errors


class MisuseError(LsmError):
    """A user's mistake in what is asked for, with these files or any: an argument that cannot be, or one that lacks.

    On the command line it ends with exit status 2, all other mistakes with 1.
    """


class AbsentError(LsmError):
    """What is needed is not on this machine: a file, or a package that brings or reads one."""


class BackendError(LsmError):
    """A backend is missing, refuses a program, or died while running it."""


class LsmWarning(UserWarning):
    """What a user did not ask for and gets, the answer being the same: a lower-case sentence.

    about: of several about the same, as folds of the same data would give, a command tells the first.
    """

    def __init__(self, what: str, about: str = "") -> None:
        super().__init__(what)
        self.about = about


def visible(text: str) -> str:
    """Text that may come from a file, to be shown: what would move a terminal's cursor, or turn the direction of
    writing, stands there as an escape. Line ends and tabs stay."""
    return _MOVERS.sub(lambda mark: mark[0].encode("unicode_escape").decode(), text)


_MOVERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters (C0 and C1), marks and overrides of direction, other line ends, and halves of characters."""


def raise_all(errors: Sequence[LsmError]) -> None:
    """Raise what was collected: nothing, the one mistake itself, or all of them together."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise LsmErrors(errors)


def require_type(value: object, kind: type | tuple[type, ...], name: str, hint: str) -> None:
    """A MisuseError where an argument of a public function is of another type, so that none fails further in."""
    if not isinstance(value, kind):
        kinds = " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
        raise MisuseError(f"the {name} is of type {type(value).__name__}, not {kinds}", hint=hint)


def require_path(path: object) -> Path:
    """The path of a file or folder; a MisuseError for all else, integers among it, which the system takes for files
    that are open already."""
    if not isinstance(path, str | Path):
        what = f"the path is of type {type(path).__name__}, not str or Path"
        raise MisuseError(what, hint="give the name of a file or of a folder")
    return Path(path)
