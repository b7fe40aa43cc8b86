"""`manual`: pages to read, and pages made from the code."""

from __future__ import annotations

from collections.abc import Iterator

import click

from lsm_deploy.cli.app import examples, main
from lsm_deploy.report.manual import TOPICS, manual_page


@main.command(
    name="manual",
    epilog=examples(
        "manual",
        "manual own-data",
    ),
)
@click.argument(
    "topic",
    required=False,
    shell_complete=lambda context, option, typed: [
        t for group in TOPICS.values() for t in group if t.startswith(typed)
    ],
)
def manual_command(topic: str | None) -> None:
    """Print the page of the manual on TOPIC; without one, list all topics."""
    if topic is None:
        for group, topics in TOPICS.items():
            click.echo(f"{group}\n" + "".join(f"  {name:<16} {line}\n" for name, line in topics.items()))
    else:
        click.echo_via_pager(_commands() if topic == "commands" else manual_page(topic))


def _commands() -> str:
    """Every command's help, as the command itself prints it."""
    return "# Commands\n\n" + "\n\n".join(_helps(main, click.Context(main, info_name="lsm-deploy"))) + "\n"


def _helps(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, context, info_name=name, terminal_width=116)
        yield f"## {inner.command_path}\n\n{command.get_help(inner)}"
        if isinstance(command, click.Group):
            yield from _helps(command, inner)
