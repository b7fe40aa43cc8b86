"""What the commands say: every value as plain JSON-able facts, and as text for people.

`*_facts` are what `--json` prints; `show_*` write the same to a console. Nothing is computed here but shares and sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from lsm_deploy.certify import Certificate, certify
from lsm_deploy.evaluate import Evaluation
from lsm_deploy.ir import Program, Stimulus, Trace
from lsm_deploy.model import Model
from lsm_deploy.parity import Verdict
from lsm_deploy.pipeline import Compiled
from lsm_deploy.place import load_of
from lsm_deploy.store import TraceFile, program_id, write_file

__all__ = [
    "compiled_facts",
    "dump",
    "program_facts",
    "show_compiled",
    "show_program",
    "show_trace",
    "show_verdict",
    "trace_facts",
    "verdict_facts",
]


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A plain table: text columns to the left, numbers to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, show_edge=False)
    for i, column in enumerate(columns):
        numeric = all(isinstance(row[i], int | float) for row in rows)
        made.add_column(column, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        made.add_row(*(_text(cell) for cell in row))
    return made


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}".replace(",", " ") if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _count(number: int, thing: str) -> str:
    return f"{_text(number)} {thing}{'s' * (number != 1)}"


# --- programs --------------------------------------------------------------------------------------------------------


def program_facts(program: Program) -> dict[str, Any]:
    """What a program holds, and what the chip and its registers make of it."""
    network, loads, certificate = program.network, load_of(program), certify(program.network)
    return {
        "program": program_id(program),
        "dt_ms": network.dt_ms,
        "channels": network.channels,
        "neurons": network.neurons,
        "synapses": network.synapses,
        "samples": {"policy": "interval", "steps": network.sample_interval}
        if network.sample_interval
        else {"policy": "fresh"},
        "populations": [
            {
                "name": p.name,
                "kind": p.kind,
                "neurons": p.size,
                "scale": p.scale,
                **{name: _range(values) for name, values in p.registers.items()},
                **({"beyond_register": ["dv"]} if int(p.registers.get("dv", np.zeros(1)).max()) > 4095 else {}),
            }
            for p in network.populations
        ],
        "projections": [
            {
                "name": p.name,
                "synapses": len(p.post),
                "sign_mode": p.sign_mode,
                "num_weight_bits": p.num_weight_bits,
                "weight_exp": p.weight_exp,
                "weights": _range(p.weights),
                "delays": _range(p.delays),
            }
            for p in network.projections
        ],
        "target": program.target,
        "cores": len(loads),
        "fullest_core": {
            "neurons": max(load.neurons for load in loads),
            "axons": max(load.axons for load in loads),
            "synapse_units": max(load.synapse_units for load in loads),
            "groups": max(load.groups for load in loads),
        },
        "certificate": _certificate_facts(certificate),
    }


def _range(values: np.ndarray[Any, Any]) -> list[int]:
    return [int(values.min()), int(values.max())] if len(values) else []


def _certificate_facts(certificate: Certificate) -> dict[str, Any]:
    return {
        "neurons": len(certificate.certified),
        "certified": int(certificate.certified.sum()),
        "largest_sum": int(certificate.largest_sum.max(initial=0)),
        "largest_u": float(certificate.largest_u.max(initial=0.0)),
    }


def compiled_facts(compiled: Compiled) -> dict[str, Any]:
    """The program's facts, and what quantisation cost."""
    cost = asdict(compiled.cost)
    return {**program_facts(compiled.program), "quantisation": {**cost, "losses": list(compiled.cost.losses)}}


def show_program(console: Console, program: Program) -> None:
    facts = program_facts(program)
    steps = program.network.sample_interval
    policy = f"cleared every {steps} steps" if steps else "each sample a fresh run"
    console.print(
        f"program {facts['program']}: {facts['neurons']} neurons, {_text(facts['synapses'])} synapses, "
        f"{facts['channels']} channels, steps of {facts['dt_ms']:g} ms, {policy}"
    )
    registers = [name for name in facts["populations"][0] if name not in ("name", "kind", "neurons", "scale")]
    console.print(
        table(
            "populations",
            ["name", "kind", "neurons", "scale", *registers],
            [
                [p["name"], p["kind"], p["neurons"], p["scale"], *(_span(p.get(r, [])) for r in registers)]
                for p in facts["populations"]
            ],
        )
    )
    for p in facts["populations"]:
        if "beyond_register" in p:
            console.print(f"population {p['name']!r}: dv 4096 lies beyond the chip's 12-bit register")
    console.print(
        table(
            "projections",
            ["name", "synapses", "sign", "bits", "exponent", "weights", "delays"],
            [
                [
                    p["name"],
                    p["synapses"],
                    p["sign_mode"],
                    p["num_weight_bits"],
                    p["weight_exp"],
                    _span(p["weights"]),
                    _span(p["delays"]),
                ]
                for p in facts["projections"]
            ],
        )
    )
    full = facts["fullest_core"]
    console.print(
        f"placed on {_count(facts['cores'], 'core')} of {facts['target']}; the fullest holds "
        f"{full['neurons']} neurons, {full['axons']} axons, {full['synapse_units']:.0f} units of synapses"
    )
    certificate = facts["certificate"]
    console.print(
        f"overflow: {certificate['certified']} of {certificate['neurons']} neurons certified "
        f"(largest sum {_text(certificate['largest_sum'])} of 32 767, "
        f"largest |u| + |bias| {certificate['largest_u'] / 2**23:.1%} of 2^23)"
    )


