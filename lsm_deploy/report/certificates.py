"""What is proved about each neuron, and what a search came to."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from lsm_deploy.core.certificate import TYPES, Certificate
from lsm_deploy.core.ir import Program
from lsm_deploy.measure.attack import Attack
from lsm_deploy.report.runs import overflow_text
from lsm_deploy.report.text import count, table
from lsm_deploy.store import program_id

__all__ = ["certificate_facts", "show_certificate"]


def certificate_facts(program: Program, certificate: Certificate, found: Attack | None) -> dict[str, Any]:
    """Lists are by neuron."""
    facts: dict[str, Any] = {
        "program": program_id(program),
        **{name: getattr(certificate, name).tolist() for name in TYPES},
    }
    if found is not None:
        facts["attack"] = {
            "tried": found.tried,
            "reached": found.reached.tolist(),
            "share": found.share.tolist(),
            "shortest_interval": found.shortest_interval.tolist(),
            "neuron": found.neuron,
            "counts": dict(found.counts),
        }
    return facts


def show_certificate(console: Console, program: Program, certificate: Certificate, found: Attack | None) -> None:
    network, rows = program.network, []
    for p in network.populations:
        here = slice(network.offsets[p.name], network.offsets[p.name] + p.size)
        intervals = certificate.shortest_interval[here]
        rows.append(
            [
                p.name,
                p.size,
                f"{certificate.by_geometry[here].mean():.1%}",
                f"{certificate.certified[here].mean():.1%}",
                int((intervals == 0).sum()),
                _span(intervals[intervals > 0].tolist()),
                int(certificate.largest_sum[here].max()),
                f"{certificate.largest_u[here].max() / 2**23:.1%}",
                *([f"{found.share[here].max():.1%}"] if found else []),
            ]
        )
    columns = [
        "population", "neurons", "by geometry", "certified", "never spike", "shortest interval", "largest sum",
        "bound of 2^23", *(["reached of bound"] if found else []),
    ]  # fmt: skip
    proved = int(certificate.certified.sum())
    title = f"certified: {proved} of {network.neurons} neurons, whose sums and registers no input can overflow"
    console.print(table(title, columns, rows))
    if found is not None:
        n = found.neuron
        console.print(
            f"{count(found.tried, 'input')} tried; neuron {n} came closest: {found.reached[n]} of at most "
            f"{certificate.largest_u[n]:.0f} ({'certified' if certificate.certified[n] else 'not certified'})"
        )
        console.print(f"overflow in all of them: {overflow_text(found.counts)}")


def _span(values: list[int]) -> str:
    return f"{min(values)}..{max(values)}" if values else "-"
