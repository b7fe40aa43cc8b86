"""The workings of `make af` on made-up hearts; where the data are at hand, its parity and its accuracy on them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import decided
from bench.af import __main__ as application
from bench.af import chip as chips
from bench.af import detect, inside, monitor, table
from bench.af import inside_table as tables
from bench.af import windows as windows_module
from bench.af.beats import Measured, Monitor, heard, hearts_of
from bench.af.detect import Alarms
from bench.af.inside_table import CHOSEN, CUT, FEWER, RATE, Found, Said
from bench.af.kinds import AS_WRITTEN, ENCODED, LIQUIDS_OF, liquid_of, neurons_of
from bench.af.monitor import alarm, outcome
from bench.af.windows import choose, front_of, of_window, windows

import lsm_deploy as ld
from lsm_deploy.data import Beats, splits, subset
from lsm_deploy.data.front import to_frames
from lsm_deploy.learn.model import readout_of
from lsm_deploy.measure.evaluation.baselines import HRV, hrv
from lsm_deploy.spec import Spec

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "afdb_beats.npz"


@pytest.fixture(scope="module")
def spec() -> Spec:
    return of_window(ld.load(ROOT / "configs" / "atrial_fibrillation.yaml"), 32)


def hearts(records: int = 10, stretches: int = 4, beats: int = 150) -> Beats:
    """Records that are regular and irregular in turn: what any detector should tell apart."""
    rng = np.random.default_rng(5)
    at, starts, rhythm = [], [0], []
    for record in range(records):
        is_af = (np.arange(stretches) + record) % 2 == 1
        noise = np.repeat(np.where(is_af, 0.2, 0.03), beats)
        rr = (0.6 + 0.04 * record) * np.exp(noise * rng.normal(size=len(noise)))
        at.append(np.rint(250 * np.cumsum(rr)).astype(np.int64))
        rhythm.append(np.repeat(is_af, beats))
        starts.append(starts[-1] + len(rr))
    names = tuple(f"r{record}" for record in range(records))
    return Beats(np.concatenate(at), starts[:-1], 250.0, np.concatenate(rhythm).astype(np.int8), ("N", "AFIB"), names)


# --- windows ----------------------------------------------------------------------------------------------------------


def test_measures_of_heart_rate_one_by_one() -> None:
    rr = np.random.default_rng(1).normal(0.8, 0.05, (3, 20))
    rr[1] = 0.8
    found = dict(zip(HRV, hrv(rr).T, strict=True))
    assert len(found) == 16
    for window in range(3):
        x, n = (rr[window] / rr[window].mean()).tolist(), 20
        d = [b - a for a, b in pairwise(x)]
        for percent in (5, 10):
            pairs = [(i, j) for i in range(n) for j in range(i + 1, n) if abs(x[i] - x[j]) <= percent / 100]
            longer = [1 for i, j in pairs if j + 1 < n and abs(x[i + 1] - x[j + 1]) <= percent / 100]
            assert found[f"share of pairs within {percent} %"][window] == pytest.approx(len(pairs) / (n * (n - 1) / 2))
            entropy = -math.log((len(longer) + 1) / (len(pairs) + 1))
            assert found[f"sample entropy at {percent} %"][window] == pytest.approx(entropy)
            above = sum(abs(step) > percent / 100 for step in d) / len(d)
            assert found[f"share of |dRR| above {percent} %"][window] == pytest.approx(above)
        bins = [min(15, max(0, math.floor((step + 0.5) * 16))) for step in d]
        shares = [bins.count(k) / len(d) for k in set(bins)]
        entropy = -sum(p * math.log(p) for p in shares)
        assert found["entropy of dRR in 16 bins from -50 to 50 %"][window] == pytest.approx(entropy)
        assert found["RMSSD"][window] == pytest.approx(math.sqrt(sum(step**2 for step in d) / len(d)))


@pytest.mark.deep
def test_liquids_are_shared_by_both_ways_and_the_window_is_chosen_in_training(spec: Spec) -> None:
    data, section = hearts(), readout_of(spec)
    spec = replace(spec, readout=replace(section, regularisation=(1.0,), folds=2))  # quick
    found = [windows(spec, data, beats, 2) for beats in (16, 32)]
    # No record is called faulty here: both ways are the same evaluation, of windows that were run once.
    assert found[0].every.scores == found[0].fewer.scores
    alone = ld.evaluate_across(of_window(spec, 16), data, "group-folds=5", 2, alone=True)
    assert found[0].every.scores["liquid"] == alone.scores["liquid"]
    chosen, right, samples = choose(spec, [each.every for each in found]), [0, 0], 0
    times = {0: 0, 1: 0}
    for fold in range(5):
        ways = [[liquid[fold].liquid for liquid in each.every.evaluations] for each in found]
        known = [sum(score.cv_accuracy or 0.0 for score in way) for way in ways]
        best = int(known[1] > known[0])
        times[best] += 1
        right = [right[i] + ways[best][i].correct for i in range(2)]
        samples += ways[best][0].samples
    assert chosen.times == times
    assert [score.correct for score in chosen.answered.scores["liquid"]] == right
    assert chosen.answered.samples == samples
    assert chosen.answered.over.endswith("groups, of 2 liquids")


def test_relays_are_what_is_encoded(spec: Spec) -> None:
    """But for what enters in a window's last step, of which no neuron hears in time."""
    relayed, frames = liquid_of(spec, "32 as written and 30 relays"), to_frames(hearts(2), front_of(spec))
    listener = ld.listen(relayed, frames)
    assert readout_of(relayed).populations == ("liquid", "relay")
    assert listener.program.network.neurons == 62
    stimulus = listener.encode(frames)
    spikes = ld.run_program("fast", listener.program, stimulus).spikes[:, listener.program.network.columns("relay")]
    later = np.roll(stimulus.spikes, 1, axis=0)
    later[stimulus.starts] = 0
    assert (spikes == later).all()
    assert np.count_nonzero(spikes) > 1000


