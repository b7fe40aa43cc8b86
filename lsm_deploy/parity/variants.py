"""The rules of the integer contract, each with the emulator that breaks it.

A variant is made from the emulator's own source, with one expression replaced (in each kind that has it): so the
definition stays free of switches, and a variant differs from it in nothing else. Three uses: a divergence is explained
by the variant that reproduces the other side, a recording backs a rule only if the rule's variant fails on it, and the
test suite is only as good as the variants that it notices.

What only one kind has is said by the kind, in its `RULES`. What kinds share is said here once, in the names that most
of them use (`u`, `du`, `dv`), and is looked for in each kind under its own (`CURRENT`, `DECAYS`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np

from lsm_deploy.core import fixed
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons import KINDS, Rule, Step
from lsm_deploy.parity.source import kind_module, made_anew
from lsm_deploy.run.backends import load_backend

__all__ = ["RULES", "Rule", "broken_emulator", "kinds_of", "run_variant"]

_DECAYED_U = 'fixed.decay(state["u"], registers["du"] + 1)'
_DECAYED_V = 'fixed.decay(state["v"], registers["dv"])'
_OVER = 'v > (registers["vth"] << fixed.ACT_SHIFT)'
_BIAS = 'registers["bias_mant"] << registers["bias_exp"]'
_WRAPPED = "np.where(x > UV_LIMIT, x - 2 * UV_LIMIT, np.where(x <= -UV_LIMIT, x + 2 * UV_LIMIT, x))"
_CLIPPED = "np.clip(x, -(UV_LIMIT - 1), UV_LIMIT - 1)"
_WEIGHTS = "p.weights.astype(np.int64) << p.weight_exp"
_STEP = "fixed.grid_step(p.num_weight_bits, mixed=True)"
_WIDE = "(fixed.SUM_LIMIT + 1)"
_DELIVERED = "weights @ fired.astype(np.int64)"
_DUE = "(t + 1 + delay) % horizon"
_CLEARED = "_cleared(population)"
_CLEARS = "t % network.sample_interval == 0"
_STATE, _CURRENT = "states[population.name]", "KINDS[population.kind].CURRENT"
_ALL = (
    # --- decays
    Rule("rounding", "decays round toward zero", "decays round down",
         "np.sign(x) * (np.abs(x) >> bits)", "x >> bits"),
    Rule("rounding-nearest", "decays round toward zero", "decays round to the nearest",
         "np.sign(x) * (np.abs(x) >> bits)", "(x + (1 << (bits - 1))) >> bits"),
    Rule("rounding-halves", "halves are rounded away from zero", "halves are rounded up",
         "np.sign(x) * (np.abs(x) + (1 << down >> 1) >> down) << up", "(x + (1 << down >> 1) >> down) << up"),
    Rule("du-offset", "current decays by du + 1", "current decays by du",
         _DECAYED_U, 'fixed.decay(state["u"], registers["du"])'),
    Rule("dv-offset", "voltage decays by dv", "voltage decays by dv + 1",
         _DECAYED_V, 'fixed.decay(state["v"], registers["dv"] + 1)'),
    Rule("product-width", "decay products are 64 bits wide", "decay products are 32 bits wide",
         "truncate(x * (DECAY_UNITY - rate))", "truncate(wrap32(x * (DECAY_UNITY - rate)))"),
    # --- overflow
    Rule("accumulator", "the synaptic sum is added modulo 2^32", "it is added without a limit",
         "((x + (1 << 31)) & 0xFFFF_FFFF) - (1 << 31)", "x"),
    Rule("sum-width", "a synaptic sum beyond 16 bits is kept", "a synaptic sum wraps at 16 bits",
         "arriving[t % horizon].copy()", f"(arriving[t % horizon] + {_WIDE}) % (2 * {_WIDE}) - {_WIDE}"),
    Rule("u-edge", "u = -2^23 becomes +2^23", "u = -2^23 is kept (two's complement)",
         "x <= -UV_LIMIT", "x < -UV_LIMIT"),
    Rule("u-period", "u wraps by one period of 2^24", "u wraps as often as it takes",
         _WRAPPED, "UV_LIMIT - (UV_LIMIT - x) % (2 * UV_LIMIT)"),
    Rule("u-wrap", "u wraps", "u saturates", _WRAPPED, "np.clip(x, -(UV_LIMIT - 1), UV_LIMIT)"),
    Rule("v-saturation", "v saturates", "v wraps", _CLIPPED, "wrap24(x)"),
    Rule("v-edge", "v saturates at -(2^23 - 1)", "v saturates at -2^23",
         _CLIPPED, "np.clip(x, -UV_LIMIT, UV_LIMIT - 1)"),
    # --- spikes
    Rule("threshold", "a spike is v > vth << 6", "a spike is v >= vth << 6", _OVER, _OVER.replace(">", ">=", 1)),
    Rule("threshold-shift", "the threshold is shifted by 6", "the threshold is not shifted",
         _OVER, 'v > registers["vth"]'),
    Rule("v-reset", "v is 0 after a spike", "v keeps what exceeded the threshold",
         "np.where(spikes, 0, v)", 'np.where(spikes, v - (registers["vth"] << fixed.ACT_SHIFT), v)'),
    Rule("v-reset-none", "v is 0 after a spike", "v is not reset",
         "np.where(spikes, 0, v)", "v", also=(("np.where(above | below, 0, v)", "v"),)),
    Rule("u-no-reset", "u goes on after a spike", "u is 0 after a spike",
         "Step", "_forgetting(CURRENT)"),
    # --- what is added
    Rule("order", "v takes u of this step", "v takes u of the step before",
         f"{_DECAYED_V} + u + bias", f'{_DECAYED_V} + state["u"] + bias'),
    Rule("bias-shift", "a bias is not shifted by 6", "a bias is shifted by 6",
         _BIAS, 'registers["bias_mant"] << (registers["bias_exp"] + fixed.ACT_SHIFT)'),
    Rule("bias-exponent", "a bias is shifted by bias_exp", "bias_exp is ignored", _BIAS, 'registers["bias_mant"]'),
    Rule("sum-shift", "a synaptic sum is shifted by 6", "a synaptic sum is not shifted", "a << fixed.ACT_SHIFT", "a"),
    Rule("weight-exponent", "weights are shifted by weight_exp", "weight_exp is ignored",
         _WEIGHTS, "p.weights.astype(np.int64)"),
    Rule("exponent-order", "weights lie on the grid before weight_exp", "they are put on a grid of 8 bits after it",
         _WEIGHTS, f"np.clip({_WEIGHTS}, fixed.LEAST_WEIGHT, fixed.WEIGHT_LIMIT)"),
    Rule("sign-mode", "weights of one sign have a grid of their own", "their grid is that of mixed signs",
         _WEIGHTS,
         f"(p.weights.astype(np.int64) // {_STEP} * {_STEP}) << p.weight_exp"),
    Rule("same-pair", "two synapses on one pair add", "the later one replaces the earlier", "csc_array", "_last"),
    # --- what only some kinds have
    Rule("message-sign", "a message carries the sign of its spike", "a spike of either sign delivers the weight",
         _DELIVERED, "weights @ np.abs(fired.astype(np.int64))"),
    Rule("message-lost", "a message carries the sign of its spike", "negative spikes deliver nothing",
         _DELIVERED, "weights @ np.maximum(fired.astype(np.int64), 0)"),
    *(rule for kind in KINDS.values() for rule in kind.RULES),
    # --- time
    Rule("delay", "a synapse of delay d takes d + 1 steps", "it takes d steps, at least one",
         _DUE, "(t + max(1, delay)) % horizon"),
    Rule("delay-late", "a synapse of delay d takes d + 1 steps", "it takes d + 2 steps",
         _DUE, "(t + 2 + delay) % horizon"),
    Rule("delay-none", "synapses have delays", "delays are ignored", _DUE, "(t + 1) % horizon"),
    Rule("reset-none", "the interval policy clears registers", "registers are not cleared", _CLEARS, "False"),
    Rule("reset-late", "registers are cleared in steps 0, N, 2N", "they are cleared one step later",
         _CLEARS, "t % network.sample_interval == 1 % network.sample_interval"),
    Rule("reset-early", "registers are cleared in steps 0, N, 2N", "they are cleared one step earlier",
         _CLEARS, "(t + 1) % network.sample_interval == 0"),
    Rule("reset-u", "every register is cleared", "the current is not cleared",
         _CLEARED, f"{_CLEARED} | {{r: x for r, x in {_STATE}.items() if r == {_CURRENT}}}"),
    Rule("reset-others", "every register is cleared", "only current and voltage are cleared",
         _CLEARED, f'{_CLEARED} | {{r: x for r, x in {_STATE}.items() if r not in ({_CURRENT}, "v")}}'),
    Rule("reset-flight", "spikes in flight survive a reset", "a reset loses them",
         f"{_STATE} = {_CLEARED}", f"{_STATE} = {_CLEARED}; arriving[:] = 0; a = a * 0"),
    Rule("fresh", "a fresh sample starts from zero", "samples follow each other without a reset",
         "[0] if network.sample_interval else stimulus.starts.tolist()", "[0]"),
)  # fmt: skip

RULES = {rule.name: rule for rule in _ALL}


def run_variant(rule: str | Rule, program: Program, stimulus: Stimulus, record: Sequence[str] = ()) -> Trace:
    """Run the emulator in which one rule is broken: one of `RULES` by its name, or any other."""
    trace: Trace = broken_emulator(RULES[rule] if isinstance(rule, str) else rule).run(program, stimulus, record)
    return trace


def broken_emulator(rule: Rule) -> SimpleNamespace:
    """A private copy of the emulator, with its `KINDS`, in which the rule is broken."""
    return _broken(rule)[0]


def kinds_of(rule: Rule) -> frozenset[str]:
    """The kinds whose neurons can show the rule: all, unless what it breaks stands in some kinds' own modules alone."""
    where = _broken(rule)[1]
    kinds = frozenset(kind for kind in KINDS if kind_module(kind) in where)
    return kinds if len(kinds) == len(where) else frozenset(KINDS)


