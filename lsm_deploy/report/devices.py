"""What a program in C takes of a microcontroller: bytes and operations, before anything is compiled."""

from __future__ import annotations

from dataclasses import asdict

from lsm_deploy.exchange.c_files.folder import Exported
from lsm_deploy.exchange.c_files.sizes import Events
from lsm_deploy.report.blocks import Line, Report

__all__ = ["report_exported"]


def report_exported(exported: Exported, events: Events, stimulus: str) -> Report:
    """Bytes of flash and RAM, operations a step, and what is not in it; stimulus: of the events, in words."""
    sizes = exported.sizes
    lines = [
        f"flash: {sizes.flash} bytes of tables, beside the code",
        f"RAM: {sizes.ram} bytes of state",
        f"a step: {sizes.updates} neurons are updated; a message is added at {events.mean:.1f} synapses on average"
        f" and {events.most} at most on {stimulus}, {sizes.worst} where everybody sends",
    ]
    if sizes.products:
        lines.append(f"an answer: {sizes.products} products of integers, summed in 64 bits")
    lines.append(f"floats: {', '.join(exported.floats) if exported.floats else 'none'}")
    lines += [f"not in it: {words}" for words in exported.left_out]
    facts = {
        "sizes": asdict(sizes),
        "events": {**asdict(events), "stimulus": stimulus},
        "takes": exported.takes,
        "floats": list(exported.floats),
        "left_out": list(exported.left_out),
    }
    return Report(tuple(Line(line) for line in lines), facts)
