"""Backend `lava`: Intel's own CPU models of Loihi 2, bit-accurate, in one child process a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsm_backends.lava import child, job
from lsm_backends.lava.export import export_jobs
from lsm_backends.lava.pairs import Apart, apart
from lsm_backends.lava.replay import script
from lsm_deploy.core.errors import BackendError, raise_all
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.limits import Limits, beyond
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.samples import LongRun, run_side_by_side
from lsm_deploy.core.temporary import temporary_folder

__all__ = ["LIMITS", "carry_out", "export", "missing", "run", "script", "time_limit_of"]

LIMITS = Limits(kinds=job.KINDS)
_WHERE = "backend 'lava'"
_GRAPH = Path(__file__).with_name("graph.py")
_MAX_CELLS = 1 << 27
"""Recorded numbers that one run may leave, half a gigabyte of them; samples beyond that run batch after batch."""
_MAX_NEURONS = 20_000
"""Neurons in one run: the time of a step grows with them, while starting Lava takes two seconds."""


def missing() -> str | None:
    """Says why Lava cannot run here, and the way out; None if it can."""
    return child.missing(child.LAVA)


def run(
    program: Program,
    stimulus: Stimulus,
    record: Sequence[str] = (),
    progress: Progress | None = None,
    *,
    time_limit: float | None = None,
) -> Trace:
    """Run every sample; fresh ones side by side. `time_limit` is in seconds, for each of Lava's runs."""
    raise_all(beyond("lava", LIMITS, program.network))
    longest = int(np.diff(stimulus.starts, append=len(stimulus.spikes)).max())

    def once(long_run: LongRun) -> tuple[Messages, dict[str, NDArray[np.int32]], dict[str, int]]:
        task, group, copied = _task(long_run, record)
        steps, neurons = len(long_run.spikes), copied.network.neurons
        spikes = np.zeros((steps, neurons), long_run.network.message_type)
        registers = {name: np.zeros((steps, neurons), np.int32) for name in record}
        if not steps:
            return spikes[:, copied.neurons], {n: values[:, copied.neurons] for n, values in registers.items()}, {}
        results = carry_out(task, child.seconds(time_limit, time_limit_of(task)), _WHERE)
        for i, process in enumerate(task.neurons):
            members = np.flatnonzero(group == i)
            spikes[:, members] = results[f"spikes{i}"]
            for name in process.record:
                registers[name][:, members] = results[f"{name}{i}"]
        return spikes[:, copied.neurons], {n: values[:, copied.neurons] for n, values in registers.items()}, {}

    together = min(_MAX_NEURONS, _MAX_CELLS // (max(longest, 1) * (1 + len(record))))
    return run_side_by_side(program, stimulus, record, once, together, progress)


def export(
    program: Program, stimulus: Stimulus, folder: Path, record: Sequence[str] = ()
) -> dict[str, NDArray[np.int64]]:
    """Write what runs every sample elsewhere, and say what takes its results apart (see `export.py`)."""
    raise_all(beyond("lava", LIMITS, program.network))

    def write(long_run: LongRun, where: Path) -> dict[str, NDArray[np.int64]]:
        task, group, copied = _task(long_run, record)
        job.write(task, where)
        return {"group": group, "kept": copied.neurons}

    return export_jobs(program, stimulus, folder, "cpu", write, _MAX_NEURONS)


def _task(long_run: LongRun, record: Sequence[str]) -> tuple[job.Job, NDArray[np.int64], Apart]:
    """The job, the process of each of its neurons, and how these are copies: a repeated pair costs no process here."""
    copied = apart(long_run.network)
    neurons, group = job.neurons_of(copied.network, record)
    task = job.Job(
        input=long_run.spikes[:, copied.channels],
        neurons=neurons,
        connections=job.tied(job.connections(copied.network, group), len(neurons)),
        config="sim",
        reset_interval=copied.network.sample_interval,
    )
    return task, group, copied


def carry_out(task: job.Job, limit: float, where: str) -> dict[str, NDArray[np.int32]]:
    """Run a job in a child process of its own, and leave nothing behind."""
    try:
        with temporary_folder("lsm-lava-") as folder:
            job.write(task, folder)
            child.run_script(_GRAPH, folder, limit, where)
            return job.read(task, folder, where)
    except OSError as error:
        hint = "free some space where temporary files go, or set TMPDIR to another folder"
        raise BackendError(f"Lava's job cannot be written: {error.strerror}", where=where, hint=hint) from None


def time_limit_of(task: job.Job) -> float:
    """Seconds that no run of this job should need: a minute, and ten times what a step was measured to take."""
    per_step = 2e-3 + 1e-6 * sum(neurons.size for neurons in task.neurons)
    for connection in task.connections:
        matrices = 1 + 2 * int(connection.delays.max(initial=0))
        per_step += matrices * (3e-4 + 2e-8 * len(connection.post))
    return 60 + 10 * per_step * len(task.input)
