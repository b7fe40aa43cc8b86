"""The explanation of one trace: where it first parts from the definition, at which operation, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lsm_deploy.core import fixed
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Reported
from lsm_deploy.parity.compare import Divergence, compare
from lsm_deploy.parity.forensics.arrivals import Arrival, arrivals_at
from lsm_deploy.parity.forensics.causes import Cause, find_causes, rank
from lsm_deploy.parity.forensics.operations import Operation, operations_of
from lsm_deploy.parity.forensics.predict import Breaks, column, find_breaks, has_state, missing_sums, step_of
from lsm_deploy.run import backends as backend

__all__ = ["Explanation", "Parting", "Slice", "explain", "reference_run"]


@dataclass(frozen=True)
class Slice:
    """What the culprit was given in the step in which it first differs, and what the definition makes of it."""

    kind: str
    registers: Mapping[str, int]
    before: Mapping[str, int]
    cleared: bool
    """Whether the step starts from cleared registers: the first of a sample."""
    arrivals: tuple[Arrival, ...]
    sum: int
    gate_sum: int | None
    """Of a neuron of two ports what arrives at the second."""
    their_sum: int | None
    """The sum that would give what the trace has, where there is one and it differs."""
    operations: tuple[Operation, ...]
    after: Mapping[str, int]
    theirs: Mapping[str, int]
    """The registers that the trace has."""
    spike: int
    their_spike: int
    overflows: tuple[str, ...]
    """What left its range in this neuron, in this step or before it: on a chip, that is where things go wrong."""


@dataclass(frozen=True)
class Parting:
    """How far the two agree within the step, as far as recorded registers tell: numbers into `Slice.operations`."""

    agreed: int
    """The last operation on which they are known to agree; -1 for none."""
    at: int
    """The first at which they are known to differ."""


@dataclass(frozen=True, repr=False)
class Explanation(Reported):
    """Why the trace called `name` parts from the definition; `divergence.first` is what the definition has."""

    name: str
    registers: tuple[str, ...]
    """What could be compared beside spikes."""
    divergence: Divergence
    slice: Slice
    parting: Parting
    breaks: Breaks | None
    causes: tuple[Cause, ...]
    ties: int
    """How many of the causes, from the first, this run does not tell apart."""
    steps: int
    values: int
    notes: tuple[str, ...]


def reference_run(program: Program, stimulus: Stimulus) -> Trace:
    """The definition's own run, with every register."""
    return backend.run_program("emulator", program, stimulus, program.network.state_names)


def explain(
    program: Program,
    stimulus: Stimulus,
    trace: Trace,
    name: str = "the trace",
    *,
    reference: Trace | None = None,
    progress: Progress | None = None,
) -> Explanation:
    """Explain a trace of the program on the stimulus; an LsmError where there is nothing to explain.

    reference: `reference_run`, where the caller has one. progress: told rules tried.
    """
    reference = reference or reference_run(program, stimulus)
    registers = tuple(r for r in program.network.state_names if r in trace.registers)
    d = compare(program, reference, trace, registers, names=("definition", name)).divergence
    if d is None:
        raise LsmError(
            f"there is nothing to explain: {name} has {_all_that_it_compares(registers)} as the definition has them",
            hint="record every register, or run more steps, if you expected a difference",
        )
    breaks = find_breaks(program, stimulus, trace) if has_state(program, trace) else None
    part = _slice(program, stimulus, reference, trace, registers, d)
    causes = find_causes(program, stimulus, reference, trace, registers, d, breaks, progress)
    return Explanation(
        name=name,
        registers=registers,
        divergence=d,
        slice=part,
        parting=_parting(part),
        breaks=breaks,
        causes=causes,
        ties=sum(rank(cause) == rank(causes[0]) for cause in causes),
        steps=len(trace.spikes),
        values=trace.spikes.size * (1 + len(registers)),
        notes=_notes(program, trace, registers, name),
    )


