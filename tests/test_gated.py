"""Gated neurons: the emulator against the oracle, models lowered to them, and a second port through all passes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lsm_backends import emulator
from programs import ALL_KINDS, random_case
from test_graded import met_by

import lsm_deploy as ld
from lsm_deploy.compile.certify.bounds import certify_network
from lsm_deploy.compile.pipeline import compile_built
from lsm_deploy.core import activations
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Network, Population, Program, Projection, QNetwork, QPopulation, QProjection, Stimulus
from lsm_deploy.core.messages import Message
from lsm_deploy.core.neurons import KINDS, gated
from lsm_deploy.core.samples import contaminated, run_side_by_side
from lsm_deploy.measure.attack import attack
from lsm_deploy.parity.forensics import explain
from lsm_deploy.parity.reduction import between, shrink
from lsm_deploy.parity.reduction.scripts import numpy_script
from lsm_deploy.parity.variants import run_variant
from lsm_deploy.report.forensics import explanation_text
from lsm_deploy.report.programs import report_program
from lsm_deploy.report.text import to_text
from lsm_deploy.run import backends
from lsm_deploy.run.reference import run_float
from lsm_deploy.store import program_from_bytes, program_id, program_to_bytes
from lsm_deploy.store.container import pack, unpack

INPUT = Message(16, signed=True, fraction=15)
RNG = np.random.default_rng(7)


def units(name: str, size: int, **changed: Any) -> Population:
    values = {n: field.default for n, field in gated.Parameters.__dataclass_fields__.items()} | changed
    numbered = {n: activations.GATES.index(v) if isinstance(v, str) else v for n, v in values.items()}
    parameters = {n: np.broadcast_to(np.asarray(v, np.float64), size).copy() for n, v in numbered.items()}
    return Population(name, "GatedLI", size, parameters)


def dense(source: str, target: str, weight: np.ndarray, port: int = 0, bits: int = 15) -> Projection:
    targets, sources = weight.shape
    return Projection(
        f"{source}->{target}:{port}", source, target, "mixed", bits, np.arange(sources + 1) * targets,
        np.tile(np.arange(targets, dtype=np.int32), sources), weight.T.ravel().copy(), np.zeros(weight.size), port,
    )  # fmt: skip


def gru(size: int = 12, **changed: Any) -> tuple[Network, tuple[np.ndarray, ...]]:
    """Units of a minimal gated network: h = z h + (1 - z) tanh(W x + U h), z = sigmoid(V x + Y h)."""
    rng = np.random.default_rng(1)
    w, v = rng.uniform(-1, 1, (2, size, 1))
    u, y = rng.normal(0, 0.8 / np.sqrt(size), (2, size, size))
    wires = dense("input", "h", w), dense("h", "h", u), dense("input", "h", -v, 1), dense("h", "h", -y, 1)
    return Network(1.0, 1, 0, (units("h", size, **changed),), wires, INPUT), (w, u, v, y)


def signal(steps: int = 200) -> Stimulus:
    wave = np.sin(np.arange(steps) * 0.2)[:, None]
    return Stimulus(np.clip(np.rint(wave * 2**15), -32767, 32767).astype(np.int16), np.array([0]))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


# --- the definition -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", [("GatedLI",), ("GatedLI", "GradedLI", *ALL_KINDS)], ids=["gated", "mixed"])
def test_the_oracle_agrees_and_every_corner_is_met(kinds: tuple[str, ...]) -> None:
    met = met_by(kinds)
    assert met["port"] == met["fused"] == met["base"] == {0, 1}
    assert met["gate"] == set(range(7))
    assert min(met["shift_in_gate"]) < 0 < max(met["shift_in_gate"])


def test_a_ratio_is_near_its_function() -> None:
    z = np.unique(np.concatenate([RNG.integers(-(1 << 20), 8 << 20, 4000), np.arange(-40, 40)]))
    registers = {"fraction_bits": np.full(len(z), 20)}
    y = activations.activate(np.full(len(z), activations.RATIO), z, registers) / (1 << 20)
    held = np.maximum(z, 0) / (1 << 20)
    assert np.abs(y - held / (1 + held)).max() < 2.5e-4
    assert (np.diff(y) >= 0).all()
    beyond = activations.activate(np.array([6]), np.array([1 << 22]), {"fraction_bits": np.array([10])})
    assert beyond.tolist() == [round(8 / 9 * 1024)]


def exact(kind: str, size: int = 1, **changed: int) -> QPopulation:
    fields = KINDS[kind].Registers.__dataclass_fields__
    values = {n: 0 if n.startswith("shift_in") else field.default for n, field in fields.items()} | changed
    return QPopulation("h", kind, size, {n: np.full(size, value) for n, value in values.items()})


def test_only_a_gate_may_be_a_ratio() -> None:
    for kind in ("GradedLI", "GatedLI"):
        for register in ("activation", "output"):
            with pytest.raises(ValueError, match=f"h.{register} out of bounds"):
                exact(kind, **{register: 6})
    exact("GatedLI", gate=6)


@pytest.mark.parametrize(("fused", "base", "v"), [(0, 1, 7 / 8), (0, 0, 1 / 8), (1, 1, 9 / 8), (1, 0, 3 / 8)])
def test_four_forms_worked_out_by_hand(fused: int, base: int, v: float) -> None:
    """Driven to 1/2 from 1 by a gate that is open by 1/4."""
    one = 1 << 20
    registers = exact(
        "GatedLI", fused=fused, base=base, gate=0, activation=0, bias=one // 2, bias_gate=one // 4, v_initial=one
    ).registers
    after = gated.step(registers, gated.initial(registers), np.zeros((2, 1), np.int64))
    assert after.state["v"][0] / one == v
    parameters = gated.to_parameters(registers, 1.0, 1.0)
    constants = gated.float_constants(parameters, 1.0)
    assert gated.float_step(constants, gated.float_initial(constants), np.zeros((2, 1))).state["v"] == v


# --- quantised from floats ------------------------------------------------------------------------------------------


def test_a_gated_recurrent_network_is_what_its_equations_say() -> None:
    network, (w, u, v, y) = gru()
    floats = run_float(network, signal(), ("v",)).state["v"]
    x = signal().spikes / 2**15
    h, heard = np.zeros(12), np.zeros(1)
    for t in range(200):
        z, n = sigmoid(v @ heard + y @ h), np.tanh(w @ heard + u @ h)
        h, heard = z * h + (1 - z) * n, x[t]
        assert floats[t] == pytest.approx(h, abs=1e-12)
    compiled = compile_built(network, "none")
    assert np.abs(emulator.run(compiled.program, signal(), ("v",)).registers["v"] / 2**20 - floats).max() < 0.004


def test_a_fused_step_of_a_liquid_time_constant_network() -> None:
    """v = (v + dt f A) / (1 + dt (1 / tau + f)), with f = sigmoid of what other units send, here the input alone."""
    rng, size, dt, tau = np.random.default_rng(3), 6, 0.1, 1.0
    w, a = rng.uniform(-2, 2, (size, 1)), rng.uniform(-1, 1, size)
    f = units("f", size, base=0.0, activation="sigmoid", gate="identity", bias_gate=1.0)
    h = units("h", size, activation="identity", gate="ratio", fused=1.0, bias_gate=dt / tau, state_range=1.0)
    wires = dense("input", "f", w), dense("f", "h", np.diag(dt * a)), dense("f", "h", dt * np.eye(size), 1)
    network = Network(1.0, 1, 0, (f, h), wires, INPUT)
    floats = run_float(network, signal(), ("v",)).state["v"][:, size:]
    x, v, sent, heard = signal().spikes / 2**15, np.zeros(size), np.zeros(size), np.zeros(1)
    for t in range(200):
        v = (v + dt * sent * a) / (1 + dt * (1 / tau + sent))
        sent, heard = sigmoid(w @ heard), x[t]
        assert floats[t] == pytest.approx(v, abs=1e-12)
    compiled = compile_built(network, "none")
    registers = compiled.program.network.populations[1].registers
    v = emulator.run(compiled.program, signal(), ("v",)).registers["v"][:, size:]
    assert np.abs(v / 2.0 ** registers["fraction_bits"][0] - floats).max() < 0.004


def test_a_mix_of_two_heads_is_two_units_whose_messages_add_up() -> None:
    """h = (1 - g) f + g k, a CfC's output: `keep` sends the one part and `take` the other."""
    rng, size = np.random.default_rng(4), 5
    f, k, g = rng.uniform(-2, 2, (3, size, 1))
    keep, take = units("keep", size, base=0.0, fused=1.0), units("take", size, base=0.0)
    wires = (dense("input", "keep", f), dense("input", "take", k), dense("input", "keep", g, 1),
             dense("input", "take", g, 1))  # fmt: skip
    network = Network(1.0, 1, 0, (keep, take), wires, INPUT)
    compiled = compile_built(network, "none")
    spikes = emulator.run(compiled.program, signal()).spikes / 2**15
    x = signal().spikes[:-1] / 2**15
    gate = sigmoid(x @ g.T)
    wanted = (1 - gate) * np.tanh(x @ f.T) + gate * np.tanh(x @ k.T)
    assert np.abs((spikes[:, :size] + spikes[:, size:])[1:] - wanted).max() < 0.003


