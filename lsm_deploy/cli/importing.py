"""`import`: a program from somebody else's network, or from weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, check_folder, check_target, common_options, examples, main
from lsm_deploy.core.activations import ACTIVATIONS
from lsm_deploy.core.boards import BOARD_NAMES
from lsm_deploy.core.errors import MisuseError, raise_all
from lsm_deploy.exchange import spec_folder
from lsm_deploy.exchange.networks import import_rates
from lsm_deploy.formats.networks import is_of_rates
from lsm_deploy.formats.nir_files.discretisation import IF_INPUTS, RESETS, SCHEMES, SOURCES
from lsm_deploy.report.programs import report_compiled
from lsm_deploy.report.readings import report_deployed


@main.command(
    name="import",
    epilog=examples(
        "import weights.npz --activation tanh -o reservoir.lsm",
        "import network.nir -o network.lsm",
    ),
)
@click.argument("file", metavar="FILE", type=FILE)
@click.option("-o", "--output", "target", type=FILE, required=True, help="The program file to write (.lsm).")
@click.option("--target", "board", type=click.Choice(BOARD_NAMES), default="oheo_gulch", help="The board.")
@click.option("--samples", type=FILE, help="Try it on these (.npz): `lsm-deploy manual import`.")
@click.option("--strict", is_flag=True, help="Let every loss be an error.")
@click.option("--from", "source", type=click.Choice(list(SOURCES)), help="NIR: who wrote it, for what it does not say.")
@click.option("--dt-ms", type=float, help="NIR: the step of its source; .net: of no consequence.")
@click.option("--scheme", type=click.Choice(SCHEMES), help="NIR: how its source made steps of time constants.")
@click.option("--reset", type=click.Choice(RESETS), help="NIR: what a spike does to the voltage, and when.")
@click.option("--if-input", type=click.Choice(IF_INPUTS), help="NIR: in what an IF takes its input.")
@click.option("--max-synapses", type=int, help="NIR: what may be multiplied out; ten million.")
@click.option("--weight-bits", type=int, help="8, or up to 15 for a coarse and a fine synapse each.")
@click.option("--activation", type=click.Choice(ACTIVATIONS), help="Weights: what a unit makes of its input.")
@click.option("--clip", nargs=2, type=float, metavar="LO HI", help="Weights: the ends of `clip`: 0 1.")
@click.option("--leak-rate", type=float, help="Weights: of its units, dt / tau; 1, or as the file says.")
@click.option("--recurrent", metavar="NAME", help="Weights: the layer from units to units, where several are.")
@click.option("--input-layer", "input", metavar="NAME", help="Weights: that from inputs to units, where several are.")
@click.option("--ignore", multiple=True, metavar="NAME", help="Weights: a layer or an array to leave out; repeatable.")
@click.option("--input-range", nargs=2, type=float, metavar="LO HI", help="Weights: the ends of the input: -1 1.")
@click.option("--state-range", type=float, help="Weights: the largest state, where the activation bounds none.")
@click.option("--spectral-radius", type=float, help="Weights: scale the recurrent ones to it.")
@click.option("--spec", "folder", type=FILE, metavar="DIR", help="Weights: a folder for a spec that says the same.")
@common_options
def import_command(
    output: Output,
    file: Path,
    target: Path,
    board: str,
    samples: Path | None,
    strict: bool,
    folder: Path | None,
    **given: Any,
) -> None:
    """Compile somebody else's network, with an account of what changed.

    FILE is a NIR graph (.nir), a network of lava-dl (.net), integers (.npz), or weights of a rate recurrence
    h = activation(W h + W_in x + bias): a state dict of torch (.pt), a .safetensors or an .npz of matrices [post, pre].
    Nothing in it is run.
    """
    check_target(target, file, samples)
    options = {name: value for name, value in given.items() if value not in (None, ())}
    if is_of_rates(file):
        what = "weights of rates are tried with `ld.run_float`"
        useless = [name for name, value in (("--samples", samples), ("--strict", strict)) if value]
        raise_all([MisuseError(what, where=name, hint=f"leave out {name}") for name in useless])
        _import_rates(output, file, target, board, folder, options)
        return
    if folder is not None:
        what = "these neurons are no spec: each has parameters of its own"
        raise MisuseError(what, where="--spec", hint="write `populations: {liquid: {from: FILE}}` into a spec")
    reading = api.read_network(file, **options)
    tried = api.load_samples(samples, reading) if samples is not None else None
    deployed = api.deploy(reading, board, samples=tried, strict=strict)
    api.save_program(target, deployed.compiled.program, deployed.compiled.certificate)
    output.show(report_deployed(deployed))
    output.say(f"wrote {target}")


def _import_rates(
    output: Output, file: Path, target: Path, board: str, folder: Path | None, options: dict[str, Any]
) -> None:
    if folder is not None:
        check_folder(folder, spec_folder.NAMES)
    imported = import_rates(file, options)
    compiled = api.compile_built(imported.network, board)
    api.save_program(target, compiled.program, compiled.certificate)
    if folder is not None:
        api.save_as_spec(folder, imported)
    output.show(report_compiled(compiled), notes=list(imported.notes))
    output.say(*imported.notes, f"wrote {target}" + (f" and {folder}/" if folder else ""))
