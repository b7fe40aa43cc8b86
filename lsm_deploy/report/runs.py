"""Stimuli, traces, and verdicts on two of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.ir import QNetwork, Stimulus, Trace
from lsm_deploy.parity.compare import Divergence, Verdict
from lsm_deploy.report.blocks import Line, Report
from lsm_deploy.report.numbers import count, text_of
from lsm_deploy.report.pictures.raster import picture_of_raster
from lsm_deploy.run.reference import FloatTrace
from lsm_deploy.run.streaming import Streamed
from lsm_deploy.store import TraceFile

__all__ = [
    "overflow",
    "report_float_trace",
    "report_stimulus",
    "report_streamed",
    "report_trace",
    "report_trace_file",
    "report_verdict",
    "standing_lines",
    "where_of",
]


def report_stimulus(stimulus: Stimulus) -> Report:
    (steps, channels), samples = stimulus.spikes.shape, len(stimulus.starts)
    spikes = int(np.count_nonzero(stimulus.spikes))
    words = f"{steps} steps in {count(samples, 'sample')}, {channels} channels, {text_of(spikes)} spikes"
    facts = {"steps": steps, "channels": channels, "samples": samples, "spikes": spikes}
    return Report((Line(f"stimulus: {words}"),), facts)


# --- traces ---------------------------------------------------------------------------------------------------------


def report_trace(trace: Trace, network: QNetwork | None = None) -> Report:
    """network: the one that ran, where it is known."""
    said = _activity(
        (len(trace.spikes), len(trace.starts), np.count_nonzero(trace.spikes, axis=0)),
        sorted(trace.registers),
        trace.view,
        trace.counts,
        trace.standings,
    )
    return said + Report((picture_of_raster(trace, network),), {})


def report_float_trace(trace: FloatTrace) -> Report:
    steps, neurons = trace.spikes.shape
    spikes, recorded = int(np.count_nonzero(trace.spikes)), sorted(trace.state)
    words = (
        f"{steps} steps in {count(len(trace.starts), 'sample')}, {neurons} neurons in floats: {text_of(spikes)} spikes"
    )
    facts = {"steps": steps, "neurons": neurons, "samples": len(trace.starts), "spikes": spikes, "state": recorded}
    return Report((Line(f"{words}; recorded: {', '.join(recorded) or 'nothing'}"),), facts)


def report_streamed(streamed: Streamed, registers: Sequence[str], standings: Mapping[str, str]) -> Report:
    """Of a trace that went to disk."""
    run = streamed.steps, streamed.samples, streamed.fired
    return _activity(run, sorted(registers), "sim", streamed.counts, standings)


def report_trace_file(file: TraceFile) -> Report:
    origin = f"of program {file.program}" if file.program else "of an unnamed program"
    words = f"trace {origin}{f', by {file.backend}' if file.backend else ''}"
    facts: dict[str, Any] = {"program": file.program, "backend": file.backend}
    if not file.ended:
        words += "; unfinished: the run has not come to its end"
        facts["ended"] = False
    return Report((Line(words),), facts) + report_trace(file.trace)


def _activity(
    run: tuple[int, int, NDArray[np.int64]],
    registers: Sequence[str],
    view: str,
    counts: Mapping[str, int],
    standings: Mapping[str, str],
) -> Report:
    """Of a run of steps, samples and spikes `[neuron]`."""
    steps, samples, fired = run
    neurons, spikes, silent = len(fired), int(fired.sum()), int((fired == 0).sum())
    share = float(spikes / max(steps * neurons, 1))
    lines = (
        Line(
            f"{steps} steps in {count(samples, 'sample')}, {neurons} neurons: {text_of(spikes)} spikes "
            f"({share:.2%} of neurons a step), {silent} silent neurons"
        ),
        Line(f"registers: {', '.join(registers) or 'none'}; voltages in the {view} view"),
        Line(f"overflow in this run: {overflow(counts)}"),
        *standing_lines(standings),
    )
    facts = {
        "steps": steps,
        "neurons": neurons,
        "samples": samples,
        "spikes": spikes,
        "spikes_per_neuron_and_step": share,
        "silent_neurons": silent,
        "registers": list(registers),
        "view": view,
        "counts": dict(counts),
        "standings": dict(standings),
    }
    return Report(lines, facts)


def standing_lines(standings: Mapping[str, str]) -> Iterator[Line]:
    """A line for each neuron kind whose arithmetic is not known to be the chip's."""
    return (Line(f"kind {kind}: {words}") for kind, words in standings.items())


def overflow(counts: Mapping[str, int]) -> str:
    """The events of a run in words; "none" is worth saying."""
    if not counts:
        return "not counted by this backend"
    words = {
        "u_wraps": "wraps of u",
        "v_saturations": "saturations of v",
        "wide_sums": "sums beyond 16 bits (24 of graded neurons)",
    }
    return ", ".join(f"{text_of(counts[name])} {label}" for name, label in words.items() if counts.get(name)) or "none"


# --- verdicts -------------------------------------------------------------------------------------------------------


def report_verdict(verdict: Verdict) -> Report:
    facts: dict[str, Any] = {"equal": verdict.equal, **asdict(verdict)}
    return Report((*standing_lines(verdict.standings), *_verdict(verdict)), facts)


def _verdict(verdict: Verdict) -> Iterator[Line]:
    first, second = verdict.names
    label = {"s": "spikes"}
    counts = ", ".join(
        f"{text_of(verdict.differing[r])} of {text_of(n)} values of {label.get(r, r)}"
        for r, n in sorted(verdict.compared.items())
    )
    if verdict.equal:
        yield Line(
            f"equal      {first} = {second}: {counts} differ; {text_of(verdict.spikes[0])} spikes, "
            f"{count(verdict.samples, 'sample')}, {text_of(verdict.steps)} steps, {verdict.view} view"
        )
        return
    d = verdict.divergence
    assert d is not None
    yield Line(f"diverged   {first} ≠ {second}: {counts} differ; {verdict.view} view")
    yield Line(
        f"           first at {where_of(d)}, {label.get(d.register, d.register)}: "
        f"{first} has {d.first}, {second} has {d.second}"
    )


def where_of(d: Divergence) -> str:
    return f"step {d.t} (sample {d.sample}, its step {d.t_in_sample}), neuron {d.neuron} = {d.population}[{d.index}]"
