"""What a liquid still knows: delay lines whose curves are known exactly, what forgets, and figures by other ways."""

from __future__ import annotations

import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from bench import knows as bench
from calls import SPEC, call, facts, frames
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_diagnose import AT_ONCE, network
from test_graded import INPUT as MESSAGE
from test_graded import dense, units

import lsm_deploy as ld
from lsm_deploy.compile.pipeline import compile_built
from lsm_deploy.core import memory
from lsm_deploy.core.errors import LsmError, MisuseError
from lsm_deploy.core.ir import Network, Stimulus
from lsm_deploy.data import Frames
from lsm_deploy.learn.regression.states import more_steps
from lsm_deploy.measure.diagnosis import capacity, diagnosis, knowledge, liquid, ranks
from lsm_deploy.measure.diagnosis.knowledge import asked, labels, reconstruction, sources
from lsm_deploy.measure.diagnosis.knowledge import knowledge as of_knowledge
from lsm_deploy.measure.diagnosis.knowledge.asked import Questions, Timing
from lsm_deploy.measure.diagnosis.knowledge.knowledge import Curves, Estimate, _explained, _less, _of_mean
from lsm_deploy.measure.diagnosis.knowledge.reconstruction import Losses
from lsm_deploy.measure.uncertainty import Difference
from lsm_deploy.report import knowledge as report_knowledge
from lsm_deploy.report.blocks import Line

pytestmark = pytest.mark.once

FRAME = 10
"""Steps, of a ms, that a frame lasts, and that are read."""


def line(hops, channels=1):
    """For each channel neurons that relay its spikes, each a frame later than the one before."""
    inputs = [(c, c * hops, 1.5, 0) for c in range(channels)]
    # A synapse takes one step more than its delay.
    chain = [(c * hops + i, c * hops + i + 1, 1.5, FRAME - 1) for c in range(channels) for i in range(hops - 1)]
    return network(channels * hops, AT_ONCE, inputs, chain, channels)


def known(floats, questions, readout=None, executor=None, board="oheo_gulch"):
    program = compile_built(floats, board).program
    who = knowledge.answerers(program, floats)
    read = np.arange(program.network.neurons)
    turns = []
    answered = knowledge.knowledge_of(
        questions, who, read, "fast", readout, ("liquid",), 3, lambda: turns.append(1), executor
    )
    assert len(turns) == len(who)
    return answered


def about_noise(floats, after, last=FRAME, rate_hz=200.0):
    quantised = compile_built(floats).program.network
    return asked.questions_of(None, quantised, None, Timing(1.0, FRAME, last, tuple(after)), 5, rate_hz)


def about_channels(after, samples=20, classes=2, rest=None):
    """Samples of a frame in which the class's own channel spikes once, at any time."""
    rng = np.random.default_rng(0)
    which = np.arange(samples * classes) % classes
    spikes = np.zeros((len(which) * FRAME, classes), np.int8)
    spikes[np.arange(len(which)) * FRAME + rng.integers(0, FRAME, len(which)), which] = 1
    values = spikes.reshape(-1, FRAME, classes).sum(axis=1).astype(float)
    data = Frames(values, np.arange(len(which)), tuple("abcdef"[i] for i in which))
    rest = max(after) + 1 if rest is None else rest
    stimulus = more_steps(Stimulus(spikes, np.arange(len(which)) * FRAME), rest)
    return Questions("samples", Timing(1.0, FRAME, FRAME, tuple(after)), rest, data, stimulus, "")


def values(curve):
    return [None if each is None else each.value for each in curve]


