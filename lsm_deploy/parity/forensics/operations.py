"""One step of one neuron as the sequence of its operations, each with its value, read off the definition itself.

A kind's own `step`, with what kinds share, is run from its source, in which every expression worth
showing is wrapped in a call that notes its value: assignments, calls of `fixed`, shifts, and what is written to a
register. So a new kind needs nothing here, and what is shown cannot differ from what is computed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from lsm_deploy.core import fixed
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Step
from lsm_deploy.parity.source import kind_module, made_anew

__all__ = ["Operation", "operations_of"]


@dataclass(frozen=True)
class Operation:
    """One operation of a step, and its value."""

    text: str
    value: int
    writes: str = ""
    """The variable that it goes to."""
    register: str = ""
    """The register that is left with it when the step ends."""
    decides: bool = False
    """Whether a spike is decided by it."""
    depth: int = 0
    """1 within what `step` calls; what it comes to stands after it, at depth 0."""


def operations_of(
    kind: str, registers: Mapping[str, int], state: Mapping[str, int], *a: int
) -> tuple[tuple[Operation, ...], Step]:
    """What a neuron of that kind computes in one step from its registers, its state before and its sum, or sums."""
    noted: list[Operation] = []
    run, notes, values = _noting(kind)
    values.clear()
    step = run(_ones(registers), _ones(state), np.array(a, np.int64).reshape((len(a), 1) if len(a) > 1 else 1))
    for mark, value in values:
        blank = notes[mark]
        shown = np.asarray(value[0] if isinstance(value, tuple) else value)
        if shown.size != 1 or shown.dtype.kind not in "iub":
            continue
        if blank.text != blank.writes:
            text = f"{blank.writes} = {blank.text}" if blank.writes else blank.text
            noted.append(replace(blank, text=text, value=int(shown.item())))
        elif blank.register:  # `"u": u` computes nothing: the variable's last value is what the register is left with
            last = max(i for i, operation in enumerate(noted) if operation.writes == blank.writes)
            noted[last] = replace(noted[last], register=blank.register)
    return tuple(noted), step


def _ones(values: Mapping[str, int]) -> dict[str, fixed.Ints]:
    return {name: np.array([value], np.int64) for name, value in values.items()}


@cache
def _noting(kind: str) -> tuple[Callable[..., Step], list[Operation], list[tuple[int, Any]]]:
    """The kind's step with its expressions noted, what each number stands for, and where a run leaves the values."""
    notes: list[Operation] = []
    values: list[tuple[int, Any]] = []
    own = kind_module(kind)

    def noted(module: ModuleType, tree: ast.FunctionDef) -> ast.AST:
        if module is fixed:  # an operation is a call of it, with nothing inside
            return tree
        state, depth = (KINDS[kind].STATE, 0) if module is own else ((), 1)
        return _Instrument(notes, state, depth).visit(deepcopy(tree))  # type: ignore[no-any-return]

    def note(mark: int, value: Any) -> Any:
        values.append((mark, value))
        return value

    return made_anew([(own, "step")], noted, _note=note)[own].step, notes, values


class _Instrument(ast.NodeTransformer):
    """Wraps expressions in `_note(number, expression)`."""

    def __init__(self, notes: list[Operation], state: tuple[str, ...], depth: int) -> None:
        self.notes, self.state, self.depth = notes, state, depth
        self.decisive: set[str] = set()

    def wrap(self, node: ast.expr, writes: str = "", register: str = "") -> ast.expr:
        blank = Operation(_text(node), 0, writes, register, writes in self.decisive, self.depth)
        inside = self.generic_visit(node)
        assert isinstance(inside, ast.expr)
        self.notes.append(blank)
        number = ast.Constant(len(self.notes) - 1)
        return ast.copy_location(ast.Call(ast.Name("_note", ast.Load()), [number, inside], []), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.decisive = {"spikes"} | {
            name.id
            for keyword in ast.walk(node)
            if isinstance(keyword, ast.keyword) and keyword.arg == "spikes"
            for name in ast.walk(keyword.value)
            if isinstance(name, ast.Name) and name.id != "np"
        }
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        target = node.targets[0]
        if isinstance(target, ast.Tuple):  # a value, and where it overflowed
            target = target.elts[0]
        if not isinstance(target, ast.Name):
            return self.generic_visit(node)
        node.value = self.wrap(node.value, target.id)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        return self.wrap(node) if _module_of(node.func) == "fixed" else self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        return self.wrap(node) if isinstance(node.op, ast.LShift | ast.RShift) else self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        if node.arg == "spikes":
            node.value = self.wrap(node.value, "spikes")
            return node
        return self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        for i, key in enumerate(node.keys):
            if isinstance(key, ast.Constant) and key.value in self.state:
                value, name = node.values[i], str(key.value)
                node.values[i] = self.wrap(value, value.id if isinstance(value, ast.Name) else name, name)
        return node


class _Plain(ast.NodeTransformer):
    """`state["u"]` -> `u[t-1]`, `registers["du"]` -> `du`, `fixed.ACT_SHIFT` -> `6`, `np.where` -> `where`."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant):
            name = str(node.slice.value)
            if node.value.id == "state":
                return ast.Name(f"{name}[t-1]")
            if node.value.id == "registers":
                return ast.Name(name)
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        module = _module_of(node)
        if module == "fixed" and node.attr.isupper():
            return ast.Constant(getattr(fixed, node.attr))
        return ast.Name(node.attr) if module else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "astype":
            return self.visit(node.func.value)  # type: ignore[no-any-return]
        return self.generic_visit(node)


def _module_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.value.id if node.value.id in ("fixed", "np") else ""
    return ""


def _text(node: ast.expr) -> str:
    return ast.unparse(_Plain().visit(ast.parse(ast.unparse(node), mode="eval").body))
