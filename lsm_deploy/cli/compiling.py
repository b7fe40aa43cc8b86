"""`check`, `compile`, `inspect`: from a spec to a program, and what is in a file."""

from __future__ import annotations

from pathlib import Path

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, check_target, common_options, examples, main
from lsm_deploy.cli.drawing import PICTURE_OPTION, check_drawing, drawn
from lsm_deploy.core.boards import BOARD_NAMES
from lsm_deploy.core.errors import LsmError
from lsm_deploy.report.files import report_file
from lsm_deploy.report.rules import report_rules
from lsm_deploy.report.stages import dump_stages

STRICT_OPTION = click.option("--strict", is_flag=True, help="Let every loss beyond rounding be an error.")
CERTIFIED_OPTION = click.option("--certified", is_flag=True, help="Prefer scales that no input can overflow.")


@main.command(
    name="check",
    epilog=examples(
        "check liquid.yaml",
        "check liquid.yaml --strict",
        "check liquid.yaml --target oheo_gulch    # the rules of a board",
    ),
)
@click.argument("file", metavar="SPEC", type=FILE)
@STRICT_OPTION
@click.option(
    "--target", "board", type=click.Choice(BOARD_NAMES), help="List every rule of this board, and how far it is kept."
)
@CERTIFIED_OPTION
@PICTURE_OPTION
@common_options
def check_command(
    output: Output, file: Path, strict: bool, board: str | None, certified: bool, drawing: Path | None
) -> None:
    """Say whether SPEC is valid, compiles and fits its target; name every mistake if not."""
    check_drawing(drawing, file)
    if board is not None:
        if drawing is not None:
            raise click.UsageError("--picture goes without --target, which lists rules")
        rules = api.check_board(file, board, strict=strict, certified=certified)
        output.show(report_rules(board, rules))
        if any(rule.status == "broken" for rule in rules):
            click.get_current_context().exit(1)
        return
    made = api.check_spec(file, strict=strict, certified=certified)
    shown = report_file(made)
    output.show(shown + drawn(drawing, shown))
    cost = made.compiled.cost if made.compiled is not None else None
    if cost is not None and cost.gone:
        output.say(f"{file} compiles, and is not what it says: {'; '.join(cost.gone)}")
    else:
        output.say(f"{file} is valid" + (", with the losses above" if cost is not None and cost.losses else ""))


@main.command(
    name="compile",
    epilog=examples(
        "compile liquid.yaml -o liquid.lsm",
        "compile liquid.yaml -o liquid.lsm --certified --dump stages",
    ),
)
@click.argument("file", metavar="SPEC|NET.npz", type=FILE)
@click.option("-o", "--output", "target", type=FILE, required=True, help="The program file to write (.lsm).")
@click.option("--dump", type=FILE, help="A folder for every stage in readable form.")
@STRICT_OPTION
@CERTIFIED_OPTION
@PICTURE_OPTION
@common_options
def compile_command(
    output: Output, file: Path, target: Path, dump: Path | None, strict: bool, certified: bool, drawing: Path | None
) -> None:
    """Compile a spec, or an integer network, to a program file."""
    check_target(target, file)
    check_drawing(drawing, file, target)
    made = api.compile_any(file, strict=strict, certified=certified)
    if made.compiled is None:
        raise LsmError("this is compiled already", where=str(file), hint="give a spec, or a network as .npz")
    if dump is not None:
        dump_stages(dump, made.compiled)
    api.save_program(target, made.program, made.compiled.certificate)
    shown = report_file(made)
    output.show(shown + drawn(drawing, shown))
    output.say(f"wrote {target}" + (f" and {dump}/" if dump else ""))


@main.command(
    name="inspect",
    epilog=examples(
        "inspect liquid.lsm",
        "inspect train.npz",
    ),
)
@click.argument("file", metavar="FILE", type=FILE)
@PICTURE_OPTION
@common_options
def inspect_command(output: Output, file: Path, drawing: Path | None) -> None:
    """Say what is in a program, a model, a trace or a stimulus."""
    check_drawing(drawing, file)
    shown = report_file(api.inspect_file(file))
    output.show(shown + drawn(drawing, shown))