# --- curves that are known ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hops", [1, 4])
def test_a_delay_line_knows_what_is_as_long_ago_as_it_is_long_and_nothing_else(hops):
    found = known(line(hops), about_noise(line(hops), [FRAME * k for k in range(7)]))
    assert (found.labels, found.why_not) == (None, "Poisson input has no labels")
    assert found.frames.after_ms == tuple(float(FRAME * k) for k in range(7))
    ends = {"deployed": hops, "float": hops, "encoded": 1, "buffer": hops, "feedforward": 1}
    assert set(found.frames.values) == set(ends) - ({"feedforward"} if hops == 1 else set())
    for name, curve in found.frames.values.items():
        np.testing.assert_allclose(values(curve)[: ends[name]], 1.0, atol=1e-6, err_msg=name)
        assert max(np.abs(values(curve)[ends[name] :])) < 0.02, name
        assert found.frames.known_ms(name)[1] == FRAME * (ends[name] - 1)
    assert (found.buffer_frames, found.buffer_numbers) == (hops, hops)
    for name, differences in found.frames.differences.items():
        for k, difference in enumerate(differences):
            better = ends[name] <= k < hops
            assert difference.says == ("better" if better else "not distinguishable"), (name, k)


def test_tables_are_of_all_liquids():
    found = known(line(2, 2), about_channels([0, 10, 20]))
    text = bench.render([found, found], 3.0)
    rows = [row.split(" | ") for row in text.splitlines() if row.startswith("| ") and "---" not in row][1:]
    assert [row[0] for row in rows] == ["| 0", "| 10", "| 20"]
    assert [row[1] for row in rows] == ["100.0", "100.0", "50.0"]
    assert [row[7] for row in rows] == ["not distinguishable", "better 2 of 2", "not distinguishable"]


@pytest.mark.parametrize("hops", [1, 3])
def test_a_delay_line_names_samples_until_they_have_left_it_and_encoded_spikes_until_their_window_has(hops):
    found = known(line(hops, 2), about_channels([FRAME * k for k in range(5)])).labels
    assert found.chance == 0.5
    for name, end in {"deployed": hops, "float": hops, "feedforward": 1, "encoded": 1, "buffer": hops}.items():
        if name in found.values:
            assert values(found.values[name]) == [1.0] * end + [0.5] * (5 - end), name
            assert found.known_ms(name) == (0, FRAME * (end - 1))
    assert ("feedforward" in found.values) == (hops > 1)
    says = [difference.says for difference in found.differences["encoded"]]
    assert says == ["not distinguishable", *["better"] * (hops - 1), *["not distinguishable"] * (5 - hops)]
    assert found.over == "40 samples"
    assert found.values["deployed"][0].low > 0.8


def test_half_a_window_that_is_over_is_still_in_the_other_half():
    """Of spikes at any time in a frame, half are still within the last frame when half of one has passed."""
    found = known(line(1, 2), about_channels([0, 5, 9, 10])).labels
    whole, half, last, none = values(found.values["encoded"])
    assert (whole, none) == (1.0, 0.5)
    assert 0.6 < half < 0.9
    assert 0.5 <= last < half
    assert values(found.values["deployed"]) == [whole, half, last, none]


def settled(tau_mem, tau_syn, weight):
    inputs = [(c, 4 * c + k, weight, 0) for c in range(2) for k in range(4)]
    values_ = {"tau_mem_ms": tau_mem, "tau_syn_ms": tau_syn, "v_threshold": 1.0, "bias": 0.0}
    return network(8, values_, inputs, (), 2)


def test_without_recurrence_fast_neurons_forget_and_slow_ones_do_not():
    questions = about_channels([0, 60, 200])
    fast = known(settled(3.0, 1.0, 1.2), questions).labels
    slow = known(settled(3.0, 80.0, 1.2), questions).labels
    assert "feedforward" not in fast.values
    for name in ("deployed", "float"):
        assert values(fast.values[name])[1:] == [0.5, 0.5]
        assert values(fast.values[name])[0] > 0.8
        assert values(slow.values[name])[:2] == [1.0, 1.0]
    assert values(slow.values["encoded"])[1:] == [0.5, 0.5]
    assert slow.differences["encoded"][1].says == "better"
    assert [d.says for d in fast.differences["encoded"][1:]] == ["not distinguishable"] * 2


