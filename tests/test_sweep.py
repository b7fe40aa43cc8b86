"""Sweeps over values and faults: what is asked, what is kept, and what comes of it."""

from __future__ import annotations

import json
import math
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from calls import SPEC, frames
from scipy import stats

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError, MisuseError
from lsm_deploy.core.ir import Program
from lsm_deploy.data import Frames
from lsm_deploy.measure import specimen
from lsm_deploy.measure.faults import FAULTS
from lsm_deploy.measure.uncertainty import Spread
from lsm_deploy.report.values import report_of
from lsm_deploy.spec.vary import assignments, read_vary, values_in
from lsm_deploy.store.lines import sealed
from lsm_deploy.tune.sweeps import plan
from lsm_deploy.tune.sweeps.design import drawn, grid
from lsm_deploy.tune.sweeps.lines import RESULTS, opened_lines, read_lines
from lsm_deploy.tune.sweeps.results import load_sweep
from lsm_deploy.tune.sweeps.robustness import _bootstrap
from lsm_deploy.tune.sweeps.work import Case, Tried, tried

SIZE, GAIN = "populations.liquid.size", "projections.0.gain"
OF, ABOUT = {"spec": "a", "backend": "auto"}, {"figure": "accuracy"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "spec.yaml").write_text(SPEC)
    for seed, name in enumerate(("train", "test")):
        values, labels = frames(seed)
        np.savez(folder / f"{name}.npz", frames=values, labels=labels)
    return folder


