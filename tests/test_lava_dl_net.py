"""lava-dl's `.net`, read exactly: against loops in plain integers, and files and spikes of lava-dl's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lsm_deploy as ld
from lsm_deploy.compile.place.cores import place_network
from lsm_deploy.core.boards import BOARDS
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, QNetwork, Stimulus
from lsm_deploy.formats.account import Reading
from lsm_deploy.formats.lava_dl.net import read_net
from lsm_deploy.report.readings import report_deployed
from lsm_deploy.report.text import to_text
from lsm_deploy.run.backends import load_backend, run_program
from lsm_deploy.store.hdf5 import write_tree

h5py = pytest.importorskip("h5py")

NETS = Path(__file__).parents[2] / "shared" / "nets"
CUBA = {"type": "CUBA", "iDecay": 1024, "vDecay": 128, "vThMant": 80, "refDelay": 1, "gradedSpike": False}


def written(folder: Path, *layers: dict[str, Any]) -> Path:
    """A file as lava-dl's `export_hdf5` writes it: numbers are floats."""

    def as_theirs(value: Any) -> Any:
        return np.asarray(value, np.float32) if isinstance(value, np.ndarray) else value

    numbered = {str(i): {name: as_theirs(value) for name, value in layer.items()} for i, layer in enumerate(layers)}
    write_tree(folder / "some.net", {"layer": numbered, "simulation": {"Ts": 1}})
    return folder / "some.net"


def placed(read: Reading, board: str = "hala_point") -> Program:
    assert isinstance(read.network, QNetwork)
    return place_network(read.network, BOARDS[board])


def run(read: Reading, spikes: np.ndarray[Any, Any], backend: str = "fast") -> np.ndarray[Any, Any]:
    return run_program(backend, placed(read), Stimulus(spikes, np.array([0]))).spikes


def noise(seed: int, *shape: int) -> np.ndarray[Any, Any]:
    return (np.random.default_rng(seed).random(shape) < 0.2).astype(np.int8)


# --- layers, against loops --------------------------------------------------------------------------------------------


