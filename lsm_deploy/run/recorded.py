"""The trace of a run that somebody looks at, or one that is there already: where a liquid is silent, it is said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsm_deploy.core.errors import LsmError, MisuseError
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.progress import Stages, silent
from lsm_deploy.run import backends
from lsm_deploy.run.extremes import warn_of_extremes
from lsm_deploy.store import load_trace_of

__all__ = ["trace_of"]


def trace_of(
    program: Program,
    stimulus: Stimulus,
    file: str | Path | None = None,
    backend: str = backends.DEFAULT,
    stages: Stages = silent,
    record: Sequence[str] = (),
    **options: Any,
) -> Trace:
    """The trace in a file, which has to be of this program on this stimulus; without one, that of a run.

    record, options: of the run, as `run_program` has them. An LsmWarning says where a population that ran is silent or
    saturated, and what to change by about how much.
    """
    if file is None:
        backend = backends.choose(backend, program)
        with stages(f"running on {backend}") as progress:
            trace = backends.run_program(backend, program, stimulus, record, progress, **options)
        warn_of_extremes(program, trace.spikes, stimulus)
        return trace
    if backend != backends.DEFAULT:
        raise MisuseError("there is a trace, and a backend to run on as well", hint="leave out one of them")
    trace = load_trace_of(program, file).trace
    steps, neurons = trace.spikes.shape
    if (steps, neurons) != (len(stimulus.spikes), program.network.neurons):
        expected = f"{len(stimulus.spikes)} of {program.network.neurons}"
        what = f"the trace has {steps} steps of {neurons} neurons, the run {expected}"
        raise LsmError(what, where=str(file), hint="give the stimulus that it was recorded with (--input)")
    return trace