@cache
def _broken(rule: Rule) -> tuple[SimpleNamespace, frozenset[ModuleType]]:
    """The emulator with the rule broken, and the modules in which it stands."""
    places: set[tuple[str, ModuleType]] = set()

    def broken(module: ModuleType, tree: ast.FunctionDef) -> ast.AST:
        for right, wrong in ((rule.right, rule.wrong), *rule.also):
            exchange = _Exchange(_tree(module, rule, right), _tree(module, rule, wrong))
            if any(map(exchange.is_right, ast.walk(tree))):
                tree = exchange.visit(deepcopy(tree))
                places.add((right, module))
        return tree

    kinds = {}
    for name in KINDS:
        own = kind_module(name)
        kinds[name] = made_anew([(own, "initial"), (own, "step")], broken, _forgetting=_forgetting)[own]
    emulator = cast(ModuleType, load_backend("emulator"))
    made = made_anew([(emulator, "run")], broken, KINDS=kinds, _last=_last)[emulator]
    missing = {rule.right, *(right for right, _ in rule.also)} - {right for right, _ in places}
    assert not missing, f"rule {rule.name}: nothing in the definition is {missing.pop()}"
    return made, frozenset(module for _, module in places)


def _tree(module: ModuleType, rule: Rule, text: str) -> list[ast.stmt] | ast.expr:
    """The expression, or the statements, in the names of the kind that the module is."""
    tree = ast.parse(text)
    kind = KINDS.get(getattr(module, "NAME", ""))
    if kind and rule not in kind.RULES:
        _Named({"u": kind.CURRENT, **dict(zip(("du", "dv"), kind.DECAYS, strict=True))}).visit(tree)
    first = tree.body[0]
    return first.value if isinstance(first, ast.Expr) else tree.body


