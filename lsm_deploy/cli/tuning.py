"""`tune`, `search`: what makes a liquid good, found on training data and written into its spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, check_target, common_options, examples, main
from lsm_deploy.cli.options import BACKEND_OPTION, workers_options
from lsm_deploy.report.blocks import Line, Report
from lsm_deploy.report.tuning import report_search, report_tuning


@main.command(
    name="tune",
    epilog=examples("tune liquid.yaml --rate 40 -o tuned.yaml"),
)
@click.argument("file", metavar="SPEC", type=FILE)
@click.option("-o", "--output", "target", type=FILE, required=True, help="The tuned spec to write.")
@click.option("--rate", "rate_hz", type=float, metavar="HZ", help="Bring its neurons to this mean rate.")
@click.option("--branching", type=float, metavar="RATIO", help="Bring its activity to this branching ratio.")
@click.option("--level", type=float, metavar="SHARE", help="Of graded neurons: bring their mean message to this share.")
@click.option("--population", metavar="NAME", help="The population to tune, instead of the one that is read.")
@click.option("--train", type=FILE, help="Data to tune on, instead of the spec's training data.")
@click.option("--strict", is_flag=True, help="Write nothing, and fail, where the nearest is not within 10 % (or 0.05).")
@BACKEND_OPTION
@common_options
def tune_command(output: Output, file: Path, target: Path, train: Path | None, **options: Any) -> None:
    """Find the gains that bring a liquid to a firing rate, a branching ratio or both, or a graded one to a level.

    A level is the mean magnitude of a message, of the largest that there can be. Measured on the integers as they would
    be deployed. Where the input's gain does not bring about what is asked for, inhibition and then recurrent excitation
    are turned as well. The spec is written anew with the gains that come nearest, and nothing else changed; a note says
    where that is not near (`met` is false in --json), and what keeps it.
    """
    check_target(target, file, train)
    with output.progress("tuning") as progress:
        tuned = api.tune_file(file, target, train=train, progress=progress, **options)
    output.show(report_tuning(tuned) + Report((Line(f"wrote {target}"),), {"written": str(target)}))


@main.command(
    name="search",
    epilog=examples(
        "search liquid.yaml --space space.yaml --trials 2 --journal trials.log -o best.yaml",
    ),
)
@click.argument("file", metavar="SPEC", type=FILE)
@click.option("-o", "--output", "target", type=FILE, required=True, help="The spec to write, with the best values.")
@click.option("--trials", type=click.IntRange(1), required=True, help="How many trials the journal is to have in all.")
@click.option("--journal", type=FILE, help="The file where trials are kept; the same command goes on with it.")
@click.option("--storage", metavar="URL", help="A database instead: postgresql://USER@HOST/DATABASE, sqlite:///FILE.")
@click.option("--study", metavar="NAME", help="The search's name in a database.  [default: lsm-deploy search]")
@click.option("--space", type=FILE, help="What may vary, instead of the spec's section `search`.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the search, not of the liquid.")
@click.option("--train", type=FILE, help="Labelled data to judge on, instead of the spec's.")
@click.option(
    "--liquid-seeds", type=click.IntRange(1), default=1, show_default=True, help="Judge each trial on so many liquids."
)
@click.option(
    "--at-once",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Propose so many trials, judged side by side.",
)
@BACKEND_OPTION
@workers_options
@common_options
def search_command(
    output: Output,
    file: Path,
    target: Path,
    journal: Path | None,
    space: Path | None,
    train: Path | None,
    workers: int,
    cluster: str | None,
    **options: Any,
) -> None:
    """Search for values of a spec by cross-validation on its training data alone.

    A killed search goes on where it was: a trial under way is all that is lost. The same command given several times
    at once, here or where the journal is seen too, is one search: its processes divide the trials that are proposed
    --at-once, and each finds what one alone would find.
    """
    check_target(target, file, train, space)
    if journal is not None:
        check_target(journal, file, train, space, target)
    with api.workers(workers, cluster) as executor, output.progress("searching", lasting=True) as progress:
        result = api.search_file(
            file, target, journal=journal, space=space, train=train, progress=progress, executor=executor, **options
        )
    output.show(report_search(result) + Report((Line(f"wrote {target}"),), {"written": str(target)}))
