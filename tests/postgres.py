"""A PostgreSQL server of one's own, of Debian's package: in a folder that is removed, heard on a socket in it alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

PASSWORD = "open-sesame"
USER = "postgres"
"""Who runs the server, where the tests are run by root, which it refuses."""


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest, if it is installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


def missing() -> str:
    """Why nobody can be served here."""
    if programs() is None:
        return "PostgreSQL is not here: apt-get install postgresql (`make tools`)"
    return "" if find_spec("psycopg") else "a search in PostgreSQL needs psycopg"


def version() -> str:
    """Of the programs that are installed."""
    place = programs()
    assert place is not None
    return place.parent.name


class Server:
    """A server that asks for a password, and can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        place = programs()
        assert place is not None
        self._programs = place
        word = folder / "password"
        word.write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (folder, word):
                shutil.chown(path, USER)
        options = ("--auth=scram-sha-256", f"--pwfile={word}", "--no-sync", "--username=lsm", "--encoding=UTF8")
        self._run("initdb", "--pgdata", self._data, *options)
        self.start()

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def url(self, password: str = "") -> str:
        return f"postgresql://lsm{password and ':'}{password}@/postgres?host={self.folder}"

    def start(self) -> None:
        settings = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "-D", self._data, "-o", settings, "-l", str(self.folder / "log"))

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--wait", "-D", self._data, "-m", "immediate")

    def _run(self, program: str, *arguments: str) -> None:
        user = USER if os.geteuid() == 0 else None
        done = subprocess.run(
            [self._programs / program, *arguments],
            user=user,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="lsm-pg-") as folder:
        made = Server(Path(folder))
        try:
            yield made
        finally:
            made.stop()
