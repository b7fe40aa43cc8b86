"""Imported reservoirs, cores and ODEs: floats against the programs themselves, integers within bounds, and mistakes."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rates
from click.testing import CliRunner
from scipy import sparse

import lsm_deploy as ld
from lsm_deploy.cli import main
from lsm_deploy.core.errors import LsmWarning
from lsm_deploy.exchange.odes import integrate

RNG = np.random.default_rng(7)


def imported_of(made: rates.Rates, **options: Any) -> ld.Imported:
    given = dict(leak_rate=made.leak_rate, bias=made.bias, activation=made.activation, state=made.h)
    return ld.from_matrices(made.w, made.w_in, **{**given, "input_range": (-1, 1), **options})


def in_floats(imported: ld.Imported, x: Any = None) -> rates.Floats:
    return ld.states_of(imported, ld.run_float(imported.network, ld.stimulus_of(imported, x), ("v",)))


def in_integers(imported: ld.Imported, x: Any = None) -> rates.Floats:
    program = ld.compile_built(imported.network).program
    trace = ld.run_program("emulator", program, ld.stimulus_of(imported, x), ("v",))
    return ld.states_of(imported, trace, program)


def small(activation: str, **given: Any) -> rates.Rates:
    rng = np.random.default_rng(3)
    w = rng.normal(size=(12, 12))
    made = rates.Rates(
        w * (0.8 / rates.radius(w)), rng.normal(size=(12, 2)), rng.normal(size=12), activation, rates.on_grid(
            rng.uniform(-1, 1, (50, 2))
        )
    )  # fmt: skip
    return made._replace(**given)


# --- what the networks compute ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["clip", "relu", "tanh", "quadratic", "sigmoid", "identity"])
@pytest.mark.parametrize("leak_rate", [1.0, 0.3, np.linspace(0.1, 1.0, 12)], ids=["no memory", "leaky", "each"])
@pytest.mark.parametrize("h", [0.0, 0.25], ids=["from 0", "from a state"])
def test_floats_are_the_programs_own(activation: str, leak_rate: Any, h: float) -> None:
    made = small(activation, leak_rate=leak_rate, h=h)
    states = in_floats(imported_of(made, inputs=made.x), made.x)
    assert np.abs(states - made.run()).max() < 1e-12


@pytest.mark.parametrize("activation", ["clip", "relu", "tanh", "quadratic", "sigmoid", "identity"])
def test_integers_follow(activation: str) -> None:
    made = small(activation, leak_rate=0.5)
    states = in_integers(imported_of(made, inputs=made.x, weight_bits=15), made.x)
    assert rates.off(states, made.run()) < 1e-3


@pytest.mark.parametrize("leak_rate", [0.3, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("h", [0.0, 0.7])
def test_a_far_beginning_costs_messages_nothing(leak_rate: float, h: float) -> None:
    """A unit that leaks much begins far out, to be at h after step 0: it sends only then."""
    made = small("tanh", leak_rate=leak_rate, h=h)
    states = in_integers(imported_of(made, weight_bits=15), made.x)
    assert rates.off(states, made.run()) < 3e-4


@pytest.mark.parametrize("weight_bits", [2, 8, 15])
def test_the_neuron_that_starts_it_sends_once(weight_bits: int) -> None:
    made = small("clip", h=0.5)
    imported = imported_of(made, weight_bits=weight_bits)
    program = ld.compile_built(imported.network).program
    trace = ld.run_program("emulator", program, ld.stimulus_of(imported, made.x))
    sent = trace.spikes[:, imported.network.columns("start")].ravel()
    assert sent.nonzero()[0].tolist() == [0]
    assert imported.network.sizes == {"units": 12, "start": 1}
    assert imported_of(made._replace(leak_rate=0.5)).network.sizes == {"units": 12}


def test_each_sample_begins_again() -> None:
    made = small("tanh")
    halves = made.x.reshape(2, 25, 2)
    imported = imported_of(made)
    both = [made._replace(x=half).run() for half in halves]
    assert np.abs(in_floats(imported, halves) - np.concatenate(both)).max() < 1e-12
    assert rates.off(in_integers(imported, halves), np.concatenate(both)) < 1e-2


def test_inputs_of_any_range_are_scaled() -> None:
    made = small("tanh")
    wide = made._replace(w_in=made.w_in / 50, x=100 + 50 * made.x)
    imported = imported_of(wide, input_range=(50, 150))
    assert np.abs(in_floats(imported, wide.x) - wide.run()).max() < 1e-11
    assert np.abs(in_floats(imported_of(wide, input_range=None, inputs=wide.x), wide.x) - wide.run()).max() < 1e-2


def test_inputs_are_rounded_as_the_encoder_rounds() -> None:
    imported = imported_of(small("tanh"), input_range=(-1, 1))
    x = np.zeros((1, imported.network.channels))
    for value, message in ((2.0**-16, 1), (-(2.0**-16), -1), (5 * 2.0**-16, 3), (1.0, 32767), (-1.0, -32767)):
        assert ld.stimulus_of(imported, x + value).spikes[0].tolist() == [message] * x.size


def test_a_sparse_matrix_is_one() -> None:
    made = small("tanh")
    thin = made._replace(w=np.where(np.abs(made.w) > 0.2, made.w, 0.0))
    given = thin._replace(w=sparse.csr_matrix(thin.w))
    assert np.abs(in_floats(imported_of(given), made.x) - thin.run()).max() < 1e-12


def test_a_spectral_radius_is_set() -> None:
    made = small("tanh")
    imported = imported_of(made, spectral_radius=0.4)
    assert any("from a spectral radius of 0.8 to 0.4" in note for note in imported.notes)
    halved = made._replace(w=made.w / 2)
    assert np.abs(in_floats(imported, made.x) - halved.run()).max() < 1e-6


def test_the_network_compiles_as_any_other() -> None:
    made = small("tanh")
    network = imported_of(made).network
    assert ld.program_id(ld.compile_any(network).program) == ld.program_id(ld.compile_built(network).program)


# --- the three programs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spectral_radius", [0.9, None], ids=["repaired", "as printed"])
def test_a_tanh_reservoir(seed: int, spectral_radius: float | None) -> None:
    made = rates.reservoir(seed, spectral_radius)
    assert np.abs(in_floats(imported_of(made), made.x) - made.run()).max() < 1e-12
    assert rates.off(in_integers(imported_of(made), made.x), made.run()) < 3e-3
    assert rates.off(in_integers(imported_of(made, weight_bits=15), made.x), made.run()) < 1.5e-3


@pytest.mark.parametrize("seed", range(3))
def test_a_hardtanh_core(seed: int) -> None:
    made = rates.core(seed)
    assert np.abs(in_floats(imported_of(made), made.x) - made.run()).max() < 1e-12
    assert rates.off(in_integers(imported_of(made), made.x), made.run()) < 1e-2
    assert rates.off(in_integers(imported_of(made, weight_bits=15), made.x), made.run()) < 1.5e-3


def ode_of(made: rates.Ode, **options: Any) -> ld.Imported:
    return integrate(made.first, "tanh", (0.0, 1.0), made.second, made.dt, made.steps, made.y0, **options)


@pytest.mark.parametrize("seed", range(3))
def test_a_liquid_ode(seed: int) -> None:
    made = rates.ode(seed)
    imported = ode_of(made)
    assert np.abs(in_floats(imported) - made.run()).max() < 1e-12
    exact = made.run(within=100)
    assert rates.off(in_integers(imported), exact) < 6e-3
    assert rates.off(in_integers(ode_of(made, weight_bits=15)), exact) < 1.5e-3
    said = [float(note.split("off by ")[1].split(" %")[0]) for note in imported.notes if "forward Euler" in note]
    assert said == [pytest.approx(100 * rates.off(made.run(), exact), rel=0.1)]


def test_a_coarse_grid_is_warned_of() -> None:
    made = rates.ode(0)
    with pytest.warns(LsmWarning, match="forward Euler in steps of 2 is off by .* give a finer grid"):
        ode_of(made._replace(dt=2.0, steps=10))


def test_an_ode_that_runs_away_is_an_error() -> None:
    made = rates.ode(0)
    wild = made._replace(first=(np.eye(10), np.zeros(10)), second=(9 * np.eye(10), np.zeros(10)), dt=1.0)
    with pytest.raises(ld.LsmError, match="the states run away: they pass 32768 within 100 steps"):
        integrate(wild.first, "identity", (0.0, 1.0), wild.second, 1.0, 100, wild.y0)


def blocks_of_manual(topic: str) -> list[str]:
    """The programs that a page shows."""
    parts = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", ld.manual_page(topic), re.MULTILINE)
    return [textwrap.dedent(part) for part in parts]


def run_block(block: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(block, names)
    return names


def test_the_manuals_reservoir_runs() -> None:
    names = run_block(blocks_of_manual("import")[0])
    w, w_in, x = names["w"], names["w_in"], names["x"]
    made = rates.Rates(w * 0.9 / rates.radius(w), w_in, np.zeros(100), "tanh", x[:, None])
    assert rates.off(names["states"], made.run()) < 3e-3


# --- ReservoirPy ------------------------------------------------------------------------------------------------------


def test_reservoirpys_reservoir() -> None:
    nodes = pytest.importorskip("reservoirpy.nodes", reason="reservoirpy is not installed: the extra `series`")
    x = rates.on_grid(RNG.uniform(-1, 1, (80, 3)))
    for given in ({}, {"lr": 0.3, "bias": 0.2}, {"activation": "sigmoid"}, {"activation": "relu", "sr": 0.5}):
        reservoir = nodes.Reservoir(30, seed=1, rc_connectivity=0.3, **given)
        states = reservoir.run(x)
        imported = ld.from_reservoirpy(reservoir, inputs=x, input_range=(-1, 1))
        assert np.abs(in_floats(imported, x) - states).max() < 1e-12, given


def test_the_reservoir_in_reservoirpys_esn() -> None:
    reservoirpy = pytest.importorskip("reservoirpy", reason="reservoirpy is not installed: the extra `series`")
    x = rates.on_grid(RNG.uniform(-1, 1, (80, 1)))
    esn = reservoirpy.ESN(units=20, sr=0.8, ridge=1e-3, seed=2)
    esn.fit(x[:-1], x[1:])
    imported = ld.from_reservoirpy(esn, inputs=x)
    assert "left out: Ridge; train a readout on the states here" in imported.notes
    assert imported.network.sizes["units"] == 20


def test_what_reservoirpy_has_and_we_have_not() -> None:
    reservoirpy = pytest.importorskip("reservoirpy", reason="reservoirpy is not installed: the extra `series`")
    for model, words in (
        (reservoirpy.nodes.Reservoir(10), "W, Win are not drawn yet"),
        (reservoirpy.nodes.Reservoir(10, activation="softplus"), "there is no rule for its activation softplus"),
        (reservoirpy.nodes.NVAR(2, 2), "there is not one Reservoir but 0: NVAR"),
        (reservoirpy.ESN(units=10, feedback=True), "its readout is fed back"),
        (np.zeros(3), "this is of type ndarray"),
    ):
        with pytest.raises(ld.LsmError) as caught:
            ld.from_reservoirpy(model)
        assert words in str(caught.value)


# --- files of weights -------------------------------------------------------------------------------------------------


def layers_of(made: rates.Rates) -> dict[str, rates.Floats]:
    shares = {"core.bias": 0.25 * made.bias, "entry.bias": 0.75 * made.bias}
    return {"core.weight": made.w, "entry.weight": made.w_in, **shares}


def test_matrices_in_an_npz(tmp_path: Path) -> None:
    made = small("tanh", leak_rate=0.5)
    np.savez(tmp_path / "w.npz", W=made.w, W_in=made.w_in, leak_rate=0.5, bias=made.bias)
    imported = ld.from_file(tmp_path / "w.npz", activation="tanh")
    assert np.abs(in_floats(imported, made.x) - made.run()).max() < 1e-12


def test_safetensors(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed: the extra `safetensors`")
    made, file = small("tanh"), tmp_path / "w.safetensors"
    numpy.save_file({**layers_of(made), "readout.weight": np.zeros((3, 12))}, file)
    imported = ld.from_file(file, activation="tanh")
    assert np.abs(in_floats(imported, made.x) - made.run()).max() < 1e-12
    assert any("'readout' (Linear(12, 3)) reads the states" in note for note in imported.notes)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ld.LsmError, match="safetensors does not read it"):
        ld.from_file(file, activation="tanh")


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        ({"a.weight": (4, 4), "b.weight": (4, 4)}, {}, "several layers may be the recurrence: 'a' (Linear(4, 4))"),
        ({"a.weight": (3, 4)}, {}, "no linear layer goes from n units to n"),
        ({"a.weight": (4, 4), "b.weight": (4, 2), "c.weight": (4, 3)}, {}, "several layers may bring the input"),
        ({"a.weight": (4, 4), "b.weight": (5, 3)}, {}, "'b' (Linear(3, 5)) fits neither before nor after"),
        ({"a.weight": (4, 4)}, {"recurrent": "b"}, "there is no linear layer 'b'"),
        ({"a.weight": (4, 4), "b.weight": (5, 3)}, {"input": "b"}, "'b' (Linear(3, 5)) does not fit the recurrent"),
        ({"a.weight": (4, 4), "b.weight": (3, 4)}, {"recurrent": "b"}, "does not lead from n units to n"),
        ({"a.weight": (4, 4), "norm.scale": (4,)}, {}, "'norm.scale' of shape [4] belongs to no linear layer"),
    ],
)
def test_layers_that_do_not_fit(tmp_path: Path, arrays: Any, options: Any, words: str) -> None:
    np.savez(tmp_path / "w.npz", **{name: np.ones(shape) for name, shape in arrays.items()})
    with pytest.raises(ld.LsmError) as caught:
        ld.from_file(tmp_path / "w.npz", activation="tanh", **options)
    assert words in str(caught.value)


def test_the_command(tmp_path: Path) -> None:
    made = small("clip")
    np.savez(tmp_path / "w.npz", W=made.w, W_in=made.w_in, bias=made.bias)
    target = str(tmp_path / "net.lsm")
    run = CliRunner().invoke(main, ["import", str(tmp_path / "w.npz"), "--activation", "clip", "-o", target])
    assert run.exit_code == 0, run.output
    assert "assumed: h = clip(W h + W_in x + bias), from h = 0" in run.output
    imported = ld.from_file(tmp_path / "w.npz", activation="clip")
    assert ld.program_id(ld.load_program(target)) == ld.program_id(ld.compile_built(imported.network).program)
    folder = tmp_path / "spec"
    options = ["--spec", str(folder), "--spectral-radius", "0.5", "--weight-bits", "15", "--input-range", "-2", "2"]
    more = CliRunner().invoke(main, ["import", str(tmp_path / "w.npz"), "--activation", "clip", "-o", target, *options])
    assert more.exit_code == 0, more.output
    assert "range: [-2.0, 2.0]" in (folder / "liquid.yaml").read_text()
    (tmp_path / "w.txt").write_text("1 2 3")
    other = CliRunner().invoke(main, ["import", str(tmp_path / "w.txt"), "--activation", "clip", "-o", target])
    assert (other.exit_code, "a file of weights ends in .safetensors" in other.output) == (2, True)


# --- as a spec --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["clip", "tanh", "relu"])
@pytest.mark.parametrize("leak_rate", [1.0, 0.3])
def test_a_spec_says_the_same(tmp_path: Path, activation: str, leak_rate: float) -> None:
    made = small(activation, leak_rate=leak_rate)
    imported = imported_of(made, inputs=made.x)
    ld.save_as_spec(tmp_path / "liquid", imported)
    compiled = ld.compile_spec(ld.load(tmp_path / "liquid" / "liquid.yaml"))
    stimulus = ld.stimulus_of(imported, made.x)
    trace = ld.run_float(compiled.network, stimulus, ("v",))
    assert np.abs(ld.states_of(imported, trace) - made.run()).max() < 1e-9  # a spec's weights have 10 digits
    integers = ld.run_program("emulator", compiled.program, stimulus, ("v",))
    assert rates.off(ld.states_of(imported, integers, compiled.program), made.run()) < 1e-2


def said_by_a_spec(folder: Path, imported: ld.Imported, x: rates.Floats) -> tuple[rates.Floats, str]:
    ld.save_as_spec(folder, imported)
    compiled = ld.compile_spec(ld.load(folder / "liquid.yaml"))
    trace = ld.run_float(compiled.network, ld.stimulus_of(imported, x), ("v",))
    return ld.states_of(imported, trace), (folder / "liquid.yaml").read_text()


@pytest.mark.parametrize(
    ("activation", "clip", "h"),
    [("tanh", (0.0, 1.0), 0.4), ("sigmoid", (0.0, 1.0), 0.0), ("sigmoid", (0.0, 1.0), 0.4), ("clip", (0.2, 1.0), 0.5)],
)
def test_a_spec_begins_where_the_program_does(
    tmp_path: Path, activation: str, clip: tuple[float, float], h: float
) -> None:
    made = small(activation, leak_rate=0.3)
    imported = imported_of(made, inputs=made.x, clip=clip, state=h)
    states, text = said_by_a_spec(tmp_path / "liquid", imported, made.x)
    assert np.abs(states - in_floats(imported, made.x)).max() < 1e-8
    assert "approximated: in step 0" not in text
    apart = imported_of(made, inputs=made.x, clip=clip, state=np.linspace(0.3, 0.5, 12))
    with pytest.raises(ld.LsmError, match="it begins at a state that no spec has"):
        ld.save_as_spec(tmp_path / "apart", apart)


@pytest.mark.parametrize(("activation", "clip", "rest"), [("sigmoid", (0.0, 1.0), 0.5), ("clip", (0.2, 1.0), 0.2)])
def test_a_spec_of_units_without_memory_begins_at_their_activation_of_0(
    tmp_path: Path, activation: str, clip: tuple[float, float], rest: float
) -> None:
    made = small(activation)
    _, text = said_by_a_spec(tmp_path / "a", imported_of(made, inputs=made.x, clip=clip), made.x)
    assert f"# approximated: in step 0 units are at {activation}(0) = {rest:g}, not at 0" in text
    same = imported_of(made, inputs=made.x, clip=clip, state=rest)
    states, text = said_by_a_spec(tmp_path / "b", same, made.x)
    assert np.abs(states - in_floats(same, made.x)).max() < 1e-8
    assert "approximated: in step 0" not in text
    with pytest.raises(ld.LsmError, match="it begins at a state that no spec has"):
        ld.save_as_spec(tmp_path / "c", imported_of(made, inputs=made.x, clip=clip, state=0.9))


def test_what_no_spec_can_say(tmp_path: Path) -> None:
    each = imported_of(small("tanh", leak_rate=np.linspace(0.1, 1.0, 12)))
    with pytest.raises(ld.LsmError, match="units differ in leak_rate"):
        ld.save_as_spec(tmp_path / "a", each)
    with pytest.raises(ld.LsmError, match="it has no input"):
        ld.save_as_spec(tmp_path / "a", ode_of(rates.ode(0)))
    assert not (tmp_path / "a").exists()


# --- what is repaired, warned of and refused --------------------------------------------------------------------------


def test_what_the_printed_reservoir_needs() -> None:
    made = rates.reservoir(0, None)
    with pytest.warns(LsmWarning, match=r"spectral radius of 4.99: on the inputs 94.6 % of the states are saturated"):
        imported = ld.from_matrices(made.w, made.w_in[:, 0], inputs=made.x[:, 0], state=np.zeros((100, 1)))
    assert [note.split(":")[0] for note in imported.notes] == ["repaired", "repaired", "assumed", "warning"]
    assert imported.network.channels == 1
    with pytest.warns(LsmWarning, match="on 200 random inputs"):
        ld.from_matrices(made.w, made.w_in)


def test_a_range_is_profiled_given_or_asked_for() -> None:
    made = small("relu")
    largest = made.run().max()
    imported = imported_of(made, inputs=made.x)
    assert imported.network.populations[0].parameters["state_range"][0] >= 2 * largest * (
        1 - 1e-12
    )  # numpy sums in another order
    assert imported_of(made, state_range=50.0).network.populations[0].parameters["state_range"][0] == 50.0
    for options, words in (
        ({}, "nothing bounds the states of units with the activation relu"),
        ({"inputs": made.x, "state_range": 0.5}, "beyond the range of 0.5 that is given"),
        ({"inputs": np.tile(made.x, (9, 1)), "spectral_radius": 40.0}, "the states run away: they pass 32768"),
    ):
        with pytest.raises(ld.LsmError) as caught:
            imported_of(made, **options)
        assert words in str(caught.value)


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ld.LsmError) as caught:
        ld.from_matrices(
            np.eye(4), np.zeros((2, 4)), leak_rate=2, bias=[1, 2], activation="selu", clip=(1, 0), spectral_radius=-1,
            state_range=-1, weight_bits=16, message_bits=1, inputs=[["a"]],
        )  # fmt: skip
    wheres = [error.where for error in caught.value.each()]
    assert wheres == [
        "input_weights", "bias", "leak_rate", "activation", "clip", "state_range", "spectral_radius", "weight_bits",
        "message_bits", "inputs",
    ]  # fmt: skip
    assert "transpose them" in str(caught.value)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.zeros((3, 4)), "have shape [3, 4], not [unit, unit]"),
        ([["a"]], "weights holds <U1, not numbers"),
        (np.full((2, 2), np.nan), "weights holds values that are not finite"),
    ],
)
def test_weights_that_are_none(weights: Any, words: str) -> None:
    with pytest.raises(ld.LsmError) as caught:
        ld.from_matrices(weights, np.ones((2, 1)))
    assert words in str(caught.value)
    assert len(caught.value.each()) == 1


def test_inputs_and_traces_that_do_not_fit() -> None:
    made = small("tanh")
    imported = imported_of(made)
    trace = ld.run_float(imported.network, ld.stimulus_of(imported, made.x), ("u",))
    whole = ld.compile_built(imported.network).program
    integers = ld.run_program("emulator", whole, ld.stimulus_of(imported, made.x), ("v",))
    for call, words in (
        (lambda: ld.stimulus_of(imported, 2 * made.x), "outside -1 to 1"),
        (lambda: ld.stimulus_of(imported, made.x[:, :1]), "inputs have shape [50, 1], not [t, 2]"),
        (lambda: ld.stimulus_of(imported, np.full((3, 2), np.nan)), "not finite"),
        (lambda: ld.stimulus_of(imported), "there are no inputs"),
        (lambda: ld.stimulus_of(ode_of(rates.ode(0)), made.x), "this program takes no inputs"),
        (lambda: ld.states_of(imported, trace), "the trace has no `v`"),
        (lambda: ld.states_of(imported, integers), "a trace of integers has no unit"),
        (lambda: imported_of(made, inputs=3 * made.x), "outside -1 to 1"),
    ):
        with pytest.raises(ld.LsmError) as caught:
            call()
        assert words in str(caught.value)


def test_the_package_needs_no_torch() -> None:
    names = "from_matrices", "from_torch", "from_ode", "from_file", "from_reservoirpy"
    code = f"""
import sys
import lsm_deploy as ld
for name in {names}: getattr(ld, name)
assert not {{"torch", "torchdiffeq", "reservoirpy", "safetensors"}} & set(sys.modules)
sys.modules["torch"] = None
try: ld.from_torch(object())
except ld.LsmError as error: print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "the module is read with torch, which is not installed\n  pip install 'lsm-deploy[torch]'" in run.stdout
