"""What is wrong with one field of a YAML file, in this project's words: pydantic finds it and says it in its own."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from lsm_deploy.core.errors import LsmError
from lsm_deploy.spec.edit import flow
from lsm_deploy.spec.ranges import NO_RANGE
from lsm_deploy.spec.schema import Spec
from lsm_deploy.spec.source import Path_, Source
from lsm_deploy.spec.values import Distribution

__all__ = ["NOT_WHOLE", "check", "names_of", "suggest"]


def check(declaration: Any, data: Any, source: Source, at: Path_ = (), root: Any = Spec) -> tuple[Any, list[LsmError]]:
    """The data as they are declared, or None and every mistake in them; at: where they stand in a file of `root`."""
    try:
        return _adapter(declaration).validate_python(data), []
    except ValidationError as failed:
        errors = [cast(ErrorDetails, {**error, "loc": (*at, *error["loc"])}) for error in failed.errors()]
        return None, [_translate(error, source, root) for error in errors]


@cache
def _adapter(declaration: Any) -> TypeAdapter[Any]:
    # Reading the declarations takes longer than checking a spec by them.
    return TypeAdapter(declaration)


_WHOLE = "a whole number"
NOT_WHOLE = f", not {_WHOLE}"
"""How a complaint ends about a fraction where none may stand."""

_EXPECTED = {
    "float_type": "a number",
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "bool_type": "true or false",
    "string_type": "text",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "dataclass_type": "a mapping",
    "path_type": "a file name",
    "model_attributes_type": "a mapping",
}


def _translate(error: ErrorDetails, source: Source, root: Any) -> LsmError:
    kind, context, given = error["type"], error.get("ctx", {}), error["input"]
    path = _data_path(error["loc"], source)
    name = str(error["loc"][-1]) if error["loc"] else "spec"
    where = source.where(path)
    if kind == "unexpected_keyword_argument":
        known = _known_keys(root, error["loc"][:-1])
        return LsmError(
            f"there is no key {name!r} here", where=source.where((*path,), key=True), hint=suggest(name, known)
        )
    if kind == "missing":
        return LsmError(f"the key {name!r} is missing", where=where, hint=f"add {name!r}")
    name = str(path[-1]) if path else "spec"
    if isinstance(path[-1] if path else None, int):  # an item is named by its list
        name = f"{path[-2]}[{name}]"
    if kind in ("union_tag_invalid", "literal_error"):
        expected = context.get("expected_tags") or context.get("expected", "")
        choices = [choice.strip().strip("'") for choice in str(expected).replace(" or ", ", ").split(",")]
        key = str(context["discriminator"]).strip("'") if kind == "union_tag_invalid" else name
        tag = context.get("tag", given)
        tag_path = (*path, key) if kind == "union_tag_invalid" else path
        return LsmError(f"{key} cannot be {_shown(tag)}", where=source.where(tag_path), hint=suggest(str(tag), choices))
    if kind == "union_tag_not_found":
        key = str(context["discriminator"]).strip("'")
        other = next((each for each in _TAGS if each in given), None) if isinstance(given, dict) else None
        hint = f"write `{key}: {given[other]}`, not `{other}: {given[other]}`" if other else f"add {key!r} to {name}"
        return LsmError(f"{name} does not say its {key}", where=where, hint=hint)
    if kind == NO_RANGE:
        several = isinstance(given, list | tuple) and len(given) > 1 and "nan" not in map(str, given)
        values = flow(list(given)) if several else "[a, b]"
        hint = f"write `[low, high]` for all numbers between, `{{choices: {values}}}` for one of several values"
        return LsmError(f"{name} is {_shown(given)}, neither a range nor choices", where=where, hint=hint)
    if kind in _EXPECTED:
        hint = f"write {_EXPECTED[kind]}"
        if unit := _unit(name):
            hint += f", in {unit}, without its unit"
        if kind == "float_type" and "number" in error["loc"] and given in _distributions():
            hint += f", or `{{distribution: {given}, ...}}` with its parameters"
        return LsmError(f"{name} is {_shown(given)}, not {_EXPECTED[kind]}", where=where, hint=hint)
    if kind == "value_error":
        return LsmError(str(context["error"]), where=where, hint=f"mend {name}")
    if kind == "finite_number":
        return LsmError(f"{name} is {given}, not a finite number", where=where, hint="write a finite number")
    if kind in ("too_short", "too_long"):
        bound, needed = ("at least", "min_length") if kind == "too_short" else ("at most", "max_length")
        what = f"{name} has {context['actual_length']} items; it needs {bound} {context[needed]}"
        return LsmError(what, where=where, hint=f"change {name}")
    if kind == "multiple_of":
        return LsmError(f"{name} is {_shown(given)}, not a whole number", where=where, hint=f"change {name}")
    limit = error["msg"].removeprefix("Input should be ")
    return LsmError(f"{name} is {_shown(given)}; it should be {limit}", where=where, hint=f"change {name}")


_TAGS = ("kind", "distribution", "type", "name")
"""Keys that say which of several sections this is, in one place or the other, or elsewhere."""


def _shown(given: Any) -> str:
    """As it was written, for as long as one reads."""
    shown = repr(given)
    return shown if len(shown) <= 100 else f"{shown[:100]}..."


@cache
def _distributions() -> tuple[str, ...]:
    return tuple(tag for each in _options(Distribution) if (tag := _tag(each)))


def _unit(name: str) -> str:
    return {"ms": "ms", "hz": "Hz"}.get(name.rsplit("_", 1)[-1], "")


def suggest(name: str, known: list[str]) -> str:
    """A hint for a name that is not known."""
    near = get_close_matches(name, known, 1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(known) or 'none, for now'}"


def _data_path(loc: tuple[str | int, ...], source: Source) -> Path_:
    """pydantic's path without the union tags that it names on the way and that the data does not have."""
    path: Path_ = ()
    for step in loc:
        if (*path, step) in source.values:
            path = (*path, step)
    return path


