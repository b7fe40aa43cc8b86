"""lava-dl's networks (`.net`, HDF5): what SLAYER's `export_hdf5` writes and `netx.hdf5.Network` runs, exactly.

What a field means was read in lava-dl 0.6.0 itself (`netx/hdf5.py`, `netx/utils.py`, `slayer/block/base.py`):

    layer/<i>/type            input, flatten, dense, dense_rec, conv, average; others are refused by name
    layer/<i>/shape           [neuron], or channels, rows, columns
    layer/<i>/weight          dense: [out, in]; conv: [out, in / groups, row, column], a correlation; integers as floats
    layer/<i>/weight_rec      dense_rec: [out, out]; shares a grid with `weight`
    layer/<i>/delay           dense, steps: one for each output, or else one for each input, or [out, in]
    layer/<i>/bias            the mantissa, with an exponent of 6; conv: of each channel, or [column, row, channel]
    layer/<i>/stride, padding, dilation     conv, rows before columns; groups
    layer/<i>/neuron/...      du = iDecay - 1, dv = vDecay, vth = vThMant: a number, or one for each neuron (of an
                              image, for each channel); type CUBA or LOIHI
    lsm_deploy/...            ours: what makes them the same program again (`notes.py`)

lava-dl shifts weights left and gives them a negative exponent, so that they fill their bits; as the sum is shifted
back, what a spike adds is the weight in the file. Of odd weights of both signs, beyond half of the range, it makes 9
bits, which Lava's CPU models have and the chip has not: such weights are refused (`core/layered.py`). So are
`refDelay` above 1, graded spikes, `wgtExp`, and delays of conv layers: netx ignores them.
Every layer takes one step, as every synapse does here, so spikes come in the same step as in netx.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lsm_deploy.core import fixed
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.ir import INPUT, QNetwork, QPopulation, QProjection
from lsm_deploy.core.messages import BINARY, Message
from lsm_deploy.formats.account import Line, Reading, Verdict
from lsm_deploy.formats.edges import Edges
from lsm_deploy.formats.lava_dl.layers import (
    AGAIN,
    LARGEST_VTH,
    Group,
    Shape,
    edges_of,
    group_in,
    one,
    population_of,
    projections_of,
    shape_of,
    text_in,
)
from lsm_deploy.formats.lava_dl.notes import NOTES, with_notes
from lsm_deploy.store.hdf5 import Tree, read_tree

__all__ = ["read_net"]

_BIAS = Message(13, signed=True)
"""What the neurons of an input layer are given in each step: as many bits as the register that netx writes it to."""
_READ = ("input", "flatten", "dense", "dense_rec", "conv", "average")
_INSTEAD = {
    "pool": "netx runs none either: train with a conv layer of a larger stride",
    "dense_comp": "only real weights can be imported: train with slayer.block.cuba",
}


def read_net(file: str | Path, *, dt_ms: float = 1.0) -> Reading:
    """The network of a `.net`, in the chip's integers; an LsmError names everything in it that cannot be imported.

    dt_ms: the length of a step, which the file does not say and nothing depends on.
    """
    tree = read_tree(file)
    layers = _layers_in(tree, str(file))
    if isinstance(notes := tree.get(NOTES), dict):
        return with_notes(notes, layers, str(file))
    made = _Made()
    for i, layer in enumerate(layers):
        if layer.kind == "input":
            _add_input(made, layer)
        elif layer.kind == "flatten":
            made.shape = (math.prod(made.shape),) if made.shape else None
            made.say(layer, "exact", "passes spikes on: channels, then rows, then columns")
        elif layer.kind == "average":
            _add_average(made, layer, i == len(layers) - 1)
        elif layer.kind in ("dense", "dense_rec", "conv"):
            _add_neurons(made, layer)
        else:
            hint = _INSTEAD.get(layer.kind, f"only {', '.join(_READ)} can")
            made.refuse(layer, f"a layer of type {layer.kind!r} cannot be imported", hint)
            made.source, made.shape = layer.name, None
    if not made.errors and not made.populations:
        made.errors.append(LsmError("it has no neurons", where=str(file), hint="give a network of dense layers"))
    raise_all(made.errors)
    network = QNetwork(dt_ms, made.channels, 0, tuple(made.populations), tuple(made.projections), made.input)
    return Reading(network, made.populations[-1].name, tuple(made.lines))


def _layers_in(tree: Tree, where: str) -> list[Group]:
    layers = group_in(tree, "layer", where)
    made: list[Group] = []
    errors: list[LsmError] = []
    for i in range(len(layers)):
        here = f"{where}: layer {i}"
        if str(i) not in layers:
            raise LsmError("layers are not numbered from 0", where=here, hint=AGAIN)
        try:
            fields = group_in(layers, str(i), here)
            made.append(Group(here, f"layer{i}", text_in(fields, "type", here), fields))
        except LsmError as error:
            errors += error.each()
    raise_all(errors)
    return made


@dataclass
class _Made:
    """What the layers came to so far; source, shape: the last population, or the input; None where it is not known."""

    populations: list[QPopulation] = field(default_factory=list)
    projections: list[QProjection] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    errors: list[LsmError] = field(default_factory=list)
    source: str = INPUT
    shape: Shape | None = None
    channels: int = 0
    input: Message = BINARY

    def say(self, layer: Group, verdict: Verdict, what: str) -> None:
        self.lines.append(Line(layer.name.replace("layer", "layer/"), layer.kind, verdict, what))

    def refuse(self, layer: Group, what: str, hint: str) -> None:
        self.errors.append(LsmError(what, where=layer.where, hint=hint))

    def tried(self, make: Callable[..., Any], *arguments: Any) -> Any:
        """What `make` returns; None where it finds mistakes, which are collected."""
        try:
            return make(*arguments)
        except LsmError as error:
            self.errors += error.each()
            return None


def _add_input(made: _Made, layer: Group) -> None:
    if made.source != INPUT or made.shape:
        return made.refuse(layer, "an input comes after other layers", AGAIN)
    made.shape = made.tried(shape_of, layer)
    if not made.shape:
        return None
    size = made.channels = math.prod(made.shape)
    if "neuron" not in layer.fields:
        return made.say(layer, "exact", f"{size} channels of 0 and 1")
    bare = replace(layer, fields={"neuron": layer.fields["neuron"]})
    pairs = Edges(size, np.arange(size), np.arange(size), np.ones(size, np.int64), np.zeros(size, np.int64))
    made.populations.append(made.tried(population_of, bare, made.shape))
    made.projections += projections_of(layer, {INPUT: pairs})
    factor, offset = made.tried(one, layer, "weight", 64), made.tried(one, layer, "bias", 0)
    made.source, made.input = layer.name, _BIAS
    what = (
        f"{size} neurons; for x send the integer {factor} x + {offset}, in each step: netx leaves that to the host, and"
        " writes it to their biases; through a synapse it comes a step later"
    )
    return made.say(layer, "assumed", what)


def _add_average(made: _Made, layer: Group, last: bool) -> None:
    size, outputs = math.prod(made.shape or ()), math.prod(made.tried(shape_of, layer) or ())
    if not last or made.source == INPUT:
        made.refuse(layer, "an average can only stand at the end", "leave it out")
    elif size % outputs:
        made.refuse(layer, f"an average over {size} neurons cannot have {outputs} outputs", AGAIN)
    else:
        n = size // outputs
        what = f"a readout, on the host: output i is the mean of the spikes of neurons {n} i to {n} i + {n - 1}"
        made.say(layer, "exact", what)


def _add_neurons(made: _Made, layer: Group) -> None:
    shape = made.tried(shape_of, layer)
    if shape and layer.kind != "conv":
        shape = (math.prod(shape),)
    population = made.tried(population_of, layer, shape) if shape else None
    edges = made.tried(edges_of, layer, made.source, made.shape, shape) if shape else None
    projections = made.tried(projections_of, layer, edges) if edges else None
    if edges and made.source == INPUT:
        made.channels = edges[INPUT].sources
    if population and projections is not None:
        made.populations.append(population)
        made.projections += projections
        made.say(layer, *_account(layer, population, projections))
    made.source, made.shape = layer.name, shape


def _account(layer: Group, population: QPopulation, projections: Sequence[QProjection]) -> tuple[Verdict, str]:
    synapses = sum(len(q.post) for q in projections)
    latest = max((int(q.delays.max(initial=0)) for q in projections), default=0)
    what = f"{population.size} neurons, {synapses} synapses"
    what += " (a convolution, multiplied out)" if layer.kind == "conv" else ""
    what += f" with delays of up to {latest} steps" if latest else ""
    if "neuron" not in layer.fields:
        most = LARGEST_VTH << fixed.ACT_SHIFT
        what += (
            f"; without neurons in the file: their `v` adds up what they get, and none spikes while it is below {most}"
        )
        return "assumed", what
    theirs = np.asarray(layer.fields["neuron"]["vThMant"])
    if (theirs > LARGEST_VTH).any():
        what += f"; a threshold of {theirs.max()}, which nothing passes, became {LARGEST_VTH}, which a large `v` does"
        return "approximated", what
    return "exact", what
