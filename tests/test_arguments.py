"""What users of scikit-learn give an estimator: classes, groups, parameters, frames of every type that pandas has."""

from __future__ import annotations

import pickle
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from waves import spec, waves

import lsm_deploy as ld
from lsm_deploy.core.errors import BackendError, LsmError, LsmErrors
from lsm_deploy.learn.arguments import ArgumentError, one_each

DATA = waves(12, 1, noise=0.3)
X, Y = np.split(DATA.frames, DATA.starts[1:]), np.array(DATA.labels)
FEATURES = np.random.default_rng(0).normal(size=(36, 5))
NUMBER = np.arange(36) % 3


@pytest.fixture(params=["readout", "online readout", "liquid"])
def fitted(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A function that fits a classifier to classes (and groups), and what it is fitted to."""

    def fit(y: Any, **more: Any) -> Any:
        if request.param == "liquid":
            return ld.LiquidClassifier(spec(tmp_path)).fit(X, y, **more), X
        return ld.SpikeReadout("ridge" if request.param == "readout" else "online").fit(FEATURES, y, **more), FEATURES

    return fit


# --- classes ----------------------------------------------------------------------------------------------------------


def written(name: str) -> Any:
    """The same three classes in one of the types that they may have."""
    pandas = pytest.importorskip("pandas") if name in PANDAS else None
    return {
        "text": lambda: Y,
        "list": lambda: list(Y),
        "tuple": lambda: tuple(Y.tolist()),
        "objects": lambda: Y.astype(object),
        "int8": lambda: NUMBER.astype(np.int8),
        "floats": lambda: NUMBER.astype(float),
        "negative": lambda: -NUMBER,  # as text they have another order
        "tens": lambda: np.array([2, 10, 100])[NUMBER],
        "bools": lambda: NUMBER > 0,
        "whole objects": lambda: NUMBER.astype(object),
        "dates": lambda: NUMBER.astype("datetime64[D]"),
        "read-only": lambda: np.frombuffer(NUMBER.tobytes(), NUMBER.dtype),
        "strided": lambda: np.repeat(NUMBER, 2)[::2],
        "Series": lambda: pandas.Series(Y, index=np.arange(36)[::-1]),
        "string": lambda: pandas.Series(Y, dtype="string"),
        "Categorical": lambda: pandas.Categorical(Y),
        "category": lambda: pandas.Series(Y, dtype="category"),
        "Int64": lambda: pandas.Series(NUMBER, dtype="Int64"),
        "boolean": lambda: pandas.Series(NUMBER > 0, dtype="boolean"),
    }[name]()


PANDAS = ["Series", "string", "Categorical", "category", "Int64", "boolean"]
NUMPYS = ["text", "list", "tuple", "objects", "int8", "floats", "negative", "tens", "bools", "whole objects", "dates"]


@pytest.mark.parametrize("name", [*NUMPYS, "read-only", "strided", *PANDAS])
def test_answers_are_the_users_own_classes(fitted: Any, name: str) -> None:
    y = written(name)
    estimator, x = fitted(y)
    plain = np.asarray(y).tolist()
    assert estimator.classes_.tolist() == sorted(set(plain))
    answers = estimator.predict(x)
    assert answers.dtype == estimator.classes_.dtype
    expected = fitted(np.unique(np.asarray(plain), return_inverse=True)[1])[0].predict(x)
    assert answers.tolist() == [estimator.classes_.tolist()[i] for i in expected]


NAN, NONE = np.where(NUMBER == 0, np.nan, NUMBER), np.array([None, "a", "b"] * 12, object)
MIXED = ["a", 1, "b"] * 12


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (NAN, "y contains NaN"),
        (NAN.astype(object), r"y\[0\] is nan, neither text nor a number"),
        (np.where(NUMBER == 0, np.inf, NUMBER), "y contains infinity"),
        (NONE, r"y\[0\] is None, neither text nor a number"),
        (np.array([np.nan, "a", "b"] * 12, object), r"y\[0\] is nan, neither"),
        ([["a"], ["b"], ["a", "b"]] * 12, r"y\[0\] is \['a'\], neither"),
        (np.array(["NaT", "2020", "2021"] * 12, "datetime64[D]"), "y contains NaT"),
        (MIXED, "y is of mixed types, text and numbers"),
        (np.array(MIXED, object), "y is of mixed types, text and numbers"),
        (np.linspace(0, 1, 36), "continuous.*regression"),
        (np.stack([NUMBER, NUMBER], axis=1), r"1d array, got an array of shape \(36, 2\)"),
        (3, r"1d array, got an array of shape \(\)"),
        (None, r"1d array, got an array of shape \(\)"),
        (Y[:5], "(?i)5 labels for 36 samples|inconsistent numbers of samples"),
        (["up"] * 35 + ["down"], "class 'down' has a single sample"),
        (["up"] * 36, "'up'"),
    ],
)
def test_what_are_no_classes(fitted: Any, y: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fitted(y)


def test_missing_values_of_pandas_are_no_class(fitted: Any) -> None:
    pandas = pytest.importorskip("pandas")
    for y in (
        pandas.Series([None, "a", "b"] * 12),
        pandas.Series([None, "a", "b"] * 12, dtype="string"),
        pandas.Series([None, "a", "b"] * 12, dtype="category"),
        pandas.Series([None, 1, 2] * 12, dtype="Int64"),
        pandas.Series([pandas.NA, "a", "b"] * 12, dtype=object),
        pandas.Series(pandas.to_datetime(["2020-01-01", None, "2021-01-01"] * 12)),
    ):
        with pytest.raises(ValueError, match=r"y\[0\] is (None|nan|<NA>), neither|y contains Na"):
            fitted(y)


@pytest.mark.parametrize("column", [Y[:, None], NUMBER[:, None], [[label] for label in Y]])
def test_a_column_of_classes_is_taken_with_a_warning(fitted: Any, column: Any) -> None:
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        estimator, x = fitted(column)
    assert estimator.predict(x).tolist() == fitted(np.asarray(column)[:, 0])[0].predict(x).tolist()


def test_errors_name_the_users_classes(tmp_path: Path) -> None:
    for y, words in (
        (["up"] * 34 + ["down"] * 2, "class 'down' has 2 training samples, fewer than the 3 folds"),
        (["up"] * 36, "all samples are of class 'up'"),
    ):
        with pytest.raises(LsmError, match=words):
            ld.LiquidClassifier(spec(tmp_path)).fit(X, y)


def test_a_model_file_answers_with_the_users_classes(tmp_path: Path) -> None:
    fitted = ld.LiquidClassifier(spec(tmp_path)).fit(X, np.array(["down", "level", "up"])[NUMBER])
    ld.save_model(tmp_path / "m", fitted.model_)
    assert list(ld.predict(ld.load_model(tmp_path / "m"), DATA)) == fitted.predict(X).tolist()


def test_classes_of_partial_fit() -> None:
    online = ld.SpikeReadout("online")
    for classes, words in (
        (["a"], "name two at least"),
        ([1, 2], "a class is not one of"),
        (["a", None], r"classes\[1\] is None"),
        ("abc", "classes should be a 1d array"),
        (["a", "b"], r"a class is not one of \['a', 'b'\]: 'c'"),
    ):
        with pytest.raises(ValueError, match=words):
            online.partial_fit(FEATURES, Y, classes=classes)
    online.partial_fit(FEATURES, Y, classes=["c", "a", "b"])
    assert online.classes_.tolist() == ["a", "b", "c"]


def test_targets_of_a_regressor() -> None:
    for y in (Y, list(Y), NUMBER.astype("datetime64[D]"), NONE):
        with pytest.raises(ValueError, match=r"not numbers|could not convert"):
            ld.OnlineRegressor().fit(FEATURES, y)
    two = ld.OnlineRegressor().fit(FEATURES, np.stack([NUMBER, -NUMBER], 1))
    with pytest.raises(ValueError, match="y has 1 outputs, and there were 2 before"):
        two.partial_fit(FEATURES, NUMBER)


# --- groups -----------------------------------------------------------------------------------------------------------


def test_groups_of_every_type_are_the_same(fitted: Any) -> None:
    speaker = np.arange(36) // 3
    expected = fitted(Y, groups=speaker)[0].predict(fitted(Y)[1]).tolist()
    for groups in (speaker.tolist(), speaker.astype(float), speaker.astype(object), [f"p{i:02}" for i in speaker]):
        estimator, x = fitted(Y, groups=groups)
        assert estimator.predict(x).tolist() == expected
    pandas = pytest.importorskip("pandas")
    for kind in ("object", "string", "category", "Int64"):
        estimator, x = fitted(Y, groups=pandas.Series(speaker).astype(kind))
        assert estimator.predict(x).tolist() == expected


def test_no_groups_are_none(fitted: Any) -> None:
    expected = fitted(Y)[0].predict(fitted(Y)[1]).tolist()
    for groups in (None, (), [], np.array([])):
        estimator, x = fitted(Y, groups=groups)
        assert estimator.predict(x).tolist() == expected


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (NAN, "groups contains NaN"),
        (NONE, r"groups\[0\] is None"),
        ([1, "1"] * 18, "groups is of mixed types"),  # as text they would be one
        ([1, 2], "2 groups"),
        (4, "groups should be a 1d array"),
        ("abc" * 12, "groups should be a 1d array"),
    ],
)
def test_what_are_no_groups(fitted: Any, groups: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fitted(Y, groups=groups)


# --- samples and features ---------------------------------------------------------------------------------------------


def test_samples_of_every_type_are_the_same(tmp_path: Path) -> None:
    liquid = ld.LiquidFeatures(spec(tmp_path))
    halves = [np.round(sample * 8) / 8 for sample in X]
    expected = liquid.fit_transform(halves)
    frozen = np.frombuffer(halves[0].tobytes()).reshape(halves[0].shape)
    for samples in (
        [sample.astype(np.float32) for sample in halves],
        [sample.astype(np.float16) for sample in halves],
        [sample.astype(object) for sample in halves],
        [np.asfortranarray(sample) for sample in halves],
        [sample.tolist() for sample in halves],
        [frozen, *halves[1:]],
        tuple(halves),
    ):
        assert np.array_equal(liquid.fit_transform(samples), expected)
    pandas = pytest.importorskip("pandas")
    for kind in ("float32", "Float64", "object"):
        frames = [pandas.DataFrame(sample, columns=["p", "q"]).astype(kind) for sample in halves]
        assert np.array_equal(liquid.fit_transform(frames), expected)


@pytest.mark.parametrize("liquid", [ld.LiquidClassifier, ld.LiquidFeatures])
def test_channels_with_names_keep_their_order(liquid: Any, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    named = [pandas.DataFrame(sample, columns=["p", "q"]) for sample in X]
    swapped = [sample[["q", "p"]] for sample in named]
    estimator = liquid(spec(tmp_path)).fit(named, Y)
    answer = getattr(estimator, "predict", None) or estimator.transform
    assert estimator.n_features_in_ == 2
    assert estimator.feature_names_in_.tolist() == ["p", "q"]
    assert np.array_equal(answer(named), answer([sample.copy() for sample in named]))
    with pytest.raises(ValueError, match="must be in the same order"):
        answer(swapped)
    with pytest.raises(ValueError, match="must be in the same order"):
        liquid(spec(tmp_path)).fit([*named[:-1], swapped[-1]], Y)
    with pytest.raises(ValueError, match="seen at fit time, yet now missing"):
        answer([sample[["q"]] for sample in named])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert np.array_equal(answer(X), answer(named))
    estimator.fit(X, Y)
    with pytest.raises(ValueError, match="X has 1 features, but"):
        answer([sample[:, :1] for sample in X])


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (None, "what is given is of type NoneType"),
        (DATA, r"what is given is of type lsm_deploy\.data\.raw\.Frames"),
        ("abc", "sample 0 is of type str"),
        (iter(X), "what is given is of type list_iterator"),
        (csr_matrix(FEATURES), "what is given is of type scipy.sparse"),
        (X[0], r"sample 0 has shape \[2\]"),
        ([[[1, 2], [3]]], "sample 0 is of type list"),
        ([*X[:3], np.zeros((2, 3))], r"sample 3 has shape \[2, 3\]"),
        ([sample + 1j for sample in X], "Complex data not supported"),
        ([sample.astype("datetime64[s]") for sample in X], r"datetime64|DType"),
        ([np.full((2, 2), "q")], "dtype|not numbers|could not convert"),
        ([np.where(sample > 1, np.nan, sample) for sample in X], "sample 0, frame 0, channel 1 is nan"),
        ([np.full((2, 2), None)], "sample 0, frame 0, channel 0 is nan"),
    ],
)
def test_what_are_no_samples(samples: Any, words: str, tmp_path: Path) -> None:
    for liquid in (ld.LiquidClassifier, ld.LiquidFeatures):
        with pytest.raises((ValueError, TypeError), match=words):
            liquid(spec(tmp_path)).fit(samples, Y)


def test_features_have_names_and_go_into_a_data_frame(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    liquid = ld.LiquidFeatures(spec(tmp_path)).set_output(transform="pandas")
    frame = liquid.fit_transform(X)
    assert isinstance(frame, pandas.DataFrame)
    assert frame.columns.tolist() == [f"liquidfeatures{i}" for i in range(80)]
    assert np.array_equal(frame, ld.LiquidFeatures(spec(tmp_path)).fit_transform(X))


def test_features_whose_squares_leave_the_doubles() -> None:
    for readout in (ld.SpikeReadout(), ld.SpikeReadout("online"), ld.OnlineRegressor()):
        with pytest.raises(ValueError, match="X has a value beyond 1e"):
            readout.fit(FEATURES * 1e300, NUMBER)
        with pytest.raises(ValueError, match="X has a value beyond 1e"):
            readout.fit(FEATURES, NUMBER).predict(FEATURES * 1e300)
    assert np.isfinite(ld.SpikeReadout().fit(FEATURES * 1e-320, NUMBER).decision_function(FEATURES * 1e-320)).all()


# --- parameters -------------------------------------------------------------------------------------------------------


def as_numpys(value: Any) -> Any:
    """The value with numpy's numbers for Python's."""
    if isinstance(value, bool | int | float):
        return {bool: np.bool_, int: np.int64, float: np.float64}[type(value)](value)
    if is_dataclass(value):
        return replace(value, **{field.name: as_numpys(getattr(value, field.name)) for field in fields(value)})
    if isinstance(value, tuple):
        return tuple(map(as_numpys, value))
    return {key: as_numpys(each) for key, each in value.items()} if isinstance(value, dict) else value


def test_a_spec_of_numpys_numbers_is_the_same_spec(tmp_path: Path) -> None:
    described = spec(tmp_path)
    numpys = as_numpys(described)
    assert ld.dumps(numpys) == ld.dumps(described)
    assert ld.program_id(ld.compile_spec(numpys).program) == ld.program_id(ld.compile_spec(described).program)
    for name, given in (("a", described), ("b", numpys)):
        ld.save_model(tmp_path / name, ld.train(given, DATA))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert replace(described, seed=np.int64(7)).seed == 7


def test_grids_are_made_by_numpy(tmp_path: Path) -> None:
    grid = {"keep": np.arange(5, 30, 20), "weight_bits": np.array([4, 8]), "seed": np.arange(2)}
    search = GridSearchCV(ld.LiquidClassifier(spec(tmp_path)), grid, cv=3).fit(X, Y)
    assert len(search.cv_results_["params"]) == 8
    ld.save_model(tmp_path / "m", search.best_estimator_.model_)
    grid = {
        "regularisation": [np.logspace(-2, 2, 3), np.array([1, 10])],
        "folds": np.arange(2, 4),
        "keep": np.array([2, 3]),
        "balanced": np.array([True, False]),
        "seed": np.arange(2),
    }
    assert GridSearchCV(ld.SpikeReadout(), grid, cv=3).fit(FEATURES, Y).best_score_ > 0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("regularisation", 1.0, "regularisation is 1.0"),
        ("regularisation", None, "regularisation is None"),
        ("regularisation", [np.inf], "regularisation is inf"),
        ("regularisation", [], "regularisation is"),
        ("regularisation", ["1"], "regularisation is '1'"),
        ("regularisation", np.ones((2, 2)), "regularisation is"),
        ("folds", 1, "folds is 1"),
        ("folds", 2.5, "folds is 2.5"),
        ("folds", None, "folds is None"),
        ("keep", 0, "keep is 0"),
        ("keep", -1, "keep is -1"),
        ("keep", "3", "keep is '3'"),
        ("forgetting", None, "forgetting is None"),
        ("forgetting", np.nan, "forgetting is nan"),
        ("balanced", "no", "balanced is 'no'"),
        ("seed", None, "seed is None"),
        ("seed", 1.5, "seed is 1.5"),
        ("seed", -1, "seed is -1"),
        ("seed", True, "seed is True"),
    ],
)
def test_parameters_of_a_wrong_type_or_size(name: str, value: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words) as raised:
        ld.SpikeReadout(**{name: value}).fit(FEATURES, Y)
    assert "file" not in str(raised.value)
    if name in ("keep", "seed") and value is not None:
        with pytest.raises(ValueError, match=words):
            ld.LiquidClassifier(spec(tmp_path), **{name: value}).fit(X, Y)


@pytest.mark.parametrize("given", [{"forgetting": "1"}, {"regularisation": np.inf}, {"regularisation": (1.0,)}])
def test_parameters_of_a_regressor(given: Any) -> None:
    with pytest.raises(ValueError, match=r"forgetting is|regularisation is"):
        ld.OnlineRegressor(**given).fit(FEATURES, NUMBER)


def test_what_is_no_spec() -> None:
    for given in (None, "spec.yaml", {}, 3):
        for liquid in (ld.LiquidClassifier, ld.LiquidFeatures):
            with pytest.raises(ValueError, match=r"the spec is|there is no spec"):
                liquid(given).fit(X, Y)


def test_an_error_of_an_argument_keeps_its_parts() -> None:
    single = LsmError("a thing is wrong", where="here", hint="mend it")
    several = LsmErrors([single, LsmError("another is", hint="mend that")])
    for error in (single, several):
        for raised in (ArgumentError(error), pickle.loads(pickle.dumps(ArgumentError(error)))):
            assert isinstance(raised, ValueError)
            assert str(raised) == str(error)
            assert [each.to_json() for each in raised.each()] == [each.to_json() for each in error.each()]


def test_a_backend_that_is_not_here_is_no_matter_of_arguments(tmp_path: Path, monkeypatch: Any) -> None:
    from lsm_backends import emulator

    monkeypatch.setattr(emulator, "missing", lambda: "it is away")
    with pytest.raises(BackendError, match="it is away"):
        ld.LiquidClassifier(spec(tmp_path), backend="emulator").fit(X, Y)


def test_text_that_looks_like_numbers_stays_text() -> None:
    assert one_each(["1", "01"], "y").tolist() == ["1", "01"]
    assert one_each([1, True, 2], "y").tolist() == [1, 1, 2]
    assert one_each([], "y").tolist() == []


# --- scikit-learn's tools ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parallel", ["loky", "multiprocessing", "threading"])
def test_workers_of_every_kind_give_the_same_bits(parallel: str, tmp_path: Path) -> None:
    estimator, folds = ld.LiquidClassifier(spec(tmp_path)), StratifiedGroupKFold(3)
    groups = np.repeat(np.arange(12), 3)
    expected = cross_val_score(estimator, X, Y, groups=groups, cv=folds)
    with joblib.parallel_backend(parallel, n_jobs=2):
        assert cross_val_score(estimator, X, Y, groups=groups, cv=folds).tolist() == expected.tolist()
        fitted = joblib.Parallel()(joblib.delayed(estimator.fit)(X, Y) for _ in range(2))
    for each in fitted:
        assert each.decision_function(X).tolist() == estimator.fit(X, Y).decision_function(X).tolist()


def test_probabilities_by_calibration(tmp_path: Path) -> None:
    groups = np.repeat(np.arange(12), 3)
    calibrated = CalibratedClassifierCV(ld.LiquidClassifier(spec(tmp_path)), cv=3).fit(X, Y)
    probabilities = calibrated.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert np.mean(calibrated.predict(X) == Y) > 0.8
    pipeline = make_pipeline(ld.LiquidFeatures(spec(tmp_path)), ld.SpikeReadout())
    assert cross_val_score(pipeline, X, Y, groups=groups, cv=StratifiedGroupKFold(3)).mean() > 0.7
