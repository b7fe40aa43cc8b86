"""NIR graphs read: beside the files of others in ../shared, beside plain arithmetic, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.signal import correlate

import lsm_deploy as ld
from lsm_deploy.cli import main
from lsm_deploy.core.errors import LsmError, MisuseError
from lsm_deploy.core.ir import Stimulus
from lsm_deploy.spec.schema import Quantise
from lsm_deploy.store.hdf5 import write_tree

pytest.importorskip("h5py")

SHARED = Path(__file__).parents[2] / "shared"
SAID = {"dt_ms": 0.1, "scheme": "euler", "reset": "zero"}
LIF = {"type": "LIF", "tau": np.full(3, 1e-3), "r": np.full(3, 2.0), "v_leak": np.zeros(3), "v_threshold": np.ones(3)}
CUBA = {
    "type": "CubaLIF", "tau_syn": np.full(3, 5e-4), "tau_mem": np.full(3, 1e-3), "r": np.full(3, 2.0),
    "v_leak": np.zeros(3), "v_threshold": np.ones(3), "w_in": np.full(3, 1.5),
}  # fmt: skip


def graph(file, nodes, edges, **more):
    ends = {"input": {"type": "Input", "shape": [4]}, "output": {"type": "Output", "shape": [3]}}
    tree = {"type": "NIRGraph", "nodes": {**ends, **nodes}, "edges": [list(edge) for edge in edges], **more}
    write_tree(file, {"version": "1.0", "node": tree})
    return file


def chain(*names):
    return list(zip(("input", *names), (*names, "output"), strict=True))


def affine(rows, columns, seed=0, bias=True):
    rng = np.random.default_rng(seed)
    node = {"type": "Affine" if bias else "Linear", "weight": rng.normal(0.3, 1.5, (rows, columns))}
    return {**node, "bias": rng.normal(0, 0.4, rows)} if bias else node


def spikes_of(reading, spikes, name=None, run=ld.run_float, network=None):
    """Of a population, in the steps of its source."""
    name = name or reading.output
    lag = reading.lags[name]
    padded = np.concatenate([spikes, np.zeros((lag, spikes.shape[1]), spikes.dtype)])
    trace = run(network or reading.network, Stimulus(padded, np.array([0])))
    return trace.spikes[lag:, reading.network.columns(name)]


def random_spikes(steps=200, channels=4, seed=1):
    return (np.random.default_rng(seed).random((steps, channels)) < 0.3).astype(np.int8)


def euler(node, currents, dt=1e-4):
    """The equations of a CubaLIF, or of a LIF, stepped: spikes [t, neuron] of a function that gives their input."""
    size = len(node["v_threshold"])
    i, v, s, spikes = np.zeros(size), np.zeros(size), np.zeros(size), []
    tau = node.get("tau_mem", node.get("tau"))
    reset = node.get("v_reset", np.zeros(size))
    v = v + reset
    for t in range(200):
        a = currents(t, s)
        i = i + dt / node["tau_syn"] * (-i + node["w_in"] * a) if "tau_syn" in node else a
        v = v + dt / tau * (node["v_leak"] - v + node["r"] * i)
        s = (v > node["v_threshold"]).astype(float)
        v = np.where(s > 0, reset, v)
        spikes.append(s)
    return np.array(spikes)


# --- networks of others -----------------------------------------------------------------------------------------------


def shared(name):
    file = SHARED / name
    if not file.exists():
        pytest.skip(f"{file} is not here")
    return file


def braille(**more):
    said = {"source": "snntorch", "reset": "zero", **more}
    return ld.read_network(shared("nets/braille_noDelay_bias_zero.nir"), **said)


def test_the_braille_net_spikes_as_its_source_did():
    recorded = np.load(shared("nets/snntorch_activity_noDelay_bias_zero.npy")).reshape(256, 38)
    reading = braille()
    spikes = spikes_of(reading, np.load(shared("nets/braille_sample0.npy")), "lif1.lif")
    assert int((spikes != recorded).sum()) == 0
    assert int(recorded.sum()) == 119
    assert (reading.output, dict(reading.lags)) == ("lif2", {"lif1.lif": 1, "lif2": 2})
    assert not reading.losses
    assert reading.network.channels == 12


@pytest.mark.parametrize("said", [{"dt_ms": 0.11}, {"scheme": "exponential"}, {"reset": "zero-delayed"}])
def test_another_reading_of_the_braille_net_does_not(said):
    recorded = np.load(shared("nets/snntorch_activity_noDelay_bias_zero.npy")).reshape(256, 38)
    spikes = spikes_of(braille(**said), np.load(shared("nets/braille_sample0.npy")), "lif1.lif")
    assert (spikes != recorded).any()


def test_what_the_integers_of_the_braille_net_decide():
    data = np.load(shared("data/braille.npz"))
    frames, labels = data["frames"].astype(np.int8), data["labels"].astype(int)
    steps = frames.shape[1] + 2
    padded = np.concatenate([frames, np.zeros((len(frames), 2, 12), np.int8)], axis=1)
    stimulus = Stimulus(padded.reshape(-1, 12), np.arange(len(frames)) * steps)

    def decided(trace, reading):
        spikes = trace.spikes[:, reading.network.columns(reading.output)].reshape(len(frames), steps, 7)
        return spikes.sum(axis=1).argmax(axis=1)

    reading = braille()
    source = decided(ld.run_float(reading.network, stimulus), reading)
    assert np.mean(source == labels) == pytest.approx(0.9638, abs=1e-4)
    for bits, accuracy, same in ((8, 0.9626, 0.9785), (15, 0.9683, 0.9921)):
        reading = braille(weight_bits=bits)
        compiled = ld.compile_built(reading.network, how=Quantise(certified=True))
        assert compiled.certificate.certified.all()
        trace = ld.run_program("fast", compiled.program, stimulus)
        answers = decided(trace, reading)
        assert np.mean(answers == labels) == pytest.approx(accuracy, abs=1e-4)
        assert np.mean(answers == source) == pytest.approx(same, abs=1e-4)
        assert (trace.counts["u_wraps"], trace.counts["wide_sums"]) == (0, 0)


@pytest.mark.parametrize(
    ("name", "said", "weight"),
    [("norse", {"dt_ms": 0.1}, 0.04), ("rockpool", {"dt_ms": 0.1, "reset": "zero"}, 0.04 * np.exp(-0.04))],
)
def test_one_lif_of_norse_and_of_rockpool(name, said, weight):
    reading = ld.read_network(shared(f"nets/lif_{name}.nir"), source=name, **said)
    (synapse,) = [p for p in reading.network.projections if p.source == "input"]
    assert synapse.weight[0] == pytest.approx(weight, rel=1e-6)
    (neuron, *_) = reading.network.populations
    assert neuron.parameters["v_threshold"][0] == pytest.approx(0.1)


def test_a_subgraph_whose_edges_lead_nowhere_is_refused():
    with pytest.raises(LsmError) as refused:
        ld.read_network(shared("nets/braille_noDelay_bias_zero_subgraph.nir"), source="snntorch", reset="zero")
    said = [error.what for error in refused.value.each()]
    assert "the edge 'input' -> 'lif' leads to 'lif', which is no node here" in said
    assert "the edge 'lif' -> 'lin' leads to 'lif', which is no node here" in said
    assert len(said) == 4


# --- beside plain arithmetic ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("node", [LIF, CUBA, {**CUBA, "v_reset": np.full(3, -0.5)}, {**LIF, "v_leak": np.full(3, 0.6)}])
@pytest.mark.parametrize("recurrent", [False, True])
def test_neurons_are_what_their_equations_are(node, recurrent, tmp_path):
    first, back, x = affine(3, 4), affine(3, 3, seed=2), random_spikes()
    edges = [*chain("fc", "n"), *([("n", "rec"), ("rec", "n")] if recurrent else [])]
    nodes = {"fc": first, "n": node, **({"rec": back} if recurrent else {})}

    def currents(t, s):
        a = first["weight"] @ x[t] + first["bias"]
        return a + (back["weight"] @ s + back["bias"] if recurrent else 0)

    if "v_reset" in node and "tau_syn" in node:  # v_leak is then seen from v_reset: before its inputs come
        node = {**node, "v_leak": node["v_reset"]}
        nodes["n"] = node
    expected = euler(node, currents)
    reading = ld.read_network(graph(tmp_path / "n.nir", nodes, edges), **SAID)
    np.testing.assert_array_equal(spikes_of(reading, x), expected)
    assert 20 < expected.sum() < 580
    assert not reading.losses


@pytest.mark.parametrize("reset", ["zero", "zero-delayed", "subtract", "subtract-delayed"])
def test_each_reset_is_what_it_says(reset, tmp_path):
    """As snnTorch writes them: at once, or in the next step, of what v was then."""
    first, x = affine(3, 4), random_spikes()
    reading = ld.read_network(
        graph(tmp_path / "n.nir", {"fc": first, "n": CUBA}, chain("fc", "n")), **{**SAID, "reset": reset}
    )
    i, v, s, expected = np.zeros(3), np.zeros(3), np.zeros(3), []
    for row in x:
        i = 0.8 * i + 0.2 * 1.5 * (first["weight"] @ row + first["bias"])
        new = 0.9 * v + 0.1 * 2.0 * i
        if reset == "zero-delayed":
            new = np.where(s > 0, 0.0, new)
        elif reset == "subtract-delayed":
            new = new - s
        s = (new > 1.0).astype(float)
        v = new
        if reset == "zero":
            v = np.where(s > 0, 0.0, v)
        elif reset == "subtract":
            v = v - s
        expected.append(s)
    np.testing.assert_array_equal(spikes_of(reading, x), expected)
    assert 10 < np.sum(expected) < 580


def test_layers_and_a_way_round_them_arrive_as_in_the_source(tmp_path):
    """Two layers, a skip from the input to the second, and a delay."""
    first, second, skip, x = affine(3, 4), affine(3, 3, seed=3), affine(3, 4, seed=4), random_spikes()
    nodes = {"a": first, "n": LIF, "b": second, "c": skip, "d": {"type": "Delay", "delay": [2e-4, 0, 3e-4]}, "m": CUBA}
    edges = [*chain("a", "n", "b", "m"), ("input", "c"), ("c", "d"), ("d", "m")]
    hidden = euler(LIF, lambda t, s: first["weight"] @ x[t] + first["bias"])

    def currents(t, s):
        late = [skip["weight"][i] @ x[t - d] + skip["bias"][i] if t >= d else 0.0 for i, d in enumerate((2, 0, 3))]
        return second["weight"] @ hidden[t] + second["bias"] + late

    reading = ld.read_network(graph(tmp_path / "n.nir", nodes, edges), **SAID)
    np.testing.assert_array_equal(spikes_of(reading, x), euler(CUBA, currents))
    assert dict(reading.lags) == {"n": 1, "m": 2}


def test_a_cycle_of_more_synapses_than_steps_is_said_to_come_late(tmp_path):
    nodes = {"a": affine(3, 4), "n": LIF, "b": affine(3, 3), "m": LIF, "c": affine(3, 3, seed=5)}
    file = graph(tmp_path / "n.nir", nodes, [*chain("a", "n", "b", "m"), ("m", "c"), ("c", "n")])
    (late,) = ld.read_network(file, **SAID).losses
    assert (late.node, late.what) == ("n", "spikes of 'm' reach it 1 steps later than in its source")


def test_what_leaks_before_inputs_come_is_said(tmp_path):
    nodes = {"a": affine(3, 4), "n": {**CUBA, "v_leak": np.full(3, 0.5)}}
    (early,) = ld.read_network(graph(tmp_path / "n.nir", nodes, chain("a", "n")), **SAID).losses
    assert early.what == "v_leak acts from step 0, 1 steps before its inputs: up to 0.05 of a threshold"


@pytest.mark.parametrize(
    ("said", "gain"), [({"if_input": "per-step"}, 5.0), ({"if_input": "per-second", "dt_ms": 100.0}, 0.5)]
)
def test_an_if_takes_its_input_in_by_the_step_or_by_the_second(said, gain, tmp_path):
    nodes = {"a": affine(3, 4), "n": {"type": "IF", "r": 5.0, "v_threshold": [3.0]}}
    reading = ld.read_network(graph(tmp_path / "n.nir", nodes, chain("a", "n")), **{**SAID, **said})
    x = random_spikes()
    v, expected = np.zeros(3), []
    for row in x:
        v = v + gain * (nodes["a"]["weight"] @ row + nodes["a"]["bias"])
        expected.append(v > 3)
        v[v > 3] = 0
    np.testing.assert_array_equal(spikes_of(reading, x), np.array(expected))


def test_a_threshold_forgets(tmp_path):
    first, x = affine(3, 4), random_spikes()
    nodes = {
        "a": first,
        "s": {"type": "Scale", "scale": [1.0, -2.0, 0.5]},
        "n": {"type": "Threshold", "threshold": 0.7},
    }
    reading = ld.read_network(graph(tmp_path / "n.nir", nodes, chain("a", "s", "n")), dt_ms=1.0)
    expected = (x @ first["weight"].T + first["bias"]) * [1.0, -2.0, 0.5] > 0.7
    np.testing.assert_array_equal(spikes_of(reading, x), expected)
    program = ld.compile_built(reading.network).program
    run = lambda program, stimulus: ld.run_program("emulator", program, stimulus)  # noqa: E731
    assert (spikes_of(reading, x, run=run, network=program) != expected).mean() < 0.02


@pytest.mark.parametrize("kind", ["LI", "CubaLI"])
def test_integrators_send_their_voltage(kind, tmp_path):
    """After spiking neurons, as an output: a graded unit."""
    first, second, x = affine(3, 4), affine(2, 3, seed=3), random_spikes()
    li = {
        "type": kind,
        "r": [2.0, 1.0],
        "v_leak": [0.1, 0.0],
        "w_in": 1.5,
        "tau": 1e-3,
        "tau_mem": 1e-3,
        "tau_syn": 4e-4,
    }
    file = graph(tmp_path / "n.nir", {"a": first, "n": LIF, "b": second, "out": li}, chain("a", "n", "b", "out"))
    hidden = euler(LIF, lambda t, s: first["weight"] @ x[t] + first["bias"])
    v, i, expected = np.zeros(2), np.zeros(2), []
    for row in hidden:
        i = i + 0.25 * (-i + 1.5 * (second["weight"] @ row + second["bias"]))
        v = v + 0.1 * (
            li["v_leak"] - v + li["r"] * (i if kind == "CubaLI" else second["weight"] @ row + second["bias"])
        )
        expected.append(v)
    reading = ld.read_network(file, **SAID)
    np.testing.assert_allclose(spikes_of(reading, x), expected, atol=1e-9)
    ld.compile_built(reading.network)


def test_an_output_without_neurons_sends_what_comes_to_it(tmp_path):
    first, second, x = affine(3, 4), affine(3, 3, seed=3), random_spikes()
    file = graph(tmp_path / "n.nir", {"a": first, "n": LIF, "b": second}, chain("a", "n", "b"))
    hidden = euler(LIF, lambda t, s: first["weight"] @ x[t] + first["bias"])
    reading = ld.read_network(file, **SAID)
    assert reading.output == "output"
    np.testing.assert_allclose(spikes_of(reading, x), hidden @ second["weight"].T + second["bias"], atol=1e-9)


@pytest.mark.parametrize(
    ("padding", "stride", "dilation", "groups"), [(0, 1, 1, 1), ([1, 2], [2, 1], [1, 2], 2), ("same", 1, 2, 1)]
)
def test_convolutions_and_pools_are_correlations(padding, stride, dilation, groups, tmp_path):
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(4, 4 // groups, 3, 2)), rng.normal(size=4)
    conv = {
        "type": "Conv2d",
        "weight": weight,
        "bias": bias,
        "padding": padding,
        "stride": stride,
        "dilation": dilation,
    }
    nodes = {
        "input": {"type": "Input", "shape": [4, 9, 8]},
        "conv": {**conv, "dilation": dilation, "groups": groups},
        "pool": {"type": "AvgPool2d", "kernel_size": 2, "stride": [2, 2], "padding": [1, 0]},
        "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1},
        "n": {"type": "IF", "r": 1.0, "v_threshold": 0.4},
    }
    x = (rng.random((4, 9, 8)) < 0.5).astype(np.int8)
    pads, (dy, dx) = np.broadcast_to(0 if padding == "same" else padding, 2), np.broadcast_to(dilation, 2)
    around = (
        [(dy * 2 // 2, dy * 2 - dy * 2 // 2), (dx // 2, dx - dx // 2)] if padding == "same" else [(p, p) for p in pads]
    )
    padded = np.pad(x.astype(float), [(0, 0), *around])
    dilated = np.zeros((4, 4 // groups, 2 * dy + 1, dx + 1))
    dilated[:, :, ::dy, ::dx] = weight
    maps = []
    for o in range(4):
        chosen = padded[o // (4 // groups) * (4 // groups) :][: 4 // groups]
        maps.append(correlate(chosen, dilated[o], "valid")[0] + bias[o])
    sy, sx = np.broadcast_to(stride, 2)
    image = np.pad(np.array(maps)[:, ::sy, ::sx], [(0, 0), (1, 1), (0, 0)])
    _, h, w = image.shape
    pooled = image[:, : h // 2 * 2, : w // 2 * 2].reshape(4, h // 2, 2, w // 2, 2).mean(axis=(2, 4))
    nodes["output"] = {"type": "Output", "shape": [pooled.size]}
    file = graph(tmp_path / "n.nir", nodes, chain("conv", "pool", "flat", "n"))
    reading = ld.read_network(file, **SAID, if_input="per-step")
    spikes = spikes_of(reading, x.reshape(1, -1))
    np.testing.assert_array_equal(spikes[0], pooled.ravel() > 0.4)
    with pytest.raises(LsmError, match=r"node 'conv' is multiplied out to \d+ synapses, and 100 are allowed"):
        ld.read_network(file, **SAID, if_input="per-step", max_synapses=100)


def test_a_convolution_in_one_dimension(tmp_path):
    weight = np.random.default_rng(0).normal(size=(2, 1, 3))
    conv = {
        "type": "Conv1d",
        "weight": weight,
        "bias": [0.1, 0.2],
        "padding": 1,
        "stride": 2,
        "dilation": 1,
        "groups": 1,
    }
    nodes = {"input": {"type": "Input", "shape": [1, 8]}, "c": conv, "n": {"type": "Threshold", "threshold": 0.4}}
    nodes["output"] = {"type": "Output", "shape": [2, 4]}
    x = random_spikes(1, 8)
    reading = ld.read_network(graph(tmp_path / "n.nir", nodes, chain("c", "n")), dt_ms=1.0)
    padded = np.pad(x[0].astype(float), 1)
    expected = [np.correlate(padded, weight[o, 0])[::2] + (0.1, 0.2)[o] > 0.4 for o in range(2)]
    np.testing.assert_array_equal(spikes_of(reading, x)[0], np.ravel(expected))


def test_a_subgraph_is_the_same_as_its_nodes(tmp_path):
    rec = {
        "type": "NIRGraph",
        "nodes": {
            "in": {"type": "Input", "shape": [3]}, "lif": CUBA, "w": affine(3, 3, seed=2),
            "out": {"type": "Output", "shape": [3]},
        },
        "edges": [["in", "lif"], ["lif", "w"], ["w", "lif"], ["lif", "out"]],
    }  # fmt: skip
    nested = graph(tmp_path / "n.nir", {"fc": affine(3, 4), "rec": rec}, chain("fc", "rec"))
    flat = {"fc": affine(3, 4), "lif": CUBA, "w": affine(3, 3, seed=2)}
    plain = graph(tmp_path / "p.nir", flat, [*chain("fc", "lif"), ("lif", "w"), ("w", "lif")])
    x = random_spikes()
    readings = [ld.read_network(file, **SAID) for file in (nested, plain)]
    assert readings[0].lags == {"rec/lif": 1, "output": 2} or readings[0].output == "rec/lif"
    np.testing.assert_array_equal(spikes_of(readings[0], x, "rec/lif"), spikes_of(readings[1], x, "lif"))


def test_the_nir_package_writes_what_is_read(tmp_path):
    nir = pytest.importorskip("nir")
    fc, cuba = affine(3, 4), {name: value for name, value in CUBA.items() if name != "type"}
    made = nir.NIRGraph.from_list(nir.Affine(fc["weight"], fc["bias"]), nir.CubaLIF(**cuba))
    nir.write(tmp_path / "n.nir", made)
    x = random_spikes()
    own = graph(tmp_path / "o.nir", {"fc": fc, "n": CUBA}, chain("fc", "n"))
    theirs, ours = (ld.read_network(tmp_path / name, **SAID) for name in ("n.nir", "o.nir"))
    np.testing.assert_array_equal(spikes_of(theirs, x), spikes_of(ours, x))
    nir.read(own)  # and the other way round


# --- by command -------------------------------------------------------------------------------------------------------


def call(*arguments, status=0):
    run = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert run.exit_code == status, run.output + run.stderr
    return run.output if status == 0 else run.stderr


def small(tmp_path):
    """A graph of one CubaLIF with delays, and a file of samples with what it does."""
    first, x = affine(3, 4), random_spikes()
    file = graph(tmp_path / "n.nir", {"fc": first, "n": CUBA}, chain("fc", "n"))
    recorded = euler(CUBA, lambda t, s: first["weight"] @ x[t] + first["bias"])
    samples = tmp_path / "samples.npz"
    np.savez(samples, input=np.stack([x, x]), n=np.stack([recorded, recorded]), labels=[0, 1])
    return file, samples


def test_an_import_says_what_each_stage_cost(tmp_path):
    file, samples = small(tmp_path)
    said = ("--dt-ms", 0.1, "--scheme", "euler", "--reset", "zero")
    text = call("import", file, "-o", tmp_path / "n.lsm", *said, "--samples", samples)
    assert re.search(r"\nn +CubaLIF +exact +3 LIF, 15 synapses, 1 step after its source", text)
    assert "a trial on 2 samples of samples.npz: " in text
    assert "from its source to the network that was read: 0 is what it should be" in text
    facts = json.loads(call("import", file, "-o", tmp_path / "n.lsm", *said, "--samples", samples, "--json"))
    (stage,) = facts["trial"]["source_to_network"]
    assert (stage["population"], stage["differ"], stage["places"]) == ("n", 0, 1200)
    (price,) = facts["trial"]["floats_to_integers"]
    assert price["differ"] < 60
    assert facts["trial"]["accuracy"][0] == 0.5
    assert {line["node"]: line["verdict"] for line in facts["account"]} == dict.fromkeys(
        ("fc", "n", "input", "output"), "exact"
    )
    assert [p["population"] for p in facts["price"]] == ["n"]
    assert ld.load_program(tmp_path / "n.lsm").network.neurons == 4
    other = {**dict(np.load(samples)), "m": np.zeros((2, 200, 3))}
    np.savez(samples, **other)
    message = call("import", file, "-o", tmp_path / "m.lsm", *said, "--samples", samples, status=1)
    assert "there is an array 'm', and no population" in message
    assert "call it by the name of a population: n, always on" in message


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 4], "labels are 0 to 4, and the neurons of the output are 0 to 2"), ([0, 0.5], "labels are 0 to 0.5"),
        ([-1, 0], "labels are -1 to 0"), ([0, np.nan], "labels are nan"), (["a", "b"], "and there are 2 samples"),
        ([0], "and there are 2 samples"),
    ],
)  # fmt: skip
def test_labels_are_the_numbers_of_output_neurons(labels, message, tmp_path):
    file, samples = small(tmp_path)
    np.savez(samples, **{**np.load(samples), "labels": labels})
    reading = ld.read_network(file, dt_ms=0.1, scheme="euler", reset="zero")
    with pytest.raises(LsmError, match=message):
        ld.load_samples(samples, reading)


def test_labels_may_be_numbers_in_words(tmp_path):
    file, samples = small(tmp_path)
    np.savez(samples, **{**np.load(samples), "labels": ["2", "1"]})
    reading = ld.read_network(file, dt_ms=0.1, scheme="euler", reset="zero")
    assert ld.load_samples(samples, reading).labels.tolist() == [2, 1]


def test_strict_refuses_what_is_approximated(tmp_path):
    nodes = {"fc": affine(3, 4), "n": {**CUBA, "v_leak": np.full(3, 0.5)}}
    file = graph(tmp_path / "n.nir", nodes, chain("fc", "n"))
    said = ("--from", "snntorch", "--reset", "zero", "-o", tmp_path / "n.lsm")
    assert "approximated" in call("import", file, *said)
    assert "node 'n': v_leak acts from step 0" in call("import", file, *said, "--strict", status=1)


def test_a_command_asks_for_what_a_file_does_not_say(tmp_path):
    file, _ = small(tmp_path)
    message = call("import", file, "-o", tmp_path / "n.lsm", status=2)
    assert message.count("no NIR file says its") == 3
    assert "give --reset zero|zero-delayed|subtract|subtract-delayed, or --from SOURCE" in message
    assert "no use for activation" in call(
        "import", file, "-o", tmp_path / "n.lsm", "--from", "snntorch", "--activation", "tanh", status=2
    )


def test_an_integrator_that_never_leaks_loses_nothing(tmp_path):
    nodes = {"a": affine(3, 4), "n": {"type": "IF", "r": 1.0, "v_threshold": [3.0]}}
    reading = ld.read_network(graph(tmp_path / "n.nir", nodes, chain("a", "n")), **SAID, if_input="per-step")
    compiled = ld.deploy(reading, strict=True).compiled
    assert compiled.program.network.populations[0].registers["dv"].tolist() == [0, 0, 0]


# --- in a spec --------------------------------------------------------------------------------------------------------


SPEC = """
dt_ms: 0.1
seed: 0
data: {train: train.npz, test: test.npz}
input: {channels: 4, encoder: {kind: spikes, frame_ms: 0.1}}
populations: {liquid: {from: net.nir, scheme: euler, reset: zero}}
projections: []
readout: {population: [liquid, liquid/n], features: {kind: bins, bins: 2}}
"""


def described(tmp_path, text=SPEC):
    nodes = {"a": affine(3, 4), "n": CUBA, "b": affine(3, 3, seed=3), "m": LIF}
    graph(tmp_path / "net.nir", nodes, chain("a", "n", "b", "m"))
    rng = np.random.default_rng(0)
    frames = (rng.random((24, 40, 4)) < np.linspace(0.1, 0.6, 24)[:, None, None]).astype(np.uint8)
    for part, name in enumerate(("train", "test")):
        np.savez(tmp_path / f"{name}.npz", frames=frames[part::2], labels=np.arange(12) // 6)
    (tmp_path / "s.yaml").write_text(text)
    return tmp_path / "s.yaml"


def test_a_spec_takes_a_network_from_a_file(tmp_path):
    spec = ld.load(described(tmp_path))
    compiled = ld.compile_spec(spec)
    assert [p.name for p in compiled.program.network.populations] == ["liquid", "liquid/n", "liquid/always on"]
    reading = ld.read_network(tmp_path / "net.nir", **SAID)
    same = ld.deploy(reading).compiled
    x = random_spikes()
    run = lambda program, stimulus: ld.run_program("emulator", program, stimulus)  # noqa: E731
    whole = Stimulus(x, np.array([0]))
    np.testing.assert_array_equal(run(compiled.program, whole).spikes, run(same.program, whole).spikes)
    model = ld.train(spec)
    assert model.listener.program.network.neurons == 7
    assert ld.evaluate(spec).liquid.accuracy > 0.7
    with pytest.raises(MisuseError, match="its weights are those of its file"):
        ld.tune_gains(spec, rate_hz=50.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("channels: 4", "channels: 5"), "net.nir takes 4 channels, and the input has 5"),
        (("reset: zero", "resat: zero"), "there is no key 'resat' here"),
        (("reset: zero", "reset: soft"), "reset cannot be 'soft'"),
        ((", reset: zero", ""), "no NIR file says its reset"),
        (("net.nir", "other.nir"), "cannot read"),
        (("projections: []", "projections: [{source: input, target: liquid, topology: {kind: all_to_all}}]"),
         "'liquid' is read from a file, which has all its synapses"),
    ],
)  # fmt: skip
def test_what_a_spec_may_not_say_of_it(change, message, tmp_path):
    with pytest.raises(LsmError, match=re.escape(message)):
        ld.compile_spec(ld.load(described(tmp_path, SPEC.replace(*change))))


# --- what is refused --------------------------------------------------------------------------------------------------

FC = affine(3, 4)
BAD = [
    ({"n": {**LIF, "tau": [1e-3, np.nan, 1e-3]}}, "node 'n': tau holds something else than finite numbers"),
    ({"n": {**LIF, "r": np.full(3, 1e31)}}, "node 'n': r holds something else than finite numbers"),
    ({"n": {**LIF, "tau": np.full(3, 5e-5)}}, "node 'n': tau is 5e-05 s, and a step 0.0001 s"),
    ({"n": {**LIF, "tau": np.zeros(3)}}, "node 'n': tau is 0 s"),
    ({"n": {**LIF, "v_threshold": np.zeros(3)}}, "the threshold of neuron 0 is 0, and a spike takes it to 0"),
    ({"n": {**LIF, "r": np.ones(2)}}, "node 'n': r has 2 values, and 3 come to it"),
    ({"n": {k: v for k, v in LIF.items() if k != "r"}}, "node 'n': LIF has no r"),
    ({"n": {**LIF, "type": "Lif"}}, "node 'n': a node of type 'Lif' is not read"),
    ({"n": {**LIF, "type": "I"}}, "write it as an IF whose threshold is never reached"),
    ({"n": {"x": 1}}, "node 'n': this node has no type"),
    ({"input": {"type": "Input", "shape": [2, 1, 2]}, "fc": {"type": "Flatten", "start_dim": 2, "end_dim": 0}},
     "node 'fc': it flattens axes 2 to 0 of shape [2, 1, 2]"),
    ({"n": {**LIF, "type": ["LIF", "IF"]}}, "node 'n': this node has no type"),
    ({"fc": {**FC, "weight": np.ones((3, 5))}}, "node 'fc': weight has shape [3, 5], and 4 values of shape [4] come"),
    ({"fc": {**FC, "weight": np.ones(3)}}, "node 'fc': weight has shape [3]"),
    ({"fc": {**FC, "bias": np.ones(2)}}, "node 'fc': bias has 2 values, and the node 3 outputs"),
    ({"fc": {**FC, "weight": np.zeros((3, 4))}}, "no synapse leads to 'n': all weights on the way of 'fc' -> 'n'"),
    ({"other": LIF}, "node 'other': no edge leads to or from it"),
    ({"output": {"type": "Linear", "weight": np.eye(3)}}, "the graph has 0 nodes of type Output, not one"),
    ({"input": {"type": "Input", "shape": [2.5]}}, "node 'input': shape is [2.5], not whole numbers from 1"),
    (
        {
            "input": {"type": "Input", "shape": [1, 3, 12]},
            "fc": {"type": "Conv2d", "weight": np.ones((3, 1, 6, 6)), "bias": np.zeros(3), "stride": 1, "padding": 0,
                   "dilation": 1, "groups": 1, "input_shape": [6, 6]},
        },
        "node 'fc': its input_shape is [6, 6], and values of shape [1, 3, 12] come to it",
    ),
    ({"fc": {"type": "Delay", "delay": -1.0}}, "node 'fc': delays are -1 to -1 s"),
    ({"input": {"type": "Input", "shape": [2**31 - 1] * 2}}, "it is of shape [2147483647, 2147483647], beyond"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), BAD)
def test_what_cannot_be_read_is_named(change, message, tmp_path):
    file = graph(tmp_path / "n.nir", {"fc": FC, "n": LIF, **change}, chain("fc", "n"))
    with pytest.raises(LsmError, match=re.escape(message)):
        ld.read_network(file, **SAID)


def test_what_is_assumed_is_said(tmp_path):
    nodes = {"fc": FC, "n": {**LIF, "temperature": 3.0}, "output": {"type": "Output", "shape": [5]}}
    file = graph(tmp_path / "n.nir", nodes, chain("fc", "n"))
    said = {line.what for line in ld.read_network(file, source="norse", dt_ms=0.1).lines if line.verdict == "assumed"}
    assert said == {
        "steps are euler, as is usual of norse",
        "reset zero, as is usual of norse",
        "temperature of it changes nothing",
        "its shape [5.0] is not that of the 3 values that come to it, which are taken",
    }


def test_where_a_source_does_not_keep_to_what_it_writes_it_is_a_loss(tmp_path):
    file = graph(tmp_path / "n.nir", {"fc": FC, "n": LIF}, chain("fc", "n"))
    for source, lossy in (("norse", False), ("rockpool", True)):
        assert bool(ld.read_network(file, source=source, dt_ms=0.1).losses) == lossy
    said = [line.what for line in ld.read_network(file, source="snntorch").lines]
    assert any("give reset subtract-delayed" in what for what in said)


BACK = {"type": "Linear", "weight": np.ones((4, 3))}
OWN = {"type": "Linear", "weight": np.eye(3)}


@pytest.mark.parametrize(
    ("more", "edges", "message"),
    [
        ({"b": BACK}, [("n", "b"), ("b", "input")], "the edge 'b' -> 'input' leads to 'input', which is an Input"),
        ({"b": OWN}, [("output", "b"), ("b", "n")], "the edge 'output' -> 'b' comes from 'output', which is an Output"),
        ({}, [("input", "fc")], "the edge 'input' -> 'fc' stands there 2 times"),
        ({"m": LIF, "b": OWN}, [("m", "b"), ("b", "m")], "node 'm': no way leads from the Input to it, and none from"),
    ],
)
def test_edges_that_would_change_nothing_are_refused(more, edges, message, tmp_path):
    file = graph(tmp_path / "n.nir", {"fc": FC, "n": LIF, **more}, [*chain("fc", "n"), *edges])
    with pytest.raises(LsmError, match=re.escape(message)):
        ld.read_network(file, **SAID)


def test_an_output_that_no_input_reaches_is_refused(tmp_path):
    nodes = {"fc": FC, "n": LIF, "b": OWN, "m": LIF}
    edges = [("input", "fc"), ("fc", "n"), ("n", "n"), ("m", "b"), ("b", "m"), ("m", "output")]
    with pytest.raises(LsmError, match="no way leads from the Input to the Output"):
        ld.read_network(graph(tmp_path / "n.nir", nodes, edges), **SAID)


def test_a_cycle_without_a_neuron_is_refused(tmp_path):
    nodes = {"fc": FC, "a": {"type": "Scale", "scale": 1.0}, "b": {"type": "Scale", "scale": 1.0}, "n": LIF}
    file = graph(tmp_path / "n.nir", nodes, [*chain("fc", "a", "b", "n"), ("b", "a")])
    with pytest.raises(LsmError, match="there is a cycle without a neuron: a, b"):
        ld.read_network(file, **SAID)


def test_all_that_a_file_does_not_say_is_asked_for(tmp_path):
    file = graph(tmp_path / "n.nir", {"fc": FC, "n": {**LIF}, "m": {"type": "IF", "r": 1.0, "v_threshold": 1.0}},
                 chain("fc", "n", "m"))  # fmt: skip
    with pytest.raises(LsmError) as asked:
        ld.read_network(file)
    assert all(isinstance(error, MisuseError) for error in asked.value.each())
    assert [error.what.removeprefix("no NIR file says its ") for error in asked.value.each()] == [
        "scheme", "reset", "if_input", "dt_ms"
    ]  # fmt: skip
    with pytest.raises(MisuseError) as asked:  # rockpool's step is its user's: to name it once more is no help
        ld.read_network(graph(tmp_path / "r.nir", {"n": {**LIF}}, chain("n")), source="rockpool")
    assert asked.value.hint == "give --dt-ms, the step of its source: files by rockpool do not settle it"
    with pytest.raises(MisuseError, match="nothing is known of files by 'nest'"):
        ld.read_network(file, source="nest", if_input="per-step", **SAID)
    with pytest.raises(MisuseError, match="reset is 'soft'"):
        ld.read_network(file, if_input="per-step", **{**SAID, "reset": "soft"})
    with pytest.raises(MisuseError, match="this file has no use for activation"):
        ld.read_network(file, activation="tanh")


@pytest.mark.parametrize("name", ["n.nir", "n.net"])
@pytest.mark.parametrize("content", [b"", b"weights: 3", b"PK\x03\x04 and more"])
def test_a_file_of_another_kind_with_the_right_ending_is_said(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LsmError, match="this is no HDF5 file, or it is damaged"):
        ld.read_network(tmp_path / name, **({} if name == "n.net" else SAID))


def test_weights_without_an_activation_are_said(tmp_path):
    np.savez(tmp_path / "w.npz", weight=np.eye(3))
    with pytest.raises(MisuseError, match="weights do not say what a unit makes of its input"):
        ld.read_network(tmp_path / "w.npz")


def test_axes_of_a_trial_input_are_said(tmp_path):
    nodes = {"input": {"type": "Input", "shape": [10, 4]}, "fc": FC, "n": {**LIF}}
    with pytest.raises(LsmError) as refused:
        ld.read_network(graph(tmp_path / "n.nir", nodes, chain("fc", "n")), **SAID)
    assert "with a trial input of one sample and one step" in refused.value.hint


def test_what_is_no_graph_is_said(tmp_path):
    write_tree(tmp_path / "n.nir", {"weights": np.ones(3)})
    with pytest.raises(LsmError, match="this HDF5 file holds weights: neither a graph of NIR's nor layers"):
        ld.read_network(tmp_path / "n.nir", **SAID)
    write_tree(tmp_path / "n.nir", {"node": {"type": "LIF"}})
    with pytest.raises(LsmError, match="there is no NIR graph in it"):
        ld.read_network(tmp_path / "n.nir", **SAID)
