"""The manual's session in Python, run as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import lsm_deploy as ld

PAGE = ld.manual_page("notebook")


def session(page: str) -> str:
    """The code of a page: what is indented, but for what a line before it printed."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", page, re.MULTILINE)
    code = [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in blocks]
    return "\n".join(re.sub(r"^seed: seed is .*?weight'\?$", "", block, flags=re.S | re.M) for block in code)


def test_the_session_runs_and_prints_what_it_says(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    code = session(PAGE)
    assert code.count("\n") > 50
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=300
    )
    assert (run.returncode, run.stderr) == (0, "")
    printed = re.search(r"^    seed: seed.*?weight'\?\n", PAGE, re.S | re.M)
    assert printed is not None
    assert run.stdout == re.sub(r"^    ", "", printed[0], flags=re.M)  # no function prints
    assert not list(tmp_path.iterdir())
