"""A child process under a time limit, ended with all its descendants whatever happens, and what it said at the end.

The child leads a session of its own, so that one signal reaches every worker that Lava forks. SIGTERM goes first:
multiprocessing's resource tracker ignores it, outlives the workers, and frees their shared memory.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lsm_deploy.core.errors import BackendError, MisuseError
from lsm_deploy.core.temporary import short_folder

__all__ = [
    "LAVA",
    "LAVA_DL",
    "PYTHON",
    "TIME_LIMIT",
    "Needed",
    "ask",
    "interpreter",
    "missing",
    "run_script",
    "seconds",
]

PYTHON = "LSM_DEPLOY_LAVA_PYTHON"
TIME_LIMIT = "LSM_DEPLOY_LAVA_TIME_LIMIT"
"""Environment variable: seconds that one run of Lava may take."""


@dataclass(frozen=True)
class Needed:
    """A distribution in the release that was read and probed, the last one.

    variable: of the environment, it names the Python that has it; without it, the calling one is asked. way_out: how to
    come to such a Python.
    """

    distribution: str
    release: str
    variable: str
    way_out: str


_ANY = "install it with `pip install --ignore-requires-python --no-deps lava-nc==0.10.0` and asteval and networkx"
LAVA = Needed("lava-nc", "0.10.0", PYTHON, _ANY)
LAVA_DL = Needed("lava-dl", "0.6.0", "LSM_DEPLOY_LAVA_DL_PYTHON", "build one with `make lava-dl` in a clone")

_TRACEBACK = b"Traceback (most recent call last)"
_TRACEBACK_GRACE = 5.0
"""Seconds for a child that has printed a traceback to end by itself."""
_TERM_GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
_TAIL = 8
"""Lines of the child's output that an error repeats."""


def interpreter(needed: Needed = LAVA) -> str:
    """The Python that runs it."""
    return os.environ.get(needed.variable) or sys.executable


def missing(needed: Needed) -> str | None:
    """What keeps it from running, with a way out. Neither imports it here nor trusts the name `lava`."""
    way_out = f"set {needed.variable} to a Python that has {needed.distribution}=={needed.release}"
    named = os.environ.get(needed.variable)
    if not named:
        try:
            version = metadata.version(needed.distribution)
        except metadata.PackageNotFoundError:
            return f"this Python has no distribution {needed.distribution}: {needed.way_out}, or {way_out}"
        if version == needed.release:
            return None
        return f"this Python has {needed.distribution} {version}, not {needed.release}; {way_out}"

    if shutil.which(named) is None:
        return f"{needed.variable} is {named!r}, where there is no program; {way_out}"
    try:
        version = ask(named, f"from importlib import metadata; print(metadata.version({needed.distribution!r}))")
    except OSError as error:
        return f"{needed.variable} is {named!r}, which does not start: {error}; {way_out}"
    if version != needed.release:
        has = f"{needed.distribution} {version}" if version else f"no distribution {needed.distribution}"
        return f"{needed.variable} is {named!r}, which has {has}; {way_out}"
    return None


def ask(python: str, code: str) -> str:
    """What a line of Python prints under another interpreter, or nothing if it fails."""
    try:
        return subprocess.run(
            [python, "-c", code], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL
        ).stdout.strip()
    except subprocess.TimeoutExpired as error:
        raise OSError("it did not answer within 20 s") from error


def seconds(given: float | None, default: float) -> float:
    """The time limit: as given, or from the environment, or the default."""
    if given is not None:
        limit, origin = given, "the option time_limit"
    elif text := os.environ.get(TIME_LIMIT):
        origin = TIME_LIMIT
        try:
            limit = float(text)
        except ValueError:
            limit = math.nan
    else:
        return default
    if not limit > 0:
        shown = os.environ[TIME_LIMIT] if origin == TIME_LIMIT else given
        raise MisuseError(f"{origin} is {shown}", hint="give a positive number of seconds")
    return limit


def run_script(script: Path, folder: Path, limit: float, where: str, needed: Needed = LAVA) -> None:
    """Run `script folder` under its Python until it ends with status 0; anything else is a `BackendError`."""
    python = interpreter(needed)
    said = folder / "output"
    with short_folder("lsm-lava-", folder) as sockets:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(sockets)}
        with said.open("wb") as output:
            try:
                child = subprocess.Popen(
                    [python, str(script), str(folder), str(sockets)],
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                what = f"{python!r} does not start: {error.strerror}"
                raise BackendError(what, where=where, hint=f"set {needed.variable} to a Python") from error
        try:
            status = _wait(child, said, limit, where)
        finally:
            _end(child)
    if status:
        raise BackendError(
            f"Lava's process {_cause_of_death(status)}{_tail(said)}",
            where=where,
            hint=f"read the lines above; `{Path(python).name}` must have {needed.distribution}=={needed.release}",
        )


def _wait(child: subprocess.Popen[bytes], said: Path, limit: float, where: str) -> int:
    started = time.monotonic()
    raised_at = None
    while True:
        try:
            return child.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            now = time.monotonic()
        if now - started > limit:
            raise BackendError(
                f"Lava's process was ended after {limit:g} s, its time limit{_tail(said)}",
                where=where,
                hint=f"set {TIME_LIMIT} to more seconds, or run fewer steps",
            )
        # Lava waits forever after some exceptions: there is no point in waiting with it.
        if raised_at is None and _TRACEBACK in said.read_bytes():
            raised_at = now
        if raised_at is not None and now - raised_at > _TRACEBACK_GRACE:
            raise BackendError(
                f"Lava's process raised an exception and did not end by itself{_tail(said)}",
                where=where,
                hint="report this, with the lines above",
            )


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child's whole group, and wait until it is gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _TERM_GRACE
        with suppress(ProcessLookupError, PermissionError):  # the second is what macOS says of a group of zombies
            os.killpg(child.pid, number)
        while (alive := _alive(child)) and time.monotonic() < deadline:
            time.sleep(0.02)
        if not alive:
            break
    child.wait()


def _alive(child: subprocess.Popen[bytes]) -> bool:
    """Whether a process of the child's group still runs."""
    child.poll()
    try:
        os.killpg(child.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    # A dead process stays in its group until its parent asks for it. Orphans have init for a parent, which in many
    # containers never asks.
    processes = list(Path("/proc").glob("[0-9]*/stat"))
    return not processes or any(_runs_in(child.pid, stat) for stat in processes)


def _runs_in(group: int, stat: Path) -> bool:
    try:
        state, _parent, its_group = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:3]
    except (OSError, ValueError):
        return False  # gone meanwhile
    return int(its_group) == group and state not in "ZX"


def _cause_of_death(status: int) -> str:
    if status > 0:
        return f"ended with exit status {status}"
    try:
        return f"was killed by signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"was killed by signal {-status}"


def _tail(said: Path) -> str:
    lines = said.read_bytes()[-20_000:].decode(errors="replace").splitlines()
    lines = [line for line in lines if line.strip()]
    return "; it said:" + "".join(f"\n    {line}" for line in lines[-_TAIL:]) if lines else "; it said nothing"
