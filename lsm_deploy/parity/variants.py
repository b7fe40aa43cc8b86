"""The rules of the integer contract, each with the emulator that breaks it.

A variant is made from the emulator's own source, with one expression replaced (in each kind that has it): so the
definition stays free of switches, and a variant differs from it in nothing else. Three uses: a divergence is explained
by the variant that reproduces the other side, a recording backs a rule only if the rule's variant fails on it, and the
test suite is only as good as the variants that it notices.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.neurons import KINDS

__all__ = ["RULES", "Rule", "run_variant"]

_FIXED = "lsm_deploy.core.fixed"
_LIF = "lsm_deploy.core.neurons.lif"
_TERNARY = "lsm_deploy.core.neurons.ternary"
_REFRACTORY = "lsm_deploy.core.neurons.refractory"
_ATRLIF = "lsm_deploy.core.neurons.atrlif"
_LIKE_LIF = (_LIF, _TERNARY, _REFRACTORY)
_ALL_KINDS = (*_LIKE_LIF, _ATRLIF)
_EMULATOR = "lsm_backends.emulator"


Edit: TypeAlias = tuple[str | tuple[str, ...], str, str]
"""The module, or each of several, in which an expression stands, once; and what the variant has in its place."""


@dataclass(frozen=True)
class Rule:
    """One rule: what holds, what its variant does instead, and the expressions in which they differ."""

    name: str
    holds: str
    variant: str
    module: str | tuple[str, ...]
    right: str
    wrong: str
    also: tuple[Edit, ...] = ()
    """What differs in other modules, where the same rule is written otherwise."""

    @property
    def edits(self) -> tuple[Edit, ...]:
        return ((self.module, self.right, self.wrong), *self.also)


_CLEARED = "= _cleared(population)"
_ALL = (
    # --- decays
    Rule("rounding", "decays round toward zero", "decays round down",
         _FIXED, "np.sign(x) * (np.abs(x) >> bits)", "x >> bits"),
    Rule("rounding-nearest", "decays round toward zero", "decays round to the nearest",
         _FIXED, "np.sign(x) * (np.abs(x) >> bits)", "(x + (1 << (bits - 1))) >> bits"),
    Rule("du-offset", "current decays by du + 1", "current decays by du",
         _LIKE_LIF, 'registers["du"] + 1) + (a', 'registers["du"]) + (a',
         also=((_ATRLIF, 'registers["delta_i"] + 1) + (a', 'registers["delta_i"]) + (a'),)),
    Rule("dv-offset", "voltage decays by dv", "voltage decays by dv + 1",
         _LIKE_LIF, 'fixed.decay(state["v"], registers["dv"])', 'fixed.decay(state["v"], registers["dv"] + 1)',
         also=((_ATRLIF, 'registers["delta_v"]) + i', 'registers["delta_v"] + 1) + i'),)),
    Rule("product-width", "decay products are 64 bits wide", "decay products are 32 bits wide",
         _FIXED, "truncate(x * (DECAY_UNITY - rate))", "truncate(wrap32(x * (DECAY_UNITY - rate)))"),
    # --- overflow
    Rule("accumulator", "the synaptic sum is added modulo 2^32", "it is added without a limit",
         _FIXED, "((x + (1 << 31)) & 0xFFFF_FFFF) - (1 << 31)", "x"),
    Rule("sum-width", "a synaptic sum beyond 16 bits is kept", "a synaptic sum wraps at 16 bits",
         _EMULATOR, "a = arriving[t % horizon].copy()",
         "a = (arriving[t % horizon] + (1 << 15)) % (1 << 16) - (1 << 15)"),
    Rule("u-edge", "u = -2^23 becomes +2^23", "u = -2^23 is kept (two's complement)",
         _FIXED, "x <= -UV_LIMIT", "x < -UV_LIMIT"),
    Rule("u-period", "u wraps by one period of 2^24", "u wraps as often as it takes",
         _FIXED, "np.where(x > UV_LIMIT, x - 2 * UV_LIMIT, np.where(x <= -UV_LIMIT, x + 2 * UV_LIMIT, x))",
         "UV_LIMIT - (UV_LIMIT - x) % (2 * UV_LIMIT)"),
    Rule("u-wrap", "u wraps", "u saturates",
         _FIXED, "np.where(x > UV_LIMIT, x - 2 * UV_LIMIT, np.where(x <= -UV_LIMIT, x + 2 * UV_LIMIT, x))",
         "np.clip(x, -(UV_LIMIT - 1), UV_LIMIT)"),
    Rule("v-saturation", "v saturates", "v wraps",
         _FIXED, "np.clip(x, -(UV_LIMIT - 1), UV_LIMIT - 1)", "wrap24(x)"),
    Rule("v-edge", "v saturates at -(2^23 - 1)", "v saturates at -2^23",
         _FIXED, "np.clip(x, -(UV_LIMIT - 1), UV_LIMIT - 1)", "np.clip(x, -UV_LIMIT, UV_LIMIT - 1)"),
    # --- spikes
    Rule("threshold", "a spike is v > vth << 6", "a spike is v >= vth << 6",
         (_LIF, _REFRACTORY), 'v > (registers["vth"]', 'v >= (registers["vth"]'),
    Rule("threshold-shift", "the threshold is shifted by 6", "the threshold is not shifted",
         (_LIF, _REFRACTORY), 'v > (registers["vth"] << fixed.ACT_SHIFT)', 'v > registers["vth"]'),
    Rule("v-reset", "v is 0 after a spike", "v keeps what exceeded the threshold",
         (_LIF, _REFRACTORY), "np.where(spikes, 0, v)",
         'np.where(spikes, v - (registers["vth"] << fixed.ACT_SHIFT), v)'),
    Rule("v-reset-none", "v is 0 after a spike", "v is not reset",
         (_LIF, _REFRACTORY), "np.where(spikes, 0, v)", "v",
         also=((_TERNARY, "np.where(above | below, 0, v)", "v"),)),
    Rule("u-no-reset", "u goes on after a spike", "u is 0 after a spike",
         _LIF, 'state={"u": u,', 'state={"u": np.where(spikes, 0, u),',
         also=((_TERNARY, 'state={"u": u,', 'state={"u": np.where(above | below, 0, u),'),
         (_REFRACTORY, '"u": u,', '"u": np.where(spikes, 0, u),'),
         (_ATRLIF, '"i": i,', '"i": np.where(spikes, 0, i),'))),
    # --- what is added
    Rule("order", "v takes u of this step", "v takes u of the step before",
         _LIKE_LIF, 'registers["dv"]) + u + bias', 'registers["dv"]) + state["u"] + bias',
         also=((_ATRLIF, 'registers["delta_v"]) + i + bias', 'registers["delta_v"]) + state["i"] + bias'),)),
    Rule("bias-shift", "a bias is not shifted by 6", "a bias is shifted by 6",
         _ALL_KINDS, 'bias = registers["bias_mant"] << registers["bias_exp"]',
         'bias = registers["bias_mant"] << (registers["bias_exp"] + fixed.ACT_SHIFT)'),
    Rule("bias-exponent", "a bias is shifted by bias_exp", "bias_exp is ignored",
         _ALL_KINDS, 'bias = registers["bias_mant"] << registers["bias_exp"]', 'bias = registers["bias_mant"]'),
    Rule("sum-shift", "a synaptic sum is shifted by 6", "a synaptic sum is not shifted",
         _ALL_KINDS, "(a << fixed.ACT_SHIFT)", "a"),
    Rule("weight-exponent", "weights are shifted by weight_exp", "weight_exp is ignored",
         _EMULATOR, "p.weights.astype(np.int64) << p.weight_exp", "p.weights.astype(np.int64)"),
    Rule("exponent-order", "weights lie on the grid before weight_exp", "they are put on a grid of 8 bits after it",
         _EMULATOR, "p.weights.astype(np.int64) << p.weight_exp",
         "np.clip(p.weights.astype(np.int64) << p.weight_exp, -256, 255)"),
    Rule("sign-mode", "weights of one sign have a grid of their own", "their grid is that of mixed signs",
         _EMULATOR, "p.weights.astype(np.int64) << p.weight_exp",
         "(p.weights.astype(np.int64) >> (9 - p.num_weight_bits) << (9 - p.num_weight_bits)) << p.weight_exp"),
    Rule("same-pair", "two synapses on one pair add", "the later one replaces the earlier",
         _EMULATOR, "matrix = csc_array(", "matrix = _last("),
    # --- what only some kinds have
    Rule("lower-threshold", "a negative spike is v < vth_lo << 6", "a negative spike is v <= vth_lo << 6",
         _TERNARY, 'v < (registers["vth_lo"]', 'v <= (registers["vth_lo"]'),
    Rule("upper-threshold", "a positive spike is v > vth_hi << 6", "a positive spike is v >= vth_hi << 6",
         _TERNARY, 'v > (registers["vth_hi"]', 'v >= (registers["vth_hi"]'),
    Rule("message-sign", "a message carries the sign of its spike", "a spike of either sign delivers the weight",
         _EMULATOR, "weights @ fired.astype(np.int64)", "weights @ np.abs(fired.astype(np.int64))"),
    Rule("message-lost", "a message carries the sign of its spike", "negative spikes deliver nothing",
         _EMULATOR, "weights @ fired.astype(np.int64)", "weights @ np.maximum(fired.astype(np.int64), 0)"),
    Rule("refractory-short", "v stands still for refractory_period steps", "it stands still for one less",
         _REFRACTORY, 'np.where(spikes, registers["refractory_period"], left)',
         'np.where(spikes, np.maximum(registers["refractory_period"] - 1, 0), left)'),
    Rule("refractory-long", "v stands still for refractory_period steps", "it stands still for one more",
         _REFRACTORY, 'np.where(spikes, registers["refractory_period"], left)',
         'np.where(spikes, registers["refractory_period"] + 1, left)'),
    Rule("refractory-current", "u goes on while v stands still", "u stands still as well",
         _REFRACTORY, '"u": u,', '"u": np.where(moves, u, state["u"]),'),
    Rule("adaptive-threshold", "a spike is v - r >= theta", "a spike is v - r > theta",
         _ATRLIF, "spikes = v - r >= theta", "spikes = v - r > theta"),
    Rule("theta-rest", "theta decays towards theta_0", "theta decays towards 0",
         _ATRLIF, 'fixed.decay(state["theta"] - rest, registers["delta_theta"]) + rest',
         'fixed.decay(state["theta"], registers["delta_theta"])'),
    Rule("theta-offset", "theta decays by delta_theta", "theta decays by delta_theta + 1",
         _ATRLIF, 'registers["delta_theta"])', 'registers["delta_theta"] + 1)'),
    Rule("theta-start", "theta begins at theta_0 << 6", "theta begins at 0",
         _ATRLIF, '"theta": threshold(registers)', '"theta": zero'),
    Rule("theta-step-shift", "theta_step is shifted by 6", "theta_step is not shifted",
         _ATRLIF, '(registers["theta_step"] << fixed.ACT_SHIFT), theta)', 'registers["theta_step"], theta)'),
    Rule("r-offset", "r decays by delta_r", "r decays by delta_r + 1",
         _ATRLIF, 'registers["delta_r"])', 'registers["delta_r"] + 1)'),
    Rule("r-order", "r grows by twice theta before its step", "r grows by twice theta after its step",
         _ATRLIF, "r + 2 * theta, r)", 'r + 2 * (theta + (registers["theta_step"] << fixed.ACT_SHIFT)), r)'),
    Rule("r-once", "r grows by twice theta", "r grows by theta",
         _ATRLIF, "r + 2 * theta, r)", "r + theta, r)"),
    # --- time
    Rule("delay", "a synapse of delay d takes d + 1 steps", "it takes d steps, at least one",
         _EMULATOR, "(t + 1 + delay) % horizon", "(t + max(1, delay)) % horizon"),
    Rule("delay-late", "a synapse of delay d takes d + 1 steps", "it takes d + 2 steps",
         _EMULATOR, "(t + 1 + delay) % horizon", "(t + 2 + delay) % horizon"),
    Rule("delay-none", "synapses have delays", "delays are ignored",
         _EMULATOR, "(t + 1 + delay) % horizon", "(t + 1) % horizon"),
    Rule("reset-none", "the interval policy clears registers", "registers are not cleared",
         _EMULATOR, "if network.sample_interval and t %", "if False and t %"),
    Rule("reset-late", "registers are cleared in steps 0, N, 2N", "they are cleared one step later",
         _EMULATOR, "t % network.sample_interval == 0", "t % network.sample_interval == 1 % network.sample_interval"),
    Rule("reset-early", "registers are cleared in steps 0, N, 2N", "they are cleared one step earlier",
         _EMULATOR, "t % network.sample_interval == 0", "(t + 1) % network.sample_interval == 0"),
    Rule("reset-u", "every register is cleared", "the current is not cleared",
         _EMULATOR, _CLEARED, f'{_CLEARED} | {{k: x for k, x in states[population.name].items() if k in "ui"}}'),
    Rule("reset-others", "every register is cleared", "only current and voltage are cleared",
         _EMULATOR, _CLEARED,
         f'{_CLEARED} | {{k: x for k, x in states[population.name].items() if k not in "uiv"}}'),
    Rule("reset-flight", "spikes in flight survive a reset", "a reset loses them",
         _EMULATOR, _CLEARED, f"{_CLEARED}; arriving[:] = 0; a = a * 0"),
    Rule("fresh", "a fresh sample starts from zero", "samples follow each other without a reset",
         _EMULATOR, "[0] if network.sample_interval else stimulus.starts.tolist()", "[0]"),
)  # fmt: skip

RULES = {rule.name: rule for rule in _ALL}


def run_variant(rule: str | Rule, program: Program, stimulus: Stimulus, record: Sequence[str] = ()) -> Trace:
    """Run the emulator in which one rule is broken: one of `RULES` by its name, or any other."""
    trace: Trace = _emulator(RULES[rule] if isinstance(rule, str) else rule).run(program, stimulus, record)
    return trace


@cache
def _emulator(rule: Rule) -> Any:
    """A private copy of the emulator, of the arithmetic and of the neuron kinds, with one rule broken."""
    fixed = _copy(_FIXED, rule)
    kinds = {}
    for kind, module in KINDS.items():
        kinds[kind] = _copy(module.__name__, rule)  # type: ignore[attr-defined]
        vars(kinds[kind])["fixed"] = fixed
    emulator = _copy(_EMULATOR, rule)
    vars(emulator).update(fixed=fixed, KINDS=kinds, _last=_last)
    return emulator


def _copy(name: str, rule: Rule) -> ModuleType:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text(encoding="utf-8")
    for modules, right, wrong in rule.edits:
        if name in ((modules,) if isinstance(modules, str) else modules):
            assert source.count(right) == 1, f"rule {rule.name}: the source of {name} has changed"
            source = source.replace(right, wrong)
    module = ModuleType(name)
    exec(compile(source, spec.origin, "exec"), vars(module))
    return module


def _last(entries: Any, shape: tuple[int, int]) -> Any:
    """`csc_array` of entries among which the last of each pair wins, instead of their sum."""
    from scipy.sparse import dok_array

    weights, (post, pre) = entries
    matrix = dok_array(shape, dtype=weights.dtype)
    for weight, i, j in zip(weights.tolist(), post.tolist(), pre.tolist(), strict=True):
        matrix[i, j] = weight
    return matrix.tocsc()
