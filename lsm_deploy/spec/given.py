"""What Python gives, as the data of a file: plain values, each with its place, which is its path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.spec.scalars import check_text, check_whole
from lsm_deploy.spec.source import Path_, Source, bound, dotted
from lsm_deploy.spec.write import is_section, to_plain

__all__ = ["source_of"]


def source_of(given: Any) -> Source:
    """Mappings, lists, tuples, numbers (numpy's too), text, paths, and sections of specs, read as a file's text is.

    A mistake beside which the rest can be read is one of `errors`; too many values, or too deep ones, raise.
    """
    reader = _Reader()
    data = reader.value(given, ())
    return Source(None, data, {}, reader.places, tuple(reader.errors))


class _Reader:
    def __init__(self) -> None:
        self.places: dict[Path_, tuple[int, int]] = {}
        self.errors: list[LsmError] = []

    def value(self, given: Any, path: Path_) -> Any:
        self.places[path] = len(self.places), 0
        bound(len(self.places), len(path) + 1, dotted(path))
        if is_section(given):
            given = to_plain(given)
        elif isinstance(given, np.generic | np.ndarray):
            given = given.tolist()
        if isinstance(given, Mapping):
            keys = {key: each for key, each in given.items() if self._checked(_key, key, path) is not None}
            return {str(key): self.value(each, (*path, str(key))) for key, each in keys.items()}
        if isinstance(given, list | tuple):
            return [self.value(each, (*path, i)) for i, each in enumerate(given)]
        return self._checked(_scalar, given, path)

    def _checked(self, check: Any, given: Any, path: Path_) -> Any:
        try:
            return check(given)
        except LsmError as error:
            self.errors.append(LsmError(error.what, where=dotted(path), hint=error.hint))
            return None


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise LsmError(f"a key is of type {type(key).__name__}, and not text", hint="write a name")
    return check_text(key)


def _scalar(given: Any) -> Any:
    if isinstance(given, str | Path):
        return check_text(str(given))
    if isinstance(given, int) and not isinstance(given, bool):
        return check_whole(given)
    if given is None or isinstance(given, bool | float):
        return given
    what = f"this is of type {type(given).__name__}, and no plain value"
    raise LsmError(what, hint="give numbers, text, lists and mappings")
