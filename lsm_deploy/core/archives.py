"""Arrays into an `.npz`, as `numpy.savez` does it, byte for byte.

numpy 1 leaves its zip open where a disk is full, and Python then prints a traceback when it clears up.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
from numpy.lib.format import write_array
from numpy.typing import ArrayLike

__all__ = ["save_arrays"]


def save_arrays(file: Path | IO[bytes], arrays: Mapping[str, ArrayLike], *, compressed: bool = False) -> None:
    """Write each array under its name. OSError: the disk is full, for one."""
    with ZipFile(file, "w", ZIP_DEFLATED if compressed else ZIP_STORED) as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                write_array(member, np.asanyarray(values), allow_pickle=False)  # type: ignore[no-untyped-call, unused-ignore]
