"""How many threads a process may use: those of its own machine, unless it shares that with others of its kind."""

from __future__ import annotations

import os

__all__ = ["VARIABLE", "processors"]

VARIABLE = "NUMBA_NUM_THREADS"
"""What numba, and all that computes here, takes for the number of threads; a worker sets it to 1."""


def processors() -> int:
    """Those that this process may run on, or as many of them as it is asked to use."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get(VARIABLE, "")
    return min(here, int(asked)) if asked.isdigit() and int(asked) else here
