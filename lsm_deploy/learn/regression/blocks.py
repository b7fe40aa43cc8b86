"""Folds of cross-validation for series: blocks of time, never shuffled.

Neighbouring rows of a series are nearly equal, so that rows drawn at random would be held out beside their twins. A
fold holds out one contiguous block, and rows within `gap` of it, whose targets or states reach into it, teach nothing.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.learn.readout.folds import Fold

__all__ = ["blocks_of"]

LEAST = 2
"""Rows that a block has at least: one alone has no variance."""


def blocks_of(rows: int, folds: int, gap: int) -> list[Fold]:
    """The rows that are trained on, and those held out, of each of `folds` blocks of `rows` in the order of time."""
    edges = np.arange(folds + 1) * rows // folds
    every = np.arange(rows)
    parts = [(every[(every < a - gap) | (every >= b + gap)], every[a:b]) for a, b in pairwise(edges.tolist())]
    if rows < LEAST * folds or any(len(train) < LEAST for train, _ in parts):
        raise LsmError(
            f"{rows} frames are trained on, too few for {folds} blocks of cross-validation that are {gap} frames apart",
            where="readout",
            hint="take fewer folds, a shorter washout or horizon, or a longer series",
        )
    return parts
