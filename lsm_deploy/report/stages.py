"""Every stage of a compilation, readable."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lsm_deploy.compile.pipeline import Compiled
from lsm_deploy.report.programs import report_compiled
from lsm_deploy.store import new_folder

__all__ = ["dump_stages"]


def dump_stages(folder: Path, compiled: Compiled) -> None:
    """Write each stage of a compilation as text: facts as JSON, neurons and synapses as CSV."""
    with new_folder(folder) as made:
        _fill(made, compiled)


def _fill(folder: Path, compiled: Compiled) -> None:
    network, program = compiled.network, compiled.program
    quantised = program.network

    def csv(name: str, columns: Mapping[str, np.ndarray[Any, Any]]) -> None:
        rows = zip(*(values.tolist() for values in columns.values()), strict=True)
        lines = [",".join(columns), *(",".join(str(cell) for cell in row) for row in rows)]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    (folder / "summary.json").write_text(json.dumps(report_compiled(compiled).facts, indent=2) + "\n", encoding="utf-8")
    floats = {p.name: p for p in network.populations}
    for i, q in enumerate(quantised.populations):
        first = quantised.offsets[q.name]
        here = slice(first, first + q.size)
        asked = getattr(floats[q.name], "parameters", {})
        columns = {
            "neuron": np.arange(first, first + q.size),
            **asked,
            **q.registers,
            "core": program.cores[here],
            "largest_sum": compiled.certificate.largest_sum[here],
            "shortest_interval": compiled.certificate.shortest_interval[here],
            "certified": compiled.certificate.certified[here],
        }
        csv(f"population.{i}.{_file_name(q.name)}.csv", columns)
    for stage, projections in (("1-network", network.projections), ("2-integers", quantised.projections)):
        for i, p in enumerate(projections):
            values = {
                name: getattr(p, name) for name in ("weight", "delay_ms", "weights", "delays") if hasattr(p, name)
            }
            csv(f"{stage}.{i}.{_file_name(p.name)}.csv", {"pre": p.pre, "post": p.post, **values})


def _file_name(name: str) -> str:
    return "-".join(part for part in re.split(r"\W+", name) if part)