def test_a_graded_line_knows_its_last_messages_step_by_step():
    shift = np.eye(4, k=-1)
    wires = dense("input", np.eye(4)[:, :1]), dense("r", shift)
    floats = Network(1.0, 1, 0, (units(4, activation=1.0),), wires, MESSAGE)  # they clip at 1
    quantised = compile_built(floats, "none").program.network
    timing = asked.timing_of(None, quantised, (), None, None)
    assert (timing.frame, timing.last, timing.after) == (1, 1, (0, 1, 2, 3, 5, 8, 12, 20, 30, 50))
    found = known(floats, asked.questions_of(None, quantised, None, timing, 5, 200.0), board="none").frames
    for name, end in {"deployed": 4, "float": 4, "feedforward": 1, "encoded": 1, "buffer": 4}.items():
        np.testing.assert_allclose(values(found.values[name])[:end], 1.0, atol=1e-4, err_msg=name)
        assert max(np.abs(values(found.values[name])[end:])) < 0.02, name


# --- by other ways --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("features", [6, 100])
def test_the_share_that_is_explained_is_that_of_scikit_learn(features):
    rng = np.random.default_rng(2)
    x = rng.poisson(3.0, (300, features)).astype(float)
    x[:, 5] = 2.0  # says nothing
    past = x[:, :2] @ rng.normal(size=(2, 3)) + rng.normal(size=(300, 3)) * [0.5, 2.0, 30.0]
    data = Frames(past, np.arange(0, 300, 10))
    questions = Questions(
        "", Timing(1.0, 1, 1, (0,)), 1, data, Stimulus(np.zeros((330, 1)), np.arange(0, 330, 11)), "-"
    )
    rows = reconstruction.rows_of(questions, 0)
    assert (len(rows.sample), len(rows.fold_of), rows.over) == (300, 30, "30 samples")
    losses = reconstruction.losses_of(questions, rows, x, 0)
    fold, variance, answers = rows.fold_of[rows.unit], past.var(axis=0), np.zeros(past.shape)

    def fitted(strength, on):
        return make_pipeline(StandardScaler(), Ridge(strength)).fit(x[on], past[on])

    for i in range(5):
        totals = []
        for strength in reconstruction.STRENGTHS[2:]:
            others = [j for j in range(5) if j != i]
            parts = [(fitted(strength, (fold != i) & (fold != j)), fold == j) for j in others]
            totals.append(sum((((m.predict(x[out]) - past[out]) ** 2) / variance).sum() for m, out in parts))
        best = reconstruction.STRENGTHS[2:][int(np.argmin(totals))]
        answers[fold == i] = fitted(best, fold != i).predict(x[fold == i])
    assert losses.explained == pytest.approx(ld.r2(answers, past), abs=1e-4)
    assert 0.1 < losses.explained < 0.7
    each = (((answers - past) ** 2) / variance).mean(axis=1)
    np.testing.assert_allclose(losses.sums, [each[rows.unit == k].sum() for k in range(30)], atol=1e-2)


def test_sums_by_hand_begin_with_the_sample():
    rng = np.random.default_rng(1)
    spikes = rng.integers(0, 2, (60, 2)).astype(np.int8)
    data = Frames(np.arange(12.0).reshape(6, 2), np.array([0, 2]))
    stimulus = Stimulus(spikes, np.array([0, 25]))
    questions = Questions("", Timing(1.0, 5, 12, (0,)), 15, data, stimulus, "-")
    assert questions.ends.tolist() == [10, 45]
    moments = sources.Moments(np.array([0, 1, 1, 0]), np.array([10, 30, 45, 20]))
    expected = [spikes[0:10], spikes[25:30], spikes[33:45], spikes[8:20]]
    found = sources.features_of_input(questions, moments, np.arange(2))
    assert found.tolist() == [part.sum(axis=0).tolist() for part in expected]
    liquid = network(2, AT_ONCE, [(c, c, 1.5, 0) for c in range(2)], channels=2)
    specimen = sources.Specimen(liquid, lambda given, record: (given.spikes, {}), np.array([1]))
    late = [spikes[0:11], spikes[25:31], spikes[34:46], spikes[9:21]]
    found = sources.features_of_liquid(questions, moments, specimen)
    assert found.ravel().tolist() == [part[:, 1].sum() for part in late]
    # The last three frames, less the mean (5, 6), the latest first.
    buffered = sources.features_of_buffer(questions, moments, 3, np.arange(2))
    frame = data.frames - [5.0, 6.0]
    none = [0.0, 0.0]
    assert buffered[0].tolist() == [*frame[1], *frame[0], *none]
    assert buffered[1].tolist() == [*frame[2], *none, *none]
    assert buffered[2].tolist() == [*frame[5], *frame[4], *frame[3]]
    assert buffered[3].tolist() == [*none, *none, *frame[1]]


