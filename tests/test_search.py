"""Searches: what may be searched, what a trial is worth, and that a kill changes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from calls import call
from test_regression import SPEC as SIGNALS
from test_regression import series

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError
from lsm_deploy.data import make_frames
from lsm_deploy.learn.model import train
from lsm_deploy.measure.specimen import Specimen
from lsm_deploy.report.tuning import report_search
from lsm_deploy.run.memo import MEMO
from lsm_deploy.spec import Parameter, load, load_text, parse, put, read_space
from lsm_deploy.tune.searches import lines
from lsm_deploy.tune.searches.lines import Lines
from lsm_deploy.tune.searches.trials import search

pytest.importorskip("optuna", reason="a search needs optuna")

pytestmark = pytest.mark.once

SPEC = """\
# A small liquid.
dt_ms: 1.0
seed: 4
data: {train: train.npz, test: test.npz}
input:
  channels: 2
  encoder: {kind: gaussian_population, frame_ms: 5.0, neurons: 5, code: rate, max_rate_hz: 600.0}
populations:
  liquid:
    size: 30
    inhibitory_fraction: 0.25
    neuron: {kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 4.0}  # leaky
projections:
  - {source: input, target: liquid, topology: {kind: erdos_renyi, in_degree: 3}, weight: 0.2}
  - source: liquid
    target: liquid
    topology: {kind: erdos_renyi, in_degree: 5}
    weight: 0.05
    delay_ms: 3.0
readout:
  population: liquid
  features: {kind: bins, bins: 1}
  regularisation: [1.0, 10.0]
  folds: 3
"""
SPACE = """\
search:
  projections.0.gain: {low: 0.001, high: 4, log: true}
  projections.1.gain.II: [0.5, 2.0]
  readout.features.bins: [1, 3]
  readout.classifier: {choices: [ridge, logistic]}
"""
TRIALS = 14
"""More than the ten that are drawn before the sampler has learnt something."""


def waves(each=8, seed=1):
    """Three classes of two slow waves that differ in their phase."""
    rng = np.random.default_rng(seed)
    t = np.arange(6)
    samples = [
        np.stack([np.sin(t + 2.1 * (i % 3)), np.cos(0.7 * t + 2.1 * (i % 3))], axis=1) + 0.6 * rng.normal(size=(6, 2))
        for i in range(3 * each)
    ]
    return np.stack(samples), np.array(["abc"[i % 3] for i in range(3 * each)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("search")
    for name, seed in (("train", 1), ("test", 2)):
        frames, labels = waves(seed=seed)
        np.savez(made / f"{name}.npz", frames=frames, labels=labels)
    (made / "spec.yaml").write_text(SPEC + SPACE)
    return made


@pytest.fixture(scope="module")
def whole(folder):
    """A search that nothing interrupts."""
    return search(folder / "spec.yaml", TRIALS, folder / "whole.journal", seed=3)


def frames_of(folder):
    data = np.load(folder / "train.npz")
    frames = data["frames"]
    return make_frames(frames.reshape(-1, 2), np.arange(0, frames.size // 2, 6), data["labels"])


# --- what may be searched -------------------------------------------------------------------------------------------


def space_of(tmp_path, lines):
    file = tmp_path / "space.yaml"
    file.write_text(lines)
    return read_space(SPEC, tmp_path / "spec.yaml", file)


def test_parameters(tmp_path):
    assert space_of(
        tmp_path,
        """
readout.features.bins: [1, 4]
projections.0.gain: [1, 4]
projections.0.topology.in_degree: {low: 2, high: 9, step: 3}
populations.liquid.neuron.tau_mem_ms: {low: 5, high: 50, log: true}
quantise.weight_bits: {low: 4, high: 8, log: true}
input.encoder.frame_ms: {low: 4.0, high: 7.0, step: 1}
projections.1.weight: {choices: [0.1, {distribution: gamma, mean: 0.1, std: 0.1}]}
""",
    ) == (
        Parameter("input.encoder.frame_ms", (4, 5, 6, 7), ordered=True),
        Parameter("populations.liquid.neuron.tau_mem_ms", low=5, high=50, log=True),
        Parameter("projections.0.gain", low=1, high=4),
        Parameter("projections.0.topology.in_degree", (2, 5, 8), ordered=True),
        Parameter("projections.1.weight", (0.1, {"distribution": "gamma", "mean": 0.1, "std": 0.1})),
        Parameter("quantise.weight_bits", low=4, high=8, log=True, whole=True),
        Parameter("readout.features.bins", low=1, high=4, whole=True),
    )


def test_every_mistake_of_a_space_is_told_before_anything_runs(tmp_path, golden):
    lines = """
