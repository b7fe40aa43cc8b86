"""`lsm-deploy ci`: what is promised of specs, whether they keep it, and that nothing passes which was not looked at."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from calls import SPEC, call, facts, frames
from test_manual import unknown_in

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError
from lsm_deploy.parity import suite
from lsm_deploy.parity.suite import Check, Suite
from lsm_deploy.report.suites import junit_xml
from lsm_deploy.run import backends
from lsm_deploy.spec import load_promises

pytestmark = pytest.mark.once

CONFIGS = Path(__file__).parents[1] / "configs"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One simulator besides the emulator, and no board, whatever else is here."""
    monkeypatch.setattr(suite, "SIMULATORS", ("fast",))
    monkeypatch.delenv("LOIHI_GEN", raising=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC)
    for name, seed in (("train", 0), ("test", 1)):
        values, labels = frames(seed)
        np.savez(tmp_path / f"{name}.npz", frames=values, labels=labels)
    return tmp_path


@pytest.fixture
def recorded(folder: Path) -> Path:
    call("ci", "--update", "spec.yaml")
    return folder


def statuses(*arguments: Any, status: int) -> dict[str, str]:
    (spec,) = facts("ci", *arguments, status=status)["specs"]
    return {check["name"]: check["status"] for check in spec["checks"]}


def promise(folder: Path, text: str) -> None:
    program = load_promises(folder / "lsm-ci.yml")["spec.yaml"].program
    (folder / "lsm-ci.yml").write_text(f"# mine\nspec.yaml: {{program: '{program}', {text}}}\n")


# --- what is recorded ------------------------------------------------------------------------------------------------


def test_what_nobody_has_recorded_fails_and_says_what_to_do(folder: Path) -> None:
    text = call("ci", "spec.yaml", status=1).stdout
    assert "lsm-ci.yml has nothing about this spec" in text
    assert "`lsm-deploy ci --update` records it" in text
    assert not (folder / "lsm-ci.yml").exists()


def test_an_update_records_what_holds_and_says_so(folder: Path) -> None:
    told = facts("ci", "--update", "spec.yaml")
    assert any(check["words"].endswith(" is promised from now on") for check in told["specs"][0]["checks"])
    assert {each["promise"].partition(".yaml.")[2] for each in told["recorded"]} == {"program", "accuracy", "budget"}
    promises = load_promises(folder / "lsm-ci.yml")["spec.yaml"]
    assert promises.program == told["specs"][0]["program"]
    measured = ld.evaluate(ld.load("spec.yaml")).liquid
    assert measured.interval[0] - 1e-3 <= promises.accuracy <= measured.interval[0]
    assert promises.budget.limits().keys() == {"neurons", "synapses", "cores", "synapse_units"}
    assert set(statuses("spec.yaml", status=0).values()) == {"passed"}
    assert facts("ci", "--update", "spec.yaml")["recorded"] == []


def test_an_update_leaves_floors_comments_and_other_specs(recorded: Path) -> None:
    promise(recorded, "accuracy: 0.4, budget: {neurons: 30}")
    before = (recorded / "lsm-ci.yml").read_text() + "other.yaml: {program: 0123456789abcdef}\n"
    (recorded / "lsm-ci.yml").write_text(before)
    (recorded / "spec.yaml").write_text(SPEC.replace("seed: 4", "seed: 5"))
    assert statuses("spec.yaml", status=1)["program"] == "failed"
    (change,) = facts("ci", "--update", "spec.yaml")["recorded"]
    assert change["before"] != change["now"]
    assert (recorded / "lsm-ci.yml").read_text() == before.replace(f"'{change['before']}'", change["now"])


def test_promises_of_specs_that_nobody_named_are_not_looked_at_and_that_is_said(recorded: Path) -> None:
    before = (recorded / "lsm-ci.yml").read_text()
    (recorded / "lsm-ci.yml").write_text(before + "other.yaml: {program: 0123456789abcdef}\n")
    said = "note: lsm-ci.yml has promises of other.yaml as well, which nobody named: not looked at\n"
    assert said in call("ci", "spec.yaml").stderr
    (recorded / "other.yaml").write_text(SPEC)
    assert said not in call("ci", "spec.yaml", "other.yaml", status=1).stderr


