"""What quantisation did to a liquid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from lsm_deploy.compile.pipeline import Compiled
from lsm_deploy.measure.fidelity import TAU_MS, Curve, Distance, Fidelity, Fitted, Quantisation, Transfer
from lsm_deploy.report.blocks import Block, Cell, Column, Heading, Line, Report, table, tabulate
from lsm_deploy.report.numbers import INTERVAL, PERCENT, count, text_of
from lsm_deploy.report.pictures.fidelity import picture_of_bits, pictures_of_fidelity
from lsm_deploy.report.programs import losses
from lsm_deploy.report.runs import overflow

__all__ = ["report_fidelity", "report_fitted"]


def report_fidelity(quantisation: Quantisation) -> Report:
    compiled, scores = quantisation.compiled, quantisation.transfer
    blocks = (
        *_fidelity(compiled, quantisation.fidelity),
        *(_transfer(scores) if scores else ()),
        *pictures_of_fidelity(quantisation.baseline, compiled.program.network, quantisation.fidelity),
    )
    return Report(blocks, _facts(compiled, quantisation.fidelity, scores))


def _facts(compiled: Compiled, fidelity: Fidelity, scores: Transfer | None) -> dict[str, Any]:
    cost = compiled.cost
    weights = (
        "name", "num_weight_bits", "weight_exp", "snr_db", "levels", "synapses", "rounded_to_zero", "clipped",
    )  # fmt: skip
    return {
        "stimulus": {"samples": fidelity.samples, "steps": fidelity.steps},
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
                "distance": _distance(p.distance),
                "floor": _distance(p.floor) if p.floor else None,
            }
            for p in fidelity.populations
        ],
        "projections": [{name: getattr(q, name) for name in weights} for q in cost.projections],
        "parameters": [
            {"population": p.name, "parameter": name, "asked": asked, "realised": p.realised[name]}
            for p in cost.populations
            for name, asked in p.asked.items()
        ],
        "dynamics": {"before": asdict(fidelity.before), "after": asdict(fidelity.after)},
        "compensation": {p.name: p.compensation for p in cost.populations},
        "losses": list(cost.losses),
        "counts": dict(fidelity.deployed.counts),
        "accuracy": scores.to_json() if scores else None,
    }


def _distance(distance: Distance) -> dict[str, Any]:
    over_time = [round(float(d), 6) for d in distance.over_time]
    return {"relative": distance.relative, "correlation": distance.correlation, "over_time": over_time}


def _fidelity(compiled: Compiled, fidelity: Fidelity) -> Iterator[Block]:
    cost = compiled.cost
    yield Line(f"float and deployed, on {count(fidelity.samples, 'sample')} of {count(fidelity.steps, 'step')} in all")
    yield Heading("activity, float -> deployed")
    yield tabulate(
        fidelity.populations,
        {
            "population": lambda p: p.name,
            "neurons": lambda p: p.neurons,
            Column("rate Hz", "{:.3g} -> {:.3g}"): lambda p: (p.before.rate_hz, p.after.rate_hz),
            Column("|change| Hz", "{:.3g}"): lambda p: p.rate_change_hz,
            Column("silent", "{:.1%} -> {:.1%}"): lambda p: (p.before.silent, p.after.silent),
            Column("saturated", "{:.1%} -> {:.1%}"): lambda p: (p.before.saturated, p.after.saturated),
            "fell silent": lambda p: p.fell_silent,
            "woke": lambda p: p.woke,
        },
    )
    if compiled.program.network.message.graded:
        yield Line("a graded neuron sends in every step: its rate is how often that is not 0, and no rate of events")
    yield Heading(
        f"spike trains (van Rossum, {TAU_MS:g} ms; 0 equal, 1 nothing in common) and states, beside what moving one "
        "input spike a sample does to the float liquid"
    )
    yield tabulate(
        fidelity.populations,
        {
            "population": lambda p: p.name,
            Column("distance", "{:.3f}"): lambda p: p.distance.relative,
            Column("its floor", "{:.3f}"): lambda p: p.floor.relative if p.floor else None,
            Column("correlation", "{:.4f}"): lambda p: p.distance.correlation,
            Column("its ceiling", "{:.4f}"): lambda p: p.floor.correlation if p.floor else None,
        },
    )
    compensated, lost = losses(cost)
    if cost.projections:
        yield Heading("weights")
        yield tabulate(
            cost.projections,
            {
                "projection": lambda q: q.name,
                "bits": lambda q: q.num_weight_bits,
                "exponent": lambda q: q.weight_exp,
                Column("SNR dB", "{:.1f}"): lambda q: q.snr_db,
                "levels": lambda q: q.levels,
                "to zero": lambda q: q.rounded_to_zero,
                "clipped": lambda q: q.clipped,
            },
        )
        yield Heading("parameters (means)")
        yield table(
            ["parameter", "asked", "realised"],
            [
                [f"{p.name}.{name}", asked, p.realised[name]]
                for p in cost.populations
                for name, asked in p.asked.items()
            ],
        )
        yield from compensated
    else:
        yield Line("weights: nothing to do, the network is in exact integers")
    radius, ratio = (
        " -> ".join(text_of(getattr(side, name), "{:.4g}") for side in (fidelity.before, fidelity.after))
        for name in ("spectral_radius", "branching_ratio")
    )
    yield Line(f"spectral radius {radius}; branching ratio {ratio}")
    yield lost
    yield Line(f"overflow in the deployed run: {overflow(fidelity.deployed.counts)}")


def _transfer(scores: Transfer) -> Iterator[Block]:
    labels = {
        "float liquid": scores.floats,
        "float liquid, an input spike a sample moved": scores.shaken,
        "deployed, the float liquid's readout": scores.unchanged,
        "deployed, a readout of its own": scores.retrained,
    }
    yield Heading("accuracy on the test data")
    yield table(
        ["", Column("accuracy", PERCENT), Column("95 % interval", INTERVAL), Column("correct", "{} of {}")],
        [[name, s.accuracy, s.interval, (s.correct, s.samples)] for name, s in labels.items() if s is not None],
    )


# --- the fewest bits ------------------------------------------------------------------------------------------------


def report_fitted(fitted: Fitted) -> Report:
    facts = {
        "criterion": fitted.bound.criterion,
        "bound": fitted.bound.most,
        "bits": fitted.bits,
        "floor": fitted.floor,
        "curve": [
            {
                **{name: getattr(c, name) for name in ("bits", "distance", "rounded_to_zero", "value")},
                "kept": c.holds,
                "fits": c.fits,
                "accuracy": c.transfer.to_json() if c.transfer else None,
            }
            for c in fitted.curve
        ],
    }
    return Report((*_fitted(fitted), picture_of_bits(fitted)), facts)


def _fitted(fitted: Fitted) -> Iterator[Block]:
    criterion, most = fitted.bound.criterion, fitted.bound.most
    fits: dict[str | Column, Callable[[Curve], Cell]] = {f"fits {fitted.board}": lambda c: _yes(c.fits)}
    yield Heading(f"bits a weight, for {criterion} of at most {most:g}")
    yield tabulate(
        fitted.curve,
        {
            "bits": lambda c: c.bits,
            Column("distance", "{:.3f}"): lambda c: c.distance,
            "to zero": lambda c: c.rounded_to_zero,
            Column("accuracy, float's readout", PERCENT): lambda c: (
                c.transfer.unchanged.accuracy if c.transfer else None
            ),
            Column("readout of its own", PERCENT): lambda c: c.transfer.retrained.accuracy if c.transfer else None,
            "bound kept": lambda c: _yes(c.holds),
            **({} if all(c.fits for c in fitted.curve) else fits),
        },
    )
    if fitted.bits is None:
        yield Line("no number of bits keeps the bound")
    else:
        fit = next(c.fits for c in fitted.curve if c.bits == fitted.bits)
        short = "" if fit else f", and the network does not fit {fitted.board} with as many"
        yield Line(f"{count(fitted.bits, 'bit')} a weight keep the bound{short}")
    scores = fitted.curve[0].transfer
    if criterion != "distance" and scores is not None and scores.shaken is not None:
        lost = 100 * (scores.floats.accuracy - scores.shaken.accuracy)
        yield Line(f"moving one input spike a sample costs the float liquid {lost:.2f} points by itself")
    if criterion == "distance" and (fitted.floor or 0.0) > most:
        yield Line(
            f"the liquid is {fitted.floor:.3f} away from itself when one input spike a sample moves by a step: "
            "a smaller bound asks for more than it can tell"
        )


def _yes(value: bool) -> str:
    return "yes" if value else "no"
