"""The command group: how a mistake is told, where a command speaks, and the options that all commands share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from lsm_deploy.core.errors import LsmError
from lsm_deploy.run.backends import BACKENDS, DEFAULT

__all__ = ["BACKEND_OPTION", "FILE", "Output", "check_target", "common_options", "main", "output_of"]

_F = TypeVar("_F", bound=Callable[..., Any])


class Group(click.Group):
    """Turns a user's mistake into a paragraph on stderr (or JSON on stdout) and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LsmError as error:
            inner = ctx.obj
            if isinstance(inner, Output) and inner.json:
                click.echo(json.dumps({"ok": False, "errors": [e.to_json() for e in error.each()]}, indent=2))
            else:
                for each in error.each():
                    click.echo(f"error: {each}", err=True)
            ctx.exit(1)


@dataclass
class Output:
    """Where a command speaks: text on stdout, progress on a terminal's stderr, or one JSON object."""

    json: bool = False
    quiet: bool = False

    @property
    def console(self) -> Console:
        # Tables keep their width on any terminal: a cut number is worse than a wrapped line.
        return Console(highlight=False, markup=False, width=160, quiet=self.quiet or self.json, soft_wrap=True)

    def facts(self, facts: dict[str, Any]) -> None:
        if self.json:
            click.echo(json.dumps({"ok": True, **facts}, indent=2))

    @contextmanager
    def progress(self, label: str) -> Iterator[Callable[[int, int], None]]:
        """A bar on stderr, on a terminal only."""
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        hidden = self.quiet or self.json or not console.is_terminal
        with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


def common_options(*, as_json: bool = True) -> Callable[[_F], _F]:
    def decorate(function: _F) -> _F:
        function = click.option("--quiet", is_flag=True, help="Say nothing but errors.")(function)
        if as_json:
            function = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)
        return function

    return decorate


def output_of(as_json: bool = False, quiet: bool = False) -> Output:
    output = Output(as_json, quiet)
    context = click.get_current_context()
    while context.parent is not None:
        context = context.parent
    context.obj = output
    return output


FILE = click.Path(path_type=Path)
BACKEND_OPTION = click.option(
    "--backend",
    default=DEFAULT,
    show_default=True,
    help="Where to run; see `lsm-deploy backends`.",
    shell_complete=lambda context, option, typed: [name for name in BACKENDS if name.startswith(typed)],
)


def check_target(target: Path, *inputs: Path | None) -> None:
    """Refuse to write over what is read, or where nothing can be written, before any work is done."""
    for file in inputs:
        if file is not None and (
            file.resolve() == target.resolve() or (file.exists() and target.exists() and os.path.samefile(file, target))
        ):
            raise LsmError("the output would replace an input", where=str(target), hint="choose another file name")
    if target.is_dir():
        raise LsmError("this is a folder", where=str(target), hint="name a file in it")
    if not os.access(target.absolute().parent, os.W_OK):
        what = "cannot write here" if target.absolute().parent.is_dir() else "the folder does not exist"
        raise LsmError(what, where=str(target), hint="choose a writable folder")


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lsm-deploy")
def main() -> None:
    """Compile spiking liquids to Loihi 2's integers, run them bit for bit, and prove that the backends agree."""
