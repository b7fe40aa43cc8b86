"""What is in a file, of whatever kind it is."""

from __future__ import annotations

from typing import Any

from lsm_deploy.core.ir import Stimulus
from lsm_deploy.data import Audio, Beats, Events, Frames, Raw, lengths
from lsm_deploy.learn.deployable import Deployable
from lsm_deploy.learn.files import Openable
from lsm_deploy.learn.model import Model
from lsm_deploy.learn.regression.model import RegressionModel
from lsm_deploy.report.blocks import Line, Report
from lsm_deploy.report.judgements import report_judgement
from lsm_deploy.report.models import report_model
from lsm_deploy.report.numbers import count
from lsm_deploy.report.pictures.space import picture_of_space
from lsm_deploy.report.programs import report_compiled, report_program
from lsm_deploy.report.runs import report_stimulus, report_trace_file
from lsm_deploy.spec.schema import Spec
from lsm_deploy.spec.write import dumps, to_plain
from lsm_deploy.store import StateFile, TraceFile

__all__ = ["report_file", "report_spec"]


def report_file(value: Openable | Deployable) -> Report:
    """`kind` among the facts, but for what has a program: those facts are a compilation's."""
    if isinstance(value, Deployable):
        return _program(value)
    if isinstance(value, TraceFile):
        return _kind("trace") + report_trace_file(value)
    if isinstance(value, Stimulus):
        return _kind("stimulus") + report_stimulus(value)
    if isinstance(value, StateFile):
        return _kind("state") + _state(value)
    if isinstance(value, Model | RegressionModel):
        return _kind("model") + report_model(value)
    if isinstance(value, Frames | Audio | Beats | Events):
        return _kind(type(value).__name__.lower()) + _data(value)
    raise TypeError(f"no report is made of {type(value).__name__}")


def report_spec(spec: Spec) -> Report:
    """As it would be written in a file."""
    return Report((Line(dumps(spec).rstrip()),), to_plain(spec))


def _kind(kind: str) -> Report:
    return Report((), {"kind": kind})


def _program(made: Deployable) -> Report:
    report = report_compiled(made.compiled) if made.compiled is not None else report_program(made.program, made.proved)
    space = picture_of_space(made.program.network, made.spec)
    report += Report((space,) if space else (), {})
    if made.tried is None:
        return report
    from lsm_deploy.measure.judgement import judge  # of what was only compiled nothing is measured

    tried = made.tried
    return report + report_judgement(judge(made.program, tried.stimulus, tried.trace), tried.words)


def _state(file: StateFile) -> Report:
    state, neurons = file.state, file.state.neurons
    words = f"state after {state.t} steps of program {file.program}, {neurons} neurons: {', '.join(state.registers)}"
    facts = {"program": file.program, "t": state.t, "neurons": neurons, "counts": dict(state.counts)}
    return Report((Line(words),), facts)


def _data(raw: Raw) -> Report:
    many, labels, groups = lengths(raw), sorted(set(raw.labels)), sorted(set(raw.groups))
    marks = ", ".join(count(len(names), thing) for names, thing in ((labels, "label"), (groups, "group")) if names)
    values = f"{many.min()} to {many.max()}" if many.min() < many.max() else f"{many.max()}"
    words = f"{type(raw).__name__.lower()}: {count(len(many), 'sample')} of {values} values"
    facts: dict[str, Any] = {"samples": len(many), "lengths": many.tolist(), "labels": labels, "groups": groups}
    if isinstance(raw, Frames) and raw.outputs:
        marks = ", ".join(filter(None, (count(raw.outputs, "target"), marks)))
        facts |= {"outputs": raw.outputs, "target_names": list(raw.target_names)}
    return Report((Line(f"{words}, {marks or 'no labels'}"),), facts)
