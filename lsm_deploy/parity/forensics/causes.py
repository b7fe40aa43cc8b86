"""What would explain a trace: every rule broken in turn, and four mistakes that no variant of the emulator makes.

    chip-view   `v` reads in the step of a spike as silicon shows it
    shift       the whole trace is early or late
    synapse     one synapse onto the culprit has another weight, or another delay
    a rule      the variant of `variants.RULES` that breaks it gives this very trace

A cause that reproduces every value explains it all. Several can, where a run does not tell them apart: then all are
named, and none is preferred.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.boards import MAX_DELAY
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import INPUT, Program, Stimulus, Trace
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.progress import Progress
from lsm_deploy.parity.compare import Divergence, in_view
from lsm_deploy.parity.forensics.arrivals import Synapses, began, seen, synapses_onto
from lsm_deploy.parity.forensics.predict import Breaks, column, missing_sums
from lsm_deploy.parity.variants import RULES, kinds_of, run_variant

__all__ = ["Cause", "find_causes", "rank"]

MAX_SHIFT = 3
"""Steps by which a trace is tried to be early or late."""
_PARTIAL = 5
"""Causes that are kept beside the best ones."""


@dataclass(frozen=True)
class Cause:
    """A mistake that gives the trace, or more of it than the definition does."""

    name: str
    holds: str
    """The rule."""
    instead: str
    """What the trace does."""
    explains_all: bool
    until: int
    """The first step in which what it gives still differs from the trace; the number of steps if none does."""
    differing: int
    """Values that still differ."""


def find_causes(
    program: Program,
    stimulus: Stimulus,
    reference: Trace,
    trace: Trace,
    registers: Sequence[str],
    divergence: Divergence,
    breaks: Breaks | None,
    progress: Progress | None = None,
) -> tuple[Cause, ...]:
    """The causes that explain more of the trace than the definition, the best first.

    reference: the definition's own run, with every register that `registers` names, which are those of the trace.
    """
    causes = [
        *_chip_view(program, reference, trace, registers),
        *_shifted(program, stimulus, in_view(program, reference, trace.view), trace, registers),
        *(_altered_synapse(program, stimulus, trace, divergence, breaks) if breaks else ()),
        *_rules(program, stimulus, trace, registers, divergence.t, progress),
    ]
    causes.sort(key=rank)  # stable: of equals, the one that needs no mistake of arithmetic stands first
    best = sum(rank(cause) == rank(causes[0]) for cause in causes) if causes else 0
    return tuple(causes[: max(best, _PARTIAL)])


def rank(cause: Cause) -> tuple[bool, int, int]:
    """Lower is better; equal ranks are not told apart by this run."""
    return (not cause.explains_all, -cause.until, cause.differing)


def _compared(trace: Trace, registers: Sequence[str]) -> NDArray[np.int32]:
    """Spikes and registers side by side, `[t, value]`."""
    return np.concatenate([trace.spikes.astype(np.int32), *(trace.registers[name] for name in registers)], axis=1)


def _judged(name: str, holds: str, instead: str, differs: NDArray[np.bool_]) -> Cause:
    rows = differs.any(axis=1)
    until = int(np.argmax(rows)) if rows.any() else len(rows)
    return Cause(name, holds, instead, not rows.any(), until, int(differs.sum()))


# --- the rules --------------------------------------------------------------------------------------------------------


def _rules(
    program: Program,
    stimulus: Stimulus,
    trace: Trace,
    registers: Sequence[str],
    t: int,
    progress: Progress | None,
) -> Iterator[Cause]:
    """Variants that get past step t; most do not, and are not run any further."""
    theirs = _compared(trace, registers)
    short = stimulus.until(t + 1)
    for number, rule in enumerate(RULES.values()):
        if progress:
            progress(number, len(RULES))
        if kinds_of(rule).isdisjoint(program.network.kinds):  # it gives what the definition gives
            continue
        if not (_run(rule.name, program, short, registers, trace) != theirs[: t + 1]).any():
            differs = _run(rule.name, program, stimulus, registers, trace) != theirs
            yield _judged(rule.name, rule.holds, rule.variant, differs)


def _run(rule: str, program: Program, stimulus: Stimulus, registers: Sequence[str], trace: Trace) -> NDArray[np.int32]:
    return _compared(in_view(program, run_variant(rule, program, stimulus, registers), trace.view), registers)


# --- views and times --------------------------------------------------------------------------------------------------


def _chip_view(program: Program, reference: Trace, trace: Trace, registers: Sequence[str]) -> Iterator[Cause]:
    if trace.view != "sim" or "v" not in registers:
        return
    try:
        chip = _compared(in_view(program, reference, "chip"), registers)
    except LsmError:  # a kind whose view nobody has seen
        return
    differs = chip != _compared(trace, registers)
    now = chip != _compared(reference, registers)
    if now.any() and not (differs & now).any():
        instead = "it reads as on silicon (compare with --view chip)"
        yield _judged("chip-view", "v reads 0 in the step of a spike", instead, differs)


def _shifted(
    program: Program, stimulus: Stimulus, reference: Trace, trace: Trace, registers: Sequence[str]
) -> Iterator[Cause]:
    ours, theirs = _compared(reference, registers), _compared(trace, registers)
    steps = np.arange(len(ours))
    # Late as a whole, or each sample late within itself.
    for first, words in ((np.zeros_like(steps), ""), (began(program, stimulus), " in each sample")):
        for shift in (*range(1, MAX_SHIFT + 1), *range(-MAX_SHIFT, 0)):
            taken = steps - shift
            inside = (taken >= 0) & (taken < len(steps))
            inside &= first[np.clip(taken, 0, len(steps) - 1)] == first
            if not theirs[inside].any() or (theirs[inside] != ours[taken[inside]]).any():
                continue
            plural = "s" * (abs(shift) != 1)
            instead = f"it stands {abs(shift)} step{plural} {'late' if shift > 0 else 'early'}{words}"
            yield Cause("shift", "row t of a trace is step t", instead, True, len(steps), 0)
            return


# --- one synapse ------------------------------------------------------------------------------------------------------


def _altered_synapse(
    program: Program, stimulus: Stimulus, trace: Trace, divergence: Divergence, breaks: Breaks
) -> Iterator[Cause]:
    """Synapses onto the culprit of which another weight, or another delay, gives all that its sums lack."""
    culprit = column(program, stimulus, trace, divergence.neuron)
    for port in range(KINDS[culprit.population.kind].PORTS):
        broken, lacks, solved = missing_sums(culprit, port)
        if broken.any() and solved.all():
            yield from _altered(program, stimulus, trace, divergence, breaks, broken, lacks, port)


def _altered(
    program: Program,
    stimulus: Stimulus,
    trace: Trace,
    divergence: Divergence,
    breaks: Breaks,
    broken: NDArray[np.bool_],
    lacks: Ints,
    port: int,
) -> Iterator[Cause]:
    elsewhere = breaks.count - int(broken.sum())
    until = len(trace.spikes)
    if elsewhere:
        until = min((t for t, neuron in breaks.first if neuron != divergence.neuron), default=divergence.t)
    s = synapses_onto(program, divergence.neuron)
    sources = np.concatenate([stimulus.spikes, trace.spikes], axis=1)
    first = began(program, stimulus)
    for k in np.flatnonzero(s.port == port).tolist():
        sent = sources[:, s.column[k]]
        here = seen(sent, int(s.delay[k]), first).astype(np.int64)
        unit = here << int(s.weight_exp[k])
        at = np.flatnonzero(unit)
        if len(at):
            more, rest = divmod(int(lacks[at[0]]), int(unit[at[0]]))
            weight = int(s.weight[k]) + more
            if (
                more
                and not rest
                and fixed.LEAST_WEIGHT <= weight <= fixed.WEIGHT_LIMIT
                and np.array_equal(more * unit, lacks)
            ):
                yield _synapse(program, s, k, f"weight {weight}{_off_grid(program, s, k, weight)}", elsewhere, until)
        adds = int(s.weight[k]) << int(s.weight_exp[k])
        if (lacks % adds if adds else lacks).any():  # as it is with nearly all, and no other delay gives that
            continue
        for delay in range(MAX_DELAY + 2):  # Lava takes one more than the contract
            if delay != s.delay[k] and np.array_equal(adds * (seen(sent, delay, first) - here), lacks):
                yield _synapse(program, s, k, f"delay {delay}", elsewhere, until)


def _synapse(program: Program, s: Synapses, k: int, instead: str, elsewhere: int, until: int) -> Cause:
    p = program.network.projections[s.projection[k]]
    source = f"channel {s.source[k]}" if p.source == INPUT else f"{p.source}[{s.source[k]}]"
    post = int(p.post[s.number[k]])
    holds = f"{source} -> {p.target}[{post}] ({p.name!r}) has weight {s.weight[k]}, delay {s.delay[k]}"
    return Cause("synapse", holds, f"it has {instead}", not elsewhere, until, elsewhere)


def _off_grid(program: Program, s: Synapses, k: int, weight: int) -> str:
    p = program.network.projections[s.projection[k]]
    step = fixed.grid_step(p.num_weight_bits, p.sign_mode == "mixed")
    return f", which is off its grid of {step}" if weight % step else ""
