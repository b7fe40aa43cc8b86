"""The command line from outside: what each command prints, writes, and answers to bad input."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from calls import SPEC, call, facts, frames

import lsm_deploy as ld
from lsm_deploy import store

GOLDEN = Path(__file__).parent / "golden"
CONFIGS = Path(__file__).parents[1] / "configs"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC)
    for name, seed in (("train", 0), ("test", 1)):
        values, labels = frames(seed)
        np.savez(tmp_path / f"{name}.npz", frames=values, labels=labels)
    return tmp_path


# --- a whole session -------------------------------------------------------------------------------------------------


def test_a_readout_on_the_chip(folder):
    text = call("train", "spec.yaml", "--on-chip", "-o", "chip.model").stdout
    assert "output neurons on the chip for 3 classes (0, 1, 2) read population 'liquid'" in text
    given = facts("inspect", "chip.model")
    assert (given["on_chip"], given["classes"]) == (True, ["0", "1", "2"])
    labels = facts("predict", "chip.model", "test.npz")["labels"]
    assert labels == facts("predict", "chip.model", "test.npz", "--backend", "emulator")["labels"]
    assert np.mean(np.array(labels) == frames(1)[1].astype(str)) > 0.6
    assert "spikes" in call("parity", "chip.model", "--backends", "emulator,fast", "--registers").stdout
    assert facts("resources", "chip.model")["ok"]
    assert facts("check", "chip.model", "--target", "oheo_gulch")["ok"]


def test_check(folder, golden):
    golden(GOLDEN / "check.txt", call("check", "spec.yaml").stdout)
    found = facts("check", "spec.yaml")
    assert found["ok"]
    assert found["neurons"] == 24
    assert found["quantisation"]["losses"] == []


def test_check_names_every_mistake_as_json(folder):
    (folder / "spec.yaml").write_text(SPEC.replace("seed: 4", "sede: 4").replace("size: 24", "size: 0"))
    found = facts("check", "spec.yaml", status=1)
    assert not found["ok"]
    assert [e["where"] for e in found["errors"]] == ["spec.yaml:2:1", "spec.yaml:3:1", "spec.yaml:9:11"]


def test_strict(folder):
    text = SPEC.replace("weight: 0.12}", "weight: {distribution: uniform, low: 0.0, high: 0.5}, weight_bits: 3}")
    (folder / "spec.yaml").write_text(text)
    assert "synapses of 'input->liquid:exc' rounded to zero" in call("check", "spec.yaml").stdout
    error = call("check", "spec.yaml", "--strict", status=1).stderr
    assert error.startswith("error: quantisation loses something: ")
    assert "rounded to zero" in error


def test_the_verdict_of_check_says_what_is_gone(folder):
    (folder / "spec.yaml").write_text(SPEC.replace("weight: 0.12}", "weight: 0.12, delay_ms: 2.5}"))
    assert call("check", "spec.yaml").stdout.endswith("spec.yaml is valid, with the losses above\n")
    assert "off by more than 10 %" in call("check", "spec.yaml", "--strict", status=1).stderr
    (folder / "spec.yaml").write_text(SPEC.replace("dt_ms: 1.0", "dt_ms: 1.0e-3"))
    verdict = call("check", "spec.yaml").stdout.splitlines()[-1]
    assert verdict.startswith("spec.yaml compiles, and is not what it says: ")
    assert "values of tau_mem_ms of population 'liquid' became infinite" in verdict


def test_compile_run_inspect(folder, golden):
    call("compile", "spec.yaml", "-o", "p.lsm", "--dump", "stages")
    assert {f.name for f in (folder / "stages").iterdir()} == {
        "summary.json",
        "population.0.liquid.csv",
        *(f"{s}.{p}.csv" for s in ("1-network", "2-integers") for p in (
            "0.input-liquid-exc", "1.liquid-liquid-exc", "2.liquid-liquid-inh")),
    }  # fmt: skip
    assert (folder / "stages/2-integers.2.liquid-liquid-inh.csv").read_text().startswith("pre,post,weights,delays\n")
    golden(GOLDEN / "inspect-program.txt", call("inspect", "p.lsm").stdout)

    call("run", "p.lsm", "-o", "t.npz", "--record", "u,v")
    text = call("inspect", "t.npz").stdout
    assert text.startswith(f"trace of program {store.program_id(store.load_program('p.lsm'))}, by fast\n")
    trace = store.load_trace("t.npz").trace
    assert trace.spikes.any()
    assert set(trace.registers) == {"u", "v"}
    found = facts("run", "p.lsm", "-o", "t2.npz")
    assert found["stimulus"] == "a Poisson stimulus, 50 Hz a channel, 1000 steps, seed 0"
    assert found["spikes"] == np.count_nonzero(trace.spikes)
    assert facts("inspect", "t2.npz")["kind"] == "trace"


def test_a_spec_stands_where_a_program_may(folder):
    found = facts("run", "spec.yaml", "-o", "t.npz", "--samples", "4")
    assert found["stimulus"] == "the spec's encoded test data (4 of 18 samples)"
    assert found["samples"] == 4
    assert found["steps"] == 4 * 40


def test_a_stimulus_file(folder):
    spikes = (np.random.default_rng(0).random((90, 3)) < 0.2).astype(np.int8)
    np.savez("s.npz", spikes=spikes, starts=[0, 50])
    found = facts("run", "spec.yaml", "--input", "s.npz", "-o", "t.npz")
    assert found["stimulus"] == "s.npz (2 samples, 90 steps)"
    assert (found["steps"], found["samples"]) == (90, 2)
    assert facts("inspect", "s.npz") == {
        "ok": True, "kind": "stimulus", "steps": 90, "channels": 3, "samples": 2, "spikes": int(spikes.sum()),
    }  # fmt: skip


def test_parity_of_backends(folder):
    result = call("parity", "spec.yaml", "--backends", "emulator,brian", "--registers", "--samples", "3")
    assert "equal      emulator = brian: 0 of 2 880 values of spikes, 0 of 2 880 values of u" in result.stdout
    assert "overflow in this run: none" in result.stdout
    found = facts("parity", "spec.yaml", "--backends", "emulator,brian", "--registers", "--samples", "3")
    assert found["equal"]
    (verdict,) = found["verdicts"]
    assert verdict["differing"] == {"u": 0, "v": 0, "s": 0}
    assert verdict["spikes"][0] > 20


def test_parity_with_a_trace(folder):
    call("run", "spec.yaml", "-o", "t.npz", "--record", "u,v")
    call("parity", "spec.yaml", "--trace", "t.npz", "--registers")
    with np.load("t.npz") as stored:
        arrays = dict(stored)
    arrays["v"] = arrays["v"].copy()
    arrays["v"][130, 7] += 1
    np.savez("altered.npz", **arrays)
    call("parity", "spec.yaml", "--trace", "altered.npz")  # the spikes are as they were
    result = call("parity", "spec.yaml", "--trace", "altered.npz", "--registers", status=1)
    value = int(arrays["v"][130, 7])
    assert "1 of 17 280 values of v differ" in result.stdout
    assert (
        f"first at step 130 (sample 3, its step 10), neuron 7 = liquid[7], v: emulator has {value - 1}, "
        f"altered.npz has {value}"
    ) in result.stdout
    found = facts("parity", "spec.yaml", "--trace", "altered.npz", "--registers", status=1)
    assert not found["equal"]
    assert found["verdicts"][0]["divergence"]["t"] == 130


def test_train_predict_eval(folder):
    call("train", "spec.yaml", "-o", "m.lsmodel")
    assert "model of program" in call("inspect", "m.lsmodel").stdout
    values, labels = frames(1)
    np.savez("unlabelled.npz", frames=values)
    rows = [line.split("\t") for line in call("predict", "m.lsmodel", "unlabelled.npz").stdout.splitlines()]
    names, answers, best = zip(*rows, strict=True)
    given = facts("predict", "m.lsmodel", "unlabelled.npz")
    assert (given["ids"], given["labels"]) == (list(names), list(answers))
    assert names == tuple(map(str, range(len(labels))))
    assert [max(each) for each in given["scores"]] == list(map(int, best))
    assert [given["classes"][int(np.argmax(each))] for each in given["scores"]] == list(answers)
    model = ld.load_model("m.lsmodel")
    same = ld.predictions(model, model.listener.frames(model.listener.load(Path("unlabelled.npz"))))
    assert same.to_dict() == {name: given[name] for name in ("ids", "labels", "classes", "scores")}
    assert list(same.to_frame()["class"]) == list(answers)
    right = sum(answer == str(label) for answer, label in zip(answers, labels, strict=True))
    assert right >= 12  # a third is chance
    found = facts("eval", "spec.yaml")
    assert found["liquid"]["correct"] == right
    assert set(found["baselines"]) == {"raw", "encoded", "feedforward"}
    text = call("eval", "spec.yaml").stdout
    assert "its recurrence switched off" in text
    assert facts("eval", "spec.yaml", "--train", "train.npz", "--test", "test.npz")["liquid"]["correct"] == right


def test_backends(folder):
    text = call("backends").stdout
    assert text.startswith("emulator   installed\n")
    found = {entry["name"]: entry for entry in facts("backends")["backends"]}
    assert set(found) == {"emulator", "fast", "brian", "lava", "loihi2", "netx"}
    assert not found["loihi2"]["installed"]
    # Where there is no Lava either, that comes first.
    assert re.search("Intel|lava-nc", found["loihi2"]["missing"])


def test_quiet_and_completion(folder):
    assert call("check", "spec.yaml", "--quiet").output == ""
    assert "_LSM_DEPLOY_COMPLETE=bash_complete" in call("completion", "bash").stdout


def test_the_installed_command_answers():
    command = Path(sys.executable).parent / "lsm-deploy"
    found = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("lsm-deploy, version ")


# --- bad input -------------------------------------------------------------------------------------------------------


def cut(path: str) -> None:
    data = Path(path).read_bytes()
    Path(path).write_bytes(data[: len(data) // 2])


def alter(path: str) -> None:
    data = bytearray(Path(path).read_bytes())
    data[200] ^= 1
    Path(path).write_bytes(bytes(data))


def prepare() -> None:
    """A file for every kind of mistake."""
    call("compile", "spec.yaml", "-o", "good.lsm")
    for name, damage in (("cut.lsm", cut), ("altered.lsm", alter)):
        call("compile", "spec.yaml", "-o", name)
        damage(name)
    good = store.load_program("good.lsm")
    meta, arrays = store.program_to_parts(good)
    far = {**arrays, "cores": np.full(len(good.cores), 2**31 - 1, np.int32)}
    Path("far.lsm").write_bytes(store.pack("program", meta, far))
    store.save_program("mars.lsm", replace(good, target="mars"))
    Path("other.yaml").write_text(SPEC.replace("seed: 4", "seed: 5"))
    call("run", "other.yaml", "-o", "other.npz")
    call("run", "good.lsm", "-o", "spikes.npz")
    np.savez("pickled.npz", spikes=np.array([[None]], object))
    np.savez("wide.npz", spikes=np.zeros((10, 4), np.int8))
    values, labels = frames(2)
    np.savez("four.npz", frames=np.zeros((2, 3, 4)), labels=["0", "1"])
    values[3, 2, 1] = np.nan
    np.savez("nan.npz", frames=values, labels=labels)
    np.savez("labels.npz", frames=frames(2)[0], labels=labels[:5])
    np.savez("stranger.npz", frames=frames(2)[0], labels=["9"] * 18)
    Path("ragged.csv").write_text("sample,label,a,b,c\n0,x,1,2,3\n0,x,1,2\n1,y,1,2,3\n")
    Path("silent.yaml").write_text(SPEC.replace("weight: 0.12", "weight: 0.001"))
    huge = (
        "dt_ms: 1\nseed: 1\ninput: {channels: 1}\n"
        "populations:\n  liquid: {size: 4000, neuron: {kind: LIF}}\n"
        "projections:\n"
        "  - {source: liquid, target: liquid, topology: {kind: erdos_renyi, in_degree: 1200}, weight: 1}\n"
    )
    Path("huge.yaml").write_text(huge)
    Path("vast.yaml").write_text(huge.replace("size: 4000", "size: 500000"))
    board = "target: {board: hala_point}\n"
    Path("million.yaml").write_text(huge.replace("size: 4000", "size: 1000000") + board)
    Path("neurons.yaml").write_text(huge.replace("size: 4000", "size: 300000000") + board)
    net = {"weights": np.full((2, 2), 300), "input_weights": np.ones((2, 1), int), "du": 1, "dv": 1, "vth": 1}
    np.savez("net.npz", **net)
    np.savez("wide-net.npz", **{**net, "weights": np.ones((2, 2), int), "du": np.uint64(2**64 - 1)})
    np.savez("endless.npz", t=[0], channel=[0], shape=[10**12, 4])
    np.savez("twice.npz", t=[1, 1], channel=[0, 0], shape=[10, 3])
    Path("bad.yaml").write_text(SPEC.replace("tau_mem_ms", "tau_mem"))
    Path("nodata.yaml").write_text(SPEC.replace("data: {", "# data: {"))


BAD = {
    "no such spec": ["check", "none.yaml"],
    "a bad spec": ["compile", "bad.yaml", "-o", "x.lsm"],
    "too big": ["compile", "huge.yaml", "-o", "x.lsm"],
    "too big to be drawn": ["compile", "vast.yaml", "-o", "x.lsm"],
    "synapses beyond the memory": ["compile", "million.yaml", "-o", "x.lsm"],
    "neurons beyond the memory": ["check", "neurons.yaml"],
    "a network that cannot be held": ["compile", "net.npz", "-o", "x.lsm"],
    "compiled already": ["compile", "good.lsm", "-o", "x.lsm"],
    "a folder that is not there": ["compile", "spec.yaml", "-o", "none/x.lsm"],
    "a truncated program": ["run", "cut.lsm", "-o", "x.npz"],
    "an altered program": ["inspect", "altered.lsm"],
    "a core that no board has": ["inspect", "far.lsm"],
    "a board that there is not": ["inspect", "mars.lsm"],
    "no such backend": ["run", "good.lsm", "--backend", "emulater", "-o", "x.npz"],
    "no such register": ["run", "good.lsm", "--record", "u,w", "-o", "x.npz"],
    "a stimulus with pickles": ["run", "good.lsm", "--input", "pickled.npz", "-o", "x.npz"],
    "a stimulus of other channels": ["run", "good.lsm", "--input", "wide.npz", "-o", "x.npz"],
    "a trace of another program": ["parity", "good.lsm", "--trace", "other.npz"],
    "a trace of another length": ["parity", "good.lsm", "--trace", "spikes.npz", "--input", "short.npz"],
    "frames of other channels": ["eval", "spec.yaml", "--train", "four.npz", "--test", "four.npz"],
    "frames that are not finite": ["eval", "spec.yaml", "--train", "nan.npz", "--test", "test.npz"],
    "labels of another length": ["eval", "spec.yaml", "--train", "labels.npz", "--test", "test.npz"],
    "a class that was never trained": ["eval", "spec.yaml", "--train", "train.npz", "--test", "stranger.npz"],
    "ragged frames": ["train", "spec.yaml", "--train", "ragged.csv", "-o", "x.lsmodel"],
    "no data": ["eval", "nodata.yaml"],
    "a silent liquid": ["train", "silent.yaml", "-o", "x.lsmodel"],
    "a program is no model": ["predict", "good.lsm", "test.npz"],
    "a program is no stimulus": ["run", "good.lsm", "--input", "good.lsm", "-o", "x.npz"],
    "a program is no spec": ["eval", "good.lsm"],
    "an output over its input": ["compile", "spec.yaml", "-o", "spec.yaml"],
    "a trace over its stimulus": ["run", "good.lsm", "--input", "short.npz", "-o", "short.npz"],
    "an output that is a folder": ["compile", "spec.yaml", "-o", "."],
    "a dump onto a file": ["compile", "spec.yaml", "-o", "x.lsm", "--dump", "spec.yaml"],
    "a trace without registers": ["parity", "good.lsm", "--trace", "spikes.npz", "--registers"],
    "a trace in another view": ["parity", "good.lsm", "--trace", "spikes.npz", "--view", "chip"],
    "events beyond all measure": ["run", "good.lsm", "--input", "endless.npz", "-o", "x.npz"],
    "two events at once": ["run", "good.lsm", "--input", "twice.npz", "-o", "x.npz"],
    "a register that is no 32-bit integer": ["compile", "wide-net.npz", "-o", "x.lsm"],
}


def test_bad_input(folder, golden, monkeypatch):
    monkeypatch.setattr("lsm_deploy.core.memory.available", lambda: 16_000_000_000)
    prepare()
    np.savez("short.npz", spikes=np.zeros((10, 3), np.int8))
    before = sorted(os.listdir("."))
    told = []
    for name, arguments in BAD.items():
        result = call(*arguments, status=None)
        assert result.stdout == "" or "stimulus: " in result.stdout
        told.append(f"# {name} ({result.exit_code}): lsm-deploy {' '.join(arguments)}\n{result.stderr}")
        assert "Traceback" not in result.stderr
    golden(GOLDEN / "bad-input.txt", "\n".join(told))
    assert sorted(os.listdir(".")) == before, "nothing was written"


def test_a_column_s_cut_off_and_no_board_are_told(folder):
    Path("column.yaml").write_text(
        "dt_ms: 1\nseed: 1\ninput: {channels: 4}\ntarget: {board: none}\n"
        "populations:\n  a: {grid: [6, 6, 6], inhibitory_fraction: 0.2, neuron: {kind: LIF}}\n"
        "projections:\n"
        "  - source: a\n    target: a\n    weight: 0.1\n"
        "    topology: {kind: maass, lambda: 2.0, C: {EE: 0.3, EI: 0.2, IE: 0.4, II: 0.1}, cutoff: 4.0}\n"
    )
    told = call("check", "column.yaml").stdout
    assert "column 'a->a': no synapse beyond 4 grid units (2 lambda); the expected loss is 1.9 % of its syn" in told
    assert "placed on no board: for the CPU backends only" in told
    facts = json.loads(call("check", "column.yaml", "--json").stdout)
    (cut,) = facts["cut_offs"]
    assert (cut["projection"], cut["distance"], cut["lambdas"]) == ("a->a", 4.0, 2.0)
    assert cut["share_lost"] == pytest.approx(0.019, abs=0.001)
    assert (facts["target"], facts["cores"], facts["fullest_core"]) == ("none", 0, {})
    assert call("compile", "column.yaml", "-o", "c.lsm").stdout.count("the expected loss") == 1
    assert "placed on no board" in call("inspect", "c.lsm").stdout


def test_misuse_is_status_2(folder):
    assert "Missing option '-o'" in call("compile", "spec.yaml", status=2).stderr
    assert "parity needs two sides" in call("parity", "spec.yaml", "--backends", "emulator", status=2).stderr
    result = call("run", "spec.yaml", "-o", "t.npz", "--codegen", "cython", status=2)
    assert "--codegen belongs to none of the backends auto" in result.stderr
    result = call("parity", "spec.yaml", "--backends", "emulator,emulator", status=2)
    assert "a backend is named twice" in result.stderr
    assert "there is no trace" in call("parity", "spec.yaml", "--view", "chip", status=2).stderr
    assert "give both --train and --test" in call("eval", "spec.yaml", "--train", "a.npz", status=2).stderr


def test_a_bug_of_ours_keeps_its_traceback(folder, monkeypatch):
    monkeypatch.setattr("lsm_deploy.compile.pipeline.compile_spec", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call("check", "spec.yaml")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is needed")
def test_a_full_disk(folder, monkeypatch):
    (folder / "p.lsm").write_bytes(b"old")

    def full(handle: int, mode: str) -> object:
        os.close(handle)
        return open("/dev/full", mode)

    monkeypatch.setattr("lsm_deploy.store.files.os.fdopen", full)
    error = call("compile", "spec.yaml", "-o", "p.lsm", status=1).stderr
    assert (
        error == "error: p.lsm: cannot write: No space left on device; the old file is untouched\n  free some space\n"
    )
    assert (folder / "p.lsm").read_bytes() == b"old"
    assert not list(folder.glob(".p.lsm*"))


# --- Lava that is missing, hangs or dies, as a user meets it ---------------------------------------------------------

UNWELL = {
    "missing": ("/nowhere/python", ""),
    "hanging": ("python", "sleep 600"),
    "dying": ("python", "echo the last words >&2\nkill -SEGV $$"),
    "without a result": ("python", "exit 0"),
}


def test_an_unwell_lava_costs_a_message_and_nothing_else(folder, golden, monkeypatch):
    call("compile", "spec.yaml", "-o", "p.lsm")
    (folder / "old.npz").write_bytes(b"old")
    monkeypatch.setenv("LSM_DEPLOY_LAVA_TIME_LIMIT", "2")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    told = []
    for name, (python, body) in UNWELL.items():
        script = folder / python
        if body:
            # It answers the question for Lava's version, and misbehaves only when it is to run a network.
            script.write_text(f'#!/bin/sh\ncase "$1" in *graph.py) {body}; exit;; esac\necho 0.10.0\n')
            script.chmod(0o755)
        monkeypatch.setenv("LSM_DEPLOY_LAVA_PYTHON", str(script))
        before = sorted(os.listdir(folder))
        result = call("run", "p.lsm", "--backend", "lava", "-o", "old.npz", status=1)
        told.append(f"# {name}\n{result.stderr}".replace(str(folder), "FOLDER"))
        told[-1] = re.sub(r"lsm-lava-\w+", "lsm-lava-JOB", told[-1])
        assert sorted(os.listdir(folder)) == before, "nothing is left behind"
    assert (folder / "old.npz").read_bytes() == b"old"
    golden(GOLDEN / "unwell-lava.txt", "\n".join(told))
