"""What stands behind each rule: recordings are replayed, contradictions found, and others' formats read."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import oracle
import pytest
from calls import call, facts
from lsm_backends.lava import sim

from lsm_deploy import import_lava_dl, store
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Trace
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.parity import conformance, variants
from lsm_deploy.parity.conformance import Recording, check
from lsm_deploy.run import backends as backend

pytestmark = pytest.mark.once

GOLDEN = Path(__file__).parent / "golden"
VECTOR = Path(__file__).parents[2] / "shared" / "vectors" / "loihi2_lif_1000_steps.csv"
CHIP = ("--silicon",)
OURS = ("LIFRefractory", "LIFSubtract", "GradedLI", "GatedLI")
"""Kinds of which Lava has no integers of its own."""
PARAMETERS = {"weight": 10, "du": 4095, "dv": 163, "vth": 25}


@pytest.fixture
def vector(tmp_path):
    if not VECTOR.exists():
        pytest.skip(f"there is no recording {VECTOR.name}")
    options = [part for name, value in PARAMETERS.items() for part in (f"--{name}", value)]
    call("import-recording", "nir", VECTOR, *options, *CHIP, "-o", tmp_path / "recordings" / "loihi2")
    return tmp_path / "recordings"


# --- the one recording of silicon ------------------------------------------------------------------------------------


def test_what_the_public_recording_backs(vector, golden):
    found = facts("conformance", vector, "--simulators", "none")
    backed = [rule for rule in found["rules"] if rule["silicon"]]
    golden(
        GOLDEN / "conformance-loihi2.txt",
        "\n".join(f"{rule['name']}: {rule['holds']}; not: {rule['variant']}" for rule in backed),
    )
    ours = {rule["name"] for rule in found["rules"] if rule["standing"] == "ours alone"}
    # It has 4 output spikes and no negative voltage: these mistakes reproduce it with 0 differences.
    assert {"rounding", "threshold", "du-offset", "bias-shift", "u-wrap", "v-saturation", "delay"} <= ours


def test_the_table(vector):
    text = call("conformance", vector, "--simulators", "none").stdout
    assert "dv-offset" in text
    assert "backed by silicon" in text
    assert "recording  loihi2: Loihi 2, LIF; 1 000 steps, 1 neuron, 4 spikes reproduced, backs 8 rules" in text


def test_a_recording_that_we_do_not_reproduce_is_a_contradiction(vector):
    with np.load(vector / "loihi2" / "trace.npz") as stored:
        arrays = dict(stored)
    t = int(np.flatnonzero(arrays["v"][:, 0])[7])
    arrays["v"][t] += 1
    np.savez(vector / "loihi2" / "trace.npz", **arrays)
    text = call("conformance", vector, "--simulators", "none", status=1).stdout
    assert "contradiction loihi2, Loihi 2" in text
    assert f"first at step {t} (sample 0, its step {t}), neuron 0 = cell[0], v: emulator has" in text
    found = facts("conformance", vector, "--simulators", "none", status=1)
    assert found["contradictions"] == ["loihi2"]
    assert not any(rule["silicon"] for rule in found["rules"])


def test_without_recordings_it_says_how_to_get_one():
    text = call("conformance", "--simulators", "none").stdout
    assert "no recordings: none comes with this project" in text
    assert "import-recording nir FILE.csv" in text


# --- simulators ------------------------------------------------------------------------------------------------------


OF_GRADED = {rule.name for kind in KINDS.values() if kind.MESSAGE.graded for rule in kind.RULES} | {"rounding-halves"}


def test_every_rule_shows_on_a_probe():
    shown = set().union(*(probe.rules for probe in conformance.all_probes()))
    assert shown == set(variants.RULES)


def test_brian_agrees_with_every_rule():
    found = conformance.conform((), ["brian"])
    assert not found.contradictions
    assert all("nobody else has G" in why for why in found.missing.values())
    # Fresh samples are copies that are made for it: that they start from zero is no opinion of Brian's.
    assert {each.rule.name for each in found.rules if each.simulators != ("brian",)} == {"fresh"} | OF_GRADED
    assert {each.standing for each in found.rules if each.rule.name in OF_GRADED} == {"ours alone"}


def test_what_lava_is_asked_is_left_to_its_own_models():
    for probe in conformance.all_probes():
        network, kind = probe.program.network, probe.program.network.populations[0].kind
        own = kind in OURS or (network.sample_interval and kind != "LIF")
        assert check._models_of_ours(probe) == (kind if own else ""), probe.name
    adaptive = next(p for p in conformance.all_probes() if p.name.startswith("ATRLIF") and not check._models_of_ours(p))
    network = adaptive.program.network
    (alive, *others) = network.populations
    steps = {**alive.registers, "theta_step": np.arange(alive.size)}
    varied = replace(network, populations=(replace(alive, registers=steps), *others))
    assert check._models_of_ours(replace(adaptive, program=replace(adaptive.program, network=varied))) == "ATRLIF"


@pytest.mark.lava
@pytest.mark.skipif(sim.missing() is not None, reason=str(sim.missing()))
def test_lava_agrees_with_every_rule_that_is_its_own_to_keep():
    found = conformance.conform((), ["lava"])
    assert not found.contradictions
    assert all(re.search(f"for ({'|'.join(OURS)}) as it is", why) for why in found.missing.values())
    ours = {each.rule.name for each in found.rules if each.simulators != ("lava",)}
    # Lava has refractory neurons in floating point only, none that subtract, and clears no register but those of LIF.
    of_kinds = {rule.name for kind in ("LIFRefractory", "LIFSubtract") for rule in KINDS[kind].RULES}
    assert ours == {"fresh", "same-pair", "reset-others"} | of_kinds | OF_GRADED


def test_a_simulator_that_differs_is_a_contradiction_and_agrees_with_nothing(monkeypatch):
    probe = conformance.all_probes()[0]
    monkeypatch.setattr(check, "all_probes", lambda: (probe,))
    monkeypatch.setattr(backend, "run_program", lambda name, *case: variants.run_variant("rounding", *case))
    found = conformance.conform((), ["brian"])
    assert [each.by for each in found.contradictions] == ["brian"]
    assert not any(each.simulators for each in found.rules)
    with pytest.raises(LsmError, match="'fast' is no simulator of somebody else's"):
        conformance.conform((), ["fast"])


# --- recordings of other kinds ---------------------------------------------------------------------------------------


def recording():
    """Of 34 neurons in three populations of 24, 6 and 4, 90 steps."""
    probe = conformance.all_probes()[0]
    return Recording("", probe.program, probe.stimulus, probe.trace, False, "a simulator", "a test", "none")


def test_a_recording_comes_back_as_it_was(tmp_path):
    made = recording()
    conformance.save_recording(tmp_path / "a" / "b", made)
    (back,) = conformance.load_recordings(tmp_path)
    assert back.name == "a/b"
    assert store.program_id(back.program) == store.program_id(made.program)
    assert np.array_equal(back.trace.registers["u"], made.trace.registers["u"])
    found = conformance.replay(back)
    assert found.verdict.equal
    assert "rounding" in found.rules


@pytest.mark.parametrize("shift", [0, 1])
def test_a_part_of_a_run_at_its_place(shift, tmp_path):
    made = recording()
    second = slice(24, 30)
    registers = {name: values[10:40, second] for name, values in made.trace.registers.items()}
    part = replace(
        made,
        population="edge",
        first_step=10 + shift,
        trace=Trace(made.trace.spikes[10:40, second], registers, np.array([0]), {}),
    )
    conformance.save_recording(tmp_path, part)
    found = conformance.replay(conformance.load_recording(tmp_path))
    assert found.verdict.equal == (shift == 0)
    assert found.verdict.compared["u"] == 30 * 6
    assert bool(found.rules) == (shift == 0)


def test_an_integer_network_stands_for_a_program(tmp_path):
    arrays = {"weights": [[0]], "input_weights": [[10]], "du": 4095, "dv": 163, "vth": 25}
    np.savez(tmp_path / "net.npz", **{name: np.array(value) for name, value in arrays.items()})
    np.savez(tmp_path / "in.npz", spikes=np.ones((20, 1), int))
    np.savez(tmp_path / "out.npz", spikes=np.zeros((20, 1), int), view="chip")
    manifest = {
        "format": 1, "program": "net.npz", "stimulus": "in.npz", "trace": "out.npz", "silicon": False,
        "recorded_on": "nothing", "source": "a test", "licence": "none",
    }  # fmt: skip
    (tmp_path / "recording.json").write_text(json.dumps(manifest))
    found = conformance.replay(conformance.load_recording(tmp_path))
    assert not found.verdict.equal
    assert found.verdict.spikes[0] > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "the recording has format 2, this version reads 1"),
        ({"silicon": "yes"}, "silicon is 'yes', not a truth value (true or false)"),
        ({"licence": None}, "licence is None, not a text"),
        ({"chip": "Loihi"}, "there is no key 'chip' in a recording"),
        ({"population": "p9"}, "there is no population 'p9' in the program, only alive, edge, wide"),
        ({"population": "edge"}, "the trace has 34 neurons, the program 6"),
        ({"first_step": 2}, "the trace covers steps 2 to 91, the stimulus has 90"),
        ({"stimulus": "gone.npz"}, "cannot read"),
    ],
)
def test_what_is_wrong_with_a_manifest(change, message, tmp_path):
    conformance.save_recording(tmp_path, recording())
    file = tmp_path / "recording.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    error = call("conformance", tmp_path, "--simulators", "none", status=1).stderr
    assert message in error


def test_folders_without_recordings(tmp_path):
    assert "there is no such folder" in call("conformance", tmp_path / "x", status=1).stderr
    assert "there is no recording.json in it" in call("conformance", tmp_path, status=1).stderr
    (tmp_path / "recording.json").write_text("{")
    assert "this is no JSON" in call("conformance", tmp_path, status=1).stderr


# --- NIR -------------------------------------------------------------------------------------------------------------


def test_nir_parameters_may_stand_beside_the_table(tmp_path):
    file = tmp_path / "cell.csv"
    file.write_text("1,0,0\n0,640,0\n0,615,0\n")
    assert "the file does not say weight, du, dv, vth" in call(
        "import-recording", "nir", file, "-o", tmp_path / "r", status=1
    ).stderr  # fmt: skip
    (tmp_path / "cell.json").write_text(json.dumps(PARAMETERS | {"vth": 24}))
    found = facts("import-recording", "nir", file, "--vth", 25, "-o", tmp_path / "r")
    assert found["stimulus"]["spikes"] == 1
    back = conformance.load_recording(tmp_path / "r")
    assert back.program.network.populations[0].registers["vth"].tolist() == [25]
    assert (back.trace.view, back.silicon) == ("sim", False)  # who does not say that a chip ran it
    # u = 10 << 6 = 640; then v = 640 * (4096 - 163) / 4096 = 614.5, toward zero: the table says 615.
    assert conformance.replay(back).verdict.divergence.t == 2


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ("1,0\n", (), "it has 2 columns of 1 rows"),
        ("1,0.5,0\n", (), "values that are not integers"),
        ("2,0,0\n", (), "a spike is neither 0 nor 1"),
        ("a,b,c\n", (), "this is no table of numbers"),
        ("0,0,0\n1,inf,0\n", (), "the voltage of step 1 is inf, not -8388607 to 8388607"),
        ("0,8388608,0\n", (), "the voltage of step 0 is 8.38861e+06, not -8388607 to 8388607"),
        ("0,nan,0\n", (), "values that are not integers"),
        ("", (), "it has 1 columns of 0 rows"),
        ("1,0,0\n", ("--dv", 5000), "dv is 5000, not 0 to 4096"),
        ("1,0,0\n", ("--weight", 300), "weight is 300, not -255 to 255"),
        ("1,0,0\n", ("--delay", 10**20), "delay is 100000000000000000000, not 0 to 62"),
    ],
)
def test_what_is_wrong_with_a_nir_table(table, options, message, tmp_path):
    file = tmp_path / "cell.csv"
    file.write_text(table)
    (tmp_path / "cell.json").write_text(json.dumps(PARAMETERS))
    status = 2 if options else 1
    assert message in call("import-recording", "nir", file, *options, "-o", tmp_path / "r", status=status).stderr


def test_a_table_may_begin_with_a_byte_order_mark(tmp_path):
    file = tmp_path / "cell.csv"
    file.write_text("\ufeff1,0,0\n0,640,0\n", encoding="utf-8")
    (tmp_path / "cell.json").write_text(json.dumps(PARAMETERS))
    assert facts("import-recording", "nir", file, "-o", tmp_path / "r")["silicon"] is False


# --- lava-dl ---------------------------------------------------------------------------------------------------------


def write_net(file, layers):
    """The layout that lava-dl's `export_hdf5` writes: dense layers of float weights, neurons as a group of numbers."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(file, "w") as net:
        for i, layer in enumerate(layers):
            group = net.create_group(f"layer/{i}")
            group.create_dataset("type", (1,), "S10", [layer["type"].encode()])
            for name, value in layer.items():
                if name == "neuron":
                    for key, number in value.items():
                        group.create_dataset(f"neuron/{key}", data=number)
                elif name != "type":
                    group.create_dataset(name, data=np.asarray(value, float))


