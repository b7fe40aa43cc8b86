"""Evaluations over splits and liquids against plain loops, what they share, and detection against scikit-learn."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import recall_score, roc_auc_score
from waves import FRESH, INTERVAL, spec, waves

from lsm_deploy.core.errors import LsmError
from lsm_deploy.data import Audio, Frames, splits, subset
from lsm_deploy.learn import known
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.onchip import on_chip_accuracy
from lsm_deploy.measure.evaluation import Evaluation, evaluate, evaluate_across
from lsm_deploy.measure.evaluation import liquids as liquids_module
from lsm_deploy.measure.evaluation import pieces as pieces_module
from lsm_deploy.measure.evaluation.evaluation import evaluate_one
from lsm_deploy.measure.evaluation.liquids import liquids_of, run_both
from lsm_deploy.measure.evaluation.score import Answers, by_group, float_answers, integer_answers, pooled, score_of
from lsm_deploy.measure.uncertainty import ENDS, Resampled, Spread
from lsm_deploy.run.memo import MEMO
from lsm_deploy.spec import Spec
from lsm_deploy.spec.schema import Data, Explicit, MelFrontEnd
from lsm_deploy.store import program_id

SEEDED = ("liquid", "unrounded", "floats", "feedforward")
UNSEEDED = ("encoded", "raw")


def grouped(each: int = 12, seed: int = 1) -> Frames:
    """Three speakers who say everything."""
    data = waves(each, seed, noise=0.9)
    return replace(data, groups=tuple("ABC"[i // 3 % 3] for i in range(data.samples)))


DATA = grouped()


def still(folder: Path, samples: str = FRESH) -> Spec:
    """A spec whose spikes depend on nothing but the frames."""
    found = spec(folder, samples=samples)
    encoder = replace(found.input.encoder, code="latency", range=(-3.0, 3.0))
    return replace(found, input=replace(found.input, encoder=encoder))


def error(call: Any) -> tuple[str, str, str]:
    with pytest.raises(LsmError) as caught:
        call()
    return caught.value.what, caught.value.where, caught.value.hint


def one_by_one(described: Spec, data: Any, how: str, seeds: int, **options: Any) -> list[list[Evaluation]]:
    """Nothing shared: each liquid on each split."""
    return [
        [evaluate(replace(described, seed=seed), *parts, **options) for _, *parts in splits(data, how, described.seed)]
        for seed in range(described.seed, described.seed + seeds)
    ]


def answered(evaluation: Evaluation, name: str) -> zip[tuple[str, str]]:
    return zip(evaluation.answers[name].predicted, evaluation.labels, strict=True)


def right(evaluations: list[Evaluation], name: str) -> int:
    return sum(a == b for each in evaluations for a, b in answered(each, name))


# --- against plain loops ---------------------------------------------------------------------------------------------


def test_several_splits_and_liquids_are_evaluations_one_by_one(tmp_path: Path) -> None:
    described = still(tmp_path)
    got = evaluate_across(described, DATA, "leave-one-group-out", 2, on_chip=True)
    found = one_by_one(described, DATA, "leave-one-group-out", 2, on_chip=True)
    assert (got.how, got.seeds, got.samples) == ("leave-one-group-out", (4, 5), DATA.samples)
    for name in SEEDED:
        assert [score.correct for score in got.scores[name]] == [right(each, name) for each in found]
        assert {score.samples for score in got.scores[name]} == {DATA.samples}
    for name in UNSEEDED:  # of the first liquid's evaluations
        assert [score.correct for score in got.scores[name]] == [right(found[0], name)]
    assert len({score.correct for score in got.scores["liquid"]}) == 2, "two liquids differ"
    assert list(got.splits) == ["A", "B", "C"]
    for i, (group, shares) in enumerate(got.splits.items()):
        assert shares["liquid"] == pytest.approx(np.mean([each[i].liquid.accuracy for each in found]))
        assert shares["raw"] == found[0][i].baselines["raw"].accuracy
        assert [score.correct for score in got.groups[group]] == [each[i].liquid.correct for each in found]
    assert [[e.liquid for e in each] for each in got.evaluations] == [[e.liquid for e in each] for each in found]
    alone = evaluate_across(described, DATA, "leave-one-group-out", 2, alone=True)
    assert alone.scores == {name: got.scores[name] for name in ("liquid", "unrounded")}
    assert (alone.to_json()["accuracy"], alone.to_json()["accuracy_float"]) == (got.to_json()["accuracy"], None)
    for sums, each in zip(got.on_chip, found, strict=True):
        assert set(sums) == {"floats", "integers", "summed", "on_chip", "agreed", "tied"}
        for step, share in sums.items():
            assert share == sum(getattr(e.on_chip, step) for e in each) / DATA.samples
    for left_out in ((), ("B",), ("A", "C")):
        kept = [i for i, name in enumerate("ABC") if name not in left_out]
        shares = [sum(each[i].liquid.correct for i in kept) / (12 * len(kept)) for each in found]
        assert got.without(left_out) == pytest.approx(np.mean(shares))
    facts = got.to_json()
    assert facts["scores"]["liquid"]["accuracy"] == asdict(got.accuracy("liquid"))
    # Nobody is trained on who is tested: speakers are drawn anew, and liquids.
    assert got.over == facts["intervals_over"] == "3 groups, of 2 liquids"
    answering = {"liquid": found, "floats": found, "raw": found[:1]}
    of = Resampled(
        {
            name: np.array([[p == y for e in each for p, y in answered(e, name)] for each in some])
            for name, some in answering.items()
        },
        [group for each in found[0] for group in each.group_of],
    )
    for name in answering:
        assert (got.accuracy(name).low, got.accuracy(name).high) == of.interval(name)
    beside = of.difference("floats", "liquid")
    assert got.difference("floats", "liquid") == beside
    assert facts["differences"]["floats"]["liquid"] == {**asdict(beside), "says": beside.says}
    assert facts["groups"]["B"] == pytest.approx(np.mean([score.accuracy for score in got.groups["B"]]))


@pytest.mark.parametrize(("code", "width"), [("rate", (-3.0, 3.0)), ("latency", None)])
def test_what_liquids_of_several_splits_may_not_share(tmp_path: Path, code: str, width: Any) -> None:
    """Random spikes, and what was encoded for the range of other training data."""
    described = spec(tmp_path)
    encoder = replace(described.input.encoder, code=code, range=width)
    described = replace(described, input=replace(described.input, encoder=encoder), data=Data(shared_groups=True))
    got, found = (make(described, DATA, "folds=3", 2) for make in (evaluate_across, one_by_one))
    for name in SEEDED:
        assert [score.correct for score in got.scores[name]] == [right(each, name) for each in found]


def test_what_is_left_out_is_neither_trained_on_nor_tested(tmp_path: Path) -> None:
    described = still(tmp_path)
    without = subset(DATA, np.array([group != "B" for group in DATA.groups]))
    got = evaluate_across(described, DATA, "leave-one-group-out", leave_out=("B",))
    same = evaluate_across(described, without, "leave-one-group-out")
    assert got.scores == same.scores
    assert list(got.splits) == ["A", "C"]
    assert error(lambda: evaluate_across(described, DATA, "folds=2", leave_out=("B", "X", "D")))[:2] == (
        "there is no group D, X",
        "waves 1",
    )
    assert error(lambda: evaluate_across(described, DATA, "folds=2", leave_out=("A", "B", "C"))) == (
        "every group is left out",
        "waves 1",
        "leave fewer out",
    )
    assert error(lambda: evaluate_across(described, DATA, "folds=2", 0))[0] == "0 liquids are asked for"


# --- what is shared --------------------------------------------------------------------------------------------------


def runs_of(described: Spec, parts: list[Frames], shared: bool) -> tuple[list[Any], list[int]]:
    """What each liquid makes of pairs of training and test data, and how many samples each liquid ran."""
    made: list[Any] = []
    ran = [0, 0, 0]
    for train, test in zip(parts[::2], parts[1::2], strict=True):
        if not shared:
            MEMO.clear()
        liquids = liquids_of(described, DATA, DATA, "fast")
        for k, liquid in enumerate(liquids):
            assert liquid is not None

            def counted(run: Any, at: int, k: int = k) -> Any:
                def counting(*given: Any, **how: Any) -> Any:
                    ran[k] += given[at].samples
                    return run(*given, **how)

                return counting

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(known, "run_samples", counted(known.run_samples, 2))
                patch.setattr(liquids_module, "_run_float", counted(liquids_module._run_float, 3))
                both = run_both(liquid, train, test)
            made += [(part.features, part.encoded) for part in (both.train, both.test)]
    return made, ran


PARTS: list[Frames] = [
    subset(DATA, range(20)),
    subset(DATA, range(20, 36)),
    subset(DATA, range(8, 36)),
    subset(DATA, range(8)),
]
NOBODY = [replace(part, groups=()) for part in PARTS]


@pytest.mark.parametrize("parts", [PARTS, NOBODY])
@pytest.mark.parametrize("block", [1, 1000])
def test_a_sample_is_run_once_where_its_spikes_depend_on_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: list[Frames], block: int
) -> None:
    monkeypatch.setattr(liquids_module, "BLOCK", block)
    shared, ran = runs_of(still(tmp_path), parts, shared=True)
    apart, again = runs_of(still(tmp_path), parts, shared=False)
    for (x, spikes), (same, same_spikes) in zip(shared, apart, strict=True):
        assert x.any()
        np.testing.assert_array_equal(x, same)
        np.testing.assert_array_equal(spikes, same_spikes)
    assert (ran, again) == ([36] * 3, [72] * 3)


def test_what_is_left_out_does_not_make_others_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups are run one by one where they have samples enough."""
    monkeypatch.setattr(liquids_module, "BLOCK", 6)
    fewer = [subset(part, np.array([group != "A" for group in part.groups])) for part in PARTS[:2]]
    _, ran = runs_of(still(tmp_path), [*PARTS[:2], *fewer], shared=True)
    assert ran == [36] * 3


