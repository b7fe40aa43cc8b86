"""Liquids and their readouts as scikit-learn estimators, for its pipelines, cross-validation and searches.

    SpikeReadout      a matrix of features -> classes; ridge, logistic or online
    OnlineRegressor   a matrix of features -> signals, by recursive least squares (FORCE)
    LiquidFeatures    samples of frames -> the features that a spec reads of its liquid, in integers
    LiquidClassifier  samples of frames -> classes, by a compiled liquid and its readout in integers

Samples of frames are a list of arrays `[frame, channel]`, which may differ in length, or one array `[sample, frame,
channel]`; samples that are data frames have names of channels, which are held to those of `fit`. One series of frames,
and a signal to be answered, is for `regression.estimator`. What is wrong with arguments is a ValueError, as it is in
scikit-learn; where a spec or a liquid is part of it, it is an LsmError (too).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from lsm_deploy.core.errors import LsmError
from lsm_deploy.data import Role
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.arguments import (
    as_arguments,
    checked_readout,
    frames_of,
    groups_of,
    one_each,
    required,
    seed_of,
    validated,
)
from lsm_deploy.learn.listener import listen
from lsm_deploy.learn.model import NO_PROBABILITIES, Model, OnHost, probabilities, readout_of, scores, train
from lsm_deploy.learn.parameters import OfSpec
from lsm_deploy.learn.readout import Recursive
from lsm_deploy.learn.runs import require_spikes, run_samples, sizes_of, warn_of_run
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import Readout, Spec
from lsm_deploy.spec.sections import section_to_json
from lsm_deploy.spec.values import plain

__all__ = ["LiquidClassifier", "LiquidFeatures", "OnlineRegressor", "SpikeReadout"]

_REGULARISATION = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0)


def _is_online(estimator: SpikeReadout) -> bool:
    if estimator.kind != "online":
        raise AttributeError(f"a {estimator.kind} readout is trained at once; kind='online' learns from parts")
    return True


def _is_logistic(estimator: SpikeReadout | LiquidClassifier) -> bool:
    kind = estimator.kind if isinstance(estimator, SpikeReadout) else estimator.classifier
    if kind is None and isinstance(estimator, LiquidClassifier):
        kind = getattr(getattr(estimator.spec, "readout", None), "classifier", None)
    if kind != "logistic":
        raise AttributeError(f"scores of a {kind} readout are no probabilities; {NO_PROBABILITIES}")
    return True


class SpikeReadout(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A linear classifier of features, in floats, whose regularisation is chosen by cross-validation.

    Parameters are those of a spec's readout section; balanced: every class counts the same in `fit`. Where a class has
    fewer samples than `folds`, there are as many folds as it has samples.
    """

    def __init__(
        self,
        kind: str = "ridge",
        regularisation: Sequence[float] = _REGULARISATION,
        folds: int = 5,
        keep: int | None = None,
        forgetting: float = 1.0,
        balanced: bool = False,
        seed: int = 0,
    ) -> None:
        self.kind, self.regularisation, self.folds, self.keep = kind, regularisation, folds, keep
        self.forgetting, self.balanced, self.seed = forgetting, balanced, seed

    def fit(self, X: Any, y: Any, groups: Any = None) -> SpikeReadout:  # noqa: N803 - scikit-learn's name
        """Train on features `[sample, feature]`; groups: kept together in its folds."""
        X, y = validated(self, X, one_each(y, "y"))  # noqa: N806
        check_classification_targets(y)
        self.classes_, index = np.unique(y, return_inverse=True)
        counts = np.bincount(index)
        if len(counts) < 2:
            raise ValueError(f"all samples are of one class, {self.classes_.tolist()[0]!r}")
        if counts.min() < 2:
            single = self.classes_.tolist()[int(np.argmin(counts))]
            raise ValueError(f"class {single!r} has a single sample, and cross-validation needs two")
        readout, seed = self._section(), seed_of(self.seed)
        readout = replace(readout, folds=min(readout.folds, int(counts.min())))
        with as_arguments():
            self.classifier_ = readouts.fit(X, [str(i) for i in index], readout, seed, groups_of(groups))
        if self.kind == "online":
            self._begin(X)
            weights = (len(index) / (len(counts) * counts))[index] if self.balanced else np.ones(len(index))
            targets, strength = readouts.targets_of(index, len(counts)), self.classifier_.regularisation
            self.filter_ = readouts.start_after(self._standard(X), targets, weights, readout.forgetting, strength)
        return self

    @available_if(_is_online)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> SpikeReadout:  # noqa: N803
        """Learn from more samples `[sample, feature]`, in their order; the first ones also fix the standardisation.

        Without a `fit` before, the first call needs `classes`, and the middle one of the regularisations is taken.
        """
        first = not hasattr(self, "filter_")
        X, y = validated(self, X, one_each(y, "y"), reset=first)  # noqa: N806
        check_classification_targets(y)
        if first:
            if classes is None:
                raise ValueError("the first call of partial_fit needs classes, all that there will be")
            readout, every = self._section(), np.unique(one_each(classes, "classes"))
            if len(every) < 2:
                raise ValueError(f"classes is {every.tolist()}; name two at least")
        every = every if first else self.classes_
        number = {name: i for i, name in enumerate(every.tolist())}
        if strange := [label for label in y.tolist() if label not in number]:
            raise ValueError(f"a class is not one of {list(number)}: {strange[0]!r}")
        index = np.array([number[label] for label in y.tolist()])
        if first:
            self.classes_ = every
            self._begin(X)
            middle = sorted(readout.regularisation)[len(readout.regularisation) // 2]
            self.filter_ = Recursive(X.shape[1], len(every), readout.forgetting, middle)
        for row, target in zip(self._standard(X), readouts.targets_of(index, len(self.classes_)), strict=True):
            self.filter_.learn(row, target)
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """The score of each class `[sample, class]`; of two classes that of the second `[sample]`."""
        check_is_fitted(self)
        X = validated(self, X, reset=False)  # noqa: N806
        if self.kind == "online":
            scores = self.filter_.predict(self._standard(X))
        else:
            scores = readouts.decision_function(self.classifier_, X)
        return scores if len(self.classes_) > 2 else (scores[:, 1] - scores[:, 0]) / 2

    @available_if(_is_logistic)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """The probability of each class `[sample, class]`, as logistic regression has it; no other kind has any."""
        scores = self.decision_function(X)
        return readouts.probabilities(np.column_stack([-scores, scores]) if scores.ndim == 1 else scores)

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The class of each sample `[sample]`: that of the largest score."""
        scores = self.decision_function(X)
        return _chosen(self.classes_, scores)

    def _section(self) -> Readout:
        """The parameters as a spec's readout section, checked as that is."""
        if self.kind not in ("ridge", "logistic", "online"):
            raise ValueError(f"kind is {self.kind!r}; choose ridge, logistic or online")
        if not isinstance(plain(self.balanced), bool):
            raise ValueError(f"balanced is {self.balanced!r}; give True or False")
        if self.kind == "online" and self.keep is not None:
            raise ValueError("keep cannot be chosen online; put SelectKBest before it")
        return checked_readout(
            classifier=self.kind,
            regularisation=self.regularisation,
            folds=self.folds,
            keep=self.keep,
            forgetting=self.forgetting,
            class_weight="balanced" if self.balanced else "none",
        )

    def _begin(self, x: NDArray[np.float64]) -> None:
        self.mean_, scale = readouts.standard(x)
        self.scale_ = np.where(np.isfinite(scale), scale, 1.0)

    def _standard(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        standardised: NDArray[np.float64] = (x - self.mean_) / self.scale_
        return standardised


class OnlineRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Recursive least squares with forgetting: linear in the features, taken as they are.

    forgetting: what a sample counts, of the next one, in (0, 1]; regularisation: the inverse of P at the start.
    """

    def __init__(self, forgetting: float = 1.0, regularisation: float = 1.0) -> None:
        self.forgetting, self.regularisation = forgetting, regularisation

    def fit(self, X: Any, y: Any) -> OnlineRegressor:  # noqa: N803
        """Begin anew, and learn from each sample of X `[sample, feature]` in turn."""
        if hasattr(self, "filter_"):
            del self.filter_
        self.follow(X, y)
        return self

    def partial_fit(self, X: Any, y: Any) -> OnlineRegressor:  # noqa: N803
        """Learn from more samples, in their order."""
        self.follow(X, y)
        return self

    def follow(self, X: Any, y: Any) -> NDArray[np.float64]:  # noqa: N803
        """Learn from more samples, and return what was predicted for each before it was learnt."""
        first = not hasattr(self, "filter_")
        X, y = validated(self, X, y, reset=first, multi_output=True, y_numeric=True)  # noqa: N806
        if y.dtype.kind not in "biuf":
            raise ValueError(f"y holds {y.dtype} values, not numbers; SpikeReadout learns classes")
        targets = y[:, None] if y.ndim == 1 else y
        if first:
            given = checked_readout(
                classifier="online", forgetting=self.forgetting, regularisation=[self.regularisation]
            )
            self.filter_ = Recursive(X.shape[1], targets.shape[1], given.forgetting, given.regularisation[0])
            self.one_output_ = y.ndim == 1
        elif targets.shape[1] != (many := self.filter_.weights.shape[1]):
            raise ValueError(f"y has {targets.shape[1]} outputs, and there were {many} before")
        predicted = np.array([self.filter_.learn(row, target) for row, target in zip(X, targets, strict=True)])
        return predicted[:, 0] if self.one_output_ else predicted

    def predict(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """What is predicted for each sample `[sample]`, or `[sample, output]`; nothing is learnt."""
        check_is_fitted(self)
        X = validated(self, X, reset=False)  # noqa: N806
        predicted = self.filter_.predict(X)
        return predicted[:, 0] if self.one_output_ else predicted

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


# --- liquids -------------------------------------------------------------------------------------------------------


class LiquidFeatures(OfSpec, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The features that the readout section of a spec reads of its liquid, as the chip would hold them.

    `fit` takes the encoder's ranges from the samples. Random encoders draw other noise for `fit_transform`, where
    samples are trained on, than for `transform`.
    """

    def __init__(self, spec: Spec | None = None, backend: str = backends.DEFAULT) -> None:
        self.spec, self.backend = spec, backend

    def fit(self, X: Any, y: Any = None) -> LiquidFeatures:  # noqa: N803
        """Compile the spec, and fit the ranges of the encoder to samples of frames."""
        with as_arguments():
            spec = required(self.spec)
            _refuse_centring(readout_of(spec))
            self.listener_ = listen(spec, frames_of(self, X, reset=True))
        return self

    def fit_transform(self, X: Any, y: Any = None) -> NDArray[np.int64]:  # noqa: N803
        """`fit`, and the features `[sample, feature]` of the same samples, encoded as training data are."""
        return self.fit(X, y)._run(X, "train")

    def transform(self, X: Any) -> NDArray[np.int64]:  # noqa: N803
        """Features `[sample, feature]`."""
        check_is_fitted(self)
        return self._run(X, "test")

    def _run(self, samples: Any, role: Role) -> NDArray[np.int64]:
        with as_arguments():
            readout, frames = readout_of(required(self.spec)), frames_of(self, samples)
            run = run_samples(self.listener_, readout, frames, role, self.backend)
            if role == "train":
                require_spikes(self.listener_, readout, frames, self.backend, run.samples)
                warn_of_run(self.listener_, frames, run.fired, run.steps)
        return run.samples.features

    @property
    def _n_features_out(self) -> int:
        readout = readout_of(required(self.spec))
        return readouts.width(readout, sizes_of(self.listener_.program, readout))

    def __sklearn_tags__(self) -> Any:
        return _of_frames(super().__sklearn_tags__())


class LiquidClassifier(OfSpec, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A compiled liquid and its readout, as `lsm_deploy.train` makes them; it answers in integers.

    classifier, keep and weight_bits replace what the spec's readout section says, and seed that of the spec.
    """

    def __init__(
        self,
        spec: Spec | None = None,
        backend: str = backends.DEFAULT,
        classifier: str | None = None,
        keep: int | None = None,
        weight_bits: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.spec, self.backend, self.classifier = spec, backend, classifier
        self.keep, self.weight_bits, self.seed = keep, weight_bits, seed

    def fit(self, X: Any, y: Any, groups: Any = None) -> LiquidClassifier:  # noqa: N803
        """Train on samples of frames; groups: kept together in its folds."""
        with as_arguments():
            spec = required(self.spec)
            changed = {name: getattr(self, name) for name in ("classifier", "keep", "weight_bits")}
            given = {name: value for name, value in changed.items() if value is not None}
            readout = checked_readout(**(section_to_json(readout_of(spec)) | given))
            _refuse_centring(readout)
            spec = replace(spec, readout=readout, seed=spec.seed if self.seed is None else seed_of(self.seed))
            y = one_each(y, "y")
            check_classification_targets(y)
            self.classes_ = np.unique(y)
            labels = [str(label) for label in y]
            self.model_: Model[OnHost] = train(
                spec, frames_of(self, X, labels, groups_of(groups), reset=True), self.backend
            )
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """The integer score of each class `[sample, class]`; of two classes that of the second over the first's.

        In floats, which are what scikit-learn calibrates.
        """
        return self._scores(X).astype(np.float64)

    @available_if(_is_logistic)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """The probability of each class `[sample, class]`, as `lsm_deploy.probabilities` has it."""
        check_is_fitted(self)
        with as_arguments():
            shares = probabilities(self.model_, frames_of(self, X), self.backend)
        return shares[:, self._columns()]

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The class of each sample `[sample]`: that of the largest integer score."""
        values = self._scores(X)
        return _chosen(self.classes_, values)

    def _scores(self, samples: Any) -> NDArray[np.int64]:
        check_is_fitted(self)
        with as_arguments():
            values = scores(self.model_, frames_of(self, samples), self.backend)
        values = values[:, self._columns()]
        return values if len(self.classes_) > 2 else values[:, 1] - values[:, 0]

    def _columns(self) -> list[int]:
        """The number that the model has each class by, which is in an order of its own."""
        return [self.model_.classes.index(str(name)) for name in self.classes_]

    def __sklearn_tags__(self) -> Any:
        return _of_frames(super().__sklearn_tags__())


def _of_frames(tags: Any) -> Any:
    tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
    if tags.transformer_tags is not None:
        tags.transformer_tags.preserves_dtype = []
    return tags


def _chosen(classes: NDArray[Any], scores: NDArray[Any]) -> NDArray[Any]:
    """The class of the largest score, the lower one of equals; of two classes the second where its score is above 0."""
    chosen: NDArray[Any] = classes[np.argmax(scores, axis=1) if scores.ndim == 2 else (scores > 0).astype(int)]
    return chosen


def _refuse_centring(readout: Readout) -> None:
    if readout.centre == "group":
        what = "features are to be centred by group, and scikit-learn's samples have none when they are answered for"
        raise LsmError(what, where="readout", hint="set `readout: {centre: none}`, or use train and predict")
