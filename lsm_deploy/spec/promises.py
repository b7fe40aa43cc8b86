"""What specs promise, in a file beside them: the program each compiles to, how good it is, what it may take.

    japanese_vowels.yaml: {program: 7073a2be6fc9817d, accuracy: 0.965, budget: {cores: 3}}

`lsm-deploy ci` holds specs to it, and `lsm-deploy ci --update` writes it: a line for a spec, under its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Len
from pydantic import AfterValidator, Strict

from lsm_deploy.core.errors import LsmError
from lsm_deploy.spec.edit import flow, put
from lsm_deploy.spec.mistakes import check
from lsm_deploy.spec.read import raise_in_order
from lsm_deploy.spec.source import Path_, parse, read_text
from lsm_deploy.spec.values import Count, Integer, Positive, Probability, Text, forbid_unknown

__all__ = ["PROMISES", "Budget", "Parity", "Promises", "load_promises", "promises_text"]

PROMISES = "lsm-ci.yml"
"""The name of the file, in the folder of the specs."""
_HEAD = "# What `lsm-deploy ci` holds these specs to, which `lsm-deploy ci --update` writes: `lsm-deploy manual ci`.\n"


def _identity(text: str) -> str:
    if len(text) != 16 or not set(text) <= set("0123456789abcdef"):
        raise ValueError(f"{text!r:.40} is no name of a program: these are 16 hex digits")
    return text


@dataclass(frozen=True)
class Parity:
    """On what, and between whom, every spike and register has to agree."""

    backends: Annotated[tuple[Text, ...], Len(1)] | None = None
    """Simulators that have to be here; where none are named, all that are here are asked."""
    samples: Count = 3
    """Of the test data; none of these where the spec names no data."""
    steps: Count | None = None
    """How long runs may be, where all of the samples take too long."""


@dataclass(frozen=True)
class Budget:
    """The most that a program may take; what is left out is not looked at."""

    neurons: Count | None = None
    synapses: Annotated[Integer, Ge(0)] | None = None
    cores: Count | None = None
    synapse_units: Annotated[Integer, Ge(0)] | None = None
    """Of synapse memory, on all cores together."""
    energy_nj: Positive | None = None
    """The dynamic energy of a step, at its most, as it is modelled: `lsm-deploy manual chip`."""
    step_us: Positive | None = None
    """The time of a step, likewise."""

    def limits(self) -> dict[str, float]:
        """What is looked at, by name."""
        return {f.name: limit for f in fields(self) if (limit := getattr(self, f.name)) is not None}


@dataclass(frozen=True)
class Promises:
    """What one spec promises."""

    program: Annotated[str, Strict(), AfterValidator(_identity)]
    """The name of the program that it compiles to, as `lsm-deploy inspect` shows it."""
    accuracy: Probability | None = None
    """The least accuracy on its test data, of a readout of classes."""
    nrmse: Positive | None = None
    """The largest error on its test data, of a readout of signals."""
    parity: Parity = Parity()
    budget: Budget | None = None


def load_promises(file: Path) -> dict[str, Promises]:
    """What is promised, by the name of a spec; of no spec where there is no such file. LsmError: all its mistakes."""
    if not file.exists():
        return {}
    source = parse(read_text(file), file)
    if source.data is None:
        return {}
    if not isinstance(source.data, dict):
        hint = "write `NAME.yaml: {program: ...}`, or remove the file: `lsm-deploy ci --update` writes it"
        raise LsmError("this is no mapping of specs to what they promise", where=source.where(()), hint=hint)
    declaration = dict[str, Promises]
    promises, mistakes = check(declaration, source.data, source, root=declaration)
    raise_in_order(source, mistakes)
    return dict(promises)


def promises_text(file: Path, changes: Mapping[Path_, Any]) -> str:
    """The text of the file with these values, such as `("liquid.yaml", "program")`; all else stays as it is written."""
    text = read_text(file) if file.exists() else _HEAD
    changes = dict(changes)
    if parse(text, file).data is None:
        (name, key), value = next(iter(changes.items()))
        text = f"{text.rstrip()}\n{flow({name: {key: value}})[1:-1]}\n"
    return put(text, file, changes)


forbid_unknown(globals())
