"""A section of a spec as plain JSON and back, for files that keep a part of the spec they were made from."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from lsm_deploy.core.errors import LsmError

__all__ = ["section_from_json", "section_to_json"]

_Section = TypeVar("_Section")


def section_to_json(section: Any) -> Any:
    """What a user would have written, as plain dicts, lists, numbers and text."""
    return TypeAdapter(type(section)).dump_python(section, mode="json", by_alias=True)


def section_from_json(
    declaration: type[_Section] | Any, data: Any, hint: str = "make the file again with this version"
) -> _Section | Any:
    """The section, checked again by its declaration, which may be a union of several; hint: what an error advises."""
    try:
        return TypeAdapter(declaration).validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        name = declaration.__name__.lower() if isinstance(declaration, type) else "section"
        at = ".".join((name, *(step for step in first["loc"] if isinstance(step, str))))
        given = "" if first["type"] == "missing" else f" is {first['input']!r:.80}"
        raise LsmError(f"{at}{given}: {first['msg']}", hint=hint) from None
