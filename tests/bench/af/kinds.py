"""Kinds of liquid for atrial fibrillation, each written down before it was measured: how they differ from the spec.

Wiring as the spec has it, sparse positive input, slow membranes, adaptive thresholds: of 16, 32 and 64 neurons each.
Relays, a neuron for each input channel that spikes when it does, let a readout see the encoded input: alone, and beside
16 or 32 neurons, so that 16 to 64 are read in all.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import lsm_deploy as ld
from lsm_deploy.spec.schema import Spec

__all__ = ["AS_WRITTEN", "ENCODED", "LIQUIDS_OF", "liquid_of", "neurons_of"]

Dict = dict[str, Any]
Change = Callable[[Dict], None]

SIZES = (16, 32, 64)
BESIDE = (16, 32)
"""Neurons beside relays."""


def _sized(size: int) -> Change:
    def change(spec: Dict) -> None:
        spec["populations"]["liquid"]["size"] = size

    return change


def _sparse_positive(spec: Dict) -> None:
    """Each neuron hears two channels, which excite it, and no other neuron."""
    spec["projections"] = [spec["projections"][0]]
    spec["projections"][0] |= {
        "topology": {"kind": "erdos_renyi", "in_degree": 2},
        "weight": {"distribution": "gamma", "mean": 0.3, "std": 0.1},
    }


def _slow(spec: Dict) -> None:
    """Ten beats in the place of two."""
    neuron = spec["populations"]["liquid"]["neuron"]
    neuron |= {"tau_mem_ms": {"distribution": "lognormal", "mean": 100.0, "std": 50.0}}


def _adaptive(spec: Dict) -> None:
    """Each spike raises the neuron's threshold by a tenth, for ten beats or so."""
    neuron = spec["populations"]["liquid"]["neuron"]
    thresholds = {"tau_threshold_ms": {"distribution": "lognormal", "mean": 100.0, "std": 50.0}, "threshold_step": 0.1}
    neuron |= {"kind": "ATRLIF", **thresholds}


def _relayed(spec: Dict) -> None:
    """A neuron for each channel of the input, which relays it to the readout; no current is left after a spike."""
    channels = ld.Spec.from_dict(spec).input.spike_channels
    spec["populations"]["relay"] = {"size": channels, "neuron": {"kind": "LIF", "tau_mem_ms": 0.1, "tau_syn_ms": 0.0}}
    wire = {"source": "input", "target": "relay", "topology": {"kind": "one_to_one"}, "weight": 1.5}
    spec["projections"].append(wire)
    spec["readout"]["population"] = ["liquid", "relay"]


def _relays_alone(spec: Dict) -> None:
    """The encoded input and nothing else, in neurons."""
    _relayed(spec)
    del spec["populations"]["liquid"]
    spec["projections"] = [each for each in spec["projections"] if each["target"] == "relay"]
    spec["readout"]["population"] = "relay"


def _cut(spec: Dict) -> None:
    spec["projections"] = [each for each in spec["projections"] if each["source"] == "input"]


ENCODED = "30 relays of the input alone"
AS_WRITTEN = "32 as written"
_WAYS: Mapping[str, tuple[Change, ...]] = {
    "as written": (),
    "with sparse positive input": (_sparse_positive,),
    "slow": (_slow,),
    "adaptive": (_adaptive,),
}
LIQUIDS_OF: Mapping[str, tuple[Change, ...]] = {
    ENCODED: (_relays_alone,),
    **{f"{size} {way}": (*changes, _sized(size)) for way, changes in _WAYS.items() for size in SIZES},
    **{
        f"{size} {way} and 30 relays": (*_WAYS[way], _sized(size), _relayed)
        for way in ("as written", "adaptive")
        for size in BESIDE
    },
}
"""All that were tried."""


def liquid_of(spec: Spec, name: str, *, cut: bool = False) -> Spec:
    """The spec changed so; cut: without what connects neurons to each other, too."""
    changed = copy.deepcopy(spec.to_dict())
    for change in (*LIQUIDS_OF[name], *((_cut,) if cut else ())):
        change(changed)
    return ld.Spec.from_dict(changed)


def neurons_of(spec: Spec) -> int:
    return sum(population.size for population in spec.populations.values())
