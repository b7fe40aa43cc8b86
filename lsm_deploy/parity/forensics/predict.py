"""One step at a time: what the definition makes of a trace's own state before and its own spikes.

Two runs that part stay apart, and in a recurrent liquid everything differs soon after. A step that follows from the
trace's own past is a consequence; one that does not is a mistake of its own. All steps are independent of each other
then, so the whole run is one call of each kind's `step`, and the sum that *would* explain a step can be solved for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.fixed import UV_LIMIT, Ints
from lsm_deploy.core.ir import Program, QPopulation, Stimulus, Trace
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Step
from lsm_deploy.parity.forensics.arrivals import began, sums, sums_of_all

__all__ = ["Breaks", "Column", "column", "find_breaks", "has_state", "missing_sums"]

_CELLS = 1 << 20
"""Neurons times steps that are predicted at once."""
_SHOWN = 12
_PERIOD = 2 * UV_LIMIT
"""A difference in a register that wraps is known up to this."""


@dataclass(frozen=True)
class Breaks:
    """Where a trace does not follow from itself: steps of neurons, and the first of them as (t, neuron)."""

    count: int
    steps: int
    """Steps of neurons that were looked at."""
    neurons: int
    """Neurons with at least one."""
    first: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Column:
    """One neuron over a whole run, `[t]` each: its state before each step, its sum (`[port, t]` of two ports), and what
    the trace has after it."""

    population: QPopulation
    index: int
    before: Mapping[str, Ints]
    a: Ints
    after: Mapping[str, Ints]
    spikes: Messages


def has_state(program: Program, trace: Trace) -> bool:
    """Whether the trace holds every register that a step starts from, as the next step finds it."""
    return trace.view == "sim" and all(name in trace.registers for name in program.network.state_names)


def cleared(program: Program, stimulus: Stimulus) -> NDArray[np.bool_]:
    """Which steps start from cleared registers, `[t]`."""
    steps = np.arange(len(stimulus.spikes))
    interval = program.network.sample_interval
    here: NDArray[np.bool_] = steps % interval == 0 if interval else steps == began(program, stimulus)
    return here


def find_breaks(program: Program, stimulus: Stimulus, trace: Trace) -> Breaks:
    """The steps of all neurons that the definition would have made otherwise. The trace has its state (`has_state`)."""
    network, steps = program.network, len(trace.spikes)
    zero = cleared(program, stimulus)
    examples: list[tuple[int, int]] = []
    count, neurons = 0, np.zeros(network.neurons, np.bool_)
    rows = max(1, _CELLS // network.neurons)
    for start in range(0, steps, rows):
        window = slice(start, min(start + rows, steps))
        a = sums_of_all(program, stimulus, trace.spikes, window)
        broken = np.zeros((len(a), network.neurons), np.bool_)
        for p in network.populations:
            here = network.columns(p.name)
            first = KINDS[p.kind].initial(p.registers)
            before = {r: _before(trace.registers[r][:, here], first[r], zero, window).ravel() for r in first}
            registers = {r: np.tile(values, len(a)) for r, values in p.registers.items()}
            given = network.sums_onto(p.name, a)
            step = KINDS[p.kind].step(registers, before, given.reshape(*given.shape[:-2], -1))
            wrong = step.spikes != trace.spikes[window, here].ravel()
            for r in KINDS[p.kind].STATE:
                wrong |= step.state[r] != trace.registers[r][window, here].ravel()
            broken[:, here] = wrong.reshape(len(a), p.size)
        count += int(broken.sum())
        neurons |= broken.any(axis=0)
        if len(examples) < _SHOWN:
            examples += [(start + int(t), int(n)) for t, n in np.argwhere(broken)[: _SHOWN - len(examples)]]
    return Breaks(count, steps * network.neurons, int(neurons.sum()), tuple(examples))


def column(program: Program, stimulus: Stimulus, trace: Trace, neuron: int) -> Column:
    """One neuron of a trace that has its state."""
    network = program.network
    name, index = network.locate(neuron)
    p = next(p for p in network.populations if p.name == name)
    zero, everything = cleared(program, stimulus), slice(0, len(trace.spikes))
    first = KINDS[p.kind].initial(p.registers)
    return Column(
        population=p,
        index=index,
        before={r: _before(trace.registers[r][:, neuron], first[r][index], zero, everything) for r in first},
        a=sums(program, stimulus, trace.spikes, neuron),
        after={r: trace.registers[r][:, neuron].astype(np.int64) for r in first},
        spikes=trace.spikes[:, neuron],
    )


def step_of(c: Column, a: Ints) -> Step:
    """Every step of the column with these sums."""
    registers = {r: np.full(a.shape[-1], values[c.index]) for r, values in c.population.registers.items()}
    return KINDS[c.population.kind].step(registers, c.before, a)


def missing_sums(c: Column, port: int = 0) -> tuple[NDArray[np.bool_], Ints, NDArray[np.bool_]]:
    """Which steps break the definition, what their sum lacks, and where such a number reproduces the step.

    port: which sum, of a neuron that has two.

    The first register that answers to the sum tells: its difference, over what one more in the sum would change.
    """
    one = np.arange(len(c.a))[:, None] == port if c.a.ndim > 1 else np.True_
    here, more = step_of(c, c.a), step_of(c, c.a + one)
    broken = ~_same(here, c)
    lacks, solved = np.zeros(len(broken), np.int64), ~broken
    for register in KINDS[c.population.kind].STATE:
        slope = more.state[register] - here.state[register]
        if not slope.any():
            continue
        difference = c.after[register] - here.state[register]
        for period in (0, _PERIOD, -_PERIOD):
            trial = np.where(slope != 0, (difference + period) // np.where(slope == 0, 1, slope), 0)
            fits = ~solved & _same(step_of(c, c.a + trial * one), c)
            lacks[fits] = trial[fits]
            solved |= fits
        break
    return broken, lacks, solved


def _same(step: Step, c: Column) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = step.spikes == c.spikes
    for register, values in c.after.items():
        same &= step.state[register] == values
    return same


def _before(values: NDArray[Any], first: Any, zero: NDArray[np.bool_], rows: slice) -> Ints:
    """A register `[t, ...]` as each step of `rows` finds it; `first` is what a cleared one holds."""
    steps = np.arange(rows.start, rows.stop)
    before: Ints = values[np.maximum(steps - 1, 0)].astype(np.int64)
    before[zero[rows]] = first
    return before