def test_each_port_has_its_scale_and_weights_onto_a_gate_have_the_gates() -> None:
    network, _ = gru()
    small = tuple(replace(p, weight=p.weight * (0.001 if p.port else 1.0)) for p in network.projections)
    compiled = compile_built(replace(network, projections=small), "none")
    registers = compiled.program.network.populations[0].registers
    assert registers["shift_in_gate"][0] - registers["shift_in"][0] in (9, 10, 11)
    assert max(cost.rms_error for cost in compiled.cost.projections) < 0.001


def test_a_fused_state_that_nothing_bounds_is_asked_for() -> None:
    with pytest.raises(LsmError, match="nothing bounds the state: its range is unknown\n  give `state_range`"):
        compile_built(gru(fused=1.0)[0], "none")


@pytest.mark.parametrize("port", [0, 1])
def test_sums_onto_either_port_that_could_pass_32_bits_are_refused(port: int) -> None:
    weights = np.full(600, 254, np.int16)
    ends = np.arange(601), np.zeros(600, np.int32)
    wire = QProjection("i", "input", "h", "mixed", 8, 2, *ends, weights, np.zeros(600, np.uint8), port)
    with pytest.raises(LsmError, match="a synaptic sum could be 19974763200, which does not fit 32 bits"):
        compile_built(Network(1.0, 600, 0, (exact("GatedLI"),), (wire,), INPUT), "none")


