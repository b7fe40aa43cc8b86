"""What the same training data give without a liquid: the yardstick of every result.

raw           the spec's readout on the frames, averaged over 1 to 5 parts of a sample, whichever cross-validates best
svm           sound: a support vector machine, RBF kernel, on the means of ten parts of a sample, from the same frames
              (altered copies included), centred by speaker where the readout's features are, standardised
hrv_logistic  heart beats: logistic regression on measures of heart rate variability of the same windows
hrv_boosting  the same measures, with gradient boosting of small trees

The measures are in the order of `HRV`, all relative to the window's mean RR or its median. Task Force of the ESC and
NASPE, Circulation 93 (1996); turning points: Dash et al., Ann. Biomed. Eng. 37 (2009); sample entropy of length 1, with
a tolerance relative to the mean: after Lake & Moorman, Am. J. Physiol. 300 (2011).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import Beats, Frames, Raw
from lsm_deploy.data.front import AF, NOT_AF, to_frames
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.model import fit_to, relative
from lsm_deploy.measure.evaluation import kernels
from lsm_deploy.measure.evaluation.score import Answers, float_answers
from lsm_deploy.spec.schema import AudioFrontEnd, BeatsFrontEnd, FrontEnd, Readout

__all__ = ["HRV", "baselines", "heart_rate_models", "hrv", "raw_answers"]

SLICES = 10
PENALTY = 10.0
"""C of the support vector machine."""
BOOSTING = {
    "learning_rate": 0.03,
    "max_iter": 150,
    "max_leaf_nodes": 8,
    "l2_regularization": 10.0,
}
LEAF = 100
"""Windows that a leaf has at the least; of few windows a twentieth."""
CLOSE = 0.05, 0.1
"""Intervals are alike that differ by no more than this share of the mean."""


def baselines(
    front_end: FrontEnd | None,
    readout: Readout,
    frames: tuple[Frames, Frames],
    recordings: tuple[Raw, Raw],
    seed: int,
) -> dict[str, Answers]:
    """By name, the answers for the second of two parts, trained on the first; those that fit this kind of data."""
    if isinstance(front_end, AudioFrontEnd):
        return {"svm": _svm(readout, *frames)}
    first, second = recordings
    if isinstance(front_end, BeatsFrontEnd) and isinstance(first, Beats) and isinstance(second, Beats):
        return _of_heart_rate(front_end, (first, second), (frames[0].labels, frames[1].labels), seed)
    return {}


def raw_answers(
    frames: tuple[Frames, Frames], groups: Sequence[str], readout: Readout, seed: int, positive: str | None = None
) -> Answers:
    """The spec's readout on averages of the frames themselves; groups: of the training samples, to centre them by."""
    candidates = []
    for parts in sorted({*range(1, 6), readouts.parts_of(readout)}):
        x, x_test = (readouts.mean_bins(part.frames, part.starts, parts) for part in frames)
        x, x_test = relative(x, replace(frames[0], groups=tuple(groups)), readout), relative(x_test, frames[1], readout)
        few = replace(readout, keep=min(readout.keep, x.shape[1])) if readout.keep else readout
        classifier = fit_to(x, frames[0], few, seed)
        candidates.append(float_answers(classifier, x_test, positive))
    return max(candidates, key=lambda answers: answers.cv_accuracy or 0.0)


# --- sound -----------------------------------------------------------------------------------------------------------


def _svm(readout: Readout, train: Frames, test: Frames) -> Answers:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    x, x_test = (
        relative(readouts.mean_bins(part.frames, part.starts, SLICES), part, readout) for part in (train, test)
    )
    machine = make_pipeline(StandardScaler(), SVC(C=PENALTY, cache_size=1000)).fit(x, list(train.labels))
    return Answers(tuple(str(name) for name in machine.predict(x_test)), None, x.shape[1], None, None)


# --- heart rate ------------------------------------------------------------------------------------------------------


