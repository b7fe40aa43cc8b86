"""What a liquid did in a run, judged: rates, the balance of excitation and inhibition, branching, synchrony, a verdict.

Excitation and inhibition are the mean synaptic inputs of a neuron in a step, by their sign, in thresholds (of graded
neurons, which have none, in the units of their floats):

    E_i = 1/T sum_t sum_j max(w_ij s_j(t), 0),   I_i = 1/T sum_t sum_j max(-w_ij s_j(t), 0),   balance = <E> / <I>

<.> is the mean over a population's neurons. Delays move what arrives, and add nothing: weights and mean messages say it
all. In balanced networks E and I are each far above a threshold, nearly cancel, and the balance is little above 1 (van
Vreeswijk & Sompolinsky, Science 274, 1996); liquids are mostly driven by their input and need not be balanced.

Synchrony is the variance of the population's mean activity A(t), beside that of its N neurons x_i(t), in single steps,

    chi^2 = Var A / <Var x_i>   (Golomb & Rinzel, Physica D 72, 1994),   synchrony = (N chi^2 - 1) / (N - 1)

which is 0 of independent neurons, 1 of those that all spike at once, and of equal ones their mean correlation.
Branching is Wilting & Priesemann's (`fidelity/dynamics.py`): what the input has in common with itself counts in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from lsm_deploy.core import fixed
from lsm_deploy.core.errors import LsmError, require_type
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus, Trace
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.shown import Brief, Reported
from lsm_deploy.measure.activity import TypedActivity, activity_of_types
from lsm_deploy.measure.fidelity.dynamics import branching_ratio
from lsm_deploy.run.extremes import MOSTLY, names_of, saturated_share

__all__ = ["Judgement", "PopulationJudgement", "Verdict", "judge"]

Verdict: TypeAlias = Literal["silent", "saturated", "runaway", "sparse", "synchronous", "lively"]
"""In the order in which they are asked for: the first that is true is the verdict.

Silence and saturation are those of `run/extremes.py`, whose thresholds say when a population tells nothing.
"""
RUNAWAY = 0.25
"""Of all steps: a mean rate above it, fed by the liquid's own neurons more than by its input, has left the input
behind. No liquid in `configs` comes near. Long refractory periods keep a rate below it: those are saturated first."""
SYNCHRONOUS = 0.5
"""Synchrony from which on the population says little more than one of its neurons: half of the variance is common."""
SPARSE_HZ = 1.0
"""A mean rate below it leaves most windows of some 100 ms without any spike of most neurons, and little to read."""
SPARSE_NEURONS = 0.9
"""A share of neurons that never spike above which what is read is that of a tenth of them."""
FAINT = 0.01
"""Of graded neurons: a mean magnitude below this share of the largest uses few of the bits that a message has."""


@dataclass(frozen=True, repr=False)
class PopulationJudgement(Brief):
    """One population in a run. level: the mean magnitude of a graded message, of the largest; None where it spikes.

    excitation, inhibition: as above, `from_input` the share of the former that the input sends (0 where there is none).
    balance: their quotient, None without inhibition. branching, synchrony: None where they do not tell; graded messages
    have no synchrony. knob: what to turn, "" where nothing needs to be.
    """

    name: str
    neurons: int
    activity: TypedActivity
    level: float | None
    excitation: float
    inhibition: float
    from_input: float
    balance: float | None
    branching: float | None
    synchrony: float | None
    verdict: Verdict
    knob: str


@dataclass(frozen=True, repr=False)
class Judgement(Reported):
    """A run of so many steps, its populations in their order."""

    steps: int
    samples: int
    populations: tuple[PopulationJudgement, ...]


def judge(program: Program, stimulus: Stimulus, trace: Trace) -> Judgement:
    """Judge what a program did with a stimulus by the trace of it; an LsmError where they are not of one run."""
    require_type(program, Program, "program", "compile one, or read it with `load_program`")
    require_type(stimulus, Stimulus, "stimulus", "read one with `load_stimulus`, or encode it")
    require_type(trace, Trace, "trace", "read one with `load_trace`, or run the program")
    network, spikes = program.network, trace.spikes
    if len(stimulus.spikes) != len(spikes) or spikes.shape[1] != network.neurons:
        what = f"the trace has {len(spikes)} steps of {spikes.shape[1]} neurons, the run {len(stimulus.spikes)} of"
        raise LsmError(f"{what} {network.neurons}", where="trace", hint="give the stimulus that it was recorded with")
    activity = activity_of_types(network, (spikes != 0).mean(axis=0))
    sent = {p.name: _means(spikes[:, network.columns(p.name)]) for p in network.populations}
    sent[INPUT] = _means(stimulus.spikes)
    judged = (_judged(network, p, activity[p.name], sent, trace) for p in network.populations)
    return Judgement(len(spikes), len(trace.starts), tuple(judged))


def _judged(
    network: QNetwork,
    population: QPopulation,
    activity: TypedActivity,
    sent: dict[str, tuple[Floats, Floats]],
    trace: Trace,
) -> PopulationJudgement:
    spikes = trace.spikes[:, network.columns(population.name)]
    onto = [p for p in network.projections if p.target == population.name and not p.port]
    unit = _units(network, population)
    excitation = inhibition = entered = 0.0
    for p in onto:
        excites, inhibits = (float((side / unit).mean()) for side in _arriving(p, population.size, *sent[p.source]))
        excitation, inhibition = excitation + excites, inhibition + inhibits
        entered += excites if p.source == INPUT else 0.0
    from_input = entered / excitation if excitation else 0.0
    graded, level = KINDS[population.kind].MESSAGE.graded, None
    if graded:
        most = KINDS[population.kind].largest_messages(population.registers)
        level = float((np.abs(spikes.astype(np.float64)) / most).mean())
    synchrony = None if graded else _synchrony(spikes)
    verdict = _verdict(population, spikes, activity, level, synchrony, from_input, excitation)
    return PopulationJudgement(
        population.name,
        population.size,
        activity,
        level,
        excitation,
        inhibition,
        from_input,
        excitation / inhibition if inhibition else None,
        branching_ratio(spikes, trace.starts),
        synchrony,
        verdict,
        _knob(verdict, onto, excitation, inhibition, from_input),
    )


# --- what arrives ----------------------------------------------------------------------------------------------------


def _means(spikes: Messages) -> tuple[Floats, Floats]:
    """The mean of what each sends `[neuron]`: of its positive messages, and of the magnitude of its negative ones."""
    whole: Floats = spikes.mean(axis=0, dtype=np.float64)
    positive: Floats = np.maximum(spikes, 0).mean(axis=0, dtype=np.float64)
    return positive, positive - whole


_AT_ONCE = 1 << 22
"""Synapses that are added up at once: a liquid may have 1e8 of them."""


def _arriving(p: QProjection, size: int, positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """What excites and what inhibits each of `size` targets in a step, in units of its synaptic sum."""
    excites, inhibits = np.zeros(size), np.zeros(size)
    first = 0
    while first < len(p.indptr) - 1:
        last = max(first + 1, int(np.searchsorted(p.indptr, p.indptr[first] + _AT_ONCE, "right")) - 1)
        part, many = slice(p.indptr[first], p.indptr[last]), np.diff(p.indptr[first : last + 1])
        weights = p.weights[part].astype(np.float64) * 2.0**p.weight_exp
        for values, (more, less) in ((positive, (excites, inhibits)), (negative, (inhibits, excites))):
            came = weights * np.repeat(values[first:last], many)
            more += np.bincount(p.post[part], np.maximum(came, 0), size)
            less += np.bincount(p.post[part], np.maximum(-came, 0), size)
        first = last
    return excites, inhibits


def _units(network: QNetwork, population: QPopulation) -> Floats:
    """Units of each neuron's synaptic sum `[neuron]` to one threshold; of a graded one, to 1.0 of its float."""
    kind = KINDS[population.kind]
    if not kind.THRESHOLDS:
        return kind.sum_units(population.registers, population.scale)
    return np.maximum(kind.threshold(population.registers), 1) / 2.0**fixed.ACT_SHIFT


