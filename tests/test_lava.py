"""Backend `lava`: Intel's CPU models against the emulator, and what is left when the child process goes wrong."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import numpy as np
import programs
import pytest
from lsm_backends import emulator
from lsm_backends.lava import child, job, pairs, sim
from numpy.typing import NDArray

from lsm_deploy.core import temporary
from lsm_deploy.core.errors import BackendError, MisuseError
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, SignMode, Stimulus, Trace
from lsm_deploy.core.limits import Limits
from lsm_deploy.core.messages import Message
from lsm_deploy.run import backends as backend
from lsm_deploy.store import save_program, save_stimulus

NO_LAVA = sim.missing()
needs_lava = pytest.mark.skipif(NO_LAVA is not None, reason=str(NO_LAVA))

MODES: tuple[SignMode, ...] = ("excitatory", "inhibitory", "mixed")


def draw_population(rng: np.random.Generator, name: str, size: int, bias: bool = True) -> QPopulation:
    """Registers that differ from neuron to neuron, the ends of their ranges among them."""
    registers = {
        "du": rng.choice([0, 1, 4094, 4095, *rng.integers(50, 4000, 12)], size),
        "dv": rng.choice([0, 1, 4095, 4096, *rng.integers(0, 2000, 12)], size),
        "vth": rng.choice([0, 131071, *rng.integers(1, 1500, 14)], size),
        "bias_mant": bias * rng.choice([-4096, 4095, 0, 0, 0, 0, 0, *rng.integers(-300, 300, 5)], size),
        "bias_exp": rng.integers(0, 8, size),
    }
    return QPopulation(name, "LIF", size, registers)


def draw_projection(
    rng: np.random.Generator,
    name: str,
    source: tuple[str, int],
    target: tuple[str, int],
    synapses: int,
    longest: int,
    sign_mode: SignMode,
    num_weight_bits: int,
    weight_exp: int,
) -> QProjection:
    """Random synapses, pairs drawn with replacement; weights anywhere on the grid, zero and both ends included."""
    step = 1 << (8 - num_weight_bits + (sign_mode == "mixed"))
    low, high = {"excitatory": (0, 255), "inhibitory": (-255, 0), "mixed": (-256, 254)}[sign_mode]
    weights = rng.integers(-(-low // step), high // step + 1, synapses) * step
    pre, post = rng.integers(0, source[1], synapses), rng.integers(0, target[1], synapses)
    delays = np.resize(rng.permutation(longest + 1), synapses)  # spread over all
    order = np.lexsort((delays, post, pre))
    indptr = np.searchsorted(pre[order], np.arange(source[1] + 1))
    return QProjection(
        name,
        source[0],
        target[0],
        sign_mode,
        num_weight_bits,
        weight_exp,
        indptr,
        post[order],
        weights[order],
        delays[order],
    )


def draw_program(
    rng: np.random.Generator, interval: int, projections: int = 14, bias: bool = True, longest: int = 2
) -> Program:
    """Several populations and projections; two of these have delays up to 62, the others few: Lava is slow."""
    populations = tuple(
        draw_population(rng, f"p{i}", int(rng.integers(1, 40)), bias) for i in range(rng.integers(1, 4))
    )
    sizes = [(p.name, p.size) for p in populations]
    inputs = (INPUT, int(rng.integers(1, 9)))
    found = []
    for i in range(projections):
        source = inputs if i % 3 == 0 else sizes[rng.integers(len(sizes))]
        target = sizes[rng.integers(len(sizes))]
        found.append(
            draw_projection(
                rng,
                f"c{i}",
                source,
                target,
                synapses=40 if i < 2 else int(rng.integers(0, 9) * source[1]),
                longest=62 if i < 2 else int(rng.choice([0, 0, longest])),
                sign_mode=MODES[rng.integers(3)] if i % 2 else "excitatory",
                num_weight_bits=int(rng.integers(1, 9)),
                weight_exp=int(rng.integers(0, 8)) if i % 2 else int(rng.integers(0, 3)),
            )
        )
    network = QNetwork(1.0, inputs[1], interval, populations, tuple(found))
    return Program(network, np.zeros(network.neurons, np.int32), "loihi2")


def draw_stimulus(rng: np.random.Generator, channels: int, starts: Sequence[int], steps: int) -> Stimulus:
    return Stimulus(rng.random((steps, channels)) < 0.25, np.array(starts))


def synapses_program(
    weights: Sequence[int], pre: Sequence[int], post: Sequence[int], delays: Sequence[int], *, channels: int, size: int
) -> Program:
    """One population of easily driven neurons, and one excitatory projection onto it from the input."""
    order = np.lexsort((delays, post, pre))
    registers = {"du": 3000, "dv": 500, "vth": 300, "bias_mant": 0, "bias_exp": 0}
    network = QNetwork(
        1.0,
        channels,
        0,
        (QPopulation("p", "LIF", size, {name: np.full(size, value) for name, value in registers.items()}),),
        (
            QProjection(
                "c",
                INPUT,
                "p",
                "excitatory",
                8,
                7,
                np.searchsorted(np.array(pre)[order], np.arange(channels + 1)),
                np.array(post)[order],
                np.array(weights)[order],
                np.array(delays)[order],
            ),
        ),
    )
    return Program(network, np.zeros(size, np.int32), "loihi2")


def assert_equal(ours: Trace, theirs: Trace) -> None:
    """Spikes and every register the same, in every step."""
    assert ours.registers.keys() == theirs.registers.keys()
    assert np.array_equal(ours.starts, theirs.starts)
    for name, a, b in [("spikes", ours.spikes, theirs.spikes)] + [
        (name, ours.registers[name], theirs.registers[name]) for name in ours.registers
    ]:
        assert a.shape == b.shape
        if not np.array_equal(a, b):
            t, neuron = np.argwhere(a != b)[0]
            pytest.fail(f"{name} of neuron {neuron} in step {t}: {a[t, neuron]}, not {b[t, neuron]}")


@dataclass(frozen=True)
class Case:
    program: Program
    stimulus: Stimulus
    lava: Trace
    emulator: Trace


def both(program: Program, stimulus: Stimulus) -> Case:
    return Case(program, stimulus, sim.run(program, stimulus, ("u", "v")), emulator.run(program, stimulus, ("u", "v")))


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Random programs on both backends: half of them fresh with samples of unequal length, half with an interval."""
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        interval = 0 if seed % 2 else (13, 8, 30)[seed // 2]  # two of them no powers of two
        program = draw_program(rng, interval)
        starts = [0, interval, 3 * interval] if interval else [0, 9, 40]
        found.append(both(program, draw_stimulus(rng, program.network.channels, starts, 100)))
    return found


def draw_kinds(rng: np.random.Generator, interval: int, regime: str, theta_step: int | None = None) -> Program:
    """All kinds, each heard by another and ternary ones by all; few processes, because each costs Lava a start."""
    sizes = {kind: 8 for kind in programs.ALL_KINDS} | {INPUT: 4}
    ends = [(INPUT, kind) for kind in programs.ALL_KINDS]
    ends += [("TernaryLIF", kind) for kind in programs.ALL_KINDS]
    ends += [("LIF", "ATRLIF"), ("ATRLIF", "LIFRefractory"), ("LIFRefractory", "TernaryLIF"), ("ATRLIF", "ATRLIF")]
    types = [("mixed", 8, 7 if regime == "wrapping" else 4)]
    made = []
    for number, (source, target) in enumerate(ends):
        p = programs._projection(rng, f"c{number}", source, target, sizes, regime, types)  # type: ignore[arg-type]
        longest = {0: 0, 5: 62}.get(number, 0)  # two of the ternary's have delays
        _, once = np.unique(np.stack([_pre(p), p.post]), axis=1, return_index=True)
        kept = np.sort(once)
        indptr = np.searchsorted(np.array(_pre(p))[kept], np.arange(sizes[source] + 1))
        delays = np.minimum(p.delays[kept], longest)
        made.append(replace(p, indptr=indptr, post=p.post[kept], weights=p.weights[kept], delays=delays))
    populations = []
    for kind in programs.ALL_KINDS:
        found = [replace(p, target=kind) for p in made if p.target == kind]
        p = programs._population(rng, kind, sizes[kind], tuple(found), regime, kind)  # type: ignore[arg-type]
        if kind == "ATRLIF" and theta_step is not None:
            p = replace(p, registers={**p.registers, "theta_step": np.full(sizes[kind], theta_step)})
        populations.append(p)
    network = QNetwork(1.0, sizes[INPUT], interval, tuple(populations), tuple(made))
    return Program(network, np.zeros(network.neurons, np.int32), "loihi2")


@pytest.mark.lava
@needs_lava
class TestKinds:
    """Every kind, joined to others: on Lava's own models where it has them, on `models.py` where not."""

    @pytest.mark.deep(one_in=3)
    @pytest.mark.parametrize(
        ("interval", "regime", "theta_step"),
        [
            (0, "alive", 150),  # stock TernaryLIF and ATRLIF, thresholds of the first differing from neuron to neuron
            (0, "alive", None),  # steps of the adaptive threshold differ too, which stock Lava cannot do
            (13, "alive", None),
            (0, "wrapping", 0),
            (30, "wrapping", None),
        ],
    )
    def test_spikes_and_every_register_agree(self, interval: int, regime: str, theta_step: int | None) -> None:
        rng = np.random.default_rng(interval + 3)
        program = draw_kinds(rng, interval, regime, theta_step)
        starts = [0, 2 * interval] if interval else [0, 45]
        stimulus = draw_stimulus(rng, program.network.channels, starts, 90)
        ours = emulator.run(program, stimulus, programs.REGISTERS)
        assert_equal(ours, sim.run(program, stimulus, programs.REGISTERS))
        for p in program.network.populations:
            first = program.network.offsets[p.name]
            rates = np.abs(ours.spikes[:, first : first + p.size]).mean(axis=0)
            assert ((rates > 0) & (rates < 0.95)).sum() >= 2, p.kind
        first = program.network.offsets["TernaryLIF"]
        assert set(np.unique(ours.spikes[:, first : first + 8])) == {-1, 0, 1}
        if regime == "wrapping":
            assert min(ours.counts.values()) > 0, ours.counts

    def test_one_kind_alone_and_without_input(self) -> None:
        registers = {"du": 100, "dv": 0, "vth": 10, "bias_mant": 300, "bias_exp": 0, "refractory_period": 3}
        cells = QPopulation("p", "LIFRefractory", 2, {name: np.full(2, value) for name, value in registers.items()})
        program = Program(QNetwork(1.0, 0, 0, (cells,), ()), np.zeros(2, np.int32), "loihi2")
        stimulus = Stimulus(np.zeros((12, 0), np.int8), np.zeros(1, np.int64))
        trace = sim.run(program, stimulus, ("v", "refractory"))
        assert_equal(trace, emulator.run(program, stimulus, ("v", "refractory")))
        assert trace.registers["refractory"][:, 0].tolist() == [0, 0, 3, 2, 1, 0, 0, 0, 3, 2, 1, 0]


@pytest.mark.lava
@needs_lava
class TestGraded:
    """Graded neurons, alone and among others, on a process of our own: `graded_li`."""

    @pytest.mark.deep(one_in=3)
    @pytest.mark.parametrize("seed", range(6))
    def test_messages_and_every_register_agree(self, seed: int) -> None:
        graded = programs.GRADED_KINDS[:: 1 - 2 * (seed // 2 % 2)]
        kinds = (*graded, "LIF", "TernaryLIF") if seed % 2 else graded
        interval = (0, 0, 7)[seed % 3]
        program, stimulus = programs.random_case(100 + seed, kinds=kinds, interval=interval)
        record = program.network.state_names
        ours = emulator.run(program, stimulus, record)
        assert_equal(ours, sim.run(program, stimulus, record))
        assert ours.spikes.any()

    def test_graded_input_to_spiking_neurons(self) -> None:
        program, _ = programs.random_case(3, kinds=("LIF",), channels=3)
        program = replace(program, network=replace(program.network, input=Message(12, True, 11)))
        stimulus = programs.random_stimulus(np.random.default_rng(0), program, 80)
        assert_equal(emulator.run(program, stimulus, ("u", "v")), sim.run(program, stimulus, ("u", "v")))


@pytest.mark.lava
@needs_lava
class TestParity:
    def test_random_programs_agree_in_spikes_and_registers(self, cases: list[Case]) -> None:
        for case in cases:
            assert_equal(case.lava, case.emulator)
            assert case.lava.view == "sim"

    def test_those_programs_were_alive(self, cases: list[Case]) -> None:
        assert sum(int(case.lava.spikes.sum()) for case in cases) > 5000
        assert all(case.lava.spikes.any() for case in cases)
        counts = {name: sum(case.emulator.counts[name] for case in cases) for name in cases[0].emulator.counts}
        assert min(counts.values()) > 100, counts

    def test_those_programs_covered_what_a_program_may_hold(self, cases: list[Case]) -> None:
        projections = [p for case in cases for p in case.program.network.projections]
        assert {p.sign_mode for p in projections} == set(MODES)
        assert {p.weight_exp for p in projections} == set(range(8))
        assert {p.num_weight_bits for p in projections} == set(range(1, 9))
        assert set(np.concatenate([p.delays for p in projections]).tolist()) == set(range(63))
        assert any(not len(p.post) for p in projections)
        pairs = [list(zip(_pre(p), p.post.tolist(), strict=True)) for p in projections]
        assert sum(len(found) - len(set(found)) for found in pairs) > 50
        assert any(len(case.program.network.populations) == 3 for case in cases)

    def test_spikes_in_flight_cross_the_boundary_of_an_interval(self, cases: list[Case]) -> None:
        case = cases[0]
        interval = case.program.network.sample_interval
        assert interval & (interval - 1)
        steps = len(case.stimulus.spikes)
        stimulus = Stimulus(case.stimulus.spikes, np.arange(0, steps, interval))
        fresh = replace(case.program, network=replace(case.program.network, sample_interval=0))
        alone = emulator.run(fresh, stimulus)
        assert not np.array_equal(alone.spikes[interval:], case.lava.spikes[interval:])
        assert np.array_equal(alone.spikes[:interval], case.lava.spikes[:interval])

    def test_a_current_that_wraps_and_a_voltage_that_saturates(self) -> None:
        # 40 sources at 255 << 7 give sums of 1.3 million (21 bits), and after << 6 far beyond 24.
        rng = np.random.default_rng(1)
        size, channels, synapses = 12, 40, 400
        program = synapses_program(
            rng.integers(200, 256, synapses).tolist(),
            rng.integers(0, channels, synapses).tolist(),
            rng.integers(0, size, synapses).tolist(),
            rng.integers(0, 2, synapses).tolist(),
            channels=channels,
            size=size,
        )
        case = both(program, draw_stimulus(rng, channels, [0], 60))
        assert_equal(case.lava, case.emulator)
        counts = case.emulator.counts
        assert counts["u_wraps"] > 100
        assert counts["v_saturations"] > 10
        assert counts["wide_sums"] > 100
        assert np.abs(case.lava.registers["u"].astype(np.int64)).max() > 1 << 24

    def test_sums_beyond_32_bits(self) -> None:
        # 1100 * (255 << 7) << 6 leaves 32 bits; 66000 of them leave 32 bits before the shift.
        channels = 66_000
        pre = [*range(1100), *range(1100), *range(channels)]
        post = [0] * 1100 + [1] * 1100 + [2] * channels
        delays = [0] * 1100 + [1] * 1100 + [0] * channels
        program = synapses_program([255] * len(pre), pre, post, delays, channels=channels, size=3)
        spikes = np.ones((6, channels), np.int8)
        spikes[3] = 0
        case = both(program, Stimulus(spikes, np.zeros(1, np.int64)))
        assert_equal(case.lava, case.emulator)
        assert channels * (255 << 7) > 1 << 31
        assert case.lava.spikes.any()

    def test_the_smallest_networks(self) -> None:
        population = draw_population(np.random.default_rng(3), "p", 3)
        silent = QNetwork(1.0, 0, 0, (population,), ())
        empty = Stimulus(np.zeros((1, 0), np.int8), np.zeros(1, np.int64))
        case = both(Program(silent, np.zeros(3, np.int32), "loihi2"), empty)
        assert_equal(case.lava, case.emulator)

        # All delays beyond the end, one zero weight, one channel that leads nowhere, every step a sample.
        program = synapses_program([255, 0, 255], [0, 0, 2], [0, 1, 0], [62, 0, 62], channels=3, size=2)
        case = both(program, Stimulus(np.ones((3, 3), np.int8), np.arange(3)))
        assert_equal(case.lava, case.emulator)
        assert not case.lava.spikes.any()

    def test_the_sign_mode_is_stated_and_not_inferred(self) -> None:
        # Inferred from the weights it would be inhibitory, and -256 be clipped to -255.
        program = synapses_program([255], [0], [0], [0], channels=1, size=1)
        mixed = replace(program.network.projections[0], sign_mode="mixed", weights=np.array([-256]))
        program = replace(program, network=replace(program.network, projections=(mixed,)))
        case = both(program, Stimulus(np.ones((5, 1), np.int8), np.zeros(1, np.int64)))
        assert_equal(case.lava, case.emulator)
        assert case.lava.registers["u"][1, 0] == -256 << 13

    def test_no_steps_at_all_need_no_lava(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(child.PYTHON, "/nowhere")
        program = synapses_program([255], [0], [0], [0], channels=1, size=2)
        trace = sim.run(program, Stimulus(np.zeros((0, 1), np.int8), np.zeros(1, np.int64)), ("u",))
        assert trace.spikes.shape == trace.registers["u"].shape == (0, 2)

    def test_samples_that_do_not_fit_one_run_are_run_in_several(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sim, "_MAX_NEURONS", 4)
        program = synapses_program([255, 200], [0, 0], [0, 1], [0, 1], channels=1, size=2)
        stimulus = Stimulus(np.random.default_rng(0).random((20, 1)) < 0.5, np.array([0, 5, 11]))
        told: list[tuple[int, int]] = []
        trace = sim.run(program, stimulus, ("u", "v"), lambda done, total: told.append((done, total)))
        assert_equal(trace, emulator.run(program, stimulus, ("u", "v")))
        assert trace.spikes.any()
        assert told == [(11, 20), (20, 20)]

    def test_an_exception_in_a_process_model_is_reported_and_not_waited_for(self, nothing_left: None) -> None:
        one = np.ones(1, np.int64)
        lif = job.Neurons("LIF", {name: np.ones(2, np.int32) for name in ("du", "dv", "vth", "bias_mant", "bias_exp")})
        beyond = job.Connection(None, 0, "excitatory", 8, 0, one, one, one.astype(np.int32), np.array([64], np.int32))
        task = job.Job(np.ones((5, 2), np.int8), (lif,), (beyond,), "sim", 0)
        began = time.monotonic()
        with pytest.raises(BackendError, match=r"ended with exit status 70; it said:(.|\n)*between 0 and 63"):
            sim.carry_out(task, 60, "backend 'lava'")
        assert time.monotonic() - began < 20

    def test_a_thousand_synapses_on_one_pair(self) -> None:
        """As many processes as that are beyond Lava's compiler, which recurses once for each."""
        rng, synapses, size = np.random.default_rng(6), 1200, 3
        crowd = synapses_program(
            rng.integers(1, 3, synapses).tolist(),
            [0] * synapses,
            [0] * synapses,
            (rng.random(synapses) < 0.1).astype(int).tolist(),
            channels=1,
            size=size,
        )
        from_input = replace(crowd.network.projections[0], weight_exp=0)
        # Neuron 0 to itself and to the others, a hundred times each, besides what it gets from the input.
        posts = np.repeat(np.arange(size), 100)
        recurrent = replace(
            from_input,
            name="r",
            source="p",
            indptr=np.array([0, len(posts), len(posts), len(posts)]),
            post=posts,
            weights=rng.integers(0, 256, len(posts)),
            delays=rng.integers(0, 2, len(posts)),
        )
        program = replace(crowd, network=replace(crowd.network, projections=(from_input, recurrent)))
        case = both(program, draw_stimulus(rng, 1, [0, 11], 40))
        assert_equal(case.lava, case.emulator)
        assert (case.lava.spikes.sum(axis=0) > 0).all()

    def test_through_the_table_of_backends(self) -> None:
        program = synapses_program([255], [0], [0], [3], channels=1, size=1)
        stimulus = Stimulus(np.ones((10, 1), np.int8), np.zeros(1, np.int64))
        trace = backend.run_program("lava", program, stimulus, ("v",))
        assert_equal(trace, backend.run_program("emulator", program, stimulus, ("v",)))
        assert trace.spikes.sum() == 6


def _pre(p: QProjection) -> list[int]:
    return np.repeat(np.arange(len(p.indptr) - 1), np.diff(p.indptr)).tolist()


class TestConnections:
    """The split into connection processes, which needs no Lava."""

    def test_every_synapse_is_in_one_process_and_no_pair_is_twice_in_one(self) -> None:
        for seed in range(20):
            rng = np.random.default_rng(seed)
            network = draw_program(rng, 0).network
            group = rng.integers(0, 3, network.neurons)
            members = [np.flatnonzero(group == number) for number in range(3)]
            found = []
            for c in job.connections(network, group):
                assert len(set(zip(c.post, c.pre, strict=True))) == len(c.post) > 0
                assert c.delays.all() or not c.delays.any()
                pre = c.pre if c.source is None else members[c.source][c.pre]
                columns = (pre, members[c.target][c.post], c.weights << c.weight_exp, c.delays)
                found += [(c.source is None, *synapse) for synapse in zip(*columns, strict=True)]
            assert sorted(found) == sorted(_all_synapses(network))

    def test_copies_take_repeated_pairs_apart_and_change_nothing(self) -> None:
        copied = 0
        for seed in range(60):
            program, stimulus = programs.random_case(seed)
            network = program.network
            without = pairs.apart(network)
            assert np.array_equal(np.unique(without.channels), np.arange(network.channels))
            wider = Stimulus(stimulus.spikes[:, without.channels], stimulus.starts)
            alone = emulator.run(program, stimulus, programs.REGISTERS)
            apart = emulator.run(
                replace(program, network=without.network, cores=_cores(without)), wider, alone.registers
            )
            assert np.array_equal(apart.spikes[:, without.neurons], alone.spikes)
            for name, values in alone.registers.items():
                assert np.array_equal(apart.registers[name][:, without.neurons], values), name

            # No process but those that differ in what Lava cannot mix.
            _, group = job.neurons_of(without.network, ())
            found = job.connections(without.network, group)
            types = [(c.source, c.target, c.sign_mode, c.num_weight_bits, c.weight_exp, c.delays.any()) for c in found]
            assert len(set(types)) == len(types)
            before = job.connections(network, job.neurons_of(network, ())[1])
            copied += len(before) > len(found)
            assert (without.network is network) == (len(before) == len(found))
        assert copied > 30

    def test_processes_are_shared_where_they_can_be(self) -> None:
        program = synapses_program(
            [255] * 6, [0, 0, 0, 0, 1, 2], [0, 0, 0, 1, 1, 1], [0, 0, 4, 5, 0, 0], channels=3, size=2
        )
        again = replace(program.network.projections[0], name="again", weights=np.full(6, 4))
        network = replace(program.network, projections=(*program.network.projections, again))
        sizes = [len(c.post) for c in job.connections(network, np.zeros(2, np.int64))]
        # Pair (0, 0) carries two undelayed synapses and a delayed one in each projection, the others one in each.
        assert sorted(sizes) == [1, 1, 2, 2, 3, 3]


def _cores(without: pairs.Apart) -> NDArray[np.int32]:
    return np.zeros(without.network.neurons, np.int32)


def _all_synapses(network: QNetwork) -> list[tuple[bool, int, int, int, int]]:
    found = []
    for p in network.projections:
        from_input = p.source == INPUT
        for pre, post, weight, delay in zip(
            _pre(p), p.post.tolist(), p.weights.tolist(), p.delays.tolist(), strict=True
        ):
            if weight:
                first = 0 if from_input else network.offsets[p.source]
                found.append((from_input, pre + first, post + network.offsets[p.target], weight << p.weight_exp, delay))
    return found


PROGRAM = synapses_program([255], [0], [0], [0], channels=1, size=2)
STIMULUS = Stimulus(np.ones((4, 1), np.int8), np.zeros(1, np.int64))


@pytest.fixture
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """A folder for temporary files that must be empty at the end, and so must be the table of processes."""
    scratch = tempfile.mkdtemp(dir="/tmp", prefix="t")  # short: Lava makes sockets in it
    monkeypatch.setattr(tempfile, "tempdir", scratch)
    yield
    os.rmdir(scratch)
    for pid in _noted(tmp_path):
        assert _gone(pid), f"process {pid} is left"


def _noted(tmp_path: Path) -> list[int]:
    notes = tmp_path / "pids"
    return [int(line) for line in notes.read_text().split()] if notes.exists() else []


def _gone(pid: int) -> bool:
    for _ in range(200):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True  # dead; some containers have nobody to collect it
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_left: None) -> Callable[..., None]:
    """Puts a script in the place of the Python that runs Lava; it notes its process and may go on to misbehave."""

    def install(body: str, shell: str = "/bin/sh") -> None:
        path = tmp_path / "python"
        note = f"echo $$ >> {tmp_path}/pids\n" if shell == "/bin/sh" else ""
        path.write_text(f"#!{shell}\n{note}{body}\n")
        path.chmod(0o755)
        monkeypatch.setenv(child.PYTHON, str(path))

    return install


class TestTemporaryFiles:
    @needs_lava
    def test_a_folder_too_long_for_sockets(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        scratch = tmp_path / ("long" * 30)
        scratch.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(scratch))
        monkeypatch.setenv("TMPDIR", str(scratch))
        assert np.array_equal(sim.run(PROGRAM, STIMULUS).spikes, emulator.run(PROGRAM, STIMULUS).spikes)
        assert not list(scratch.iterdir())

    def test_sockets_go_to_a_short_folder_that_is_removed(self, tmp_path: Path) -> None:
        short = tmp_path / ("x" * 60)
        with temporary.short_folder("lsm-", short) as sockets:
            assert len(str(sockets)) < 64
            assert sockets.is_dir()
        assert not sockets.exists()
        with temporary.short_folder("lsm-", Path("/x")) as sockets:
            assert sockets == Path("/x")

    def test_a_full_disk_is_said(self, nothing_left: None, monkeypatch: pytest.MonkeyPatch) -> None:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            with pytest.raises(BackendError, match="Lava's job cannot be written: File too large"):
                sim.run(PROGRAM, STIMULUS)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestChildrenThatGoWrong:
    def test_one_that_hangs_is_ended_with_all_its_descendants(self, fake: Callable[..., None], tmp_path: Path) -> None:
        fake(f"echo first >&2\nsleep 600 & echo $! >> {tmp_path}/pids\necho last >&2\nwait")
        began = time.monotonic()
        with pytest.raises(BackendError) as caught:
            sim.run(PROGRAM, STIMULUS, time_limit=0.7)
        assert time.monotonic() - began < 4
        assert str(caught.value) == (
            "backend 'lava': Lava's process was ended after 0.7 s, its time limit; it said:\n"
            "    first\n"
            "    last\n"
            "  set LSM_DEPLOY_LAVA_TIME_LIMIT to more seconds, or run fewer steps"
        )
        assert len(_noted(tmp_path)) == 2

    def test_one_that_ignores_sigterm_is_killed(
        self, fake: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(child, "_TERM_GRACE", 0.3)
        monkeypatch.setenv(child.TIME_LIMIT, "0.5")
        fake("trap '' TERM\nwhile true; do sleep 0.1; done")
        with pytest.raises(BackendError, match=r"ended after 0\.5 s, its time limit; it said nothing"):
            sim.run(PROGRAM, STIMULUS)
        assert len(_noted(tmp_path)) == 1

    def test_the_option_stands_before_the_variable(
        self, fake: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(child.TIME_LIMIT, "300")
        fake("sleep 600")
        with pytest.raises(BackendError, match=r"ended after 0\.4 s"):
            sim.run(PROGRAM, STIMULUS, time_limit=0.4)

    @pytest.mark.parametrize("text", ["soon", "0", "-1", "nan"])
    def test_a_time_limit_must_be_a_time(self, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(child.TIME_LIMIT, text)
        with pytest.raises(MisuseError, match=f"LSM_DEPLOY_LAVA_TIME_LIMIT is {text}\n  give a positive number of sec"):
            sim.run(PROGRAM, STIMULUS)

    def test_one_that_dies_by_a_signal(self, fake: Callable[..., None]) -> None:
        fake("echo goodbye >&2\nkill -SEGV $$")
        with pytest.raises(BackendError, match=r"was killed by signal 11 \(SIGSEGV\); it said:\n    goodbye\n"):
            sim.run(PROGRAM, STIMULUS)

    def test_one_that_prints_a_traceback_and_hangs_is_not_waited_for(
        self, fake: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(child, "_TRACEBACK_GRACE", 0.3)
        fake("echo 'Traceback (most recent call last):' >&2\necho 'KeyError: 7' >&2\nsleep 600")
        began = time.monotonic()
        with pytest.raises(
            BackendError, match=r"raised an exception and did not end by itself(.|\n)*    KeyError: 7\n"
        ):
            sim.run(PROGRAM, STIMULUS)
        assert time.monotonic() - began < 4

    def test_one_that_exits_3_and_leaves_a_descendant(self, fake: Callable[..., None], tmp_path: Path) -> None:
        fake(f"sleep 600 & echo $! >> {tmp_path}/pids\nseq 1 30 >&2\nexit 3")
        with pytest.raises(BackendError) as caught:
            sim.run(PROGRAM, STIMULUS)
        said = "\n".join(f"    {line}" for line in range(23, 31))  # the last eight lines
        assert str(caught.value) == (
            f"backend 'lava': Lava's process ended with exit status 3; it said:\n{said}\n"
            "  read the lines above; `python` must have lava-nc==0.10.0"
        )
        assert len(_noted(tmp_path)) == 2

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            ("pass", "No such file"),
            ("open('result.npz', 'w').write('junk')", ""),
            ("import numpy as np; np.savez('result.npz', other=np.zeros(3))", "spikes0"),
            ("import numpy as np; np.savez('result.npz', spikes0=np.zeros((2, 4)))", r"float64 of shape \(2, 4\), not"),
            ("import numpy as np; np.savez('result.npz', spikes0=np.full((4, 2), 0.5))", "float64 of shape"),
            ("import numpy as np; np.savez('result.npz', spikes0=np.array([print, 1]))", "allow_pickle"),
        ],
    )
    def test_one_that_leaves_no_result_or_garbage(self, fake: Callable[..., None], body: str, why: str) -> None:
        fake(body, shell=sys.executable)
        with pytest.raises(BackendError, match=f"left no result that can be read: .*{why}"):
            sim.run(PROGRAM, STIMULUS)

    def test_one_that_does_not_start(self, fake: Callable[..., None]) -> None:
        fake("", shell="/nowhere/at/all")
        with pytest.raises(BackendError, match="does not start: No such file or directory"):
            sim.run(PROGRAM, STIMULUS)

    def test_an_interrupt_ends_it(self, fake: Callable[..., None], tmp_path: Path) -> None:
        fake(f"sleep 600 & echo $! >> {tmp_path}/pids\nwait")
        interrupt = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            sim.run(PROGRAM, STIMULUS)
        interrupt.join()
        assert len(_noted(tmp_path)) == 2


class TestMissing:
    def test_a_variable_that_points_to_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(child.PYTHON, "/nowhere/python")
        assert sim.missing() == (
            "LSM_DEPLOY_LAVA_PYTHON is '/nowhere/python', where there is no program;"
            " set LSM_DEPLOY_LAVA_PYTHON to a Python that has lava-nc==0.10.0"
        )

    def test_an_interpreter_that_lacks_the_distribution(self, fake: Callable[..., None]) -> None:
        fake("exit 1")
        assert "which has no distribution lava-nc; set LSM_DEPLOY_LAVA_PYTHON to" in str(sim.missing())

    def test_an_interpreter_that_has_another_release(self, fake: Callable[..., None]) -> None:
        fake("echo 0.9.0")
        assert "which has lava-nc 0.9.0; set" in str(sim.missing())

    def test_the_calling_python(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def absent(name: str) -> str:
            assert name == "lava-nc"  # and not `lava`: that is another package
            raise metadata.PackageNotFoundError(name)

        monkeypatch.delenv(child.PYTHON, raising=False)
        monkeypatch.setattr(metadata, "version", absent)
        assert sim.missing() == (
            "this Python has no distribution lava-nc:"
            " install it with `pip install --ignore-requires-python --no-deps lava-nc==0.10.0` and asteval and"
            " networkx,"
            " or set LSM_DEPLOY_LAVA_PYTHON to a Python that has lava-nc==0.10.0"
        )
        monkeypatch.setattr(metadata, "version", lambda name: "0.8.0")
        assert str(sim.missing()).startswith("this Python has lava-nc 0.8.0, not 0.10.0;")
        monkeypatch.setattr(metadata, "version", lambda name: "0.10.0")
        assert sim.missing() is None

    def test_a_kind_without_a_rule_is_refused_before_anything_runs(
        self, fake: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake("exit 1")
        monkeypatch.setattr(sim, "LIMITS", Limits(kinds=("Other",)))
        with pytest.raises(BackendError) as caught:
            sim.run(PROGRAM, STIMULUS)
        assert str(caught.value) == (
            "population 'p': backend 'lava' has no rule for neurons of kind 'LIF', only for Other\n"
            "  run it on the backend 'emulator', which knows every kind"
        )
        assert not _noted(tmp_path)

    def test_lava_is_never_imported_here(self, tmp_path: Path) -> None:
        """In a process of its own: another test may have imported what runs in Lava's."""
        program, stimulus = programs.random_case(0, regime="alive")
        save_program(tmp_path / "p.lsm", program)
        save_stimulus(tmp_path / "s.npz", stimulus)
        code = f"""
import sys
from lsm_backends.lava import hardware, sim
from lsm_deploy.run.backends import run_program
from lsm_deploy.store import load_program, load_stimulus
hardware.missing()
if sim.missing() is None:
    run_program("lava", load_program({str(tmp_path / "p.lsm")!r}), load_stimulus({str(tmp_path / "s.npz")!r}))
print([name for name in sys.modules if name.partition(".")[0] == "lava"])
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
        assert (done.stdout, done.stderr) == ("[]\n", "")
