"""The command group: which commands there are, how a mistake is told, where a command speaks, and what all share."""

from __future__ import annotations

import errno
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from lsm_deploy.cli.signals import Ended, ended_by_signals
from lsm_deploy.cli.streams import lasting_streams
from lsm_deploy.core.compiled import when_compiling
from lsm_deploy.core.errors import LsmError, LsmWarning, MisuseError, visible
from lsm_deploy.core.progress import Progress

if TYPE_CHECKING:
    from lsm_deploy.report.blocks import Block, Report

__all__ = ["COMMANDS", "FILE", "Output", "check_folder", "check_target", "common_options", "examples", "main"]

COMMANDS = {
    "init": ("starting", "Write a spec to begin with, which runs at once."),
    "check": ("compiling", "Every mistake of a spec, or what it compiles to."),
    "compile": ("compiling", "Turn a spec, or an integer network, into a program file."),
    "import": ("importing", "Turn a network of NIR, lava-dl or torch into a program."),
    "inspect": ("compiling", "What is in a program, model, trace, state or stimulus."),
    "run": ("running", "Run a program on one backend and write its trace."),
    "parity": ("running", "Compare backends, or a backend and a recorded trace."),
    "eval": ("learning", "Accuracy beside baselines, on data of a spec or of files."),
    "train": ("learning", "Keep a trained readout together with its program."),
    "predict": ("learning", "What a trained model says of new data."),
    "tune": ("tuning", "Find gains for a firing rate or a branching ratio."),
    "search": ("tuning", "Try values of a spec by cross-validation."),
    "sweep": ("sweeping", "Evaluate values of a spec, on a grid or at random."),
    "robustness": ("sweeping", "What bit flips, lost neurons and other faults cost."),
    "diagnose": ("diagnosing", "Separation, ranks, memory, echo states, chaos."),
    "quantise-report": ("fidelity", "The float liquid beside the deployed one."),
    "certify": ("certifying", "Which neurons no input can overflow."),
    "resources": ("placing", "What a run does on the chip, and its energy, modelled."),
    "report": ("reporting", "One page of all that is known of a file."),
    "conformance": ("conformance", "What stands behind each rule of the integer contract."),
    "import-recording": ("conformance", "Make a recording for `conformance` of published files."),
    "ci": ("checking", "Hold specs to recorded programs, floors and budgets."),
    "export": ("exporting", "Write a program for a host with Lava, or for SANA-FE."),
    "schema": ("schema", "The JSON Schema of a spec, for editors."),
    "doctor": ("doctor", "What is here, what is missing, and what mends it."),
    "backends": ("backends", "Which backends are here, and why one is not."),
    "manual": ("manual", "The manual: all topics, or the page on one."),
    "completion": ("completion", "Print the completion script of a shell."),
}
"""Each command's module, which is imported when the command is asked for, and what a list of commands says of it."""


FAILED, MISUSE, STOPPED = 1, 2, 130
"""Exit statuses, as `lsm-deploy manual ci` has them. 2 is click's own as well, 130 a shell's for Ctrl-C."""


class Group(click.Group):
    """Commands by name, loaded when asked for. A user's mistake is told on stderr (or as JSON), with status 1 or 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            import_module(f"lsm_deploy.cli.{COMMANDS[cmd_name][0]}")
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        commands = [CompletionItem(n, help=line) for n, (_, line) in COMMANDS.items() if n.startswith(incomplete)]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def main(self, *args: Any, **extra: Any) -> Any:
        with lasting_streams() as (out, _):
            try:
                return super().main(*args, **extra)
            except SystemExit as end:
                out.flush()
                if out.failure is None or out.failure.errno == errno.EPIPE:  # `| head` has read what it wants
                    raise
                click.echo(f"error: cannot write to standard output: {out.failure.strerror}", err=True)
                raise SystemExit(end.code or 1) from None

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        as_json = _AS_JSON in args[: args.index("--")] if "--" in args else _AS_JSON in args
        try:
            ctx = super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            if not as_json:
                raise
            _say_mistakes([_mistake_of(error, info_name)])
            raise click.exceptions.Exit(error.exit_code) from None
        ctx.meta[_AS_JSON] = as_json
        return ctx

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with ended_by_signals(), warnings.catch_warnings():
                warnings.showwarning = partial(_note, ctx, set(), warnings.showwarning)
                if sys.stderr.isatty():
                    when_compiling(partial(_tell, ctx))
                return super().invoke(ctx)
        except Ended as end:
            click.echo(f"stopped by {end.number.name}{_going_on(ctx)}", err=True)
            ctx.exit(128 + end.number)
        except KeyboardInterrupt:
            click.echo(f"stopped{_going_on(ctx)}", err=True)
            ctx.exit(STOPPED)
        except click.ClickException as error:
            if not ctx.meta[_AS_JSON]:
                raise
            _say_mistakes([_mistake_of(error, ctx.command_path)])
            ctx.exit(error.exit_code)
        except LsmError as error:
            if ctx.meta[_AS_JSON]:
                _say_mistakes(error.each())
            else:
                for each in error.each():
                    click.echo(f"error: {each}", err=True)
            ctx.exit(MISUSE if any(isinstance(each, MisuseError) for each in error.each()) else FAILED)


_AS_JSON = "--json"
"""Looked for before options are read: what is wrong with one of them is told as all else is."""


def _mistake_of(error: click.ClickException, command: str | None) -> LsmError:
    """What click has to say of how a command is called, in the words of other mistakes."""
    where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx is not None else command or ""
    what = error.format_message().rstrip(".")
    return LsmError(what[:1].lower() + what[1:], where=where, hint=f"see `{where} --help`")


def _say_mistakes(mistakes: Sequence[LsmError]) -> None:
    click.echo(json.dumps({"ok": False, "errors": [each.to_json() for each in mistakes]}, indent=2))


def _going_on(ctx: click.Context) -> str:
    return "; the same command goes on from there" if isinstance(ctx.obj, Output) and ctx.obj.goes_on else ""


def _note(
    ctx: click.Context, subjects: set[str], show: Callable[..., None], message: Warning | str, *where: Any
) -> None:
    """A warning of ours as a line on stderr, the first of those about the same; others as Python shows them."""
    if not isinstance(message, LsmWarning):
        show(message, *where)
    elif not (isinstance(ctx.obj, Output) and ctx.obj.quiet) and message.about not in subjects:
        subjects |= {message.about} - {""}
        click.echo(f"note: {visible(str(message))}", err=True)


def _tell(ctx: click.Context, words: str) -> None:
    """What keeps somebody waiting, as a line on a terminal's stderr."""
    if not (isinstance(ctx.obj, Output) and (ctx.obj.quiet or ctx.obj.json)):
        click.echo(f"note: {words}", err=True)