# --- bounds, files, samples -----------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.deep(one_in=4)
@pytest.mark.parametrize("seed", range(8))
def test_no_input_found_breaks_a_bound(seed: int) -> None:
    program, _ = random_case(seed, regime="alive", sizes=(4, 3), channels=3, kinds=("GatedLI", "LIF"))
    certificate = certify_network(program.network)
    found = attack(program, certificate, rounds=1, seed=seed, steps=30, backend="emulator")
    assert ((found.reached <= certificate.largest_u) | ~certificate.certified).all()


def test_both_ports_count_in_a_bound() -> None:
    program = compile_built(gru()[0], "none").program
    sums = np.zeros((2, 12), np.int64)
    for p in program.network.projections:
        np.add.at(sums[p.port], p.post, (np.abs(p.weights.astype(np.int64)) << p.weight_exp) * 32767)
    assert (sums[1] > sums[0]).any()
    assert certify_network(program.network).largest_sum.tolist() == sums.max(axis=0).tolist()


def test_a_port_is_in_the_file_where_it_is_not_the_first() -> None:
    program = compile_built(gru()[0], "none").program
    again = program_from_bytes(program_to_bytes(program), "p")
    assert [p.port for p in again.network.projections] == [p.port for p in program.network.projections]
    assert program_id(again) == program_id(program)
    other, _ = random_case(3, kinds=("GradedLI", "LIF"))
    assert b'"port"' not in program_to_bytes(other)


