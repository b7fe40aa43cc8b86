"""`quantise-report`: what quantisation did to a liquid."""

from __future__ import annotations

from pathlib import Path

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, common_options, examples, main
from lsm_deploy.cli.drawing import PICTURE_OPTION, check_drawing, drawn
from lsm_deploy.cli.options import workers_options
from lsm_deploy.measure import fidelity
from lsm_deploy.report.blocks import Report
from lsm_deploy.report.fidelity import report_fidelity, report_fitted


@main.command(
    name="quantise-report",
    epilog=examples(
        "quantise-report liquid.yaml --pictures pictures",
        "quantise-report liquid.yaml --fit-bits distance:0.3",
    ),
)
@click.argument("file", metavar="SPEC|NET.npz", type=FILE)
@click.option("--input", "input_file", type=FILE, help="A stimulus (.npz) to compare on, instead of the spec's data.")
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=fidelity.SAMPLES,
    show_default=True,
    help="Compare spikes on so many samples.",
)
@PICTURE_OPTION
@click.option("--fit-bits", "bound", metavar="CRITERION:MOST", help="Find the fewest bits: see below.")
@workers_options
@common_options
def quantise_report_command(
    output: Output,
    file: Path,
    input_file: Path | None,
    samples: int,
    drawing: Path | None,
    bound: str | None,
    workers: int,
    cluster: str | None,
) -> None:
    """Say what quantisation did: float and deployed liquid side by side.

    --fit-bits finds the fewest bits a weight that keep a bound: distance:0.1 (the relative spike distance),
    accuracy:1.0 (points lost with the readout of the float liquid), or retrained:1.0 (with one of its own).
    """
    check_drawing(drawing, file, input_file)
    if bound is None and (workers or cluster is not None):
        raise click.UsageError("--workers and --cluster go with --fit-bits")
    wanted = fidelity.Bound.parse(bound) if bound is not None else None
    made = api.compile_any(file)
    stimulus, words = api.stimulus_for(made, input_file, samples)
    output.say(f"stimulus: {words}")
    quantisation = api.measure_quantisation(made, stimulus, output.progress)
    shown = report_fidelity(quantisation)
    output.say(*shown.blocks)
    if wanted is not None:
        with api.workers(workers, cluster) as executor:
            fitted = report_fitted(api.fit_weight_bits(quantisation, wanted, output.progress, executor=executor))
        output.say(*fitted.blocks)
        shown += Report(fitted.blocks, {"fit_bits": dict(fitted.facts)})
    files = drawn(drawing, shown)
    output.say(*files.blocks)
    output.facts({**shown.facts, **files.facts})
