"""Imports of PyTorch's modules and files, against what the modules compute. All of it skips where torch is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rates
from test_import import blocks_of_manual, run_block

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmWarning

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `torch`")
torchdiffeq = pytest.importorskip("torchdiffeq", reason="torchdiffeq is not installed: the extra `torch`")
from torch import nn  # noqa: E402

SINGLE = 1e-6
"""What single precision leaves of an agreement."""


class Core(nn.Module):
    """h = act(fc(h) + x), a row of x [t, unit] after the other."""

    def __init__(self, act: nn.Module, units: int = 64) -> None:
        super().__init__()
        self.fc, self.act = nn.Linear(units, units), act

    def forward(self, x: Any) -> Any:
        h, states = torch.zeros(x.shape[1]), []
        for row in x:
            h = self.act(self.fc(h) + row)
            states.append(h)
        return torch.stack(states)


class Slope(nn.Module):
    """dy/dt, for odeint."""

    def __init__(self, act: nn.Module | None = None) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 50), act or nn.Tanh(), nn.Linear(50, 10))

    def forward(self, t: Any, y: Any) -> Any:
        return self.net(y)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(5)


def draw(*shape: int) -> rates.Floats:
    return rates.on_grid(np.random.default_rng(5).uniform(-1, 1, shape))


def of(module: Any, x: rates.Floats) -> rates.Floats:
    with torch.no_grad():
        states: rates.Floats = module(torch.tensor(x, dtype=torch.float32)).double().numpy()
    return states


def in_floats(imported: ld.Imported, x: Any = None) -> rates.Floats:
    return ld.states_of(imported, ld.run_float(imported.network, ld.stimulus_of(imported, x), ("v",)))


def in_integers(imported: ld.Imported, x: Any = None) -> rates.Floats:
    program = ld.compile_built(imported.network).program
    return ld.states_of(imported, ld.run_program("emulator", program, ld.stimulus_of(imported, x), ("v",)), program)


@pytest.mark.parametrize(
    "act", [nn.Hardtanh(0, 1), nn.Hardtanh(-2, 0.5), nn.ReLU(), nn.ReLU6(), nn.Tanh(), nn.Sigmoid()], ids=repr
)
def test_a_core(act: nn.Module) -> None:
    module, x = Core(act), draw(100, 64)
    imported = ld.from_torch(module, inputs=x, input_range=(-1, 1))
    assert np.abs(in_floats(imported, x) - of(module, x)).max() < SINGLE
    assert rates.off(in_integers(imported, x), of(module, x)) < 1e-2


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "none"])
def test_an_rnn(nonlinearity: str, bias: bool) -> None:
    module, x = nn.RNN(3, 20, nonlinearity=nonlinearity, batch_first=True, bias=bias), draw(4, 50, 3)
    imported = ld.from_torch(module, inputs=torch.tensor(x), input_range=(-1, 1))
    states = of(lambda x: module(x)[0], x).reshape(-1, 20)
    assert np.abs(in_floats(imported, x) - states).max() < SINGLE
    assert rates.off(in_integers(imported, x), states) < 1e-2


@pytest.mark.parametrize("act", [nn.Tanh(), nn.Sigmoid(), nn.ReLU(), nn.Hardtanh()], ids=repr)
def test_an_ode(act: nn.Module) -> None:
    module, t, y0 = Slope(act), torch.linspace(0, 1, 100), torch.randn(10)
    imported = ld.from_ode(module, t, y0)
    with torch.no_grad():
        euler, exact = (torchdiffeq.odeint(module, y0, t, **how).double().numpy() for how in ({"method": "euler"}, {}))
    assert np.abs(in_floats(imported) - euler).max() < 3 * SINGLE  # odeint adds a hundred steps in single precision
    assert rates.off(in_integers(imported), exact) < 6e-3
    assert rates.off(in_integers(ld.from_ode(module, t, y0, weight_bits=15)), exact) < 1.5e-3


def test_a_bias_is_added_to_those_of_the_layers(tmp_path: Path) -> None:
    rnn, x, more = nn.RNN(3, 8, batch_first=True), draw(20, 3), draw(8)
    core, file = nn.ModuleDict({"w": nn.Linear(8, 8), "entry": nn.Linear(3, 8), "f": nn.Tanh()}), tmp_path / "w.pt"
    with torch.no_grad():
        core["w"].weight[:], core["entry"].weight[:] = rnn.weight_hh_l0, rnn.weight_ih_l0
        core["w"].bias[:], core["entry"].bias[:] = rnn.bias_hh_l0, rnn.bias_ih_l0
        torch.save(core.state_dict(), file)
        imported = [
            ld.from_torch(rnn, bias=more, input_range=(-1, 1)),
            ld.from_torch(core, bias=more[:, None], input_range=(-1, 1)),
            ld.from_file(file, activation="tanh", bias=more, input_range=(-1, 1)),
        ]
        rnn.bias_hh_l0 += torch.tensor(more, dtype=torch.float32)
    said = "assumed: the bias that is given is added to those that the layers have"
    for each in imported:
        assert np.abs(in_floats(each, x) - of(lambda x: rnn(x)[0], x)).max() < SINGLE
        assert said in each.notes
    assert said not in ld.from_torch(rnn, input_range=(-1, 1)).notes


def test_a_state_dict(tmp_path: Path) -> None:
    module, x, file = nn.RNN(3, 20, batch_first=True), draw(50, 3), tmp_path / "rnn.pt"
    torch.save(module.state_dict(), file)
    imported = ld.from_file(file, activation="tanh")
    assert np.abs(in_floats(imported, x) - of(lambda x: module(x)[0], x)).max() < SINGLE
    torch.save({"state_dict": {f"rnn.{name}": value for name, value in module.state_dict().items()}}, file)
    assert np.abs(in_floats(ld.from_file(file, activation="tanh"), x) - in_floats(imported, x)).max() == 0


def test_no_pickle_runs(tmp_path: Path) -> None:
    file = tmp_path / "module.pt"
    for held, words in (
        (nn.RNN(3, 20), "it is no state dict: Weights only load failed"),
        ([1, 2], "it holds a list, not weights by name"),
    ):
        torch.save(held, file)
        with pytest.raises(ld.LsmError) as caught:
            ld.from_file(file, activation="tanh")
        assert words in str(caught.value)
    whole = file.read_bytes()
    for damaged in (b"nonsense", b"", whole[:10], whole[:-30]):
        file.write_bytes(damaged)
        with pytest.raises(ld.LsmError, match="it is no state dict"):
            ld.from_file(file, activation="tanh")
    with pytest.raises(ld.LsmError, match="cannot read: No such file"):
        ld.from_file(tmp_path / "none.pt", activation="tanh")


# --- what is said -----------------------------------------------------------------------------------------------------


def test_what_cannot_be_seen_is_said() -> None:
    module = Core(nn.Hardtanh(0, 1), 8)
    module.register_buffer("state", torch.zeros(32, 8))
    module.readout = nn.Linear(8, 2)
    module.drop = nn.Dropout(0.5)
    assert ld.from_torch(module).notes == (
        "assumed: h = clip(W h + W_in x + bias), one step a row of x, from h = 0: `forward` is not read",
        "left out: the layer 'readout' (Linear(8, 2)) reads the states; train a readout on them here",
        "assumed: input i is added to unit i of 8, as no layer leads to 'fc' (Linear(8, 8))",
        "assumed: the buffer 'state' of shape [32, 8] is the state: one value a unit, no batch",
        "assumed: inputs are within -1 to 1, as neither `inputs` nor `input_range` says it",
    )


def test_layers_are_named_where_they_could_be_either() -> None:
    module = nn.ModuleDict({"a": nn.Linear(5, 5), "b": nn.Linear(5, 5), "f": nn.Tanh()})
    for named in ({"recurrent": "a"}, {"input": "b"}, {"recurrent": "a", "input": "b"}):
        network = ld.from_torch(module, **named).network
        recurrent = [p for p in network.projections if p.source == "units"]
        weights = np.concatenate([p.weight for p in recurrent])
        assert sorted(weights) == sorted(module["a"].weight.detach().double().numpy().ravel())
    notes = ld.from_torch(module, recurrent="a").notes
    assert "assumed: the layer 'b' (Linear(5, 5)) brings the input, and does not read the states" in notes


def test_a_wild_module_is_warned_of() -> None:
    module = Core(nn.Tanh())
    with torch.no_grad():
        module.fc.weight *= 8
    with pytest.warns(LsmWarning, match="the recurrent weights have a spectral radius of"):
        ld.from_torch(module)


class Odd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.memory = nn.Conv1d(1, 1, 3), nn.LayerNorm(4), nn.LSTM(4, 4)
        self.fc, self.tau = nn.Linear(4, 4), nn.Parameter(torch.ones(4))


def test_every_layer_without_a_rule_is_named_at_once() -> None:
    with pytest.raises(ld.LsmError) as caught:
        ld.from_torch(Odd(), activation="tanh")
    assert [(error.where, error.what) for error in caught.value.each()] == [
        ("parameter 'tau'", "it is in no layer, and what `forward` does with it is not read"),
        ("layer 'conv'", "there is no rule for Conv1d"),
        ("layer 'norm'", "there is no rule for LayerNorm"),
        ("layer 'memory'", "there is no rule for LSTM"),
    ]
    ways_out = ("tau", "conv", "norm", "memory")
    assert all(f"ignore=({name!r},)" in str(caught.value) for name in ways_out)
    assert ld.from_torch(Odd(), activation="tanh", ignore=ways_out).network.sizes["units"] == 4


@pytest.mark.parametrize(
    ("module", "options", "words"),
    [
        (nn.RNN(3, 4, 2), {}, ["it has 2 layers"]),
        (nn.RNN(3, 4, 2, bidirectional=True), {}, ["it has 2 layers", "it is bidirectional"]),
        (nn.RNN(3, 4), {"inputs": torch.zeros(5, 2, 3)}, ["made without batch_first", "`x.transpose(0, 1)`"]),
        (nn.RNN(3, 4, nonlinearity="relu"), {}, ["nothing bounds the states of units with the activation relu"]),
        (nn.GRU(3, 4, 2), {}, ["it has 2 layers"]),
        (nn.LSTM(3, 4), {}, ["there is no rule for LSTM"]),
        (nn.Linear(4, 4), {}, ["no activation is in it", "activation='tanh'"]),
        (nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.ReLU()), {}, ["2 different activations are in it"]),
        (nn.Sequential(nn.Linear(4, 3), nn.Tanh()), {}, ["no linear layer goes from n units to n"]),
        (nn.Sequential(nn.Linear(5, 3), nn.Linear(4, 4), nn.Tanh()), {}, ["'0' (Linear(5, 3)) fits neither before"]),
        (torch.zeros(3), {}, ["the module is of type Tensor"]),
    ],
    ids=repr,
)
def test_modules_that_are_refused(module: Any, options: Any, words: list[str]) -> None:
    with pytest.raises(ld.LsmError) as caught:
        ld.from_torch(module, **options)
    assert all(each in str(caught.value) for each in words), caught.value


class Around(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.tau = nn.RNN(3, 4), nn.Parameter(torch.ones(4))


def test_what_goes_beside_an_rnn_is_not_dropped_in_silence() -> None:
    with pytest.raises(ld.LsmError) as caught:
        ld.from_torch(Around(), activation="relu", recurrent="rnn", input="rnn")
    assert [error.where for error in caught.value.each()] == ["recurrent", "input", "activation", "parameter 'tau'"]
    assert ld.from_torch(Around(), ignore=("tau",)).network.sizes["units"] == 4


class Cubed(Slope):
    def forward(self, t: Any, y: Any) -> Any:
        return self.net(y**3)


class Driven(Slope):
    def forward(self, t: Any, y: Any) -> Any:
        return self.net(y) + torch.sin(t)


class Torn(Slope):
    def forward(self, t: Any, y: Any) -> Any:
        return self.net(y[:3])


@pytest.mark.parametrize(
    ("module", "t", "y0", "words"),
    [
        (Cubed(), [0, 1, 2], [0.0] * 10, ["its forward is not net.2(tanh(net.0(y))) alone"]),
        (Driven(), [0, 1, 2], [0.0] * 10, ["its forward is not net.2(tanh(net.0(y))) alone"]),
        (Torn(), [0, 1, 2], [0.0] * 10, ["f(t, y) with y of shape [10], fails"]),
        (Slope(), [0, 1, 3], [0.0] * 9, ["y0 has shape [9], not [10]", "the steps of t are 1 to 2 long"]),
        (Slope(), [0], [[0.0] * 10] * 3, ["y0 has shape [3, 10]", "give one sample, y0[0]", "t is no list of two"]),
        (nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(5, 3)), [0, 1], [0.0] * 3, ["do not fit: y goes in"]),
        (nn.Sequential(nn.Linear(3, 3), nn.Tanh()), [0, 1], [0.0] * 3, ["its layers are '0' (Linear(3, 3)), with 1"]),
        (nn.Sequential(nn.Linear(3, 3), nn.GELU(), nn.Linear(3, 3)), [0, 1], [0.0] * 3, ["there is no rule for GELU"]),
        (lambda t, y: y, [0, 1], [0.0], ["the function is of type function"]),
    ],
)
def test_odes_that_are_refused(module: Any, t: Any, y0: Any, words: list[str]) -> None:
    with pytest.raises(ld.LsmError) as caught:
        ld.from_ode(module, t, y0)
    assert all(each in str(caught.value) for each in words), caught.value


def test_a_batch_axis_of_one_is_dropped() -> None:
    module, t, y0 = Slope(), torch.linspace(0, 1, 10), torch.randn(1, 10)
    imported = ld.from_ode(module, t, y0)
    assert imported.notes[0] == "repaired: y0 of shape [1, 10] is one state: its batch axis is dropped"
    assert (in_floats(imported) == in_floats(ld.from_ode(module, t, y0[0]))).all()


def test_the_manuals_programs_run() -> None:
    """What the page shows is what its reader can run, and gives what the original gives."""
    _, core, ode = (run_block(block) for block in blocks_of_manual("import")[:3])
    module = Core(nn.Hardtanh(0, 1))
    module.fc = core["core"]["fc"]
    assert rates.off(core["states"], of(module, core["x"].numpy())) < 1e-2
    with torch.no_grad():
        exact = torchdiffeq.odeint(lambda t, y: ode["slope"](y), ode["y0"], ode["t"]).numpy()
    assert rates.off(ode["y"], exact) < 6e-3
