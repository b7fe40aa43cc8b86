"""A NIR graph as a network of ours: shapes, then linear nodes multiplied out, then neurons, then when spikes arrive."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from lsm_deploy.core.errors import LsmError, raise_all, require_path
from lsm_deploy.core.fixed import WEIGHT_BITS
from lsm_deploy.core.ir import INPUT
from lsm_deploy.formats.account import Line, Reading
from lsm_deploy.formats.bits import check_bits
from lsm_deploy.formats.nir_files import linear
from lsm_deploy.formats.nir_files.discretisation import OTHERWISE, UNLIKE, Discretisation, discretisation_of
from lsm_deploy.formats.nir_files.graph import NEURONS, Graph, read_graph
from lsm_deploy.formats.nir_files.linear import Matrix, Shape
from lsm_deploy.formats.nir_files.neurons import CURRENT, Unit, identity, units_of
from lsm_deploy.formats.nir_files.schedule import Connection, backward_of, network_of, schedule
from lsm_deploy.formats.nir_files.traffic import ONE, Traffic, add, arriving, multiplied_out, shapes_of
from lsm_deploy.formats.nir_files.written import read_written

__all__ = ["MOST_SYNAPSES", "read"]

MOST_SYNAPSES = 10_000_000
"""What linear nodes are multiplied out to unless more is allowed: some 200 MB."""


def read(
    file: str | Path,
    *,
    source: str | None = None,
    dt_ms: float | None = None,
    scheme: str | None = None,
    reset: str | None = None,
    if_input: str | None = None,
    weight_bits: int = WEIGHT_BITS,
    max_synapses: int = MOST_SYNAPSES,
) -> Reading:
    """The network in a NIR file, in floats; LsmErrors name what cannot be, and MisuseErrors what is to be said.

    source: the tool that wrote it, which stands for its step (dt_ms), scheme, reset and what an IF takes in (if_input);
    each can be given by itself (`discretisation` has the choices). Of a graph that this project wrote nothing need be
    said: it is read as what it was. weight_bits: 8, or up to 15 for two synapses each.
    max_synapses: what linear nodes may be multiplied out to.
    """
    path = require_path(file)
    given = dict(dt_ms=dt_ms, scheme=scheme, reset=reset, if_input=if_input)
    raise_all(check_bits(weight_bits=weight_bits))
    said = source or scheme or reset or if_input or weight_bits != WEIGHT_BITS
    written = None if said else read_written(path)
    if written is not None and dt_ms in (None, written.network.dt_ms):
        return written
    graph, where = read_graph(path), str(path)
    how = discretisation_of(source, given, [node.kind for node in graph.nodes.values()], where)
    shapes = shapes_of(graph, where)
    leaving = multiplied_out(graph, shapes, how.dt_ms, where, linear.allowance(max_synapses, where))
    units = _units(graph, shapes, how, where)
    connections = _connections(graph, leaving, units, where)
    backward, order = backward_of(connections)
    lags, late = schedule(connections, backward, order)
    network = network_of(graph, shapes, units, connections, lags, how, weight_bits, where)
    lines = _lines(graph, units, connections, lags, late, how, source, given)
    end = next(name for name, node in graph.nodes.items() if node.kind == "Output")
    output = end if end in units else graph.before(end)[0]
    return Reading(network, output, lines, {name: lags[name] for name in units})


# --- neurons ----------------------------------------------------------------------------------------------------------


def _units(graph: Graph, shapes: Mapping[str, tuple[Shape, Shape]], how: Discretisation, where: str) -> dict[str, Unit]:
    """By name, in the order of the graph; an output that is no neuron's is a unit itself."""
    units: dict[str, Unit] = {}
    errors: list[LsmError] = []
    for name, node in graph.nodes.items():
        size, before = math.prod(shapes[name][0]), graph.before(name)
        made: list[Unit] = []
        try:
            if node.kind in NEURONS:
                made = units_of(node, size, how, where)
            elif node.kind == "Output" and (len(before) > 1 or graph.nodes[before[0]].kind not in NEURONS):
                made = [identity(name, size)]
        except LsmError as error:
            errors += error.each()
        units |= {unit.name: unit for unit in made}
    for name in (INPUT, ONE):
        if name in units:
            errors.append(LsmError(f"neurons are called {name!r}", where=where, hint="call the node something else"))
    raise_all(errors)
    return units


