"""`import`: a program from somebody else's weights."""

from __future__ import annotations

from pathlib import Path

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, check_folder, check_target, common_options, main
from lsm_deploy.core.activations import ACTIVATIONS
from lsm_deploy.core.boards import BOARD_NAMES
from lsm_deploy.exchange import spec_folder
from lsm_deploy.report.programs import report_compiled


@main.command(name="import")
@click.argument("file", metavar="WEIGHTS", type=FILE)
@click.option("-o", "--output", "target", type=FILE, required=True, help="The program file to write (.lsm).")
@click.option("--activation", type=click.Choice(ACTIVATIONS), required=True, help="What a unit makes of its input.")
@click.option("--clip", nargs=2, type=float, metavar="LO HI", default=(0.0, 1.0), help="The ends of `clip`: 0 1.")
@click.option("--leak-rate", type=float, help="Of its units, dt / tau; 1, or as the file says.")
@click.option("--recurrent", default="", metavar="NAME", help="The layer from units to units, where several are.")
@click.option("--input-layer", default="", metavar="NAME", help="The layer from inputs to units, where several are.")
@click.option("--ignore", multiple=True, metavar="NAME", help="A layer or an array to leave out; repeatable.")
@click.option("--input-range", nargs=2, type=float, metavar="LO HI", help="The least and the largest input: -1 1.")
@click.option("--state-range", type=float, help="The largest state, where the activation bounds none.")
@click.option("--spectral-radius", type=float, help="Scale the recurrent weights to it.")
@click.option("--weight-bits", type=int, help="8, or up to 15 for a coarse and a fine synapse each.")
@click.option("--spec", "folder", type=FILE, metavar="DIR", help="A folder for a spec that says the same.")
@click.option("--target", "board", type=click.Choice(BOARD_NAMES), default="oheo_gulch", help="The board.")
@common_options
def import_command(
    output: Output,
    file: Path,
    target: Path,
    activation: str,
    clip: tuple[float, float],
    recurrent: str,
    input_layer: str,
    ignore: tuple[str, ...],
    folder: Path | None,
    board: str,
    **given: object,
) -> None:
    """Compile a recurrence h = activation(W h + W_in x + bias) from a file of its weights.

    WEIGHTS is a state dict of torch (.pt), a .safetensors or an .npz of matrices [post, pre]; nothing in it is run.
    """
    check_target(target, file)
    if folder is not None:
        check_folder(folder, spec_folder.NAMES)
    options = {name: value for name, value in given.items() if value is not None}
    imported = api.from_file(
        file, activation=activation, clip=clip, recurrent=recurrent, input=input_layer, ignore=ignore, **options
    )
    compiled = api.compile_built(imported.network, board)
    api.save_program(target, compiled.program, compiled.certificate)
    if folder is not None:
        api.save_as_spec(folder, imported)
    output.show(report_compiled(compiled), notes=list(imported.notes))
    output.say(*imported.notes, f"wrote {target}" + (f" and {folder}/" if folder else ""))
