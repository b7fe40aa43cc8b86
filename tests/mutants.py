"""Is the test suite as good as it says? `make mutants` breaks the emulator in one place at a time and asks who sees.

The mistakes are the product's own list (`lsm_deploy.parity.variants.RULES`, by which it explains divergences) and those
below, which nobody needs explained: wiring, bookkeeping, counting. A mutant runs on the cases of plain seeds, 0, 1, 2,
..., and is killed by the first on which a property of its trace differs from the oracle's: its spikes, a register, its
counts. The emulator as it is has to survive all of them.

The table also says what spikes alone would have noticed. That is why registers are compared.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from fuzz import run_oracle
from programs import ALL_KINDS, GRADED_KINDS, random_case

from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.parity.variants import RULES, Rule, run_variant

CASES = 300
"""How many cases a mutant may survive before it counts as one that nobody notices."""
SAMPLE = 40
"""The table says of so many cases on how many a mutant is noticed, by anything and by spikes alone."""

_WEIGHTS = "p.weights.astype(np.int64) << p.weight_exp"
_DUE = "(t + 1 + delay) % horizon"
_CLEARS = "network.sample_interval and t % network.sample_interval == 0"
_CLIPPED = "np.clip(x, -(UV_LIMIT - 1), UV_LIMIT - 1)"
_DECAYED_U = 'fixed.decay(state["u"], registers["du"] + 1)'
_DECAYED_V = 'fixed.decay(state["v"], registers["dv"])'
EXTRA = (
    # --- wiring
    Rule("wiring-transposed", "weights are [post, pre]", "weights of square projections are transposed",
         "(p.post[chosen], pre[chosen])", "(p.post[chosen], pre[chosen])[:: 1 - 2 * (shape[0] == shape[1])]"),
    Rule("wiring-signs", "weights have signs", "weights are absolute", _WEIGHTS, f"np.abs({_WEIGHTS})"),
    Rule("wiring-bytes", "weights have 8 bits and a sign", "weights have 8 bits with the sign",
         _WEIGHTS, "p.weights.astype(np.int8).astype(np.int64) << p.weight_exp"),
    Rule("wiring-exponent", "exponents reach 7", "exponents reach 6",
         _WEIGHTS, "p.weights.astype(np.int64) << min(p.weight_exp, 6)"),
    Rule("wiring-add", "projections onto a neuron add", "the last one wins",
         f"arriving[{_DUE}, onto] += weights @ fired.astype(np.int64)",
         f"arriving[{_DUE}, onto] = weights @ fired.astype(np.int64)"),
    # --- time
    Rule("time-input", "input row t is seen in step t + 1", "input row t is seen in step t",
         "stimulus[t]", "stimulus[min(t + 1, len(stimulus) - 1)]"),
    Rule("time-recurrent", "recurrent synapses take d + 1 steps, as those of the input do", "they take d + 2",
         "spikes[t, slices[source]]", "spikes[t - 1, slices[source]]"),
    Rule("time-longest", "delays reach 62", "delays reach 61", _DUE, "(t + 1 + min(delay, 61)) % horizon"),
    Rule("time-delay-bits", "delays have 6 bits", "delays have 5 bits", _DUE, "(t + 1 + (delay & 31)) % horizon"),
    Rule("time-arrived", "a sum arrives once", "a sum arrives again and again",
         "arriving[t % horizon] = 0", "pass"),
    Rule("time-clear-first", "all populations are cleared", "only the first one is",
         _CLEARS, f"population is network.populations[0] and {_CLEARS}"),
    Rule("time-clear-after", "registers are cleared before integration", "what arrives in that step is cleared too",
         "arriving[t % horizon].copy()",
         "arriving[t % horizon] * (not network.sample_interval or t % network.sample_interval > 0)"),
    # --- edges of the arithmetic
    Rule("edge-u-kept", "u = +2^23 is kept", "u = +2^23 becomes -2^23", "x > UV_LIMIT", "x >= UV_LIMIT"),
    Rule("edge-u-above", "u wraps", "u goes on above 2^23", "x > UV_LIMIT", "x > 1 << 40"),
    Rule("edge-v-top", "v saturates at 2^23 - 1", "v saturates at 2^23",
         _CLIPPED, "np.clip(x, -(UV_LIMIT - 1), UV_LIMIT)"),
    Rule("edge-v-none", "v saturates", "v goes on", _CLIPPED, "x"),
    Rule("edge-dv", "dv = 4096 forgets at once", "dv has 12 bits",
         _DECAYED_V, 'fixed.decay(state["v"], registers["dv"] & 4095)'),
    Rule("edge-du", "du + 1 = 4096 forgets at once", "du + 1 has 12 bits",
         _DECAYED_U, 'fixed.decay(state["u"], (registers["du"] + 1) & 4095)'),
    # --- what is added
    Rule("add-u", "a sum is added to the decayed current", "current and sum decay together",
         f"{_DECAYED_U} + (a << fixed.ACT_SHIFT)",
         'fixed.decay(state["u"] + (a << fixed.ACT_SHIFT), registers["du"] + 1)'),
    Rule("add-v", "u is added to the decayed voltage", "voltage and u decay together",
         f"{_DECAYED_V} + u + bias", 'fixed.decay(state["v"] + u, registers["dv"]) + bias'),
    Rule("add-bias", "the bias is added in each step", "there is no bias",
         'registers["bias_mant"] << registers["bias_exp"]', 'registers["bias_mant"] * 0'),
    Rule("add-first-du", "each neuron has its own du", "all have the first one's",
         _DECAYED_U, 'fixed.decay(state["u"], registers["du"][:1] + 1)'),
    Rule("add-first-dv", "each neuron has its own dv", "all have the first one's",
         _DECAYED_V, 'fixed.decay(state["v"], registers["dv"][:1])'),
    # --- counts
    Rule("count-wide", "sums beyond 16 bits are counted", "only those above are",
         "np.abs(given) > kind.LARGEST_SUM", "given > kind.LARGEST_SUM"),
    Rule("count-wide-edge", "32767 fits in 16 bits", "a sum of 16384 is counted",
         "np.abs(given) > kind.LARGEST_SUM", "np.abs(given) >= 1 << 14"),
    Rule("count-wraps", "wraps are counted by neuron", "wraps are counted by step",
         "int(step.wrapped.sum())", "int(step.wrapped.any())"),
    Rule("count-clips", "clips are counted", "clips are not counted", "int(step.saturated.sum())", "0"),
)  # fmt: skip
"""Mistakes that the suite has to notice and that no user's divergence needs explained by."""

