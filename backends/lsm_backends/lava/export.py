"""Jobs for `graph.py` that run elsewhere: files of their own, and what takes their results apart there.

any_python.py  graph.py  models.py  graded_li/  lif_subtract/
cpu/0, cpu/1, ...  board/0, ...      a job each: job.json, arrays.npz (see `job.py`)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.samples import LongRun, run_side_by_side

__all__ = ["export_jobs"]


def export_jobs(
    program: Program,
    stimulus: Stimulus,
    folder: Path,
    name: str,
    write: Callable[[LongRun, Path], dict[str, NDArray[Any]]],
    together: int,
) -> dict[str, NDArray[Any]]:
    """Write a job for each long run to `folder/name`, and say where each sample's rows and neurons are in them.

    For each part of the trace: `parts` is job, first row, last row + 1; `columns` `[part, neuron]` its columns there.
    What `write` returns of a job bears its number.
    """
    made: list[dict[str, NDArray[Any]]] = []

    def once(long_run: LongRun) -> tuple[Messages, dict[str, NDArray[np.int32]], dict[str, int]]:
        where = folder / name / str(len(made))
        where.mkdir(parents=True)
        made.append(write(long_run, where))
        shape = (len(long_run.spikes), long_run.network.neurons)
        # Nothing runs here: what comes back in the place of registers says where everything will be.
        column = np.broadcast_to(np.arange(shape[1], dtype=np.int32), shape)
        return np.zeros(shape, np.int8), {"job": np.full(shape, len(made) - 1, np.int32), "column": column.copy()}, {}

    where = run_side_by_side(program, stimulus, ("job", "column"), once, together).registers
    starts = np.zeros(1, np.int64) if program.network.sample_interval else stimulus.starts
    stops = np.append(starts[1:], len(stimulus.spikes))
    own = [f"{process}/{file}" for process in ("graded_li", "lif_subtract") for file in ("__init__.py", "process.py")]
    for file in ("any_python.py", "graph.py", "models.py", *own):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes((Path(__file__).parent / file).read_bytes())
    return {
        f"{name}.parts": np.stack([where["job"][starts, 0], starts, stops], axis=1),
        f"{name}.columns": where["column"][starts],
        **{f"{name}.{key}.{i}": values for i, facts in enumerate(made) for key, values in facts.items()},
    }
