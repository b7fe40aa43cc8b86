"""What the same training data give without a liquid: the yardstick of every result.

raw           the spec's readout on the frames, averaged over 1 to 5 parts of a sample, whichever cross-validates best
svm           sound: a support vector machine, RBF kernel, on the means of ten parts of a sample, from the same frames
              (altered copies included), standardised
hrv_logistic  heart beats: logistic regression on measures of heart rate variability of the same windows
hrv_boosting  the same measures, with gradient boosting (histograms, scikit-learn's defaults)

The measures are in the order of `HRV`; those without a unit are relative to the window's mean RR. Task Force of the ESC
and NASPE, Circulation 93 (1996); turning points and normalised differences: Dash et al., Ann. Biomed. Eng. 37 (2009).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from lsm_deploy import readout as readouts
from lsm_deploy.data import Beats, Frames, Raw
from lsm_deploy.evaluate.score import Answers, float_answers
from lsm_deploy.front import AF, NOT_AF, to_frames
from lsm_deploy.model import fit_to
from lsm_deploy.neurons.kind import Floats
from lsm_deploy.spec.schema import AudioFrontEnd, BeatsFrontEnd, FrontEnd, Readout

__all__ = ["HRV", "baselines", "hrv", "raw_answers"]

SLICES = 10
PENALTY = 10.0
"""C of the support vector machine."""


def baselines(
    section: FrontEnd | None, frames: tuple[Frames, Frames], recordings: tuple[Raw, Raw], seed: int
) -> dict[str, Answers]:
    """By name, the answers for the second of two parts, trained on the first; those that fit this kind of data."""
    if isinstance(section, AudioFrontEnd):
        return {"svm": _svm(*frames)}
    first, second = recordings
    if isinstance(section, BeatsFrontEnd) and isinstance(first, Beats) and isinstance(second, Beats):
        return _of_heart_rate(section, (first, second), (frames[0].labels, frames[1].labels), seed)
    return {}


def raw_answers(frames: tuple[Frames, Frames], section: Readout, seed: int, positive: str | None = None) -> Answers:
    """The spec's readout on averages of the frames themselves."""
    found = []
    for parts in sorted({*range(1, 6), readouts.parts_of(section)}):
        x, unseen = (readouts.mean_bins(part.frames, part.starts, parts) for part in frames)
        kept = replace(section, keep=min(section.keep, x.shape[1])) if section.keep else section
        classifier = fit_to(x, frames[0], kept, seed)
        found.append(float_answers(classifier, unseen, positive))
    return max(found, key=lambda answers: answers.cv_accuracy or 0.0)


# --- sound -----------------------------------------------------------------------------------------------------------


def _svm(train: Frames, test: Frames) -> Answers:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    x, unseen = (readouts.mean_bins(part.frames, part.starts, SLICES) for part in (train, test))
    machine = make_pipeline(StandardScaler(), SVC(C=PENALTY, cache_size=1000)).fit(x, list(train.labels))
    return Answers(tuple(str(said) for said in machine.predict(unseen)), None, x.shape[1], None, None)


# --- heart rate ------------------------------------------------------------------------------------------------------


def _of_heart_rate(
    section: BeatsFrontEnd, recordings: tuple[Beats, Beats], labels: tuple[tuple[str, ...], ...], seed: int
) -> dict[str, Answers]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    if section.window_beats < FEWEST:
        return {}
    intervals = replace(section, channels=("rr",))
    x, unseen = (hrv(to_frames(part, intervals).frames.reshape(-1, section.window_beats)) for part in recordings)
    models: dict[str, Callable[[], Any]] = {
        "hrv_logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "hrv_boosting": lambda: HistGradientBoostingClassifier(random_state=seed % 2**32),
    }
    found = {}
    for name, model in models.items():
        # Too little work to share: on a busy machine, threads that wait for each other take a hundred times as long.
        with threadpool_limits(1):
            fitted = model().fit(x, list(labels[0]))
            chance = fitted.predict_proba(unseen)[:, list(fitted.classes_).index(AF)]
        said = tuple(AF if p > 0.5 else NOT_AF for p in chance)
        found[name] = Answers(said, chance, x.shape[1], None, None)
    return found


FEWEST = 3
"""Beats of a window that every measure is defined for: differences of differences."""

HRV = (
    "mean RR, s",
    "SDNN, s",
    "RMSSD, s",
    "share of |dRR| above 50 ms",
    "share of |dRR| above 20 ms",
    "SDNN",
    "RMSSD",
    "median |dRR|",
    "shortest RR of the median",
    "longest RR of the median",
    "interquartile range of the median",
    "share of turning points",
    "mean |ddRR|",
    "autocorrelation at one beat",
)


def hrv(rr: Floats) -> Floats:
    """Measures `[window, measure]` of the RR intervals `[window, beat]` in s."""
    d = np.diff(rr, axis=1)
    mean, median, size = rr.mean(axis=1), np.median(rr, axis=1), np.abs(d)
    spread, successive = rr.std(axis=1), np.sqrt((d**2).mean(axis=1))
    low, high = np.quantile(rr, (0.25, 0.75), axis=1)
    centred = rr - mean[:, None]
    columns = (
        mean,
        spread,
        successive,
        (size > 0.05).mean(axis=1),
        (size > 0.02).mean(axis=1),
        spread / mean,
        successive / mean,
        np.median(size, axis=1) / mean,
        rr.min(axis=1) / median,
        rr.max(axis=1) / median,
        (high - low) / median,
        (np.sign(d[:, 1:]) != np.sign(d[:, :-1])).mean(axis=1),
        np.abs(np.diff(d, axis=1)).mean(axis=1) / mean,
        (centred[:, 1:] * centred[:, :-1]).mean(axis=1) / (rr.var(axis=1) + 1e-9),
    )
    return np.stack(columns, axis=1)
