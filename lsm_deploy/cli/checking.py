"""`ci`: specs held to what is promised of them."""

from __future__ import annotations

from pathlib import Path

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, check_target, common_options, examples, main
from lsm_deploy.parity.suite import GENERATION
from lsm_deploy.report.suites import junit_xml, report_suites
from lsm_deploy.spec import PROMISES
from lsm_deploy.store.whole import write_text


@main.command(
    name="ci",
    epilog=examples(
        "ci --update liquid.yaml    # record what holds now",
        "ci liquid.yaml --junit checks.xml",
    ),
)
@click.argument("files", metavar="SPEC...", type=FILE, nargs=-1, required=True)
@click.option("--update", is_flag=True, help=f"Record what holds now in {PROMISES}, and say what changed.")
@click.option("--junit", type=FILE, help="Write the checks as JUnit XML.")
@click.option(
    "--board/--no-board",
    default=None,
    help=f"Run on a Loihi 2 board as well; by default where {GENERATION} says that there is one.",
)
@click.option(
    "--skip-missing", is_flag=True, help="Skip, and do not fail, what needs data or a backend that is not here."
)
@common_options
def ci_command(
    output: Output, files: tuple[Path, ...], update: bool, junit: Path | None, board: bool | None, skip_missing: bool
) -> None:
    """Hold each SPEC to what is promised of it; exit status 1 if a check fails.

    It compiles to the recorded program, all backends that are here agree in every spike and register, and accuracy and
    resources keep to their bounds, which stand in a file beside the specs (lsm-ci.yml): `lsm-deploy manual ci`.
    """
    if junit is not None:
        check_target(junit, *files)
    suites = api.run_suites(files, board=board, skip_missing=skip_missing, record=update, stages=output.progress)
    shown = report_suites(suites, api.record_promises(suites) if update else {})
    if junit is not None:
        write_text(junit, junit_xml(suites))
    output.show(shown)
    if junit is not None:
        output.say(f"wrote {junit}")
    if not shown.facts["ok"]:
        click.get_current_context().exit(1)
