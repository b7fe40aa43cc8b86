"""Backends, or a backend and a recorded trace, side by side: whether they agree, and if not, why and on how little.

    prepare_sides --Sides--> compare_sides --Comparison--> explain_sides --Suspects--> shrink_side --SmallCase-->

Each backend runs the full case once, and so does the emulator, whose trace is what everything else is held to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from lsm_deploy import store
from lsm_deploy.core.errors import LsmError, MisuseError, require_type
from lsm_deploy.core.ir import Program, Stimulus, Trace, View
from lsm_deploy.core.notes import warn
from lsm_deploy.core.progress import Stages, silent
from lsm_deploy.core.shown import Brief, Reported
from lsm_deploy.learn.deployable import Compilable, compile_any, stimulus_for
from lsm_deploy.parity import variants
from lsm_deploy.parity.compare import Verdict, compare
from lsm_deploy.parity.forensics import Explanation, explain, reference_run
from lsm_deploy.parity.reduction import SECONDS, Shrunk, between, shrink
from lsm_deploy.run import backends as backend
from lsm_deploy.run.extremes import warn_of_extremes

__all__ = [
    "SECONDS",
    "Comparison",
    "Side",
    "Sides",
    "SmallCase",
    "Suspect",
    "check_sides",
    "compare_sides",
    "default_sides",
    "explain_sides",
    "prepare_sides",
    "shrink_side",
]

Run: TypeAlias = Callable[[Program, Stimulus], Trace]


@dataclass(frozen=True, eq=False, repr=False)
class Sides(Brief):
    """Who is to be compared, on what; nothing has run yet.

    words: what the stimulus is. names: of the backends. recorded: the name of a recorded trace, and the trace.
    """

    program: Program
    stimulus: Stimulus
    words: str
    names: tuple[str, ...]
    recorded: tuple[str, Trace] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Side(Brief):
    """One of two that are compared; `run` runs it on another case, where it is no recorded trace."""

    name: str
    trace: Trace
    run: Run | None


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Reported):
    """Sides in pairs, and the verdict on each pair.

    reference: the definition's own run, with every register, where it was asked for and some pair differs. missing:
    registers that a recorded trace does not have, so that they are not compared.
    """

    _short = ("equal", "verdicts", "missing")

    program: Program
    stimulus: Stimulus
    pairs: tuple[tuple[Side, Side], ...]
    verdicts: tuple[Verdict, ...]
    reference: Trace | None
    missing: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether no pair differs in what was compared."""
        return all(verdict.equal for verdict in self.verdicts)

    @property
    def diverged(self) -> tuple[tuple[tuple[Side, Side], Verdict], ...]:
        """The pairs that differ."""
        pairs = zip(self.pairs, self.verdicts, strict=True)
        return tuple((pair, verdict) for pair, verdict in pairs if not verdict.equal)


@dataclass(frozen=True, eq=False, repr=False)
class Suspect(Reported):
    """A side that is other than the definition, and why."""

    side: Side
    explanation: Explanation


@dataclass(frozen=True, eq=False, repr=False)
class SmallCase(Reported):
    """The smallest case on which `name`, a side or the variant that stands in for it, parts from the definition.

    trace, explanation: what it gives there, and why. stands_in: whether it is a variant of the emulator.
    """

    shrunk: Shrunk
    name: str
    trace: Trace
    explanation: Explanation
    stands_in: bool


def prepare_sides(
    source: Compilable,
    file: str | Path | None = None,
    samples: int | None = None,
    *,
    on: Sequence[str] = (),
    trace: str | Path | None = None,
    view: View | None = None,
) -> Sides:
    """Compile a program, and take the stimulus that `stimulus_for` makes of `file`, and the trace if there is one.

    on: the backends; all that are installed, or the emulator where there is a trace. trace: a recorded one to compare
    each with; view: how it shows voltages. An LsmError where there are no two sides, or not of one program.
    """
    asked = tuple(on) or default_sides(trace is not None)
    check_sides(asked, trace, view)
    made = compile_any(source, on=asked)
    names = tuple(backend.choose(name, made.program) for name in asked)
    check_sides(names, trace, view)  # a choice may have been named as well
    recorded = (str(trace), store.load_trace_of(made.program, trace, view).trace) if trace is not None else None
    stimulus, words = stimulus_for(made, file, samples)
    return Sides(made.program, stimulus, words, names, recorded)


def default_sides(with_trace: bool) -> tuple[str, ...]:
    """Who is compared where nobody is named: all that are here; the emulator alone with a recorded trace."""
    return ("emulator",) if with_trace else tuple(name for name, why in backend.missing().items() if why is None)


