"""How sure a mean of returns is: episodes and liquids are drawn anew, both at once and independently.

As `measure.uncertainty` has it of shares of right answers (the pigeonhole bootstrap of Owen, Ann. Appl. Stat. 1, 2007,
expanded for few, and no narrower than Student's over liquids), of numbers. What depends on no liquid has one row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.streams import stream
from lsm_deploy.measure.uncertainty import DRAWS, no_narrower, widened

__all__ = ["Interval", "difference", "mean"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean, and its 95 % interval; the two are equal where all that is drawn is."""

    mean: float
    low: float
    high: float

    def text(self, form: str = ".0f") -> str:
        if self.low == self.high:
            return f"{self.mean:{form}}"
        return f"{self.mean:{form}} ({self.low:{form}} to {self.high:{form}})"

    @property
    def says(self) -> str:
        """Of a difference, whether it is of a sign."""
        return "more" if self.low > 0 else "less" if self.high < 0 else "not distinguishable"


def mean(values: Floats, ends: tuple[float, float] = (-np.inf, np.inf)) -> Interval:
    """Of values `[liquid, episode]`; ends: what one can be at least, and at most."""
    draws = _draws([values])[0]
    low, high = no_narrower(widened(draws, values.shape[1]), values.mean(axis=1))
    return Interval(float(values.mean()), max(low, ends[0]), min(high, ends[1]))


def difference(values: Floats, others: Floats, ends: tuple[float, float] = (-np.inf, np.inf)) -> Interval:
    """Of values less others, of the same episodes and (where both have some) the same liquids; ends: of a value."""
    draws, of_others = _draws([values, others])
    low, high = no_narrower(widened(draws - of_others, values.shape[1]), values.mean(axis=1) - others.mean(axis=1))
    most = ends[1] - ends[0]
    return Interval(float(values.mean() - others.mean()), max(low, -most), min(high, most))


def _draws(every: list[Floats]) -> list[Floats]:
    """The mean of each draw: the same liquids and episodes of all."""
    rng, episodes = stream(0, "returns"), every[0].shape[1]
    liquids = max(len(values) for values in every)
    taken = rng.integers(liquids, size=(DRAWS, liquids))
    seeds = rng.integers(episodes, size=(DRAWS, episodes))
    means = []
    for values in every:
        rows = values[np.zeros_like(taken) if len(values) == 1 else taken]  # [draw, liquid, episode]
        means.append(np.take_along_axis(rows.mean(axis=1), seeds, axis=1).mean(axis=1))
    return means
