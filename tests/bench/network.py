"""A network whose activity is what was asked for, on a stimulus that never ends.

Each neuron is driven by a bias of its own, enough to spike at a rate drawn evenly from 0.4 to 1.6 times the activity
asked for; synapses come on top, weak against the threshold and without a mean (four excitatory neurons to one
inhibitory, whose weights are four times as large), so that no density and no activity makes the network explode or fall
silent. The spread of rates makes neurons, which all start at rest, lose step with each other within five mean periods:
after `Case.settled` steps the activity is steady, and only then is anything timed. What is left of a mean error is
tuned away by one factor on all biases, found on a network of at most 2000 neurons with the same number of synapses a
neuron. There is one population, whose `du`, `dv` and `vth` are the same everywhere, because one of the simulators knows
only scalars for them.

The stimulus is periodic: every simulator can be fed from it for as long as a measurement takes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, SignMode, Stimulus

__all__ = ["Case", "activity_of", "draw", "largest_weights", "stimulus_of"]

DU, DV, VTH = 2047, 16, 20_000
"""Half of the current decays in a step, 1/256 of the voltage; one mean excitatory spike moves it by 1/300 of VTH."""
EXCITATORY = 0.8
LARGEST = {"excitatory": 63, "inhibitory": 255}
WEAKER_FROM = 100
"""Synapses a neuron from which on weights shrink with their root: a thousand move a neuron no more than a hundred."""
PERIOD = 1000
"""Steps after which the stimulus repeats."""
TUNED_ON = 2000
TOLERANCE = 0.02
ATTEMPTS = 8


@dataclass(frozen=True)
class Case:
    """One network of the grid; `degree` synapses leave each neuron, `activity` is spikes a neuron and step."""

    axis: str
    label: str
    neurons: int = 1000
    degree: int = 100
    activity: float = 0.05
    max_delay: int = 0
    batch: int = 0
    """Samples that `fast` runs on all cores; 0: one stream."""
    peers: tuple[str, ...] = ()
    reference: str = ""
    """One more that says who spiked, and is too slow to be timed; else the first of `peers`, the emulator if it is one.
    """
    seed: int = 1
    channels_given: int = 0
    """0: a tenth of the neurons, within bounds."""

    @property
    def channels(self) -> int:
        return self.channels_given or min(max(self.neurons // 10, 10), 1000)

    @property
    def settled(self) -> int:
        """Steps until activity is steady."""
        return max(100, round(5 / self.activity))

    @property
    def input_degree(self) -> int:
        """Synapses that leave each channel: of one sign, so more of them would drive the network on their own."""
        return min(self.degree, 100)

    @property
    def synapses(self) -> int:
        return self.neurons * self.degree + self.channels * self.input_degree


def draw(case: Case) -> tuple[Program, Stimulus]:
    """The program of a case, its biases tuned, and one period of its stimulus."""
    neurons = min(case.neurons, max(TUNED_ON, case.degree))
    # With as much input a neuron.
    small = replace(case, neurons=neurons, channels_given=max(1, round(case.channels * neurons / case.neurons)))
    gain = 1.0
    for _ in range(ATTEMPTS):
        ratio = _activity(small, gain) / case.activity
        if abs(ratio - 1) < TOLERANCE:
            break
        gain /= np.clip(ratio, 0.5, 2.0) ** 0.8  # damped: a neuron near its threshold answers more than in proportion
    return _program(case, gain), stimulus_of(case)


def stimulus_of(case: Case) -> Stimulus:
    rng = np.random.default_rng([case.seed, 2])
    return Stimulus((rng.random((PERIOD, case.channels)) < case.activity).astype(np.int8), np.array([0]))


def activity_of(spikes: NDArray[np.int8], settled: int) -> float:
    """Spikes a neuron and step, once settled."""
    return float(np.count_nonzero(spikes[settled:]) / spikes[settled:].size)


def largest_weights(case: Case) -> dict[str, int]:
    """By sign mode; weights are drawn evenly from 1 to this."""
    weaker = min(1.0, (WEAKER_FROM / case.degree) ** 0.5)
    return {sign: round(weaker * value) for sign, value in LARGEST.items()}


def _activity(case: Case, gain: float) -> float:
    from lsm_backends import fast

    steps = 3 * case.settled
    spikes = np.resize(stimulus_of(case).spikes, (steps, case.channels))
    return activity_of(fast.run(_program(case, gain), Stimulus(spikes, np.array([0]))).spikes, case.settled)


def _program(case: Case, gain: float) -> Program:
    rng = np.random.default_rng([case.seed, 1])
    n = case.neurons
    rates = case.activity * rng.uniform(0.4, 1.6, n)
    leak = 1 - DV / 4096
    # A constant b takes the voltage to b * (1 - leak**k) / (1 - leak) in k steps.
    bias = gain * (VTH << 6) * (1 - leak) / (1 - leak ** (1 / rates))
    exponent = max(0, int(np.ceil(np.log2(bias.max() / 4095))))
    registers = {
        "du": np.full(n, DU),
        "dv": np.full(n, DV),
        "vth": np.full(n, VTH),
        "bias_mant": np.rint(bias / 2**exponent).astype(np.int64),
        "bias_exp": np.full(n, exponent),
    }
    excitatory = round(EXCITATORY * n)
    largest = largest_weights(case)
    projections = (
        _projection(rng, case, INPUT, "excitatory", np.arange(case.channels), 255),
        _projection(rng, case, "n", "excitatory", np.arange(excitatory), largest["excitatory"]),
        _projection(rng, case, "n", "inhibitory", np.arange(excitatory, n), largest["inhibitory"]),
    )
    network = QNetwork(1.0, case.channels, 0, (QPopulation("n", "LIF", n, registers),), projections)
    return Program(network, np.zeros(n, np.int32), "oheo_gulch")


def _projection(
    rng: np.random.Generator,
    case: Case,
    source: str,
    sign: SignMode,
    members: NDArray[np.int64],
    largest: int,
) -> QProjection:
    """As many synapses from each of `members`, which follow each other among all sources, as the case says."""
    n = case.neurons
    sources, degree = (case.channels, case.input_degree) if source == INPUT else (n, case.degree)
    # Ascending numbers below n - degree + 1, spread by their ranks: distinct targets without a draw for each pair.
    post = np.sort(rng.integers(0, n - degree + 1, (len(members), degree), dtype=np.int32), axis=1)
    post += np.arange(degree, dtype=np.int32)
    weights = rng.integers(1, largest + 1, post.size, dtype=np.int16)
    counts = np.zeros(sources + 1, np.int64)
    counts[members + 1] = degree
    if case.max_delay:
        delays = rng.integers(0, case.max_delay + 1, post.size, dtype=np.uint8)
    else:
        delays = np.zeros(post.size, np.uint8)
    return QProjection(
        name=f"{source}->n {sign}",
        source=source,
        target="n",
        sign_mode=sign,
        num_weight_bits=8,
        weight_exp=0,
        indptr=np.cumsum(counts),
        post=post.ravel(),
        weights=-weights if sign == "inhibitory" else weights,
        delays=delays,
    )