def _connections(
    graph: Graph, leaving: Mapping[str, Traffic], units: Mapping[str, Unit], where: str
) -> list[Connection]:
    by_ends: dict[tuple[str, str], dict[int, Matrix]] = {}
    errors = []
    for name, unit in units.items():
        if name in graph.nodes and f"{name}/{CURRENT}" in units:
            comes: Traffic = {(f"{name}/{CURRENT}", 0): sparse.csr_array(sparse.eye_array(unit.size))}
        else:
            comes = arriving(graph, name.removesuffix(f"/{CURRENT}") if name not in graph.nodes else name, leaving)
        gain = sparse.diags_array(unit.gain)
        scaled = {key: sparse.csr_array(gain @ matrix) for key, matrix in comes.items()}
        if unit.constant.any():
            scaled[ONE, 0] = add(scaled.get((ONE, 0)), sparse.csr_array(unit.constant[:, None]))
        for (source, delay), matrix in scaled.items():
            matrix.eliminate_zeros()
            if matrix.nnz:
                by_ends.setdefault((source, name), {})[delay] = matrix
        if not all(np.isfinite(matrix.data).all() for matrix in scaled.values()):
            what = f"weights onto {name!r} are beyond all numbers when they are multiplied out"
            errors.append(LsmError(what, where=where, hint="scale the nodes on the way to it"))
        if not any(target == name and source != ONE for source, target in by_ends):
            edges = ", ".join(f"{source!r} -> {name!r}" for source in graph.before(name)) or name
            what = f"no synapse leads to {name!r}: all weights on the way of {edges} are 0"
            errors.append(LsmError(what, where=where, hint="leave the node out, or give it weights"))
    raise_all(errors)
    return [Connection(*ends, weights) for ends, weights in by_ends.items()]


# --- the account ------------------------------------------------------------------------------------------------------


def _lines(
    graph: Graph,
    units: Mapping[str, Unit],
    connections: list[Connection],
    lags: Mapping[str, int],
    late: Mapping[tuple[str, str], int],
    how: Discretisation,
    source: str | None,
    given: Mapping[str, Any],
) -> tuple[Line, ...]:
    lines = []
    words = {"dt_ms": f"a step is {how.dt_ms:g} ms", "scheme": f"steps are {how.scheme}", "reset": f"reset {how.reset}"}
    words["if_input"] = f"an IF takes its input in {how.if_input}"
    for name, sentence in words.items():
        if source is not None and given[name] is None and getattr(how, name):
            other = OTHERWISE.get(source, {}).get(name)
            sentence += f", as is usual of {source}" + (f"; give {name} {other}" if other else "")
            lines.append(Line("graph", "NIRGraph", "assumed", sentence))
    cycles = [(a, b) for a, b in backward_of(connections)[0] if a != b]
    lines += [
        Line("graph", "NIRGraph", "assumed", f"spikes of {a!r} reach {b!r} in the next step, as they close a cycle")
        for a, b in sorted(cycles)
    ]
    for name, node in graph.nodes.items():
        if node.unread:
            lines.append(Line(name, node.kind, "assumed", f"{', '.join(node.unread)} of it changes nothing"))
        if node.kind == "Input":
            size = int(np.prod(node.numbers("shape")))
            lines.append(Line(name, node.kind, "exact", f"{size} channels of spikes"))
        elif name in units:
            if unlike := UNLIKE.get(source or "", {}).get(node.kind):
                lines.append(Line(name, node.kind, "approximated", unlike))
            lines += _neuron_lines(name, node.kind, units, connections, lags, late)
        elif node.kind == "Output":
            said, size = node.numbers("shape"), units[graph.before(name)[0]].size
            if said.prod() != size:
                what = f"its shape {said.tolist()} is not that of the {size} values that come to it, which are taken"
                lines.append(Line(name, node.kind, "assumed", what))
            lines.append(Line(name, node.kind, "exact", f"the spikes of {graph.before(name)[0]!r}"))
        elif node.kind == "Delay":
            _, off = linear.delays_of(node, np.size(node.numbers("delay")), how.dt_ms, "")
            if off > _SAME:
                lines.append(Line(name, node.kind, "approximated", f"to the nearest step: {off:.3g} steps off at most"))
            else:
                lines.append(Line(name, node.kind, "exact", "delays of the synapses"))
        else:
            lines.append(Line(name, node.kind, "exact", "in the synapses that it leads to"))
    return tuple(lines)


_SAME = 1e-3
"""What a delay may be off, in steps: that is how the file rounds it."""


def _neuron_lines(
    name: str,
    kind: str,
    units: Mapping[str, Unit],
    connections: list[Connection],
    lags: Mapping[str, int],
    late: Mapping[tuple[str, str], int],
) -> list[Line]:
    unit, lag = units[name], lags[name]
    synapses = sum(m.nnz for c in connections if c.target == name for m in c.weights.values())
    lines = [
        Line(name, kind, "approximated", f"spikes of {a!r} reach it {steps} steps later than in its source")
        for (a, b), steps in late.items()
        if b == name
    ]
    if unit.early is not None and lag:
        beta = np.exp(-1 / np.maximum(unit.parameters["tau_mem_ms"], 1e-300))
        gathered = np.abs(unit.early * sum(beta**k for k in range(lag)) / unit.parameters["v_threshold"]).max()
        what = f"v_leak acts from step 0, {lag} steps before its inputs: up to {gathered:.2g} of a threshold"
        lines.append(Line(name, kind, "approximated", what))
    what = f"{unit.what}, {synapses} synapses, {lag} step{'s' * (lag != 1)} after its source"
    return [*lines, *([] if lines else [Line(name, kind, "exact", what)])]
