"""Somebody else's network, whatever wrote it: which reader a file is for is in the file, not in its name."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from lsm_deploy.compile.pipeline import integers_of_network
from lsm_deploy.core.activations import ACTIVATIONS
from lsm_deploy.core.errors import LsmError, MisuseError, raise_all, require_path
from lsm_deploy.exchange.account import Line, Reading, Verdict
from lsm_deploy.exchange.imported import Imported
from lsm_deploy.exchange.lava_dl_net import read_net
from lsm_deploy.exchange.matrices import from_matrices
from lsm_deploy.exchange.nir_files import reader as nir_reader
from lsm_deploy.exchange.weight_files import from_file
from lsm_deploy.store.files import opened
from lsm_deploy.store.hdf5 import SIGNATURE, top_names
from lsm_deploy.store.npz import names_of_arrays

__all__ = ["import_rates", "is_of_rates", "read_network"]


def read_network(file: str | Path, **options: Any) -> Reading:
    """The network in a file, and a line of account for each of its parts.

    A network of lava-dl's (`.net`) takes `dt_ms`; a NIR graph `source`, `dt_ms`, `scheme`, `reset`, `if_input`,
    `weight_bits` and `max_synapses`; an integer network (`.npz`) none; weights of rate networks (`.npz`,
    `.safetensors`, `.pt`) what `from_file` takes. An LsmError names each node that cannot be read, and each option that
    has no use here is a MisuseError.
    """
    path = require_path(file)
    if not is_of_rates(path):
        reader = _reader_of(path)
        return reader(path, **_taken((reader,), options, path))
    imported = import_rates(path, options)
    lines = tuple(_line(path.name, note) for note in imported.notes)
    return Reading(imported.network, imported.population, lines)


def read_for_spec(path: Path, usual: Mapping[str, Any], given: Mapping[str, Any]) -> Reading:
    """The spiking network in a file that a spec names. usual: what the spec says anyway, for readers that take it."""
    if is_of_rates(path):
        what = "these are weights of rates, not a network of spiking neurons"
        raise LsmError(what, where=str(path), hint="make a spec of them with `lsm-deploy import --spec DIR`")
    reader = _reader_of(path)
    said = {name: value for name, value in usual.items() if name in _options_of(reader)}
    return reader(path, **_taken((reader,), {**said, **given}, path))


def import_rates(path: Path, options: dict[str, Any]) -> Imported:
    """The rate network of the weights in a file; options as `from_file` takes them."""
    if "activation" not in options:
        hint = f"give --activation {'|'.join(ACTIVATIONS)}"
        raise MisuseError("weights do not say what a unit makes of its input", where=str(path), hint=hint)
    return from_file(path, **_taken((from_file, from_matrices), options, path))


def is_of_rates(path: Path) -> bool:
    """Whether a file holds the weights of a rate recurrence, and so no spiking network: whatever is neither in it nor
    in its name."""
    with opened(path) as (file, _):
        start = file.read(len(SIGNATURE))
    if start == SIGNATURE or path.suffix in _OF_SPIKES:
        return False
    return not (start.startswith(b"PK") and _is_integer_network(path))


_OF_SPIKES = (".nir", ".net")
"""Endings of what is HDF5, or damaged."""


def _reader_of(path: Path) -> Callable[..., Reading]:
    """Of a file of spiking neurons."""
    if path.suffix not in _OF_SPIKES and zipfile.is_zipfile(path):
        return _read_integers
    names = top_names(path)
    if "node" in names:
        return nir_reader.read
    if "layer" in names:
        return read_net
    what = f"this HDF5 file holds {', '.join(sorted(names)) or 'nothing'}: neither a graph of NIR's nor layers"
    raise LsmError(what, where=str(path), hint="write it with `nir.write`, or with lava-dl's `export_hdf5`")


def _read_integers(path: Path) -> Reading:
    network = integers_of_network(path)
    size = f"{network.neurons} neurons, {network.synapses} synapses, as they are"
    return Reading(network, network.populations[-1].name, (Line(path.name, "integers", "exact", size),))


def _options_of(*readers: Callable[..., Any]) -> list[str]:
    parameters = [p for reader in readers for p in signature(reader).parameters.values()]
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]


def _taken(readers: Sequence[Callable[..., Any]], options: dict[str, Any], path: Path) -> dict[str, Any]:
    """The options, all of which the readers know."""
    known = _options_of(*readers)
    hint = f"choose from {', '.join(known)}" if known else "leave it out"
    raise_all(
        [
            MisuseError(f"this file has no use for {name}", where=str(path), hint=hint)
            for name in options
            if name not in known
        ]
    )
    return options


def _is_integer_network(path: Path) -> bool:
    return bool({"du", "dv", "vth", "populations"} & names_of_arrays(path))


def _line(file: str, note: str) -> Line:
    """A note of an importer's, which begins with what it is."""
    verdict: dict[str, Verdict] = {"approximated": "approximated", "assumed": "assumed"}
    return Line(file, "weights", verdict.get(note.partition(":")[0], "exact"), note)
