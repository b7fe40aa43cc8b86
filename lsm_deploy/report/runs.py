"""Stimuli, traces, and verdicts on two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from lsm_deploy.core.ir import Stimulus, Trace
from lsm_deploy.parity.compare import Verdict
from lsm_deploy.report.text import count, text
from lsm_deploy.run.streaming import Streamed
from lsm_deploy.store import TraceFile

__all__ = [
    "overflow_text",
    "show_standings",
    "show_stimulus",
    "show_trace",
    "show_trace_file",
    "show_verdict",
    "stimulus_facts",
    "streamed_facts",
    "trace_facts",
    "verdict_facts",
]


def stimulus_facts(stimulus: Stimulus) -> dict[str, Any]:
    steps, channels = stimulus.spikes.shape
    return {
        "steps": steps,
        "channels": channels,
        "samples": len(stimulus.starts),
        "spikes": int(np.count_nonzero(stimulus.spikes)),
    }


def show_stimulus(console: Console, stimulus: Stimulus) -> None:
    facts = stimulus_facts(stimulus)
    console.print(
        f"stimulus: {facts['steps']} steps in {count(facts['samples'], 'sample')}, {facts['channels']} channels, "
        f"{text(facts['spikes'])} spikes"
    )


def trace_facts(trace: Trace) -> dict[str, Any]:
    fired = np.count_nonzero(trace.spikes, axis=0)
    return {
        **_activity(len(trace.spikes), len(trace.starts), fired),
        "registers": sorted(trace.registers),
        "view": trace.view,
        "counts": dict(trace.counts),
        "standings": dict(trace.standings),
    }


def streamed_facts(streamed: Streamed, registers: Sequence[str], standings: Mapping[str, str]) -> dict[str, Any]:
    """Those of the trace that went to disk."""
    return {
        **_activity(streamed.steps, streamed.samples, streamed.fired),
        "registers": sorted(registers),
        "view": "sim",
        "counts": streamed.counts,
        "standings": dict(standings),
    }


def _activity(steps: int, samples: int, fired: NDArray[np.int64]) -> dict[str, Any]:
    return {
        "steps": steps,
        "neurons": len(fired),
        "samples": samples,
        "spikes": int(fired.sum()),
        "spikes_per_neuron_and_step": float(fired.sum() / max(steps * len(fired), 1)),
        "silent_neurons": int((fired == 0).sum()),
    }


def show_trace(console: Console, facts: Mapping[str, Any]) -> None:
    console.print(
        f"{facts['steps']} steps in {count(facts['samples'], 'sample')}, {facts['neurons']} neurons: "
        f"{text(facts['spikes'])} spikes ({facts['spikes_per_neuron_and_step']:.2%} of neurons a step), "
        f"{facts['silent_neurons']} silent neurons"
    )
    console.print(f"registers: {', '.join(facts['registers']) or 'none'}; voltages in the {facts['view']} view")
    if facts["counts"]:
        console.print("overflow in this run: " + overflow_text(facts["counts"]))
    else:
        console.print("overflow in this run: not counted by this backend")
    show_standings(console, facts["standings"])


def show_standings(console: Console, standings: Mapping[str, str]) -> None:
    """A line for each neuron kind whose arithmetic is not known to be the chip's."""
    for kind, words in standings.items():
        console.print(f"kind {kind}: {words}")


def overflow_text(counts: Mapping[str, int]) -> str:
    """The events of a run in words; "none occurred" is worth saying."""
    words = {"u_wraps": "wraps of u", "v_saturations": "saturations of v", "wide_sums": "sums beyond 16 bits"}
    found = [f"{text(counts[name])} {label}" for name, label in words.items() if counts.get(name)]
    return ", ".join(found) or "none"


def show_trace_file(console: Console, file: TraceFile) -> None:
    origin = f"of program {file.program}" if file.program else "of an unnamed program"
    console.print(f"trace {origin}{f', by {file.backend}' if file.backend else ''}")
    show_trace(console, trace_facts(file.trace))


def verdict_facts(verdict: Verdict) -> dict[str, Any]:
    facts = asdict(verdict)
    return {"equal": verdict.equal, **facts}


def show_verdict(console: Console, verdict: Verdict) -> None:
    show_standings(console, verdict.standings)
    first, second = verdict.names
    label = {"s": "spikes"}
    if verdict.equal:
        what = ", ".join(f"0 of {text(n)} values of {label.get(r, r)}" for r, n in sorted(verdict.compared.items()))
        console.print(
            f"equal      {first} = {second}: {what} differ; {text(verdict.spikes[0])} spikes, "
            f"{count(verdict.samples, 'sample')}, {text(verdict.steps)} steps, {verdict.view} view"
        )
        return
    d = verdict.divergence
    assert d is not None
    counts = ", ".join(
        f"{text(verdict.differing[r])} of {text(n)} values of {label.get(r, r)}"
        for r, n in sorted(verdict.compared.items())
    )
    where = f"step {d.t} (sample {d.sample}, its step {d.t_in_sample}), neuron {d.neuron} = {d.population}[{d.index}]"
    console.print(
        f"diverged   {first} ≠ {second}: {counts} differ; {verdict.view} view\n"
        f"           first at {where}, {label.get(d.register, d.register)}: "
        f"{first} has {d.first}, {second} has {d.second}"
    )
