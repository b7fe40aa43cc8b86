"""Values that are chosen inside of splits: against plain loops, and that nothing of a test part reaches the choice."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calls import call, facts
from test_across import ascends
from test_regression import SPEC as SIGNALS
from waves import FRESH, SPEC, waves

import lsm_deploy as ld
from lsm_deploy.core.errors import BackendError, LsmError, LsmWarning
from lsm_deploy.data import Frames, make_frames, splits
from lsm_deploy.measure.evaluation import evaluate, evaluate_across
from lsm_deploy.measure.uncertainty import Resampled
from lsm_deploy.report.text import to_text
from lsm_deploy.report.values import report_of
from lsm_deploy.spec.schema import Data
from lsm_deploy.tune import nested as nested_module
from lsm_deploy.tune.nested import Nested, evaluate_nested

SPACE = """\
projections.0.gain: [0.3, 1.5]
readout.features.bins: [1, 3]
"""
LOGO = "leave-one-group-out"


def grouped(each: int = 12) -> Frames:
    """Three speakers who say everything."""
    data = waves(each, 1, noise=0.9)
    return replace(data, groups=tuple("ABC"[i // 3 % 3] for i in range(data.samples)))


DATA = grouped()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A spec whose spikes depend on nothing but the frames, and what may vary."""
    text = SPEC.format(features="{kind: bins, bins: 2}", samples=FRESH, read="liquid")
    still = text.replace("code: rate, max_rate_hz: 600.0", "code: latency, range: [-3.0, 3.0]")
    (tmp_path / "spec.yaml").write_text(still)
    (tmp_path / "space.yaml").write_text(SPACE)
    return tmp_path / "spec.yaml"


def chosen_inside(
    file: Path, data: Frames = DATA, how: str = LOGO, trials: int = 3, seeds: int = 1, **options: Any
) -> Nested:
    return evaluate_nested(file, data, how, trials, seeds, space=file.parent / "space.yaml", **options)


# --- against plain loops ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [LOGO, "folds=2"])
def test_each_split_is_a_search_of_its_training_part_and_an_evaluation_of_its_test_part(file: Path, how: str) -> None:
    got = chosen_inside(file, how=how, seeds=2, alone=how != LOGO)
    written = ld.load(file)
    assert got.candidates[0].values == {}
    assert len(got.candidates) == 4
    for candidate in got.candidates[1:]:
        assert set(candidate.values) == {"projections.0.gain", "readout.features.bins"}
        assert 0.3 <= candidate.values["projections.0.gain"] <= 1.5
    specs = [written.with_(dict(candidate.values)) for candidate in got.candidates]
    right: dict[str, list[list[bool]]] = {"chosen": [[], []], "written": [[], []]}
    for i, (name, train, test) in enumerate(splits(DATA, how, written.seed)):
        # A test of groups that are trained on, too, is of folds of samples.
        apart = train if how == LOGO else replace(train, groups=())
        scores = [
            np.mean(
                [ld.train(replace(spec, seed=seed), apart).answerer.classifier.cv_accuracy.max() for seed in (4, 5)]
            )
            for spec in specs
        ]
        assert [candidate.scores[i] for candidate in got.candidates] == pytest.approx(scores)
        assert got.chosen[i] == int(np.argmax(scores))
        assert got.choices[name] is got.candidates[got.chosen[i]]
        for which, spec in (("chosen", specs[got.chosen[i]]), ("written", written)):
            for k, seed in enumerate((4, 5)):
                of = replace(spec, seed=seed, data=Data(shared_groups=True))
                one = evaluate(of, train, test, alone=True)
                right[which][k] += [a == b for a, b in zip(one.answers["liquid"].predicted, one.labels, strict=True)]
    assert len(set(got.chosen)) > 1, "splits choose differently"
    for which, across in (("chosen", got.nested), ("written", got.as_written)):
        assert [score.correct for score in across.scores["liquid"]] == [sum(each) for each in right[which]]
    same = evaluate_across(written, DATA, how, 2, alone=True)
    assert {name: got.as_written.scores[name] for name in same.scores} == same.scores
    groups = [group for each in same.evaluations[0] for group in each.group_of]
    drawn = Resampled({name: np.array(each) for name, each in right.items()}, groups if how == LOGO else ())
    assert got.differences["liquid"] == drawn.difference("chosen", "written")
    others = {"floats", "feedforward", "encoded", "raw"} if how == LOGO else set()
    assert set(got.differences) == {"liquid", "unrounded"} | others


