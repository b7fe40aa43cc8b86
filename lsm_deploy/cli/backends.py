"""`backends`: which are here. A file of its own, so that the list is there at once."""

from __future__ import annotations

from lsm_deploy.cli.app import Output, common_options, examples, main
from lsm_deploy.run import backends


@main.command(
    name="backends",
    epilog=examples("backends"),
)
@common_options
def backends_command(output: Output) -> None:
    """List the backends, and why one cannot run here."""
    missing = backends.missing()
    output.facts({"backends": [{"name": n, "installed": why is None, "missing": why} for n, why in missing.items()]})
    for name, why in missing.items():
        output.say(f"{name:10} {'installed' if why is None else f'missing: {why}'}")
