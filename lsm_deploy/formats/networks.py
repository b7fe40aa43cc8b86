"""A network of spiking neurons, whatever wrote it: which reader a file is for is in the file, not in its name."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.formats.account import Line, Reading
from lsm_deploy.formats.integer_files import integers_in
from lsm_deploy.formats.lava_dl.net import read_net
from lsm_deploy.formats.nir_files import reader as nir_reader
from lsm_deploy.store.files import opened
from lsm_deploy.store.hdf5 import SIGNATURE, top_names
from lsm_deploy.store.npz import names_of_arrays

__all__ = ["is_of_rates", "read_for_spec", "reader_of", "taken"]


def read_for_spec(path: Path, usual: Mapping[str, Any], given: Mapping[str, Any]) -> Reading:
    """The spiking network in a file that a spec names. usual: what the spec says anyway, for readers that take it."""
    if is_of_rates(path):
        what = "these are weights of rates, not a network of spiking neurons"
        raise LsmError(what, where=str(path), hint="make a spec of them with `lsm-deploy import --spec DIR`")
    reader = reader_of(path)
    said = {name: value for name, value in usual.items() if name in options_of(reader)}
    return reader(path, **taken((reader,), {**said, **given}, path))


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


def reader_of(path: Path) -> Callable[..., Reading]:
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
    network = integers_in(path)
    size = f"{network.neurons} neurons, {network.synapses} synapses, as they are"
    return Reading(network, network.populations[-1].name, (Line(path.name, "integers", "exact", size),))


def options_of(*readers: Callable[..., Any]) -> list[str]:
    parameters = [p for reader in readers for p in signature(reader).parameters.values()]
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]


def taken(readers: Sequence[Callable[..., Any]], options: dict[str, Any], path: Path) -> dict[str, Any]:
    """The options, all of which the readers know."""
    known = options_of(*readers)
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
