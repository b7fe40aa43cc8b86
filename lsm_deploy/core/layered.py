"""A network as layers one after the other, each a dense matrix: the form of lava-dl, whose netx runs and files hold it.

Populations that are joined both ways, or past a layer, become one recurrent layer; in the worst case all of them do,
and nothing is lost by it: a synapse takes one step wherever it is. What lava-dl cannot say is in `beyond_layers`, and
was read in lava-dl 0.6.0 (`netx/hdf5.py`, `netx/utils.py`, `netx/blocks/process.py`):

* A layer has one matrix, a recurrent one a second for itself, and their weights, as they add to a sum, share one grid
  of 8 bits: -256 to 254 where signs are mixed, in steps of 2 beyond -128 to 127; else 0 to 255. (Of odd ones beyond it
  makes 9 bits, which the chip does not have.) A pair has one synapse.
* Where a recurrent layer has delays, its two matrices would have to have one shape, and their exponent is lost.
* Biases have an exponent of 6. Registers are arrays, one value for each neuron, as Lava's process takes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed, memory
from lsm_deploy.core.errors import BackendError, raise_all
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import INPUT, QNetwork, QProjection
from lsm_deploy.core.messages import BINARY

__all__ = ["BIAS_EXP", "KIND", "Layer", "beyond_layers", "file_of", "fits_grid", "layers_of", "neurons_of", "places_of"]

BIAS_EXP = 6
"""The exponent that lava-dl gives to every bias."""
KIND = "LIF"
_ELSEWHERE = "keep it as a program, which every other backend runs"


@dataclass(frozen=True, eq=False)
class Layer:
    """LIF neurons and what reaches them: from the layer before, or the input, and from themselves.

    neurons `[neuron]`: their columns in a trace. weight `[neuron, source]` and weight_rec `[neuron, neuron]` are what a
    spike adds to a sum; weight_rec is None of a layer that is not recurrent. delay `[neuron, source]` in steps.
    registers: du, dv, vth and bias, which is shifted left by `BIAS_EXP`, each `[neuron]`.
    """

    neurons: Ints
    weight: NDArray[np.int32]
    weight_rec: NDArray[np.int32] | None
    delay: NDArray[np.uint8]
    registers: dict[str, Ints]

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, neurons=np.int64, weight=np.int32, delay=np.uint8, registers=np.int64)
        if self.weight_rec is not None:
            freeze(self, weight_rec=np.int32)


def layers_of(network: QNetwork) -> tuple[Layer, ...]:
    """The network as layers; a BackendError for each thing that they cannot hold."""
    raise_all(list(beyond_layers(network)))
    neurons = neurons_of(network)
    cells = sum((len(own) + len(before)) * len(own) for before, own in pairwise([range(network.channels), *neurons]))
    memory.require(
        _BYTES_A_CELL * cells,
        f"lava-dl's matrices of {cells} synapses take",
        where="network",
        hint="make it smaller: they hold every pair, joined or not",
    )
    sizes = [network.channels, *(len(each) for each in neurons)]
    weight = [np.zeros((after, before), np.int32) for before, after in pairwise(sizes)]
    delay = [np.zeros((after, before), np.uint8) for before, after in pairwise(sizes)]
    recurrent: list[NDArray[np.int32] | None] = [None] * len(neurons)
    for q, (layer, within, *at) in zip(network.projections, places_of(network), strict=True):
        if not within:
            matrix = weight[layer]
            delay[layer][tuple(at)] = q.delays
        elif (own := recurrent[layer]) is not None:
            matrix = own
        else:
            matrix = recurrent[layer] = np.zeros((sizes[layer + 1], sizes[layer + 1]), np.int32)
        matrix[tuple(at)] = q.weights.astype(np.int32) << q.weight_exp
    registers = network.registers(KIND)
    registers["bias"] = (registers["bias_mant"] << registers["bias_exp"]) >> BIAS_EXP
    return tuple(
        Layer(own, weight[i], recurrent[i], delay[i], {name: registers[name][own] for name in _REGISTERS})
        for i, own in enumerate(neurons)
    )


_BYTES_A_CELL = 12
"""Of two matrices, and a copy of one."""
_REGISTERS = ("du", "dv", "vth", "bias")


def neurons_of(network: QNetwork) -> list[Ints]:
    """The neurons of each layer, as columns of a trace."""
    return [np.concatenate([_columns(network, name) for name in names]) for names in _chain(network)]


def places_of(network: QNetwork) -> list[tuple[int, bool, Ints, Ints]]:
    """Of each projection its layer, whether it stands in `weight_rec`, and the row and column of each synapse there."""
    chain = _chain(network)
    layer = {name: i for i, names in enumerate(chain) for name in names}
    first = {INPUT: 0}
    for names in chain:
        starts = np.cumsum([0, *(network.sizes[name] for name in names)]).tolist()
        first |= dict(zip(names, starts, strict=False))
    return [
        (layer[q.target], q.source in chain[layer[q.target]], first[q.target] + q.post, first[q.source] + q.pre)
        for q in network.projections
    ]


def file_of(layers: Sequence[Layer]) -> dict[str, NDArray[Any]]:
    """The arrays of a `.net`, by their paths in it, as SLAYER's `export_hdf5` names them."""
    sources = layers[0].weight.shape[1]
    made: dict[str, Any] = {"layer/0/type": "input", "layer/0/shape": [sources]}
    for i, layer in enumerate(layers, 1):
        size, sources = layer.weight.shape
        fields = {"type": "dense", "shape": [size], "inFeatures": sources, "outFeatures": size, "weight": layer.weight}
        if layer.weight_rec is not None:
            fields |= {"type": "dense_rec", "weight_rec": layer.weight_rec}
        if layer.delay.any():
            fields["delay"] = layer.delay
        if layer.registers["bias"].any():
            fields["bias"] = layer.registers["bias"]
        neuron = {"type": "CUBA", "refDelay": 1, "gradedSpike": False}
        for name, theirs, offset in (("du", "iDecay", 1), ("dv", "vDecay", 0), ("vth", "vThMant", 0)):
            values = layer.registers[name] + offset
            neuron[theirs] = values if (values != values[0]).any() else values[0]
        made |= {f"layer/{i}/{name}": values for name, values in fields.items()}
        made |= {f"layer/{i}/neuron/{name}": values for name, values in neuron.items()}
    return {name: np.asarray(values) for name, values in made.items()}


