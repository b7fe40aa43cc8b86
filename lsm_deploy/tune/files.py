"""Specs in files, improved: read, tuned or searched, and written with the values that were found and nothing else."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path

from lsm_deploy import store
from lsm_deploy.core.errors import MisuseError, require_path
from lsm_deploy.core.progress import Progress
from lsm_deploy.data import Frames, Raw, front
from lsm_deploy.run import backends
from lsm_deploy.spec import load_text, put, read_text
from lsm_deploy.tune.gains import Tuning, tune_gains
from lsm_deploy.tune.searches.trials import SearchResult, search

__all__ = ["search_file", "tune_file"]


def tune_file(
    file: str | Path,
    target: str | Path,
    rate_hz: float | None = None,
    branching: float | None = None,
    population: str | None = None,
    train: Frames | str | Path | None = None,
    progress: Progress | None = None,
    *,
    level: float | None = None,
    strict: bool = False,
    backend: str = backends.DEFAULT,
) -> Tuning:
    """`tune_gains` for the spec in a file, which is written to `target` with the gains that come nearest.

    train: frames, or a file of what the spec's front end takes, instead of the spec's training data. strict: nothing is
    written where that is not near.
    """
    text = _text_to_move(require_path(file), require_path(target))
    spec = load_text(text, Path(file))
    tuned = tune_gains(
        spec, rate_hz, branching, population, train, progress, level=level, strict=strict, backend=backend
    )
    store.write_text(target, put(text, Path(file), tuned.changes))
    return tuned


def search_file(
    file: str | Path,
    target: str | Path,
    trials: int,
    journal: str | Path | None = None,
    *,
    space: str | Path | None = None,
    seed: int = 0,
    train: Raw | str | Path | None = None,
    liquid_seeds: int = 1,
    at_once: int = 1,
    storage: str | None = None,
    study: str | None = None,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> SearchResult:
    """`search` on the spec in a file, which is written to `target` with the values of the best trial.

    train: recordings, or a file of them, instead of the spec's training data.
    """
    spec = load_text(_text_to_move(require_path(file), require_path(target)), Path(file))
    raw = front.recordings(train, spec) if train is not None else None
    result = search(
        file,
        trials,
        journal,
        space=space,
        seed=seed,
        train=raw,
        liquid_seeds=liquid_seeds,
        at_once=at_once,
        storage=storage,
        study=study,
        backend=backend,
        progress=progress,
        executor=executor,
    )
    store.write_text(target, result.text)
    return result


def _text_to_move(file: Path, target: Path) -> str:
    """The spec's text, if it means the same where it will be written."""
    text = read_text(file)
    here, there = (load_text(text, path.resolve()) for path in (file, target))
    if here != there:
        raise MisuseError(
            "the spec names files relative to its own folder, and would not find them from another",
            where=str(target),
            hint=f"write it to {file.parent}, or name them by absolute paths",
        )
    return text
