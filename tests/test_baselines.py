"""Baselines against plain computations: slices for a support vector machine, measures of heart rate, raw frames."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits
from waves import spec, waves

from lsm_deploy.data import Audio, Beats, Frames
from lsm_deploy.data.front import AF, NOT_AF, to_frames
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.model import fit_to
from lsm_deploy.measure.evaluation import baselines as module
from lsm_deploy.measure.evaluation import evaluate, score
from lsm_deploy.measure.evaluation.baselines import BOOSTING, HRV, baselines, hrv, raw_answers
from lsm_deploy.spec.schema import BeatsFrontEnd, Bins, MelFrontEnd, Readout

PLAIN = Readout(population="liquid", features=Bins("bins", 2))


def standardised(train: Any, test: Any) -> tuple[Any, Any]:
    train, test = np.array(train), np.array(test)
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    deviation[deviation == 0] = 1.0
    return (train - mean) / deviation, (test - mean) / deviation


# --- sound -----------------------------------------------------------------------------------------------------------


def slices(data: Frames) -> list[list[float]]:
    """Means of ten parts of each sample; one that has no frame of its own takes that at its start."""
    found = []
    for start, many in zip(data.starts.tolist(), data.lengths.tolist(), strict=True):
        row: list[float] = []
        for part in range(10):
            first, last = start + many * part // 10, start + many * (part + 1) // 10
            row += [statistics.fmean(column) for column in data.frames[first : max(last, first + 1)].T.tolist()]
        found.append(row)
    return found


def test_the_support_vector_machine_by_hand() -> None:
    train, test = (waves(10, seed, noise=1.2) for seed in (1, 2))
    long = Frames(np.repeat(train.frames, 4, axis=0), 4 * train.starts, train.labels)  # some shorter, some longer
    x, unseen = standardised(slices(long), slices(test))
    machine = SVC(C=10.0, kernel="rbf", gamma=1 / (x.shape[1] * x.var())).fit(x, long.labels)
    nothing: Any = None
    got = baselines(MelFrontEnd(kind="mel", rate_hz=8000), PLAIN, (long, test), (nothing, nothing), 0)
    assert list(got) == ["svm"]
    assert got["svm"].predicted == tuple(machine.predict(unseen))
    assert (got["svm"].features, got["svm"].margins, got["svm"].cv_accuracy) == (20, None, None)
    assert 0.4 < np.mean(np.array(got["svm"].predicted) == test.labels) < 1


def test_frames_have_no_baselines_of_their_own() -> None:
    data = waves(2, 1)
    assert baselines(None, PLAIN, (data, data), (data, data), 0) == {}
    assert baselines(BeatsFrontEnd(kind="beats", window_beats=8), PLAIN, (data, data), (data, data), 0) == {}


# --- heart rate ------------------------------------------------------------------------------------------------------


def plainly(rr: list[float]) -> list[float]:
    """The measures in the order of `HRV`, beat by beat."""
    n, mean, median = len(rr), statistics.fmean(rr), statistics.median(rr)
    d = [(b - a) / mean for a, b in pairwise(rr)]
    lower, _, upper = statistics.quantiles(rr, n=4, method="inclusive")

    def sign(x: float) -> int:
        return (x > 0) - (x < 0)

    bins = [min(max(math.floor((x + 0.5) * 16), 0), 15) for x in d]
    shares = [bins.count(k) / len(d) for k in set(bins)]

    def alike(i: int, j: int, close: float) -> bool:
        return abs(rr[i] / mean - rr[j] / mean) <= close

    pairs: list[float] = []
    for close in (0.05, 0.1):
        ones = sum(alike(i, j, close) for j in range(n) for i in range(j))
        twos = sum(alike(i, j, close) and alike(i + 1, j + 1, close) for j in range(n - 1) for i in range(j))
        pairs += [ones / (n * (n - 1) / 2), -math.log((twos + 1) / (ones + 1))]
    return [
        statistics.pstdev(rr) / mean,
        (sum(x * x for x in d) / len(d)) ** 0.5,
        statistics.median(abs(x) for x in d),
        min(rr) / median,
        max(rr) / median,
        (upper - lower) / median,
        sum(sign(a) != sign(b) for a, b in pairwise(d)) / (n - 2),
        statistics.fmean(abs(b - a) for a, b in pairwise(d)),
        statistics.fmean((a - mean) * (b - mean) for a, b in pairwise(rr)) / (statistics.pvariance(rr) + 1e-9),
        sum(abs(x) > 0.05 for x in d) / (n - 1),
        sum(abs(x) > 0.1 for x in d) / (n - 1),
        -sum(share * math.log(share) for share in shares),
        *pairs,
    ]


def hearts(seed: int, records: int = 3) -> Beats:
    """Records that are regular, then irregular but alike in rate; the wide ones are fibrillation."""
    rng, beats, rhythm, starts = np.random.default_rng(seed), [], [], []
    for _ in range(records):
        rr = np.concatenate([rng.normal(200, 14, 120), rng.normal(190, 32, 120)]).clip(60).astype(int)
        starts.append(sum(len(part) for part in beats))
        beats.append(np.cumsum(rr))
        rhythm += [0] * 120 + [1] * 120
    return Beats(
        np.concatenate(beats),
        np.array(starts),
        250.0,
        np.array(rhythm, np.int8),
        ("N", "AFIB"),
        tuple(f"{seed}{i}" for i in range(records)),
        "hearts",
    )


def windows(beats: Beats, size: int, stride: int) -> tuple[list[list[float]], list[str]]:
    """RR intervals in s and the label of each window, beat by beat."""
    found, labels = [], []
    ends = [*beats.starts.tolist()[1:], len(beats.beats)]
    for start, end in zip(beats.starts.tolist(), ends, strict=True):
        at = beats.beats[start:end].tolist()
        rr = [min(max((b - a) / 250, 0.2), 3.0) for a, b in pairwise(at)]
        for first in range(0, len(rr) - size + 1, stride):
            found.append(rr[first : first + size])
            marks = beats.rhythm[start + 1 + first : start + 1 + first + size].tolist()
            labels.append(AF if 2 * sum(marks) > size else NOT_AF)
    return found, labels


def test_each_measure_of_heart_rate_plainly() -> None:
    rr, _ = windows(hearts(0), 7, 7)
    rr.append([0.8] * 7)  # a heart like a clock
    got = hrv(np.array(rr))
    assert got.shape == (len(rr), len(HRV))
    for name, ours, plain in zip(HRV, got.T, zip(*(plainly(row) for row in rr), strict=True), strict=True):
        np.testing.assert_allclose(ours, plain, atol=1e-9, err_msg=name)
    assert (got[:-1].std(axis=0) > 0).all()
    assert got[-1].tolist() == pytest.approx([0, 0, 0, 1, 1, *[0] * 7, 1, math.log(22 / 16), 1, math.log(22 / 16)])


@pytest.mark.parametrize("stride", [None, 9])
def test_readouts_of_heart_rate_by_hand(stride: int | None) -> None:
    section = BeatsFrontEnd(kind="beats", window_beats=12, stride_beats=stride, channels=("drr",))
    train, test = hearts(1, 12), hearts(2, 4)  # boosting has no leaf of fewer than 100 windows
    (x, y), (unseen, truth) = (windows(part, 12, stride or 12) for part in (train, test))
    measures = [[plainly(row) for row in part] for part in (x, unseen)]
    frames = tuple(to_frames(part, section) for part in (train, test))
    assert frames[0].labels == tuple(y)
    got = baselines(section, PLAIN, (frames[0], frames[1]), (train, test), 5)
    assert list(got) == ["hrv_logistic", "hrv_boosting"]
    z, unseen_z = standardised(*measures)
    logistic = LogisticRegression(max_iter=3000).fit(z, y)
    with threadpool_limits(1):  # on a busy machine more are slow
        leaf = max(1, min(100, len(y) // 20))
        boosting = HistGradientBoostingClassifier(**BOOSTING, min_samples_leaf=leaf, random_state=5)
        boosting.fit(np.array(measures[0]), y)
    assert logistic.classes_.tolist() == [AF, NOT_AF]
    for name, model, rows in (
        ("hrv_logistic", logistic, unseen_z),
        ("hrv_boosting", boosting, np.array(measures[1])),
    ):
        chance = model.predict_proba(rows)[:, 0]
        np.testing.assert_allclose(got[name].margins, chance, atol=2e-3)  # solvers stop where they may
        sure = np.abs(chance - 0.5) > 2e-3
        assert len(sure) - sure.sum() <= 1
        assert (np.array(got[name].predicted) == model.predict(rows))[sure].all()
        assert len(set(chance.tolist())) > 5
        found = score.score_of(got[name], truth, AF).detection
        assert found is not None
        assert found.auc == pytest.approx(roc_auc_score([label == AF for label in truth], chance))
        assert found.auc > 0.8
        assert got[name].features == len(HRV)


@pytest.mark.parametrize("beats", [1, 2, 3])
def test_windows_too_short_for_a_measure(beats: int) -> None:
    section = BeatsFrontEnd(kind="beats", window_beats=beats)
    part = hearts(1)
    frames = to_frames(part, section)
    assert bool(baselines(section, PLAIN, (frames, frames), (part, part), 0)) == (beats == 3)


# --- raw frames ------------------------------------------------------------------------------------------------------


def test_raw_frames_in_the_parts_that_cross_validate_best(tmp_path: Path) -> None:
    section = spec(tmp_path, features="{kind: bins, bins: 7}").readout
    assert section is not None
    train, test = waves(12, 1, noise=1.0), waves(10, 2, noise=1.0)
    found = {}
    for parts in (1, 2, 3, 4, 5, 7):
        x, unseen = (readouts.mean_bins(part.frames, part.starts, parts) for part in (train, test))
        classifier = fit_to(x, train, section, 3)
        found[parts] = (classifier.cv_accuracy.max(), readouts.predict(classifier, unseen), x.shape[1])
    best = max(found.values(), key=lambda each: each[0])
    got = raw_answers((train, test), (), section, 3)
    assert (got.cv_accuracy, got.predicted, got.features) == best
    assert len({accuracy for accuracy, _, _ in found.values()}) > 1


def test_raw_frames_are_fewer_than_a_spec_may_keep(tmp_path: Path) -> None:
    section = spec(tmp_path).readout
    assert section is not None
    train, test = waves(12, 1), waves(10, 2)
    few = raw_answers((train, test), (), replace(section, keep=3), 3)
    assert few.features in (2, 3)
    all_of_them = raw_answers((train, test), (), section, 3)
    assert raw_answers((train, test), (), replace(section, keep=60), 3).predicted == all_of_them.predicted


# --- all together ----------------------------------------------------------------------------------------------------


def test_an_evaluation_of_heart_beats_has_them_all(tmp_path: Path) -> None:
    described = spec(tmp_path)
    front = BeatsFrontEnd(kind="beats", window_beats=12, channels=("rr", "abs_drr_relative"))
    got = evaluate(replace(described, front_end=front), hearts(1), hearts(2))
    assert list(got.baselines) == ["feedforward", "encoded", "raw", "hrv_logistic", "hrv_boosting"]
    frames = [to_frames(part, front) for part in (hearts(1), hearts(2))]
    same = baselines(front, PLAIN, (frames[0], frames[1]), (hearts(1), hearts(2)), described.seed)
    for name, answers in same.items():
        assert got.baselines[name] == score.score_of(answers, got.labels, AF)
    facts = got.to_json()
    assert got.liquid.detection is not None
    is_af = np.array(got.labels) == AF
    said = np.array(got.answers["liquid"].predicted)
    assert facts["sensitivity"] == np.mean(said[is_af] == AF)
    assert facts["specificity"] == np.mean(said[~is_af] == NOT_AF)
    assert facts["auc"] == pytest.approx(roc_auc_score(is_af, got.answers["liquid"].margins))
    assert list(got.groups) == ["20", "21", "22"]
    for record, found in got.groups.items():
        here = np.array(got.group_of) == record
        assert found.correct == np.sum((said == np.array(got.labels))[here])


def test_an_evaluation_of_sound_trains_the_machine_on_altered_copies_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("librosa")
    from lsm_deploy.spec.schema import Augment

    seen: list[int] = []
    machine = module._svm
    monkeypatch.setattr(module, "_svm", lambda *given: seen.append(given[1].samples) or machine(*given))
    rng = np.random.default_rng(0)
    sound = [np.sin(np.arange(800) * (0.2 + i % 2)) + 0.1 * rng.normal(size=800) for i in range(24)]
    audio = [
        Audio(np.concatenate(half), np.arange(12) * 800, 8000, tuple("01" * 6), "sound")
        for half in (sound[:12], sound[12:])
    ]
    front = MelFrontEnd(kind="mel", rate_hz=8000, bands=2, frames=5, augment=Augment(copies=1, noise_db=20.0))
    got = evaluate(replace(spec(tmp_path), front_end=front), *audio)
    assert seen == [24]
    assert list(got.baselines) == ["feedforward", "encoded", "raw", "svm"]
    assert got.baselines["svm"] is not None
    assert got.baselines["svm"].accuracy == 1
