"""The tables of `make faithful`: what they are made from, and one of them."""

from __future__ import annotations

import numpy as np
import pytest
from bench import faithful

from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.report.text import to_text

pytestmark = pytest.mark.once


def test_every_liquid_compiles():
    for liquid in (faithful.LIQUIDS[:2], faithful.STRONG):
        for each in liquid:
            assert compile_spec(each.load()).program.network.neurons == each.size


def test_the_task_has_classes_that_overlap():
    first, again, other = faithful.task(60, 1), faithful.task(60, 1), faithful.task(60, 2)
    assert (first.frames == again.frames).all()
    assert first.labels == other.labels
    means = first.frames.reshape(60, -1)
    labels = np.array([int(label) for label in first.labels])
    centres = np.stack([means[labels == k].mean(axis=0) for k in range(faithful.CLASSES)])
    unseen = other.frames.reshape(60, -1)
    nearest = np.argmin(((unseen[:, None] - centres) ** 2).sum(axis=2), axis=1)
    assert 0.7 < (nearest == labels).mean() <= 1.0


def test_a_table(monkeypatch):
    monkeypatch.setattr(faithful, "TAUS", ((20.0, 5.0),))
    header, row = to_text(faithful.slow_neurons(1)).splitlines()[1:3]
    assert "and compensated" in header
    before, after = row.split()[4:6], row.split()[6:8]
    assert before == after  # neurons that are not slow give no headroom
