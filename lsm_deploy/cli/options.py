"""The option that names a backend: commands that run something share it, and those that do not stay quick to load."""

from __future__ import annotations

import click

from lsm_deploy.run.backends import BACKENDS, DEFAULT

__all__ = ["BACKEND_OPTION"]

BACKEND_OPTION = click.option(
    "--backend",
    default=DEFAULT,
    show_default=True,
    help="Where to run; see `lsm-deploy backends`.",
    shell_complete=lambda context, option, typed: [name for name in BACKENDS if name.startswith(typed)],
)
