"""What a neuron kind is: the names that each module in this folder defines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, get_type_hints

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.fixed import Ints

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """What one step of `n` neurons leaves behind."""

    state: dict[str, Ints]
    spikes: NDArray[np.int8]
    wrapped: NDArray[np.bool_]
    """Where `u` left its 24 bits."""
    saturated: NDArray[np.bool_]
    """Where `v` was clipped to its 24 bits."""


class Kind(Protocol):
    """A neuron kind. `Parameters` and `Registers` are dataclasses whose fields carry their bounds."""

    NAME: str
    STATE: tuple[str, ...]
    Parameters: type[Any]
    Registers: type[Any]

    @staticmethod
    def largest_scale(parameters: Mapping[str, Floats]) -> float: ...
    @staticmethod
    def quantise(parameters: Mapping[str, Floats], scale: float, dt_ms: float) -> dict[str, Ints]: ...
    @staticmethod
    def realise(registers: Mapping[str, Ints], scale: float, dt_ms: float) -> dict[str, Floats]: ...
    @staticmethod
    def step(registers: Mapping[str, Ints], state: Mapping[str, Ints], a: Ints) -> Step: ...
    @staticmethod
    def chip_view(register: str, values: NDArray[np.int32], spikes: NDArray[np.int8]) -> NDArray[np.int32]: ...


def bounds(declaration: type[Any], field: str) -> tuple[float, float]:
    """The closed range that a field's annotation allows; an open bound counts as closed."""
    low, high = -np.inf, np.inf
    for mark in _metadata(declaration, field):
        low = max(low, getattr(mark, "ge", -np.inf), getattr(mark, "gt", -np.inf))
        high = min(high, getattr(mark, "le", np.inf), getattr(mark, "lt", np.inf))
    return low, high


def breaks_bound(declaration: type[Any], field: str, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where values lie outside what a field's annotation allows."""
    bad: NDArray[np.bool_] = ~np.isfinite(values)
    for mark in _metadata(declaration, field):
        for name, allowed in _ALLOWED.items():
            if hasattr(mark, name):
                bad |= ~allowed(values, getattr(mark, name))
    return bad


_ALLOWED: dict[str, Any] = {"ge": np.greater_equal, "gt": np.greater, "le": np.less_equal, "lt": np.less}


def _metadata(declaration: type[Any], field: str) -> tuple[Any, ...]:
    return getattr(get_type_hints(declaration, include_extras=True)[field], "__metadata__", ())
