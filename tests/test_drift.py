"""The experiment of `make drift`, in small: the batch fails, what forgets recovers."""

from __future__ import annotations

import pytest
from bench import drift


@pytest.mark.once
@pytest.mark.parametrize("kind", ["mapping", "input"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_readout_that_forgets_recovers_where_a_batch_fails(kind: drift.Drift, seed: int) -> None:
    batch, keeps, forgets = drift.errors(kind, 4000, seed).values()
    assert max(batch.before, keeps.before, forgets.before) < 0.6  # all of them follow, until it drifts
    assert min(batch.just_after, keeps.just_after, forgets.just_after) > 1.3 * forgets.before
    assert batch.later > 2 * batch.before
    assert forgets.later < 1.3 * forgets.before
    assert forgets.later < keeps.later < batch.later
