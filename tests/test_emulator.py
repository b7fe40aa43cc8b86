"""The emulator means what the contract says: spikes, registers and counts equal the oracle's."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from hypothesis import given
from lsm_backends import emulator
from programs import ALL_KINDS, REGISTERS, cases, plain, random_case

from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus
from lsm_deploy.core.neurons import KINDS


def check_against_oracle(program: Program, stimulus: Stimulus) -> oracle.Result:
    """Every spike, register and count of the emulator equals the oracle's; also what the mutants are held to."""
    trace = emulator.run(program, stimulus, REGISTERS)
    expected = oracle.run(plain(program), stimulus.spikes.tolist(), stimulus.starts.tolist())
    assert trace.spikes.tolist() == expected.spikes
    for name in REGISTERS:
        assert trace.registers[name].tolist() == getattr(expected, name), name
    assert trace.counts == {
        "u_wraps": expected.wraps,
        "v_saturations": expected.saturations,
        "wide_sums": expected.wide_sums,
    }
    return expected


@given(cases())
def test_equals_the_oracle(case: tuple[Program, Stimulus]) -> None:
    check_against_oracle(*case)


@pytest.fixture(scope="module")
def seeded() -> list[tuple[Program, oracle.Result]]:
    """Programs of plain seeds, checked, with what the oracle said; the last ones are of so many kinds that all meet."""
    crowded = {"kinds": ALL_KINDS[::-1], "sizes": (1,) * 8, "projections": 30}
    made = []
    for seed in range(153):
        program, stimulus = random_case(seed, **({} if seed < 150 else crowded))
        made.append((program, check_against_oracle(program, stimulus)))
    return made


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_programs_are_alive(kind: str, seeded: list[tuple[Program, oracle.Result]]) -> None:
    # Judged over 30 steps or more: a neuron behind a delay of 62 is silent before.
    rates = np.concatenate(
        [np.mean(np.abs(r.spikes), axis=0)[of_kind(program, kind)] for program, r in seeded if len(r.spikes) >= 30]
    )
    assert len(rates) > 50
    assert ((rates > 0) & (rates < 0.9)).mean() > 0.55


def of_kind(program: Program, kind: str) -> np.ndarray:
    """The numbers of the neurons of a kind."""
    kinds = np.repeat([p.kind for p in program.network.populations], [p.size for p in program.network.populations])
    return np.flatnonzero(kinds == kind)


def test_programs_reach_every_corner(seeded: list[tuple[Program, oracle.Result]]) -> None:
    networks = [program.network for program, _ in seeded]
    projections = [p for network in networks for p in network.projections]
    registers = {
        name: np.concatenate([p.registers[name] for n in networks for p in n.populations if name in p.registers])
        for kind in ALL_KINDS
        for name in KINDS[kind].Registers.__dataclass_fields__
    }
    assert {p.sign_mode for p in projections} == {"excitatory", "inhibitory", "mixed"}
    assert {(p.sign_mode == "mixed", p.num_weight_bits) for p in projections} == {
        (mixed, bits) for mixed in (False, True) for bits in range(1, 9)
    }
    assert {p.weight_exp for p in projections} == set(range(8))
    assert {int(d) for p in projections for d in p.delays} == set(range(63))
    assert {-256, -255, 0, 254, 255} <= {int(w) for p in projections for w in p.weights}
    assert {0, 1, 4095} <= set(registers["du"].tolist())
    assert {0, 1, 4095, 4096} <= set(registers["dv"].tolist())
    assert {0, 131071} <= set(registers["vth"].tolist())
    assert {0, 131071} <= set(registers["vth_hi"].tolist())
    assert {0, -131071} <= set(registers["vth_lo"].tolist())
    assert {0, 1, 63} <= set(registers["refractory_period"].tolist())
    for name in ("delta_i", "delta_v", "delta_theta", "delta_r"):
        assert {0, 1, 4095} <= set(registers[name].tolist()), name
    assert {0, 4095} <= set(registers["theta_0"].tolist())
    assert {0, 4095} <= set(registers["theta_step"].tolist())
    pairs = {
        (kinds[p.source], kinds[p.target])
        for n in networks
        if (kinds := {p.name: p.kind for p in n.populations} | {INPUT: INPUT})
        for p in n.projections
    }
    assert pairs == {(source, target) for source in (INPUT, *ALL_KINDS) for target in ALL_KINDS}
    assert registers["bias_mant"].min() < 0 < registers["bias_mant"].max()
    assert set(registers["bias_exp"].tolist()) == set(range(8))
    assert {network.sample_interval > 0 for network in networks} == {False, True}
    assert {p.source == p.target for p in projections} == {False, True}
    for event in ("wraps", "saturations", "wide_sums", "wide_words"):
        assert sum(getattr(result, event) > 0 for _, result in seeded) >= 5, event


