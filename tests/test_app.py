"""The command group: commands are listed, completed and explained without what they import, and loaded when run."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from lsm_deploy.cli.app import COMMANDS, main

HEAVY = {"numpy", "numba", "scipy", "sklearn", "yaml", "pydantic", "rich", "matplotlib", "lsm_backends"}


def commands(group: click.Group = main) -> dict[str, click.Command]:
    context = click.Context(group)
    return {name: command for name in group.list_commands(context) if (command := group.get_command(context, name))}


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--help"], {}),
        (["--version"], {}),
        (["completion", "bash"], {}),
        (["no-such-command"], {}),
        ([], {"_LSM_DEPLOY_COMPLETE": "bash_complete", "COMP_WORDS": "lsm-deploy c", "COMP_CWORD": "1"}),
        ([], {"_LSM_DEPLOY_COMPLETE": "zsh_complete", "COMP_WORDS": "lsm-deploy ", "COMP_CWORD": "1"}),
    ],
)
def test_lists_and_completion_load_nothing_heavy(arguments: list[str], environment: dict[str, str]) -> None:
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr))\n"
        f"sys.argv = ['lsm-deploy', *{arguments}]\n"
        "from lsm_deploy.cli import main\n"
        "main(prog_name='lsm-deploy')"
    )
    environment = {**os.environ, **environment}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    loaded = set(run.stderr.split("\n")[-2].split())
    assert "click" in loaded
    assert not loaded & HEAVY
    assert run.stdout or run.returncode == 2


def test_the_table_has_every_command_in_its_module() -> None:
    listed = commands()
    assert list(listed) == list(COMMANDS)
    assert set(main.commands) == set(COMMANDS)  # all modules are loaded now: none brought another command
    for name, command in listed.items():
        assert command.callback is not None
        assert command.callback.__module__ == f"lsm_deploy.cli.{COMMANDS[name][0]}"
        assert command.help


def test_a_list_of_commands_has_a_line_for_each() -> None:
    lines = CliRunner().invoke(main, ["--help"], terminal_width=80).output.splitlines()
    lines = lines[lines.index("Commands:") + 1 :]
    assert [line.split()[0] for line in lines] == list(COMMANDS)
    assert all(line.endswith(".") for line in lines)


def test_completion_gives_each_name_and_its_line() -> None:
    context = click.Context(main)
    given = main.shell_complete(context, "comp")
    assert [(item.value, item.help) for item in given] == [(n, COMMANDS[n][1]) for n in ("compile", "completion")]
    assert "--version" in [item.value for item in main.shell_complete(context, "--")]


def test_the_package_runs_as_a_module() -> None:
    run = subprocess.run([sys.executable, "-m", "lsm_deploy", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout == f"lsm-deploy, version {version('lsm-deploy')}\n"
    assert import_module("lsm_deploy.cli").main is main
