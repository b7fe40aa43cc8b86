"""Topologies: what each promises, checked on the pairs it gives."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsm_deploy.compile.build.column import expected_synapses
from lsm_deploy.compile.build.wiring import connect
from lsm_deploy.core.streams import stream
from lsm_deploy.spec import schema
from lsm_deploy.spec.values import PerTypeProbability


def pairs(topology, sources, targets, recurrent=True, grid=None, inhibitory=None, seed=0):
    inhibitory = np.zeros(targets, bool) if inhibitory is None else inhibitory
    indptr, post = connect(topology, sources, targets, recurrent, grid, inhibitory, stream(seed, "test"))
    assert (indptr.dtype, post.dtype) == (np.int64, np.int32)
    assert len(indptr) == sources + 1
    pre = np.repeat(np.arange(sources), np.diff(indptr))
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


def test_watts_strogatz_has_nowhere_to_move_to_when_all_are_joined():
    joined = pairs(schema.WattsStrogatz("watts_strogatz", 4, 1.0), 5, 5)
    assert joined == [(i, j) for i in range(5) for j in range(5) if i != j]


# --- the column -----------------------------------------------------------------------------------------------------


def typed_column(grid):
    size = int(np.prod(grid))
    positions = np.indices(grid).reshape(3, -1).T
    squared = ((positions[:, None] - positions[None]) ** 2).sum(axis=2)
    return size, np.arange(size) % 5 == 0, squared


@pytest.mark.parametrize("cutoff", [None, 3.0])
@pytest.mark.parametrize("scale", [(0.3, 0.2, 0.4, 0.1), (1.7, 0.0, 1e-3, 0.9)])
def test_the_column_follows_distance_and_type(cutoff, scale):
    """Counts of each pair of types at each distance, against the rule as it is written, pair by pair."""
    size, inhibitory, squared = typed_column(grid := (6, 5, 11))
    topology = schema.Maass("maass", 2.0, PerTypeProbability(*scale), cutoff)
    types = 2 * inhibitory[:, None] + inhibitory[None, :]
    repeats = 20
    found = np.zeros((size, size))
    for seed in range(repeats):
        i, j = np.array(pairs(topology, size, size, True, grid, inhibitory, seed)).T
        found[i, j] += 1
    assert not found.diagonal().any()
    assert not found[squared > (cutoff or 12) ** 2].any()
    for kind, c in enumerate(scale):
        for distance in np.unique(squared[(squared > 0) & (squared <= (cutoff or 12) ** 2)]):
            here = (types == kind) & (squared == distance)
            p = min(1.0, c * np.exp(-distance / 4))
            deviation = np.sqrt(repeats * here.sum() * p * (1 - p))
            assert abs(found[here].sum() - repeats * here.sum() * p) <= 5 * deviation + 1


def test_the_column_treats_all_pairs_at_a_distance_alike():
    """Each source as often as it has neighbours, each direction as often as its opposite: what skipping could bias."""
    size, inhibitory, squared = typed_column(grid := (5, 4, 6))
    topology = schema.Maass("maass", 1.5, PerTypeProbability(0.3, 0.3, 0.3, 0.3))
    found = np.zeros((size, size))
    for seed in range(300):
        i, j = np.array(pairs(topology, size, size, True, grid, inhibitory, seed)).T
        found[i, j] += 1
    p = np.where(squared > 0, 0.3 * np.exp(-squared / 2.25), 0)
    z = (found - 300 * p)[p > 0.02] / np.sqrt(300 * p * (1 - p))[p > 0.02]
    assert abs(z.mean()) < 0.1
    assert 0.9 < z.std() < 1.1
    assert np.abs(z).max() < 5


def test_synapses_of_the_column_are_counted_before_they_are_drawn():
    size, _, squared = typed_column(grid := (6, 5, 11))
    for cutoff in (1.0, 2.5, 4.0, None):
        topology = schema.Maass("maass", 2.0, PerTypeProbability(0.3, 0.2, 0.4, 0.1), cutoff)
        share = np.array([0.8, 0.2])
        mean_c = share @ [[0.3, 0.2], [0.4, 0.1]] @ share
        rule = mean_c * np.exp(-squared / 4) * (squared > 0)
        drawn, lost = expected_synapses(topology, grid, 0.2)
        assert drawn == pytest.approx(rule[squared <= topology.reach**2].sum())
        assert lost == pytest.approx(rule[squared > topology.reach**2].sum(), abs=1e-12)
    counted = [len(pairs(topology, size, size, True, grid, np.random.default_rng(s).random(size) < 0.2, s))
               for s in range(20)]  # fmt: skip
    assert np.mean(counted) == pytest.approx(drawn, rel=0.05)


@pytest.mark.parametrize(("lambdas", "lost"), [(2, 0.046), (3, 4.4e-4), (4, 5.2e-7), (6, 1.6e-15)])
def test_what_a_cut_off_loses_is_what_the_docstrings_say(lambdas, lost):
    analytic = math.erfc(lambdas) + 2 * lambdas * math.exp(-(lambdas**2)) / math.sqrt(math.pi)
    assert analytic == pytest.approx(lost, rel=0.02)
    # Seen from the middle of a large grid, where few pairs are missing; and a bounded one loses less.
    topology = schema.Maass("maass", 4.0, PerTypeProbability(0.1, 0.1, 0.1, 0.1), 4.0 * lambdas)
    drawn, beyond = expected_synapses(topology, (100, 100, 100), 0.0)
    assert 0.5 * analytic < beyond / (drawn + beyond) < 1.03 * analytic


def test_a_column_that_joins_nobody():
    nothing = PerTypeProbability(0.0, 0.0, 0.0, 0.0)
    assert pairs(schema.Maass("maass", 2.0, nothing), 8, 8, True, (2, 2, 2)) == []
    alone = schema.Maass("maass", 2.0, PerTypeProbability(1.0, 1.0, 1.0, 1.0))
    assert pairs(alone, 1, 1, True, (1, 1, 1)) == []
    rare = schema.Maass("maass", 0.05, PerTypeProbability(1.0, 1.0, 1.0, 1.0), 3.0)
    assert pairs(rare, 27, 27, True, (3, 3, 3)) == []
