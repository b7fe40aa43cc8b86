"""`quantise-report`: what quantisation did to a liquid."""

from __future__ import annotations

from pathlib import Path

import click

from lsm_deploy import report
from lsm_deploy.cli.app import FILE, Output, common_options, main, output_of
from lsm_deploy.cli.subject import Subject, stimulus_of, subject_of
from lsm_deploy.compile.pipeline import DEFAULT, Compiled, compile_built
from lsm_deploy.core.boards import BOARDS, NOWHERE
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Network
from lsm_deploy.data import front
from lsm_deploy.measure import fidelity
from lsm_deploy.report import pictures as picture

SAMPLES = 50
"""Samples that spikes are compared on, of more; accuracy is that of all."""


@main.command(name="quantise-report")
@click.argument("file", metavar="SPEC|NET.npz", type=FILE)
@click.option("--input", "input_file", type=FILE, help="A stimulus (.npz) to compare on, instead of the spec's data.")
@click.option(
    "--samples", type=click.IntRange(1), default=SAMPLES, show_default=True, help="Compare spikes on so many samples."
)
@click.option("--pictures", "folder", type=FILE, help="A folder for pictures (.png).")
@click.option("--fit-bits", "bound", metavar="CRITERION:MOST", help="Find the fewest bits: see below.")
@common_options()
def quantise_report_command(
    file: Path,
    input_file: Path | None,
    samples: int,
    folder: Path | None,
    bound: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Say what quantisation did: float and deployed liquid side by side.

    --fit-bits finds the fewest bits a weight that keep a bound: distance:0.1 (the relative spike distance),
    accuracy:1.0 (points lost with the readout of the float liquid), or retrained:1.0 (with one of its own).
    """
    output = output_of(as_json, quiet)
    wanted = fidelity.Bound.parse(bound) if bound is not None else None
    subject = subject_of(file)
    if subject.compiled is None:
        raise LsmError("this is compiled already: its floats are gone", where=str(file), hint="give a spec")
    compiled, seed = subject.compiled, subject.spec.seed if subject.spec else 0
    stimulus, words = stimulus_of(subject, input_file, samples)
    output.console.print(f"stimulus: {words}")
    with output.progress("the float liquid") as progress:
        baseline = fidelity.baseline_of(compiled.network, stimulus, seed, progress=progress)
    found = fidelity.measure_fidelity(baseline, compiled.program)
    taught = _taught(output, subject)
    scores = fidelity.measure_transfer(taught, compiled.program) if taught else None
    facts = report.fidelity_facts(compiled, found, scores)
    report.show_fidelity(output.console, found, facts)
    if scores:
        report.show_transfer(output.console, scores)
    fitted = None
    if wanted is not None:
        board, how = BOARDS[compiled.program.target], subject.spec.quantise if subject.spec else DEFAULT

        def compile_again(network: Network) -> Compiled:
            return compile_built(network, NOWHERE.name, how)  # more bits than it has now may not fit its board

        with output.progress("fitting bits") as progress:
            fitted = fidelity.fit_bits(compile_again, wanted, baseline, taught, progress, board)
        facts["fit_bits"] = report.fitted_facts(fitted)
        report.show_fitted(output.console, fitted)
    if folder is not None:
        names = picture.draw_fidelity(folder, baseline, compiled.program.network, found)
        if fitted is not None:
            picture.draw_curve(folder / "fit_bits.png", fitted)
            names = (*names, "fit_bits.png")
        facts["pictures"] = [str(folder / name) for name in names]
        output.console.print(f"wrote {', '.join(names)} to {folder}/")
    output.facts(facts)


def _taught(output: Output, subject: Subject) -> fidelity.Taught | None:
    spec, compiled = subject.spec, subject.compiled
    if spec is None or spec.data is None or not spec.data.named or spec.readout is None or compiled is None:
        return None
    train, test = front.load_data(spec)
    with output.progress("training on the float liquid") as progress:
        return fidelity.teach(spec, compiled.network, compiled.program, train, test, progress)
