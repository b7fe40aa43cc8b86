"""A section of a spec as plain JSON and back, for files that keep a part of the spec they were made from."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from lsm_deploy.errors import LsmError

__all__ = ["section_from_json", "section_to_json"]

_Section = TypeVar("_Section")


def section_to_json(section: Any) -> Any:
    """What a user would have written, as plain dicts, lists, numbers and text."""
    return TypeAdapter(type(section)).dump_python(section, mode="json", by_alias=True)


def section_from_json(declaration: type[_Section], data: Any) -> _Section:
    """The section, checked again by its declaration."""
    try:
        return TypeAdapter(declaration).validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(step) for step in (declaration.__name__.lower(), *first["loc"]))
        raise LsmError(f"{at}: {first['msg']}", hint="make the file again with this version") from None
