"""scikit-learn's own checks of every estimator, and liquids in its pipelines, cross-validation and searches."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator
from waves import FRESH, SPEC, spec, waves

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError
from lsm_deploy.learn.estimators import LiquidClassifier, LiquidFeatures, OnlineRegressor, SpikeReadout
from lsm_deploy.learn.regression.estimator import LiquidRegressor
from lsm_deploy.spec.read import load_text
from lsm_deploy.spec.schema import Regression, States

KINDS = (SpikeReadout(kind) for kind in ("ridge", "logistic", "online"))
PLAIN = [*KINDS, SpikeReadout(balanced=True), OnlineRegressor()]
TRAIN, TEST = waves(12, 1, noise=0.3), waves(8, 2, noise=0.3)


class Flat:
    """A liquid that takes what scikit-learn's checks give it, `[sample, feature]`: each sample as one frame."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        assert tags.input_tags.three_d_array
        assert not tags.input_tags.two_d_array
        tags.input_tags.two_d_array = True
        return tags

    def fit(self, X: Any, y: Any = None, **more: Any) -> Any:  # noqa: N803
        return self.with_channels(flat(X), super().fit, y, **more)

    def with_channels(self, samples: Any, method: Any, *given: Any, **more: Any) -> Any:
        spec = self.spec
        if isinstance(samples, list) and samples:
            self.spec = replace(spec, input=replace(spec.input, channels=samples[0].shape[1]))
        try:
            return method(samples, *given, **more)
        finally:
            self.spec = spec


class FlatClassifier(Flat, LiquidClassifier):
    def decision_function(self, X: Any) -> Any:  # noqa: N803
        return super().decision_function(flat(X))

    def predict(self, X: Any) -> Any:  # noqa: N803
        return super().predict(flat(X))


class FlatFeatures(Flat, LiquidFeatures):
    def fit_transform(self, X: Any, y: Any = None) -> Any:  # noqa: N803
        return self.with_channels(flat(X), super().fit_transform, y)

    def transform(self, X: Any) -> Any:  # noqa: N803
        return super().transform(flat(X))


def flat(X: Any) -> Any:  # noqa: N803
    if issparse(X):
        return X
    if hasattr(X, "iloc"):
        return [X.iloc[i : i + 1] for i in range(len(X))]
    array = np.asarray(X)
    return list(array[:, None]) if array.ndim == 2 else array


def flat_spec() -> ld.Spec:
    """Its encoder draws nothing: what random ones draw depends on a sample's place, which the checks change."""
    text = SPEC.format(features="{kind: bins}", samples=FRESH, read="liquid")
    for old, new in {"5.0, neurons": "50.0, neurons", "rate, max_rate_hz: 600.0": "latency"}.items():
        assert old in text
        text = text.replace(old, new)
    return load_text(text, Path("spec.yaml"))


class FlatRegressor(LiquidRegressor):
    """A liquid with as many channels as scikit-learn's checks give it."""

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803
        spec, shape = self.spec, np.asarray(X).shape
        if len(shape) == 2 and shape[1]:
            self.spec = replace(spec, input=replace(spec.input, channels=shape[1]))
        try:
            return super().fit(X, y)
        finally:
            self.spec = spec


def series_spec() -> ld.Spec:
    readout = Regression("liquid", "signal", washout=0, folds=2, features=States("states", frame=True))
    return replace(flat_spec(), readout=readout)


LIQUIDS = [FlatClassifier(flat_spec()), FlatFeatures(flat_spec()), FlatRegressor(series_spec())]
OF_SERIES = {
    "check_fit2d_1sample": "it says that every target is constant, where '1 sample' is asked for",
    "check_methods_sample_order_invariance": "a series in another order is another series",
    "check_methods_subset_invariance": "an answer depends on the frames before",
}
EXCLUDED = {
    "check_dtype_object": "an LsmError that is a ValueError, where a TypeError is asked for",
    "check_fit2d_1sample": "it says 'class 1 has a single sample', where '1 sample' is asked for",
    "check_fit2d_predict1d": "its hint is a list of arrays [frame, channel], where 'Reshape your data' is asked for",
}
"""Checks of liquids that are left out: all are about words, and what is refused is refused."""


def checks() -> Any:
    for estimator in [*PLAIN, *LIQUIDS]:
        for _, check in estimator_checks_generator(estimator):
            name = check.func.__name__
            excluded = EXCLUDED if isinstance(estimator, Flat) else OF_SERIES
            if estimator in PLAIN or name not in excluded:
                yield pytest.param(estimator, check, id=f"{type(estimator).__name__}-{name}")


