"""Readouts of signals: each figure by another way, states in the right step, and what is wrong, said at once."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

import lsm_deploy as ld
from lsm_deploy.cli import main
from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.core.ir import Stimulus
from lsm_deploy.data import make_frames
from lsm_deploy.learn.listener import listen
from lsm_deploy.learn.regression.blocks import blocks_of
from lsm_deploy.learn.regression.integer import answer, quantise_regressor
from lsm_deploy.learn.regression.linear import fit, predict, to_bits
from lsm_deploy.learn.regression.metrics import nrmse, r2, smape
from lsm_deploy.learn.regression.pairs import check_series, pairs_of
from lsm_deploy.learn.regression.states import frame_features, more_steps, run_float_states, run_states, squared
from lsm_deploy.measure.regression.baselines import autoregression, lagged, nonlinear, persistence, products
from lsm_deploy.measure.regression.units import units_of
from lsm_deploy.measure.sums import Figure, Sums
from lsm_deploy.report.blocks import Line
from lsm_deploy.report.regression import report_regression
from lsm_deploy.report.text import to_text
from lsm_deploy.run import backends
from lsm_deploy.spec.read import load_text
from lsm_deploy.spec.schema import Regression, States
from lsm_deploy.spec.sections import section_from_json, section_to_json

SPEC = """\
dt_ms: 1.0
seed: 1
input: {channels: 1, encoder: {kind: gaussian_population, frame_ms: 5.0, neurons: 8, range: [-1.0, 1.0]}}
populations:
  liquid:
    size: 30
    neuron: {kind: LIF, tau_mem_ms: 10.0, tau_syn_ms: 3.0}
projections:
  - {source: input, target: liquid, topology: {kind: erdos_renyi, in_degree: 3}, weight: 0.4}
  - {source: liquid, target: liquid, topology: {kind: erdos_renyi, in_degree: 4}, weight: 0.02}
