"""Training and test parts of one set of data; no altered copy is on the other side than its original.

official             takes 0 to 4 are test data, as the Free Spoken Digit Dataset has it; of speakers trained on
leave-one-group-out  each group in turn: a speaker or record is on one side
group-folds=N        groups in N folds of about equal size, likewise
folds=N              samples in N folds, classes evenly among them; groups may be on both sides
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import MisuseError, require_type
from lsm_deploy.core.streams import stream
from lsm_deploy.data.checks import class_order
from lsm_deploy.data.raw import Audio, Beats, Events, Frames, lengths, subset

__all__ = ["splits"]

OFFICIAL_TAKES = range(5)

_Some = TypeVar("_Some", Frames, Audio, Beats, Events)


def splits(data: _Some, how: str, seed: int = 0) -> Iterator[tuple[str, _Some, _Some]]:
    """Split data into training and test parts, by the name of what is tested; the seed shuffles.

    how: official (takes 0 to 4 are tested), leave-one-group-out, group-folds=N or folds=N. An LsmError says why these
    data cannot be split so.
    """
    require_type(data, (Frames, Audio, Beats, Events), "data", "read them with `load_raw`")
    samples = len(data.starts)
    kind, count = _parse(how, data.source)
    if kind == "official":
        takes = getattr(data, "takes", np.zeros(0))
        test = np.isin(takes, OFFICIAL_TAKES)
        if not len(takes) or test.all() or not test.any():
            what = (
                "no take is known" if not len(takes) else f"all takes are {'test' if test.all() else 'training'} data"
            )
            raise MisuseError(
                what, where=data.source, hint="choose another split, or sound with takes 0 to 4 and others"
            )
        yield "official", subset(data, ~test), subset(data, test)
        return
    if kind == "folds":
        for i, test in enumerate(_sample_folds(data, count, seed)):
            yield f"fold {i + 1}", subset(data, ~test), subset(data, test)
        return
    names = class_order(data.groups)
    needed = count if kind == "group-folds" else 2
    if len(names) < needed:
        what = f"there are {len(names)} groups, {how} needs at least {needed}"
        whose = "say whose each sample is (`groups` of an .npz, `group` of a .csv, names of files of sound)"
        hint = f"{'give more speakers or records' if names else whose}, or choose another split, such as folds=5"
        raise MisuseError(what, where=data.source, hint=hint)
    numbers = np.array([names.index(group) for group in data.groups])
    if kind == "leave-one-group-out":
        for i, name in enumerate(names):
            yield name, subset(data, numbers != i), subset(data, numbers == i)
        return
    weights = lengths(data) if isinstance(data, Beats) else np.ones(samples, np.int64)
    fold_of = _group_folds(np.bincount(numbers, weights, len(names)), count, seed)
    for i in range(count):
        test = fold_of[numbers] == i
        yield f"fold {i + 1}", subset(data, ~test), subset(data, test)


def _parse(how: str, where: str) -> tuple[str, int]:
    require_type(how, str, "split", "name one, such as 'folds=5'")
    if how in ("official", "leave-one-group-out"):
        return how, 0
    match = re.fullmatch(r"(group-folds|folds)=(\d+)", how)
    if match is None or int(match[2]) < 2:
        hint = "choose from official, leave-one-group-out, group-folds=N, folds=N, of at least 2 folds"
        raise MisuseError(f"there is no split {how!r}", where=where, hint=hint)
    return match[1], int(match[2])


def _group_folds(sizes: NDArray[Any], folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each group: the largest first, each to the fold that has least; a draw decides among equals."""
    order = np.argsort(stream(seed, "split").random(len(sizes)))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of, filled = np.zeros(len(sizes), np.int64), np.zeros(folds)
    for group in order:
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of


def _sample_folds(data: Frames | Audio | Beats | Events, folds: int, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Which samples each fold tests."""
    originals = np.unique(data.origin) if isinstance(data, Frames) else np.arange(len(data.starts))
    if len(originals) < folds:
        what = f"there are {len(originals)} samples for {folds} folds"
        raise MisuseError(what, where=data.source, hint=f"take at most {len(originals)} folds")
    order = originals[np.argsort(stream(seed, "split").random(len(originals)))]
    if data.labels:  # classes one after another are dealt out evenly
        order = order[np.argsort([data.labels[i] for i in order], kind="stable")]
    fold_of = np.zeros(len(data.starts), np.int64)
    fold_of[order] = np.arange(len(order)) % folds
    if isinstance(data, Frames):
        fold_of = fold_of[data.origin]
    for fold in range(folds):
        yield fold_of == fold
