"""Is a liquid that ran silent, or saturated? Neither tells its inputs apart, and neither is an error: it is a warning.

    silent      no neuron of a population spiked in the whole run, of at least `LEAST_STEPS` steps
    saturated   more than half of a population's neurons spiked in more than half of all steps; those with a
                refractory period, which cannot do that, in 90 % of the steps that it leaves them; of graded neurons,
                which send in every step: more than half of all messages are within 2 % of the largest there can be

What to change, and by how much, is not guessed: the first steps are run again with smaller weights, or once more with
voltages, and the first power of two that helps is named. It is about right for these steps, and no more than that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.ir import INPUT, Program, QPopulation, QProjection, Stimulus, Trace
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.notes import warn
from lsm_deploy.run import backends

__all__ = [
    "MOSTLY",
    "TRIED_STEPS",
    "first_steps",
    "names_of",
    "probe",
    "reach",
    "saturated_share",
    "warn_of_counts",
    "warn_of_extremes",
]

LEAST_STEPS = 50
"""Of a run whose silence is worth a word."""
MOSTLY = 0.5
"""Of the steps, and of the neurons, above which a population is saturated."""
REFRACTORY = 0.9
"""Of the steps that a refractory period leaves, one in 1 + refractory_period, above which a neuron is saturated."""
NEARLY = 0.98
"""Of the largest message of a graded neuron, from which on it says no more than that it is large."""
CALM = 0.1
"""The share of saturated neurons at which a remedy counts as one."""
FACTORS = tuple(2**i for i in range(1, 9))
_EXACT = "its integers are exact: change them where they come from, or show it the input that they were made for"
NOTHING_LEFT = 2 * fixed.WEIGHT_LIMIT
"""What divides every weight to 0."""
TRIED_STEPS, TRIED_EVENTS = 500, 1 << 26
"""A trial takes so many steps, or fewer where all synapses together would carry more spikes in them."""


def warn_of_extremes(program: Program, spikes: Messages, stimulus: Stimulus) -> None:
    """An LsmWarning for each population that is silent or saturated in these spikes `[t, neuron]` of a run."""
    for population in _graded(program):
        if (share := saturated_share(population, spikes[:, program.network.columns(population.name)])) > MOSTLY:
            words = f"{share:.1%} of its messages are nearly the largest, which tells no inputs apart"
            calmer = f"lower the spectral_radius or gain of {_onto(program, population)}"
            _warn("saturated", population, words, _EXACT if _is_exact(population) else calmer)
    warn_of_counts(program, np.count_nonzero(spikes, axis=0), len(spikes), stimulus)


def _graded(program: Program) -> list[QPopulation]:
    return [p for p in program.network.populations if KINDS[p.kind].MESSAGE.graded]


def warn_of_counts(program: Program, fired: NDArray[np.int64], steps: int, stimulus: Stimulus) -> None:
    """The same for spikes that were counted `[neuron]` in so many steps; stimulus: of the run, or its beginning."""
    graded = _graded(program)
    driven = {p.target for p in program.network.projections}  # what nothing leads to spikes as its bias has it
    for population in program.network.populations:
        here = fired[program.network.columns(population.name)] / max(steps, 1)
        if not here.any() and steps >= LEAST_STEPS:
            louder = "join it to what sends" if population in graded else _louder(program, population, stimulus)
            _warn("silent", population, f"no neuron spikes in {steps} steps", louder)
        elif (
            population.name in driven and population not in graded and (share := _saturated(population, here)) > MOSTLY
        ):
            often = "in more than half of all steps"
            if population.registers.get("refractory_period", np.zeros(1)).any():
                often += ", or as often as refractory periods let them"
            words = f"{share:.1%} of its neurons spike {often}"
            _warn("saturated", population, words, _calmer(program, population, stimulus))


def _warn(what: str, population: QPopulation, words: str, remedy: str) -> None:
    about = f"population {population.name!r} is {what}"
    warn(f"{about}: {words}; {remedy}", about, level=4)


def probe(program: Program, stimulus: Stimulus) -> tuple[Stimulus, Trace] | None:
    """Run the beginning of a stimulus, for what `warn_of_extremes` says of it, where there is a backend for that."""
    quickest = backends.quickest(program)
    if backends.load_backend(quickest).missing() is None:
        part = first_steps(program, stimulus, _steps(program))
        trace = backends.run_program(quickest, program, part)
        warn_of_extremes(program, trace.spikes, part)
        return part, trace
    return None


def saturated_share(population: QPopulation, spikes: Messages) -> float:
    """The share of saturated neurons by their spikes `[t, neuron]`; of a graded kind, of messages."""
    if KINDS[population.kind].MESSAGE.graded:
        ends = NEARLY * KINDS[population.kind].largest_messages(population.registers)
        return float((np.abs(spikes.astype(np.int32)) >= ends).mean())
    return _saturated(population, (spikes != 0).mean(axis=0))


def _saturated(population: QPopulation, per_step: Floats) -> float:
    """The share of saturated neurons, by the shares of all steps in which each spikes `[neuron]`."""
    period = 1 + population.registers.get("refractory_period", np.zeros(population.size, np.int64))
    return float((per_step > np.where(period > 1, REFRACTORY / period, MOSTLY)).mean())


def first_steps(program: Program, stimulus: Stimulus, steps: int = TRIED_STEPS) -> Stimulus:
    """The samples that lie within the first so many steps, or the beginning of the first one."""
    later = stimulus.starts[1:][stimulus.starts[1:] <= steps]
    end = len(stimulus.spikes) if len(stimulus.spikes) <= steps else int(later[-1]) if len(later) else steps
    return Stimulus(stimulus.spikes[:end].copy(), stimulus.starts[stimulus.starts < end].copy())


# --- what to change --------------------------------------------------------------------------------------------------


def reach(program: Program, stimulus: Stimulus, columns: NDArray[np.int64], backend: str) -> float:
    """How far the voltage of any of these neurons comes in a run, in thresholds."""
    v = backends.run_program(backend, program, stimulus, ("v",)).registers["v"].max(axis=0)
    thresholds = np.concatenate([KINDS[p.kind].threshold(p.registers) for p in program.network.populations])
    return float((v / np.maximum(thresholds, 1))[columns].max())


def _louder(program: Program, population: QPopulation, stimulus: Stimulus) -> str:
    if program.network.channels and not stimulus.spikes.any():
        return "its input has no spikes: raise max_rate_hz, or lower threshold or delta of the encoder"
    part = first_steps(program, stimulus, _steps(program))
    columns = np.r_[program.network.columns(population.name)]
    reached = reach(program, part, columns, backends.quickest(program))
    if reached > 0 and _is_exact(population):
        return f"{_EXACT} (the first {len(part.spikes)} steps raise it to {reached:.3g} of its threshold)"
    if reached <= 0:
        return "nothing raises its voltage: join it to what spikes with excitatory weights, or raise its bias"
    knob = f"multiply the weights of {_onto(program, population)} by about {1.5 / reached:.2g}, or divide v_threshold"
    return f"{knob} (the first {len(part.spikes)} steps raise it to {reached:.3g} of it)"


def _calmer(program: Program, population: QPopulation, stimulus: Stimulus) -> str:
    if _is_exact(population):
        return _EXACT
    part = first_steps(program, stimulus, _steps(program))
    onto = [p for p in program.network.projections if p.target == population.name]
    quickest, columns = backends.quickest(program), program.network.columns(population.name)

    def calm(group: Sequence[QProjection], factor: int) -> bool:
        spikes = backends.run_program(quickest, _divided(program, group, factor), part).spikes[:, columns]
        return bool(spikes.any()) and _saturated(population, (spikes != 0).mean(axis=0)) < CALM

    inner = [p for p in onto if p.source != INPUT]
    blamed = inner if inner and calm(inner, NOTHING_LEFT) else [p for p in onto if p.source == INPUT]
    for group, factor in product((blamed, onto), FACTORS):
        if calm(group, factor):
            return f"divide the weight of {names_of(group)} by about {factor} (tried on {len(part.spikes)} steps)"
    return "no smaller weights calm it: raise its v_threshold, or lower its bias"


def _is_exact(population: QPopulation) -> bool:
    """Its integers are a user's, or a file's: no floats were scaled to them."""
    return population.scale == 1.0


def _steps(program: Program) -> int:
    return min(TRIED_STEPS, max(LEAST_STEPS, TRIED_EVENTS // max(program.network.synapses, 1)))


def _divided(program: Program, chosen: Sequence[QProjection], factor: int) -> Program:
    """The program with these weights divided, towards zero, on their grid."""

    def smaller(p: QProjection) -> QProjection:
        step = fixed.grid_step(p.num_weight_bits, p.sign_mode == "mixed")
        return replace(p, weights=(np.trunc(p.weights / (factor * step)) * step).astype(np.int16))

    projections = tuple(smaller(p) if p in chosen else p for p in program.network.projections)
    return replace(program, network=replace(program.network, projections=projections))


def _onto(program: Program, population: QPopulation) -> str:
    return names_of([p for p in program.network.projections if p.target == population.name])


def names_of(projections: Sequence[QProjection]) -> str:
    """As the spec has them: it is quantisation that parts the signs of one, and its weights beyond 8 bits."""
    parts = re.compile(r"(:exc|:inh)?(:coarse|:fine)?$")
    names = dict.fromkeys(parts.sub("", p.name) for p in projections)
    return " and ".join(map(repr, names))
