"""Growth of a perturbation: on which side of the edge of chaos is the liquid?

One input spike is taken away (or added, where there is none), and d(t), the distance of the states from the unperturbed
run, followed from the step t0 in which a spike of the liquid first differs:

    rate = ln(d(t0 + T) / d(t0)) / T,   T = HORIZON_MS,   d the root mean square over perturbations that have an effect

after Legenstein & Maass, Neural Networks 20 (2007), who estimate Lyapunov's exponent so. A rate above 0 is chaos, one
below 0 order; Bertschinger & Natschlaeger, Neural Comp. 16 (2004), found networks near the line between them to compute
best. Its size is to be read with care. States are filtered spikes, so that nothing dies much sooner than the filter
forgets: a rate of about -1 / tau is as low as it gets. One input spike changes several spikes by itself, without any
recurrence: compare d some tau later, not at t0. And two runs are at some time as far apart as they get.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.streams import stream
from lsm_deploy.measure.diagnosis.liquid import Specimen
from lsm_deploy.measure.diagnosis.stimuli import Rows, end_to_end, poisson
from lsm_deploy.measure.fidelity import filtered

__all__ = ["HORIZON_MS", "PERTURBATIONS", "Growth", "growth", "perturbed"]

PERTURBATIONS = 15
BEFORE_MS = 100.0
"""The liquid is under way when its input changes,"""
SPREAD_MS = 50.0
"""at a spike within so long."""
WITHIN_MS = 100.0
"""A change that has had no effect on any spike so long after it counts as one without."""
HORIZON_MS = 200.0


@dataclass(frozen=True)
class Growth:
    """effective: how many perturbations changed a spike, and lasting: how many still did in the last quarter of T.

    rate_per_s: None where none had an effect. distance: d `[step after t0]`, in spikes.
    """

    perturbations: int
    effective: int
    lasting: int
    rate_per_s: float | None
    distance: tuple[float, ...]


def perturbed(channels: int, probability: float, dt_ms: float, seed: int) -> Sequence[Stimulus]:
    """Pairs of samples, the second with one spike less, or more."""
    before, within = round(BEFORE_MS / dt_ms), max(1, round(SPREAD_MS / dt_ms))
    steps = before + within + round(WITHIN_MS / dt_ms) + round(HORIZON_MS / dt_ms) + 1
    pairs = []
    for k in range(PERTURBATIONS):
        rng = stream(seed, "diagnose", "growth", k)
        rows = poisson(steps, channels, probability, rng)
        pairs.append(end_to_end([rows, _with_one_changed(rows, before, within, rng)]))
    return pairs


def _with_one_changed(rows: Rows, start: int, within: int, rng: np.random.Generator) -> Rows:
    changed = rows.copy()
    t, channel = np.nonzero(rows[start : start + within])
    if len(t):
        k = int(rng.integers(0, len(t)))
        changed[start + t[k], channel[k]] = 0
    else:
        changed[start, int(rng.integers(0, rows.shape[1]))] = 1
    return changed


def growth(liquid: Specimen, pairs: Sequence[Stimulus], tau_steps: float) -> Growth:
    """Run each pair and follow the neurons that are read."""
    dt_ms = liquid.network.dt_ms
    horizon, within = round(HORIZON_MS / dt_ms), round(WITHIN_MS / dt_ms)
    squared, lasting = [], 0
    for pair in pairs:
        first, second = np.split(liquid.spikes(pair), 2)
        differ = np.flatnonzero((first != second).any(axis=1))
        changed = np.flatnonzero((np.subtract(*np.split(pair.spikes, 2)) != 0).any(axis=1))[0]
        if not len(differ) or differ[0] > changed + within:
            continue
        after = slice(int(differ[0]), int(differ[0]) + horizon + 1)
        apart = filtered(first, tau_steps) - filtered(second, tau_steps)
        squared.append((apart[after] ** 2).sum(axis=1))
        lasting += bool((differ > after.start + 3 * horizon // 4).any())
    if not squared:
        return Growth(len(pairs), 0, 0, None, ())
    distance = np.sqrt(np.mean(squared, axis=0))
    rate = float(np.log(distance[-1] / distance[0]) / HORIZON_MS * 1000)
    return Growth(len(pairs), len(squared), lasting, rate, tuple(distance.tolist()))
