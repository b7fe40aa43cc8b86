"""Every config: it compiles to the same bytes everywhere, and every backend that is here agrees on it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from lsm_deploy import store
from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.limits import Limits, beyond
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.data.encoders import poisson_stimulus
from lsm_deploy.data.front import load_data
from lsm_deploy.parity.compare import compare
from lsm_deploy.run import backends as backend
from lsm_deploy.spec import load, schema

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
LARGE = "large"
"""Compiled like the others, but run briefly, and on two backends only: the others would take minutes a second."""
NAMES = [file.stem for file in CONFIGS if file.stem != LARGE]
BUSY = {"atrial_fibrillation": 0.2, "digit_spotting": 0.3, "spoken_digits": 0.3}
"""The share of neurons that may spike in most steps, where it is not 0.05: these have weights of either sign, drawn
about a mean near 0, and so neurons that mostly excitation reaches."""
STEEP = {"pendulum": 0.2}
"""The share of messages of graded neurons that are not the largest, where it may be less than 0.95: these have weights
so large that most of them are nearly steps, some of which are anywhere between for every place of the pendulum."""
GOLDEN = Path(__file__).parent / "golden"
STEPS = 600
RATE_HZ = 50.0


@pytest.fixture(scope="module")
def compilations():
    return {file.stem: compile_spec(load(file)) for file in CONFIGS}


@pytest.fixture(scope="module")
def programs(compilations):
    return {name: each.program for name, each in compilations.items()}


def stimulus_for(program):
    network = program.network
    whole = poisson_stimulus(network.channels, STEPS, RATE_HZ, network.dt_ms, 1, network.input)
    interval = network.sample_interval
    starts = np.arange(0, STEPS, interval) if interval else np.array([0, 150, 400])
    return type(whole)(whole.spikes, starts)


def test_the_same_bytes_on_every_python(compilations, golden):
    """What the program is called, and the whole file, with what is proved about it."""
    lines = []
    for name, each in compilations.items():
        file = hashlib.sha256(store.program_to_bytes(each.program, each.certificate)).hexdigest()
        lines.append(f"{name} {store.program_id(each.program)} {file}")
    golden(GOLDEN / "programs.txt", "\n".join(lines))


def test_the_configs_cover_the_language():
    specs = [load(file) for file in CONFIGS]
    topologies = {type(p.topology) for spec in specs for p in spec.projections}
    assert topologies >= {
        schema.Maass, schema.ErdosRenyi, schema.WattsStrogatz, schema.Ring, schema.Explicit, schema.AllToAll,
    }  # fmt: skip
    assert {spec.samples.policy for spec in specs} == {"fresh", "interval"}
    assert {p.sign_mode for spec in specs for p in spec.projections} == {"split", "mixed"}
    assert {p.neuron.kind for spec in specs for p in spec.populations.values()} == set(KINDS)


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_its_data_fit_where_they_come_with_a_package(file):
    spec = load(file)
    if spec.data is None or spec.data.dataset is None:
        pytest.skip("the data are a user's own")
    try:
        train, test = load_data(spec)
    except LsmError as error:
        if "pip install" not in error.hint:
            raise
        pytest.skip(error.what)
    assert train.channels == test.channels == spec.input.channels


@pytest.fixture(scope="module")
def references(programs):
    return {
        name: backend.run_program("emulator", program, stimulus_for(program), program.network.state_names)
        for name, program in programs.items()
        if name in NAMES
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_liquid_is_alive(name, references):
    trace = references[name]
    share = (trace.spikes != 0).mean(axis=0)
    if trace.spikes.dtype == np.int16:  # a graded neuron sends in every step, and is alive where that changes
        assert (trace.spikes.std(axis=0) > 100).all()
        assert (np.abs(trace.spikes) < 32000).mean() > STEEP.get(name, 0.95)
        return
    assert np.count_nonzero(trace.spikes) > 500
    assert (share == 0).mean() < 0.2
    assert (share > 0.5).mean() < BUSY.get(name, 0.05)


@pytest.mark.deep(one_in=3)
@pytest.mark.parametrize("other", [name for name in backend.BACKENDS if name not in ("emulator", "loihi2")])
@pytest.mark.parametrize("name", NAMES)
def test_every_backend_agrees_in_every_register(name, other, programs, references):
    if why := backend.load_backend(other).missing():
        pytest.skip(f"{other}: {why}")
    program = programs[name]
    if lacking := beyond(other, getattr(backend.load_backend(other), "LIMITS", Limits()), program.network):
        pytest.skip(lacking[0].what)
    trace = backend.run_program(other, program, stimulus_for(program), program.network.state_names)
    verdict = compare(program, references[name], trace, program.network.state_names, names=("emulator", other))
    assert verdict.equal, verdict.divergence
    if trace.counts:
        assert dict(trace.counts) == dict(references[name].counts)


def test_the_large_one_is_alive_and_fast_agrees_on_it(programs):
    program = programs[LARGE]
    assert program.network.synapses > 1_000_000
    stimulus = poisson_stimulus(program.network.channels, 60, RATE_HZ, program.network.dt_ms, 1)
    slow, fast = (backend.run_program(name, program, stimulus, ("u", "v")) for name in ("emulator", "fast"))
    assert compare(program, slow, fast, ("u", "v"), names=("emulator", "fast")).equal
    assert 0.005 < (slow.spikes[30:] != 0).mean() < 0.1
