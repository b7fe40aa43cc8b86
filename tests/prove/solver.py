"""One whole LIF step, for every input at once: the real bytecode of the emulator and of Lava, on symbols.

Cut in three, so that each part is small. A decay is t0 of the product that the lemma speaks of; `u` is right for any
decayed current and any sum; `v` and the spike are right for any decayed voltage, any current and any bias. Decays are
written by what they keep (du = 4095 - keep, dv = 4096 - keep), so that code and definition build the same product.
"""

from __future__ import annotations

from types import FunctionType, SimpleNamespace
from typing import Any

import z3

from prove.symbolic import Numpy, Symbol, on_symbols, prove, symbolic

_WIDTHS = {"u": 32, "v": 32, "a": 32, "keep_u": 32, "keep_v": 32, "vth": 32, "bias_mant": 16, "bias_exp": 16}
_PRODUCT = {name: z3.BitVec(f"product_{name}", 64) for name in "uv"}
_DECAYED = {name: z3.BitVec(f"decayed_{name}", 32) for name in "uv"}
_CURRENT = z3.BitVec("current", 32)

LARGEST_U, LARGEST_V = 2**31 - 2**24, 2**23 - 1
"""`u` leaves its 24 bits after a sum beyond one period, and 32 bits never; `v` saturates."""


class _Cut(Symbol):
    """A register of which a new value is kept for a proof of its own, and is from then on any value."""

    left: Symbol

    def __setitem__(self, where: Any, value: Any) -> None:
        first = not hasattr(self, "left")
        super().__setitem__(where, value)
        if first:
            self.left, self.term = Symbol(self.term), _CURRENT


class Decays:
    """Stands after the code's own decay: keeps what it made of `u`, then of `v`, and hands on any value instead."""

    def __init__(self) -> None:
        self.made: dict[str, z3.BitVecRef] = {}

    def cut(self, made: Symbol) -> Symbol:
        name = "uv"[len(self.made)]
        self.made[name] = made.to(64)
        return Symbol(_DECAYED[name])


def _inputs() -> dict[str, Symbol]:
    made = {name: Symbol(z3.BitVec(name, width)) for name, width in _WIDTHS.items()}
    return made | {"du": 4095 - made["keep_u"], "dv": 4096 - made["keep_v"]}


def _wide(given: dict[str, Symbol]) -> dict[str, Symbol]:
    made = {name: Symbol(given[name].to(64)) for name in _WIDTHS}
    return made | {"du": 4095 - made["keep_u"], "dv": 4096 - made["keep_v"]}


def _within(term: z3.BitVecRef, low: int, high: int) -> z3.BoolRef:
    return z3.And(term >= low, term <= high)


def _given(g: dict[str, Symbol]) -> list[z3.BoolRef]:
    return [
        _within(g["vth"].term, 0, 131071),
        _within(g["bias_mant"].term, -4096, 4095),
        _within(g["bias_exp"].term, 0, 7),
        _within(Symbol(_DECAYED["u"]).to(64), -LARGEST_U, LARGEST_U),
        _within(Symbol(_DECAYED["v"]).to(64), -LARGEST_V, LARGEST_V),
        _within(Symbol(_CURRENT).to(64), -LARGEST_U, LARGEST_U),
    ]


# --- the definition --------------------------------------------------------------------------------------------------


def _t0(x: z3.BitVecRef) -> z3.BitVecRef:
    """As the contract writes it: sign(x) * (|x| >> 12)."""
    return (Numpy.sign(Symbol(x)) * (Numpy.abs(Symbol(x)) >> 12)).term


def _definition_u(decayed: z3.BitVecRef, a: z3.BitVecRef) -> z3.BitVecRef:
    x = decayed + a * 64
    x = z3.SignExt(32, z3.Extract(31, 0, x))
    return z3.If(x > 2**23, x - 2**24, z3.If(x <= -(2**23), x + 2**24, x))


