"""Shapes, and linear nodes multiplied out: from which neurons, and how late, what comes to a node comes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from scipy import sparse

from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.ir import INPUT
from lsm_deploy.formats.nir_files import linear
from lsm_deploy.formats.nir_files.graph import LINEAR, NEURONS, Graph, at, whole
from lsm_deploy.formats.nir_files.linear import Allow, Matrix, Shape

__all__ = ["ONE", "Traffic", "add", "arriving", "multiplied_out", "shapes_of"]

ONE = "always on"
"""The neuron that biases come from."""

# --- shapes -----------------------------------------------------------------------------------------------------------


def shapes_of(graph: Graph, where: str) -> dict[str, tuple[Shape, Shape]]:
    """Of each node, what comes to it and what it sends; LsmErrors where they do not fit together."""
    shapes: dict[str, tuple[Shape, Shape]] = {}
    errors: list[LsmError] = []
    before = {name: graph.before(name) for name in graph.nodes}
    waiting = list(graph.nodes)
    while waiting:
        done = []
        for name in waiting:
            node = graph.nodes[name]
            comes = next((shapes[source][1] for source in before[name] if source in shapes), None)
            if node.kind == "Input":
                comes = tuple(whole(node, "shape", where, 1).tolist())
            if comes is None:
                continue
            try:
                shapes[name] = (comes, linear.shape_after(node, comes, where))
            except LsmError as error:
                errors += error.each()
                shapes[name] = (comes, comes)
            done.append(name)
        if not done:  # a neuron that gets its shape from nowhere else has it in its parameters
            for name in waiting:
                largest = max((v for v in graph.nodes[name].values.values() if not isinstance(v, str)), key=np.size)
                if graph.nodes[name].kind in NEURONS:
                    shapes[name] = (largest.shape or (1,), largest.shape or (1,))
                    done = [name]
                    break
            else:
                what = f"nodes lead to each other without a neuron between them: {', '.join(waiting)}"
                raise LsmError(what, where=where, hint="put a neuron, or a way from the input, into this cycle")
        waiting = [name for name in waiting if name not in done]
    for name, (comes, sent) in shapes.items():
        if max(math.prod(comes), math.prod(sent)) > MOST_VALUES:
            what = f"it is of shape {list(max(comes, sent, key=math.prod))}, beyond {MOST_VALUES} values"
            errors.append(LsmError(what, where=at(where, name), hint="make it smaller"))
    for source, target in graph.edges:
        sent, comes = shapes[source][1], shapes[target][0]
        if math.prod(sent) != math.prod(comes):
            what = f"the edge {source!r} -> {target!r} joins shape {list(sent)} to {list(comes)}"
            errors.append(LsmError(what, where=where, hint="give both as many values"))
    raise_all(errors)
    return shapes


MOST_VALUES = 1 << 20
"""Of a node: as many neurons as `make large` compiles."""

# --- linear nodes -----------------------------------------------------------------------------------------------------

Traffic: TypeAlias = "dict[tuple[str, int], Matrix]"
"""By the neurons (or the input, or what is always on) that it comes from, and delay in steps: [value, neuron]."""


def multiplied_out(
    graph: Graph, shapes: Mapping[str, tuple[Shape, Shape]], dt_ms: float, where: str, allow: Allow
) -> dict[str, Traffic]:
    """What each node sends."""
    leaving: dict[str, Traffic] = {}
    errors: list[LsmError] = []
    for name, node in graph.nodes.items():
        if node.kind in NEURONS or node.kind == "Input":
            own = INPUT if node.kind == "Input" else name
            leaving[name] = {(own, 0): sparse.csr_array(sparse.eye_array(math.prod(shapes[name][1])))}
    waiting = [name for name, node in graph.nodes.items() if node.kind in LINEAR]
    while waiting:
        ready = [name for name in waiting if all(source in leaving for source in graph.before(name))]
        if not ready:
            what = f"there is a cycle without a neuron: {', '.join(waiting)}"
            raise LsmError(what, where=where, hint="put a neuron into it")
        for name in ready:
            try:
                leaving[name] = _through(graph, name, shapes[name], leaving, dt_ms, where, allow)
            except LsmError as error:
                errors += error.each()
                leaving[name] = {}
        waiting = [name for name in waiting if name not in ready]
    raise_all(errors)
    return leaving


def _through(
    graph: Graph,
    name: str,
    shape: tuple[Shape, Shape],
    leaving: Mapping[str, Traffic],
    dt_ms: float,
    where: str,
    allow: Allow,
) -> Traffic:
    node, comes = graph.nodes[name], arriving(graph, name, leaving)
    made: Traffic = {}
    if node.kind == "Delay":
        steps, _ = linear.delays_of(node, math.prod(shape[0]), dt_ms, where)
        for delay in np.unique(steps).tolist():
            chosen = sparse.diags_array((steps == delay).astype(np.float64))
            for (source, before), matrix in comes.items():
                made[source, before + delay] = add(made.get((source, before + delay)), chosen @ matrix)
        return made
    own = linear.matrix_of(node, shape[0], where, allow)
    for key, matrix in comes.items():
        made[key] = linear.times(own, matrix, name, allow)
    if (bias := linear.bias_of(node, shape[1], where)) is not None:
        made[ONE, 0] = add(made.get((ONE, 0)), sparse.csr_array(bias[:, None]))
    return made


def arriving(graph: Graph, name: str, leaving: Mapping[str, Traffic]) -> Traffic:
    """What comes to a node, of what those before it send."""
    comes: Traffic = {}
    for before in graph.before(name):
        for key, matrix in leaving[before].items():
            comes[key] = add(comes.get(key), matrix)
    return comes


def add(matrix: Matrix | None, more: Matrix) -> Matrix:
    """The sum; None stands for nothing so far."""
    return sparse.csr_array(more if matrix is None else matrix + more)
