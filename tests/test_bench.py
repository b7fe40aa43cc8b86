"""The benchmark's own workings: networks as active as asked for, equal answers, honest tables. No speed is asserted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench import experiment, limit, plot, rounds, table
from bench.agreement import Agreement, DisagreementError, check, compare
from bench.grid import AXES, cases
from bench.latency import Latency
from bench.network import Case, activity_of, draw
from bench.page import PAGES, insert
from bench.rounds import Entry, Result
from bench.workers import BESIDE, PEERS, Peer, Process, WorkerError, absence, beside, write_case
from lsm_backends import emulator, fast

from lsm_deploy.core.ir import Stimulus
from lsm_deploy.report.pictures.images import png_of

pytestmark = pytest.mark.once

SMALL = Case("main", "small", neurons=60, degree=6, activity=0.1, max_delay=3, peers=("fast", "emulator"))


# --- networks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [case for case in cases(tuple(AXES)) if case.neurons <= 100_000 and not case.batch],
    ids=lambda case: f"{case.axis}, {case.label}",
)
def test_a_network_is_as_active_as_was_asked_for_and_stays_so(case: Case) -> None:
    program, stimulus = draw(case)
    steps = 5 * case.settled
    trace = fast.run(program, Stimulus(np.resize(stimulus.spikes, (steps, case.channels)), np.array([0])))
    assert activity_of(trace.spikes, case.settled) == pytest.approx(case.activity, rel=0.1)
    for first in range(case.settled, steps, case.settled):
        here = trace.spikes[first : first + case.settled]
        assert activity_of(here, 0) == pytest.approx(case.activity, rel=0.25)
    assert not any(trace.counts.values()), "what the leaner models leave out must not occur"


def test_neurons_lose_step_with_each_other() -> None:
    sparse, _ = cases(("density",))  # nobody disturbs anybody much: what makes them is the spread of rates
    program, stimulus = draw(sparse)
    trace = fast.run(program, Stimulus(np.resize(stimulus.spikes, (1000, sparse.channels)), np.array([0])))
    counts = trace.spikes[sparse.settled :].sum(axis=1)
    assert counts.std() < 5 * np.sqrt(counts.mean()), "ten and more, where all rates are alike"


def test_a_network_has_the_synapses_that_its_case_says() -> None:
    program, _ = draw(SMALL)
    network = program.network
    assert network.synapses == SMALL.synapses == (60 + 10) * 6
    assert replace(SMALL, degree=1000).synapses == 60 * 1000 + 10 * 100
    assert {int(d) for p in network.projections for d in p.delays} == {0, 1, 2, 3}
    for p in network.projections:
        rows = [p.post[a:b] for a, b in zip(p.indptr, p.indptr[1:], strict=False) if b > a]
        assert all(len(row) == SMALL.degree and (np.diff(row) > 0).all() for row in rows), "distinct targets"
    assert [p.sign_mode for p in network.projections] == ["excitatory", "excitatory", "inhibitory"]


def test_a_case_is_the_same_every_time() -> None:
    (one, a), (two, b) = draw(SMALL), draw(SMALL)
    assert np.array_equal(a.spikes, b.spikes)
    for p, q in zip(one.network.projections, two.network.projections, strict=True):
        assert np.array_equal(p.weights, q.weights)


def test_the_grid_varies_one_thing_at_a_time() -> None:
    (main,) = cases(("main",))
    for axis, varied in (("size", {"neurons", "degree"}), ("activity", {"activity"}), ("density", {"degree"})):
        for case in cases((axis,)):
            same = {"neurons", "degree", "activity", "max_delay", "batch"} - varied
            assert all(getattr(case, name) == getattr(main, name) for name in same)
    with pytest.raises(SystemExit, match="no axis colour"):
        cases(("colour",))


# --- processes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activity", [0.1, 0.004], ids=["in one period of the stimulus", "beyond one"])
def test_fast_and_emulator_say_what_the_emulator_says(activity: float, tmp_path: Path) -> None:
    case = replace(SMALL, activity=activity)
    program, stimulus = draw(case)
    write_case(tmp_path, case, program, stimulus)
    rows = np.resize(stimulus.spikes, (case.settled, case.channels))
    expected = np.nonzero(emulator.run(program, Stimulus(rows, np.array([0]))).spikes)
    assert len(expected[0]) > 200
    for name in ("fast", "emulator"):
        with Process(PEERS[name], tmp_path / name, tmp_path) as process:
            t, neuron, seconds = process.check()
            assert seconds > 0
            assert np.array_equal(t, expected[0])
            assert np.array_equal(neuron, expected[1])
            _, steps = process.time(0.005)
            assert steps >= 20
            assert set(process.about) == {"version", "started", "built"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("lava", marks=pytest.mark.lava),
        pytest.param("lava_dense", marks=pytest.mark.lava),
        "brian_numpy",
        "nest",
        "nengo_loihi",
    ],
)
def test_others_are_given_the_same_network_and_stimulus(name: str, tmp_path: Path) -> None:
    """Those that start within seconds; without delays, which one of them does not know."""
    if why := absence(PEERS[name]):
        pytest.skip(why)
    case = replace(SMALL, max_delay=0)
    program, stimulus = draw(case)
    write_case(tmp_path, case, program, stimulus)
    rows = np.resize(stimulus.spikes, (case.settled, case.channels))
    expected = np.nonzero(emulator.run(program, Stimulus(rows, np.array([0]))).spikes)
    with Process(PEERS[name], tmp_path / name, tmp_path) as process:
        t, neuron, _ = process.check()
        found = compare((t, neuron), expected)
        check(name, PEERS[name].exact, found)
        assert found.shared > 0.5 * found.reference, "floats drift, but not at once"
        process.time(0.005)


def test_a_batch_is_timed_in_samples(tmp_path: Path) -> None:
    case = replace(SMALL, batch=3)
    write_case(tmp_path, case, *draw(case))
    with Process(PEERS["fast"], tmp_path / "fast", tmp_path) as process:
        assert process.time(0.005)[1] == 1000


def test_a_process_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    program, stimulus = draw(SMALL)
    write_case(tmp_path, SMALL, program, stimulus)
    (tmp_path / "case.json").write_text("{}")
    with pytest.raises(WorkerError, match="KeyError"):
        Process(PEERS["fast"], tmp_path / "fast", tmp_path)


def test_a_peer_that_is_not_installed_is_said_to_be_so() -> None:
    assert absence(PEERS["fast"]) is None
    assert absence(Peer("x", "x.py", True, (), "no-such-thing")) == "no-such-thing is not installed in .venv"
    assert absence(Peer("x", "x.py", True, (), "x", ".venv-bench-x")) == "no .venv-bench-x: `make bench-peers` makes it"


def test_a_case_from_start_to_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEERS, "gone", Peer("Gone", "x.py", True, (), "no-such-thing"))
    result = rounds.measure(replace(SMALL, peers=("fast", "emulator", "gone")), rounds=2, seconds=0.005)
    assert result.activity == pytest.approx(SMALL.activity, rel=0.2)
    assert [entry.peer for entry in result.entries] == ["fast", "emulator", "gone"]
    assert [len(entry.times) for entry in result.entries] == [2, 2, 0]
    for entry in result.entries[:2]:
        assert entry.agreement is not None
        assert entry.agreement.equal
    assert "| Gone | not here: no-such-thing is not installed in .venv |" in table.render("m", [result], {})


def test_a_reference_is_asked_and_not_timed() -> None:
    case = replace(SMALL, peers=("fast",), reference="emulator")
    (entry,) = rounds.measure(case, rounds=1, seconds=0.005).entries
    assert entry.peer == "fast"
    assert entry.agreement is not None
    assert entry.agreement.equal


def test_nothing_is_timed_where_spikes_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Process.check

    def planted(self: Process) -> tuple[object, object, float]:
        t, neuron, seconds = real(self)
        if self.folder.name == "fast":
            t[len(t) // 2] += 1
        return t, neuron, seconds

    def never(self: Process, seconds: float) -> None:
        raise AssertionError("timed")

    monkeypatch.setattr(Process, "check", planted)
    monkeypatch.setattr(Process, "time", never)
    with pytest.raises(DisagreementError, match=r"fast: \d+ spikes, the reference \d+; first at step \d+, neuron \d+"):
        rounds.measure(SMALL, rounds=2, seconds=0.005)


# --- agreement ------------------------------------------------------------------------------------------------------


def spikes(*events: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    t, neuron = np.array(events, np.int64).reshape(-1, 2).T
    return t, neuron


def test_equal_spikes_are_equal() -> None:
    found = compare(spikes((0, 3), (2, 1)), spikes((0, 3), (2, 1)))
    assert found == Agreement(2, 2, 2, None)
    check("x", True, found)


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        (spikes((0, 3)), Agreement(1, 2, 1, (2, 1))),
        (spikes((0, 3), (2, 0)), Agreement(2, 2, 1, (2, 0))),
        (spikes((0, 3), (1, 9), (2, 1)), Agreement(3, 2, 2, (1, 9))),
        (spikes(), Agreement(0, 2, 0, (0, 3))),
        (spikes((0, 3), (2, 1), (2, 1)), Agreement(3, 2, 2, None)),
    ],
)
def test_a_planted_difference_is_found(planted: tuple[np.ndarray, np.ndarray], expected: Agreement) -> None:
    found = compare(planted, spikes((0, 3), (2, 1)))
    assert found == expected
    with pytest.raises(DisagreementError, match="x: "):
        check("x", True, found)
    check("x", False, found)


# --- the limit ------------------------------------------------------------------------------------------------------

RATES = limit.Rates(
    lambda kind, reach, threads: 1e11 * threads, lambda kind, sums, threads: 1e10, lambda case, width, threads: 1e9
)


def test_the_limit_is_the_larger_of_memory_and_arithmetic() -> None:
    (main,) = cases(("main",))
    found = limit.limit_of(main, RATES)
    # 55 active sources × 100 synapses of 6 bytes and one addition; 1000 neurons × 37 bytes and 36 operations.
    assert [part.kind for part in found.parts] == ["state", "lists"]
    assert found.memory == pytest.approx((37_000 + 33_000) / 1e11)
    assert found.arithmetic == pytest.approx((36_000 + 5_500) / 1e10)
    assert found.seconds == found.arithmetic


def test_dense_synapses_are_bounded_by_rows() -> None:
    (dense,) = (case for case in cases(("density",)) if case.degree == 1000)
    rates = replace(RATES, operations=lambda kind, sums, threads: 1e13)
    found = limit.limit_of(dense, rates)
    assert [part.kind for part in found.parts] == ["state", "rows"]
    assert found.memory == pytest.approx((37_000 + 55_000) / 1e11)


def test_delays_cost_rows_and_bytes() -> None:
    (delayed,) = cases(("delays",))
    assert limit.parts_of(delayed, "rows")[1].count == 55 * 1000 * 16
    assert limit.parts_of(delayed, "lists")[1].bytes_each == 7


def test_rates_are_measured_and_positive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "REPEATS", 2)
    monkeypatch.setattr(limit, "LEAST", 1e-5)
    found = limit.limit_of(SMALL, limit.measured())
    assert 0 < found.seconds < 1e-3


def test_lists_beyond_every_cache_have_a_second_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    _, largest = cases(("large",))
    found = limit.limit_of(largest, RATES)
    assert found.scattered == pytest.approx(37e6 / (1e11 * found.threads) + found.parts[1].count / 1e9)
    (main,) = cases(("main",))
    assert limit.limit_of(main, RATES).scattered == 0
    monkeypatch.setattr(limit, "REPEATS", 2)
    monkeypatch.setattr(limit, "LEAST", 1e-5)
    small = replace(largest, neurons=2000)
    assert limit.measured().scattered(small, 2, 1) > 0


# --- tables and plot ------------------------------------------------------------------------------------------------


def made_up() -> list[Result]:
    """Round numbers, a peer that is not here, one that failed on the way, and one that is not exact."""
    (main,) = cases(("main",))
    same, other = Agreement(4552, 4552, 4552, None), Agreement(4550, 4552, 3000, (7, 8))
    entries = (
        Entry("fast", None, "0.1.0", 0.5, 0.1, 0.02, same, (2e-6, 4e-6, 3e-6), 1000),
        Entry("lava", None, "0.10.0", 2.0, 0.1, 1.5, same, (1e-3, 1.2e-3, 1.5e-3), 250),
        Entry("nest", None, "3.10.0", 0.3, 0.4, 0.0, other, (90e-6, 80e-6, 120e-6), 4000),
        Entry("brian2_loihi", "no .venv-bench-brian2_loihi: `make bench-peers` makes it"),
        Entry("brian_cpp", "it has ended: a | b\nc"),
    )
    found = [Result(main, 0.0497, 110_000, entries, limit.limit_of(main, RATES))]
    for case in (*cases(("batch",))[:2], *cases(("size",))):
        entries = tuple(
            Entry("fast", None, "0.1.0", 0.5, 0.1, 0.02, same, (1e-6, 2e-6), 1000)
            if name == "fast"
            else Entry(name, None, "1", 1.0, 1.0, 1.0, same, (5e-5, 5e-5), 10)
            for name in case.peers[:3]
        )
        found.append(Result(case, case.activity, 10, entries, limit.limit_of(case, RATES)))
    return found


def test_tables(golden: Callable[[Path, str], None]) -> None:
    latency = Latency(9.51, 0.84, 0.4, 100_000, {"50.0": 2.1e-6, "99.9": 9.8e-6, "100.0": 1.5e-3})
    text = table.render("a machine, 2 cores", made_up(), {"fast": latency})
    golden(Path(__file__).parent / "golden" / "bench.md", text)


def test_ratios_are_of_the_same_round() -> None:
    ours, theirs = made_up()[0].entries[:2]
    assert table.ratios(theirs, ours) == pytest.approx((500, 300, 500))


def test_a_page_keeps_everything_around_the_tables() -> None:
    marked = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n"
    assert insert(marked, "x", "new\n") == "a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb\n"
    with pytest.raises(ValueError, match="no <!-- y:begin -->"):
        insert(marked, "y", "new\n")
    for name, file in PAGES.items():
        page = file.read_text()
        assert insert(insert(page, name, "one\n"), name, "two\n") == insert(page, name, "two\n")


def test_the_plot_shows_every_size() -> None:
    found = plot.curves(made_up())
    assert [size for size, _ in found["fast", False]] == [100, 1000, 10_000]
    assert png_of(plot.picture_of_scaling(made_up())).startswith(b"\x89PNG")


def test_another_checkout_is_one_more_peer_and_others_may_be_left_out() -> None:
    (main,) = cases(("main",), (), (BESIDE,))
    assert main.peers == ("fast", BESIDE)
    (main,) = cases(("main",), ("nest", "emulator"))
    assert main.peers == ("fast", "emulator", "nest")
    with pytest.raises(SystemExit, match="there is no peer nset"):
        cases(("main",), ("nset",))
    assert beside(Path("/a/folder")).python == Path("/a/folder/.venv/bin/python")


@pytest.mark.parametrize(
    ("given", "part", "published"), [([], False, True), (["--quick"], False, False), ([], True, False)]
)
def test_an_experiment_leaves_its_results_and_all_of_it_goes_into_the_manual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], part: bool, published: bool
) -> None:
    pages: list[tuple[str, str]] = []
    monkeypatch.setattr(experiment, "publish", lambda *page: pages.append(page))
    options = experiment.parser_of("drift", "about", "less").parse_args([*given, "--out", str(tmp_path / "out")])
    experiment.finish(options, "drift", "text\n", {"a": 1}, part=part)
    assert (tmp_path / "out" / "results.md").read_text() == "text\n"
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == {"a": 1}
    assert pages == ([("drift", "text\n")] if published else [])


def test_recordings_of_another_kind_end_an_experiment_with_what_to_give(tmp_path: Path) -> None:
    file = tmp_path / "frames.npz"
    with pytest.raises(SystemExit, match=r"there is no .*frames.npz: give sound as an .npz or a folder of WAV files"):
        experiment.sound_of(file)
    np.savez(file, frames=np.zeros((4, 2)), starts=np.zeros(1, int))
    with pytest.raises(SystemExit, match=r"frames.npz holds no sound"):
        experiment.sound_of(file)
    with pytest.raises(SystemExit, match=r"frames.npz holds no heart beats"):
        experiment.beats_of(file)
