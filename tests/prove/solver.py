"""One whole LIF step, for every input at once: the real bytecode of the emulator and of Lava, on symbols.

Decays are written by what they keep (du = 4095 - keep, dv = 4096 - keep), so that code and definition build the same
product; it is then any number that a product can be, and `v` is proved for any current that the first half can leave.
"""

from __future__ import annotations

from types import FunctionType, SimpleNamespace
from typing import Any

import z3

from prove.symbolic import Numpy, Symbol, on_symbols, prove, symbolic

_WIDTHS = {"u": 32, "v": 32, "a": 32, "keep_u": 32, "keep_v": 32, "vth": 32, "bias_mant": 16, "bias_exp": 16}
_PRODUCT_U, _PRODUCT_V, _CURRENT = (z3.BitVec(name, 64) for name in ("product_u", "product_v", "current"))


class _Cut(Symbol):
    """A register of which the new value is kept for a proof of its own, and is from then on any value."""

    def __setitem__(self, where: Any, value: Any) -> None:
        super().__setitem__(where, value)
        self.left = Symbol(self.term)
        self.term = z3.Extract(self.term.size() - 1, 0, _CURRENT)


def inputs() -> dict[str, Symbol]:
    made = {name: Symbol(z3.BitVec(name, width)) for name, width in _WIDTHS.items()}
    return made | {"du": 4095 - made["keep_u"], "dv": 4096 - made["keep_v"]}


def wide(given: dict[str, Symbol]) -> dict[str, Symbol]:
    made = {name: Symbol(given[name].to(64)) for name in _WIDTHS}
    return made | {"du": 4095 - made["keep_u"], "dv": 4096 - made["keep_v"]}


_RANGES: dict[str, tuple[int, int]] = {
    "product_u": (-(2**43), 2**43),
    "product_v": (-(2**35), 2**35),
    "current": (-(2**31) + 2**24, 2**31 - 2**24),
    "vth": (0, 131071),
    "bias_mant": (-4096, 4095),
    "bias_exp": (0, 7),
}


def _given() -> list[z3.BoolRef]:
    terms = [
        (Symbol(z3.BitVec(name, _WIDTHS.get(name, 64))).to(64), low, high) for name, (low, high) in _RANGES.items()
    ]
    return [z3.And(term >= low, term <= high) for term, low, high in terms]


def definition_u(g: dict[str, Symbol]) -> z3.BitVecRef:
    x = (_t0(g["u"] * (4096 - (g["du"] + 1))) + g["a"] * 64).term
    x = z3.SignExt(32, z3.Extract(31, 0, x))
    return z3.If(x > 2**23, x - 2**24, z3.If(x <= -(2**23), x + 2**24, x))


def definition_v(g: dict[str, Symbol], current: z3.BitVecRef) -> tuple[z3.BitVecRef, z3.BoolRef]:
    limit = z3.BitVecVal(2**23 - 1, 64)
    total = (_t0(g["v"] * (4096 - g["dv"]))).term + current + (g["bias_mant"].term << g["bias_exp"].term)
    v = z3.If(total > limit, limit, z3.If(total < -limit, -limit, total))
    spikes = v > g["vth"].term * 64
    return z3.If(spikes, z3.BitVecVal(0, 64), v), spikes


def _t0(x: Symbol) -> Symbol:
    """As the contract writes it: sign(x) * (|x| >> 12)."""
    return Numpy.sign(x) * (Numpy.abs(x) >> 12)


def _any_product(term: Any, g: dict[str, Symbol]) -> Any:
    pairs = [
        (z3.simplify((g[state] * g[keep]).term), symbol)
        for state, keep, symbol in (("u", "keep_u", _PRODUCT_U), ("v", "keep_v", _PRODUCT_V))
    ]
    term = z3.substitute(z3.simplify(term), *pairs)
    found = _names(term) & {"u", "v", "keep_u", "keep_v"}
    assert not found, f"the code reaches {found} by another way than the product"
    return term


def _names(term: Any) -> set[str]:
    seen: set[int] = set()
    names, stack = set(), [term]
    while stack:
        part = stack.pop()
        if part.get_id() not in seen:
            seen.add(part.get_id())
            stack += part.children()
            if z3.is_const(part) and part.decl().kind() == z3.Z3_OP_UNINTERPRETED:
                names.add(part.decl().name())
    return names


def _prove_step(g: dict[str, Symbol], u: Any, v: Any, spikes: Any) -> None:
    """u of the old state, and v and spikes of any new current."""
    prove(_any_product(u, g) == _any_product(definition_u(g), g), *_given())
    right_v, right_spikes = definition_v(g, _CURRENT)
    claim = z3.And(v == _any_product(right_v, g), spikes == _any_product(right_spikes, g))
    assert not _names(claim) & {"a", "product_u"}
    prove(claim, *_given())


def emulator() -> None:
    """`lif.step` and all that it calls."""
    from lsm_deploy import fixed
    from lsm_deploy.neurons import lif, membrane

    arithmetic = symbolic(fixed)
    code = symbolic(lif, fixed=arithmetic, membrane=symbolic(membrane, fixed=arithmetic))
    g = wide(inputs())
    after = code.step(g, {"u": g["u"], "v": g["v"]}, g["a"])
    u, v, spikes = (
        _any_product(x, g) for x in (after.state["u"].term, after.state["v"].term, after.spikes.term == 1)
    )
    v, spikes = (z3.substitute(x, (u, _CURRENT)) for x in (v, spikes))
    _prove_step(g, after.state["u"].term, v, spikes)


def lava() -> None:
    """`PyLifModelBitAcc.run_spk` and the methods that it calls; registers int32, biases int16, as its builder has it."""
    from lava.proc.lif import models

    from prove.implementations import Port

    given = inputs()
    model = SimpleNamespace(**{k: v for k, v in vars(models.PyLifModelBitAcc(proc_params={})).items() if k[0] != "_"})
    names = vars(symbolic(models))
    for owner in (models.AbstractPyLifModelFixed, models.PyLifModelBitAcc):
        for name, method in vars(owner).items():
            if isinstance(method, FunctionType) and name != "__init__":
                setattr(model, name, on_symbols(method, names).__get__(model))
    model.u, model.v = _Cut(given["u"].term), given["v"].copy()
    for name in ("du", "dv", "vth", "bias_mant", "bias_exp"):
        setattr(model, name, given[name])
    model.a_in, model.s_out = Port(given["a"]), Port()
    model.run_spk()
    g = wide(given)
    v, spikes = (_any_product(x, g) for x in (model.v.to(64), model.s_out.value.term))
    _prove_step(g, model.u.left.to(64), v, spikes)


PROOFS = {"emulator": emulator, "lava": lava}
