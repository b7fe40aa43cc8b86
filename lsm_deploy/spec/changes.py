"""A spec with other values at some of its paths: all are put there, and the whole is checked anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lsm_deploy.core.errors import LsmError, raise_all, require_type
from lsm_deploy.spec.mistakes import suggest
from lsm_deploy.spec.read import spec_from
from lsm_deploy.spec.schema import Spec
from lsm_deploy.spec.source import Path_, dotted
from lsm_deploy.spec.write import is_section, to_plain

__all__ = ["BETWEEN", "changed", "leaves"]

BETWEEN = "__"
"""What stands between the steps of a path that is a keyword, as scikit-learn has it."""


def changed(spec: Spec, changes: Mapping[str | Path_, Any] | None, named: Mapping[str, Any]) -> Spec:
    """What `Spec.with_` gives. Raises LsmError with all mistakes: paths that lead nowhere, values that cannot be."""
    changes = {} if changes is None else changes
    require_type(changes, Mapping, "changes", "give values by path, such as {'projections.0.weight': 2}")
    errors: list[LsmError] = []
    data = to_plain(spec)
    by_path = [(_steps(path), value) for path, value in changes.items()]
    for steps, value in (*by_path, *((tuple(name.split(BETWEEN)), value) for name, value in named.items())):
        try:
            _put(data, spec, steps, value)
        except LsmError as error:
            errors.append(error)
    try:
        made = spec_from(data)
    except LsmError as error:
        errors += error.each()
    raise_all(errors)
    return made


def leaves(spec: Spec) -> dict[str, Any]:
    """What the spec says by path, as `with_` takes it by keyword: numbers, text, and lists of them."""
    return {BETWEEN.join(map(str, path)): value for path, value in _leaves(to_plain(spec), ())}


def _leaves(value: Any, path: Path_) -> list[tuple[Path_, Any]]:
    inner = list(value.items()) if isinstance(value, dict) else []
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        inner = list(enumerate(value))
    return [leaf for step, each in inner for leaf in _leaves(each, (*path, step))] if inner else [(path, value)]


def _steps(path: str | Path_) -> Sequence[str | int]:
    require_type(path, (str, tuple), "path", "write it as 'projections.0.weight', or as a tuple of its steps")
    return path.split(".") if isinstance(path, str) else path


def _put(data: Any, there: Any, steps: Sequence[str | int], value: Any) -> None:
    """Put a value at a path; None takes away what is there. there: the spec's own part, whose defaults `data` omits."""
    for i, word in enumerate(steps):
        path = tuple(steps[:i])
        last = i == len(steps) - 1
        if isinstance(data, list):
            step: Any = _item(data, str(word), path)
            there = there[step] if there is not None else None
        elif isinstance(data, dict):
            step = str(word)
            there = there.get(step) if isinstance(there, Mapping) else getattr(there, step, None)
            if last and value is None:
                data.pop(step, None)
                return
            if not last and data.get(step) is None:
                data[step] = to_plain(there) if is_section(there) else {}
        else:
            raise LsmError(
                f"{dotted(path)} is {data!r:.100}, and has nothing in it",
                where=dotted(tuple(steps)),
                hint=f"give {dotted(path)} as a whole",
            )
        if last:
            data[step] = value
        else:
            data = data[step]


def _item(items: list[Any], word: str, path: Path_) -> int:
    """The number of an item of a list, given by it, or, of projections, by name: `exc->inh`."""
    if word.isdecimal() and len(word) <= len(str(len(items))) and int(word) < len(items):  # Python bounds digits
        return int(word)
    names = [_name(each) for each in items]
    if names.count(word) == 1:
        return names.index(word)
    what = f"{dotted(path)} has no item {word}"
    if word in names:
        what = f"{dotted(path)} has {names.count(word)} items {word!r}"
    hint = suggest(word, [name for name in names if name]) if any(names) and not word.isdecimal() else ""
    raise LsmError(what, where=dotted((*path, word)), hint=hint or f"count from 0 to {len(items) - 1}")


def _name(item: Any) -> str | None:
    if isinstance(item, dict) and {"source", "target"} <= item.keys():
        return f"{item['source']}->{item['target']}" + (":gate" if item.get("port") == "gate" else "")
    return None