def test_pieces_of_a_run_make_no_difference(monkeypatch):
    questions = about_channels([0, 10, 30])
    whole = known(line(3, 2), questions)
    monkeypatch.setattr(sources, "AT_ONCE", 6 * 100)
    assert known(line(3, 2), questions).to_json() == whole.to_json()
    with ThreadPoolExecutor(2) as executor:
        assert known(line(3, 2), questions, executor=executor).to_json() == whole.to_json()


def test_means_of_units_drawn_anew():
    rng = np.random.default_rng(0)
    rows = rng.integers(1, 9, 40).astype(float)
    first, second = rng.random((2, 40)) * rows
    np.testing.assert_allclose(_of_mean(3 * rows, rows), 3.0)
    again = [rng.integers(0, 40, 40) for _ in range(4000)]
    low, high = _of_mean(first, rows)
    means = [first[i].sum() / rows[i].sum() for i in again]
    assert (low, high) == pytest.approx(np.quantile(means, [0.022, 0.978]), abs=0.02)
    less = _of_mean(first - second, rows)
    differences = [(first - second)[i].sum() / rows[i].sum() for i in again]
    assert less == pytest.approx(np.quantile(differences, [0.022, 0.978]), abs=0.03)


def test_few_units_are_as_wide_as_students():
    rng = np.random.default_rng(1)
    losses = Losses(np.full(4, 50.0), 50 * rng.uniform(0.1, 0.6, 4))
    of = _explained(losses)
    expected = stats.t.interval(0.95, 3, 1 - (losses.sums / 50).mean(), stats.sem(losses.sums / 50))
    assert (of.low, of.high) == pytest.approx((expected[0], min(expected[1], 1.0)), abs=1e-5)
    other = Losses(losses.rows, losses.sums + 50 * rng.uniform(0.05, 0.15, 4))
    more = (other.sums - losses.sums) / 50
    less = _less(losses, other)
    assert (less.low, less.high) == pytest.approx(stats.t.interval(0.95, 3, more.mean(), stats.sem(more)), abs=1e-5)


# --- who is asked, and about what ------------------------------------------------------------------------------------


def questions_about(length, samples=1, groups=(), frames_after=(0, 3)):
    data = Frames(np.random.default_rng(0).random((samples * length, 2)), np.arange(samples) * length, groups=groups)
    stimulus = Stimulus(np.zeros((samples * (length + 1), 1)), np.arange(samples) * (length + 1))
    return Questions("", Timing(1.0, 1, 2, tuple(frames_after)), 1, data, stimulus, "-")


def test_rows_of_one_long_sample_do_not_reach_over_a_cut():
    questions = questions_about(2000)
    rows = reconstruction.rows_of(questions, 0)
    assert rows.over == "20 blocks of time"
    begins = rows.past - rows.since
    assert set(begins.tolist()) == set(range(100, 2000, 95))  # the first twentieth began at rest
    assert (begins == 100 + 95 * rows.unit).all()
    washed = reconstruction.rows_of(replace(questions, washout=400), 0)
    assert (washed.past - washed.since).min() == 400
    assert rows.since.min() == 2  # a window of two frames
    assert rows.since.max() == 95
    assert np.bincount(rows.fold_of).tolist() == [4] * 5
    x = np.random.default_rng(1).random((len(rows.sample), 3))
    asked_rows = reconstruction.losses_of(questions, rows, x, 30)
    assert asked_rows.rows.tolist() == [95 - 31] * 20  # since 32 to 95
    assert asked_rows.explained < 0.05
    assert reconstruction.losses_of(questions, rows, x, 99) is None


