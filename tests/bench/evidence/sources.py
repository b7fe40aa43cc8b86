"""Where figures come from: what other experiments left, of the very runs whose tables stand in the manual."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from bench.page import PAGES, standing
from bench.spotting.table import SHOWN

__all__ = ["PLANTS", "SOURCES", "Facts", "of_streams", "published"]

Facts: TypeAlias = Mapping[str, Any]

SOURCES = {
    "af": "af",
    "af-inside": "af-inside",
    "digits": "digits",
    "knows": "knows",
    "spotting": "spotting",
    "cart_pole": "control/cart_pole",
    "pendulum": "control/pendulum",
    "double_pendulum": "control/double_pendulum",
    "tracking": "tracking",
    "climate": "climate",
    "forecast": "forecast",
    "drift": "drift",
}
"""By the marks of tables, where in `build` they come from: the folder's first part is the make target."""

PLANTS = {"cart_pole": "cart-pole", "pendulum": "pendulum", "double_pendulum": "double pendulum"}
CLEAN = "clean"


def published(build: Path, name: str) -> Facts:
    """What an experiment left, if its tables are those of the manual: else figures here and there would differ."""
    folder, page = build / SOURCES[name], PAGES[name]
    command = f"make {SOURCES[name].partition('/')[0]}"
    try:
        text, facts = (folder / "results.md").read_text(), (folder / "results.json").read_text()
    except OSError as error:
        sys.exit(f"{error.filename} is not there: {command}")
    if text != standing(page.read_text(), name):
        sys.exit(f"{folder} is of another run than the tables of {page.name}: {command}")
    loaded: Facts = json.loads(facts)
    return loaded


def of_streams(facts: Facts, name: str) -> list[Mapping[str, Any]]:
    """What came of clean streams, by liquid and speaker, of the operating point that the page shows."""
    points: list[Mapping[str, Any]] = facts["ways"][name]
    return [point for point in points if (point["at_most"], point["condition"]) == (SHOWN, CLEAN)]
