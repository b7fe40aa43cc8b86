"""Random NIR graphs: our float reading against NIR's equations, stepped here node by node in plain numpy.

Nothing of the reader is used for what is expected: in a step each node takes what comes to it in that step, or, where
an edge leads back, what was sent in the step before.
"""

from __future__ import annotations

import numpy as np
import pytest

import lsm_deploy as ld
from lsm_deploy.core.ir import Stimulus
from lsm_deploy.store.hdf5 import write_tree

pytestmark = pytest.mark.once

pytest.importorskip("h5py")

DT, STEPS, CHANNELS, GRAPHS = 1e-3, 80, 5, 6
SPIKING = ("LIF", "CubaLIF", "IF", "Threshold")


class Simulated:
    """One node, a step at a time."""

    def __init__(self, node, size, scheme, reset):
        self.node, self.size, self.scheme, self.reset = node, size, scheme, reset
        self.v0 = np.zeros(size) + node.get("v_reset", 0.0)
        self.v, self.i, self.s, self.past = self.v0.copy(), np.zeros(size), np.zeros(size), []

    def toward(self, x, target, tau):
        """One step of `tau dx/dt = target - x`."""
        if self.scheme == "euler":
            return x + DT / np.asarray(tau) * (target - x)
        return target + (x - target) * np.exp(-DT / np.asarray(tau))

    def step(self, x):
        node, kind = self.node, self.node["type"]
        if kind in ("Affine", "Linear"):
            return node["weight"] @ x + node.get("bias", 0.0)
        if kind == "Scale":
            return node["scale"] * x
        if kind == "Delay":
            self.past.append(x)
            steps = np.rint(np.broadcast_to(node["delay"], x.shape) / DT).astype(int)
            return np.array([self.past[-1 - d][k] if d < len(self.past) else 0.0 for k, d in enumerate(steps)])
        if kind == "Threshold":
            return (x > node["threshold"]).astype(float)
        if kind.startswith("Cuba"):
            self.i = self.toward(self.i, node.get("w_in", 1.0) * x, node["tau_syn"])
            x = self.i
        if kind == "IF":
            v = self.v + node["r"] * x
        else:
            v = self.toward(self.v, node["v_leak"] + node["r"] * x, node["tau_mem" if "tau_mem" in node else "tau"])
        if kind in ("LI", "CubaLI"):
            self.v = v
            return v
        if self.reset == "zero-delayed":
            v = np.where(self.s > 0, self.v0, v)
        if self.reset == "subtract-delayed":
            v = v - self.s * node["v_threshold"]
        self.s = (v > node["v_threshold"]).astype(float)
        if self.reset in ("zero", "zero-delayed"):
            v = np.where(self.s > 0, self.v0, v)
        if self.reset == "subtract":
            v = v - self.s * node["v_threshold"]
        self.v = v
        return self.s


def drawn_graph(rng, reset):
    """Nodes, edges in the order in which a step takes them, and the edges that lead back."""
    sizes, nodes, edges, back = {"input": CHANNELS}, {}, [], []

    def scalar_or_array(size, low, high):
        form = rng.integers(3)
        return rng.uniform(low, high, {0: (), 1: (1,), 2: (size,)}[int(form)])

    def linear(name, source, size, recurrent=False):
        scale = 0.8 if recurrent else 2.5
        weight = rng.normal(0.0 if recurrent else 0.3, scale / np.sqrt(sizes[source]), (size, sizes[source]))
        weight *= rng.random(weight.shape) < 0.8
        nodes[name] = {"type": "Linear", "weight": weight}
        if rng.random() < 0.5:
            nodes[name] = {**nodes[name], "type": "Affine", "bias": rng.normal(0, 0.2, size)}
        sizes[name] = size
        return name

    def on_the_way(source, number):
        """Perhaps through a Delay, or a Scale, or both."""
        for kind in ("Delay", "Scale"):
            if rng.random() < 0.4:
                name = f"{kind}{number}"
                size = sizes[source]
                if kind == "Delay":
                    nodes[name] = {
                        "type": kind,
                        "delay": DT * rng.integers(0, 5, (size,) if rng.random() < 0.7 else ()),
                    }
                else:
                    nodes[name] = {"type": kind, "scale": rng.uniform(0.5, 2, size)}
                sizes[name] = size
                edges.append((source, name))
                source = name
        return source

    spiking = ["input"]
    for layer in range(int(rng.integers(2, 6))):
        size, name = int(rng.integers(2, 7)), f"n{layer}"
        kind = str(rng.choice(SPIKING, p=(0.3, 0.4, 0.2, 0.1)))
        node = {"type": kind}
        if kind == "Threshold":
            node["threshold"] = scalar_or_array(size, 0.3, 1.0)
        else:
            node |= {"r": scalar_or_array(size, 0.5, 2.0), "v_threshold": scalar_or_array(size, 0.3, 1.0)}
            if not reset.startswith("subtract") and rng.random() < 0.5:
                node["v_reset"] = scalar_or_array(size, -0.5, 0.2)
            if kind == "LIF":
                node |= {"tau": scalar_or_array(size, DT, 8e-3), "v_leak": scalar_or_array(size, -0.3, 0.3)}
            if kind == "CubaLIF":
                node |= {"tau_syn": scalar_or_array(size, DT, 8e-3), "tau_mem": scalar_or_array(size, DT, 8e-3)}
                node |= {"v_leak": node.get("v_reset", 0.0)}  # others leak before their inputs come, which is said
                if rng.random() < 0.5:
                    node["w_in"] = scalar_or_array(size, 0.5, 2.0)
        nodes[name], sizes[name] = node, size
        sources = {spiking[-1], *(s for s in spiking if rng.random() < 0.3)}
        for source in sorted(sources):
            way = on_the_way(source, f"_{source}_{name}")
            edges.extend([(way, linear(f"{source}_{name}", way, size)), (f"{source}_{name}", name)])
        if kind != "Threshold" and rng.random() < 0.5:
            edges.append((linear(f"again{layer}", name, size, recurrent=True), name))
            back.append((name, f"again{layer}"))
        spiking.append(name)
    last = spiking[-1]
    if rng.random() < 0.3:
        kind = str(rng.choice(["LI", "CubaLI"]))
        node = {"type": kind, "r": scalar_or_array(3, 0.5, 2), "v_leak": scalar_or_array(3, -0.2, 0.2)}
        taus = {"LI": ("tau",), "CubaLI": ("tau_syn", "tau_mem")}[kind]
        nodes["li"] = {**node, **{tau: scalar_or_array(3, DT, 8e-3) for tau in taus}}
        edges.extend([(last, linear("to_li", last, 3)), ("to_li", "li")])
        sizes["li"] = 3
        last = "li"
    return nodes, sizes, edges, back, last


