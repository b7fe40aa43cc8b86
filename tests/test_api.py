"""What `import lsm_deploy` gives: names that are imported when they are asked for."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import lsm_deploy as ld


def written_for_type_checkers() -> dict[str, str]:
    """The names that the `TYPE_CHECKING` block imports, and where from."""
    tree = ast.parse(Path(ld.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert all(alias.name == alias.asname for node in imports for alias in node.names)
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def loaded_by(code: str) -> set[str]:
    """The packages that a fresh interpreter has imported after `code`."""
    program = f"import sys\n{code}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(run.stdout.split("\n")[-2].split())


def test_type_checkers_see_the_names_that_there_are() -> None:
    assert written_for_type_checkers() == ld._MODULES
    assert dir(ld) == ld.__all__ == sorted([*ld._MODULES, "__version__"])


def test_each_name_stands_where_the_table_says() -> None:
    for name, module in ld._MODULES.items():
        public = getattr(ld, name)
        assert public is getattr(importlib.import_module(module), name)
        assert name in importlib.import_module(module).__all__
        assert not (Path(ld.__file__).parent / name).exists(), f"{name} is a room, too"


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match="module 'lsm_deploy' has no attribute 'compile_sepc'"):
        _ = ld.compile_sepc  # type: ignore[attr-defined]


def test_the_version_is_the_installed_one() -> None:
    assert ld.__version__ == version("lsm-deploy")


def test_importing_it_imports_nothing_heavy() -> None:
    ours = loaded_by("import lsm_deploy; dir(lsm_deploy); lsm_deploy.LsmError; lsm_deploy.__version__")
    assert "lsm_deploy" in ours
    assert not ours & {"numpy", "numba", "scipy", "sklearn", "yaml", "pydantic", "rich", "click", "matplotlib"}


def test_the_quick_starts_data_are_read_without_the_package_that_they_come_with() -> None:
    pytest.importorskip("sktime")
    ours = loaded_by("from lsm_deploy.data import load_dataset; load_dataset('japanese_vowels')")
    assert not ours & {"sktime", "pandas", "sklearn", "matplotlib"}
