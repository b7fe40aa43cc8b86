"""What is written is there whole or not at all, wherever it goes; and what is said is said, whatever stdout is."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import killed
import numpy as np
import pytest

from lsm_deploy import store
from lsm_deploy.core.archives import save_arrays
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.temporary import temporary_folder

pytestmark = pytest.mark.once

NAMES = ("a", "b")
AS_A_USER = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


def fill(folder: Path, *names: str, text: str = "new") -> None:
    with store.new_folder(folder, NAMES) as made:
        for name in names:
            (made / name).write_text(text)


def contents(folder: Path) -> dict[str, str]:
    return {file.relative_to(folder).as_posix(): file.read_text() for file in folder.rglob("*") if file.is_file()}


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for there in (True, False):
        target, link = tmp_path / "elsewhere" / f"{there}", tmp_path / f"link-{there}"
        if there:
            target.write_text("old")
        link.symlink_to(target)
        store.write_text(link, "new")
        assert link.is_symlink()
        assert target.read_text() == "new"


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old")
    (tmp_path / "f").chmod(0o640)
    store.write_text(tmp_path / "f", "new")
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


def test_a_name_may_have_all_the_bytes_that_a_name_may_have(tmp_path: Path) -> None:
    for name in ("n" * 255, "ü" * 127):
        store.write_text(tmp_path / name, "x")
        assert (tmp_path / name).read_text() == "x"
    with pytest.raises(LsmError, match="cannot write: File name too long"):
        store.write_text(tmp_path / ("n" * 256), "x")
    assert len(os.listdir(tmp_path)) == 2


def test_what_is_no_file_is_written_to() -> None:
    store.write_text("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert not list(Path("/dev").glob(".null*"))
    with pytest.raises(LsmError, match="cannot write: No space left on device"):
        store.write_text("/dev/full", "x")


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE, text=True) as reader:
        store.write_file(tmp_path / "pipe", lambda file: file.write(b"x"))
        assert reader.communicate()[0] == "x"
    assert os.listdir(tmp_path) == ["pipe"]


def test_stdout_is_a_file_name_too(parted: Path) -> None:
    for to in ("> piped.npz", "| cat > piped.npz"):
        assert shell(f"run p.lsm -o /dev/stdout --quiet {to}", parted).returncode == 0
        assert shell("inspect piped.npz", parted).returncode == 0
        (parted / "piped.npz").unlink()


@pytest.mark.parametrize(
    "command",
    ["compile EXPLICIT -o LONG", "run p.lsm -o LONG", "run p.lsm -o LONG --stream", "export p.lsm --lava LONG"],
)
def test_a_name_that_is_too_long_is_said(command: str, parted: Path) -> None:
    told = shell(command.replace("LONG", "n" * 300).replace("EXPLICIT", str(EXPLICIT)), parted)
    assert told.returncode == 1
    assert b"File name too long" in told.stderr
    assert b"Traceback" not in told.stderr


@AS_A_USER
def test_a_file_that_may_not_be_written_to_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old")
    (tmp_path / "f").chmod(0o400)
    with pytest.raises(LsmError, match="cannot write: Permission denied"):
        store.write_text(tmp_path / "f", "new")
    assert contents(tmp_path) == {"f": "old"}


# --- folders --------------------------------------------------------------------------------------------------------


def test_a_folder_is_new_or_empty_or_one_of_its_kind(tmp_path: Path) -> None:
    fill(tmp_path / "new", "a", "b")
    (tmp_path / "empty").mkdir()
    fill(tmp_path / "empty", "a", "b")
    fill(tmp_path / "older", "a", "b", text="old")
    fill(tmp_path / "older", "a")
    assert contents(tmp_path) == {f"{n}/a": "new" for n in ("new", "empty", "older")} | {
        "new/b": "new",
        "empty/b": "new",
    }


def test_somebody_else_s_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("theirs")
    (tmp_path / "a").write_text("theirs")
    with pytest.raises(LsmError, match="a folder of its own, and 'c' is there"):
        fill(tmp_path, "a")
    with pytest.raises(LsmError, match="a folder of its own, and 'a' is there"):
        fill(tmp_path / "a", "a")
    with store.new_folder(tmp_path) as made:
        (made / "a").write_text("new")
    assert contents(tmp_path) == {"a": "new", "c": "theirs"}


@pytest.mark.parametrize("there", [False, True])
def test_what_goes_wrong_leaves_a_folder_as_it_was(there: bool, tmp_path: Path) -> None:
    if there:
        fill(tmp_path / "f", "a", text="old")
    before = sorted(tmp_path.rglob("*"))

    def full(made: Path) -> None:
        (made / "a").write_text("half")
        Path("/dev/full").write_text("x")

    def full_for_a_writer(made: Path) -> None:
        store.write_file(made / "b", lambda file: full(made))

    for write, where in ((full, "f"), (full_for_a_writer, "f/b")):
        message = "cannot write: No space left on device; nothing was written"
        with pytest.raises(LsmError, match=message) as caught, store.new_folder(tmp_path / "f", NAMES) as made:
            write(made)
        assert caught.value.where == str(tmp_path / where)
    with pytest.raises(ZeroDivisionError), store.new_folder(tmp_path / "f", NAMES) as made:
        (made / "a").write_text(str(1 / 0))
    assert sorted(tmp_path.rglob("*")) == before
    assert contents(tmp_path) == ({"f/a": "old"} if there else {})


# --- writers that are killed ----------------------------------------------------------------------------------------

WRITER = """
import sys, time
from pathlib import Path
from lsm_deploy import store
def wait(made):
    print("begun", flush=True)
    time.sleep(600)
