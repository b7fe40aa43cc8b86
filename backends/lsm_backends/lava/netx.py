"""Backend `netx`: the vendor's second implementation, lava-dl's netx, which builds a network from a `.net` file.

    Program --layered--> layers --netx_graph.py, in a child process of its own Python--> Trace

lava-dl needs torch < 2.4 and Python 3.10: five gigabytes, in an environment of its own (`make lava-dl`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsm_backends.lava import child
from lsm_backends.lava.job import read_result
from lsm_deploy.core.archives import save_arrays
from lsm_deploy.core.errors import BackendError, raise_all
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.layered import Layer, beyond_layers, file_of, layers_of
from lsm_deploy.core.limits import Limits, beyond
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.samples import LongRun, run_side_by_side
from lsm_deploy.core.temporary import temporary_folder

__all__ = ["LIMITS", "missing", "run"]

LIMITS = Limits(further=beyond_layers)
_WHERE = "backend 'netx'"
_GRAPH = Path(__file__).with_name("netx_graph.py")
_MAX_NEURONS = 1000
"""Neurons in one run: matrices are dense, and grow with their square, while starting lava-dl takes many seconds."""


def missing() -> str | None:
    """Says why lava-dl cannot run here, and the way out; None if it can."""
    return child.missing(child.LAVA_DL)


def run(
    program: Program,
    stimulus: Stimulus,
    record: Sequence[str] = (),
    progress: Progress | None = None,
    *,
    time_limit: float | None = None,
) -> Trace:
    """Run every sample, side by side. `time_limit` is in seconds, for each of netx's runs."""
    raise_all(beyond("netx", LIMITS, program.network))

    def once(long_run: LongRun) -> tuple[Messages, dict[str, NDArray[np.int32]], dict[str, int]]:
        network, steps = long_run.network, len(long_run.spikes)
        layers = layers_of(network)
        spikes = np.zeros((steps, network.neurons), network.message_type)
        registers = {name: np.zeros((steps, network.neurons), np.int32) for name in record}
        if not steps:
            return spikes, registers, {}
        cells = sum(layer.weight.size * (1 + 2 * int(layer.delay.max(initial=0))) for layer in layers)
        limit = child.seconds(time_limit, 180 + 10 * steps * (2e-3 * len(layers) + 2e-8 * cells))
        results = _carry_out(layers, long_run.spikes, record, limit)
        for i, layer in enumerate(layers):
            spikes[:, layer.neurons] = results[f"spikes{i}"]
            for name in record:
                registers[name][:, layer.neurons] = results[f"{name}{i}"]
        return spikes, registers, {}

    return run_side_by_side(program, stimulus, record, once, _MAX_NEURONS, progress)


def _carry_out(
    layers: Sequence[Layer], spikes: Messages, record: Sequence[str], limit: float
) -> dict[str, NDArray[np.int32]]:
    """Run layers in a child process of its own, and leave nothing behind."""
    names = ("spikes", *record)
    shapes = {f"{name}{i}": (len(spikes), len(layer.neurons)) for i, layer in enumerate(layers) for name in names}
    try:
        with temporary_folder("lsm-netx-") as folder:
            save_arrays(folder / "arrays.npz", {"input": spikes, **file_of(layers)})
            (folder / "job.json").write_text(json.dumps({"record": list(record)}), encoding="utf-8")
            child.run_script(_GRAPH, folder, limit, _WHERE, child.LAVA_DL)
            return read_result(folder, shapes, _WHERE, child.LAVA_DL)
    except OSError as error:
        hint = "free some space where temporary files go, or set TMPDIR to another folder"
        raise BackendError(f"netx's job cannot be written: {error.strerror}", where=_WHERE, hint=hint) from None
