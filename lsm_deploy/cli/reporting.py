"""`report`: one page of all that is known of a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, check_target, common_options, examples, main
from lsm_deploy.cli.options import BACKEND_OPTION, INPUT_OPTION, names_in
from lsm_deploy.report.page import SAMPLES, report_page
from lsm_deploy.report.parts import PARTS


@main.command(
    name="report",
    epilog=examples(
        "report liquid.yaml -o report.html --backends emulator,fast",
        "report liquid.lsm --without parity --samples 2",
    ),
)
@click.argument("file", metavar="SPEC|FILE", type=FILE)
@click.option(
    "-o", "--output", "target", type=FILE, default="report.html", show_default=True, help="The page to write (.html)."
)
@click.option("--without", multiple=True, type=click.Choice(list(PARTS)), help="A part to leave out; once for each.")
@click.option("--backends", "names", default="", help="Those to compare; else all that are here and can run it.")
@click.option("--samples", type=click.IntRange(1), default=SAMPLES, show_default=True, help="Run so many samples.")
@INPUT_OPTION
@BACKEND_OPTION
@common_options
def report_command(
    output: Output,
    file: Path,
    target: Path,
    without: Sequence[str],
    names: str,
    input_file: Path | None,
    **options: Any,
) -> None:
    """Write a page on a spec, a program, a model or a trace: what it is, does, answers and costs, and who agrees; or on
    the folder of a sweep.

    The page is one file, which asks no network for anything. What cannot be had here is said in its place.
    """
    check_target(target, file, input_file)
    asked = {"without": without, "on": names_in(names), "input_file": input_file, **options}
    page = api.page_of(file, stages=output.progress, **asked)
    with output.progress("drawing"):
        api.save_page(target, page)
    output.show(report_page(page), written=str(target))
    output.say(f"wrote {target}")
