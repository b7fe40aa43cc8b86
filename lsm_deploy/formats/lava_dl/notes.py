"""A program as lava-dl's `.net`, and back: layers that anybody reads, and notes that make them the same program again.

What a spike adds, registers and biases stand in the layers alone. The group `lsm_deploy` holds what they do not say:

    network              the facts of a program's file in JSON, without `target` (`store/programs.py`)
    projection.<i>.indptr, projection.<i>.post, population.<i>.bias_exp      arrays of that file

Nothing of it is trusted: the program that comes of both must make these very layers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.boards import NOWHERE
from lsm_deploy.core.errors import LsmError, require_path, require_type
from lsm_deploy.core.ir import Program
from lsm_deploy.core.layered import KIND, file_of, layers_of, neurons_of, places_of
from lsm_deploy.formats.account import Line, Reading
from lsm_deploy.formats.lava_dl.layers import Group, delays_of, matrix_of, population_of
from lsm_deploy.store import program_from_parts, program_to_parts
from lsm_deploy.store.hdf5 import Tree, write_tree

__all__ = ["NOTES", "export_net", "with_notes"]

NOTES = "lsm_deploy"
_ARRAYS = ("indptr", "post", "bias_exp")
_IN_LAYERS = {"weights": np.int16, "delays": np.uint8}
_REGISTERS = ("du", "dv", "vth", "bias_mant")


def export_net(file: str | Path, program: Program) -> None:
    """Write a program as a `.net` that lava-dl's `netx.hdf5.Network` runs with the same spikes.

    An LsmError names everything that lava-dl's layers cannot hold. Where neurons are placed is not in the file.
    """
    path = require_path(file)
    require_type(program, Program, "program", "compile one, or read it with `load_program`")
    meta, arrays = program_to_parts(program)
    notes: dict[str, Any] = {name: values for name, values in arrays.items() if name.endswith(_ARRAYS)}
    notes["network"] = json.dumps({name: value for name, value in meta.items() if name != "target"})
    tree: dict[str, Any] = {NOTES: notes}
    for name, values in file_of(layers_of(program.network)).items():
        *groups, last = name.split("/")
        holder = tree
        for group in groups:
            holder = holder.setdefault(group, {})
        holder[last] = values
    write_tree(path, tree)


def with_notes(notes: Tree, layers: Sequence[Group], where: str) -> Reading:
    """The network whose layers these are; an LsmError where the notes do not fit them."""
    meta, arrays = _facts(notes, where)
    # First without what is in the layers: so all that is in the notes is checked, and what belongs where is known.
    network = _program(meta, arrays, where).network
    if network.kinds != (KIND,):
        raise _misfit(f"its notes have neurons of kind {', '.join(network.kinds)}", where)
    neurons, dense = neurons_of(network), [layer for layer in layers if layer.kind in ("dense", "dense_rec")]
    if len(neurons) != len(dense):
        raise _misfit(f"it has {len(dense)} layers, and its notes {len(neurons)}", where)
    sizes = [network.channels, *(len(own) for own in neurons)]
    registers = {name: np.zeros(network.neurons, np.int64) for name in _REGISTERS}
    matrices: dict[tuple[int, bool], Any] = {}
    delays = []
    for i, (layer, own) in enumerate(zip(dense, neurons, strict=True)):
        read = population_of(layer, (len(own),)).registers
        bias = read["bias_mant"] << read["bias_exp"]
        for name in _REGISTERS[:-1]:
            registers[name][own] = read[name]
        registers["bias_mant"][own] = bias
        matrices[i, False] = weight = matrix_of(layer, "weight", len(own))
        if layer.kind == "dense_rec":
            matrices[i, True] = matrix_of(layer, "weight_rec", len(own))
        delays.append(delays_of(layer, weight))
    for (i, within), matrix in matrices.items():
        if matrix.shape[1] != (sizes[i + 1] if within else sizes[i]):
            raise _misfit(f"weights of layer {i + 1} have shape {list(matrix.shape)}", where)
    for i, p in enumerate(network.populations):
        here = network.columns(p.name)
        for name in _REGISTERS:
            values = registers[name][here]
            arrays[f"population.{i}.{name}"] = values >> p.registers["bias_exp"] if name == "bias_mant" else values
    for i, (q, (number, within, *at)) in enumerate(zip(network.projections, places_of(network), strict=True)):
        if (number, within) not in matrices:
            raise _misfit(f"layer {number + 1} is not recurrent", where)
        arrays[f"projection.{i}.weights"] = matrices[number, within][tuple(at)] >> q.weight_exp
        arrays[f"projection.{i}.delays"] = np.zeros(len(q.post), np.uint8) if within else delays[number][tuple(at)]
    network = _program(meta, arrays, where).network
    theirs = {f"layer/{i}/{name}": value for i, layer in enumerate(layers) for name, value in _flat(layer.fields)}
    ours = file_of(layers_of(network))
    for name in sorted({*theirs, *ours}):
        if name not in theirs or name not in ours or not np.array_equal(theirs[name], ours[name]):
            raise _misfit(f"{name} is not what its notes make of it", where)
    lines = [Line("layer/0", "input", "exact", f"{network.channels} channels of 0 and 1")]
    for i, (layer, own) in enumerate(zip(dense, neurons, strict=True), 1):
        names = dict.fromkeys(network.locate(int(neuron))[0] for neuron in own)
        what = f"{len(own)} neurons of {', '.join(map(repr, names))}, as they were before they were exported"
        lines.append(Line(f"layer/{i}", layer.kind, "exact", what))
    return Reading(network, network.locate(int(neurons[-1][-1]))[0], tuple(lines))


def _facts(notes: Tree, where: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The notes, with zeros for what is in the layers."""
    arrays: dict[str, NDArray[Any]] = {n: v for n, v in notes.items() if isinstance(v, np.ndarray) and v.ndim == 1}
    text = notes.get("network")
    try:
        meta = json.loads(str(text))
    except (ValueError, RecursionError):
        meta = None
    if not isinstance(meta, dict):
        raise _misfit("its notes hold no network", where)
    neurons = 0
    for name, values in list(arrays.items()):
        place = name.rpartition(".")[0]
        if name.endswith(".post"):
            arrays |= {f"{place}.{each}": np.zeros(len(values), dtype) for each, dtype in _IN_LAYERS.items()}
        if name.endswith(".bias_exp"):
            arrays |= {f"{place}.{each}": np.zeros(len(values), np.int64) for each in _REGISTERS}
            neurons += len(values)
    arrays["cores"] = np.zeros(neurons, np.int32)
    return {**meta, "target": NOWHERE.name}, arrays


def _program(meta: Mapping[str, Any], arrays: dict[str, NDArray[Any]], where: str) -> Program:
    try:
        return program_from_parts(meta, arrays, where)
    except LsmError as error:
        raise _misfit(error.what, where) from None


def _misfit(what: str, where: str) -> LsmError:
    return LsmError(what, where=where, hint=f"delete the group {NOTES} from it: its layers are read as anybody's")


def _flat(fields: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [
        (f"{name}/{key}" if key else name, each)
        for name, value in fields.items()
        for key, each in (value.items() if isinstance(value, Mapping) else [("", value)])
    ]