def test_features_are_those_of_each_part_alone(tmp_path: Path) -> None:
    described = still(tmp_path)
    for liquid in liquids_of(described, DATA, DATA, "fast"):
        assert liquid is not None
        both = run_both(liquid, *PARTS[:2])
        for part, data in zip((both.train, both.test), PARTS[:2], strict=True):
            alone = liquid.run(data, "test", None)
            np.testing.assert_array_equal(part.features, alone.samples.features)
            np.testing.assert_array_equal(part.busiest, alone.samples.busiest)
        whole = liquid.run(DATA, "test", None)
        assert (both.fired == whole.fired).all()
        assert (both.steps, both.counts) == (whole.steps, whole.counts)


def test_a_sample_that_is_there_twice_is_run_once(tmp_path: Path) -> None:
    once = subset(DATA, [0, 5])
    rows = np.concatenate([once.frames, once.frames])
    twice = Frames(rows, np.concatenate([once.starts, once.starts + len(once.frames)]), once.labels * 2)
    (features, *_), ran = runs_of(still(tmp_path), [twice, once], shared=True)
    assert ran == [2, 2, 2]
    np.testing.assert_array_equal(features[0][:2], features[0][2:])
    assert (features[0][0] != features[0][1]).any()
    # One that begins alike is another one.
    rows = np.concatenate([once.frames, once.frames[:1], -once.frames[1 : once.starts[1]]])
    alike = Frames(rows, np.append(once.starts, len(once.frames)), ("a", "b", "a"))
    (features, *_), ran = runs_of(still(tmp_path), [alike, once], shared=False)
    assert ran == [3, 3, 3]
    assert (features[0][0] != features[0][2]).any()


