"""Networks that go out as NIR graphs, and what reads them: `nir`, this project, and whoever takes the equations."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from liquid import liquid
from programs import random_program

import lsm_deploy as ld
from lsm_deploy.cli import main
from lsm_deploy.core.errors import LsmError, MisuseError
from lsm_deploy.core.ir import INPUT, Network, Population, Program, Projection, QNetwork, Stimulus

pytest.importorskip("h5py")

from lsm_deploy.store.hdf5 import read_tree, write_tree

pytestmark = pytest.mark.once

KINDS = ("LIF", "LIFSubtract", "LIFRefractory")


def population(name: str, size: int, kind: str = "LIF", tau_syn_ms: float = 5.0, **more: float) -> Population:
    values = {"tau_mem_ms": 20.0, "tau_syn_ms": tau_syn_ms, "v_threshold": 1.0, "bias": 0.0, **more}
    return Population(name, kind, size, {name: np.full(size, value) for name, value in values.items()})


def projection(source: str, target: str, pre: int, post: int, delay_ms: float = 0.0) -> Projection:
    weight = np.random.default_rng([pre, post]).normal(0.2, 1.0, (pre, post)) / np.sqrt(pre)
    indptr, onto = np.arange(pre + 1) * post, np.tile(np.arange(post), pre)
    wait = np.full(pre * post, delay_ms)
    return Projection(f"{source}->{target}", source, target, "mixed", 8, indptr, onto, weight.ravel(), wait)


def layers(kind: str = "LIF", tau_syn_ms: float = 5.0, delay_ms: float = 0.0, **more: float) -> Network:
    populations = (population("hidden", 20, kind, tau_syn_ms, **more), population("out", 5, kind, tau_syn_ms, **more))
    projections = (
        projection(INPUT, "hidden", 12, 20),
        projection("hidden", "hidden", 20, 20),
        projection("hidden", "out", 20, 5, delay_ms),
    )
    return Network(1.0, 12, 0, populations, projections)


def read_again(file: Path, program: Program) -> str:
    return ld.program_id(replace(program, network=ld.read_network(file).network))


def floats_of(network: QNetwork) -> Network:
    """The floats that integers stand for."""
    return Network(network.dt_ms, network.channels, 0, network.populations, network.projections, network.input)


def spikes_by_node(network: Network, nodes: dict[str, tuple[str, ...]], stimulus: Stimulus) -> dict[str, np.ndarray]:
    spikes = ld.run_float(network, stimulus).spikes
    return {
        node: np.concatenate([spikes[:, network.columns(name)] for name in names], axis=1)
        for node, names in nodes.items()
    }


def nodes_of(lines) -> dict[str, tuple[str, ...]]:
    """The populations of each node, as the account says them."""
    neurons = [line for line in lines if line.kind in ("LIF", "CubaLIF")]
    return {line.node: tuple(line.what.partition(":")[0].split("'")[1::2]) for line in neurons}


NETWORKS = {
    "current": (layers(), "zero"),
    "no current": (layers(tau_syn_ms=0.0), "zero"),
    "delay": (layers(delay_ms=3.0), "zero"),
    "bias": (layers(bias=0.03), "zero"),
    "subtract": (layers("LIFSubtract", reset_delay=0.0), "subtract"),
    "subtract late": (layers("LIFSubtract", reset_delay=1.0), "subtract-delayed"),
    "refractory": (layers("LIFRefractory", t_refractory_ms=1.0), "zero-delayed"),
}


@pytest.mark.parametrize("case", NETWORKS)
@pytest.mark.parametrize("reader", [None, "snntorch"])
def test_what_is_read_by_its_equations_spikes_as_the_network_did(tmp_path, case, reader):
    network, reset = NETWORKS[case]
    lines = ld.export_nir(tmp_path / "net.nir", network, reader)
    dt_ms = 0.1 if reader else 1.0
    reading = ld.read_network(tmp_path / "net.nir", dt_ms=dt_ms, scheme="euler", reset=reset)
    stimulus = Stimulus(np.random.default_rng(1).random((80, 12)) < 0.2, np.array([0]))
    nodes = nodes_of(lines)
    assert {name: len(members) for name, members in nodes.items()} == {"hidden": 1, "out": 1}
    ours = spikes_by_node(network, nodes, stimulus)
    theirs = spikes_by_node(reading.network, {name: (name,) for name in nodes}, stimulus)
    for lag, name in enumerate(nodes, 1):  # ours: a step for each synapse from the input
        at, of_file = ours[name][lag:], theirs[name][reading.lags[name] :]
        assert at.any()
        assert (at[:70] == of_file[:70]).all()


@pytest.mark.parametrize("case", NETWORKS)
def test_it_comes_back_as_the_same_program(tmp_path, case):
    network, reset = NETWORKS[case]
    program = ld.compile_built(network).program
    for given, name in ((network, "floats.nir"), (program, "integers.nir")):
        lines = ld.export_nir(tmp_path / name, given)
        reading = ld.read_network(tmp_path / name)
        back = reading.network
        made = ld.compile_built(back).program if isinstance(back, Network) else replace(program, network=back)
        assert ld.program_id(made) == ld.program_id(program)
        assert isinstance(back, QNetwork) == (given is program)
        assert reading.output == "out"
        assert {line.node for line in reading.lines} == {line.node for line in lines}
        assert {line.verdict for line in lines} == ({"exact"} if reset == "zero" else {"exact", "assumed"})
        assert sum(f"reset {reset}" in line.what for line in lines) == (0 if reset == "zero" else 2)


@pytest.mark.parametrize("seed", range(6))
def test_random_programs_come_back_bit_for_bit(tmp_path, seed):
    """Delays, doubled synapses, all registers."""
    program = random_program(np.random.default_rng(seed), kinds=KINDS)
    ld.export_nir(tmp_path / "net.nir", program)
    assert read_again(tmp_path / "net.nir", program) == ld.program_id(program)


@pytest.mark.parametrize("seed", [0, 2, 3, 4, 5, 6])  # in 1 nothing leads to a population, which a reader refuses
def test_populations_that_lead_anywhere_do_the_same(tmp_path, seed):
    """In cycles, beside each other, past each other, and with any delays."""
    rng = np.random.default_rng(seed)
    names = ["a", "b", "c", "d"]
    ends = {(INPUT, "a"), ("a", "b"), ("b", "c"), ("c", "d")} - {("abcd"[seed % 3], "abcd"[seed % 3 + 1])} | {
        tuple(rng.choice([INPUT, *names], 2).tolist()) for _ in range(6)
    }
    network = Network(
        1.0, 6, 0, tuple(population(name, 4) for name in names),
        tuple(projection(pre, post, 6 if pre == INPUT else 4, 4, float(rng.integers(0, 3)))
              for pre, post in sorted(ends) if post != INPUT),
    )  # fmt: skip
    lines = ld.export_nir(tmp_path / "net.nir", network)
    nodes, stimulus = nodes_of(lines), Stimulus(rng.random((100, 6)) < 0.3, np.array([0]))
    reading = ld.read_network(tmp_path / "net.nir", dt_ms=1.0, scheme="euler", reset="zero")
    ours = spikes_by_node(network, nodes, stimulus)
    theirs = spikes_by_node(reading.network, {name: (name,) for name in nodes}, stimulus)
    for name in nodes:
        of_file = theirs[name][reading.lags[name] :][:90]
        assert any((ours[name][lag : lag + 90] == of_file).all() for lag in (1, 2, 3))
    assert sum(spikes.sum() for spikes in ours.values()) > 300


def test_populations_that_lead_to_each_other_are_one_node(tmp_path):
    program = liquid()
    lines = ld.export_nir(tmp_path / "net.nir", program)
    assert nodes_of(lines) == {"exc_inh": ("exc", "inh")}
    reading = ld.read_network(tmp_path / "net.nir", dt_ms=1.0, scheme="euler", reset="zero")
    stimulus = Stimulus(np.random.default_rng(1).random((150, 4)) < 0.3, np.array([0]))
    ours = spikes_by_node(floats_of(program.network), nodes_of(lines), stimulus)["exc_inh"][1:]
    theirs = ld.run_float(reading.network, stimulus).spikes[reading.lags["exc_inh"] :]
    assert ours.sum() > 100
    assert (ours[:140] == theirs[:140, reading.network.columns("exc_inh")]).all()


def test_nir_reads_it_and_hands_it_on(tmp_path):
    nir = pytest.importorskip("nir")
    program = liquid()
    ld.export_nir(tmp_path / "net.nir", program)
    graph = nir.read(tmp_path / "net.nir")
    neurons = graph.nodes["exc_inh"]
    assert type(neurons).__name__ == "CubaLIF"
    dt, alpha = 1e-3, 1 - 1e-3 / neurons.tau_syn
    exc, inh = program.network.populations
    np.testing.assert_allclose(alpha, 1 - np.concatenate([exc.registers["du"], inh.registers["du"]]) / 4096 - 1 / 4096)
    np.testing.assert_allclose(neurons.r * dt / neurons.tau_mem, 1)
    np.testing.assert_allclose(neurons.v_threshold[:16], exc.registers["vth"] / exc.scale)
    from_input = next(p for p in program.network.projections if p.source == INPUT)
    weights = [node.weight for name, node in graph.nodes.items() if name.startswith("input_to")]
    assert sum(weights).sum() == pytest.approx(
        (from_input.weights.astype(int) << from_input.weight_exp).sum() / exc.scale
    )
    nir.write(tmp_path / "again.nir", graph)
    assert ld.program_id(replace(program, network=ld.read_network(tmp_path / "again.nir").network)) == ld.program_id(
        program
    )


def test_the_same_network_gives_the_same_bytes(tmp_path):
    for name in ("a.nir", "b.nir"):
        ld.export_nir(tmp_path / name, liquid())
    assert (tmp_path / "a.nir").read_bytes() == (tmp_path / "b.nir").read_bytes()


def test_kinds_without_a_node_are_refused_by_name_all_at_once(tmp_path):
    given = random_program(np.random.default_rng(3), kinds=("ATRLIF",), sizes=(3, 3))
    with pytest.raises(LsmError) as caught:
        ld.export_nir(tmp_path / "net.nir", given)
    refused = caught.value.each()
    assert [error.where for error in refused] == [f"population {p.name!r}" for p in given.network.populations]
    assert all("kind ATRLIF" in error.what for error in refused)
    graded = random_program(np.random.default_rng(3), kinds=("GradedLI",), sizes=(3,))
    with pytest.raises(LsmError, match="kind GradedLI"):
        ld.export_nir(tmp_path / "net.nir", graded)
    assert not (tmp_path / "net.nir").exists()


def test_what_no_graph_can_say_is_said(tmp_path):
    long = layers("LIFRefractory", t_refractory_ms=4.0)
    mixed = Network(1.0, 4, 0, (population("a", 3), population("b", 3, "LIFSubtract", reset_delay=0.0)), (
        projection(INPUT, "a", 4, 3), projection("a", "b", 3, 3), projection("b", "a", 3, 3)))  # fmt: skip
    for network in (long, mixed):
        lines = ld.export_nir(tmp_path / "net.nir", network)
        assert {line.kind for line in lines if line.verdict == "approximated"} == {"CubaLIF"}
    cleared = [line for line in ld.export_nir(tmp_path / "net.nir", liquid(interval=8)) if line.verdict != "exact"]
    assert [(line.kind, line.verdict) for line in cleared] == [("NIRGraph", "approximated")]
    assert "every 8 steps" in cleared[0].what


def test_a_graph_that_was_changed_is_not_read_as_what_it_was(tmp_path):
    file = tmp_path / "net.nir"
    ld.export_nir(file, layers())
    for change in ("weight", "v_reset", "edge", "node"):
        tree = read_tree(file)
        graph = tree["node"]
        if change == "weight":
            graph["nodes"]["hidden_to_out"]["weight"][0, 0] += 1e-6
        elif change == "v_reset":
            graph["nodes"]["out"]["v_reset"] = np.full(5, 0.1)
        elif change == "edge":
            graph["edges"] = graph["edges"][:-1]
        else:
            graph["nodes"]["more"] = graph["nodes"]["out"]
        write_tree(tmp_path / "changed.nir", tree)
        with pytest.raises(LsmError, match="changed since it was written"):
            ld.read_network(tmp_path / "changed.nir")
    tree = read_tree(file)
    tree["node"]["nodes"]["hidden_to_out"]["weight"][0, 0] += 1.0
    write_tree(file, tree)
    assert ld.read_network(file, dt_ms=1.0, scheme="euler", reset="zero").network.neurons == 25


def test_weights_that_are_in_a_file_are_not_given_other_bits_in_silence(tmp_path):
    ld.export_nir(tmp_path / "net.nir", layers())
    with pytest.raises(LsmError, match="no NIR file says its dt_ms"):
        ld.read_network(tmp_path / "net.nir", weight_bits=12)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step_ms", -1.0),
        ("step_ms", "x"),
        ("channels", np.arange(3)),
        ("channels", [3]),
        ("step_ms", np.ones(2)),
        ("populations", 3),
        ("channels", 1 << 60),
    ],
)
def test_metadata_are_not_trusted(tmp_path, name, value):
    file = tmp_path / "net.nir"
    ld.export_nir(file, layers())
    tree = read_tree(file)
    tree["node"]["metadata"]["lsm_deploy"][name] = value
    write_tree(file, tree)
    with pytest.raises(LsmError):
        ld.read_network(file)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", 3), ("size", 20.0), ("kind", "Cuba"), ("sign_mode", "any"), ("weight_bits", 99), ("delay_ms", np.inf)],
)
def test_fields_that_constructors_take_on_trust_are_looked_at(tmp_path, field, value):
    file = tmp_path / "net.nir"
    ld.export_nir(file, layers())
    tree = read_tree(file)
    ours = tree["node"]["metadata"]["lsm_deploy"]
    holder = ours["populations" if field in ("name", "size", "kind") else "projections"]["0"]
    holder[field] = np.full_like(holder[field], value) if field == "delay_ms" else value
    write_tree(file, tree)
    with pytest.raises(LsmError, match="metadata are damaged"):
        ld.read_network(file)


def test_the_command_gives_floats_of_a_spec_and_integers_of_a_program(tmp_path):
    spec = Path(__file__).parents[1] / "configs" / "japanese_vowels.yaml"
    done = CliRunner().invoke(main, ["export", str(spec), "--nir", str(tmp_path / "f.nir"), "--for", "norse", "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.output)
    assert {node["kind"] for node in facts["nodes"]} == {"Input", "CubaLIF", "Delay", "Linear", "Output"}
    program = ld.compile_spec(ld.load(spec)).program
    back = ld.read_network(tmp_path / "f.nir").network
    assert ld.program_id(ld.compile_built(back).program) == ld.program_id(program)
    ld.save_program(tmp_path / "net.lsm", program)
    done = CliRunner().invoke(main, ["export", str(tmp_path / "net.lsm"), "--nir", str(tmp_path / "i.nir")])
    assert done.exit_code == 0, done.output
    assert re.search(r"^ *liquid +CubaLIF +exact +population 'liquid'", done.output, re.MULTILINE)
    assert isinstance(ld.read_network(tmp_path / "i.nir").network, QNetwork)


@pytest.mark.parametrize(
    "more",
    [["--nir", "a.nir", "--sanafe", "d"], ["--for", "norse", "--lava", "d"], ["--nir", "a.nir", "--samples", "3"]],
)
def test_options_that_do_not_go_together_are_misuse(tmp_path, more):
    file = tmp_path / "net.lsm"
    ld.save_program(file, liquid())
    assert CliRunner().invoke(main, ["export", str(file), *more]).exit_code == 2
    with pytest.raises(MisuseError, match="nothing is known of reading by 'nest'"):
        ld.export_nir(tmp_path / "a.nir", liquid(), "nest")