@pytest.fixture
def spec(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place / "spec.yaml"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is evaluated, as it is."""
    asked: list[object] = []

    def counting(bench, piece) -> Tried:
        asked.append(piece)
        return tried(bench, piece)

    monkeypatch.setattr(plan, "tried", counting)
    return asked


# --- what varies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "values"), [
    ("20,40", (20, 40)), ("20..23", (20, 21, 22, 23)), ("20..30 step 5", (20, 25, 30)),
    ("10..1000 log 3", (10, 100, 1000)), ("10..20 log 3", (10, 14, 20)), ("2..4 linear 9", (2, 3, 4)),
    ([5, np.int64(6)], (5, 6)),
])  # fmt: skip
def test_values_are_written_as_a_list_or_as_a_range(spec: Path, words, values) -> None:
    (parameter,) = read_vary(SPEC, spec, {SIZE: words}, drawn=False)
    assert parameter.values == values
    assert all(type(value) is int for value in parameter.values)


def test_values_may_be_text_or_mappings(spec: Path) -> None:
    varied = {
        "readout.classifier": "ridge, logistic",
        "projections.1.weight": "{EE: 0.1, EI: 0.2, IE: 0.1, II: 0.1}, 0.3",
    }
    classifier, weight = read_vary(SPEC, spec, varied, drawn=False)
    assert classifier.values == ("ridge", "logistic")
    assert weight.values == ({"EE": 0.1, "EI": 0.2, "IE": 0.1, "II": 0.1}, 0.3)


WRONG = {
    "nothing.here": ("1,2", "there is no key 'nothing'"),
    "populations.other.size": ("1,2", "there is no 'other' in populations"),
    SIZE: ("0.5..2 step 0.5", "size cannot be 0.5"),
    GAIN: ("0.5..2", "which numbers from 0.5 to 2 are meant is not said"),
    "projections.0.weight": ("0..1 log 3", "low is 0.0, which has no logarithm"),
    "projections.1.weight": ("2..1 step 1", "low is 2.0, not below high, which is 1.0"),
    "projections.2.weight": ("1,2", "projections has no item 2"),
    "dt_ms": ("1..2 linear 1", "1 values are asked for"),
    "seed": ("1,2", "liquids of other seeds are no values of a spec"),
    "readout.folds": ("[", "this is not YAML"),
    "readout.classifier": ("ridge,lasso", "classifier cannot be 'lasso'"),
}


def test_all_mistakes_in_what_varies_are_told_at_once_and_nothing_is_run(spec: Path, tmp_path: Path) -> None:
    with pytest.raises(LsmError) as caught:
        ld.sweep(spec, {path: words for path, (words, _) in WRONG.items()}, tmp_path / "out")
    mistakes = caught.value.each()
    assert all(isinstance(each, MisuseError) and each.hint for each in mistakes)
    for path, (_, what) in WRONG.items():
        assert any(each.where == f"vary {path}" and what in each.what for each in mistakes), path
    assert not (tmp_path / "out").exists()


def test_lines_of_a_command_have_a_name_and_values() -> None:
    assert assignments(["a.b=1,2", " c = x=y "], "--vary") == {"a.b": "1,2", "c": "x=y"}
    with pytest.raises(LsmError) as caught:
        assignments(["a", "b=", "=1", "c=1", "c=2"], "--vary")
    assert len(caught.value.each()) == 4


def test_strengths_are_numbers() -> None:
    assert values_in("0..0.3 step 0.1", "x") == [0, 0.1, 0.2, 0.3]
    assert values_in("0.001..0.1 log 3, ".rstrip(", "), "x") == [0.001, 0.01, 0.1]
    with pytest.raises(MisuseError, match="'few' is no number"):
        values_in("0.1, few", "x")
    with pytest.raises(MisuseError, match="more than 10000 values from 0 to 1"):
        values_in("0..1 step 1e-9", "x")


def test_more_pieces_than_there_can_be_are_refused_before_they_are_listed(spec: Path, tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match="2000000000 evaluations are asked for"):
        ld.sweep(spec, {SIZE: [20, 30]}, tmp_path / "out", seeds=10**9)
    with pytest.raises(MisuseError, match="2001000000 evaluations are asked for"):
        ld.robustness(spec, tmp_path / "out", {"dead-neurons": [0.1, 0.2]}, seeds=10**6, draws=1000)
    with pytest.raises(MisuseError, match="1001 draws are asked for"):
        ld.robustness(spec, tmp_path / "out", {"dead-neurons": [0.1, 0.2]}, draws=1001)


def test_a_grid_has_every_combination_and_random_points_are_seeded(spec: Path) -> None:
    chosen = read_vary(
        SPEC, spec, {SIZE: "20..39", GAIN: "0.1..10 log", "readout.classifier": "ridge,logistic"}, drawn=True
    )
    few = read_vary(SPEC, spec, {SIZE: "20,40", GAIN: "1,2,3"}, drawn=False)
    assert grid(few) == [{SIZE: size, GAIN: gain} for size in (20, 40) for gain in (1, 2, 3)]
    for design in ("uniform", "latin", "sobol"):
        points = drawn(chosen, 200, 1, design)
        assert points == drawn(chosen, 200, 1, design) != drawn(chosen, 200, 2, design)
        sizes, gains = (np.array([point[path] for point in points]) for path in (SIZE, GAIN))
        counts = np.bincount(sizes, minlength=40)[20:]
        assert counts.sum() == 200
        assert abs(np.log10(gains).mean()) < 0.2
        assert gains.min() >= 0.1
        assert gains.max() <= 10
        if design == "latin":
            assert (counts == 10).all()
        else:  # more of them begin with the same
            assert drawn(chosen, 50, 1, design) == points[:50]
        if design == "sobol":
            assert (abs(counts - 10) <= 2).all()


# --- what comes of it ----------------------------------------------------------------------------------------------


def test_a_sweep_says_what_each_point_answers_and_takes(spec: Path, tmp_path: Path) -> None:
    swept = ld.sweep(spec, {SIZE: [10, 40], GAIN: "0.5,2"}, tmp_path, seeds=2)
    assert swept.measure == "accuracy on held-out parts of the training data (cross-validation)"
    assert [dict(p.values) for p in swept.points] == [{SIZE: s, GAIN: g} for s in (10, 40) for g in (0.5, 2)]
    as_written = ld.load(spec)
    for point in swept.points:
        changed = as_written.to_dict()
        changed["populations"]["liquid"]["size"], changed["projections"][0]["gain"] = point.values.values()
        for i, each in enumerate(point.tried):
            model = ld.train(replace(ld.Spec.from_dict(changed, spec.parent), seed=as_written.seed + i))
            assert each.answered.score == model.answerer.classifier.cv_accuracy.max()
            assert each.takes.neurons == point.values[SIZE]
            assert each.takes.synapses == model.program.network.synapses
            assert (each.takes.cores, each.takes.energy.least > 0) == (1, True)
        assert point.score == Spread.of([each.answered.score for each in point.tried])
    costs = [(-p.score.mean, p.mean(lambda t: t.cores), p.mean(lambda t: t.spikes)) for p in swept.points]
    for point, mine in zip(swept.points, costs, strict=True):
        beaten = any(all(a <= b for a, b in zip(c, mine, strict=True)) and c != mine for c in costs)
        assert (point in swept.non_dominated) != beaten
    facts = swept.to_dict()
    assert facts["points"][0]["cores"] == 1
    assert [picture.name for picture in report_of(swept).pictures] == ["pareto"]
    swept.plot()
    pytest.importorskip("pandas")
    assert len(swept.to_frame()) == 4


def test_figures_on_test_data_are_those_of_eval(spec: Path, tmp_path: Path) -> None:
    swept = ld.sweep(spec, {GAIN: [1.0]}, tmp_path, on="test")
    assert swept.measure == "accuracy on test data"
    (point,) = swept.points
    assert point.score.mean == ld.evaluate(ld.load(spec), alone=True).liquid.accuracy


def test_a_point_that_fails_keeps_its_reason(spec: Path, tmp_path: Path) -> None:
    swept = ld.sweep(spec, {"projections.0.weight": [-0.5, 0.12]}, tmp_path)  # nothing but inhibition
    silent, good = swept.points
    assert (silent.score, good.reason) == (None, "")
    assert "never spikes" in silent.reason
    again = ld.sweep(spec, {"projections.0.weight": [-0.5, 0.12]}, tmp_path)
    assert (again.evaluated, again.points[0].reason) == (0, silent.reason)


def test_signals_are_judged_by_their_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "signal.yaml").write_text(SIGNAL)
    swept = ld.sweep("signal.yaml", {"readout.horizon": "1,5"}, "out")
    assert swept.measure.startswith("NRMSE on held-out parts")
    assert swept.points[0].score.mean < swept.points[1].score.mean
    assert swept.points[0].tried[0].takes.cores is None  # on no board
    assert swept.points[0] in swept.non_dominated
    broken = ld.robustness("signal.yaml", "faults", {"dead-neurons": [0.5], "dropped-spikes": [0.3]}, draws=3)
    evaluation = ld.evaluate_regression(ld.load("signal.yaml"), alone=True)
    for curve in broken.curves:
        assert curve.strengths[0].mean == evaluation.spread("nrmse").mean
        assert curve.strengths[1].mean > curve.strengths[0].mean
        assert curve.strengths[1].over == "faults"
    usual = ld.robustness("signal.yaml", "usual", draws=1)  # but for what has no threshold and no times
    kinds = {curve.fault for curve in usual.curves}
    assert kinds == {name for name, kind in FAULTS.items() if kind.usual} - {"thresholds", "jitter"}


SIGNAL = """
dt_ms: 1.0
seed: 1
data: {dataset: mackey_glass, train_size: 500, test_size: 300}
input: {channels: 1, encoder: {kind: graded, frame_ms: 1.0, range: [0.2, 1.5]}}
populations:
  r: {size: 20, neuron: {kind: GradedLI, leak_rate: 0.5}}
projections:
  - {source: input, target: r, topology: {kind: all_to_all}, weight: {distribution: uniform, low: -1.0, high: 1.0}}
  - {source: r, target: r, topology: {kind: erdos_renyi, probability: 0.3}, weight: 0.2}
readout: {population: r, target: signal, washout: 50, features: {kind: states}}
target: {board: none}
"""


# --- faults ---------------------------------------------------------------------------------------------------------


def test_without_a_fault_robustness_is_what_eval_says(spec: Path, tmp_path: Path) -> None:
    faults = {"dead-neurons": "0, 0.5", "weight-bits": [0.3], "jitter": [3.0]}
    broken = ld.robustness(spec, tmp_path, faults, seeds=3, draws=2)
    assert broken.measure == "accuracy on test data"
    healthy = [ld.evaluate(replace(ld.load(spec), seed=ld.load(spec).seed + i), alone=True) for i in range(3)]
    for curve in broken.curves:
        none, some = curve.strengths
        assert none.strength == 0
        assert none.mean == np.mean([each.liquid.accuracy for each in healthy])
        assert (none.over, some.over, some.liquids, some.draws) == ("liquids", "liquids", 3, 2)
    assert {c.fault: c.strengths[1].mean for c in broken.curves}["dead-neurons"] < none.mean
    assert broken.to_dict()["curves"][0]["strengths"][0]["failed"] is None
    broken.plot()


def test_each_liquid_has_faults_of_its_own(spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def recorded(program: Program, kind: str, strength: float, seed: int) -> Program:
        asked.append(seed)
        return ld.faulty_program(program, kind, strength, seed)

    monkeypatch.setattr(specimen, "faulty_program", recorded)
    ld.robustness(spec, tmp_path, {"dead-neurons": [0.5]}, seeds=2, draws=2)
    seed = ld.load(spec).seed
    assert asked == [1000 * liquid + draw for liquid in (seed, seed + 1) for draw in (0, 1)]
    with pytest.raises(MisuseError, match="1001 draws"):
        ld.robustness(spec, tmp_path, {"dead-neurons": [0.5]}, draws=1001)


def test_a_readout_that_is_trained_again_copes_better(spec: Path, tmp_path: Path) -> None:
    faults = {"dead-neurons": [0.3]}
    as_it_was, again = (ld.robustness(spec, tmp_path / str(r), faults, retrain=r, draws=4) for r in (False, True))
    assert again.curves[0].strengths[0] == as_it_was.curves[0].strengths[0]
    assert again.curves[0].strengths[1].mean > as_it_was.curves[0].strengths[1].mean


def test_groups_are_drawn_again_where_there_are_some(place: Path, spec: Path, tmp_path: Path) -> None:
    train, test = (ld.load_frames(place / f"{name}.npz") for name in ("train", "test"))

    def grouped(data: Frames, names: str) -> Frames:
        return replace(data, groups=tuple(names[i % len(names)] for i in range(data.samples)))

    broken = ld.robustness(spec, tmp_path, {"stuck-synapses": [0.3]}, train=grouped(train, "abcd"),
                           test=grouped(test, "efgh"), draws=2)  # fmt: skip
    strength = broken.curves[0].strengths[1]
    assert strength.over == "groups, liquids and faults"
    assert strength.low <= strength.mean <= strength.high


def test_a_bootstrap_of_groups_is_as_wide_as_their_spread() -> None:
    rng = np.random.default_rng(0)
    shares = rng.normal(0.8, 0.05, 40)
    counts = np.stack([shares * 100, np.full(40, 100.0)], axis=1)[None, None]
    low, high = _bootstrap(counts)
    expected = 2 * 1.96 * shares.std() / np.sqrt(40)
    assert abs((high - low) / expected - 1) < 0.15
    assert low < shares.mean() < high
    few = counts[:, :, :4]
    expected = stats.t.interval(0.95, 3, shares[:4].mean(), stats.sem(shares[:4]))
    assert _bootstrap(few) == pytest.approx((expected[0], min(expected[1], 1.0)))


def test_what_a_program_cannot_have_is_told(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "nowhere.yaml").write_text(SPEC.replace("seed:", "target: {board: none}\nseed:"))
    data = {name: spec.parent / f"{name}.npz" for name in ("train", "test")}
    with pytest.raises(LsmError, match="the program is placed on no board"):
        ld.robustness(tmp_path / "nowhere.yaml", tmp_path / "out", {"lost-cores": [1]}, **data)
    with pytest.raises(LsmError) as caught:
        ld.robustness(spec, tmp_path / "out", {"dead": [1], "jitter": [-1], "weight-bits": "x"})
    assert len(caught.value.each()) == 3


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_what_is_known_is_not_done_again_and_more_is_added(spec: Path, tmp_path: Path, counted: list[object]) -> None:
    first = ld.sweep(spec, {SIZE: [10, 20]}, tmp_path)
    text = (tmp_path / RESULTS).read_bytes()
    same = ld.sweep(spec, {SIZE: [10, 20]}, tmp_path)
    assert (first.evaluated, same.evaluated, len(counted)) == (2, 0, 2)
    assert (tmp_path / RESULTS).read_bytes() == text
    more = ld.sweep(spec, {SIZE: [10, 20, 30]}, tmp_path, seeds=2)
    assert more.evaluated == 4
    assert (tmp_path / RESULTS).read_bytes().startswith(text)
    assert [p.tried[0].to_json() for p in more.points[:2]] == [p.tried[0].to_json() for p in first.points]
    every = ld.load_sweep(tmp_path)
    assert [(dict(p.values), len(p.tried)) for p in every.points] == [({SIZE: s}, 2) for s in (10, 20, 30)]


def test_results_do_not_depend_on_where_they_are_made(spec: Path, tmp_path: Path) -> None:
    here = ld.sweep(spec, {SIZE: [10, 20, 30]}, tmp_path / "here")
    with ThreadPoolExecutor(2) as executor:
        there = ld.sweep(spec, {SIZE: [10, 20, 30]}, tmp_path / "there", executor=executor)
    assert here.to_dict()["points"] == there.to_dict()["points"]
    lines = [sorted((tmp_path / name / RESULTS).read_text().splitlines()) for name in ("here", "there")]
    assert lines[0] == lines[1]


def test_results_of_something_else_are_refused(spec: Path, place: Path, tmp_path: Path) -> None:
    ld.sweep(spec, {SIZE: [10]}, tmp_path / "out")
    (place / "other.yaml").write_text(SPEC.replace("tau_mem_ms: 20", "tau_mem_ms: 30"))
    with pytest.raises(LsmError) as caught:
        ld.sweep(place / "other.yaml", {SIZE: [10]}, tmp_path / "out", backend="emulator", on="test",
                 train=place / "test.npz", test=place / "train.npz")  # fmt: skip
    said = {each.what for each in caught.value.each()}
    assert said == {f"its results are of another {name}" for name in ("spec", "set of data", "measure", "backend")}
    (place / "commented.yaml").write_text("# the same\n" + SPEC)
    assert ld.sweep(place / "commented.yaml", {SIZE: [10]}, tmp_path / "out").evaluated == 0
    with pytest.raises(LsmError, match="another kind"):
        ld.robustness(spec, tmp_path / "out", {"jitter": [1]})


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    with opened_lines(tmp_path, OF, ABOUT) as opened:
        for i in range(3):
            opened.add(f"k{i}", {"score": i / 7})
    return tmp_path / RESULTS


def test_half_a_line_is_cut_off_wherever_a_kill_came(lines: Path) -> None:
    whole = lines.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole)):
        lines.write_bytes(whole[:cut])
        with opened_lines(lines.parent, OF, ABOUT) as opened:
            assert len(opened.known) == max(sum(end <= cut for end in ends) - 1, 0)
            for i in range(3):
                if f"k{i}" not in opened.known:
                    opened.add(f"k{i}", {"score": i / 7})
        assert lines.read_bytes() == whole


def test_lines_that_were_altered_are_noticed_and_doubled_ones_count_once(lines: Path) -> None:
    first, *results = lines.read_bytes().splitlines(keepends=True)
    lines.write_bytes(first + results[0].replace(b"k0", b"k9") + results[1])
    with pytest.raises(LsmError, match="this line is not as it was written") as caught:
        read_lines(lines.parent)
    assert caught.value.where.endswith(":2")
    lines.write_bytes(first + results[1] * 2)
    assert list(read_lines(lines.parent)[1]) == ["k1"]
    for other in (b"", b"{}\n", b"hello", first[:-9] + b"\n", results[0]):
        lines.write_bytes(other)
        with pytest.raises(LsmError, match=r"no results of a sweep|not as it was written"):
            read_lines(lines.parent)
    lines.write_bytes(b"somebody's notes")
    with pytest.raises(LsmError, match="no results of a sweep"), opened_lines(lines.parent, OF, ABOUT):
        pass
    assert lines.read_bytes() == b"somebody's notes"


def test_a_report_is_of_results_that_were_made_for_their_folder(tmp_path: Path) -> None:
    """Whole lines of other results are none of these, and what no run writes is said, and not drawn."""
    takes = {"neurons": 1, "synapses": 1, "cores": 1, "synapse_units": 1, "rates": {}, "spikes": 1.0, "energy": None}
    of = {**OF, "kind": "sweep", "measure": "accuracy on x", "readout": "r"}
    about = {"figure": "accuracy", "file": "s.yaml", "text": ""}
    plain = {"values": {"a": 10**400}, "seed": 1, "fault": None, "failed": None, "score": 0.5, "groups": {}}
    for number, (changed, more, words) in enumerate(
        [
            ({}, {}, ""),
            ({"seed": 2}, {}, "this result is not of this folder: a=1"),
            ({"score": math.nan}, {}, "nan is no finite number"),
            ({"score": "x"}, {}, "'x' is no finite number"),
            ({"takes": {**takes, "cores": "x"}}, {}, "'x' is no finite number"),
            ({}, {"figure": "x"}, "its first line is not as this version writes it"),
            ({}, {"file": 3}, "its first line is not as this version writes it"),
        ]
    ):
        folder = tmp_path / str(number)
        key = Case(plain["values"], plain["seed"]).key(of)  # type: ignore[arg-type]
        with opened_lines(folder, of, {**about, **more}):
            pass
        with (folder / RESULTS).open("ab") as file:
            file.write(sealed(json.dumps({"key": key, **plain, "takes": takes, **changed}))[0])
        if not words:
            assert len(load_sweep(folder).points) == 1  # type: ignore[union-attr]
            continue
        with pytest.raises(LsmError, match=words):
            load_sweep(folder)


def test_results_have_one_writer(lines: Path) -> None:
    with (
        opened_lines(lines.parent, OF, ABOUT),
        pytest.raises(LsmError, match="another process is writing these results"),
        opened_lines(lines.parent, OF, ABOUT),
    ):
        pass


@pytest.fixture
def limit() -> Iterator[object]:
    """What sets the largest file, of this process; Python ignores the signal that goes with it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_where_the_disk_is_full_a_sweep_can_be_gone_on_with(spec: Path, tmp_path: Path, limit, counted) -> None:
    varied = {SIZE: [10, 20, 30]}
    expected = ld.sweep(spec, varied, tmp_path / "expected").to_dict()["points"]
    ld.sweep(spec, {SIZE: [10]}, tmp_path / "out")
    file = tmp_path / "out" / RESULTS
    room = file.stat().st_size + 450  # for a line, and half of one
    counted.clear()
    limit(room)
    with pytest.raises(LsmError, match="cannot write: File too large; 2 results are kept") as caught:
        ld.sweep(spec, varied, tmp_path / "out")
    assert "give the same command again" in caught.value.hint
    limit(resource.RLIM_INFINITY)
    assert file.read_bytes().endswith(b'"}\n')
    assert len(read_lines(file.parent)[1]) == 2
    assert ld.sweep(spec, varied, tmp_path / "out").to_dict()["points"] == expected
    assert len(counted) == 3  # 20, and 30 twice: it was lost


def test_a_page_of_a_folder(spec: Path, tmp_path: Path) -> None:
    ld.sweep(spec, {SIZE: [10, 20]}, tmp_path / "sizes")
    ld.robustness(spec, tmp_path / "faults", {"jitter": [1.0]}, draws=1)
    for name, kind in (("sizes", "sweep"), ("faults", "robustness")):
        page = ld.page_of(tmp_path / name)
        assert (page.kind, page.name) == (kind, name)
        ld.save_page(tmp_path / "page.html", page)
        html = (tmp_path / "page.html").read_text()
        assert "<img" in html
        assert json.loads(json.dumps(page.facts))["sections"]["file"]["folder"] == str(tmp_path / name)
    with opened_lines(tmp_path / "none", OF, ABOUT):
        pass
    with pytest.raises(LsmError, match="there is no result yet"):
        ld.page_of(tmp_path / "none")
