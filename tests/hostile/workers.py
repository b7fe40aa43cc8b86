"""Processes that read hostile files: forked from one that has imported everything, and expendable.

A worker reads one file after the other, each reader within limits of memory and time, and says what comes of it before
it goes on. One that dies or hangs takes nothing along: whose file it was is known, and another goes on behind it.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import shutil
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from hostile.kinds import WrongError, forget
from lsm_deploy.core.errors import LsmError, LsmWarning

MEMORY = 4 << 30
SECONDS = 10.0
"""Of the processor's time; the machine is not ours alone."""
PATIENCE = 40.0
"""Of the clock's, after which a worker that says nothing hangs, where no signal reaches it."""
TIMES, MORE = 20, 64 << 20
"""What reading may take: so many times the size of what is read, and so many bytes."""

REFUSED, ACCEPTED = "refused", "accepted"
FAULTS = ("traceback", "crash", "hang", "wrong", "greedy")
OUTCOMES = (REFUSED, ACCEPTED, *FAULTS)


@dataclass(frozen=True)
class Task:
    """One hostile file: its kind, how it is written into a new folder, and who reads that.

    write: gives the size of it all, and what was done, in words.
    """

    kind: str
    write: Callable[[Path], tuple[int, str]]
    readers: Sequence[tuple[str, Callable[[Path], object]]]


@dataclass(frozen=True)
class Reading:
    """What came of it. cause: where a fault has its root; words: all that is known of it."""

    task: int
    reader: str
    outcome: str
    cause: str = ""
    words: str = ""


class _LateError(BaseException):
    """No `except Exception` on the way catches it."""


def _late(number: int, frame: FrameType | None) -> None:
    raise _LateError


def read(reader: Callable[[Path], object], folder: Path, size: int | None) -> tuple[str, str, str]:
    """Outcome, cause and words of one reading; size: of the files, if the memory that reading takes is measured."""
    resting = _peak(reset=True) if size is not None else 0
    signal.setitimer(signal.ITIMER_PROF, SECONDS, 0.5)  # and again, should it be swallowed
    try:
        reader(folder)
        outcome = ACCEPTED
    except LsmError:
        outcome = REFUSED
    except _LateError as error:
        return "hang", _cause(error.__traceback__, "hang"), traceback.format_exc()
    except WrongError as error:
        return "wrong", f"wrong: {error}", traceback.format_exc()
    except BaseException as error:
        return "traceback", _cause(error.__traceback__, type(error).__name__), traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if size is not None and (taken := _peak() - resting) > TIMES * size + MORE:
        what = f"{taken >> 20} MB for a file of {size} bytes"
        return "greedy", f"greedy: {outcome}", what
    return outcome, "", ""


def _cause(at: TracebackType | None, what: str) -> str:
    """The last line of ours on the way to an error, and the error."""
    ours = ""
    for frame, line in traceback.walk_tb(at):
        file = frame.f_code.co_filename
        if any(f"/{package}/" in file for package in ("lsm_deploy", "lsm_backends")) and "site-packages" not in file:
            ours = f"{'/'.join(Path(file).parts[-2:])}:{line}"
    return f"{ours or 'reader'} {what}"


def _peak(reset: bool = False) -> int:
    """The largest memory of this process, in bytes; reset: from now on, and so the memory of now."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


def _work(tasks: Sequence[Task], numbers: Sequence[int], results: Connection, place: Path) -> None:
    """In the worker: what is numbered so, one after the other, in `place`."""
    descriptor = os.open(_log(place), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, _late)
    # What Python warns of is a mistake of ours, as it is in the tests.
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", LsmWarning)
    warnings.simplefilter("ignore", ResourceWarning)
    warnings.filterwarnings("ignore", module="optuna")
    for number in numbers:
        task = tasks[number]
        results.send((number, "", None))
        shutil.rmtree(place / "file", ignore_errors=True)
        size, _ = task.write(place / "file")
        for i, (name, reader) in enumerate(task.readers):
            results.send((number, name, None))
            forget()
            outcome = read(reader, place / "file", size if i == 0 else None)
            results.send((number, name, Reading(number, name, *outcome)))
    results.send((None, "", None))


@dataclass
class _Worker:
    process: Any
    results: Connection
    numbers: Sequence[int]
    place: Path
    at: int | None = None
    reader: str = ""
    since: float = field(default_factory=time.monotonic)


def _log(place: Path) -> Path:
    """What a worker, or a library in it, prints."""
    return place / "log.txt"


def run(tasks: Sequence[Task], jobs: int, place: Path) -> Iterator[Reading]:
    """Read everything, by so many workers at a time, each in a folder below `place`."""
    context = get_context("fork")

    def begin(numbers: Sequence[int], own: Path) -> _Worker:
        own.mkdir(parents=True, exist_ok=True)
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(tasks, numbers, theirs, own))
        process.start()
        theirs.close()
        return _Worker(process, ours, numbers, own)

    working = [begin(range(i, len(tasks), jobs), place / f"worker-{i}") for i in range(min(jobs, len(tasks)))]
    try:
        while working:
            ready = wait([w.results for w in working], timeout=1.0)
            for worker in list(working):
                dead = False
                if worker.results in ready:
                    try:
                        number, reader, reading = worker.results.recv()
                    except (EOFError, OSError):
                        dead = True
                    else:
                        worker.at, worker.reader, worker.since = number, reader, time.monotonic()
                        if reading is not None:
                            yield reading
                        continue
                late = time.monotonic() - worker.since > PATIENCE
                if not dead and not late:
                    continue
                if late:
                    worker.process.kill()
                worker.process.join()
                working.remove(worker)
                if worker.at is None:
                    continue  # it is done
                if not worker.reader:
                    raise RuntimeError(f"file {worker.at} could not even be made: {_log(worker.place).read_text()}")
                cause = "no answer" if late else f"exit status {worker.process.exitcode}"
                said = _log(worker.place).read_text(errors="replace")[-6000:]
                yield Reading(worker.at, worker.reader, "hang" if late else "crash", f"{cause} {_last(said)}", said)
                rest = worker.numbers[list(worker.numbers).index(worker.at) + 1 :]
                if rest:
                    working.append(begin(rest, worker.place))
    finally:
        for worker in working:
            worker.process.kill()


def _last(said: str) -> str:
    """The innermost line of ours in what faulthandler wrote."""
    for line in said.splitlines():
        if "File" in line and ("/lsm_deploy/" in line or "/lsm_backends/" in line) and "site-packages" not in line:
            return line.strip().split("/", 1)[1][-80:]
    return ""