NEURON = {"type": "CUBA", "iDecay": 1024, "vDecay": 128, "vThMant": 80, "refDelay": 1, "gradedSpike": False}
STEPS, CHANNELS, HIDDEN, OUT = 120, 6, 5, 3


def layers(seed=0):
    rng = np.random.default_rng(seed)
    return [
        {"type": "input", "shape": [CHANNELS]},
        {"type": "flatten", "shape": [CHANNELS]},
        {"type": "dense", "shape": [HIDDEN], "weight": 2 * rng.integers(-20, 21, (HIDDEN, CHANNELS)),
         "delay": rng.integers(0, 4, HIDDEN), "bias": rng.integers(-30, 31, HIDDEN), "neuron": NEURON},
        {"type": "dense", "shape": [OUT], "weight": rng.integers(-128, 128, (OUT, HIDDEN)),
         "delay": rng.integers(0, 4, HIDDEN), "neuron": {**NEURON, "iDecay": 4096, "vThMant": 30}},
        {"type": "average", "shape": [OUT]},
    ]  # fmt: skip


def by_the_oracle(net, stimulus):
    """The same network in scalar integers, read from the file's fields by hand."""
    hidden, out = net[2], net[3]
    neurons, projections = [], []
    for layer in (hidden, out):
        n = layer["neuron"]
        for i in range(len(layer["weight"])):
            bias = int(layer["bias"][i]) if "bias" in layer else 0
            neurons.append(oracle.LIF(n["iDecay"] - 1, n["vDecay"], n["vThMant"], bias, 6))
    for from_input, layer, first, delay in (
        (True, hidden, 0, lambda i, j: hidden["delay"][i]),
        (False, out, HIDDEN, lambda i, j: out["delay"][j]),
    ):
        weights = layer["weight"]
        synapses = [
            (j, first + i, int(weights[i, j]), int(delay(i, j))) for i, j in np.ndindex(weights.shape) if weights[i, j]
        ]
        projections.append(oracle.Projection(from_input, 0, synapses))
    result = oracle.run(oracle.Net(0, neurons, projections), stimulus.T.tolist(), [0])
    return np.array(result.spikes).T[HIDDEN:]


