"""YAML with its positions: plain data, and for each key and value the line and column where it stands.

PyYAML scans, parses and composes; `scalars.py` says what a scalar means. A key is text, as it is written. A file is
read without trust: it has only so many bytes, values and levels, where an alias counts as all that it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.foreign import is_sound, refuse_foreign
from lsm_deploy.spec.scalars import MAPPING, MERGE, NULL, SEQUENCE, Resolver, plain_value

__all__ = ["MOST_BYTES", "Path_", "Source", "bound", "compose", "dotted", "parse", "read_text"]

Path_ = tuple[str | int, ...]
"""Where a value is in the data: `("projections", 0, "weight")`."""

MOST_BYTES = 1 << 20
MOST_VALUES = 50_000
"""A spec of a thousand populations and two thousand projections has some 40,000."""
DEEPEST = 64


@dataclass(frozen=True)
class Source:
    """The data of one file; `keys` and `values` give positions, counted from 1, by path.

    file: None for data that Python gave, whose places are their paths; the positions say in which order they come.
    """

    file: Path | None
    data: Any
    keys: dict[Path_, tuple[int, int]]
    values: dict[Path_, tuple[int, int]]
    errors: tuple[LsmError, ...]

    def where(self, path: Path_, *, key: bool = False) -> str:
        """`file:line:column` of a value, or of its key; of the nearest thing around it if it is not there."""
        while path and path not in self.values:
            path = path[:-1]
        if self.file is None:
            return dotted(path)
        line, column = (self.keys if key and path in self.keys else self.values).get(path, (1, 1))
        return f"{self.file}:{line}:{column}"

    def in_order(self, errors: Sequence[LsmError]) -> list[LsmError]:
        """Errors by where they stand."""
        if self.file is None:
            places = {dotted(path): position for path, position in reversed(self.values.items())}
            return sorted(errors, key=lambda error: places[error.where])
        return sorted(errors, key=lambda error: tuple(map(int, error.where.rsplit(":", 2)[1:])))


def dotted(path: Path_) -> str:
    """A path as it is written: `projections.0.weight`."""
    return ".".join(map(str, path)) or "the spec"


_RIGHT = {"spec": "the YAML file that describes the liquid", "space": "a YAML file of paths and what may stand there"}


def read_text(file: Path, kind: str = "spec") -> str:
    """The text of a file, its line ends as they are, for `edit` writes them back; or an LsmError.

    kind: what errors call it, a spec or a space."""
    if file.exists() and not (file.is_file() or file.is_dir()):
        raise LsmError("this is a pipe or a device, not a file", where=str(file), hint="write it to a file first")
    try:
        with file.open("rb") as opened:
            written = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        what = f"cannot read the {kind}: {getattr(error, 'strerror', error)}"
        begin = {"spec": "begin with a template or an example: `lsm-deploy init`", "space": f"give {_RIGHT['space']}"}
        hint = f"check the path, or {begin[kind]}"
        raise LsmError(what, where=str(file), hint=hint) from None
    refuse_foreign(file, f"a {kind}")
    if written.startswith((b"LSMDEPL", b"PK")) or is_sound(written):
        what = {b"LS": "this is a compiled program or a model", b"PK": "these are arrays (.npz)"}.get(
            written[:2], "this is sound"
        )
        hint = f"give {_RIGHT[kind]}; `lsm-deploy inspect` says what is in this one"
        raise LsmError(f"{what}, not a {kind}", where=str(file), hint=hint)
    if len(written) > MOST_BYTES:
        what, hint = f"this is no {kind}: it has more than {MOST_BYTES} bytes", "put weights into an .npz"
        raise LsmError(what, where=str(file), hint=hint)
    try:
        return written.decode()
    except UnicodeDecodeError as error:
        before, newline, line = written[: error.start].rpartition(b"\n")
        raise LsmError(
            f"this is no {kind}: it is not UTF-8 text",
            where=f"{file}:{before.count(newline) + 2 if newline else 1}:{len(line.decode()) + 1}",
            hint=f"give {_RIGHT[kind]}, saved as UTF-8",
        ) from None


def parse(text: str, file: Path) -> Source:
    """Parse the text of a file, as `read` does."""
    node = compose(text, file)
    reader = _Reader(file)
    data = reader.value(node, ()) if node is not None else None
    return Source(file, data, reader.keys, reader.values, tuple(reader.errors.values()))


# --- nodes ----------------------------------------------------------------------------------------------------------


def compose(text: str, file: Path) -> yaml.Node | None:
    """The nodes of a text, each with its place; an LsmError if it is no YAML, or more than is read."""
    try:
        loader = _Loader(text, file)
    except yaml.reader.ReaderError as error:
        before, newline, line = text[: error.position].rpartition("\n")
        raise LsmError(
            f"this is not YAML: it holds the character U+{error.character:04X}",
            where=f"{file}:{before.count(newline) + 2 if newline else 1}:{len(line) + 1}",
            hint="remove it, and save the file as UTF-8",
        ) from None
    try:
        node: yaml.Node | None = loader.get_single_node()
        return node
    except yaml.MarkedYAMLError as error:
        where = _place(file, error.problem_mark or error.context_mark or loader.get_mark())
        if error.problem == "but found another document":
            raise LsmError("a second document begins here", where=where, hint="give each a file of its own") from None
        hint = "check indentation, quotes and colons"
        raise LsmError(f"this is not YAML: {error.problem}", where=where, hint=hint) from None
    except (ValueError, OverflowError):  # PyYAML converts the digits of `"\UFFFFFFFF"` and `%YAML 1.999...` unseen
        what = "this is not YAML: a number in an escape or a directive is too large"
        raise LsmError(what, where=_place(file, loader.get_mark()), hint="correct it") from None


class _Loader(Resolver, yaml.SafeLoader):
    """Composes nodes, and stops where they become too many."""

    def __init__(self, text: str, file: Path) -> None:
        super().__init__(text)
        self.file, self.nodes, self.depth = file, 0, 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.nodes, self.depth = self.nodes + 1, self.depth + 1
        event = self.peek_event()  # type: ignore[no-untyped-call]
        bound(self.nodes, self.depth, _place(self.file, event.start_mark))
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def bound(values: int, depth: int, where: str) -> None:
    if values > MOST_VALUES:
        what = f"a spec has at most {MOST_VALUES} values, where an alias counts as all that it names"
        raise LsmError(what, where=where, hint="shorten it; weights can come from an .npz")
    if depth > DEEPEST:
        raise LsmError(f"this is nested more than {DEEPEST} deep", where=where, hint="flatten it")


# --- data -----------------------------------------------------------------------------------------------------------


class _Reader:
    """Makes plain data of nodes, and notes where each stands and what is wrong with it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.keys: dict[Path_, tuple[int, int]] = {}
        self.values: dict[Path_, tuple[int, int]] = {}
        self.errors: dict[tuple[str, str], LsmError] = {}
        self.open: list[yaml.Node] = []
        self.count = 0

    def value(self, node: yaml.Node, path: Path_) -> Any:
        self.values[path] = _position(node)
        with self._inside(node):
            if isinstance(node, yaml.ScalarNode):
                return self._scalar(node)
            if node.tag != (SEQUENCE if isinstance(node, yaml.SequenceNode) else MAPPING):
                self._report(node, f"the tag {node.tag.replace('tag:yaml.org,2002:', '!!')} is not read", "remove it")
            if not isinstance(node, yaml.MappingNode):
                return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
            data = {}
            for key, (key_node, value_node) in self._entries(node).items():
                inner = (*path, key)
                self.keys[inner] = _position(key_node)
                data[key] = self.value(value_node, inner)
            return data

    @contextmanager
    def _inside(self, node: yaml.Node) -> Iterator[None]:
        """Counts what is gone into, once more for each alias that leads to it."""
        if node in self.open:
            hint = "write out what belongs here"
            raise LsmError("an alias that contains itself", where=_place(self.file, node.start_mark), hint=hint)
        self.open.append(node)
        self.count += 1
        bound(self.count, len(self.open), _place(self.file, node.start_mark))
        yield
        self.open.pop()

    def _entries(self, node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """The nodes of key and value by key: what is merged in (`<<: *anchor`) comes first, what stands here wins."""
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key in own:
                what = f"the key {key!r} stands here twice, first in line {_position(own[key][0])[0]}"
                self._report(key_node, what, "remove one of them")
            if key is not None:
                own[key] = key_node, value_node
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        if "<<" in own and own["<<"][0].tag == MERGE:
            _, source = own.pop("<<")
            for each in reversed(source.value) if isinstance(source, yaml.SequenceNode) else [source]:
                if isinstance(each, yaml.MappingNode):
                    self.count += len(each.value)
                    with self._inside(each):
                        merged |= self._entries(each)
                else:
                    self._report(each, "`<<` takes mappings", "give the alias of one, such as *name")
        return merged | own

    def _key(self, node: yaml.Node) -> str | None:
        if not isinstance(node, yaml.ScalarNode) or node.tag == NULL:
            self._report(node, "a key is text, and this is none", "write a name")
            return None
        return "<<" if node.tag == MERGE else str(self._scalar(node, key=True))

    def _scalar(self, node: yaml.ScalarNode, *, key: bool = False) -> Any:
        try:
            return plain_value(node.tag, node.value, key=key)
        except LsmError as error:
            self._report(node, error.what, error.hint)
            return node.value

    def _report(self, node: yaml.Node, what: str, hint: str) -> None:
        where = _place(self.file, node.start_mark)
        self.errors[where, what] = LsmError(what, where=where, hint=hint)


def _position(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _place(file: Path, mark: Any) -> str:
    return f"{file}:{mark.line + 1}:{mark.column + 1}"
