"""`diagnose`: what a liquid separates, remembers, forgets and amplifies, before and after quantisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, common_options, examples, main
from lsm_deploy.cli.drawing import PICTURE_OPTION, check_drawing, drawn
from lsm_deploy.cli.options import BACKEND_OPTION, names_in, workers_options
from lsm_deploy.measure.diagnosis import SAMPLES
from lsm_deploy.report.diagnoses import report_diagnosis


@main.command(
    name="diagnose",
    epilog=examples(
        "diagnose liquid.yaml --samples 6 --picture states.png",
        "diagnose liquid.yaml --knows --after 0,20,60 --last 20 --picture memory.png",
    ),
)
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@PICTURE_OPTION
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=SAMPLES,
    show_default=True,
    help="Show it so many samples of its training data, or of Poisson input; --knows asks about up to 500.",
)
@click.option("--train", "train_file", type=FILE, help="Training data to show, instead of the spec's.")
@click.option("--seed", type=click.IntRange(0), help="Of generated input, instead of the spec's.")
@click.option("--knows", is_flag=True, help="Ask what it still knows of what is past, beside what has no liquid.")
@click.option("--after", metavar="MS,MS,...", help="Ask about what ended so long ago; see below.")
@click.option(
    "--last",
    "last_ms",
    metavar="MS",
    type=click.FloatRange(0, min_open=True),
    help="Read the messages of so long; 10 frames, of graded neurons 1.",
)
@BACKEND_OPTION
@workers_options
@common_options
def diagnose_command(
    output: Output,
    file: Path,
    drawing: Path | None,
    train_file: Path | None,
    after: str | None,
    workers: int,
    cluster: str | None,
    **options: Any,
) -> None:
    """Examine a liquid: separation, ranks, memory, echo states, chaos; float and deployed side by side.

    --knows asks which sample it was, --after so many ms of rest after its end, and which frames ended so long ago while
    others go on. Left out, these are 8 delays of up to 60 frames, of graded neurons 10 of up to 50. Times are the
    network's own: see `frame_ms` of the encoder.
    """
    check_drawing(drawing, file, train_file)
    if not options["knows"] and (after is not None or options["last_ms"] is not None):
        raise click.UsageError("--after and --last go with --knows")
    after_ms = None if after is None else _delays(after)
    made = api.compile_any(file)
    if train_file is not None and made.spec is None:
        raise click.UsageError("--train belongs to a spec: a program does not say how data become its input")
    with api.workers(workers, cluster) as executor, output.progress("examining") as progress:
        diagnosis = api.diagnose(
            made, train=train_file, after_ms=after_ms, progress=progress, executor=executor, **options
        )
    shown = report_diagnosis(diagnosis)
    output.show(shown + drawn(drawing, shown))


def _delays(text: str) -> tuple[float, ...]:
    try:
        return tuple(map(float, names_in(text)))
    except ValueError:
        raise click.UsageError(f"--after takes numbers between commas, such as 0,100,250, and not {text!r}") from None
