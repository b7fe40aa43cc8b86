"""How sure a figure is: intervals over liquids, and over the speakers, records or samples that it was measured on.

A figure on data of few speakers or records is as sure as another few would leave it, whatever the number of samples; so
the interval of a share of right answers is that of a bootstrap that draws groups and liquids anew, both at once and
independently (Owen, The pigeonhole bootstrap, Ann. Appl. Stat. 1, 2007). All that is compared is drawn alike, so that a
difference is paired; of two liquids, which say nothing of others, both are in each draw. Percentiles of few groups are
too narrow, and are taken further out, as Student's t is further out than the normal (the expanded percentile interval
of Hesterberg, The American Statistician 69, 2015). Of very few there is no draw so far out, and the interval is no
narrower than Student's by the jackknife, which leaves each group out once (Tukey, Ann. Math. Stat. 29, 1958). `make
intervals` tries what they cover. An interval is no narrower than Student's over liquids, nor than Wilson's of the
samples, nor a difference's than that of Agresti and Min: where all are right, so are all draws, and that is no proof.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.streams import stream

__all__ = [
    "DRAWS",
    "ENDS",
    "FEWEST",
    "SHARE",
    "Difference",
    "Draws",
    "Resampled",
    "Spread",
    "paired",
    "widened",
    "wilson",
]

Bools = NDArray[np.bool_]

DRAWS = 2000
"""Of a bootstrap."""
_AT_ONCE = 1 << 22
"""Numbers that are drawn at a time."""
_Z = 1.959963984540054
"""Of the normal, for 95 %."""
FEWEST = 3
"""Groups, or liquids, that say something of others: an interval over two is thirteen times their distance."""
_FEW = 10
"""Units of which percentiles are far enough out: of four or five what is asked for lies beyond all draws, and up to ten
the jackknife still makes intervals hold more often."""

SHARE = (0.0, 1.0)
ENDS = {"accuracy": SHARE, "nrmse": (0.0, math.inf), "smape": (0.0, math.inf), "r2": (-math.inf, 1.0)}
"""What a figure can be at least, and at most."""


@dataclass(frozen=True)
class Spread:
    """A figure over several liquids: the mean, the 95 % interval of it (None where there is none), and the extremes."""

    mean: float
    low: float | None
    high: float | None
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float], ends: tuple[float, float] = (-math.inf, math.inf)) -> Spread:
        """With Student's interval over liquids, which one or two do not have, cut at what the figure can be."""
        from scipy.special import stdtrit

        mean, half = float(np.mean(values)), None
        if len(values) >= FEWEST:
            error = float(np.std(values, ddof=1)) / np.sqrt(len(values))
            half = float(stdtrit(len(values) - 1, 0.975)) * error
        return cls(
            mean,
            None if half is None else max(mean - half, ends[0]),
            None if half is None else min(mean + half, ends[1]),
            min(values),
            max(values),
        )


