"""Options that several commands have. Commands that run something share them; the others stay quick to load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from lsm_deploy.cli.app import FILE
from lsm_deploy.run.backends import BACKENDS, DEFAULT, FAST

__all__ = ["BACKEND_OPTION", "INPUT_OPTION", "SAMPLES_OPTION", "names_in", "workers_options"]

BACKEND_OPTION = click.option(
    "--backend",
    default=DEFAULT,
    show_default=True,
    help=f"Where to run; see `lsm-deploy backends`. {DEFAULT}: {FAST}, or the emulator for neuron kinds that it lacks.",
    shell_complete=lambda context, option, typed: [name for name in (DEFAULT, *BACKENDS) if name.startswith(typed)],
)
INPUT_OPTION = click.option(
    "--input",
    "input_file",
    type=FILE,
    help="A stimulus (.npz), or data to encode; left out, the spec's test data, or a Poisson stimulus.",
)
SAMPLES_OPTION = click.option("--samples", type=click.IntRange(1), help="Only the first so many samples.")


def workers_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--workers and --cluster, which `lsm_deploy.workers` takes as they are."""
    for option in (_CLUSTER, _WORKERS):
        command = option(command)
    return command


_WORKERS = click.option(
    "--workers",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Work in so many processes of this machine, each of one thread; 0: in this one.",
)
_CLUSTER = click.option(
    "--cluster",
    metavar="ADDRESS|FILE.json",
    help="Work on a Dask cluster, instead: where its scheduler is (see `lsm-deploy manual cluster`).",
)


def names_in(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
