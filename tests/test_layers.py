"""The contracts that `make check` holds imports to name every module that there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from lsm_backends.lava import job

from lsm_deploy.core.neurons import KINDS

ROOT = Path(__file__).parents[1]
FOR_BACKENDS = {"core"}
"""All that a backend may import."""


def test_whatever_is_not_for_backends_is_forbidden_to_them():
    text = (ROOT / "pyproject.toml").read_text()
    (contract,) = re.findall(r'name = "backends know core".*?forbidden_modules = \[(.*?)\]', text, re.DOTALL)
    modules = {file.parent.name for file in (ROOT / "lsm_deploy").glob("*/__init__.py")}
    assert set(re.findall(r'"lsm_deploy\.(\w+)"', contract)) == modules - FOR_BACKENDS


def test_backends_are_loaded_in_one_place():
    # Import contracts see no import by name: whoever wants a backend asks `run.backends` for it.
    loading = {
        str(file.relative_to(ROOT)) for file in (ROOT / "lsm_deploy").rglob("*.py") if "lsm_backends" in _code(file)
    }
    assert loading == {"lsm_deploy/run/backends.py"}


def test_a_kind_is_named_in_its_own_file_and_in_a_rule_of_each_backend():
    named = "|".join(sorted(KINDS, key=len, reverse=True))
    naming = {
        str(file.relative_to(ROOT))
        for folder in ("lsm_deploy", "backends")
        for file in (ROOT / folder).rglob("*.py")
        if re.search(rf"""["']({named})["']""", _code(file))
    }
    backends = {f"backends/lsm_backends/{name}.py" for name in ("brian", "fast/rules")} | {
        f"backends/lsm_backends/lava/{name}.py" for name in ("graph", "job", "hardware", "replay")
    }
    kinds = {f"{kind.__name__.replace('.', '/')}.py" for kind in KINDS.values()}
    c = {"lsm_deploy/exchange/c_files/liquid.py"}
    # Output neurons (of classes), networks in a .npz, lava-dl's layers and recordings are LIF by what they are; output
    # neurons of signals are graded.
    made = {f"lsm_deploy/learn/{name}.py" for name in ("attach", "onchip", "regression/output_neurons")} | {
        "lsm_deploy/formats/integer_files.py",
        "lsm_deploy/core/layered.py",
        "lsm_deploy/parity/conformance/nir.py",
    }
    # NIR's types have names like ours.
    nir = {f"lsm_deploy/formats/nir_files/{name}.py" for name in ("discretisation", "graph", "neurons", "writer")}
    assert naming == backends | kinds | made | nir | c


def test_the_graph_for_lava_has_a_rule_for_each_kind_that_a_job_may_name():
    text = (ROOT / "backends/lsm_backends/lava/graph.py").read_text()
    (table,) = re.findall(r"^RULES = \{(.*?)\}", text, re.MULTILINE | re.DOTALL)
    assert tuple(re.findall(r'"(\w+)"', table)) == job.KINDS


def _code(file: Path) -> str:
    """The source without comments and docstrings."""
    return ast.unparse(_Bare().visit(ast.parse(file.read_text())))


class _Bare(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return ast.Pass() if isinstance(node.value, ast.Constant) else self.generic_visit(node)