def _all_that_it_compares(registers: Sequence[str]) -> str:
    return ", ".join(["spikes", *registers])


def _notes(program: Program, trace: Trace, registers: Sequence[str], name: str) -> tuple[str, ...]:
    missing = [r for r in program.network.state_names if r not in registers]
    if missing:
        return (
            f"{name} does not hold {', '.join(missing)}: what parted before the first difference seen here is hidden; "
            f"run it again with --record {','.join(program.network.state_names)}",
        )
    if trace.view == "chip":
        return (f"{name} shows voltages as silicon does: what a step starts from is not known after a spike",)
    return ()


def _slice(
    program: Program, stimulus: Stimulus, reference: Trace, trace: Trace, registers: Sequence[str], d: Divergence
) -> Slice:
    c = column(program, stimulus, reference, d.neuron)
    given = {name: int(values[c.index]) for name, values in c.population.registers.items()}
    before = {name: int(values[d.t]) for name, values in c.before.items()}
    arrived = c.a.reshape(-1, len(c.spikes))[:, d.t].tolist()
    noted, _ = operations_of(c.population.kind, given, before, *arrived)
    their_sum = None
    if has_state(program, trace):
        broken, lacks, solved = missing_sums(column(program, stimulus, trace, d.neuron))
        if broken[d.t] and solved[d.t]:
            their_sum = int(arrived[0] + lacks[d.t])
    interval = program.network.sample_interval
    step = step_of(c, c.a)
    state = KINDS[c.population.kind].STATE
    return Slice(
        kind=c.population.kind,
        registers=given,
        before=before,
        cleared=d.t % interval == 0 if interval else d.t_in_sample == 0,
        arrivals=arrivals_at(program, stimulus, reference.spikes, d.neuron, d.t),
        sum=arrived[0],
        gate_sum=arrived[1] if len(arrived) > 1 else None,
        their_sum=their_sum,
        operations=noted,
        after={name: int(c.after[name][d.t]) for name in state},
        theirs={name: int(trace.registers[name][d.t, d.neuron]) for name in registers if name in state},
        spike=int(reference.spikes[d.t, d.neuron]),
        their_spike=int(trace.spikes[d.t, d.neuron]),
        overflows=(
            *_events("u leaves its 24 bits", np.flatnonzero(step.wrapped), d.t),
            *_events("v is clipped to its 24 bits", np.flatnonzero(step.saturated), d.t),
            *_events("the sum leaves 16 bits", np.flatnonzero(np.abs(c.a) > fixed.SUM_LIMIT), d.t),
        ),
    )


def _events(what: str, steps: fixed.Ints, t: int) -> tuple[str, ...]:
    steps = steps[steps <= t]
    if not len(steps):
        return ()
    last = "in this step" if steps[-1] == t else f"in step {steps[-1]}, {t - steps[-1]} before"
    return (f"{what} {last}" + (f", and {len(steps) - 1} times before that" if len(steps) > 1 else ""),)


def _parting(part: Slice) -> Parting:
    """Walk the operations: each that leaves a register, or the spike, is compared with what the trace has.

    What a neuron that does not spike is left with is what it had before the threshold; where the trace spikes, a
    register that the spike resets hides what it was, unless it shows the very number.
    """
    agreed, parts = -1, part.operations
    last = max(i for i, operation in enumerate(parts) if operation.register or operation.decides)
    for i, operation in enumerate(parts):
        if operation.depth:
            continue
        if operation.decides:
            same = part.spike == part.their_spike
            if not same and any(later.decides for later in parts[i + 1 :]):
                continue  # several comparisons: which of them it was is not known
        elif operation.writes in part.theirs or operation.register in part.theirs:
            same = operation.value == part.theirs[operation.register or operation.writes]
            if not same and not operation.register and part.their_spike:
                continue
        else:
            continue
        if not same:
            return Parting(agreed, i)
        agreed = i
    return Parting(agreed, last)
