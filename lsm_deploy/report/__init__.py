"""What the commands say: a value becomes a `Report`, which is blocks for people and facts for programs.

`report_*`, one for each kind of value, make them; `text`, `markdown` and `pictures` show them. Nothing is computed here
but shares and sums.
"""

from lsm_deploy.report.blocks import Report
from lsm_deploy.report.certificates import report_certificate
from lsm_deploy.report.comparison import report_comparison
from lsm_deploy.report.conformance import report_conformance, report_recording
from lsm_deploy.report.diagnoses import report_diagnosis
from lsm_deploy.report.evaluations import report_across, report_evaluation
from lsm_deploy.report.fidelity import report_fidelity, report_fitted
from lsm_deploy.report.files import report_file
from lsm_deploy.report.forensics import explanation_text, report_explanation, report_shrunk
from lsm_deploy.report.models import report_model
from lsm_deploy.report.programs import report_compiled, report_program
from lsm_deploy.report.resources import report_resources
from lsm_deploy.report.rules import report_rules
from lsm_deploy.report.runs import report_streamed, report_trace
from lsm_deploy.report.stages import dump
from lsm_deploy.report.text import to_text
from lsm_deploy.report.tuning import report_search, report_tuning

__all__ = [
    "Report",
    "dump",
    "explanation_text",
    "report_across",
    "report_certificate",
    "report_comparison",
    "report_compiled",
    "report_conformance",
    "report_diagnosis",
    "report_evaluation",
    "report_explanation",
    "report_fidelity",
    "report_file",
    "report_fitted",
    "report_model",
    "report_program",
    "report_recording",
    "report_resources",
    "report_rules",
    "report_search",
    "report_shrunk",
    "report_streamed",
    "report_trace",
    "report_tuning",
    "to_text",
]
