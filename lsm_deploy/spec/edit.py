"""Values put into the text of a YAML file, and nothing else of it changed: comments, order and layout stay.

PyYAML says where each value begins and ends; what is new is written over it, or into the mapping that lacks it. The
result is read again, and has to say what was meant.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lsm_deploy.core.errors import LsmError
from lsm_deploy.spec.scalars import Resolver
from lsm_deploy.spec.source import Path_, compose, parse

__all__ = ["flow", "put", "to_yaml"]


def put(text: str, file: Path, changes: Mapping[Path_, Any]) -> str:
    """The text with each change made: a plain value (numbers, text, lists, mappings) at a path.

    A path leads through mappings and lists that are there, up to a key that may be new. file: what errors call it.
    """
    if not changes:
        return text
    expected = copy.deepcopy(parse(text, file).data)
    for path, value in changes.items():
        _set(expected, path, value)
    root = compose(text, file)
    there = {path: node for path in changes if (node := _find(root, path)) is not None}
    edited = text
    for path in sorted(there, key=lambda path: there[path].start_mark.index, reverse=True):
        edited = _replace(edited, there[path], changes[path])
    for path in changes:
        if path not in there:
            edited = _insert(edited, file, path, changes[path])
    try:
        right = _same(parse(edited, file).data, expected)
    except LsmError:
        right = False
    if not right:
        names = ", ".join(".".join(str(step) for step in path) for path in changes)
        raise LsmError(
            f"no value can be put into this text at {names}",
            where=str(file),
            hint="write those places out in full, without anchors, aliases or tags",
        )
    return edited


def _same(one: Any, other: Any) -> bool:
    """Whether data are equal, of which some may be no numbers: these are nowhere equal by themselves."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other or (one != one and other != other))


def to_yaml(data: Any) -> str:
    """Plain data as a text of its own, mappings in their order; lists and mappings without others in them on a line."""
    return yaml.dump(data, Dumper=_Dumper, default_flow_style=None, width=100, sort_keys=False, allow_unicode=True)


def _set(data: Any, path: Path_, value: Any) -> None:
    *before, last = path
    for step in before:
        if isinstance(data, dict) and data.get(step) is None:
            data[step] = {}
        data = data[step]
    data[last] = copy.deepcopy(value)


# --- where a value stands ------------------------------------------------------------------------------------------


def _find(node: yaml.Node | None, path: Path_) -> yaml.Node | None:
    for step in path:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(step)), None)
        elif isinstance(node, yaml.SequenceNode):
            assert isinstance(step, int)
            node = node.value[step]
        else:
            return None
    return node


def _end(node: yaml.Node) -> int:
    """Where the last character of a value has passed; PyYAML ends a block where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, yaml.MappingNode) else last)
    return int(node.end_mark.index)


# --- what is written there -----------------------------------------------------------------------------------------


def _replace(text: str, node: yaml.Node, value: Any) -> str:
    start, end = node.start_mark.index, _end(node)
    space = " " if start == end else ""  # a key without a value: `samples:`
    return text[:start] + space + flow(value) + text[end:]


def _insert(text: str, file: Path, path: Path_, value: Any) -> str:
    """A key that is not there yet; where sections on the way to it are missing as well, those too."""
    root = compose(text, file)
    depth = max(i for i in range(len(path)) if isinstance(_find(root, path[:i]), yaml.MappingNode))
    for step in reversed(path[depth + 1 :]):
        value = {step: value}
    new = {path[depth]: value}
    mapping = _find(root, path[:depth])
    assert isinstance(mapping, yaml.MappingNode)
    if (empty := _find(root, path[: depth + 1])) is not None:
        return _replace(text, empty, value)
    if mapping.flow_style or not mapping.value:
        inner = flow(new)[1:-1]
        if not mapping.value:
            return text[: mapping.start_mark.index] + f"{{{inner}}}" + text[mapping.end_mark.index :]
        at = _end(mapping.value[-1][1])
        return f"{text[:at]}, {inner}{text[at:]}"
    at = text.find("\n", _end(mapping))
    at = len(text) if at < 0 else at
    indent = " " * mapping.value[0][0].start_mark.column
    return f"{text[:at]}\n{indent}{flow(new)[1:-1]}{text[at:]}"


class _Dumper(Resolver, yaml.SafeDumper):
    """Writes quotes around text that would be read as something else, and everything out in full."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def flow(value: Any) -> str:
    """A value on one line, fit to stand between brackets."""
    dumped = yaml.dump(
        [value], Dumper=_Dumper, default_flow_style=True, width=1 << 30, sort_keys=False, allow_unicode=True
    )
    return dumped.strip()[1:-1]
