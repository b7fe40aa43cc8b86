"""Reservoirs that hindcast: each origin and lead chooses one of many before the origin, and others of its kind answer.

The choice is made on a reservoir that answers nothing: by the least error of its deployed integers on blocks that are
held out of the frames before the origin. Those that answer have other seeds. States after a frame depend on frames up
to it alone, so one run over the series serves all that is trained on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

import lsm_deploy as ld
from bench.climate.hindcast import FORMS, Fold, Task, baselines, folds, forms, section_of, values_of
from bench.workers import ROOT
from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import Frames
from lsm_deploy.learn.listener import listen
from lsm_deploy.learn.regression.integer import answer
from lsm_deploy.learn.regression.linear import Regressor, fit, predict, quantised, to_bits
from lsm_deploy.learn.regression.states import run_float_states, run_states
from lsm_deploy.measure.evaluation.liquids import without_recurrence
from lsm_deploy.spec.schema import Regression

__all__ = ["CANDIDATES", "LIQUIDS", "Answers", "Candidate", "candidates_of", "hindcast"]

CHOOSING, ANSWERING = 0, (1, 2, 3, 4, 5)
"""Seeds."""
LIQUIDS = ("liquid", "floats", "feedforward")


@dataclass(frozen=True)
class Candidate:
    """form: what it is shown. weight: the largest of an input synapse."""

    form: str
    radius: float
    leak_rate: float
    weight: float


CANDIDATES = tuple(Candidate(*each) for each in product(FORMS, (0.5, 0.9, 1.1), (0.1, 0.3, 1.0), (0.1, 0.5)))
"""All that was tried: this grid was written down before any hindcast was made, and not changed after."""


def candidates_of(task: Task) -> tuple[Candidate, ...]:
    """Of a series without seasons one form is enough."""
    return tuple(each for each in CANDIDATES if task.season > 1 or each.form == FORMS[0])


@dataclass(frozen=True)
class Answers:
    """Of one origin and lead: forecasts `[liquid, row]` by what answered, and what was chosen."""

    lead: int
    targets: Any
    truth: Floats
    forecasts: dict[str, Floats]
    chosen: Candidate
    ar: str


def hindcast(task: Task, origin: int, candidates: Sequence[Candidate], seeds: Sequence[int]) -> list[Answers]:
    """The forecasts of all leads from one origin until the next."""
    values = values_of(task)
    every = [each for lead in task.leads for each in folds(task, values, lead) if each.origin == origin]
    shown = dict(forms(every[0], values))
    errors: dict[int, dict[Candidate, float]] = defaultdict(dict)
    for candidate in candidates:
        spec = spec_of(task, candidate, CHOOSING, known(shown[candidate.form], origin))
        x = _states(spec, shown[candidate.form], alone=True)["liquid"]
        for fold in every:
            errors[fold.lead][candidate] = _trained(x, fold, section_of(spec)).error
    chosen = {lead: min(of, key=lambda candidate: of[candidate]) for lead, of in errors.items()}
    forecasts: dict[int, dict[str, list[Floats]]] = {lead: {name: [] for name in LIQUIDS} for lead in task.leads}
    for candidate, seed in product(dict.fromkeys(chosen.values()), seeds):
        spec = spec_of(task, candidate, seed, known(shown[candidate.form], origin))
        states = _states(spec, shown[candidate.form])
        for fold in (fold for fold in every if chosen[fold.lead] == candidate):
            for name, x in states.items():
                forecasts[fold.lead][name].append(_forecast(x, fold, section_of(spec)))
    found = []
    for fold in every:
        others, ar = baselines(fold, values, section_of(base()))
        by_name = {name: np.stack(each) for name, each in forecasts[fold.lead].items()}
        by_name |= {name: each[None] for name, each in others.items()}
        found.append(Answers(fold.lead, fold.test + fold.lead, fold.truth, by_name, chosen[fold.lead], ar))
    return found


def base() -> ld.Spec:
    return ld.load(ROOT / "configs" / "el_nino.yaml")


def known(shown: Frames, origin: int) -> tuple[float, float]:
    """A range twice as wide as what is known at the origin, so that a record is no longer cut off than need be."""
    low, high = float(shown.frames[:origin].min()), float(shown.frames[:origin].max())
    return low - (high - low) / 2, high + (high - low) / 2


def spec_of(task: Task, candidate: Candidate, seed: int, limits: tuple[float, float]) -> ld.Spec:
    """`configs/el_nino.yaml`, but for what is chosen, the size and the range."""
    uniform = {"distribution": "uniform", "low": -candidate.weight, "high": candidate.weight}
    return base().with_(
        {
            "seed": seed,
            "data": None,
            "input.encoder.range": list(limits),
            "populations.reservoir.size": task.size,
            "populations.reservoir.neuron.leak_rate": candidate.leak_rate,
            "projections.input->reservoir.weight": uniform,
            "projections.reservoir->reservoir.spectral_radius": candidate.radius,
        }
    )


def _states(spec: ld.Spec, data: Frames, *, alone: bool = False) -> dict[str, Any]:
    """The features `[frame, feature]` of the deployed integers, and, unless alone, of the float reservoir and with
    recurrence cut."""
    section, compiled = section_of(spec), compile_spec(spec)
    listener = listen(spec, data, compiled.program)
    found: dict[str, Any] = {"liquid": run_states(listener, section, data).features}
    if not alone:
        found["floats"] = run_float_states(compiled.network, listener, section, data)
        cut = without_recurrence(compiled.program)
        assert cut is not None
        found["feedforward"] = run_states(replace(listener, program=cut), section, data).features
    return found


def _trained(x: Any, fold: Fold, section: Regression) -> Regressor:
    """A readout of features before the origin; those of integers as they are deployed."""
    deployed = to_bits(section.weight_bits) if x.dtype.kind == "i" else None
    return fit(x[fold.train], fold.learnt, section, fold.lead, deployed)


def _forecast(x: Any, fold: Fold, section: Regression) -> Floats:
    regressor = _trained(x, fold, section)
    if x.dtype.kind == "i":
        return answer(quantised(regressor, to_bits(section.weight_bits)), x[fold.test])[:, 0]
    return predict(regressor, x[fold.test])[:, 0]
