"""`check`, `compile`, `inspect`: from a spec to a program, and what is in a file."""

from __future__ import annotations

from pathlib import Path

import click

import lsm_deploy as api
from lsm_deploy import data, report, store
from lsm_deploy.cli.app import FILE, check_target, common_options, main, output_of
from lsm_deploy.cli.subject import integers_of, show_subject, subject_of
from lsm_deploy.compile.place.rules import check_rules
from lsm_deploy.core.boards import BOARD_NAMES, BOARDS
from lsm_deploy.core.errors import LsmError
from lsm_deploy.data import front


@main.command(name="check")
@click.argument("file", metavar="SPEC", type=FILE)
@click.option("--strict", is_flag=True, help="Let every loss beyond rounding be an error.")
@click.option(
    "--target", "board", type=click.Choice(BOARD_NAMES), help="List every rule of this board, and how far it is kept."
)
@click.option("--certified", is_flag=True, help="Prefer scales that no input can overflow.")
@common_options()
def check_command(file: Path, strict: bool, board: str | None, certified: bool, as_json: bool, quiet: bool) -> None:
    """Say whether SPEC is valid, compiles and fits its target; name every mistake if not."""
    output = output_of(as_json, quiet)
    if board is not None:
        rules = check_rules(integers_of(file, strict, certified), BOARDS[board])
        facts = report.rules_facts(board, rules)
        output.facts(facts)
        report.show_rules(output.console, board, rules)
        if not facts["ok"]:
            click.get_current_context().exit(1)
        return
    subject = subject_of(file, strict, certified)
    if subject.spec is not None and subject.spec.data is not None and subject.spec.data.named:
        for part in front.load_data(subject.spec):
            data.check_channels(part, subject.spec.input)
    show_subject(output, subject)
    output.console.print(f"{file} is valid")


@main.command(name="compile")
@click.argument("file", metavar="SPEC|NET.npz", type=FILE)
@click.option("-o", "--output", "target", type=FILE, required=True, help="The program file to write (.lsm).")
@click.option("--dump", type=FILE, help="A folder for every stage in readable form.")
@click.option("--strict", is_flag=True, help="Let every loss beyond rounding be an error.")
@click.option("--certified", is_flag=True, help="Prefer scales that no input can overflow.")
@common_options()
def compile_command(
    file: Path, target: Path, dump: Path | None, strict: bool, certified: bool, as_json: bool, quiet: bool
) -> None:
    """Compile a spec, or an integer network, to a program file."""
    output = output_of(as_json, quiet)
    check_target(target, file)
    subject = subject_of(file, strict, certified)
    if subject.compiled is None:
        raise LsmError("this is compiled already", where=str(file), hint="give a spec, or a network as .npz")
    if dump is not None:
        report.dump(dump, subject.compiled)
    store.save_program(target, subject.program, subject.compiled.certificate)
    show_subject(output, subject)
    output.console.print(f"wrote {target}" + (f" and {dump}/" if dump else ""))


@main.command(name="inspect")
@click.argument("file", metavar="FILE", type=FILE)
@common_options()
def inspect_command(file: Path, as_json: bool, quiet: bool) -> None:
    """Say what is in a program, a model, a trace or a stimulus."""
    output = output_of(as_json, quiet)
    kind = "trace" if file.is_dir() else store.kind_of(file)
    if kind == "npz" and "weights" not in (names := store.read_arrays(file)):
        kind = "trace" if "spikes" in names and names.keys() - {"spikes", "starts"} else "stimulus"
    if kind == "trace":
        trace = store.load_trace(file)
        facts = {"program": trace.program, "backend": trace.backend, **report.trace_facts(trace.trace)}
        output.facts({"kind": "trace", **facts})
        report.show_trace_file(output.console, trace)
        return
    if kind == "stimulus":
        stimulus = store.load_stimulus(file)
        output.facts({"kind": "stimulus", **report.stimulus_facts(stimulus)})
        report.show_stimulus(output.console, stimulus)
        return
    if kind == "state":
        state, program = store.read_state(file)
        facts = {"program": program, "t": state.t, "neurons": state.in_flight.shape[1], "counts": dict(state.counts)}
        output.facts({"kind": "state", **facts})
        registers = ", ".join(state.registers)
        output.console.print(
            f"state after {state.t} steps of program {program}, {facts['neurons']} neurons: {registers}"
        )
        return
    if kind == "model":
        model = api.load_model(file)
        output.facts({"kind": "model", **report.model_facts(model)})
        report.show_model(output.console, model)
        return
    show_subject(output, subject_of(file))
