"""`lsm_deploy.testing`: what its assertions say when they fail, and the plugin, in runs of pytest of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calls import SPEC, frames
from test_regression import SPEC as SIGNALS
from test_regression import wave

import lsm_deploy as ld
from lsm_deploy import testing
from lsm_deploy.core.errors import MisuseError
from lsm_deploy.run import backends
from lsm_deploy.testing import assert_accuracy, assert_parity, assert_program_id

pytest_plugins = "pytester"
BOTH = ("emulator", "fast")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "series.yaml").write_text(f"{SIGNALS}data: {{train: first.npz, test: then.npz}}\n")
    for name, seed in (("train", 0), ("test", 1)):
        values, labels = frames(seed)
        np.savez(tmp_path / f"{name}.npz", frames=values, labels=labels)
    np.savez("first.npz", frames=wave(200)[None])
    np.savez("then.npz", frames=wave(100, 200)[None])
    return tmp_path


# --- assertions ------------------------------------------------------------------------------------------------------


def test_parity_that_holds_gives_what_was_compared(folder: Path) -> None:
    assert assert_parity("spec.yaml", BOTH, samples=2).verdicts[0].samples == 2
    assert assert_parity(ld.load("spec.yaml"), BOTH, registers=False).equal
    assert assert_parity(ld.compile_any("spec.yaml").program, BOTH).verdicts[0].compared.keys() == {"s", "u", "v"}


def test_parity_that_fails_says_where_and_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = backends.run_program

    def biased(name: str, program: ld.Program, *arguments: Any, **options: Any) -> ld.Trace:
        if name == "fast":
            first, *rest = program.network.populations
            registers = {**first.registers, "vth": first.registers["vth"] // 2}
            program = replace(
                program, network=replace(program.network, populations=(replace(first, registers=registers), *rest))
            )
        return run(name, program, *arguments, **options)

    monkeypatch.setattr(backends, "run_program", biased)
    with pytest.raises(AssertionError) as caught:
        assert_parity("spec.yaml", BOTH)
    told = str(caught.value)
    assert told.startswith("backends differ on the spec's encoded test data (5 of 18 samples)\n")
    assert "diverged   emulator ≠ fast" in told
    assert re.search(r"first at step \d+ \(sample 0", told)
    assert "they part" in told


def test_parity_of_silence_fails(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("weight: 0.12", "weight: 0.001"))
    with pytest.warns(Warning, match="silent"), pytest.raises(AssertionError, match="no neuron spikes"):
        assert_parity("spec.yaml", BOTH)


def test_accuracy_of_a_spec_and_of_a_model(folder: Path) -> None:
    measured = assert_accuracy("spec.yaml", at_least=0.5)
    assert measured == ld.evaluate(ld.load("spec.yaml"), alone=True).liquid.accuracy
    ld.save_model("m.model", ld.train(ld.load("spec.yaml")))
    assert assert_accuracy("m.model", measured, test="test.npz") == measured
    with pytest.raises(AssertionError, match=r"accuracy is .* \(\d+ of 18 right.*\), below 1\.01"):
        assert_accuracy("m.model", 1.01, test="test.npz")


def test_error_of_a_forecast(folder: Path) -> None:
    measured = assert_accuracy("series.yaml", nrmse_at_most=2.0)
    ld.save_model("m.model", ld.train_regression(ld.load("series.yaml")))
    assert assert_accuracy("m.model", nrmse_at_most=2.0, test="then.npz") == pytest.approx(measured)
    with pytest.raises(AssertionError, match=r"nrmse is .* \(88 frames answered\), above 0\.001"):
        assert_accuracy("series.yaml", nrmse_at_most=0.001)
    with pytest.raises(AssertionError, match="above"):
        assert_accuracy("series.yaml", nrmse_at_most=float("nan"))


def test_bounds_that_cannot_be(folder: Path) -> None:
    for given in ({}, {"at_least": 0.5, "nrmse_at_most": 1.0}):
        with pytest.raises(MisuseError, match="one bound is needed"):
            assert_accuracy("spec.yaml", **given)
    with pytest.raises(MisuseError, match="the readout has an nrmse"):
        assert_accuracy("series.yaml", 0.5)
    ld.save_model("m.model", ld.train(ld.load("spec.yaml")))
    with pytest.raises(MisuseError, match="tested on data that are named"):
        assert_accuracy("m.model", 0.5)
    with pytest.raises(MisuseError, match="a program has no readout"):
        assert_accuracy(ld.compile_any("spec.yaml").program, 0.5)


def test_the_name_of_a_program(folder: Path) -> None:
    name = ld.program_id(ld.compile_any("spec.yaml").program)
    assert_program_id("spec.yaml", name)
    with pytest.raises(AssertionError, match=rf"spec\.yaml compiles to program {name}, not to 0"):
        assert_program_id("spec.yaml", "0" * 16)


# --- the plugin ------------------------------------------------------------------------------------------------------

TESTS = """
import pytest

