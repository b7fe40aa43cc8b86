"""`certify`: what no input can do to a program, and what a search for such an input came to."""

from __future__ import annotations

from pathlib import Path

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, check_target, common_options, examples, main
from lsm_deploy.report.certificates import report_certificate


@main.command(
    name="certify",
    epilog=examples(
        "certify liquid.lsm",
        "certify liquid.yaml --attack 2 -o closest.npz",
    ),
)
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@click.option("--attack", "rounds", type=click.IntRange(0), default=0, help="Search for so many rounds of 32 inputs.")
@click.option("--neuron", type=click.IntRange(0), help="The neuron to search for; else the one closest to its bound.")
@click.option("-o", "--output", "target", type=FILE, help="Where to write the closest input found (.npz).")
@common_options
def certify_command(output: Output, file: Path, rounds: int, neuron: int | None, target: Path | None) -> None:
    """Prove which neurons no input can overflow, and search for the input that comes closest."""
    if target is not None:
        check_target(target, file)
    if not rounds and (neuron is not None or target is not None):
        raise click.UsageError("--neuron and --output belong to a search: give --attack as well")
    with output.progress("searching") as progress:
        certification = api.certify_any(file, rounds, neuron, progress)
    if target is not None and certification.attack is not None:
        api.save_stimulus(target, certification.attack.closest)
    output.show(report_certificate(certification.program, certification.certificate, certification.attack))
    if target is not None:
        output.say(f"wrote {target}")
