"""From what is asked to results in a folder: what is known there is not done again, the rest is, in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all, require_path, require_type
from lsm_deploy.core.progress import Progress
from lsm_deploy.data import Raw, load_data, require_there
from lsm_deploy.data.front import recordings
from lsm_deploy.learn.model import readout_of
from lsm_deploy.measure.evaluation.liquids import content_of
from lsm_deploy.measure.specimen import checked_frames, contents_of
from lsm_deploy.run import backends
from lsm_deploy.run.work import completed
from lsm_deploy.spec import Parameter, Spec, load_text, parse, read_text, steps_of
from lsm_deploy.spec.schema import Data, Regression
from lsm_deploy.spec.vary import read_vary
from lsm_deploy.tune.sweeps.lines import Lines, opened_lines
from lsm_deploy.tune.sweeps.work import Bench, Case, Tried, tried

__all__ = ["Figure", "Made", "Plan", "from_lines", "plan_of", "run_plan"]

Figure = Literal["accuracy", "nrmse"]
Made = Literal["sweep", "robustness"]

_WORDS: Mapping[Figure, str] = {"accuracy": "accuracy", "nrmse": "NRMSE"}
HELD_OUT = "held-out parts of the training data (cross-validation)"
TEST = "test data"


@dataclass(frozen=True, eq=False)
class Plan:
    """What is evaluated, and what its results are of, by name, as the first line of their file says it."""

    spec: Spec
    bench: Bench
    parameters: tuple[Parameter, ...]
    figure: Figure
    of: Mapping[str, str]
    about: Mapping[str, Any]


def plan_of(
    made: Made,
    file: str | Path,
    vary: Mapping[str, Any],
    train: Raw | str | Path | None,
    test: Raw | str | Path | None,
    backend: str,
    *,
    drawn: bool = False,
    tested: bool,
    retrain: bool = False,
) -> Plan:
    """Read and check all that a sweep needs, before anything is run. tested: figures are of test data."""
    file = require_path(file)
    text = read_text(file)
    spec = load_text(text, file)
    require_type(vary, Mapping, "what varies", "give values by path: {'populations.liquid.size': [50, 100]}")
    parameters = read_vary(text, file, vary, drawn=drawn)
    if backend != backends.DEFAULT:
        backends.require(backend)  # or else every point would fail of it
    figure: Figure = "nrmse" if isinstance(spec.readout, Regression) else "accuracy"
    if figure == "accuracy":
        readout_of(spec)
    data = _data(spec, train, test, tested)
    checked_frames(spec, *data)
    contents = contents_of(*data)
    steps = {p.path: steps_of(parse(text, file).data, p.path) for p in parameters}
    bench = Bench(text, file.resolve(), steps, *data, contents, backend, retrain)
    of = {
        "kind": made,
        "spec": content_of(spec).hex(),
        "set of data": contents,
        "measure": f"{_WORDS[figure]} on {TEST if tested else HELD_OUT}",
        "backend": backend,
        "readout": "trained again on each faulty liquid" if retrain else "trained on the healthy liquid",
        "version of lsm-deploy": version("lsm-deploy"),
    }
    return Plan(spec, bench, parameters, figure, of, {"figure": figure, "file": file.name, "text": text})


def _data(
    spec: Spec, train: Raw | str | Path | None, test: Raw | str | Path | None, tested: bool
) -> tuple[Raw, Raw | None]:
    if train is None and test is None:
        if spec.data is None or not spec.data.named:
            raise MisuseError("the spec names no data", hint="add a data section, or give `train` and `test`")
        train, test = load_data(spec.data or Data(), spec.resampled_hz)
    if train is None or (test is None and tested):
        raise MisuseError("training and test data come together", hint="give both, or neither to use the spec's")
    require_there(train, test)
    return recordings(train, spec), recordings(test, spec) if test is not None and tested else None


def run_plan(
    plan: Plan,
    asked: Sequence[Case],
    folder: str | Path,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> tuple[list[Tried], int]:
    """What came of each piece, in their order, and how many were evaluated now and not before."""
    keys = {piece.key(plan.of): piece for piece in asked}
    with opened_lines(require_path(folder), plan.of, plan.about) as lines:
        missing = [(key, piece) for key, piece in keys.items() if key not in lines.known]
        before = len(keys) - len(missing)
        if progress:
            progress(before, len(keys))
        work = completed(tried, plan.bench, [piece for _, piece in missing], executor)
        for done, (index, result) in enumerate(work, 1):
            lines.add(missing[index][0], result.to_json())
            if progress:
                progress(before + done, len(keys))
        return [_tried_in(lines, key, plan.of) for key in keys], len(missing)


def _tried_in(lines: Lines, key: str, of: Mapping[str, str]) -> Tried:
    return from_lines(lines.file, {key: lines.known[key]}, of)[0]


def from_lines(file: Path, lines: Mapping[str, Mapping[str, Any]], of: Mapping[str, str]) -> list[Tried]:
    """Results as they are kept in a file, by key; an LsmError where they are of another shape, or of other results."""
    try:
        results = {key: Tried.from_json(line) for key, line in lines.items()}
        others = [result.asked for key, result in results.items() if result.asked.key(of) != key]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        what = f"a result is not as this version writes it: {error}"
        raise LsmError(what, where=str(file), hint="name another folder") from None
    hint = "remove its line: its point is evaluated again"
    raise_all([LsmError(f"this result is not of this folder: {each}", where=str(file), hint=hint) for each in others])
    return list(results.values())
