"""What the commands say: every value as plain JSON-able facts, and as text for people.

`*_facts` are what `--json` prints; `show_*` write the same to a console. Nothing is computed here but shares and sums.
"""

from lsm_deploy.report.programs import compiled_facts, program_facts, show_compiled, show_program
from lsm_deploy.report.readouts import model_facts, show_evaluation, show_model
from lsm_deploy.report.runs import (
    overflow_text,
    show_stimulus,
    show_trace,
    show_trace_file,
    show_verdict,
    stimulus_facts,
    trace_facts,
    verdict_facts,
)
from lsm_deploy.report.stages import dump

__all__ = [
    "compiled_facts",
    "dump",
    "model_facts",
    "overflow_text",
    "program_facts",
    "show_compiled",
    "show_evaluation",
    "show_model",
    "show_program",
    "show_stimulus",
    "show_trace",
    "show_trace_file",
    "show_verdict",
    "stimulus_facts",
    "trace_facts",
    "verdict_facts",
]