@pytest.fixture
def ground_truth(tmp_path):
    folder = tmp_path / "gts"
    folder.mkdir()
    net = layers()
    write_net(folder / "small.net", net)
    stimulus = (np.random.default_rng(1).random((CHANNELS, STEPS)) < 0.3).astype(int)
    np.save(folder / "input.npy", stimulus)
    np.save(folder / "output.npy", by_the_oracle(net, stimulus)[np.newaxis])
    return folder


def test_lava_dl_ground_truth(ground_truth, tmp_path):
    found = facts("import-recording", "lava-dl", ground_truth, "-o", tmp_path / "r")
    assert (found["population"], found["silicon"]) == ("layer3", False)
    assert 10 < found["trace"]["spikes"] < OUT * STEPS / 2
    (replayed,) = facts("conformance", tmp_path / "r", "--simulators", "none")["recordings"]
    assert replayed["verdict"]["equal"]
    assert {"delay", "bias-shift", "threshold-shift", "order"} <= set(replayed["rules"])
    # Agreed by a simulator, and not backed by silicon.
    rules = {rule["name"]: rule for rule in facts("conformance", tmp_path / "r", "--simulators", "none")["rules"]}
    assert (rules["delay"]["standing"], rules["delay"]["simulators"]) == ("agreed by 1 simulator", ["lava-dl"])


