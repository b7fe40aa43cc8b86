"""What every file of a trace says of where it comes from, and of what was counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Trace, View
from lsm_deploy.core.shown import Reported

__all__ = ["TraceFile", "counts_arrays", "origin_arrays", "pairs_in"]


@dataclass(frozen=True, eq=False, repr=False)
class TraceFile(Reported):
    """A trace and what its file says of its origin; "" where it does not (a recording by another tool).

    ended: False where the run that wrote it was stopped or killed, or is under way: there may have been more steps.
    """

    trace: Trace
    program: str = ""
    backend: str = ""
    ended: bool = True


def origin_arrays(program: str, backend: str, view: View, standings: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """What every file of a trace says of where it comes from."""
    return {
        "program": np.array(program),
        "backend": np.array(backend),
        "view": np.array(view),
        "standings": np.array(sorted(standings.items()), dtype="U64").reshape(-1, 2),
    }


def counts_arrays(counts: Mapping[str, int]) -> dict[str, NDArray[Any]]:
    """Events by name, in two arrays."""
    names = sorted(counts)
    return {
        "count_names": np.array(names, dtype="U32"),
        "counts": np.array([counts[name] for name in names], np.int64),
    }


def pairs_in(arrays: Mapping[str, NDArray[Any]], where: str) -> list[tuple[str, str]]:
    """The standings that a file of a trace holds, if any."""
    pairs = arrays.get("standings", np.zeros((0, 2), dtype="U1"))
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind != "U":
        raise LsmError("standings are no pairs of kind and words", where=where, hint="remove them")
    return [(str(kind), str(words)) for kind, words in pairs]
