"""The question that shrinking asks: on which of these cases do the two sides part, and where?

A backend that takes a second to start is asked about many cases in one run, side by side; one that answers in
milliseconds too, because the loop over steps is what takes the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.parity.compare import Divergence, compare
from lsm_deploy.parity.reduction.parts import Parts, assemble

__all__ = ["Case", "Question", "Run", "between", "one_by_one"]

Case: TypeAlias = tuple[Program, Stimulus]
Run: TypeAlias = Callable[[Program, Stimulus], Trace]
"""A side: a backend, or a variant of one, with the registers that it records."""
Question: TypeAlias = Callable[[Sequence[Parts]], "list[Divergence | bool | None]"]
"""For each case whether, or where, the two sides part."""

TOGETHER = 512
"""Cases in one run."""
_NEURONS = 4096
"""Neurons that a run may hold before cases are asked about in turns."""


def one_by_one(parts_on: Callable[[Program, Stimulus], Divergence | bool | None]) -> Question:
    """The question from a predicate on a program and a stimulus."""

    def ask(cases: Sequence[Parts]) -> list[Divergence | bool | None]:
        return [parts_on(program, stimulus) for program, stimulus, _ in (assemble([case]) for case in cases)]

    return ask


def between(first: Run, second: Run, together: int = TOGETHER) -> Question:
    """The question from two sides; a case that a side refuses does not count as one on which they part."""

    def ask(cases: Sequence[Parts]) -> list[Divergence | bool | None]:
        # Where samples start is the same for all cases of a run: those with several go alone.
        alone = [len(case.starts) > 1 for case in cases]
        answers: dict[int, Divergence | None] = {}
        batch: list[int] = []
        for i, case in enumerate(cases):
            full = sum(len(cases[k].neurons) for k in batch) + len(case.neurons) > _NEURONS or len(batch) >= together
            if batch and (full or alone[i] or alone[batch[-1]]):
                answers.update(zip(batch, _ask([cases[k] for k in batch], first, second), strict=True))
                batch = []
            batch.append(i)
        answers.update(zip(batch, _ask([cases[k] for k in batch], first, second), strict=True))
        return [answers[i] for i in range(len(cases))]

    return ask


def _ask(cases: Sequence[Parts], first: Run, second: Run) -> list[Divergence | None]:
    program, stimulus, columns = assemble(cases)
    try:
        traces = first(program, stimulus), second(program, stimulus)
    except LsmError:
        return [None] * len(cases)
    registers = tuple(name for name in traces[0].registers if name in traces[1].registers)
    if len(cases) == 1:
        return [compare(program, *traces, registers).divergence]
    if compare(program, *traces, registers).equal:
        return [None] * len(cases)
    divergences = []
    for case, chosen in zip(cases, columns, strict=True):
        alone, _, _ = assemble([case])
        parts = [_columns(trace, chosen, len(case.spikes), registers) for trace in traces]
        divergences.append(compare(alone, parts[0], parts[1], registers).divergence)
    return divergences


def _columns(trace: Trace, chosen: Ints, steps: int, names: Sequence[str]) -> Trace:
    registers = {name: trace.registers[name][:steps, chosen] for name in names}
    return Trace(trace.spikes[:steps, chosen], registers, trace.starts, {}, trace.view)
