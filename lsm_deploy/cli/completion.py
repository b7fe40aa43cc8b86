"""`completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from lsm_deploy.cli.app import examples, main


@main.command(
    name="completion",
    epilog=examples("completion bash > lsm-deploy.bash"),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print the completion script of a shell: eval "$(lsm-deploy completion bash)"."""
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(main, {}, "lsm-deploy", "_LSM_DEPLOY_COMPLETE").source())
