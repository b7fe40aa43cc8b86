"""The contracts that `make check` holds imports to name every module that there is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOR_BACKENDS = {"core"}
"""All that a backend may import."""


def test_whatever_is_not_for_backends_is_forbidden_to_them():
    text = (ROOT / "pyproject.toml").read_text()
    (contract,) = re.findall(r'name = "backends know core".*?forbidden_modules = \[(.*?)\]', text, re.DOTALL)
    modules = {file.parent.name for file in (ROOT / "lsm_deploy").glob("*/__init__.py")}
    assert set(re.findall(r'"lsm_deploy\.(\w+)"', contract)) == modules - FOR_BACKENDS
