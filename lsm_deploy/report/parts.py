"""What each part of a page asks of a program, and the figures that a reader looks for first.

The same functions as the commands call; all that is decided here is how much of it a page can hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

from lsm_deploy.core.errors import LsmError, MisuseError
from lsm_deploy.core.ir import Program, QNetwork, Stimulus, Trace
from lsm_deploy.core.limits import beyond
from lsm_deploy.core.notes import warn
from lsm_deploy.core.progress import Stages
from lsm_deploy.learn.deployable import Deployable, stimulus_for
from lsm_deploy.measure.certification import certify_any
from lsm_deploy.measure.cost.resources import count_resources
from lsm_deploy.measure.evaluation import Evaluation, evaluate
from lsm_deploy.measure.judgement import judge
from lsm_deploy.measure.regression import RegressionEvaluation, evaluate_regression
from lsm_deploy.parity.compare import Verdict
from lsm_deploy.parity.investigation import Sides, check_sides, compare_sides, default_sides
from lsm_deploy.report.blocks import Cell, Column, Heading, Line, Picture, Report, tabulate
from lsm_deploy.report.certificates import report_certificate
from lsm_deploy.report.comparison import report_comparison
from lsm_deploy.report.evaluations import ROWS, report_evaluation
from lsm_deploy.report.judgements import report_judgement
from lsm_deploy.report.numbers import INTERVAL, count, text_of
from lsm_deploy.report.pictures.raster import raster_of
from lsm_deploy.report.regression import BASELINES, report_regression
from lsm_deploy.report.resources import MODELLED, report_resources
from lsm_deploy.report.runs import report_trace, report_verdict, where_of
from lsm_deploy.run import backends
from lsm_deploy.run.recorded import trace_of
from lsm_deploy.spec.schema import Regression

__all__ = ["PARTS", "Answer", "Figure", "questions", "report_of_trace"]

PARTS = {
    "run": "The run",
    "evaluation": "Evaluation",
    "parity": "Parity",
    "cost": "Cost on the chip",
    "certificates": "Certificates",
}
"""Their titles, in the order of a page."""
_DOTS = 60_000
"""Spikes that a raster holds, which is what most of a page takes."""
_NAMED = 3
"""Populations whose rates are named at first."""
_RUN, _COMPARED = 200_000_000, 20_000_000
"""Neurons times steps that are run, so that a million neurons go 200 steps, and that backends are compared on."""
_OURS = ("emulator", backends.FAST)
_LARGE = 2_000_000
"""Synapses beyond which backends of others, who take hours for more, are compared only by name."""


@dataclass(frozen=True)
class Figure:
    """One number that a reader looks for first."""

    label: str
    value: str
    note: str = ""


Answer: TypeAlias = tuple[Report, tuple[Figure, ...]]


def questions(
    made: Deployable, on: Sequence[str], backend: str, input_file: str | Path | None, samples: int, stages: Stages
) -> Mapping[str, Callable[[], Answer]]:
    """By part, what is asked; the run is one, whoever looks at it. An LsmError where there is no answer."""
    program = made.program
    given = cache(lambda: _stimulus(made, input_file, samples))
    chosen = cache(lambda: backends.choose(backend, program))
    trace = cache(lambda: trace_of(program, given()[0], None, chosen(), stages))
    return {
        "run": lambda: _run(program, *given(), chosen(), trace()),
        "evaluation": lambda: _evaluation(made, chosen(), stages),
        "parity": lambda: _parity(program, *given(), on, stages),
        "cost": lambda: _cost(program, given()[0], trace()),
        "certificates": lambda: _certificates(made),
    }


def _stimulus(made: Deployable, input_file: str | Path | None, samples: int) -> tuple[Stimulus, str]:
    """What runs: a program is worth running without the data that its spec names, and a large one goes fewer steps."""
    try:
        stimulus, words = stimulus_for(made, input_file, samples)
    except LsmError as error:
        if input_file is not None:
            raise
        warn(f"not run on the spec's data: {error.each()[0].what}")
        stimulus, words = stimulus_for(replace(made, spec=None))
    return _begun(stimulus, words, made.program.network.neurons, _RUN)


def _begun(stimulus: Stimulus, words: str, neurons: int, most: int) -> tuple[Stimulus, str]:
    """So many of its first steps that these times the neurons are no more than `most`, and in words what it is."""
    steps = max(1, most // max(neurons, 1))
    if steps >= len(stimulus.spikes):
        return stimulus, words
    return stimulus.until(steps), f"{words}; its first {text_of(steps)} steps: the network is large"


# --- the run --------------------------------------------------------------------------------------------------------


def _run(program: Program, stimulus: Stimulus, words: str, backend: str, trace: Trace) -> Answer:
    on = Report((Line(f"on {backend}: {words}"),), {"backend": backend, "stimulus": words})
    judged = judge(program, stimulus, trace)
    report = on + report_of_trace(trace, program.network) + report_judgement(judged)
    verdict = next((p.verdict for p in judged.populations if p.verdict != "lively"), "lively")
    rates = [f"{p.name} {p.activity.rate_hz:.3g} Hz" for p in judged.populations if p.level is None]
    more = ["..."] if len(rates) > _NAMED else []
    return report, (Figure("Activity", verdict, ", ".join(rates[:_NAMED] + more)),)


def report_of_trace(trace: Trace, network: QNetwork | None) -> Report:
    """Who fired, and a raster of all of it to look into; network: that ran, where more than its trace is known."""
    report, raster = report_trace(trace, network), raster_of(trace, network, dots=_DOTS)
    blocks = [
        replace(each, raster=raster) if isinstance(each, Picture) and each.name == "raster" else each
        for each in report.blocks
    ]
    return Report(tuple(blocks), report.facts)


# --- the others -----------------------------------------------------------------------------------------------------


def _evaluation(made: Deployable, backend: str, stages: Stages) -> Answer:
    spec = made.spec
    if spec is None:
        what = "a program or a model does not say on what data it would be measured"
        raise MisuseError(what, hint="make the page of the spec")
    if spec.readout is None:
        raise MisuseError("the spec has no readout: nothing answers", hint="add a `readout` section")
    with stages("evaluating") as progress:
        if isinstance(spec.readout, Regression):
            signals = evaluate_regression(spec, backend=backend, progress=progress)
            return report_regression(signals), (_error(signals),)
        classes = evaluate(spec, backend=backend, progress=progress)
        return report_evaluation(classes), (_accuracy(classes),)


def _accuracy(evaluation: Evaluation) -> Figure:
    others = {name: score.accuracy for name, score in evaluation.baselines.items() if score is not None}
    best = max(others, key=others.__getitem__, default=None)
    beside = f"; {ROWS[best]}: {others[best]:.1%}" if best is not None else ""
    note = f"95 % interval {text_of(evaluation.interval('liquid'), INTERVAL)}{beside}"
    return Figure("Accuracy", f"{evaluation.liquid.accuracy:.1%}", note)


def _error(evaluation: RegressionEvaluation) -> Figure:
    best = min(evaluation.baselines, key=lambda name: evaluation.baselines[name].nrmse)
    nrmse = evaluation.liquids[0].liquid.nrmse
    return Figure("NRMSE", f"{nrmse:.3g}", f"{BASELINES[best]}: {evaluation.baselines[best].nrmse:.3g}")


def _parity(program: Program, stimulus: Stimulus, words: str, on: Sequence[str], stages: Stages) -> Answer:
    network, lines = program.network, list[Line]()
    names = tuple(on)
    if not names:
        here = {name: beyond(name, backends.limits_of(name), network) for name in default_sides(False)}
        names = tuple(name for name, lacks in here.items() if not lacks)
        lines = [Line(str(lacks[0])) for lacks in here.values() if lacks]
        if network.synapses > _LARGE:
            names = tuple(name for name in names if name in _OURS)
            lines.append(Line(f"only {' and '.join(names)} are compared: on large networks, others take hours"))
    check_sides(names)
    stimulus, words = _begun(stimulus, words, network.neurons, _COMPARED)
    compared = compare_sides(
        Sides(program, stimulus, words, names), registers=backends.BOARD not in names, stages=stages
    )
    columns: dict[str | Column, Callable[[Verdict], Cell]] = {
        "compared": lambda v: f"{v.names[0]} and {v.names[1]}",
        "verdict": lambda v: "equal" if v.equal else "diverged",
        "values of": lambda v: ", ".join("spikes" if name == "s" else name for name in sorted(v.compared)),
        "compared values": lambda v: sum(v.compared.values()),
        "that differ": lambda v: sum(v.differing.values()),
        "spikes": lambda v: v.spikes[0],
        "first difference": lambda v: where_of(v.divergence) if v.divergence else None,
    }
    tabled = {line for v in compared.verdicts if v.equal for line in report_verdict(v).blocks}  # by the table
    shown = report_comparison(compared)
    rest = [b for b in shown.blocks if b not in tabled and (not compared.equal or not isinstance(b, Picture))]
    blocks = (Heading("backends, side by side"), tabulate(compared.verdicts, columns), *rest, *lines)
    report = Report(blocks, {"backends": list(names), "stimulus": words, **shown.facts})
    diverged = ", ".join(verdict.names[1] for _, verdict in compared.diverged)
    value = "exact" if compared.equal else "diverges"
    note = f"{count(len(names), 'backend')} agree bit for bit" if compared.equal else f"{diverged} from {names[0]}"
    return report, (Figure("Parity", value, note),)


def _cost(program: Program, stimulus: Stimulus, trace: Trace) -> Answer:
    resources = count_resources(program, stimulus, trace)
    steps = max(resources.events.steps, 1)
    energy = resources.estimate.energy
    each = f"{energy.least * 1e9 / steps:.3g} to {energy.most * 1e9 / steps:.3g} nJ"
    return report_resources(resources), (Figure("Energy a step", each, MODELLED),)


def _certificates(made: Deployable) -> Answer:
    proved = certify_any(made)
    certified, neurons = int(proved.certificate.certified.sum()), proved.program.network.neurons
    figure = Figure("Certified", f"{text_of(certified)} of {text_of(neurons)}", "neurons that no input can overflow")
    return report_certificate(proved.program, proved.certificate, proved.attack), (figure,)