def test_kinds_are_of_16_to_64_neurons_and_what_they_are_called(spec: Spec) -> None:
    sizes = []
    for name in LIQUIDS_OF:
        kind = liquid_of(spec, name)
        network = ld.compile_spec(kind).program.network
        assert network.neurons == neurons_of(kind) == sum(int(word) for word in name.split() if word.isdigit())
        wanted = {"liquid": "ATRLIF" if "adaptive" in name else "LIF", "relay": "LIF"}
        assert all(each.kind == wanted[each.name] for each in network.populations)
        cut = ld.compile_spec(liquid_of(spec, name, cut=True)).program.network
        assert {each.source for each in cut.projections} == {"input"}
        sizes.append(network.neurons)
    assert len(sizes) == 17
    assert set(sizes) == {16, 30, 32, 46, 62, 64}


@pytest.fixture(scope="module")
def found(spec: Spec) -> Found:
    quick = replace(spec, readout=replace(readout_of(spec), regularisation=(1.0,), folds=2))
    return inside.measure(quick, hearts(), (ENCODED, AS_WRITTEN, "16 adaptive"), 2)


def test_kinds_are_chosen_inside_of_folds_by_all_their_liquids(found: Found) -> None:
    kinds = list(found.every.values())
    for words, some in ((CHOSEN, kinds), (FEWER, kinds)):  # all are of 32 neurons at most
        assert sum(found.times[words].values()) == 5
        for fold in range(5):
            known = [np.mean([each[fold].liquid.cv_accuracy for each in kind.evaluations]) for kind in some]
            taken = some[int(np.argmax(known))].evaluations
            chosen = found.chosen[words].evaluations
            assert [each[fold].answers["liquid"] for each in chosen] == [each[fold].answers["liquid"] for each in taken]
    first, second = (Said.of(across) for across in kinds[:2])
    assert first.right.shape == (2, found.every[ENCODED].samples)
    assert first.less(second).mean == pytest.approx(first.right.mean() - second.right.mean())
    assert found.every[AS_WRITTEN].seeds == (1, 2)
    assert found.every[AS_WRITTEN].accuracy("liquid").mean == pytest.approx(second.accuracy[0])


