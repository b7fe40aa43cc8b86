"""Sparse matrices as `scipy.sparse.save_npz` writes them: scipy multiplies and converts, but looks at no index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.indices import mistake_in

__all__ = ["matrix_of"]

_PARTS = {
    "csr": ("indptr", "indices"),
    "csc": ("indptr", "indices"),
    "bsr": ("indptr", "indices"),
    "coo": ("row", "col"),
    "dia": ("offsets",),
}
"""What each form has beside `shape` and `data`."""
_LONGEST = 1 << 31


def matrix_of(arrays: Mapping[str, NDArray[Any]], where: str) -> sparse.coo_array:
    """The matrix in these arrays of an `.npz`, with integers as int64 and all else as float64, so that sums hold."""

    def refuse(what: str) -> LsmError:
        return LsmError(
            f"the sparse matrix is not valid: {what}", where=where, hint="write it with scipy.sparse.save_npz"
        )

    form = (
        arrays["format"].tobytes()[:32].replace(b"\0", b"").decode("latin-1")
    )  # bytes, or text of four bytes a letter
    if form not in _PARTS:
        raise refuse(f"format is {form!r}, none of {', '.join(_PARTS)}")
    names = ("shape", "data", *_PARTS[form])
    raise_all([refuse(f"there is no {name}") for name in names if name not in arrays])
    shape, data, *indices = (arrays[name] for name in names)
    if (mistake := mistake_in(shape, _LONGEST)) or len(shape) != 2:
        raise refuse(f"shape: {mistake or f'there are {len(shape)} sides'}")
    if data.dtype.kind not in "iuf":
        raise refuse(f"data: {data.dtype} values are no numbers")
    if data.ndim != {"bsr": 3, "dia": 2}.get(form, 1):
        raise refuse(f"data has shape {list(data.shape)}")
    if data.dtype.kind == "u" and (data > np.iinfo(np.int64).max).any():
        raise refuse("data: a value is beyond 64 bits")
    data = data.astype(np.float64 if data.dtype.kind == "f" else np.int64)
    sides = tuple(int(side) for side in shape)
    wrong = _wrong(form, sides, data, indices)
    raise_all([refuse(f"{name}: {mistake}") for name, mistake in wrong.items() if mistake])
    of_form = getattr(sparse, f"{form}_array")
    content = {"dia": lambda: (data, indices[0]), "coo": lambda: (data, tuple(indices))}
    made = of_form(content.get(form, lambda: (data, indices[1], indices[0]))(), shape=sides)
    return made.tocoo()


def _wrong(
    form: str, sides: tuple[int, ...], data: NDArray[Any], indices: list[NDArray[Any]]
) -> Mapping[str, str | None]:
    """The mistake in each index array, by its name."""
    rows, columns = sides
    if form == "dia":
        mistake = mistake_in(indices[0], columns, start=-rows + 1)
        if not mistake and (len(indices[0]) != len(data) or len(np.unique(indices[0])) < len(data)):
            mistake = f"there are {len(np.unique(indices[0]))} for {len(data)} diagonals"
        return {"offsets": mistake}
    if form == "coo":
        return {
            name: mistake_in(values, side) or _of_length(values, len(data))
            for name, values, side in zip(("row", "col"), indices, sides, strict=True)
        }
    if form == "bsr":
        of_row, of_column = data.shape[1:]
        if not of_row or not of_column or rows % of_row or columns % of_column:
            return {"data": f"blocks of {of_row} x {of_column} do not divide {rows} x {columns}"}
        rows, columns = rows // of_row, columns // of_column
    if form == "csc":
        rows, columns = columns, rows
    indptr, inner = indices
    return {
        "indptr": mistake_in(indptr, len(data) + 1, "not descending", first=0, last=len(data))
        or _of_length(indptr, rows + 1),
        "indices": mistake_in(inner, columns) or _of_length(inner, len(data)),
    }


def _of_length(values: NDArray[Any], wanted: int) -> str | None:
    return None if len(values) == wanted else f"there are {len(values)}, not {wanted}"
