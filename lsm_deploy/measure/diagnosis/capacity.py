"""Linear memory capacity: how much of what the input was can be read from the state now.

Jaeger, Short Term Memory in Echo State Networks, GMD Report 152 (2001): the sum over delays k = 1, 2, ... of the
squared correlation between the input k symbols ago and the best linear reading of it. It cannot exceed the number of
neurons.

The input is a stream of fair bits, each held for a symbol. Half of the channels spike in a pattern of their own, drawn
once, while the bit is 1, the others while it is 0: the drive is the same for both, and carries no noise. The state is
each neuron's count of spikes in the symbol, which remembers nothing by itself, unlike a filtered state: what is older
than a symbol is in the liquid or nowhere. Ridge regression, its strength chosen by leave-one-out on the training part,
is measured on symbols held out. With bits that are independent of the input some correlation remains by chance: with c
its mean, a squared correlation r counts as (r - c) / (1 - c), which is 0 for chance and 1 for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.streams import stream
from lsm_deploy.measure.diagnosis.liquid import Specimen
from lsm_deploy.measure.diagnosis.stimuli import Rows

__all__ = ["DELAYS", "SYMBOL_MS", "Bits", "Capacity", "bit_stream", "capacity"]

SYMBOL_MS = 10.0
DELAYS = 20
"""Symbols back, at most."""
TRAINED, TESTED = 800, 600
"""Symbols."""
_STRENGTHS = np.logspace(-3, 5, 17)


@dataclass(frozen=True, eq=False)
class Bits:
    """The stimulus, its bits `[symbol]`, independent ones drawn alike, and the steps of a symbol."""

    stimulus: Stimulus
    bits: Floats
    others: Floats
    steps: int


@dataclass(frozen=True)
class Capacity:
    """curve: the squared correlation at delays 0, 1, ... DELAYS symbols; chance: its mean for independent bits."""

    curve: tuple[float, ...]
    chance: float

    @property
    def total(self) -> float:
        """In bits, delay 0 left out; of nothing it may come out a little below 0."""
        return sum((r - self.chance) / (1 - self.chance) for r in self.curve[1:])


def bit_stream(channels: int, probability: float, dt_ms: float, seed: int) -> Bits:
    """As many spikes as at `probability` a channel and step, and at least one a symbol in a channel that is on."""
    steps, symbols = max(1, round(SYMBOL_MS / dt_ms)), DELAYS + TRAINED + TESTED
    rng = stream(seed, "diagnose", "capacity")
    bits, others = (rng.integers(0, 2, symbols) for _ in range(2))
    spikes = min(steps, max(1, round(2 * probability * steps)))
    order = np.argsort(rng.random((steps, channels)), axis=0)
    pattern = order < spikes
    preferred = np.argsort(np.argsort(rng.random(channels))) < (channels + 1) // 2
    on = np.where(preferred, bits[:, None] == 1, bits[:, None] == 0)
    rows: Rows = (on[:, None, :] & pattern).reshape(symbols * steps, channels).astype(np.int8)
    return Bits(Stimulus(rows, np.zeros(1, np.int64)), bits.astype(np.float64), others.astype(np.float64), steps)


def capacity(liquid: Specimen, bits: Bits) -> Capacity:
    """Run the bits, train on the first symbols, measure on the others."""
    from sklearn.linear_model import RidgeCV

    spikes = liquid.spikes(bits.stimulus)
    counts = spikes.reshape(len(bits.bits), bits.steps, -1).sum(axis=1, dtype=np.float64)[DELAYS:]
    train, test = slice(0, TRAINED), slice(TRAINED, None)
    deviation = counts[train].std(axis=0)
    alive = deviation > 0
    if not alive.any():
        return Capacity((0.0,) * (DELAYS + 1), 0.0)
    states = (counts[:, alive] - counts[train][:, alive].mean(axis=0)) / deviation[alive]
    targets = np.concatenate([_delayed(bits.bits), _delayed(bits.others)], axis=1)
    readout = RidgeCV(_STRENGTHS, alpha_per_target=True).fit(states[train], targets[train])
    squared = _squared_correlation(readout.predict(states[test]), targets[test])
    own, chance = squared[: DELAYS + 1], squared[DELAYS + 1 :]
    return Capacity(tuple(own.tolist()), float(chance.mean()))


def _delayed(bits: Floats) -> Floats:
    """What the bit was 0, 1, ... DELAYS symbols ago `[symbol from DELAYS on, delay]`."""
    return np.stack([bits[DELAYS - k : len(bits) - k] for k in range(DELAYS + 1)], axis=1)


def _squared_correlation(predicted: Floats, target: Floats) -> Floats:
    a, b = predicted - predicted.mean(axis=0), target - target.mean(axis=0)
    power = (a**2).sum(axis=0) * (b**2).sum(axis=0)
    squared: Floats = (a * b).sum(axis=0) ** 2 / np.where(power > 0, power, 1.0)
    return squared
