"""Networks that others made, in the place of a population: `populations: {liquid: {from: FILE}}`."""

from __future__ import annotations

from dataclasses import fields, replace

from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.ir import INPUT, Network
from lsm_deploy.core.messages import BINARY
from lsm_deploy.formats.networks import read_for_spec
from lsm_deploy.spec import Spec, schema

__all__ = ["network_in_file"]

_OPTIONS = [each.name for each in fields(schema.FromFile) if each.name != "file"]


def network_in_file(name: str, section: schema.FromFile, spec: Spec) -> Network:
    """The network in a file, its populations called as a spec names them; LsmErrors where it does not fit the input."""
    usual = {"dt_ms": spec.dt_ms, "weight_bits": spec.quantise.weight_bits}
    given = {each: value for each in _OPTIONS if (value := getattr(section, each)) is not None}
    reading = read_for_spec(section.file, usual, given)
    network = reading.network
    errors = []
    where = f"population {name!r}"
    if network.channels != spec.input.spike_channels:
        what = f"{section.file.name} takes {network.channels} channels, and the input has {spec.input.spike_channels}"
        errors.append(LsmError(what, where=where, hint="give input as many channels"))
    if spec.input.message != network.input and not (isinstance(network, Network) and network.input == BINARY):
        what = f"{section.file.name} takes {network.input}, and the encoder makes {spec.input.message}"
        errors.append(LsmError(what, where=where, hint="choose another encoder"))
    raise_all(errors)
    names = {p.name: name if p.name == reading.output else f"{name}/{p.name}" for p in network.populations}
    names[INPUT] = INPUT
    populations = tuple(replace(p, name=names[p.name]) for p in network.populations)
    projections = tuple(
        replace(p, name=f"{name}: {p.name}", source=names[p.source], target=names[p.target])
        for p in network.projections
    )
    return Network(spec.dt_ms, network.channels, 0, populations, projections, spec.input.message)
