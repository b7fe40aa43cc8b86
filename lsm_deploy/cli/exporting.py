"""`export`: a program for what knows nothing of this project."""

from __future__ import annotations

from pathlib import Path

import click

from lsm_deploy import store
from lsm_deploy.cli.app import FILE, common_options, main, output_of
from lsm_deploy.cli.forensics import check_folder
from lsm_deploy.cli.options import BACKEND_OPTION
from lsm_deploy.cli.placing import trace_of
from lsm_deploy.cli.running import INPUT_OPTION, SAMPLES_OPTION
from lsm_deploy.cli.subject import stimulus_of, subject_of
from lsm_deploy.exchange.lava_folder import export_lava
from lsm_deploy.exchange.sanafe import export_sanafe


@main.command(name="export")
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@click.option("--lava", type=FILE, metavar="DIR", help="Scripts and arrays for a host that has Lava, or a board.")
@click.option("--sanafe", type=FILE, metavar="DIR", help="The placed program and a run's spikes for SANA-FE.")
@click.option("--trace", "trace_file", type=FILE, help="--sanafe: the spikes of this trace instead of a run.")
@BACKEND_OPTION
@INPUT_OPTION
@SAMPLES_OPTION
@common_options()
def export_command(
    file: Path,
    lava: Path | None,
    sanafe: Path | None,
    trace_file: Path | None,
    backend: str,
    input_file: Path | None,
    samples: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a program as a folder for a host that has Lava, or for SANA-FE, and nothing of this project."""
    output = output_of(as_json, quiet)
    folder = lava or sanafe
    if folder is None or (lava and sanafe):
        raise click.UsageError("give one of --lava DIR and --sanafe DIR")
    if lava and trace_file:
        raise click.UsageError("--trace belongs to --sanafe")
    check_folder(folder)
    subject = subject_of(file)
    stimulus, words = stimulus_of(subject, input_file, samples)
    output.console.print(f"stimulus: {words}")
    identity = store.program_id(subject.program)
    if sanafe:
        trace = trace_of(output, subject.program, stimulus, backend, trace_file)
        export_sanafe(folder, subject.program, stimulus, trace)
        then = "read README.txt there"
    else:
        export_lava(folder, subject.program, stimulus, subject.program.network.state_names)
        # The host has no spec, and its trace comes back to be compared on this very stimulus.
        store.save_program(folder / "program.lsm", subject.program)
        store.save_stimulus(folder / "stimulus.npz", stimulus)
        then = (
            "run `python run.py` there, bring trace.npz back, and compare it with\n"
            f"  lsm-deploy parity {folder}/program.lsm --input {folder}/stimulus.npz --trace trace.npz --registers"
        )
    output.facts({"program": identity, "stimulus": words, "folder": str(folder)})
    output.console.print(f"wrote {folder}/: {then}")
