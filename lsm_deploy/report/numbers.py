"""How numbers are written, wherever they are: one place for thin spaces, per cent, ranges and what is not there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["INTERVAL", "PERCENT", "SIGNED", "SIGNED_INTERVAL", "count", "finite", "setting", "span", "text_of"]

PERCENT = "{:.1%}"
INTERVAL = "{:.1%} to {:.1%}"
SIGNED = "{:+.1%}"
SIGNED_INTERVAL = "{:+.1%} to {:+.1%}"


def text_of(value: object, form: str = "") -> str:
    """As `form` has it, a pair filling two places; else four digits of a float, and spaces within a large integer.

    None, alone or in a pair, is a dash.
    """
    values = value if isinstance(value, tuple) else (value,)
    if any(each is None for each in values):
        return "-"
    if form:
        return form.format(*values)
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}".replace(",", " ") if isinstance(value, int) and not isinstance(value, bool) else str(value)


def count(number: int, thing: str) -> str:
    return f"{text_of(number)} {thing}{'s' * (number != 1)}"


def setting(value: Any) -> str:
    """A value at a path of a spec."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {setting(inner)}" for key, inner in value.items())
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def span(values: Sequence[int]) -> str:
    """From the first to the last: `3..7`, or `3` where they are the same."""
    if not values:
        return "-"
    return str(values[0]) if values[0] == values[-1] else f"{values[0]}..{values[-1]}"


def finite(value: Any) -> Any:
    """Facts as JSON can say them: it has no infinite numbers, and none that are undefined, and so they are None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(each) for key, each in value.items()}
    return [finite(each) for each in value] if isinstance(value, list | tuple) else value
