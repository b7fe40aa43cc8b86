"""The real code of numpy functions, run on symbols instead of arrays: every input at once, by an SMT solver (z3).

A function's own code object is executed with `np` replaced by `Numpy` below, whose values are bit-vectors of the width
that numpy would have. So no line of what is proved is written down a second time; trusted are the few numpy operations
in this file, that numpy's integers wrap as bit-vectors do, and z3.
"""

from __future__ import annotations

from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import z3


class Symbol:
    """An integer array of which every element is any value: a bit-vector with numpy's rules of promotion."""

    def __init__(self, term: z3.BitVecRef) -> None:
        self.term = term

    def to(self, width: int) -> z3.BitVecRef:
        size = self.term.size()
        if width == size:
            return self.term
        return z3.Extract(width - 1, 0, self.term) if width < size else z3.SignExt(width - size, self.term)

    def _with(self, other: Any, make: Any) -> Any:
        if not isinstance(other, Symbol):
            return make(self.term, z3.BitVecVal(int(other), self.term.size()))
        width = max(self.term.size(), other.term.size())
        return make(self.to(width), other.to(width))

    def __add__(self, other: Any) -> Symbol:
        return Symbol(self._with(other, lambda a, b: a + b))

    def __sub__(self, other: Any) -> Symbol:
        return Symbol(self._with(other, lambda a, b: a - b))

    def __rsub__(self, other: Any) -> Symbol:
        return Symbol(self._with(other, lambda a, b: b - a))

    def __mul__(self, other: Any) -> Symbol:
        return Symbol(self._with(other, _product))

    def __and__(self, other: Any) -> Symbol:
        return Symbol(self._with(other, lambda a, b: a & b))

    def __rshift__(self, other: Any) -> Symbol:
        return Symbol(self._with(other, lambda a, b: a >> b))

    def __lshift__(self, other: Any) -> Symbol:
        return Symbol(self._with(other, lambda a, b: a << b))

    def __neg__(self) -> Symbol:
        return Symbol(-self.term)

    __radd__, __rmul__, __rand__ = __add__, __mul__, __and__

    def __iadd__(self, other: Any) -> Symbol:
        total = self + other
        assert total.term.size() == self.term.size(), "numpy would refuse to add a wider array in place"
        return total

    def __gt__(self, other: Any) -> Truth:
        return Truth(self._with(other, lambda a, b: a > b))

    def __ge__(self, other: Any) -> Truth:
        return Truth(self._with(other, lambda a, b: a >= b))

    def __lt__(self, other: Any) -> Truth:
        return Truth(self._with(other, lambda a, b: a < b))

    def __le__(self, other: Any) -> Truth:
        return Truth(self._with(other, lambda a, b: a <= b))

    def __ne__(self, other: Any) -> Truth:  # type: ignore[override]
        return Truth(self._with(other, lambda a, b: a != b))

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> Symbol:
        return Symbol(self.term)

    def astype(self, dtype: Any) -> Symbol:
        return dtype(self)

    def __setitem__(self, where: Any, value: Any) -> None:
        """Assignment keeps the array's own width, as numpy does."""
        width = self.term.size()
        new = value.to(width) if isinstance(value, Symbol) else z3.BitVecVal(value, width)
        assert isinstance(where, (Truth, slice))
        self.term = z3.If(where.term, new, self.term) if isinstance(where, Truth) else new


def _product(a: z3.BitVecRef, b: z3.BitVecRef) -> z3.BitVecRef:
    """a * b; the product with a sign is a choice of three terms, which a solver sees through and a product hides."""
    for one, other in ((a, b), (b, a)):
        if z3.is_app_of(one, z3.Z3_OP_ITE):
            condition, yes, no = one.children()
            if z3.is_bv_value(yes):
                return z3.If(condition, z3.simplify(other * yes), _product(no, other))
    return z3.simplify(a * b)


class Truth:
    """A boolean array of which every element is any value."""

    def __init__(self, term: z3.BoolRef) -> None:
        self.term = term

    def astype(self, dtype: Any) -> Symbol:
        return dtype(Symbol(z3.If(self.term, z3.BitVecVal(1, 64), z3.BitVecVal(0, 64))))


def _symbol(value: Any, like: Symbol | None = None) -> Symbol:
    return value if isinstance(value, Symbol) else Symbol(z3.BitVecVal(int(value), like.term.size() if like else 64))


def _where(condition: Truth, first: Any, second: Any) -> Symbol:
    first = _symbol(first, second if isinstance(second, Symbol) else None)
    return Symbol(first._with(_symbol(second, first), lambda a, b: z3.If(condition.term, a, b)))


def _width(width: int) -> Any:
    return lambda value: Symbol(_symbol(value).to(width))


def _sign(x: Symbol) -> Symbol:
    one, minus, zero = (Symbol(z3.BitVecVal(value, x.term.size())) for value in (1, -1, 0))
    return _where(x > 0, one, _where(x < 0, minus, zero))


def _clip(x: Symbol, low: Any, high: Any) -> Symbol:
    return _where(x < low, low, _where(x > high, high, x))


Numpy = SimpleNamespace(
    where=_where,
    sign=_sign,
    abs=lambda x: _where(x < 0, -x, x),
    clip=_clip,
    right_shift=lambda x, by: x >> by,
    left_shift=lambda x, by: x << by,
    int8=_width(8),
    int16=_width(16),
    int32=_width(32),
    int64=_width(64),
    ndarray=Symbol,
)
"""The numpy operations that the code under proof uses."""


def symbolic(module: ModuleType, **replaced: Any) -> SimpleNamespace:
    """The functions of a module, with their own code, on symbols; `replaced` are other names they look up."""
    names: dict[str, Any] = {**vars(module), "np": Numpy, **replaced}
    for name, value in vars(module).items():
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            names[name] = on_symbols(value, names)
    return SimpleNamespace(**names)


def on_symbols(function: FunctionType, names: dict[str, Any]) -> FunctionType:
    """The function's own code, looking its globals up in `names`."""
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)


def prove(claim: z3.BoolRef, *given: z3.BoolRef) -> None:
    """Raise AssertionError with a counterexample unless the claim follows from what is given."""
    solver = z3.Solver()
    solver.set("timeout", 300_000)
    solver.add(*given, z3.Not(claim))
    found = solver.check()
    assert found == z3.unsat, f"not proved: {solver.model() if found == z3.sat else solver.reason_unknown()}"
