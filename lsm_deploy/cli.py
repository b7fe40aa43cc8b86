"""The command line. A SPEC may stand wherever a program file may.

Exit status: 0 done, 1 failed or diverged, 2 misuse.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import get_completion_class
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

import lsm_deploy as api
from lsm_deploy import backend as backends
from lsm_deploy import data, encode, parity, pipeline, report, store
from lsm_deploy import spec as specs
from lsm_deploy.errors import LsmError
from lsm_deploy.ir import Program, Stimulus, Trace, View
from lsm_deploy.neurons import KINDS

__all__ = ["main"]

_F = TypeVar("_F", bound=Callable[..., Any])

DEFAULT_STEPS = 1000
DEFAULT_RATE_HZ = 50.0
DEFAULT_SEED = 0
"""The Poisson stimulus of a program that comes without data."""


class _Group(click.Group):
    """Turns a user's mistake into a paragraph on stderr (or JSON on stdout) and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LsmError as error:
            inner = ctx.obj
            if isinstance(inner, _Output) and inner.json:
                click.echo(json.dumps({"ok": False, "errors": [e.to_json() for e in error.each()]}, indent=2))
            else:
                for each in error.each():
                    click.echo(f"error: {each}", err=True)
            ctx.exit(1)


@dataclass
class _Output:
    """Where a command speaks: text on stdout, progress on a terminal's stderr, or one JSON object."""

    json: bool = False
    quiet: bool = False

    @property
    def console(self) -> Console:
        width = None if sys.stdout.isatty() else 160
        return Console(highlight=False, width=width, quiet=self.quiet or self.json, soft_wrap=True)

    def facts(self, facts: dict[str, Any]) -> None:
        if self.json:
            click.echo(json.dumps({"ok": True, **facts}, indent=2))

    @contextmanager
    def progress(self, label: str) -> Iterator[Callable[[int, int], None]]:
        """A bar on stderr, after the first second, on a terminal only."""
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        hidden = self.quiet or self.json or not console.is_terminal
        with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


def _options(*, as_json: bool = True) -> Callable[[_F], _F]:
    def decorate(function: _F) -> _F:
        function = click.option("--quiet", is_flag=True, help="Say nothing but errors.")(function)
        if as_json:
            function = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)
        return function

    return decorate


def _output(as_json: bool = False, quiet: bool = False) -> _Output:
    output = _Output(as_json, quiet)
    context = click.get_current_context()
    while context.parent is not None:
        context = context.parent
    context.obj = output
    return output


FILE = click.Path(path_type=Path)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lsm-deploy")
def main() -> None:
    """Compile spiking liquids to Loihi 2's integers, run them bit for bit, and prove that the backends agree."""


# --- what a file is --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Subject:
    """A program, and the spec it was compiled from where there is one."""

    program: Program
    spec: specs.Spec | None
    compiled: pipeline.Compiled | None


def _subject(file: Path, strict: bool = False) -> _Subject:
    kind = store.kind_of(file)
    if kind == "program":
        return _Subject(store.load_program(file), None, None)
    if kind == "npz":
        compiled = pipeline.compile_network(file, strict=strict)
        return _Subject(compiled.program, None, compiled)
    if kind == "model":
        return _Subject(api.load_model(file).program, None, None)
    spec = specs.load(file)
    compiled = pipeline.compile_spec(spec, strict=strict)
    return _Subject(compiled.program, spec, compiled)


def _stimulus(subject: _Subject, file: Path | None, samples: int | None) -> tuple[Stimulus, str]:
    """The stimulus to run, and in words what it is."""
    network = subject.program.network
    if file is not None:
        stimulus = _first_samples(store.load_stimulus(file), samples)
        return stimulus, f"{file} ({len(stimulus.starts)} samples, {len(stimulus.spikes)} steps)"
    spec = subject.spec
    if spec is not None and spec.data is not None:
        train, test = data.load_data(spec.data)
        chosen = _first_frames(test, samples)
        ranges = encode.fit_ranges(train, spec.input)
        stimulus = encode.encode(spec.input, ranges, chosen, spec.dt_ms, spec.seed, network.sample_interval)
        return stimulus, f"the spec's encoded test data ({chosen.samples} of {test.samples} samples)"
    seed = spec.seed if spec is not None else DEFAULT_SEED
    steps = max(DEFAULT_STEPS, 3 * network.sample_interval)
    stimulus = encode.poisson_stimulus(network.channels, steps, DEFAULT_RATE_HZ, network.dt_ms, seed)
    return stimulus, f"a Poisson stimulus, {DEFAULT_RATE_HZ:g} Hz a channel, {steps} steps, seed {seed}"