projections.1.gian: [0.1, 10]
projections.5.gain: [1, 2]
projections.1.gain.IJ: [1, 2]
populations.liqid.neuron.tau_mem_ms: [1, 2]
populations.liquid.neuron.tau_mem_ms: {low: -5, high: 20}
populations.liquid.size.x: [1, 2]
input.encoder.frame_ms: [5, 20]
input.encoder.code: {choices: [rate, latenc]}
projections.0.topology: {choices: [{kind: all_to_all}, 1]}
projections.0.topology.in_degree: [1, 200]
readout.features.bins: [0.5, 3]
readout.folds: {low: 2, high: 5, step: 7}
quantise.weight_bits: [0, 9]
nothing.at.all: [1, 2]
projections.1.gain: [2, 1]
seed: [1, 3]
"""
    with pytest.raises(LsmError) as caught:
        space_of(tmp_path, lines)
    golden(Path(__file__).parent / "golden" / "bad-space.txt", str(caught.value).replace(f"{tmp_path}/", ""))
    assert all(each.hint for each in caught.value.each())


@pytest.mark.parametrize(
    ("written", "what", "hint"),
    [
        ("[0.3, 1.5, 2.0]", "is [0.3, 1.5, 2.0], neither a range nor choices", "`{choices: [0.3, 1.5, 2.0]}`"),
        ("[low, high]", "is ['low', 'high'], neither a range nor choices", "`{choices: [low, high]}`"),
        ("[true, false]", "is [True, False], neither", "`{choices: [true, false]}`"),
        ("[1, .nan]", "is [1, nan], neither", "`[low, high]` for all numbers between, `{choices: [a, b]}`"),
        ("[1]", "is [1], neither", "`{choices: [a, b]}`"),
        ("3", "is 3, neither", "`{choices: [a, b]}`"),
        ("{min: 1, max: 2}", "is {'min': 1, 'max': 2}, neither", "`[low, high]`"),
        (
            "{choices: [0.5, .nan]}",
            "projections.0.gain cannot be nan: gain is nan, not a finite number",
            "write a finite number",
        ),
    ],
)
@pytest.mark.parametrize("here", [True, False])
def test_what_is_no_range_and_no_choice_is_told_how_to_be_one(tmp_path, written, what, hint, here):
    line = f"projections.0.gain: {written}\n"
    (tmp_path / "space.yaml").write_text(line)
    given = (SPEC + f"search:\n  {line}", None) if here else (SPEC, tmp_path / "space.yaml")
    with pytest.raises(LsmError) as caught:
        read_space(given[0], tmp_path / "spec.yaml", given[1])
    (error,) = caught.value.each()
    assert what in error.what
    assert hint in error.hint


def test_a_space_that_begins_as_a_section_does(tmp_path):
    with pytest.raises(LsmError, match="what stands in a spec's section `search`, and has that line itself") as caught:
        space_of(tmp_path, "search:\n  projections.0.gain: [1, 2]\n")
    assert caught.value.where.endswith("space.yaml:1:1")
    assert "remove the line `search:`" in caught.value.hint


@pytest.mark.parametrize("content", [None, b"PK\x03\x04", b"\xff\xfe", b"\x93NUMPY", b"#" * (1 << 20) + b"#"])
def test_a_file_that_is_no_space_is_called_one(tmp_path, content):
    file = tmp_path / "none.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(LsmError) as caught:
        read_space(SPEC, tmp_path / "spec.yaml", file)
    assert "space" in caught.value.what
    assert "spec" not in caught.value.what
    assert "describes the liquid" not in caught.value.hint


def test_a_spec_without_a_space(tmp_path):
    with pytest.raises(LsmError, match="does not say what to search"):
        read_space(SPEC, tmp_path / "spec.yaml")


# --- trials ---------------------------------------------------------------------------------------------------------


def test_what_is_tried_once_is_not_remembered(folder, tmp_path):
    search(folder / "spec.yaml", 2, tmp_path / "j", seed=3)
    assert len(MEMO._values) > 0
    assert not [each for each, _ in MEMO._values.values() if isinstance(each.value, Specimen)]


def test_a_trial_is_worth_its_cross_validated_accuracy(folder, whole):
    file = folder / "spec.yaml"
    changes = {
        ("projections", 0, "gain"): whole.best.values["projections.0.gain"],
        ("projections", 1, "gain", "II"): whole.best.values["projections.1.gain.II"],
        ("readout", "features", "bins"): whole.best.values["readout.features.bins"],
        ("readout", "classifier"): whole.best.values["readout.classifier"],
    }
    spec = load_text(put(file.read_text(), file, changes), file)
    by_hand = train(spec, frames_of(folder)).answerer.classifier.cv_accuracy.max()
    assert whole.best.scores == (by_hand,)
    assert whole.best.score == max(trial.score for trial in whole.trials if trial.score is not None)
    assert whole.as_written.scores == (train(load(file), frames_of(folder)).answerer.classifier.cv_accuracy.max(),)
    assert load_text(whole.text, file) == spec
    assert "# leaky" in whole.text
    assert parse(whole.text, file).data["search"] == parse(SPACE, file).data["search"]


def test_trials_stay_within_their_ranges_and_differ(whole):
    values = [trial.values for trial in whole.trials]
    assert len(values) == TRIALS
    assert [trial.turn for trial in whole.trials] == list(range(TRIALS))
    assert all(0.001 <= v["projections.0.gain"] <= 4 and 0.5 <= v["projections.1.gain.II"] <= 2 for v in values)
    assert {v["readout.features.bins"] for v in values} == {1, 2, 3}
    assert {v["readout.classifier"] for v in values} == {"ridge", "logistic"}
    assert len({v["projections.0.gain"] for v in values}) == TRIALS


def test_a_trial_that_fails_is_kept_with_its_reason_and_the_search_goes_on(whole):
    failed = [trial for trial in whole.trials if trial.score is None]
    assert failed, "some gains are too small for any spike"
    assert all(trial.reason.startswith("population 'liquid': it never spikes") for trial in failed)
    assert all(trial.values["projections.0.gain"] < 0.3 for trial in failed)
    assert len(whole.ranked()) == TRIALS - len(failed)
    assert [t.score for t in whole.ranked()] == sorted((t.score for t in whole.ranked()), reverse=True)


def test_importance_is_a_share(whole):
    assert set(whole.importance) == set(whole.best.values)
    assert sum(whole.importance.values()) == pytest.approx(1.0)


def test_several_liquids(folder, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text("projections.1.gain: {choices: [0.5, 1.5]}\n")
    file = folder / "spec.yaml"
    found = search(file, 2, tmp_path / "j", space=space, liquid_seeds=3, train=frames_of(folder))
    text = put(file.read_text(), file, {("projections", 1, "gain"): found.trials[0].values["projections.1.gain"]})
    seeds = [load_text(text.replace("seed: 4", f"seed: {seed}"), file) for seed in (4, 5, 6)]
    accuracies = [train(spec).answerer.classifier.cv_accuracy.max() for spec in seeds]
    assert found.trials[0].scores == tuple(accuracies)
    assert found.trials[0].score == pytest.approx(np.mean(accuracies))
    assert len(set(accuracies)) > 1


def test_on_the_backend_that_is_asked_for(folder, tmp_path, whole):
    found = search(folder / "spec.yaml", 2, tmp_path / "j", seed=3, backend="emulator")
    assert found.trials == whole.trials[:2]
    with pytest.raises(LsmError, match="there is no backend 'emulater'"):
        search(folder / "spec.yaml", 2, tmp_path / "k", backend="emulater")
    assert not (tmp_path / "k").exists()


def test_all_trials_fail(folder, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text("projections.0.gain: [1e-5, 2e-5]\n")
    with pytest.raises(LsmError, match="all 2 trials failed, the last: population 'liquid': it never spikes"):
        search(folder / "spec.yaml", 2, tmp_path / "j", space=space)


# --- the journal ----------------------------------------------------------------------------------------------------


def told(journal):
    return journal.read_text(errors="replace").count('"accuracies"') if journal.exists() else 0


def test_a_killed_search_goes_on_as_if_nothing_had_happened(folder, whole):
    """Killed twice, the second time with a line half written; what is under way is tried again."""
    journal = folder / "killed.journal"
    options = ["--trials", str(TRIALS), "--journal", str(journal), "--seed", "3"]
    arguments = ["search", str(folder / "spec.yaml"), "-o", str(folder / "killed.yaml"), *options]
    code = f"from lsm_deploy.cli import main; main({arguments!r})"
    for wanted in (3, 11):
        process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
        deadline = time.monotonic() + 300
        while told(journal) < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it was over before it was killed"
        assert told(journal) < TRIALS
    with journal.open("ab") as file:
        file.write(b'{"op_code":6,"wor')
    found = search(folder / "spec.yaml", TRIALS, journal, seed=3)
    assert found.trials == whole.trials
    assert found.text == whole.text
    assert found.importance == pytest.approx(whole.importance)


def test_trials_are_counted_in_the_journal(folder, whole):
    journal = folder / "again.journal"
    journal.write_bytes((folder / "whole.journal").read_bytes())
    before = journal.read_bytes()
    assert search(folder / "spec.yaml", 5, journal, seed=3).trials == whole.trials
    assert journal.read_bytes() == before
    more = search(folder / "spec.yaml", TRIALS + 1, journal, seed=3)
    assert more.trials[:TRIALS] == whole.trials
    assert len(more.trials) == TRIALS + 1


def test_a_journal_belongs_to_its_search(folder, whole, tmp_path):
    journal = folder / "whole.journal"
    before = journal.read_bytes()
    text = SPEC.replace("weight: 0.2", "weight: 0.3").replace("train.npz", f"{folder}/test.npz")
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("test: test", f"test: {folder}/test") + SPACE.replace("[0.5, 2.0]", "[0.5, 3.0]"))
    with pytest.raises(LsmError) as caught:
        search(other, TRIALS, journal, seed=1, liquid_seeds=2)
    names = ["spec", "search space", "seed", "number of liquid seeds", "training data"]
    assert [error.what for error in caught.value.each()] == [f"its trials are of another {name}" for name in names]
    assert journal.read_bytes() == before


def test_comments_of_a_spec_may_change(folder, whole):
    file = folder / "commented.yaml"
    file.write_text("# More words.\n" + SPEC + SPACE)
    assert search(file, TRIALS, folder / "whole.journal", seed=3).trials == whole.trials


def damaged(lines, rng):
    """The lines of a journal after one mishap of many."""
    at, other = (int(i) for i in rng.choice(len(lines), 2, replace=False))
    line = lines[at]
    byte = int(rng.integers(0, len(line) - 1))
    log = json.loads(line)
    match int(rng.integers(0, 8)):
        case 0:
            lines[at], lines[other] = lines[other], line
        case 1:
            lines.insert(other, line)
        case 2:
            lines[-1:] = [lines[-1][: len(lines[-1]) // 2]]
        case 3:
            lines[at] = line[:byte] + bytes([line[byte] ^ 1 << int(rng.integers(0, 7))]) + line[byte + 1 :]
        case 4:
            lines[at] = line[:byte] + b"\n"
        case 5:
            del lines[at]
        case 6:
            log.pop(list(log)[int(rng.integers(0, len(log)))])
            lines[at] = json.dumps(log, separators=(",", ":")).encode() + b"\n"
        case 7:
            log[list(log)[int(rng.integers(0, len(log)))]] = [None, 7, "x", [], -1.5, 10**400][int(rng.integers(0, 6))]
            lines[at] = json.dumps(log, separators=(",", ":")).encode() + b"\n"
    return b"".join(lines)


def test_a_damaged_journal_is_refused_or_is_an_earlier_one(folder, whole, tmp_path):
    text = (folder / "whole.journal").read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for _ in range(500):
        (tmp_path / "j").write_bytes(damaged(text.splitlines(keepends=True), rng))
        try:
            Lines(tmp_path / "j")
        except LsmError as error:
            assert "journal" in error.what  # noqa: PT017
            refused += 1
        else:
            assert text.startswith((tmp_path / "j").read_bytes())
    assert refused > 350


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"accuracies":[', b'"accuracies":["a"],"x":['),
        (b'"op_code":6', b'"op_code":77'),
        (b'"op_code":4', b'"op_code":[]'),
        (b'"trial_id":0', b'"trial_id":{}'),
        (b"FloatDistribution", b"FlatDistribution"),
        (b'"params":{"', b'"params":{"x":1,"'),
        (b'"params":{"projections.0.gain":', b'"params":{"projections.0.gain":1e400,"x":'),
        (b'"params":{"projections.0.gain":', b'"params":{"projections.0.gain":9'),
        (b'"user_attrs":{"turn":1}', b'"user_attrs":{"turn":[]}'),
        (b'"user_attr":', b'"user_attrs":'),
    ],
)
def test_a_journal_of_somebody_else_s_digests_is_refused(folder, whole, tmp_path, old, new):
    lines = Lines(folder / "whole.journal").read_logs(0)
    forged = Lines(tmp_path / "j")
    forged.append_logs([json.loads(json.dumps(log, separators=(",", ":")).encode().replace(old, new)) for log in lines])
    with pytest.raises(LsmError, match=r"the journal is damaged|its trials are of another"):
        search(folder / "spec.yaml", TRIALS, tmp_path / "j", seed=3)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("dt_ms: 1.0\n", "this is no journal of a search"),
        ('{"op_code"\n{"op_code":3}\n', "the journal is damaged"),
        (
            '{"op_code":0,"worker_id":"a","study_name":"another","directions":[1]}\n',
            "this journal is of an older version",
        ),
    ],
)
def test_what_is_no_journal_is_left_alone(folder, tmp_path, content, what):
    journal = tmp_path / "j"
    journal.write_text(content)
    with pytest.raises(LsmError, match=what):
        search(folder / "spec.yaml", 1, journal)
    assert journal.read_text() == content


def test_no_journal_where_nothing_can_be_written(folder):
    with pytest.raises(LsmError, match="cannot write: "):
        search(folder / "spec.yaml", 1, folder / "spec.yaml" / "j")


def test_a_lock_that_nobody_lets_go_of(folder, tmp_path, monkeypatch):
    filelock = pytest.importorskip("filelock")
    monkeypatch.setattr(lines, "PATIENCE_S", 0.1)
    with (
        filelock.FileLock(tmp_path / "j.lock"),
        pytest.raises(LsmError, match="another process has held this journal's lock"),
    ):
        search(folder / "spec.yaml", 1, tmp_path / "j")


def test_optuna_is_missing(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(LsmError, match=r"pip install 'lsm-deploy\[search\]'"):
        search(folder / "spec.yaml", 1, tmp_path / "j")


def test_optuna_speaks_as_loud_as_before(folder, whole):
    import optuna

    before = optuna.logging.get_verbosity()
    try:
        optuna.logging.set_verbosity(optuna.logging.DEBUG)
        search(folder / "spec.yaml", 1, folder / "whole.journal", seed=3)
        assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
    finally:
        optuna.logging.set_verbosity(before)


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command(folder, whole):
    arguments = ["search", folder / "spec.yaml", "-o", folder / "best.yaml", "--trials", TRIALS, "--seed", 3]
    arguments += ["--journal", folder / "whole.journal"]
    printed = call(*arguments).stdout
    assert (folder / "best.yaml").read_text() == whole.text
    failed = sum(trial.score is None for trial in whole.trials)
    assert f"{TRIALS} trials, {failed} failed; cross-validated on 24 training samples, 1 liquid each" in printed
    assert f"trial {whole.best.turn} " in printed
    assert printed.count(" failed: population 'liquid': it never spikes") == failed
    facts = json.loads(call(*arguments, "--json").stdout)
    assert facts["best"]["values"] == whole.best.values
    assert facts["best"]["accuracy"] == whole.best.score
    assert [trial["failed"] or None for trial in facts["trials"]] == [trial.reason or None for trial in whole.trials]
    assert facts["importance"] == whole.importance


def test_a_spec_that_names_files_stays_in_its_folder(folder, tmp_path):
    arguments = ["search", folder / "spec.yaml", "-o", tmp_path / "best.yaml", "--trials", 1, "--journal", "j"]
    assert "names files relative to its own folder" in call(*arguments, status=2).stderr


# --- readouts of signals ----------------------------------------------------------------------------------------------


def test_a_search_for_forecasts_takes_the_least_nrmse_of_the_integers(tmp_path, capsys):
    file, data = tmp_path / "spec.yaml", series(300)
    file.write_text(SIGNALS)
    space = tmp_path / "space.yaml"
    space.write_text("projections.1.weight: [0.005, 0.05]\nprojections.0.weight: [0.2, 0.8]\n")
    found = search(file, 5, tmp_path / "j", space=space, train=data)
    assert found.figure == "nrmse"
    assert found.samples == 300
    scores = [trial.score for trial in found.trials]
    assert found.best.score == min(scores)
    assert [trial.score for trial in found.ranked()] == sorted(scores)
    assert found.best.scores == (ld.train_regression(load_text(found.text, file), data).regressor.error,)
    assert found.as_written.scores == (ld.train_regression(load(file), data).regressor.error,)
    again = search(file, 5, tmp_path / "j", space=space, train=data)
    assert again.trials == found.trials
    facts = report_search(found).facts
    assert facts["best"]["nrmse"] == found.best.score
    assert facts["best"]["nrmses"] == list(found.best.scores)
