"""Files of every kind, opened; and for each command, the public functions that give what it prints as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from calls import SPEC, frames
from click.testing import CliRunner

import lsm_deploy as ld
from lsm_deploy import store
from lsm_deploy.cli import main
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Network
from lsm_deploy.report.certificates import report_certificate
from lsm_deploy.report.conformance import report_conformance
from lsm_deploy.report.diagnoses import report_diagnosis
from lsm_deploy.report.evaluations import report_evaluation
from lsm_deploy.report.fidelity import report_fidelity, report_fitted
from lsm_deploy.report.files import report_file
from lsm_deploy.report.programs import report_compiled
from lsm_deploy.report.resources import report_resources
from lsm_deploy.report.rules import report_rules
from lsm_deploy.report.tuning import report_tuning
from lsm_deploy.store import StateFile, TraceFile

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One file, or folder, of each kind."""
    here = tmp_path_factory.mktemp("files")
    for name, seed in (("train", 0), ("test", 1)):
        values, labels = frames(seed)
        np.savez(here / f"{name}.npz", frames=values, labels=labels)
    (here / "spec.yaml").write_text(SPEC)
    spec = ld.load(here / "spec.yaml")
    made = ld.compile_any(spec)
    given, _ = ld.stimulus_for(made)
    identity = ld.program_id(made.program)
    ld.save_program(here / "program.lsm", made.program)
    ld.save_model(here / "model.lsmodel", ld.train(spec))
    session = ld.start("fast", made.program)
    session.step(given.spikes[0])
    ld.save_state(here / "state", session.save(), program=identity)
    ld.save_stimulus(here / "stimulus.npz", given)
    ld.save_trace(here / "trace.npz", ld.run_program("fast", made.program, given), program=identity, backend="fast")
    ld.stream(made.program, given, here / "parts")
    np.savez(here / "events.npz", t=[0], channel=[0], shape=[5, 3])
    np.savez(here / "net.npz", weights=np.eye(2, dtype=int), input_weights=np.ones((2, 1), int), du=1, dv=1, vth=9)
    np.savez(here / "audio.npz", audio=np.zeros(400, np.float32), length=[400], rate=8000, labels=["a"])
    np.savez(here / "beats.npz", rpeaks_beats=np.arange(5))
    np.savez(here / "other.npz", nothing=np.zeros(3))
    (here / "frames.csv").write_text("sample,label,a,b,c\n0,x,1,2,3\n0,x,1,2,4\n1,y,1,2,3\n")
    (here / "empty").mkdir()
    return here


KINDS = {
    "spec.yaml": ("spec", ld.Spec),
    "program.lsm": ("program", ld.Program),
    "model.lsmodel": ("model", ld.Model),
    "state": ("state", StateFile),
    "stimulus.npz": ("stimulus", ld.Stimulus),
    "events.npz": ("stimulus", ld.Stimulus),
    "trace.npz": ("trace", TraceFile),
    "parts": ("trace", TraceFile),
    "net.npz": ("network", Network),
    "train.npz": ("frames", ld.Frames),
    "frames.csv": ("frames", ld.Frames),
    "audio.npz": ("audio", ld.Audio),
}


def test_what_cannot_be_learnt_from_is_no_valid_spec(files, tmp_path):
    values = frames(0)[0]
    np.savez(tmp_path / "train.npz", frames=values)
    np.savez(tmp_path / "test.npz", frames=values)
    (tmp_path / "spec.yaml").write_text(SPEC)
    with pytest.raises(LsmError, match="no labels"):
        ld.check_spec(tmp_path / "spec.yaml")


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_known_by_its_content_and_opened(files, tmp_path, name):
    kind, type_of = KINDS[name]
    file = files / name
    assert store.kind_of(file) == kind
    assert isinstance(ld.open_any(file), type_of)
    if file.is_file() and file.suffix != ".csv":
        copy = tmp_path / "nameless"
        copy.write_bytes(file.read_bytes())
        assert store.kind_of(copy) == kind, "a name says nothing"


def test_what_a_file_is_costs_none_of_its_arrays(files, monkeypatch):
    monkeypatch.setattr(np, "load", None)
    assert store.kind_of(files / "trace.npz") == "trace"


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("other.npz", "arrays", "a stimulus has"),
        ("empty", "folder", "holds no trace"),
        ("none", None, "No such file"),
    ],
)
def test_what_is_of_no_kind_is_refused(files, name, kind, words):
    if kind is not None:
        assert store.kind_of(files / name) == kind
    with pytest.raises(LsmError, match=words):
        ld.open_any(files / name)


def test_a_recording_s_place_is_told_by_its_files(tmp_path):
    assert store.kind_of(tmp_path) == "folder"
    (tmp_path / "a.WAV").touch()
    assert store.kind_of(tmp_path) == "audio"
    other = tmp_path / "other"
    other.mkdir()
    (other / "100.atr").touch()
    assert store.kind_of(other) == "beats"


