"""`doctor`: what is here, what is missing, and the command that mends it."""

from __future__ import annotations

import click

import lsm_deploy as api
from lsm_deploy.cli.app import Output, common_options, examples, main
from lsm_deploy.report.installation import report_installation


@main.command(
    name="doctor",
    epilog=examples(
        "doctor",
    ),
)
@common_options
def doctor_command(output: Output) -> None:
    """Say what is here: Python, packages, extras, backends, compilers, caches, memory; and what mends what is not.

    Exit status 1 if something that was installed is broken, and 0 where something is merely missing.
    """
    findings = api.examine()
    output.show(report_installation(findings))
    if any(each.state == "broken" for each in findings):
        click.get_current_context().exit(1)
