"""Results as Markdown, for the manual."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from bench.grid import AXES
from bench.latency import Latency
from bench.limit import Limit
from bench.rounds import Entry, Result
from bench.workers import PEERS
from lsm_deploy.report.blocks import Block, Line, right, table
from lsm_deploy.report.markdown import to_markdown

__all__ = ["ratios", "render"]

OURS = "fast"


def render(machine: str, results: Sequence[Result], latencies: Mapping[str, Latency]) -> str:
    """latencies: by the names of peers."""
    return to_markdown(_blocks(machine, results, latencies))


def _blocks(machine: str, results: Sequence[Result], latencies: Mapping[str, Latency]) -> Iterator[Block]:
    yield Line(f"Measured on {machine}.")
    for axis, title in AXES.items():
        of_axis = [result for result in results if result.case.axis == axis]
        if axis == "main":
            for result in of_axis:
                yield from _main(result)
            for result in of_axis:
                yield from _arithmetic(result)
        elif of_axis:
            yield from _grid(title, of_axis)
    for name, latency in latencies.items():
        yield from _latency(name, latency)


def ratios(entry: Entry, ours: Entry) -> tuple[float, float, float]:
    """How many times as long as ours a step takes: median, least, most; each of one round."""
    found = [theirs / own for theirs, own in zip(entry.times, ours.times, strict=True)]
    return median(found), min(found), max(found)


def number(value: float) -> str:
    """Three digits."""
    return f"{value:.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"


def _spread(found: tuple[float, float, float]) -> str:
    middle, least, most = map(number, found)
    return f"{middle} × ({least} to {most})"


def _agreement(entry: Entry) -> str:
    found = entry.agreement
    if found is None:
        return ""
    if PEERS[entry.peer].exact:
        return f"all {found.spikes}"
    return f"{found.spikes} for {found.reference}, {found.shared} the same: floats"


# --- the main case: everybody, in full ------------------------------------------------------------------------------


def _main(result: Result) -> Iterator[Block]:
    ours, case = result.entry(OURS), result.case
    rounds = max((len(entry.times) for entry in result.entries), default=0)
    yield Line(
        f"**{case.label}** (reached: {100 * result.activity:.3g} %), {result.synapses} synapses, {case.channels} input "
        f"channels, one stream, one thread each; {rounds} rounds:"
    )
    rows = []
    for entry in result.entries:
        name = PEERS[entry.peer].title
        if entry.why:
            rows.append([name, f"not here: {_cell(entry.why)}", "", "", "", "", ""])
            continue
        faster = "" if ours is None or ours.why or entry is ours else _spread(ratios(entry, ours))
        rows.append(
            [
                f"{name} {entry.version}",
                _agreement(entry),
                number(1e6 * median(entry.times)),
                faster,
                *(f"{seconds:.1f}" for seconds in (entry.started, entry.built, entry.first)),
            ]
        )
    timed = right("µs a step", "`fast` is faster by", "start s", "build s", "first run s")
    yield table(["simulator", "spikes equal to the emulator's", *timed], rows)


def _cell(text: str) -> str:
    """What a table's cell can hold."""
    return " ".join(text.replace("|", "/").split())[:160]


# --- the other axes: ratios only ------------------------------------------------------------------------------------


def _grid(title: str, results: Sequence[Result]) -> Iterator[Block]:
    others = [name for name in PEERS if name != OURS and any(result.entry(name) for result in results)]
    rows = []
    for result in results:
        ours = result.entry(OURS)
        row = [result.case.label, f"{100 * result.activity:.3g} %"]
        if ours is None or ours.why:
            row += [_cell(f"not here: {ours.why}") if ours else "", ""]
        else:
            row += [number(1e6 * median(ours.times)), _times_limit(result.limit, ours)]
        for name in others:
            entry = result.entry(name)
            if entry is None:
                row.append("")
            elif entry.why:
                row.append(_cell(f"not here: {entry.why}"))
            elif ours is None or ours.why:
                row.append(f"{number(1e6 * median(entry.times))} µs")
            else:
                row.append(_spread(ratios(entry, ours)))
        rows.append(row)
    yield Line(f"**{title}** (others: how many times as long as `fast`):")
    titles = [PEERS[name].title for name in others]
    yield table(["network", *right("active", "`fast`: µs a step", "times the limit", *titles)], rows)


def _times_limit(limit: Limit | None, ours: Entry) -> str:
    if not limit:
        return ""
    took = median(ours.times)
    scattered = f", {number(took / limit.scattered)} × with random access" if limit.scattered else ""
    return f"{number(took / limit.seconds)} ×{scattered}"


# --- the limit, and the closed loop ---------------------------------------------------------------------------------


def _arithmetic(result: Result) -> Iterator[Block]:
    limit, ours = result.limit, result.entry(OURS)
    if limit is None:
        return
    lines = []
    for part, bandwidth, rate in zip(limit.parts, limit.bandwidths, limit.rates, strict=True):
        lines.append(
            f"{part.kind:6} {part.count:8.0f} × {part.bytes_each:2.0f} bytes  / {bandwidth / 1e9:6.1f} GB/s      "
            f"= {1e6 * part.bytes / bandwidth:5.2f} µs    (out of {part.reach / 1024:.0f} KiB)"
        )
        lines.append(
            f"{'':6} {part.count:8.0f} × {part.operations_each:2.0f} operations / {rate / 1e9:4.1f} G/s"
            f"{'':10}= {1e6 * part.operations / rate:5.2f} µs"
        )
    lines.append(
        f"limit: the larger of {1e6 * limit.memory:.2f} µs of memory and {1e6 * limit.arithmetic:.2f} µs of arithmetic"
    )
    if ours and not ours.why:
        lines[-1] += f"; fast takes {number(median(ours.times) / limit.seconds)} times that"
    yield Line("What the machine could do at best (`tests/bench/limit.py` says how):")
    yield Line("\n".join(f"    {line}" for line in lines))


def _latency(name: str, latency: Latency) -> Iterator[Block]:
    yield Line(
        f"**A step of the stepping interface** (`{PEERS[name].title}`, main case, {latency.steps} steps, percentiles), "
        "and a fresh process until its first step, with nothing compiled and with everything:"
    )
    head = [{"100.0": "longest"}.get(name, f"{float(name):g} %") for name in latency.percentiles]
    row = [f"{number(1e6 * value)} µs" for value in latency.percentiles.values()]
    yield table(
        right(*head, "first start", "second start"), [[*row, f"{latency.first:.1f} s", f"{latency.second:.1f} s"]]
    )
