"""Workers killed and stopped, a network that is cut, a scheduler that is killed and started again: with real processes.

Each piece that ends leaves a line in a file, so that it is seen which were done, and how often.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.run import cluster, work
from lsm_deploy.run.work import completed

pytest.importorskip("distributed", reason="workers need distributed: pip install 'lsm-deploy[cluster]'")
config = pytest.importorskip("dask.config")

pytestmark = pytest.mark.once

PIECES = 16


def noted(folder: Path, item: int) -> int:
    """A piece that takes a moment, and says where it was done."""
    time.sleep(0.1)
    with (folder / "done").open("a") as file:
        file.write(f"{item} {os.getpid()}\n")
    return os.getpid()


def deadly(folder: Path, item: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return item


def lines(folder: Path) -> list[int]:
    return [int(line.split()[0]) for line in (folder / "done").read_text().splitlines()]


@contextmanager
def said() -> Iterator[list[str]]:
    """What is said while one waits, once a moment without a piece."""
    words: list[str] = []
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LsmWarning)
        patch.setattr(work, "SILENCE", 0.3)
        patch.setattr(cluster, "QUIET", 1.0)
        yield words
    words += [str(each.message).partition("; ")[2] for each in caught]


# --- workers of this machine -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_worker_that_dies_or_hangs_costs_nothing_but_time(tmp_path: Path, end: signal.Signals) -> None:
    hanging = end is signal.SIGSTOP
    results = []
    with config.set({"distributed.scheduler.worker-ttl": "3s"}), ld.workers(2) as executor, said() as words:
        for index, process in completed(noted, tmp_path, range(PIECES), executor):
            results.append(index)
            if len(results) == 3:
                os.kill(process, end)
    assert sorted(results) == list(range(PIECES))
    assert set(lines(tmp_path)) == set(range(PIECES))
    assert len(lines(tmp_path)) <= PIECES + 2, "what the worker had begun is done again, and nothing else"
    # It is said again where the other one, on a busy machine, was late for a moment.
    assert set(words) == ({"1 of 2 workers do not answer: they hang, or cannot pause"} if hanging else set())


def test_work_that_kills_whoever_does_it_is_an_error(tmp_path: Path) -> None:
    few = config.set({"distributed.scheduler.allowed-failures": 1})
    with few, ld.workers(1) as executor, said(), pytest.raises(LsmError) as caught:
        list(completed(deadly, tmp_path, [1], executor))
    assert caught.value.what == "2 workers died, one after another, over the same piece of work"
    assert caught.value.where == "piece 1", "and not which of the ports of this machine it had"


# --- a cluster -------------------------------------------------------------------------------------------------------


class Way:
    """A way through this process to a port, which can be cut: connections end, and none is taken."""

    def __init__(self, target: int) -> None:
        self.target, self.ends = target, set[socket.socket]()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.is_open = self.listener.getsockname()[1], True
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # once it is closed
            while True:
                near, _ = self.listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.target if self.is_open else 1))
                except OSError:
                    near.close()
                    continue
                self.ends |= {near, far}
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        for end in (one, other):
            end.close()

    def cut(self) -> None:
        self.is_open = False
        for end in tuple(self.ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.ends.clear()

    def close(self) -> None:
        self.cut()
        self.listener.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@contextmanager
def dask(*arguments: Any) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-W", "ignore", "-m", "dask", *map(str, arguments), "--no-dashboard"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, start_new_session=True, cwd=Path(__file__).parent, **quiet)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def scheduler_and_worker(port: int) -> Iterator[subprocess.Popen[bytes]]:
    here = ("--host", "127.0.0.1")
    with (
        dask("scheduler", *here, "--port", port) as scheduler,
        dask("worker", f"tcp://127.0.0.1:{port}", *here, "--nthreads", 1, "--no-nanny"),
    ):
        yield scheduler


def test_a_run_outlives_its_scheduler_and_the_way_to_it(tmp_path: Path) -> None:
    port = free_port()
    way, results = Way(port), []
    with scheduler_and_worker(port) as scheduler:
        with ld.workers(cluster=f"tcp://127.0.0.1:{way.port}", patience=60) as executor, said() as words:
            pieces = completed(noted, tmp_path, range(PIECES), executor)
            results += _some(pieces, 4)
            way.cut()
            threading.Timer(1, lambda: setattr(way, "is_open", True)).start()
            results += _some(pieces, 4)
            os.killpg(scheduler.pid, signal.SIGKILL)
            with scheduler_and_worker(port):
                results += _some(pieces, PIECES)
        way.close()
    assert sorted(results) == list(range(PIECES))
    assert set(lines(tmp_path)) == set(range(PIECES))
    assert len(lines(tmp_path)) < PIECES + 6, "what had ended is not done again"
    assert any("does not answer" in each for each in words)


def _some(pieces: Iterator[tuple[int, int]], count: int) -> Sequence[int]:
    return [index for index, _ in islice(pieces, count)]


@pytest.mark.parametrize("gives_up", [True, False])
def test_a_client_that_gives_up_while_it_is_asked_does_not_answer(gives_up: bool) -> None:
    class Client:
        status = "running"

        @property
        def scheduler(self) -> Client:
            return self

        async def identity(self) -> Any:
            self.status = "closing" if gives_up else "running"
            raise RuntimeError("ConnectionPool is closed")

    workers = object.__new__(cluster.Workers)
    workers._client, workers._address = Client(), "tcp://127.0.0.1:1"
    if gives_up:
        assert asyncio.run(workers._hindrance()) == "the scheduler at tcp://127.0.0.1:1 does not answer"
    else:
        with pytest.raises(RuntimeError, match="ConnectionPool"):
            asyncio.run(workers._hindrance())


def test_a_scheduler_that_stays_away_is_an_error(tmp_path: Path) -> None:
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    with scheduler_and_worker(port) as scheduler, ld.workers(cluster=address, patience=2) as executor, said():
        pieces = completed(noted, tmp_path, range(PIECES), executor)
        next(pieces)
        os.killpg(scheduler.pid, signal.SIGKILL)
        with pytest.raises(LsmError) as caught:
            list(pieces)
    assert caught.value.what.startswith("no scheduler answers")
