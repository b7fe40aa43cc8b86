"""`run`, `parity`, `backends`: programs on backends, and whether these agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from lsm_deploy import report, store
from lsm_deploy.cli.app import FILE, Output, check_target, common_options, main, output_of
from lsm_deploy.cli.forensics import Side, Wanted, forensic_options, investigate
from lsm_deploy.cli.options import BACKEND_OPTION
from lsm_deploy.cli.subject import Subject, stimulus_of, subject_of
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, Stimulus, Trace, View, standings
from lsm_deploy.parity import compare as parity
from lsm_deploy.run import backends
from lsm_deploy.run.streaming import stream

_F = TypeVar("_F", bound=Callable[..., Any])

RECORD_OPTION = click.option("--record", default="", metavar="REGISTERS", help="Registers to record, such as u,v.")
INPUT_OPTION = click.option(
    "--input",
    "input_file",
    type=FILE,
    help="A stimulus (.npz), or data to encode; left out, the spec's test data, or a Poisson stimulus.",
)
SAMPLES_OPTION = click.option("--samples", type=click.IntRange(1), help="Only the first so many samples.")


def backend_options(function: _F) -> _F:
    for option in (
        click.option("--codegen", type=click.Choice(["numpy", "cython", "cpp_standalone"]), help="brian: its target."),
        click.option("--time-limit", type=click.FloatRange(min=0, min_open=True), help="lava, loihi2: seconds a run."),
        click.option("--board", help="loihi2: the board to run on."),
        click.option("--partition", help="loihi2: the SLURM partition to run on."),
    ):
        function = option(function)
    return function


_KNOWN_OPTIONS = {"brian": {"codegen"}, "lava": {"time_limit"}, "loihi2": {"time_limit", "board", "partition"}}


def run_backend(
    output: Output, name: str, program: Program, stimulus: Stimulus, record: Sequence[str], options: dict[str, Any]
) -> Trace:
    known = _KNOWN_OPTIONS.get(name, set())
    chosen = {key: value for key, value in options.items() if value is not None and key in known}
    with output.progress(f"running on {name}") as progress:
        return backends.run_program(name, program, stimulus, record, progress, **chosen)


def check_options(names: Sequence[str], options: dict[str, Any]) -> None:
    for key, value in options.items():
        if value is not None and not any(key in _KNOWN_OPTIONS.get(name, ()) for name in names):
            raise click.UsageError(f"--{key.replace('_', '-')} belongs to none of the backends {', '.join(names)}")


def _subject_for(names: Sequence[str], file: Path) -> Subject:
    """What is in the file, if these backends can run it: who lacks a kind need not be installed for it."""
    for name in names:
        backends.load_backend(name)  # a name that there is not is said before anything is compiled
    subject = subject_of(file)
    backends.check(names, subject.program)
    for name in names:
        backends.require(name)
    return subject


def names_in(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


@main.command(name="run")
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@BACKEND_OPTION
@click.option("-o", "--output", "target", type=FILE, required=True, help="The trace file to write (.npz).")
@click.option("--stream", "to_folder", is_flag=True, help="Write the trace as it arises, to a new folder of parts.")
@INPUT_OPTION
@RECORD_OPTION
@SAMPLES_OPTION
@backend_options
@common_options()
def run_command(
    file: Path,
    backend: str,
    target: Path,
    to_folder: bool,
    input_file: Path | None,
    record: str,
    samples: int | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Run a program on one backend and write its trace."""
    output = output_of(as_json, quiet)
    check_options([backend], options)
    if not to_folder:
        check_target(target, file, input_file)
    subject = _subject_for([backend], file)
    stimulus, words = stimulus_of(subject, input_file, samples)
    output.console.print(f"stimulus: {words}")
    identity, names = store.program_id(subject.program), names_in(record)
    if to_folder:
        with output.progress(f"running on {backend}") as progress:
            streamed = stream(subject.program, stimulus, target, names, backend=backend, progress=progress)
        facts = report.streamed_facts(streamed, names, standings(subject.program.network))
    else:
        trace = run_backend(output, backend, subject.program, stimulus, names, options)
        store.save_trace(target, trace, program=identity, backend=backend)
        facts = report.trace_facts(trace)
    output.facts({"program": identity, "backend": backend, "stimulus": words, **facts})
    report.show_trace(output.console, facts)
    output.console.print(f"wrote {target}")


