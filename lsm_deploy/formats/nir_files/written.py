"""Graphs that this project wrote, read again as what they were: the same network, not one that does the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.formats.account import Line, Reading
from lsm_deploy.formats.nir_files.description import OURS, network_in
from lsm_deploy.formats.nir_files.discretisation import Discretisation
from lsm_deploy.formats.nir_files.writer import end_of, graph_of, weight_bytes
from lsm_deploy.store.hdf5 import read_tree

__all__ = ["read_written"]

_LEAVE = "say dt, scheme and reset (or the source): its nodes are read, and not its metadata"


def read_written(file: Path) -> Reading | None:
    """The network that the metadata of a graph tell of, if there are ours; an LsmError if its nodes say another."""
    top = read_tree(file).get("node")
    metadata = top.get("metadata") if isinstance(top, dict) else None
    ours: Any = metadata.get(OURS) if isinstance(metadata, dict) else None
    if not isinstance(top, dict) or not isinstance(ours, dict):
        return None
    try:
        network, how = network_in(ours), Discretisation(float(ours["dt_ms"].item()), str(ours["scheme"].item()))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise LsmError(f"its metadata are damaged: {error}", where=str(file), hint=_LEAVE) from None
    graph = graph_of(network, how)[0] if weight_bytes(network) <= file.stat().st_size else {}
    if not graph or not _agree(graph, top):
        what = "its nodes are not those that its metadata tell of: it was changed since it was written"
        raise LsmError(what, where=str(file), hint=_LEAVE)
    what = "as its metadata say, with which it agrees"
    lines = tuple(Line(name, node["type"], "exact", what) for name, node in graph["nodes"].items())
    return Reading(network, end_of(network), lines)


def _agree(ours: Any, theirs: Any) -> bool:
    """Whether all that is in our tree is in theirs, to the last digits, and nothing else but resets to 0."""
    if isinstance(ours, Mapping):
        return (
            isinstance(theirs, dict)
            and all(name in theirs and _agree(value, theirs[name]) for name, value in ours.items())
            and all(name == "metadata" or not np.any(theirs[name]) for name in theirs.keys() - ours.keys())
        )
    mine = np.asarray(ours)
    if not isinstance(theirs, np.ndarray) or mine.shape != theirs.shape:
        return False
    if "U" in (mine.dtype.kind, theirs.dtype.kind):
        return bool(np.all(mine == theirs))
    return np.allclose(mine, theirs, rtol=1e-9, atol=0.0)
