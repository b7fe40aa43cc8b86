"""What entered some time ago? A linear reading of frames that are past, while others go on entering.

Asked is the mean of the frames of a window as long as what is read, which ended so many frames ago: with a delay of at
least the window, nothing of it is in the window that is read. The answer is the share of variance that is explained,
R2 as `lsm_deploy.r2` has it, the mean over channels that vary:

    R2 = 1 - mean over channels of sum (answer - frame)^2 / sum (frame - mean)^2

on rows that the readout was not trained on: 1 is all, 0 what the mean knows, and below 0 is worse than that. The
readout is ridge regression in floats, one strength for all channels, chosen on other folds of what is trained on.
Frames of real data resemble their neighbours: what encoded spikes explain beyond their window is of the data, not of
any memory. Folds, and what is drawn anew for intervals, are groups, where there are three; else samples; few long
samples are cut into blocks, and a row whose windows reach over a cut is not asked, nor one of the washout (of the
spec's readout of signals, or a twentieth), while states forget that they began at rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.streams import stream
from lsm_deploy.learn.readout.ridge import solve
from lsm_deploy.measure.diagnosis.knowledge.asked import Questions
from lsm_deploy.measure.diagnosis.knowledge.labels import FOLDS
from lsm_deploy.measure.diagnosis.knowledge.sources import Moments
from lsm_deploy.measure.uncertainty import FEWEST

__all__ = ["Losses", "Rows", "losses_of", "rows_of"]

ROWS = 4000
"""That are asked, at most, evenly spaced in time."""
UNITS = 20
"""Blocks that fewer samples are cut into, all together."""
LEAST = 100
"""Rows that a delay needs, or nothing is said of it."""
MOST_CHANNELS = 64
"""That are asked about, drawn at random of more."""
STRENGTHS = 10.0 ** np.array([-8, -6, -4, -2, 0, 1, 2, 3, 4, 5, 6, 7])
"""Of standardised features, beside a sum over rows: the weakest leave all that graded states know, with the strongest
some thousand rows of noise come to nothing."""


@dataclass(frozen=True, eq=False)
class Rows:
    """When is asked about frames: the sample, how many of its frames are past, how many of them since its block began,
    and the unit that goes into one fold, all `[row]`; the fold of each unit. channels: that are asked about."""

    sample: Ints
    past: Ints
    since: Ints
    unit: Ints
    fold_of: Ints
    over: str
    channels: Ints

    def moments(self, asked: Questions) -> Moments:
        return Moments(self.sample, asked.stimulus.starts[self.sample] + self.past * asked.timing.frame)


@dataclass(frozen=True, eq=False)
class Losses:
    """Of one delay and source: for each unit that has rows, how many, and the sum of their squared errors in variances,
    the mean over channels; both `[unit]`."""

    rows: Floats
    sums: Floats

    @property
    def explained(self) -> float:
        return 1.0 - float(self.sums.sum() / self.rows.sum())


def rows_of(asked: Questions, seed: int) -> Rows | None:
    """None where there are too few frames to ask about."""
    data, window = asked.data, asked.timing.last_frames
    blocks = -(-UNITS // data.samples) if data.samples < UNITS else 1
    sample, past, since, block = [], [], [], []
    for i, length in enumerate(data.lengths.tolist()):
        # States that began at rest are unlike all others: of a long sample they would be in one fold alone.
        begun = min(asked.washout or (length // UNITS if blocks > 1 else 0), length)
        edges = begun + np.arange(blocks + 1) * (length - begun) // blocks
        for k, begin in enumerate(edges[:-1].tolist()):
            ends = np.arange(begin + window, edges[k + 1] + 1)
            sample.append(np.full(len(ends), i))
            past.append(ends)
            since.append(ends - begin)
            block.append(np.full(len(ends), i * blocks + k))
    every = [np.concatenate(each).astype(np.int64) for each in (sample, past, since, block)]
    if len(every[0]) < LEAST:
        return None
    chosen = np.unique(np.linspace(0, len(every[0]) - 1, min(ROWS, len(every[0]))).astype(np.int64))
    sample_of, past_of, since_of, block_of = (each[chosen] for each in every)
    grouped = len(set(data.groups)) >= FEWEST
    owner = np.array(data.groups)[sample_of] if grouped else block_of
    names, unit = np.unique(owner, return_inverse=True)
    if len(names) < FEWEST:
        return None
    rng = stream(seed, "diagnose", "reconstruction")
    fold_of = np.zeros(len(names), np.int64)
    fold_of[np.argsort(rng.random(len(names)))] = np.arange(len(names)) % min(FOLDS, len(names))
    what = "groups" if grouped else "samples" if blocks == 1 else "blocks of time"
    channels = np.sort(np.argsort(rng.random(data.channels))[:MOST_CHANNELS])
    return Rows(sample_of, past_of, since_of, unit, fold_of, f"{len(names)} {what}", channels)


def losses_of(asked: Questions, rows: Rows, features: NDArray[Any], delay: int) -> Losses | None:
    """Of features `[row, feature]`, asked about what was so many frames ago; None where too few rows are."""
    window = asked.timing.last_frames
    some = np.flatnonzero(rows.since >= delay + window)
    folds = int(rows.fold_of.max()) + 1
    fold = rows.fold_of[rows.unit[some]]
    units = np.unique(rows.unit[some])
    if len(some) < LEAST or len(np.unique(fold)) < folds or len(units) < FEWEST:
        return None
    y = _past(asked, rows, some, delay, window)
    # Sums of what is constant leave a rounding.
    y = y[:, y.std(axis=0) > 1e-9 * np.abs(asked.data.frames[:, rows.channels]).max(axis=0)]
    if not y.shape[1]:
        return None
    errors = _errors(_Folds(features[some].astype(np.float64), y, fold, folds))
    each = (errors / y.var(axis=0)).mean(axis=1)
    number = np.searchsorted(units, rows.unit[some])
    return Losses(np.bincount(number).astype(np.float64), np.bincount(number, each).astype(np.float64))


def _past(asked: Questions, rows: Rows, some: Ints, delay: int, window: int) -> Floats:
    """The mean of the window's frames `[row, channel]`."""
    frames = asked.data.frames[:, rows.channels]
    sums = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames - frames.mean(axis=0), axis=0)])
    end = asked.data.starts[rows.sample[some]] + rows.past[some] - delay
    means: Floats = (sums[end] - sums[end - window]) / window
    return means