target = Path(sys.argv[1])
if sys.argv[2] == "file":
    store.write_file(target, wait)
else:
    with store.new_folder(target, ("a", "b")) as made:
        (made / "a").write_text("half")
        wait(made)
"""


def begun(target: Path, what: str) -> subprocess.Popen[str]:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, target, what], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "begun\n"
    return writer


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_a_killed_writer_left_goes_with_the_next_and_what_a_live_one_has_stays(what: str, tmp_path: Path) -> None:
    target = tmp_path / ("t" * 255)

    def write() -> None:
        if what == "file":
            store.write_text(target, "new")
        else:
            fill(target, "a")

    with begun(target, what) as killed, begun(target, what) as live:
        assert len(os.listdir(tmp_path)) == 2
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        write()
        (left,) = set(os.listdir(tmp_path)) - {target.name}
        assert left.startswith(".ttt")
        live.send_signal(signal.SIGKILL)
        live.wait()
        write()
    assert os.listdir(tmp_path) == [target.name]


def test_temporary_folders_of_the_dead_go(tmp_path: Path) -> None:
    (tmp_path / "lsm-0123abcd").mkdir()
    (tmp_path / "lsm-0123abcd" / "x").write_text("x")
    (tmp_path / "lsm-mine").mkdir()
    (tmp_path / "lsm-89abcdef").symlink_to(tmp_path / "lsm-mine")
    with temporary_folder("lsm-", tmp_path) as first, temporary_folder("lsm-", tmp_path) as second:
        assert {first.name, second.name, "lsm-mine", "lsm-89abcdef"} == set(os.listdir(tmp_path))
    assert set(os.listdir(tmp_path)) == {"lsm-mine", "lsm-89abcdef"}


def test_a_limit_on_the_size_of_files_leaves_nothing(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(LsmError, match=r"File too large.*\n.*ulimit -f"):
            store.write_bytes(tmp_path / "f", bytes(2000))
        with pytest.raises(LsmError, match="File too large"), store.new_folder(tmp_path / "g", NAMES) as made:
            (made / "a").write_bytes(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not os.listdir(tmp_path)


# --- stdout and stderr ----------------------------------------------------------------------------------------------

COMMAND = f"{sys.executable} -m lsm_deploy"
EXPLICIT = Path(__file__).parents[1] / "configs" / "explicit.yaml"


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    call = ["bash", "-c", f"set -o pipefail; {COMMAND} {command}"]
    return subprocess.run(call, cwd=folder, capture_output=True, env={**os.environ, **environment}, check=False)


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a program, and a trace that is not quite its own."""
    folder = tmp_path_factory.mktemp("parted")
    assert shell(f"compile {EXPLICIT} -o p.lsm", folder).returncode == 0
    assert shell("run p.lsm -o t.npz", folder).returncode == 0
    with np.load(folder / "t.npz") as stored:
        arrays = dict(stored)
    arrays["spikes"][-1, 0] ^= 1
    np.savez(folder / "t.npz", **arrays)
    return folder


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252", "latin-1", "cp437"])
def test_a_verdict_is_said_in_any_encoding(encoding: str, parted: Path) -> None:
    told = shell("parity p.lsm --backends fast --trace t.npz", parted, PYTHONIOENCODING=encoding)
    assert (told.returncode, told.stderr) == (1, b"")
    text = told.stdout.decode(encoding)
    assert ("≠" if encoding == "utf-8" else "!=") in text
    assert "1 of 80 000 values of spikes differ" in text


def test_a_name_that_is_no_text_is_said_too(tmp_path: Path) -> None:
    told = shell("check $'\\xff.yaml'", tmp_path)
    assert told.returncode == 1
    assert told.stderr.startswith(b"error: \\udcff.yaml: cannot read")