class _Named(ast.NodeTransformer):
    """Variables, and names of registers, by other names."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(self.names.get(node.value, node.value)) if isinstance(node.value, str) else node


class _Exchange(ast.NodeTransformer):
    """What is `right` becomes `wrong`."""

    def __init__(self, right: list[ast.stmt] | ast.expr, wrong: list[ast.stmt] | ast.expr) -> None:
        self.right, self.wrong = right[0] if isinstance(right, list) else right, wrong
        self.text = ast.dump(self.right)

    def is_right(self, node: ast.AST) -> bool:
        return type(node) is type(self.right) and ast.dump(node) == self.text

    def visit(self, node: ast.AST) -> Any:
        return deepcopy(self.wrong) if self.is_right(node) else self.generic_visit(node)


def _forgetting(current: str) -> Callable[..., Step]:
    """`Step` of a kind whose current is 0 after a spike."""

    def step(state: Mapping[str, fixed.Ints], spikes: Messages, **others: Any) -> Step:
        return Step({**state, current: np.where(spikes != 0, 0, state[current])}, spikes, **others)

    return step


def _last(entries: Any, shape: tuple[int, int]) -> Any:
    """`csc_array` of entries among which the last of each pair wins, instead of their sum."""
    from scipy.sparse import csc_array

    weights, (post, pre) = entries
    _, behind = np.unique((pre * shape[0] + post)[::-1], return_index=True)
    last = len(weights) - 1 - behind
    return csc_array((weights[last], (post[last], pre[last])), shape=shape)
