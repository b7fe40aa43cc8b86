"""`diagnose`: what a liquid separates, remembers, forgets and amplifies, before and after quantisation."""

from __future__ import annotations

from pathlib import Path

import click

import lsm_deploy as api
from lsm_deploy import report, store
from lsm_deploy import spec as specs
from lsm_deploy.cli.app import FILE, check_target, common_options, main, output_of
from lsm_deploy.cli.options import BACKEND_OPTION
from lsm_deploy.cli.subject import subject_of
from lsm_deploy.data import front
from lsm_deploy.measure.diagnosis import SAMPLES
from lsm_deploy.report import pictures as picture


@main.command(name="diagnose")
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@click.option("--picture", "picture_file", type=FILE, help="Draw the states' trajectories (.png).")
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
@common_options()
def diagnose_command(
    file: Path,
    picture_file: Path | None,
    samples: int,
    train_file: Path | None,
    seed: int | None,
    backend: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Examine a liquid: separation, ranks, memory, echo states, chaos; float and deployed side by side."""
    output = output_of(as_json, quiet)
    if picture_file is not None:
        check_target(picture_file, file)
    if store.kind_of(file) == "text":
        spec = specs.load(file)
        subject: specs.Spec | api.Compiled | api.Program = spec
        train = front.load(train_file, spec) if train_file is not None else None
    else:
        given = subject_of(file)
        subject, train = given.compiled or given.program, None
        if train_file is not None:
            raise click.UsageError("--train belongs to a spec: a program does not say how data become its input")
    with output.progress("examining") as progress:
        found = api.diagnose(subject, train=train, samples=samples, seed=seed, backend=backend, progress=progress)
    report.show_diagnosis(output.console, found)
    facts = found.to_json()
    if picture_file is not None:
        picture.draw_states(picture_file, found)
        facts["picture"] = str(picture_file)
        output.console.print(f"wrote {picture_file}")
    output.facts(facts)
