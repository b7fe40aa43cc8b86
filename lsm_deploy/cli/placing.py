"""`resources`: what a run costs on a chip."""

from __future__ import annotations

from pathlib import Path

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, common_options, examples, main
from lsm_deploy.cli.drawing import PICTURE_OPTION, check_drawing, drawn
from lsm_deploy.cli.options import BACKEND_OPTION, INPUT_OPTION, SAMPLES_OPTION
from lsm_deploy.report.resources import report_resources


@main.command(
    name="resources",
    epilog=examples(
        "resources liquid.yaml",
        "resources liquid.yaml --trace trace.npz",
    ),
)
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@BACKEND_OPTION
@click.option("--trace", "trace_file", type=FILE, help="Count the events of this trace instead of running.")
@INPUT_OPTION
@SAMPLES_OPTION
@PICTURE_OPTION
@common_options
def resources_command(
    output: Output,
    file: Path,
    backend: str,
    trace_file: Path | None,
    input_file: Path | None,
    samples: int | None,
    drawing: Path | None,
) -> None:
    """Count what a run does on the chip, and model its energy and time on published figures."""
    check_drawing(drawing, file, trace_file, input_file)
    made = api.compile_any(file)
    stimulus, words = api.stimulus_for(made, input_file, samples)
    output.say(f"stimulus: {words}")
    trace = api.trace_of(made.program, stimulus, trace_file, backend, output.progress)
    resources = api.count_resources(made.program, stimulus, trace)
    shown = report_resources(resources)
    output.show(shown + drawn(drawing, shown), program=api.program_id(made.program), stimulus=words)