def beyond_layers(network: QNetwork) -> Iterator[BackendError]:
    """All in the network that lava-dl's layers cannot hold."""
    if network.input != BINARY:
        yield BackendError(f"lava-dl's input is 0 and 1, not {network.input}", where="input", hint=_ELSEWHERE)
    if network.sample_interval:
        what = f"lava-dl's layers are not cleared all at once, every {network.sample_interval} steps"
        yield BackendError(what, where="samples", hint="compile with `samples: {policy: fresh}`")
    for p in network.populations:
        where = f"population {p.name!r}"
        if p.kind != KIND:
            yield BackendError(f"lava-dl's neurons are of kind {KIND!r}, not {p.kind!r}", where=where, hint=_ELSEWHERE)
        elif (rest := _bias(network, p.name) % (1 << BIAS_EXP)).any():
            what = f"{np.count_nonzero(rest)} biases are no multiples of {1 << BIAS_EXP}, as lava-dl's are"
            yield BackendError(what, where=where, hint=_COMPILE)
    for names in _chain(network):
        where = f"population{'s' * (len(names) > 1)} {', '.join(repr(name) for name in names)}"
        onto = [q for q in network.projections if q.target in names]
        recurrent = any(q.source in names for q in onto)
        weights = np.concatenate([np.zeros(1, np.int32), *(q.weights.astype(np.int32) << q.weight_exp for q in onto)])
        if not weights.any():
            yield BackendError("no synapse reaches it, and lava-dl's layers need one", where=where, hint="connect it")
            continue
        for q in onto:
            if recurrent and q.delays.any():
                what = f"it has delays of up to {q.delays.max()} steps, onto a recurrent layer, where lava-dl has none"
                yield BackendError(what, where=f"projection {q.name!r}", hint="leave the delays out")
        joined = _pairs(network, onto)
        if repeated := len(joined) - len(np.unique(joined)):
            what = f"{repeated} of the synapses onto it join a pair that another one joins; lava-dl has one a pair"
            yield BackendError(what, where=where, hint="join each pair once, with 8 weight_bits")
        if not fits_grid(weights):
            low, high = weights.min(), weights.max()
            odd = " and are not all even" if (weights % 2).any() else ""
            what = (
                f"weights onto it, times their exponents, reach from {low} to {high}{odd}; lava-dl has one grid for all"
                f" of them: {fixed.LEAST_WEIGHT} to {fixed.WEIGHT_LIMIT - 1}, in steps of 2 beyond its half"
            )
            yield BackendError(what, where=where, hint=_COMPILE)


