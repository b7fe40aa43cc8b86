"""The definition as its own source: syntax trees of what it consists of, and functions made from them anew.

A part of the definition is a function or a constant of a module of this package: `(neurons.lif, "step")`. With those
that it uses it can be cut out as a script (`reduction/definition.py`), run with one expression replaced (`variants.py`)
or with every expression noted (`forensics/operations.py`). None of the three can say something else than the definition
does, and a new neuron kind needs nothing in any of them.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, TypeAlias, cast

from lsm_deploy.core.neurons import KINDS

__all__ = ["Part", "kind_module", "local_names", "made_anew", "part_of", "parts_of"]

Part: TypeAlias = tuple[ModuleType, str]
"""A module, and the name of a function or a constant in it."""
Change: TypeAlias = Callable[[ModuleType, ast.FunctionDef], ast.AST]


def kind_module(kind: str) -> ModuleType:
    """The module that a neuron kind is."""
    return cast(ModuleType, KINDS[kind])


@cache
def parts_of(*roots: Part) -> Mapping[Part, ast.FunctionDef | ast.Assign]:
    """These parts and all that they use, each after what it uses; without annotations. Trees are not to be changed."""
    parts: dict[Part, ast.FunctionDef | ast.Assign] = {}

    def add(part: Part) -> None:
        if part not in parts:
            module, name = part
            tree = _top_level(module)[name]
            for used in _used(module, tree):
                add(used)
            parts[part] = tree

    for root in roots:
        add(root)
    return parts


def part_of(module: ModuleType, node: ast.AST, local: Iterable[str] = ()) -> Part | None:
    """What a name, or an attribute of a module, stands for in that module; None if it is no part of this package."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id not in local:
        owner = vars(module).get(node.value.id)
        return (owner, node.attr) if isinstance(owner, ModuleType) and _ours(owner.__name__) else None
    if isinstance(node, ast.Name) and node.id not in local:
        if node.id in _top_level(module):
            return module, node.id
        value = vars(module).get(node.id)
        if isinstance(value, FunctionType) and _ours(value.__module__):
            return sys.modules[value.__module__], value.__name__
    return None


def local_names(tree: ast.AST) -> set[str]:
    """Arguments and variables, which may bear the names of functions."""
    return {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def made_anew(roots: Iterable[Part], change: Change, **instead: Any) -> dict[ModuleType, SimpleNamespace]:
    """The modules of these parts, with every function that they use made anew, of the tree that `change` returns.

    instead: what these names stand for in all of the modules; everything else is what it was (a `Step` stays a `Step`).
    """
    parts = parts_of(*roots)
    names = {module: vars(module) | instead for module, _ in parts}
    for (module, name), tree in parts.items():
        if isinstance(tree, ast.FunctionDef):
            made = ast.Module([change(module, tree)], type_ignores=[])  # type: ignore[list-item]
            code = compile(ast.fix_missing_locations(made), f"<{module.__name__}.{name}, made anew>", "exec")
            exec(code, names[module])
    modules = {module: SimpleNamespace() for module in names}
    remade = {id(getattr(module, name)): names[module][name] for module, name in parts if hasattr(module, name)}
    for module, namespace in names.items():
        for name, value in namespace.items():
            if isinstance(value, ModuleType) and value in modules:
                namespace[name] = modules[value]
            elif isinstance(value, FunctionType):  # one that was imported by its name
                namespace[name] = remade.get(id(value), value)
        vars(modules[module]).update(namespace)
    return modules


def _used(module: ModuleType, tree: ast.AST) -> Iterator[Part]:
    local = local_names(tree)
    for node in ast.walk(tree):
        if part := part_of(module, node, local):
            yield part


@cache
def _top_level(module: ModuleType) -> Mapping[str, ast.FunctionDef | ast.Assign]:
    """The functions and constants of a module by name; read once, and never changed."""
    named: dict[str, ast.FunctionDef | ast.Assign] = {}
    for node in map(_Bare().visit, ast.parse(inspect.getsource(module)).body):
        if isinstance(node, ast.FunctionDef):
            named[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named[node.targets[0].id] = node
    return named


class _Bare(ast.NodeTransformer):
    """Takes annotations away, which would be evaluated where a function is made."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        return ast.copy_location(ast.Assign([node.target], node.value), node) if node.value else node


def _ours(module: str) -> bool:
    return module.startswith("lsm_deploy.core.")