def test_it_is_the_same_wherever_and_in_whatever_order_pieces_are_done(file: Path) -> None:
    here = chosen_inside(file, trials=2, alone=True)
    with ThreadPoolExecutor(3) as pool:
        there = chosen_inside(file, trials=2, alone=True, executor=pool)
    assert plain(there) == plain(here)


def plain(nested: Nested) -> str:
    """All of its facts, but for times."""
    timeless = {"seconds": 0.0}
    told = nested.to_json()
    return json.dumps({**told, **timeless, "as_written": {**told["as_written"], **timeless}})


def test_a_point_that_is_drawn_twice_or_is_the_spec_is_tried_once(file: Path) -> None:
    (file.parent / "space.yaml").write_text("readout.features.bins: {choices: [1, 2]}\n")
    got = chosen_inside(file, trials=6, alone=True)
    assert [dict(candidate.values) for candidate in got.candidates] == [{}, {"readout.features.bins": 1}]
    assert got.to_json()["configurations"] == 2


def test_the_spec_itself_is_kept_where_nothing_is_better(file: Path) -> None:
    (file.parent / "space.yaml").write_text("readout.weight_bits: {choices: [7, 8]}\n")  # scores are before rounding
    got = chosen_inside(file, alone=True)
    assert got.chosen == (0, 0, 0)
    assert len({candidate.scores for candidate in got.candidates}) == 1
    assert got.nested.scores == got.as_written.scores
    assert {(d.mean, d.low, d.high) for d in got.differences.values()} == {(0.0, 0.0, 0.0)}
    assert "the same" in to_text(report_of(got).blocks)
    assert (got.differences["liquid"].mean, got.differences["liquid"].says) == (0.0, "not distinguishable")


def test_progress_ascends_to_its_total(file: Path) -> None:
    told: list[tuple[int, int]] = []
    chosen_inside(file, progress=lambda *at: told.append(at), alone=True)
    ascends(told)
    assert told[-1] == (10_000, 10_000), "three splits as written, four candidates, what each split chose"


# --- what a choice may know ------------------------------------------------------------------------------------------


def test_what_is_in_a_test_part_changes_nothing_of_its_choice(file: Path) -> None:
    before = chosen_inside(file, alone=True, trials=2)
    rng = np.random.default_rng(0)
    for i, group in enumerate("ABC"):
        tested = np.array([name == group for name in DATA.groups])
        frames, labels = DATA.frames.copy(), np.array(DATA.labels)
        frames[np.repeat(tested, np.diff(np.append(DATA.starts, len(frames))))] *= -3.0
        labels[tested] = rng.permutation(labels[tested])
        after = chosen_inside(file, replace(DATA, frames=frames, labels=tuple(labels.tolist())), alone=True, trials=2)
        scores = [[candidate.scores[i] for candidate in each.candidates] for each in (before, after)]
        assert scores[0] == scores[1]
        assert before.chosen[i] == after.chosen[i]
        assert before.nested.splits[group] != after.nested.splits[group]
        others = [j for j in range(3) if j != i]
        assert any(
            c.scores[j] != d.scores[j] for j in others for c, d in zip(before.candidates, after.candidates, strict=True)
        )


