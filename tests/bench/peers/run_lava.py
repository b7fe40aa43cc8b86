"""Lava's CPU models (`Loihi2SimCfg`, tag `fixed_pt`), as the backend `lava` builds them: Sparse, DelaySparse, LIF.

Or, where the argument is `dense`, with Dense in the place of Sparse: faster from some density on.

`run` is Lava's own, called again and again on a graph that was compiled and started by the first call, which is not
timed. Spikes go into memory that the sink's worker shares with this process; the stock sink does the same but for that.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lsm_backends.lava as backend
import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lsm_backends.lava import job
from ours import program_of
from protocol import Case, Simulation, arguments, serve

# The script that the backend runs in a process of its own, where it stands beside its models.
sys.path.append(str(Path(backend.__file__).parent))
graph = import_module("graph")


def dense(weights: Any, **options: Any) -> Dense:
    return Dense(weights=weights.toarray(), **options)


class Lava(Simulation):
    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.version = version("lava-nc")
        network = program_of(case).network
        neurons, group = job.neurons_of(network, ())
        made = job.tied(job.connections(network, group), len(neurons))
        job.write(job.Job(case.stimulus, neurons, made, "sim", 0), case.folder)
        description = json.loads((case.folder / "job.json").read_text())
        description["steps"] = case.most_steps
        with np.load(case.folder / "arrays.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        if arguments() == ["dense"]:
            graph.Sparse = dense
        models: dict[type[Any], type[Any]] = {graph.Sink: graph.SharedSink}
        processes = [graph._neurons(description, arrays, 0, models)]
        graph._connect(description, arrays, processes, False)
        (self.sink,) = graph._sinks(description, processes, False).values()
        self.network = processes[0]
        self.config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map=models)

    def run(self, steps: int) -> None:
        self.network.run(condition=RunSteps(num_steps=steps), run_cfg=self.config)

    def spikes(self) -> tuple[Any, Any]:
        when, who = np.nonzero(graph._stores[self.sink.id][: self.done])
        return when, who


if __name__ == "__main__":
    serve(Lava)