def _synchrony(spikes: Messages) -> float | None:
    """Of spikes `[t, neuron]`; None of less than two neurons, or where no neuron varies."""
    neurons = spikes.shape[1]
    share = (spikes != 0).mean(axis=0)
    each = float((share * (1 - share)).mean())
    if neurons < 2 or not each:
        return None
    chi_squared = float((spikes != 0).mean(axis=1).var()) / each
    return (neurons * chi_squared - 1) / (neurons - 1)


# --- the verdict -----------------------------------------------------------------------------------------------------


def _verdict(
    population: QPopulation,
    spikes: Messages,
    activity: TypedActivity,
    level: float | None,
    synchrony: float | None,
    from_input: float,
    excitation: float,
) -> Verdict:
    if not spikes.any():
        return "silent"
    fed_by_itself = excitation > 0 and from_input < 0.5
    if saturated_share(population, spikes) > MOSTLY:
        return "runaway" if fed_by_itself else "saturated"
    if level is not None:
        return "sparse" if level < FAINT else "lively"
    if fed_by_itself and np.count_nonzero(spikes) > RUNAWAY * spikes.size:
        return "runaway"
    if activity.rate_hz < SPARSE_HZ or activity.silent > SPARSE_NEURONS:
        return "sparse"
    return "synchronous" if synchrony is not None and synchrony > SYNCHRONOUS else "lively"


def _knob(
    verdict: Verdict, onto: Sequence[QProjection], excitation: float, inhibition: float, from_input: float
) -> str:
    """What to turn first, as `tune` does; by how much is for `tune`, and for the notes of `run/extremes.py`, to say."""
    entering, inner = (names_of([p for p in onto if (p.source == INPUT) is outer]) for outer in (True, False))
    if verdict == "lively":
        return ""
    if verdict == "synchronous" and (from_input >= 0.5 or not inner):
        return "let tau_mem_ms, v_threshold or delay_ms vary, or give its neurons different inputs"
    if verdict in ("runaway", "synchronous"):
        return f"raise the inhibition of {inner}, or lower its excitation"
    if verdict == "saturated":
        return f"lower the gain of {entering}" if from_input and entering else "lower its bias, or raise v_threshold"
    if not excitation:
        return "join it to what spikes with excitatory weights, or raise its bias"
    if inhibition > excitation and inner:
        return f"lower the inhibition of {inner}"
    return f"raise the gain of {entering or inner}"
