"""Let lava-dl build a network from a `.net`, run it once from zero, and leave the result: `netx_graph.py JOB_DIR`.

It runs under a Python that has lava-dl 0.6.0, with its Lava, torch and h5py, and imports `graph.py` beside it.

    arrays.npz   input [t, channel]; the file's arrays, by their paths in it (see `core/layered.py`)
    job.json     record: the names of registers
    result.npz   of layer number i spikes<i>, and each recorded <register><i>, [t, neuron]
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import graph  # type: ignore[import-not-found]
import h5py
import numpy as np
from lava.lib.dl.netx import hdf5
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import Read
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source


def main(folder: Path) -> None:
    """Run the job in `folder`."""
    caller = os.getppid()
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    spikes = arrays.pop("input")
    with h5py.File(folder / "job.net", "w") as file:
        for name, values in arrays.items():
            file[name] = values.astype("S") if values.dtype.kind == "U" else values

    network = hdf5.Network(net_config=str(folder / "job.net"))
    source = Source(data=np.ascontiguousarray(spikes.T, np.int32))
    source.s_out.connect(network.inp)
    sinks = {}
    for i, layer in enumerate(network.layers):
        shape = (len(spikes), *layer.out.shape)
        sinks[f"spikes{i}"] = Sink(shape=layer.out.shape, buffer=1)
        layer.out.connect(sinks[f"spikes{i}"].a_in)
        graph.share(sinks[f"spikes{i}"], shape, np.int16)
        for register in job["record"]:
            sinks[f"{register}{i}"] = Read(buffer=1)
            sinks[f"{register}{i}"].connect_var(getattr(layer.neuron, register))
            graph.share(sinks[f"{register}{i}"], shape, np.int32)
    models = {Sink: graph.SharedSink, Read: graph.SharedRead}
    config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map=models)
    graph.run_to_the_end(network, len(spikes), config, caller)
    graph.save(folder, {name: graph.recorded(sink) for name, sink in sinks.items()})
    network.stop()


if __name__ == "__main__":
    graph.start(main)