def test_what_is_measured_inside_is_written(found: Found) -> None:
    text = tables.render(found)
    assert "3 kinds, all that were tried here, 2 of each" in text
    for name, said in found.said.items():
        assert f"| {name} | {100 * said.accuracy[0]:.1f} (" in text
    assert set(found.beats) == {CHOSEN, FEWER, CUT, AS_WRITTEN, ENCODED, RATE["hrv_logistic"]}
    assert set(found.mixed) == {*found.every, *RATE.values()}
    assert all(0.8 < share <= 1 for shares in found.mixed.values() for share in shares)
    assert all(shares[0] == shares[1] for shares in found.mixed.values())  # no record is called faulty here
    facts = json.loads(json.dumps(tables.facts(found)))
    assert facts["times"] == found.times


def test_a_threshold_is_set_on_records_that_its_readout_did_not_hear() -> None:
    rng = np.random.default_rng(2)
    of = np.repeat(np.arange(10), 40)
    is_af, features = rng.random(400) < 0.4, np.column_stack([of, rng.normal(size=400)])

    def fit(some: Any, _: Any, groups: Any) -> Any:
        assert set(some[:, 0].astype(int).astype(str)) == set(groups)
        return lambda rows: np.where(np.isin(rows[:, 0], some[:, 0]), 100.0, rows[:, 1])

    threshold = detect.at_specificity(features, is_af, of.astype(str), fit, 1)
    assert threshold == np.quantile(features[~is_af, 1], detect.SPECIFICITY)


def test_a_threshold_is_of_training_records_alone(spec: Spec) -> None:
    data, rng = hearts(), np.random.default_rng(2)
    records = [
        Measured(each.name, each.rr, each.is_af, each.is_af[9:, None] + rng.normal(0, 0.5, (len(each.rr) - 9, 1)))
        for each in hearts_of(spec, data)
    ]

    def alike(*_: Any) -> Any:
        return lambda rows: rows[:, 0] - 0.5

    folds = detect.detected(data, records, 10, lambda *given: (alike(*given), alike), 1)
    for (_, train, test), fold in zip(splits(data, "group-folds=5", 1), folds, strict=True):
        features, is_af, _ = monitor.windows_of([each for each in records if each.name in train.groups], 10)
        threshold = np.quantile(features[~is_af, 0], detect.SPECIFICITY)
        features, is_af, names = monitor.windows_of([each for each in records if each.name in test.groups], 10)
        assert set(fold.records.tolist()) == set(test.groups)
        for name in test.groups:
            here = fold.records == name
            assert (fold.above[here] == (features[names == name, 0] > threshold)).all()
            assert (fold.is_af[here] == is_af[names == name]).all()


def test_alarms_of_several_liquids_are_rates_and_shares() -> None:
    def fold(*alarms: Alarms) -> detect.Fold:
        nothing = np.zeros(0)
        by_record = {f"r{i}": each for i, each in enumerate(alarms)}
        return detect.Fold(nothing.astype(str), nothing > 0, nothing > 0, {0.25: by_record})

    first = [Alarms(1, (0, 10), 4, 1, 6, 2.0), Alarms(1, (20,), 2, 0, 0, 3.0), Alarms(1, (), 0, 0, 3, 5.0)]
    second = [Alarms(2, (0, 30), 4, 2, 2, 2.0), Alarms(2, (0,), 2, 1, 2, 3.0), Alarms(2, (), 0, 0, 1, 5.0)]
    found = detect.Detected([[fold(*first)], [fold(*second)]])
    mean, low, high = found.false_alarms(0.25)
    assert mean == pytest.approx((9 / 10 + 5 / 10) / 2)
    assert 0 <= low < mean < high
    mean, low, high = found.missed(0.25)
    assert mean == pytest.approx((1 / 6 + 3 / 6) / 2)
    assert 0 <= low < mean < high < 1
    assert found.late(0.25) == (20.0, 15.0, 25.0)


