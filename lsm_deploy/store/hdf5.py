"""The one reader and writer of HDF5, the format of NIR graphs and of lava-dl's `.net`: a tree of groups and arrays.

Whoever wrote a file may have written anything there. Nothing leads out of it or back into it: soft and external links,
a group under two names, and arrays whose values lie elsewhere are refused. What arrays declare is added up before one
is read, and types are numbers or text. What HDF5 itself says of damage is one error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.store.files import reading, require_modest
from lsm_deploy.store.whole import write_bytes

__all__ = ["SIGNATURE", "Tree", "read_tree", "top_names", "write_tree"]

Tree: TypeAlias = "dict[str, Tree | NDArray[Any]]"
"""Groups are dicts by name; text is an array of `str`."""

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""The first bytes."""
DEEPEST = 32
"""Groups in groups; NIR's subgraphs take two a level."""
_LEAVE = "save it again with plain arrays of numbers or text, all in this file"
_DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, NotImplementedError, OverflowError)
"""What h5py raises of a damaged file."""


def read_tree(path: str | Path) -> Tree:
    """All that is in a file; an LsmError if it is damaged, is no HDF5, is not modest (`require_modest`), or leads out
    of itself."""
    path = Path(path)
    with _opened(path) as (h5py, file):
        members: list[tuple[tuple[str, ...], Any]] = []
        seen = {file.id.__hash__()}
        waiting: list[tuple[tuple[str, ...], Any]] = [((), file)]
        while waiting:
            place, group = waiting.pop()
            for name in group:
                here, where = (*place, name), f"{path}: {'/'.join((*place, name))}"
                if not isinstance(link := group.get(name, getlink=True), h5py.HardLink):
                    what = f"this is a link to {getattr(link, 'path', 'elsewhere')!r}, which is not followed"
                    raise LsmError(what, where=where, hint=_LEAVE)
                node = group[name]
                if isinstance(node, h5py.Group):
                    if node.id.__hash__() in seen or len(here) > DEEPEST:
                        what = "this group is in itself, or has two names, or is too deep"
                        raise LsmError(what, where=where, hint=_LEAVE)
                    seen.add(node.id.__hash__())
                    waiting.append((here, node))
                else:
                    _check_stored(h5py, node, where)
                members.append((here, node))
        size, stored = path.stat().st_size, [(here, node) for here, node in members if isinstance(node, h5py.Dataset)]
        require_modest(sum(node.size * node.dtype.itemsize for _, node in stored), size, str(path))
        tree: Tree = {}
        length = 0
        for here, node in members:  # a group comes before what is in it
            holder = tree
            for name in here[:-1]:
                holder = holder[name]  # type: ignore[assignment]
            if isinstance(node, h5py.Group):
                holder[here[-1]] = {}
            elif h5py.check_string_dtype(node.dtype) is None:
                values = np.asarray(node[()])
                holder[here[-1]] = values.astype(values.dtype.newbyteorder("="), copy=False)
            else:
                texts = []
                for index in np.ndindex(node.shape):  # one at a time: many may be the same long one
                    value = node[index] if index else node[()]
                    texts.append(bytes(value).decode("utf-8") if isinstance(value, bytes) else str(value))
                    length += len(texts[-1])
                    require_modest(4 * length, size, str(path))
                holder[here[-1]] = np.array(texts, dtype=str).reshape(node.shape)
        return tree


def top_names(path: str | Path) -> set[str]:
    """The names at the top of a file: enough to tell whose it is."""
    with _opened(Path(path)) as (_, file):
        return set(file)


def write_tree(path: str | Path, tree: Mapping[str, Any]) -> None:
    """Write groups (mappings), arrays, numbers and text; the file is there whole or not at all, and has no dates."""
    h5py = _library(Path(path))

    def fill(group: Any, contents: Mapping[str, Any]) -> None:
        for name, value in contents.items():
            if isinstance(value, Mapping):
                fill(group.create_group(name), value)
            else:
                array = np.asarray(value)
                text = h5py.string_dtype() if array.dtype.kind == "U" else None
                group.create_dataset(name, data=array.astype(object) if text else array, dtype=text, track_times=False)

    made = BytesIO()
    with h5py.File(made, "w") as file:
        fill(file, tree)
    write_bytes(path, made.getvalue())


def _library(path: Path) -> Any:
    try:
        import h5py
    except ImportError:
        what = "this is HDF5, and h5py is not installed"
        raise LsmError(what, where=str(path), hint="pip install 'lsm-deploy[hdf5]'") from None
    return h5py


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    h5py = _library(path)
    with reading(path), path.open("rb"):  # what the system says against it
        pass
    try:
        with h5py.File(path, "r") as file:
            yield h5py, file
    except _DAMAGE as error:
        what = f"this is no HDF5 file, or it is damaged: {(str(error).splitlines() or ['it ends too early'])[0]}"
        raise LsmError(what, where=str(path), hint="write it again, or copy it again") from None


def _check_stored(h5py: Any, node: Any, where: str) -> None:
    if not isinstance(node, h5py.Dataset):
        raise LsmError("this is neither a group nor an array", where=where, hint=_LEAVE)
    if node.is_virtual or node.external:
        raise LsmError("its values lie in another file, which is not read", where=where, hint=_LEAVE)
    if node.shape is None:
        raise LsmError("it holds nothing", where=where, hint=_LEAVE)
    if node.dtype.kind not in "biuf" and h5py.check_string_dtype(node.dtype) is None:
        what = f"it is of type {node.dtype}, neither numbers nor text"
        raise LsmError(what, where=where, hint=_LEAVE)
