"""One piece of a sweep: a liquid of one seed at one point, healthy or with a fault; pure, to run anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.notes import silence
from lsm_deploy.core.shown import Brief
from lsm_deploy.data import Raw
from lsm_deploy.measure.cost.resources import Range
from lsm_deploy.measure.faults import Fault
from lsm_deploy.measure.specimen import Answered, Takes, answered, cross_validated, specimen_of, takes_of
from lsm_deploy.spec import Path_, load_text, put
from lsm_deploy.tune.sweeps.lines import key_of

__all__ = ["Bench", "Case", "Tried", "tried"]


@dataclass(frozen=True, eq=False)
class Bench:
    """What all pieces share. test: None where the readout is judged on held-out parts of the training data.

    text, file: of the spec. paths: where what varies stands in it. contents: a digest of the data.
    """

    text: str
    file: Path
    paths: Mapping[str, Path_]
    train: Raw
    test: Raw | None
    contents: str
    backend: str
    retrain: bool = False

    __reduce__ = rebuilt


@dataclass(frozen=True)
class Case:
    """What one piece is about. seed: of the liquid."""

    values: Mapping[str, Any]
    seed: int
    fault: Fault | None = None

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, "values")

    def __str__(self) -> str:
        values = [f"{path}={value}" for path, value in self.values.items()]
        return ", ".join(
            [*values, f"seed {self.seed}", *([f"{self.fault.kind} {self.fault.strength}"] if self.fault else [])]
        )

    def to_json(self) -> dict[str, Any]:
        return {"values": dict(self.values), "seed": self.seed, "fault": asdict(self.fault) if self.fault else None}

    def key(self, of: Mapping[str, str]) -> str:
        """What this is known by among results; of: what all of them are of."""
        return key_of([sorted(of.items()), sorted(self.values.items()), self.seed, self.to_json()["fault"]])


@dataclass(frozen=True, repr=False)
class Tried(Brief):
    """What came of a piece: its answers, and of a healthy liquid what it takes; or the reason why there is neither."""

    asked: Case
    answered: Answered | None
    takes: Takes | None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """A line of results."""
        return {
            **self.asked.to_json(),
            "failed": self.reason or None,
            "score": self.answered.score if self.answered else None,
            "groups": {name: list(counts) for name, counts in self.answered.groups.items()} if self.answered else {},
            "takes": {**asdict(replace(self.takes, rates={})), "rates": dict(self.takes.rates)} if self.takes else None,
        }

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> Tried:
        fault, takes = line["fault"], line["takes"]
        groups = {name: (int(right), int(of)) for name, (right, of) in line["groups"].items()}
        if takes is not None:
            energy = Range(**takes["energy"]) if takes["energy"] else None
            _require_numbers([v for k, v in takes.items() if k not in ("rates", "energy")], takes["rates"].values())
            _require_numbers([energy.least, energy.most] if energy else ())
            takes = Takes(**{**takes, "energy": energy})
        _require_numbers([line["seed"], *([] if line["score"] is None else [line["score"]])])
        return cls(
            Case(line["values"], line["seed"], Fault(**fault) if fault else None),
            None if line["score"] is None else Answered(line["score"], groups),
            takes,
            line["failed"] or "",
        )


def _require_numbers(*given: Iterable[Any]) -> None:
    for value in chain(*given):
        if value is not None and (isinstance(value, bool | str) or not math.isfinite(value)):
            raise ValueError(f"{value!r:.40} is no finite number")


def tried(bench: Bench, asked: Case) -> Tried:
    """Train the liquid, ask it, and count what it takes. What an LsmError ends has its reason."""
    try:
        with silence():  # it is only tried
            return _tried(bench, asked)
    except LsmError as error:
        return Tried(asked, None, None, error.in_brief())


def _tried(bench: Bench, asked: Case) -> Tried:
    text = put(bench.text, bench.file, {bench.paths[path]: value for path, value in asked.values.items()})
    spec = replace(load_text(text, bench.file), seed=asked.seed)
    specimen = specimen_of(spec, bench.train, bench.test, bench.contents, bench.backend)
    if bench.test is None:
        answers = Answered(cross_validated(specimen.model), {})
    else:
        answers = answered(specimen, bench.test, asked.fault, retrain=bench.retrain)
    if not math.isfinite(answers.score):
        raise LsmError("its error is not finite: what it should answer is constant")
    return Tried(asked, answers, takes_of(specimen) if asked.fault is None else None)
