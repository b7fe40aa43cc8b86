"""What `parity` does about a divergence: explain it, shrink it, draw it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from lsm_deploy import report
from lsm_deploy.cli.app import FILE, Output, check_target
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.parity import compare as parity
from lsm_deploy.parity import forensics as explain
from lsm_deploy.parity import reduction as shrink
from lsm_deploy.parity import variants
from lsm_deploy.report import pictures as picture

__all__ = ["Side", "Wanted", "forensic_options", "investigate"]

_F = TypeVar("_F", bound=Callable[..., Any])


def forensic_options(function: _F) -> _F:
    """The options of `parity` that ask what a divergence is; each compares registers too."""
    for option in (
        click.option("--picture", "picture_file", type=FILE, help="Draw the first divergence (.png)."),
        click.option(
            "--shrink-seconds", type=click.FloatRange(min=0), default=60.0, show_default=True, help="For --shrink."
        ),
        click.option("--shrink", "shrink_folder", type=FILE, help="A folder for the smallest case that diverges."),
        click.option("--explain", "with_explanation", is_flag=True, help="Say where and why they diverge."),
    ):
        function = option(function)
    return function


@dataclass(frozen=True)
class Wanted:
    """What to do about a divergence."""

    explain: bool
    shrink: Path | None
    seconds: float
    picture: Path | None

    @property
    def any(self) -> bool:
        return self.explain or self.shrink is not None or self.picture is not None

    def check(self, *inputs: Path | None) -> None:
        """Refuse what could not be written, before any work is done."""
        if self.shrink is not None:
            check_folder(self.shrink)
        if self.picture is not None:
            check_target(self.picture, *inputs)


@dataclass(frozen=True, eq=False)
class Side:
    """One of two that are compared; `run` runs it again, where it is no recorded trace."""

    name: str
    trace: Trace
    run: Callable[[Program, Stimulus], Trace] | None


def check_folder(folder: Path) -> None:
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise LsmError("a file is in the way", where=str(there), hint="choose another folder")
    if not os.access(there, os.W_OK):
        raise LsmError("cannot write here", where=str(there), hint="choose a writable folder")


def investigate(
    output: Output,
    program: Program,
    stimulus: Stimulus,
    pairs: Sequence[tuple[Side, Side]],
    verdicts: Sequence[parity.Verdict],
    wanted: Wanted,
) -> dict[str, Any]:
    """Do what is wanted about each pair that diverged; the folder and the picture are of the first. Facts for JSON."""
    diverged = [(pair, verdict) for pair, verdict in zip(pairs, verdicts, strict=True) if not verdict.equal]
    if not diverged:
        output.console.print("nothing to explain: they are equal in all that was compared")
        return {}
    facts: dict[str, Any] = {}
    reference = explain.reference_run(program, stimulus)
    if wanted.explain or wanted.shrink:
        suspects: dict[str, tuple[Side, explain.Explanation]] = {}
        for (first, second), _ in diverged:
            for side in (second, first):
                if side.name not in suspects and _breaks(program, reference, side):
                    with output.progress(f"explaining {side.name}") as progress:
                        found = explain.explain(
                            program, stimulus, side.trace, side.name, reference=reference, progress=progress
                        )
                    suspects[side.name] = side, found
                    if wanted.explain:
                        output.console.print()
                        report.show_explanation(output.console, found)
        if wanted.explain:
            facts["explanations"] = [report.explanation_facts(found) for _, found in suspects.values()]
    if wanted.picture is not None:
        (first, second), verdict = diverged[0]
        picture.draw(wanted.picture, program, (first.trace, second.trace), verdict)
        output.console.print(f"wrote {wanted.picture}")
        facts["picture"] = str(wanted.picture)
    if wanted.shrink is not None:
        side, found = next(iter(suspects.values()))
        facts["shrunk"] = _shrink(output, program, stimulus, side, found, wanted)
    return facts


def _breaks(program: Program, reference: Trace, side: Side) -> bool:
    """Whether a side is other than the definition: of two that differ, one is."""
    held = tuple(name for name in reference.registers if name in side.trace.registers)
    return not parity.compare(program, reference, side.trace, held).equal


def _shrink(
    output: Output, program: Program, stimulus: Stimulus, side: Side, found: explain.Explanation, wanted: Wanted
) -> dict[str, Any]:
    assert wanted.shrink is not None
    run, name = side.run, side.name
    if run is None:
        rule = next((c.name for c in found.causes if c.explains_all and c.name in variants.RULES), None)
        if rule is None:
            raise LsmError(
                "a recorded trace cannot be run on smaller cases, and no broken rule reproduces it",
                where=side.name,
                hint="compare with the backend that gave it: --backends emulator,...",
            )
        name = f"variant {rule!r}"
        output.console.print(f"{side.name} cannot be run again: {name} of the emulator gives the same, and stands in")

        def run(program: Program, stimulus: Stimulus) -> Trace:
            return variants.run_variant(rule, program, stimulus, program.network.state_names)

    with output.progress("shrinking (Ctrl-C keeps the smallest so far)") as progress:
        made = shrink.shrink(
            program, stimulus, shrink.between(explain.reference_run, run), seconds=wanted.seconds, progress=progress
        )
    theirs = run(made.program, made.stimulus)
    small = explain.explain(made.program, made.stimulus, theirs, name)
    shrink.write(wanted.shrink, made, theirs, name, report.explanation_text(small))
    report.show_shrunk(output.console, made, wanted.shrink)
    return {"folder": str(wanted.shrink), **report.shrunk_facts(made)}
