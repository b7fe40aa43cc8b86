"""Programs: what one holds, and what quantisation cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from lsm_deploy.compile.certify.bounds import Certificate, certify_network
from lsm_deploy.compile.certify.restrain import Price
from lsm_deploy.compile.pipeline import Compiled
from lsm_deploy.compile.place.cores import Load, load_of
from lsm_deploy.compile.quantise.cost import RoundingLoss
from lsm_deploy.core import fixed
from lsm_deploy.core.activations import ACTIVATIONS
from lsm_deploy.core.ir import Program, standings
from lsm_deploy.core.limits import tables_of
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.report.blocks import Block, Column, Heading, Line, Report, table, tabulate
from lsm_deploy.report.numbers import count, span, text_of
from lsm_deploy.report.pictures.weights import picture_of_constants, picture_of_weights
from lsm_deploy.report.runs import standing_lines
from lsm_deploy.store import program_id

__all__ = ["losses", "report_compiled", "report_program"]

_LOADS = ("neurons", "axons", "synapse_units", "groups")


def report_program(program: Program, certificate: Certificate | None = None) -> Report:
    """What a program holds, and what the chip and its registers make of it."""
    weights = picture_of_weights(program.network)
    return _report_program(program, certificate, load_of(program)) + Report((weights,) if weights else (), {})


def _report_program(program: Program, certificate: Certificate | None, loads: Sequence[Load]) -> Report:
    facts = _facts(program, certificate or certify_network(program.network), loads)
    return Report(tuple(_blocks(program, facts)), facts)


def _facts(program: Program, certificate: Certificate, loads: Sequence[Load]) -> dict[str, Any]:
    network = program.network
    unproven = standings(network)
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
                **(
                    {"beyond_register": ["dv"]}
                    if int(p.registers.get("dv", np.zeros(1)).max()) > fixed.LARGEST_DECAY
                    else {}
                ),
                **({"standing": unproven[p.kind]} if p.kind in unproven else {}),
                **({"tables": looked_up} if (looked_up := tables_of(p)) else {}),
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
        "fullest_core": {name: max(getattr(load, name) for load in loads) for name in _LOADS} if loads else {},
        "certificate": {
            "most": sorted({KINDS[kind].LARGEST_SUM for kind in network.kinds}),
            "neurons": len(certificate.certified),
            "certified": int(certificate.certified.sum()),
            "by_geometry": int(certificate.by_geometry.sum()),
            "never_spike": int((certificate.shortest_interval == 0).sum()),
            "largest_sum": int(certificate.largest_sum.max(initial=0)),
            "largest_u": float(certificate.largest_u.max(initial=0.0)),
        },
    }


def _range(values: np.ndarray[Any, Any]) -> list[int]:
    return [int(values.min()), int(values.max())] if len(values) else []


def _shown(register: str, values: list[int]) -> Any:
    """A range; of the numbers of activations, what they are called."""
    if register in ("activation", "output"):
        return "..".join(ACTIVATIONS[number] for number in sorted(set(values)))
    return span(values)


def _blocks(program: Program, facts: dict[str, Any]) -> Iterator[Block]:
    steps = program.network.sample_interval
    policy = f"cleared every {steps} steps" if steps else "each sample a fresh run"
    yield Line(
        f"program {facts['program']}: {count(facts['neurons'], 'neuron')}, {count(facts['synapses'], 'synapse')}, "
        f"{count(facts['channels'], 'channel')}, steps of {facts['dt_ms']:g} ms, {policy}"
    )
    kinds = list(dict.fromkeys(p["kind"] for p in facts["populations"]))
    for kind in kinds:
        registers = list(KINDS[kind].Registers.__dataclass_fields__)
        yield Heading("populations" if len(kinds) == 1 else f"populations of kind {kind}")
        yield table(
            ["name", "kind", "neurons", "scale", *registers],
            [
                [p["name"], p["kind"], p["neurons"], p["scale"], *(_shown(r, p[r]) for r in registers)]
                for p in facts["populations"]
                if p["kind"] == kind
            ],
        )
    yield from standing_lines(standings(program.network))
    for p in facts["populations"]:
        if "beyond_register" in p:
            yield Line(f"population {p['name']!r}: dv {fixed.DECAY_UNITY} lies beyond the chip's 12-bit register")
    yield Heading("projections")
    yield tabulate(
        facts["projections"],
        {
            "name": lambda p: p["name"],
            "synapses": lambda p: p["synapses"],
            "sign": lambda p: p["sign_mode"],
            "bits": lambda p: p["num_weight_bits"],
            "exponent": lambda p: p["weight_exp"],
            "weights": lambda p: span(p["weights"]),
            "delays": lambda p: span(p["delays"]),
        },
    )
    if full := facts["fullest_core"]:
        yield Line(
            f"placed on {count(facts['cores'], 'core')} of {facts['target']}; the fullest holds "
            f"{count(full['neurons'], 'neuron')}, {count(full['axons'], 'axon')}, "
            f"{full['synapse_units']:.0f} units of synapses"
        )
        for p in facts["populations"]:
            if "tables" in p:
                unknown = f"whether a core can hold the table of {p['tables']} is unknown"
                without = "`activation: quadratic`, which needs none"
                if KINDS[p["kind"]].PORTS > 1:
                    without = "`activation: quadratic` and `gate: clip`, which need none"
                yield Line(f"population {p['name']!r}: {unknown}; write {without}, or `target: {{board: none}}`")
    else:
        yield Line("placed on no board: for the CPU backends only")
    certificate = facts["certificate"]
    most = " or ".join(text_of(largest) for largest in certificate["most"])
    yield Line(
        f"overflow: sums and currents of {certificate['certified']} of {certificate['neurons']} neurons are certified "
        f"(largest sum {text_of(certificate['largest_sum'])} of {most}, "
        f"largest bound on a register {certificate['largest_u'] / fixed.UV_LIMIT:.1%} of 2^23)"
    )
    if more := certificate["certified"] - certificate["by_geometry"]:
        yield Line(f"{count(more, 'neuron')} of them for how seldom those before them can spike")
    if certificate["never_spike"]:
        yield Line(f"{count(certificate['never_spike'], 'neuron')} can never spike, whatever the input")


# --- what quantisation cost -----------------------------------------------------------------------------------------


def report_compiled(compiled: Compiled) -> Report:
    """What the program holds, and what quantisation cost."""
    facts: dict[str, Any] = {
        "cut_offs": [asdict(cut) for cut in compiled.cut_offs],
        "quantisation": {**asdict(compiled.cost), "losses": list(compiled.cost.losses)},
        **({"certified": asdict(compiled.price)} if compiled.price else {}),
    }
    pictures = filter(
        None,
        (
            picture_of_weights(compiled.program.network, compiled.network),
            picture_of_constants(compiled.network, compiled.program.network),
        ),
    )
    of_program = _report_program(compiled.program, compiled.certificate, compiled.loads)
    return of_program + Report((*_costs(compiled), *pictures), facts)


def _costs(compiled: Compiled) -> Iterator[Block]:
    for cut in compiled.cut_offs:
        yield Line(
            f"column {cut.projection!r}: no synapse beyond {cut.distance:g} grid units ({cut.lambdas:g} lambda); "
            f"the expected loss is {100 * cut.share_lost:.2g} % of its synapses"
        )
    cost = compiled.cost
    if not cost.projections and not cost.populations:
        yield Line("quantisation: nothing to do, the network is in exact integers")
        return
    yield Heading("quantisation: parameters (means)")
    yield table(
        ["parameter", "asked", "realised", "change"],
        [
            [f"{p.name}.{name}", asked, p.realised[name], _relative(asked, p.realised[name])]
            for p in cost.populations
            for name, asked in p.asked.items()
        ],
    )
    yield Heading("quantisation: weights")
    yield tabulate(
        cost.projections,
        {
            "projection": lambda q: q.name,
            "synapses": lambda q: q.synapses,
            "levels": lambda q: q.levels,
            Column("rms error", "{:.2%}"): lambda q: q.rms_error,
            "to zero": lambda q: q.rounded_to_zero,
            "clipped": lambda q: q.clipped,
            "delays clipped": lambda q: q.delays_clipped,
            "delays off": lambda q: q.delays_far,
        },
    )
    compensated, lost = losses(cost)
    yield from compensated
    if compiled.price is not None:
        yield from _price(compiled.price, len(compiled.certificate.certified))
    yield lost


def losses(cost: RoundingLoss) -> tuple[list[Line], Line]:
    """Which thresholds make up for what the integers lose, and what was lost beyond rounding."""
    compensated = [
        Line(f"thresholds of {p.name!r} are divided by {p.compensation:.5g} for what the integers lose")
        for p in cost.populations
        if p.compensation != 1.0
    ]
    return compensated, Line(f"lost: {'; '.join(cost.losses) or 'nothing was clipped, rounded to zero or put far off'}")


def _price(price: Price, neurons: int) -> Iterator[Block]:
    before, after = price.certified
    yield Line(f"certified: {before} of {neurons} neurons at the scales that round least, {after} at these")
    yield Heading("what that costs: scales")
    yield table(
        ["population", "without", "with", Column("change", "{:+.1%}")],
        [[name, a, b, b / a - 1] for name, (a, b) in price.scales.items()],
    )
    yield Heading("what that costs: SNR of the weights, dB")
    yield table(
        ["projection", Column("without", "{:.1f}"), Column("with", "{:.1f}")],
        [[name, *pair] for name, pair in price.snr_db.items()],
    )


def _relative(asked: float, realised: float) -> str:
    return f"{realised / asked - 1:+.2%}" if asked else f"{realised - asked:+.3g}"
