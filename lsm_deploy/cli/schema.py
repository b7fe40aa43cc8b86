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
    ),
)
@click.argument("what", type=click.Choice(list(SCHEMAS)), default="spec")
def schema_command(what: str) -> None:
    """Print the JSON Schema (draft 2020-12) of a spec, for editors to complete and check one by.

    An editor with a YAML language server takes it where the first line of a spec says

    \b
      # yaml-language-server: $schema=spec.schema.json
    """
    click.echo(json.dumps(json_schema(what), indent=1))
