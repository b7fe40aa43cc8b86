"""Markdown for pages of the manual, between marks that a command owns."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.workers import ROOT
from lsm_deploy.measure.evaluation import Across
from lsm_deploy.measure.uncertainty import Spread

__all__ = ["ANSWERS", "PAGES", "differences", "insert", "leave", "machine", "publish", "say", "spread", "standing"]

MANUAL = ROOT / "lsm_deploy" / "manual"
PAGES = {
    "bench": MANUAL / "results-speed.md",
    "digits": MANUAL / "results-digits.md",
    "knows": MANUAL / "results-digits.md",
    "nested": MANUAL / "results-nested.md",
    "af": MANUAL / "results-af.md",
    "af-inside": MANUAL / "results-af.md",
    "forecast": MANUAL / "results-forecast.md",
    "climate": MANUAL / "results-climate.md",
    "tracking": MANUAL / "results-tracking.md",
    "cart_pole": MANUAL / "results-control.md",
    "pendulum": MANUAL / "results-control.md",
    "double_pendulum": MANUAL / "results-control.md",
    "c": MANUAL / "c.md",
    "robust": MANUAL / "results-robust.md",
    "spotting": MANUAL / "results-spotting.md",
    "scale": MANUAL / "cluster.md",
    "drift": MANUAL / "results.md",
    "evidence": MANUAL / "evidence.md",
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


def say(what: str, begun: float) -> None:
    """What has been done, and how long after `begun`, of `time.monotonic`."""
    print(f"{time.monotonic() - begun:5.0f} s: {what}", flush=True)


def leave(folder: Path, text: str, facts: Mapping[str, Any]) -> None:
    """Leave `results.md` and `results.json` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(text)
    (folder / "results.json").write_text(json.dumps(facts, indent=1) + "\n")


def insert(document: str, name: str, text: str) -> str:
    """The document with `text` between the marks of `name`, instead of what stood there. ValueError: there are none."""
    before, _, after = _around(document, name)
    return f"{before}{text}{after}"


def standing(document: str, name: str) -> str:
    """What stands between the marks of `name`."""
    return _around(document, name)[1]


def _around(document: str, name: str) -> tuple[str, str, str]:
    first, last = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
    before, begin, rest = document.partition(first)
    between, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"the document has no {first.rstrip()} with {last} after it")
    return before + first, between, last + after


def publish(name: str, text: str) -> None:
    page = PAGES[name]
    page.write_text(insert(page.read_text(), name, text))


def differences(names: Mapping[str, str], *columns: Across) -> list[list[str]]:
    """A row for each name: how much better or worse the deployed liquid is, in points, and whether that can be told."""
    rows = []
    for name, words in names.items():
        some = [across.difference("liquid", name) for across in columns]
        cells = [f"{100 * d.mean:+.2f} ({100 * d.low:+.2f} to {100 * d.high:+.2f}): {d.says}" for d in some]
        rows.append([words, *cells])
    return rows


def spread(found: Spread) -> str:
    """A mean in per cent, with its interval where there is one."""
    if found.low is None or found.high is None:
        return f"{100 * found.mean:.1f}"
    return f"{100 * found.mean:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"
