"""Topologies: what each promises, checked on the pairs it gives."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsm_deploy.spec import schema
from lsm_deploy.streams import stream
from lsm_deploy.wiring import connect

NO_POSITIONS = np.zeros((0, 3))


def pairs(topology, sources, targets, recurrent=True, positions=NO_POSITIONS, inhibitory=None, seed=0):
    inhibitory = np.zeros(targets, bool) if inhibitory is None else inhibitory
    pre, post = connect(topology, sources, targets, recurrent, positions, inhibitory, stream(seed, "test"))
    joined = list(zip(pre.tolist(), post.tolist(), strict=True))
    assert joined == sorted(joined), "synapses stand by source, then target"
    assert len(set(joined)) == len(joined), "no pair twice"
    assert all(0 <= i < sources and 0 <= j < targets for i, j in joined)
    return joined


def erdos_renyi(**fields):
    return schema.ErdosRenyi("erdos_renyi", **fields)


@given(st.integers(1, 12), st.integers(1, 12), st.booleans(), st.booleans())
def test_all_to_all(sources, targets, recurrent, loops):
    if recurrent:
        sources = targets
    joined = pairs(schema.AllToAll("all_to_all", loops), sources, targets, recurrent)
    expected = [(i, j) for i in range(sources) for j in range(targets) if loops or not recurrent or i != j]
    assert joined == expected


def test_one_to_one():
    assert pairs(schema.OneToOne("one_to_one"), 3, 3, False) == [(0, 0), (1, 1), (2, 2)]


@given(st.integers(1, 15), st.integers(1, 15), st.sampled_from([0.0, 0.3, 1.0]), st.booleans(), st.integers(0, 9))
def test_erdos_renyi_by_probability(sources, targets, probability, loops, seed):
    joined = pairs(erdos_renyi(probability=probability, self_connections=loops), sources, targets, False, seed=seed)
    if probability == 0:
        assert joined == []
    if probability == 1:
        assert len(joined) == sources * targets
    recurrent = pairs(erdos_renyi(probability=probability, self_connections=loops), targets, targets, seed=seed)
    if not loops:
        assert all(i != j for i, j in recurrent)
        if probability == 1:
            assert len(recurrent) == targets * (targets - 1)


def test_erdos_renyi_density_and_evenness():
    joined = np.array(pairs(erdos_renyi(probability=0.1), 400, 400))
    expected = 0.1 * 400 * 399
    assert abs(len(joined) - expected) < 5 * np.sqrt(expected)
    for side in (0, 1):
        degrees = np.bincount(joined[:, side], minlength=400)
        assert abs(degrees.var() / (400 * 0.1 * 0.9) - 1) < 0.4  # binomial


@given(st.integers(1, 12), st.integers(2, 20), st.booleans(), st.integers(0, 9))
def test_erdos_renyi_by_in_degree(degree, size, loops, seed):
    degree = min(degree, size - (not loops))
    joined = pairs(erdos_renyi(in_degree=degree, self_connections=loops), size, size, seed=seed)
    assert Counter(j for _, j in joined) == dict.fromkeys(range(size), degree)
    assert loops or all(i != j for i, j in joined)


def test_in_degree_draws_all_sources_alike():
    counts = Counter(i for seed in range(200) for i, _ in pairs(erdos_renyi(in_degree=3), 10, 10, seed=seed))
    assert max(counts.values()) - min(counts.values()) < 6 * np.sqrt(600)
    assert len(counts) == 10


def test_ring_and_cycle():
    both = pairs(schema.Ring("ring", 1), 5, 5)
    assert set(both) == {(i, (i + d) % 5) for i in range(5) for d in (-1, 1)}
    forward = pairs(schema.Ring("ring", 2, "forward"), 5, 5)
    assert set(forward) == {(i, (i + d) % 5) for i in range(5) for d in (1, 2)}


def test_watts_strogatz_rewires_sources_and_keeps_in_degrees():
    regular = pairs(schema.WattsStrogatz("watts_strogatz", 4, 0.0), 30, 30)
    assert set(regular) == {(i, (i + d) % 30) for i in range(30) for d in (-2, -1, 1, 2)}
    rewired = pairs(schema.WattsStrogatz("watts_strogatz", 4, 0.5), 30, 30)
    assert Counter(j for _, j in rewired) == dict.fromkeys(range(30), 4)
    assert all(i != j for i, j in rewired)
    kept = len(set(regular) & set(rewired)) / len(regular)
    assert 0.35 < kept < 0.75


def test_maass_follows_distance_and_type():
    positions = np.indices((6, 6, 12)).reshape(3, -1).T.astype(float)
    size = len(positions)
    inhibitory = np.arange(size) % 5 == 0
    scale = schema.PerTypeProbability(0.3, 0.2, 0.4, 0.1)
    found = Counter()
    possible = Counter()
    squared = ((positions[:, None] - positions[None]) ** 2).sum(axis=2)
    near = (squared <= 4) & ~np.eye(size, dtype=bool)
    for i, j in np.argwhere(near):
        possible["EI"[int(inhibitory[i])] + "EI"[int(inhibitory[j])], int(squared[i, j])] += 1
    for seed in range(5):
        for i, j in pairs(schema.Maass("maass", 2.0, scale), size, size, True, positions, inhibitory, seed):
            assert i != j
            if squared[i, j] <= 4:
                found["EI"[int(inhibitory[i])] + "EI"[int(inhibitory[j])], int(squared[i, j])] += 1
    for (types, distance), count in possible.items():
        p = getattr(scale, types) * np.exp(-distance / 4)
        expected, deviation = 5 * count * p, np.sqrt(5 * count * p * (1 - p))
        assert abs(found[types, distance] - expected) < 5 * deviation


@pytest.mark.parametrize("blocks", [1, 7])
def test_maass_is_the_same_in_any_number_of_blocks(blocks, monkeypatch):
    positions = np.indices((3, 3, 4)).reshape(3, -1).T.astype(float)
    topology = schema.Maass("maass", 2.0, schema.PerTypeProbability(0.5, 0.5, 0.5, 0.5))
    whole = pairs(topology, 36, 36, True, positions)
    monkeypatch.setattr("lsm_deploy.wiring._BLOCK", 36 * 36 // blocks)
    assert pairs(topology, 36, 36, True, positions) == whole
