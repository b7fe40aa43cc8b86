"""`lsm_deploy/README.md` says how to add a neuron kind and a backend: followed to the letter, in a copy of the package.

Of each, one file is added and one is edited, with the lines that stand in the README.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lsm_backends.fast import LIMITS

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
SPEC = """\
dt_ms: 1.0
seed: 3
input: {channels: 3}
populations: {liquid: {size: 12, neuron: {kind: UndershootLIF, tau_mem_ms: 15, v_threshold: 0.8}}}
projections:
  - {source: input, target: liquid, topology: {kind: all_to_all}, weight: 0.4}
  - {source: liquid, target: liquid, topology: {kind: erdos_renyi, in_degree: 3}, weight: 0.05}
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with both added."""
    copy = tmp_path_factory.mktemp("copy")
    for folder in ("lsm_deploy", "backends/lsm_backends"):
        shutil.copytree(ROOT / folder, copy / Path(folder).name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    shutil.copy(ROOT / "tests/toy/undershoot.py", copy / "lsm_deploy/core/neurons")
    shutil.copy(ROOT / "tests/toy/dense.py", copy / "lsm_backends")
    edits = re.findall(
        r"^ +```diff\n +--- (\S+)\n(.*?)\n +```$", (copy / "lsm_deploy/README.md").read_text(), re.M | re.S
    )
    assert [file for file, _ in edits] == ["lsm_deploy/core/neurons/__init__.py", "lsm_deploy/run/backends.py"]
    for file, lines in edits:
        for right, wrong in changes(lines):
            text = (copy / file).read_text()
            assert text.count(right) == 1, f"the README is not up to date: {file} has no {right!r}"
            (copy / file).write_text(text.replace(right, wrong))
    return copy


def changes(lines: str) -> list[tuple[str, str]]:
    """Pairs of a line, and of what it becomes: lines are added to it, so that who added his own can add these."""
    found: list[tuple[str, str]] = []
    for line in re.sub("^   ", "", lines, flags=re.M).split("\n"):
        if line[0] == "+":
            before, after = found[-1]
            found[-1] = (before, f"{after}{line[1:]}\n")
        else:
            found.append((f"{line[1:]}\n", f"{line[1:]}\n"))
    return found


def python(copy: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (copy, ROOT / "tests")))
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True, text=True, cwd=copy, timeout=300, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    return done


def test_one_file_is_added_and_one_edited(copy: Path) -> None:
    new, edited = [], []
    for here in sorted(copy.rglob("*.py")):
        name = here.relative_to(copy)
        before = ROOT / ("backends" if name.parts[0] == "lsm_backends" else "") / name
        if not before.exists():
            new.append(str(name))
        elif before.read_text() != here.read_text():
            edited.append(str(name))
    assert new == ["lsm_backends/dense.py", "lsm_deploy/core/neurons/undershoot.py"]
    assert edited == ["lsm_deploy/core/neurons/__init__.py", "lsm_deploy/run/backends.py"]


def test_both_do_what_is_said_of_them(copy: Path) -> None:
    done = python(copy, "-m", "pytest", "-q", "-c", str(copy / "pyproject.toml"), str(ROOT / "tests/toy/checks.py"))
    assert "passed" in done.stdout


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) >= "2.0.0", reason="types are checked with numpy 1's stubs")
def test_mypy_holds_the_kind_to_the_protocol(copy: Path) -> None:
    packages = ("-p", "lsm_deploy.core.neurons", "-m", "lsm_backends.dense")
    mypy = ("-m", "mypy", "--cache-dir", str(copy / ".mypy_cache"), *packages)
    python(copy, *mypy)
    file = copy / "lsm_deploy/core/neurons/undershoot.py"
    right = file.read_text()
    file.write_text(right.replace("def leaks(registers: Mapping[str, Ints])", "def leaks(registers: int)"))
    wrong = python(copy, *mypy, status=1).stdout
    file.write_text(right)
    assert 'Following member(s) of Module "lsm_deploy.core.neurons.undershoot" have conflicts' in wrong


def test_the_commands_take_both(copy: Path, tmp_path: Path) -> None:
    spec, trace = tmp_path / "spec.yaml", tmp_path / "trace.npz"
    spec.write_text(SPEC)
    command = ("-m", "lsm_deploy")
    done = python(copy, *command, "run", str(spec), "-o", str(trace))
    assert done.stderr.startswith(
        "note: population 'liquid': backend 'fast' has no rule for neurons of kind 'UndershootLIF', "
        f"only for {', '.join(LIMITS.kinds)}; the emulator runs it, which takes longer\n"
    )
    assert "by emulator" in python(copy, *command, "inspect", str(trace)).stdout
    assert re.search(r"^dense +installed$", python(copy, *command, "backends").stdout, re.M)
    done = python(copy, *command, "parity", str(spec), "--backends", "emulator,dense", "--registers")
    assert "equal" in done.stdout
    assert "no neuron spiked" not in done.stdout
    assert "undershoot" in python(copy, *command, "manual", "spec").stdout.lower()
    spec.write_text(SPEC.replace("tau_mem_ms: 15", "tau_mem_ms: -15, tau_sin_ms: 4"))
    wrong = python(copy, *command, "check", str(spec), status=1).stderr
    assert "tau_mem_ms" in wrong
    assert "did you mean 'tau_syn_ms'?" in wrong
