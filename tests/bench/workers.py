"""The simulators, and the process in which each runs a case.

A process is asked for one thing at a time, and all others wait meanwhile, so they share the machine and not the clock.
Each leads a session of its own, so that ending it ends whatever it started, too; and an answer that does not come in
time is a failure that is reported.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.network import Case
from lsm_deploy.core.ir import Program, Stimulus

__all__ = ["BESIDE", "PEERS", "Peer", "Process", "WorkerError", "absence", "beside", "write_case"]

FOLDER = Path(__file__).with_name("peers")
ROOT = Path(__file__).parents[2]
PATIENCE = 600.0
"""Seconds that an answer may take: building what is largest takes minutes."""


@dataclass(frozen=True)
class Peer:
    """A simulator: how a table calls it, its script and what that is told, and where it is installed."""

    title: str
    script: str
    exact: bool
    arguments: tuple[str, ...] = ()
    distribution: str = ""
    environment: str = ""
    """The folder, a path or beside `.venv`, of an environment of its own; else the one that runs this."""

    @property
    def python(self) -> Path:
        return ROOT / self.environment / "bin" / "python" if self.environment else Path(sys.executable)


PEERS = {
    "fast": Peer("fast", "run_fast.py", True),
    "fast_one_thread": Peer("fast, one thread", "run_fast.py", True, ("1",)),
    "emulator": Peer("emulator", "run_emulator.py", True),
    "lava": Peer("Lava, CPU simulation, Sparse", "run_lava.py", True, ("sparse",), "lava-nc"),
    "lava_dense": Peer("Lava, CPU simulation, Dense", "run_lava.py", True, ("dense",), "lava-nc"),
    "brian_numpy": Peer("Brian 2, numpy", "run_brian.py", True, ("numpy",), "brian2"),
    "brian_cython": Peer("Brian 2, Cython", "run_brian.py", True, ("cython",), "brian2"),
    "brian_cpp": Peer("Brian 2, C++ stand-alone", "run_brian.py", True, ("cpp_standalone",), "brian2"),
    "brian2_loihi": Peer("brian2_loihi", "run_brian2_loihi.py", True, (), "brian2-loihi", ".venv-bench-brian2_loihi"),
    "nest": Peer("NEST, one thread", "run_nest.py", False, (), "nest-simulator", ".venv-bench-nest"),
    "nengo_loihi": Peer(
        "nengo-loihi, emulator", "run_nengo_loihi.py", True, (), "nengo-loihi", ".venv-bench-nengo_loihi"
    ),
}


BESIDE = "beside"
"""The name of another checkout's `fast`, where one is asked for."""


def beside(checkout: Path) -> Peer:
    """`fast` of another checkout, which has a `.venv` of its own."""
    return replace(PEERS["fast"], title=f"fast, of {checkout.name}", environment=str(checkout.resolve() / ".venv"))


def absence(peer: Peer) -> str | None:
    """Why a simulator cannot run here."""
    if not peer.python.exists():
        return f"no {peer.environment}: `make bench-peers` makes it"
    if not peer.distribution:
        return None
    asked = subprocess.run(
        [peer.python, "-c", f"from importlib.metadata import version; version({peer.distribution!r})"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    return f"{peer.distribution} is not installed in {peer.environment or '.venv'}" if asked.returncode else None


def write_case(folder: Path, case: Case, program: Program, stimulus: Stimulus) -> None:
    """Put a case where every process finds it; the format stands in `peers/protocol.py`."""
    (population,) = program.network.populations
    arrays: dict[str, Any] = {name: values.astype(np.int64) for name, values in population.registers.items()}
    arrays["stimulus"] = stimulus.spikes
    for i, p in enumerate(program.network.projections):
        arrays |= {f"source{i}": p.source, f"sign_mode{i}": p.sign_mode, f"weight_exp{i}": p.weight_exp}
        arrays |= {f"indptr{i}": p.indptr, f"post{i}": p.post, f"weights{i}": p.weights, f"delays{i}": p.delays}
    np.savez(folder / "case.npz", **arrays)
    settings = {
        "settled": case.settled,
        "batch": case.batch,
        "events": case.activity * case.synapses,
        # Spikes of all steps are kept by most.
        "most_steps": case.settled + int(np.clip(3e8 // case.neurons, 3000, 300_000)),
    }
    (folder / "case.json").write_text(json.dumps(settings))


class WorkerError(Exception):
    """A process that ended, or gave no answer in time; with the last lines that it said."""


class Process:
    """One simulator with one case in it. Use as a context manager: leaving it ends all that was started."""

    def __init__(self, peer: Peer, folder: Path, case_folder: Path) -> None:
        """`folder` is this process's own; the case is linked into it."""
        folder.mkdir()
        for name in ("case.npz", "case.json"):
            os.link(case_folder / name, folder / name)
        self.folder, self._said = folder, folder / "output"
        # Not below `folder`: Lava's processes talk through sockets there, whose names may not be long.
        self._temporary = tempfile.mkdtemp(prefix="bench-")
        answers, theirs = os.pipe()  # not standard output: simulators print there
        with self._said.open("wb") as said:
            self._child = subprocess.Popen(
                [peer.python, FOLDER / peer.script, folder, str(theirs), repr(time.time()), *peer.arguments],
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **_ENVIRONMENT, "TMPDIR": self._temporary},
                start_new_session=True,
                pass_fds=(theirs,),
            )
        os.close(theirs)
        self._answers = os.fdopen(answers)
        try:
            self.about = self._answer()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], float]:
        """Step and neuron of each spike of the first steps from rest, in order; and how long they took."""
        seconds = self._ask(do="check")["seconds"]
        with np.load(self.folder / "spikes.npz", allow_pickle=False) as stored:
            return stored["t"], stored["neuron"], seconds

    def time(self, seconds: float) -> tuple[float, int]:
        """Seconds a step, from so many steps."""
        found = self._ask(do="time", seconds=seconds)
        return found["per_step"], found["steps"]

    def close(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=5)
        self._answers.close()
        with suppress(BrokenPipeError):
            self._child.stdin.close()  # type: ignore[union-attr]
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _ask(self, **command: Any) -> dict[str, Any]:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(command).encode() + b"\n")
            self._child.stdin.flush()
        except BrokenPipeError as error:
            raise WorkerError(f"it has ended{self._tail()}") from error
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        ready, _, _ = select.select([self._answers], [], [], PATIENCE)
        if not ready:
            raise WorkerError(f"no answer in {PATIENCE:g} s{self._tail()}")
        line = self._answers.readline()
        if not line:
            raise WorkerError(f"it has ended{self._tail()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _tail(self) -> str:
        lines = self._said.read_text(errors="replace").splitlines()
        return ": " + " / ".join([line.strip() for line in lines if line.strip()][-3:]) if lines else ""


_ENVIRONMENT = {
    # Simulators are asked for one thread; a library below them might take more.
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    # Their dependencies deprecate each other.
    "PYTHONWARNINGS": "ignore",
    "PYTHONDONTWRITEBYTECODE": "1",
}
