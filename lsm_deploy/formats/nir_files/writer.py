"""A network of ours as a NIR graph, in floats: integers as those they stand for.

Populations that lead to each other in a cycle are one node, whose synapses come back to it, as are all of them where
more than one is at the end of the graph. In a simulator a spike arrives in the step in which it is sent, and one that
comes back to its node in the next; here each takes a step. So a node runs some steps ahead of ours (our lag), what is
left of a delay is a Delay, and nothing else changes. With beta = 1 - dt / tau (Euler) and gains of 1,

    Input -> (Delay ->) Linear -> CubaLIF -> Linear -> ... -> Output      tau = dt / (1 - beta), r = tau / dt

A LIF stands for a current that is forgotten at once. What NIR cannot say is in the metadata (`description`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from lsm_deploy.core import fixed, memory
from lsm_deploy.core.errors import LsmError, MisuseError, raise_all, require_path, require_type
from lsm_deploy.core.in_floats import weights_in_floats
from lsm_deploy.core.ir import INPUT, Network, Program, QNetwork, QPopulation, QProjection
from lsm_deploy.core.messages import BINARY
from lsm_deploy.core.neurons import KINDS, lif, refractory, subtract
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.formats.account import Line
from lsm_deploy.formats.nir_files.description import OURS, described
from lsm_deploy.formats.nir_files.discretisation import SOURCES, Discretisation
from lsm_deploy.store.hdf5 import write_tree

__all__ = ["READERS", "end_of", "export_nir", "graph_of", "weight_bytes"]

READERS = [name for name, said in SOURCES.items() if said.get("scheme") == "euler"]
"""Simulators with a step of their own: time constants are written so that it does what ours does."""
_VERSION = "1.0.8"
"""Of the `nir` package, whose layout this is; v_reset is left out, which 1.0.4 does not know: that is a reset to 0."""
_NEVER = 2.0**60
"""A time constant, in steps, of which a step leaves all."""


def export_nir(file: str | Path, network: Network | Program, reader: str | None = None) -> tuple[Line, ...]:
    """Write a network as a NIR graph, and say what became of each node; LsmErrors name all that NIR has no node for.

    reader: the simulator that is to read it, which has a step of its own; else the step is the network's.
    """
    require_type(network, (Network, Program), "network", "compile a spec, and give its network or its program")
    file = require_path(file)
    if reader is not None and reader not in READERS:
        what = f"nothing is known of reading by {reader!r}"
        raise MisuseError(what, where="reader", hint=f"choose from {', '.join(READERS)}, or leave it out")
    given = network.network if isinstance(network, Program) else network
    how = Discretisation(SOURCES[reader]["dt_ms"] if reader else given.dt_ms, "euler")
    graph, lines = graph_of(given, how)
    metadata = {OURS: {"dt_ms": how.dt_ms, "scheme": how.scheme, **described(given)}}
    write_tree(file, {"node": {**graph, "metadata": metadata}, "version": _VERSION})
    return lines


def graph_of(network: Network | QNetwork, how: Discretisation) -> tuple[dict[str, Any], tuple[Line, ...]]:
    """The tree of the graph, without metadata, and a line for each node."""
    raise_all(_refused(network))
    groups = _groups(network)
    links = _links(network, groups)
    needed = 2 * weight_bytes(network)
    memory.require(needed, "its weights, which NIR writes with their zeros, take", hint="export a smaller network")
    nodes: dict[str, Any] = {INPUT: {"type": "Input", "shape": np.array([network.channels])}}
    edges: list[tuple[str, str]] = []
    lines = [Line(INPUT, "Input", "exact", f"{network.channels} channels of spikes")]
    for name, members in groups.items():
        nodes[name] = _neurons(network, members, how)
        lines.append(_line(network, name, nodes[name]["type"], members))
    # Those that come back to their node go first: nirtorch takes what it came to last for the output.
    for link, synapses in sorted(links.items(), key=lambda each: each[0].source != each[0].target):
        shape, name = _shape(network, groups, link), f"{link.source}_to_{link.target}"
        weight = np.zeros(shape)
        for post, pre, values, _ in synapses:
            np.add.at(weight, (post, pre), values)
        before = link.source
        if link.wait:
            before, name = f"{link.source}_after_{link.wait}", f"{name}_after_{link.wait}"
            if before not in nodes:
                nodes[before] = {"type": "Delay", "delay": np.full(shape[1], link.wait * how.dt_ms / 1e3)}
                edges.append((link.source, before))
                lines.append(Line(before, "Delay", "exact", f"{link.wait} steps, which not every simulator has"))
        nodes[name] = {"type": "Linear", "weight": weight}
        edges += [(before, name), (name, link.target)]
        count = sum(len(values) for _, _, values, _ in synapses)
        where = ", ".join(repr(projection) for *_, projection in synapses)
        lines.append(Line(name, "Linear", "exact", f"{count} synapses of {where}"))
    last = _ends(network, groups)[0]
    nodes["output"] = {"type": "Output", "shape": np.array([sum(network.sizes[p] for p in groups[last])])}
    lines.append(Line("output", "Output", "exact", f"the spikes of {last!r}"))
    edges.append((last, "output"))
    if network.sample_interval:
        what = f"all registers are cleared every {network.sample_interval} steps here, and not there"
        lines.append(Line("graph", "NIRGraph", "approximated", what))
    return {"type": "NIRGraph", "nodes": nodes, "edges": np.array(edges)}, tuple(lines)


def weight_bytes(network: Network | QNetwork) -> int:
    """What the weights take, each as a matrix with its zeros."""
    groups = _groups(network)
    shapes = [_shape(network, groups, link) for link in _links(network, groups)]
    return 8 * sum(post * pre for post, pre in shapes)


def end_of(network: Network | QNetwork) -> str:
    """The last population of the node that leads to the output."""
    groups = _groups(network)
    return groups[_ends(network, groups)[0]][-1]


# --- which populations are a node, and when spikes arrive -------------------------------------------------------------


def _groups(network: Network | QNetwork) -> dict[str, tuple[str, ...]]:
    """Populations by node."""
    names = list(network.sizes)
    leads = [(names.index(p.source), names.index(p.target)) for p in network.projections if p.source != INPUT]
    pre, post = np.array(leads, np.int64).reshape(-1, 2).T
    graph = sparse.coo_array((np.ones(len(pre)), (pre, post)), shape=(len(names), len(names)))
    _, labels = sparse.csgraph.connected_components(graph, connection="strong")
    by_label: defaultdict[int, list[str]] = defaultdict(list)
    for name, label in zip(names, labels.tolist(), strict=True):
        by_label[label].append(name)
    groups = _named(list(by_label.values()))
    return groups if len(_ends(network, groups)) == 1 else _named([names])


def _named(members: list[list[str]]) -> dict[str, tuple[str, ...]]:
    """By names that torch's modules can have, and no other node has."""
    groups: dict[str, tuple[str, ...]] = {}
    for each in members:
        name = re.sub(r"\W", "_", "_".join(each)) if len(each) <= _SPELT_OUT else "neurons"
        while name in groups or name in (INPUT, "output"):
            name += "_"
        groups[name] = tuple(each)
    return groups