def _span(bounds: Sequence[int]) -> str:
    if not bounds:
        return "-"
    return str(bounds[0]) if bounds[0] == bounds[1] else f"{bounds[0]}..{bounds[1]}"


def show_compiled(console: Console, compiled: Compiled) -> None:
    show_program(console, compiled.program)
    cost = compiled.cost
    if not cost.projections and not cost.populations:
        console.print("quantisation: nothing to do, the network is in exact integers")
        return
    rows = [
        [f"{p.name}.{name}", p.asked[name], p.realised[name], _relative(p.asked[name], p.realised[name])]
        for p in cost.populations
        for name in p.asked
    ]
    console.print(table("quantisation: parameters (means)", ["parameter", "asked", "realised", "change"], rows))
    console.print(
        table(
            "quantisation: weights",
            ["projection", "synapses", "levels", "rms error", "to zero", "clipped", "delays clipped"],
            [
                [
                    q.name,
                    q.synapses,
                    q.levels,
                    f"{q.rms_error:.2%}",
                    q.rounded_to_zero,
                    q.clipped,
                    q.delays_clipped,
                ]
                for q in cost.projections
            ],
        )
    )
    console.print("lost: " + ("; ".join(cost.losses) if cost.losses else "nothing was clipped or rounded to zero"))


def _relative(asked: float, realised: float) -> str:
    return f"{realised / asked - 1:+.2%}" if asked else f"{realised - asked:+.3g}"


# --- stimuli and traces ----------------------------------------------------------------------------------------------


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
        f"stimulus: {facts['steps']} steps in {facts['samples']} samples, {facts['channels']} channels, "
        f"{_text(facts['spikes'])} spikes"
    )


def trace_facts(trace: Trace) -> dict[str, Any]:
    steps, neurons = trace.spikes.shape
    fired = np.count_nonzero(trace.spikes, axis=0)
    return {
        "steps": steps,
        "neurons": neurons,
        "samples": len(trace.starts),
        "spikes": int(fired.sum()),
        "spikes_per_neuron_and_step": float(fired.sum() / max(trace.spikes.size, 1)),
        "silent_neurons": int((fired == 0).sum()),
        "registers": sorted(trace.registers),
        "view": trace.view,
        "counts": dict(trace.counts),
    }


def show_trace(console: Console, trace: Trace) -> None:
    facts = trace_facts(trace)
    console.print(
        f"{facts['steps']} steps in {_count(facts['samples'], 'sample')}, {facts['neurons']} neurons: "
        f"{_text(facts['spikes'])} spikes ({facts['spikes_per_neuron_and_step']:.2%} of neurons a step), "
        f"{facts['silent_neurons']} silent neurons"
    )
    console.print(f"registers: {', '.join(facts['registers']) or 'none'}; voltages in the {facts['view']} view")
    if facts["counts"]:
        console.print("overflow in this run: " + overflow_text(facts["counts"]))
    else:
        console.print("overflow in this run: not counted by this backend")


def overflow_text(counts: Mapping[str, int]) -> str:
    """The events of a run in words; "none occurred" is worth saying."""
    words = {"u_wraps": "wraps of u", "v_saturations": "saturations of v", "wide_sums": "sums beyond 16 bits"}
    found = [f"{_text(counts[name])} {label}" for name, label in words.items() if counts.get(name)]
    return ", ".join(found) or "none"


def show_trace_file(console: Console, file: TraceFile) -> None:
    origin = f"of program {file.program}" if file.program else "of an unnamed program"
    console.print(f"trace {origin}{f', by {file.backend}' if file.backend else ''}")
    show_trace(console, file.trace)


# --- parity ----------------------------------------------------------------------------------------------------------


def verdict_facts(verdict: Verdict) -> dict[str, Any]:
    facts = asdict(verdict)
    return {"equal": verdict.equal, **facts}


def show_verdict(console: Console, verdict: Verdict) -> None:
    first, second = verdict.names
    label = {"s": "spikes"}
    if verdict.equal:
        what = ", ".join(f"0 of {_text(n)} values of {label.get(r, r)}" for r, n in sorted(verdict.compared.items()))
        console.print(
            f"[bold green]equal[/]      {first} = {second}: {what} differ; {_text(verdict.spikes[0])} spikes, "
            f"{_count(verdict.samples, 'sample')}, {_text(verdict.steps)} steps, {verdict.view} view"
        )
        return
    d = verdict.divergence
    assert d is not None
    counts = ", ".join(
        f"{_text(verdict.differing[r])} of {_text(n)} values of {label.get(r, r)}"
        for r, n in sorted(verdict.compared.items())
    )
    where = f"step {d.t} (sample {d.sample}, its step {d.t_in_sample}), neuron {d.neuron} = {d.population}[{d.index}]"
    console.print(
        f"[bold red]diverged[/]   {first} ≠ {second}: {counts} differ; {verdict.view} view\n"
        f"           first at {where}, {label.get(d.register, d.register)}: "
        f"{first} has {d.first}, {second} has {d.second}"
    )