class _Folds:
    """Moments of each fold, so that every set of folds is trained on without its rows being read again."""

    def __init__(self, x: Floats, y: Floats, fold: Ints, folds: int) -> None:
        self.x, self.y = x - x.mean(axis=0), y - y.mean(axis=0)  # moments about 0 would lose digits
        self.rows = [np.flatnonzero(fold == i) for i in range(folds)]
        parts = [(self.x[own], self.y[own]) for own in self.rows]
        self.n = np.array([len(own) for own in self.rows], np.float64)
        self.x_sum, self.y_sum = (np.stack([part[k].sum(axis=0) for part in parts]) for k in (0, 1))
        self.gram = np.stack([a.T @ a for a, _ in parts])
        self.cross = np.stack([a.T @ b for a, b in parts])

    def trained(self, on: list[int], strengths: Floats) -> list[tuple[Floats, Floats]]:
        """For each strength, coefficients `[feature, channel]` and intercepts of these folds' rows."""
        n = self.n[on].sum()
        x_mean, y_mean = self.x_sum[on].sum(axis=0) / n, self.y_sum[on].sum(axis=0) / n
        gram = self.gram[on].sum(axis=0) - n * np.outer(x_mean, x_mean)
        variance = np.diagonal(gram) / n
        constant = variance <= 1e-12 * (x_mean**2 + variance.max(initial=0.0))
        unit = np.where(constant, 0.0, 1 / np.sqrt(np.where(constant, 1.0, variance)))
        gram = gram * unit * unit[:, None]
        cross = (self.cross[on].sum(axis=0) - n * np.outer(x_mean, y_mean)) * unit[:, None]
        coefs = [solve(gram, cross, strength) * unit[:, None] for strength in strengths.tolist()]
        return [(coef, y_mean - x_mean @ coef) for coef in coefs]

    def errors(self, i: int, trained: tuple[Floats, Floats]) -> Floats:
        """Squared, of the rows of a fold `[row, channel]`."""
        coef, intercept = trained
        squared: Floats = (self.x[self.rows[i]] @ coef + intercept - self.y[self.rows[i]]) ** 2
        return squared


def _errors(folds: _Folds) -> Floats:
    """Of all rows, each answered by what others taught, with the strength that was best among these others."""
    every, variance = range(len(folds.rows)), folds.y.var(axis=0)
    # What is trained on all but two folds tells which strength is best for either, without the other.
    of_pair = {}
    for i in every:
        for j in range(i):
            of_pair[i, j] = folds.trained([k for k in every if k not in (i, j)], STRENGTHS)
    errors = np.zeros(folds.y.shape)
    for i in every:
        total = np.zeros(len(STRENGTHS))
        for j in every:
            if j != i:
                solutions = of_pair[max(i, j), min(i, j)]
                total += [float((folds.errors(j, each) / variance).sum()) for each in solutions]
        best = STRENGTHS[np.flatnonzero(total <= total.min() * (1 + 1e-12))[-1:]]
        errors[folds.rows[i]] = folds.errors(i, folds.trained([k for k in every if k != i], best)[0])
    return errors
