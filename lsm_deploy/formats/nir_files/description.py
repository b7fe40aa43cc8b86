"""What NIR cannot say of a network of ours, in the metadata of its graph: all that it is, as a tree of arrays.

lsm_deploy/dt_ms, scheme                      of the file
lsm_deploy/step_ms, channels, sample_interval of the network
lsm_deploy/populations/<i>/...                the fields of a `Population`, or of a `QPopulation` where there is a scale
lsm_deploy/projections/<i>/...                those of a `Projection`, or of a `QProjection` where there is a weight_exp

Whoever changes the nodes of such a graph does not change these. So they are believed if they give the same nodes again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

import numpy as np

from lsm_deploy.core.ir import Network, Population, Projection, QNetwork, QPopulation, QProjection, SignMode
from lsm_deploy.formats.bits import check_bits

__all__ = ["OURS", "described", "network_in"]

OURS = "lsm_deploy"


def described(network: Network | QNetwork) -> dict[str, Any]:
    """The tree of a network."""
    return {
        "step_ms": network.dt_ms,
        "channels": network.channels,
        "sample_interval": network.sample_interval,
        "integers": isinstance(network, QNetwork),
        "populations": {str(i): _fields(p) for i, p in enumerate(network.populations)},
        "projections": {str(i): _fields(p) for i, p in enumerate(network.projections)},
    }


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def network_in(tree: Mapping[str, Any]) -> Network | QNetwork:
    """The network that a tree describes. ValueError, KeyError, TypeError or AttributeError: it describes none."""
    numbers = {name: tree[name].item() for name in ("step_ms", "channels", "sample_interval", "integers")}
    whole = bool(numbers["integers"])
    populations = [
        _made(QPopulation if whole or "scale" in each else Population, each) for each in _listed(tree["populations"])
    ]
    projections = [
        _made(QProjection if whole or "weight_exp" in each else Projection, each)
        for each in _listed(tree["projections"])
    ]
    return (QNetwork if whole else Network)(
        dt_ms=float(numbers["step_ms"]),
        channels=int(numbers["channels"]),
        sample_interval=int(numbers["sample_interval"]),
        populations=tuple(populations),
        projections=tuple(projections),
    )


def _listed(tree: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [tree[str(i)] for i in range(len(tree))]


def _made(cls: Any, given: Mapping[str, Any]) -> Any:
    """Numbers and text come as arrays without axes. What constructors take on trust is looked at here."""
    values = {name: v.item() if isinstance(v, np.ndarray) and not v.ndim else v for name, v in given.items()}
    for name, value in values.items():
        wanted = _TYPES.get(name, (np.ndarray, dict))
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise TypeError(f"{name} is {value!r:.40}")
    if values.get("sign_mode", "mixed") not in get_args(SignMode) or check_bits(
        weight_bits=values.get("weight_bits", 1)
    ):
        raise ValueError("a projection has no such sign mode, or no so many bits")
    if not np.isfinite(values.get("delay_ms", 0.0)).all():
        raise ValueError("a delay is not finite")
    return cls(**values)


_TYPES: dict[str, Any] = {
    **dict.fromkeys(("name", "kind", "source", "target", "sign_mode"), str),
    **dict.fromkeys(("size", "weight_bits", "num_weight_bits", "weight_exp", "port"), int),
    "scale": float,
}
"""Of fields that are no arrays."""