def test_every_mistake_in_the_file_is_named(recorded: Path) -> None:
    (recorded / "lsm-ci.yml").write_text("spec.yaml: {program: abc, acuracy: 1}\nother.yaml: {budget: {cors: 1}}\n")
    told = facts("ci", "spec.yaml", status=1)
    assert [each["where"].rpartition("lsm-ci.yml:")[2] for each in told["errors"]] == ["1:22", "1:27", "2:13", "2:23"]
    assert told["errors"][1]["hint"] == "did you mean 'accuracy'?"


def test_the_file_itself_is_no_spec(recorded: Path) -> None:
    assert len(facts("ci", "spec.yaml", "lsm-ci.yml", "spec.yaml")["specs"]) == 1
    assert "no spec is named" in call("ci", "lsm-ci.yml", status=2).stderr
    call("ci", status=2)


# --- what fails ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "status"),
    [
        ("accuracy: 1.0", "accuracy", "failed"),
        ("accuracy: 0.1", "accuracy", "passed"),
        ("nrmse: 1.0", "nrmse", "failed"),  # of a readout of classes
        ("budget: {neurons: 23}", "budget: neurons", "failed"),
        ("budget: {neurons: 24}", "budget: neurons", "passed"),
        ("budget: {energy_nj: 1.0e-6}", "budget: energy_nj", "failed"),
        ("budget: {step_us: 1000.0}", "budget: step_us", "passed"),
        ("parity: {backends: [loihi2]}", "parity: loihi2", "failed"),  # asked for by name, and not here
        ("parity: {backends: [emulator]}", "parity", "failed"),  # it agrees with itself
    ],
)
def test_promises(recorded: Path, text: str, name: str, status: str) -> None:
    promise(recorded, text)
    assert statuses("spec.yaml", status=int(status == "failed"))[name] == status


@pytest.mark.parametrize("floor", ["accuracy: 0.1", "nrmse: 100.0"])
def test_a_floor_of_a_program_is_not_passed_over(recorded: Path, floor: str) -> None:
    call("compile", "spec.yaml", "-o", "a.lsm")
    promise(recorded, floor)
    text = (recorded / "lsm-ci.yml").read_text()
    (recorded / "lsm-ci.yml").write_text(text.replace("spec.yaml", "a.lsm"))
    assert statuses("a.lsm", status=1)[floor.split(":")[0]] == "failed"


def test_a_spec_that_does_not_compile_fails_with_all_its_mistakes(recorded: Path) -> None:
    (recorded / "spec.yaml").write_text(SPEC.replace("seed: 4", "sede: 4").replace("size: 24", "size: 0"))
    (spec,) = facts("ci", "spec.yaml", status=1)["specs"]
    assert [check["name"] for check in spec["checks"]] == ["compile"]
    assert spec["checks"][0]["words"].count("spec.yaml:") == 3
    assert statuses("nowhere.yaml", status=1) == {"compile": "failed"}


