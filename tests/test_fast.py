"""The compiled engine gives the emulator's answer: spikes, every register and the counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from lsm_backends import emulator, fast
from lsm_backends.fast import layout, rows, rules
from programs import REGISTERS, cases, random_case

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, QNetwork, QPopulation, QProjection, Stimulus
from lsm_deploy.core.limits import Limits
from lsm_deploy.core.neurons import KINDS


def check_against_emulator(program: Program, stimulus: Stimulus, **options: int) -> int:
    """Compare everything; returns the spikes compared."""
    expected = emulator.run(program, stimulus, REGISTERS)
    trace = fast.run(program, stimulus, REGISTERS, **options)
    assert np.array_equal(trace.spikes, expected.spikes)
    for name in REGISTERS:
        assert np.array_equal(trace.registers[name], expected.registers[name]), name
    assert dict(trace.counts) == dict(expected.counts)
    assert np.array_equal(trace.starts, expected.starts)
    return int(np.count_nonzero(trace.spikes))


def test_kinds_have_kernels_of_their_own() -> None:
    assert set(rules.RULES) <= set(KINDS)
    assert [rule.number for rule in rules.RULES.values()] == list(range(len(rules.RULES)))


@given(cases())
def test_equals_the_emulator(case: tuple[Program, Stimulus]) -> None:
    check_against_emulator(*case)


def test_seeded_programs() -> None:
    assert sum(check_against_emulator(*random_case(seed)) for seed in range(300)) > 25_000


@pytest.mark.parametrize("seed", range(20))
def test_larger_programs_with_many_synapses(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program, stimulus = random_case(seed, sizes=(70, 130), channels=40, projections=6)
    assert layout.lay_out(program.network).sources == 256 + 40
    check_against_emulator(program, Stimulus(stimulus.spikes, np.array([0])), threads=int(rng.integers(1, 4)))


def all_to_all(size: int, weight: int, exponent: int, *, bias: int, mixed: bool = False, delay: int = 0) -> Program:
    """Every neuron to every neuron, so that all storage is rows, and enough bias for all to spike in every step."""
    registers = {"du": 4095, "dv": 4095, "vth": 10, "bias_mant": bias, "bias_exp": 7}
    population = QPopulation("n", "LIF", size, {name: np.full(size, value) for name, value in registers.items()})
    count = size * size
    weights = np.full(count, weight, np.int16)
    if mixed:
        weights[::3] = -256
    projection = QProjection(
        name="n->n",
        source="n",
        target="n",
        sign_mode="mixed" if mixed else "excitatory",
        num_weight_bits=8,
        weight_exp=exponent,
        indptr=np.arange(size + 1) * size,
        post=np.tile(np.arange(size, dtype=np.int32), size),
        weights=weights,
        delays=np.full(count, delay, np.uint8),
    )
    network = QNetwork(1.0, 1, 0, (population,), (projection,))
    return Program(network, np.zeros(size, np.int32), "oheo_gulch")


@pytest.mark.parametrize("size", [255, 256, 257, 300, 520])
def test_more_active_rows_than_a_sum_of_16_bits_holds(size: int) -> None:
    program = all_to_all(size, 255, 7, bias=4095)
    assert len(layout.lay_out(program.network).projections) == 0, "all in rows"
    spikes = check_against_emulator(program, Stimulus(np.zeros((12, 1), np.int8), np.array([0])))
    assert spikes > size


@pytest.mark.parametrize("delay", [0, 5])
def test_mixed_weights_in_rows_are_halved_and_come_back_whole(delay: int) -> None:
    program = all_to_all(100, 254, 3, bias=4095, mixed=True, delay=delay)
    assert len(layout.lay_out(program.network).rows.row_of) == 2, "a class for each sign"
    check_against_emulator(program, Stimulus(np.zeros((40, 1), np.int8), np.array([0])))


def test_rows_and_lists_are_two_ways_to_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [random_case(seed) for seed in range(40)]
    monkeypatch.setattr(rows, "pays", lambda *given: False)
    for case in chosen:
        assert len(layout.lay_out(case[0].network).rows.row_of) == 0
        check_against_emulator(*case)


@pytest.mark.parametrize(
    ("post", "delays"), [((0, 1, 0), (0, 0, 0)), ((0, 0, 0), (1, 2, 1)), ((0, 0, 1), (0, 0, 0)), ((1, 0, 0), (3, 3, 3))]
)
def test_twins_need_not_stand_side_by_side(post: tuple[int, ...], delays: tuple[int, ...]) -> None:
    registers = {"du": 4095, "dv": 4095, "vth": 100, "bias_mant": 0, "bias_exp": 0}
    population = QPopulation("n", "LIF", 2, {name: np.full(2, value) for name, value in registers.items()})
    wires = QProjection(
        "i", "input", "n", "excitatory", 8, 0, np.array([0, 3]), np.array(post, np.int32),
        np.array([10, 20, 40], np.int16), np.array(delays, np.uint8),
    )  # fmt: skip
    program = Program(QNetwork(1.0, 1, 0, (population,), (wires,)), np.zeros(2, np.int32), "oheo_gulch")
    check_against_emulator(program, Stimulus(np.array([[1], [0], [1], [1], [0], [0], [0]], np.int8), np.array([0])))


def test_sums_that_32_bits_cannot_hold_are_counted_in_64() -> None:
    # 65 800 synapses of 255 << 7 in one step are more than 2**31: a wide sum, though its low 32 bits look small.
    registers = {"du": 0, "dv": 0, "vth": 131071, "bias_mant": 0, "bias_exp": 0}
    population = QPopulation("n", "LIF", 1, {name: np.array([value]) for name, value in registers.items()})
    count = 131_600
    wires = QProjection(
        "i", "input", "n", "excitatory", 8, 7, np.array([0, count]), np.zeros(count, np.int32),
        np.full(count, 255, np.int16), np.zeros(count, np.uint8),
    )  # fmt: skip
    program = Program(QNetwork(1.0, 1, 0, (population,), (wires,)), np.zeros(1, np.int32), "oheo_gulch")
    assert layout.lay_out(program.network).ring_type is np.int64
    check_against_emulator(program, Stimulus(np.array([[1], [0], [1]], np.int8), np.array([0])))


def test_threads_do_not_matter() -> None:
    program, stimulus = random_case(8, interval=0)
    cut = Stimulus(np.tile(stimulus.spikes, (20, 1)), np.arange(20) * len(stimulus.spikes))
    one, four = (fast.run(program, cut, REGISTERS, threads=n) for n in (1, 4))
    assert np.array_equal(one.spikes, four.spikes)
    assert dict(one.counts) == dict(four.counts)


def test_a_kind_without_a_kernel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    program, stimulus = random_case(0)
    monkeypatch.setattr(layout, "LIMITS", Limits(kinds=("Other",)))
    with pytest.raises(LsmError, match=r"backend 'fast' has no rule for neurons of kind .*, only for Other"):
        fast.run(program, stimulus)


def test_one_program_with_other_registers_is_laid_out_anew() -> None:
    program, stimulus = random_case(11)
    (first, *rest) = program.network.populations
    changed = (
        replace(first, registers={**first.registers, "dv": np.zeros(first.size, np.int64)})
        if "dv" in (first.registers)
        else first
    )
    network = replace(program.network, populations=(changed, *rest))
    check_against_emulator(program, stimulus)
    check_against_emulator(replace(program, network=network), stimulus)