def test_lava_dl_output_that_is_known_to_come_late(ground_truth, tmp_path):
    output = np.load(ground_truth / "output.npy")[0]
    np.save(ground_truth / "output.npy", output[:, 2:])
    call("import-recording", "lava-dl", ground_truth, "-o", tmp_path / "r", "--first-step", 2)
    call("conformance", tmp_path / "r", "--simulators", "none")
    call("import-recording", "lava-dl", ground_truth, "-o", tmp_path / "r")
    call("conformance", tmp_path / "r", "--simulators", "none", status=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "pool"}, "layer 2: a layer of type 'pool' cannot be imported"),
        ({"neuron": NEURON | {"type": "RF"}}, "neurons of type 'RF' cannot be imported"),
        ({"neuron": NEURON | {"refDelay": 4}}, "refDelay is 4: a refractory period cannot be imported"),
        ({"neuron": NEURON | {"gradedSpike": True}}, "graded spikes cannot be imported"),
        ({"neuron": NEURON | {"wgtExp": 6}}, "wgtExp is 6"),
        ({"neuron": NEURON | {"iDecay": 0}}, "du of neuron 0 is -1, not 0 to 4095"),
        ({"delay": np.full(HIDDEN, 63)}, "a delay is 63, not 0 to 62"),
        ({"delay": np.zeros(4)}, "there are 4 delays for 5 outputs and 6 inputs"),
        ({"weight": np.full((HIDDEN, 4), 2)}, "weight has shape [5, 4], and 6 sources come before it"),
        ({"weight": [[131, -2, 0, 0, 0, 0]] * HIDDEN}, "reach from -2 to 131 and are not all even"),
        ({"weight": np.full((HIDDEN, CHANNELS), 0.5)}, "weight does not hold integers"),
    ],
)
def test_what_cannot_be_imported_from_lava_dl(change, message, ground_truth, tmp_path):
    net = layers()
    net[2] = net[2] | change
    write_net(ground_truth / "small.net", net)
    assert message in call("import-recording", "lava-dl", ground_truth, "-o", tmp_path / "r", status=1).stderr


