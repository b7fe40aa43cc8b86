"""A spec as plain data, and as YAML: what it says, in the order of the declarations, without what is at its default.

What is written is read as an equal spec. Comments, anchors and the order of a file that it came from are gone; `edit`
keeps them, and changes a file's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from lsm_deploy.core.errors import require_type
from lsm_deploy.spec.edit import to_yaml
from lsm_deploy.spec.mistakes import names_of
from lsm_deploy.spec.schema import Spec

__all__ = ["dumps", "is_section", "to_plain"]


def dumps(spec: Spec) -> str:
    """The YAML that `loads` reads as the same spec; files are named as the spec names them.

    A spec that was loaded from a file names its files as they are seen from the working folder.
    """
    require_type(spec, Spec, "spec", "read one with `load`, or make one with `Spec.from_dict`")
    return to_yaml(to_plain(spec))


def to_plain(value: Any) -> Any:
    """Sections as mappings of what was written, tuples as lists, file names as text."""
    if is_section(value):
        names = names_of(value.__class__)
        return {
            names[field.name]: to_plain(there)
            for field in fields(value)
            if not _is_default(field, there := getattr(value, field.name))
        }
    if isinstance(value, Mapping):
        return {name: to_plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def is_section(value: Any) -> bool:
    """Whether it is a spec, or a part of one that has fields."""
    return is_dataclass(value) and not isinstance(value, type) and hasattr(value, "__pydantic_config__")


def _is_default(field: Any, value: Any) -> bool:
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    # A number and a truth may be equal, and are not the same.
    return default is not MISSING and type(value) is type(default) and value == default
