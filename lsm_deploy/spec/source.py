"""YAML with its positions: plain data, and for each key and value the line and column where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lsm_deploy.core.errors import LsmError

__all__ = ["Loader", "Path_", "Source", "parse", "read", "read_text"]

Path_ = tuple[str | int, ...]
"""Where a value is in the data: `("projections", 0, "weight")`."""


@dataclass(frozen=True)
class Source:
    """The data of one file; `keys` and `values` give positions, counted from 1, by path."""

    file: Path
    data: Any
    keys: dict[Path_, tuple[int, int]]
    values: dict[Path_, tuple[int, int]]
    errors: tuple[LsmError, ...]

    def where(self, path: Path_, *, key: bool = False) -> str:
        """`file:line:column` of a value, or of its key; of the nearest thing around it if it is not there."""
        while path and path not in self.values:
            path = path[:-1]
        line, column = (self.keys if key and path in self.keys else self.values).get(path, (1, 1))
        return f"{self.file}:{line}:{column}"


class Loader(yaml.SafeLoader):
    """YAML 1.1 reads `1e-3` as text for want of a dot; here it is a number."""


Loader.yaml_implicit_resolvers = {
    first: list(rules) for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def read(file: Path) -> Source:
    """Parse a file; keys that stand twice are collected in `errors`, a file that is no YAML raises."""
    return parse(read_text(file), file)


def read_text(file: Path) -> str:
    """The text of a file, or an LsmError."""
    try:
        with file.open(encoding="utf-8", newline="") as text:  # line ends as they are: `edit` writes them back
            return text.read()
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, UnicodeDecodeError):
            what, hint = "this is no spec: it is not UTF-8 text", "give the YAML file that describes the liquid"
        else:
            what, hint = f"cannot read the spec: {error.strerror}", "check the path"
        raise LsmError(what, where=str(file), hint=hint) from None


def parse(text: str, file: Path) -> Source:
    """Parse the text of a file, as `read` does."""
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        reader = _Reader(file, loader)
        data = reader.value(node, ()) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else str(file)
        problem = getattr(error, "problem", None) or str(error)
        raise LsmError(
            f"this is not YAML: {problem}", where=where, hint="check indentation, quotes and colons"
        ) from None
    finally:
        loader.dispose()
    return Source(file, data, reader.keys, reader.values, tuple(reader.errors))


class _Reader:
    def __init__(self, file: Path, loader: Loader) -> None:
        self.file, self.loader = file, loader
        self.keys: dict[Path_, tuple[int, int]] = {}
        self.values: dict[Path_, tuple[int, int]] = {}
        self.errors: list[LsmError] = []
        self.open: list[yaml.Node] = []

    def value(self, node: yaml.Node, path: Path_) -> Any:
        self.values[path] = _position(node)
        if node in self.open:
            raise yaml.constructor.ConstructorError(None, None, "an alias that contains itself", node.start_mark)
        self.open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
            return self.loader.construct_object(node)
        finally:
            self.open.pop()

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        self._duplicates(node)
        self.loader.flatten_mapping(node)  # resolves `<<: *anchor`; what stands here comes last and wins
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(self.loader.construct_object(key_node))
            inner = (*path, key)
            self.keys[inner] = _position(key_node)
            data[key] = self.value(value_node, inner)
        return data

    def _duplicates(self, node: yaml.MappingNode) -> None:
        first: dict[str, tuple[int, int]] = {}
        for key_node, _ in node.value:
            line, column = _position(key_node)
            if key_node.value in first:
                self.errors.append(
                    LsmError(
                        f"the key {key_node.value!r} stands here twice, first in line {first[key_node.value][0]}",
                        where=f"{self.file}:{line}:{column}",
                        hint="remove one of them",
                    )
                )
            first.setdefault(str(key_node.value), (line, column))


def _position(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
