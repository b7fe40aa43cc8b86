"""What a liquid still knows of what is past: a table for labels and one for frames, and what can be said of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lsm_deploy.measure.diagnosis import Curves, Knowledge
from lsm_deploy.measure.uncertainty import Difference
from lsm_deploy.report.blocks import Block, Cell, Column, Heading, Line, table
from lsm_deploy.report.numbers import INTERVAL, PERCENT, count

__all__ = ["SOURCES", "blocks_of_knowledge"]

SOURCES = {
    "deployed": "the liquid, deployed",
    "float": "the float liquid",
    "feedforward": "its recurrence cut",
    "encoded": "encoded spikes",
    "buffer": "a buffer of frames",
}
"""What a user is told of each source."""
_SAYS = {"better": "knows more than", "worse": "knows less than", "not distinguishable": "cannot be told from"}
_R2, _R2_INTERVAL = "{:.2f}", "{:.2f} to {:.2f}"


def blocks_of_knowledge(knows: Knowledge) -> Iterator[Block]:
    yield Heading("what it still knows")
    yield Line(
        f"asked about {knows.words}; read: the last {knows.last_ms:g} ms of the network's time, a sum for each of"
        f" {count(knows.read, 'neuron')}; a frame lasts {knows.frame_ms:g} ms; the buffer holds the last"
        f" {count(knows.buffer_frames, 'frame')}, {count(knows.buffer_numbers, 'number')}"
    )
    if knows.encoded_numbers < knows.encoded_channels:
        some = f"{knows.encoded_numbers} are read, drawn at random"
        yield Line(f"of {knows.encoded_channels} channels of encoded spikes {some}")
    if knows.buffer_channels < knows.frame_channels:
        some = f"the buffer holds {knows.buffer_channels}, drawn at random"
        yield Line(f"of {knows.frame_channels} channels of a frame {some}")
    yield Line("one liquid: intervals say nothing of others. Each delay and source has a linear readout of its own")
    if knows.labels is not None:
        yield Line(f"which sample it was, so long after its end; chance {knows.labels.chance:.1%}")
        yield _table(knows.labels, PERCENT, INTERVAL)
        yield from map(Line, _readings(knows.labels))
    else:
        yield Line(f"which sample it was is not asked: {knows.why_not}")
    if knows.frames is not None:
        yield Line(
            "frames that ended so long ago, while others go on: R2 of the mean of as many as are read; 0 is what their"
            " mean knows"
        )
        yield _table(knows.frames, _R2, _R2_INTERVAL)
        missing = [f"{ms:g}" for i, ms in enumerate(knows.frames.after_ms) if not _asked(knows.frames, i)]
        if missing:
            yield Line(f"not asked after {', '.join(missing)} ms: too few samples are so long")
        yield from map(Line, _readings(knows.frames))
    else:
        yield Line("frames that are past are not asked about: there are too few, or none that varies")


def _table(curves: Curves, form: str, interval: str) -> Block:
    shown = [name for name in SOURCES if name in curves.values]
    columns = [Column("after ms", "{:g}", "right")]
    for name in shown:
        columns.append(Column(SOURCES[name], form))
        columns += [Column("95 % interval", interval)] if name == "deployed" else []
    return table(columns, [_row(curves, shown, i) for i in range(len(curves.after_ms)) if _asked(curves, i)])


def _asked(curves: Curves, i: int) -> bool:
    return any(values[i] is not None for values in curves.values.values())


def _row(curves: Curves, shown: Sequence[str], i: int) -> list[Cell]:
    cells: list[Cell] = [curves.after_ms[i]]
    for name in shown:
        estimate = curves.values[name][i]
        cells.append(estimate.value if estimate else None)
        if name == "deployed":
            cells.append((estimate.low, estimate.high) if estimate else (None, None))
    return cells


def _readings(curves: Curves) -> Iterator[str]:
    spans = {name: curves.known_ms(name) for name in SOURCES if name in curves.values}
    known = ", ".join(f"{SOURCES[name]} {_span(ms, curves.after_ms[0])}" for name, ms in spans.items())
    yield f"above chance, without a gap: {known}; 95 % intervals over {curves.over}, differences paired"
    for name, differences in curves.differences.items():
        yield f"the liquid {_said(curves.after_ms, differences, SOURCES[name])}"


def _shown(difference: Difference) -> str:
    """What it says, of what the table shows: a difference below its last digit is none."""
    return difference.says if round(abs(difference.mean), 2) else Difference(0.0, 0.0, 0.0).says


def _span(known: tuple[float, float] | None, first: float) -> str:
    if known is None:
        return "never"
    return f"up to {known[1]:g} ms" if known[0] == first else f"from {known[0]:g} to {known[1]:g} ms"


def _said(after_ms: Sequence[float], differences: Sequence[Difference | None], other: str) -> str:
    parts = []
    for says, words in _SAYS.items():
        at = [f"{ms:g}" for ms, d in zip(after_ms, differences, strict=True) if d is not None and _shown(d) == says]
        if at:
            parts.append(f"{words} {other} after {', '.join(at)} ms")
    return "; it ".join(parts) or f"was not asked beside {other}"