def _of_heart_rate(
    readout: BeatsFrontEnd, recordings: tuple[Beats, Beats], labels: tuple[tuple[str, ...], ...], seed: int
) -> dict[str, Answers]:
    from threadpoolctl import threadpool_limits

    if readout.window_beats < FEWEST:
        return {}
    intervals = replace(readout, channels=("rr",))
    x, x_test = (hrv(to_frames(part, intervals).frames.reshape(-1, readout.window_beats)) for part in recordings)
    answers = {}
    for name, model in heart_rate_models(len(x), seed).items():
        # Too little work to share: on a busy machine, threads that wait for each other take a hundred times as long.
        with threadpool_limits(1):
            fitted = model().fit(x, list(labels[0]))
            chance = fitted.predict_proba(x_test)[:, list(fitted.classes_).index(AF)]
        predicted = tuple(AF if p > 0.5 else NOT_AF for p in chance)
        answers[name] = Answers(predicted, chance, x.shape[1], None, None)
    return answers


def heart_rate_models(windows: int, seed: int) -> dict[str, Callable[[], Any]]:
    """By name, what makes a model of measures, to be trained on so many windows."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    leaf = max(1, min(LEAF, windows // 20))
    return {
        "hrv_logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000)),
        "hrv_boosting": lambda: HistGradientBoostingClassifier(
            **BOOSTING, min_samples_leaf=leaf, random_state=seed % 2**32
        ),
    }


FEWEST = 3
"""Beats of a window that every measure is defined for: differences of differences."""

HRV = (
    "SDNN",
    "RMSSD",
    "median |dRR|",
    "shortest RR of the median",
    "longest RR of the median",
    "interquartile range of the median",
    "share of turning points",
    "mean |ddRR|",
    "autocorrelation at one beat",
    "share of |dRR| above 5 %",
    "share of |dRR| above 10 %",
    "entropy of dRR in 16 bins from -50 to 50 %",
    "share of pairs within 5 %",
    "sample entropy at 5 %",
    "share of pairs within 10 %",
    "sample entropy at 10 %",
)


def hrv(rr: Floats) -> Floats:
    """Measures `[window, measure]` of the RR intervals `[window, beat]` in s."""
    mean, median = rr.mean(axis=1), np.median(rr, axis=1)
    d = np.diff(rr, axis=1) / mean[:, None]
    size, centred = np.abs(d), rr - mean[:, None]
    low, high = np.quantile(rr, (0.25, 0.75), axis=1)
    columns = (
        rr.std(axis=1) / mean,
        np.sqrt((d**2).mean(axis=1)),
        np.median(size, axis=1),
        rr.min(axis=1) / median,
        rr.max(axis=1) / median,
        (high - low) / median,
        (np.sign(d[:, 1:]) != np.sign(d[:, :-1])).mean(axis=1),
        np.abs(np.diff(d, axis=1)).mean(axis=1),
        (centred[:, 1:] * centred[:, :-1]).mean(axis=1) / (rr.var(axis=1) + 1e-9),
        (size > 0.05).mean(axis=1),
        (size > 0.1).mean(axis=1),
        _entropy(d),
        *(column for close in CLOSE for column in _sample_entropy(rr / mean[:, None], close)),
    )
    return np.stack(columns, axis=1)


def _entropy(d: Floats) -> Floats:
    """Shannon's, of relative differences `[window, difference]`, in nats; the outer bins take what is beyond."""
    bins = np.clip(((d + 0.5) * 16).astype(np.int64), 0, 15)
    share = np.stack([(bins == k).mean(axis=1) for k in range(16)], axis=1)
    entropy: Floats = -(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=1)
    return entropy


def _sample_entropy(rr: Floats, close: float) -> tuple[Floats, Floats]:
    """The share of pairs of intervals `[window, beat]` that are alike, and -log of how many of these the next intervals
    are alike, too; one is added to both counts, so that regular and short windows have one."""
    beats = rr.shape[1]
    ones, twos = np.zeros((2, len(rr)), np.int64)
    kernels.count_alike(rr, close, ones, twos)
    return ones / (beats * (beats - 1) / 2), -np.log((twos + 1) / (ones + 1))
