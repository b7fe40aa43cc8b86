"""What a search may vary: the section `search`, every path and every value of it checked against the spec it changes.

Each bound and each choice is put into the spec, one at a time, and the spec has to take it. An interval is of whole
numbers where its ends are and the spec takes no others. What only a combination of values breaks is found on the way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.spec.edit import put
from lsm_deploy.spec.mistakes import NOT_WHOLE, suggest
from lsm_deploy.spec.read import load_search, load_text
from lsm_deploy.spec.schema import Choices, Interval, Range
from lsm_deploy.spec.source import Path_, parse

__all__ = ["Parameter", "parameters_of", "read_space", "steps_of"]

FIXED = ("data", "search", "seed")
"""Sections that a search leaves alone: it would choose what it is measured on, or by which luck."""
MAX_STEPS = 10_000
"""Values of an interval with a step."""
BETWEEN = 1 - 2 / (1 + math.sqrt(5))
"""A share of an interval at which hardly any grid has a value."""


@dataclass(frozen=True)
class Parameter:
    """One path of the spec and what may stand there: one of `values`, or any number from `low` to `high`.

    ordered: `values` ascend. whole: only whole numbers. log: drawn evenly by logarithm.
    """

    path: str
    values: tuple[Any, ...] = ()
    ordered: bool = False
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False


def read_space(text: str, file: Path, space_file: Path | None = None, *, frames: bool = False) -> tuple[Parameter, ...]:
    """The parameters of a spec's `search` section, or of a file of its own; all mistakes at once. By path, ascending.

    text: of the spec, `file` what errors call it. frames: whether the data are frames, which no front end makes.
    """
    spec, source = load_text(text, file), parse(text, file)
    prefix: Path_ = ("search",)
    if space_file is not None:
        section, written = load_search(space_file)
        prefix = ()
    elif spec.search is None:
        raise MisuseError(
            "the spec does not say what to search",
            where=str(file),
            hint="add a search section, or name a file as `space`",
        )
    else:
        section, written = spec.search, source
    parameters = parameters_of(text, file, section, lambda path: written.where((*prefix, path)), frames=frames)
    return tuple(sorted(parameters, key=lambda parameter: parameter.path))


def parameters_of(
    text: str, file: Path, section: Mapping[str, Range], where: Callable[[str], str], *, frames: bool = False
) -> tuple[Parameter, ...]:
    """What may stand at each path of a spec, in the order given; all mistakes at once. where: what says a path."""
    source = parse(text, file)
    errors: list[LsmError] = []
    parameters = []
    for path, given in section.items():
        here: list[LsmError] = []
        try:
            steps = steps_of(source.data, path)
            parameter = _parameter(path, given, _Trier(text, file, steps), here.append)
            parameters += [parameter] if parameter else []
        except LsmError as error:
            here.append(error)
        if frames and path.split(".")[0] == "front_end":
            what = f"{path} changes nothing: the data are frames already, which no front end makes"
            here.append(LsmError(what, hint="give the recordings, or remove it"))
        if clash := [p for p in section if p.startswith(f"{path}.")]:
            here.append(LsmError(f"{path} contains {clash[0]}, which varies too", hint="vary one of them"))
        first = {error.what: error for error in here}  # each value that breaks the same thing says the same
        errors += [LsmError(what, where=where(path), hint=e.hint) for what, e in first.items()]
    raise_all(errors)
    return tuple(parameters)


# --- paths ---------------------------------------------------------------------------------------------------------


def steps_of(data: Any, dotted: str) -> Path_:
    """`projections.0.gain` as the path that leads there; an LsmError where it leads nowhere."""
    path: Path_ = ()
    here = data
    words = dotted.split(".")
    if words[0] in FIXED:
        raise LsmError(f"{words[0]} is no matter of a search", hint="remove it")
    for i, word in enumerate(words):
        name = ".".join(words[:i]) or "the spec"
        step: str | int = word
        if isinstance(here, list):
            if not word.isdecimal() or int(word) >= len(here):
                what = f"{name} has no item {word}: it has {len(here)}, counted from 0"
                raise LsmError(what, hint=f"choose from 0 to {len(here) - 1}")
            step = int(word)
            here = here[step]
        elif isinstance(here, dict):
            here = {} if here.get(word) is None else here[word]  # what is left out may be put in
        else:
            raise LsmError(f"{name} is {here!r}, and has nothing in it", hint=f"write {name}")
        path = (*path, step)
    return path


# --- values --------------------------------------------------------------------------------------------------------


class _Trier:
    """Puts values at one path of a spec, and hears what it says against them."""

    def __init__(self, text: str, file: Path, path: Path_) -> None:
        self.text, self.file, self.path = text, file, path
        data = parse(text, file).data
        self.missing: LsmError | None = None
        for i, step in enumerate(path[:-1]):
            if isinstance(data, dict) and step not in data:
                inside = ".".join(str(before) for before in path[:i]) or "the spec"
                self.missing = LsmError(f"there is no {step!r} in {inside}", hint=suggest(str(step), list(data)))
                break
            if (data := data[step]) is None:
                break

    def __call__(self, value: Any) -> LsmError | None:
        """Of several mistakes the one in the value's place, or a key that nobody knows: the others may be its echo."""
        try:
            changed = put(self.text, self.file, {self.path: value})
        except LsmError as error:
            return error
        try:
            load_text(changed, self.file)
        except LsmError as error:
            place = parse(changed, self.file).where(self.path)
            causes = [e for e in error.each() if e.where == place or "there is no key" in e.what]
            return causes[0] if causes else self.missing or error.each()[0]
        return None


