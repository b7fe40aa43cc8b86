"""`resources`: what a run costs on a chip, and the trace that this is counted from."""

from __future__ import annotations

from pathlib import Path

import click

from lsm_deploy import report, store
from lsm_deploy.cli.app import FILE, Output, common_options, main, output_of
from lsm_deploy.cli.options import BACKEND_OPTION
from lsm_deploy.cli.running import INPUT_OPTION, SAMPLES_OPTION, run_backend
from lsm_deploy.cli.subject import stimulus_of, subject_of
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.measure.cost.resources import count_resources
from lsm_deploy.run import backends


@main.command(name="resources")
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@BACKEND_OPTION
@click.option("--trace", "trace_file", type=FILE, help="Count the events of this trace instead of running.")
@INPUT_OPTION
@SAMPLES_OPTION
@common_options()
def resources_command(
    file: Path,
    backend: str,
    trace_file: Path | None,
    input_file: Path | None,
    samples: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Count what a run does on the chip, and model its energy and time on published figures."""
    output = output_of(as_json, quiet)
    subject = subject_of(file)
    stimulus, words = stimulus_of(subject, input_file, samples)
    output.console.print(f"stimulus: {words}")
    trace = trace_of(output, subject.program, stimulus, backend, trace_file)
    found = count_resources(subject.program, stimulus, trace)
    identity = store.program_id(subject.program)
    output.facts({"program": identity, "stimulus": words, **report.resources_facts(found)})
    report.show_resources(output.console, found)


def trace_of(output: Output, program: Program, stimulus: Stimulus, backend: str, file: Path | None) -> Trace:
    """The trace in a file, which has to be of this program on this stimulus; without one, that of a run."""
    if file is None:
        backends.require(backend)
        return run_backend(output, backend, program, stimulus, (), {})
    recorded, identity = store.load_trace(file), store.program_id(program)
    if recorded.program and recorded.program != identity:
        what = f"the trace is of program {recorded.program}, this is {identity}"
        raise LsmError(what, where=str(file), hint="run it again on this program")
    steps, neurons = recorded.trace.spikes.shape
    if (steps, neurons) != (len(stimulus.spikes), program.network.neurons):
        expected = f"{len(stimulus.spikes)} of {program.network.neurons}"
        what = f"the trace has {steps} steps of {neurons} neurons, the run {expected}"
        raise LsmError(what, where=str(file), hint="give the --input that it was recorded with")
    return recorded.trace
