"""How far two runs of the same neurons on the same input are apart.

A spike train becomes a trace, x(t) = exp(-dt / tau) x(t - 1) + s(t); the traces of all neurons are the liquid's state.

    norm^2(s)  = sum over i, j of s(i) s(j) exp(-|i - j| dt / tau) = sum over t of s(t) (2 x(t) - s(t))

norm(a - b) is van Rossum's distance (Neural Comp. 13, 2001), scaled so that a spike is 1 away from none. Over all
neurons, and in units of what the two hold between them, sqrt(sum norm^2(a - b) / (sum norm^2(a) + sum norm^2(b))) is 0
for equal runs and 1 for runs without a common spike within some tau. On a grid of steps that sum is exact, and linear
in steps: a library that compares lists of spike times, pair by pair, is asked in the tests only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.shown import Brief

__all__ = ["TAU_MS", "Distance", "compare_spikes", "filtered", "mean_of"]

TAU_MS = 20.0
"""Spikes that lie closer than this count as near; a membrane's time constant."""

_COLUMNS = 512
"""Neurons that are filtered at a time."""


@dataclass(frozen=True, eq=False, repr=False)
class Distance(Brief):
    """relative: van Rossum's distance, 0 equal to 1 nothing in common. correlation: of the states, each neuron about
    its own mean; None where one of them never moves. over_time: the distance of the states `[step of a sample]`."""

    relative: float
    correlation: float | None
    over_time: Floats


def filtered(spikes: Messages, tau_steps: float) -> Floats:
    """The states `[t, neuron]` that the spikes `[t, neuron]` of one sample leave, from rest."""
    from scipy.signal import lfilter

    states: Floats = lfilter([1.0], [1.0, -np.exp(-1.0 / tau_steps)], spikes.astype(np.float64), axis=0)
    return states


def compare_spikes(first: Messages, second: Messages, starts: NDArray[np.int64], tau_steps: float) -> Distance:
    """The distance of two runs' spikes `[t, neuron]`, summed over all samples and neurons."""
    steps, neurons = first.shape
    windows = [slice(a, b) for a, b in zip(starts.tolist(), [*starts[1:].tolist(), steps], strict=True)]
    longest = max(window.stop - window.start for window in windows)
    apart = held = 0.0
    apart_at, held_at = np.zeros(longest), np.zeros(longest)
    moments = np.zeros(3)  # of the states about each neuron's mean: first with itself, second, both
    for start in range(0, neurons, _COLUMNS):
        columns = slice(start, min(start + _COLUMNS, neurons))
        sums = np.zeros((5, columns.stop - columns.start))
        for window in windows:
            a, b = first[window, columns].astype(np.float64), second[window, columns].astype(np.float64)
            x, y = filtered(first[window, columns], tau_steps), filtered(second[window, columns], tau_steps)
            apart += float(((a - b) * (2 * (x - y) - (a - b))).sum())
            held += float((a * (2 * x - a)).sum() + (b * (2 * y - b)).sum())
            apart_at[: len(x)] += ((x - y) ** 2).sum(axis=1)
            held_at[: len(x)] += (x**2 + y**2).sum(axis=1)
            sums += np.stack([each.sum(axis=0) for each in (x, y, x * x, y * y, x * y)])
        of_x, of_y, xx, yy, xy = sums
        moments += [(m - p * q / steps).sum() for m, p, q in ((xx, of_x, of_x), (yy, of_y, of_y), (xy, of_x, of_y))]
    moving = moments[0] > 1e-9 and moments[1] > 1e-9
    return Distance(
        relative=float(np.sqrt(max(apart, 0.0) / held)) if held else 0.0,
        correlation=float(moments[2] / np.sqrt(moments[0] * moments[1])) if moving else None,
        over_time=np.sqrt(apart_at / np.where(held_at > 0, held_at, 1.0)),
    )


def mean_of(distances: list[Distance]) -> Distance | None:
    """The mean of several; None of none."""
    if not distances:
        return None
    correlations = [d.correlation for d in distances if d.correlation is not None]
    return Distance(
        relative=float(np.mean([d.relative for d in distances])),
        correlation=float(np.mean(correlations)) if correlations else None,
        over_time=np.mean([d.over_time for d in distances], axis=0),
    )