UNBROKEN = Rule("unbroken", "the definition", "nothing is broken", _CLEARS, _CLEARS)


@dataclass(frozen=True)
class Fate:
    """What became of a mutant; case numbers are seeds. `by` is what parted first on the case that killed it."""

    rule: Rule
    case: int | None
    by: str
    also: tuple[str, ...]
    policy: str
    ran: int
    noticed: int
    """Cases among `ran` on which anything differs; and on which spikes do."""
    by_spikes: int
    spikes_killed: bool
    """Spikes differ on the case that killed."""


def drawn(seed: int) -> tuple[Program, Stimulus]:
    """Every third case has graded neurons, beside others or alone, of either kind by turns."""
    graded = GRADED_KINDS if seed % 2 else GRADED_KINDS[::-1]
    return random_case(seed, kinds=(*graded, *ALL_KINDS)) if seed % 3 == 2 else random_case(seed)


@lru_cache(maxsize=CASES)
def case(seed: int) -> tuple[Program, Stimulus, Trace]:
    """A case and what the oracle makes of it."""
    program, stimulus = drawn(seed)
    return program, stimulus, run_oracle(program, stimulus, program.network.state_names)


def differing(expected: Trace, trace: Trace) -> tuple[str, ...]:
    """The properties in which a trace differs from the oracle's, the one that parts first in front."""
    pairs = [(name, values, trace.registers[name]) for name, values in expected.registers.items()]
    found = []
    for order, (name, a, b) in enumerate([*pairs, ("spikes", expected.spikes, trace.spikes)]):
        if (differs := (a != b).any(axis=1)).any():
            found.append((int(np.argmax(differs)), order, name))
    counts = ["counts"] if trace.counts != expected.counts else []
    return (*(name for _, _, name in sorted(found)), *counts)


def hunt(rule: Rule, cases: int = CASES, least: int = 0) -> Fate:
    """Run a mutant until it is killed, and on `least` cases in any event."""
    killed: tuple[int, tuple[str, ...], str] | None = None
    ran = noticed = by_spikes = 0
    while ran < cases and (killed is None or ran < least):
        program, stimulus, expected = case(ran)
        try:
            found = differing(expected, run_variant(rule, program, stimulus, tuple(expected.registers)))
        except Exception as error:  # one that cannot run is noticed by anybody
            found = (type(error).__name__, "spikes")
        noticed += bool(found)
        by_spikes += "spikes" in found
        if found and killed is None:
            policy = f"every {n}" if (n := program.network.sample_interval) else f"{len(stimulus.starts)} fresh"
            killed = ran, found, policy
        ran += 1
    number, found, policy = killed or (None, ("",), "")
    return Fate(rule, number, found[0], found[1:], policy, ran, noticed, by_spikes, "spikes" in found)


def table(fates: Sequence[Fate], seconds: float) -> Iterator[str]:
    """The fates, a line each, and their sums."""
    rows = [("mistake", "killed by", "and", "samples", "case", "spikes too", "noticed", "by spikes")]
    for f in fates:
        if f.case is None:
            rows.append((f.rule.name, "SURVIVED", "", "", "", "", f"0 of {f.ran}", "0"))
            continue
        too = "yes" if f.spikes_killed else "no"
        noticed = f"{f.noticed} of {f.ran}"
        rows.append((f.rule.name, f.by, " ".join(f.also), f.policy, str(f.case), too, noticed, str(f.by_spikes)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    killed = [f for f in fates if f.case is not None]
    runs = sum(f.case or 0 for f in killed) + len(killed)
    yield f"{len(killed)} of {len(fates)} killed, with {runs} runs, in {seconds:.0f} s"
    yield (
        f"spikes alone miss {sum(not f.spikes_killed for f in killed)} of them on the case that kills,"
        f" and {sum(f.by_spikes == 0 for f in killed)} on each of the {SAMPLE} first;"
        f" where registers or counts notice a mutant, spikes do in {_share(killed):.0%}"
    )


def _share(fates: Sequence[Fate]) -> float:
    return sum(f.by_spikes for f in fates) / max(1, sum(f.noticed for f in fates))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Break the emulator in every way that is known, and see it noticed.")
    parser.add_argument("--cases", type=int, default=CASES)
    given = parser.parse_args(arguments)
    began = time.monotonic()
    fates = [hunt(rule, given.cases, SAMPLE) for rule in (*RULES.values(), *EXTRA)]
    print(*table(fates, time.monotonic() - began), sep="\n")
    unbroken = hunt(UNBROKEN, given.cases)
    print(f"the emulator itself {'survives' if unbroken.case is None else 'FAILS'} all {unbroken.ran} cases")
    return 1 if unbroken.case is not None or any(f.case is None for f in fates) else 0


if __name__ == "__main__":
    sys.exit(main())
