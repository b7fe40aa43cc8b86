"""Matrices that a user brings: weights `[post, pre]` in floats, or in the chip's own integers, which pass unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from lsm_deploy.core import fixed
from lsm_deploy.core.boards import MAX_DELAY, MAX_WEIGHT_EXP
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.ir import QProjection, SignMode
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.formats.sparse_files import matrix_of
from lsm_deploy.store import read_arrays

__all__ = ["Edges", "edges_in", "exact_projections", "load_floats", "load_integers", "steps_of"]


class Edges(NamedTuple):
    """The non-zero weights of a matrix, sorted by source and target; delays in steps, 0 where the file has none."""

    sources: int
    pre: NDArray[np.int64]
    post: NDArray[np.int64]
    weight: NDArray[Any]
    delay: NDArray[np.int64]


def load_floats(
    file: Path, shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats, NDArray[np.int64] | None]:
    """indptr, post, weight and, where the file has them, delays in steps."""
    arrays = _load(file)
    edges = edges_in(arrays, "weights", "delays", shape, str(file))
    if not np.isfinite(edges.weight).all():
        i = int(np.flatnonzero(~np.isfinite(edges.weight))[0])
        what = f"weights[{edges.post[i]}, {edges.pre[i]}] is {edges.weight[i]}, not a finite number"
        raise LsmError(what, where=str(file), hint="write finite weights")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(edges.pre, minlength=edges.sources))])
    delay = edges.delay if "delays" in arrays else None
    return indptr, edges.post.astype(np.int32), edges.weight.astype(np.float64), delay


def load_integers(file: Path, shape: tuple[int, int]) -> Edges:
    """The same for integer weights; that they are integers is checked by `exact_projections`."""
    return edges_in(_load(file), "weights", "delays", shape, str(file))


def exact_projections(
    name: str,
    source: str,
    target: str,
    edges: Edges,
    weight_exp: int,
    num_weight_bits: int,
    mixed: bool,
    *,
    where: str,
    array: str = "weights",
    otherwise: str = "let quantisation scale it: exact: false",
    sign: SignMode | None = None,
) -> Sequence[QProjection]:
    """Integer synapses as they are, split by sign unless `mixed`; a value that the chip cannot hold is an error.

    otherwise: what an error advises who has weights that are no integers. sign: that of all weights, which are one
    projection then, zeros included.
    """
    errors: list[LsmError] = []
    values = edges.weight

    def refuse(bad: NDArray[np.bool_], rule: str, hint: str) -> None:
        if bad.any():
            i = int(np.flatnonzero(bad)[0])
            more = f" (and {int(bad.sum()) - 1} more)" if bad.sum() > 1 else ""
            what = f"{array}[{edges.post[i]}, {edges.pre[i]}] is {values[i]:g}{more}; {rule}"
            errors.append(LsmError(what, where=where, hint=hint))

    if not 0 <= weight_exp <= MAX_WEIGHT_EXP:
        raise LsmError(f"the weight exponent is {weight_exp}, not 0 to {MAX_WEIGHT_EXP}", where=where, hint="change it")
    whole = np.isfinite(values) & (values == np.rint(values))
    refuse(~whole, "an exact weight is an integer", f"round it yourself, or {otherwise}")
    low, high = fixed.weight_range(mixed)
    refuse(
        whole & ((values > high) | (values < low)),
        f"the chip holds {low} to {high}",
        "divide the weights by a power of two and give its exponent as weight_exp",
    )
    step = fixed.grid_step(num_weight_bits, mixed)
    off = whole & (values >= low) & (values <= high)
    off[off] = np.asarray(values[off], np.int64) % step != 0
    refuse(
        off, f"with {num_weight_bits} bits only multiples of {step} exist", "use more weight_bits, or split the signs"
    )
    if sign in ("excitatory", "inhibitory"):
        wrong = values < 0 if sign == "excitatory" else values > 0
        refuse(wrong, f"its sign_mode is {sign}", "leave sign_mode out, which splits the signs, or write 'mixed'")
    late = (edges.delay < 0) | (edges.delay > MAX_DELAY)
    if late.any():
        i = int(np.flatnonzero(late)[0])
        what = f"the delay of {array}[{edges.post[i]}, {edges.pre[i]}] is {edges.delay[i]} steps, not 0 to {MAX_DELAY}"
        errors.append(LsmError(what, where=where, hint="shorten it, or take longer steps"))
    raise_all(errors)

    def part(label: str, sign_mode: SignMode, chosen: NDArray[np.bool_]) -> QProjection:
        indptr = np.concatenate([[0], np.cumsum(np.bincount(edges.pre[chosen], minlength=edges.sources))])
        return QProjection(
            name=label,
            source=source,
            target=target,
            sign_mode=sign_mode,
            num_weight_bits=num_weight_bits,
            weight_exp=weight_exp,
            indptr=indptr,
            post=edges.post[chosen].astype(np.int32),
            weights=values[chosen].astype(np.int16),
            delays=edges.delay[chosen].astype(np.uint8),
        )

    if sign or mixed:
        return [part(name, sign or "mixed", np.ones(len(values), bool))]
    signs: list[tuple[str, SignMode, NDArray[np.bool_]]] = [
        ("exc", "excitatory", values > 0),
        ("inh", "inhibitory", values < 0),
    ]
    return [part(f"{name}:{label}", mode, chosen) for label, mode, chosen in signs if chosen.any()]


# --- matrices ------------------------------------------------------------------------------------------------------


def _load(file: Path) -> dict[str, Any]:
    """Arrays by name; a scipy sparse file counts as one that holds `weights`."""
    arrays: dict[str, Any] = dict(read_arrays(file))
    if "format" in arrays:
        return {"weights": matrix_of(arrays, str(file))}
    if "weights" not in arrays:
        held = ", ".join(sorted(arrays)) or "nothing"
        raise LsmError(f"the file holds no `weights` but {held}", where=str(file), hint="save weights [post, pre]")
    return arrays


def edges_in(arrays: Mapping[str, Any], name: str, delays_name: str, shape: tuple[int, int], where: str) -> Edges:
    """The synapses that the array `name` says, with delays of the array `delays_name`, where there is one."""
    matrix = arrays[name]
    if matrix.shape != shape:
        what = f"{name} has shape {list(matrix.shape)}, the network needs {list(shape)}"
        raise LsmError(what, where=where, hint="rows are targets, columns sources")
    if matrix.dtype.kind not in "iuf":
        raise LsmError(f"{name} holds {matrix.dtype}, not numbers", where=where, hint="write numbers")
    by_source = sparse.coo_array(matrix.T)  # its rows are sources, so that the order below is by source
    by_source.sum_duplicates()
    joined = by_source.data != 0
    pre, post = (axis[joined].astype(np.int64) for axis in by_source.coords)
    order = np.argsort(pre * shape[0] + post, kind="stable")
    pre, post, weight = pre[order], post[order], by_source.data[joined][order]
    if delays_name not in arrays:
        return Edges(shape[1], pre, post, weight, np.zeros(len(pre), np.int64))
    delays = arrays[delays_name]
    if delays.shape != shape:
        what = f"{delays_name} has shape {list(delays.shape)}, {name} has {list(shape)}"
        raise LsmError(what, where=where, hint="give each weight its delay in steps")
    return Edges(shape[1], pre, post, weight, steps_of(delays[post, pre], delays_name, where))


def steps_of(delay: NDArray[Any], delays_name: str, where: str) -> NDArray[np.int64]:
    """Delays as integers."""
    # Those that are too long are named by who knows what for, but they have to fit an integer here.
    if delay.dtype.kind not in "iuf" or not ((delay == np.rint(delay)) & (delay >= 0) & (delay < 1 << 31)).all():
        raise LsmError(f"{delays_name} holds values that are no steps", where=where, hint="write integers from 0")
    return delay.astype(np.int64)