_COMPILE = "compile it with `quantise: {lava_dl: true}`, which chooses such numbers and says what they cost"


def fits_grid(weights: NDArray[np.int32] | Ints) -> bool:
    """Whether lava-dl keeps the weights of a layer, zeros among them, as they are, in its one choice of 8 bits."""
    low, high = int(weights.min()), int(weights.max())
    if low >= 0:
        return high <= fixed.WEIGHT_LIMIT
    least, most = fixed.weight_range(mixed=True)
    if low < least or high > most:
        return False
    # Halved, all of a grid that is in use; beyond that the last bit has no room beside the sign.
    return not (weights % 2).any() or (least // 2 <= low and high <= most // 2)


def _chain(network: QNetwork) -> list[tuple[str, ...]]:
    """The populations of each layer: by distance from the input; in one where a synapse goes back, or past others."""
    joined = {(q.source, q.target) for q in network.projections}
    onward = {name: _reached(joined, name) for name in (*network.sizes, INPUT)}
    distance: dict[str, int] = {}
    step, front = 0, {INPUT}
    while front:
        distance |= dict.fromkeys(front, step)
        step, front = step + 1, {b for a, b in joined if a in front} - distance.keys()
        front |= {name for name in network.sizes for b in front if name in onward[b] and b in onward[name]}
    level = {name: distance.get(name, 1) for name in network.sizes}
    between = set(range(1, max(level.values())))  # k: a layer ends behind level k
    for source, target in joined:
        if source != INPUT and level[target] - level[source] not in (0, 1):
            between -= set(range(min(level[source], level[target]), max(level[source], level[target])))
    layer = {name: sum(k < at for k in between) for name, at in level.items()}
    return [tuple(name for name in layer if layer[name] == number) for number in sorted(set(layer.values()))]


def _reached(joined: set[tuple[str, str]], name: str) -> set[str]:
    """The populations that a spike of this one may go to, over others too."""
    reached: set[str] = set()
    while more := {b for a, b in joined if a == name or a in reached} - reached:
        reached |= more
    return reached


def _columns(network: QNetwork, name: str) -> Ints:
    return np.arange(network.neurons)[network.columns(name)]


def _bias(network: QNetwork, name: str) -> Ints:
    registers = next(p.registers for p in network.populations if p.name == name)
    biases: Ints = registers["bias_mant"] << registers["bias_exp"]
    return biases


def _pairs(network: QNetwork, projections: list[QProjection]) -> Ints:
    """A number for each synapse, the same for those that join the same two."""
    offsets = {**network.offsets, INPUT: network.neurons}
    nodes = network.neurons + network.channels
    return np.concatenate([(offsets[q.target] + q.post) * nodes + offsets[q.source] + q.pre for q in projections])
