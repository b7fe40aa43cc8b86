"""A convolutional graph of 9,000 neurons, and what importing it takes: seconds and the most memory of a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lsm_deploy.store.hdf5 import write_tree

CHANNELS, SIDE = 3, 34
_MEASURED = """
import json, resource, sys, time
start = time.perf_counter()
import lsm_deploy as ld
reading = ld.read_network(sys.argv[1], source="snntorch", reset="zero")
seconds = time.perf_counter() - start
network = reading.network
synapses = sum(len(p.post) for p in network.projections)
compiled = ld.compile_built(network, "hala_point")
whole = time.perf_counter() - start
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps([network.neurons, synapses, seconds, whole, memory]))
"""


class Taken(NamedTuple):
    """seconds: to the network in floats; whole: to a program. gigabytes: the most that the process held."""

    neurons: int
    synapses: int
    seconds: float
    whole: float
    gigabytes: float


def write(file: Path) -> None:
    rng = np.random.default_rng(0)

    def conv(out: int, into: int, kernel: int, stride: int) -> dict[str, object]:
        weight = rng.normal(0, 1.0 / kernel, (out, into, kernel, kernel)).astype(np.float32)
        common = {"stride": stride, "padding": kernel // 2, "dilation": 1, "groups": 1, "bias": np.zeros(out)}
        return {"type": "Conv2d", "weight": weight, **common}

    lif = {"type": "LIF", "tau": 1e-3, "r": 10.0, "v_leak": 0.0, "v_threshold": 1.0}
    nodes = {
        "input": {"type": "Input", "shape": [CHANNELS, SIDE, SIDE]},
        "conv1": conv(6, CHANNELS, 5, 1),
        "lif1": lif,
        "conv2": conv(8, 6, 7, 2),
        "lif2": lif,
        "output": {"type": "Output", "shape": [8, SIDE // 2, SIDE // 2]},
    }
    edges = [["input", "conv1"], ["conv1", "lif1"], ["lif1", "conv2"], ["conv2", "lif2"], ["lif2", "output"]]
    write_tree(file, {"version": "1.0", "node": {"type": "NIRGraph", "nodes": nodes, "edges": edges}})


def measure(file: Path) -> Taken:
    """In a process of its own, so that its memory is that of the import."""
    write(file)
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", _MEASURED, file], capture_output=True, check=True)
    return Taken(*json.loads(run.stdout))