@pytest.mark.parametrize("port", [2, -1, 2**63, 1.0, True, "gate", None, [1]])
def test_a_poisoned_port_is_refused(port: Any) -> None:
    meta, arrays = unpack(program_to_bytes(compile_built(gru()[0], "none").program), "program", "p")
    meta["projections"][0]["port"] = port
    with pytest.raises(LsmError, match="the program is not valid"):
        program_from_bytes(pack("program", meta, arrays), "p")


def test_no_other_kind_has_a_second_port() -> None:
    weights = np.ones(1, np.int16), np.zeros(1, np.uint8)
    wire = QProjection(
        "i", "input", "h", "mixed", 7, 0, np.arange(2), np.zeros(1, np.int32), weights[0] * 4, weights[1]
    )
    for kind, ports in (("GradedLI", 1), ("GatedLI", 2)):
        QNetwork(1.0, 1, 0, (exact(kind),), (replace(wire, port=ports - 1),))
        with pytest.raises(ValueError, match=f"i: {kind} has no port {ports}"):
            QNetwork(1.0, 1, 0, (exact(kind),), (replace(wire, port=ports),))


def test_what_a_sample_leaves_for_the_gate_of_the_next_contaminates_it() -> None:
    wire = QProjection("i", "input", "h", "mixed", 7, 0, np.arange(2), np.zeros(1, np.int32), np.array([16], np.int16),
                       np.array([2], np.uint8), 1)  # fmt: skip
    opposite = replace(wire, name="o", weights=np.array([-16], np.int16), port=0)
    stimulus = Stimulus((np.arange(8) == 3).astype(np.int8)[:, None], np.array([0, 4]))
    for wires, expected in (((wire,), 1), ((wire, opposite), 1), ((wire, replace(opposite, port=1)), 0)):
        network = QNetwork(1.0, 1, 4, (exact("GatedLI"),), wires)
        program = ld.Program(network, np.zeros(1, np.int32), "none")
        assert contaminated(program, stimulus, np.zeros((8, 1), np.int16)) == expected


@pytest.mark.parametrize("seed", range(4))
def test_copies_side_by_side_are_the_samples_one_by_one(seed: int) -> None:
    program, stimulus = random_case(seed, kinds=("GatedLI", "GradedLI"), interval=0)

    def once(run: Any) -> Any:
        made = ld.Program(run.network, np.zeros(run.network.neurons, np.int32), "none")
        trace = emulator.run(made, Stimulus(run.spikes, np.array([0])), ("w", "v"))
        return trace.spikes, dict(trace.registers), {}

    expected = emulator.run(program, stimulus, ("w", "v"))
    found = run_side_by_side(program, stimulus, ("w", "v"), once, 100)
    assert np.array_equal(found.spikes, expected.spikes)
    assert all(np.array_equal(found.registers[name], expected.registers[name]) for name in ("w", "v"))


# --- divergences ----------------------------------------------------------------------------------------------------


