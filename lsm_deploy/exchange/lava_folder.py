"""A program for a host that has Lava, or a board, and nothing of this project; its trace comes back to `parity`.

    run.py  graph.py  models.py  layout.npz  README.txt
    cpu/0, cpu/1, ...      jobs for Lava's CPU models: job.json, arrays.npz (see `lsm_backends/lava/job.py`)
    board/0, ...           the same for Loihi 2, where the program can run there

The graph is the one that the backends `lava` and `loihi2` build: their files, copied. `run.py` is `script.py` here.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.core.samples import LongRun, run_side_by_side
from lsm_deploy.run import backends as backend
from lsm_deploy.store import make_folder, program_id, write_file

__all__ = ["export_lava"]

_TOGETHER = 20_000
"""Neurons in one run on the CPU; a board takes one sample at a time."""
_SCRIPT = "lsm_deploy.exchange.lava_script"
_COPIED = (_SCRIPT, "lsm_backends.lava.graph", "lsm_backends.lava.models")

_README = """\
Program {identity}: {neurons} neurons, {steps} steps in {samples} sample(s).

    python run.py                    Lava's CPU models; needs Python 3.10 with lava-nc 0.10.0 and nothing else
    python run.py --loihi2           a board (needs Intel's lava-loihi): --board NAME --partition NAME --host ADDRESS
                                     --generation N3B3{board}

Either writes trace.npz, which goes back to

    lsm-deploy parity FILE.lsm --input STIMULUS --trace trace.npz --registers
"""


def export_lava(folder: Path, program: Program, stimulus: Stimulus, record: Sequence[str]) -> None:
    """Write a folder that runs the program on the stimulus; an LsmError if Lava has no rule for a kind."""
    job: Any = importlib.import_module("lsm_backends.lava.job")
    pairs: Any = importlib.import_module("lsm_backends.lava.pairs")
    hardware: Any = importlib.import_module("lsm_backends.lava.hardware")
    network = program.network
    backend.check(["lava"], program)
    if not len(stimulus.spikes):
        raise LsmError("the stimulus has no steps", where="stimulus", hint="export a longer one")

    make_folder(folder)
    facts: dict[str, NDArray[Any]] = {
        "program": np.array(program_id(program)),
        "starts": stimulus.starts,
        "shape": np.array([len(stimulus.spikes), network.neurons]),
        "record": np.array(list(record)),
    }

    def on_cpu(long_run: LongRun, where: Path) -> dict[str, NDArray[Any]]:
        copied = pairs.apart(long_run.network)
        neurons, group = job.neurons_of(copied.network, record)
        connections = job.tied(job.connections(copied.network, group), len(neurons))
        spikes = long_run.spikes[:, copied.channels]
        job.write(job.Job(spikes, neurons, connections, "sim", network.sample_interval), where)
        return {"group": group, "kept": copied.neurons}

    def on_board(long_run: LongRun, where: Path) -> dict[str, NDArray[Any]]:
        task, groups, relayed = hardware.task(long_run, 0, dict.fromkeys(("board", "partition", "host", "generation")))
        job.write(task, where)
        group = np.zeros(long_run.network.neurons, np.int64)
        for number, chosen in enumerate(groups):
            group[chosen] = number
        return {"group": group, "relayed": relayed}

    facts |= _jobs(program, stimulus, folder / "cpu", on_cpu, _TOGETHER)
    refused = None
    try:
        hardware.check(program)
    except LsmError as error:
        refused = error.what
    else:
        facts |= _jobs(program, stimulus, folder / "board", on_board, 0)
        facts["moves_by_itself"] = np.array(hardware.moves_by_itself(network))
    write_file(folder / "layout.npz", lambda file: np.savez_compressed(file, **facts))
    for module in _COPIED:
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        name = "run.py" if module == _SCRIPT else Path(spec.origin).name
        _write_bytes(folder / name, Path(spec.origin).read_bytes())
    readme = _README.format(
        identity=facts["program"],
        neurons=network.neurons,
        steps=len(stimulus.spikes),
        samples=len(stimulus.starts),
        board="" if refused is None else f"\n                                     (not this program: {refused})",
    )
    _write_bytes(folder / "README.txt", readme.encode())


def _jobs(
    program: Program,
    stimulus: Stimulus,
    folder: Path,
    make: Callable[[LongRun, Path], dict[str, NDArray[Any]]],
    together: int,
) -> dict[str, NDArray[Any]]:
    """Write a job for each long run, and say where each sample's rows and neurons are in them.

    For each part of the trace: `parts` is job, first row, last row + 1; `columns` `[part, neuron]` its columns there.
    """
    made: list[dict[str, NDArray[Any]]] = []

    def once(long_run: LongRun) -> tuple[NDArray[np.int8], dict[str, NDArray[np.int32]], dict[str, int]]:
        where = folder / str(len(made))
        make_folder(where)
        made.append(make(long_run, where))
        shape = (len(long_run.spikes), long_run.network.neurons)
        # Nothing runs here: what comes back in the place of registers says where everything will be.
        column = np.broadcast_to(np.arange(shape[1], dtype=np.int32), shape)
        return np.zeros(shape, np.int8), {"job": np.full(shape, len(made) - 1, np.int32), "column": column.copy()}, {}

    where = run_side_by_side(program, stimulus, ("job", "column"), once, together).registers
    starts = np.zeros(1, np.int64) if program.network.sample_interval else stimulus.starts
    stops = np.append(starts[1:], len(stimulus.spikes))
    name = folder.name
    return {
        f"{name}.parts": np.stack([where["job"][starts, 0], starts, stops], axis=1),
        f"{name}.columns": where["column"][starts],
        **{f"{name}.{key}.{i}": values for i, found in enumerate(made) for key, values in found.items()},
    }


def _write_bytes(path: Path, data: bytes) -> None:
    write_file(path, lambda file: file.write(data))