# --- readouts --------------------------------------------------------------------------------------------------------


def model_facts(model: Model) -> dict[str, Any]:
    c = model.classifier
    best = float(c.cv_accuracy.max())
    return {
        "program": program_id(model.program),
        "population": model.readout.population,
        "features": c.coef.shape[1],
        "classes": list(c.classes),
        "classifier": model.readout.classifier,
        "regularisation": c.regularisation,
        "cross_validated_accuracy": best,
        "channels": model.input.channels,
    }


def show_model(console: Console, model: Model) -> None:
    facts = model_facts(model)
    console.print(
        f"model of program {facts['program']}: {facts['classifier']} on {facts['features']} features of population "
        f"{facts['population']!r}, {len(facts['classes'])} classes ({', '.join(facts['classes'])}), regularisation "
        f"{facts['regularisation']:g}, cross-validated accuracy {facts['cross_validated_accuracy']:.1%}; "
        f"takes frames of {facts['channels']} channels"
    )


def show_evaluation(console: Console, found: Evaluation) -> None:
    scores = [
        ("the liquid, deployed integers", found.liquid),
        ("its recurrence switched off", found.feedforward),
        ("encoded spikes, no liquid", found.encoded),
        ("raw input, no spikes", found.raw),
    ]
    rows = [
        [
            label,
            f"{s.accuracy:.1%}",
            f"{s.interval[0]:.1%} to {s.interval[1]:.1%}",
            f"{s.correct} of {s.samples}",
            s.features,
            s.regularisation,
            f"{s.cv_accuracy:.1%}",
        ]
        for label, s in scores
        if s is not None
    ]
    columns = ["readout on", "accuracy", "95 % interval", "correct", "features", "regularisation", "cross-validated"]
    title = f"trained on {found.train_samples}, tested on {found.test_samples} samples, on {found.backend}"
    console.print(table(title, columns, rows))
    if any(s is not None and not s.converged for _, s in scores):
        console.print("not every readout converged: raise its regularisation")
    activity = [
        [name, a.rate_hz, _hz(a.exc_hz), _hz(a.inh_hz), f"{a.silent:.1%}", f"{a.saturated:.1%}"]
        for name, a in found.activity.items()
    ]
    columns = ["population", "rate Hz", "exc Hz", "inh Hz", "silent", "saturated"]
    console.print(table("activity on the test data", columns, activity))
    console.print("overflow: " + (overflow_text(found.counts) if found.counts else "not counted by this backend"))
    if found.contaminated:
        samples = found.train_samples + found.test_samples
        console.print(f"{found.contaminated} of {samples} samples were reached by spikes of the one before")


def _hz(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.3g}"


# --- every stage, readable -------------------------------------------------------------------------------------------


def dump(folder: Path, compiled: Compiled) -> None:
    """Write each stage of a compilation as text: facts as JSON, neurons and synapses as CSV."""
    import json

    network, program = compiled.network, compiled.program
    quantised = program.network

    def write(name: str, text: str) -> None:
        write_file(folder / name, lambda file: file.write(text.encode()))

    def csv(name: str, columns: Mapping[str, np.ndarray[Any, Any]]) -> None:
        rows = zip(*(values.tolist() for values in columns.values()), strict=True)
        lines = [",".join(columns), *(",".join(str(cell) for cell in row) for row in rows)]
        write(name, "\n".join(lines) + "\n")

    folder.mkdir(parents=True, exist_ok=True)
    write("summary.json", json.dumps(compiled_facts(compiled), indent=2) + "\n")
    floats = {p.name: p for p in network.populations}
    for q in quantised.populations:
        first = quantised.offsets[q.name]
        here = slice(first, first + q.size)
        asked = getattr(floats[q.name], "parameters", {})
        columns = {
            "neuron": np.arange(first, first + q.size),
            **asked,
            **q.registers,
            "core": program.cores[here],
            "largest_sum": compiled.certificate.largest_sum[here],
            "certified": compiled.certificate.certified[here],
        }
        csv(f"population.{_file_name(q.name)}.csv", columns)
    for stage, projections in (("1-network", network.projections), ("2-integers", quantised.projections)):
        for p in projections:
            pre = np.repeat(np.arange(len(p.indptr) - 1), np.diff(p.indptr))
            values = {
                name: getattr(p, name) for name in ("weight", "delay_ms", "weights", "delays") if hasattr(p, name)
            }
            csv(f"{stage}.{_file_name(p.name)}.csv", {"pre": pre, "post": p.post, **values})


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_#" else "_" for letter in name)
