"""A share of `make hostile`, and that what it looks for would be noticed."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hostile.kinds import WrongError
from hostile.workers import Task, run

from lsm_deploy.core.errors import LsmError

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured as Linux does")
SHARE, SEED = 100, 12


@pytest.mark.once
def test_a_share_of_hostile_files_is_refused_or_read(tmp_path: Path) -> None:
    # A process of its own: it forks, and this one may have threads.
    command = [sys.executable, "-m", "hostile", "--files", str(SHARE), "--seed", str(SEED), "--kept", str(tmp_path)]
    ran = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]


def refuse(folder: Path) -> None:
    raise LsmError("no")


def fail(folder: Path) -> None:
    raise KeyError("no")


def warn(folder: Path) -> None:
    warnings.warn("overflow", RuntimeWarning, stacklevel=1)


def crash(folder: Path) -> None:
    os.abort()


def hang(folder: Path) -> None:
    while True:
        with suppress(Exception):  # which does not stop what comes from outside
            sum(range(1000))


def answer_wrongly(folder: Path) -> None:
    raise WrongError("2 is not 3")


def take_much(folder: Path) -> None:
    np.ones(80 << 20, np.int8)


def take_all(folder: Path) -> None:
    np.ones(5 << 30, np.int8)


READERS: dict[Callable[[Path], object], str] = {
    refuse: "refused",
    len: "traceback",
    str: "accepted",
    fail: "traceback",
    warn: "traceback",
    crash: "crash",
    hang: "hang",
    answer_wrongly: "wrong",
    take_much: "greedy",
    take_all: "traceback",
    os.listdir: "accepted",
}


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # what is forked starts none
def test_each_outcome_is_noticed_and_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hostile.workers.SECONDS", 2.0)

    def write(folder: Path) -> tuple[int, str]:
        folder.mkdir()
        return 10, "nothing"

    tasks = [Task("kind", write, [("first", reader)]) for reader in READERS]
    assert {r.task: r.outcome for r in run(tasks, 2, tmp_path)} == dict(enumerate(READERS.values()))
