"""`schema`: what a file may hold, for editors and other programs."""

from __future__ import annotations

import json

import click

from lsm_deploy.cli.app import examples, main
from lsm_deploy.report.schemas import SCHEMAS, json_schema


@main.command(
    name="schema",
    epilog=examples(
        "schema > spec.schema.json",
        "schema eval > eval.schema.json    # of what `eval --json` prints",
    ),
)
@click.argument("what", type=click.Choice(list(SCHEMAS)), default="spec")
def schema_command(what: str) -> None:
    """Print the JSON Schema (draft 2020-12) of a spec, or of what a command prints with --json.

    An editor completes a spec by it, and checks one, and a program knows what it may build on.

    An editor with a YAML language server takes it where the first line of a spec says

    \b
      # yaml-language-server: $schema=spec.schema.json
    """
    click.echo(json.dumps(json_schema(what), indent=1))