@dataclass
class Output:
    """Where a command speaks: text on stdout, progress on a terminal's stderr, or one JSON object.

    goes_on: whether the same command, once it was stopped, goes on with what was done.
    """

    json: bool = False
    quiet: bool = False
    goes_on: bool = False

    def show(self, report: Report, **more: Any) -> None:
        """The whole report; more: facts that go before its own."""
        self.say(*report.blocks)
        self.facts({**more, **report.facts})

    def say(self, *what: Block | str) -> None:
        """Blocks, or sentences, for people alone."""
        if self.quiet or self.json:
            return
        from lsm_deploy.report.blocks import Line
        from lsm_deploy.report.text import to_text

        blocks = [Line(each) if isinstance(each, str) else each for each in what]
        click.echo(to_text(blocks, lambda text: click.style(text, bold=True)), nl=False)

    def facts(self, facts: Mapping[str, Any]) -> None:
        """The one object of --json."""
        if self.json:
            from lsm_deploy.report.numbers import finite

            click.echo(json.dumps(finite({"ok": True, **facts}), indent=2))

    @contextmanager
    def progress(self, label: str, *, lasting: bool = False) -> Iterator[Progress]:
        """A bar on stderr, on a terminal only. lasting: what is done stays done: it is counted, and gone on with."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        counted = (MofNCompleteColumn(" of "),) if lasting else ()
        columns = (TextColumn("{task.description}"), BarColumn(), *counted, TimeRemainingColumn())
        self.goes_on = lasting
        console = Console(stderr=True)
        hidden = self.quiet or self.json or not console.is_terminal
        with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


def common_options(function: Callable[..., Any]) -> Callable[..., None]:
    """--json and --quiet; the command gets where to speak, as its first argument, and all options that it has."""

    @click.option(_AS_JSON, "as_json", is_flag=True, help="Print one JSON object.")
    @click.option("--quiet", is_flag=True, help="Say nothing but errors.")
    @wraps(function)
    def command(as_json: bool, quiet: bool, **given: Any) -> None:
        output = Output(as_json, quiet)
        click.get_current_context().find_root().obj = output
        function(output, **given)

    return command


def examples(*lines: str) -> str:
    """The end of a command's `--help`, for its `epilog`: lines as a user types them after `lsm-deploy`.

    `tests/test_examples.py` runs every one of them, on the files that it makes.
    """
    return "\b\nExamples:\n" + "\n".join(f"  lsm-deploy {line}" for line in lines)


FILE = click.Path(path_type=Path)


def check_target(target: Path, *inputs: Path | None) -> None:
    """Refuse to write over what is read, or where nothing can be written, before any work is done."""
    for file in inputs:
        if file is not None and (
            os.path.realpath(file) == os.path.realpath(target)
            or (os.path.exists(file) and os.path.exists(target) and os.path.samefile(file, target))
        ):
            raise MisuseError("the output would replace an input", where=str(target), hint="choose another file name")
    if os.path.isdir(target):
        raise LsmError("this is a folder", where=str(target), hint="name a file in it")
    parent = os.path.dirname(os.path.realpath(target))
    if os.path.exists(target) and not os.access(target, os.W_OK):
        raise LsmError("cannot write over this file", where=str(target), hint="choose another file name")
    if (os.path.isfile(target) or not os.path.exists(target)) and not os.access(parent, os.W_OK):
        what = "cannot write here" if os.path.isdir(parent) else "the folder does not exist"
        raise LsmError(what, where=str(target), hint="choose a writable folder")


def check_folder(folder: Path, names: Iterable[str] | None) -> None:
    """Refuse what can be no folder to write to, before any work is done; names: all it may hold; None: anything."""
    from lsm_deploy.store import check_own_folder  # numpy comes with it

    place = Path(os.path.realpath(folder))
    there = next(place for place in (place, *place.parents) if os.path.exists(place))
    if not there.is_dir():
        raise LsmError("a file is in the way", where=str(there), hint="choose another folder")
    if not os.access(there, os.W_OK):
        raise LsmError("cannot write here", where=str(there), hint="choose a writable folder")
    if names is not None:
        check_own_folder(folder, names)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lsm-deploy")
def main() -> None:
    """Compile spiking liquids to Loihi 2's integers, run them bit for bit, and prove that the backends agree."""
