"""Where a search may look: ranges and choices at paths of a spec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from annotated_types import Len
from pydantic import Discriminator, Tag

from lsm_deploy.spec.values import Flag, Number, Positive, Text, forbid_unknown

__all__ = [
    "NO_RANGE",
    "Choices",
    "Interval",
    "Range",
    "Search",
]


@dataclass(frozen=True)
class Interval:
    """Numbers from `low` to `high`, both included: all of them, in equal parts of their logarithm, or each `step`."""

    low: Number
    high: Number
    log: Flag = False
    step: Positive | None = None

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise ValueError(f"low is {self.low}, not below high, which is {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low}, which has no logarithm")
        if self.log and self.step is not None:
            raise ValueError("give either log or step")


@dataclass(frozen=True)
class Choices:
    """Any values, without an order."""

    choices: Annotated[tuple[Any, ...], Len(2)]


NO_RANGE = "no_range"
"""The complaint about what is none of these."""


def _shape_of_range(value: Any) -> str | None:
    if isinstance(value, dict):
        return "choices" if "choices" in value else "interval" if {"low", "high", "log", "step"} & set(value) else None
    return "ends" if isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value)) else None


def _is_number(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and math.isfinite(value)
    )


Range: TypeAlias = Annotated[
    Annotated[tuple[Number, ...], Len(2, 2), Tag("ends")]
    | Annotated[Interval, Tag("interval")]
    | Annotated[Choices, Tag("choices")],
    Discriminator(_shape_of_range, custom_error_type=NO_RANGE, custom_error_message=NO_RANGE),
]

Search: TypeAlias = Mapping[Text, Range]
"""What may be varied to make the liquid good: dotted paths of the spec, such as `projections.0.gain`, and their values.

A range is `[low, high]`, `{low, high, log, step}` or `{choices: [...]}`.
"""


forbid_unknown(globals())
