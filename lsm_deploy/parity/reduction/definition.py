"""The source of what a neuron kind computes, cut out of this package: plain functions that need numpy only.

`step` and `initial` of each kind, and whatever of `fixed` and of the other modules they use, under the names of their
modules: `fixed.decay` becomes `fixed_decay`. Cut out and not written again, so that a script cannot say something else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from copy import deepcopy
from itertools import chain
from types import ModuleType

from lsm_deploy.parity.source import Part, kind_module, local_names, part_of, parts_of

__all__ = ["definition_of"]

_STEP = '''\
class Step:
    """What one step of some neurons leaves behind."""

    def __init__(self, **fields):
        vars(self).update(fields)
'''


def definition_of(kinds: Iterable[str]) -> str:
    """Source that defines Step, and `KINDS`: by kind its functions `initial` and `step`."""
    both = {kind: [(kind_module(kind), name) for name in ("initial", "step")] for kind in kinds}
    parts = parts_of(*chain(*both.values()))
    sources = [ast.unparse(_Renamed(part, tree).visit(deepcopy(tree))) + "\n" for part, tree in parts.items()]
    lines = [f"    {kind!r}: ({', '.join(map(_name_of, parts))}),\n" for kind, parts in both.items()]
    return "\n\n".join([_STEP, *sources]) + "\n\nKINDS = {\n" + "".join(lines) + "}\n"


def _name_of(part: Part) -> str:
    module, name = part
    return f"{module.__name__.rpartition('.')[2]}_{name}"


class _Renamed(ast.NodeTransformer):
    """Names of this package's modules as names of the script."""

    def __init__(self, part: Part, tree: ast.AST) -> None:
        self.module: ModuleType = part[0]
        self.own, self.name = part[1], _name_of(part)
        self.local = local_names(tree) - {self.own}

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self.name
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        part = part_of(self.module, node, self.local)
        return ast.Name(_name_of(part), node.ctx) if part else self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        part = part_of(self.module, node, self.local)
        return ast.Name(_name_of(part), node.ctx) if part else node
