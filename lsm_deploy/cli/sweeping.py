"""`sweep`, `robustness`: many liquids, or broken ones, each through the whole pipeline; results in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, check_folder, common_options, examples, main
from lsm_deploy.cli.drawing import PICTURE_OPTION, check_drawing, drawn
from lsm_deploy.cli.options import BACKEND_OPTION, workers_options
from lsm_deploy.report.sweeps import report_robustness, report_sweep
from lsm_deploy.spec.vary import assignments
from lsm_deploy.tune.sweeps.design import DESIGNS

VARY_OPTION = click.option(
    "--vary",
    multiple=True,
    metavar="PATH=VALUES",
    help="What varies, once for each path: A,B,C, LOW..HIGH, LOW..HIGH step S, LOW..HIGH log N (or linear N).",
)
FOLDER_OPTION = click.option(
    "--out", "folder", type=FILE, required=True, help="Where results are kept; the same command goes on with it."
)
SEEDS_OPTION = click.option(
    "--seeds", type=click.IntRange(1), default=1, show_default=True, help="Liquids a point: the spec's seed and on."
)
TRAIN_OPTION = click.option("--train", type=FILE, help="Data to train on, instead of the spec's.")
TEST_OPTION = click.option("--test", type=FILE, help="Data to test on, instead of the spec's.")


@main.command(
    name="sweep",
    epilog=examples(
        "sweep liquid.yaml --vary quantise.weight_bits=2..8 --out bits",
        "sweep liquid.yaml --vary populations.liquid.size=20,40 --vary 'projections.0.gain=0.5..2 log 3' --out sizes",
        "sweep liquid.yaml --vary 'projections.0.gain=0.5..2 log' --random 4 --design sobol --out gains",
    ),
)
@click.argument("file", metavar="SPEC", type=FILE)
@VARY_OPTION
@FOLDER_OPTION
@click.option("--random", type=click.IntRange(1), help="Draw so many points, instead of taking all combinations.")
@click.option("--design", type=click.Choice(DESIGNS), default="uniform", show_default=True, help="Of --random points.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of --random points.")
@SEEDS_OPTION
@click.option(
    "--on",
    type=click.Choice(["train", "test"]),
    default="train",
    show_default=True,
    help="Judge on held-out parts of the training data, or on test data, by which then nothing may be chosen.",
)
@TRAIN_OPTION
@TEST_OPTION
@PICTURE_OPTION
@BACKEND_OPTION
@workers_options
@common_options
def sweep_command(
    output: Output,
    file: Path,
    vary: Sequence[str],
    folder: Path,
    random: int | None,
    drawing: Path | None,
    workers: int,
    cluster: str | None,
    **options: Any,
) -> None:
    """Evaluate a spec with other values: accuracy or NRMSE, cores, synapse memory, spikes and energy.

    A killed sweep, or one whose disk was full, goes on where it was, and one with more values evaluates these alone.
    """
    check_folder(folder, None)
    check_drawing(drawing, file)
    values = assignments(vary, "--vary")
    with api.workers(workers, cluster) as executor, output.progress("sweeping", lasting=True) as progress:
        options |= {"progress": progress, "executor": executor}
        result = api.sweep(file, values, folder, random=random or 0, **options)
    shown = report_sweep(result)
    output.show(shown + drawn(drawing, shown))
    output.say(f"results are in {folder}/; `lsm-deploy report {folder}` makes a page of all of them")


@main.command(
    name="robustness",
    epilog=examples(
        "robustness liquid.yaml --out faults --draws 1",
        "robustness liquid.yaml --fault weight-bits=0.001,0.01 --fault 'dead-neurons=0.1..0.3 step 0.1' --out broken",
        "robustness liquid.yaml --fault stuck-synapses=0.2 --vary populations.liquid.size=20,40 --out sizes-broken",
    ),
)
@click.argument("file", metavar="SPEC", type=FILE)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND=STRENGTHS",
    help="What breaks, once for each kind, and how strongly; the usual ones, if left out. `lsm-deploy manual sweep`.",
)
@FOLDER_OPTION
@click.option(
    "--draws", type=click.IntRange(1, 1000), default=5, show_default=True, help="Of each fault, for each liquid."
)
@SEEDS_OPTION
@VARY_OPTION
@click.option("--retrain", is_flag=True, help="Train the readout again on each faulty liquid.")
@TRAIN_OPTION
@TEST_OPTION
@PICTURE_OPTION
@BACKEND_OPTION
@workers_options
@common_options
def robustness_command(
    output: Output,
    file: Path,
    faults: Sequence[str],
    vary: Sequence[str],
    folder: Path,
    drawing: Path | None,
    workers: int,
    cluster: str | None,
    **options: Any,
) -> None:
    """Break what a spec compiles to, and measure what its readout still gets right on test data.

    Bits of weights flip, synapses and neurons are lost or stuck, thresholds are off, input spikes are lost or late,
    cores are gone: each is another program, or stimulus, for the same exact engine. Results are kept as a sweep's are.
    """
    check_folder(folder, None)
    check_drawing(drawing, file)
    chosen, values = assignments(faults, "--fault"), assignments(vary, "--vary")
    with api.workers(workers, cluster) as executor, output.progress("breaking", lasting=True) as progress:
        options |= {"progress": progress, "executor": executor}
        result = api.robustness(file, folder, chosen or None, vary=values, **options)
    shown = report_robustness(result)
    output.show(shown + drawn(drawing, shown))
    output.say(f"results are in {folder}/; `lsm-deploy report {folder}` makes a page of all of them")
