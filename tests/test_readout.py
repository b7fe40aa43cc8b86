"""Features against plain Python, the classifier against scikit-learn's own pipeline, and what is refused."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from lsm_deploy import readout
from lsm_deploy.errors import LsmError
from lsm_deploy.readout import Classifier, features, fit, from_arrays, mean_bins, predict, to_arrays
from lsm_deploy.spec.schema import Bins, Readout, Traces

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
    got = features(raster(), STARTS, section(Bins("bins", bins)), DT_MS)
    assert got.tolist() == expected
    assert got.dtype == np.float64
    assert got.reshape(4, bins, 4).sum(axis=1).tolist() == [
        [sum(spikes[t][n] for t in window) for n in range(4)] for window in windows()
    ]


@pytest.mark.parametrize("samples", [1, 2, 3, 5])
def test_traces_decay_step_by_step_and_end_with_the_sample(samples: int) -> None:
    tau_ms, spikes, expected = 4.0, raster().tolist(), []
    for window in windows():
        trace, history = [0.0] * 4, [[0.0] * 4]
        for t in window:
            trace = [x * math.exp(-DT_MS / tau_ms) + s for x, s in zip(trace, spikes[t], strict=True)]
            history.append(trace)
        expected.append([x for k in range(1, samples + 1) for x in history[k * len(window) // samples]])
    got = features(raster(), STARTS, section(Traces("traces", tau_ms, samples)), DT_MS)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


def test_silence_is_zero() -> None:
    assert not features(np.zeros((STEPS, 4), np.int8), STARTS, section(Bins("bins", 2)), DT_MS).any()


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
    folds = StratifiedKFold(4, shuffle=True, random_state=readout._sklearn_seed(5))
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
    assert len({readout._sklearn_seed(seed) for seed in range(100)}) == 100


def test_nothing_to_learn_from_is_no_error() -> None:
    labels = ("a", "b", "b") * 4
    got = fit(np.zeros((12, 3)), labels, section(folds=2), seed=0)
    assert predict(got, np.ones((2, 3))) == ("b", "b")


def test_a_solver_that_gives_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readout, "MAX_ITERATIONS", 2)
    assert not fit(*blobs(4), section(classifier="logistic"), seed=0).converged


def test_arrays_and_back() -> None:
    x, labels = blobs(4)
    got = fit(x, labels, section(), seed=0)
    arrays = to_arrays(got)
    assert all(array.dtype.kind in "fUb" for array in arrays.values())
    again = from_arrays(arrays)
    assert predict(again, x) == predict(got, x)
    assert (again.classes, again.regularisation, again.converged) == (got.classes, got.regularisation, got.converged)
    assert again.cv_accuracy.tolist() == got.cv_accuracy.tolist()


@pytest.mark.parametrize("broken", ["mean", "scale", "coef", "intercept", "cv_accuracy", "classes"])
def test_an_illegal_classifier_is_not_built(broken: str) -> None:
    arrays = to_arrays(fit(*blobs(4), section(), seed=0))
    with pytest.raises(ValueError, match="shape"):
        from_arrays({**arrays, broken: arrays[broken][:-1]})
    with pytest.raises(ValueError, match="finite"):
        from_arrays({**arrays, "coef": np.full_like(arrays["coef"], np.nan)})


def test_a_classifier_is_read_only() -> None:
    mine = np.zeros((2, 1))
    one, two = np.zeros(1), np.zeros(2)
    got = Classifier(("a", "b"), one, one + 1, mine, two, 1.0, one, one, True)
    mine[0] = 1
    assert not got.coef.any()
    assert not got.coef.flags.writeable


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