@pytest.mark.filterwarnings("ignore")  # scikit-learn's checks provoke warnings of its own
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learns_conventions(estimator: Any, check: Any) -> None:
    check(estimator)


def arrays(data: ld.Frames) -> list[Any]:
    return np.split(data.frames, data.starts[1:])


# --- plain readouts ---------------------------------------------------------------------------------------------------


def blobs() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    return rng.normal(size=(3, 5))[y] + 0.7 * rng.normal(size=(90, 5)), np.array(["x", "y", "z"])[y]


@pytest.mark.parametrize("kind", ["ridge", "logistic", "online"])
def test_a_readout_in_a_search(kind: str) -> None:
    x, y = blobs()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SpikeReadout(kind)),
        {"spikereadout__regularisation": [(0.1,), (10.0,)], "spikereadout__balanced": [True, False]},
        cv=3,
    ).fit(x, y)
    assert search.best_score_ > 0.85
    assert search.predict(x).dtype == y.dtype
    assert clone(search.best_estimator_).get_params()["spikereadout__kind"] == kind


def test_groups_reach_the_folds_of_a_readout() -> None:
    group = np.repeat(np.arange(80), 4)  # so many that chance stays well below 0.8
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(80, 200))[group] + 0.01 * rng.normal(size=(320, 200)), group % 2
    assert SpikeReadout().fit(x, y).classifier_.cv_accuracy.max() > 0.95
    assert SpikeReadout().fit(x, y, groups=group).classifier_.cv_accuracy.max() < 0.8


def test_learning_in_parts_is_learning_at_once() -> None:
    x, y = blobs()
    whole = SpikeReadout("online", regularisation=(1.0,), forgetting=0.99).fit(x, y)
    fresh = SpikeReadout("online", regularisation=(1.0,), forgetting=0.99)
    fresh.partial_fit(x, y, classes=["x", "y", "z"])
    np.testing.assert_allclose(fresh.decision_function(x), whole.decision_function(x), atol=1e-9)
    halves = SpikeReadout("online", regularisation=(1.0,), forgetting=0.99)
    halves.partial_fit(x[:60], y[:60], classes=["x", "y", "z"])
    halves.partial_fit(x[60:], y[60:])
    assert np.mean(halves.predict(x) == y) > 0.9
    with pytest.raises(AttributeError, match="partial_fit"):
        SpikeReadout("ridge").partial_fit  # noqa: B018
    with pytest.raises(ValueError, match="needs classes"):
        SpikeReadout("online").partial_fit(x, y)
    with pytest.raises(ValueError, match="a class is not one of"):
        halves.partial_fit(x[:2], np.array(["x", "w"]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "ridg"}, "kind is 'ridg'"),
        ({"regularisation": (0.0,)}, "regularisation is"),
        ({"kind": "online", "keep": 2}, "keep cannot be chosen online"),
        ({"keep": 9}, "9 features are to be kept of 5"),
        ({"forgetting": 0.5}, "forgetting belongs to the classifier online"),
    ],
)
def test_parameters_that_are_none(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SpikeReadout(**options).fit(*blobs())


def test_a_regressor_follows_a_signal_whose_mapping_changes() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1000, 3))
    y = np.where(np.arange(1000) < 500, x[:, 0], -x[:, 0]) + 1.0
    forgets, stays = OnlineRegressor(forgetting=0.97), OnlineRegressor()
    late = [float(np.mean((each.follow(x, y) - y)[-100:] ** 2)) for each in (forgets, stays)]
    assert late[0] < 1e-6 < 0.5 < late[1]
    np.testing.assert_allclose(OnlineRegressor(0.97).fit(x, y).predict(x), forgets.predict(x))
    more = OnlineRegressor(0.97).fit(x[:700], y[:700]).partial_fit(x[700:], y[700:])
    np.testing.assert_allclose(more.predict(x), forgets.predict(x))
    both = OnlineRegressor().fit(x, np.column_stack([x[:, 1], x[:, 2]]))
    np.testing.assert_allclose(both.predict(x), x[:, 1:], atol=0.01)
    with pytest.raises(ValueError, match="forgetting is 1"):
        OnlineRegressor(forgetting=1.5).fit(x, y)


def test_scikit_learn_is_imported_when_an_estimator_is_asked_for() -> None:
    code = "import sys, lsm_deploy as ld; assert 'sklearn' not in sys.modules; print(ld.SpikeReadout())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "SpikeReadout()\n"
    with pytest.raises(AttributeError, match="has no attribute 'SpikeReadot'"):
        ld.SpikeReadot  # noqa: B018


# --- liquids ----------------------------------------------------------------------------------------------------------


