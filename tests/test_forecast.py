"""The experiment of `make forecast`, in small."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from bench import forecast

from lsm_deploy.report.markdown import to_markdown

pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("default::lsm_deploy.core.errors.LsmWarning")]


@pytest.mark.skipif(importlib.util.find_spec("statsmodels") is None, reason="the series comes with statsmodels")
def test_climatology_is_the_mean_of_the_month() -> None:
    (row,) = forecast.el_nino(quick=True)
    from lsm_deploy.data.front import load_data

    spec = forecast.spec_of("el_nino")
    train, test = load_data(spec)
    every = np.concatenate([train.frames, test.frames[60:]])[:, 0]
    # The first 60 months of the test are the washout; from each of the others, 6 months ahead.
    months = np.arange(len(train.frames) + 6, len(every))
    means = [train.frames[np.arange(len(train.frames)) % 12 == k, 0].mean() for k in range(12)]
    off = every[months] - np.array(means)[months % 12]
    assert row.others["climatology"] == pytest.approx(np.sqrt(np.mean(off**2) / np.var(every[months])))
    assert row.liquid.mean < row.others["persistence"]
    text = to_markdown(forecast.render([row], 1.0))
    assert "| El Niño +6 months | NRMSE | - |" in text