def test_groups_are_held_out_whole_where_there_are_three():
    groups = tuple("abcd"[i % 4] for i in range(24))
    rows = reconstruction.rows_of(questions_about(20, 24, groups), 0)
    assert rows.over == "4 groups"
    assert all(len({groups[s] for s in rows.sample[rows.unit == k]}) == 1 for k in range(4))
    assert sorted(rows.fold_of.tolist()) == [0, 1, 2, 3]
    two = reconstruction.rows_of(questions_about(20, 24, tuple("ab"[i % 2] for i in range(24))), 0)
    assert two.over == "24 samples"
    assert reconstruction.rows_of(questions_about(20, 3), 0) is None  # fewer rows than say anything


def test_whole_groups_are_named_by_others(monkeypatch):
    questions = about_channels([0, 10])
    data = replace(questions.data, groups=tuple("wxyz"[i // 10] for i in range(40)))
    naming = labels.naming_of(replace(questions, data=data), None, ("liquid",), 0)
    for train, out in naming.folds:
        assert not {data.groups[i] for i in train} & {data.groups[i] for i in out}
    assert naming.answered.all()
    assert naming.readout.population == ("liquid",)
    assert known(line(2, 2), replace(questions, data=data)).labels.over == "4 groups"


def test_a_channel_that_is_constant_explains_nothing_and_counts_for_nothing():
    questions = questions_about(200, 12)
    rows = reconstruction.rows_of(questions, 0)
    channels = np.full((len(questions.data.frames), 3), 0.1)
    channels[-1] = 0.7  # which nobody is asked about five frames later: sums of the others leave a rounding
    more = replace(questions, data=replace(questions.data, frames=np.hstack([questions.data.frames, channels])))
    wider = replace(rows, channels=np.arange(5))
    late = rows.since >= 7
    x = np.zeros((len(late), 2))
    x[late] = reconstruction._past(questions, rows, np.flatnonzero(late), 5, 2)  # knows all
    known_all = reconstruction.losses_of(questions, rows, x, 5)
    assert known_all.explained > 0.999
    assert reconstruction.losses_of(more, wider, x, 5).explained == pytest.approx(known_all.explained)


def test_what_is_known_late_is_known():
    low = [0.0, 0.3, 0.2, -0.1, 0.4]
    curves = Curves((0.0, 10.0, 20.0, 30.0, 40.0), {"deployed": tuple(Estimate(x, x, x) for x in low)}, {}, 0.0, "")
    assert curves.known_ms("deployed") == (10.0, 20.0)
    assert report_knowledge._span((10.0, 20.0), 0.0) == "from 10 to 20 ms"
    assert report_knowledge._span((0.0, 20.0), 0.0) == "up to 20 ms"
    assert report_knowledge._shown(Difference(-0.001, -0.002, -0.0005)) == "not distinguishable"
    assert report_knowledge._shown(Difference(-0.01, -0.02, -0.005)) == "worse"


def test_where_classes_and_groups_go_together_frames_are_asked_about_alone():
    questions = about_channels([0, 10])
    data = replace(questions.data, groups=tuple(f"of {label}" for label in questions.data.labels))
    found = known(line(2, 2), replace(questions, data=data))
    assert found.labels is None
    assert found.why_not


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ((), "no labels"),
        (("a",) * 8, "all samples are of class 'a'"),
        (("a",) * 5 + ("b",) * 3, "class 'b' has 3 samples, and 4 are needed"),
        (("a",) * 4 + ("b",) * 4, ""),
    ],
)
def test_why_samples_are_not_named(given, why):
    assert why in asked._why_not(given)
    assert bool(asked._why_not(given)) == bool(why)


def test_of_many_samples_some_are_drawn_of_each_class_alike(monkeypatch):
    data = Frames(np.zeros((90, 1)), np.arange(90), ("a",) * 60 + ("b",) * 30)
    monkeypatch.setattr(asked, "SAMPLES", 20)
    some = asked._some(data, 1, 5, 0)
    assert (some.labels.count("a"), some.labels.count("b")) == (10, 10)
    monkeypatch.setattr(asked, "STEPS", 6 * 7)
    assert asked._some(data, 1, 5, 0).samples == 7
    monkeypatch.setattr(asked, "STEPS", 1)
    assert asked._some(data, 1, 5, 0).samples == 1


# --- the whole ------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ranks, "INPUTS", 20)
    monkeypatch.setattr(capacity, "TRAINED", 60)
    monkeypatch.setattr(capacity, "TESTED", 30)
    (tmp_path / "spec.yaml").write_text(SPEC)
    for name, seed in (("train", 0), ("test", 1)):
        given, classes = frames(seed, 60)
        np.savez(tmp_path / f"{name}.npz", frames=given, labels=classes)
    return tmp_path


def test_a_spec_says_what_it_knows(folder):
    spec = ld.load("spec.yaml")
    progress = []
    found = ld.diagnose(
        spec, samples=3, knows=True, after_ms=[100.0, 0.0], last_ms=20.0, progress=lambda *done: progress.append(done)
    )
    knows = found.knows
    assert progress[-1] == (7000, 7000)  # two sides are measured, five sources are asked
    assert knows.words == "60 of 60 samples of the training data"
    assert (knows.last_ms, knows.frame_ms, knows.read, knows.buffer_frames) == (20.0, 5.0, 24, 8)
    assert knows.labels.after_ms == (0.0, 100.0)
    assert knows.labels.chance == pytest.approx(1 / 3)
    assert knows.labels.values["deployed"][0].value > 0.8
    assert knows.labels.values["encoded"][1].value == pytest.approx(1 / 3)
    assert knows.labels.values["buffer"][1].value == pytest.approx(1 / 3)
    assert knows.frames.values["deployed"][0].value > 0.2
    assert knows.frames.values["deployed"][1] is None  # 8 frames of 5 ms are not as long
    assert json.loads(json.dumps(found.to_json()))["knows"] == knows.to_json()
    assert ld.diagnose(spec, samples=3).knows is None


def test_the_command(folder):
    given = ["diagnose", "spec.yaml", "--samples", 3, "--knows", "--after", "0,60", "--last", "20"]
    text = call(*given, "--picture", "seen").stdout
    for words in (
        "what it still knows",
        "asked about 60 of 60 samples",
        "the buffer holds the last 8 frames, 24 numbers",
        "chance 33.3%",
        "encoded spikes up to 0 ms",
        "the liquid cannot be told from encoded spikes after 0",
        "R2 of the mean of as many as are read",
        "not asked after 60 ms: too few samples are so long",
    ):
        assert words in text, words
    assert sorted(path.name for path in (folder / "seen").glob("*.png")) == ["memory.png", "states.png"]
    found = facts(*given)["knows"]
    assert f"{found['labels']['values']['deployed'][0]['value']:.1%}" in text
    assert found["labels"]["differences"]["encoded"][0]["says"] == "not distinguishable"
    call("compile", "spec.yaml", "-o", "p.lsm")
    alone = call("diagnose", "p.lsm", "--knows", "--samples", 2, "--after", "0,40", "--last", "10").stdout
    assert "which sample it was is not asked: Poisson input has no labels" in alone
    assert "the float liquid" not in alone
    assert facts("diagnose", "p.lsm", "--samples", 2)["knows"] is None


def test_what_is_asked_wrongly(folder):
    spec = ld.load("spec.yaml")
    with pytest.raises(LsmError, match=r"the last 0\.2 ms") as caught:
        ld.diagnose(spec, knows=True, last_ms=0.2, after_ms=[1.0, -3.0])
    assert "a delay of -3 ms" in str(caught.value)
    for wrong in ({"after_ms": [1e20]}, {"last_ms": 1e30}):
        with pytest.raises(LsmError, match="are more than 524288 steps"):
            ld.diagnose(spec, knows=True, **wrong)
    with pytest.raises(LsmError, match="nothing is asked about them"):
        ld.diagnose(spec, after_ms=[1.0])


# --- what cannot be, and what is done in its place --------------------------------------------------------------------


def test_of_many_channels_some_are_read(monkeypatch):
    monkeypatch.setattr(liquid, "MOST_READ", 3)
    wide = about_channels([0], classes=5)
    found = known(line(1, 5), wide)
    assert (found.encoded_numbers, found.encoded_channels) == (3, 5)
    assert (found.buffer_channels, found.frame_channels, found.buffer_numbers) == (3, 5, 3)
    assert found.labels.values["deployed"][0].value == 1.0  # all neurons are read here
    for name in ("encoded", "buffer"):
        assert 0.5 < found.labels.values[name][0].value < 0.95, name
    text = [block.text for block in report_knowledge.blocks_of_knowledge(found) if isinstance(block, Line)]
    assert "of 5 channels of encoded spikes 3 are read, drawn at random" in text
    assert "of 5 channels of a frame the buffer holds 3, drawn at random" in text
    monkeypatch.setattr(liquid, "MOST_READ", 5)
    assert known(line(1, 5), wide).labels.values["encoded"][0].value == 1.0


def test_events_of_many_pixels_take_no_matrix_of_all_pairs():
    """128 x 128 pixels of two polarities would take 43 GB."""
    pixels = 2 * 128 * 128
    rng = np.random.default_rng(0)
    data = Frames(rng.integers(0, 2, (150, pixels)).astype(np.float32), np.arange(0, 150, 15))
    spikes = np.zeros((160, pixels), np.int8)
    questions = Questions("", Timing(1.0, 1, 1, (0,)), 1, data, Stimulus(spikes, np.arange(0, 160, 16)), "-")
    shapes = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of_knowledge, "features_of_liquid", lambda asked, moments, _: np.zeros((len(moments.now), 1)))
        patch.setattr(of_knowledge, "losses_of", lambda asked, rows, x, delay: shapes.append(x.shape))
        known(line(1), questions)
    assert max(width for _, width in shapes) == liquid.MOST_READ


