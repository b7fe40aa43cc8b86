"""Ground truth of lava-dl's network exchange tests, as a recording of ours: a `.net` file, an input and an output.

lava-dl keeps them in `tests/lava/lib/dl/netx/gts/<name>/`. What a field means was read in lava-dl itself:

    layer/<i>/type         input, flatten, dense, average; others are refused by name                 netx/README.md
    layer/<i>/weight       [out, in], integers in a float array                         slayer/block/base.py, export
    layer/<i>/delay        steps: one for each output, or else one for each input                netx/hdf5.py, dense
    layer/<i>/bias         the mantissa, with an exponent of 6                                           netx/hdf5.py
    layer/<i>/neuron/...   du = iDecay - 1, dv = vDecay, vth = vThMant; type CUBA or LOIHI               netx/hdf5.py
    input.npy, output.npy  [channel, t] and [neuron, t]; also in.npy and out.npy           tests/.../test_blocks.py

lava-dl shifts weights left and gives them a negative exponent, so that they fill their bits (`netx/utils.py`); as the
sum is shifted back, what a spike adds is the weight in the file, unless Lava cuts bits off it: such weights are
refused. So are `refDelay` above 1, graded spikes and `wgtExp`: its own importer ignores them.
An `average` at the end sums spikes on the host: the output is that of the layer before it.

Every layer takes one step, as every synapse does here. Whether a published output is aligned so is not said anywhere;
`first_step` is for outputs that are known to begin later. An output that lava-dl computed is no silicon.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.build.explicit import Edges, exact_projections
from lsm_deploy.compile.place.cores import place_network
from lsm_deploy.core import fixed
from lsm_deploy.core.boards import BOARDS, MAX_DELAY
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import UV_LIMIT
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus, Trace
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons import KINDS, bounds, breaks_bound
from lsm_deploy.parity.conformance.recording import Recording
from lsm_deploy.store.hdf5 import read_tree
from lsm_deploy.store.npz import read_array

__all__ = ["import_lava_dl"]

BIAS_EXP = 6
_INPUTS, _OUTPUTS = ("input.npy", "in.npy"), ("output.npy", "out.npy")


def import_lava_dl(
    folder: Path,
    *,
    net: Path | None = None,
    input_file: Path | None = None,
    output_file: Path | None = None,
    first_step: int = 0,
    silicon: bool = False,
    recorded_on: str = "lava-dl",
    source: str,
    licence: str,
) -> Recording:
    """The recording in a folder; the three files are looked for in it unless they are named."""
    net = net or _only(folder, sorted(folder.glob("*.net")), "a .net file", "--net")
    input_file = input_file or _only(folder, _existing(folder, _INPUTS), " or ".join(_INPUTS), "--input")
    output_file = output_file or _only(folder, _existing(folder, _OUTPUTS), " or ".join(_OUTPUTS), "--output")
    stimulus, truth = _spikes(input_file), _spikes(output_file)
    populations, projections = _layers(net, stimulus.shape[1])
    network = QNetwork(1.0, stimulus.shape[1], 0, tuple(populations), tuple(projections))
    if truth.shape[1] != populations[-1].size:
        raise LsmError(
            f"it has {truth.shape[1]} neurons, the last layer of {net.name} {populations[-1].size}",
            where=str(output_file),
            hint="give the output of the last layer, [neuron, t]",
        )
    if not 0 <= first_step < len(stimulus):
        what = f"the output begins at step {first_step}, and the input has {len(stimulus)}"
        raise LsmError(what, where=str(output_file), hint="check --first-step")
    program: Program = place_network(network, BOARDS["oheo_gulch"])
    return Recording(
        name=folder.resolve().name,
        program=program,
        stimulus=Stimulus(stimulus, np.array([0])),
        trace=Trace(truth[: len(stimulus) - first_step], {}, np.array([0]), {}),
        silicon=silicon,
        recorded_on=recorded_on,
        source=source,
        licence=licence,
        population=populations[-1].name,
        first_step=first_step,
    )


# --- files ---------------------------------------------------------------------------------------------------------


def _existing(folder: Path, names: tuple[str, ...]) -> list[Path]:
    return [folder / name for name in names if (folder / name).exists()]


def _only(folder: Path, files: list[Path], what: str, option: str) -> Path:
    if len(files) != 1:
        said = "there is no" if not files else f"there are {len(files)} candidates for"
        raise LsmError(f"{said} {what} in it", where=str(folder), hint=f"name it with {option}")
    return files[0]


def _spikes(file: Path) -> Messages:
    """[t, column] of an array [column, t], perhaps with an axis of one sample before it."""
    array = read_array(file)
    if array.ndim == 3 and len(array) == 1:
        array = array[0]
    if array.ndim != 2:
        raise LsmError(
            f"it has shape {list(array.shape)}, not [neuron, t]",
            where=str(file),
            hint="only dense layers can be imported: images belong to conv layers",
        )
    if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        raise LsmError("a spike is neither 0 nor 1", where=str(file), hint="graded spikes cannot be imported")
    spikes: Messages = array.T.astype(np.int8)
    return spikes


# --- layers --------------------------------------------------------------------------------------------------------


def _layers(file: Path, channels: int) -> tuple[list[QPopulation], list[QProjection]]:
    populations: list[QPopulation] = []
    projections: list[QProjection] = []
    layers = _group(read_tree(file), "layer", str(file))
    for i in range(len(layers)):
        where = f"{file}: layer {i}"
        if str(i) not in layers:
            raise LsmError("layers are not numbered from 0", where=where, hint="export it with export_hdf5")
        layer = _group(layers, str(i), where)
        kind = _text(layer, "type", where)
        if kind == "dense":
            source = populations[-1] if populations else None
            name = f"dense{len(populations)}"
            population = QPopulation(name, "LIF", *_neurons(layer, where))
            projections += _synapses(layer, source, population, channels, where)
            populations.append(population)
        elif not _is_transparent(layer, kind, i, len(layers), where):
            raise LsmError(
                f"a layer of type {kind!r} cannot be imported",
                where=where,
                hint="only feed-forward dense layers of LIF neurons can",
            )
    if not populations:
        raise LsmError("it has no dense layer", where=str(file), hint="give a network of dense layers")
    return populations, projections


def _is_transparent(layer: Any, kind: str, number: int, count: int, where: str) -> bool:
    """Whether a layer only passes spikes on: input, flatten (of a vector), and an average at the end."""
    if kind == "input" and "neuron" in layer:
        raise LsmError(
            "an input layer with neurons of its own cannot be imported",
            where=where,
            hint="record the spikes that it sends, and export the network without it",
        )
    return kind in ("input", "flatten") or (kind == "average" and number == count - 1)


def _neurons(layer: Any, where: str) -> tuple[int, dict[str, NDArray[np.int64]]]:
    weights = _array(layer, "weight", where)
    if not weights.size:
        what = f"weight has shape {list(weights.shape)}: there are no synapses"
        raise LsmError(what, where=where, hint="leave the layer out")
    size = len(weights)
    neuron = _group(layer, "neuron", where)
    kind = _text(neuron, "type", where)
    if kind not in ("CUBA", "LOIHI"):
        raise LsmError(f"neurons of type {kind!r} cannot be imported", where=where, hint="only CUBA and LOIHI can")
    for name, harmless, meaning in (
        ("refDelay", 1, "a refractory period"),
        ("gradedSpike", 0, "graded spikes"),
        ("messageBits", 0, "graded spikes"),
        ("wgtExp", 0, "an exponent that lava-dl writes and does not read"),
    ):
        if name in neuron and (most := _array(neuron, name, where).max(initial=0)) > harmless:
            what = f"{name} is {most}: {meaning} cannot be imported"
            raise LsmError(what, where=where, hint=f"export it with {name} = {harmless}")
    registers = {
        "du": _array(neuron, "iDecay", where) - 1,
        "dv": _array(neuron, "vDecay", where),
        "vth": _array(neuron, "vThMant", where),
        "bias_mant": _array(layer, "bias", where) if "bias" in layer else np.zeros(1, np.int64),
        "bias_exp": np.full(1, BIAS_EXP if "bias" in layer else 0),
    }
    full = {}
    for name, values in registers.items():
        if values.size not in (1, size):
            what = f"{name} has {values.size} values, the layer {size} neurons"
            raise LsmError(what, where=where, hint="give one value, or one for each neuron")
        full[name] = np.broadcast_to(values.ravel(), size).astype(np.int64)
        bad = breaks_bound(KINDS["LIF"].Registers, name, full[name])
        if bad.any():
            low, high = bounds(KINDS["LIF"].Registers, name)
            what = f"{name} of neuron {np.argmax(bad)} is {full[name][np.argmax(bad)]}, not {low:g} to {high:g}"
            raise LsmError(what, where=where, hint="the chip cannot hold it")
    return size, full


def _synapses(
    layer: Any, source: QPopulation | None, target: QPopulation, channels: int, where: str
) -> tuple[QProjection, ...]:
    name, sources = (source.name, source.size) if source else (INPUT, channels)
    weights = _array(layer, "weight", where).reshape(target.size, -1)
    if weights.shape[1] != sources:
        what = f"weight has shape {list(weights.shape)}, and {sources} sources come before it"
        raise LsmError(what, where=where, hint="check that the input belongs to this network")
    mixed = bool((weights < 0).any() and (weights > 0).any())
    low, high = fixed.weight_range(mixed=True)
    odd = bool((weights % 2).any())
    if mixed and odd and (weights.max() > high // 2 or weights.min() < low // 2):
        # 9 bits with the sign and no bit to spare: Lava would clear the last one.
        what = f"weights of both signs reach from {weights.min()} to {weights.max()} and are not all even"
        raise LsmError(what, where=where, hint="Lava floors them to even numbers: export the quantised weights")
    delays = _delays(layer, weights, where)
    pre, post = np.nonzero(weights.T)
    edges = Edges(sources, pre, post, weights[post, pre], delays[post, pre])
    # Split by sign, odd weights stay exact; only the mixed grid holds -256.
    together = mixed and bool((weights == low).any())
    label = f"{name}->{target.name}"
    return tuple(
        exact_projections(label, name, target.name, edges, 0, fixed.WEIGHT_BITS, together, where=where, array="weight")
    )


def _delays(layer: Any, weights: NDArray[np.int64], where: str) -> NDArray[np.int64]:
    if "delay" not in layer:
        return np.zeros_like(weights)
    delay = _array(layer, "delay", where)
    if delay.max(initial=0) > MAX_DELAY or delay.min(initial=0) < 0:
        what = f"a delay is {int(delay[np.argmax(np.abs(delay))])}, not 0 to {MAX_DELAY}"
        raise LsmError(what, where=where, hint="lava-dl clamps it with a warning: export clamped delays")
    if delay.size in (1, weights.shape[0]):  # lava-dl looks at the outputs first, and so do square layers
        return np.broadcast_to(delay.reshape(-1, 1), weights.shape)
    if delay.size == weights.shape[1]:
        return np.broadcast_to(delay.reshape(1, -1), weights.shape)
    what = f"there are {delay.size} delays for {weights.shape[0]} outputs and {weights.shape[1]} inputs"
    raise LsmError(what, where=where, hint="give one for each output, or one for each input")


def _group(holder: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    group = holder.get(name)
    if not isinstance(group, dict):
        raise LsmError(f"there is no group `{name}` in it", where=where, hint="export it with export_hdf5")
    return group


def _array(group: dict[str, Any], name: str, where: str) -> NDArray[np.int64]:
    values = group.get(name)
    if not isinstance(values, np.ndarray):
        raise LsmError(f"there is no {name}", where=where, hint="export it with export_hdf5")
    # Compared at both ends: the absolute value of the least integer is itself.
    if (
        values.dtype.kind not in "iufb"
        or not ((values >= -UV_LIMIT) & (values <= UV_LIMIT)).all()
        or (values % 1).any()
    ):
        raise LsmError(
            f"{name} does not hold integers of at most 24 bits", where=where, hint="export the quantised network"
        )
    integers: NDArray[np.int64] = np.atleast_1d(values).astype(np.int64)
    return integers


def _text(group: dict[str, Any], name: str, where: str) -> str:
    value = group.get(name)
    if not isinstance(value, np.ndarray) or value.size != 1:
        raise LsmError(f"there is no {name}", where=where, hint="export it with export_hdf5")
    text = value.item()
    return text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)