def planted() -> Frames:
    """Three classes, named by which channel is high. B and C say it clearly at first and poorly in the end; A is wrong
    at first and clear in the end: who reads the end alone is right about A, and could not have known it."""
    rng = np.random.default_rng(3)
    samples, labels, groups = [], [], []
    for i in range(90):
        group, label = "ABC"[i // 3 % 3], i % 3
        sample = 0.3 * rng.normal(size=(8, 3))
        sample[:4, (label + (group == "A")) % 3] += 2.0
        sample[4:, label] += 2.0 if group == "A" else 1.0
        sample[4:] += (0.0 if group == "A" else 0.7) * rng.normal(size=(4, 3))
        samples.append(sample)
        labels.append("abc"[label])
        groups.append(group)
    data = make_frames(np.concatenate(samples), np.arange(0, 720, 8), labels, "planted")
    return replace(data, groups=tuple(groups))


def test_what_helps_on_a_test_part_alone_is_not_chosen_there(file: Path) -> None:
    first, end = 1000.0, 4.0
    text = (
        file.read_text()
        .replace("channels: 2", "channels: 3")
        .replace("{kind: bins, bins: 2}", "{kind: traces, tau_ms: 4.0}")
    )
    file.write_text(text)
    (file.parent / "space.yaml").write_text(f"readout.features.tau_ms: {{choices: [{first}, {end}]}}\n")
    got = chosen_inside(file, planted(), alone=True)
    whole = got.choices["A"]
    assert whole.values == {"readout.features.tau_ms": first}
    assert whole.scores[0] is not None
    assert got.candidates[0].scores[0] is not None
    assert whole.scores[0] > got.candidates[0].scores[0] + 0.05
    # And yet it is the worse for it, which only the test part tells.
    assert got.nested.splits["A"]["liquid"] < got.as_written.splits["A"]["liquid"] - 0.3


# --- what fails ------------------------------------------------------------------------------------------------------


def test_candidates_that_fail_are_left_out_with_their_reason(file: Path) -> None:
    (file.parent / "space.yaml").write_text("projections.0.gain: {choices: [1.0, 0.001]}\n")
    got = chosen_inside(file, alone=True)
    silent = got.candidates[1]
    assert silent.values == {"projections.0.gain": 0.001}
    assert silent.scores == (None, None, None)
    assert "never spikes" in silent.reason
    assert got.chosen == (0, 0, 0)
    text = to_text(report_of(got).blocks)
    assert f"trial 1 failed: {silent.reason}" in text
    assert "all splits choose the same: as written" in text


def test_where_all_fail_it_says_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*given: Any, **options: Any) -> Any:
        raise LsmError("it fails", where="here")

    monkeypatch.setattr(nested_module, "trained", failing)
    with pytest.raises(LsmError) as caught:
        chosen_inside(file, alone=True)
    assert (caught.value.what, caught.value.where) == (
        "all 4 candidates failed, the first: here: it fails",
        "split 'A'",
    )


