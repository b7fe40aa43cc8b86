"""What a folder of results holds, without evaluating anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from lsm_deploy.core.errors import LsmError, require_path
from lsm_deploy.tune.sweeps.lines import RESULTS, read_lines
from lsm_deploy.tune.sweeps.plan import Figure, from_lines
from lsm_deploy.tune.sweeps.robustness import Robustness, robustness_of
from lsm_deploy.tune.sweeps.sweep import Sweep, sweep_of
from lsm_deploy.tune.sweeps.work import Tried

__all__ = ["is_sweep", "load_sweep"]


def is_sweep(path: Path) -> bool:
    """Whether this is a folder of results."""
    return path.is_dir() and (path / RESULTS).is_file()


def load_sweep(folder: str | Path) -> Sweep | Robustness:
    """All results of a folder, also of one that is being written to; an LsmError where there are none."""
    folder = require_path(folder)
    first, known = read_lines(folder)
    if not known:
        raise LsmError("there is no result yet", where=str(folder), hint="give the command that began it again")
    of = first["results_of"]
    named: dict[str, Any] = {name: first.get(name) for name in ("file", "figure")}
    parts = [*named.values(), *(of.get(name) for name in ("kind", "measure", "readout"))]
    if not all(isinstance(part, str) for part in parts) or named["figure"] not in get_args(Figure):
        what = "its first line is not as this version writes it"
        raise LsmError(what, where=str(folder / RESULTS), hint="name another folder")
    results = sorted(from_lines(folder / RESULTS, known, of), key=_order)
    if of["kind"] == "robustness":
        return robustness_of(str(folder), of=of, results=results, **named)
    return sweep_of(str(folder), measure=of["measure"], results=results, **named)


def _order(tried: Tried) -> list[tuple[int, float, str]]:
    """Numbers by size, all else by its text; faults after healthy liquids."""
    fault = tried.asked.fault
    parts = [tried.asked.values[path] for path in sorted(tried.asked.values)]
    parts += [tried.asked.seed, *((fault.kind, fault.strength, fault.seed) if fault else ())]
    return [(0, part, "") if isinstance(part, int | float) else (1, 0.0, str(part)) for part in parts]
