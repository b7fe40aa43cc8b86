"""What listens without an end, as numbers: from a frame to the scores of classes, or to a forecast.

    values --front end--> frame --code--> spikes of its steps --program--> spikes --what answers--> scores

A model's `streams` are these; `listening` runs them, and C is written from the same ones. What answers keeps one
register for each neuron that is read, x, from 0 where a sample begins; in each step, with what the neuron sends,

    counts    x = x + sent                                          (keep is 4096, step 1)
    traces    x = t0(x * keep / 4096) + step * sent                  t0 rounds towards zero

and features, scores and forecasts are made of registers when they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from lsm_deploy.core import fixed
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import Program
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.shown import Brief
from lsm_deploy.data.coding import Code, code_of
from lsm_deploy.learn.attach import output_of
from lsm_deploy.learn.listener import Listener
from lsm_deploy.learn.readout import IntegerReadout, group_starts, parts_of, trace_registers
from lsm_deploy.learn.regression.integer import FEATURE_BITS, IntegerRegressor
from lsm_deploy.learn.regression.output_neurons import LATE, OutputNeurons
from lsm_deploy.learn.regression.states import bits_of, graded_populations
from lsm_deploy.learn.regression.traces import TraceRegister
from lsm_deploy.spec.schema import Bins, FrontEnd, Rates, Readout, Regression, Traces

__all__ = ["Answers", "Forecasts", "MostSpikes", "Scores", "SentForecasts", "Streams"]


@dataclass(frozen=True, eq=False, repr=False)
class Scores(Brief):
    """Scores of classes, on the host: weights @ features[support] + biases, and the largest, or the first of several.

    columns `[neuron]`: the neurons that are read. A window of L steps, the last ones, falls into parts that end
    at its steps (k + 1) L // parts. Feature k * groups + g, of part k and group g, is the sum over the neurons of the
    group of what x grew by in the part (counts), or of what x is at its end (traces: keep is below 4096); group
    `[neuron]`: of each. root: of a count c the feature is sign(c) * floor(sqrt(256 |c|)); each neuron is a group then.
    weights `[class, feature of support]`, biases `[class]`.
    """

    classes: tuple[str, ...]
    columns: Ints
    parts: int
    keep: int
    step: int
    root: bool
    group: Ints
    support: Ints
    weights: Ints
    biases: Ints

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, columns=np.int64, group=np.int64, support=np.int64, weights=np.int64, biases=np.int64)

    @property
    def names(self) -> tuple[str, ...]:
        """What the scores are called."""
        return self.classes

    @property
    def groups(self) -> int:
        """Features of a part."""
        return int(self.group.max()) + 1

    @property
    def counts(self) -> bool:
        """Whether registers count, rather than decay."""
        return self.keep == fixed.DECAY_UNITY

    @classmethod
    def of(cls, program: Program, readout: Readout, integers: IntegerReadout) -> Scores:
        """A readout of the program's spikes."""
        network, features = program.network, readout.features
        sizes = [network.sizes[name] for name in readout.populations]
        columns = _columns(program, readout.populations)
        group = np.arange(len(columns))
        if isinstance(features, Rates):
            first = group_starts(sizes, features.groups)
            group = np.searchsorted(first, group, "right") - 1
        keep, step = fixed.DECAY_UNITY, 1
        if isinstance(features, Traces):
            du, weight = trace_registers(features.tau_ms, network.dt_ms)
            keep, step = fixed.DECAY_UNITY - (du + 1), weight << fixed.ACT_SHIFT
        return cls(
            integers.classes,
            columns,
            parts_of(readout),
            keep,
            step,
            isinstance(features, Bins) and features.root,
            group,
            integers.support,
            integers.weights,
            integers.biases,
        )


@dataclass(frozen=True, eq=False, repr=False)
class MostSpikes(Brief):
    """Classes by output neurons, `columns` `[class]` of the program: its spikes in the window are the score of each; of
    several with the most, the one whose last spike came first, then the first of them."""

    classes: tuple[str, ...]
    columns: Ints

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, columns=np.int64)

    @property
    def names(self) -> tuple[str, ...]:
        """What the scores are called."""
        return self.classes

    @classmethod
    def of(cls, program: Program, classes: tuple[str, ...]) -> MostSpikes:
        """The output neurons of a program."""
        there = output_of(program)
        return cls(classes, np.arange(there.start, there.stop))