def test_folds_of_windows_have_every_window_once() -> None:
    rng = np.random.default_rng(3)
    groups = tuple(np.repeat(["a", windows_module.FAULTY[0], "c"], 20).tolist())
    labels = tuple(np.where(rng.random(60) < 0.5, "AF", "not AF").tolist())
    frames, seen = ld.Frames(rng.normal(size=(60, 1)), np.arange(60), labels, groups=groups), list[list[int]]()

    def right(train: Any, out: Any) -> int:
        assert not set(train.tolist()) & set(out.tolist())
        assert len(train) == 4 * len(out)
        seen.append(out.tolist())
        return len(out) // 2

    assert inside._of_windows(frames, 1, right) == (0.5, 0.5)
    assert sorted(each for out in seen[:5] for each in out) == list(range(60))
    assert sorted(each for out in seen[5:] for each in out) == [*range(20), *range(40, 60)]


def test_sensitivity_and_alarms_an_hour_are_of_all_liquids(found: Found) -> None:
    one = found.beats[AS_WRITTEN]
    right, records = one.windows(True)
    assert right.shape[0] == 2
    assert one.share(True)[0] == pytest.approx(right.mean())
    assert one.by_record(True)["r3"] == pytest.approx(right[:, records == "r3"].mean())
    assert list(one.by_record(True, 9)) == [name for name in one.by_record(True) if (records == name).sum() >= 9]
    is_af = np.concatenate([fold.is_af for fold in one.liquids[0]])
    above = np.concatenate([fold.above for fold in one.liquids[0]])
    assert one.share(False)[0] == pytest.approx(
        np.mean([~np.concatenate([fold.above for fold in liquid])[~is_af] for liquid in one.liquids])
    )
    assert (above[is_af] == right[0]).all()
    alarms = one.alarms(monitor.AT_MOST)
    assert [len(liquid) for liquid in alarms] == [10, 10]
    assert sum(each.episodes for each in alarms[0]) == 20


# --- beat by beat -----------------------------------------------------------------------------------------------------


def test_one_beat_at_a_time_is_the_whole_record(spec: Spec) -> None:
    data = hearts(4)
    program = ld.compile_spec(spec).program
    records = heard(spec, program, data)
    integers = monitor.train(spec, records[:3], 32)
    record = records[3]
    assert record.counts(32)[5].tolist() == record.spikes[5:37].sum(axis=0).tolist()
    for in_a_row in (1, 4):
        whole = alarm(monitor.says(integers, record, 32), in_a_row)
        assert 2 <= np.count_nonzero(np.diff(whole)) <= 40
        watching = Monitor(spec, program, integers, 32, in_a_row)
        assert (np.array([watching.beat(rr) for rr in record.rr.tolist()]) == whole).all()


def test_an_alarm_changes_after_k_equal_answers() -> None:
    said = np.array([1, 0, 1, 1, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0], bool)
    assert alarm(said, 1).tolist() == said.tolist()
    assert alarm(said, 2).astype(int).tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert alarm(said, 3).astype(int).tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0]


def test_delays_misses_and_false_alarms() -> None:
    is_af, on = np.zeros((2, 2000), bool)
    for begin, end in ((0, 200), (300, 450), (600, 727), (1000, 1200), (1400, 1600), (1700, 2000)):
        is_af[begin:end] = True  # the third is no episode: 127 beats
    for begin, end in ((50, 210), (340, 350), (470, 480), (610, 620), (900, 1010), (1690, 1701), (1720, 1730)):
        on[begin:end] = True
    delays, counts = outcome(on, is_af)
    # 0 .. 200 has no onset; 300 is found by the alarm at 340; 1000 and 1700 have theirs already; 1400 is missed.
    assert delays == [41, 0, 0]
    # False: at 470, AF before it; at 900, none within 128 beats; at 1690, AF at 1599.
    assert counts == (5, 1, 3, 1)


def test_watching_test_records_finds_what_is_plain(spec: Spec) -> None:
    data = hearts()
    program = ld.compile_spec(spec).program
    found = monitor.watch(spec, data, heard(spec, program, data), 32)
    assert found.episodes == 20
    assert found.missed <= 1
    assert len(found.in_a_row) == 5
    assert found.agreed > 0.8
    assert 5 <= np.median(found.delays) <= 40
    rr = np.concatenate([np.diff(subset(data, [i]).beats) / 250 for i in range(10)])
    calm = np.concatenate([subset(data, [i]).rhythm[1:] == 0 for i in range(10)])
    assert found.hours == pytest.approx(rr[calm].sum() / 3600)
    patient = monitor.watch(spec, data, heard(spec, program, data), 32, 0.0)
    assert min(patient.in_a_row) >= max(1, min(found.in_a_row))
    assert patient.false_alarms <= found.false_alarms
    assert np.median(patient.delays) >= np.median(found.delays)