target: {board: none}
readout: {population: liquid, target: signal, washout: 10, horizon: 2, features: {kind: states, tau_ms: 10.0}}
"""
SECTION = Regression("liquid", "signal", washout=10, horizon=2)


def wave(frames: int, first: int = 0) -> NDArray[np.float64]:
    t = np.arange(first, first + frames)
    return (np.sin(0.3 * t) * np.cos(0.071 * t))[:, None]


def series(frames: int, first: int = 0, samples: int = 1) -> ld.Frames:
    starts = np.arange(samples) * (frames // samples)
    return make_frames(wave(frames, first), starts)


@pytest.fixture
def spec(tmp_path: Path) -> ld.Spec:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return ld.load(tmp_path / "spec.yaml")


# --- figures ---------------------------------------------------------------------------------------------------------


def test_metrics_are_what_their_definitions_say() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(size=(50, 3)) * [1, 10, 0.1]
    predicted = true + rng.normal(size=true.shape) * [0.1, 3, 0.02]
    shares = [np.mean((predicted[:, i] - true[:, i]) ** 2) / np.var(true[:, i]) for i in range(3)]
    assert nrmse(predicted, true) == pytest.approx(np.sqrt(np.mean(shares)))
    assert r2(predicted, true) == pytest.approx(r2_score(true, predicted))
    terms = [abs(p - t) / (abs(p) + abs(t)) for p, t in zip(predicted.ravel(), true.ravel(), strict=True)]
    assert smape(predicted, true) == pytest.approx(200 * sum(terms) / len(terms))


def test_metrics_at_their_ends() -> None:
    true = np.array([[1.0], [2.0], [3.0]])
    assert (nrmse(true, true), r2(true, true), smape(true, true)) == (0.0, 1.0, 0.0)
    assert nrmse(np.full_like(true, 2.0), true) == pytest.approx(1.0)
    assert smape(-true, true) == 200.0
    assert smape(np.zeros((2, 1)), np.array([[0.0], [1.0]])) == 100.0
    assert nrmse(np.zeros((2, 1)), np.ones((2, 1))) == np.inf


@pytest.mark.parametrize("gap", [0, 3])
def test_blocks_are_contiguous_cover_all_rows_and_keep_their_distance(gap: int) -> None:
    folds = blocks_of(53, 5, gap)
    assert np.concatenate([held for _, held in folds]).tolist() == list(range(53))
    for train, held in folds:
        assert held.tolist() == list(range(held[0], held[-1] + 1))
        assert np.abs(train[:, None] - held).min() == gap + 1
        assert len(train) >= 53 - len(held) - 2 * gap


def test_too_few_rows_for_blocks() -> None:
    with pytest.raises(LsmError, match="too few for 5 blocks"):
        blocks_of(9, 5, 0)
    with pytest.raises(LsmError, match="40 frames apart"):
        blocks_of(60, 2, 40)


# --- the readout -----------------------------------------------------------------------------------------------------


def some(rows: int = 200, features: int = 6) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    rng = np.random.default_rng(1)
    x = rng.integers(-32767, 32768, size=(rows, features))
    x[:, 3] = 7  # constant
    y = np.column_stack([x @ [1, -2, 3, 0, 0.5, 4], x @ [0, 1e-3, 0, 0, 0, 2e-3]]) * 1e-3 + [5, -1]
    return x, y + rng.normal(size=y.shape) * [1.0, 1e-3]


def test_ridge_is_that_of_scikit_learn() -> None:
    x, y = some()
    trained = fit(x, y, replace(SECTION, regularisation=(10.0,)), 0)
    deviation = x.std(axis=0)
    z = (x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    assert predict(trained, x) == pytest.approx(Ridge(10.0).fit(z, y).predict(z))


def test_the_strength_is_the_best_on_held_out_blocks() -> None:
    x, y = some(40)
    trained = fit(x, y, replace(SECTION, regularisation=(1e-6, 1.0, 1e6)), 1)
    errors = []
    for strength in (1e-6, 1.0, 1e6):
        parts = []
        for train, held in blocks_of(40, 5, 1):
            deviation = x[train].std(axis=0)
            scale = np.where(deviation > 0, deviation, 1)
            model = Ridge(strength).fit((x[train] - x[train].mean(axis=0)) / scale, y[train])
            parts.append(model.predict((x[held] - x[train].mean(axis=0)) / scale))
        errors.append(nrmse(np.concatenate(parts), y))
    assert trained.cv_nrmse == pytest.approx(errors, rel=1e-6)
    assert trained.regularisation == (1e-6, 1.0, 1e6)[int(np.argmin(errors))]


def test_online_without_forgetting_is_ridge_on_uncentred_features() -> None:
    x, y = some()
    batch, online = (
        fit(x, y, replace(SECTION, regularisation=(1e-9,), regressor=how), 0) for how in ("ridge", "online")
    )
    assert predict(online, x) == pytest.approx(predict(batch, x), rel=1e-6)
    forgets = fit(x, y, replace(SECTION, regularisation=(1e-9,), regressor="online", forgetting=0.9), 0)
    late = slice(-20, None)
    assert nrmse(predict(forgets, x[late]), y[late]) < nrmse(predict(batch, x[late]), y[late])


@pytest.mark.parametrize(("bits", "error"), [(16, 2e-5), (8, 0.01), (24, 2e-6)])
def test_integers_answer_as_the_floats_do(bits: int, error: float) -> None:
    x, y = some()
    r = fit(x, y, SECTION, 0, to_bits(bits))
    integers = quantise_regressor(r.mean, r.scale, r.coef, r.intercept, bits)
    assert np.abs(integers.weights).max() < 1 << bits - 1
    answers = answer(integers, x)
    sums = np.array([[int(b) for b in integers.biases]], object) + x[:5].astype(object) @ integers.weights.T.astype(
        object
    )
    assert (answers[:5] == sums.astype(np.int64) / integers.scale).all()
    assert nrmse(answers, predict(r, x)) < error


def test_large_features_do_not_lose_digits() -> None:
    x = np.array([[(1 << 40) + 1, 1 << 40], [3, 5]])
    integers = quantise_regressor(np.zeros(2), np.ones(2), np.array([[1.0, -1.0]]), np.zeros(1), 24)
    w = integers.weights[0]
    assert (answer(integers, x)[0] * integers.scale == (w[0] * ((1 << 40) + 1) + w[1] * (1 << 40))).all()


def test_a_bias_too_large_to_be_held_is_refused() -> None:
    x, y = some()
    with pytest.raises(LsmError, match=r"the bias of output 1 is .* too large to be held") as caught:
        fit(x, y + np.array([0, 1e10]), SECTION, 0, to_bits(16))
    assert "take the mean off the target" in str(caught.value)


def test_constant_targets_are_refused() -> None:
    x, _ = some()
    with pytest.raises(LsmError, match="target 0 is 3 in every frame"):
        fit(x, np.full((200, 1), 3.0), SECTION, 0)


# --- states ----------------------------------------------------------------------------------------------------------


def test_every_sample_gets_more_steps() -> None:
    stimulus = Stimulus(np.ones((5, 2), np.int8), np.array([0, 3]))
    longer = more_steps(stimulus)
    assert longer.starts.tolist() == [0, 4]
    assert longer.spikes[:, 0].tolist() == [1, 1, 1, 0, 1, 1, 0]
    longer = more_steps(stimulus, 2)
    assert longer.starts.tolist() == [0, 5]
    assert longer.spikes[:, 0].tolist() == [1, 1, 1, 0, 0, 1, 1, 0, 0]


def test_states_of_spiking_neurons_are_traces_at_the_step_after_each_frame(spec: ld.Spec) -> None:
    data = series(60, samples=2)
    listener, section = listen(spec, data), spec.readout
    assert isinstance(section, Regression)
    run = run_states(listener, section, data)
    longer = more_steps(listener.encode(data))
    spikes = backends.run_program("emulator", listener.program, longer).spikes.astype(np.int64)
    keep, weight = 4096 - 390, 64 * 128  # 4096 (1 - exp(-0.1)) = 389.8
    expected = []
    for start, end in ((0, 151), (151, 302)):
        u = np.zeros(30, np.int64)
        for t in range(start, end):
            u = np.trunc(u * keep / 4096).astype(np.int64) + weight * spikes[t]
            if t > start and (t - start) % 5 == 0:
                expected.append(np.floor(u / 4 + 0.5).astype(np.int64))  # 8192 * 4096 / 390 has 17 bits
    assert run.features.shape == (60, 30)
    assert (run.features == np.array(expected) << 8).all()  # 16 bits as 24
    assert run.steps == 302
    assert run.fired.tolist() == np.count_nonzero(spikes, axis=0).tolist()


def test_float_states_are_about_the_same(spec: ld.Spec) -> None:
    data = series(200)
    listener, section = listen(spec, data), spec.readout
    assert isinstance(section, Regression)
    floats = run_float_states(ld.compile_spec(spec).network, listener, section, data)
    integers = run_states(listener, section, data).features
    assert np.corrcoef(floats.ravel(), integers.ravel())[0, 1] > 0.9


def test_frames_and_squares_are_read_too(spec: ld.Spec) -> None:
    section = replace(spec.readout, features=States("states", tau_ms=10.0, frame=True, squares=True))
    spec = replace(spec, readout=section)
    data = series(80)
    features = run_states(listen(spec, data), section, data).features
    assert features.shape == (80, 62)
    assert features[:, 30] == pytest.approx(data.frames[:, 0] * (1 << 23), abs=1)
    assert features[:, 31:] == pytest.approx(features[:, :31] ** 2 / (1 << 23), abs=0.5)
    model = ld.train_regression(spec, data)
    assert model.integers.weights.shape == (1, 62)


def test_frames_are_read_in_more_bits_than_the_encoder_sends() -> None:
    x = np.array([[-1.0, 5.0], [1.0, 5.0], [2.0**-23, 5.0], [-(2.0**-23), 5.0], [2.0, 6.0]])
    data = make_frames(x, np.array([0]))
    spec = graded(GRADED.replace("channels: 1", "channels: 2").replace(", range: [-1.0, 1.0]", ""))
    listener = listen(spec, make_frames(x[:4], np.array([0])))
    read, most = frame_features(listener, data), (1 << 23) - 1
    assert read.tolist() == [[-most, 0], [most, 0], [1, 0], [-1, 0], [most, 0]]  # a constant channel says nothing
    with pytest.warns(LsmWarning, match="beyond the range"):
        assert (np.clip(np.rint(read / 256), -32767, 32767) == listener.encode(data).spikes[::2]).all()


def test_squares_keep_what_their_features_say() -> None:
    assert squared(np.array([(1 << 23) - 1, -(1 << 22), 3 << 8])).tolist() == [(1 << 23) - 2, 1 << 21, 0]
    assert squared(np.array([65 << 8, 64 << 8])).tolist() == [33, 32]  # of 16 bits both would be 0


def test_pairs_lie_within_their_sample() -> None:
    pairs = pairs_of(series(60, samples=2), SECTION)
    assert pairs.rows.tolist() == [*range(10, 28), *range(40, 58)]
    assert pairs.targets.tolist() == wave(60)[pairs.rows + 2].tolist()


# --- training and answering ------------------------------------------------------------------------------------------


def test_a_model_answers_from_its_file_as_before(spec: ld.Spec, tmp_path: Path) -> None:
    model = ld.train_regression(spec, series(400))
    test = series(200, 400)
    answers = ld.forecast(model, test)
    assert answers.shape == (200, 1)
    assert nrmse(answers[10:-2], test.frames[12:]) < 0.9
    ld.save_model(tmp_path / "a.model", model)
    again = ld.load_model(tmp_path / "a.model")
    assert isinstance(again, ld.RegressionModel)
    assert (ld.forecast(again, test) == answers).all()
    ld.save_model(tmp_path / "b.model", again)
    assert (tmp_path / "a.model").read_bytes() == (tmp_path / "b.model").read_bytes()
    sent = pickle.loads(pickle.dumps(model))
    assert (sent.integers.weights == model.integers.weights).all()
    assert section_from_json(Regression, section_to_json(model.readout)) == model.readout


def test_samples_are_answered_by_themselves(spec: ld.Spec) -> None:
    model = ld.train_regression(spec, series(400))
    both = series(100, samples=2)
    alone = [ld.forecast(model, ld.subset(both, [i])) for i in range(2)]
    assert (ld.forecast(model, both) == np.concatenate(alone)).all()


def test_targets_of_the_data(spec: ld.Spec) -> None:
    section = replace(spec.readout, target="targets", horizon=0)
    x = wave(400)
    targets = np.column_stack([np.roll(x[:, 0], 1), x[:, 0] ** 2])
    data = make_frames(x, np.array([0]), targets=targets, target_names=["before", "square"])
    model = ld.train_regression(replace(spec, readout=section), data)
    assert model.outputs == ("before", "square")
    assert nrmse(ld.forecast(model, data)[10:], targets[10:]) < 0.5
    assert persistence(section, data)[0].tolist() == targets[9].tolist()


def test_an_evaluation_is_what_its_parts_give(spec: ld.Spec) -> None:
    train, test = series(400), series(200, 400)
    evaluation = ld.evaluate_regression(spec, train, test, seeds=2)
    assert evaluation.backend == "fast"  # the one that ran, where nobody chose
    assert [each.seed for each in evaluation.liquids] == [1, 2]
    for i, liquid in enumerate(evaluation.liquids):
        model = ld.train_regression(replace(spec, seed=1 + i), train)
        assert liquid.liquid.nrmse == nrmse(ld.forecast(model, test)[10:-2], test.frames[12:])
        assert liquid.cv_nrmse == model.regressor.error
    facts = evaluation.to_json()
    assert facts["nrmse"] == pytest.approx(np.mean([each.liquid.nrmse for each in evaluation.liquids]))
    assert facts["r2"] == pytest.approx(np.mean([1 - each.liquid.nrmse**2 for each in evaluation.liquids]))
    assert set(facts["baselines"]) == {"persistence", "ar", "nvar", "input", "feedforward"}
    assert facts["baselines"]["persistence"]["nrmse"] == nrmse(test.frames[10:-2], test.frames[12:])
    assert facts["nrmse_float"] > 0
    json.dumps(facts)
    alone = ld.evaluate_regression(spec, train, test, alone=True)
    assert alone.liquids[0].liquid == evaluation.liquids[0].liquid
    assert alone.baselines == {}


def test_units_are_groups_that_are_new_samples_or_blocks_longer_than_the_horizon() -> None:
    train = replace(series(120, samples=4), groups=("a", "b", "c", "d"))
    new = replace(series(120, samples=4), groups=("e", "f", "e", "g"))
    of = units_of(SECTION, train, new)  # samples of 30 frames, of which 30 - 10 - 2 are answered
    assert (of.name, of.of.tolist()) == ("groups", np.repeat([0, 1, 0, 2], 18).tolist())
    for tested, name in (
        (train, "samples of 4 groups"),  # which were trained on
        (replace(new, groups=("e", "f", "e", "f")), "samples of 2 groups"),
        (replace(new, groups=("e", "e", "e", "e")), "samples of 1 group"),
        (replace(new, groups=()), "samples"),
    ):
        of = units_of(SECTION, train, tested)
        assert (of.name, of.of.tolist()) == (name, np.repeat(np.arange(4), 18).tolist())
    one = units_of(SECTION, train, series(212))
    assert (one.name, np.bincount(one.of).tolist()) == ("blocks of time", [10] * 20)
    far = replace(SECTION, horizon=20)
    assert np.bincount(units_of(far, train, series(230)).of).tolist() == [40] * 5
    # Of a short series beside a long one there is no block that is shorter than others.
    unequal = make_frames(wave(1012), np.array([0, 1000]))
    assert np.bincount(units_of(replace(SECTION, washout=0, horizon=1), train, unequal).of).tolist() == [
        51, 50, 51, 50, 51, 50, 51, 50, 51, 50, 51, 50, 51, 50, 51, 50, 51, 50, 51, 50,
    ]  # fmt: skip
    assert units_of(SECTION, train, series(12 + 29)).many == 2  # three blocks would be shorter than ten frames
    assert units_of(replace(SECTION, horizon=99), train, series(10 + 99 + 590)).many == 2
    assert units_of(replace(SECTION, horizon=99), train, series(10 + 99 + 594)).many == 3


def test_intervals_are_over_parts_of_the_series_and_liquids_and_differences_paired(spec: ld.Spec) -> None:
    train, test = series(400), series(200, 400)
    evaluation = ld.evaluate_regression(spec, train, test, seeds=3)
    assert evaluation.over == "18 blocks of time and 3 liquids"
    units = units_of(spec.readout, train, test)
    squares = {
        "liquid": np.stack([np.bincount(units.of, ((e.forecasts["liquid"] - evaluation.true) ** 2)[:, 0])
                            for e in evaluation.liquids]),
        "persistence": np.bincount(units.of, ((test.frames[10:-2] - test.frames[12:]) ** 2)[:, 0])[None],
    }  # fmt: skip
    frames, variance = np.bincount(units.of), evaluation.true.var()
    sums = Sums({name: np.stack([each / variance, np.tile(frames, (len(each), 1))], axis=2)
                 for name, each in squares.items()})  # fmt: skip
    rmse = Figure(lambda of: np.sqrt(of[..., 0] / of[..., 1]), less_is_better=True)
    for name in squares:
        spread = evaluation.spread("nrmse", name)
        assert (spread.low, spread.high) == pytest.approx(sums.interval(name, rmse))
        assert spread.mean == pytest.approx(sums.value(name, rmse))
    less, expected = evaluation.difference("liquid", "persistence"), sums.difference("liquid", "persistence", rmse)
    assert (less.mean, less.low, less.high) == pytest.approx((expected.mean, expected.low, expected.high))
    r2s = evaluation.spread("r2")
    assert (r2s.low, r2s.high) == pytest.approx(Sums({"a": sums.sums["liquid"]}).interval(
        "a", Figure(lambda of: 1 - of[..., 0] / of[..., 1])))  # fmt: skip
    smapes = evaluation.spread("smape")
    assert smapes.low < smapes.mean < smapes.high

    facts = evaluation.to_json()
    names = {"liquid", "unrounded", "floats", "feedforward", "persistence", "ar", "nvar", "input"}
    assert {name: set(of) for name, of in facts["differences"].items()} == {name: names - {name} for name in names}
    assert facts["differences"]["liquid"]["persistence"] == {**asdict(less), "says": less.says}
    assert facts["intervals_over"] == evaluation.over
    text = to_text(report_regression(evaluation).blocks)
    assert "of a bootstrap over 18 blocks of time and 3 liquids" in text
    assert re.search(rf"persistence +{less.mean:+.3g} +.* {less.says}", text)
    again = pickle.loads(pickle.dumps(evaluation))
    assert again.difference("liquid", "ar") == evaluation.difference("liquid", "ar")


def test_where_no_interval_can_be_told_there_is_none(spec: ld.Spec) -> None:
    evaluation = ld.evaluate_regression(spec, series(100), series(14, 100), seeds=3)
    assert (evaluation.over, evaluation.difference("liquid", "ar")) == (None, None)
    assert (evaluation.spread("nrmse").low, evaluation.to_json()["differences"]) == (None, {})
    why = "2 answered frames have no 3 blocks of 10: twice the horizon, and 10 at the least"
    assert evaluation.to_json()["why_no_interval"] == why
    assert f"no intervals: {why}" in to_text(report_regression(evaluation).blocks)
    constant = make_frames(np.ones((60, 1)), np.zeros(1, np.int64))
    evaluation = ld.evaluate_regression(spec, series(100), constant)
    assert (evaluation.spread("nrmse").mean, evaluation.over) == (np.inf, None)
    text = to_text(report_regression(evaluation).blocks)
    assert "bootstrap" not in text
    assert "no intervals: an output is constant, and some answer is not it" in text


def test_what_has_no_figure_has_no_difference_and_what_is_nothing_is_refused(spec: ld.Spec) -> None:
    alone = ld.evaluate_regression(spec, series(400), series(200, 400), alone=True)
    assert alone.over == "18 blocks of time"
    assert (alone.difference("liquid", "ar"), alone.difference("liquid", "feedforward")) == (None, None)
    assert (alone.spread("nrmse", "ar"), alone.spread("nrmse", "floats")) == (None, None)
    for ask in (lambda: alone.difference("liquid", "lstm"), lambda: alone.spread("nrmse", "lstm")):
        with pytest.raises(LsmError, match="nothing is called 'lstm' that answers") as caught:
            ask()
        assert caught.value.hint.startswith("ask for liquid, unrounded")
    with pytest.raises(LsmError, match="there is no figure 'mse'"):
        alone.difference("liquid", "unrounded", "mse")


def test_overflow_is_that_of_all_liquids(spec: ld.Spec) -> None:
    evaluation = ld.evaluate_regression(spec, series(100), series(50, 100), seeds=2)
    counted = [
        replace(each, counts={"u_wraps": many, "v_saturations": 0})
        for each, many in zip(evaluation.liquids, (0, 3), strict=True)
    ]
    lines = [
        block.text
        for liquids in (counted, counted[:1])
        for block in report_regression(replace(evaluation, liquids=tuple(liquids))).blocks
        if isinstance(block, Line) and block.text.startswith("overflow")
    ]
    assert lines == ["overflow: 3 wraps of u", "overflow: none"]


# --- baselines -------------------------------------------------------------------------------------------------------


def test_lags_stay_within_a_sample() -> None:
    data = make_frames(np.arange(6.0)[:, None], np.array([0, 3]))
    assert lagged(data, 3, 1).tolist() == [
        [0, 0, 0], [1, 0, 0], [2, 1, 0], [3, 3, 3], [4, 3, 3], [5, 4, 3]
    ]  # fmt: skip
    assert lagged(data, 2, 2)[:, 1].tolist() == [0, 0, 0, 3, 3, 3]


def test_products_are_all_of_them() -> None:
    assert products(np.array([[2.0, 3.0]])).tolist() == [[2, 3, 4, 6, 9]]


def test_autoregressions_find_what_they_can_tell() -> None:
    rng = np.random.default_rng(0)
    linear, squared_ = np.zeros(600), np.zeros(600)
    for t in range(2, 600):
        linear[t] = 1.2 * linear[t - 1] - 0.6 * linear[t - 2] + rng.normal()
        squared_[t] = 1.0 - 1.4 * squared_[t - 1] ** 2 + 0.3 * squared_[t - 2]  # Hénon's map
    section = Regression("liquid", "signal", washout=10, horizon=1)
    train, test = (make_frames(linear[part, None], np.array([0])) for part in (slice(400), slice(400, None)))
    answers, _ = autoregression(section, train, test)
    residue = answers[:, 0] - linear[411:]
    assert np.std(residue) == pytest.approx(1.0, abs=0.15)  # the noise, and no more
    train, test = (make_frames(squared_[part, None], np.array([0])) for part in (slice(400), slice(400, None)))
    assert nrmse(nonlinear(section, train, test)[0], test.frames[11:]) < 1e-3
    assert nrmse(autoregression(section, train, test)[0], test.frames[11:]) > 0.3


# --- what is wrong ---------------------------------------------------------------------------------------------------


def test_what_a_series_is_too_short_for_is_said_of_both_parts() -> None:
    with pytest.raises(LsmError) as caught:
        check_series(replace(SECTION, washout=50), series(40), series(30, 40))
    assert len(caught.value.each()) == 2
    assert "40 frames: a washout of 50 and a horizon of 2 leave none" in str(caught.value)
    with pytest.raises(LsmError, match="the horizon lies 90 frames ahead: no frame has its answer"):
        check_series(replace(SECTION, horizon=90), series(40))


def test_what_is_too_large_to_be_squared_is_said() -> None:
    huge = make_frames(wave(40) * 1e200, np.zeros(1, np.int64))
    with pytest.raises(LsmError, match=r"is to be answered reaches .*, and its squares overflow"):
        check_series(SECTION, huge)


def test_a_signal_where_labels_are_needed_and_the_other_way_round(spec: ld.Spec, tmp_path: Path) -> None:
    labelled = make_frames(wave(40), np.arange(4) * 10, ["a", "b"] * 2)
    with pytest.raises(LsmError, match="labels and no targets"):
        ld.train_regression(replace(spec, readout=replace(spec.readout, target="targets", washout=2)), labelled)
    with pytest.raises(LsmError, match="answers signals, and classes are asked for"):
        ld.train(spec, labelled)
    with pytest.raises(LsmError, match="answers signals, and classes are asked for"):
        ld.predict(ld.train_regression(spec, series(200)), labelled)  # type: ignore[arg-type]
    classes = tmp_path / "classes.yaml"
    classes.write_text(SPEC.replace("target: signal, washout: 10, horizon: 2, features: {kind: states, tau_ms: 10.0}",
                                    "features: {kind: bins}"))  # fmt: skip
    with pytest.raises(LsmError, match="tells classes apart, and a signal is asked for"):
        ld.train_regression(ld.load(classes), series(200))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (
            "horizon: 2",
            "horizon: 0",
        ),
        ("washout: 10", "washout: -1"),
    ],
)
def test_bounds(written: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.replace(written, words))
    with pytest.raises(LsmError, match=words.split(":")[0]):
        ld.load(tmp_path / "spec.yaml")


def test_contradictions_are_said_at_once(tmp_path: Path) -> None:
    text = SPEC.replace("population: liquid, target", "population: liquit, target").replace(
        "tau_ms: 10.0", "tau_ms: 0.01"
    )
    text = (
        text.replace("population: liquit", "population: [liquit, liquid]") + "samples: {policy: interval, steps: 100}\n"
    )
    (tmp_path / "spec.yaml").write_text(text)
    with pytest.raises(LsmError) as caught:
        ld.load(tmp_path / "spec.yaml")
    said = str(caught.value)
    assert "there is no population 'liquit'" in said
    assert "traces of 0.01 ms" in said
    assert "runs each sample by itself" in said


def test_a_damaged_model_is_refused(spec: ld.Spec) -> None:
    from lsm_deploy.learn.model import model_from_parts, model_to_parts

    model = ld.train_regression(spec, series(200))
    meta, arrays = model_to_parts(model)
    for name, wrong in (
        ("coef", np.zeros((1, 5))),
        ("outputs", np.zeros(1)),
        ("integer.weights", np.full((1, 30), 1 << 30)),
        ("integer.scale", np.array([0.0])),
        ("regularisation", np.zeros(2)),
        ("feature_bits", np.array([16])),
    ):
        with pytest.raises(LsmError, match="the model is not valid"):
            model_from_parts(model.program, meta, {**arrays, name: wrong})
        left = {key: value for key, value in arrays.items() if key != name}
        with pytest.raises(LsmError, match="the model is not valid"):
            model_from_parts(model.program, meta, left)


# --- commands --------------------------------------------------------------------------------------------------------


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, frames, first in (("train", 400, 0), ("test", 200, 400)):
        np.savez(tmp_path / f"{name}.npz", frames=wave(frames, first), starts=[0])
    spec, model = tmp_path / "spec.yaml", tmp_path / "out.model"
    spec.write_text(SPEC)

    def run(*arguments: object) -> str:
        assert main([str(a) for a in arguments], standalone_mode=False) in (0, None)
        return capsys.readouterr().out

    data = ("--train", tmp_path / "train.npz", "--test", tmp_path / "test.npz")
    facts = json.loads(run("eval", spec, *data, "--json", "--seeds", 2))
    assert {"nrmse", "r2", "smape", "nrmse_float", "baselines"} <= set(facts)
    assert "linear autoregression" in run("eval", spec, *data, "--picture", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "cross-validated NRMSE" in run("train", spec, "--train", tmp_path / "train.npz", "-o", model)
    assert "2 frames ahead" in run("inspect", model)
    lines = run("predict", model, tmp_path / "test.npz").splitlines()
    answers = json.loads(run("predict", model, tmp_path / "test.npz", "--json"))["forecasts"]
    assert [float(line) for line in lines] == pytest.approx([row[0] for row in answers], rel=1e-8)
    test = make_frames(wave(200, 400), np.array([0]))
    assert answers == ld.forecast(ld.load_model(model), test).tolist()


# --- graded neurons --------------------------------------------------------------------------------------------------

GRADED = """\
dt_ms: 1.0
seed: 1
input: {channels: 1, encoder: {kind: graded, frame_ms: 2.0, range: [-1.0, 1.0]}}
populations:
  reservoir: {size: 20, neuron: {kind: GradedLI, activation: tanh, leak_rate: 0.5}}
