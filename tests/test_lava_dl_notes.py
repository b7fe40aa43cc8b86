"""A program out as lava-dl's `.net`, and in again: the same bytes; and with its notes gone, or wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench.interchange.lava_dl import random_liquid
from click.testing import CliRunner
from test_netx import LIQUID, STIMULUS, placed

from lsm_deploy.cli import main
from lsm_deploy.compile.pipeline import compile_built
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.core.layered import beyond_layers
from lsm_deploy.core.neurons import KINDS, bounds
from lsm_deploy.exchange.deployed import deploy
from lsm_deploy.formats.lava_dl.net import read_net
from lsm_deploy.formats.lava_dl.notes import export_net
from lsm_deploy.report.programs import report_compiled
from lsm_deploy.report.text import to_text
from lsm_deploy.run.backends import run_program
from lsm_deploy.spec.schema import Quantise
from lsm_deploy.store import load_program, program_to_bytes, save_program
from lsm_deploy.store.hdf5 import read_tree, write_tree

pytest.importorskip("h5py")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    export_net(tmp_path / "liquid.net", placed(LIQUID))
    return tmp_path / "liquid.net"


def test_two_layers_of_three_populations_are_the_same_program_again(file):
    reading = read_net(file)
    assert program_to_bytes(placed(reading.network)) == program_to_bytes(placed(LIQUID))
    assert [(line.kind, line.verdict) for line in reading.lines] == [
        ("input", "exact"), ("dense_rec", "exact"), ("dense", "exact")
    ]  # fmt: skip
    assert "'exc', 'inh'" in reading.lines[1].what
    assert reading.output == "out"


def test_without_the_notes_the_same_spikes(file):
    tree = read_tree(file)
    del tree["lsm_deploy"]
    write_tree(file, tree)
    network = read_net(file).network
    assert list(network.sizes) == ["layer1", "layer2"]
    ours, theirs = (run_program("fast", placed(each), STIMULUS).spikes for each in (LIQUID, network))
    assert ours.any()
    np.testing.assert_array_equal(np.concatenate([ours[:, :12], ours[:, 16:], ours[:, 12:16]], axis=1), theirs)


@pytest.mark.parametrize("seed", range(4))
def test_random_liquids_on_one_grid(seed, tmp_path):
    free, compiled = (compile_built(random_liquid(seed), how=Quantise(lava_dl=on)) for on in (False, True))
    assert list(beyond_layers(free.program.network)) != []  # else there would be nothing to choose
    export_net(tmp_path / "some.net", compiled.program)
    again = deploy(read_net(tmp_path / "some.net")).compiled
    assert program_to_bytes(again.program) == program_to_bytes(compiled.program)
    assert again.certificate.certified.tolist() == compiled.certificate.certified.tolist()


def test_the_price_of_one_grid_is_said():
    compiled = compile_built(random_liquid(0), how=Quantise(lava_dl=True))
    said = to_text(report_compiled(compiled).blocks)
    assert "what that costs: scales" in said
    for before, after in compiled.price.scales.values():
        assert after < before
    worse = [a - b for a, b in compiled.price.snr_db.values()]
    assert 0 < sum(worse) / len(worse) < 20
    registers = compiled.program.network.registers("LIF")
    assert np.unique((registers["bias_mant"] << registers["bias_exp"]) % 64).tolist() == [0]
    both = compile_built(random_liquid(0), how=Quantise(lava_dl=True, certified=True))
    assert not list(beyond_layers(both.program.network))
    assert both.certificate.certified.all()


# --- notes are not trusted --------------------------------------------------------------------------------------------


def change_a_weight(tree):
    tree["layer"]["1"]["weight"] = tree["layer"]["1"]["weight"] + 2 * (tree["layer"]["1"]["weight"] == 0)


def change_an_odd_exponent(tree):
    facts = json.loads(str(tree["lsm_deploy"]["network"]))
    facts["projections"][1]["weight_exp"] = 7
    tree["lsm_deploy"]["network"] = json.dumps(facts)


def change_a_threshold(tree):
    tree["layer"]["2"]["neuron"]["vThMant"] = tree["layer"]["2"]["neuron"]["vThMant"] + (1 << 17)


def change_posts(tree):
    tree["lsm_deploy"]["projection.0.post"] = tree["lsm_deploy"]["projection.0.post"] + 1000


def drop_posts(tree):
    del tree["lsm_deploy"]["projection.0.post"]


def change_kind(tree):
    notes = tree["lsm_deploy"]
    notes["network"] = str(notes["network"]).replace('"LIF"', '"GradedLI"')
    for i, size in enumerate(LIQUID.sizes.values()):
        for name in KINDS["GradedLI"].Registers.__dataclass_fields__:
            low, _ = bounds(KINDS["GradedLI"].Registers, name)
            notes.setdefault(f"population.{i}.{name}", np.full(size, 0 if name == "phase" else max(1, int(low))))


def change_text(tree):
    tree["lsm_deploy"]["network"] = "[[[[[" * 100


def change_recurrence(tree):
    tree["layer"]["1"]["type"] = "dense"
    del tree["layer"]["1"]["weight_rec"]


def drop_a_layer(tree):
    del tree["layer"]["2"]


def add_delays(tree):
    tree["layer"]["2"]["delay"] = tree["layer"]["2"]["delay"] + 1


def add_a_field(tree):
    tree["layer"]["2"]["neuron"]["refDelay"] = 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_a_weight, "layer/1/weight is not what its notes make of it"),
        (change_an_odd_exponent, "is not what its notes make of it"),
        (change_a_threshold, "layer/2/neuron/vThMant is not what its notes make of it"),
        (change_posts, "the program is not valid"),
        (drop_posts, "the program is not valid"),
        (change_kind, "its notes have neurons of kind GradedLI"),
        (change_text, "its notes hold no network"),
        (change_recurrence, "layer 1 is not recurrent"),
        (drop_a_layer, "it has 1 layers, and its notes 2"),
        (add_delays, "layer/2/delay is not what its notes make of it"),
        (add_a_field, "refDelay is 7"),
    ],
)
def test_notes_that_do_not_fit_are_refused(change, message, file):
    tree = read_tree(file)
    change(tree)
    write_tree(file, tree)
    with pytest.raises(LsmError) as caught:
        read_net(file)
    assert message in str(caught.value)


# --- the command ------------------------------------------------------------------------------------------------------


def test_export_and_import(tmp_path):
    program: Program = compile_built(random_liquid(1), how=Quantise(lava_dl=True)).program
    save_program(tmp_path / "a.lsm", program)
    for command in (["export", "a.lsm", "--net", "b.net"], ["import", "b.net", "-o", "c.lsm"]):
        paths = [str(tmp_path / word) if word.endswith((".lsm", ".net")) else word for word in command]
        done = CliRunner().invoke(main, paths, catch_exceptions=False)
        assert done.exit_code == 0, done.stderr
    assert program_to_bytes(load_program(tmp_path / "c.lsm")) == program_to_bytes(program)
    stimulus = Stimulus(np.ones((30, program.network.channels), np.int8), np.array([0]))
    assert run_program("fast", load_program(tmp_path / "c.lsm"), stimulus).spikes.any()


def test_what_a_net_cannot_say_is_refused_and_nothing_is_written(tmp_path):
    late = replace(LIQUID.projections[3], delays=np.full_like(LIQUID.projections[3].delays, 2))
    network = replace(LIQUID, sample_interval=4, projections=(*LIQUID.projections[:3], late, *LIQUID.projections[4:]))
    save_program(tmp_path / "a.lsm", placed(network))
    done = CliRunner().invoke(main, ["export", str(tmp_path / "a.lsm"), "--net", str(tmp_path / "b.net")])
    assert done.exit_code == 1
    assert "every 4 steps" in done.stderr
    assert "delays of up to 2 steps" in done.stderr
    assert not (tmp_path / "b.net").exists()