def _first_frames(frames: data.Frames, samples: int | None) -> data.Frames:
    if samples is None or samples >= frames.samples:
        return frames
    stop = int(frames.starts[samples])
    return data.Frames(frames.frames[:stop], frames.starts[:samples], frames.labels[:samples], frames.source)


def _first_samples(stimulus: Stimulus, samples: int | None) -> Stimulus:
    if samples is None or samples >= len(stimulus.starts):
        return stimulus
    stop = int(stimulus.starts[samples])
    return Stimulus(stimulus.spikes[:stop], stimulus.starts[:samples])


# --- commands --------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("file", metavar="SPEC", type=FILE)
@click.option("--strict", is_flag=True, help="Let every loss beyond rounding be an error.")
@_options()
def check(file: Path, strict: bool, as_json: bool, quiet: bool) -> None:
    """Say whether SPEC is valid, compiles and fits its target; name every mistake if not."""
    output = _output(as_json, quiet)
    subject = _subject(file, strict)
    _show_subject(output, subject)
    output.console.print(f"{file} is valid")


def _show_subject(output: _Output, subject: _Subject) -> None:
    if subject.compiled is not None:
        output.facts(report.compiled_facts(subject.compiled))
        report.show_compiled(output.console, subject.compiled)
    else:
        output.facts(report.program_facts(subject.program))
        report.show_program(output.console, subject.program)


@main.command()
@click.argument("file", metavar="SPEC|NET.npz", type=FILE)
@click.option("-o", "--output", "target", type=FILE, required=True, help="The program file to write (.lsm).")
@click.option("--dump", type=FILE, help="A folder for every stage in readable form.")
@click.option("--strict", is_flag=True, help="Let every loss beyond rounding be an error.")
@_options()
def compile(file: Path, target: Path, dump: Path | None, strict: bool, as_json: bool, quiet: bool) -> None:
    """Compile a spec, or an integer network, to a program file."""
    output = _output(as_json, quiet)
    subject = _subject(file, strict)
    if subject.compiled is None:
        raise LsmError("this is compiled already", where=str(file), hint="give a spec, or a network as .npz")
    store.save_program(target, subject.program)
    if dump is not None:
        report.dump(dump, subject.compiled)
    _show_subject(output, subject)
    output.console.print(f"wrote {target}" + (f" and {dump}/" if dump else ""))


_RECORD = click.option("--record", default="", metavar="REGISTERS", help="Registers to record, such as u,v.")
_INPUT = click.option("--input", "input_file", type=FILE, help="A stimulus (.npz); see the README for the default.")
_SAMPLES = click.option("--samples", type=click.IntRange(1), help="Only the first so many samples.")


def _backend_options(function: _F) -> _F:
    for option in (
        click.option("--codegen", type=click.Choice(["numpy", "cython", "cpp_standalone"]), help="brian: its target."),
        click.option("--time-limit", type=click.FloatRange(min=0, min_open=True), help="lava, loihi2: seconds a run."),
        click.option("--board", help="loihi2: the board to run on."),
        click.option("--partition", help="loihi2: the SLURM partition to run on."),
    ):
        function = option(function)
    return function


_KNOWN_OPTIONS = {"brian": {"codegen"}, "lava": {"time_limit"}, "loihi2": {"time_limit", "board", "partition"}}


def _run(
    output: _Output, name: str, program: Program, stimulus: Stimulus, record: Sequence[str], options: dict[str, Any]
) -> Trace:
    known = _KNOWN_OPTIONS.get(name, set())
    chosen = {key: value for key, value in options.items() if value is not None and key in known}
    with output.progress(f"running on {name}") as progress:
        return backends.run(name, program, stimulus, record, progress, **chosen)


def _check_options(names: Sequence[str], options: dict[str, Any]) -> None:
    for key, value in options.items():
        if value is not None and not any(key in _KNOWN_OPTIONS.get(name, ()) for name in names):
            raise click.UsageError(f"--{key.replace('_', '-')} belongs to none of the backends {', '.join(names)}")


