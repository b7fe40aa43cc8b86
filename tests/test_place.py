"""Placement: within every limit, and a network that does not fit is refused with the numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import random_program

from lsm_deploy.errors import LsmError
from lsm_deploy.ir import QNetwork, QPopulation, QProjection
from lsm_deploy.place import load_of, place
from lsm_deploy.target import TARGETS

SMALL = replace(
    TARGETS["oheo_gulch"],
    name="small",
    cores_per_chip=50,
    neurons_per_core=4,
    axons_per_core=12,
    groups_per_core=2,
    synapse_units_per_core=12,
)


def network_of(populations, in_degree=0, channels=1):
    registers = {"du": 1, "dv": 1, "vth": 1, "bias_mant": 0, "bias_exp": 0}
    made = tuple(
        QPopulation(f"p{i}", "LIF", size, {k: np.full(size, v) for k, v in registers.items()})
        for i, size in enumerate(populations)
    )
    projections = ()
    if in_degree:
        post = np.tile(np.arange(populations[0], dtype=np.int32), in_degree)
        indptr = np.arange(in_degree + 1) * populations[0]
        ones = np.ones(len(post), np.int16)
        wires = QProjection("i", "input", "p0", "excitatory", 8, 0, indptr, post, ones, np.zeros(len(post), np.uint8))
        projections, channels = (wires,), in_degree
    return QNetwork(1.0, channels, 0, made, projections)


@given(st.integers(0, 10_000))
def test_no_limit_is_broken(seed):
    network = random_program(np.random.default_rng(seed), sizes=(7, 6, 5), channels=6, projections=3).network
    try:
        program = place(network, SMALL)
    except LsmError:
        return
    loads = load_of(program)
    assert sum(load.neurons for load in loads) == network.neurons
    assert sum(load.synapse_units for load in loads) == pytest.approx(0.32 * network.synapses)
    for load in loads:
        assert 0 < load.neurons <= SMALL.neurons_per_core
        assert load.axons <= SMALL.axons_per_core
        assert load.synapse_units <= SMALL.synapse_units_per_core + 1e-9
        assert load.groups <= SMALL.groups_per_core


@given(st.integers(0, 10_000))
def test_loads_are_what_counting_synapse_by_synapse_gives(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng, sizes=(7, 6, 5), channels=6, projections=3)
    network = program.network
    program = replace(program, cores=rng.permutation(np.arange(network.neurons, dtype=np.int32) % 4), target="small")
    axons, synapses, groups = ([set() for _ in range(4)] for _ in range(3))
    for number, p in enumerate(network.projections):
        pre = np.repeat(np.arange(len(p.indptr) - 1), np.diff(p.indptr))
        for k, (source, target) in enumerate(zip(pre, p.post, strict=True)):
            core = program.cores[network.offsets[p.target] + target]
            axons[core].add((p.source, int(source)))
            synapses[core].add((number, k))
    for population in network.populations:
        first = network.offsets[population.name]
        for core in program.cores[first : first + population.size]:
            groups[core].add(population.name)
    for load in load_of(program):
        assert load.neurons == (program.cores == load.core).sum()
        assert load.axons == len(axons[load.core])
        assert load.synapse_units == pytest.approx(0.32 * len(synapses[load.core]))
        assert load.groups == len(groups[load.core])


def test_each_limit_opens_a_core():
    assert len(load_of(place(network_of([9]), SMALL))) == 3  # 4 neurons a core
    assert len(load_of(place(network_of([1, 1, 1]), SMALL))) == 2  # 2 groups a core
    assert len(load_of(place(network_of([3], in_degree=20), replace(SMALL, axons_per_core=99)))) == 3  # 12 units
    roomy = replace(SMALL, synapse_units_per_core=1000, axons_per_core=20)
    assert len(load_of(place(network_of([3], in_degree=20), roomy))) == 1  # they share their axons


def test_axons_are_counted_once_a_core():
    (load,) = load_of(place(network_of([3], in_degree=5), SMALL))
    assert (load.neurons, load.axons, load.groups) == (3, 5, 1)


def test_too_big_says_by_how_much():
    with pytest.raises(LsmError) as caught:
        place(network_of([9]), replace(SMALL, cores_per_chip=2))
    assert str(caught.value) == (
        "the network needs 3 cores, small has 2\n"
        "  shrink it to about 6 neurons or 67% of its synapses, or choose a larger board, or board none"
    )


def test_a_neuron_that_fits_no_core():
    with pytest.raises(LsmError) as caught:
        place(network_of([2], in_degree=40), SMALL)
    assert str(caught.value) == (
        "population 'p0': neuron 0 has 40 synapses, a core of small holds 37 (2 neurons are too large)\n"
        "  lower its in-degree"
    )
    with pytest.raises(LsmError, match="neuron 0 has 20 axons, a core of small takes 12"):
        place(network_of([2], in_degree=20), SMALL)


def test_no_board_places_nothing_and_takes_everything():
    network = network_of([3], in_degree=40_000)
    with pytest.raises(LsmError, match="a core of hala_point holds 37500"):
        place(network, TARGETS["hala_point"])
    program = place(network, TARGETS["none"])
    assert program.target == "none"
    assert program.cores.tolist() == [0, 0, 0]
    assert load_of(program) == []
