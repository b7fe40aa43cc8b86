"""`certify`: what no input can do to a program, and what a search for such an input came to."""

from __future__ import annotations

from pathlib import Path

import click

from lsm_deploy import report, store
from lsm_deploy.cli.app import FILE, check_target, common_options, main, output_of
from lsm_deploy.cli.subject import subject_of
from lsm_deploy.compile.certify.bounds import certify_network
from lsm_deploy.core.errors import LsmError
from lsm_deploy.measure.attack import attack


@main.command(name="certify")
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@click.option("--attack", "rounds", type=click.IntRange(0), default=0, help="Search for so many rounds of 32 inputs.")
@click.option("--neuron", type=click.IntRange(0), help="The neuron to search for; else the one closest to its bound.")
@click.option("-o", "--output", "target", type=FILE, help="Where to write the closest input found (.npz).")
@common_options()
def certify_command(
    file: Path, rounds: int, neuron: int | None, target: Path | None, as_json: bool, quiet: bool
) -> None:
    """Prove which neurons no input can overflow, and search for the input that comes closest."""
    output = output_of(as_json, quiet)
    if target is not None:
        check_target(target, file)
    if not rounds and (neuron is not None or target is not None):
        raise click.UsageError("--neuron and --output belong to a search: give --attack as well")
    subject = subject_of(file)
    network = subject.program.network
    if neuron is not None and neuron >= network.neurons:
        raise LsmError(f"there is no neuron {neuron}", where="--neuron", hint=f"take 0 to {network.neurons - 1}")
    proved = subject.compiled.certificate if subject.compiled else subject.certificate
    certificate = proved or certify_network(network)
    found = None
    if rounds:
        with output.progress("searching") as progress:
            found = attack(subject.program, certificate, rounds, neuron, progress=progress)
        if target is not None:
            store.save_stimulus(target, found.closest)
    output.facts(report.certificate_facts(subject.program, certificate, found))
    report.show_certificate(output.console, subject.program, certificate, found)
    if target is not None:
        output.console.print(f"wrote {target}")