def test_program(golden_program):
    golden_program("spec.yaml")
    golden_program("spec.yaml", "the same again")

@pytest.mark.loihi2
def test_marked():
    pass

def test_board(loihi2):
    assert loihi2 == "loihi2"
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with tests of somebody's, who has installed this package."""
    for name in ("CI", "LOIHI_GEN", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    (pytester.path / "spec.yaml").write_text(SPEC)
    pytester.makepyfile(test_liquid=TESTS)
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> str:
    """What pytest prints there."""
    done = project.runpytest_inprocess("-p", "lsm_deploy.testing", "-rA", "--strict-markers", *arguments)
    return done.stdout.str() + done.stderr.str()


def test_programs_are_recorded_and_compared(project: pytest.Pytester) -> None:
    text = run(project)
    assert "run `pytest --update-program-ids`" in text
    assert "1 failed, 2 skipped" in text
    assert "no Loihi 2 board: LOIHI_GEN is not set" in text

    text = run(project, "--update-program-ids")
    name = ld.program_id(ld.compile_any("spec.yaml").program)
    assert "programs recorded anew: look at them" in text
    assert f"test_liquid.programs.txt: spec.yaml new -> {name}" in text
    assert (project.path / "test_liquid.programs.txt").read_text() == f"spec.yaml {name}\nthe same again {name}\n"
    text = run(project)
    assert "1 passed, 2 skipped" in text
    assert "recorded anew" not in text

    (project.path / "spec.yaml").write_text(SPEC.replace("seed: 4", "seed: 5"))
    assert f"{name} is recorded: if it was to change, run `pytest --update-program-ids`" in run(project)


def test_a_merge_that_was_not_resolved_fails(tmp_path: Path) -> None:
    """Of two programs of a name the last one counted, between the marks of git."""
    file = tmp_path / "test_liquid.programs.txt"
    file.write_text("<<<<<<< a\nspec.yaml 0000000000000000\n=======\nspec.yaml 0000000000000001\n>>>>>>> b\n")
    with pytest.raises(AssertionError, match="has two programs of"):
        testing._read(file)


def test_nothing_is_recorded_on_a_ci_machine(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert "would let every change pass" in run(project, "--update-program-ids")
    assert not (project.path / "test_liquid.programs.txt").exists()


def test_a_board_that_is_said_to_be_here_and_is_not_fails(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOIHI_GEN", "N3B3")
    monkeypatch.setattr(backends.load_backend("loihi2"), "missing", lambda: "it is not plugged in")
    text = run(project, "-k", "board or marked")
    assert "LOIHI_GEN is N3B3, and it is not plugged in" in text
    assert re.search(r"1 deselected, .*2 errors", text)
    monkeypatch.setattr(backends.load_backend("loihi2"), "missing", lambda: None)
    assert "2 passed, 1 deselected" in run(project, "-k", "board or marked")


def test_a_project_may_have_an_update_golden_of_its_own(project: pytest.Pytester) -> None:
    project.makeconftest("def pytest_addoption(parser): parser.addoption('--update-golden')")
    assert "3 deselected" in run(project, "-k", "nothing")


def test_the_plugin_loads_nothing_heavy() -> None:
    code = "import sys, pytest; before = set(sys.modules); import lsm_deploy.testing; print(*set(sys.modules) - before)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {name.partition(".")[0] for name in loaded} == {"lsm_deploy"}
    assert len(loaded) < 6, loaded