@pytest.mark.parametrize(
    ("to", "why"),
    [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device"), ("| head -c 0", None)],
)
def test_a_stdout_that_takes_nothing_costs_the_status_and_no_file(to: str, why: str | None, parted: Path) -> None:
    # A pipe that was closed has given its reader what it wants: that is no failure.
    answer = (1, f"error: cannot write to standard output: {why}\n") if why is not None else (0, "")
    for command in ("run p.lsm -o new.npz", "inspect p.lsm --json", "--version"):
        told = shell(f"{command} {to}", parted)
        assert (told.returncode, told.stderr.decode()) == answer, command
    assert shell("inspect new.npz", parted).returncode == 0
    (parted / "new.npz").unlink()
    assert shell(f"run p.lsm -o new.npz --quiet {to}", parted).returncode == 0
    told = shell(f"run p.lsm {to}", parted)
    assert told.returncode == 2
    assert b"Missing option" in told.stderr


@pytest.mark.parametrize("to", ["2>&-", "2>/dev/full", ">&- 2>&-"])
def test_a_stderr_that_takes_nothing_costs_the_words_only(to: str, parted: Path) -> None:
    told = shell(f"check nothing.yaml {to}", parted)
    assert (told.returncode, told.stdout, told.stderr) == (1, b"", b"")
    told = shell(f"run p.lsm -o other.npz {to}", parted)
    assert told.returncode == (1 if ">&- 2" in to else 0)
    assert shell("inspect other.npz", parted).returncode == 0
    (parted / "other.npz").unlink()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_command_with_a_line_and_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    code = f"""
import signal, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup, which may run the tests, ignores it
import lsm_deploy.store.whole as whole
write = whole.write_file
def slowly(path, fill):
    def wait(file):
        print("begun", flush=True)
        time.sleep(600)
    write(path, wait)
import lsm_deploy.store.programs as programs
programs.write_file = slowly
from lsm_deploy.cli import main
main(["compile", {str(EXPLICIT)!r}, "-o", "p.lsm", "--quiet"])
"""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, text=True, **streams) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        assert len(os.listdir(tmp_path)) == 1
        writer.send_signal(number)
        _, told = writer.communicate()
    assert writer.returncode == 128 + number
    assert told == ("stopped\n" if number == signal.SIGINT else f"stopped by {number.name}\n")
    assert not os.listdir(tmp_path)


def test_text_is_read_and_written_in_one_encoding() -> None:
    root = Path(__file__).parents[1]
    for package in ("lsm_deploy", "backends"):
        for file in (root / package).rglob("*.py"):
            for line in file.read_text(encoding="utf-8").splitlines():
                if re.search(r"\.read_text\(|\.write_text\(|open\(\"[rwa]\"", line):
                    assert "encoding=" in line or "store.write_text(" in line, f"{file}: {line}"


@pytest.mark.parametrize("compressed", [False, True])
def test_an_archive_has_the_bytes_of_numpy_s(compressed: bool, tmp_path: Path) -> None:
    arrays = {
        "spikes": np.eye(300, dtype=np.int8),
        "program": np.array("p"),
        "none": np.zeros((0, 2)),
        "t": np.arange(9)[::2],
    }
    save_arrays(tmp_path / "ours.npz", arrays, compressed=compressed)
    (np.savez_compressed if compressed else np.savez)(tmp_path / "numpy.npz", **arrays)
    assert (tmp_path / "ours.npz").read_bytes() == (tmp_path / "numpy.npz").read_bytes()


def test_a_full_disk_is_a_sentence_and_no_traceback(parted: Path) -> None:
    shell("run p.lsm -o new.npz --record u,v", parted)
    (parted / "new.npz").unlink()
    before = sorted(parted.rglob("*"))
    for command in ("run p.lsm -o new.npz --record u,v", "run p.lsm -o new --stream", "export p.lsm --lava new"):
        limited = subprocess.run(
            ["bash", "-c", f"ulimit -f 2; {COMMAND} {command}"], cwd=parted, capture_output=True, text=True, check=False
        )
        assert limited.returncode == 1
        assert re.sub(r"^note: .*\n", "", limited.stderr).count("\n") == 2, limited.stderr
        assert "cannot write: File too large" in limited.stderr
        if command.endswith("--stream"):
            (parted / "new").rmdir()
        assert sorted(parted.rglob("*")) == before


# --- `make killed`, a share of it -----------------------------------------------------------------------------------


@pytest.mark.deep
def test_commands_that_are_killed_leave_old_or_new_and_nothing_else(tmp_path: Path) -> None:
    names = ("run", "stream", "train")  # all seven: `make killed`
    place = killed.Place(tmp_path, names)
    assert all(place.expected[name] for name in names)
    for number, name in enumerate(names):
        share = random.Random(number).uniform(0.3, 1.0)
        assert not list(killed.kill(place, name, share * place.seconds[name], old=bool(number % 2)))