def check_sides(names: Sequence[str], trace: str | Path | None = None, view: View | None = None) -> None:
    """Refuse, as a MisuseError, what compares nothing: one side alone, a backend with itself, a view of no trace."""
    if len(names) + (trace is not None) < 2:
        hint = "name two backends (--backends A,B), or a backend and a recorded trace (--backends A --trace FILE)"
        raise MisuseError("parity needs two sides", where="parity", hint=hint)
    if len(set(names)) < len(names):
        what = f"a backend is named twice in {', '.join(names)}: compared with itself it proves nothing"
        raise MisuseError(what, where="parity", hint=f"name each once; {backend.DEFAULT!r} is one of them")
    if view is not None and trace is None:
        what = "a view says how a recorded trace shows voltages; there is no trace"
        raise MisuseError(what, where="parity", hint="give the trace (--trace FILE), or leave out the view (--view)")


def compare_sides(
    sides: Sides,
    *,
    registers: bool = False,
    thorough: bool = False,
    options: Mapping[str, Any] | None = None,
    stages: Stages = silent,
) -> Comparison:
    """Run each backend once, and compare the first with each other one, or each with the recorded trace.

    registers: compare these, too. thorough: these, and where two differ the definition's own run for who explains it.
    options: of backends, each given to those that know it. An LsmError where what is compared is of other stimuli.
    """
    require_type(sides, Sides, "sides", "make them with `prepare_sides`")
    program, stimulus, recorded = sides.program, sides.stimulus, sides.recorded
    state = program.network.state_names if registers or thorough else ()
    there = tuple(name for name in state if recorded and name in recorded[1].registers)
    if recorded and registers and not there:
        raise LsmError(
            "the trace has no registers to compare", where=recorded[0], hint="compare without registers (--registers)"
        )

    def side_of(name: str) -> Side:
        chosen = backend.options_for(name, options or {})
        # A board shows no registers: who asks for them is told so, who asks for an explanation gets what there is.
        record = () if name == backend.BOARD and not registers else state

        def run(program: Program, stimulus: Stimulus) -> Trace:
            known = tuple(register for register in record if register in program.network.state_names)
            return backend.run_program(name, program, stimulus, known, **chosen)

        with stages(f"running on {name}") as progress:
            trace = backend.run_program(name, program, stimulus, record, progress, **chosen)
        return Side(name, trace, run)

    ran = [side_of(name) for name in sides.names]
    warn_of_extremes(program, ran[0].trace.spikes, stimulus)
    pairs = [(ran[0], side) for side in ran[1:]]
    if recorded:
        pairs += [(side, Side(*recorded, None)) for side in ran]
    verdicts = [
        compare(program, a.trace, b.trace, _both(state, a.trace, b.trace), names=(a.name, b.name)) for a, b in pairs
    ]
    for (side, other), verdict in zip(pairs, verdicts, strict=True):
        if other.run is None and other.trace.view == "sim" and not verdict.equal and not verdict.differing["s"]:
            _hint_at_chip_view(program, side, other, verdict)
    reference = None
    if thorough and not all(verdict.equal for verdict in verdicts):
        reference = next((side.trace for side in ran if side.name == "emulator"), None)
        reference = reference or reference_run(program, stimulus)
    missing = tuple(name for name in state if name not in there) if recorded else ()
    return Comparison(program, stimulus, tuple(pairs), tuple(verdicts), reference, missing)


def _hint_at_chip_view(program: Program, side: Side, recorded: Side, verdict: Verdict) -> None:
    """An LsmWarning where a recorded trace differs, but not in the view in which silicon shows voltages."""
    registers = tuple(name for name in verdict.compared if name != "s")
    try:
        equal = compare(program, side.trace, replace(recorded.trace, view="chip"), registers).equal
    except LsmError:  # a kind whose view nobody has seen
        return
    if equal:
        words = f"{recorded.name} shows voltages as silicon does, and so they are equal"
        warn(f"{words}: compare in the view `chip` (--view chip)", level=3)


def explain_sides(comparison: Comparison, stages: Stages = silent) -> tuple[Suspect, ...]:
    """Why they differ: each side that is other than the definition, of two that differ, once; the second one first.

    There are none where no pair differs. An LsmError where one does and the comparison is not a `thorough` one.
    """
    require_type(comparison, Comparison, "comparison", "make one with `compare_sides`")
    program, reference = comparison.program, comparison.reference
    if reference is None:
        if comparison.equal:
            return ()
        raise LsmError("the definition's own run is not at hand", hint="compare with `thorough`")
    suspects: dict[str, Suspect] = {}
    for (first, second), _ in comparison.diverged:
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
    require_type(comparison, Comparison, "comparison", "make one with `compare_sides`")
    require_type(suspect, Suspect, "suspect", "choose one of `explain_sides`")
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
                hint="compare with the backend that gave it (--backends emulator,...)",
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
