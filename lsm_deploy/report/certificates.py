"""What is proved about each neuron, and what a search came to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lsm_deploy.core.certificate import TYPES, Certificate
from lsm_deploy.core.fixed import UV_LIMIT
from lsm_deploy.core.ir import Program
from lsm_deploy.measure.attack import Attack
from lsm_deploy.report.blocks import Block, Column, Heading, Line, Report, table
from lsm_deploy.report.numbers import PERCENT, count
from lsm_deploy.report.runs import overflow
from lsm_deploy.store import program_id

__all__ = ["report_certificate"]


def report_certificate(program: Program, certificate: Certificate, attack: Attack | None) -> Report:
    """The facts are lists by neuron."""
    facts: dict[str, Any] = {
        "program": program_id(program),
        **{name: getattr(certificate, name).tolist() for name in TYPES},
    }
    if attack is not None:
        facts["attack"] = {
            "tried": attack.tried,
            "reached": attack.reached.tolist(),
            "share": attack.share.tolist(),
            "shortest_interval": attack.shortest_interval.tolist(),
            "neuron": attack.neuron,
            "counts": dict(attack.counts),
        }
    return Report(tuple(_blocks(program, certificate, attack)), facts)


def _blocks(program: Program, certificate: Certificate, attack: Attack | None) -> Iterator[Block]:
    network, rows = program.network, []
    for p in network.populations:
        here = network.columns(p.name)
        intervals = certificate.shortest_interval[here]
        spiking = intervals[intervals > 0]
        rows.append(
            [
                p.name,
                p.size,
                float(certificate.by_geometry[here].mean()),
                float(certificate.certified[here].mean()),
                int((intervals == 0).sum()),
                (int(spiking.min()), int(spiking.max())) if len(spiking) else None,
                int(certificate.largest_sum[here].max()),
                float(certificate.largest_u[here].max()) / UV_LIMIT,
                *([float(attack.share[here].max())] if attack else []),
            ]
        )
    proved = int(certificate.certified.sum())
    yield Heading(f"certified: {proved} of {network.neurons} neurons, whose sums and registers no input can overflow")
    yield table(
        [
            "population",
            "neurons",
            Column("by geometry", PERCENT),
            Column("certified", PERCENT),
            "never spike",
            Column("shortest interval", "{}..{}"),
            "largest sum",
            Column("bound of 2^23", PERCENT),
            *([Column("reached of bound", PERCENT)] if attack else []),
        ],
        rows,
    )
    if attack is not None:
        n = attack.neuron
        yield Line(
            f"{count(attack.tried, 'input')} tried; neuron {n} came closest: {attack.reached[n]} of at most "
            f"{certificate.largest_u[n]:.0f} ({'certified' if certificate.certified[n] else 'not certified'})"
        )
        yield Line(f"overflow in all of them: {overflow(attack.counts)}")
