"""`run`, `parity`: programs on backends, and whether these agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, check_folder, check_target, common_options, examples, main
from lsm_deploy.cli.drawing import PICTURE_OPTION, check_drawing, drawn
from lsm_deploy.cli.options import BACKEND_OPTION, INPUT_OPTION, SAMPLES_OPTION, names_in
from lsm_deploy.core.ir import View, standings
from lsm_deploy.parity import investigation as parity
from lsm_deploy.parity.reduction.folder import NAMES
from lsm_deploy.report.comparison import report_comparison
from lsm_deploy.report.forensics import report_explanation, report_shrunk, save_small_case
from lsm_deploy.report.judgements import report_judgement
from lsm_deploy.report.runs import report_streamed, report_trace
from lsm_deploy.run import backends

_F = TypeVar("_F", bound=Callable[..., Any])


def backend_options(function: _F) -> _F:
    for option in (
        click.option("--codegen", type=click.Choice(["numpy", "cython", "cpp_standalone"]), help="brian: its target."),
        click.option("--time-limit", type=click.FloatRange(min=0, min_open=True), help="lava, loihi2: seconds a run."),
        click.option("--board", help="loihi2: the board to run on."),
        click.option("--partition", help="loihi2: the SLURM partition to run on."),
    ):
        function = option(function)
    return function


def _check_options(names: Sequence[str], options: dict[str, Any]) -> None:
    for key, value in options.items():
        if value is not None and not any(backends.options_for(name, {key: value}) for name in names):
            raise click.UsageError(f"--{key.replace('_', '-')} belongs to none of the backends {', '.join(names)}")


@main.command(
    name="run",
    epilog=examples(
        "run liquid.yaml -o trace.npz --record u,v",
        "run liquid.lsm --input stimulus.npz --backend emulator -o other.npz",
        "run liquid.yaml -o trace --stream    # of any length, to a folder",
    ),
)
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@BACKEND_OPTION
@click.option("-o", "--output", "target", type=FILE, required=True, help="The trace file to write (.npz).")
@click.option("--stream", "to_folder", is_flag=True, help="Write the trace as it arises, to a new folder of parts.")
@INPUT_OPTION
@click.option("--record", default="", metavar="REGISTERS", help="Registers to record, such as u,v.")
@SAMPLES_OPTION
@PICTURE_OPTION
@backend_options
@common_options
def run_command(
    output: Output,
    file: Path,
    backend: str,
    target: Path,
    to_folder: bool,
    input_file: Path | None,
    record: str,
    samples: int | None,
    drawing: Path | None,
    **options: Any,
) -> None:
    """Run a program on one backend and write its trace."""
    _check_options([backend], options)
    if to_folder and drawing is not None:
        raise click.UsageError("--picture is of a trace in memory; `inspect --picture` draws one that was streamed")
    check_drawing(drawing, file, input_file, target)
    if to_folder:
        check_folder(target, ())
    else:
        check_target(target, file, input_file)
    made = api.compile_any(file, on=[backend])
    program, identity, names = made.program, api.program_id(made.program), names_in(record)
    backend = backends.choose(backend, program)
    stimulus, words = api.stimulus_for(made, input_file, samples)
    output.say(f"stimulus: {words}")
    if to_folder:
        with output.progress(f"running on {backend}") as progress:
            streamed = api.stream(program, stimulus, target, names, backend=backend, progress=progress)
        shown = report_streamed(streamed, names, standings(program.network))
    else:
        given = backends.options_for(backend, options)
        trace = api.trace_of(program, stimulus, None, backend, output.progress, names, **given)
        api.save_trace(target, trace, program=identity, backend=backend)
        shown = report_trace(trace, program.network) + report_judgement(api.judge(program, stimulus, trace))
        shown += drawn(drawing, shown)
    output.show(shown, program=identity, backend=backend, stimulus=words)
    output.say(f"wrote {target}")


@main.command(
    name="parity",
    epilog=examples(
        "parity liquid.yaml --registers --backends emulator,fast",
        "parity liquid.yaml --trace trace.npz --explain",
    ),
)
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@click.option("--backends", "names", help="The backends to compare, the first against each other one.")
@click.option("--trace", "trace_file", type=FILE, help="Compare with this recorded trace.")
@click.option("--registers", is_flag=True, help="Compare u and v too, and not only spikes.")
@click.option("--view", type=click.Choice(["sim", "chip"]), help="How the recorded trace shows voltages.")
@click.option("--explain", is_flag=True, help="Say where and why they diverge.")
@click.option("--shrink", "folder", type=FILE, help="A folder for the smallest case that diverges.")
@click.option(
    "--shrink-seconds", "seconds", type=click.FloatRange(min=0), help=f"For --shrink; {parity.SECONDS:g} if not given."
)
@PICTURE_OPTION
@INPUT_OPTION
@SAMPLES_OPTION
@backend_options
@common_options
def parity_command(
    output: Output,
    file: Path,
    names: str | None,
    trace_file: Path | None,
    registers: bool,
    view: View | None,
    input_file: Path | None,
    samples: int | None,
    drawing: Path | None,
    **options: Any,
) -> None:
    """Compare backends, or a backend and a recorded trace, spike for spike; exit status 1 if they diverge."""
    forensics = {name: options.pop(name) for name in ("explain", "folder", "seconds")}
    if forensics["folder"] is not None:
        check_folder(forensics["folder"], NAMES)
    check_drawing(drawing, file, input_file, trace_file)
    if forensics["seconds"] is None:
        forensics["seconds"] = parity.SECONDS
    elif forensics["folder"] is None or not forensics["seconds"] >= 0:  # nan
        raise click.UsageError("--shrink-seconds goes with --shrink, and is a number of seconds")
    chosen = names_in(names) if names is not None else parity.default_sides(trace_file is not None)
    if not chosen:
        raise click.UsageError("--backends names none")
    _check_options(chosen, options)
    sides = parity.prepare_sides(file, input_file, samples, on=chosen, trace=trace_file, view=view)
    output.say(f"stimulus: {sides.words}")
    thorough = any((forensics["explain"], forensics["folder"], drawing))
    compared = parity.compare_sides(
        sides, registers=registers, thorough=thorough, options=options, stages=output.progress
    )
    shown = report_comparison(compared)
    output.say(*shown.blocks)
    files = drawn(drawing, shown)
    output.say(*files.blocks)
    found = _explained(output, compared, **forensics) if forensics["explain"] or forensics["folder"] else {}
    head = {"program": api.program_id(sides.program), "stimulus": sides.words, "equal": compared.equal}
    output.facts({**head, **files.facts, **found, **shown.facts})
    if not compared.equal:
        click.get_current_context().exit(1)


def _explained(
    output: Output,
    compared: parity.Comparison,
    explain: bool,
    folder: Path | None,
    seconds: float,
) -> dict[str, Any]:
    """Say what is asked about pairs that diverged; the folder is of the first. Facts for JSON."""
    facts: dict[str, Any] = {}
    if compared.equal:
        output.say("nothing to explain: they are equal in all that was compared")
        return facts
    suspects = parity.explain_sides(compared, output.progress) if explain or folder else ()
    if explain:
        explained = [report_explanation(suspect.explanation) for suspect in suspects]
        for each in explained:
            output.say("", *each.blocks)
        facts["explanations"] = [dict(each.facts) for each in explained]
    if folder is not None:
        small = parity.shrink_side(compared, suspects[0], seconds, output.progress)
        if small.stands_in:
            output.say(
                f"{suspects[0].side.name} cannot be run again: {small.name} of the emulator gives the same, and"
                " stands in"
            )
        save_small_case(folder, small)
        reduced = report_shrunk(small.shrunk)
        output.say(*reduced.blocks, f"wrote {folder}/: read README.txt there")
        facts["shrunk"] = {"folder": str(folder), **reduced.facts}
    return facts
