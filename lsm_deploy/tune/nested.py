"""Nested choice: values are chosen in each split of the data on its training part alone, and judged on its test part.

Values that were chosen by a figure are praised in it for their luck (Cawley & Talbot, JMLR 11, 2010). So each split has
a search of its own: the spec as it is written and so many points of a latin design, which the spec's seed draws, are
cross-validated on the split's training part, where folds hold out what the split does (groups, where it tests others).
The best of them, of equals the first, is trained on the whole of that part, and answers for the test part. Nothing of
that part reaches the choice but whether its groups are trained on. The figure is what the procedure gives, search
included, on a group that nobody tuned on (Varma & Simon, BMC Bioinformatics 7:91, 2006).

Each candidate is judged on all liquids of the evaluation together, and each split chooses once. Intervals take the
candidates as they were drawn. A choice that cannot answer for its test part (a sample that is too long for it, say) is
not made anew, which would be by that part: its split is in no figure, and everybody is told.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all, require_path, require_type
from lsm_deploy.core.notes import silence, warn
from lsm_deploy.core.progress import Pieces, Progress
from lsm_deploy.core.shown import Brief, Reported
from lsm_deploy.data import Frames, Raw
from lsm_deploy.measure.evaluation.across import Across, joined
from lsm_deploy.measure.evaluation.evaluation import Evaluation
from lsm_deploy.measure.evaluation.liquids import content_of
from lsm_deploy.measure.evaluation.pieces import OF_NO_DATA, Asked, Piece, allowing, by_liquid, divided, evaluated
from lsm_deploy.measure.specimen import cross_validated, trained
from lsm_deploy.measure.uncertainty import Difference
from lsm_deploy.run import backends
from lsm_deploy.run.work import completed
from lsm_deploy.spec import Parameter, Spec, load_text, parse, put, read_space, read_text, steps_of
from lsm_deploy.spec.schema import Regression
from lsm_deploy.tune.sweeps.design import drawn, require_few

__all__ = ["Candidate", "Nested", "evaluate_nested"]

AS_WRITTEN = 0
"""The number of the spec itself among the candidates."""


@dataclass(frozen=True, repr=False)
class Candidate(Brief):
    """What may be chosen. values: by path; none, of the spec as it is written. scores: of each split, the accuracy that
    is cross-validated on its training part, the mean over liquids; None where one fails. reason: why one does."""

    values: Mapping[str, Any]
    scores: tuple[float | None, ...]
    reason: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Nested(Reported):
    """What splits chose, each for itself, beside the spec as it is written.

    paths: what varies. candidates: what there was to choose from, the spec as it is written first. chosen: of each
    split, which of them. failed: why what a split chose does not answer for its test part, by the split's name. nested:
    the evaluation of what was chosen; as_written: that of the spec; both in all splits that did not fail.
    """

    _short = ("nested", "candidates", "chosen", "seconds")

    paths: tuple[str, ...]
    splits: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    chosen: tuple[int, ...]
    failed: Mapping[str, str]
    nested: Across
    as_written: Across
    seconds: float

    @property
    def choices(self) -> dict[str, Candidate]:
        """What each split chose, by its name."""
        return {name: self.candidates[number] for name, number in zip(self.splits, self.chosen, strict=True)}

    @property
    def as_written_everywhere(self) -> bool:
        """Whether every split that answers chose the spec as it is written, so that there is nothing to compare."""
        answering = zip(self.splits, self.chosen, strict=True)
        return {number for name, number in answering if name not in self.failed} == {AS_WRITTEN}

    @cached_property
    def differences(self) -> dict[str, Difference]:
        """By what answered, the accuracy of what was chosen less that of the spec as it is written, with its paired
        interval. Empty where they were not asked of the same samples."""
        less = self.nested.less(self.as_written)
        # Not two readouts that happen to answer alike, for whom an interval leaves room: one and the same.
        return dict.fromkeys(less, Difference(0.0, 0.0, 0.0)) if self.as_written_everywhere else less

    def to_json(self) -> dict[str, Any]:
        """What `eval --tune-inside --json` prints: as of one evaluation, of what was chosen; then what is beside it."""
        return {
            **self.nested.to_json(),
            "as_written": self.as_written.to_json(),
            "nested_less_written": {name: {**asdict(d), "says": d.says} for name, d in self.differences.items()},
            "configurations": len(self.candidates),
            "chosen": dict(zip(self.splits, self.chosen, strict=True)),
            "failed": dict(self.failed),
            "candidates": [
                {
                    "values": dict(each.values),
                    "cv_accuracy": dict(zip(self.splits, each.scores, strict=True)),
                    "failed": each.reason or None,
                }
                for each in self.candidates
            ],
            "seconds": self.seconds,
        }


def evaluate_nested(
    file: str | Path,
    data: Raw | str | Path,
    how: str,
    trials: int,
    seeds: int = 1,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    *,
    space: str | Path | None = None,
    on_chip: bool = False,
    alone: bool = False,
    leave_out: Sequence[str] = (),
    executor: Executor | None = None,
) -> Nested:
    """Evaluate the spec in a file on splits of `data`, its values chosen anew in each split on the training part alone.

    trials: points that are tried beside the spec as it is written. What may vary is in the spec's section `search`, or
    in the file `space`, as `search` has it. All else is as `evaluate_across` has it. A point that an LsmError ends is
    left out, with its reason; one where no candidate of a split has a score is raised. Where one ends what a split
    chose on its test part, an LsmWarning says so, and figures are of the other splits; without any, it is raised.
    """
    begun = time.perf_counter()
    file = require_path(file)
    require_type(trials, int, "number of trials", "ask for at least 1")
    if trials < 1:
        raise MisuseError(f"{trials} trials are asked for", where="eval", hint="ask for at least 1")
    if backend != backends.DEFAULT:
        backends.require(backend)  # or else every point would fail of it
    text = read_text(file)
    spec = load_text(text, file)
    if isinstance(spec.readout, Regression):
        raise MisuseError(_ONE_SPLIT, where="readout", hint=_SEARCHED)
    space = require_path(space) if space is not None else None
    split = divided(spec, data, how, seeds, leave_out)
    parameters = read_space(text, file, space, frames=isinstance(split.data, Frames))
    splits, numbers = range(len(split.names)), range(spec.seed, spec.seed + seeds)
    require_few((trials + 1) * len(splits) * seeds)
    tried = _tried(text, file, parameters, trials)
    specs = {i: allowing(made, how) for i, (_, made) in enumerate(tried) if isinstance(made, Spec)}

    whole = [Piece(AS_WRITTEN, seed, i) for seed in numbers for i in splits]
    to_judge = [(number, seed) for number in specs for seed in numbers]
    pieces = Pieces(progress, 2 * len(whole) + len(to_judge))
    within = pieces.within if executor is None else None
    asked = Asked(specs, split, backend, on_chip, alone, within)
    done: dict[Piece, Evaluation] = {}

    # First: what is wrong with the data is said before there is a search.
    for index, evaluation in completed(evaluated, asked, whole, executor):
        done[whole[index]] = evaluation
        pieces.next()
    scores: dict[tuple[int, int], tuple[float | str, ...]] = {}
    for index, of_splits in completed(_judged, asked, to_judge, executor):
        scores[to_judge[index]] = of_splits
        pieces.next()
    candidates = tuple(
        _candidate(values, made if isinstance(made, str) else [scores[i, seed] for seed in numbers], len(splits))
        for i, (values, made) in enumerate(tried)
    )
    chosen = tuple(_best(candidates, i, name) for i, name in enumerate(split.names))
    others = [Piece(chosen[i], seed, i) for seed in numbers for i in splits if chosen[i] != AS_WRITTEN]
    for _ in range(len(whole) - len(others)):
        pieces.next()
    failing: dict[Piece, LsmError] = {}
    for index, answer in completed(_answered, asked, others, executor):
        if isinstance(answer, LsmError):
            failing[others[index]] = answer
        else:
            done[others[index]] = answer
        pieces.next()
    # Of several liquids the first one's, whichever was done first.
    failures = {piece.split: failing[piece] for piece in sorted(failing, reverse=True)}
    failed = {i: _unanswered(failures[i], split.names[i], candidates, chosen[i]) for i in sorted(failures)}
    answering = [i for i in splits if i not in failed]
    if not answering:
        raise_all(list(failed.values()))
    for error in failed.values():
        warn(f"{error.where}: {error.what}: figures are of the other splits; {error.hint}", error.where)

    def evaluation_of(each: Sequence[int]) -> Across:
        liquids = by_liquid(done, {i: each[i] for i in answering}, numbers)
        seconds = sum(sum(part.seconds.values()) for liquid in liquids for part in liquid)
        return joined(how, tuple(numbers), [split.names[i] for i in answering], liquids, spec, seconds)

    return Nested(
        paths=tuple(p.path for p in parameters),
        splits=split.names,
        candidates=candidates,
        chosen=chosen,
        failed={split.names[i]: error.what for i, error in failed.items()},
        nested=evaluation_of(chosen),
        as_written=evaluation_of([AS_WRITTEN] * len(splits)),
        seconds=time.perf_counter() - begun,
    )


_ONE_SPLIT = (
    "the spec's readout answers signals, whose test series is one split, and values are chosen inside of splits"
)
_SEARCHED = "choose them on the training series, which is all that `search` sees, and `eval` what it writes"


# --- the candidates ------------------------------------------------------------------------------------------------


def _tried(
    text: str, file: Path, parameters: Sequence[Parameter], trials: int
) -> list[tuple[Mapping[str, Any], Spec | str]]:
    """The spec as it is written, and those of the design that are others; or why one is no spec."""
    written = load_text(text, file)
    paths = {p.path: steps_of(parse(text, file).data, p.path) for p in parameters}
    tried: list[tuple[Mapping[str, Any], Spec | str]] = [({}, written)]
    known = {content_of(written)}
    for values in drawn(parameters, trials, written.seed, "latin"):
        try:
            with silence():
                made = load_text(put(text, file, {paths[path]: value for path, value in values.items()}), file)
        except LsmError as error:
            tried.append((values, error.in_brief()))
            continue
        if (content := content_of(made)) not in known:
            known.add(content)
            tried.append((values, made))
    return tried


def _judged(asked: Asked, piece: tuple[int, int]) -> tuple[float | str, ...]:
    """A piece of work: of a candidate's liquid of a seed, in each split the accuracy on held-out parts of the training
    part, or why there is none. Splits are together, for their training parts share most of their samples."""
    number, seed = piece
    spec = replace(asked.specs[number], seed=seed)
    scores: list[float | str] = []
    for i in range(len(asked.divided.names)):
        train, test = asked.divided.parts(i)
        groups = frozenset(test.groups)
        del test  # nothing else of it is known from here on
        try:
            with silence():  # it is only tried
                scores.append(cross_validated(trained(spec, train, groups, asked.backend, in_blocks=True).model))
        except LsmError as error:
            scores.append(error.in_brief())
        if asked.within:
            asked.within(i + 1, len(asked.divided.names))
    return tuple(scores)


def _answered(asked: Asked, piece: Piece) -> Evaluation | LsmError:
    """A piece of work: the evaluation of what was chosen, or why there is none."""
    try:
        return evaluated(asked, piece)
    except OF_NO_DATA:
        raise
    except LsmError as error:
        return error


def _unanswered(error: LsmError, name: str, candidates: Sequence[Candidate], number: int) -> LsmError:
    """What a split chose does not answer for its test part."""
    values = ", ".join(f"{path} {value!r}" for path, value in candidates[number].values.items())
    what = f"trial {number} ({values}), which it chose, fails on its test part: {error.in_brief()}"
    return LsmError(what, where=f"split {name!r}", hint="take such values out of what may vary")


def _candidate(values: Mapping[str, Any], liquids: str | Sequence[tuple[float | str, ...]], splits: int) -> Candidate:
    """liquids: what came of each, split by split; or why there is none."""
    if isinstance(liquids, str):
        return Candidate(values, (None,) * splits, liquids)
    scores: list[float | None] = []
    reasons: list[str] = []
    for of_split in zip(*liquids, strict=True):
        failed = [score for score in of_split if isinstance(score, str)]
        reasons += failed
        scores.append(None if failed else float(np.mean(of_split)))
    return Candidate(values, tuple(scores), reasons[0] if reasons else "")


def _best(candidates: Sequence[Candidate], split: int, name: str) -> int:
    scores = {i: score for i, each in enumerate(candidates) if (score := each.scores[split]) is not None}
    if not scores:
        what = f"all {len(candidates)} candidates failed, the first: {candidates[AS_WRITTEN].reason}"
        raise LsmError(what, where=f"split {name!r}", hint="move the ranges")
    return max(scores, key=lambda i: scores[i])  # of equals the first
