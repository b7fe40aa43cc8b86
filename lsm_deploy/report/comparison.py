"""Backends, and a recorded trace, side by side."""

from __future__ import annotations

from collections.abc import Iterator

from lsm_deploy.parity.investigation import Comparison
from lsm_deploy.report.blocks import Block, Line, Report
from lsm_deploy.report.pictures.divergence import picture_of_divergence
from lsm_deploy.report.pictures.raster import picture_of_raster
from lsm_deploy.report.runs import overflow, report_verdict

__all__ = ["report_comparison"]


def report_comparison(compared: Comparison) -> Report:
    verdicts = [report_verdict(verdict) for verdict in compared.verdicts]
    facts = {"equal": compared.equal, "verdicts": [dict(verdict.facts) for verdict in verdicts]}
    return Report(tuple(_blocks(compared, verdicts)), facts)


def _blocks(compared: Comparison, verdicts: list[Report]) -> Iterator[Block]:
    if compared.missing:
        yield Line(f"the trace has no {', '.join(compared.missing)}: not compared")
    for verdict in verdicts:
        yield from verdict.blocks
    if not any(verdict.spikes[0] for verdict in compared.verdicts):
        yield Line("no neuron spiked: this proves little")
    if counts := compared.pairs[0][0].trace.counts:
        yield Line(f"overflow in this run: {overflow(counts)}")
    for (first, second), diverged in compared.diverged[:1]:
        yield picture_of_divergence(compared.program, (first.trace, second.trace), diverged)
    if compared.equal:
        yield picture_of_raster(compared.pairs[0][0].trace, compared.program.network)
