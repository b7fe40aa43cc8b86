"""The deployed liquid at other gains: the spec compiled with them, its integers run on training data, and measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.notes import silence
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Brief
from lsm_deploy.data import Frames
from lsm_deploy.learn.listener import listen
from lsm_deploy.measure.activity import activity_of
from lsm_deploy.measure.fidelity import branching_ratio
from lsm_deploy.run import backends
from lsm_deploy.run.extremes import NEARLY
from lsm_deploy.spec import Spec
from lsm_deploy.spec.schema import Gain, PerTypeGain

__all__ = ["START", "Factors", "Measurement", "Part", "Progress", "Synapses", "Tunable", "is_graded"]

Part: TypeAlias = Literal["input", "recurrent", "inhibition", "excitation"]
"""The synapses whose gain is changed: those from the input, those among the liquid's own neurons, or, of all that
neurons send to it, those that inhibit and those that excite."""
Factors: TypeAlias = Mapping[Part, float]
Synapses: TypeAlias = Mapping[Part, tuple[tuple[int, str], ...]]
"""Of each part the projections by their index in the spec, and of which source's types: `EI`, or `E` or `I` alone."""
START: Factors = {"input": 1.0, "recurrent": 1.0, "inhibition": 1.0, "excitation": 1.0}
"""The spec as it is written."""

SAMPLES = 200
"""Training samples that are run, of more: evenly spaced, because files are often sorted by class."""


EXPECTED = 24
"""Measurements that a bar of progress begins with; one target rarely takes more."""


@dataclass(frozen=True, repr=False)
class Measurement(Brief):
    """What the deployed liquid does at these factors of its gains. branching: None where activity has no memory.

    part: whose gain was being sought; four factors, as `Part` has them. level: the mean magnitude of a message, of the
    largest that there can be. silent, saturated: shares of neurons that never spike, or in half of all steps; of graded
    ones saturated is the share of messages that are nearly the largest. wraps: how often a current passed its 24 bits,
    in the whole network.
    """

    part: Part
    input: float
    recurrent: float
    inhibition: float
    excitation: float
    rate_hz: float
    level: float
    branching: float | None
    silent: float
    saturated: float
    wraps: int

    @property
    def factors(self) -> Factors:
        return {part: getattr(self, part) for part in START}


class Tunable:
    """Measures the deployed liquid at factors of its gains, all four of them once."""

    def __init__(
        self,
        spec: Spec,
        population: str,
        chosen: Synapses,
        data: Frames,
        backend: str,
        progress: Progress | None,
    ) -> None:
        self.spec, self.population, self.chosen = spec, population, chosen
        self.backend, self.progress = backend, progress
        self.graded = is_graded(spec, population)
        self.stimulus = _evenly(listen(spec, data).encode(data, "train"), SAMPLES)
        if not self.stimulus.spikes.any():
            hint = "raise max_rate_hz, or lower threshold or delta"
            raise LsmError("the encoded training data has no spikes", where="input", hint=hint)
        self.known: dict[tuple[float, ...], Measurement] = {}
        self.steps: list[Measurement] = []

    def gains(self, factors: Factors) -> dict[int, Gain]:
        """The gains that are not as they were, by the index of their projection."""
        by_type: dict[int, dict[str, float]] = {}
        for part, factor in factors.items():
            for i, types in self.chosen[part]:
                mine = by_type.setdefault(i, {"E": 1.0, "I": 1.0})
                mine.update({kind: mine[kind] * factor for kind in types})
        gains = {i: _times(self.spec.projections[i].gain, times["E"], times["I"]) for i, times in by_type.items()}
        return {i: gain for i, gain in gains.items() if gain != self.spec.projections[i].gain}

    def spec_at(self, factors: Factors) -> Spec:
        gains = self.gains(factors)
        projections = (replace(p, gain=gains.get(i, p.gain)) for i, p in enumerate(self.spec.projections))
        return replace(self.spec, projections=tuple(projections))

    def measure(self, part: Part, factors: Factors) -> Measurement:
        at = tuple(factors[each] for each in START)
        if at not in self.known:
            with silence():  # these gains are only tried
                program = compile_spec(self.spec_at(factors)).program
            trace = backends.run_program(self.backend, program, self.stimulus)
            spikes = trace.spikes[:, program.network.columns(self.population)]
            activity = activity_of(spikes, self.spec.dt_ms)
            level, ends = _levels(program, self.population, spikes)
            measurement = Measurement(
                part,
                factors["input"],
                factors["recurrent"],
                factors["inhibition"],
                factors["excitation"],
                rate_hz=activity.rate_hz,
                level=level,
                branching=None if self.graded else branching_ratio(spikes, trace.starts),
                silent=activity.silent,
                saturated=ends if self.graded else activity.saturated,
                wraps=trace.counts.get("u_wraps", 0),
            )
            self.known[at] = measurement
            self.steps.append(measurement)
            if self.progress:
                self.progress(len(self.steps), max(EXPECTED, len(self.steps) + 1))
        return replace(self.known[at], part=part)


def is_graded(spec: Spec, population: str) -> bool:
    """Whether its neurons send numbers in every step, and so have no rate."""
    return bool(KINDS[spec.drawn[population].neuron.kind].MESSAGE.graded)


def _levels(program: Program, name: str, spikes: Messages) -> tuple[float, float]:
    """The mean magnitude of messages `[t, neuron]`, of the largest, and the share of them that is nearly that."""
    (population,) = (p for p in program.network.populations if p.name == name)
    share = np.abs(spikes.astype(np.float64)) / KINDS[population.kind].largest_messages(population.registers)
    return float(share.mean()), float((share >= NEARLY).mean())


def _times(gain: Gain, excitation: float, inhibition: float) -> Gain:
    """The gain, times one factor where the source excites and one where it inhibits."""

    # Rounded before it is measured, so that what is measured is what is written.
    def rounded(value: float, factor: float) -> float:
        return value if factor == 1.0 else float(f"{value * factor:.5g}")

    if not isinstance(gain, PerTypeGain):
        if excitation == inhibition:
            return rounded(gain, excitation)
        gain = PerTypeGain(gain, gain, gain, gain)
    factors = {"E": excitation, "I": inhibition}  # a pair's first letter is the source's
    return PerTypeGain(**{pair: rounded(value, factors[pair[0]]) for pair, value in asdict(gain).items()})


def _evenly(stimulus: Stimulus, most: int) -> Stimulus:
    """At most so many of the samples, evenly spaced."""
    samples = len(stimulus.starts)
    if samples <= most:
        return stimulus
    windows = np.stack([stimulus.starts, np.append(stimulus.starts[1:], len(stimulus.spikes))], axis=1)
    windows = windows[np.linspace(0, samples - 1, most).round().astype(np.int64)]
    starts = np.concatenate([[0], np.cumsum(windows[:, 1] - windows[:, 0])[:-1]])
    return Stimulus(np.concatenate([stimulus.spikes[a:b] for a, b in windows]), starts)