@main.command(name="parity")
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@click.option("--backends", "names", help="The backends to compare, the first against each other one.")
@click.option("--trace", "trace_file", type=FILE, help="Compare with this recorded trace.")
@click.option("--registers", is_flag=True, help="Compare u and v too, and not only spikes.")
@click.option("--view", type=click.Choice(["sim", "chip"]), help="How the recorded trace shows voltages.")
@forensic_options
@INPUT_OPTION
@SAMPLES_OPTION
@backend_options
@common_options()
def parity_command(
    file: Path,
    names: str | None,
    trace_file: Path | None,
    registers: bool,
    view: View | None,
    with_explanation: bool,
    shrink_folder: Path | None,
    shrink_seconds: float,
    picture_file: Path | None,
    input_file: Path | None,
    samples: int | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Compare backends, or a backend and a recorded trace, spike for spike; exit status 1 if they diverge."""
    output = output_of(as_json, quiet)
    wanted = Wanted(with_explanation, shrink_folder, shrink_seconds, picture_file)
    wanted.check(file, input_file, trace_file)
    recorded = store.load_trace(trace_file, view) if trace_file else None
    chosen = names_in(names or "") or _default_backends(recorded is not None)
    check_options(chosen, options)
    if len(chosen) + (recorded is not None) < 2:
        raise click.UsageError("parity needs two: --backends A,B or --backends A --trace FILE")
    if len(set(chosen)) < len(chosen):
        raise click.UsageError("a backend is named twice in --backends: compared with itself it proves nothing")
    if view and not recorded:
        raise click.UsageError("--view says how a recorded trace shows voltages; there is no --trace")
    subject = _subject_for(chosen, file)
    identity = store.program_id(subject.program)
    if recorded and recorded.program and recorded.program != identity:
        raise LsmError(
            f"the trace is of program {recorded.program}, this is {identity}",
            where=str(trace_file),
            hint="run it again on this program",
        )
    stimulus, words = stimulus_of(subject, input_file, samples)
    output.console.print(f"stimulus: {words}")
    state = subject.program.network.state_names if registers or wanted.any else ()
    held = tuple(name for name in state if recorded and name in recorded.trace.registers)
    if recorded and registers and not held:
        raise LsmError("the trace has no registers to compare", where=str(trace_file), hint="drop --registers")

    def side_of(name: str) -> Side:
        def run_again(program: Program, stimulus: Stimulus) -> Trace:
            record = tuple(register for register in recorded_on(name) if register in program.network.state_names)
            return run_backend(Output(quiet=True), name, program, stimulus, record, options)

        trace = run_backend(output, name, subject.program, stimulus, recorded_on(name), options)
        return Side(name, trace, run_again)

    def recorded_on(name: str) -> tuple[str, ...]:
        # A board shows no registers: who asks for them is told so, who asks for an explanation gets what there is.
        return () if name == "loihi2" and not registers else state

    sides = [side_of(name) for name in chosen]
    pairs = [(sides[0], side) for side in sides[1:]]
    if recorded:
        pairs += [(side, Side(str(trace_file), recorded.trace, None)) for side in sides]
        if left := [name for name in state if name not in held]:
            output.console.print(f"the trace has no {', '.join(left)}: not compared")
    verdicts = [
        parity.compare(
            subject.program,
            first.trace,
            second.trace,
            tuple(name for name in state if name in first.trace.registers and name in second.trace.registers),
            names=(first.name, second.name),
        )
        for first, second in pairs
    ]
    equal = all(verdict.equal for verdict in verdicts)
    for verdict in verdicts:
        report.show_verdict(output.console, verdict)
    if not any(verdict.spikes[0] for verdict in verdicts):
        output.console.print("no neuron spiked: this proves little")
    if counts := sides[0].trace.counts:
        output.console.print(f"overflow in this run: {report.overflow_text(counts)}")
    found = investigate(output, subject.program, stimulus, pairs, verdicts, wanted) if wanted.any else {}
    facts = {"program": identity, "stimulus": words, "equal": equal, **found}
    output.facts({**facts, "verdicts": [report.verdict_facts(verdict) for verdict in verdicts]})
    if not equal:
        click.get_current_context().exit(1)


def _default_backends(with_trace: bool) -> tuple[str, ...]:
    if with_trace:
        return ("emulator",)
    return tuple(name for name in backends.BACKENDS if backends.load_backend(name).missing() is None)


@main.command(name="backends")
@common_options()
def backends_command(as_json: bool, quiet: bool) -> None:
    """List the backends, and why one cannot run here."""
    output = output_of(as_json, quiet)
    missing = {name: backends.load_backend(name).missing() for name in backends.BACKENDS}
    output.facts({"backends": [{"name": n, "installed": why is None, "missing": why} for n, why in missing.items()]})
    for name, why in missing.items():
        output.console.print(f"{name:10} {'installed' if why is None else f'missing: {why}'}")
