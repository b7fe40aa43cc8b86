"""Somebody else's network, whatever wrote it: of spiking neurons, or the weights of one of rates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lsm_deploy.core.activations import ACTIVATIONS
from lsm_deploy.core.errors import MisuseError, require_path
from lsm_deploy.exchange.imported import Imported
from lsm_deploy.exchange.matrices import from_matrices
from lsm_deploy.exchange.weight_files import from_file
from lsm_deploy.formats.account import Line, Reading, Verdict
from lsm_deploy.formats.networks import is_of_rates, reader_of, taken

__all__ = ["import_rates", "read_network"]


def read_network(file: str | Path, **options: Any) -> Reading:
    """The network in a file, and a line of account for each of its parts.

    A network of lava-dl's (`.net`) takes `dt_ms`; a NIR graph `source`, `dt_ms`, `scheme`, `reset`, `if_input`,
    `weight_bits` and `max_synapses`; an integer network (`.npz`) none; weights of rate networks (`.npz`,
    `.safetensors`, `.pt`) what `from_file` takes. An LsmError names each node that cannot be read, and each option that
    has no use here is a MisuseError.
    """
    path = require_path(file)
    if not is_of_rates(path):
        reader = reader_of(path)
        return reader(path, **taken((reader,), options, path))
    imported = import_rates(path, options)
    lines = tuple(_line(path.name, note) for note in imported.notes)
    return Reading(imported.network, imported.population, lines)


def import_rates(path: Path, options: dict[str, Any]) -> Imported:
    """The rate network of the weights in a file; options as `from_file` takes them."""
    if "activation" not in options:
        hint = f"give the activation (--activation): {', '.join(ACTIVATIONS)}"
        raise MisuseError("weights do not say what a unit makes of its input", where=str(path), hint=hint)
    return from_file(path, **taken((from_file, from_matrices), options, path))


def _line(file: str, note: str) -> Line:
    """A note of an importer's, which begins with what it is."""
    verdict: dict[str, Verdict] = {"approximated": "approximated", "assumed": "assumed"}
    return Line(file, "weights", verdict.get(note.partition(":")[0], "exact"), note)
