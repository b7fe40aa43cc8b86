"""`diagnose`: what a liquid separates, remembers, forgets and amplifies, before and after quantisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, common_options, examples, main
from lsm_deploy.cli.drawing import PICTURE_OPTION, check_drawing, drawn
from lsm_deploy.cli.options import BACKEND_OPTION, workers_options
from lsm_deploy.measure.diagnosis import SAMPLES
from lsm_deploy.report.diagnoses import report_diagnosis


@main.command(
    name="diagnose",
    epilog=examples("diagnose liquid.yaml --samples 6 --picture states.png"),
)
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@PICTURE_OPTION
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=SAMPLES,
    show_default=True,
    help="Show it so many samples of its training data, or of Poisson input.",
)
@click.option("--train", "train_file", type=FILE, help="Training data to show, instead of the spec's.")
@click.option("--seed", type=click.IntRange(0), help="Of generated input, instead of the spec's.")
@BACKEND_OPTION
@workers_options
@common_options
def diagnose_command(
    output: Output,
    file: Path,
    drawing: Path | None,
    train_file: Path | None,
    workers: int,
    cluster: str | None,
    **options: Any,
) -> None:
    """Examine a liquid: separation, ranks, memory, echo states, chaos; float and deployed side by side."""
    check_drawing(drawing, file, train_file)
    made = api.compile_any(file)
    if train_file is not None and made.spec is None:
        raise click.UsageError("--train belongs to a spec: a program does not say how data become its input")
    with api.workers(workers, cluster) as executor, output.progress("examining") as progress:
        diagnosis = api.diagnose(made, train=train_file, progress=progress, executor=executor, **options)
    shown = report_diagnosis(diagnosis)
    output.show(shown + drawn(drawing, shown))
