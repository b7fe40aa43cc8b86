"""Explanations of divergences, and what shrinking made of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from lsm_deploy.parity.forensics import Cause, Explanation, Slice
from lsm_deploy.parity.investigation import SmallCase
from lsm_deploy.parity.reduction import Shrunk, write
from lsm_deploy.report.blocks import Line, Report
from lsm_deploy.report.numbers import count, text_of
from lsm_deploy.report.runs import where_of

__all__ = ["explanation_text", "report_explanation", "report_shrunk", "report_small_case", "save_small_case"]

_ARRIVALS = 12
"""Arriving spikes that the text shows; the JSON has them all."""


def report_explanation(e: Explanation) -> Report:
    operations, parting = e.slice.operations, e.parting
    facts = asdict(e)
    facts["parting"] = {
        "agreed": operations[parting.agreed].text if parting.agreed >= 0 else None,
        "at": operations[parting.at].text,
    }
    return Report((Line(explanation_text(e)),), facts)


def save_small_case(folder: str | Path, small: SmallCase) -> None:
    """Write a small case as a folder that can be sent, with scripts that need nothing of ours, and why it parts."""
    write(Path(folder), small.shrunk, small.trace, small.name, explanation_text(small.explanation))


def explanation_text(e: Explanation) -> str:
    """What parted, where, and why, in lines for people."""
    d, s = e.divergence, e.slice
    label = "spike" if d.register == "s" else d.register
    lines = [
        f"{e.name} parts from the definition at {where_of(d)}, a {s.kind}",
        f"  {label}: the definition has {d.first}, {e.name} has {d.second}",
        "",
        f"  registers   {_pairs(s.registers)}",
        f"  before      {_pairs(s.before)}" + (" (cleared: a sample starts here)" if s.cleared else ""),
        *_arrivals(s, e.name),
        *(f"  overflow    {event}" for event in s.overflows),
        "",
        *_operations(e),
        "",
        f"  {_parting(e)}",
        *_breaks(e),
        *(f"  note: {note}" for note in e.notes),
        "",
        *_causes(e),
    ]
    return "\n".join(line.rstrip() for line in lines)


def _pairs(values: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _arrivals(s: Slice, name: str) -> list[str]:
    lines = [f"  arriving    {count(len(s.arrivals), 'spike')}, their sum a = {s.sum}"]
    if s.gate_sum is not None:
        lines[0] += f", onto the gate b = {s.gate_sum}"
    if s.their_sum is not None:
        lines[0] += f"; a sum of {s.their_sum} would give what {name} has"
    rows = [("source", "sent in", "delay", "weight", "exponent", "adds")] + [
        (f"{x.source}[{x.index}]" + (" (-1)" if x.spike < 0 else ""),
         *(str(value) for value in (x.sent, x.delay, x.weight, x.weight_exp)), f"{x.adds}{' (gate)' * x.port}")
        for x in s.arrivals[:_ARRIVALS]
    ]  # fmt: skip
    if not s.arrivals:
        return lines
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    for source, *numbers in rows:
        cells = (cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True))
        lines.append(f"     {source.ljust(widths[0])}  {'  '.join(cells)}")
    if len(s.arrivals) > _ARRIVALS:
        rest = s.arrivals[_ARRIVALS:]
        lines.append(f"     and {len(rest)} more, which add {sum(x.adds for x in rest)}")
    return lines


def _operations(e: Explanation) -> list[str]:
    s = e.slice
    texts = ["  " * operation.depth + operation.text for operation in s.operations]
    width = max(len(line) for line in texts)
    name = e.name if len(e.name) <= 24 else "the trace"
    lines = [f"  {'operation'.ljust(width)}  {'definition':>11}  {name:>11}"]
    for i, (operation, line) in enumerate(zip(s.operations, texts, strict=True)):
        theirs = ""
        if operation.register in s.theirs:
            theirs = str(s.theirs[operation.register])
        elif operation.writes == "spikes":
            theirs = str(s.their_spike)
        mark = "  <- they differ" if i == e.parting.at else ""
        lines.append(f"  {line.ljust(width)}  {operation.value:>11}  {theirs:>{max(11, len(name))}}{mark}")
    return lines


def _parting(e: Explanation) -> str:
    operations, agreed, at = e.slice.operations, e.parting.agreed, e.parting.at
    between = operations[agreed + 1 : at]
    if not between:
        return f"they part at `{operations[at].text}`"
    since = f"after `{operations[agreed].text}`" if agreed >= 0 else "in this step"
    return f"they part {since}, at `{operations[at].text}` at the latest: registers do not tell more"


def _breaks(e: Explanation) -> list[str]:
    if e.breaks is None:
        return []
    b = e.breaks
    if not b.count:
        return [f"  every step follows from {e.name}'s own state before and its own spikes: it began otherwise"]
    first = ", ".join(f"(t {t}, neuron {n})" for t, n in b.first[:4])
    return [
        f"  {text_of(b.count)} of {text_of(b.steps)} neuron steps, in {count(b.neurons, 'neuron')}, do not follow from "
        f"{e.name}'s own state before and its own spikes: {first}{', ...' if b.count > 4 else ''}",
        "  all other differences follow from these",
    ]


def _causes(e: Explanation) -> list[str]:
    best, rest = e.causes[: e.ties], e.causes[e.ties :]
    if not best:
        return ["no known mistake explains it: none of the rules, broken alone, gets beyond the first difference"]
    whole = best[0].explains_all
    reach = f"all {text_of(e.values)} values" if whole else f"every value up to step {best[0].until - 1}"
    verb = "explained by" if whole else "explained in part by"
    if len(best) > 1:
        lines = [f"{verb} each of {len(best)} mistakes, which this run does not tell apart ({reach}):"]
    else:
        lines = [f"{verb} ({reach}):"]
    lines += [f"  {_cause(cause)}" for cause in best]
    if not whole:
        lines[-1] += f"; {text_of(best[0].differing)} values from step {best[0].until} on remain"
    if rest:
        lines.append("less well by:")
        lines += [
            f"  {_cause(c)}; differs again from step {c.until} on, in {text_of(c.differing)} values" for c in rest
        ]
    return lines


def _cause(cause: Cause) -> str:
    rule = "" if cause.name == "synapse" else "the rule is that "
    return f"{cause.name}: {rule}{cause.holds}; here {cause.instead}"


def report_small_case(small: SmallCase) -> Report:
    """What was left out, and why what is left parts."""
    explained = report_explanation(small.explanation)
    shrunk = report_shrunk(small.shrunk)
    return Report((*shrunk.blocks, *explained.blocks), {"shrunk": dict(shrunk.facts), **explained.facts})


def report_shrunk(s: Shrunk) -> Report:
    facts = {
        **{name: list(getattr(s, name)) for name in _SIZES},
        **{name: getattr(s, name) for name in ("asked", "runs", "seconds", "stopped")},
    }
    sizes = ", ".join(
        f"{text_of(before)} -> {text_of(after)} {name.replace('_', ' ')}"
        for name, (before, after) in ((name, getattr(s, name)) for name in _SIZES)
    )
    took = f"{s.seconds:.1f} s, {text_of(s.asked)} cases in {text_of(s.runs)} runs"
    return Report((Line(f"shrunk     {sizes}; {took}" + (f"; {s.stopped}" if s.stopped else "")),), facts)


_SIZES = ("neurons", "steps", "synapses", "input_spikes")
