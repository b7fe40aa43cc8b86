"""What a sweep varies, as somebody writes it on a line: `PATH=VALUES`, with the paths of a search.

    50,100,200                    these values, as in a list of YAML: numbers, text, {EE: 0.1, II: 0.2}
    2..8                          whole numbers, both ends among them
    0..1 step 0.25                from one end in steps
    0.1..10 log 5, 0..1 linear 5  so many, evenly by logarithm or by themselves, both ends among them
    0.1..10, 0.1..10 log          any number between, where points are drawn at random

Every end and every value listed is put into the spec, and the spec has to take it, before anything is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.spec.ranges import Choices, Interval, Range
from lsm_deploy.spec.source import parse
from lsm_deploy.spec.space import MAX_STEPS, Parameter, parameters_of

__all__ = ["assignments", "read_vary", "values_in"]


@dataclass(frozen=True)
class _Written:
    """count: of values that are taken of an interval; 0 where it does not say."""

    range: Range
    count: int = 0


def assignments(lines: Iterable[str], option: str) -> dict[str, str]:
    """`NAME=VALUES` of each line, by name; a MisuseError for what is none, or comes twice."""
    pairs: dict[str, str] = {}
    errors: list[LsmError] = []
    for line in lines:
        name, sign, values = (part.strip() for part in line.partition("="))
        if not (name and sign and values):
            errors.append(MisuseError(f"{line!r} has no name, `=` and values", where=option, hint="write NAME=1,2,3"))
        elif name in pairs:
            errors.append(MisuseError(f"{name} comes twice", where=option, hint="give all of its values at once"))
        pairs[name] = values
    raise_all(errors)
    return pairs


def read_vary(text: str, file: Path, vary: Mapping[str, Any], *, drawn: bool) -> tuple[Parameter, ...]:
    """The parameters at these paths of a spec, in this order; all mistakes at once, as MisuseErrors.

    text: of the spec, `file` what errors call it. vary: by path, values in a list, or text as above. drawn: whether
    points are drawn at random, so that an interval need not say which of its values are meant.
    """
    written: dict[str, _Written] = {}
    errors: list[LsmError] = []
    for path, values in vary.items():
        try:
            if path.split(".")[0] == "seed":
                raise LsmError("liquids of other seeds are no values of a spec", hint="give their number as `seeds`")
            written[path] = _written(values, drawn)
        except LsmError as error:
            errors += [LsmError(e.what, where=_where(path), hint=e.hint) for e in error.each()]
    try:
        parameters = parameters_of(text, file, {path: w.range for path, w in written.items()}, _where)
    except LsmError as error:
        errors += error.each()
    raise_all([MisuseError(e.what, where=e.where, hint=e.hint) for e in errors])
    return tuple(_counted(p, written[p.path].count) for p in parameters)


def values_in(text: str, where: str) -> list[float]:
    """The numbers that are written so, each of them: the strengths of a fault, say. MisuseErrors for all else."""
    try:
        written = _written(text, False)
    except LsmError as error:
        raise MisuseError(error.what, where=where, hint=error.hint) from None
    if isinstance(written.range, Interval):
        low, high, step = written.range.low, written.range.high, written.range.step
        if step is None:
            return list(map(float, _evenly(low, high, written.count, log=written.range.log)))
        count = (high - low) / step + 1e-9
        if count > MAX_STEPS:  # of numbers apart, also more than a whole number can count
            what = f"there are more than {MAX_STEPS} values from {low:g} to {high:g}"
            raise MisuseError(what, where=where, hint="give a greater step")
        return [float(f"{low + i * step:.10g}") for i in range(int(count) + 1)]
    assert isinstance(written.range, Choices)
    values = written.range.choices
    raise_all([
        MisuseError(f"{value!r} is no number", where=where, hint="write 0.1,0.2 or 0..1 step 0.1")
        for value in values
        if isinstance(value, bool) or not isinstance(value, int | float)
    ])  # fmt: skip
    return [float(value) for value in values]


def _where(path: str) -> str:
    return f"vary {path}"


_RANGE = re.compile(
    r"\s*(?P<low>\S+?)\s*\.\.\s*(?P<high>\S+)(?:\s+(?P<how>step|log|linear)(?:\s+(?P<number>\S+))?)?\s*"
)


def _written(values: Any, drawn: bool) -> _Written:
    if not isinstance(values, str):
        if not isinstance(values, Sequence | np.ndarray) or not len(values):
            raise LsmError(
                f"{values!r:.40} is no list of values", hint="give [50, 100], or text such as '0.1..10 log 5'"
            )
        plain = [value.item() if isinstance(value, np.generic) else value for value in values]
        return _Written(Choices(tuple(plain)))
    match = _RANGE.fullmatch(values)
    low, high = (_number(match[end]) if match else None for end in ("low", "high"))
    if match is None or low is None or high is None:
        data = parse(f"values: [{values}]\n", Path("vary"))
        raise_all(data.errors)
        if not data.data["values"]:
            raise LsmError("there is no value", hint="write 50,100,200 or 0.1..10 log 5")
        return _Written(Choices(tuple(data.data["values"])))
    how, number = match["how"], match["number"]
    try:
        if how == "step":
            return _Written(Interval(low, high, step=_positive(number, "a step")))
        if how is None and not drawn:
            if low != int(low) or high != int(high):
                what = f"which numbers from {low:g} to {high:g} are meant is not said"
                raise LsmError(what, hint=f"write {low:g}..{high:g} step {(high - low) / 4:g}, linear 5 or log 5")
            return _Written(Interval(low, high, step=1.0))
        count = _positive(number, "how many") if number or not drawn else 0.0
        if count != int(count) or count == 1 or count > MAX_STEPS:
            raise LsmError(f"{number} values are asked for", hint=f"give a whole number from 2 to {MAX_STEPS}")
        return _Written(Interval(low, high, log=how == "log"), int(count))
    except ValueError as error:
        raise LsmError(str(error), hint="write LOW..HIGH") from None


def _positive(text: str | None, what: str) -> float:
    value = _number(text or "")
    if value is None or value <= 0:
        raise LsmError(f"{what} is {text or 'not said'}", hint="write 0..1 step 0.1, 0.1..10 log 5 or 0..1 linear 5")
    return value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _counted(p: Parameter, count: int) -> Parameter:
    """So many values of an interval, evenly; of whole numbers each once."""
    if not count:
        return p
    values = _evenly(p.low, p.high, count, log=p.log)
    return Parameter(p.path, tuple(dict.fromkeys(map(round, values) if p.whole else values)), ordered=True)


def _evenly(low: float, high: float, count: int, *, log: bool) -> list[float]:
    """So many numbers, whole ones as such, in five digits but for the ends."""
    between = (np.geomspace if log else np.linspace)(low, high, count)[1:-1]
    values = [low, *(float(f"{value:.5g}") for value in between), high]
    return [int(value) if value == int(value) else value for value in values]
