"""Backends, or a backend and a recorded trace, side by side: whether they agree, and if not, why and on how little.

    compare_sides --Comparison--> explain_sides --Suspects--> shrink_side --SmallCase-->

`investigate` does all of it; each backend runs the full case once, and so does the emulator, whose trace is what
everything else is held to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from lsm_deploy import store
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, Stimulus, Trace, View
from lsm_deploy.core.progress import Stages, silent
from lsm_deploy.learn.deployable import Compilable, compile_any, stimulus_for
from lsm_deploy.parity import variants
from lsm_deploy.parity.compare import Verdict, compare
from lsm_deploy.parity.forensics import Explanation, explain, reference_run
from lsm_deploy.parity.reduction import SECONDS, Shrunk, between, shrink
from lsm_deploy.run import backends as backend

__all__ = [
    "Comparison",
    "Investigation",
    "Side",
    "SmallCase",
    "Suspect",
    "compare_sides",
    "explain_sides",
    "investigate",
    "shrink_side",
]

Run: TypeAlias = Callable[[Program, Stimulus], Trace]


@dataclass(frozen=True, eq=False)
class Side:
    """One of two that are compared; `run` runs it on another case, where it is no recorded trace."""

    name: str
    trace: Trace
    run: Run | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Sides in pairs, and the verdict on each pair.

    reference: the definition's own run, with every register, where it was asked for and some pair differs. missing:
    registers that a recorded trace does not have, so that they are not compared.
    """

    program: Program
    stimulus: Stimulus
    pairs: tuple[tuple[Side, Side], ...]
    verdicts: tuple[Verdict, ...]
    reference: Trace | None
    missing: tuple[str, ...]

    @property
    def equal(self) -> bool:
        return all(verdict.equal for verdict in self.verdicts)

    @property
    def diverged(self) -> tuple[tuple[tuple[Side, Side], Verdict], ...]:
        """The pairs that differ."""
        pairs = zip(self.pairs, self.verdicts, strict=True)
        return tuple((pair, verdict) for pair, verdict in pairs if not verdict.equal)


@dataclass(frozen=True, eq=False)
class Suspect:
    """A side that is other than the definition, and why."""

    side: Side
    explanation: Explanation


@dataclass(frozen=True, eq=False)
class SmallCase:
    """The smallest case on which `name`, a side or the variant that stands in for it, parts from the definition.

    trace, explanation: what it gives there, and why. stands_in: whether it is a variant of the emulator.
    """

    shrunk: Shrunk
    name: str
    trace: Trace
    explanation: Explanation
    stands_in: bool


@dataclass(frozen=True, eq=False)
class Investigation:
    """All of it. words: what the stimulus is; suspects, small: empty and None where nothing differs or was asked."""

    program: Program
    words: str
    comparison: Comparison
    suspects: tuple[Suspect, ...]
    small: SmallCase | None


def investigate(
    source: Compilable,
    file: str | Path | None = None,
    samples: int | None = None,
    *,
    on: Sequence[str] = (),
    trace: str | Path | None = None,
    view: View | None = None,
    registers: bool = False,
    explain: bool = False,
    shrink: float | None = None,
    options: Mapping[str, Any] | None = None,
    stages: Stages = silent,
) -> Investigation:
    """Compare backends on a program and the stimulus that `stimulus_for` makes of `file`; the first with each other.

    on: the backends; all that are installed, or the emulator where there is a trace. trace: a recorded one to compare
    each with; view: how it shows voltages. registers: compare them, too. explain: say why two differ. shrink: so many
    seconds at most, for the smallest case on which they do. Both compare registers. options: of backends, each given to
    those that know it. An LsmError where what is compared is not of one program and stimulus.
    """
    thorough = explain or shrink is not None
    names = tuple(on) or default_sides(trace is not None)
    made = compile_any(source, on=names)
    recorded = store.load_trace_of(made.program, trace, view) if trace is not None else None
    stimulus, words = stimulus_for(made, file, samples)
    comparison = compare_sides(
        made.program,
        stimulus,
        names,
        (str(trace), recorded.trace) if recorded is not None else None,
        registers=registers,
        thorough=thorough,
        options=options or {},
        stages=stages,
    )
    suspects = explain_sides(comparison, stages) if thorough else ()
    small = shrink_side(comparison, suspects[0], shrink, stages) if shrink is not None and suspects else None
    return Investigation(made.program, words, comparison, suspects, small)


def default_sides(with_trace: bool) -> tuple[str, ...]:
    """Who is compared where nobody is named: all that are here; the emulator alone with a recorded trace."""
    return ("emulator",) if with_trace else tuple(name for name, why in backend.missing().items() if why is None)


