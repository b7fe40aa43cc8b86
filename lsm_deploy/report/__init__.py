"""What the commands say: a value becomes a `Report`, which is blocks for people and facts for programs.

`report_*`, one for each kind of value, make them; `text`, `markdown` and `pictures` show them. Nothing is computed here
but shares and sums.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from lsm_deploy.report.blocks import Report
from lsm_deploy.report.certificates import report_certificate
from lsm_deploy.report.conformance import report_conformance, report_recording
from lsm_deploy.report.diagnoses import report_diagnosis
from lsm_deploy.report.evaluations import report_across, report_evaluation
from lsm_deploy.report.fidelity import report_fidelity, report_fitted
from lsm_deploy.report.forensics import explanation_text, report_explanation, report_shrunk
from lsm_deploy.report.models import report_model
from lsm_deploy.report.numbers import count
from lsm_deploy.report.programs import report_compiled, report_program
from lsm_deploy.report.resources import report_resources
from lsm_deploy.report.rules import report_rules
from lsm_deploy.report.runs import (
    overflow,
    report_stimulus,
    report_streamed,
    report_trace,
    report_trace_file,
    report_verdict,
)
from lsm_deploy.report.stages import dump
from lsm_deploy.report.text import to_text
from lsm_deploy.report.tuning import report_search, report_tuning

__all__ = ["count", "dump", "explanation_text", "to_text"]

# What follows serves the commands until they show reports themselves.


class _Facts(dict[str, Any]):
    def __init__(self, report: Report) -> None:
        super().__init__(report.facts)
        self.blocks = report.blocks


def _show(make: Callable[..., Report]) -> Callable[..., None]:
    def show(console: Console, *values: Any) -> None:
        console.print(to_text(make(*values).blocks), end="")

    return show


def _facts(make: Callable[..., Report]) -> Callable[..., _Facts]:
    return lambda *values: _Facts(make(*values))


def _again(console: Console, *values: Any) -> None:
    console.print(to_text(values[-1].blocks), end="")


def show_shrunk(console: Console, shrunk: Any, folder: Path) -> None:
    console.print(to_text(report_shrunk(shrunk).blocks), end="")
    console.print(f"wrote {folder}/: read README.txt there")


def show_transfer(console: Console, scores: Any) -> None:
    """Fidelity has shown it."""


overflow_text = overflow
show_trace = show_program = show_compiled = show_fidelity = _again
certificate_facts, show_certificate = _facts(report_certificate), _show(report_certificate)
conformance_facts, show_conformance = _facts(report_conformance), _show(report_conformance)
recording_facts, show_recording = _facts(report_recording), _show(report_recording)
show_diagnosis, show_across, show_evaluation = _show(report_diagnosis), _show(report_across), _show(report_evaluation)
fidelity_facts = _facts(report_fidelity)
fitted_facts, show_fitted = _facts(report_fitted), _show(report_fitted)
explanation_facts, show_explanation = _facts(report_explanation), _show(report_explanation)
model_facts, show_model = _facts(report_model), _show(report_model)
compiled_facts, program_facts = _facts(report_compiled), _facts(report_program)
resources_facts, show_resources = _facts(report_resources), _show(report_resources)
rules_facts, show_rules = _facts(report_rules), _show(report_rules)
stimulus_facts, show_stimulus = _facts(report_stimulus), _show(report_stimulus)
streamed_facts, trace_facts, shrunk_facts = _facts(report_streamed), _facts(report_trace), _facts(report_shrunk)
show_trace_file = _show(report_trace_file)
verdict_facts, show_verdict = _facts(report_verdict), _show(report_verdict)
search_facts, show_search = _facts(report_search), _show(report_search)
tuned_facts, show_tuned = _facts(report_tuning), _show(report_tuning)
