"""Compiled code is kept where it can be, and costs a line, not a run, where it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RUN = """
from lsm_deploy.core.compiled import compiled
{twice}
twice = compiled(twice)
assert twice({number}) == 2 * {number}
print('done')
"""
TWICE = """
def twice(x):
    return x + x
"""


def start_python(folder: Path, number: str = "4", before: str = "", source: str = TWICE) -> subprocess.Popen[str]:
    """A process of its own: numba looks for a folder to cache in when a function is declared, in a file."""
    if not (folder / "twice.py").exists() or source != TWICE:
        (folder / "twice.py").write_text(source)
    code = before + RUN.format(twice="from twice import twice", number=number)
    environment = {
        "PYTHONPATH": ":".join([str(folder), *sys.path]),
        "NUMBA_CACHE_DIR": str(folder / "cache"),
        "HOME": "/proc",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    call = [sys.executable, "-W", "always", "-c", code]
    return subprocess.Popen(call, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def kept(folder: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in (folder / "cache").rglob("*.nbc")}


def test_who_waits_is_told_why_once(tmp_path: Path) -> None:
    before = "from lsm_deploy.core.compiled import when_compiling; when_compiling(print)\n"
    out, err = start_python(tmp_path, before=before).communicate()
    assert out.splitlines()[1:] == ["done"], err
    assert "once" in out
    assert start_python(tmp_path, before=before).communicate() == ("done\n", "")


def test_no_place_costs_a_line(tmp_path: Path) -> None:
    nowhere = "from numba.core import caching; caching.CompileResultCacheImpl._locator_classes = []\n"
    out, err = start_python(tmp_path, before=nowhere).communicate()
    assert out == "done\n", err
    assert err.count("compiled code cannot be kept") == 1, err


def test_a_full_disk_costs_a_line(tmp_path: Path) -> None:
    # No file may grow beyond a few bytes: whoever tries gets an OSError in the middle of writing.
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (99, 99))\n"
    out, err = start_python(tmp_path, before=full).communicate()
    assert out == "done\n", err
    assert "compiled code cannot be kept" in err
    assert "File too large" in err


def test_a_disk_that_fills_up_between_two_files_leaves_no_older_code(tmp_path: Path) -> None:
    # The index fits, the code does not: with the code of an older source still there, the two would be paired.
    start_python(tmp_path).communicate()
    (small,) = (tmp_path / "cache").rglob("*.nbi")
    limit = small.stat().st_size + 500
    assert limit < next(iter(kept(tmp_path))).stat().st_size
    full = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
    thrice = TWICE.replace("x + x", "x + x + 0  # of another source")
    out, err = start_python(tmp_path, before=full, source=thrice).communicate()
    assert out == "done\n", err
    assert "compiled code cannot be kept" in err
    assert not kept(tmp_path)
    assert not list((tmp_path / "cache").rglob("*.nbi"))


SLOWLY = """
import time
from numba.core.caching import IndexDataCacheFile
save = IndexDataCacheFile._save_index
IndexDataCacheFile._save_index = lambda self, overloads: (time.sleep(1), save(self, overloads))
"""


def test_several_that_start_at_once_and_one_after_them(tmp_path: Path) -> None:
    # Of two signatures, so that an index read and written by two at once would mix up their code.
    numbers = ["4", "4.5", "4", "4.5"]
    for process in [start_python(tmp_path, number, before=SLOWLY) for number in numbers]:
        out, err = process.communicate()
        assert (process.returncode, out, err) == (0, "done\n", "")
    stamps = kept(tmp_path)
    assert len(stamps) == 2
    for number in numbers[:2]:
        out, err = start_python(tmp_path, number).communicate()
        assert (out, err) == ("done\n", "")
    assert kept(tmp_path) == stamps, "what was kept serves those that come later"
    for file in stamps:
        file.write_bytes(file.read_bytes()[:100])
    out, err = start_python(tmp_path).communicate()
    assert out == "done\n", err
    assert "compiled code cannot be kept" in err
    assert kept(tmp_path) != stamps, "damage is made good"


def test_a_damaged_index_and_what_a_killed_process_left_go(tmp_path: Path) -> None:
    start_python(tmp_path).communicate()
    (index,) = (tmp_path / "cache").rglob("*.nbi")
    whole = index.read_bytes()
    (index.parent / f"{index.name}.tmp.0123").write_bytes(b"half")
    for damage in (whole[:-5], whole[:3], b"", b"nonsense"):
        index.write_bytes(damage)
        out, err = start_python(tmp_path).communicate()
        assert out == "done\n", err
        assert "Traceback" not in err
        assert start_python(tmp_path).communicate() == ("done\n", "")
    assert not list((tmp_path / "cache").rglob("*.tmp.*"))


# --- machine code that is loaded without numba ----------------------------------------------------------------------

NATIVE = """
import ctypes, sys
from lsm_deploy.core.native import native
value = ctypes.c_int64(4)
ctypes.CFUNCTYPE(None, ctypes.c_int64)(native("double", "double"))(ctypes.addressof(value))
print(value.value, "numba" in sys.modules)
"""
DOUBLE = """
import numba, numpy
from lsm_backends.fast.kernels.machine import pointer