def too_long(file: Path, gain: float = 1.0) -> Frames:
    """Samples of A take 80 steps and all others 40 at most, and samples every 40 steps are a choice: what the others
    allow, A does not."""
    file.write_text(file.read_text().replace("samples: {policy: fresh}", "samples: {policy: interval, steps: 100}"))
    (file.parent / "space.yaml").write_text("samples.steps: {choices: [40, 60]}\n")
    rng, rows, labels, groups = np.random.default_rng(5), [], [], []
    for i in range(54):
        group = "ABC"[i // 3 % 3]
        t = np.arange(16 if group == "A" else 8)[:, np.newaxis] + np.array([0.0, 1.6])
        rows.append(np.sin(0.8 * t + 2.1 * (i % 3)) + 0.9 * rng.normal(size=t.shape))
        labels.append("abc"[i % 3])
        groups.append(group)
    many = np.array([len(row) for row in rows])
    data = make_frames(np.concatenate(rows), np.cumsum(many) - many, labels, "long")
    return replace(data, groups=tuple(groups))


def test_a_choice_that_fails_on_its_test_part_is_named_and_the_other_splits_stand(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = too_long(file)
    monkeypatch.setattr(nested_module, "cross_validated", lambda model: -model.program.network.sample_interval)
    with pytest.warns(LsmWarning) as said:
        got = chosen_inside(file, data, trials=4, alone=True)
    (trial,) = (i for i, each in enumerate(got.candidates) if each.values == {"samples.steps": 40})
    assert (got.splits, got.chosen[0]) == (("A", "B", "C"), trial), "who trains on A cannot choose 40"
    assert set(got.failed) == {"A"}
    reason = got.failed["A"]
    assert reason.startswith(f"trial {trial} (samples.steps 40), which it chose, fails on its test part: ")
    assert "80 in all, but the interval is 40" in reason
    (warning,) = (str(each.message) for each in said if "which it chose" in str(each.message))
    assert warning.startswith(f"split 'A': {reason}")
    assert warning.endswith("figures are of the other splits; take such values out of what may vary")
    # What is left is what these splits give by themselves, chosen and as written.
    assert tuple(got.nested.splits) == tuple(got.as_written.splits) == ("B", "C")
    alone = evaluate_across(ld.load(file), data, LOGO, alone=True)
    assert {name: got.as_written.splits[name] for name in "BC"} == {name: alone.splits[name] for name in "BC"}
    assert set(got.differences) == {"liquid", "unrounded"}
    assert got.choices["A"] is got.candidates[trial]
    told = got.to_json()
    assert (told["failed"], set(told["chosen"])) == ({"A": reason}, set("ABC"))
    assert f"split 'A' is in no figure: {reason}" in to_text(report_of(got).blocks)
    with ThreadPoolExecutor(3) as pool, pytest.warns(LsmWarning):
        assert chosen_inside(file, data, trials=4, alone=True, executor=pool).failed == got.failed


def failing_chosen(monkeypatch: pytest.MonkeyPatch, failure: Any) -> None:
    """Splits A and B choose trial 1; where that is evaluated on A's test part, `failure` of its seed is raised."""
    monkeypatch.setattr(nested_module, "_best", lambda candidates, split, name: int(name in "A"))
    evaluated = nested_module.evaluated

    def asked_of(asked: Any, piece: Any) -> Any:
        if piece.spec:
            raise failure(piece.seed)
        return evaluated(asked, piece)

    monkeypatch.setattr(nested_module, "evaluated", asked_of)


def test_what_is_of_no_split_ends_all(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_chosen(monkeypatch, lambda seed: BackendError("it died", where="backend 'fast'"))
    with pytest.raises(BackendError, match="it died"):
        chosen_inside(file, alone=True)


def test_of_several_liquids_that_fail_the_first_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_chosen(monkeypatch, lambda seed: LsmError(f"liquid {seed} fails"))
    with pytest.warns(LsmWarning, match="which it chose"):
        got = chosen_inside(file, seeds=2, alone=True)
    first = got.nested.seeds[0]
    assert f"liquid {first} fails" in got.failed["A"]
    # All others chose the spec as it is: one and the same, and no two that happen to answer alike.
    assert got.as_written_everywhere
    assert {(d.low, d.high) for d in got.differences.values()} == {(0.0, 0.0)}


def test_where_no_choice_answers_all_are_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nested_module, "_best", lambda *given: 1)

    def failing(*given: Any) -> Any:
        raise LsmError("it fails", where="here")

    evaluated = nested_module.evaluated
    monkeypatch.setattr(
        nested_module, "evaluated", lambda asked, piece: (failing if piece.spec else evaluated)(asked, piece)
    )
    with pytest.raises(LsmError) as caught:
        chosen_inside(file, alone=True)
    assert [each.where for each in caught.value.each()] == ["split 'A'", "split 'B'", "split 'C'"]
    assert all(each.what.startswith("trial 1 (") and each.hint for each in caught.value.each())


def test_the_command_shows_what_was_done_and_ends_with_status_1(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    monkeypatch.setattr(nested_module, "cross_validated", lambda model: -model.program.network.sample_interval)
    data = too_long(file)
    np.savez("all.npz", frames=data.frames, starts=data.starts, labels=data.labels, groups=data.groups)
    line = f"eval spec.yaml --data all.npz --split {LOGO} --tune-inside 4 --space space.yaml --json"
    result = call(*line.split(), status=1)
    assert set(json.loads(result.stdout)["failed"]) == {"A"}
    assert "note: split 'A': trial " in result.stderr


def test_what_front_ends_would_do_to_frames_is_no_choice(file: Path) -> None:
    (file.parent / "space.yaml").write_text(
        "front_end: {choices: [null, {kind: mel, rate_hz: 8000, bands: 2}]}\n"
        "data.mono: {choices: [true, false]}\n"
        "front_end.level: {choices: [true, false]}\n"
    )
    with pytest.raises(LsmError) as caught:
        chosen_inside(file)
    lines = [each.where.rsplit(":", 2)[1] for each in caught.value.each()]
    assert set(lines) == set("123"), "all at once"
    frames = [each for each in caught.value.each() if "the data are frames already" in each.what]
    assert [each.what.split()[0] for each in frames] == ["front_end", "front_end.level"]
    assert {each.hint for each in frames} == {"give the recordings, or remove it"}
    assert "data is no matter of a search" in {each.what for each in caught.value.each()}


def test_two_groups_are_too_few_to_hold_one_out_of_a_training_part(file: Path) -> None:
    two = replace(DATA, groups=tuple("A" if group == "A" else "B" for group in DATA.groups))
    with pytest.warns(LsmWarning, match="split 'A', 'B' trains on one group: cross-validation holds out its") as said:
        got = chosen_inside(file, two, trials=1, alone=True)
    assert got.nested.over == "36 samples"
    assert "; intervals, too, are over samples; give 3 groups" in str(said[0].message)
    with pytest.warns(LsmWarning, match="split 'fold .' trains on one group") as said:
        evaluate_across(ld.load(file), DATA, "group-folds=2", alone=True)
    assert "intervals" not in str(said[0].message)
    chosen_inside(file, trials=1, alone=True)  # of three nothing is said: warnings are errors here
    chosen_inside(file, two, "folds=2", trials=1, alone=True)


def test_what_cannot_be_asked(file: Path, tmp_path: Path) -> None:
    with pytest.raises(LsmError, match="0 trials are asked for"):
        chosen_inside(file, trials=0)
    with pytest.raises(LsmError, match="more than 100000"):
        chosen_inside(file, trials=10**6)
    with pytest.raises(LsmError, match="does not say what to search"):
        evaluate_nested(file, DATA, LOGO, 1)
    with pytest.raises(LsmError, match="is of type list, not str or Path"):
        evaluate_nested(file, DATA, LOGO, 1, space=["x"])  # type: ignore[arg-type]
    signals = tmp_path / "signals.yaml"
    signals.write_text(SIGNALS)
    with pytest.raises(LsmError, match="whose test series is one split") as caught:
        evaluate_nested(signals, DATA, LOGO, 1)
    assert "`search`" in caught.value.hint


# --- what is said ----------------------------------------------------------------------------------------------------


def test_it_says_what_each_split_chose_beside_the_spec_as_it_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    np.savez("all.npz", frames=DATA.frames, starts=DATA.starts, labels=DATA.labels, groups=DATA.groups)
    asked = ("eval", "spec.yaml", "--data", "all.npz", "--split", LOGO, "--tune-inside", 3, "--space", "space.yaml")
    got, told = chosen_inside(file), facts(*asked)
    assert told["accuracy"] == got.nested.accuracy("liquid").mean
    assert told["as_written"]["accuracy"] == got.as_written.accuracy("liquid").mean
    assert told["chosen"] == dict(zip("ABC", got.chosen, strict=True))
    assert told["configurations"] == 4
    assert told["candidates"][1]["values"] == got.candidates[1].values
    assert told["candidates"][1]["cv_accuracy"] == dict(zip("ABC", got.candidates[1].scores, strict=True))
    d = got.differences["liquid"]
    assert told["nested_less_written"]["liquid"] == {**asdict(d), "says": d.says}
    text = to_text(report_of(got).blocks)
    assert "of 4 configurations, 0 failed" in text
    row = next(line for line in text.splitlines() if line.startswith("B "))
    chosen = got.choices["B"]
    assert f"trial {got.chosen[1]}" in row if got.chosen[1] else "as written" in row
    for value in chosen.values.values():
        assert f"{value:.5g}" in row
    assert "splits choose differently" in text
    assert f"{d.low:+.1%} to {d.high:+.1%}" in text
    assert "over 3 groups" in text
    assert "accuracy" in got.to_frame("chosen inside").columns or len(got.to_frame("chosen inside each")) == 3
