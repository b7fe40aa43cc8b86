"""How long a closed loop waits: percentiles of a step, and the time until a fresh process has taken its first one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.network import Case, draw
from bench.workers import FOLDER, write_case

__all__ = ["Latency", "measure_latency"]


@dataclass(frozen=True)
class Latency:
    """Seconds. first, second: until the first step of a process that finds nothing compiled, and of the one after."""

    first: float
    second: float
    imported: float
    """Of `second`, what imports took."""
    steps: int
    percentiles: dict[str, float]


def measure_latency(case: Case, steps: int, python: Path | str = sys.executable) -> Latency:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        write_case(folder, case, *draw(case))
        (folder / "cache").mkdir()
        first = _run(python, folder, 0)
        second = _run(python, folder, 0)
        third = _run(python, folder, steps)
    return Latency(first["first_step"], second["first_step"], second["imported"], steps, third["percentiles"])


def _run(python: Path | str, folder: Path, steps: int) -> dict[str, Any]:
    said = subprocess.run(
        [python, FOLDER / "run_latency.py", folder, repr(time.time()), str(steps)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")},
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=True,
        text=True,
    ).stdout
    found: dict[str, Any] = json.loads(said)
    return found
