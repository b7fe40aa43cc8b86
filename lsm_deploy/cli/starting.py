"""`init`: a spec to begin with."""

from __future__ import annotations

from pathlib import Path

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, check_target, common_options, examples, main
from lsm_deploy.data import templates


@main.command(
    name="init",
    epilog=examples(
        "init",
        "init frames -o first.yaml",
    ),
)
@click.argument(
    "template",
    required=False,
    shell_complete=lambda context, option, typed: [
        name for name in {**templates.TEMPLATES, **templates.examples()} if name.startswith(typed)
    ],
)
@click.option(
    "-o", "--output", "target", type=FILE, default="liquid.yaml", show_default=True, help="The spec to write."
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
@common_options
def init_command(output: Output, template: str | None, target: Path, force: bool) -> None:
    """Write a spec to begin with, which runs at once: TEMPLATE, or an example of those that come with this.

    Without one, list them all. The files that it needs are written beside it, and the schema by which an editor
    completes a spec. Nothing that is there is overwritten.
    """
    if template is None:
        known = {"Templates": templates.TEMPLATES, "Examples": templates.examples()}
        output.facts({name.lower(): lines for name, lines in known.items()})
        for group, lines in known.items():
            output.say(group, *(f"  {name:<20} {line}" for name, line in lines.items()), "")
        output.say("choose one: lsm-deploy init frames -o liquid.yaml")
        return
    check_target(target)
    written = api.write_template(template, target, force=force)
    output.facts({"written": [str(file) for file in written]})
    spec = api.load(target)
    then = f"eval {target}" if spec.data is not None and spec.data.named else f"run {target} -o trace.npz"
    output.say(*(f"wrote {file}" for file in written), f"next: lsm-deploy check {target}; lsm-deploy {then}")
    output.say("the first of them compiles loops, which takes some five seconds, once on a machine")