def _parameter(
    path: str, given: Range, refused: Callable[[Any], LsmError | None], report: Callable[[LsmError], None]
) -> Parameter | None:
    def check(value: Any) -> bool:
        error = refused(value)
        if error is not None:
            what = error.what if "there is no" in error.what else f"{path} cannot be {value!r}: {error.what}"
            report(LsmError(what, hint=error.hint))
        return error is None

    if isinstance(given, Choices):
        good = [check(value) for value in given.choices]
        return Parameter(path, tuple(given.choices)) if all(good) else None
    try:
        interval = given if isinstance(given, Interval) else Interval(given[0], given[1])
    except ValueError as error:
        report(LsmError(f"{path}: {error}", hint="write [low, high]"))
        return None
    low, high = _number(interval.low), _number(interval.high)
    if not (check(low) and check(high)):
        return None
    if interval.step is not None:
        return _grid(path, low, high, interval.step, check, report)
    between = refused(float(f"{low + BETWEEN * (high - low):.7g}"))
    if between is None:
        return Parameter(path, low=low, high=high, log=interval.log)
    if NOT_WHOLE in between.what and isinstance(low, int) and isinstance(high, int):
        return Parameter(path, low=low, high=high, log=interval.log, whole=True)
    report(LsmError(f"{path} cannot take all from {low} to {high}: {between.what}", hint="add a step"))
    return None


def _grid(
    path: str, low: float, high: float, step: float, check: Callable[[Any], bool], report: Callable[[LsmError], None]
) -> Parameter | None:
    count = math.floor((high - low) / step + 1e-9) + 1
    if not 2 <= count <= MAX_STEPS:
        report(LsmError(f"the number of values of {path} is {count}, not 2 to {MAX_STEPS}", hint="change its step"))
        return None
    values = tuple(_number(float(f"{low + i * step:.10g}")) for i in range(count))
    # Values between are on one line with their ends; what their step breaks shows at the next one.
    return Parameter(path, values, ordered=True) if check(values[1]) and check(values[-1]) else None


def _number(value: float) -> float:
    """A whole number as such: it may stand where a fraction may not, and everywhere else."""
    return int(value) if float(value).is_integer() else value