def damage_group_for_number(net):
    del net["layer"]
    net["layer"] = 3


def damage_link_to_nowhere(net):
    del net["layer/2/type"]
    net["layer/2/type"] = pytest.importorskip("h5py").SoftLink("/nowhere")


def damage_link_to_itself(net):
    net["layer/2/more"] = pytest.importorskip("h5py").SoftLink("/")


def damage_huge(net):
    del net["layer/2/weight"]
    net.create_dataset("layer/2/weight", shape=(2**40,), dtype="f8", chunks=(1024,))


def damage_text_for_number(net):
    del net["layer/2/neuron/refDelay"]
    net["layer/2/neuron/refDelay"] = "x"


def damage_least_integer(net):
    del net["layer/2/neuron/vThMant"]
    net["layer/2/neuron/vThMant"] = np.int64(-(2**63))  # its absolute value is itself


def damage_no_values(net):
    del net["layer/2/weight"]
    net["layer/2/weight"] = np.zeros((0, CHANNELS))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_group_for_number, "there is no group `layer` in it"),
        (damage_link_to_nowhere, "layer/2/type: this is a link to '/nowhere', which is not followed"),
        (damage_link_to_itself, "layer/2/more: this is a link to '/', which is not followed"),
        (damage_huge, "the file declares 8796 GB, and one of its size may take"),
        (damage_text_for_number, "layer 2: refDelay does not hold integers of at most 24 bits"),
        (damage_least_integer, "layer 2: vThMant does not hold integers of at most 24 bits"),
        (damage_no_values, "layer 2: weight has shape [0, 6]: there are no synapses"),
    ],
)
def test_a_damaged_net_of_lava_dl(damage, message, ground_truth):
    with pytest.importorskip("h5py").File(ground_truth / "small.net", "r+") as net:
        damage(net)
    with pytest.raises(LsmError, match=re.escape(message)):
        import_lava_dl(ground_truth, source="", licence="")


def test_each_byte_of_a_net_of_lava_dl_may_be_damaged(ground_truth):
    file = ground_truth / "small.net"
    content, rng = file.read_bytes(), np.random.default_rng(0)
    refused = 0
    for at in rng.integers(0, 2000, 150).tolist():  # where its groups and its names are
        file.write_bytes(content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
        try:
            import_lava_dl(ground_truth, source="", licence="")
        except LsmError:
            refused += 1
    assert 10 < refused < 140  # the layout differs with the version of HDF5, and much of it is room that nothing uses


@pytest.mark.parametrize("step", [-1, STEPS])
def test_a_first_step_outside_the_input_is_refused(step, ground_truth):
    with pytest.raises(LsmError, match=f"the output begins at step {step}"):
        import_lava_dl(ground_truth, source="", licence="", first_step=step)


def test_lava_dl_files(ground_truth, tmp_path, monkeypatch):
    arguments = ("import-recording", "lava-dl", ground_truth, "-o", tmp_path / "r")
    np.save(ground_truth / "in.npy", np.zeros((CHANNELS, STEPS)))
    assert "there are 2 candidates for input.npy or in.npy in it" in call(*arguments, status=1).stderr
    np.save(ground_truth / "in.npy", np.zeros((2, 4, 4, STEPS)))
    named = (*arguments, "--input", ground_truth / "in.npy")
    assert "it has shape [2, 4, 4, 120], not [neuron, t]" in call(*named, status=1).stderr
    (ground_truth / "in.npy").unlink()
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "h5py", None)
        assert "h5py is not installed" in call(*arguments, status=1).stderr
    (ground_truth / "small.net").write_text("no net")
    assert "this is no HDF5 file" in call(*arguments, status=1).stderr
    (ground_truth / "small.net").unlink()
    assert "there is no a .net file in it" in call(*arguments, status=1).stderr