@pytest.mark.parametrize("samples", [FRESH, INTERVAL])
def test_where_they_depend_on_more_every_part_is_run_as_it_is(tmp_path: Path, samples: str) -> None:
    """Random encoders draw by the sample's number, and an interval's samples reach into each other."""
    described = spec(tmp_path) if samples == FRESH else still(tmp_path, samples)
    shared, ran = runs_of(described, PARTS, shared=True)
    apart, _ = runs_of(described, PARTS, shared=False)
    for (x, spikes), (same, same_spikes) in zip(shared, apart, strict=True):
        np.testing.assert_array_equal(x, same)
        np.testing.assert_array_equal(spikes, same_spikes)
    assert ran == [sum(data.samples for data in PARTS)] * 3
    # The same sample, elsewhere: 8 is the first of the third part.
    assert (shared[0][0][8] != shared[6][0][0]).any()
    # The very same part again is known.
    assert runs_of(described, PARTS[2:], shared=True)[1] == [0, 0, 0]


def test_a_liquid_is_compiled_once_where_its_ranges_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled, compile_spec = [], liquids_module.compile_spec

    def counted(described: Spec) -> Any:
        compiled.append(described.seed)
        return compile_spec(described)

    monkeypatch.setattr(liquids_module, "compile_spec", counted)
    evaluate_across(still(tmp_path), DATA, "leave-one-group-out", 2)
    assert compiled == [4, 5]


