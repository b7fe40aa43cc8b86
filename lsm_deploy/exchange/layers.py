"""Which of a program's layers is its recurrence, where only their names and shapes can be seen.

    h[t + 1] = f(W h[t] + W_in x[t] + bias)

W is a layer from n units to n; W_in one that leads to n units, or none, where x itself is added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["Layer", "Recurrence", "layers_of_arrays", "recurrence_of"]


class Layer(NamedTuple):
    """weight [post, pre] and bias [post] of a linear layer."""

    name: str
    weight: Floats
    bias: Floats

    def __str__(self) -> str:
        return f"{self.name!r} (Linear({self.weight.shape[1]}, {self.weight.shape[0]}))"


class Recurrence(NamedTuple):
    """W, W_in and bias, and what was assumed or left out."""

    weights: Floats
    input_weights: Floats
    bias: Floats
    notes: tuple[str, ...]


def recurrence_of(layers: Sequence[Layer], recurrent: str, input: str, ignore: Sequence[str]) -> Recurrence:
    """Choose W and W_in: by the names that are given, else by the shapes that leave one choice; LsmErrors if not."""
    errors: list[LsmError] = [
        MisuseError(f"there is no linear layer {name!r}", where=argument, hint=f"choose from {_names(layers)}")
        for argument, name in (("recurrent", recurrent), ("input", input))
        if name and name not in [layer.name for layer in layers]
    ]
    raise_all(errors)
    layers = [layer for layer in layers if layer.name not in ignore]
    square = [layer for layer in layers if layer.weight.shape[0] == layer.weight.shape[1] and layer.name != input]
    named = [layer for layer in layers if layer.name == recurrent] if recurrent else square
    if len(named) != 1:
        hint = "name it with `recurrent=`; a weight that is no layer goes to `from_matrices`"
        if not named:
            what = f"no linear layer goes from n units to n, as a recurrence does: there are {_names(layers)}"
            raise LsmError(what, where="recurrent", hint=hint)
        raise LsmError(f"several layers may be the recurrence: {_names(named)}", where="recurrent", hint=hint)
    core = named[0]
    size = len(core.weight)
    if core.weight.shape != (size, size):
        what = f"the recurrent layer {core} does not lead from n units to n"
        raise LsmError(what, where="recurrent", hint=f"choose from {_names(square)}")
    others = [layer for layer in layers if layer is not core]
    entries = [layer for layer in others if (layer.name == input if input else len(layer.weight) == size)]
    if len(entries) > 1:
        what = f"several layers may bring the input to {core}: {_names(entries)}"
        errors.append(LsmError(what, where="input", hint="name it with `input=`, and others with `ignore=`"))
    elif entries and len(entries[0].weight) != size:
        what = f"the input layer {entries[0]} does not fit the recurrent layer {core}"
        errors.append(LsmError(what, where="input", hint=f"give one that leads to {size} units"))
    notes = []
    for layer in others:
        if layer in entries:
            continue
        if layer.weight.shape[1] != size:
            what = f"{layer} fits neither before nor after the recurrent layer {core}"
            hint = f"leave it out with ignore=({layer.name!r},)"
            errors.append(LsmError(what, where=f"layer {layer.name!r}", hint=hint))
        else:
            notes.append(f"left out: the layer {layer} reads the states; train a readout on them here")
    raise_all(errors)
    if entries and not input and entries[0].weight.shape == (size, size):
        notes.append(f"assumed: the layer {entries[0]} brings the input, and does not read the states")
    if not entries:
        notes.append(f"assumed: input i is added to unit i of {size}, as no layer leads to {core}")
        return Recurrence(core.weight, np.eye(size), core.bias, tuple(notes))
    return Recurrence(core.weight, entries[0].weight, core.bias + entries[0].bias, tuple(notes))


def layers_of_arrays(arrays: Mapping[str, Floats], ignore: Sequence[str], where: str) -> list[Layer]:
    """The linear layers of a state dict: matrices by name, `.weight` dropped, with the bias of the same name.

    An nn.RNN's four arrays are two layers, `weight_ih` and `weight_hh`. An LsmError names every array that is in none.
    """
    ends = {"weight": "bias", "weight_ih_l0": "bias_ih_l0", "weight_hh_l0": "bias_hh_l0"}
    left = {name: array for name, array in arrays.items() if name not in ignore}
    layers = []
    for name, weight in list(left.items()):
        before, _, last = name.rpartition(".")
        if weight.ndim == 2:
            own = f"{before}.{ends[last]}".lstrip(".") if last in ends else ""
            bias = left.pop(own, np.zeros(len(weight)))
            label = before if last == "weight" else name
            layers.append(Layer(label or name, left.pop(name), bias))
    raise_all(
        [
            LsmError(
                f"the array {name!r} of shape {list(array.shape)} belongs to no linear layer",
                where=where,
                hint=f"leave it out with ignore=({name!r},), and say what it does with an argument",
            )
            for name, array in left.items()
        ]
    )
    return layers


def _names(layers: Sequence[Layer]) -> str:
    return ", ".join(map(str, layers)) or "none"
