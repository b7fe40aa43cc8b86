"""The report of any value that shows itself: what a command would print of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lsm_deploy.compile.pipeline import Compiled
from lsm_deploy.core.errors import MisuseError
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.data import Audio, Beats, Events, Frames
from lsm_deploy.exchange.deployed import Deployed
from lsm_deploy.exchange.imported import Imported
from lsm_deploy.formats.account import Reading
from lsm_deploy.learn.deployable import Deployable
from lsm_deploy.learn.model import Model
from lsm_deploy.learn.onchip import OnChipAccuracy
from lsm_deploy.learn.predicting import Predictions
from lsm_deploy.learn.regression.model import RegressionModel
from lsm_deploy.measure.certification import Certification
from lsm_deploy.measure.cost.resources import Resources
from lsm_deploy.measure.diagnosis import Diagnosis
from lsm_deploy.measure.evaluation import Across, Evaluation
from lsm_deploy.measure.fidelity import Fitted, Quantisation
from lsm_deploy.measure.judgement import Judgement
from lsm_deploy.measure.regression import FreeRun, RegressionEvaluation
from lsm_deploy.parity.compare import Verdict
from lsm_deploy.parity.conformance import Conformance, Recording
from lsm_deploy.parity.forensics import Explanation
from lsm_deploy.parity.investigation import Comparison, SmallCase, Suspect
from lsm_deploy.parity.reduction import Shrunk
from lsm_deploy.report.answers import report_answers
from lsm_deploy.report.blocks import Report
from lsm_deploy.report.certificates import report_certificate
from lsm_deploy.report.comparison import report_comparison
from lsm_deploy.report.conformance import report_conformance, report_recording
from lsm_deploy.report.diagnoses import report_diagnosis
from lsm_deploy.report.evaluations import report_across, report_evaluation, report_on_chip
from lsm_deploy.report.fidelity import report_fidelity, report_fitted
from lsm_deploy.report.files import report_file, report_spec
from lsm_deploy.report.forensics import report_explanation, report_shrunk, report_small_case
from lsm_deploy.report.judgements import report_judgement
from lsm_deploy.report.models import report_model
from lsm_deploy.report.nested import report_nested
from lsm_deploy.report.programs import report_compiled, report_program
from lsm_deploy.report.readings import report_deployed, report_imported, report_reading
from lsm_deploy.report.regression import report_free_run, report_regression
from lsm_deploy.report.resources import report_resources
from lsm_deploy.report.runs import report_float_trace, report_stimulus, report_trace, report_trace_file, report_verdict
from lsm_deploy.report.sweeps import report_robustness, report_sweep
from lsm_deploy.report.tuning import report_search, report_tuning
from lsm_deploy.run.reference import FloatTrace
from lsm_deploy.spec.schema import Spec
from lsm_deploy.store import StateFile, TraceFile
from lsm_deploy.tune import Tuning
from lsm_deploy.tune.nested import Nested
from lsm_deploy.tune.searches.trials import SearchResult
from lsm_deploy.tune.sweeps.robustness import Robustness
from lsm_deploy.tune.sweeps.sweep import Sweep

__all__ = ["REPORTS", "report_of"]

REPORTS: Mapping[type[Any], Callable[[Any], Report]] = {
    Spec: report_spec,
    Audio: report_file,
    Beats: report_file,
    Events: report_file,
    Frames: report_file,
    Compiled: report_compiled,
    Deployable: report_file,
    Program: report_program,
    Stimulus: report_stimulus,
    Trace: report_trace,
    TraceFile: report_trace_file,
    FloatTrace: report_float_trace,
    StateFile: report_file,
    Model: report_model,
    RegressionModel: report_model,
    Predictions: report_answers,
    OnChipAccuracy: report_on_chip,
    Evaluation: report_evaluation,
    Across: report_across,
    Nested: report_nested,
    RegressionEvaluation: report_regression,
    FreeRun: report_free_run,
    Quantisation: report_fidelity,
    Fitted: report_fitted,
    Diagnosis: report_diagnosis,
    Judgement: report_judgement,
    Certification: lambda c: report_certificate(c.program, c.certificate, c.attack),
    Resources: report_resources,
    Tuning: report_tuning,
    SearchResult: report_search,
    Sweep: report_sweep,
    Robustness: report_robustness,
    Reading: report_reading,
    Deployed: report_deployed,
    Imported: report_imported,
    Verdict: report_verdict,
    Comparison: report_comparison,
    Explanation: report_explanation,
    Suspect: lambda suspect: report_explanation(suspect.explanation),
    SmallCase: report_small_case,
    Shrunk: report_shrunk,
    Conformance: report_conformance,
    Recording: report_recording,
}
"""By the type of a value, in the order in which values are made."""


def report_of(value: object) -> Report:
    """What a command would print of a result; a MisuseError of anything else."""
    make = REPORTS.get(type(value))
    if make is None:
        hint = f"give one of {', '.join(sorted(each.__name__ for each in REPORTS))}"
        raise MisuseError(f"no report is made of a value of type {type(value).__name__}", hint=hint)
    return make(value)
