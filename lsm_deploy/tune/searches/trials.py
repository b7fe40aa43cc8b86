"""A seeded search: each trial is the spec with other values, judged by cross-validation on training data alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lsm_deploy.core.errors import LsmError, MisuseError, require_path, require_type
from lsm_deploy.core.notes import silence
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Reported
from lsm_deploy.data import Raw, load_data
from lsm_deploy.learn.model import readout_of
from lsm_deploy.measure.specimen import checked_frames, contents_of, cross_validated, trained
from lsm_deploy.run import backends
from lsm_deploy.run.work import completed
from lsm_deploy.spec import Parameter, Spec, load_text, parse, put, read_space, read_text, steps_of
from lsm_deploy.spec.schema import Data, Regression
from lsm_deploy.tune.searches.journal import STUDY, Trial, opened_journal

__all__ = ["SearchResult", "search"]

_LEAST = ("nrmse",)
"""Of the figures that a score may be, those of which the least is the best."""


@dataclass(frozen=True, repr=False)
class SearchResult(Reported):
    """All trials of a search, and what came of them.

    text: the spec's, with the values of the best trial put in. as_written: the trial that the spec itself is, with
    turn -1. importance: share of the score's variance by path; empty where the trials do not tell. figure: what a score
    is, of which the largest accuracy or the least NRMSE is the best. samples: of the training data; frames, of signals.
    """

    text: str
    samples: int
    liquid_seeds: int
    trials: tuple[Trial, ...]
    best: Trial
    as_written: Trial
    importance: Mapping[str, float]
    figure: Literal["accuracy", "nrmse"] = "accuracy"

    def ranked(self) -> tuple[Trial, ...]:
        """The trials that have a score, the best first; of equals the earlier."""
        return tuple(
            sorted((t for t in self.trials if t.score is not None), key=lambda t: (_order(t, self.figure), t.turn))
        )

    @property
    def no_better(self) -> bool:
        """The spec as it is written is as good as the best trial."""
        written = self.as_written
        return written.score is not None and _order(written, self.figure) <= _order(self.best, self.figure)


def search(
    file: str | Path,
    trials: int,
    journal: str | Path | None = None,
    *,
    space: str | Path | None = None,
    seed: int = 0,
    train: Raw | None = None,
    liquid_seeds: int = 1,
    at_once: int = 1,
    storage: str | None = None,
    study: str | None = None,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> SearchResult:
    """Try values of a spec's file until its journal has `trials` trials, and name the best.

    What may vary is in the spec's section `search`, or in the file `space`. A trial's score is the accuracy, or the
    NRMSE, of the readout on held-out parts of the training data (the spec's own, or `train`), from the integers as they
    would be deployed, the mean over `liquid_seeds` liquids: the spec's seed and those after it. A trial that an
    LsmError ends is kept with its reason. The same command goes on where a kill interrupted it, and divides the work
    with others that are under way; another spec, space, seed or data are refused.

    at_once: trials that are proposed together, of those before them alone; on an `executor`, and among several
    processes, they are judged side by side. The result depends on their number, and not on who judges. storage: the URL
    of a database, instead of a journal; study: the name of the search in it.
    """
    file = require_path(file)
    where = _where(journal, storage, study)
    for name, number in (("trials", trials), ("liquid seeds", liquid_seeds), ("proposals at once", at_once)):
        require_type(number, int, f"number of {name}", "ask for at least 1")
        if number < 1:
            raise MisuseError(f"{number} {name} are asked for", where="search", hint="ask for at least 1")
    if backend != backends.DEFAULT:
        backends.require(backend)  # or else every trial would fail of it
    text = read_text(file)
    parameters = read_space(text, file, Path(space) if space is not None else None)
    spec = load_text(text, file)
    figure: Literal["accuracy", "nrmse"] = "nrmse" if isinstance(spec.readout, Regression) else "accuracy"
    if figure == "accuracy":
        readout_of(spec)
    raw = load_data(spec.data or Data(), spec.resampled_hz)[0] if train is None else train
    data = checked_frames(spec, raw)
    paths = {p.path: steps_of(parse(text, file).data, p.path) for p in parameters}

    def judged(proposed: Mapping[int, Mapping[str, Any]], executor: Executor | None) -> Iterator[Trial]:
        """What comes of each turn, as it ends."""
        asked: list[tuple[int, Spec]] = []
        for turn, values in proposed.items():
            try:
                with _unsaid(turn):
                    tried = load_text(put(text, file, {paths[path]: value for path, value in values.items()}), file)
            except LsmError as error:
                yield Trial(turn, values, (), error.in_brief())
            else:
                asked.append((turn, tried))
        pieces = [_Piece(turn, tried, liquid_seeds, backend) for turn, tried in asked]
        for index, (scores, reason) in completed(_judged, raw, pieces, executor):
            turn = pieces[index].turn
            yield Trial(turn, proposed[turn], scores, reason)

    # No more than can be worked on: the rest of a batch is for others, who may search elsewhere.
    side_by_side = 1 if executor is None else getattr(executor, "number", 0) or at_once
    identity = _identity(parse(text, file).data, parameters, seed, liquid_seeds, contents_of(raw))
    with opened_journal(
        where, identity, parameters, seed, at_once, study=study or STUDY, least=figure in _LEAST
    ) as opened:
        while len(done := opened.trials()) < trials:
            if progress:
                progress(len(done), trials)
            for trial in judged(opened.claim(trials, side_by_side), executor):
                opened.tell(trial)
        importance = opened.importance()
    good = [trial for trial in done if trial.score is not None]
    if not good:
        reason = done[-1].reason
        raise LsmError(f"all {len(done)} trials failed, the last: {reason}", where=opened.where, hint="move the ranges")
    best = min(good, key=lambda trial: _order(trial, figure))
    changed = put(text, file, {paths[path]: value for path, value in best.values.items()})
    samples = len(data.frames) if figure == "nrmse" else data.samples
    written = next(judged({AS_WRITTEN: {}}, None))
    return SearchResult(changed, samples, liquid_seeds, done, best, written, importance, figure)


def _where(journal: str | Path | None, storage: str | None, study: str | None) -> Path | str:
    """The file or the URL of a journal."""
    if (journal is None) == (storage is None):
        what = "a journal and a storage are named" if journal is not None else "no journal is named"
        raise MisuseError(what, where="search", hint="name a file as `journal`, or a database as `storage`")
    if storage is None:
        if study is not None:
            what = "a study is named, and the journal is a file, which holds one"
            raise MisuseError(what, where="search", hint="leave it out, or name a database as `storage`")
        return require_path(journal)
    for name, value in (("URL of the storage", storage), ("name of the study", study or "")):
        require_type(value, str, name, "write it as text")
    return storage


# --- one trial -----------------------------------------------------------------------------------------------------

AS_WRITTEN = -1
"""The turn of the spec itself."""


@dataclass(frozen=True)
class _Piece:
    """A spec to be judged, on liquids of its seed and of those after it."""

    turn: int
    spec: Spec
    liquid_seeds: int
    backend: str

    def __str__(self) -> str:
        return f"trial {self.turn}"


def _judged(raw: Raw, piece: _Piece) -> tuple[tuple[float, ...], str]:
    """The score of each liquid, up to the first that fails, and why it does."""
    scores: list[float] = []
    with _unsaid(piece.turn):
        try:
            for i in range(piece.liquid_seeds):
                spec = replace(piece.spec, seed=piece.spec.seed + i)
                scores.append(cross_validated(trained(spec, raw, None, piece.backend).model))
        except LsmError as error:
            return tuple(scores), error.in_brief()
    return tuple(scores), ""


def _unsaid(turn: int) -> AbstractContextManager[None]:
    """Of the spec as it is written a warning helps, of what is only tried it does not."""
    return silence(turn != AS_WRITTEN)


def _order(trial: Trial, figure: str) -> float:
    """The best first, of trials that have a score."""
    assert trial.score is not None
    return trial.score if figure in _LEAST else -trial.score


def _identity(
    written: Mapping[str, Any], parameters: tuple[Parameter, ...], seed: int, liquid_seeds: int, contents: str
) -> dict[str, str]:
    """What a journal belongs to. Comments and layout of a spec may change, what it says may not; the training data are
    known by what is in them, not by where they are."""
    return {
        "spec": _digest(json.dumps({k: v for k, v in written.items() if k not in ("data", "search")}, sort_keys=True)),
        "search space": _digest(repr(parameters)),
        "seed": str(seed),
        "number of liquid seeds": str(liquid_seeds),
        "training data": contents,
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