_SPELT_OUT = 4
"""Populations whose names make up that of a node."""


def _node_of(groups: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {INPUT: INPUT, **{population: name for name, members in groups.items() for population in members}}


def _ends(network: Network | QNetwork, groups: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Nodes that lead to no other."""
    node = _node_of(groups)
    on = {node[p.source] for p in network.projections if node[p.source] != node[p.target]}
    return [name for name in groups if name not in on]


def _lags(network: Network | QNetwork, groups: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """How many steps a node of ours is behind the file's: the fewest synapses on a way to it from the input, or from
    where nothing leads."""
    node = _node_of(groups)
    leads = {(node[p.source], node[p.target]) for p in network.projections if node[p.source] != node[p.target]}
    lags, front = (
        {INPUT: 0},
        {*groups} - {post for pre, post in leads if pre != INPUT} | {post for pre, post in leads if pre == INPUT},
    )
    while front:
        lags |= dict.fromkeys(front, max(lags.values()) + 1)
        front = {post for pre, post in leads if pre in front} - lags.keys()
    return lags


class _Link(NamedTuple):
    source: str
    target: str
    wait: int
    """Steps, of a Delay."""


_Synapses = list[tuple[NDArray[np.int64], NDArray[np.int64], Floats, str]]
"""post, pre and weight, counted within their nodes, and the projection's name."""


def _links(network: Network | QNetwork, groups: Mapping[str, tuple[str, ...]]) -> dict[_Link, _Synapses]:
    node, lags = _node_of(groups), _lags(network, groups)
    first = {INPUT: 0}
    for members in groups.values():
        starts = np.cumsum([0, *(network.sizes[name] for name in members)]).tolist()
        first |= dict(zip(members, starts, strict=False))
    links: dict[_Link, _Synapses] = {}
    for p in network.projections:
        if isinstance(p, QProjection):
            weight, delays = weights_in_floats(network, p), p.delays.astype(np.int64)
        else:
            weight, delays = p.weight, np.rint(fixed.stable(p.delay_ms / network.dt_ms)).astype(np.int64)
        ahead = lags[node[p.target]] - lags[node[p.source]]
        waits = delays if node[p.source] == node[p.target] else delays + 1 - ahead
        for wait in np.unique(waits).tolist():
            chosen = waits == wait
            synapses = links.setdefault(_Link(node[p.source], node[p.target], wait), [])
            synapses.append((p.post[chosen] + first[p.target], p.pre[chosen] + first[p.source], weight[chosen], p.name))
    return links


def _shape(network: Network | QNetwork, groups: Mapping[str, tuple[str, ...]], link: _Link) -> tuple[int, int]:
    sizes = {name: sum(network.sizes[p] for p in members) for name, members in groups.items()}
    return sizes[link.target], network.channels if link.source == INPUT else sizes[link.source]


# --- neurons ----------------------------------------------------------------------------------------------------------


def _parameters(network: Network | QNetwork, name: str) -> Mapping[str, Floats]:
    p = next(p for p in network.populations if p.name == name)
    if isinstance(p, QPopulation):
        return KINDS[p.kind].to_parameters(p.registers, p.scale, network.dt_ms)
    return p.parameters


def _neurons(network: Network | QNetwork, members: tuple[str, ...], how: Discretisation) -> dict[str, Any]:
    kinds = {p.name: KINDS[p.kind] for p in network.populations}
    each = [kinds[name].float_constants(_parameters(network, name), network.dt_ms) for name in members]
    alpha, beta, threshold, bias = (
        np.concatenate([constants[name] for constants in each]) for name in ("alpha", "beta", "v_threshold", "bias")
    )
    tau_syn, taken_syn = _tau_of(alpha, how)
    tau_mem, taken_mem = _tau_of(beta, how)
    values = {"r": 1 / taken_mem, "v_leak": bias / taken_mem, "v_threshold": threshold}
    if not alpha.any():
        return {"type": "LIF", "tau": tau_mem, **values}
    return {"type": "CubaLIF", "tau_syn": tau_syn, "tau_mem": tau_mem, "w_in": 1 / taken_syn, **values}


def _tau_of(left: Floats, how: Discretisation) -> tuple[Floats, Floats]:
    """The time constant in seconds of which a step leaves so much, and what that takes in."""
    steps = 1 / np.maximum(1 - left, 1 / _NEVER)
    return steps * how.dt_ms / 1e3, 1 / steps


_READ = {
    "subtract": "a spike takes the threshold from v",
    "subtract-delayed": "a spike takes the threshold from v in the next step",
    "zero-delayed": "v stays at 0 for the step after a spike",
}


def _reset(network: Network | QNetwork, name: str) -> str:
    """What a reader calls it; "" where none has it."""
    kind = next(p.kind for p in network.populations if p.name == name)
    parameters = _parameters(network, name)
    if kind == subtract.NAME:
        delayed = parameters["reset_delay"] != 0
        return "subtract-delayed" if delayed.all() else "" if delayed.any() else "subtract"
    if kind == refractory.NAME:
        steps = np.rint(fixed.stable(parameters["t_refractory_ms"] / network.dt_ms))
        return "zero-delayed" if (steps == 1).all() else "" if steps.any() else "zero"
    return "zero"


def _line(network: Network | QNetwork, node: str, kind: str, members: tuple[str, ...]) -> Line:
    what = f"population{'s' * (len(members) > 1)} {', '.join(map(repr, members))}"
    resets = {name: _reset(network, name) for name in members}
    if len({*resets.values()}) > 1 or "" in resets.values():
        kinds = ", ".join(dict.fromkeys(p.kind for p in network.populations if p.name in members))
        return Line(node, kind, "approximated", f"{what}: what a spike does to neurons of {kinds} no graph can say")
    reset = next(iter(resets.values()))
    if reset == "zero":
        return Line(node, kind, "exact", what)
    return Line(node, kind, "assumed", f"{what}: {_READ[reset]}, which its reader has to be told (reset {reset})")


def _refused(network: Network | QNetwork) -> list[LsmError]:
    known = (lif.NAME, subtract.NAME, refractory.NAME)
    errors = [
        LsmError(
            f"NIR has no node for neurons of kind {p.kind}",
            where=f"population {p.name!r}",
            hint=f"leave it out, or take {', '.join(known)}",
        )
        for p in network.populations
        if p.kind not in known
    ]
    if network.input != BINARY:
        what = f"the input holds {network.input}, and NIR's spikes are 0 and 1"
        errors.append(LsmError(what, where=INPUT, hint="encode it as spikes"))
    return errors
