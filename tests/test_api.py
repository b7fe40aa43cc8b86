"""What `import lsm_deploy` gives: names that are imported when they are asked for."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
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


def described() -> Iterator[tuple[str, str | None]]:
    """Every public name, and every public method and property of the classes among them, with its docstring."""
    for name in ld._MODULES:
        public = getattr(ld, name)
        yield name, public.__doc__
        for member, value in vars(public).items() if inspect.isclass(public) else ():
            if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                yield f"{name}.{member}", value.__doc__


@pytest.mark.parametrize(("name", "text"), [pytest.param(*each, id=each[0]) for each in described()])
def test_every_public_name_says_what_it_is(name: str, text: str | None) -> None:
    assert text, name
    first = inspect.cleandoc(text).split("\n\n")[0]
    assert not text.startswith(f"{name}("), f"{name} has no docstring but the one that `dataclass` writes"
    assert first[0].isupper() or first[0] == "`", first
    assert first.endswith("."), first
    assert len(first.split()) > 2, first


def test_a_command_imports_the_reports_that_it_shows() -> None:
    code = "import lsm_deploy.cli.compiling, sys; print(*(n for n in sys.modules if n.startswith('lsm_deploy')))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not [name for name in run.stdout.split() if re.match(r"lsm_deploy\.(measure|tune|exchange)\b", name)]