# --- on the chip, and what is written ---------------------------------------------------------------------------------


def test_power_is_energy_times_rate(spec: Spec) -> None:
    frames = to_frames(hearts(), front_of(spec))
    chip = ld.train_on_chip(spec, frames)
    stimulus = decided.stimulus_of(chip, decided.sampled(frames, 4))
    assert len(stimulus.starts) == 4
    [found] = decided.parity(chip, stimulus, ["emulator", "fast"])
    trace = ld.run_program("fast", chip.program, stimulus)
    assert (found.spikes_differ, found.values_differ, found.decisions_differ) == (0, 0, 0)
    assert found.values == 2 * 34 * 4 * 320
    assert found.spikes > 500
    power = chips.power(chip, stimulus, trace, 10.0, 90.0)
    assert power.steps == 10
    whole = power.resources.estimate.energy
    assert power.energy.most == pytest.approx(whole.most / (4 * 32))
    assert power.power.least == pytest.approx(1.5 * whole.least / (4 * 32))


def test_what_differs_is_counted(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = to_frames(hearts(), front_of(spec))
    chip = ld.train_on_chip(spec, frames)
    stimulus = decided.stimulus_of(chip, decided.sampled(frames, 4))
    run = decided.backends.run_program

    def other(name: str, *given: Any) -> Any:
        trace = run(name, *given)
        if name == "emulator":
            return trace
        spikes, v = trace.spikes.copy(), trace.registers["v"].copy()
        spikes[:, 32:] = spikes[:, :31:-1]  # the other class
        v[7, 3] += 1
        return replace(trace, spikes=spikes, registers={**trace.registers, "v": v})

    monkeypatch.setattr(decided.backends, "run_program", other)
    [found] = decided.parity(chip, stimulus, ["emulator", "fast"])
    assert found.values_differ == 1
    assert found.spikes_differ > 0
    assert found.decisions_differ > 0


def test_everything_is_measured_and_written(spec: Spec) -> None:
    quick = replace(spec, readout=replace(readout_of(spec), regularisation=(1.0,), folds=2))
    found = application.measure(quick, hearts(10, 8), quick=True)
    assert json.loads(json.dumps(application.facts(found)))["windows"]["128"]["all"]["samples"] == 90
    text = table.render(found)
    for scores in (found.windows[0].every.scores[name] for name in ("liquid", "hrv_logistic", "hrv_boosting")):
        mean = 100 * np.mean([score.accuracy for score in scores])
        assert mean > 80
        assert f"| {mean:.1f}" in text
    assert f"| emulator and fast | 10 | {found.chip.parity[0].spikes}, 0 |" in text
    assert len(found.steps) == 1
    assert set(found.sizes) == {16, 32}


# --- the data ---------------------------------------------------------------------------------------------------------


@pytest.mark.deep
def test_windows_of_unseen_records_are_told_apart_and_backends_agree() -> None:
    if not DATA.exists():
        pytest.skip(f"there is no {DATA.name}")
    whole = ld.load(ROOT / "configs" / "atrial_fibrillation.yaml")
    _, train, test = next(splits(ld.load_raw(DATA), "group-folds=5", whole.seed))  # type: ignore[type-var]
    first, second = to_frames(train, whole.front_end), to_frames(test, whole.front_end)
    first = decided.sampled(first, 1500)  # quick
    chip = ld.train_on_chip(whole, first)
    said = ld.predict(chip, second)
    assert np.mean([a == b for a, b in zip(said, second.labels, strict=True)]) > 0.9
    stimulus = decided.stimulus_of(chip, decided.sampled(second, 6))
    for found in decided.parity(chip, stimulus, decided.backends_here()):
        assert (found.spikes_differ, found.values_differ, found.decisions_differ) == (0, 0, 0)