def test_a_backend_that_differs_fails_and_says_where(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = backends.run_program

    def differing(name: str, *arguments: Any, **options: Any) -> ld.Trace:
        trace = run(name, *arguments, **options)
        if name == "fast":
            spikes = trace.spikes.copy()
            spikes[7, 3] ^= 1
            trace = replace(trace, spikes=spikes)
        return trace

    monkeypatch.setattr(backends, "run_program", differing)
    text = call("ci", "spec.yaml", status=1).stdout
    assert "differ, first at step 7 (sample 0), liquid[3]" in text
    assert "--backends emulator,fast --registers --explain` says why" in text


def test_data_that_are_not_here_fail_the_floor_or_skip_it(recorded: Path) -> None:
    (recorded / "test.npz").unlink()
    told = statuses("spec.yaml", status=1)
    assert (told["data"], told["accuracy"], told["parity: fast"]) == ("failed", "failed", "passed")
    told = statuses("spec.yaml", "--skip-missing", status=0)
    assert (told["data"], told["accuracy"], told["parity: fast"]) == ("skipped", "skipped", "passed")


def test_agreement_on_silence_fails(recorded: Path) -> None:
    (recorded / "spec.yaml").write_text(SPEC.replace("weight: 0.12", "weight: 0.001"))
    told = call("ci", "--update", "spec.yaml", status=1).stdout
    assert "no neuron spikes" in told


def test_a_bug_of_ours_keeps_its_traceback(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "compare", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call("ci", "spec.yaml")


# --- a board ---------------------------------------------------------------------------------------------------------


def test_a_board_that_is_said_to_be_here_and_is_not_fails(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "parity: loihi2" not in statuses("spec.yaml", status=0)
    assert statuses("spec.yaml", "--board", status=1)["parity: loihi2"] == "failed"
    monkeypatch.setenv("LOIHI_GEN", "N3B3")
    assert statuses("spec.yaml", status=1)["parity: loihi2"] == "failed"
    assert "parity: loihi2" not in statuses("spec.yaml", "--no-board", status=0)


def test_a_board_is_asked_for_spikes_alone(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, asked = backends.run_program, []

    def answered(name: str, program: Any, stimulus: Any, record: Any = (), *more: Any) -> ld.Trace:
        asked.append((name, tuple(record)))
        return run("fast" if name == "loihi2" else name, program, stimulus, record, *more)

    monkeypatch.setattr(backends, "run_program", answered)
    monkeypatch.setattr(backends.load_backend("loihi2"), "missing", lambda: None)
    monkeypatch.setenv("LOIHI_GEN", "N3B3")
    assert statuses("spec.yaml", status=0)["parity: loihi2"] == "passed"
    assert ("loihi2", ()) in asked


# --- JUnit -----------------------------------------------------------------------------------------------------------


def test_junit_says_what_the_json_says(recorded: Path) -> None:
    promise(recorded, "budget: {neurons: 23}, parity: {backends: [fast, netx]}")
    told = facts("ci", "spec.yaml", "--skip-missing", "--junit", "x.xml", status=1)["specs"][0]["checks"]
    root = ElementTree.parse(recorded / "x.xml").getroot()
    (one,) = root
    for element in (root, one):
        assert [element.get(key) for key in ("tests", "failures", "errors")] == [str(len(told)), "1", "0"]
        assert int(element.get("skipped", "")) == sum(check["status"] == "skipped" for check in told) > 0
    for case, check in zip(one, told, strict=True):
        assert (case.get("classname"), case.get("name")) == ("spec.yaml", check["name"])
        state = {"failed": "failure", "skipped": "skipped", "passed": "system-out"}[check["status"]]
        assert [each.tag for each in case] == [state]
        assert float(case.get("time", "")) >= 0


def test_junit_holds_any_character() -> None:
    words = "\x00\x1b[31m\x85\ud800\ufffe\uffff<&>\"' é"
    text = junit_xml([Suite(Path(f"a{words}.yaml"), None, (Check("x", "failed", words, words),), {})])
    root = ElementTree.fromstring(text.encode("utf-8"))
    message = root[0][0][0].get("message", "")
    assert message == "\\x00\\x1b[31m\\x85\\ud800\\ufffe\\uffff<&>\"' é"


# --- the manual ------------------------------------------------------------------------------------------------------


def test_workflows_in_the_manual_are_yaml_and_call_what_there_is() -> None:
    page = ld.manual_page("ci")
    github, gitlab = (yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    scripts = [step["run"] for step in github["jobs"]["promises"]["steps"] if "run" in step]
    scripts += gitlab["liquids"]["script"]
    ours = [shlex.split(line)[1:] for line in scripts if line.startswith("lsm-deploy")]
    assert len(ours) == 2
    for words in ours:
        assert not unknown_in(words), words
    assert {line.split()[0] for line in scripts} == {"pip", "lsm-deploy", "pytest"}


def test_promises_in_the_manual_are_promises(folder: Path) -> None:
    lines = re.findall(r"^    (\w+\.yaml: +\{program.*)$", ld.manual_page("ci"), re.MULTILINE)
    (folder / "lsm-ci.yml").write_text("\n".join(lines))
    assert len(load_promises(folder / "lsm-ci.yml")) == 3


# --- the examples ----------------------------------------------------------------------------------------------------


def test_every_example_promises_its_program() -> None:
    golden = (Path(__file__).parent / "golden" / "programs.txt").read_text().splitlines()
    names = {f"{name}.yaml": program for name, program, _ in map(str.split, golden)}
    assert {name: each.program for name, each in load_promises(CONFIGS / "lsm-ci.yml").items()} == names


def test_some_examples_keep_their_promises() -> None:
    files = [CONFIGS / f"{name}.yaml" for name in ("explicit", "cycle")]
    told = json.loads(call("ci", *files, "--json").stdout)
    assert {check["status"] for spec in told["specs"] for check in spec["checks"]} == {"passed"}


def test_from_python(recorded: Path) -> None:
    (result,) = ld.run_suites(["spec.yaml"])
    assert result.passed
    assert result.measured["program"] == result.program
    with pytest.raises(LsmError, match="no spec is named"):
        ld.run_suites([])
