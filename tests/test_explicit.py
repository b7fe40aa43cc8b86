"""Networks brought as arrays: integers pass through exactly, or the value that cannot is named."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from lsm_deploy.compile.pipeline import compile_network, compile_spec
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.messages import Message
from lsm_deploy.exchange.networks import read_network
from lsm_deploy.spec import load

pytestmark = pytest.mark.once

NET = {
    "weights": np.array([[0, -3, 255], [7, 0, 0], [-255, 1, 0]]),
    "input_weights": np.array([[1, 0], [0, 254], [13, -13]]),
    "delays": np.array([[0, 62, 5], [1, 0, 0], [9, 0, 0]]),
    "input_delays": np.array([[3, 0], [0, 0], [0, 4]]),
    "du": np.array([0, 1, 4095]),
    "dv": 4096,
    "vth": 131071,
    "bias_mant": np.array([-4096, 0, 4095]),
    "bias_exp": 7,
    "weight_exp": 2,
    "input_weight_exp": 1,
    "dt_ms": 0.5,
}


def dense(program, source, what):
    network = program.network
    sources = network.channels if source == "input" else network.neurons
    values = np.zeros((network.neurons, sources), int)
    for p in network.projections:
        if p.source == source:
            pre = np.repeat(np.arange(sources), np.diff(p.indptr))
            values[p.post, pre] = getattr(p, what)
    return values


def save(path, **changes):
    arrays = {name: value for name, value in {**NET, **changes}.items() if value is not None}
    np.savez(path, **arrays)
    return path


def test_everything_passes_through(tmp_path):
    compiled = compile_network(save(tmp_path / "net.npz"))
    program = compiled.program
    assert np.array_equal(dense(program, "liquid", "weights"), NET["weights"])
    assert np.array_equal(dense(program, "liquid", "delays"), NET["delays"])
    assert np.array_equal(dense(program, "input", "weights"), NET["input_weights"])
    assert np.array_equal(dense(program, "input", "delays"), NET["input_delays"])
    (population,) = program.network.populations
    for name in ("du", "dv", "vth", "bias_mant", "bias_exp"):
        assert np.array_equal(population.registers[name], np.broadcast_to(NET[name], 3))
    assert program.network.dt_ms == 0.5
    exponents = {(p.source, p.sign_mode): p.weight_exp for p in program.network.projections}
    assert exponents == {
        ("input", "excitatory"): 1,
        ("input", "inhibitory"): 1,
        ("liquid", "excitatory"): 2,
        ("liquid", "inhibitory"): 2,
    }
    assert compiled.cost.losses == []


BROKEN = [
    ({"weights": np.full((3, 3), 256)}, r"weights[0, 0] is 256 (and 8 more); the chip holds -255 to 255"),
    ({"weights": np.full((3, 3), 0.5)}, "weights[0, 0] is 0.5 (and 8 more); an exact weight is an integer"),
    ({"weights": np.full((3, 3), np.nan)}, "weights[0, 0] is nan (and 8 more); an exact weight is an integer"),
    ({"weights": np.zeros((3, 2))}, "weights has shape [3, 2], not [neuron, neuron]"),
    ({"weights": np.zeros((0, 0))}, "weights has shape [0, 0], not [neuron, neuron]"),
    ({"input_weights": np.zeros((2, 2))}, "input_weights has shape [2, 2], not [3, channel]"),
    ({"delays": np.full((3, 3), 63)}, "the delay of weights[1, 0] is 63 steps, not 0 to 62"),
    ({"delays": np.full((3, 3), -1)}, "delays holds values that are no steps"),
    ({"delays": np.zeros((2, 2), int)}, "delays has shape [2, 2], weights has [3, 3]"),
    ({"du": 4096}, "du of neuron 0 is 4096, not 0 to 4095"),
    ({"du": 1.5}, "du holds float64, not integers"),
    ({"du": [1, 2]}, "du has shape [2]"),
    ({"vth": 131072}, "vth of neuron 0 is 131072, not 0 to 131071"),
    ({"weight_exp": 8}, "the weight exponent is 8, not 0 to 7"),
    ({"weight_exp": -1}, "the weight exponent is -1, not 0 to 7"),
    ({"dt_ms": 0}, "dt_ms is 0, not a positive number"),
    ({"dt_ms": 1e-320}, "dt_ms is 1e-320, not a positive number, of 1e-30 to 1e30"),
    ({"vth": None, "dv": None}, "the array 'dv' is missing"),
    ({"weigths": np.zeros((3, 3))}, "there is no array 'weigths' in a network"),
]


@pytest.mark.parametrize(("changes", "message"), BROKEN)
def test_what_cannot_be_held_is_named(changes, message, tmp_path):
    with pytest.raises(LsmError) as caught:
        compile_network(save(tmp_path / "net.npz", **changes))
    assert message in str(caught.value)
    assert all(error.hint and str(tmp_path) in error.where for error in caught.value.each())


def test_all_mistakes_of_a_network_at_once(tmp_path):
    with pytest.raises(LsmError) as caught:
        compile_network(save(tmp_path / "net.npz", du=5000, vth=-1, weight_exp=9))
    assert len(caught.value.each()) == 3


SPEC = """
dt_ms: 0.5
seed: 1
input: {channels: 2}
populations:
  liquid: {size: 3, neuron: {kind: LIF%s}}
