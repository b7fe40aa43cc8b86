"""What the errors of forecasts are summed up over, so that intervals may draw it anew: groups, samples, blocks of time.

Errors of neighbouring frames are alike, and frames drawn one by one would claim more than there is; so of a series, or
two, units are blocks twice as long as a forecast reaches ahead, and of too few of these nothing is said. Figures are
those of `metrics`, of sums over units; variances stay those of all true values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import Frames
from lsm_deploy.learn.regression.metrics import relative, symmetric
from lsm_deploy.measure.sums import Figure
from lsm_deploy.measure.uncertainty import ENDS, FEWEST
from lsm_deploy.spec.schema import Regression

__all__ = ["FIGURES", "Units", "block_of", "summed", "units_of"]

MOST = 20
"""Blocks of time."""
LEAST_FRAMES = 10
"""Of a block at the least."""

FIGURES: Mapping[str, Figure] = {
    "nrmse": Figure(lambda sums: np.sqrt(sums[..., 0] / sums[..., 2]), ENDS["nrmse"], less_is_better=True),
    "r2": Figure(lambda sums: 1.0 - sums[..., 0] / sums[..., 2], ENDS["r2"]),
    "smape": Figure(lambda sums: sums[..., 1] / sums[..., 2], ENDS["smape"], less_is_better=True),
}


@dataclass(frozen=True, eq=False)
class Units:
    """of `[pair]`: the unit that each answered frame is of, 0 to many - 1; name: what they are called."""

    of: Ints
    name: str

    @property
    def many(self) -> int:
        return int(self.of.max()) + 1


def units_of(section: Regression, train: Frames, test: Frames) -> Units:
    """Of the pairs of `test` (`pairs.pairs_of`): its groups, of which none was trained on; else samples; of fewer than
    three of these, blocks of time."""
    answered = test.lengths - section.washout - section.horizon
    sample = np.repeat(np.arange(test.samples), answered)
    groups, of_sample = np.unique(np.array(test.groups), return_inverse=True)
    if len(groups) >= FEWEST and not {*test.groups} & {*train.groups}:
        return Units(of_sample[sample].astype(np.int64), "groups")
    # Samples of the same speaker, or machine, say less of others than as many of different ones.
    whose = f" of {len(groups)} {'group' if len(groups) == 1 else 'groups'}" if len(groups) else ""
    if test.samples >= FEWEST:
        return Units(sample.astype(np.int64), f"samples{whose}")
    # One may reach from the end of a series into the next: blocks of what is left over would be short.
    frames = int(answered.sum())
    many = max(min(frames // block_of(section), MOST), 1)
    return Units(np.arange(frames) * many // frames, f"blocks of time{whose}")


def block_of(section: Regression) -> int:
    """Frames of the shortest block."""
    return max(2 * section.horizon, LEAST_FRAMES)


def summed(predicted: Floats, true: Floats, units: Units) -> Floats:
    """`[unit, sum]`: of squared errors in variances, of symmetric percentage errors, both the mean over outputs, and
    how many frames there are. predicted, true: `[pair, output]`."""
    each = [relative(predicted, true), symmetric(predicted, true), np.ones_like(true)]
    return np.stack([np.bincount(units.of, of.mean(axis=1), units.many) for of in each], axis=1)
