"""Fresh samples side by side give what they give one after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsm_backends import emulator
from numpy.typing import NDArray
from programs import REGISTERS, cases, random_program, random_stimulus

from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.samples import LongRun, run_side_by_side

RECORD = REGISTERS


class Simulator:
    """A simulator that knows one run from zero, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.runs: list[LongRun] = []

    def __call__(self, long: LongRun) -> tuple[NDArray[np.int8], dict[str, NDArray[np.int32]], dict[str, int]]:
        self.runs.append(long)
        program = Program(long.network, np.zeros(long.network.neurons, np.int32), "oheo_gulch")
        trace = emulator.run(program, Stimulus(long.spikes, np.array([0])), RECORD)
        return trace.spikes, dict(trace.registers), dict(trace.counts)


def assert_equal(trace: Trace, expected: Trace) -> None:
    assert np.array_equal(trace.spikes, expected.spikes)
    for name in RECORD:
        assert np.array_equal(trace.registers[name], expected.registers[name]), name
    assert np.array_equal(trace.starts, expected.starts)


@given(cases(), st.integers(1, 40))
def test_equals_one_after_the_other(case: tuple[Program, Stimulus], max_neurons: int) -> None:
    program, stimulus = case
    trace = run_side_by_side(program, stimulus, RECORD, Simulator(), max_neurons)
    assert_equal(trace, emulator.run(program, stimulus, RECORD))


@pytest.mark.parametrize(("together", "runs"), [(1, 5), (2, 3), (4, 2), (5, 1), (99, 1)])
def test_copies_no_more_than_allowed(together: int, runs: int) -> None:
    rng = np.random.default_rng(3)
    program = random_program(rng, sizes=(3, 2), channels=2, projections=4, interval=0, regime="wrapping")
    stimulus = Stimulus(random_stimulus(rng, program, 100).spikes, np.arange(0, 100, 20))
    simulator, told = Simulator(), []
    trace = run_side_by_side(
        program, stimulus, RECORD, simulator, together * 5 + 4, lambda done, total: told.append((done, total))
    )
    expected = emulator.run(program, stimulus, RECORD)
    assert_equal(trace, expected)
    assert trace.counts == expected.counts  # samples of one length: nothing is simulated that does not count
    assert sum(expected.counts.values()) > 0
    assert len(simulator.runs) == len(told) == runs
    assert told[-1] == (100, 100)


def test_lengths_say_which_steps_matter() -> None:
    program = random_program(np.random.default_rng(5), sizes=(2, 1), channels=1, projections=1, interval=0)
    simulator = Simulator()
    run_side_by_side(program, Stimulus(np.zeros((10, 1), np.int8), np.array([0, 3])), RECORD, simulator, 6)
    (long,) = simulator.runs
    # Copies of a population follow each other: two neurons twice, then one neuron twice.
    assert long.lengths.tolist() == [3, 3, 7, 7, 3, 7]
    assert long.spikes.shape == (7, 2)


def test_an_interval_is_one_run() -> None:
    program = random_program(np.random.default_rng(6), sizes=(2,), channels=1, interval=5)
    simulator = Simulator()
    stimulus = Stimulus(np.zeros((20, 1), np.int8), np.array([0, 10]))
    trace = run_side_by_side(program, stimulus, RECORD, simulator, 1)
    (long,) = simulator.runs
    assert long.network is program.network
    assert trace.starts.tolist() == [0, 10]
