"""Linear nodes as sparse matrices `[out, in]`, of axes flattened with the last one fastest, as torch has them.

Convolutions are cross-correlations. Before anything is multiplied out the entries are counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.notes import warn
from lsm_deploy.formats.convolutions import output_shape, unrolled
from lsm_deploy.formats.nir_files.graph import Node, at, whole

__all__ = [
    "Allow",
    "Matrix",
    "Shape",
    "allowance",
    "bias_of",
    "delays_of",
    "matrix_of",
    "shape_after",
    "spread",
    "times",
]

Matrix: TypeAlias = "sparse.csr_array"
Shape: TypeAlias = tuple[int, ...]
Allow: TypeAlias = Callable[[str, int], None]
"""Says, and may refuse, that a node is multiplied out to so many synapses."""

WORTH_SAYING = 100_000


def allowance(most: int, where: str) -> Allow:
    """An LsmError beyond `most`; a note where it is many."""

    def allow(node: str, synapses: int) -> None:
        what = f"node {node!r} is multiplied out to {synapses} synapses"
        if synapses > most:
            hint = f"raise it with --max-synapses {synapses}, or make the layer smaller"
            raise LsmError(f"{what}, and {most} are allowed", where=where, hint=hint)
        if synapses > WORTH_SAYING:
            warn(what, level=2)

    return allow


def shape_after(node: Node, shape: Shape, where: str) -> Shape:
    """The shape that a linear node makes of one."""
    if node.kind in ("Affine", "Linear"):
        return (len(node.numbers("weight")),)
    if node.kind == "Flatten":
        first, last = (_axis(node, name, len(shape), where) for name in ("start_dim", "end_dim"))
        if first > last:
            what = f"it flattens axes {first} to {last} of shape {list(shape)}"
            raise LsmError(what, where=at(where, node.name), hint="write start_dim no larger than end_dim")
        return (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])
    if node.kind in ("Conv1d", "Conv2d", "SumPool2d", "AvgPool2d"):
        return _Window(node, shape, where).out
    return shape


def matrix_of(node: Node, shape: Shape, where: str, allow: Allow) -> Matrix:
    """The matrix of a linear node on a shape; Delay has none."""
    size = math.prod(shape)
    if node.kind in ("Affine", "Linear"):
        weight = node.numbers("weight")
        if weight.ndim != 2 or weight.shape[1] != size:
            what = f"weight has shape {list(weight.shape)}, and {size} values of shape {list(shape)} come to it"
            hint = "give it [out, in], after a Flatten if need be"
            if weight.ndim == 2 and shape[-1] == weight.shape[1]:  # exporters take shapes from a trial input
                hint = "export it with a trial input of one sample and one step, so that shapes are those of a step"
            raise LsmError(what, where=at(where, node.name), hint=hint)
        allow(node.name, int(np.count_nonzero(weight)))
        return sparse.csr_array(weight)
    if node.kind == "Scale":
        return sparse.csr_array(sparse.diags_array(spread(node, "scale", size, where)))
    if node.kind == "Flatten":
        return sparse.csr_array(sparse.eye_array(size))
    return _Window(node, shape, where).matrix(allow)


def bias_of(node: Node, shape: Shape, where: str) -> Floats | None:
    """What a node adds `[out]`, to the shape that it makes; None if it adds nothing."""
    if node.kind not in ("Affine", "Conv1d", "Conv2d") or "bias" not in node.values:
        return None
    bias = node.numbers("bias").ravel()
    if bias.size not in (1, shape[0]):
        what = f"bias has {bias.size} values, and the node {shape[0]} outputs or channels"
        raise LsmError(what, where=at(where, node.name), hint="give one for each")
    full = np.repeat(np.broadcast_to(bias, shape[0]), math.prod(shape[1:]))
    return full if full.any() else None


def times(left: Matrix, right: Matrix, node: str, allow: Allow) -> Matrix:
    """Their product, whose synapses are counted first: those of a path each, which is no less than come out."""
    paths = int(np.bincount(left.indices, minlength=left.shape[1]) @ np.diff(right.indptr))
    if paths > left.nnz:  # which has been allowed
        allow(node, paths)
    return sparse.csr_array(left @ right)


def spread(node: Node, name: str, size: int, where: str, default: float | None = None) -> Floats:
    """A parameter for each of so many values: an array of as many, or one number in either convention, () or (1,)."""
    values = node.numbers(name, default).ravel()
    if values.size not in (1, size):
        what = f"{name} has {values.size} values, and {size} come to it"
        raise LsmError(what, where=at(where, node.name), hint="give one, or one for each")
    return np.broadcast_to(values, size).copy()


class _Window:
    """A convolution or a pool: [channel, y, x] of what comes, an x alone being one row.

    longer: rows and columns of zeros after the image, where `same` pads one more there than before it.
    """

    def __init__(self, node: Node, shape: Shape, where: str) -> None:
        self.node, self.file = node, where
        axes = 1 if node.kind == "Conv1d" else 2
        if node.kind.startswith("Conv"):
            weight, dilation = node.numbers("weight"), self._pair("dilation", axes, 1)
            if weight.ndim != axes + 2:
                self._refuse(f"weight has {weight.ndim} axes, not {axes + 2}", "give [out, in, ...]")
            self.groups = int(whole(node, "groups", where, 1)[0])
            self.kernel = weight.reshape(*weight.shape[:2], -1, weight.shape[-1])
            given = whole(node, "input_shape", where, 1) if node.values.get("input_shape") is not None else None
            channels = weight.shape[1] * self.groups
            if given is not None and given.size == axes:
                said = tuple(given.tolist())
                if len(shape) == 1 and math.prod(said) * channels == shape[0]:
                    shape = (channels, *said)  # as it was before something made a line of it
                elif shape[-axes:] != said:
                    what = f"its input_shape is {list(said)}, and values of shape {list(shape)} come to it"
                    self._refuse(what, "write the shape that comes, or leave input_shape out")
        else:
            size, dilation = self._pair("kernel_size", axes, 1), (1, 1)
            self.groups = shape[0] if len(shape) == axes + 1 else 1
            value = 1.0 if node.kind == "SumPool2d" else 1.0 / (size[0] * size[1])
            self.kernel = np.full((self.groups, 1, *size), value)
        if len(shape) == axes:
            shape = (1, *shape)
        if len(shape) != axes + 1:
            self._refuse(f"values of shape {list(shape)} come to it", f"give it [channel{', y' * (axes - 1)}, x]")
        out_channels, group_in, *size_ = self.kernel.shape
        if shape[0] != group_in * self.groups or out_channels % self.groups:
            what = f"{shape[0]} channels come to it, and it takes {group_in * self.groups} in {self.groups} groups"
            self._refuse(what, "give it the channels that its weight has")
        self.shape = (shape[0], *([1] * (2 - axes)), *shape[1:])
        self.stride, self.dilation = self._pair("stride", axes, 1), dilation
        padding = node.values["padding"]
        if isinstance(padding, str):
            if padding not in ("same", "valid") or (padding == "same" and max(self.stride) > 1):
                self._refuse(f"padding is {padding!r}", "write it in numbers; `same` goes with a stride of 1")
            around = [d * (k - 1) * (padding == "same") for d, k in zip(dilation, size_, strict=True)]
            self.padding = (around[0] // 2, around[1] // 2)
            self.longer = (around[0] % 2, around[1] % 2)
        else:
            self.padding, self.longer = self._pair("padding", axes, 0), (0, 0)
        _, *image = self.shape
        self.image = (shape[0], image[0] + self.longer[0], image[1] + self.longer[1])
        self.places = output_shape(self.image, self.kernel.shape, self.stride, self.padding, dilation)
        if min(self.places) < 1:
            self._refuse(f"its kernel is larger than what comes to it, {list(shape)}", "give it more, or pad it")
        self.out = (out_channels, *self.places[3 - axes :])

    def matrix(self, allow: Allow) -> Matrix:
        allow(self.node.name, self.kernel.size * math.prod(self.places[1:]))
        pre, post, weight = unrolled(self.kernel, self.image, self.stride, self.padding, self.dilation, self.groups)
        channel, y, x = np.unravel_index(pre, self.image)
        inside = (y < self.shape[1]) & (x < self.shape[2])
        pre = np.ravel_multi_index((channel[inside], y[inside], x[inside]), self.shape)
        entries = (weight[inside], (post[inside], pre))
        return sparse.csr_array(sparse.coo_array(entries, shape=(math.prod(self.places), math.prod(self.shape))))

    def _pair(self, name: str, axes: int, least: int) -> tuple[int, int]:
        """Of y and x; that of a missing y changes nothing."""
        values = whole(self.node, name, self.file, least)
        if values.size not in (1, axes):
            self._refuse(f"{name} has {values.size} values for {axes} axes", f"give one, or {axes}")
        if axes == 1:
            return (0 if name == "padding" else 1), int(values[0])
        return int(values[0]), int(values[-1])

    def _refuse(self, what: str, hint: str) -> NoReturn:
        raise LsmError(what, where=at(self.file, self.node.name), hint=hint)


def _axis(node: Node, name: str, axes: int, where: str) -> int:
    value = int(node.numbers(name).ravel()[0])
    if not -axes <= value < axes:  # torch counts the axis of samples, which a graph does not have
        value = min(max(value, 0), axes - 1)
    return value % axes


def delays_of(node: Node, size: int, dt_ms: float, where: str) -> tuple[NDArray[np.int64], float]:
    """The delay of each value in steps, to the nearest, and by how many steps the worst is off."""
    seconds = spread(node, "delay", size, where)
    exact = seconds * 1e3 / dt_ms
    if exact.min() < 0 or exact.max() > np.iinfo(np.int32).max:
        what = f"delays are {seconds.min():g} to {seconds.max():g} s"
        raise LsmError(what, where=at(where, node.name), hint="write delays from 0 s on, fewer steps than 31 bits hold")
    steps = np.rint(exact).astype(np.int64)
    return steps, float(np.abs(exact - steps).max())