def simulate(nodes, sizes, edges, back, scheme, reset, spikes):
    """What each node sends, [t, value] by name."""
    made = {name: Simulated(node, sizes[name], scheme, reset) for name, node in nodes.items()}
    order, waiting = ["input"], list(nodes)
    while waiting:  # a node's turn comes when all that leads to it in this step has had its own
        ready = next(name for name in waiting if all(s in order for s, target in edges if target == name))
        order.append(ready)
        waiting.remove(ready)
    sent = {name: [] for name in order}
    for t, row in enumerate(spikes):
        sent["input"].append(row.astype(float))
        for name in order[1:]:
            comes = [sent[s][t] for s, target in edges if target == name]
            comes += [sent[s][t - 1] for s, target in back if target == name and t > 0]
            size = nodes[name]["weight"].shape[1] if "weight" in nodes[name] else sizes[name]
            sent[name].append(made[name].step(sum(comes, np.zeros(size))))
    return {name: np.array(values) for name, values in sent.items()}


@pytest.mark.parametrize("scheme", ["euler", "exponential"])
@pytest.mark.parametrize("reset", ["zero", "zero-delayed", "subtract", "subtract-delayed"])
def test_every_spike_is_that_of_the_equations(reset, scheme, tmp_path):
    total = 0
    for seed in range(GRAPHS):
        rng = np.random.default_rng([seed, len(reset), len(scheme)])
        nodes, sizes, edges, back, last = drawn_graph(rng, reset)
        ends = {"input": {"type": "Input", "shape": [CHANNELS]}, "output": {"type": "Output", "shape": [sizes[last]]}}
        named = list({**ends, **nodes}.items())
        rng.shuffle(named)  # what stands first in a file means nothing
        tree = {"type": "NIRGraph", "nodes": dict(named), "edges": [list(e) for e in [*edges, *back, (last, "output")]]}
        write_tree(tmp_path / f"{seed}.nir", {"version": "1.0", "node": tree})
        said = {"dt_ms": DT * 1e3, "scheme": scheme, "reset": reset, "if_input": "per-step"}
        reading = ld.read_network(tmp_path / f"{seed}.nir", **said)
        assert not reading.losses, seed
        spikes = (rng.random((STEPS, CHANNELS)) < 0.3).astype(np.int8)
        expected = simulate(nodes, sizes, edges, back, scheme, reset, spikes)
        longest = max(reading.lags.values())
        padded = np.concatenate([spikes, np.zeros((longest, CHANNELS), np.int8)])
        trace = ld.run_float(reading.network, Stimulus(padded, np.array([0])))
        for name, node in nodes.items():
            if node["type"] in (*SPIKING, "LI", "CubaLI"):
                lag = reading.lags[name]
                sent = trace.spikes[lag : lag + STEPS, reading.network.columns(name)]
                differ = np.abs(sent - expected[name]) > 1e-9
                assert not differ.any(), (seed, name, node["type"], int(differ.sum()), np.argwhere(differ)[0])
                total += int(expected[name].sum())
    assert total > 300
