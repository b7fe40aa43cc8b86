"""The harness that compares: it finds the first difference, names it, and refuses what cannot be compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lsm_backends import emulator
from programs import random_program

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.core.ir import Stimulus, Trace
from lsm_deploy.parity.compare import compare, in_view

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(3)
    program = random_program(rng, sizes=(4, 3), channels=3, projections=2, interval=0, regime="alive")
    stimulus = Stimulus((rng.random((60, 3)) < 0.4).astype(np.int8), np.array([0, 25]))
    return program, emulator.run(program, stimulus, ("u", "v"))


def altered(trace, register, t, neuron, by=1):
    registers = {name: values.copy() for name, values in trace.registers.items()}
    spikes = trace.spikes.copy()
    if register == "s":
        spikes[t, neuron] ^= 1
    else:
        registers[register][t, neuron] += by
    return replace(trace, spikes=spikes, registers=registers)


def test_equal(case):
    program, trace = case
    verdict = compare(program, trace, trace, ("u", "v"))
    assert verdict.equal
    assert verdict.divergence is None
    assert dict(verdict.compared) == {"u": 420, "v": 420, "s": 420}
    assert dict(verdict.differing) == {"u": 0, "v": 0, "s": 0}
    assert verdict.spikes[0] == np.count_nonzero(trace.spikes) > 0


@pytest.mark.parametrize("register", ["u", "v", "s"])
def test_the_first_difference_is_placed(case, register):
    program, trace = case
    broken = altered(altered(trace, register, 30, 5), register, 44, 1)
    verdict = compare(program, trace, broken, ("u", "v"), names=("emulator", "brian"))
    assert not verdict.equal
    assert verdict.differing[register] == 2
    d = verdict.divergence
    assert (d.t, d.sample, d.t_in_sample, d.neuron) == (30, 1, 5, 5)
    assert (d.population, d.index, d.register) == ("p1", 1, register)
    if register != "s":
        assert d.second - d.first == 1


def test_the_earliest_step_then_the_register_computed_first(case):
    program, trace = case
    broken = altered(altered(altered(trace, "s", 30, 0), "v", 30, 6), "u", 31, 0)
    d = compare(program, trace, broken, ("u", "v")).divergence
    assert (d.t, d.register, d.neuron) == (30, "v", 6)
    d = compare(program, trace, altered(broken, "u", 30, 6), ("u", "v")).divergence
    assert (d.register, d.neuron) == ("u", 6)


def test_registers_that_are_not_asked_for_are_not_compared(case):
    program, trace = case
    assert compare(program, trace, altered(trace, "u", 3, 3)).equal


def test_views(case):
    program, trace = case
    chip = in_view(program, trace, "chip")
    assert (chip.registers["v"][trace.spikes == 1] == 128).all()
    assert np.array_equal(chip.registers["v"][trace.spikes == 0], trace.registers["v"][trace.spikes == 0])
    assert np.array_equal(chip.registers["u"], trace.registers["u"])
    verdict = compare(program, trace, chip, ("u", "v"))
    assert verdict.equal
    assert verdict.view == "chip"
    with pytest.raises(LsmError, match="cannot be turned into a simulator's"):
        compare(program, trace, chip, ("v",), view="sim")


def test_what_cannot_be_compared_is_named(case):
    program, trace = case
    with pytest.raises(LsmError, match="trace of second: it has 3 neurons, the program has 7"):
        compare(program, trace, Trace(np.zeros((60, 3), np.int8), {}, trace.starts, {}))
    short = Trace(trace.spikes[:50], {}, trace.starts, {})
    with pytest.raises(LsmError, match="first ran 60 steps, second 50"):
        compare(program, trace, short)
    with pytest.raises(LsmError, match="trace of second: 'v' was not recorded, only spikes, u"):
        compare(program, trace, Trace(trace.spikes, {"u": trace.registers["u"]}, trace.starts, {}), ("v",))
    with pytest.raises(LsmError, match="second has a sample that starts at step 24, first has none"):
        compare(program, trace, Trace(trace.spikes, {}, np.array([0, 24]), {}))


def test_a_trace_that_differs_by_its_view_alone_is_said_to(tmp_path):
    configs = Path(__file__).parents[1] / "configs"
    program = ld.compile_spec(ld.load(configs / "cycle.yaml")).program
    stimulus = ld.poisson_stimulus(program.network.channels, 200, 50.0, program.network.dt_ms, 0)
    trace = in_view(program, ld.run_program("emulator", program, stimulus, ("u", "v")), "chip")
    assert trace.spikes.any()
    ld.save_program(tmp_path / "p.lsm", program)
    ld.save_stimulus(tmp_path / "s.npz", stimulus)
    np.savez(tmp_path / "t.npz", spikes=trace.spikes, v=trace.registers["v"])
    sides = ld.prepare_sides(tmp_path / "p.lsm", tmp_path / "s.npz", trace=tmp_path / "t.npz")
    with pytest.warns(LsmWarning, match=r"compare in the view `chip` \(--view chip\)"):
        assert not ld.compare_sides(sides, registers=True).equal
    sides = ld.prepare_sides(tmp_path / "p.lsm", tmp_path / "s.npz", trace=tmp_path / "t.npz", view="chip")
    assert ld.compare_sides(sides, registers=True).equal