def test_a_liquid_answers_as_a_model_does(tmp_path: Path) -> None:
    described = spec(tmp_path)
    found = LiquidClassifier(described).fit(arrays(TRAIN), np.array(TRAIN.labels))
    model = ld.train(described, TRAIN)
    assert tuple(found.predict(arrays(TEST))) == ld.predict(model, TEST)
    assert found.decision_function(arrays(TEST)).tolist() == ld.scores(model, TEST).tolist()
    assert found.score(arrays(TEST), TEST.labels) > 0.8
    other = LiquidClassifier(described, seed=9, keep=11, weight_bits=4, classifier="logistic")
    fitted = clone(other).fit(arrays(TRAIN), TRAIN.labels).model_
    assert (fitted.listener.seed, len(fitted.answerer.classifier.support), fitted.readout.classifier) == (
        9,
        11,
        "logistic",
    )
    assert np.abs(fitted.answerer.integers.weights).max() == 7


def test_groups_reach_the_folds_of_a_liquid(tmp_path: Path) -> None:
    groups = np.repeat(np.arange(12), 3).astype(str)  # one sample of each class in each
    x, y = arrays(TRAIN), np.array(TRAIN.labels)
    found = LiquidClassifier(spec(tmp_path)).fit(x, y, groups=groups).model_.answerer.classifier
    expected = ld.train(spec(tmp_path), replace(TRAIN, groups=tuple(groups))).answerer.classifier
    assert found.cv_accuracy.tolist() == expected.cv_accuracy.tolist()
    assert (
        found.cv_accuracy.tolist()
        != LiquidClassifier(spec(tmp_path)).fit(x, y).model_.answerer.classifier.cv_accuracy.tolist()
    )


def test_two_classes_have_one_score(tmp_path: Path) -> None:
    data = waves(12, 1, classes=2, noise=0.3)
    labels = np.array(data.labels) == "b"
    found = LiquidClassifier(spec(tmp_path)).fit(arrays(data), labels)
    given = found.decision_function(arrays(data))
    assert given.shape == (24,)
    assert ((given > 0) == found.predict(arrays(data))).all()
    assert found.score(arrays(data), labels) > 0.9


def test_liquid_features_in_a_pipeline_and_a_search(tmp_path: Path) -> None:
    described = spec(tmp_path)
    liquid = LiquidFeatures(described)
    x, y = arrays(TRAIN), np.array(TRAIN.labels)
    features = liquid.fit_transform(x)
    assert features.dtype == np.int64
    assert features.shape == (36, 80)
    readout = SpikeReadout(regularisation=described.readout.regularisation, folds=3, seed=4)
    model = ld.train(described, TRAIN)
    np.testing.assert_allclose(readout.fit(features, y).classifier_.coef, model.answerer.classifier.coef)
    pipeline = make_pipeline(LiquidFeatures(described), readout)
    assert cross_val_score(pipeline, x, y, cv=3).mean() > 0.7
    search = GridSearchCV(
        LiquidClassifier(described),
        {"keep": [5, 40], "spec": [described, spec(tmp_path, read="[liquid, other]")]},
        cv=3,
    ).fit(x, y)
    assert search.best_score_ > 0.7
    assert len(search.cv_results_["params"]) == 4


def test_what_is_no_sample_of_frames(tmp_path: Path) -> None:
    described = spec(tmp_path)
    for wrong in ([], [np.zeros(3)], [np.zeros((2, 2)), np.zeros((2, 3))], [np.zeros((0, 2))]):
        with pytest.raises(LsmError, match="not arrays"):
            LiquidFeatures(described).fit(wrong)
    with pytest.raises(ValueError, match="there is no spec"):
        LiquidClassifier().fit(arrays(TRAIN), TRAIN.labels)
    cube = np.random.default_rng(0).normal(size=(4, 6, 2))
    assert LiquidFeatures(described).fit_transform(cube).shape == (4, 80)


