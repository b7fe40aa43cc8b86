"""The compiled loops. What they call stands in this folder: code that is kept is as old as the youngest file here.

Nothing here is imported but tables, until something has to be compiled.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_backends.fast.kernels.plan import CALL, PIECE, PLAN, PROJECTION
from lsm_deploy.core.native import native

__all__ = ["CALL", "PIECE", "PLAN", "PROJECTION", "add_magnitudes", "advance", "update"]


def advance(ring_type: type[Any]) -> Callable[[int], None]:
    """`loop.advance`, by the width of the sums in flight: to be called with the address of a `plan.CALL`."""
    return _called(native(f"{__name__}.loop", f"advance_{ring_type.__name__}"))


def update(kind: int, ring_type: type[Any]) -> int:
    """The address of what takes neurons of a kind a step on, by its number."""
    return native(f"{__name__}.entries", f"update_{kind}_{ring_type.__name__}")


def add_magnitudes(post: NDArray[np.int32], weights: NDArray[np.int16], factor: int, totals: NDArray[np.int64]) -> None:
    """Add what each synapse can deliver to the total of its target."""
    arrays = (array.ctypes.data for array in (post, weights, totals))
    record = np.array([len(post), len(totals), factor, *arrays], np.int64)
    _called(native(f"{__name__}.lists", "add_magnitudes"))(record.ctypes.data)


def _called(address: int) -> Callable[[int], None]:
    """From Python, with the interpreter's lock released. IndexError: in a build that looks at indices, one is wrong."""
    if not os.environ.get("NUMBA_BOUNDSCHECK"):
        return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)
    look = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(address)

    def call(record: int) -> None:
        if look(record):
            raise IndexError("index is out of bounds")

    return call