def test_a_liquid_is_compiled_again_where_a_file_of_its_spec_has_changed(tmp_path: Path) -> None:
    described = still(tmp_path)
    file = tmp_path / "weights.npz"
    explicit = Explicit(kind="explicit", file=file)
    inner = replace(described.projections[-1], topology=explicit)
    size = described.populations[inner.target].neurons
    described = replace(described, projections=(*described.projections[:-1], inner))
    np.savez(file, weights=np.full((size, size), 0.01))
    first = liquids_of(described, DATA, DATA, "fast")[0]
    np.savez(file, weights=np.full((size, size), 0.02))
    again = liquids_of(described, DATA, DATA, "fast")[0]
    assert program_id(again.listener.program) != program_id(first.listener.program)


def test_baselines_without_a_liquid_are_those_of_the_specs_own_seed(tmp_path: Path) -> None:
    described = still(tmp_path)
    parts = [(train, test) for _, train, test in splits(DATA, "leave-one-group-out", 4)][:2]
    alone = [evaluate(described, *each) for each in parts]
    assert alone[0].answers["raw"].predicted != alone[1].answers["raw"].predicted
    assert not set(UNSEEDED) & set(evaluate_one(described, parts[0], 9).answers)
    across = evaluate_across(described, DATA, "leave-one-group-out", 2)
    for liquid in across.evaluations:
        for found, same in zip(liquid, alone, strict=False):
            assert [found.answers[n].predicted for n in UNSEEDED] == [same.answers[n].predicted for n in UNSEEDED]


def test_evaluations_are_the_same_wherever_they_are_done(tmp_path: Path) -> None:
    described = still(tmp_path)
    told: list[tuple[int, int]] = []
    given = described, DATA, "leave-one-group-out", 2, "fast"
    here = evaluate_across(*given)
    MEMO.clear()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        there = evaluate_across(*given, lambda done, total: told.append((done, total)), executor=pool)
    assert told == [(1000 * done, 6000) for done in range(1, 7)]
    assert there.scores == here.scores
    for some, others in zip(here.evaluations, there.evaluations, strict=True):
        for a, b in zip(some, others, strict=True):
            assert (a.counts, a.activity, a.liquid, a.baselines) == (b.counts, b.activity, b.liquid, b.baselines)


class Watched(ThreadPoolExecutor):
    """Keeps the futures that it gives."""

    def __init__(self) -> None:
        super().__init__(1)
        self.futures: list[Any] = []

    def submit(self, *given: Any, **options: Any) -> Any:
        self.futures.append(super().submit(*given, **options))
        return self.futures[-1]


def test_where_one_piece_fails_the_others_are_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*given: Any, **options: Any) -> Any:
        time.sleep(0.2)
        raise LsmError("it fails", where="here")

    monkeypatch.setattr(pieces_module, "evaluate_one", failing)
    pool = Watched()
    assert error(lambda: evaluate_across(still(tmp_path), DATA, "folds=6", executor=pool))[:2] == (
        "it fails",
        "here, split 'fold 1'",
    )
    pool.shutdown()
    assert sum(future.cancelled() for future in pool.futures) >= 4


def test_classes_that_a_training_part_lacks_are_named_with_their_splits_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces_module, "evaluate_one", None)
    rare = ["rare" if group == "A" and i % 4 == 0 else "odd" if group == "C" and i % 4 == 0 else label
            for i, (group, label) in enumerate(zip(DATA.groups, DATA.labels, strict=True))]  # fmt: skip
    data = replace(DATA, labels=tuple(rare), source="all.npz")
    with pytest.raises(LsmError) as caught:
        evaluate_across(still(tmp_path), data, "leave-one-group-out")
    assert [(each.what, each.where) for each in caught.value.each()] == [
        ("class 'rare' of the test data is not in the training data", "all.npz, split 'A'"),
        ("class 'odd' of the test data is not in the training data", "all.npz, split 'C'"),
    ]
    hints = [each.hint for each in caught.value.each()]
    assert hints[0] == "give samples of it in other groups, or leave 'A' out (`--without A`)"
    two = replace(data, groups=tuple("AB"[group != "A"] for group in data.groups))
    with pytest.raises(LsmError) as caught:
        evaluate_across(still(tmp_path), two, "leave-one-group-out")
    assert "--without" not in str(caught.value), "one group alone cannot be split"
    once = replace(data, labels=("once", *data.labels[1:]))
    with pytest.raises(LsmError, match="class 'once' of the test data") as caught:
        evaluate_across(still(tmp_path), once, "folds=2")
    assert [each.hint for each in caught.value.each()] == ["give more samples of it, or none"]


