"""Markdown for pages of the manual, between marks that a command owns."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from bench.workers import ROOT
from lsm_deploy.measure.evaluation import Spread

__all__ = ["ANSWERS", "PAGES", "insert", "machine", "publish", "spread"]

MANUAL = ROOT / "lsm_deploy" / "manual"
PAGES = {
    "bench": MANUAL / "results-speed.md",
    "digits": MANUAL / "results-digits.md",
    "af": MANUAL / "results-af.md",
}
"""Where each command's tables stand."""

ANSWERS = {
    "liquid": "**deployed integers**",
    "unrounded": "the same, readout in floats",
    "floats": "float liquid",
    "feedforward": "recurrence off",
    "encoded": "encoded spikes, no liquid",
}
"""What answers in every evaluation, in the order of the tables; baselines follow."""


def machine() -> str:
    """Its processor, cores and Python."""
    model, info = platform.machine(), Path("/proc/cpuinfo")
    if info.exists():
        named = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = named[0] if named else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def insert(document: str, name: str, text: str) -> str:
    """The document with `text` between the marks of `name`, instead of what stood there. ValueError: there are none."""
    first, last = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, begin, rest = document.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"the document has no {first} with {last} after it")
    return f"{before}{first}\n{text}{last}{after}"


def publish(name: str, text: str) -> None:
    page = PAGES[name]
    page.write_text(insert(page.read_text(), name, text))


def spread(found: Spread) -> str:
    """A mean in per cent, with its interval where there is one."""
    if found.low is None or found.high is None:
        return f"{100 * found.mean:.1f}"
    return f"{100 * found.mean:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"
