"""What an evaluation over splits and liquids is made of: data that are divided, and pieces of work on one split each.

A piece is a spec, the seed of a liquid and a split by its number, and depends on nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from shlex import quote

import numpy as np

from lsm_deploy.core.errors import AbsentError, BackendError, LsmError, MisuseError, raise_all, require_type
from lsm_deploy.core.notes import warn
from lsm_deploy.core.progress import Progress
from lsm_deploy.data import Beats, Raw, class_order, splits, subset
from lsm_deploy.data.front import recordings
from lsm_deploy.learn.model import readout_of
from lsm_deploy.measure.evaluation.evaluation import Evaluation, evaluate_one
from lsm_deploy.measure.uncertainty import FEWEST
from lsm_deploy.spec.schema import Data, Spec

__all__ = ["OF_NO_DATA", "Asked", "Divided", "Piece", "allowing", "by_liquid", "divided", "evaluated"]


@dataclass(frozen=True)
class Divided:
    """Data and how they are split; names: of the splits, in order. seed: of a spec, which shuffles."""

    data: Raw
    how: str
    names: tuple[str, ...]
    seed: int

    def parts(self, number: int) -> tuple[Raw, Raw]:
        """The training and the test part of a split."""
        every = splits(self.data, self.how, self.seed)  # type: ignore[type-var]
        _, train, test = next(islice(every, number, None))
        return train, test


def divided(spec: Spec, data: Raw | str | Path, how: str, seeds: int, leave_out: Sequence[str]) -> Divided:
    """Recordings, or a file or folder of them, as they are split for so many liquids of a spec; leave_out: groups that
    no part has. LsmErrors where they cannot be."""
    readout_of(spec)
    require_type(how, str, "split", "name one, such as 'folds=5'")
    require_type(seeds, int, "number of liquids", "give a whole number")
    require_type(leave_out, (tuple, list), "groups to leave out", "give a list of names")
    if seeds < 1:
        raise MisuseError(f"{seeds} liquids are asked for", where="eval", hint="ask for at least 1")
    data = recordings(data, spec)
    if unknown := sorted(set(leave_out) - set(data.groups)):
        raise MisuseError(
            f"there is no group {', '.join(unknown)}", where=data.source, hint="check the names to leave out"
        )
    if data.groups and not set(data.groups) - set(leave_out):
        raise MisuseError("every group is left out", where=data.source, hint="leave fewer out")
    if leave_out:
        data = subset(data, np.array([group not in leave_out for group in data.groups]))  # type: ignore[type-var]
    names, errors, alone = [], list[LsmError](), []
    for name, train, test in splits(data, how, spec.seed):  # type: ignore[type-var]
        names.append(name)
        errors += _untaught(name, train, test, how, len(set(data.groups)))
        if by_groups(how) and len(set(train.groups)) == 1:
            alone.append(name)
    raise_all(errors)
    if alone:
        what = f"split {_listed(alone)} trains on one group: cross-validation holds out its samples, and no group"
        what += ", so that what it chooses may not do for another"
        what += "; intervals, too, are over samples" if len(set(data.groups)) < FEWEST else ""
        warn(f"{what}; give 3 groups or more", "one group")
    return Divided(data, how, tuple(names), spec.seed)


def by_groups(how: str) -> bool:
    """Whether a split tests groups that it does not train on."""
    return how == "leave-one-group-out" or how.startswith("group-folds=")


def _untaught(name: str, train: Raw, test: Raw, how: str, groups: int) -> list[LsmError]:
    """Classes of the test part that the training part lacks; groups: how many there are in all."""
    if isinstance(test, Beats) or not (lacking := set(test.labels) - set(train.labels)):
        return []  # beats are labelled window by window
    hint = "give more samples of it, or none"
    if by_groups(how):
        whose = class_order([g for g, label in zip(test.groups, test.labels, strict=True) if label in lacking])
        hint = "give samples of it in other groups"
        if groups - len(whose) > 1:
            hint += f", or leave {_listed(whose)} out (`--without {quote(','.join(whose))}`)"
    what = f"class {_listed(class_order(lacking))} of the test data is not in the training data"
    return [LsmError(what, where=in_split(test.source, name), hint=hint)]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def in_split(where: str, name: str) -> str:
    """Where a mistake is, of those of one split."""
    return f"{where}, split {name!r}" if where else f"split {name!r}"


def allowing(spec: Spec, how: str) -> Spec:
    """Who asks for a split by takes or samples asks for its speakers on both sides."""
    if how == "official" or how.startswith("folds="):
        return replace(spec, data=replace(spec.data or Data(), shared_groups=True))
    return spec


@dataclass(frozen=True, order=True)
class Piece:
    """A liquid of a seed on a split, by its number; spec: which of those that there are."""

    spec: int
    seed: int
    split: int


@dataclass(frozen=True)
class Asked:
    """What all evaluations share. within: who is told how far one of them is, if that is in this process."""

    specs: Mapping[int, Spec]
    divided: Divided
    backend: str
    on_chip: bool
    alone: bool
    within: Progress | None


OF_NO_DATA = (MisuseError, AbsentError, BackendError)
"""Mistakes that are of no split, whichever one meets them."""


def evaluated(asked: Asked, piece: Piece) -> Evaluation:
    """A piece of work: one evaluation."""
    how = {"on_chip": asked.on_chip, "alone": asked.alone}
    split = asked.divided.parts(piece.split)
    try:
        return evaluate_one(asked.specs[piece.spec], split, piece.seed, asked.backend, asked.within, **how)
    except OF_NO_DATA:
        raise
    except LsmError as error:
        name = asked.divided.names[piece.split]
        raise_all([LsmError(e.what, where=in_split(e.where, name), hint=e.hint) for e in error.each()])
        raise


def by_liquid(
    done: Mapping[Piece, Evaluation], specs: Mapping[int, int], seeds: Sequence[int]
) -> list[list[Evaluation]]:
    """Evaluations of each liquid on splits; specs: by number of a split, which spec it is of there. What depends on no
    liquid was answered once, for the first, and stands with the others, too."""
    first, *others = ([done[Piece(spec, seed, i)] for i, spec in specs.items()] for seed in seeds)
    return [first, *([_with_others(a, b) for a, b in zip(first, other, strict=True)] for other in others)]


def _with_others(first: Evaluation, other: Evaluation) -> Evaluation:
    """Another liquid's evaluation, with the answers of the first one's that depend on no liquid."""
    return replace(other, answers={**first.answers, **other.answers}, baselines={**first.baselines, **other.baselines})
