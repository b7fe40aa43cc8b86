"""What the same series give without a liquid: the yardstick of every forecast, all in floats.

persistence     nothing changes: the last value that is known of what is to be answered
ar              linear autoregression: ridge on the last p frames
nvar            the same with all their products, squares too, of k frames s apart: Gauthier, Bollt, Griffith & Barbosa,
                Nature Communications 12 (2021), called next generation reservoir computing
input           the spec's readout on the frame alone, with its square

p, k and s, and each strength of regularisation, are those with the least NRMSE on held-out blocks of the training data.
A frame before the first one of a sample is that first one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations_with_replacement, product

import numpy as np

from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import Frames
from lsm_deploy.learn.regression.linear import Regressor, fit, predict
from lsm_deploy.learn.regression.pairs import pairs_of, series_of
from lsm_deploy.spec.schema import Regression

__all__ = ["autoregression", "input_alone", "lagged", "nonlinear", "persistence", "products"]

ORDERS = (1, 2, 4, 8, 16, 32, 50)
"""Of linear autoregressions that are tried."""
TAPS, STRIDES = (2, 3, 4, 6, 8, 12, 16), (1, 2, 4, 6)
WIDEST = 350
"""Features that a quadratic autoregression may have: about as many as a liquid of the tables has neurons."""


def persistence(section: Regression, data: Frames) -> Floats:
    """The answer of each pair `[pair, output]`: what is known last, which of targets at horizon 0 is the one before."""
    rows, series = pairs_of(data, section).rows, series_of(data, section)
    starts = data.starts[np.searchsorted(data.starts, rows, "right") - 1]
    return np.asarray(series[np.maximum(rows - (section.horizon == 0), starts)])


def autoregression(section: Regression, train: Frames, test: Frames) -> tuple[Floats, str]:
    """The answers for the test data `[pair, output]`, and what was chosen, in words."""
    tried = [(f"{p} frames", lagged(train, p, 1), lagged(test, p, 1)) for p in ORDERS if p * train.channels <= WIDEST]
    return _best(section, train, test, tried)


def nonlinear(section: Regression, train: Frames, test: Frames) -> tuple[Floats, str]:
    """The same of quadratic vector autoregression."""
    tried = [
        (f"{k} frames {s} apart", products(lagged(train, k, s)), products(lagged(test, k, s)))
        for k, s in product(TAPS, STRIDES)
        if _wide(k * train.channels) <= WIDEST
    ] or [("1 frame", products(train.frames), products(test.frames))]
    return _best(section, train, test, tried)


def input_alone(section: Regression, train: Frames, test: Frames) -> tuple[Floats, str]:
    """The same of the frame and its square, without any memory."""
    x, x_test = (np.column_stack([part.frames, part.frames**2]) for part in (train, test))
    return _best(section, train, test, [("", x, x_test)])


def lagged(data: Frames, taps: int, stride: int) -> Floats:
    """Each frame and those before it `[frame, tap * channel]`, the latest first, within its sample."""
    every = np.arange(len(data.frames))
    starts = np.repeat(data.starts, data.lengths)
    return np.concatenate([data.frames[np.maximum(every - k * stride, starts)] for k in range(taps)], axis=1)


def products(x: Floats) -> Floats:
    """Features `[row, feature]`, and the product of each two of them."""
    pairs = combinations_with_replacement(range(x.shape[1]), 2)
    return np.column_stack([x, *(x[:, i] * x[:, k] for i, k in pairs)])


def _wide(features: int) -> int:
    return features + features * (features + 1) // 2


def _best(
    section: Regression, train: Frames, test: Frames, tried: Iterable[tuple[str, Floats, Floats]]
) -> tuple[Floats, str]:
    pairs, rows = pairs_of(train, section), pairs_of(test, section).rows
    batch = replace(section, regressor="ridge", forgetting=1.0)
    best: tuple[float, str, Regressor, Floats] | None = None
    for words, x, x_test in tried:
        regressor = fit(x[pairs.rows], pairs.targets, batch, section.horizon)
        if best is None or regressor.error < best[0]:
            best = regressor.error, words, regressor, x_test[rows]
    assert best is not None  # there is a first one
    return predict(best[2], best[3]), best[1]