def _known_keys(root: Any, loc: tuple[str | int, ...]) -> list[str]:
    """The keys that a section may have, found by following pydantic's path through the declarations."""
    here = root
    for step in loc:
        options = list(_options(here))
        sections: list[Any] = [option for option in options if is_dataclass(option)]
        tagged = [section for section in sections if step in (_tag(section), getattr(section, "__name__", "").lower())]
        inside = [hint for section in sections for key, hint in _keys(section).items() if key == step]
        if tagged:
            here = tagged[0]
        elif inside:
            here = inside[0]
        else:  # into a list or mapping, or a callable discriminator's tag, which leaves the options as they are
            items = [
                typing.get_args(option)[-1 if typing.get_origin(option) is not tuple else 0]
                for option in options
                if typing.get_origin(option) is not None
            ]
            here = items[0] if items else here
    last: list[Any] = [option for option in _options(here) if is_dataclass(option)]
    return [key for option in last for key in _keys(option)]


@cache
def _keys(section: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(section, include_extras=True)
    return {name: hints[declared] for declared, name in names_of(section).items()}


@cache
def names_of(section: Any) -> dict[str, str]:
    """The key by which a file has each field of a section."""
    hints = typing.get_type_hints(section, include_extras=True)
    return {declared.name: _alias(hints[declared.name]) or declared.name for declared in fields(section)}


def _alias(hint: Any) -> str | None:
    return next((mark.alias for mark in getattr(hint, "__metadata__", ()) if getattr(mark, "alias", None)), None)


@cache
def _tag(section: Any) -> str | None:
    hints = typing.get_type_hints(section)
    for key in ("kind", "distribution"):
        if typing.get_origin(hints.get(key)) is typing.Literal:
            return str(typing.get_args(hints[key])[0])
    return None


def _options(hint: Any) -> Iterator[Any]:
    if typing.get_origin(hint) is typing.Annotated:
        yield from _options(typing.get_args(hint)[0])
    elif typing.get_origin(hint) is typing.Union or type(hint).__name__ == "UnionType":
        for option in typing.get_args(hint):
            yield from _options(option)
    else:
        yield hint