def test_whatever_has_a_program_is_compiled(files):
    spec = ld.load(files / "spec.yaml")
    program = ld.load_program(files / "program.lsm")
    model = ld.load_model(files / "model.lsmodel")
    made = ld.compile_any(spec)
    same = [spec, files / "spec.yaml", str(files / "program.lsm"), files / "model.lsmodel", program, model, made]
    assert {ld.program_id(ld.compile_any(each).program) for each in (*same, made.compiled)} == {ld.program_id(program)}
    assert ld.compile_any(made) is made
    assert ld.compile_any(model).model is model
    assert ld.compile_any(files / "net.npz").program.network.neurons == 2
    with pytest.raises(LsmError, match="there is no backend"):
        ld.compile_any(files / "net.npz", on=["nothing"])


def test_the_stimulus_of_each(files):
    for name, file, words in (
        ("spec.yaml", None, "the spec's encoded test data (4 of 18 samples)"),
        ("model.lsmodel", files / "test.npz", f"{files / 'test.npz'}, encoded (4 of 18 samples)"),
        ("program.lsm", files / "stimulus.npz", f"{files / 'stimulus.npz'} (4 samples, 160 steps)"),
    ):
        stimulus, told = ld.stimulus_for(ld.compile_any(files / name), file, 4)
        assert told == words
        assert len(stimulus.starts) == 4
    spec, model = (ld.compile_any(files / name) for name in ("spec.yaml", "model.lsmodel"))
    both = [ld.stimulus_for(each, files / "test.npz")[0].spikes for each in (spec, model)]
    assert (both[0] == both[1]).all(), "the model encodes as its spec does"
    with pytest.raises(LsmError, match="does not say how they become its input"):
        ld.stimulus_for(ld.compile_any(files / "program.lsm"), files / "test.npz")


# --- what a command prints, Python is given -------------------------------------------------------------------------


def printed(*arguments, status=0):
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return json.loads(result.stdout)


def facts(made):
    return json.loads(json.dumps({"ok": True, **made.facts}))


@pytest.mark.parametrize("name", sorted(KINDS))
def test_inspect(files, name):
    assert printed("inspect", files / name) == facts(report_file(ld.inspect_file(files / name)))


def test_inspecting_data_says_what_is_in_them(files):
    found = printed("inspect", files / "frames.csv")
    assert (found["kind"], found["samples"], found["labels"], found["lengths"]) == ("frames", 2, ["x", "y"], [2, 1])
    text = CliRunner().invoke(main, ["inspect", str(files / "train.npz")]).stdout
    assert text == "frames: 18 samples of 8 values, 3 labels\n"


def test_check(files):
    made = ld.check_spec(files / "spec.yaml")
    assert printed("check", files / "spec.yaml") == facts(report_file(made))
    assert list(facts(report_file(made))) == [*facts(report_compiled(made.compiled)), "activity"]
    rules = ld.check_board(files / "spec.yaml", "kapoho_point")
    assert printed("check", files / "spec.yaml", "--target", "kapoho_point") == facts(
        report_rules("kapoho_point", rules)
    )


def test_resources_of_a_run_and_of_a_trace(files):
    made = ld.compile_any(files / "spec.yaml")
    given, words = ld.stimulus_for(made, samples=3)
    run = ld.count_resources(made.program, given, ld.trace_of(made.program, given))
    told = printed("resources", files / "spec.yaml", "--samples", 3)
    assert told == {**facts(report_resources(run)), "program": ld.program_id(made.program), "stimulus": words}
    trace = ld.trace_of(made.program, given)
    ld.save_trace(files / "three.npz", trace, program="", backend="")
    assert (ld.trace_of(made.program, given, files / "three.npz").spikes == trace.spikes).all()
    with pytest.raises(LsmError, match="the run 120 of 24"):
        ld.trace_of(made.program, given, files / "trace.npz")
    with pytest.raises(LsmError, match="the trace is of program"):
        ld.trace_of(ld.compile_any(files / "net.npz").program, given, files / "trace.npz")


def test_quantise_report(files):
    found = ld.measure_quantisation(files / "spec.yaml")
    told = facts(report_fidelity(found))
    assert printed("quantise-report", files / "spec.yaml") == told
    fitted = ld.fit_weight_bits(found, ld.Bound("distance", 0.3))
    told["fit_bits"] = json.loads(json.dumps(report_fitted(fitted).facts))
    assert printed("quantise-report", files / "spec.yaml", "--fit-bits", "distance:0.3") == told
    with pytest.raises(LsmError, match="its floats are gone"):
        ld.measure_quantisation(files / "program.lsm")


