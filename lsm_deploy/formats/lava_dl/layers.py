"""A layer of lava-dl's `.net`, field by field: its neurons and its synapses, in integers (see `net.py`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed, memory
from lsm_deploy.core.boards import MAX_DELAY
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import QPopulation, QProjection
from lsm_deploy.core.layered import BIAS_EXP, KIND, fits_grid
from lsm_deploy.core.neurons import KINDS, bounds, breaks_bound
from lsm_deploy.formats.convolutions import output_shape, unrolled
from lsm_deploy.formats.edges import Edges, exact_projections

__all__ = [
    "AGAIN",
    "Group",
    "Shape",
    "delays_of",
    "edges_of",
    "group_in",
    "matrix_of",
    "one",
    "population_of",
    "projections_of",
    "shape_of",
    "text_in",
]

Shape: TypeAlias = "tuple[int, ...]"
"""[neuron], or channels, rows, columns."""
AGAIN = "export it with export_hdf5"
REGISTERS = KINDS[KIND].Registers
LARGEST_VTH = int(bounds(REGISTERS, "vth")[1])
_NOT_LIF = {
    "SDNN": "sigma-delta neurons send differences; train with slayer.block.cuba",
    "RF": "resonators are complex; train with slayer.block.cuba",
}
_IGNORED = (
    ("refDelay", 1, "a refractory period"),
    ("gradedSpike", 0, "graded spikes"),
    ("messageBits", 0, "graded spikes"),
    ("wgtExp", 0, "an exponent that lava-dl writes and does not read"),
    ("weight_exp", 0, "an exponent that lava-dl writes and does not read"),
)
"""Fields of neurons, what they may be, and what more would mean."""
_BYTES_A_SYNAPSE = 80
"""That multiplying a convolution out takes, at its peak."""


@dataclass(frozen=True)
class Group:
    """A layer in the file: its place in words, the name of its population, its type, and what is in it."""

    where: str
    name: str
    kind: str
    fields: Mapping[str, Any]


def shape_of(layer: Group) -> Shape:
    """The shape that a layer says it has."""
    shape = _integers(layer.fields, "shape", layer.where).ravel()
    if len(shape) not in (1, 3) or (shape < 1).any() or math.prod(shape.tolist()) > fixed.UV_LIMIT:
        what = f"its shape is {shape.tolist()}, neither [neuron] nor channels, rows and columns, or too large"
        raise LsmError(what, where=layer.where, hint=AGAIN)
    return tuple(shape.tolist())


# --- neurons ----------------------------------------------------------------------------------------------------------


def population_of(layer: Group, shape: Shape) -> QPopulation:
    """The neurons of a layer. Those of one without any add up what they get, as netx has it, and never spike."""
    size, errors = math.prod(shape), list[LsmError]()
    registers = {"du": np.array(fixed.LARGEST_DECAY), "dv": np.array(0), "vth": np.array(LARGEST_VTH)}
    if "neuron" in layer.fields:
        neuron = group_in(layer.fields, "neuron", layer.where)
        kind = text_in(neuron, "type", layer.where)
        if kind not in ("CUBA", "LOIHI"):
            hint = next((why for start, why in _NOT_LIF.items() if kind.startswith(start)), "only CUBA and LOIHI can")
            raise LsmError(f"neurons of type {kind!r} cannot be imported", where=layer.where, hint=hint)
        for name, harmless, meaning in _IGNORED:
            try:
                if name in neuron and np.abs(value := _integers(neuron, name, layer.where)).max(initial=0) > harmless:
                    what = f"{name} is {value.ravel()[np.argmax(np.abs(value))]}: {meaning} cannot be imported"
                    errors.append(LsmError(what, where=layer.where, hint=f"export it with {name} = {harmless}"))
            except LsmError as error:
                errors += error.each()
        for name, theirs, offset in (("du", "iDecay", -1), ("dv", "vDecay", 0), ("vth", "vThMant", 0)):
            try:
                registers[name] = _integers(neuron, theirs, layer.where) + offset
            except LsmError as error:
                errors += error.each()
        # A threshold that `v`, which saturates below it, never passes: that of neurons that are to be silent.
        registers["vth"] = np.minimum(registers["vth"], LARGEST_VTH)
    given = {**registers, "bias_mant": np.array(0), "bias_exp": np.array(0)}
    if "bias" in layer.fields:
        given |= {"bias_mant": _integers(layer.fields, "bias", layer.where), "bias_exp": np.array(BIAS_EXP)}
    full = {}
    for name, values in given.items():
        try:
            full[name] = _of_each(name, values, shape, layer.where)
        except LsmError as error:
            errors += error.each()
    raise_all(errors)
    return QPopulation(layer.name, KIND, size, full)


def _of_each(name: str, values: Ints, shape: Shape, where: str) -> Ints:
    """A register of each neuron, of one number, or of one for each neuron or, of an image, for each channel."""
    size = math.prod(shape)
    if values.size == 1 or (len(shape) == 1 and values.size == size):
        full = np.broadcast_to(values.ravel(), size)
    elif values.shape == shape[::-1]:  # netx has columns first
        full = values.transpose().ravel()
    elif len(shape) == 3 and values.size == shape[0]:
        full = np.repeat(values.ravel(), shape[1] * shape[2])
    else:
        what = f"{name} has {values.size} values, the layer {size} neurons"
        raise LsmError(what, where=where, hint="give one value, or one for each neuron (of an image, for each channel)")
    bad = breaks_bound(REGISTERS, name, full)
    if bad.any():
        low, high = bounds(REGISTERS, name)
        what = f"{name} of neuron {np.argmax(bad)} is {full[np.argmax(bad)]}, not {low:g} to {high:g}"
        raise LsmError(what, where=where, hint="the chip cannot hold it")
    return full.astype(np.int64)


# --- synapses ---------------------------------------------------------------------------------------------------------


def projections_of(layer: Group, edges: Mapping[str, Edges]) -> list[QProjection]:
    """Synapses as they are, split by sign, so that odd weights stay exact; but only the mixed grid holds -256."""
    made: list[QProjection] = []
    for source, each in edges.items():
        together = bool((each.weight == fixed.LEAST_WEIGHT).any())
        name = f"{source}->{layer.name}"
        made += exact_projections(
            name, source, layer.name, each, 0, fixed.WEIGHT_BITS, together, where=layer.where, array="weight"
        )
    return made


def edges_of(layer: Group, source: str, before: Shape | None, shape: Shape) -> dict[str, Edges]:
    """By their source, what reaches the neurons of a layer; before: the shape of the source, where it is known."""
    if isinstance(layer.fields.get("weight"), dict):
        raise LsmError("complex weights cannot be imported", where=layer.where, hint="only real ones can")
    if layer.kind == "conv":
        return {source: _conv(layer, before, shape)}
    if before and len(before) == 3 and before[1:] != (1, 1):
        what = f"an image of {' x '.join(map(str, before))} reaches a dense layer"
        raise LsmError(what, where=layer.where, hint="put a flatten layer between them")
    weight = matrix_of(layer, "weight", shape[0])
    sources = math.prod(before) if before else weight.shape[1]
    if weight.shape[1] != sources:
        what = f"weight has shape {list(weight.shape)}, and {sources} sources come before it"
        raise LsmError(what, where=layer.where, hint="check that the input belongs to this network")
    matrices = {source: weight}
    delay = delays_of(layer, weight)
    if layer.kind == "dense_rec":
        matrices[layer.name] = matrix_of(layer, "weight_rec", shape[0])
        if matrices[layer.name].shape[1] != shape[0]:
            what = f"weight_rec has shape {list(matrices[layer.name].shape)}, not {[shape[0]] * 2}"
            raise LsmError(what, where=layer.where, hint=AGAIN)
        if delay.any():
            what = f"it has delays of up to {delay.max()} steps, and netx runs no recurrent layer that has delays"
            raise LsmError(what, where=layer.where, hint="train it without: `delay=False`")
    both = np.concatenate([each.ravel() for each in matrices.values()])
    if not fits_grid(both):
        odd = " and are not all even" if (both % 2).any() else ""
        what = f"weights reach from {both.min()} to {both.max()}{odd}"
        least, most = fixed.weight_range(mixed=True)
        hint = f"export quantised ones: 8 bits hold 0 to {fixed.WEIGHT_LIMIT}, or {least} to {most} in steps of 2"
        raise LsmError(what, where=layer.where, hint=hint)
    return {name: _edges(matrix, delay if name == source else 0 * matrix) for name, matrix in matrices.items()}


def matrix_of(layer: Group, name: str, size: int) -> Ints:
    """A matrix `[neuron, source]` of a layer of so many neurons."""
    values = _integers(layer.fields, name, layer.where)
    if not values.size:
        what = f"{name} has shape {list(values.shape)}: there are no synapses"
        raise LsmError(what, where=layer.where, hint="leave the layer out")
    if values.ndim > 2 or values.size % size or (values.ndim == 2 and len(values) != size):
        what = f"{name} has shape {list(values.shape)}, and there are {size} neurons"
        raise LsmError(what, where=layer.where, hint=AGAIN)
    return values.reshape(size, -1)


def delays_of(layer: Group, weight: Ints) -> Ints:
    """The delay of each of these synapses `[neuron, source]`, in steps."""
    if "delay" not in layer.fields:
        return np.zeros_like(weight)
    delay = _integers(layer.fields, "delay", layer.where)
    if delay.max(initial=0) > MAX_DELAY or delay.min(initial=0) < 0:
        what = f"a delay is {delay.ravel()[np.argmax(np.abs(delay))]}, not 0 to {MAX_DELAY}"
        raise LsmError(what, where=layer.where, hint="lava-dl clamps it with a warning: export clamped delays")
    if delay.shape == weight.shape:
        return delay
    if delay.size in (1, weight.shape[0]):  # lava-dl looks at the outputs first, and so do square layers
        return np.broadcast_to(delay.reshape(-1, 1), weight.shape)
    if delay.size == weight.shape[1]:
        return np.broadcast_to(delay.reshape(1, -1), weight.shape)
    what = f"there are {delay.size} delays for {weight.shape[0]} outputs and {weight.shape[1]} inputs"
    raise LsmError(what, where=layer.where, hint="give one for each output, or one for each input")


def _edges(weight: Ints, delay: Ints) -> Edges:
    pre, post = np.nonzero(weight.T)
    return Edges(weight.shape[1], pre, post, weight[post, pre], delay[post, pre])


def _conv(layer: Group, image: Shape | None, shape: Shape) -> Edges:
    if not image or len(image) != 3:
        what = "a conv layer needs an image before it: channels, rows, columns"
        raise LsmError(what, where=layer.where, hint="begin the file with an input layer that has such a shape")
    if "delay" in layer.fields and _integers(layer.fields, "delay", layer.where).any():
        raise LsmError("netx ignores the delays of a conv layer", where=layer.where, hint="train it without")
    kernel = _integers(layer.fields, "weight", layer.where)
    kernel = kernel.reshape(kernel.shape[:4]) if kernel.ndim == 5 and kernel.shape[4] == 1 else kernel
    stride, padding, dilation = (
        _two(layer, name, least) for name, least in (("stride", 1), ("padding", 0), ("dilation", 1))
    )
    groups = one(layer, "groups", 1)
    if (
        kernel.ndim != 4
        or not kernel.size
        or groups < 1
        or kernel.shape[0] % groups
        or kernel.shape[1] * groups != image[0]
    ):
        what = f"weight has shape {list(kernel.shape)}, and {image[0]} channels come before it, in {groups} groups"
        raise LsmError(what, where=layer.where, hint=AGAIN)
    made = output_shape((image[0], image[1], image[2]), kernel.shape, stride, padding, dilation)
    if made != shape:
        what = f"its shape is {list(shape)}, and this kernel makes {list(made)} of {list(image)}"
        raise LsmError(what, where=layer.where, hint=AGAIN)
    synapses = int(np.count_nonzero(kernel)) * made[1] * made[2]
    memory.require(
        _BYTES_A_SYNAPSE * synapses,
        f"multiplied out it has up to {synapses} synapses, which take",
        where=layer.where,
        hint="give it a stride, or a smaller image",
    )
    pre, post, weight = unrolled(kernel, (image[0], image[1], image[2]), stride, padding, dilation, groups)
    return Edges(math.prod(image), pre, post, weight, np.zeros(len(pre), np.int64))


def _two(layer: Group, name: str, least: int) -> tuple[int, int]:
    values = _integers(layer.fields, name, layer.where).ravel() if name in layer.fields else np.array([least])
    if values.size not in (1, 2) or (values < least).any():
        what = f"{name} is {values.tolist()}, not one or two numbers from {least}"
        raise LsmError(what, where=layer.where, hint=AGAIN)
    return int(values[0]), int(values[-1])


# --- fields -----------------------------------------------------------------------------------------------------------


def one(layer: Group, name: str, default: int) -> int:
    """A number that may be left out."""
    if name not in layer.fields:
        return default
    values = _integers(layer.fields, name, layer.where)
    if values.size != 1:
        raise LsmError(f"{name} has {values.size} values, not one", where=layer.where, hint=AGAIN)
    return int(values.item())


def group_in(holder: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    """The group of that name; an LsmError where there is none."""
    group = holder.get(name)
    if not isinstance(group, dict):
        raise LsmError(f"there is no group `{name}` in it", where=where, hint=AGAIN)
    return group


def text_in(group: Mapping[str, Any], name: str, where: str) -> str:
    """The text of that name; an LsmError where there is none."""
    value = group.get(name)
    if not isinstance(value, np.ndarray) or value.size != 1:
        raise LsmError(f"there is no {name}", where=where, hint=AGAIN)
    return str(value.item())


def _integers(group: Mapping[str, Any], name: str, where: str) -> Ints:
    values = group.get(name)
    if not isinstance(values, np.ndarray):
        raise LsmError(f"there is no {name}", where=where, hint=AGAIN)
    # Compared at both ends: the absolute value of the least integer is itself.
    if (
        values.dtype.kind not in "iufb"
        or not ((values >= -fixed.UV_LIMIT) & (values <= fixed.UV_LIMIT)).all()
        or (values % 1).any()
    ):
        what = f"{name} does not hold integers of at most 24 bits"
        raise LsmError(what, where=where, hint="export the quantised network")
    integers: NDArray[np.int64] = values.astype(np.int64)
    return integers