def test_a_divergence_at_a_gate_is_explained_and_made_small(tmp_path: Path) -> None:
    program = compile_built(gru()[0], "none").program
    record = program.network.state_names
    for rule in ("gated-rounding", "gated-ports"):
        other = run_variant(rule, program, signal(30), record)
        found = explain(program, signal(30), other, "other")
        assert rule in [cause.name for cause in found.causes[: found.ties]]
        text = explanation_text(found)
        assert "onto the gate b = " in text
        assert "w = saturate24(sum_w)" in text

    def broken(program: ld.Program, stimulus: Stimulus) -> ld.Trace:
        return run_variant("gated-ports", program, stimulus, program.network.state_names)

    def right(program: ld.Program, stimulus: Stimulus) -> ld.Trace:
        return emulator.run(program, stimulus, program.network.state_names)

    small = shrink(program, signal(30), between(right, broken), seconds=20.0)
    assert small.program.network.neurons <= 2
    assert {p.port for p in small.program.network.projections} <= {0, 1}
    ours, theirs = right(small.program, small.stimulus), broken(small.program, small.stimulus)
    d = ld.compare(small.program, ours, theirs, record).divergence
    script = tmp_path / "replay.py"
    script.write_text(numpy_script(small.program, small.stimulus, ours, theirs, d, "title", "other"))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_another_weight_onto_a_gate_is_named() -> None:
    program = ld.Program(QNetwork(1.0, 1, 0, (exact("GatedLI", bias=1 << 20),), (
        QProjection("a", "input", "h", "mixed", 8, 7, np.arange(2), np.zeros(1, np.int32), np.array([200], np.int16),
                    np.zeros(1, np.uint8), 1),
    )), np.zeros(1, np.int32), "none")  # fmt: skip
    changed = replace(program.network.projections[0], weights=np.array([180], np.int16))
    other = replace(program, network=replace(program.network, projections=(changed,)))
    stimulus = Stimulus((np.arange(12) % 3 == 0).astype(np.int8)[:, None], np.array([0]))
    record = program.network.state_names
    found = explain(program, stimulus, emulator.run(other, stimulus, record), "other")
    assert found.causes[0].name == "synapse"
    assert found.causes[0].instead == "it has weight 180"


# --- specs and backends ---------------------------------------------------------------------------------------------

SPEC = """
dt_ms: 1.0
seed: 1
input: {channels: 2, encoder: {kind: graded, frame_ms: 1.0}}
populations:
  h: {size: 20, neuron: {kind: GatedLI, gate: ratio, fused: 1, state_range: 2.0, message_bits: 12}}
projections:
  - {source: input, target: h, topology: {kind: all_to_all}, weight: 0.5}
  - {source: input, target: h, port: gate, topology: {kind: all_to_all}, weight: 0.25}
"""


def test_a_spec_says_it(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SPEC)
    network = ld.compile_spec(ld.load(tmp_path / "s.yaml")).program.network
    assert network.populations[0].registers["gate"].tolist() == [6] * 20
    assert network.populations[0].registers["fused"].tolist() == [1] * 20
    assert [(p.name, p.port) for p in network.projections] == [("input->h:exc", 0), ("input->h:gate:exc", 1)]


def test_a_gate_where_there_is_none_and_none_where_there_is_a_gate(tmp_path: Path) -> None:
    wrong = SPEC.replace("GatedLI, gate: ratio, fused: 1", "GradedLI")
    (tmp_path / "s.yaml").write_text(wrong)
    with pytest.raises(LsmError, match="neurons of kind 'GradedLI' have no gate\n  make those of 'h' GatedLI, or rem"):
        ld.load(tmp_path / "s.yaml")
    (tmp_path / "s.yaml").write_text(SPEC.replace("port: gate, ", ""))
    with pytest.raises(LsmError, match="nothing reaches the gate of 'h', which would never move\n  add a projection"):
        ld.load(tmp_path / "s.yaml")


@pytest.mark.parametrize(("gate", "said"), [(6, 1), (1, 0)])
def test_a_table_of_a_gate_is_one_that_a_core_must_hold(gate: int, said: int) -> None:
    network = QNetwork(1.0, 0, 0, (exact("GatedLI", activation=4, gate=gate),), ())
    placed = Program(network, np.zeros(1, np.int32), "oheo_gulch")
    words = "the table of ratio is unknown; write `activation: quadratic` and `gate: clip`, which need none"
    assert to_text(report_program(placed).blocks).count(words) == said


@pytest.mark.parametrize("name", ["fast", "brian", "lava"])
def test_every_backend_runs_it(name: str) -> None:
    if why := backends.load_backend(name).missing():
        pytest.skip(why)
    program = compile_built(gru()[0], "none").program
    record = program.network.state_names
    expected, trace = (ld.run_program(each, program, signal(60), record) for each in ("emulator", name))
    assert np.count_nonzero(expected.spikes) > 500
    assert np.array_equal(trace.spikes, expected.spikes)
    assert all(np.array_equal(trace.registers[each], expected.registers[each]) for each in record)
    assert backends.quickest(program) == "fast"