def test_what_a_training_part_lacks_else_is_named_with_its_split(tmp_path: Path) -> None:
    few = list(DATA.labels)
    for i, group in enumerate(DATA.groups):
        if few[i] == "c" and group == "B":
            few[i] = "a"
    data = replace(DATA, labels=tuple(few))
    described = still(tmp_path)
    assert described.readout is not None
    many = replace(described, readout=replace(described.readout, folds=8))
    said = error(lambda: evaluate_across(many, data, "leave-one-group-out", alone=True))
    assert said[0].startswith("class 'c' has 4 training samples, fewer than the 8 folds")
    assert said[1] == "readout, split 'A'"


# --- who is held out -------------------------------------------------------------------------------------------------


def test_folds_hold_out_groups_only_where_the_test_has_other_groups(tmp_path: Path) -> None:
    described = still(tmp_path)
    assert described.readout is not None
    asked = replace(described, data=Data(shared_groups=True))
    others = replace(grouped(seed=2), groups=("D",) * DATA.samples)
    speaks_alike = np.repeat([group != "C" for group in DATA.groups], DATA.lengths)
    heard = replace(DATA, frames=np.where(speaks_alike[:, np.newaxis], DATA.frames, -DATA.frames))
    x = liquids_of(described, heard, heard, "fast")[0].run(heard, "train", None).samples.features
    by_sample = readouts.fit(x, heard.labels, described.readout, 4)
    by_speaker = readouts.fit(x, heard.labels, described.readout, 4, heard.groups)
    assert by_sample.cv_accuracy.max() > by_speaker.cv_accuracy.max()

    assert evaluate(described, heard, others).liquid.cv_accuracy == by_speaker.cv_accuracy.max()
    some = replace(others, groups=("D",) * 30 + ("B",) * 6)
    without = on_chip_accuracy(asked, replace(heard, groups=()), some)
    assert evaluate(asked, heard, some, on_chip=True).on_chip == without != on_chip_accuracy(asked, heard, some)
    assert evaluate(asked, heard, some).liquid.cv_accuracy == by_sample.cv_accuracy.max()
    assert error(lambda: evaluate(described, heard, some))[0].startswith("'B' of the test data is in the training data")


def test_a_single_speaker_is_no_reason_not_to_train(tmp_path: Path) -> None:
    described = still(tmp_path)
    alone, other = replace(DATA, groups=("A",) * 36), replace(grouped(seed=2), groups=("D",) * 36)
    nobody = replace(DATA, groups=())
    assert evaluate(described, alone, other).liquid == evaluate(described, nobody, other).liquid


def test_a_split_by_samples_asks_for_speakers_on_both_sides(tmp_path: Path) -> None:
    described = still(tmp_path)
    got = evaluate_across(described, DATA, "folds=3")
    assert sum(score[0].samples for score in got.groups.values()) == DATA.samples
    [(_, *parts), *_] = list(splits(DATA, "folds=3", 4))
    assert "is in the training data" in error(lambda: evaluate(described, *parts))[0]


RATE = 8000


def speech(seed: int) -> Audio:
    """Two words by two speakers, of whom one says more; takes 0 to 4 and others."""
    rng, t = np.random.default_rng(seed), np.arange(960) / RATE
    takes = [*range(9), *range(9), *range(4, 7), *range(4, 7)]
    labels = [*("0" * 9), *("1" * 9), *("0" * 3), *("1" * 3)]
    groups = ["ann"] * 18 + ["bob"] * 6
    sounds = [np.sin(6.28 * (400, 1500)[int(label)] * t) * 0.3 + 0.1 * rng.normal(size=len(t)) for label in labels]
    starts = np.arange(24) * len(t)
    return Audio(np.concatenate(sounds), starts, RATE, tuple(labels), "speech", tuple(groups), np.array(takes))


