"""Figures of sums over units: beside shares of right answers, every draw that there is, and errors that last."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lsm_deploy.core.errors import MisuseError
from lsm_deploy.measure.sums import Figure, Sums
from lsm_deploy.measure.uncertainty import DRAWS, Resampled, widened

SHARE = Figure(lambda sums: sums[..., 0] / sums[..., 1], (0.0, 1.0))
RMSE = Figure(lambda sums: np.sqrt(sums[..., 0] / sums[..., 1]), (0.0, np.inf), less_is_better=True)


def errors(liquids: int = 3, units: int = 4, seed: int = 0) -> dict[str, Any]:
    """Sums of squared errors and of frames, of units that differ in size and in how hard they are."""
    rng = np.random.default_rng(seed)
    many, hard = rng.integers(5, 30, units), rng.uniform(0.5, 2, units)
    of = {"liquid": (liquids, 1.0), "worse": (1, 1.3)}
    return {
        name: np.stack([hard * many * scale * rng.uniform(0.7, 1.3, (rows, units)), np.tile(many, (rows, 1))], axis=2)
        for name, (rows, scale) in of.items()
    }


def of_liquids_of(sums: Any) -> Any:
    return np.sqrt(sums[..., 0].sum(axis=1) / sums[..., 1].sum(axis=1))


def test_a_share_is_that_of_right_answers() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(8), rng.integers(40, 90, 8))
    right = {"liquid": rng.random((3, len(groups))) < 0.6 + 0.04 * groups, "none": rng.random((1, len(groups))) < 0.3}
    sums = {
        name: np.stack([[[row[groups == g].sum(), (groups == g).sum()] for g in range(8)] for row in rows])
        for name, rows in right.items()
    }
    of, shares = Sums(sums, "groups"), Resampled(right, [str(group) for group in groups])
    assert of.over == shares.over == "8 groups and 3 liquids"
    assert of.value("liquid", SHARE) == pytest.approx(right["liquid"].mean())
    assert of.interval("liquid", SHARE) == pytest.approx(shares.interval("liquid"))
    ours, theirs = of.difference("liquid", "none", SHARE), shares.difference("liquid", "none")
    assert (ours.mean, ours.low, ours.high) == pytest.approx((theirs.mean, theirs.low, theirs.high))


def test_draws_are_of_units_and_liquids_both() -> None:
    sums = errors()
    figures = [
        np.mean([np.sqrt(sums["liquid"][liquid, list(units), 0].sum() / sums["liquid"][0, list(units), 1].sum())
                 for liquid in liquids])
        for units in product(range(4), repeat=4) for liquids in product(range(3), repeat=3)
    ]  # fmt: skip
    of = Sums(sums, "years")
    drawn = of._drawn(RMSE)["liquid"][:DRAWS]
    assert (len(drawn), drawn.mean()) == (DRAWS, pytest.approx(np.mean(figures), abs=0.01))
    assert drawn.std() == pytest.approx(np.std(figures), rel=0.06)
    assert of.value("liquid", RMSE) == pytest.approx(of_liquids_of(sums["liquid"]).mean())
    without = np.array([of_liquids_of(np.delete(sums["liquid"], unit, axis=1)).mean() for unit in range(4)])
    half = stats.t.ppf(0.975, 3) * np.sqrt(3 / 4 * ((without - without.mean()) ** 2).sum())
    low, high = widened(drawn, 4)
    middle = of.value("liquid", RMSE)
    assert of.interval("liquid", RMSE) == pytest.approx((min(low, middle - half), max(high, middle + half)))
    assert middle + half > high, "the draws of four are too alike"


def test_of_errors_less_is_better_and_differences_are_paired() -> None:
    of = Sums(errors(units=20), "years")
    better, worse = of.difference("liquid", "worse", RMSE), of.difference("worse", "liquid", RMSE)
    assert (better.says, worse.says) == ("better", "worse")
    assert better.mean == pytest.approx(of.value("worse", RMSE) - of.value("liquid", RMSE))
    assert (better.low, better.high) == pytest.approx((-worse.high, -worse.low))
    low, high = of.interval("liquid", RMSE)
    assert better.high - better.low < high - low  # what is hard is hard for both
    assert of.difference("worse", "worse", RMSE).says == "not distinguishable"


def test_blocks_as_long_as_errors_last_hold_what_they_are_of_and_single_frames_do_not() -> None:
    rng, held = np.random.default_rng(1), {1: 0, 25: 0}
    for _ in range(60):
        noise = np.zeros(500)
        for t in range(1, 500):
            noise[t] = 0.9 * noise[t - 1] + rng.normal()
        for block in held:
            each = np.stack([noise.reshape(-1, block).sum(axis=1), np.full(500 // block, block)], axis=1)[None]
            low, high = Sums({"bias": each}).interval("bias", Figure(SHARE.of))
            held[block] += low <= 0 <= high
    assert held[1] < 35
    assert held[25] > 50


def test_what_it_can_be_ends_an_interval() -> None:
    sums = np.array([[[9.0, 10.0]] * 5, [[10.0, 10.0]] * 5, [[5.0, 10.0]] * 5])
    assert Sums({"a": sums}).interval("a", SHARE)[1] == 1.0


@pytest.mark.parametrize("sums", [
    {}, {"a": np.zeros((1, 0, 2))}, {"a": np.zeros((3, 4, 2)), "b": np.zeros((2, 4, 2))},
    {"a": np.zeros((3, 4, 2)), "b": np.zeros((1, 5, 2))}, {"a": np.zeros((3, 4))},
])  # fmt: skip
def test_sums_that_do_not_go_together(sums: dict[str, Any]) -> None:
    with pytest.raises(MisuseError, match="sums have shapes"):
        Sums(sums)


def test_what_is_no_number_is_refused() -> None:
    sums = errors()
    sums["liquid" if "liquid" in sums else next(iter(sums))][0, 1, 0] = np.nan
    with pytest.raises(MisuseError, match="are not all finite"):
        Sums(sums)


@pytest.mark.parametrize("units", [1, 2])
def test_one_or_two_units_tell_nothing_apart(units: int) -> None:
    sums = Sums({"a": np.tile([9.0, 10.0], (3, units, 1)), "b": np.tile([1.0, 10.0], (3, units, 1))})
    assert sums.interval("a", SHARE) == (0.0, 1.0)
    difference = sums.difference("a", "b", SHARE)
    assert difference.mean == pytest.approx(0.8)
    assert difference.says == "not distinguishable"


def test_sums_are_their_own() -> None:
    given = errors()
    of = Sums(given)
    before = of.interval("liquid", RMSE), of.value("liquid", RMSE)
    given["liquid"][..., 0] *= 10.0  # squares alone: of both sums the root would stay
    assert (of.interval("liquid", RMSE), of.value("liquid", RMSE)) == before