def stepped(layer: dict[str, Any], drive: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Spikes `[t, neuron]` of a layer of LIF neurons that get these sums `[t, neuron]`, in plain integers."""
    neuron, spikes = layer["neuron"], np.zeros(drive.shape, int)
    u = v = np.zeros(drive.shape[1], int)
    for t, a in enumerate(drive):
        u = toward_zero(u * (4096 - neuron["iDecay"])) + 64 * a
        v = toward_zero(v * (4096 - neuron["vDecay"])) + u + 64 * layer.get("bias_of_each", 0)
        spikes[t] = v > 64 * neuron["vThMant"]
        v = np.where(spikes[t], 0, v)
    return spikes


def toward_zero(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.sign(x) * (np.abs(x) // 4096)


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"),
    [
        ((1, 1), (0, 0), (1, 1), 1),
        ((2, 1), (1, 2), (1, 1), 1),
        ((1, 2), (2, 0), (2, 1), 2),
        ((3, 3), (1, 1), (1, 2), 1),
    ],
)
def test_a_convolution_is_a_correlation_and_flattened_channels_first(stride, padding, dilation, groups, tmp_path):
    rng = np.random.default_rng(3)
    image, kernel = (2, 7, 6), 2 * rng.integers(-40, 41, (4, 2 // groups, 3, 2))
    kernel[rng.random(kernel.shape) < 0.2] = 0
    sides = [
        (image[a + 1] + 2 * padding[a] - dilation[a] * (kernel.shape[a + 2] - 1) - 1) // stride[a] + 1 for a in (0, 1)
    ]
    shape = (4, *sides)
    conv = {"type": "conv", "shape": np.array(shape), "weight": kernel[..., None], "neuron": CUBA, "groups": groups,
            "stride": np.array(stride), "padding": np.array(padding), "dilation": np.array(dilation),
            "bias": np.array([3, -4, 0, 9])}  # fmt: skip
    last = {
        "type": "dense",
        "shape": np.array([3]),
        "weight": 2 * rng.integers(-20, 21, (3, np.prod(shape))),
        "neuron": CUBA,
    }
    file = written(tmp_path, {"type": "input", "shape": np.array(image)}, conv, {"type": "flatten", "shape": 1}, last)
    read = read_net(file)
    spikes = noise(1, 60, *image)
    padded = np.pad(spikes, ((0, 0), (0, 0), *((p, p) for p in padding)))
    drive = np.zeros((60, *shape), int)
    for o, y, x in np.ndindex(shape):
        for i, r, c in np.ndindex(kernel.shape[1:]):
            channel = o // (4 // groups) * kernel.shape[1] + i
            at = (channel, y * stride[0] + r * dilation[0], x * stride[1] + c * dilation[1])
            drive[1:, o, y, x] += kernel[o, i, r, c] * padded[(slice(None, -1), *at)]
    hidden = stepped({"neuron": CUBA, "bias_of_each": np.repeat(conv["bias"], np.prod(sides))}, drive.reshape(60, -1))
    out = stepped(last, np.concatenate([np.zeros((1, 3), int), hidden[:-1] @ last["weight"].T]))
    assert 20 < hidden.sum() < hidden.size / 2
    assert out.any()
    np.testing.assert_array_equal(run(read, spikes.reshape(60, -1)), np.concatenate([hidden, out], axis=1))
    assert [line.verdict for line in read.lines] == ["exact"] * 4
    assert re.search(r"\d+ synapses \(a convolution, multiplied out\)", read.lines[1].what)


def test_a_recurrent_layer_reaches_itself_a_step_later(tmp_path):
    rng = np.random.default_rng(5)
    weight, recurrent = 2 * rng.integers(-60, 61, (8, 5)), 2 * rng.integers(-30, 31, (8, 8))
    layer = {"type": "dense_rec", "shape": np.array([8]), "weight": weight, "weight_rec": recurrent, "neuron": CUBA}
    spikes = noise(2, 80, 5)
    made = np.zeros((80, 8), int)
    for t in range(1, 80):  # each step anew from the first: what comes later changes nothing before
        drive = np.concatenate([np.zeros((1, 8), int), spikes[: t - 1] @ weight.T + made[: t - 1] @ recurrent.T])
        drive = np.concatenate([drive, [spikes[t - 1] @ weight.T + made[t - 1] @ recurrent.T]])[: t + 1]
        made[: t + 1] = stepped(layer, drive)
    assert made.sum() > 20
    np.testing.assert_array_equal(run(read_net(written(tmp_path, layer)), spikes), made)


def test_registers_of_each_neuron_and_delays_of_each_synapse(tmp_path):
    delay = np.array([[0, 3], [62, 1]])
    layer = {"type": "dense", "shape": np.array([2]), "weight": np.array([[90, -31], [70, 127]]), "delay": delay,
             "neuron": CUBA | {"iDecay": np.array([4096, 1]), "vDecay": np.array([7, 4096])}}  # fmt: skip
    network = read_net(written(tmp_path, layer)).network
    registers = network.populations[0].registers
    assert (registers["du"].tolist(), registers["dv"].tolist()) == ([4095, 0], [7, 4096])
    assert sorted((q.weights[i], q.delays[i]) for q in network.projections for i in range(len(q.post))) == [
        (-31, 3), (70, 62), (90, 0), (127, 1)
    ]  # fmt: skip


def test_a_layer_without_neurons_adds_up(tmp_path):
    weight = np.array([[3, -5, 2]])
    read = read_net(written(tmp_path, {"type": "dense", "shape": np.array([1]), "weight": weight}))
    spikes = noise(3, 40, 3)
    trace = run_program("emulator", placed(read), Stimulus(spikes, np.array([0])), ["v"])
    assert not trace.spikes.any()
    np.testing.assert_array_equal(trace.registers["v"][1:, 0], 64 * np.cumsum(spikes[:-1] @ weight[0]))
    assert (read.lines[0].verdict, "without neurons" in read.lines[0].what) == ("assumed", True)


def test_the_neurons_of_an_input_layer_take_what_netx_writes_to_their_biases(tmp_path):
    layer = {
        "type": "input",
        "shape": np.array([2]),
        "weight": np.array([36]),
        "bias": np.array([34]),
        "neuron": CUBA | {"iDecay": 4096},
    }
    read = read_net(written(tmp_path, layer))
    bias = np.array([20, 61])
    expected = stepped(layer, np.tile(bias, (30, 1)))  # iDecay 4096: a current of one step is a bias
    assert expected.any(axis=0).all()
    np.testing.assert_array_equal(run(read, np.tile(bias, (31, 1)).astype(np.int16))[1:], expected)
    assert read.lines[0].verdict == "assumed"
    assert "send the integer 36 x + 34" in read.lines[0].what


def test_a_threshold_that_nothing_passes_is_said(tmp_path):
    layer = {
        "type": "dense",
        "shape": np.array([1]),
        "weight": np.array([[2]]),
        "neuron": CUBA | {"vThMant": (1 << 18) - 1},
    }
    (line,) = read_net(written(tmp_path, layer)).losses
    assert "a threshold of 262143" in line.what


def test_integers_are_not_compared_with_floats_that_there_are_none_of(tmp_path):
    eye = {"type": "dense", "shape": np.array([2]), "weight": 100 * np.eye(2), "neuron": CUBA}
    reading, x = read_net(written(tmp_path, eye)), np.zeros((2, 9, 2), np.int8)
    x[[0, 1], :, [0, 1]] = 1
    np.savez(tmp_path / "x.npz", input=x, labels=[0, 0])
    report = report_deployed(ld.deploy(reading, samples=ld.load_samples(tmp_path / "x.npz", reading)))
    assert (report.facts["trial"]["same_answers"], report.facts["trial"]["accuracy"]) == (None, (0.5, 0.5))
    said = [line for line in to_text(report.blocks).splitlines() if "floats" in line or "right:" in line]
    assert said == ["right: 50.0% in integers"]


def test_the_least_weight_is_kept(tmp_path):
    layer = {"type": "dense", "shape": np.array([1]), "weight": np.array([[-256, 254]]), "neuron": CUBA}
    (projection,) = read_net(written(tmp_path, layer)).network.projections
    assert projection.weights.tolist() == [-256, 254]


# --- what is refused, all at once -------------------------------------------------------------------------------------

DENSE = {"type": "dense", "shape": np.array([2]), "weight": np.array([[2, 4], [6, 8]]), "neuron": CUBA}
CONV = {"type": "conv", "shape": np.array([1, 2, 2]), "weight": np.ones((1, 1, 2, 2)), "neuron": CUBA}


EACH = (
    *("type 'pool'", "type 'SDNN'", "weight does not hold integers", "du of neuron 0 is -1", "dv of neuron 0 is 5000"),
    *("refDelay is 3", "gradedSpike is 1", "a delay is 99", "an average over 2 neurons cannot have 3"),
)


def test_all_that_cannot_be_imported_is_named_at_once(tmp_path):
    file = written(
        tmp_path,
        {"type": "input", "shape": np.array([2])},
        {"type": "pool", "shape": np.array([1, 2, 2])},
        DENSE | {"neuron": CUBA | {"type": "SDNN"}, "weight": np.array([[2, 4], [6, 0.5]])},
        DENSE
        | {
            "neuron": CUBA | {"iDecay": 0, "vDecay": 5000, "gradedSpike": True, "refDelay": 3},
            "delay": np.array([99, 0]),
        },
        {"type": "average", "shape": np.array([3])},
    )
    with pytest.raises(LsmError) as caught:
        read_net(file)
    assert [error.where.rsplit(" ", 1)[1] for error in caught.value.each()] == [*"122333334"]
    said = "\n".join(error.what for error in caught.value.each())
    assert [what for what in EACH if what not in said] == []


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([DENSE | {"weight": {"real": np.ones((2, 2)), "imag": np.ones((2, 2))}}], "complex weights"),
        ([DENSE | {"neuron": CUBA | {"type": "RF_PHASE"}}], "resonators are complex"),
        ([DENSE | {"weight": np.array([[255, -2], [0, 0]])}], "reach from -2 to 255 and are not all even"),
        ([DENSE | {"weight": np.array([[258, 0], [0, 0]])}], "weights reach from 0 to 258"),
        ([DENSE | {"weight": np.array([[2, np.nan], [0, 0]])}], "weight does not hold integers"),
        ([DENSE | {"shape": np.array([3])}], "weight has shape [2, 2], and there are 3 neurons"),
        ([DENSE | {"shape": np.array([2, 2])}], "its shape is [2, 2], neither"),
        ([DENSE | {"type": "dense_rec"}], "there is no weight_rec"),
        ([DENSE | {"type": "dense_rec", "weight_rec": np.ones((2, 2)), "delay": np.ones(2)}], "no recurrent layer"),
        ([DENSE | {"type": "dense_rec", "weight_rec": np.ones((2, 3))}], "weight_rec has shape [2, 3], not [2, 2]"),
        ([CONV], "a conv layer needs an image before it"),
        ([{"type": "input", "shape": np.array([1, 4, 3])}, CONV], "this kernel makes [1, 3, 2] of"),
        ([{"type": "input", "shape": np.array([2, 3, 3])}, CONV], "2 channels come before it"),
        ([{"type": "input", "shape": np.array([1, 3, 3])}, CONV | {"stride": np.array([0])}], "stride is [0]"),
        ([{"type": "input", "shape": np.array([1, 3, 3])}, CONV | {"delay": np.array([2])}], "netx ignores the delays"),
        ([{"type": "input", "shape": np.array([1, 3, 3])}, CONV, DENSE], "an image of 1 x 2 x 2 reaches a dense layer"),
        ([{"type": "input", "shape": np.array([2])}], "it has no neurons"),
        ([DENSE, {"type": "input", "shape": np.array([2])}], "an input comes after other layers"),
        ([{"type": "average", "shape": np.array([2])}], "an average can only stand at the end"),
        ([{"type": "input", "shape": np.array([1 << 22, 1 << 22, 3])}], "or too large"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported(layers, message, tmp_path):
    with pytest.raises(LsmError) as caught:
        read_net(written(tmp_path, *layers))
    assert message in str(caught.value)


# --- files of lava-dl's own -------------------------------------------------------------------------------------------


def shared(name: str) -> Path:
    if not (NETS / name).exists():
        pytest.skip(f"{name} is not in ../shared/nets")
    return NETS / name


@pytest.mark.parametrize("backend", ["emulator", "fast", "brian", "lava"])
def test_a_recurrent_net_of_slayer_spikes_as_slayer_says(backend):
    if why := load_backend(backend).missing():
        pytest.skip(why)
    read = read_net(shared("slayer_recurrent.net"))
    with np.load(shared("slayer_recurrent.npz")) as theirs:
        spikes = run(read, theirs["input"].astype(np.int8), backend)
        expected = np.concatenate([theirs["hidden"], theirs["output"]], axis=1)
    assert expected.size == 4200
    assert np.count_nonzero(spikes != expected) == 0
    assert {line.verdict for line in read.lines} == {"exact"}


def test_a_net_with_axonal_delays_and_an_average():
    read = read_net(shared("ntidigits.net"))
    assert (read.output, read.network.synapses) == ("layer4", 138071)
    assert read.lines[-1].what.endswith("the mean of the spikes of neurons 22 i to 22 i + 21")
    spikes = noise(4, 100, 64)
    program = placed(read)
    (first, second) = (
        run_program(name, program, Stimulus(spikes, np.array([0]))).spikes for name in ("fast", "emulator")
    )
    assert first.any()
    np.testing.assert_array_equal(first, second)


def test_a_net_whose_input_has_neurons():
    read = read_net(shared("tiny.net"))
    assert [line.kind for line in read.lines] == ["input", "conv", "conv"]
    assert read.network.sizes == {"layer0": 768, "layer1": 864, "layer2": 36}
    steady = np.tile(np.random.default_rng(0).integers(2, 60, 768), (20, 1)).astype(np.int16)
    first, second = run(read, steady), run(read, steady, "emulator")
    assert first[:, -36:].any()
    np.testing.assert_array_equal(first, second)
