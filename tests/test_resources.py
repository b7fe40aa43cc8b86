"""Resources: events are those counted one by one; energy and time are sums of them, and SANA-FE agrees."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from liquid import liquid, stimulus
from lsm_backends import emulator
from programs import random_case

from lsm_deploy import store
from lsm_deploy.cli import main
from lsm_deploy.core import mesh as layout
from lsm_deploy.core.boards import BOARDS
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus, Trace
from lsm_deploy.exchange.sanafe import export_sanafe
from lsm_deploy.measure.cost import figures
from lsm_deploy.measure.cost.resources import count_resources

KAPOHO = BOARDS["kapoho_point"]
seeds = st.integers(0, 10_000)


def scattered(seed: int, most: int = 400) -> tuple[Program, Stimulus, Trace]:
    """A random program on random cores of several chips, and what it does."""
    program, given = random_case(seed)
    rng = np.random.default_rng(seed)
    cores = rng.integers(0, rng.integers(1, most), program.network.neurons).astype(np.int32)
    placed = Program(program.network, cores, "kapoho_point")
    return placed, given, emulator.run(placed, given)


def place_of(core: int) -> tuple[int, int]:
    """Where a core lies, written down anew: chips four abreast, columns of four tiles, every second one upwards."""
    chip, tile = core // 120, core % 120 // 4
    column, row = divmod(tile, 4)
    return chip % 4 * 8 + column, chip // 4 * 4 + (3 - row if column % 2 else row)


def count_one_by_one(program: Program, given: Stimulus, trace: Trace) -> dict[str, int]:
    network, cores = program.network, program.cores.tolist()
    found = dict.fromkeys(
        (
            "input_spikes", "spikes", "synaptic_operations", "messages", "input_messages", "between_cores",
            "between_chips", "hops_x", "hops_y",
        ),
        0,
    )  # fmt: skip
    for t in range(len(trace.spikes)):
        fired = [n for n in range(network.neurons) if trace.spikes[t, n]]
        fired += [network.neurons + c for c in range(network.channels) if given.spikes[t, c]]
        for source in fired:
            is_input = source >= network.neurons
            found["input_spikes" if is_input else "spikes"] += 1
            reached = set()
            for p in network.projections:
                first = network.neurons if p.source == INPUT else network.offsets[p.source]
                if not 0 <= source - first < len(p.indptr) - 1 or (p.source == INPUT) != is_input:
                    continue
                for k in range(p.indptr[source - first], p.indptr[source - first + 1]):
                    found["synaptic_operations"] += 1
                    reached.add(cores[network.offsets[p.target] + p.post[k]])
            x, y = (7, 0) if is_input else place_of(cores[source])
            for core in reached:
                found["input_messages" if is_input else "messages"] += 1
                if not is_input:
                    found["between_cores"] += core != cores[source]
                    found["between_chips"] += core // 120 != cores[source] // 120
                found["hops_x"] += abs(x - place_of(core)[0])
                found["hops_y"] += abs(y - place_of(core)[1])
    return found


class TestEvents:
    @given(seeds)
    def test_are_those_counted_one_by_one(self, seed: int) -> None:
        program, given, trace = scattered(seed)
        found = count_resources(program, given, trace)
        expected = count_one_by_one(program, given, trace)
        assert {name: getattr(found.events, name) for name in expected} == expected
        assert found.events.steps == len(given.spikes)
        assert found.events.neuron_updates == len(given.spikes) * program.network.neurons
        assert found.cores == len(set(program.cores.tolist()))
        assert found.chips == len({c // 120 for c in program.cores.tolist()})
        assert found.tiles == len({c // 120 * 30 + c % 120 // 4 for c in program.cores.tolist()})

    def test_a_run_in_blocks_is_the_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        program, given = liquid(), stimulus()
        trace = emulator.run(program, given)
        whole = count_resources(program, given, trace)
        monkeypatch.setattr("lsm_deploy.measure.cost.resources._AT_ONCE", 7)
        parts = count_resources(program, given, trace)
        assert parts.events == whole.events
        assert parts.estimate.step_time.least == pytest.approx(whole.estimate.step_time.least)
        assert parts.estimate.step_time.most == pytest.approx(whole.estimate.step_time.most)

    def test_neighbouring_cores_lie_side_by_side(self) -> None:
        places = layout.tiles(np.arange(120), KAPOHO)
        assert (np.abs(np.diff(places, axis=0)).sum(axis=1) <= 1).all()
        assert len({tuple(p) for p in places.tolist()}) == 30
        assert layout.ENTRANCE not in {tuple(p) for p in places.tolist()}
        assert layout.tiles(np.array([120, 480]), KAPOHO).tolist() == [[8, 0], [0, 4]]


class TestEstimate:
    def test_a_run_worked_out_by_hand(self) -> None:
        """Three neurons, on the second tile and twice the third; the first reaches both others, and spikes once."""
        ones = np.ones(3, np.int16)
        joined = (np.array([0, 2, 3, 3]), np.array([1, 2, 0], np.int32), ones, np.zeros(3, np.uint8))
        star = QProjection("star", "p", "p", "excitatory", 8, 0, *joined)
        registers = {name: np.ones(3, np.int64) for name in ("du", "dv", "vth", "bias_mant", "bias_exp")}
        network = QNetwork(1.0, 1, 0, (QPopulation("p", "LIF", 3, registers),), (star,))
        placed = Program(network, np.array([4, 8, 9], np.int32), "oheo_gulch")
        spikes = np.zeros((4, 3), np.int8)
        spikes[1, 0] = 1
        quiet = Stimulus(np.zeros((4, 1), np.int8), np.array([0]))
        found = count_resources(placed, quiet, Trace(spikes, {}, np.array([0]), {}))
        assert (found.events.messages, found.events.hops_x, found.events.hops_y) == (2, 0, 2)
        modelled = found.estimate
        assert modelled.energy.least == pytest.approx((2 * 23.6 + 12 * 51.2 + 69.3 + 2 * 111 + 2 * 4.2) * 1e-12)
        assert modelled.energy.most == pytest.approx((2 * 35.5 + 12 * 81.0 + 69.3 + 2 * 111 + 2 * 4.2) * 1e-12)
        # Two tiles: a barrier of 1000 ns. The step of the spike: 6 + 30 + 2 * 5.1 at its core, 16 + 3.1 at others.
        assert modelled.step_time.least == pytest.approx((4 * 1000 + 3 * 6 + 46.2) / 4 * 1e-9)
        slow = 4 * (1800 + 9.7 + 6.5) + 33.7 + 2 * 5.1 + 16 + 4.7
        assert modelled.step_time.most == pytest.approx(slow / 4 * 1e-9)

    def test_every_figure_has_a_source_and_a_range(self) -> None:
        for figure in (*figures.ENERGY.values(), *figures.TIME.values()):
            assert figure.source
            assert 0 < figure.least <= figure.most

    def test_no_step_costs_nothing(self) -> None:
        program = liquid()
        none = Stimulus(np.zeros((0, program.network.channels), np.int8), np.array([0]))
        trace = Trace(np.zeros((0, program.network.neurons), np.int8), {}, np.array([0]), {})
        assert count_resources(program, none, trace).estimate.energy.most == 0


SANAFE = pytest.mark.skipif(
    importlib.util.find_spec("sanafe") is None, reason="no sanafe: install the extra 'sanafe' (Linux on x86-64)"
)


@SANAFE
class TestSanaFe:
    """The same placed network and spikes in SANA-FE: equal events, and energy that is the sum of its own figures."""

    def run(self, folder: Path, program: Program, given: Stimulus, trace: Trace) -> dict:
        import sanafe

        export_sanafe(folder, program, given, trace)
        architecture = sanafe.load_arch(str(folder / "arch.yaml"))
        chip = sanafe.SpikingChip(architecture)
        chip.load(sanafe.load_net(str(folder / "snn.yaml"), architecture))
        return chip.sim(len(given.spikes), timing_model="simple", perf_trace=True, processing_threads=1)

    def check(self, folder: Path, program: Program, given: Stimulus, trace: Trace) -> None:
        theirs, ours = self.run(folder, program, given, trace), count_resources(program, given, trace)
        events = ours.events
        assert theirs["spikes"] == events.synaptic_operations
        assert theirs["packets_sent"] == events.messages + events.input_messages
        assert theirs["neurons_fired"] == events.spikes + events.input_spikes
        assert sum(theirs["perf_trace"]["hops"]) == events.hops_x + events.hops_y
        costs = figures.SANA_FE_COSTS
        energy = (
            events.synaptic_operations * costs["sparse synapse"].pj
            + events.neuron_updates * costs["neuron access"].pj
            + events.spikes * (costs["neuron update"].pj + costs["spike"].pj)
            + events.messages * costs["message out"].pj
            + events.hops_x * costs["hop along x"].pj
            + events.hops_y * costs["hop along y"].pj
        )
        assert theirs["energy"]["total"] == pytest.approx(energy * 1e-12, rel=1e-9)
        assert ours.estimate.energy.least <= theirs["energy"]["total"] * (1 + 1e-9)
        assert theirs["energy"]["total"] <= ours.estimate.energy.most * (1 + 1e-9)

    @pytest.mark.parametrize("seed", range(12))
    def test_random_programs(self, seed: int, tmp_path: Path) -> None:
        self.check(tmp_path / "x", *scattered(seed, most=240))

    def test_a_liquid_on_three_cores(self, tmp_path: Path) -> None:
        program, given = liquid(), stimulus()
        cores = np.arange(program.network.neurons, dtype=np.int32) % 3 * 50
        placed = Program(program.network, cores, "oheo_gulch")
        trace = emulator.run(placed, given)
        assert trace.spikes.any()
        self.check(tmp_path / "x", placed, given, trace)
        theirs, ours = self.run(tmp_path / "y", placed, given, trace), count_resources(placed, given, trace)
        step = theirs["sim_time"] / len(given.spikes)
        assert ours.estimate.step_time.least <= step <= ours.estimate.step_time.most


class TestCommands:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        store.save_program("p.lsm", liquid())
        store.save_stimulus("i.npz", stimulus())
        return tmp_path

    def call(self, *arguments: str, status: int = 0) -> str:
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == status, done.output
        return done.stdout if status == 0 else done.stderr

    def test_resources(self, folder: Path, golden) -> None:
        text = self.call("resources", "p.lsm", "--input", "i.npz")
        golden(Path(__file__).parent / "golden" / "resources.txt", text)

    def test_resources_of_a_trace_as_json(self, folder: Path) -> None:
        self.call("run", "p.lsm", "--input", "i.npz", "-o", "t.npz")
        of_trace = json.loads(self.call("resources", "p.lsm", "--input", "i.npz", "--trace", "t.npz", "--json"))
        of_run = json.loads(self.call("resources", "p.lsm", "--input", "i.npz", "--json"))
        assert of_trace == of_run
        assert of_run["modelled"]["standing"] == "modelled on Loihi 1 figures"
        assert of_run["events"]["spikes"] > 0

    def test_a_trace_of_something_else(self, folder: Path) -> None:
        self.call("run", "p.lsm", "--input", "i.npz", "-o", "t.npz")
        store.save_program("q.lsm", liquid(exc=17))
        assert "the trace is of program" in self.call(
            "resources", "q.lsm", "--input", "i.npz", "--trace", "t.npz", status=1
        )
        said = self.call("resources", "p.lsm", "--trace", "t.npz", status=1)
        assert "the trace has 120 steps of 20 neurons, the run 1000 of 20" in said

    def test_a_program_on_no_board(self, folder: Path) -> None:
        program = liquid()
        store.save_program("q.lsm", Program(program.network, program.cores, "elsewhere"))
        said = self.call("resources", "q.lsm", status=1)
        assert "there is no board 'elsewhere', only oheo_gulch, kapoho_point, hala_point, none" in said
        cores = program.cores.copy()
        cores[3] = 120
        with pytest.raises(ValueError, match="cores: entry 3 is 120, not 0 to 119"):
            Program(program.network, cores, "oheo_gulch")

    def test_export(self, folder: Path) -> None:
        self.call("export", "p.lsm", "--input", "i.npz", "--sanafe", "out")
        assert {path.name for path in (folder / "out").iterdir()} == {"arch.yaml", "snn.yaml", "README.txt"}
        assert "give one of" in self.call("export", "p.lsm", status=2)
        assert "give one of" in self.call("export", "p.lsm", "--sanafe", "a", "--lava", "b", status=2)
        assert "--trace and --backend belong to --sanafe" in self.call(
            "export", "p.lsm", "--lava", "b", "--trace", "t", status=2
        )