projections:
  - {source: input, target: liquid, topology: {kind: explicit, file: %s%s}%s}
"""
REGISTERS = ", registers: {du: 1, dv: 1, vth: 1}"


def spec(tmp_path, file, exact, more=""):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC % (REGISTERS if exact else "", file, ", exact: true" if exact else "", more))
    return load(path)


def test_floats_from_a_scipy_file_with_the_spec_s_delays(tmp_path):
    matrix = np.array([[0.5, 0], [0, -0.25], [0.125, 0]])
    sparse.save_npz(tmp_path / "w.npz", sparse.csr_matrix(matrix))
    compiled = compile_spec(spec(tmp_path, "w.npz", False, ", delay_ms: 2.0"))
    scale = compiled.program.network.populations[0].scale
    found = np.zeros((3, 2))
    for p in compiled.program.network.projections:
        pre = np.repeat(np.arange(2), np.diff(p.indptr))
        found[p.post, pre] = (p.weights.astype(int) << p.weight_exp) / scale
        assert (p.delays == 4).all()
    assert found == pytest.approx(matrix, rel=1e-2)


def test_delays_in_a_file_are_steps(tmp_path):
    np.savez(tmp_path / "w.npz", weights=np.ones((3, 2)), delays=np.arange(6).reshape(3, 2))
    program = compile_spec(spec(tmp_path, "w.npz", False)).program  # steps of half a millisecond
    assert np.array_equal(dense(program, "input", "delays"), np.arange(6).reshape(3, 2))
    with pytest.raises(LsmError, match=r"delay_ms is given, but w\.npz brings delays with it"):
        compile_spec(spec(tmp_path, "w.npz", False, ", delay_ms: 1.0"))
    with pytest.raises(LsmError, match="an exact matrix brings its delays with it"):
        spec(tmp_path, "w.npz", True, ", delay_ms: 1.0")


def test_integers_in_a_spec(tmp_path):
    np.savez(tmp_path / "w.npz", weights=NET["input_weights"], delays=NET["input_delays"])
    program = compile_spec(spec(tmp_path, "w.npz", True)).program
    assert np.array_equal(dense(program, "input", "weights"), NET["input_weights"])
    assert np.array_equal(dense(program, "input", "delays"), NET["input_delays"])


def test_integers_off_the_grid_of_fewer_bits(tmp_path):
    np.savez(tmp_path / "w.npz", weights=NET["input_weights"])
    with pytest.raises(LsmError, match="with 7 bits only multiples of 2 exist"):
        compile_spec(spec(tmp_path, "w.npz", True, ", weight_bits: 7"))
    with pytest.raises(LsmError, match="with 8 bits only multiples of 2 exist"):
        compile_spec(spec(tmp_path, "w.npz", True, ", sign_mode: mixed"))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"weights": np.zeros((2, 3))}, r"weights has shape \[2, 3\], the network needs \[3, 2\]"),
        ({"weights": np.full((3, 2), np.inf)}, r"weights\[0, 0\] is inf, not a finite number"),
        ({"w": np.zeros((3, 2))}, "the file holds no `weights` but w"),
        ({"weights": np.zeros((3, 2))}, "no synapse was drawn, or all weights are 0"),
    ],
)
def test_bad_float_files(arrays, message, tmp_path):
    np.savez(tmp_path / "w.npz", **arrays)
    with pytest.raises(LsmError, match=message):
        compile_spec(spec(tmp_path, "w.npz", False))


def test_arrays_that_are_not_of_a_network_are_named_in_one_order(tmp_path):
    names = [f"x{i}" for i in range(8)]
    np.savez(tmp_path / "n.npz", **dict.fromkeys(reversed(names), np.zeros(1)))
    with pytest.raises(LsmError) as caught:
        compile_network(tmp_path / "n.npz")
    assert [error.what.split("'")[1] for error in caught.value.each() if "no array" in error.what] == names


# --- several populations -------------------------------------------------------------------------------------------

SEVERAL = {
    "populations": ["exc", "slow", "out"],
    "exc.du": 400,
    "exc.dv": np.array([100, 200, 300]),
    "exc.vth": 500,
    "slow.kind": "LIFRefractory",
    "slow.du": 1,
    "slow.dv": 2,
    "slow.vth": 3,
    "slow.refractory_period": 5,
    "out.kind": "LIFSubtract",
    "out.du": 4,
    "out.dv": 5,
    "out.vth": 6,
    "input->exc": np.array([[1, 0], [0, -254], [13, 0]]),
    "input->exc.weight_exp": 3,
    "exc->exc": np.array([[0, -3, 255], [7, 0, 0], [-255, 1, 0]]),
    "exc->exc.delays": np.array([[0, 62, 5], [1, 0, 0], [9, 0, 0]]),
    "exc->slow": np.array([[1, 2, 3], [4, 5, 6]]),
    "slow->out": np.array([[9, 8]]),
    "slow->out.weight_exp": 1,
}


def several(path, **changes):
    np.savez(path, **{name: value for name, value in {**SEVERAL, **changes}.items() if value is not None})
    return path


def test_several_populations_pass_through(tmp_path):
    network = compile_network(several(tmp_path / "net.npz")).program.network
    assert [(p.name, p.kind, p.size) for p in network.populations] == [
        ("exc", "LIF", 3),
        ("slow", "LIFRefractory", 2),
        ("out", "LIFSubtract", 1),
    ]
    for p in network.populations:
        for name, values in p.registers.items():
            assert np.array_equal(values, np.broadcast_to(SEVERAL.get(f"{p.name}.{name}", 0), p.size)), name
    matrices = {}
    for p in network.projections:
        array = f"{p.source}->{p.target}"
        weights = matrices.setdefault(array, np.zeros_like(SEVERAL[array]))
        weights[p.post, p.pre] = p.weights
        assert p.weight_exp == SEVERAL.get(f"{array}.weight_exp", 0)
        delays = SEVERAL.get(f"{array}.delays", np.zeros_like(SEVERAL[array]))
        assert np.array_equal(p.delays, delays[p.post, p.pre])
    assert list(matrices) == ["input->exc", "exc->exc", "exc->slow", "slow->out"]
    for array, weights in matrices.items():
        assert np.array_equal(weights, SEVERAL[array])
    reading = read_network(tmp_path / "net.npz")
    assert reading.output == "out"
    assert [p.name for p in reading.network.projections] == [p.name for p in network.projections]


def test_gates_and_graded_input_pass_through(tmp_path):
    graded = {
        "populations": ["units"],
        "units.kind": "GatedLI",
        "units.shift_in": 4,
        "units.shift_in_gate": 3,
        "input->units": np.array([[5], [-6]]),
        "input->units.gate": np.array([[0], [7]]),
        "input->units.gate.weight_exp": 2,
        "input_message": [16, 1, 15],
    }
    np.savez(tmp_path / "net.npz", **graded)
    network = compile_network(tmp_path / "net.npz").program.network
    assert network.input == Message(16, signed=True, fraction=15)
    held = [(p.port, p.weight_exp, p.post.tolist(), p.weights.tolist()) for p in network.projections]
    assert held == [(0, 0, [0], [5]), (0, 0, [1], [-6]), (1, 2, [1], [7])]
    assert network.populations[0].registers["gate"].tolist() == [5, 5]


SEVERAL_BROKEN = [
    ({"populations": [1, 2]}, "populations is [1, 2], not a list of different names"),
    ({"populations": ["exc", "exc"]}, "not a list of different names"),
    ({"populations": ["input", "exc"]}, "not a list of different names"),
    ({"slow.kind": "LIFF"}, "slow.kind is LIFF"),
    ({"slow.vth": None}, "the array 'slow.vth' is missing"),
    ({"slow.vht": 3}, "there is no array 'slow.vht' in a network"),
    ({"slow->put": np.ones((1, 2), int)}, "there is no array 'slow->put' in a network"),
    ({"exc->slow": None}, "no synapse leads to 'slow', so its size is not known"),
    ({"input->exc": None}, "nothing leads from 'input' to a population"),
    ({"exc->out": np.ones((1, 2), int)}, "exc->out has shape [1, 2], the network needs [1, 3]"),
    ({"input->slow": np.ones((2, 3), int)}, "input->slow has shape [2, 3], the network needs [2, 2]"),
    ({"exc->slow": np.ones(3, int)}, "exc->slow has shape [3], not [post, pre]"),
    ({"exc->slow": np.full((2, 3), 0.5)}, "an exact weight is an integer"),
    ({"exc.dv": [1, 2]}, "exc.dv has shape [2]"),
    ({"exc.vth": 131072}, "exc.vth of neuron 0 is 131072, not 0 to 131071"),
    ({"exc->out.gate": np.ones((1, 3), int)}, "'exc->out.gate' leads onto a gate, and LIFSubtract has none"),
    ({"input_message": [40, 1, 0]}, "input_message is [40, 1, 0]"),
    ({"slow->out.weight_exp": 8}, "the weight exponent is 8, not 0 to 7"),
    ({"slow->out.delays": np.full((1, 2), 63)}, "the delay of slow->out[0, 0] is 63 steps"),
]


@pytest.mark.parametrize(("changes", "message"), SEVERAL_BROKEN, ids=[message for _, message in SEVERAL_BROKEN])
def test_what_is_wrong_with_several_is_named(tmp_path, changes, message):
    with pytest.raises(LsmError) as error:
        compile_network(several(tmp_path / "net.npz", **changes))
    assert message in str(error.value)


def test_a_phase_that_never_comes_is_named(tmp_path):
    units = {"populations": ["units"], "units.kind": "GradedLI", "units.shift_in": 4, "units.phase": 1}
    np.savez(tmp_path / "net.npz", **units, **{"input->units": np.ones((2, 1), int)})
    with pytest.raises(LsmError, match=r"units\.phase is not below units\.period"):
        compile_network(tmp_path / "net.npz")
