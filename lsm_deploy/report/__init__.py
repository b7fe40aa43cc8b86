"""What the commands say: every value as plain JSON-able facts, and as text for people.

`*_facts` are what `--json` prints; `show_*` write the same to a console. Nothing is computed here but shares and sums.
"""

from lsm_deploy.report.certificates import certificate_facts, show_certificate
from lsm_deploy.report.conformance import conformance_facts, recording_facts, show_conformance, show_recording
from lsm_deploy.report.diagnoses import show_diagnosis
from lsm_deploy.report.evaluations import show_across, show_evaluation
from lsm_deploy.report.fidelity import fidelity_facts, fitted_facts, show_fidelity, show_fitted, show_transfer
from lsm_deploy.report.forensics import explanation_facts, explanation_text, show_explanation, show_shrunk, shrunk_facts
from lsm_deploy.report.models import model_facts, show_model
from lsm_deploy.report.programs import compiled_facts, program_facts, show_compiled, show_program
from lsm_deploy.report.resources import resources_facts, show_resources
from lsm_deploy.report.rules import rules_facts, show_rules
from lsm_deploy.report.runs import (
    overflow_text,
    show_stimulus,
    show_trace,
    show_trace_file,
    show_verdict,
    stimulus_facts,
    streamed_facts,
    trace_facts,
    verdict_facts,
)
from lsm_deploy.report.stages import dump
from lsm_deploy.report.text import count
from lsm_deploy.report.tuning import search_facts, show_search, show_tuned, tuned_facts

__all__ = [
    "certificate_facts",
    "compiled_facts",
    "conformance_facts",
    "count",
    "dump",
    "explanation_facts",
    "explanation_text",
    "fidelity_facts",
    "fitted_facts",
    "model_facts",
    "overflow_text",
    "program_facts",
    "recording_facts",
    "resources_facts",
    "rules_facts",
    "search_facts",
    "show_across",
    "show_certificate",
    "show_compiled",
    "show_conformance",
    "show_diagnosis",
    "show_evaluation",
    "show_explanation",
    "show_fidelity",
    "show_fitted",
    "show_model",
    "show_program",
    "show_recording",
    "show_resources",
    "show_rules",
    "show_search",
    "show_shrunk",
    "show_stimulus",
    "show_trace",
    "show_trace_file",
    "show_transfer",
    "show_tuned",
    "show_verdict",
    "shrunk_facts",
    "stimulus_facts",
    "streamed_facts",
    "trace_facts",
    "tuned_facts",
    "verdict_facts",
]