def _definition_v(decayed: z3.BitVecRef, current: z3.BitVecRef, g: dict[str, Symbol]) -> Any:
    limit = z3.BitVecVal(2**23 - 1, 64)
    total = decayed + current + (g["bias_mant"].term << g["bias_exp"].term)
    v = z3.If(total > limit, limit, z3.If(total < -limit, -limit, total))
    spikes = v > g["vth"].term * 64
    return z3.If(spikes, z3.BitVecVal(0, 64), v), spikes


# --- the proof -------------------------------------------------------------------------------------------------------


def _prove_step(g: dict[str, Symbol], decays: Decays, u: Any, v: Any, spikes: Any) -> None:
    for name, keep, largest in (("u", "keep_u", LARGEST_U), ("v", "keep_v", LARGEST_V)):
        product = z3.simplify((g[name] * g[keep]).term)
        made = z3.substitute(z3.simplify(decays.made[name]), (product, _PRODUCT[name]))
        assert _names(made) == {f"product_{name}"}, f"the code reaches {_names(made)} by another way than the product"
        given = _within(_PRODUCT[name], -largest * 4096, largest * 4096)
        prove(made == z3.simplify(_t0(_PRODUCT[name])), given)
        prove(_within(_t0(_PRODUCT[name]), -largest, largest), given)
    wide = {name: Symbol(term).to(64) for name, term in _DECAYED.items()}
    prove(u == _definition_u(wide["u"], g["a"].term), *_given(g))
    right_v, right_spikes = _definition_v(wide["v"], Symbol(_CURRENT).to(64), g)
    assert not _names(v) & {"a", "u", "decayed_u"}
    prove(v == right_v, *_given(g))
    prove(spikes == right_spikes, *_given(g))


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


def emulator() -> None:
    """`lif.step` and all that it calls."""
    from lsm_deploy.core import fixed
    from lsm_deploy.core.neurons import lif, membrane

    arithmetic, decays, currents = symbolic(fixed), Decays(), []
    decay, wrap24 = arithmetic.decay, arithmetic.wrap24

    def cut_current(x: Symbol) -> Symbol:
        currents.append(wrap24(x))
        return Symbol(Symbol(_CURRENT).to(64))

    arithmetic.decay = lambda x, rate: Symbol(decays.cut(decay(x, rate)).to(64))
    arithmetic.wrap24 = cut_current
    code = symbolic(lif, fixed=arithmetic, membrane=symbolic(membrane, fixed=arithmetic))
    g = _wide(_inputs())
    after = code.step(g, {"u": g["u"], "v": g["v"]}, g["a"])
    assert after.state["u"].term.eq(Symbol(_CURRENT).to(64)), "u is not what the wrap left"
    _prove_step(g, decays, currents[0].term, after.state["v"].term, after.spikes.term == 1)


def lava() -> None:
    """`PyLifModelBitAcc.run_spk` and the methods that it calls; registers int32, biases int16, as its builder has."""
    from lava.proc.lif import models

    from prove.implementations import Port

    given, decays = _inputs(), Decays()

    def int32(x: Any) -> Symbol:
        """Lava narrows each decay, and nothing else that is wide; the narrow value is kept, and any goes on."""
        narrow = Numpy.int32(x)
        return decays.cut(narrow) if isinstance(x, Symbol) and x.term.size() == 64 else narrow

    names = vars(symbolic(models, np=SimpleNamespace(**vars(Numpy) | {"int32": int32})))
    model = SimpleNamespace(**{k: v for k, v in vars(models.PyLifModelBitAcc(proc_params={})).items() if k[0] != "_"})
    for owner in (models.AbstractPyLifModelFixed, models.PyLifModelBitAcc):
        for name, method in vars(owner).items():
            if isinstance(method, FunctionType) and name != "__init__":
                setattr(model, name, on_symbols(method, names).__get__(model))
    model.u, model.v = _Cut(given["u"].term), given["v"].copy()
    for name in ("du", "dv", "vth", "bias_mant", "bias_exp"):
        setattr(model, name, given[name])
    model.a_in, model.s_out = Port(given["a"]), Port()
    model.run_spk()
    _prove_step(_wide(given), decays, model.u.left.to(64), model.v.to(64), model.s_out.value.term)


PROOFS = {"emulator": emulator, "lava": lava}