def double(address):
    numba.carray(pointer(address), 1, numpy.int64)[0] *= 2
"""


def run_native(folder: Path, source: str = DOUBLE, before: str = "", **settings: str) -> tuple[str, str]:
    file = folder / "double.py"
    if not file.exists() or file.read_text() != source:
        file.write_text(source)
    environment = {
        "PYTHONPATH": ":".join([str(folder), *sys.path]),
        "NUMBA_CACHE_DIR": str(folder / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
        **settings,
    }
    call = [sys.executable, "-W", "always", "-c", before + NATIVE]
    ran = subprocess.run(call, env=environment, text=True, capture_output=True, check=False)
    return ran.stdout, ran.stderr


def test_machine_code_is_loaded_without_numba_and_made_again_where_it_is_not_whole(tmp_path: Path) -> None:
    assert run_native(tmp_path) == ("8 True\n", "")
    (file,) = (tmp_path / "cache").iterdir()
    assert run_native(tmp_path) == ("8 False\n", "")
    file.write_bytes(file.read_bytes()[:-9])
    assert run_native(tmp_path) == ("8 True\n", "")
    assert run_native(tmp_path) == ("8 False\n", "")
    assert run_native(tmp_path, DOUBLE.replace("*= 2", "*= 3  # of another source")) == ("12 True\n", "")
    (other,) = (tmp_path / "cache").iterdir()
    assert other != file, "code of an older source goes"


def test_machine_code_is_made_again_where_what_makes_it_is_another(tmp_path: Path) -> None:
    """A file is named by the source of `native`, too: one that optimises in another way would take the old code."""
    of_another = (
        "from lsm_deploy.core import native as maker\nfrom pathlib import Path\n"
        f"maker.__file__ = str(Path({str(tmp_path)!r}) / 'native.py')\nPath(maker.__file__).write_text('')\n"
    )
    assert run_native(tmp_path) == ("8 True\n", "")
    assert run_native(tmp_path, before=of_another) == ("8 True\n", "")


def test_machine_code_that_cannot_be_kept_costs_a_line(tmp_path: Path) -> None:
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (99, 99))\n"
    out, err = run_native(tmp_path, before=full)
    assert out == "8 True\n", err
    assert "compiled code cannot be kept" in err
    assert not list((tmp_path / "cache").iterdir())


def test_machine_code_needs_no_home(tmp_path: Path) -> None:
    nobody = "import os\nfrom pathlib import Path\nos.access = lambda *_: False\ndel os.environ['NUMBA_CACHE_DIR']\n"
    homeless = "def home():\n    raise RuntimeError\nPath.home = home\n"
    assert run_native(tmp_path, before=nobody + homeless) == ("8 True\n", "")


def test_what_allocates_is_no_machine_code_alone(tmp_path: Path) -> None:
    out, err = run_native(tmp_path, "import numpy\ndef double(address):\n    numpy.zeros(address)[0] += 1\n")
    assert not out
    assert "double may raise, or allocates" in err