def hearing(folder: Path, **options: Any) -> Spec:
    """It hears eight bands."""
    found = still(folder)
    front = MelFrontEnd(kind="mel", rate_hz=RATE, bands=2, frames=6, normalise="utterance", **options)
    assert found.readout is not None
    return replace(found, front_end=front, readout=replace(found.readout, folds=2))


def test_the_official_split_shares_its_speakers(tmp_path: Path) -> None:
    pytest.importorskip("librosa")
    described = hearing(tmp_path)
    got = evaluate_across(described, speech(1), "official", 2)
    assert (got.samples, list(got.splits), list(got.groups)) == (12, ["official"], ["ann", "bob"])
    assert got.over == "12 samples, of 2 liquids", "speakers were trained on"
    [(_, *parts)] = list(splits(speech(1), "official"))
    assert "is in the training data" in error(lambda: evaluate(described, *parts))[0]


# --- progress --------------------------------------------------------------------------------------------------------


def ascends(told: list[tuple[int, int]]) -> None:
    done, totals = zip(*told, strict=True)
    assert list(done) == sorted(done)
    assert len(set(totals)) == 1
    assert told[-1][0] == told[-1][1]
    assert done[0] < done[-1] / 3


def test_progress_ascends_to_its_total(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    evaluate_across(still(tmp_path), DATA, "leave-one-group-out", 2, progress=lambda *at: told.append(at))
    ascends(told)


def test_progress_ascends_where_splits_differ_in_length(tmp_path: Path) -> None:
    """Training parts are augmented, test parts are not."""
    pytest.importorskip("librosa")
    from lsm_deploy.spec.schema import Augment

    described, told = hearing(tmp_path, augment=Augment(copies=2, noise_db=10.0)), []
    assert described.input.encoder is not None
    free = replace(described, input=replace(described.input, encoder=replace(described.input.encoder, range=None)))
    evaluate_across(free, speech(1), "leave-one-group-out", progress=lambda *at: told.append(at))
    ascends(told)


# --- figures ---------------------------------------------------------------------------------------------------------


def test_the_spread_of_several_is_students() -> None:
    values = [0.91, 0.95, 0.93, 0.98, 0.9]
    got = Spread.of(values)
    low, high = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    assert (got.mean, got.low, got.high) == pytest.approx((0.934, low, high))
    # By hand: deviations -24, 16, -4, 46, -34 thousandths, t(4) = 2.776.
    assert got.high == pytest.approx(0.934 + 2.776445 * (0.00412 / 4 / 5) ** 0.5, abs=1e-7)
    assert (got.least, got.most) == (0.9, 0.98)
    assert Spread.of([0.5]) == Spread(0.5, None, None, 0.5, 0.5)
    assert Spread.of([0.25, 0.75]) == Spread(0.5, None, None, 0.25, 0.75)
    assert Spread.of([0.9, 1.0, 1.0]).high > 1.0
    assert Spread.of([0.9, 1.0, 1.0], ENDS["accuracy"]).high == 1.0
    assert Spread.of([0.1, 0.0, 0.0], ENDS["nrmse"]).low == 0.0


def answers(said: str, margins: Any = None) -> Answers:
    return Answers(tuple(said), None if margins is None else np.array(margins, float), 3, 1.0, 0.5)


@pytest.mark.parametrize("seed", range(5))
def test_detection_is_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, margins = rng.choice(list("xy"), 40), rng.integers(-3, 4, 40)  # many tie
    said = "".join(np.where(margins > 0, "y", "x"))
    got = score_of(answers(said, margins), labels.tolist(), "y")
    assert got.detection is not None
    assert got.detection.sensitivity == pytest.approx(recall_score(labels, list(said), pos_label="y"))
    assert got.detection.specificity == pytest.approx(recall_score(labels, list(said), pos_label="x"))
    assert got.detection.auc == pytest.approx(roc_auc_score(labels == "y", margins))
    assert got.correct == (labels == np.array(list(said))).sum()


def test_detection_of_what_is_not_there() -> None:
    assert score_of(answers("xy"), ["x", "y"]).detection is None
    alone = score_of(answers("xy", [-1, 1]), ["y", "y"], "y").detection
    assert alone is not None
    assert (alone.sensitivity, alone.specificity, alone.auc) == (0.5, None, None)
    others = score_of(answers("xy", [-1, 1]), ["x", "x"], "y").detection
    assert others is not None
    assert (others.sensitivity, others.specificity, others.auc) == (None, 0.5, None)
    unmeasured = score_of(answers("xy"), ["x", "y"], "y").detection
    assert unmeasured is not None
    assert (unmeasured.sensitivity, unmeasured.auc) == (1.0, None)


@pytest.mark.parametrize("positive", ["a", "b", "c"])
@pytest.mark.parametrize("classes", ["ab", "abc"])
def test_margins_rise_with_the_positive_class_wherever_it_stands(tmp_path: Path, positive: str, classes: str) -> None:
    section = spec(tmp_path).readout
    assert section is not None
    rng = np.random.default_rng(0)
    y = np.arange(90) % len(classes)
    x = rng.poisson(3 + 2 * np.eye(3, dtype=int)[y])
    labels = [classes[i] for i in y]
    classifier = readouts.fit(x, labels, section, 0)
    if positive not in classes:
        assert float_answers(classifier, x, positive).margins is None
        return
    scores = readouts.decision_function(classifier, x)
    integers = readouts.quantise_readout(classifier, 8)
    exact = readouts.scores(integers, x) / integers.scale  # what several splits have in common
    is_positive = np.array(labels) == positive
    for got, each in (
        (float_answers(classifier, x, positive), scores),
        (integer_answers(classifier, x, 8, positive), exact),
    ):
        assert got.margins is not None
        here = classes.index(positive)
        expected = [row[here] - max(v for i, v in enumerate(row) if i != here) for row in each.tolist()]
        np.testing.assert_allclose(got.margins, expected)
        found = score_of(got, labels, positive).detection
        assert found is not None
        assert found.auc == pytest.approx(roc_auc_score(is_positive, expected))
        assert found.auc is not None
        assert found.auc > 0.7
        assert all(
            (said == positive) == (m > 0) for said, m in zip(got.predicted, got.margins.tolist(), strict=True) if m
        )


def test_pooled_answers_and_those_of_each_group() -> None:
    parts = [answers("xyx", [-1, 2, -3]), answers("yy", [4, 5])]
    got = pooled(parts)
    assert (got.predicted, got.regularisation, got.cv_accuracy, got.features) == (tuple("xyxyy"), None, None, 3)
    assert got.margins is not None
    assert got.margins.tolist() == [-1, 2, -3, 4, 5]
    assert pooled([parts[0], answers("yy")]).margins is None
    assert not pooled([parts[0], replace(parts[1], converged=False)]).converged
    found = by_group(got, list("xxxyx"), ["p", "q", "p", "q", "q"], "y")
    assert {name: (s.correct, s.samples) for name, s in found.items()} == {"p": (2, 2), "q": (1, 3)}
    assert found["q"].detection is not None
    assert (found["q"].detection.sensitivity, found["q"].detection.specificity) == (1.0, 0.0)
    assert found["q"].detection.auc == 0.5  # 4 among 2 and 5


def test_silence_is_judged_by_all_that_was_run(tmp_path: Path) -> None:
    """What is new in a later evaluation may be quiet, though the training data as a whole are not."""
    described = still(tmp_path)
    # A single frame of three equal samples: too few input spikes for anyone to fire.
    frames = np.concatenate([DATA.frames, np.full((3, 2), -3.0)])
    starts = np.append(DATA.starts, len(DATA.frames) + np.arange(3))
    quiet = Frames(frames[-3:], np.arange(3), ("a", "b", "a"), "quiet")
    labels = (*DATA.labels, *quiet.labels)
    data = Frames(frames, starts, labels, "some", (*DATA.groups, *"qqq"), digests=np.arange(len(starts)))
    assert not liquids_of(described, DATA, DATA, "fast")[0].run(quiet, "test", None).samples.features.any()
    evaluate_across(described, data, "leave-one-group-out", alone=True, leave_out=("q",))
    both = evaluate_across(described, data, "leave-one-group-out", alone=True)
    MEMO.clear()
    alone = evaluate_across(described, data, "leave-one-group-out", alone=True)
    assert both.scores["liquid"] == alone.scores["liquid"]
