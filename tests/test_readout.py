"""Features against plain Python, the classifier against scikit-learn's own pipeline, and what is refused."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus
from lsm_deploy.learn.readout import (
    Classifier,
    IntegerReadout,
    answers,
    centred,
    decision_function,
    extract_features,
    fit,
    float_features,
    folds_of,
    from_arrays,
    integer_from_arrays,
    integer_to_arrays,
    mean_bins,
    predict,
    quantise_readout,
    scores,
    to_arrays,
    trace_registers,
    width,
)
from lsm_deploy.learn.readout import classifier as classifier_module
from lsm_deploy.learn.readout.folds import random_state
from lsm_deploy.learn.readout.online import WIND_UP, Recursive, start_after
from lsm_deploy.learn.readout.ridge import RidgeFolds, ridge, targets_of
from lsm_deploy.spec.schema import Bins, Rates, Readout, Traces

DT_MS = 0.5
STARTS = np.array([0, 7, 8, 10])
STEPS = 31


def section(part: Any = None, **options: Any) -> Readout:
    return Readout("liquid", part or Bins("bins"), **options)


def raster() -> NDArray[np.int8]:
    return np.random.default_rng(3).integers(-1, 2, (STEPS, 4)).astype(np.int8)  # a ternary kind's are signed


def windows() -> list[range]:
    return [range(a, b) for a, b in zip(STARTS.tolist(), [*STARTS[1:].tolist(), STEPS], strict=True)]


# --- features ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bins", [1, 2, 3, 5])
def test_bins_count_spikes_in_equal_parts_of_each_sample(bins: int) -> None:
    spikes, expected = raster().tolist(), []
    for window in windows():
        row = []
        for k in range(bins):
            part = [t for t in window if k * len(window) // bins <= t - window.start < (k + 1) * len(window) // bins]
            row += [sum(spikes[t][n] for t in part) for n in range(4)]
        expected.append(row)
    got = extract_features(raster(), STARTS, section(Bins("bins", bins)), DT_MS)
    assert got.tolist() == expected
    assert got.dtype == np.int64
    assert got.reshape(4, bins, 4).sum(axis=1).tolist() == [
        [sum(spikes[t][n] for t in window) for n in range(4)] for window in windows()
    ]


@pytest.mark.parametrize("samples", [1, 2, 3, 5])
@pytest.mark.parametrize("tau_ms", [0.1, 4.0, 400.0])
def test_traces_are_integers_step_by_step_and_end_with_the_sample(samples: int, tau_ms: float) -> None:
    du, weight = trace_registers(tau_ms, DT_MS)
    spikes, expected = raster().tolist(), []
    for window in windows():
        trace, history = [0] * 4, [[0] * 4]
        for t in window:
            decayed = [x * (4096 - (du + 1)) for x in trace]
            decayed = [x // 4096 if x >= 0 else -(-x // 4096) for x in decayed]
            trace = [x + (weight << 6) * s for x, s in zip(decayed, spikes[t], strict=True)]
            history.append(trace)
        expected.append([x for k in range(1, samples + 1) for x in history[k * len(window) // samples]])
    got = extract_features(raster(), STARTS, section(Traces("traces", tau_ms, samples)), DT_MS)
    assert got.tolist() == expected
    assert got.dtype == np.int64


@pytest.mark.parametrize("samples", [1, 3])
def test_float_traces_decay_step_by_step_and_integer_ones_follow(samples: int) -> None:
    tau_ms, spikes, expected = 4.0, raster().tolist(), []
    for window in windows():
        trace, history = [0.0] * 4, [[0.0] * 4]
        for t in window:
            trace = [x * math.exp(-DT_MS / tau_ms) + s for x, s in zip(trace, spikes[t], strict=True)]
            history.append(trace)
        expected.append([x for k in range(1, samples + 1) for x in history[k * len(window) // samples]])
    given = raster(), STARTS, section(Traces("traces", tau_ms, samples)), DT_MS
    np.testing.assert_allclose(float_features(*given), expected, rtol=1e-12, atol=1e-12)
    weight = trace_registers(tau_ms, DT_MS)[1]
    assert weight == 128
    np.testing.assert_allclose(extract_features(*given) / (weight << 6), expected, atol=0.01)


@pytest.mark.parametrize("tau_ms", [1.0, 20.0, 300.0, 3e4])
def test_a_trace_is_the_current_of_a_neuron_that_hears_another(tau_ms: float) -> None:
    from lsm_backends import emulator

    du, weight = trace_registers(tau_ms, 1.0)
    registers = {"du": [du], "dv": [0], "vth": [131071], "bias_mant": [0], "bias_exp": [0]}
    population = QPopulation("trace", "LIF", 1, {name: np.array(values) for name, values in registers.items()})
    wire = QProjection(
        "wire", INPUT, "trace", "excitatory", 8, 0, np.array([0, 1]),
        np.zeros(1, np.int32), np.array([weight], np.int16), np.zeros(1, np.uint8),
    )  # fmt: skip
    program = Program(QNetwork(1.0, 1, 0, (population,), (wire,)), np.zeros(1, np.int32), "none")
    for rate in (0.1, 1.0):
        spikes = (np.random.default_rng(1).random((3000, 1)) < rate).astype(np.int8)
        trace = emulator.run(program, Stimulus(spikes, np.zeros(1, np.int64)), ("u",))
        assert trace.counts["u_wraps"] == 0
        given = extract_features(spikes[:-1], np.zeros(1, np.int64), section(Traces("traces", tau_ms, 2999)), 1.0)
        assert given[0].tolist() == trace.registers["u"][1:, 0].tolist()
    if tau_ms > 1e4:  # no larger weight would do
        assert weight < 128
        assert 2 * weight * 64 * 4096 / (du + 1) > 1 << 23


def test_rates_are_counts_of_whole_groups() -> None:
    counts = extract_features(raster(), STARTS, section(Bins("bins", 3)), DT_MS).reshape(4, 3, 4)
    got = extract_features(raster(), STARTS, section(Rates("rates", bins=3)), DT_MS, (3, 1)).reshape(4, 3, 2)
    assert got.tolist() == np.stack([counts[..., :3].sum(axis=-1), counts[..., 3]], axis=-1).tolist()
    got = extract_features(raster(), STARTS, section(Rates("rates", groups=2, bins=3)), DT_MS, (3, 1)).reshape(4, 3, 3)
    assert got.tolist() == np.stack([counts[..., 0], counts[..., 1:3].sum(axis=-1), counts[..., 3]], axis=-1).tolist()
    assert extract_features(raster(), STARTS, section(Rates("rates")), DT_MS)[:, 0].tolist() == [
        int(raster()[list(window)].sum()) for window in windows()
    ]


@pytest.mark.parametrize("part", [Bins("bins", 2), Traces("traces", 9.0, 3), Rates("rates", 2, 5)])
def test_width(part: Any) -> None:
    got = extract_features(raster(), STARTS, section(part), DT_MS, (3, 1))
    assert width(section(part), (3, 1)) == got.shape[1]


def test_silence_is_zero() -> None:
    assert not extract_features(np.zeros((STEPS, 4), np.int8), STARTS, section(Bins("bins", 2)), DT_MS).any()


@pytest.mark.parametrize("parts", [1, 2, 3, 5])
def test_mean_bins(parts: int) -> None:
    frames = np.random.default_rng(4).normal(size=(STEPS, 2))
    expected = []
    for window in windows():
        row = []
        for k in range(parts):
            first = window.start + k * len(window) // parts
            last = max(first + 1, window.start + (k + 1) * len(window) // parts)
            row += [sum(frames[t, c] for t in range(first, last)) / (last - first) for c in range(2)]
        expected.append(row)
    np.testing.assert_allclose(mean_bins(frames, STARTS, parts), expected, rtol=1e-12)


# --- the classifier ------------------------------------------------------------------------------------------------


def blobs(classes: int, each: int = 12, seed: int = 0) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(classes, 6))
    x = np.repeat(centres, each, axis=0) + 0.5 * rng.normal(size=(classes * each, 6))
    order = rng.permutation(len(x))
    x[:, 5] = 7.25  # a feature that never changes
    x[:, 4] = x[:, 4] * 1e6 + 1e7
    return x[order], tuple(str(9 + i // each) for i in order)


@pytest.mark.parametrize("kind", ["ridge", "logistic"])
@pytest.mark.parametrize("classes", [2, 4])
def test_trained_as_scikit_learn_would(kind: Literal["ridge", "logistic"], classes: int) -> None:
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, labels = blobs(classes)
    unseen, _ = blobs(classes, each=50, seed=1)
    strengths = (1000.0, 0.1, 10.0)
    got = fit(x, labels, section(classifier=kind, regularisation=strengths, folds=4), seed=5)

    def pipeline(strength: float) -> Any:
        model = RidgeClassifier(alpha=strength) if kind == "ridge" else LogisticRegression(C=1 / strength)
        return make_pipeline(StandardScaler(), model)

    # Each fold is standardised by itself: nothing of what it is tested on reaches it.
    folds = StratifiedKFold(4, shuffle=True, random_state=random_state(5))
    expected = [cross_val_score(pipeline(s), x, np.array(labels), cv=folds).mean() for s in sorted(strengths)]
    assert got.candidates.tolist() == sorted(strengths)
    np.testing.assert_allclose(got.cv_accuracy, expected, atol=1e-12)
    assert got.regularisation == max(s for s, a in zip(sorted(strengths), expected, strict=True) if a == max(expected))
    theirs = pipeline(got.regularisation).fit(x, np.array(labels)).predict(unseen)
    assert predict(got, unseen) == tuple(theirs)
    assert got.coef.shape == (classes, 6)
    assert got.classes == tuple(str(9 + i) for i in range(classes))  # 9 before 10
    assert got.converged
    assert np.mean(np.array(predict(got, x)) == labels) > 0.8


def test_the_strongest_of_several_that_tie() -> None:
    x = np.array([[0.0], [0.1], [5.0], [5.1]])
    got = fit(x, ("a", "a", "b", "b"), section(regularisation=(0.1, 1.0, 0.01), folds=2), seed=0)
    assert got.cv_accuracy.tolist() == [1.0, 1.0, 1.0]
    assert got.regularisation == 1.0


def test_the_seed_chooses_the_folds_and_may_be_large() -> None:
    x, labels = blobs(4)
    first, again, other = (fit(x, labels, section(), seed) for seed in (2**70, 2**70, 3))
    assert first.cv_accuracy.tolist() == again.cv_accuracy.tolist()
    assert first.coef.tolist() == again.coef.tolist()
    assert first.cv_accuracy.tolist() != other.cv_accuracy.tolist()
    assert len({random_state(seed) for seed in range(100)}) == 100


def test_nothing_to_learn_from_is_no_error() -> None:
    labels = ("a", "b", "b") * 4
    got = fit(np.zeros((12, 3)), labels, section(folds=2), seed=0)
    assert predict(got, np.ones((2, 3))) == ("b", "b")


def test_a_solver_that_gives_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier_module, "MAX_ITERATIONS", 2)
    assert not fit(*blobs(4), section(classifier="logistic"), seed=0).converged


@pytest.mark.parametrize("samples", [15, 60])
def test_ridge_is_scikit_learns(samples: int) -> None:
    """Fewer samples than features, and more; weights; a Gram matrix that folds share."""
    from sklearn.linear_model import RidgeClassifier

    rng = np.random.default_rng(1)
    x, y = 1e3 + rng.normal(size=(samples, 25)), np.arange(samples) % 3
    weights = rng.random(samples) + 0.1
    strengths = (1e-3, 1.0, 300.0)
    for given in (None, weights):
        for strength, (coef, intercept) in zip(strengths, ridge(x, targets_of(y, 3), given, strengths), strict=True):
            theirs = RidgeClassifier(alpha=strength).fit(x, y, given)
            np.testing.assert_allclose(coef, theirs.coef_, atol=1e-6)
            np.testing.assert_allclose(intercept, theirs.intercept_, atol=1e-4)
    held_out = np.arange(0, samples, 3)
    train = np.setdiff1d(np.arange(samples), held_out)
    x[train, 7] = 5.0  # constant but for what is held out
    mean, scale = x[train].mean(axis=0), x[train].std(axis=0)
    scale[7] = np.inf
    shared = RidgeFolds(x, targets_of(y, 3)).solve(held_out, mean, scale, strengths)
    direct = ridge((x[train] - mean) / scale, targets_of(y[train], 3), None, strengths)
    for (coef, intercept), (theirs, bias) in zip(shared, direct, strict=True):
        np.testing.assert_allclose(coef, theirs, atol=1e-8)
        np.testing.assert_allclose(intercept, bias, atol=1e-12)
        assert not coef[:, 7].any()


def test_ridge_where_no_factor_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    x, targets = rng.normal(size=(40, 5)), targets_of(np.arange(40) % 3, 3)
    expected = ridge(x, targets, None, [0.1, 10.0])

    def fails(matrix: Any) -> Any:
        raise np.linalg.LinAlgError

    monkeypatch.setattr(np.linalg, "cholesky", fails)
    for (coef, _), (theirs, _) in zip(ridge(x, targets, None, [0.1, 10.0]), expected, strict=True):
        np.testing.assert_allclose(coef, theirs, atol=1e-12)


@pytest.mark.parametrize("kind", ["ridge", "logistic", "online"])
def test_balanced_classes_count_the_same(kind: Any) -> None:
    rng = np.random.default_rng(2)
    y = np.arange(440) >= 400
    x = rng.normal(size=(440, 1)) + 1.2 * y[:, None]
    labels, options = [str(int(i)) for i in y], {"classifier": kind, "regularisation": (1.0,)}
    plain, balanced = (fit(x, labels, section(class_weight=w, **options), 0) for w in ("none", "balanced"))
    found = [np.mean(np.array(predict(c, x))[y] == "1") for c in (plain, balanced)]
    assert found[0] < 0.3 < 0.5 < found[1]


# --- which features are kept ----------------------------------------------------------------------------------------


def test_the_features_that_differ_most_between_classes_are_kept() -> None:
    from sklearn.feature_selection import SelectKBest, f_classif

    x, labels = blobs(4)
    got = fit(x, labels, section(keep=3), seed=0)
    varying = [0, 1, 2, 3, 4]
    best = SelectKBest(f_classif, k=3).fit(x[:, varying], labels).get_support(indices=True)
    assert got.support.tolist() == [varying[i] for i in best]
    assert got.available == 6
    reordered = x.copy()
    reordered[:, [i for i in range(6) if i not in got.support]] = -77.0
    assert predict(got, reordered) == predict(got, x)
    with pytest.raises(LsmError, match="7 features are to be kept of 6"):
        fit(x, labels, section(keep=7), seed=0)


def test_features_are_selected_within_each_fold() -> None:
    """Of many that are noise, those chosen with the held-out samples in view would answer far better than chance."""
    rng = np.random.default_rng(5)
    x, labels = rng.normal(size=(60, 4000)), ["a", "b"] * 30
    got = fit(x, labels, section(keep=10, regularisation=(1.0,)), seed=0)
    assert got.cv_accuracy[0] < 0.7
    assert np.mean(np.array(predict(got, x)) == labels) > 0.8


# --- what cross-validation keeps together -----------------------------------------------------------------------------


def test_folds_split_neither_a_group_nor_the_copies_of_a_sample() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    groups, origin = rng.integers(0, 9, 120).astype(str), rng.integers(0, 40, 120)
    for given in ({"groups": groups}, {"origin": origin}, {"groups": groups[origin], "origin": origin}):
        found = folds_of(y, 4, 0, **given)
        assert len(found) == 4
        assert sorted(np.concatenate([out for _, out in found]).tolist()) == list(range(120))
        for train, out in found:
            assert sorted([*train, *out]) == list(range(120))
            for names in given.values():
                assert not set(names[train]) & set(names[out])
    # An origin in two groups joins them.
    joined = folds_of(np.array([0, 1] * 3), 3, 0, ["a", "a", "b", "b", "c", "c"], [0, 1, 1, 2, 3, 4])
    assert [len(out) for _, out in joined] in ([4, 2], [2, 4])


@pytest.mark.parametrize("seed", range(5))
def test_folds_without_groups_are_scikit_learns(seed: int) -> None:
    from sklearn.model_selection import StratifiedKFold

    rng = np.random.default_rng(seed)
    y = np.concatenate([np.repeat([3, 0, 2, 1], 4), rng.choice(4, 60 + seed, p=[0.6, 0.2, 0.1, 0.1])])
    rng.shuffle(y)
    folds = 2 + seed % 3
    theirs = StratifiedKFold(folds, shuffle=True, random_state=random_state(seed)).split(np.zeros(len(y)), y)
    for got, expected in zip(folds_of(y, folds, seed), theirs, strict=True):
        np.testing.assert_array_equal(got[0], expected[0])
        np.testing.assert_array_equal(got[1], expected[1])


def test_few_groups_are_held_out_one_by_one() -> None:
    groups = ["x"] * 6 + ["y"] * 4 + ["z"] * 8
    found = folds_of(np.arange(18) % 2, 5, 0, groups)
    assert sorted(len(out) for _, out in found) == [4, 6, 8]
    with pytest.raises(LsmError, match="belong to one group"):
        folds_of(np.arange(18) % 2, 5, 0, ["x"] * 18)
    with pytest.raises(LsmError, match="17 groups or origins for 18 samples"):
        folds_of(np.arange(18) % 2, 5, 0, groups[1:])


def test_groups_are_told_apart_by_cross_validation_and_not_by_the_accuracy_it_reports() -> None:
    """Samples are copies of one of each group: alone, a fold without its group knows nothing of it."""
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(40), 5)
    x, y = rng.normal(size=(40, 60))[group] + 0.01 * rng.normal(size=(200, 60)), np.array(["a", "b"])[group % 2]
    assert fit(x, y.tolist(), section(), 0).cv_accuracy.max() > 0.95
    assert fit(x, y.tolist(), section(), 0, groups=group.tolist()).cv_accuracy.max() < 0.75


@pytest.mark.parametrize("kind", ["ridge", "logistic", "online"])
def test_a_fold_may_lack_a_class(kind: Any) -> None:
    x, _ = blobs(3, each=20)
    rng = np.random.default_rng(8)
    y = rng.permutation(np.repeat(["a", "b", "c"], 20))
    x[:, :3] += 4.0 * (y[:, None] == ["a", "b", "c"])
    groups = np.where(y == "c", "last", rng.integers(0, 4, 60).astype(str))  # all of class c
    got = fit(x, y.tolist(), section(classifier=kind, regularisation=(0.1, 1.0)), 0, groups=groups.tolist())
    assert 0.5 < got.cv_accuracy.max() < 0.95  # class c is not answered where it is held out
    assert np.mean(np.array(predict(got, x)) == y) > 0.95


# --- online ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forgetting", [1.0, 0.97])
def test_recursive_least_squares_is_weighted_ridge(forgetting: float) -> None:
    rng = np.random.default_rng(3)
    x, targets = rng.normal(size=(150, 4)), rng.normal(size=(150, 2))
    filter_ = Recursive(4, 2, forgetting, 2.0)
    told = [filter_.learn(row, target) for row, target in zip(x, targets, strict=True)]
    weights = forgetting ** np.arange(149, -1, -1.0)
    rows = np.column_stack([x, np.ones(150)])
    information = (rows * weights[:, None]).T @ rows + 2.0 * forgetting**150 * np.eye(5)
    expected = np.linalg.solve(information, (rows * weights[:, None]).T @ targets)
    np.testing.assert_allclose(filter_.weights, expected, atol=1e-9)
    np.testing.assert_allclose(np.tril(filter_.p), np.tril(np.linalg.inv(information)), rtol=1e-7)
    assert told[0].tolist() == [0.0, 0.0]  # what was predicted before a sample was learnt
    at_once = start_after(x, targets, np.ones(150), forgetting, 2.0)
    np.testing.assert_allclose(at_once.weights, expected, atol=1e-9)
    at_once.learn(x[0], targets[0])
    filter_.learn(x[0], targets[0])
    np.testing.assert_allclose(at_once.weights, filter_.weights, atol=1e-9)
    np.testing.assert_allclose(at_once.predict(x[:2]), x[:2] @ at_once.weights[:-1] + at_once.weights[-1])


def test_what_nothing_excites_does_not_wind_up() -> None:
    filter_ = Recursive(3, 1, 0.9, 0.5)
    rng = np.random.default_rng(0)
    for _ in range(5000):  # 0.9 ** -5000 is beyond any float
        filter_.learn(np.array([rng.normal(), 0.0, 0.0]), np.ones(1))
    assert np.trace(filter_.p) <= WIND_UP * 4 / 0.5
    filter_.learn(np.array([0.0, 1.0, 1e-3]), np.zeros(1))
    eigenvalues = np.linalg.eigvalsh(np.tril(filter_.p) + np.tril(filter_.p, -1).T)
    assert eigenvalues.min() > 0
    assert np.isfinite(filter_.weights).all()


def test_online_classifiers_forget_what_is_old() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2000, 1))
    y = (x[:, 0] > 0) ^ (np.arange(2000) < 1500)  # the mapping is turned round, late
    labels = [str(int(i)) for i in y]
    given = {"classifier": "online", "regularisation": (1.0,)}
    stays, forgets = (fit(x, labels, section(forgetting=f, **given), 0) for f in (1.0, 0.98))
    late = [np.mean(np.array(predict(c, x))[1500:] == labels[1500:]) for c in (stays, forgets)]
    assert late[0] < 0.1
    assert late[1] > 0.9


# --- integers --------------------------------------------------------------------------------------------------------


def counts_and_labels() -> tuple[NDArray[np.int64], tuple[str, ...]]:
    rng = np.random.default_rng(7)
    y = np.arange(120) % 4
    rates = rng.gamma(2.0, 4.0, (4, 30))
    return rng.poisson(rates[y]), tuple(str(i) for i in y)


@pytest.mark.parametrize("kind", ["ridge", "logistic", "online"])
def test_integers_answer_as_the_floats_do(kind: Any) -> None:
    x, labels = counts_and_labels()
    found = fit(x, labels, section(classifier=kind, keep=20), 0)
    for bits, least in ((16, 1.0), (8, 0.97)):
        integers = quantise_readout(found, bits)
        got = scores(integers, x)
        assert got.dtype == np.int64
        assert np.abs(integers.weights).max() == (1 << bits - 1) - 1
        # Sums in Python's own integers.
        rows = [
            [sum(int(w) * int(x[s, k]) for w, k in zip(row, integers.support, strict=True)) + int(b)
             for row, b in zip(integers.weights, integers.biases, strict=True)]
            for s in range(5)
        ]  # fmt: skip
        assert got[:5].tolist() == rows
        assert answers(integers, x) == tuple(integers.classes[row.index(max(row))] for row in got.tolist())
        assert np.mean(np.array(answers(integers, x)) == predict(found, x)) >= least
    fine = quantise_readout(found, 16)
    np.testing.assert_allclose(scores(fine, x) / fine.scale, decision_function(found, x), atol=0.01)


def test_integer_scores_are_exact_where_doubles_are_not() -> None:
    weights = np.array([[32767, 1], [32767, 0]])
    readout = IntegerReadout(("a", "b"), 2, np.arange(2), weights, np.zeros(2, np.int64), 1.0)
    x = np.array([[(1 << 46) + 1, 1]])
    assert scores(readout, x).tolist() == [[32767 * ((1 << 46) + 1) + 1, 32767 * ((1 << 46) + 1)]]
    assert answers(readout, x) == ("a",)
    assert answers(readout, np.array([[5, 0]])) == ("a",)  # equal scores go to the lower class


def test_a_weight_far_beyond_the_others_is_clipped() -> None:
    x, labels = counts_and_labels()
    x = np.column_stack([x, np.zeros(120, np.int64)])
    x[3, -1] = 1  # a neuron that spiked once: nothing deviates less
    found = fit(x, labels, section(regularisation=(0.001,)), 0)
    integers = quantise_readout(found, 6)
    rest = np.abs(integers.weights[:, :-1]).max()
    assert np.mean(np.array(answers(integers, x)) == predict(found, x)) > 0.95
    assert rest == 31  # the others have all levels


def test_integers_to_arrays_and_back() -> None:
    x, labels = counts_and_labels()
    integers = quantise_readout(fit(x, labels, section(keep=9), 0), 8)
    arrays = integer_to_arrays(integers)
    again = integer_from_arrays(arrays)
    assert scores(again, x).tolist() == scores(integers, x).tolist()
    assert (again.classes, again.scale) == (integers.classes, integers.scale)
    for name in ("weights", "biases", "classes", "kept"):
        with pytest.raises(ValueError, match="shape"):
            integer_from_arrays({**arrays, f"integer.{name}": arrays[f"integer.{name}"][:-1]})
    with pytest.raises(ValueError, match="16 bits"):
        integer_from_arrays({**arrays, "integer.weights": arrays["integer.weights"] * 1000})
    assert not again.weights.flags.writeable


# --- storing and what is refused --------------------------------------------------------------------------------------


def test_arrays_and_back() -> None:
    x, labels = blobs(4)
    got = fit(x, labels, section(), seed=0)
    arrays = to_arrays(got)
    assert all(array.dtype.kind in "fUbi" for array in arrays.values())
    again = from_arrays(arrays)
    assert predict(again, x) == predict(got, x)
    assert (again.classes, again.regularisation, again.converged) == (got.classes, got.regularisation, got.converged)
    assert again.cv_accuracy.tolist() == got.cv_accuracy.tolist()


@pytest.mark.parametrize("broken", ["kept", "mean", "scale", "coef", "intercept", "cv_accuracy", "classes"])
def test_an_illegal_classifier_is_not_built(broken: str) -> None:
    arrays = to_arrays(fit(*blobs(4), section(), seed=0))
    with pytest.raises(ValueError, match="shape"):
        from_arrays({**arrays, broken: arrays[broken][:-1]})
    with pytest.raises(ValueError, match="finite"):
        from_arrays({**arrays, "coef": np.full_like(arrays["coef"], np.nan)})


def test_a_classifier_is_read_only() -> None:
    mine = np.zeros((2, 1))
    one, two = np.zeros(1), np.zeros(2)
    got = Classifier(("a", "b"), 1, np.zeros(1, np.int64), one, one + 1, mine, two, 1.0, one, one, True)
    assert not got.coef.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        mine[0] = 1  # taken over


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (
            ("a",) * 10,
            ("all training samples are of class 'a'", "add another class"),
        ),
        (
            ("a",) * 7 + ("b",) * 3,
            (
                "class 'b' has 3 training samples, fewer than the 5 folds of cross-validation",
                "set `readout: {folds: 3}`, or add samples",
            ),
        ),
        (
            ("a",) * 9 + ("b",),
            (
                "class 'b' has 1 training samples, fewer than the 5 folds of cross-validation",
                "add samples of it",
            ),
        ),
    ],
)
def test_refused(labels: tuple[str, ...], expected: tuple[str, str]) -> None:
    with pytest.raises(LsmError) as caught:
        fit(np.zeros((10, 2)), labels, section(), seed=0)
    assert (caught.value.what, caught.value.hint) == expected
    assert caught.value.where == "readout"


# --- roots, and what is usual for a group --------------------------------------------------------------------------


def test_roots_are_those_of_plain_integers() -> None:
    rng = np.random.default_rng(5)
    spikes = (rng.random((400, 7)) < rng.random(7)).astype(np.int8)
    spikes[:, 6] *= -1  # a ternary kind's
    starts = np.array([0, 90, 300])
    counts = extract_features(spikes, starts, section(Bins("bins", 3)), 1.0)
    roots = extract_features(spikes, starts, section(Bins("bins", 3, root=True)), 1.0)
    assert roots.dtype == np.int64
    assert roots.tolist() == [
        [math.isqrt(256 * abs(count)) * (1 if count > 0 else -1) for count in row] for row in counts.tolist()
    ]
    floats = float_features(spikes, starts, section(Bins("bins", 3, root=True)), 1.0)
    assert np.abs(floats - roots).max() < 1
    assert floats == pytest.approx(16 * np.sign(counts) * np.sqrt(np.abs(counts)))


def test_centred_by_group() -> None:
    values_of = np.random.default_rng(6).integers(-50, 90, (11, 4))
    groups = tuple("abcabcabcaa")
    got = centred(values_of, groups)
    for name in "abc":
        rows = [i for i, group in enumerate(groups) if group == name]
        for column in range(4):
            values = [int(values_of[i, column]) for i in rows]
            mean = math.floor(Fraction(sum(values), len(values)) + Fraction(1, 2))
            assert got[rows, column].tolist() == [value - mean for value in values]
    assert got.dtype == np.int64
    floats = centred(values_of.astype(float), groups)
    assert floats[[i for i, g in enumerate(groups) if g == "b"]].mean(axis=0) == pytest.approx(0, abs=1e-12)
    with pytest.raises(LsmError, match="do not say to which each sample belongs"):
        centred(values_of, ())


def test_a_groups_only_sample_is_refused() -> None:
    with pytest.raises(LsmError, match=r"group 'b' and 1 more has a single sample"):
        centred(np.ones((4, 2)), ("a", "a", "b", "c"))


def test_without_an_intercept_a_constant_feature_is_one() -> None:
    """Two classes that differ in one count: only a constant can put the border between 8 and 12."""
    rng = np.random.default_rng(7)
    y = np.arange(400) % 2
    x = np.column_stack([rng.poisson(8 + 4 * y), np.full(400, 100)])
    labels = ["ab"[i] for i in y]
    classifier = fit(x, labels, section(regularisation=(1.0,)), 0, centre=False)
    assert (classifier.coef[:, 1] != 0).all()
    right = np.mean([a == b for a, b in zip(predict(classifier, x), labels, strict=True)])
    assert right > 0.7
    assert (classifier.intercept == 0).all()
    nothing = fit(np.column_stack([x[:, 0], 0 * x[:, 0]]), labels, section(regularisation=(1.0,)), 0, centre=False)
    assert (nothing.coef[:, 1] == 0).all()


@pytest.mark.parametrize("kind", ["ridge", "logistic"])
def test_groups_of_one_class_each(kind: Literal["ridge", "logistic"]) -> None:
    """Whatever is held out, one class is left: that is said, and not by scikit-learn."""
    x = np.random.default_rng(8).integers(0, 9, (40, 3))
    labels = ["a"] * 20 + ["b"] * 20
    with pytest.raises(LsmError, match="one class is left to train on"):
        fit(x, labels, section(classifier=kind), 0, ["p"] * 20 + ["q"] * 20)
    groups = ["p"] * 20 + ["q"] * 10 + ["r"] * 10  # holding out q or r leaves both
    assert fit(x, labels, section(classifier=kind), 0, groups).cv_accuracy.shape == (7,)


@pytest.mark.parametrize("strength", [1e-20, 1e-300])
def test_online_learning_of_features_that_repeat_each_other(strength: float) -> None:
    from lsm_deploy.learn.readout.online import start_after

    x = np.random.default_rng(1).normal(size=(40, 3))
    x = np.column_stack([x, x, np.ones(40), np.zeros(40)])
    targets = np.where(x[:, :1] > 0, 1.0, -1.0)
    learner = start_after(x, targets, np.ones(40), 1.0, strength)
    assert np.isfinite(learner.p).all()
    assert np.abs(learner.weights).max() < 100
    fitted = np.linalg.lstsq(np.column_stack([x, np.ones(40)]), targets, rcond=None)[0]
    assert np.allclose(learner.predict(x), np.column_stack([x, np.ones(40)]) @ fitted, atol=1e-6)
