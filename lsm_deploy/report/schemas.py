"""Published JSON Schemas, by what they are of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from lsm_deploy.core.errors import MisuseError, require_type
from lsm_deploy.report.published import COMMANDS, Failed
from lsm_deploy.spec.json_schema import facts_schema, spec_schema

__all__ = ["SCHEMAS", "json_schema"]

SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "spec": spec_schema,
    **{name: partial(facts_schema, f"lsm-deploy {name} --json", facts, Failed) for name, facts in COMMANDS.items()},
}


def json_schema(what: str = "spec") -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a spec, or of what a command prints with `--json`; an LsmError for others."""
    require_type(what, str, "what", f"choose from {', '.join(SCHEMAS)}")
    if what not in SCHEMAS:
        raise MisuseError(f"there is no schema of {what!r}", hint=f"choose from {', '.join(SCHEMAS)}")
    return SCHEMAS[what]()
