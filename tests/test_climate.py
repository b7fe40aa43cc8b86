"""The experiment of `make climate`, in small: nothing is known before its time, and figures are what they say."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bench.climate import hindcast, liquids, table
from bench.climate.__main__ import reported
from bench.climate.hindcast import EL_NINO, SUNSPOTS, WEIGEND, Task, baselines, folds
from bench.climate.liquids import Candidate

from lsm_deploy.report.markdown import to_markdown

pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("default::lsm_deploy.core.errors.LsmWarning")]

SMALL = replace(EL_NINO, leads=(3, 6), origins=(180, 240), targets=(190, 300), size=20, unit=12, phase=185)
FEW = (Candidate("values", 0.9, 0.3, 0.5), Candidate("anomalies", 0.5, 1.0, 0.1))


def months(n: int = 300) -> Any:
    """A season, and an anomaly that lasts."""
    rng, anomaly = np.random.default_rng(0), np.zeros(n)
    for t in range(1, n):
        anomaly[t] = 0.9 * anomaly[t - 1] + rng.normal(scale=0.4)
    return 20 + 3 * np.cos(2 * np.pi * np.arange(n) / 12) + anomaly


@pytest.mark.parametrize("task", [EL_NINO, SUNSPOTS, WEIGEND])
def test_every_target_is_forecast_once_by_what_was_trained_before(task: Task) -> None:
    values = months(task.targets[1] if task is not WEIGEND else 309)
    for lead in task.leads:
        made = folds(task, values, lead)
        targets = np.concatenate([fold.test + lead for fold in made])
        assert sorted(targets.tolist()) == list(range(*task.targets))
        for fold in made:
            assert fold.train.max() + lead == fold.origin - 1, "the last target that is known"
            assert fold.test.min() >= fold.origin - 1, "issued by a model of the future"
            for month in range(task.season):
                known = fold.anomalies[: fold.origin][month :: task.season]
                assert known.mean() == pytest.approx(0, abs=1e-9)


def test_units_are_years_of_events_and_cycles() -> None:
    units = EL_NINO.units_of(np.arange(*EL_NINO.targets))
    # January 1981 to May 1983, then three years from June each, and the last seven months beside the last of them.
    assert np.bincount(units).tolist() == [29, *[36] * 8, 43]
    assert np.bincount(SUNSPOTS.units_of(np.arange(*SUNSPOTS.targets))).tolist() == [*[11] * 13, 6]


def test_what_comes_later_changes_no_forecast(monkeypatch: pytest.MonkeyPatch) -> None:
    now, before = 215, months()
    after = before.copy()
    after[now + 1 :] = np.random.default_rng(1).normal(25, 2, len(after) - now - 1)
    of = []
    for values in (before, after):
        monkeypatch.setattr(liquids, "values_of", lambda _, values=values: values)
        of.append([each for origin in SMALL.origins for each in liquids.hindcast(SMALL, origin, FEW, [1])])
    assert {name for each in of[0] for name in each.forecasts} == set(table.NAMES)
    for this, that in zip(*of, strict=True):
        issued = this.targets - this.lead
        for name, rows in this.forecasts.items():
            same = (rows == that.forecasts[name]).all(axis=0)
            assert same[issued <= now].all(), name
            assert name == "climatology" or not same[issued > now].any(), name
    assert of[0][0].chosen == of[1][0].chosen


def test_baselines_by_hand() -> None:
    values = months()
    fold = folds(SMALL, values, 6)[0]
    answers, words = baselines(fold, values, hindcast.section_of(liquids.base()))
    usual = np.array([values[:180][m::12].mean() for m in range(12)])
    anomalies = values - np.tile(usual, 25)
    now = anomalies[fold.test]
    assert answers["persistence"] == pytest.approx(now)
    before = anomalies[60 : 180 - 6]
    slope = np.linalg.lstsq(before[:, None], anomalies[66:180], rcond=None)[0][0]
    assert answers["damped"] == pytest.approx(slope * now)
    assert 0 < slope < 1
    order, form = words.split()
    assert form in hindcast.FORMS
    assert int(order) in hindcast.ORDERS
    swings = np.sin(0.3 * np.arange(300)) + 0.5 * np.sin(0.11 * np.arange(300))
    fold = folds(SMALL, swings, 6)[0]
    of, _ = baselines(fold, swings, hindcast.section_of(liquids.base()))
    error = np.mean((of["ar"] - fold.truth) ** 2)
    assert error < 1e-3 < 0.1 < np.mean((of["damped"] - fold.truth) ** 2), "of swings it knows all"


@pytest.fixture(scope="module")
def answers() -> list[tuple[Task, list[Any]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(liquids, "values_of", lambda _: months())
        return [(SMALL, liquids.hindcast(SMALL, origin, FEW, [1, 2, 3])) for origin in SMALL.origins]


def test_figures_are_what_they_are_called(answers: list[tuple[Task, list[Any]]]) -> None:
    of = [each for _, some in answers for each in some if each.lead == 6]
    targets, truth, forecasts = table.joined(of)
    assert targets.tolist() == list(range(*SMALL.targets))
    sums = table.sums_of(SMALL, of)
    for name in ("liquid", "feedforward", "ar"):
        rows = forecasts[name]
        assert len(rows) == (1 if name == "ar" else 3)
        skills = [1 - np.mean((row - truth) ** 2) / np.mean(truth**2) for row in rows]
        assert sums.value(name, table.SKILL) == pytest.approx(np.mean(skills))
        correlations = [np.corrcoef(row, truth)[0, 1] for row in rows]
        assert sums.value(name, table.CORRELATION) == pytest.approx(np.mean(correlations))
        roots = [np.sqrt(np.mean((row - truth) ** 2)) for row in rows]
        assert sums.value(name, table.RMSE) == pytest.approx(np.mean(roots))
    assert sums.value("climatology", table.SKILL) == 0
    assert sums.value("liquid", table.SKILL) > 0.1, "of an anomaly that lasts something is known six months before"


def test_tables(answers: list[tuple[Task, list[Any]]]) -> None:
    blocks, facts = reported(answers)
    text = to_markdown(blocks)
    assert "intervals over 10 blocks of three years and 3 liquids" in text
    assert "| climatology | 0 | 0 |" in text
    d = facts["El Niño"][6]["differences"]["persistence"]
    cells = [line for line in text.splitlines() if line.startswith("| persistence")][-1]
    assert f"{d['mean']:+.2f} ({d['low']:+.2f} to {d['high']:+.2f}): " in cells
    assert facts["El Niño"][3]["over"] == "10 blocks of three years and 3 liquids"


@pytest.mark.skipif(importlib.util.find_spec("statsmodels") is None, reason="the series come with statsmodels")
def test_series_are_those_that_were_published_on() -> None:
    values = hindcast.values_of(WEIGEND)
    assert (len(values), values[1921 - 1700]) == (309, 26.1)
    assert len(hindcast.values_of(EL_NINO)) == 732