def _registers(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


@main.command()
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@click.option("--backend", default="emulator", show_default=True, help="Where to run; see `lsm-deploy backends`.")
@click.option("-o", "--output", "target", type=FILE, required=True, help="The trace file to write (.npz).")
@_INPUT
@_RECORD
@_SAMPLES
@_backend_options
@_options()
def run(
    file: Path,
    backend: str,
    target: Path,
    input_file: Path | None,
    record: str,
    samples: int | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Run a program on one backend and write its trace."""
    output = _output(as_json, quiet)
    _check_options([backend], options)
    subject = _subject(file)
    stimulus, words = _stimulus(subject, input_file, samples)
    output.console.print(f"stimulus: {words}")
    trace = _run(output, backend, subject.program, stimulus, _registers(record), options)
    identity = store.program_id(subject.program)
    store.save_trace(target, trace, program=identity, backend=backend)
    output.facts({"program": identity, "backend": backend, "stimulus": words, **report.trace_facts(trace)})
    report.show_trace(output.console, trace)
    output.console.print(f"wrote {target}")


@main.command(name="parity")
@click.argument("file", metavar="SPEC|FILE.lsm", type=FILE)
@click.option("--backends", "names", help="The backends to compare, the first against each other one.")
@click.option("--trace", "trace_file", type=FILE, help="Compare with this recorded trace.")
@click.option("--registers", is_flag=True, help="Compare u and v too, and not only spikes.")
@click.option("--view", type=click.Choice(["sim", "chip"]), help="How the recorded trace shows voltages.")
@_INPUT
@_SAMPLES
@_backend_options
@_options()
def parity_command(
    file: Path,
    names: str | None,
    trace_file: Path | None,
    registers: bool,
    view: View | None,
    input_file: Path | None,
    samples: int | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Compare backends, or a backend and a recorded trace, spike for spike; exit status 1 if they diverge."""
    output = _output(as_json, quiet)
    recorded = store.load_trace(trace_file, view) if trace_file else None
    chosen = _registers(names or "") or _default_backends(recorded is not None)
    _check_options(chosen, options)
    if len(chosen) + (recorded is not None) < 2:
        raise click.UsageError("parity needs two: --backends A,B or --backends A --trace FILE")
    subject = _subject(file)
    identity = store.program_id(subject.program)
    if recorded and recorded.program and recorded.program != identity:
        raise LsmError(
            f"the trace is of program {recorded.program}, this is {identity}",
            where=str(trace_file),
            hint="run it again on this program",
        )
    stimulus, words = _stimulus(subject, input_file, samples)
    output.console.print(f"stimulus: {words}")
    state = _state(subject.program) if registers else ()
    if recorded and registers:
        state = tuple(name for name in state if name in recorded.trace.registers)

    traces = {name: _run(output, name, subject.program, stimulus, state, options) for name in chosen}
    pairs = [(chosen[0], name, traces[name]) for name in chosen[1:]]
    if recorded:
        pairs += [(name, str(trace_file), recorded.trace) for name in chosen]
    verdicts = [
        parity.compare(subject.program, traces[first], second, state, names=(first, name))
        for first, name, second in pairs
    ]
    equal = all(verdict.equal for verdict in verdicts)
    facts = {"program": identity, "stimulus": words, "equal": equal}
    output.facts({**facts, "verdicts": [report.verdict_facts(verdict) for verdict in verdicts]})
    for verdict in verdicts:
        report.show_verdict(output.console, verdict)
    counts = traces[chosen[0]].counts
    if counts:
        output.console.print(f"overflow in this run: {report.overflow_text(counts)}")
    if not equal:
        click.get_current_context().exit(1)


def _default_backends(with_trace: bool) -> tuple[str, ...]:
    if with_trace:
        return ("emulator",)
    return tuple(name for name in backends.BACKENDS if backends.load(name).missing() is None)


def _state(program: Program) -> tuple[str, ...]:
    return tuple(dict.fromkeys(register for p in program.network.populations for register in KINDS[p.kind].STATE))


@main.command(name="backends")
@_options()
def backends_command(as_json: bool, quiet: bool) -> None:
    """List the backends, and why one cannot run here."""
    output = _output(as_json, quiet)
    missing = {name: backends.load(name).missing() for name in backends.BACKENDS}
    output.facts({"backends": [{"name": n, "installed": why is None, "missing": why} for n, why in missing.items()]})
    for name, why in missing.items():
        output.console.print(f"{name:10} {'installed' if why is None else f'missing: {why}'}")


@main.command()
@click.argument("file", metavar="FILE", type=FILE)
@_options()
def inspect(file: Path, as_json: bool, quiet: bool) -> None:
    """Say what is in a program, a model, a trace or a stimulus."""
    output = _output(as_json, quiet)
    kind = store.kind_of(file)
    if kind == "npz" and "weights" not in (names := store.read_arrays(file)):
        if "spikes" in names and "view" in names:
            trace = store.load_trace(file)
            facts = {"program": trace.program, "backend": trace.backend, **report.trace_facts(trace.trace)}
            output.facts({"kind": "trace", **facts})
            report.show_trace_file(output.console, trace)
        else:
            stimulus = store.load_stimulus(file)
            output.facts({"kind": "stimulus", **report.stimulus_facts(stimulus)})
            report.show_stimulus(output.console, stimulus)
        return
    if kind == "model":
        model = api.load_model(file)
        output.facts({"kind": "model", **report.model_facts(model)})
        report.show_model(output.console, model)
        return
    _show_subject(output, _subject(file))


@main.command(name="eval")
@click.argument("file", metavar="SPEC", type=FILE)
@click.option("--train", "train_file", type=FILE, help="Labelled frames to train on, instead of the spec's.")
@click.option("--test", "test_file", type=FILE, help="Labelled frames to test on, instead of the spec's.")
@click.option("--backend", default="emulator", show_default=True, help="Where to run.")
@_options()
def eval_command(
    file: Path,
    train_file: Path | None,
    test_file: Path | None,
    backend: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a readout on the liquid's integer spikes and test it, beside honest baselines."""
    output = _output(as_json, quiet)
    spec = specs.load(file)
    train, test = _data_of(spec, train_file, test_file)
    with output.progress("evaluating") as progress:
        found = api.evaluate(spec, train, test, backend=backend, progress=progress)
    output.facts(found.to_json())
    report.show_evaluation(output.console, found)


def _data_of(spec: specs.Spec, train_file: Path | None, test_file: Path | None) -> tuple[data.Frames, data.Frames]:
    if (train_file is None) != (test_file is None):
        raise click.UsageError("give both --train and --test, or neither")
    if train_file is not None and test_file is not None:
        return data.load_frames(train_file), data.load_frames(test_file)
    if spec.data is None:
        raise LsmError("the spec names no data", hint="add a data section, or give --train and --test")
    return data.load_data(spec.data)


@main.command()
@click.argument("file", metavar="SPEC", type=FILE)
@click.option("-o", "--output", "target", type=FILE, required=True, help="The model file to write.")
@click.option("--train", "train_file", type=FILE, help="Labelled frames to train on, instead of the spec's.")
@click.option("--backend", default="emulator", show_default=True, help="Where to run.")
@_options()
def train(file: Path, target: Path, train_file: Path | None, backend: str, as_json: bool, quiet: bool) -> None:
    """Train a readout and keep it together with its program."""
    output = _output(as_json, quiet)
    spec = specs.load(file)
    frames = data.load_frames(train_file) if train_file is not None else _data_of(spec, None, None)[0]
    with output.progress("training") as progress:
        model = api.train(spec, frames, backend=backend, progress=progress)
    api.save_model(target, model)
    output.facts(report.model_facts(model))
    report.show_model(output.console, model)
    output.console.print(f"wrote {target}")


@main.command()
@click.argument("model_file", metavar="MODEL", type=FILE)
@click.argument("data_file", metavar="DATA", type=FILE)
@click.option("--backend", default="emulator", show_default=True, help="Where to run.")
@_options()
def predict(model_file: Path, data_file: Path, backend: str, as_json: bool, quiet: bool) -> None:
    """Classify the samples of DATA, one label a line."""
    output = _output(as_json, quiet)
    model = api.load_model(model_file)
    frames = data.load_frames(data_file)
    with output.progress("predicting") as progress:
        labels = api.predict(model, frames, backend=backend, progress=progress)
    output.facts({"labels": list(labels)})
    if not as_json:
        click.echo("\n".join(labels))


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell: eval "$(lsm-deploy completion bash)"."""
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(main, {}, "lsm-deploy", "_LSM_DEPLOY_COMPLETE").source())