@pytest.mark.parametrize(("name", "value"), [("classifier", "nope"), ("keep", 0), ("weight_bits", 40)])
def test_what_a_liquid_classifier_replaces_is_checked(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(Exception, match=name):
        ld.LiquidClassifier(spec(tmp_path), **{name: value}).fit(arrays(TRAIN), np.array(TRAIN.labels))


def test_liquids_of_scikit_learn_do_not_centre(tmp_path: Path) -> None:
    described = spec(tmp_path)
    described = replace(described, readout=replace(described.readout, centre="group"))
    for estimator in (ld.LiquidClassifier(described), ld.LiquidFeatures(described)):
        with pytest.raises(LsmError, match="centred by group"):
            estimator.fit(arrays(TRAIN), np.array(TRAIN.labels))


# --- what a spec says as parameters ----------------------------------------------------------------------------------


def test_paths_of_a_spec_are_parameters(tmp_path: Path) -> None:
    described = spec(tmp_path)
    estimator = LiquidClassifier(described)
    assert estimator.get_params()["spec__projections__2__weight"] == 0.05
    assert "spec__dt_ms" not in estimator.get_params(deep=False)
    other = clone(estimator).set_params(spec__projections__2__weight=0.1, weight_bits=4)
    assert other.spec == described.with_(projections__2__weight=0.1)
    assert (estimator.spec, other.weight_bits) == (described, 4)
    assert clone(other).get_params() == other.get_params()
    piped = make_pipeline(LiquidFeatures(described), SpikeReadout())
    piped.set_params(liquidfeatures__spec__populations__liquid__size=20)
    assert piped.named_steps["liquidfeatures"].spec.populations["liquid"].size == 20
    with pytest.raises(ValueError, match="no key 'wieght'"):
        estimator.set_params(spec__projections__0__wieght=1.0)
    with pytest.raises(ValueError, match="there is no spec"):
        LiquidRegressor().set_params(spec__seed=1)
    with pytest.raises(ValueError, match="Invalid parameter"):
        estimator.set_params(spce=None)


def test_parameters_are_set_all_or_none(tmp_path: Path) -> None:
    estimator = LiquidClassifier(spec(tmp_path))
    before = estimator.get_params()
    for wrong in ({"spec__projections__0__wieght": 1.0}, {"spce": None}, {"spec__seed": -1}):
        with pytest.raises(ValueError):  # noqa: PT011 - whichever it is
            estimator.set_params(weight_bits=4, spec__projections__2__weight=0.1, **wrong)
        assert estimator.get_params() == before
    estimator.set_params(spec=estimator.spec.with_(seed=9), spec__projections__2__weight=0.1)
    assert (estimator.spec.seed, estimator.spec.projections[2].weight) == (9, 0.1)


def test_a_search_varies_what_a_spec_says(tmp_path: Path) -> None:
    grid = {"spec__projections__0__weight": [0.001, 0.2], "spec__readout__features__bins": np.array([2])}
    search = GridSearchCV(LiquidClassifier(spec(tmp_path)), grid, cv=2, error_score=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the weight at which nothing spikes
        search.fit(arrays(TRAIN), np.array(TRAIN.labels))
    assert search.best_params_ == {"spec__projections__0__weight": 0.2, "spec__readout__features__bins": 2}
    assert search.best_estimator_.spec.projections[0].weight == 0.2


# --- probabilities ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_readouts_have_probabilities(tmp_path: Path, classes: int) -> None:
    data, unknown = waves(12, 1, classes=classes, noise=0.3), waves(8, 2, classes=classes, noise=0.3)
    estimator = LiquidClassifier(spec(tmp_path), classifier="logistic").fit(arrays(data), np.array(data.labels))
    shares = estimator.predict_proba(arrays(unknown))
    assert shares.shape == (8 * classes, classes)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert (estimator.classes_[shares.argmax(axis=1)] == estimator.predict(arrays(unknown))).all()
    assert shares.tolist() == ld.probabilities(estimator.model_, unknown).tolist()
    right = shares[np.arange(len(shares)), [list(estimator.classes_).index(name) for name in unknown.labels]]
    assert -np.log(right).mean() < np.log(classes) / 2  # better by far than to know nothing
    # In floats they are those of scikit-learn's own, on standardised features.
    features = np.random.default_rng(3).normal(size=(40, 3))
    y = np.arange(40) % classes
    own = SpikeReadout("logistic", regularisation=[1.0], folds=2).fit(features, y)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features, y)
    np.testing.assert_allclose(own.predict_proba(features), theirs.predict_proba(features), atol=1e-9)


def test_other_readouts_have_none_and_can_be_calibrated(tmp_path: Path) -> None:
    described = spec(tmp_path)
    for estimator in (LiquidClassifier(described), LiquidClassifier(), SpikeReadout("ridge"), SpikeReadout("online")):
        assert not hasattr(estimator, "predict_proba")
    assert hasattr(LiquidClassifier(described.with_(readout__classifier="logistic")), "predict_proba")
    model = ld.train(described, TRAIN)
    with pytest.raises(LsmError, match="scores of a ridge readout are no probabilities") as caught:
        ld.probabilities(model, TEST)
    assert "CalibratedClassifierCV" in caught.value.hint
    calibrated = CalibratedClassifierCV(LiquidClassifier(described), cv=2, ensemble=False)
    shares = calibrated.fit(arrays(TRAIN), np.array(TRAIN.labels)).predict_proba(arrays(TEST))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert (calibrated.classes_[shares.argmax(axis=1)] == np.array(TEST.labels)).mean() > 0.7
