"""What quantisation did to a liquid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console

from lsm_deploy.compile.pipeline import Compiled
from lsm_deploy.measure.fidelity import TAU_MS, Distance, Fidelity, Fitted, Transfer
from lsm_deploy.report.runs import overflow_text
from lsm_deploy.report.text import count, table

__all__ = ["fidelity_facts", "fitted_facts", "show_fidelity", "show_fitted", "show_transfer"]


def fidelity_facts(compiled: Compiled, found: Fidelity, scores: Transfer | None) -> dict[str, Any]:
    return {
        "stimulus": {"samples": found.samples, "steps": found.steps},
        "tau_ms": TAU_MS,
        "populations": [
            {
                "name": p.name,
                "neurons": p.neurons,
                "before": asdict(p.before),
                "after": asdict(p.after),
                "rate_change_hz": p.rate_change_hz,
                "fell_silent": p.fell_silent,
                "woke": p.woke,
                "distance": _distance_facts(p.distance),
                "floor": _distance_facts(p.floor),
            }
            for p in found.populations
        ],
        "projections": [
            {
                "name": q.name,
                "num_weight_bits": q.num_weight_bits,
                "weight_exp": q.weight_exp,
                "snr_db": q.snr_db,
                "levels": q.levels,
                "synapses": q.synapses,
                "rounded_to_zero": q.rounded_to_zero,
                "clipped": q.clipped,
            }
            for q in compiled.cost.projections
        ],
        "parameters": [
            {"population": p.name, "parameter": name, "asked": p.asked[name], "realised": p.realised[name]}
            for p in compiled.cost.populations
            for name in p.asked
        ],
        "dynamics": {"before": asdict(found.before), "after": asdict(found.after)},
        "compensation": {p.name: p.compensation for p in compiled.cost.populations},
        "losses": list(compiled.cost.losses),
        "counts": dict(found.deployed.counts),
        "accuracy": scores.to_json() if scores else None,
    }


def _distance_facts(distance: Distance | None) -> dict[str, Any] | None:
    if distance is None:
        return None
    over_time = [round(float(d), 6) for d in distance.over_time]
    return {"relative": distance.relative, "correlation": distance.correlation, "over_time": over_time}


def show_fidelity(console: Console, found: Fidelity, facts: Mapping[str, Any]) -> None:
    console.print(f"float and deployed, on {count(found.samples, 'sample')} of {count(found.steps, 'step')} in all")
    rows = [
        [
            p.name,
            p.neurons,
            _arrow(p.before.rate_hz, p.after.rate_hz, "{:.3g}"),
            f"{p.rate_change_hz:.3g}",
            _arrow(p.before.silent, p.after.silent, "{:.1%}"),
            _arrow(p.before.saturated, p.after.saturated, "{:.1%}"),
            p.fell_silent,
            p.woke,
        ]
        for p in found.populations
    ]
    columns = ["population", "neurons", "rate Hz", "|change| Hz", "silent", "saturated", "fell silent", "woke"]
    console.print(table("activity, float -> deployed", columns, rows))
    rows = [
        [
            p.name,
            f"{p.distance.relative:.3f}",
            _or_dash(p.floor.relative if p.floor else None, "{:.3f}"),
            _or_dash(p.distance.correlation, "{:.4f}"),
            _or_dash(p.floor.correlation if p.floor else None, "{:.4f}"),
        ]
        for p in found.populations
    ]
    columns = ["population", "distance", "its floor", "correlation", "its ceiling"]
    title = (
        f"spike trains (van Rossum, {TAU_MS:g} ms; 0 equal, 1 nothing in common) and states, beside what moving one "
        "input spike a sample does to the float liquid"
    )
    console.print(table(title, columns, rows))
    _show_weights(console, facts)
    radius, ratio = (_dynamics(facts, name) for name in ("spectral_radius", "branching_ratio"))
    console.print(f"spectral radius {radius}; branching ratio {ratio}")
    console.print("lost: " + ("; ".join(facts["losses"]) or "nothing was clipped, rounded to zero or put far off"))
    console.print(f"overflow in the deployed run: {overflow_text(found.deployed.counts)}")


def _show_weights(console: Console, facts: Mapping[str, Any]) -> None:
    rows = [
        [
            q["name"],
            q["num_weight_bits"],
            q["weight_exp"],
            _or_dash(q["snr_db"], "{:.1f}"),
            q["levels"],
            q["rounded_to_zero"],
            q["clipped"],
        ]
        for q in facts["projections"]
    ]
    if not rows:
        console.print("weights: nothing to do, the network is in exact integers")
        return
    console.print(table("weights", ["projection", "bits", "exponent", "SNR dB", "levels", "to zero", "clipped"], rows))
    rows = [[f"{p['population']}.{p['parameter']}", p["asked"], p["realised"]] for p in facts["parameters"]]
    console.print(table("parameters (means)", ["parameter", "asked", "realised"], rows))
    for name, gain in facts["compensation"].items():
        if gain != 1.0:
            console.print(f"thresholds of {name!r} are divided by {gain:.5g} for what the integers lose")


def _dynamics(facts: Mapping[str, Any], name: str) -> str:
    return _arrow(facts["dynamics"]["before"][name], facts["dynamics"]["after"][name], "{:.4g}")


def _arrow(before: float | None, after: float | None, form: str) -> str:
    return f"{_or_dash(before, form)} -> {_or_dash(after, form)}"


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def show_transfer(console: Console, scores: Transfer) -> None:
    labels = {
        "float liquid": scores.floats,
        "float liquid, an input spike a sample moved": scores.shaken,
        "deployed, the float liquid's readout": scores.unchanged,
        "deployed, a readout of its own": scores.retrained,
    }
    rows = [
        [name, f"{s.accuracy:.1%}", f"{s.interval[0]:.1%} to {s.interval[1]:.1%}", f"{s.correct} of {s.samples}"]
        for name, s in labels.items()
        if s is not None
    ]
    console.print(table("accuracy on the test data", ["", "accuracy", "95 % interval", "correct"], rows))


def fitted_facts(fitted: Fitted) -> dict[str, Any]:
    return {
        "criterion": fitted.bound.criterion,
        "bound": fitted.bound.most,
        "bits": fitted.bits,
        "floor": fitted.floor,
        "curve": [
            {
                "bits": c.bits,
                "distance": c.distance,
                "rounded_to_zero": c.rounded_to_zero,
                "value": c.value,
                "kept": c.kept,
                "fits": c.fits,
                "accuracy": c.transfer.to_json() if c.transfer else None,
            }
            for c in fitted.curve
        ],
    }


def show_fitted(console: Console, fitted: Fitted) -> None:
    def accuracy(score: str, point: Any) -> str:
        return f"{getattr(point.transfer, score).accuracy:.1%}" if point.transfer else "-"

    rows = [
        [
            c.bits,
            f"{c.distance:.3f}",
            c.rounded_to_zero,
            accuracy("unchanged", c),
            accuracy("retrained", c),
            "yes" if c.kept else "no",
        ]
        for c in fitted.curve
    ]
    columns = ["bits", "distance", "to zero", "accuracy, float's readout", "readout of its own", "bound kept"]
    if not all(c.fits for c in fitted.curve):
        columns.append(f"fits {fitted.board}")
        rows = [[*row, "yes" if c.fits else "no"] for row, c in zip(rows, fitted.curve, strict=True)]
    console.print(table(f"bits a weight, for {fitted.bound.criterion} of at most {fitted.bound.most:g}", columns, rows))
    if fitted.bits is None:
        console.print("no number of bits keeps the bound")
    else:
        fits = next(c.fits for c in fitted.curve if c.bits == fitted.bits)
        short = "" if fits else f", and the network does not fit {fitted.board} with as many"
        console.print(f"{count(fitted.bits, 'bit')} a weight keep the bound{short}")
    scores = fitted.curve[0].transfer
    if fitted.bound.criterion != "distance" and scores is not None and scores.shaken is not None:
        lost = 100 * (scores.floats.accuracy - scores.shaken.accuracy)
        console.print(f"moving one input spike a sample costs the float liquid {lost:.2f} points by itself")
    if fitted.bound.criterion == "distance" and (fitted.floor or 0.0) > fitted.bound.most:
        console.print(
            f"the liquid is {fitted.floor:.3f} away from itself when one input spike a sample moves by a step: "
            "a smaller bound asks for more than it can tell"
        )
