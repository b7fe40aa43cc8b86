"""Imports of GRU, and of ncps' LTC and CfC, against what the modules compute. It skips where torch or ncps is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_import import blocks_of_manual, run_block

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmWarning

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `torch`")
ncps = pytest.importorskip("ncps", reason="ncps is not installed: the extra `ncps`")
from ncps.torch import LTC, CfC  # noqa: E402
from ncps.wirings import NCP, AutoNCP, FullyConnected  # noqa: E402
from torch import nn  # noqa: E402

DOUBLE = 1e-10
SINGLE = 1e-6
"""What single precision leaves of an agreement."""


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(5)


def draw(*shape: int) -> np.ndarray:
    """Numbers of -1 to 1 that a message of 16 bits holds."""
    return np.rint(np.random.default_rng(5).uniform(-1, 1, shape) * 2**14) / 2**14


def states(module: Any, x: np.ndarray, **given: Any) -> np.ndarray:
    """The state [t, unit] after each row of `x` [t, channel]: forward, row by row."""
    rows, h = torch.tensor(x, dtype=next(module.parameters()).dtype), None
    after = []
    with torch.no_grad():
        for row in rows:
            span = {"timespans": torch.full((1, 1), given["timespan"], dtype=rows.dtype)} if given else {}
            h = torch.zeros(1, _size(module), dtype=rows.dtype) if h is None else h
            h = module(row[None, None], h if not isinstance(module, nn.GRU) else h[None], **span)[1]
            h = h[0] if isinstance(module, nn.GRU) else h
            after.append(h[0].double().numpy())
    return np.array(after)


def _size(module: Any) -> int:
    return int(module.hidden_size if isinstance(module, nn.GRU) else module.state_size)


def in_floats(imported: ld.Imported, x: Any) -> np.ndarray:
    return ld.states_of(imported, ld.run_float(imported.network, ld.stimulus_of(imported, x), ("v",)))


def in_integers(imported: ld.Imported, x: Any) -> np.ndarray:
    program = ld.compile_built(imported.network).program
    return ld.states_of(imported, ld.run_program("emulator", program, ld.stimulus_of(imported, x), ("v",)), program)


def gru(**given: Any) -> Any:
    return nn.GRU(3, 8, batch_first=True, **given)


MODULES = {
    "gru": gru,
    "gru without bias": lambda: gru(bias=False),
    "ltc": lambda: LTC(3, 6),
    "ltc explicit": lambda: LTC(3, 6, implicit_param_constraints=False, ode_unfolds=3),
    "ltc of few": lambda: LTC(3, FullyConnected(6, 2, self_connections=False), input_mapping="linear"),
    "ltc wired": lambda: LTC(3, AutoNCP(14, 3)),
    "cfc": lambda: CfC(3, 8, backbone_units=12),
    "cfc tanh": lambda: CfC(3, 8, backbone_units=12, activation="tanh", backbone_layers=2, backbone_dropout=0.1),
    "cfc relu": lambda: CfC(3, 8, backbone_units=12, activation="relu", backbone_layers=2),
    "cfc silu": lambda: CfC(3, 8, backbone_units=12, activation="silu"),
    "cfc plain": lambda: CfC(3, 8, backbone_layers=0),
    "cfc no gate": lambda: CfC(3, 8, backbone_units=12, mode="no_gate"),
    "cfc wired": lambda: CfC(3, NCP(5, 4, 3, 2, 2, 2, 2)),
    "cfc wired no gate": lambda: CfC(3, AutoNCP(14, 3), mode="no_gate"),
}


def made(name: str) -> Any:
    """A module in evaluation, whose parameters are all drawn: what begins at 0 or 1 as well."""
    module = MODULES[name]().eval()
    with torch.no_grad():
        for key, value in module.named_parameters():
            if key.endswith(("input_b", "bias")):
                value += 0.3 * torch.randn_like(value)
            elif key.endswith("input_w"):
                value *= 1 + 0.3 * torch.randn_like(value)
    return module


@pytest.mark.parametrize("name", MODULES)
def test_floats_are_the_modules_own(name: str) -> None:
    module, x = made(name), draw(12, 3)
    imported = ld.from_torch(module, inputs=x, input_range=(-1, 1))
    assert np.abs(in_floats(imported, x) - states(module, x)).max() < SINGLE
    exact = module.double()
    assert np.abs(in_floats(ld.from_torch(exact, input_range=(-1, 1)), x) - states(exact, x)).max() < DOUBLE


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize(("weight_bits", "largest"), [(8, 2e-2), (15, 1e-3)])
def test_integers_follow(name: str, weight_bits: int, largest: float) -> None:
    module, x = made(name), draw(12, 3)
    imported = ld.from_torch(module, inputs=x, input_range=(-1, 1), weight_bits=weight_bits)
    off = np.abs(in_integers(imported, x) - in_floats(imported, x)).max()
    assert off < largest, off


@pytest.mark.parametrize("name", ["gru", "ltc", "cfc relu"])
def test_inputs_of_any_range_and_several_samples(name: str) -> None:
    module, x = made(name).double(), 2 + 2 * draw(3, 5, 3)
    imported = ld.from_torch(module, inputs=x, input_range=(0, 4))
    expected = np.concatenate([states(module, sample) for sample in x])
    assert np.abs(in_floats(imported, x) - expected).max() < DOUBLE
    assert np.abs(in_integers(imported, x) - expected).max() < 6e-2


@pytest.mark.parametrize("name", ["ltc", "ltc wired", "cfc", "cfc wired"])
def test_a_timespan(name: str) -> None:
    module, x = made(name).double(), draw(6, 3)
    expected = states(module, x, timespan=0.4)
    assert np.abs(in_floats(ld.from_torch(module, input_range=(-1, 1), timespan=0.4), x) - expected).max() < DOUBLE
    assert np.abs(expected - states(module, x)).max() > 0.01


def test_a_gate_that_would_begin_far_off_gets_an_idle_step() -> None:
    module, x = made("gru").double(), draw(12, 3)
    with torch.no_grad():
        module.bias_ih_l0[8:16] -= 12.0
    imported = ld.from_torch(module, input_range=(-1, 1), weight_bits=15)
    assert (imported.period, ld.from_torch(made("gru"), input_range=(-1, 1)).period) == (3, 2)
    assert np.abs(in_floats(imported, x) - states(module, x)).max() < DOUBLE
    assert np.abs(in_integers(imported, x) - states(module, x)).max() < 1e-3


def test_what_is_around_it_is_left_out() -> None:
    ltc = made("ltc")
    imported = ld.from_torch(nn.ModuleDict({"core": ltc, "readout": nn.Linear(6, 1)}), input_range=(-1, 1))
    assert "left out: readout (Linear), which is no part of the recurrence" in imported.notes
    x = draw(5, 3)
    assert (in_floats(imported, x) == in_floats(ld.from_torch(ltc, input_range=(-1, 1)), x)).all()
    projected = ld.from_torch(CfC(3, 8, proj_size=2, backbone_units=4), input_range=(-1, 1))
    assert any("the layer 'CfC.fc' reads the states" in note for note in projected.notes)


def negative() -> Any:
    module = LTC(3, 4, implicit_param_constraints=False)
    with torch.no_grad():
        module.rnn_cell.w[0, 0] = -1.0
    return module


@pytest.mark.parametrize(
    ("module", "options", "words"),
    [
        (lambda: LTC(3, 4, mixed_memory=True), {}, ["layer 'LTC.lstm'", "mixed_memory puts an LSTM before it"]),
        (lambda: CfC(3, 4, mixed_memory=True), {}, ["layer 'CfC.lstm'"]),
        (lambda: CfC(3, 4, mode="pure"), {}, ["layer 'CfC.rnn_cell'", "no rule for its mode 'pure'"]),
        (lambda: CfC(3, 4, activation="gelu"), {}, ["layer 'CfC.rnn_cell.backbone.1'", "there is no rule for GELU"]),
        (
            lambda: CfC(3, AutoNCP(8, 2), mode="pure"),
            {},
            [f"layer 'CfC.rnn_cell.layer_{number}'" for number in range(3)],
        ),
        (negative, {}, ["layer 'LTC'", "w is negative", "apply_weight_constraints"]),
        (lambda: LTC(3, 4), {"activation": "tanh"}, ["the LTC says it itself"]),
        (lambda: nn.GRU(3, 4), {"leak_rate": 0.5, "state": 1}, ["leak_rate is no option", "state is no option"]),
        (lambda: LTC(3, 4), {"timespan": 0.0}, ["timespan is 0.0"]),
        (lambda: nn.GRU(3, 4), {"timespan": 2.0}, ["timespan is 2.0", "leave it out"]),
        (lambda: nn.GRU(3, 4, 2, bidirectional=True), {}, ["it has 2 layers", "it is bidirectional"]),
        (lambda: nn.GRU(3, 4), {"inputs": torch.zeros(5, 2, 3)}, ["made without batch_first"]),
        (lambda: CfC(3, 4, batch_first=False), {"inputs": torch.zeros(5, 2, 3)}, ["made without batch_first"]),
        (
            lambda: CfC(3, 4),
            {"weight_bits": 16, "input_range": (1, -1)},
            ["weight_bits is 16", "input_range is (1, -1)"],
        ),
        (
            lambda: nn.ModuleDict({"a": LTC(3, 4), "b": nn.GRU(3, 4)}),
            {},
            ["several recurrent networks are in it: 'a', 'b'"],
        ),
    ],
)
def test_modules_that_are_refused(module: Any, options: Any, words: list[str]) -> None:
    with pytest.raises(ld.LsmError) as caught:
        ld.from_torch(module(), **options)
    assert all(each in str(caught.value) for each in words), caught.value


def test_a_ratio_beyond_its_table_is_warned_of() -> None:
    module = LTC(3, 60)
    with pytest.warns(LsmWarning, match="may reach"):
        imported = ld.from_torch(module, input_range=(-1, 1))
    assert imported.notes[-1].startswith("warning: dt")
    with torch.no_grad():
        module.rnn_cell.sensory_mu -= 10.0  # all are open
        module.rnn_cell.mu -= 10.0
    with pytest.warns(LsmWarning, match="reaches"):
        ld.from_torch(module, inputs=draw(5, 3))


def test_no_spec_says_it(tmp_path: Path) -> None:
    with pytest.raises(ld.LsmError, match="differ in phase and delay"):
        ld.save_as_spec(tmp_path / "spec", ld.from_torch(made("gru"), input_range=(-1, 1)))


def test_the_manuals_program_runs() -> None:
    names = run_block(blocks_of_manual("import")[3])
    assert np.abs(names["states"] - states(names["core"], names["x"].double().numpy())).max() < 3e-2


def test_currents_beyond_the_largest_state_fit() -> None:
    module, x = LTC(3, 6, ode_unfolds=1).double(), draw(12, 3)
    with torch.no_grad():
        for erev in (module.rnn_cell.erev, module.rnn_cell.sensory_erev):
            erev.fill_(4.0)
        for mu in (module.rnn_cell.mu, module.rnn_cell.sensory_mu):
            mu.sub_(2.0)  # nearly all are open
        module.rnn_cell.w.sub_(0.8)
    imported = ld.from_torch(module, inputs=x, input_range=(-1, 1), weight_bits=15)
    u = ld.run_float(imported.network, ld.stimulus_of(imported, x), ("u",)).state["u"]
    assert u.max() > 16
    # What the table of ratios is off by is multiplied by u.
    assert np.abs(in_integers(imported, x) - states(module, x)).max() < 0.1
