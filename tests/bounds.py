"""What `test_bounds.py` runs in the debug build of the compiled loops, where numba looks at every index.

A share of the fuzzer, all configs, which cover every wiring, and a program that was altered behind its checks.
"""

from __future__ import annotations

import os
from pathlib import Path

import fuzz
import numpy as np
import pytest
from liquid import liquid, stimulus
from test_fast_graded import check, dense, graded_case, noise

from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.boards import NOWHERE
from lsm_deploy.core.ir import Stimulus
from lsm_deploy.measure.cost.resources import count_resources
from lsm_deploy.run.backends import load_backend, quickest
from lsm_deploy.spec import load

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


def test_this_is_the_debug_build():
    assert os.environ["NUMBA_BOUNDSCHECK"] == "1"


@pytest.mark.parametrize(("regime", "size"), [(None, 25), ("wrapping", 25), ("overflowing", 4)])
def test_a_share_of_the_fuzzer(regime, size, tmp_path):
    """Where synapses are few they are read as lists, else as rows: both are met."""
    fast = {"fast": load_backend("fast").run}
    tally = fuzz.fuzz(fast, fuzz.Drawing(12, size=size, regime=regime), minutes=0, batches=4, folder=tmp_path)
    assert tally.cases == 4 * size
    assert not tally.differences


def test_graded_messages():
    for seed in range(60):
        check(*graded_case(seed))


@pytest.mark.parametrize("size", [1, 40, 97])
def test_samples_side_by_side_of_matrices(size):
    rng = np.random.default_rng(size)
    program = dense(size, 3, rng)
    assert load_backend("fast").run(program, noise(program, 100, 9, rng)).spikes.any()


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_configs_compile_run_and_are_costed(file):
    compilation = compile_spec(load(file))
    program = compilation.program
    assert compilation.certificate is not None
    if program.network.neurons < 5000:
        spikes = np.random.default_rng(1).random((60, program.network.channels)) < 0.1
        message = program.network.input
        stimulus = Stimulus(spikes * message.dtype(message.largest), np.zeros(1, np.int64))
        trace = load_backend(quickest(program)).run(program, stimulus)
        assert trace.spikes.any()
        if program.target != NOWHERE.name:
            assert count_resources(program, stimulus, trace).cores


@pytest.mark.parametrize(("name", "value"), [("post", 10**6), ("post", -(10**6)), ("indptr", 10**6)])
def test_an_index_out_of_range_is_seen(name, value):
    """What no check would let through; the other build would read what stands beside the arrays, or worse."""
    program = liquid(exc=2000, inh=4, degree=2)
    p = max(program.network.projections, key=lambda each: len(each.post))
    altered = getattr(p, name)
    altered.setflags(write=True)
    altered[len(altered) // 2] = value
    with pytest.raises(IndexError):
        load_backend("fast").run(program, stimulus())