def compare_sides(
    program: Program,
    stimulus: Stimulus,
    names: Sequence[str],
    recorded: tuple[str, Trace] | None = None,
    *,
    registers: bool = False,
    thorough: bool = False,
    options: Mapping[str, Any] | None = None,
    stages: Stages = silent,
) -> Comparison:
    """Run each backend once, and compare the first with each other one, or each with a recorded trace and its name.

    registers: compare these, too. thorough: these, and where two differ the definition's own run for who explains it.
    """
    state = program.network.state_names if registers or thorough else ()
    there = tuple(name for name in state if recorded and name in recorded[1].registers)
    if recorded and registers and not there:
        raise LsmError("the trace has no registers to compare", where=recorded[0], hint="drop --registers")

    def side_of(name: str) -> Side:
        chosen = backend.options_for(name, options or {})
        # A board shows no registers: who asks for them is told so, who asks for an explanation gets what there is.
        record = () if name == "loihi2" and not registers else state

        def run(program: Program, stimulus: Stimulus) -> Trace:
            known = tuple(register for register in record if register in program.network.state_names)
            return backend.run_program(name, program, stimulus, known, **chosen)

        with stages(f"running on {name}") as progress:
            trace = backend.run_program(name, program, stimulus, record, progress, **chosen)
        return Side(name, trace, run)

    sides = [side_of(name) for name in names]
    pairs = [(sides[0], side) for side in sides[1:]]
    if recorded:
        pairs += [(side, Side(*recorded, None)) for side in sides]
    verdicts = [
        compare(program, a.trace, b.trace, _both(state, a.trace, b.trace), names=(a.name, b.name)) for a, b in pairs
    ]
    reference = None
    if thorough and not all(verdict.equal for verdict in verdicts):
        reference = next((side.trace for side in sides if side.name == "emulator"), None)
        reference = reference or reference_run(program, stimulus)
    missing = tuple(name for name in state if name not in there) if recorded else ()
    return Comparison(program, stimulus, tuple(pairs), tuple(verdicts), reference, missing)


def explain_sides(comparison: Comparison, stages: Stages = silent) -> tuple[Suspect, ...]:
    """Why they differ: each side that is other than the definition, of two that differ, once; the second one first.

    The comparison is a `thorough` one. There are none where no pair differs.
    """
    program, reference = comparison.program, comparison.reference
    suspects: dict[str, Suspect] = {}
    for (first, second), _ in comparison.diverged:
        assert reference is not None
        for side in (second, first):
            both = _both(program.network.state_names, reference, side.trace)
            if side.name in suspects or compare(program, reference, side.trace, both).equal:
                continue
            with stages(f"explaining {side.name}") as progress:
                explanation = explain(
                    program, comparison.stimulus, side.trace, side.name, reference=reference, progress=progress
                )
            suspects[side.name] = Suspect(side, explanation)
    return tuple(suspects.values())


def shrink_side(
    comparison: Comparison, suspect: Suspect, seconds: float = SECONDS, stages: Stages = silent
) -> SmallCase:
    """The smallest case on which a suspect parts from the definition, or the smallest so far when the time is up.

    What cannot be run again, a recorded trace, is stood in for by the variant of the emulator that gives the same; an
    LsmError where there is none.
    """
    program, stimulus, reference = comparison.program, comparison.stimulus, comparison.reference
    assert reference is not None
    side = suspect.side
    name, trace, run = side.name, side.trace, side.run
    if run is None:
        rule = next((c.name for c in suspect.explanation.causes if c.explains_all and c.name in variants.RULES), None)
        if rule is None:
            raise LsmError(
                "a recorded trace cannot be run on smaller cases, and no broken rule reproduces it",
                where=name,
                hint="compare with the backend that gave it: --backends emulator,...",
            )
        name, run = f"variant {rule!r}", _variant(rule)
        trace = run(program, stimulus)
    with stages("shrinking (Ctrl-C keeps the smallest so far)") as progress:
        both = _both(program.network.state_names, reference, trace)
        divergence = compare(program, reference, trace, both).divergence
        assert divergence is not None
        shrunk = shrink(
            program,
            stimulus,
            between(reference_run, run),
            known=(divergence, reference.spikes),
            seconds=seconds,
            progress=progress,
        )
    theirs = run(shrunk.program, shrunk.stimulus)
    why = explain(shrunk.program, shrunk.stimulus, theirs, name)
    return SmallCase(shrunk, name, theirs, why, stands_in=side.run is None)


def _variant(rule: str) -> Run:
    return lambda program, stimulus: variants.run_variant(rule, program, stimulus, program.network.state_names)


def _both(names: Sequence[str], first: Trace, second: Trace) -> tuple[str, ...]:
    return tuple(name for name in names if name in first.registers and name in second.registers)
