"""Programs: what one holds, and what quantisation cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from rich.console import Console

from lsm_deploy.compile.certify.bounds import Certificate, certify_network
from lsm_deploy.compile.certify.restrain import Price
from lsm_deploy.compile.pipeline import Compiled
from lsm_deploy.compile.place.cores import board_of, load_of
from lsm_deploy.core.boards import NOWHERE
from lsm_deploy.core.ir import Program, standings
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.report.runs import show_standings
from lsm_deploy.report.text import count, table, text
from lsm_deploy.store import program_id

__all__ = ["compiled_facts", "program_facts", "show_compiled", "show_program"]


def program_facts(program: Program, certificate: Certificate | None = None) -> dict[str, Any]:
    """What a program holds, and what the chip and its registers make of it."""
    network = program.network
    if program.target != NOWHERE.name:
        board_of(program)  # a file may name any core, and each up to the last would be counted
    loads = load_of(program)
    certificate = certificate or certify_network(network)
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
                **({"beyond_register": ["dv"]} if int(p.registers.get("dv", np.zeros(1)).max()) > 4095 else {}),
                **({"standing": unproven[p.kind]} if p.kind in unproven else {}),
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
        "certificate": _certificate_facts(certificate),
    }


_LOADS = ("neurons", "axons", "synapse_units", "groups")


def _range(values: np.ndarray[Any, Any]) -> list[int]:
    return [int(values.min()), int(values.max())] if len(values) else []


def _certificate_facts(certificate: Certificate) -> dict[str, Any]:
    return {
        "neurons": len(certificate.certified),
        "certified": int(certificate.certified.sum()),
        "by_geometry": int(certificate.by_geometry.sum()),
        "never_spike": int((certificate.shortest_interval == 0).sum()),
        "largest_sum": int(certificate.largest_sum.max(initial=0)),
        "largest_u": float(certificate.largest_u.max(initial=0.0)),
    }


def compiled_facts(compiled: Compiled) -> dict[str, Any]:
    """The program's facts, and what quantisation cost."""
    cost = asdict(compiled.cost)
    return {
        **program_facts(compiled.program, compiled.certificate),
        "cut_offs": [asdict(cut) for cut in compiled.cut_offs],
        "quantisation": {**cost, "losses": list(compiled.cost.losses)},
        **({"certified": asdict(compiled.price)} if compiled.price else {}),
    }


def show_program(console: Console, program: Program, facts: Mapping[str, Any]) -> None:
    steps = program.network.sample_interval
    policy = f"cleared every {steps} steps" if steps else "each sample a fresh run"
    console.print(
        f"program {facts['program']}: {facts['neurons']} neurons, {text(facts['synapses'])} synapses, "
        f"{facts['channels']} channels, steps of {facts['dt_ms']:g} ms, {policy}"
    )
    kinds = list(dict.fromkeys(p["kind"] for p in facts["populations"]))
    for kind in kinds:
        registers = list(KINDS[kind].Registers.__dataclass_fields__)
        console.print(
            table(
                "populations" if len(kinds) == 1 else f"populations of kind {kind}",
                ["name", "kind", "neurons", "scale", *registers],
                [
                    [p["name"], p["kind"], p["neurons"], p["scale"], *(_span(p[r]) for r in registers)]
                    for p in facts["populations"]
                    if p["kind"] == kind
                ],
            )
        )
    show_standings(console, standings(program.network))
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
    if full := facts["fullest_core"]:
        console.print(
            f"placed on {count(facts['cores'], 'core')} of {facts['target']}; the fullest holds "
            f"{full['neurons']} neurons, {full['axons']} axons, {full['synapse_units']:.0f} units of synapses"
        )
    else:
        console.print("placed on no board: for the CPU backends only")
    certificate = facts["certificate"]
    console.print(
        f"overflow: sums and currents of {certificate['certified']} of {certificate['neurons']} neurons are certified "
        f"(largest sum {text(certificate['largest_sum'])} of 32 767, "
        f"largest bound on a register {certificate['largest_u'] / 2**23:.1%} of 2^23)"
    )
    if more := certificate["certified"] - certificate["by_geometry"]:
        console.print(f"{count(more, 'neuron')} of them for how seldom those before them can spike")
    if certificate["never_spike"]:
        console.print(f"{count(certificate['never_spike'], 'neuron')} can never spike, whatever the input")


def _span(bounds: Sequence[int]) -> str:
    if not bounds:
        return "-"
    return str(bounds[0]) if bounds[0] == bounds[1] else f"{bounds[0]}..{bounds[1]}"


def show_compiled(console: Console, compiled: Compiled, facts: Mapping[str, Any]) -> None:
    show_program(console, compiled.program, facts)
    for cut in compiled.cut_offs:
        console.print(
            f"column {cut.projection!r}: no synapse beyond {cut.distance:g} grid units ({cut.lambdas:g} lambda); "
            f"the expected loss is {100 * cut.share_lost:.2g} % of its synapses"
        )
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
    for c in cost.populations:
        if c.compensation != 1.0:
            console.print(f"thresholds of {c.name!r} are divided by {c.compensation:.5g} for what the integers lose")
    if compiled.price is not None:
        _show_price(console, compiled.price, certified=facts["certificate"]["neurons"])
    console.print(
        "lost: " + ("; ".join(cost.losses) if cost.losses else "nothing was clipped, rounded to zero or put far off")
    )


def _show_price(console: Console, price: Price, certified: int) -> None:
    before, after = price.certified
    console.print(f"certified: {before} of {certified} neurons at the scales that round least, {after} at these")
    rows = [[name, a, b, f"{b / a - 1:+.1%}"] for name, (a, b) in price.scales.items()]
    console.print(table("what that costs: scales", ["population", "without", "with", "change"], rows))
    rows = [[name, *("-" if db is None else f"{db:.1f}" for db in pair)] for name, pair in price.snr_db.items()]
    console.print(table("what that costs: SNR of the weights, dB", ["projection", "without", "with"], rows))


def _relative(asked: float, realised: float) -> str:
    return f"{realised / asked - 1:+.2%}" if asked else f"{realised - asked:+.3g}"
