"""Intervals over groups and liquids, beside every draw that there is, and beside plain loops."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lsm_deploy.measure.uncertainty import DRAWS, Resampled, Spread, jackknifed, paired, widened, wilson


def some(liquids: int = 3, groups: int = 4, seed: int = 0) -> tuple[dict[str, Any], list[str]]:
    """Answers of two readouts of liquids and one without, of groups that differ in size and in how hard they are."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(groups), rng.integers(5, 40, groups))
    hard = rng.uniform(0.5, 1, groups)[of]
    right = {
        "liquid": rng.random((liquids, len(of))) < hard,
        "floats": rng.random((liquids, len(of))) < hard - 0.1,
        "encoded": rng.random((1, len(of))) < hard - 0.2,
    }
    return right, [f"g{group}" for group in of]


def every(right: Any, groups: list[str], among: Any = None) -> list[float]:
    """The share in each draw of groups and liquids that there is."""
    names, liquids = sorted(set(groups)), range(len(right))
    at = {
        name: [i for i, group in enumerate(groups) if group == name and (among is None or among[i])] for name in names
    }
    shares = []
    for drawn in product(names, repeat=len(names)):
        samples = [i for name in drawn for i in at[name]]
        for chosen in product(liquids, repeat=len(liquids)):
            shares.append(float(np.mean([right[liquid][i] for liquid in chosen for i in samples])))
    return shares


def left_out(right: Any, groups: list[str], among: Any = None) -> tuple[float, float]:
    """Student's interval of the share by what is left without each group (Efron, The Jackknife, the Bootstrap and Other
    Resampling Plans, 1982), by pseudo-values: as if each group had a figure of its own."""
    counted = np.array(groups) if among is None else np.array(groups)[among]
    answers, names = right if among is None else right[:, among], sorted(set(groups))
    whole = answers.mean()
    own = [len(names) * whole - (len(names) - 1) * answers[:, counted != name].mean() for name in names]
    half = stats.t.ppf(0.975, len(names) - 1) * stats.sem(own)
    return float(whole - half), float(whole + half)


@pytest.mark.parametrize("name", ["liquid", "encoded"])
@pytest.mark.parametrize("few", [False, True])
def test_an_interval_is_that_of_all_draws(name: str, few: bool) -> None:
    right, groups = some(liquids=3, groups=4)
    among = np.random.default_rng(1).random(len(groups)) < 0.5 if few else None
    tail = stats.norm.cdf(-np.sqrt(4 / 3) * stats.t.ppf(0.975, 3))
    low, high = np.quantile(every(right[name], groups, among), [tail, 1 - tail])
    counted = right[name] if among is None else right[name][:, among]
    floors = [wilson(counted.mean(), counted.shape[1]), left_out(right[name], groups, among)]
    if name == "liquid":
        floors.append(stats.t.interval(0.95, 2, counted.mean(), stats.sem(counted.mean(axis=1))))
    expected = max(0, min(low, *(each[0] for each in floors))), min(1, max(high, *(each[1] for each in floors)))
    assert Resampled(right, groups).interval(name, among) == pytest.approx(expected, abs=0.03)


def test_draws_are_of_groups_and_liquids_both() -> None:
    right, groups = some(liquids=3, groups=3, seed=2)
    right["liquid"] &= np.random.default_rng(0).random(right["liquid"].shape) < np.array([[1.0], [0.8], [0.6]])
    shares, both = Resampled(right, groups)._shares(None)["liquid"], every(right["liquid"], groups)
    assert (len(shares), shares[:DRAWS].mean()) == (DRAWS + 4, pytest.approx(np.mean(both), abs=0.01))
    assert shares[:DRAWS].std() == pytest.approx(np.std(both), rel=0.06)
    groups_alone = every(right["liquid"].mean(axis=0)[None], groups)
    chosen = np.array(list(product(range(3), repeat=3)))
    liquids_alone = right["liquid"].mean(axis=1)[chosen].mean(axis=1)
    for alone in (groups_alone, liquids_alone):
        assert np.std(alone) < 0.95 * shares[:DRAWS].std()


def test_two_liquids_are_no_sample_of_others_and_few_are_as_wide_as_students() -> None:
    rng = np.random.default_rng(0)
    levels = np.array([0.90, 0.93, 0.97])
    right = rng.random((3, 5000)) < levels[:, None]
    of = Resampled({"liquid": right, "encoded": rng.random((1, 5000)) < 0.92}, [])
    shares = right.mean(axis=1)
    students = stats.t.interval(0.95, 2, shares.mean(), stats.sem(shares))
    low, high = of.interval("liquid")
    assert (low, high) == pytest.approx((students[0], 1.0))
    beside = of.difference("liquid", "encoded")
    assert beside.low == pytest.approx(students[0] - of.right["encoded"].mean())
    two = Resampled({"liquid": right[[0, 2]]}, [])
    assert two.over == "5000 samples, of 2 liquids"
    assert two.interval("liquid") == pytest.approx(wilson(right[[0, 2]].mean(), 5000), abs=0.004)