def test_times_that_are_rounded_are_told(folder):
    spec = ld.load("spec.yaml")
    network = compile_built(line(1)).program.network

    def said(after_ms, last_ms=None):
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            asked.timing_of(spec, network, (), after_ms, last_ms)
        return [str(note.message) for note in notes]

    assert said([0, 10.0, 40], 20) == said(None) == []
    assert said([0], 2.4) == ["the last 2 ms are read, whole steps of 1 ms, and not 2.4"]
    samples = "samples are asked about after {} ms, in whole steps of 1 ms, each once"
    rows = "frames are asked about after {} ms, in whole frames of 5 ms, each once"
    assert said([0.2, 5, 4.8]) == [samples.format("0, 5")]
    assert said([5, 5]) == [samples.format("5")]
    assert said([3, 5, 6]) == [rows.format("5")]


def test_what_cannot_be_asked_is_said_before_anything_is_measured(folder, monkeypatch):
    spec = ld.load("spec.yaml")
    program = ld.compile_spec(spec).program

    def measured(*given):
        raise AssertionError("it was measured")

    monkeypatch.setattr(diagnosis, "_require_spikes", measured)
    monkeypatch.setattr(diagnosis, "completed", measured)
    for source, more, what, hint in (
        (spec, {"last_ms": 300_000.0}, "the last 300000 ms are to be read, and no sample is so", "340 ms at the most"),
        (spec, {"last_ms": 55.0, "after_ms": [5.0]}, "the last 55 ms are to be read", "50 ms at the most"),
        (program, {"after_ms": [300_000.0]}, "300100 ms of Poisson input are to be remembered", "26214 ms"),
        (program, {"last_ms": 26_214.0, "after_ms": [10.0]}, "26224 ms of Poisson", "or show it data"),
    ):
        with pytest.raises(MisuseError) as error:
            ld.diagnose(source, knows=True, **more)
        assert what in error.value.what
        assert hint in error.value.hint
    monkeypatch.setattr(memory, "available", lambda root=None: 10**6)
    wide = asked.Timing(1.0, 5, 20, (0, 500_000))
    with pytest.raises(LsmError, match=r"samples with their rests take 0\.003 GB"):
        asked.questions_of(spec, program.network, ld.load_frames("train.npz"), wide, 0, 50.0)
    with pytest.raises(LsmError, match=r"samples of Poisson input take 0\.0033 GB"):
        asked.questions_of(None, program.network, None, Timing(1.0, 1, 1, (9_000,)), 0, 50.0)
