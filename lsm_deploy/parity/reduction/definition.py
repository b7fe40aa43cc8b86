"""The source of what a neuron kind computes, cut out of this package: plain functions that need numpy only.

`step` and `initial` of each kind, and whatever of `fixed` and of the other modules they use, under the names of their
modules: `fixed.decay` becomes `fixed_decay`. Cut out and not written again, so that a script cannot say something else.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Mapping
from types import FunctionType, ModuleType
from typing import Any

from lsm_deploy.core.neurons import KINDS

__all__ = ["definition_of"]

_STEP = '''\
class Step:
    """What one step of some neurons leaves behind."""

    def __init__(self, **fields):
        vars(self).update(fields)
'''


def definition_of(kinds: Iterable[str]) -> str:
    """Source that defines Step, and `KINDS`: by kind its functions `initial` and `step`."""
    found: dict[str, ast.stmt] = {}
    lines = []
    for kind in kinds:
        module = sys.modules[KINDS[kind].__name__]  # type: ignore[attr-defined]
        names = [_cut(module, name, found) for name in ("initial", "step")]
        lines.append(f"    {kind!r}: ({', '.join(names)}),")
    parts = [_STEP, *(ast.unparse(node) + "\n" for node in found.values())]
    return "\n\n".join(parts) + "\n\nKINDS = {\n" + "\n".join(lines) + "\n}\n"


def _cut(module: ModuleType, name: str, found: dict[str, ast.stmt]) -> str:
    """Add a function or constant, after what it uses, to what was found; its name there."""
    own = f"{module.__name__.rpartition('.')[2]}_{name}"
    if own in found:
        return own
    node = _top_level(module)[name]
    if isinstance(node, ast.FunctionDef):
        node.returns = None
        for argument in (*node.args.args, *node.args.kwonlyargs):
            argument.annotation = None
        node.name = own
        local = {a.arg for a in node.args.args} | {
            n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        node = _Renamed(module, local, found).visit(node)
    else:
        value = node.value
        assert value is not None
        node = ast.Assign([ast.Name(own, ast.Store())], _Renamed(module, set(), found).visit(value))
    found[own] = ast.fix_missing_locations(node)
    return own


def _top_level(module: ModuleType) -> Mapping[str, Any]:
    named: dict[str, Any] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef):
            named[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named[node.targets[0].id] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            named[node.target.id] = node
    return named


class _Renamed(ast.NodeTransformer):
    """Names of this package's modules as names of the script."""

    def __init__(self, module: ModuleType, local: set[str], found: dict[str, ast.stmt]) -> None:
        self.module, self.local, self.found = module, local, found
        self.own = _top_level(module)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        assert node.value is not None
        return ast.Assign([node.target], self.visit(node.value))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id not in self.local:
            owner = vars(self.module).get(node.value.id)
            if isinstance(owner, ModuleType) and owner.__name__.startswith("lsm_deploy."):
                return ast.Name(_cut(owner, node.attr, self.found), node.ctx)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.local:
            return node
        if node.id in self.own:
            return ast.Name(_cut(self.module, node.id, self.found), node.ctx)
        value = vars(self.module).get(node.id)
        if isinstance(value, FunctionType) and value.__module__.startswith("lsm_deploy."):
            return ast.Name(_cut(sys.modules[value.__module__], value.__name__, self.found), node.ctx)
        return node
