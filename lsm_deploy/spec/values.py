"""Values as a user may write them: numbers within bounds, distributions, one for each pair of types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from pydantic import AfterValidator, AllowInfNan, Discriminator, Field, Strict, Tag

__all__ = [
    "Constant",
    "Count",
    "Delay",
    "DelayByDistance",
    "Distribution",
    "Flag",
    "Gain",
    "Gamma",
    "Integer",
    "Lognormal",
    "Normal",
    "NotNegative",
    "Number",
    "PerType",
    "PerTypeGain",
    "PerTypeProbability",
    "Positive",
    "Probability",
    "Size",
    "Text",
    "Uniform",
    "Value",
    "Weight",
    "forbid_unknown",
    "plain",
    "shape_of_value",
]


def ordinary(number: float) -> float:
    """A number of which squares, quotients and a million together are numbers, too; 0 has no sign."""
    if number and not 1e-30 <= abs(number) <= 1e30:
        raise ValueError(f"{number:g} is neither 0 nor of 1e-30 to 1e+30 in magnitude")
    return number + 0.0


Number: TypeAlias = Annotated[float, Strict(), AllowInfNan(False), AfterValidator(ordinary)]
Integer: TypeAlias = Annotated[int, Strict()]
Flag: TypeAlias = Annotated[bool, Strict()]
Text: TypeAlias = Annotated[str, Strict()]
Probability: TypeAlias = Annotated[Number, Ge(0), Le(1)]
Positive: TypeAlias = Annotated[Number, Gt(0)]
NotNegative: TypeAlias = Annotated[Number, Ge(0)]
Count: TypeAlias = Annotated[Integer, Ge(1)]
Size: TypeAlias = Annotated[
    Annotated[Count, Le(1_000_000), Tag("whole number")] | Annotated[Number, Gt(0), Lt(1), Tag("share")],
    Discriminator(lambda written: "share" if isinstance(written, float) else "whole number"),
]
"""So many, or a share of all."""


# --- values that may vary over neurons or synapses ---------------------------------------------------------------


@dataclass(frozen=True)
class Constant:
    """The same `value` everywhere, as a plain number means it."""

    distribution: Literal["constant"]
    value: Number


@dataclass(frozen=True)
class Uniform:
    """Any value from `low` to `high`, all alike."""

    distribution: Literal["uniform"]
    low: Number
    high: Number

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low is {self.low}, above high, which is {self.high}")


@dataclass(frozen=True)
class Normal:
    """The normal distribution; a value beyond what its field allows is drawn again."""

    distribution: Literal["normal"]
    mean: Number
    std: NotNegative


@dataclass(frozen=True)
class Lognormal:
    """`mean` and `std` are those of the variable itself, not of its logarithm."""

    distribution: Literal["lognormal"]
    mean: Positive
    std: NotNegative


@dataclass(frozen=True)
class Gamma:
    """`mean` and `std` of the variable; shape is (mean / std)**2. Maass et al. (2002) take std = mean for weights."""

    distribution: Literal["gamma"]
    mean: Positive
    std: Positive


Distribution: TypeAlias = Annotated[
    Constant | Uniform | Normal | Lognormal | Gamma, Field(discriminator="distribution")
]


def shape_of_value(value: Any) -> str:
    if not isinstance(value, dict):
        return "number"
    if {"EE", "EI", "IE", "II"} & value.keys():
        return "per type"
    return "by distance" if {"per_unit_ms", "offset_ms"} & value.keys() else "a distribution"


Value: TypeAlias = Annotated[
    Annotated[Number, Tag("number")] | Annotated[Distribution, Tag("a distribution")], Discriminator(shape_of_value)
]


@dataclass(frozen=True)
class PerType:
    """One value for each pair of types; the first letter is the source's, E excitatory or I inhibitory."""

    EE: Value
    EI: Value
    IE: Value
    II: Value


@dataclass(frozen=True)
class PerTypeProbability:
    """The constant C for each pair of types, the source's first; a probability above 1 counts as 1."""

    EE: NotNegative
    EI: NotNegative
    IE: NotNegative
    II: NotNegative


@dataclass(frozen=True)
class PerTypeGain:
    """A gain for each pair of types, which sets the balance of excitation and inhibition; 1 where left out."""

    EE: Positive = 1.0
    EI: Positive = 1.0
    IE: Positive = 1.0
    II: Positive = 1.0


@dataclass(frozen=True)
class DelayByDistance:
    """offset_ms + per_unit_ms * Euclidean distance, between neurons on grids."""

    per_unit_ms: NotNegative
    offset_ms: NotNegative = 0.0


Weight: TypeAlias = Annotated[
    Annotated[Number, Tag("number")]
    | Annotated[Distribution, Tag("a distribution")]
    | Annotated[PerType, Tag("per type")],
    Discriminator(shape_of_value),
]
Gain: TypeAlias = Annotated[
    Annotated[Positive, Tag("number")] | Annotated[PerTypeGain, Tag("pertypegain")],
    Discriminator(lambda value: "pertypegain" if isinstance(value, dict | PerTypeGain) else "number"),
]
Delay: TypeAlias = Annotated[
    Annotated[NotNegative, Tag("number")]
    | Annotated[Distribution, Tag("a distribution")]
    | Annotated[DelayByDistance, Tag("by distance")],
    Discriminator(shape_of_value),
]


def plain(value: Any) -> Any:
    """A value with Python's numbers where it, or what is in it, has numpy's: files and digests know no others."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        items = {key: plain(each) for key, each in value.items()}
        return items if any(items[key] is not each for key, each in value.items()) else value
    if isinstance(value, list | tuple):
        each = [plain(item) for item in value]
        return type(value)(each) if any(a is not b for a, b in zip(each, value, strict=True)) else value
    if is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: new for f in fields(value) if (new := plain(old := getattr(value, f.name))) is not old}
        return replace(value, **changed) if changed else value
    return value


def forbid_unknown(namespace: Mapping[str, Any]) -> None:
    """An unknown key is a mistake in every section that a module declares."""
    for section in namespace.values():
        if isinstance(section, type) and is_dataclass(section):
            section.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]


forbid_unknown(globals())