projections:
  - source: input
    target: reservoir
    topology: {kind: all_to_all}
    weight: {distribution: uniform, low: -0.5, high: 0.5}
  - source: reservoir
    target: reservoir
    topology: {kind: erdos_renyi, in_degree: 5}
    weight: {distribution: uniform, low: -1.0, high: 1.0}
    spectral_radius: 0.8
target: {board: none}
readout: {population: reservoir, target: signal, washout: 20, horizon: 2}
"""


def graded(text: str = GRADED) -> ld.Spec:
    return load_text(text, Path("spec.yaml"))


def test_states_of_graded_neurons_are_messages_in_the_step_after_each_frame() -> None:
    spec, data = graded(), series(60, samples=2)
    listener, section = listen(spec, data), spec.readout
    assert isinstance(section, Regression)
    features = run_states(listener, section, data).features
    spikes = backends.run_program("emulator", listener.program, more_steps(listener.encode(data))).spikes
    assert (features == np.concatenate([spikes[2:61:2], spikes[63:122:2]]).astype(np.int64) << 8).all()
    floats = run_float_states(ld.compile_spec(spec).network, listener, section, data)
    assert features / (1 << 23) == pytest.approx(floats, abs=0.02)


def test_a_graded_reservoir_forecasts_and_its_recurrence_pays() -> None:
    facts = ld.evaluate_regression(graded(), series(600), series(300, 600)).to_json()
    assert facts["nrmse"] < 0.05
    assert facts["nrmse"] < 5 * facts["nrmse_float"]
    assert facts["nrmse"] < 0.5 * facts["baselines"]["feedforward"]["nrmse"]


def test_neurons_that_send_in_other_steps_than_are_read_are_refused() -> None:
    with pytest.raises(LsmError, match="its neurons send in step 0 of 3, and are read after each 2 steps"):
        ld.train_regression(graded(GRADED.replace("leak_rate: 0.5", "leak_rate: 0.5, period: 3")), series(100))
    with pytest.raises(LsmError, match="its neurons send in step 1 of 2"):
        ld.train_regression(
            graded(GRADED.replace("leak_rate: 0.5", "leak_rate: 0.5, period: 2, phase: 1")), series(100)
        )
    odd = GRADED.replace("frame_ms: 2.0", "frame_ms: 3.0").replace(
        "leak_rate: 0.5", "leak_rate: 0.5, period: 2, phase: 1"
    )
    with pytest.raises(LsmError, match="in step 1 of 2, and are read after each 3 steps"):  # that is step 1, 0, 1 ...
        ld.train_regression(graded(odd), series(100))
    ld.train_regression(graded(GRADED.replace("leak_rate: 0.5", "leak_rate: 0.5, period: 2")), series(100))


def test_a_program_that_takes_other_messages_is_refused() -> None:
    listener = listen(graded(), series(60))
    fewer = graded(GRADED.replace("kind: graded,", "kind: graded, message_bits: 12,"))
    with pytest.raises(ValueError, match="the input is integers from -2047 to 2047, and the program takes"):
        replace(listener, input=fewer.input)


def test_saturated_states_are_said() -> None:
    text = GRADED.replace("spectral_radius: 0.8", "spectral_radius: 50.0").replace("leak_rate: 0.5", "leak_rate: 1.0")
    with pytest.warns(LsmWarning, match="'reservoir' is saturated"):
        ld.train_regression(graded(text), series(300))
