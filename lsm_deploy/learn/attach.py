"""A linear readout on the chip: QNetwork -> QNetwork with an output neuron for each class, before neurons are placed.

An output neuron integrates and does not leak (du = 4095, dv = 0), so that its voltage is the score of its class so far,

    v = v + (weights @ spikes << 6) + bias      and a spike and v = 0 where v > vth << 6

and the class is that of the neuron with the most spikes in a sample; of several, the one that had as many first; of
several still, the lower class. A synapse takes a step: what the liquid sends in the last step of a sample comes too
late (`fresh`: it is lost, `interval`: it falls into the next sample). No silent steps are added for it; who wants it
heard pads samples with one. What exceeds the threshold is lost with the reset, so that thresholds have to be large
against what one step can add: `onchip` chooses them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import LARGEST_DECAY, WEIGHT_BITS, Ints
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import Program, QNetwork, QPopulation, QProjection
from lsm_deploy.core.messages import Messages

__all__ = ["OUTPUT", "OutputWeights", "attach_readout", "first_of_most", "output_of", "winners", "with_output"]

OUTPUT = "readout"
"""The name of the population of output neurons."""


@dataclass(frozen=True, eq=False)
class OutputWeights:
    """weights `[class, neuron]` from the neurons of `populations`, one after the other, 0 to 255, or even from -256 to
    254; vth: of all output neurons; bias_mant, bias_exp `[class]`."""

    populations: tuple[str, ...]
    weights: Ints
    vth: int
    bias_mant: Ints
    bias_exp: Ints

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, weights=np.int64, bias_mant=np.int64, bias_exp=np.int64)
        if self.weights.ndim != 2 or {self.bias_mant.shape, self.bias_exp.shape} != {self.weights.shape[:1]}:
            raise ValueError(f"weights have shape {self.weights.shape}, biases {self.bias_mant.shape}")

    @property
    def drive(self) -> Ints:
        """What a step without spikes adds to each voltage `[class]`."""
        return self.bias_mant << self.bias_exp


def attach_readout(network: QNetwork, weights: OutputWeights) -> QNetwork:
    """Add the population of output neurons, and a projection onto it from each population that is read."""
    classes = len(weights.weights)
    registers = {
        "du": np.full(classes, LARGEST_DECAY),
        "dv": np.zeros(classes, np.int64),
        "vth": np.full(classes, weights.vth),
        "bias_mant": weights.bias_mant,
        "bias_exp": weights.bias_exp,
    }
    population = QPopulation(OUTPUT, "LIF", classes, registers)
    ends = np.cumsum([0, *(network.sizes[name] for name in weights.populations)])
    if ends[-1] != weights.weights.shape[1]:
        raise ValueError(f"weights for {weights.weights.shape[1]} neurons, and {ends[-1]} are read")
    mixed = bool((weights.weights < 0).any())
    projections = tuple(
        _projection(name, weights.weights[:, ends[i] : ends[i + 1]], mixed)
        for i, name in enumerate(weights.populations)
    )
    return with_output(network, population, projections)


def with_output(network: QNetwork, population: QPopulation, projections: tuple[QProjection, ...]) -> QNetwork:
    """Add output neurons and what leads to them; an LsmError where their name is taken."""
    if OUTPUT in network.sizes:
        raise LsmError(
            f"there is a population {OUTPUT!r} already, as the output neurons are to be called",
            where=f"population {OUTPUT!r}",
            hint="rename it",
        )
    return replace(
        network,
        populations=(*network.populations, population),
        projections=(*network.projections, *projections),
    )


def _projection(source: str, weights: Ints, mixed: bool) -> QProjection:
    pre, post = np.nonzero(weights.T)
    return QProjection(
        name=f"{source}->{OUTPUT}",
        source=source,
        target=OUTPUT,
        sign_mode="mixed" if mixed else "excitatory",
        num_weight_bits=WEIGHT_BITS,
        weight_exp=0,
        indptr=np.concatenate([[0], np.cumsum(np.count_nonzero(weights, axis=0))]).astype(np.int64),
        post=post.astype(np.int32),
        weights=weights.T[pre, post].astype(np.int16),
        delays=np.zeros(len(post), np.uint8),
    )


def output_of(program: Program) -> slice:
    """The columns of the output neurons in a trace."""
    network = program.network
    if OUTPUT not in network.sizes:
        raise LsmError(f"there is no population {OUTPUT!r}", hint="train a readout on the chip: `train --on-chip`")
    return network.columns(OUTPUT)


def winners(program: Program, spikes: Messages, starts: Ints) -> Ints:
    """The class `[sample]`, by number, that the output neurons choose in each sample of a run `[t, neuron]`."""
    fired = spikes[:, output_of(program)] != 0
    counts = np.add.reduceat(fired, starts, axis=0, dtype=np.int64)
    step = np.arange(1, len(fired) + 1)[:, None]
    return first_of_most(counts, np.maximum.reduceat(np.where(fired, step, 0), starts, axis=0))


def first_of_most(counts: Ints, reached: Ints) -> Ints:
    """The class with the most spikes; of several, the one whose last spike came first; then the lower one."""
    latest = int(reached.max(initial=0)) + 1
    chosen: Ints = np.argmax(counts * latest - reached, axis=1)
    return chosen
