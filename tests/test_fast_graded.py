"""The kernels for graded messages, held to the emulator, bit for bit; and their sessions."""

from __future__ import annotations

import copy
import os
import pickle
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lsm_backends import emulator, fast
from lsm_backends.fast.graded import is_graded, layout
from lsm_backends.fast.graded.session import GradedSession
from lsm_backends.fast.kernels import gated, graded
from programs import ALL_KINDS, GRADED_KINDS, random_case, random_stimulus

from lsm_deploy.core.activations import GATES, activate
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus, Trace
from lsm_deploy.core.messages import TERNARY, Message
from lsm_deploy.core.neurons import KINDS


def graded_case(seed: int, **given: object) -> tuple[Program, Stimulus]:
    """A program with graded neurons among the others; every third time, all of a population have one activation."""
    kinds = (*GRADED_KINDS[:: 1 - 2 * (seed // 2 % 2)], *(ALL_KINDS if seed % 2 else ()))
    program, stimulus = random_case(seed, **{"kinds": kinds, **given})
    if seed % 3:
        return program, stimulus
    populations = tuple(
        replace(p, registers={name: np.full(p.size, values[0]) if name in ("activation", "output", "gate") else values
                              for name, values in p.registers.items()})
        for p in program.network.populations
    )  # fmt: skip
    return replace(program, network=replace(program.network, populations=populations)), stimulus


def of_input(program: Program, message: Message, seed: int) -> tuple[Program, Stimulus]:
    """The program with other input, and some of it."""
    rng = np.random.default_rng(seed)
    program = replace(program, network=replace(program.network, input=message))
    stimulus = random_stimulus(rng, program)
    spikes = rng.integers(message.least, message.largest + 1, stimulus.spikes.shape)
    return program, Stimulus(spikes.astype(np.int16), stimulus.starts)


def check(program: Program, stimulus: Stimulus, **options: int) -> int:
    """Compare everything; returns the messages compared that are not 0."""
    record = program.network.state_names
    expected = emulator.run(program, stimulus, record)
    trace = fast.run(program, stimulus, record, **options)
    assert trace.spikes.dtype == expected.spikes.dtype
    assert np.array_equal(trace.spikes, expected.spikes)
    for name, values in expected.registers.items():
        assert np.array_equal(trace.registers[name], values), name
    assert dict(trace.counts) == dict(expected.counts)
    return int(np.count_nonzero(trace.spikes))


def test_seeded_programs() -> None:
    assert sum(check(*graded_case(seed)) for seed in range(90)) > 5_000


@pytest.mark.parametrize("message", [TERNARY, Message(7, False), Message(15, False), Message(16, True)])
def test_any_input_to_any_kind(message: Message) -> None:
    for seed in range(10):
        kinds = ALL_KINDS if seed % 2 else GRADED_KINDS[::-1]
        check(*of_input(random_case(seed, kinds=kinds)[0], message, seed))


@pytest.mark.parametrize("cells", [0, 1 << 40], ids=["lists", "matrices"])
@pytest.mark.parametrize("seed", range(6))
def test_lists_and_matrices_are_two_ways_to_the_same_answer(
    seed: int, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "SYNAPSE", cells)
    program, stimulus = graded_case(seed, sizes=(70, 130), channels=40, projections=6, regime="alive")
    made = layout.lay_out(program.network)
    assert made.products[:, layout.at.MATRIX].any() == bool(cells)
    assert check(program, stimulus, threads=1 + seed % 2)


def dense(size: int, channels: int, rng: np.random.Generator, *, weight_exps: tuple[int, ...] = (0,)) -> Program:
    """Everything to everything, on two exponents if asked: a reservoir as people draw it."""
    registers = {
        "shift_in": 9, "alpha": 2000, "leak": 1, "activation": 3, "output": 0, "bias": 5, "lo": 0, "hi": 0,
        "v_initial": 0, "fraction_bits": 20, "message_shift": 5, "message_bits": 16, "period": 1, "phase": 0,
    }  # fmt: skip
    population = QPopulation("n", "GradedLI", size, {name: np.full(size, value) for name, value in registers.items()})
    projections = []
    for source, sources in ((INPUT, channels), ("n", size)):
        for weight_exp in weight_exps:
            weights = 2 * rng.integers(-128, 128, sources * size)
            weights[:4] = 254  # the largest of both: their sum is beyond 16 bits
            projections.append(
                QProjection(
                    f"{source}:{weight_exp}",
                    source,
                    "n",
                    "mixed",
                    8,
                    weight_exp,
                    np.arange(sources + 1) * size,
                    np.tile(np.arange(size), sources).astype(np.int32),
                    weights.astype(np.int16),
                    np.zeros(sources * size, np.uint8),
                )
            )
    network = QNetwork(1.0, channels, 0, (population,), tuple(projections), Message(16, True, 15))
    return Program(network, np.zeros(size, np.int32), "oheo_gulch")


def noise(program: Program, steps: int, samples: int, rng: np.random.Generator) -> Stimulus:
    message = program.network.input
    spikes = rng.integers(message.least, message.largest + 1, (steps, program.network.channels))
    starts = np.sort(rng.choice(np.arange(1, steps), samples - 1, replace=False))
    return Stimulus(spikes.astype(np.int16), np.concatenate([[0], starts]).astype(np.int64))


@pytest.mark.parametrize("size", [1, 15, 16, 97, 130])
def test_samples_side_by_side(size: int) -> None:
    """Of any lengths, more than are run at once, so that each number of those that go on is met."""
    rng = np.random.default_rng(size)
    program = dense(size, 3, rng)
    stimulus = noise(program, 400, 90, rng)
    assert check(program, stimulus, threads=1)
    assert check(program, stimulus, threads=2)


@pytest.mark.parametrize("weight_exps", [(0, 7), (7, 7), (5, 6, 7, 7)], ids=str)
def test_what_16_bits_do_not_hold_of_a_weight_is_in_a_second_column_or_in_lists(weight_exps: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    program = dense(60, 2, rng, weight_exps=weight_exps)
    assert check(program, noise(program, 200, 3, rng))


def test_sums_beyond_32_bits_are_added_in_64_and_counted() -> None:
    wide = [seed for seed in range(60) if layout.lay_out(graded_case(seed)[0].network).sum_type == np.int64]
    assert len(wide) > 5
    for seed in wide[:5]:
        check(*graded_case(seed))


def test_a_stimulus_without_steps() -> None:
    program, stimulus = graded_case(4)
    empty = Stimulus(stimulus.spikes[:0], np.zeros(1, np.int64))
    assert fast.run(program, empty).spikes.shape == (0, program.network.neurons)


@pytest.mark.parametrize("number", range(len(GATES)), ids=GATES)
def test_each_activation_at_every_number_of_fraction_bits(number: int) -> None:
    """Every z near 0, where ties are, and others as far as 24 bits go."""
    rng = np.random.default_rng(number)
    tables = layout.lay_out(dense(1, 1, rng).network).tables
    ends = [-(2**23) + 1, 2**23 - 1]
    for fraction in range(5, 23):
        reach = min(9 << fraction, 2**23 - 1)
        z = np.concatenate([np.arange(-3000, 3001), rng.integers(-reach, reach + 1, 5000), ends]).astype(np.int32)
        registers = {"fraction_bits": fraction, "lo": -(1 << fraction), "hi": 3 << fraction}
        constants = np.zeros((len(graded.CONSTANTS), len(z)), np.int32)
        for name, register in (("fraction", "fraction_bits"), ("lo", "lo"), ("hi", "hi")):
            constants[graded.CONSTANTS.index(name)] = registers[register]
        work = np.zeros((graded.WORK_ROWS, len(z)), np.int32)
        graded.activate(number, z, constants, 0, len(z), tables, work)
        columns = {name: np.full(len(z), value) for name, value in registers.items()}
        assert np.array_equal(work[0], activate(np.full(len(z), number), z.astype(np.int64), columns)), fraction


MACHINES = {"generic": "", "haswell": "+avx,+avx2,+fma,+bmi,+bmi2,+popcnt,+sse4.2"}
"""Processors without vectors of 512 bits, by LLVM's names, and what they have."""


@pytest.mark.deep(one_in=2)
@pytest.mark.once
@pytest.mark.skipif(platform.machine() != "x86_64", reason="processors of another make")
@pytest.mark.parametrize("name", MACHINES)
def test_other_processors_give_the_same_answer(name: str, tmp_path: Path) -> None:
    cpu = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": MACHINES[name], "NUMBA_CACHE_DIR": str(tmp_path)}
    code = (
        f"import numba, test_fast_graded as t; assert numba.config.CPU_NAME == {name!r};t.test_samples_side_by_side(97)"
    )
    folder = Path(__file__).parent
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **cpu}, cwd=folder, check=True, timeout=600)
    assert list(tmp_path.rglob("*.nbc")), "it was compiled anew"


# --- sessions --------------------------------------------------------------------------------------------------------


def one_sample(seed: int, **given: object) -> tuple[Program, Stimulus, Trace]:
    program, stimulus = graded_case(seed, **given)
    stimulus = Stimulus(stimulus.spikes, np.zeros(1, np.int64))
    return program, stimulus, emulator.run(program, stimulus, program.network.state_names)


def compare_step_by_step(running: GradedSession, stimulus: Stimulus, expected: Trace) -> None:
    for t in range(running.t, len(stimulus.spikes)):
        assert np.array_equal(running.step(stimulus.spikes[t]), expected.spikes[t]), t
        for name, values in expected.registers.items():
            assert np.array_equal(running.register(name), values[t]), (t, name)
    assert running.counts == dict(expected.counts)


def sessions() -> Iterator[tuple[GradedSession, Program, Stimulus, Trace]]:
    graded = 0
    for seed in range(24):
        program, stimulus, expected = one_sample(seed)
        if is_graded(program.network):
            graded += 1
            running = fast.start(program, program.network.state_names)
            assert isinstance(running, GradedSession)
            yield running, program, stimulus, expected
    assert graded > 10  # or those who loop over them would have looped over nothing


def test_an_option_that_there_is_not_is_no_option_of_graded_programs_either() -> None:
    program, _, _ = one_sample(7)
    fast.start(program, threads=2)
    with pytest.raises(TypeError, match="nonsense"):
        fast.start(program, nonsense=1)


def test_stepping_is_the_whole_run() -> None:
    for running, _, stimulus, expected in sessions():
        compare_step_by_step(running, stimulus, expected)


def test_a_saved_state_goes_on_elsewhere_and_again() -> None:
    """Of what is in flight only sums are saved, so that what goes on from them is saved otherwise."""
    rng = np.random.default_rng(5)
    for first, program, stimulus, expected in sessions():
        cuts = np.sort(rng.integers(0, len(stimulus.spikes) + 1, 2)).tolist()
        spikes, registers = first.run(stimulus.spikes[: cuts[0]])
        assert np.array_equal(spikes, expected.spikes[: cuts[0]])
        for i, name in enumerate(program.network.state_names):
            assert np.array_equal(registers[:, i], expected.registers[name][: cuts[0]])
        second = fast.start(program)
        second.restore(first.save())
        second.run(stimulus.spikes[cuts[0] : cuts[1]])
        third = fast.start(program)
        third.run(stimulus.spikes[:3])  # which restoring forgets
        third.restore(second.save())
        compare_step_by_step(third, stimulus, expected)
        third.reset()
        assert third.t == 0
        assert np.array_equal(third.run(stimulus.spikes)[0], expected.spikes)


@pytest.mark.parametrize("way", [copy.deepcopy, lambda session: pickle.loads(pickle.dumps(session))])
def test_a_copy_goes_on_in_memory_of_its_own(way) -> None:
    program, stimulus, expected = one_sample(7)
    running = fast.start(program)
    running.run(stimulus.spikes[:5])
    compare_step_by_step(way(running), stimulus, expected)
    compare_step_by_step(running, stimulus, expected)


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    program = dense(4, 2, np.random.default_rng(0))
    program = replace(program, network=replace(program.network, input=Message(10, True, 9)))
    running = fast.start(program)
    for wrong, error in [
        (np.zeros(3, np.int16), ValueError),
        (np.full(2, 512), LsmError),
        (np.full(2, 0.5), ValueError),
    ]:
        with pytest.raises(error):
            running.step(wrong)
        with pytest.raises(error):
            running.run(wrong[None])
    assert running.t == 0
    state = running.save()
    for changed in (
        {"in_flight": np.zeros((4, 4), np.int64)},
        {"registers": {**state.registers, "clock": np.ones(4, np.int32)}},
        {"registers": {**state.registers, "v": np.full(4, 1 << 24, np.int32)}},
        {"registers": {"v": state.registers["v"]}},
        {"registers": {name: values[:-1] for name, values in state.registers.items()}},
        {"counts": {}},
        {"in_flight": np.full((1, 4), 1 << 40)},
    ):
        with pytest.raises(LsmError):
            running.restore(replace(state, **changed))


def test_the_kernels_have_the_number_and_the_registers_of_the_kind() -> None:
    from lsm_backends.fast import rules
    from lsm_backends.fast.kernels import messages

    for name, number, constants in (
        ("GradedLI", messages.GRADED, graded.CONSTANTS),
        ("GatedLI", messages.GATED, gated.CONSTANTS),
    ):
        rule = rules.RULES[name]
        assert rule.number == number
        registers = {name: np.zeros(1, np.int64) for name in KINDS[name].Registers.__dataclass_fields__}
        assert len(rule.constants({**registers, "message_bits": np.ones(1, np.int64)})) == len(constants)
