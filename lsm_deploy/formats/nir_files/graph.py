"""The nodes and edges of a NIR graph, flat: those in subgraphs are called `subgraph/node`. All mistakes are errors.

node/type  "NIRGraph", or the type of a node, whose parameters stand beside it
node/nodes/<name>/...   node/edges [edge, 2], of names      of each graph
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.store.hdf5 import Tree, read_tree

__all__ = ["LINEAR", "NEURONS", "Graph", "Node", "at", "read_graph", "whole"]

GRAPH = "NIRGraph"
NEURONS = {
    "Threshold": (("threshold",), ()),
    "IF": (("r", "v_threshold"), ("v_reset",)),
    "LIF": (("tau", "r", "v_leak", "v_threshold"), ("v_reset",)),
    "CubaLIF": (("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"), ("v_reset", "w_in")),
    "LI": (("tau", "r", "v_leak"), ()),
    "CubaLI": (("tau_syn", "tau_mem", "r", "v_leak"), ("w_in",)),
}
"""Parameters that a type needs, and that it may have."""
_POOL = ("kernel_size", "stride", "padding")
_CONV = (("weight", "stride", "padding", "dilation", "groups"), ("bias", "input_shape"))
LINEAR = {
    "Affine": (("weight", "bias"), ()),
    "Linear": (("weight",), ()),
    "Scale": (("scale",), ()),
    "Flatten": (("start_dim", "end_dim"), ("input_type",)),
    "Conv1d": _CONV,
    "Conv2d": _CONV,
    "SumPool2d": (_POOL, ()),
    "AvgPool2d": (_POOL, ()),
    "Delay": (("delay",), ()),
}
_ENDS = {"Input": (("shape",), ()), "Output": (("shape",), ())}
_TYPES = {**NEURONS, **LINEAR, **_ENDS}
_INSTEAD = {"I": "write it as an IF whose threshold is never reached, or as a LI with a long time constant"}
_ABOUT = ("type", "name", "metadata", "input_type", "output_type")
"""Of a node, what changes nothing."""
_LARGEST = 1e30
"""Of a number: products of several are finite, too."""
_TEXTS = ("padding",)
"""Parameters that may be text."""


@dataclass(frozen=True, eq=False)
class Node:
    """A node with its parameters: numbers in floats, finite; text as it is."""

    name: str
    kind: str
    values: Mapping[str, Floats | str]
    unread: tuple[str, ...] = ()
    """What else the file says of it."""

    def numbers(self, name: str, default: float | None = None) -> Floats:
        """A parameter in numbers."""
        return np.asarray(self.values[name] if default is None else self.values.get(name, default), np.float64)


class Graph(NamedTuple):
    """Nodes by name; Input and Output of subgraphs are `Flatten`s, which change nothing."""

    nodes: dict[str, Node]
    edges: tuple[tuple[str, str], ...]

    def before(self, name: str) -> list[str]:
        return [source for source, target in self.edges if target == name]

    def after(self, name: str) -> list[str]:
        return [target for source, target in self.edges if source == name]


def read_graph(file: Path) -> Graph:
    """The graph in a file; LsmErrors name each node and edge that cannot be."""
    tree, where = read_tree(file), str(file)
    top = tree.get("node")
    if not isinstance(top, dict) or _text(top.get("type")) != GRAPH:
        what = "there is no NIR graph in it"
        raise LsmError(what, where=where, hint="write it with `nir.write`; a .net is told by its group `layer`")
    errors: list[LsmError] = []
    nodes, edges = _flat(top, "", where, errors)
    _check_ends(nodes, edges, where, errors)
    raise_all(errors)
    graph = Graph(nodes, tuple(edges))
    for name, node in nodes.items():
        lonely = [
            word
            for word, others, end in (("to", graph.before(name), "Input"), ("from", graph.after(name), "Output"))
            if not others and node.kind != end
        ]
        if lonely:
            what = f"no edge leads {' or '.join(lonely)} it"
            errors.append(LsmError(what, where=at(where, name), hint="connect it, or leave it out"))
    raise_all(errors)
    first, last = (next(name for name, node in nodes.items() if node.kind == end) for end in ("Input", "Output"))
    reached, leading = _along(first, graph.after), _along(last, graph.before)
    if last not in reached:
        what = "no way leads from the Input to the Output"
        errors.append(LsmError(what, where=where, hint="connect them, or nothing that is sent changes the answer"))
    for name in sorted(nodes.keys() - reached - leading):
        what = "no way leads from the Input to it, and none from it to the Output"
        errors.append(LsmError(what, where=at(where, name), hint="connect it, or leave it out"))
    raise_all(errors)
    return graph


def _along(first: str, beside: Callable[[str], list[str]]) -> set[str]:
    """A node, and all to which edges lead on."""
    reached, waiting = {first}, [first]
    while waiting:
        new = set(beside(waiting.pop())) - reached
        reached |= new
        waiting += new
    return reached


def _flat(group: Tree, path: str, where: str, errors: list[LsmError]) -> tuple[dict[str, Node], list[tuple[str, str]]]:
    members, table = group.get("nodes"), group.get("edges")
    if not isinstance(members, dict) or not isinstance(table, np.ndarray):
        errors.append(LsmError("a graph has no nodes, or no edges", where=at(where, path), hint="write it again"))
        return {}, []
    nodes: dict[str, Node] = {}
    edges: list[tuple[str, str]] = []
    inner: dict[str, tuple[str, str]] = {}
    for name, member in members.items():
        full = f"{path}{name}"
        kind = _text(member.get("type")) if isinstance(member, dict) else ""
        if isinstance(member, dict) and kind == GRAPH:
            within, joined = _flat(member, f"{full}/", where, errors)
            ends = [
                [n for n in within if within[n].kind == end and n.count("/") == full.count("/") + 1]
                for end in ("Input", "Output")
            ]
            if [len(each) for each in ends] != [1, 1]:
                what = f"this subgraph has {len(ends[0])} inputs and {len(ends[1])} outputs, not one of each"
                errors.append(LsmError(what, where=at(where, full), hint="give its nodes to the graph around it"))
                continue
            inner[name] = (ends[0][0], ends[1][0])
            for end in inner[name]:
                within[end] = Node(end, "Flatten", {"start_dim": np.zeros(()), "end_dim": np.full((), -1.0)})
            nodes |= within
            edges += joined
        elif isinstance(member, dict) and kind in _TYPES:
            nodes[full] = _node(full, kind, member, where, errors)
        else:
            errors.append(_unknown(kind, at(where, full)))
    if not table.size or table.ndim != 2 or table.shape[1] != 2 or table.dtype.kind != "U":
        what = f"its edges are {list(table.shape)} of {table.dtype}, not [edge, 2] of names"
        errors.append(LsmError(what, where=at(where, path), hint="connect its nodes"))
        return nodes, edges
    for (source, target), times in Counter(map(tuple, table.tolist())).items():
        if times > 1:
            what = f"the edge {source!r} -> {target!r} stands there {times} times"
            errors.append(LsmError(what, where=at(where, path), hint="write it once, with the sum of the weights"))
        if lost := [name for name in (source, target) if name not in members]:
            near = get_close_matches(lost[0], members, 1, cutoff=0.5)
            known = ", ".join(members)
            errors.append(
                LsmError(
                    f"the edge {source!r} -> {target!r} leads to {lost[0]!r}, which is no node here",
                    where=at(where, path),
                    hint=f"did you mean {near[0]!r}?" if near else f"choose from {known}",
                )
            )
            continue
        for name, end, word in ((target, "Input", "leads to"), (source, "Output", "comes from")):
            if f"{path}{name}" in nodes and _text(members[name].get("type")) == end:  # type: ignore[union-attr]
                what = f"the edge {source!r} -> {target!r} {word} {name!r}, which is an {end}"
                errors.append(LsmError(what, where=at(where, path), hint="connect the node beyond it"))
        out = inner[source][1] if source in inner else f"{path}{source}"
        into = inner[target][0] if target in inner else f"{path}{target}"
        edges.append((out, into))
    return nodes, edges


def _node(name: str, kind: str, member: Tree, where: str, errors: list[LsmError]) -> Node:
    required, optional = _TYPES[kind]
    values: dict[str, Floats | str] = {}
    for field in (*required, *optional):
        stored = member.get(field)
        if not isinstance(stored, np.ndarray):
            if field in required:
                errors.append(LsmError(f"{kind} has no {field}", where=at(where, name), hint=f"write {field}"))
        elif field in _TEXTS and stored.dtype.kind == "U":
            values[field] = _text(stored)
        elif stored.dtype.kind not in "iufb" or not stored.size or not (abs(stored.astype(float)) <= _LARGEST).all():
            what = f"{field} holds something else than finite numbers"
            errors.append(LsmError(what, where=at(where, name), hint="write numbers; find out where a NaN is from"))
        else:
            values[field] = stored.astype(np.float64)
    return Node(name, kind, values, tuple(sorted(member.keys() - {*required, *optional, *_ABOUT})))


def _unknown(kind: str, where: str) -> LsmError:
    if not kind:
        return LsmError("this node has no type", where=where, hint="write it with `nir.write`")
    near = get_close_matches(kind, [*_TYPES, GRAPH], 1, cutoff=0.5)
    known = ", ".join([*_TYPES, GRAPH])
    hint = _INSTEAD.get(kind) or (f"the nearest that is read is {near[0]}" if near else f"choose from {known}")
    return LsmError(f"a node of type {kind!r} is not read", where=where, hint=hint)


def _check_ends(nodes: dict[str, Node], edges: list[tuple[str, str]], where: str, errors: list[LsmError]) -> None:
    for kind in ("Input", "Output"):
        if not errors and (count := sum(node.kind == kind for node in nodes.values())) != 1:
            what = f"the graph has {count} nodes of type {kind}, not one"
            errors.append(LsmError(what, where=where, hint=f"join them into one {kind}, or write one"))


def _text(stored: Any) -> str:
    return (
        str(stored.item()) if isinstance(stored, np.ndarray) and stored.dtype.kind == "U" and stored.size == 1 else ""
    )


def at(where: str, name: str) -> str:
    """Where a mistake is: a node of a file, or the file itself."""
    return f"{where}: node {name.rstrip('/')!r}" if name else where


def whole(node: Node, name: str, where: str, least: int = 0) -> NDArray[np.int64]:
    """A parameter in whole numbers `[axis]` of at least so much."""
    values = np.atleast_1d(node.numbers(name)).ravel()
    if (values % 1).any() or values.min() < least or values.max() > np.iinfo(np.int32).max:
        what = f"{name} is {values.tolist()}, not whole numbers from {least}"
        raise LsmError(what, where=at(where, node.name), hint=f"write {name} as integers")
    return values.astype(np.int64)