# --- what the contract says in words -------------------------------------------------------------------------------


def one_synapse(delay: int, interval: int = 0, **registers: int) -> Program:
    """One channel, one neuron, one synapse of weight 10: an integrator that keeps `v` and forgets `u`."""
    values = {"du": 4095, "dv": 0, "vth": 1000, "bias_mant": 0, "bias_exp": 0} | registers
    population = QPopulation("cell", "LIF", 1, {name: np.array([value]) for name, value in values.items()})
    synapse = QProjection(
        "in", INPUT, "cell", "excitatory", 8, 0, np.array([0, 1]), np.array([0]), np.array([10]), np.array([delay])
    )
    return Program(QNetwork(1.0, 1, interval, (population,), (synapse,)), np.zeros(1, np.int32), "oheo_gulch")


def spike_at(t: int, steps: int, starts: tuple[int, ...] = (0,)) -> Stimulus:
    spikes = np.zeros((steps, 1), np.int8)
    spikes[t] = 1
    return Stimulus(spikes, np.array(starts))


@pytest.mark.parametrize("delay", [0, 1, 62])
def test_a_delay_takes_one_step_more(delay: int) -> None:
    trace = emulator.run(one_synapse(delay), spike_at(3, 80), ("u",))
    assert np.flatnonzero(trace.registers["u"]).tolist() == [3 + delay + 1]


def test_the_threshold_is_strict() -> None:
    for vth, fires in ((10, False), (9, True)):
        trace = emulator.run(one_synapse(0, vth=vth), spike_at(0, 3), ("v",))
        assert trace.spikes[:, 0].tolist() == [0, int(fires), 0]
        assert trace.registers["v"][1, 0] == (0 if fires else 640)


def test_the_bias_is_not_aligned_to_the_weights() -> None:
    trace = emulator.run(one_synapse(0, bias_mant=3, bias_exp=2), spike_at(0, 1), ("v",))
    assert trace.registers["v"][0, 0] == 12


def test_an_interval_clears_registers_but_not_what_is_in_flight() -> None:
    # Step 4 is a boundary: the spike of step 1 has arrived before it, that of delay 3 arrives in step 5, after it.
    near = emulator.run(one_synapse(0, interval=4), spike_at(1, 8, (0, 4)), ("v",)).registers["v"][:, 0]
    far = emulator.run(one_synapse(3, interval=4), spike_at(1, 8, (0, 4)), ("v",)).registers["v"][:, 0]
    assert near.tolist() == [0, 0, 640, 640, 0, 0, 0, 0]
    assert far.tolist() == [0, 0, 0, 0, 0, 640, 640, 640]


def test_a_fresh_sample_forgets_what_is_in_flight() -> None:
    far = emulator.run(one_synapse(3), spike_at(1, 8, (0, 4)), ("v",)).registers["v"]
    assert not far.any()


def test_an_arrival_in_the_step_of_a_clearing_counts() -> None:
    trace = emulator.run(one_synapse(0, interval=4), spike_at(3, 8, (0, 4)), ("v",))
    assert trace.registers["v"][:, 0].tolist() == [0, 0, 0, 0, 640, 640, 640, 640]


def test_progress_ends_at_the_last_step() -> None:
    told: list[tuple[int, int]] = []
    emulator.run(one_synapse(0), spike_at(0, 9, (0, 4)), progress=lambda done, total: told.append((done, total)))
    assert told == [(4, 9), (9, 9)]
