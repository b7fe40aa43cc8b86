"""Published JSON Schemas, by what they are of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lsm_deploy.core.errors import MisuseError, require_type
from lsm_deploy.spec.json_schema import spec_schema

__all__ = ["SCHEMAS", "json_schema"]

SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {"spec": spec_schema}


def json_schema(what: str = "spec") -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what a user writes; an LsmError where there is none of that name."""
    require_type(what, str, "what", f"choose from {', '.join(SCHEMAS)}")
    if what not in SCHEMAS:
        raise MisuseError(f"there is no schema of {what!r}", hint=f"choose from {', '.join(SCHEMAS)}")
    return SCHEMAS[what]()
