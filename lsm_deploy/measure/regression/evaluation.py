"""Train a readout of signals on compiled liquids, answer with it, and measure it beside honest baselines.

Features are the integer messages of the program as it would be deployed, and answers come from integer weights. On the
same split, with the same section, each liquid (the spec with another seed) is also

    floats      run as the float liquid that the program stands for, with a readout in floats: what deployment costs
    unrounded   the deployed liquid, with a readout in floats
    feedforward the same program with every synapse between neurons cut: what recurrence adds
    on_chip     the deployed liquid with output neurons that answer in the place of the host, where that is asked for

and beside them all stand the `baselines`, which depend on no liquid. Every liquid and baseline answers the same frames.
The first `washout` frames of the test series are not answered. Intervals are over parts of the test data (`units`) and
liquids together, and differences paired.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.errors import MisuseError
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Pieces, Progress
from lsm_deploy.core.shown import Brief, Reported
from lsm_deploy.data import Frames, Raw, check_split, load_data, require_there
from lsm_deploy.data.front import frames_for, recordings
from lsm_deploy.learn.known import known_states
from lsm_deploy.learn.listener import Listener, listen
from lsm_deploy.learn.regression.integer import answer
from lsm_deploy.learn.regression.linear import Regressor, fit, predict, quantised, to_bits
from lsm_deploy.learn.regression.metrics import Errors, errors_of
from lsm_deploy.learn.regression.model import forecast, on_the_chip, regression_of, require_states
from lsm_deploy.learn.regression.output_neurons import check_features
from lsm_deploy.learn.regression.pairs import Pairs, check_series, output_names, pairs_of
from lsm_deploy.learn.regression.states import StatesRun, run_float_states
from lsm_deploy.measure.evaluation.liquids import without_recurrence
from lsm_deploy.measure.regression.baselines import autoregression, input_alone, nonlinear, persistence
from lsm_deploy.measure.regression.units import FIGURES, LEAST_FRAMES, Units, block_of, summed, units_of
from lsm_deploy.measure.sums import Sums
from lsm_deploy.measure.uncertainty import FEWEST, Difference, Spread
from lsm_deploy.run import backends
from lsm_deploy.run.work import completed
from lsm_deploy.spec.schema import Data, Regression, Spec

__all__ = ["LiquidForecast", "RegressionEvaluation", "evaluate_regression"]

OF_LIQUIDS = ("liquid", "unrounded", "floats", "feedforward", "on_chip")
"""What answers of a liquid."""


@dataclass(frozen=True, eq=False, repr=False)
class LiquidForecast(Brief):
    """One liquid: the errors of the deployed integers, of the same with a readout in floats, of the float liquid, and
    with its recurrence cut (None where it has none, or where that was not asked for). cv_nrmse: of the deployed
    integers, on held-out blocks of the training data. forecasts: `[pair, output]`, of the deployed one and, as far as
    there are such, the float one and that on the chip. sums: by what answered, what `units.FIGURES` are of,
    `[unit, sum]`. on_chip: of output neurons, if these were asked for."""

    seed: int
    liquid: Errors
    unrounded: Errors
    floats: Errors | None
    feedforward: Errors | None
    cv_nrmse: float
    regularisation: float
    counts: Mapping[str, int]
    forecasts: Mapping[str, Floats]
    sums: Mapping[str, Floats]
    on_chip: Errors | None = None

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, "counts", forecasts="f8", sums="f8")

    def to_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            **self.liquid.to_json(),
            "nrmse_unrounded": self.unrounded.nrmse,
            "nrmse_float": self.floats.nrmse if self.floats else None,
            "nrmse_feedforward": self.feedforward.nrmse if self.feedforward else None,
            "nrmse_on_chip": self.on_chip.nrmse if self.on_chip else None,
            "cv_nrmse": self.cv_nrmse,
            "regularisation": self.regularisation,
            "counts": dict(self.counts),
        }


@dataclass(frozen=True, eq=False, repr=False)
class RegressionEvaluation(Reported):
    """Liquids and baselines on the same frames of a test series. chosen: what a baseline chose, in words.

    outputs: their names; true `[pair, output]`: what the answers should be. baseline_sums: as those of liquids, of
    `units`. seconds: what all of it took.
    """

    _short = ("liquids", "outputs", "train_frames", "test_frames", "backend")

    backend: str
    section: Regression
    train_frames: int
    test_frames: int
    outputs: tuple[str, ...]
    liquids: tuple[LiquidForecast, ...]
    baselines: Mapping[str, Errors]
    chosen: Mapping[str, str]
    baseline_sums: Mapping[str, Floats]
    units: str
    true: Floats
    seconds: float

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, "baselines", "chosen", true="f8", baseline_sums="f8")

    @cached_property
    def _sums(self) -> Sums | None:
        """None where no interval can be told."""
        of_liquids = {name: np.stack([each.sums[name] for each in self.liquids]) for name in self.liquids[0].sums}
        every = {**of_liquids, **{name: each[None] for name, each in self.baseline_sums.items()}}
        return None if self.why_no_interval else Sums(every, self.units)

    @property
    def why_no_interval(self) -> str:
        """Why there are no intervals, of NRMSE, R2 and sMAPE alike; empty where there are."""
        sums = [*(each for liquid in self.liquids for each in liquid.sums.values()), *self.baseline_sums.values()]
        if len(sums[0]) < FEWEST:
            block = block_of(self.section)
            return (
                f"{len(self.true)} answered frames have no {FEWEST} blocks of {block}: twice the horizon, and"
                f" {LEAST_FRAMES} at the least"
            )
        return (
            "" if all(np.isfinite(each).all() for each in sums) else "an output is constant, and some answer is not it"
        )

    @property
    def over(self) -> str | None:
        """What intervals are over: `20 blocks of time and 5 liquids`; None where there are none."""
        return self._sums.over if self._sums else None

    def spread(self, what: str, who: str = "liquid") -> Spread | None:
        """A figure (nrmse, r2 or smape) of the liquids, or of a baseline, with its interval over parts of the test data
        and liquids; None where one of them has none."""
        self._require(what, who)
        of_liquids = who in OF_LIQUIDS
        errors = [getattr(each, who) for each in self.liquids] if of_liquids else [self.baselines.get(who)]
        if None in errors:
            return None
        values = [getattr(each, what) for each in errors]
        low, high = self._sums.interval(who, FIGURES[what]) if self._sums else (None, None)
        return Spread(float(np.mean(values)), low, high, min(values), max(values))

    def difference(self, name: str, other: str, what: str = "nrmse") -> Difference | None:
        """How much better one answers than another, of an error how much less: of two of liquid, unrounded, floats,
        feedforward, on_chip and the baselines. None where one of them has no figure, or no interval can be told."""
        self._require(what, name, other)
        if self._sums is None or not {name, other} <= {*self._sums.sums}:
            return None
        return self._sums.difference(name, other, FIGURES[what])

    @staticmethod
    def _require(what: str, *names: str) -> None:
        """A MisuseError where there is no such figure, or nothing that could be called so."""
        if what not in FIGURES:
            raise MisuseError(f"there is no figure {what!r}", hint=f"ask for {', '.join(FIGURES)}")
        known = (*OF_LIQUIDS, "persistence", *_BASELINES)
        if strange := [name for name in names if name not in known]:
            raise MisuseError(f"nothing is called {strange[0]!r} that answers", hint=f"ask for {', '.join(known)}")

    def _differences(self) -> dict[str, dict[str, Any]]:
        names = list(self._sums.sums) if self._sums else []
        of = {one: {other: self.difference(one, other) for other in names if other != one} for one in names}
        return {
            one: {other: {**asdict(d), "says": d.says} for other, d in each.items() if d} for one, each in of.items()
        }

    def to_json(self) -> dict[str, Any]:
        """What `eval --json` prints: means over liquids, then what they come from."""

        def mean(what: str, who: str = "liquid") -> float | None:
            spread = self.spread(what, who)
            return spread.mean if spread else None

        every = {what: self.spread(what) for what in FIGURES}
        feedforward = {what: mean(what, "feedforward") for what in FIGURES}
        return {
            **{what: mean(what) for what in FIGURES},
            "nrmse_float": mean("nrmse", "floats"),
            "baselines": {
                "feedforward": feedforward if feedforward["nrmse"] is not None else None,
                **{name: errors.to_json() for name, errors in self.baselines.items()},
            },
            "nrmse_unrounded": mean("nrmse", "unrounded"),
            "nrmse_on_chip": mean("nrmse", "on_chip"),
            "chosen": dict(self.chosen),
            "intervals_over": self.over,
            "why_no_interval": self.why_no_interval or None,
            "spread": {what: asdict(spread) for what, spread in every.items() if spread},
            "differences": self._differences(),
            "backend": self.backend,
            "target": self.section.target,
            "horizon": self.section.horizon,
            "washout": self.section.washout,
            "outputs": list(self.outputs),
            "train_frames": self.train_frames,
            "test_frames": self.test_frames,
            "answered_frames": len(self.true),
            "liquids": [liquid.to_json() for liquid in self.liquids],
            "seconds": self.seconds,
        }


def evaluate_regression(
    spec: Spec,
    train: Raw | str | Path | None = None,
    test: Raw | str | Path | None = None,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    *,
    seeds: int = 1,
    alone: bool = False,
    on_chip: bool = False,
    executor: Executor | None = None,
) -> RegressionEvaluation:
    """Train on `train` and measure on `test` (the spec's own, if neither is given), with all baselines.

    Either may be a file or a folder. seeds: liquids of the spec's own seed and those after it. alone: without floats,
    ablation and baselines. on_chip: with output neurons, too; an LsmError for features that synapses do not carry.
    executor: where each liquid is evaluated; here, one by one, if none is given. What comes out does not depend on it.
    """
    section, begun = regression_of(spec), time.perf_counter()
    if seeds < 1:
        raise MisuseError(f"{seeds} liquids are asked for", where="eval", hint="ask for at least 1")
    frames = _frames(spec, train, test)
    check_split(*frames, spec.data is not None and spec.data.shared_groups, target=section.target)
    check_series(section, *frames)
    pieces = Pieces(progress, seeds)
    units = units_of(section, *frames)
    asked = _Asked(spec, frames, units, backend, alone, on_chip, pieces.within if executor is None else None)
    done: dict[int, tuple[LiquidForecast, str]] = {}
    for index, evaluated in completed(_one, asked, [spec.seed + i for i in range(seeds)], executor):
        done[index] = evaluated
        pieces.next()
    liquids, ran_on = zip(*(done[i] for i in range(seeds)), strict=True)
    true = pairs_of(frames[1], section).targets
    answers: dict[str, Floats] = {} if alone else {"persistence": persistence(section, frames[1])}
    chosen: dict[str, str] = {}
    for name, baseline in {} if alone else _BASELINES.items():
        answers[name], chosen[name] = baseline(section, *frames)
    return RegressionEvaluation(
        backend=ran_on[-1],
        section=section,
        train_frames=len(frames[0].frames),
        test_frames=len(frames[1].frames),
        outputs=output_names(frames[0], section),
        liquids=liquids,
        baselines={name: errors_of(each, true) for name, each in answers.items()},
        chosen=chosen,
        baseline_sums={name: summed(each, true, units) for name, each in answers.items()},
        units=units.name,
        true=true,
        seconds=time.perf_counter() - begun,
    )


_BASELINES: Mapping[str, Callable[[Regression, Frames, Frames], tuple[Floats, str]]] = {
    "ar": autoregression,
    "nvar": nonlinear,
    "input": input_alone,
}


def _frames(spec: Spec, train: Raw | str | Path | None, test: Raw | str | Path | None) -> tuple[Frames, Frames]:
    if train is None and test is None:
        train, test = load_data(spec.data or Data(), spec.resampled_hz)
    if train is None or test is None:
        raise MisuseError("training and test data come together", hint="give both, or neither to use the spec's")
    require_there(train, test)
    return frames_for(recordings(train, spec), spec, "train"), frames_for(recordings(test, spec), spec, "test")


@dataclass(frozen=True)
class _Asked:
    """What all liquids share. within: who is told how far one of them is, if that is in this process."""

    spec: Spec
    frames: tuple[Frames, Frames]
    units: Units
    backend: str
    alone: bool
    on_chip: bool
    within: Progress | None


def _one(asked: _Asked, seed: int) -> tuple[LiquidForecast, str]:
    """The liquid of a seed on one split, and the backend that it ran on."""
    spec, (train, test) = replace(asked.spec, seed=seed), asked.frames
    section, alone, on_chip = regression_of(spec), asked.alone, asked.on_chip
    compiled = compile_spec(spec)
    backend = backends.choose(asked.backend, compiled.program)
    listener = listen(spec, train, compiled.program)
    if on_chip:
        check_features(listener, section)
    pairs, pairs_test = pairs_of(train, section), pairs_of(test, section)
    cut = None if alone else without_recurrence(compiled.program)
    runs = _Runs(asked.within, 2 * (1 + (not alone) + (cut is not None)) + on_chip)

    def states(of: Listener) -> tuple[StatesRun, StatesRun]:
        training = known_states(of, section, train, "train", backend, runs.next(), warn=of is listener)
        return training, known_states(of, section, test, "test", backend, runs.next())

    training, testing = states(listener)
    require_states(training, section)
    x, x_test = training.features[pairs.rows], testing.features[pairs_test.rows]
    regressor, forecasts = _integers(section, x, pairs, x_test)
    in_floats = fit(x, pairs.targets, section, section.horizon)
    answers = {"liquid": forecasts, "unrounded": predict(in_floats, x_test)}
    if cut is not None:
        trained_cut, asked_cut = states(replace(listener, program=cut))
        cut_x, cut_test = trained_cut.features[pairs.rows], asked_cut.features[pairs_test.rows]
        answers["feedforward"] = _integers(section, cut_x, pairs, cut_test)[1]
    if not alone:
        z = run_float_states(compiled.network, listener, section, train, "train", runs.next())
        z_test = run_float_states(compiled.network, listener, section, test, "test", runs.next())
        of_floats = fit(z[pairs.rows], pairs.targets, section, section.horizon)
        answers["floats"] = predict(of_floats, z_test[pairs_test.rows])
    if on_chip:
        chip = on_the_chip(spec, listener, training, train)
        answers["on_chip"] = forecast(chip, test, backend, runs.next())[pairs_test.rows]
    errors = {name: errors_of(each, pairs_test.targets) for name, each in answers.items()}
    liquid = LiquidForecast(
        seed=spec.seed,
        liquid=errors["liquid"],
        unrounded=errors["unrounded"],
        floats=errors.get("floats"),
        feedforward=errors.get("feedforward"),
        cv_nrmse=regressor.error,
        regularisation=regressor.regularisation,
        counts={name: training.counts[name] + testing.counts.get(name, 0) for name in training.counts},
        forecasts={name: answers[name] for name in ("liquid", "floats", "on_chip") if name in answers},
        sums={name: summed(each, pairs_test.targets, asked.units) for name, each in answers.items()},
        on_chip=errors.get("on_chip"),
    )
    return liquid, backend


def _integers(section: Regression, x: Any, pairs: Pairs, x_test: Any) -> tuple[Regressor, Floats]:
    deployed = to_bits(section.weight_bits)
    regressor = fit(x, pairs.targets, section, section.horizon, deployed)
    return regressor, answer(quantised(regressor, deployed), x_test)


class _Runs:
    """Turns the progress of several runs into one, as if they were equally long."""

    def __init__(self, progress: Progress | None, runs: int) -> None:
        self.progress, self.runs, self.run = progress, runs, -1

    def next(self) -> Progress | None:
        self.run += 1
        run, progress = self.run, self.progress
        if progress is None:
            return None
        return lambda done, total: progress(run * _PARTS + _PARTS * done // max(total, 1), self.runs * _PARTS)


_PARTS = 1000
"""That the progress of a run is told in."""