@dataclass(frozen=True, eq=False, repr=False)
class Forecasts(Brief):
    """A signal, on the host, after each frame: (weights @ features + biases) / scale `[output]`.

    Features are, of the step after the frame, which depends on nothing that enters in it, the message of each graded
    neuron of `columns` `[neuron]`, or the register x of each that spikes, rounded by `down` bits (to the nearest,
    halves away from zero); each shifted left by up `[neuron]`. frame: then the frame itself, 2 x - 1 in units of 2**23
    to the nearest integer, halves to even, and within +-(2**23 - 1), where x are its values within low and width as the
    code has them (0.5 where the width is 0). squares: then the square of each of all these, rounded by 23 bits.
    """

    outputs: tuple[str, ...]
    columns: Ints
    spiking: Ints
    keep: int
    step: int
    down: int
    up: Ints
    frame: bool
    squares: bool
    weights: Ints
    biases: Ints
    scale: Floats

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, columns=np.int64, spiking=np.int64, up=np.int64)
        freeze(self, weights=np.int64, biases=np.int64, scale=np.float64)

    @property
    def names(self) -> tuple[str, ...]:
        """What the forecasts are called."""
        return self.outputs

    @classmethod
    def of(
        cls, program: Program, section: Regression, integers: IntegerRegressor, outputs: tuple[str, ...]
    ) -> Forecasts:
        """A readout of the program's states."""
        network, graded = program.network, graded_populations(program)
        register = TraceRegister.of(section.features.tau_ms, network.dt_ms)
        spiking = [np.full(network.sizes[name], name not in graded) for name in section.populations]
        return cls(
            outputs,
            _columns(program, section.populations),
            np.concatenate(spiking).astype(np.int64),
            register.keep,
            register.step,
            register.shift,
            FEATURE_BITS - bits_of(program, section),
            section.features.frame,
            section.features.squares,
            integers.weights,
            integers.biases,
            integers.scale,
        )


@dataclass(frozen=True, eq=False, repr=False)
class SentForecasts(Brief):
    """A signal by output neurons, `columns` `[output]` of the program: what each sends in the step `late` after the
    frame, message / scale + centre."""

    outputs: tuple[str, ...]
    columns: Ints
    scale: Floats
    centre: Floats
    late: int = LATE

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, columns=np.int64, scale=np.float64, centre=np.float64)

    @property
    def names(self) -> tuple[str, ...]:
        """What the forecasts are called."""
        return self.outputs

    @classmethod
    def of(cls, program: Program, chip: OutputNeurons, outputs: tuple[str, ...]) -> SentForecasts:
        """The output neurons of a program."""
        there = output_of(program)
        return cls(outputs, np.arange(there.start, there.stop), chip.scale, chip.centre)


Answers: TypeAlias = Scores | MostSpikes | Forecasts | SentForecasts


@dataclass(frozen=True, eq=False, repr=False)
class Streams(Brief):
    """All of it. window: frames that are read at most, those of the longest training sample, 0 where nobody knows; what
    decays and is read at its end alone (`parts` 1), and forecasts, have none. seed: of random codes."""

    front_end: FrontEnd | None
    code: Code
    program: Program
    answers: Answers
    window: int
    seed: int

    __reduce__ = rebuilt

    @classmethod
    def of(cls, listener: Listener, answers: Answers) -> Streams:
        """A listener, and what answers from its program."""
        code = code_of(listener.input, listener.ranges, listener.program.network.dt_ms)
        return cls(listener.front_end, code, listener.program, answers, listener.longest, listener.seed)


def _columns(program: Program, populations: Sequence[str]) -> Ints:
    columns = [program.network.columns(name) for name in populations]
    return np.concatenate([np.arange(there.start, there.stop) for there in columns])
