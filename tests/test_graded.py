"""Graded neurons: the emulator against the oracle, the quantiser against floats, and all a message goes through."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
from lsm_backends import emulator
from programs import ALL_KINDS, GRADED_KINDS, REGISTERS, plain, random_case

import lsm_deploy as ld
from lsm_deploy.compile.certify.bounds import certify_network
from lsm_deploy.compile.pipeline import compile_built
from lsm_deploy.compile.quantise import quantise_network
from lsm_deploy.core import activations, fixed
from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.core.ir import Network, Population, Projection, QPopulation, Stimulus
from lsm_deploy.core.messages import BINARY, Message
from lsm_deploy.core.neurons import graded
from lsm_deploy.measure.attack import attack
from lsm_deploy.measure.diagnosis.shown import shown_of
from lsm_deploy.measure.fidelity import branching_ratio
from lsm_deploy.measure.fidelity.side_by_side import move_spikes
from lsm_deploy.run import backends
from lsm_deploy.run.extremes import warn_of_extremes
from lsm_deploy.run.reference import run_float
from lsm_deploy.run.streaming import stream
from lsm_deploy.spec.read import load_text
from lsm_deploy.store import program_from_bytes, program_to_bytes, save_trace
from lsm_deploy.store.parts import load_parts
from lsm_deploy.store.recordings import load_stimulus, load_trace_of, save_stimulus

INPUT = Message(16, signed=True, fraction=15)
RNG = np.random.default_rng(7)


def units(size: int, **changed: Any) -> Population:
    values = dict.fromkeys(graded.Parameters.__dataclass_fields__, 0.0) | {
        "activation": 3.0, "leak_rate": 1.0, "leak": 1.0, "clip_lo": -1.0, "clip_hi": 1.0, "message_bits": 16.0,
        "period": 1.0,
    } | changed  # fmt: skip
    return Population("r", "GradedLI", size, {name: np.broadcast_to(v, size).copy() for name, v in values.items()})


def dense(source: str, weight: np.ndarray, bits: int = 8, sign_mode: Any = "mixed") -> Projection:
    targets, sources = weight.shape
    return Projection(
        source, source, "r", sign_mode, bits, np.arange(sources + 1) * targets,
        np.tile(np.arange(targets, dtype=np.int32), sources), weight.T.ravel().copy(), np.zeros(weight.size),
    )  # fmt: skip


def reservoir(bits: int = 8, size: int = 40, radius: float = 0.9, **changed: Any) -> Network:
    rng = np.random.default_rng(1)
    weight = rng.normal(size=(size, size))
    weight *= radius / np.abs(np.linalg.eigvals(weight)).max()
    wires = (dense("input", rng.uniform(-0.5, 0.5, (size, 1)), bits), dense("r", weight, bits))
    return Network(1.0, 1, 0, (units(size, **changed),), wires, INPUT)


def signal(steps: int = 300) -> Stimulus:
    wave = np.sin(np.arange(steps) * 0.2)[:, None]
    return Stimulus(np.clip(np.rint(wave * 2**15), -32767, 32767).astype(np.int16), np.array([0]))


# --- the definition -------------------------------------------------------------------------------------------------


def met_by(kinds: tuple[str, ...]) -> dict[str, set[int]]:
    """The values of each register in random programs, on all of which the oracle agrees; by "port", of synapses'."""
    met: dict[str, set[int]] = {"port": set()}
    words = wraps = saturations = wide = 0
    for seed in range(60):
        program, stimulus = random_case(seed, kinds=kinds)
        network = program.network
        expected = oracle.run(plain(program), stimulus.spikes.tolist(), stimulus.starts.tolist())
        trace = emulator.run(program, stimulus, REGISTERS)
        assert trace.spikes.tolist() == expected.spikes
        for name in REGISTERS:
            assert trace.registers[name].tolist() == getattr(expected, name), name
        counts = {"u_wraps": expected.wraps, "v_saturations": expected.saturations, "wide_sums": expected.wide_sums}
        assert trace.counts == counts
        words, wraps = words + expected.wide_words, wraps + expected.wraps
        saturations, wide = saturations + expected.saturations, wide + expected.wide_sums
        met["port"] |= {p.port for p in network.projections}
        for p in network.populations:
            for name, values in p.registers.items():
                met.setdefault(name, set()).update(values.tolist())
    assert min(words, wraps, saturations, wide) > 50
    return met