@pytest.mark.parametrize("name", ["net.npz", "program.lsm", "model.lsmodel"])
def test_what_is_in_integers_already_is_not_certified_by_other_scales(files, tmp_path, name):
    for certified in (ld.compile_any, ld.check_spec, lambda file, **how: ld.check_board(file, "kapoho_point", **how)):
        with pytest.raises(LsmError, match="exact integers leave no scale to choose"):
            certified(files / name, certified=True)
        with pytest.raises(LsmError, match="exact integers leave no scale to choose"):
            certified(ld.compile_any(files / name).program, certified=True)


def test_certify(files):
    found = ld.certify_any(files / "program.lsm", rounds=1, neuron=3)
    assert found.attack is not None
    told = facts(report_certificate(found.program, found.certificate, found.attack))
    assert printed("certify", files / "program.lsm", "--attack", 1, "--neuron", 3) == told
    with pytest.raises(LsmError, match="there is no neuron 24"):
        ld.certify_any(files / "program.lsm", rounds=1, neuron=24)


def test_conformance(tmp_path):
    assert printed("conformance", "--simulators", "none") == facts(report_conformance(ld.conform((), ())))


@pytest.mark.parametrize("kind", ["lava", "sanafe"])
def test_export(files, tmp_path, kind):
    made = ld.compile_any(files / "program.lsm")
    given, _ = ld.stimulus_for(made, files / "stimulus.npz", 2)
    if kind == "lava":
        pytest.importorskip("lsm_backends.lava")
        ld.export_for_lava(tmp_path / "ours", made.program, given)
    else:
        ld.export_sanafe(tmp_path / "ours", made.program, given, ld.trace_of(made.program, given))
    arguments = ["--input", files / "stimulus.npz", "--samples", 2]
    printed("export", files / "program.lsm", f"--{kind}", tmp_path / "theirs", *arguments)
    ours, theirs = (
        {file.relative_to(tmp_path / who): file.read_bytes() for file in (tmp_path / who).rglob("*") if file.is_file()}
        for who in ("ours", "theirs")
    )
    assert ours.keys() == theirs.keys()
    # Zip files have a date in them.
    assert all(ours[name] == theirs[name] for name in ours if name.suffix != ".npz")


def test_diagnose(files):
    found = ld.diagnose(files / "spec.yaml", samples=6, train=files / "test.npz")
    told = printed("diagnose", files / "spec.yaml", "--samples", 6, "--train", files / "test.npz")
    assert told == facts(report_diagnosis(found))
    with pytest.raises(LsmError, match="a program does not say"):
        ld.diagnose(files / "program.lsm", train=files / "test.npz")


def test_readouts_of_files(files, tmp_path):
    spec, (train, test) = ld.load(files / "spec.yaml"), (files / "train.npz", files / "test.npz")
    told = printed("eval", files / "spec.yaml", "--train", train, "--test", test)
    assert told | {"seconds": 0} == facts(report_evaluation(ld.evaluate(spec, train, test))) | {"seconds": 0}
    across = ld.evaluate_across(spec, train, "folds=3")
    told = printed("eval", files / "spec.yaml", "--data", train, "--split", "folds=3")
    assert told["accuracy"] == across.to_json()["accuracy"]
    for options, teach in (([], ld.train), (["--on-chip"], ld.train_on_chip)):
        printed("train", files / "spec.yaml", "-o", tmp_path / "theirs", "--train", train, *options)
        ld.save_model(tmp_path / "ours", teach(spec, train))
        assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_specs_made_better(files):
    spec, ours, theirs = files / "spec.yaml", files / "ours.yaml", files / "theirs.yaml"
    tuned = ld.tune_file(spec, ours, rate_hz=40.0, train=files / "test.npz")
    told = printed("tune", spec, "-o", theirs, "--rate", 40, "--train", files / "test.npz")
    assert told == {**facts(report_tuning(tuned)), "written": str(theirs)}
    assert ours.read_text() == theirs.read_text() != spec.read_text()
    with pytest.raises(LsmError, match="relative to its own folder"):
        ld.tune_file(spec, Path(files / "empty" / "x.yaml"), rate_hz=40.0)


def test_spikes_need_no_range(tmp_path):
    """Whatever is not 0 is a spike: an encoder without a range asks for none, and for no training data."""
    frames = np.random.default_rng(0).integers(0, 3, (2, 5, 2))
    np.savez(tmp_path / "data.npz", frames=frames, labels=["a", "b"])
    np.savez(tmp_path / "net.npz", weights=np.eye(2, dtype=int), input_weights=np.eye(2, dtype=int), du=1, dv=1, vth=1)
    (tmp_path / "spec.yaml").write_text(
        "{dt_ms: 1.0, seed: 1, input: {channels: 2, encoder: {kind: spikes, frame_ms: 1.0}},"
        " populations: {liquid: {from: net.npz}}, projections: []}"
    )
    stimulus, _ = ld.stimulus_for(ld.compile_any(tmp_path / "spec.yaml"), tmp_path / "data.npz")
    assert np.array_equal(stimulus.spikes, frames.reshape(10, 2) != 0)
