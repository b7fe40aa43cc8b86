"""The folds of cross-validation: stratified by class; no group, nor copies of one original, on both sides of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.streams import stream

__all__ = ["Fold", "folds_of", "random_state"]

Fold = tuple[Ints, Ints]
"""The samples that are trained on, and those that are held out."""


def folds_of(
    y: Ints, folds: int, seed: int, groups: Sequence[object] | None = None, origin: Sequence[int] | None = None
) -> list[Fold]:
    """Folds of samples of class `y` `[sample]`.

    groups: what each sample belongs to, such as a speaker; origin: the sample that it is a copy of, or its own index.
    Where there are fewer of these than folds, each is held out once.
    """
    together = _together(len(y), groups, origin)
    apart = int(together.max()) + 1
    if apart < 2:
        raise LsmError(
            "all training samples belong to one group, which cross-validation must not split",
            where="readout",
            hint="add samples of another group, or leave groups out",
        )
    if apart == len(y):
        splits = _stratified(y, folds, random_state(seed))
    else:
        from sklearn.model_selection import StratifiedGroupKFold

        grouped = StratifiedGroupKFold(min(folds, apart), shuffle=True, random_state=random_state(seed))
        splits = list(grouped.split(np.zeros(len(y)), y, together))
    # A fold may hold out nothing where few groups have most of the samples, or leave one class where groups are of one.
    fitting = [(train, out) for train, out in splits if len(out) and len(np.unique(y[train])) > 1]
    if not fitting:
        raise LsmError(
            "whatever group cross-validation holds out, one class is left to train on",
            where="readout",
            hint="add samples of another group, or leave groups out",
        )
    return fitting


def _stratified(y: Ints, folds: int, state: int) -> list[Fold]:
    """Those of scikit-learn's StratifiedKFold, shuffled; to import it takes longer than a small evaluation."""
    random = np.random.RandomState(state)
    first, number = np.unique(y, return_index=True, return_inverse=True)[1:]
    number = np.argsort(np.argsort(first))[number]  # classes in the order that they appear in
    ordered, out = np.sort(number), np.empty(len(y), np.int64)
    for k in range(len(first)):
        many = [np.count_nonzero(ordered[i::folds] == k) for i in range(folds)]
        own = np.repeat(np.arange(folds), many)
        random.shuffle(own)
        out[number == k] = own
    return [(np.flatnonzero(out != i), np.flatnonzero(out == i)) for i in range(folds)]


def _together(samples: int, groups: Sequence[object] | None, origin: Sequence[int] | None) -> NDArray[np.int32]:
    """A number for what must stay together: samples joined by a group or an origin, however indirectly."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    columns, width = [], 0
    for names in (groups, origin):
        if names is None or not len(names):
            continue
        if len(names) != samples:
            raise LsmError(
                f"there are {len(names)} groups or origins for {samples} samples",
                where="readout",
                hint="give one for each sample",
            )
        number = np.unique(np.array([str(name) for name in names]), return_inverse=True)[1]
        columns.append(samples + width + number)
        width += int(number.max()) + 1
    rows = np.tile(np.arange(samples), len(columns))
    ends = np.concatenate(columns) if columns else np.zeros(0, np.int64)
    size = samples + width
    joined = coo_array((np.ones(len(rows), np.int8), (rows, ends)), shape=(size, size))
    number = connected_components(joined, directed=False)[1][:samples]
    return np.unique(number, return_inverse=True)[1].astype(np.int32)


def random_state(seed: int) -> int:
    return int(stream(seed, "cross-validation").random() * 2**32)  # it takes 32 bits, a spec's seed may have more