def test_differences_are_paired() -> None:
    right, groups = some(groups=12)
    of = Resampled(right, groups)
    assert of.over == "12 groups and 3 liquids"
    better = of.difference("liquid", "encoded")
    assert better.mean == right["liquid"].mean() - right["encoded"].mean()
    assert (better.says, of.difference("encoded", "liquid").says) == ("better", "worse")
    assert of.difference("liquid", "encoded").low == pytest.approx(-of.difference("encoded", "liquid").high, abs=1e-12)
    same = Resampled({"a": right["liquid"], "b": right["liquid"].copy()}, groups).difference("a", "b")
    size = right["liquid"].shape[1]
    assert (same.mean, same.says) == (0, "not distinguishable")
    # Nobody was right alone, which is no proof: half a sample, four times, is added.
    assert (-same.low, same.high) == pytest.approx((1.959964 / (size + 2),) * 2)
    # Two that are right of the same groups: each interval is wide, the difference's is not.
    worse = right["liquid"] & (np.random.default_rng(3).random(right["liquid"].shape) < 0.9)
    pair = Resampled({"a": right["liquid"], "b": worse}, groups)
    low, high = pair.interval("a")
    narrow = pair.difference("a", "b")
    assert narrow.high - narrow.low < (high - low) / 3
    assert narrow.says == "better"


def test_a_paired_interval_by_hand() -> None:
    """Of 40 samples 6 and 2 right in one alone: (6 - 2) / 42 and the root of 9 - 16 / 42, of 42."""
    low, high = paired(6 / 40, 2 / 40, 40)
    assert (low, high) == pytest.approx(
        (4 / 42 - 1.959964 * 8.619048**0.5 / 42, 4 / 42 + 1.959964 * 8.619048**0.5 / 42)
    )


def test_differences_end_where_they_can() -> None:
    of = Resampled({"a": np.ones((1, 10), bool), "b": np.zeros((1, 10), bool)}, [])
    assert (of.difference("a", "b").high, of.difference("b", "a").low) == (1.0, -1.0)


def test_few_groups_and_none_are_samples() -> None:
    right, _ = some()
    samples = right["liquid"].shape[1]
    for groups in ([], ["a"] * samples, ["a"] * 9 + ["b"] * (samples - 9)):
        of = Resampled(right, groups)
        assert of.over == f"{samples} samples and 3 liquids"
        low, high = of.interval("encoded")
        assert (low, high) == pytest.approx(wilson(right["encoded"].mean(), samples), abs=0.03)
    assert Resampled({"encoded": right["encoded"]}, []).over == f"{samples} samples"


def test_where_all_are_right_it_is_not_sure() -> None:
    right = {"liquid": np.ones((3, 30), bool)}
    for groups in ([], [str(i % 5) for i in range(30)]):
        low, high = Resampled(right, groups).interval("liquid")
        assert (low, high) == (pytest.approx(stats.binomtest(30, 30).proportion_ci(method="wilson").low), 1.0)


def test_groups_that_differ_are_seen_where_liquids_alone_are_not() -> None:
    rng = np.random.default_rng(0)
    groups = [str(i) for i in range(6) for _ in range(300)]
    hard = np.repeat([0.99, 0.98, 0.7, 0.99, 0.9, 0.97], 300)
    right = rng.random((5, 1800)) < hard
    low, high = Resampled({"liquid": right}, groups).interval("liquid")
    student = Spread.of(right.mean(axis=1).tolist())
    assert high - low > 10 * (student.high - student.low)


def test_nothing_that_counts_has_no_interval() -> None:
    right, groups = some()
    of = Resampled(right, groups)
    assert of.interval("liquid", np.zeros(len(groups), bool)) is None
    rare = np.array([group == "g0" for group in groups])  # draws without that group have nothing to say
    assert of.interval("liquid", rare) == (0.0, 1.0), "one group says nothing of others"


@pytest.mark.parametrize("rows", [1, 3])
def test_the_area_under_the_curve(rows: int) -> None:
    from sklearn.metrics import roc_auc_score

    right, groups = some(groups=5)
    rng = np.random.default_rng(4)
    positive = rng.random(len(groups)) < 0.4
    margins = np.round(rng.normal(positive * 1.0, 1.0, (rows, len(groups))), 1)  # some are equal
    of = Resampled(right, groups)
    total = [of._pairs(row, positive).sum() / positive.sum() / (~positive).sum() for row in margins]
    assert total == pytest.approx([roc_auc_score(positive, row) for row in margins])
    areas = []
    for liquids, units in of.draws.weights():
        for chosen, weights in zip(liquids[:300], units[:300], strict=True):
            each = weights[of.unit]
            here = each > 0
            of_rows = [roc_auc_score(positive[here], row[here], sample_weight=each[here]) for row in margins]
            areas.append(np.average(of_rows, weights=chosen if rows > 1 else None))
        break
    low, high = of.auc_interval(margins, positive)
    own = []
    for group in sorted(set(groups)):
        rest = np.array(groups) != group
        without = np.mean([roc_auc_score(positive[rest], row[rest]) for row in margins])
        own.append(5 * np.mean(total) - 4 * without)
    half = stats.t.ppf(0.975, 4) * stats.sem(own)
    percentiles = widened(np.array(areas), 5)
    expected = min(percentiles[0], np.mean(total) - half), min(max(percentiles[1], np.mean(total) + half), 1)
    if rows > 1:
        students = stats.t.interval(0.95, 2, np.mean(total), stats.sem(total))
        expected = min(expected[0], students[0]), min(max(expected[1], students[1]), 1)
    assert (low, high) == pytest.approx(expected, abs=0.04)
    assert of.auc_interval(positive[None] * 1.0, positive) is None, "all in order is no proof"
    assert Resampled(right, []).auc_interval(margins, positive) is None


def test_of_few_groups_one_without_whom_nothing_is_finite_leaves_no_end() -> None:
    assert jackknifed(np.array([1.0, 2.0, np.inf]), 1.5) == (-np.inf, np.inf)
    assert jackknifed(np.array([1.0, 2.0, np.nan]), 1.5) == (-np.inf, np.inf)