@pytest.mark.parametrize("kinds", [("GradedLI",), ("GradedLI", *ALL_KINDS)], ids=["graded", "mixed"])
def test_the_oracle_agrees_and_every_corner_is_met(kinds: tuple[str, ...]) -> None:
    met = met_by(kinds)
    assert met["activation"] == met["output"] == set(range(6))
    assert {-24, 0, 24} <= met["shift_in"] | {-24, 24}
    assert min(met["shift_in"]) < 0 < max(met["shift_in"])
    assert {0, 1, 4096} <= met["alpha"]
    assert {2, 12, 16} <= met["message_bits"]
    assert min(met["message_shift"]) < 0


def test_rounding_is_to_the_nearest_and_halves_go_away_from_zero() -> None:
    x = np.array([5, 6, 7, -5, -6, -7, 2, -2, 1])
    assert fixed.round_shift(x, 2).tolist() == [1, 2, 2, -1, -2, -2, 1, -1, 0]
    assert fixed.round_shift(x, 0).tolist() == x.tolist()
    assert fixed.round_shift(x, -3).tolist() == (x * 8).tolist()


@pytest.mark.parametrize("fraction", [5, 8, 15, 20, 22])
def test_activations_are_near_their_functions_and_odd_where_they_are(fraction: int) -> None:
    z = np.unique(np.concatenate([RNG.integers(-(1 << 23) + 1, 1 << 23, 4000), np.arange(-40, 40), [0, (1 << 23) - 1]]))
    registers = {name: np.full(len(z), value) for name, value in
                 (("fraction_bits", fraction), ("lo", -(1 << fraction) // 2), ("hi", 1 << fraction))}  # fmt: skip
    one = 1 << fraction
    for number, name in enumerate(activations.ACTIVATIONS):
        y = activations.activate(np.full(len(z), number), z, registers)
        wanted = activations.of_floats(np.full(len(z), float(number)), z / one, np.full(len(z), -0.5), np.ones(len(z)))
        assert np.abs(y / one - wanted).max() < 1.3e-4 + 1 / one, name
        if name in ("identity", "tanh", "quadratic"):
            assert np.array_equal(y, -activations.activate(np.full(len(z), number), -z, registers))
    assert (np.diff(activations.activate(np.full(len(z), 3), z, registers)) >= 0).all()


def test_the_table_is_tanh_and_never_written_to() -> None:
    assert activations.TABLE[[0, 32, 256]].tolist() == [0, 3194357, 4194303]
    with pytest.raises(ValueError, match="read-only"):
        activations.TABLE[0] = 1


# --- quantised from floats ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bits", "most"), [(8, 0.02), (12, 0.004), (15, 0.0025)])
def test_integers_follow_the_floats(bits: int, most: float) -> None:
    compiled = compile_built(reservoir(bits), "none")
    trace = emulator.run(compiled.program, signal(), ("v",))
    floats = run_float(compiled.network, signal(), ("v",))
    assert trace.spikes.dtype == np.int16
    assert np.abs(trace.spikes / 2**15 - floats.spikes).max() < most
    assert np.abs(trace.registers["v"] / 2**20 - floats.state["v"]).max() < most
    assert not trace.counts["u_wraps"]


def test_floats_are_what_anybody_would_write() -> None:
    network = reservoir(leak_rate=0.3, bias=0.1, v_initial=0.5)
    into, within = (p.weight.reshape(-1, 40).T for p in network.projections)  # type: ignore[union-attr]
    x, wave, states = np.full(40, 0.5), signal().spikes / 2**15, []
    x = 0.7 * x + 0.3 * np.tanh(np.full(40, 0.1))  # nothing has arrived yet
    for frame in wave:
        states.append(x)
        x = 0.7 * x + 0.3 * np.tanh(within @ x + into @ frame + 0.1)
    found = run_float(network, signal())
    np.testing.assert_allclose(found.spikes, states, atol=1e-12)


def test_an_integrator_is_forward_euler() -> None:
    """dx/dt = -x + 1 by steps of 0.1: a message of 1 - x would do; here the leak is a synapse onto itself."""
    network = Network(
        1.0, 0, 0,
        (units(1, activation=0.0, leak=0.0, leak_rate=0.1, bias=1.0, state_range=1.5),),
        (dense("r", np.array([[-1.0]]), 15),),
    )  # fmt: skip
    steps = 100
    program = compile_built(network, "none").program
    trace = emulator.run(program, Stimulus(np.zeros((steps, 0), np.int8), np.array([0])), ("v",))
    x, seen, states = 0.0, 0.0, []
    for _ in range(steps):
        x, seen = x + 0.1 * (1 - seen), x + 0.1 * (1 - seen)
        states.append(x)
    fraction = int(program.network.populations[0].registers["fraction_bits"][0])
    assert np.abs(trace.registers["v"][:, 0] / 2**fraction - states).max() < 1e-3


@pytest.mark.parametrize("sign_mode", ["excitatory", "inhibitory", "mixed"])
@pytest.mark.parametrize("bits", [9, 12, 15])
@pytest.mark.parametrize("kind", ["LIF", "GradedLI"])
def test_coarse_and_fine_weights_are_those_asked_for(sign_mode: Any, bits: int, kind: str) -> None:
    size = 30
    weight = {"excitatory": 1, "inhibitory": -1, "mixed": 0}[sign_mode] * RNG.uniform(0, 0.1, (size, size))
    weight = RNG.uniform(-0.1, 0.1, (size, size)) if sign_mode == "mixed" else weight
    if kind == "LIF":
        values = {"tau_mem_ms": 20.0, "tau_syn_ms": 0.0, "v_threshold": 1.0, "bias": 0.0}
        target = Population("r", kind, size, {name: np.full(size, value) for name, value in values.items()})
    else:
        target = units(size, message_bits=8.0)
    network = Network(1.0, size, 0, (target,), (dense("input", weight, bits, sign_mode),))
    quantised, cost = quantise_network(network)
    assert [p.name for p in quantised.projections] == ["input:coarse", "input:fine"]
    whole = np.zeros((size, size))
    for p in quantised.projections:
        np.add.at(whole, (p.post, p.pre), p.weights.astype(np.int64) << p.weight_exp)
    step = 2.0 ** quantised.projections[1].weight_exp * fixed.grid_step(8, sign_mode == "mixed")
    assert np.abs(whole / quantised.populations[0].scale - weight).max() <= 0.51 * step / quantised.populations[0].scale
    # A spiking population's scale is chosen for its threshold: the weights' exponent may leave room for fewer.
    coarse, fine = quantised.projections
    assert coarse.weight_exp - fine.weight_exp == (min(bits - 8, coarse.weight_exp))
    assert kind == "LIF" or coarse.weight_exp >= bits - 8
    assert cost.projections[0].rms_error < 2.0 ** -(8 + coarse.weight_exp - fine.weight_exp) * (
        1.3 + (sign_mode == "mixed")
    )


def test_a_state_that_nothing_bounds_is_asked_for() -> None:
    with pytest.raises(LsmError, match="nothing bounds the state: its range is unknown\n  give `state_range`"):
        compile_built(reservoir(activation=2.0), "none")
    compile_built(reservoir(activation=2.0, state_range=4.0), "none")


@pytest.mark.parametrize(
    ("parameters", "what"),
    [
        ({"period": 2.0, "phase": 2.0}, "population 'r': phase is not below period"),
        ({"leak_rate": 1e-4}, "population 'r': a leak_rate of 0.0001 rounds to nothing"),
        ({"clip_lo": 1.0, "clip_hi": -1.0}, "population 'r': clip_lo is above clip_hi"),
        ({"state_range": 1e6}, "population 'r': a state of 1e[+]06 does not fit 24 bits"),
        ({"v_initial": -1e6}, "give a `state_range` and a `v_initial` of at most 262144"),
        ({"activation": 2.0, "phase": 1.0}, "phase is not below.*\n.*\n.*nothing bounds the state"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(parameters: dict[str, float], what: str) -> None:
    with pytest.raises(LsmError, match=what):
        compile_built(reservoir(**parameters), "none")


@pytest.mark.parametrize(
    ("kind", "parameter", "what"),
    [
        ("GradedLI", "leak: 0.5", "leak is 0.5, not a whole number"),
        ("GradedLI", "message_bits: 12.5", "message_bits is 12.5, not a whole number"),
        ("GradedLI", "period: 2.5", "period is 2.5, not a whole number"),
        ("GradedLI", "phase: 0.5", "phase is 0.5, not a whole number"),
        ("GradedLI", "period: {distribution: uniform, low: 2, high: 5}", "9 of 9 draws are still out of range"),
        ("GatedLI", "period: 2.5", "period is 2.5, not a whole number"),
        ("GatedLI", "fused: 0.5", "fused is 0.5, not a whole number"),
        ("GatedLI", "base: 0.5", "base is 0.5, not a whole number"),
    ],
)
def test_what_counts_is_whole(kind: str, parameter: str, what: str, tmp_path: Path) -> None:
    """Half a leak was none, in silence, and drawn periods were rounded."""
    population = f"{{r: {{size: 9, neuron: {{kind: {kind}, {parameter}}}}}}}"
    text = f"dt_ms: 1.0\nseed: 1\ninput: {{channels: 1}}\npopulations: {population}\nprojections: []\n"
    with pytest.raises(LsmError, match=what):
        ld.compile_spec(load_text(text, tmp_path / "x.yaml"))


@pytest.mark.parametrize("kind", GRADED_KINDS)
def test_exact_registers_whose_turn_never_comes_are_refused(kind: str, tmp_path: Path) -> None:
    exact = "registers: {shift_in: 0, shift_in_gate: 0, period: 3, phase: 3}"
    exact = exact if kind == "GatedLI" else exact.replace("shift_in_gate: 0, ", "")
    population = f"{{r: {{size: 2, neuron: {{kind: {kind}, {exact}}}}}}}"
    text = f"dt_ms: 1.0\nseed: 1\ninput: {{channels: 1}}\npopulations: {population}\nprojections: []\n"
    with pytest.raises(LsmError, match=r"x.yaml:4:.*phase 3 is not below period 3"):
        load_text(text, tmp_path / "x.yaml")
    fits = random_case(0, kinds=(kind,))[0].network.populations[0]
    with pytest.raises(ValueError, match="phase not below period"):
        replace(fits, registers={**fits.registers, "phase": fits.registers["period"]})


def test_sums_that_could_pass_32_bits_are_refused() -> None:
    target = QPopulation("r", "GradedLI", 1, graded.to_registers(units(1).parameters, 1.0, 1.0))
    quantised, _ = quantise_network(Network(1.0, 600, 0, (units(1),), (dense("input", np.full((1, 600), 0.1)),), INPUT))
    wire = replace(quantised.projections[0], weight_exp=2, weights=np.full(600, 254, np.int16))
    with pytest.raises(LsmError, match="a synaptic sum could be 19974763200, which does not fit 32 bits"):
        compile_built(Network(1.0, 600, 0, (target,), (wire,), INPUT), "none")


# --- bounds, files, words ---------------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.deep(one_in=4)
@pytest.mark.parametrize("seed", range(12))
def test_no_input_found_breaks_a_bound(seed: int) -> None:
    program, _ = random_case(seed, regime="alive", sizes=(4, 3), channels=3, kinds=("GradedLI", "LIF"))
    certificate = certify_network(program.network)
    found = attack(program, certificate, rounds=2, seed=seed, steps=40, backend="emulator")
    assert ((found.reached <= certificate.largest_u) | ~certificate.certified).all()
    rare = (found.shortest_interval == 0) | (found.shortest_interval >= certificate.shortest_interval)
    assert rare.all()


def test_the_largest_message_counts_in_a_bound() -> None:
    program = compile_built(reservoir(), "none").program
    sums = np.zeros(40, np.int64)
    for p in program.network.projections:
        np.add.at(sums, p.post, (np.abs(p.weights.astype(np.int64)) << p.weight_exp) * 32767)
    assert certify_network(program.network).largest_sum.tolist() == sums.tolist()


def test_programs_stimuli_and_traces_come_back_from_their_files(tmp_path: Path) -> None:
    program = compile_built(reservoir(), "none").program
    again = program_from_bytes(program_to_bytes(program), "p")
    assert again.network.input == INPUT
    assert program_to_bytes(again) == program_to_bytes(program)
    stimulus = signal()
    save_stimulus(tmp_path / "s.npz", stimulus)
    assert np.array_equal(load_stimulus(tmp_path / "s.npz").spikes, stimulus.spikes)
    trace = emulator.run(program, stimulus, ("u",))
    save_trace(tmp_path / "t.npz", trace, program="", backend="emulator")
    found = load_trace_of(program, tmp_path / "t.npz").trace
    assert found.spikes.dtype == np.int16
    assert np.array_equal(found.spikes, trace.spikes)
    assert np.array_equal(found.registers["u"], trace.registers["u"])


def test_a_program_of_binary_input_has_the_bytes_that_it_had() -> None:
    program, _ = random_case(3, kinds=("LIF",))
    assert program.network.input == BINARY
    assert b'"input":{' not in program_to_bytes(program)


@pytest.mark.parametrize("value", [32767, -32768])
def test_input_that_the_program_does_not_take_is_refused(value: int) -> None:
    program = compile_built(replace(reservoir(), input=Message(12, signed=True, fraction=11)), "none").program
    stimulus = Stimulus(np.full((3, 1), value, np.int16), np.array([0]))
    with pytest.raises(LsmError, match=f"an input spike is {value}, and the program takes integers from -2047 to 2047"):
        ld.run_program("emulator", program, stimulus)


def test_neurons_that_only_shout_are_said_to() -> None:
    network = reservoir(radius=30.0)
    program = compile_built(network, "none").program
    trace = emulator.run(program, signal())
    with pytest.warns(
        LsmWarning, match=r"population 'r' is saturated: \d\d\.\d% of its messages are nearly the largest"
    ):
        warn_of_extremes(program, trace.spikes, signal())


def test_a_spec_says_it(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        """
dt_ms: 1.0
seed: 1
input: {channels: 2}
populations:
  r: {size: 20, neuron: {kind: GradedLI, activation: quadratic, leak_rate: 0.3, message_bits: 12}}
projections:
  - {source: input, target: r, topology: {kind: all_to_all}, weight: 0.5}
  - source: r
    target: r
    topology: {kind: erdos_renyi, probability: 0.5}
    weight: {distribution: normal, mean: 0.0, std: 1.0}
    spectral_radius: 0.9
    weight_bits: 12
"""
    )
    compiled = ld.compile_spec(ld.load(tmp_path / "s.yaml"))
    registers = compiled.program.network.populations[0].registers
    assert registers["activation"].tolist() == [4] * 20
    assert registers["alpha"].tolist() == [1229] * 20
    assert registers["message_bits"].tolist() == [12] * 20
    (tmp_path / "bad.yaml").write_text((tmp_path / "s.yaml").read_text().replace("quadratic", "softplus"))
    with pytest.raises(LsmError, match="activation"):
        ld.load(tmp_path / "bad.yaml")


def test_a_graded_trace_streams(tmp_path: Path) -> None:
    program = compile_built(reservoir(), "none").program
    if backends.quickest(program) == "emulator":
        pytest.skip("the backend that steps has no rule for graded kinds")
    stream(program, signal(), tmp_path / "t", ("v",))
    trace = emulator.run(program, signal(), ("v",))
    found = load_parts(tmp_path / "t").trace
    assert np.array_equal(found.spikes, trace.spikes)
    assert np.array_equal(found.registers["v"], trace.registers["v"])


def test_an_input_is_scaled_as_reservoirs_have_it(tmp_path: Path) -> None:
    text = """
dt_ms: 1.0
seed: 1
input: {channels: 2}
populations: {r: {size: 200, neuron: {kind: GradedLI}}}
projections:
  - {source: input, target: r, topology: {kind: all_to_all}, input_scaling: 0.3}
"""
    (tmp_path / "s.yaml").write_text(text)
    network = ld.compile_spec(ld.load(tmp_path / "s.yaml")).network
    weights = np.concatenate([p.weight for p in network.projections])  # type: ignore[union-attr]
    assert 0.29 < np.abs(weights).max() <= 0.3
    assert abs(weights.mean()) < 0.05
    wrong = text + "  - {source: r, target: r, topology: {kind: all_to_all}, weight: 0.1, input_scaling: 0.3}\n"
    (tmp_path / "wrong.yaml").write_text(wrong)
    with pytest.raises(LsmError, match="an input scaling belongs to a projection from the input"):
        ld.load(tmp_path / "wrong.yaml")


def test_generated_input_is_as_loud_as_the_input_can_be() -> None:
    program = compile_built(reservoir(), "none").program
    shown = shown_of(None, program.network, 2, 0)
    assert set(np.unique(shown.stimulus.spikes)) == {0, 32767}
    found = ld.diagnose(program, samples=2)
    assert max(found.deployed.separation.states) > 0.05


def test_values_that_fit_are_held_as_they_need_and_one_type_runs(tmp_path: Path) -> None:
    assert Stimulus(np.array([[200]]), np.array([0])).spikes.dtype == np.int16
    assert Stimulus(np.array([[1.0]]), np.array([0])).spikes.dtype == np.int8
    program, _ = random_case(2, kinds=("LIF",), channels=2)
    pieces = [np.ones((3, 2)), np.zeros((2, 2), bool)]
    stream(program, iter(pieces), tmp_path / "t")
    assert len(load_parts(tmp_path / "t").trace.spikes) == 5


def test_a_moved_message_keeps_its_value() -> None:
    spikes = np.zeros((5, 1), np.int16)
    spikes[2] = 20000
    moved = move_spikes(Stimulus(spikes, np.array([0])), np.random.default_rng(0))
    assert moved is not None
    assert sorted(moved.spikes.ravel().tolist()) == [0, 0, 0, 0, 20000]
    assert moved.spikes[2, 0] == 0


def test_activity_of_floats_is_not_cut_to_whole_numbers() -> None:
    rng, state, activity = np.random.default_rng(0), 0.0, []
    for _ in range(2000):
        state = 0.8 * state + rng.normal() * 0.05
        activity.append(abs(state))
    floats = np.array(activity)[:, None]
    before, after = branching_ratio(floats, np.array([0])), branching_ratio(np.rint(floats * 2**15), np.array([0]))
    assert before is not None
    assert after is not None
    assert abs(before - after) < 1e-3