@dataclass(frozen=True)
class Difference:
    """How much better the first of two figures of the same samples is, of shares how much more, with the paired
    95 % interval of that."""

    mean: float
    low: float
    high: float

    @property
    def says(self) -> str:
        """Whether the first is better, worse, or neither for sure."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "not distinguishable"


class Draws:
    """What a bootstrap draws anew: units, and liquids, of which there are three or more; of two an interval is of these
    two."""

    def __init__(self, liquids: int, units: int) -> None:
        self.liquids, self.units = liquids, units

    @property
    def few(self) -> bool:
        """Whether percentiles of so few units are not far enough out."""
        return FEWEST <= self.units < _FEW

    def over(self, name: str) -> str:
        """What intervals are over, where units are called so."""
        what = f"{self.units} {name}"
        if self.liquids == 1:
            return what
        return f"{what} and {self.liquids} liquids" if self.liquids >= FEWEST else f"{what}, of {self.liquids} liquids"

    def weights(self) -> Iterator[tuple[Floats, Floats]]:
        """How often each liquid, and each unit, is in a draw: `[draw, liquid]`, `[draw, unit]`; the same draws each
        time. After them, of few units, all with each of these left out, and with none: figures of those are what
        `between` takes beside the draws'."""
        rng = stream(0, "bootstrap")
        at_once = max(1, _AT_ONCE // self.units)
        for first in range(0, DRAWS, at_once):
            draws = min(at_once, DRAWS - first)
            liquids = self._drawn(rng, draws, self.liquids)
            yield liquids if self.liquids >= FEWEST else np.ones_like(liquids), self._drawn(rng, draws, self.units)
        if self.few:
            yield np.ones((self.units + 1, self.liquids)), 1.0 - np.eye(self.units + 1, self.units)

    @staticmethod
    def _drawn(rng: np.random.Generator, draws: int, many: int) -> Floats:
        places = rng.integers(many, size=(draws, many)) + many * np.arange(draws)[:, None]
        return np.bincount(places.ravel(), minlength=draws * many).reshape(draws, many).astype(np.float64)

    def mean(self, each: Floats, liquids: Floats) -> Floats:
        """Over liquids as they were drawn; each: `[draw, liquid]`, of one where it depends on none."""
        return each[:, 0] if each.shape[1] == 1 else (each * liquids).sum(axis=1) / self.liquids

    def between(self, draws: Floats, liquids: Floats) -> tuple[float, float] | None:
        """The interval of what all draws came to; liquids: what each of them has, of one where it depends on none."""
        drawn, without = draws[:DRAWS], draws[DRAWS:]
        drawn = drawn[~np.isnan(drawn)]
        if not len(drawn):
            return None
        interval = no_narrower(widened(drawn, self.units), liquids)
        return _outermost(interval, jackknifed(without[:-1], float(without[-1]))) if len(without) else interval


class Resampled:
    """Answers of liquids to the same samples, with what is drawn anew: groups where there are some that no liquid was
    trained on, else samples; and liquids, of which there are three or more. Of two an interval is of these two."""

    def __init__(self, right: Mapping[str, Bools], groups: Sequence[str]) -> None:
        """right: by what answered, `[liquid, sample]`; of one row where it depends on no liquid. groups: of each sample
        its own, none of them trained on; empty where there is no such thing."""
        self.right = right
        self.samples = next(iter(right.values())).shape[1]
        self.liquids = max(len(rows) for rows in right.values())
        names, numbers = np.unique(np.array(groups), return_inverse=True)
        self.groups = len(names) if len(names) >= FEWEST else 0
        self.unit = numbers if self.groups else np.arange(self.samples)
        self.draws = Draws(self.liquids, self.groups or self.samples)
        self._known: dict[bytes, dict[str, Floats]] = {}

    @property
    def over(self) -> str:
        """What intervals are over."""
        return self.draws.over("groups" if self.groups else "samples")

    def interval(self, name: str, among: Bools | None = None) -> tuple[float, float] | None:
        """Of the share of right answers, the mean over liquids. among: the samples that count; None where there are
        none."""
        counted = self.right[name] if among is None else self.right[name][:, among]
        drawn = self.draws.between(self._shares(among)[name], counted.mean(axis=1) if counted.size else np.zeros(0))
        if drawn is None:
            return None
        low, high = wilson(float(counted.mean()), counted.shape[1])
        return max(min(drawn[0], low), 0.0), min(max(drawn[1], high), 1.0)

    def difference(self, name: str, other: str) -> Difference:
        """What one has right more than the other, the means over liquids."""
        this, that, shares = self.right[name], self.right[other], self._shares(None)
        draws = self.draws.between(shares[name] - shares[other], this.mean(axis=1) - that.mean(axis=1))
        assert draws is not None
        low, high = paired(float((this & ~that).mean()), float((that & ~this).mean()), self.samples)
        ends = max(min(draws[0], low), -1.0), min(max(draws[1], high), 1.0)
        return Difference(float(this.mean() - that.mean()), *ends)

    def auc_interval(self, margins: Floats, positive: Bools) -> tuple[float, float] | None:
        """Of the area under the curve over groups and liquids; None where samples are drawn, which nobody pairs, or
        where all draws are alike.

        margins: `[liquid, sample]`. Pairs of a positive and another sample are counted by their groups, once."""
        if not self.groups:
            return None
        ordered = [self._pairs(row, positive) for row in margins]
        of = np.outer(*(np.bincount(self.unit[which], minlength=self.draws.units) for which in (positive, ~positive)))
        areas = []
        for liquids, units in self.draws.weights():
            with np.errstate(invalid="ignore"):
                each = [((units @ one) * units).sum(axis=1) / ((units @ of) * units).sum(axis=1) for one in ordered]
            areas.append(self.draws.mean(np.array(each).T, liquids))
        of_each = np.array([one.sum() for one in ordered]) / of.sum()
        drawn = self.draws.between(np.concatenate(areas), of_each)
        return None if drawn is None or drawn[0] == drawn[1] else (max(drawn[0], 0.0), min(drawn[1], 1.0))

    def _pairs(self, margins: Floats, positive: Bools) -> Floats:
        """Of each group's positive samples with each group's others, those in order; equal ones are a half."""
        pairs = np.zeros((self.draws.units, self.draws.units))
        above, of = margins[positive], self.unit[positive]
        for unit in range(self.draws.units):
            others = np.sort(margins[~positive & (self.unit == unit)])
            ranks = (np.searchsorted(others, above, "left") + np.searchsorted(others, above, "right")) / 2
            pairs[:, unit] = np.bincount(of, ranks, minlength=self.draws.units)
        return pairs

    def _shares(self, among: Bools | None) -> dict[str, Floats]:
        """By what answered, the share of each draw; NaN where it has no sample that counts."""
        key = b"" if among is None else among.tobytes()
        if key not in self._known:
            self._known[key] = self._shares_of(np.ones(self.samples, bool) if among is None else among)
        return self._known[key]

    def _shares_of(self, among: Bools) -> dict[str, Floats]:
        units = self.draws.units
        of = np.bincount(self.unit[among], minlength=units).astype(np.float64)
        counts = {
            name: np.array([np.bincount(self.unit[row & among], minlength=units) for row in rows], np.float64)
            for name, rows in self.right.items()
        }
        shares: dict[str, list[Floats]] = {name: [] for name in counts}
        for liquids, drawn in self.draws.weights():
            for name, each in counts.items():
                with np.errstate(invalid="ignore"):
                    shares[name].append(self.draws.mean(drawn @ each.T / (drawn @ of)[:, None], liquids))
        return {name: np.concatenate(some) for name, some in shares.items()}


def no_narrower(interval: tuple[float, float], liquids: Floats) -> tuple[float, float]:
    """Than Student's over so few liquids, which draws of them are too alike for."""
    of_liquids = Spread.of(liquids.tolist())
    if of_liquids.low is None or of_liquids.high is None:
        return interval
    return _outermost(interval, (of_liquids.low, of_liquids.high))


def jackknifed(without: Floats, whole: float) -> tuple[float, float]:
    """Student's interval of a figure, over units; without: the figure with each of them left out. Where one has all
    that there is to tell, no end is known."""
    from scipy.special import stdtrit

    units = len(without)
    if not np.isfinite(without).all():
        return -math.inf, math.inf
    error = math.sqrt((units - 1) / units * float(((without - without.mean()) ** 2).sum()))
    half = float(stdtrit(units - 1, 0.975)) * error
    return whole - half, whole + half


def _outermost(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    return min(first[0], second[0]), max(first[1], second[1])


def widened(draws: Floats, units: int) -> tuple[float, float]:
    """The expanded percentile interval of a bootstrap over so many units."""
    from scipy.special import ndtr, stdtrit

    tail = float(ndtr(-math.sqrt(units / (units - 1)) * stdtrit(units - 1, 0.975))) if units > 1 else 0.0
    low, high = np.percentile(draws, [100 * tail, 100 * (1 - tail)])
    return float(low), float(high)


def paired(first: float, second: float, samples: int) -> tuple[float, float]:
    """The 95 % interval of the difference of two shares of the same samples, of which these are right in one alone.
    Agresti & Min, Statistics in Medicine 24 (2005): a half is added to each of the four counts."""
    only, other, of = first * samples + 0.5, second * samples + 0.5, samples + 2
    middle = (only - other) / of
    half = _Z * math.sqrt(max(only + other - (only - other) ** 2 / of, 0.0)) / of
    return middle - half, middle + half


def wilson(share: float, samples: int) -> tuple[float, float]:
    """The 95 % interval of a share of so many samples. Wilson, J. Am. Stat. Assoc. 22 (1927)."""
    whole = 2 * (samples + _Z**2)
    centre = (2 * samples * share + _Z**2) / whole
    half = _Z / whole * math.sqrt(4 * samples * share * (1 - share) + _Z**2)
    return 0.0 if share == 0 else centre - half, 1.0 if share == 1 else centre + half
