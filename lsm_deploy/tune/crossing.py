"""Where the curve of a value over a gain crosses its target.

No more is assumed of the curve than that it crosses somewhere: the gain is doubled or halved until it has, and Brent's
method narrows the crossing down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lsm_deploy.core.errors import LsmError
from lsm_deploy.tune.liquid import Measurement, Part, Tunable

__all__ = ["NEAR", "Aim", "find"]

NEAR = 5.0
"""Tolerances that are let pass where there is nothing nearer: weights of few values move in steps on the chip."""
REACH = 12
"""Doublings, or halvings, of a gain until it is given up."""


@dataclass(frozen=True)
class Aim:
    """A value that the gain of one part is to bring about, and how to say it."""

    part: Part
    value: float
    tolerance: float
    of: Callable[[Measurement], float]
    words: str

    def off(self, measured: Measurement) -> float:
        return abs(self.of(measured) - self.value)

    def met_by(self, measured: Measurement, tolerances: float = 1.0) -> bool:
        return self.off(measured) <= tolerances * self.tolerance


def find(target: Aim, liquid: Tunable, factors: Mapping[Part, float], alone: bool) -> float:
    """What to multiply the gain of the target's part by; an LsmError where no factor meets the target.

    Where it is not alone the nearest will do for now: the other gain may yet move the jump away.
    """
    seen: dict[float, Measurement] = {}

    def excess(octaves: float) -> float:
        at = {**factors, target.part: factors[target.part] * 2.0**octaves}
        measured = liquid.measure(target.part, at)
        if measured.wraps and octaves > 0 and not liquid.graded:  # these are held at the ends, and do not turn
            raise LsmError("its current wraps", where=f"population {liquid.population!r}", hint="take a smaller gain")
        seen[octaves] = measured
        return 0.0 if target.met_by(measured) else target.of(measured) - target.value

    bracket = _bracket(excess)
    if bracket is None:
        raise _unreachable(target, liquid, seen)
    low, high = bracket
    from scipy.optimize import brentq

    root = low if low == high else float(brentq(excess, low, high, xtol=1e-4, maxiter=60))
    if excess(root) == 0:
        return float(2.0**root)
    nearest = min(seen, key=lambda octaves: target.off(seen[octaves]))
    if not alone or target.met_by(seen[nearest], NEAR):
        return float(2.0**nearest)
    near = sorted(seen, key=lambda octaves: abs(octaves - root))
    below = next(seen[x] for x in near if target.of(seen[x]) < target.value)
    above = next(seen[x] for x in near if target.of(seen[x]) > target.value)
    raise LsmError(
        f"it jumps from {target.words.format(target.of(below))} to {target.words.format(target.of(above))} where the "
        f"{target.part} gain is {getattr(below, target.part):.4g} times what it was, past {target.value:g}",
        where=f"population {liquid.population!r}",
        hint="aim beside the jump, or smooth it with weights or time constants that vary",
    )


def _bracket(excess: Callable[[float], float]) -> tuple[float, float] | None:
    """Two octaves between which the target lies, or one twice that meets it."""
    here = excess(0.0)
    if here == 0:
        return 0.0, 0.0
    up = 1 if here < 0 else -1  # a stronger gain mostly means more; where inhibition rules it is the other way round
    for direction in (up, -up):
        for i in range(1, REACH + 1):
            at = direction * float(i)
            try:
                now = excess(at)
            except LsmError:  # stronger than can be compiled, or than a current can hold without turning its sign
                break
            if now * here <= 0:
                return (at, at) if now == 0 else (min(at, at - direction), max(at, at - direction))
    return None


def _unreachable(target: Aim, liquid: Tunable, seen: Mapping[float, Measurement]) -> LsmError:
    where, values = f"population {liquid.population!r}", [target.of(m) for m in seen.values()]
    tried = [getattr(m, target.part) for m in seen.values()]
    span = f"with its {target.part} gain {min(tried):.3g} to {max(tried):.3g} times what it was"
    if max(seen) < REACH:
        span += ", beyond which its currents overflow or its weights do not compile"
    if all(m.rate_hz == 0 for m in seen.values()):
        return LsmError(f"it is silent {span}", where=where, hint="look at its threshold, its inputs and their signs")
    low, high = (target.words.format(value) for value in (min(values), max(values)))
    if max(values) < target.value:
        most = max(seen.values(), key=target.of)
        why = f"; there {most.saturated:.0%} of its neurons spike in more than half of all steps"
        hint = "aim lower, shorten its refractory period, or let more input reach it"
        if liquid.graded:
            why = f"; there {most.saturated:.0%} of its messages are nearly the largest"
            hint = "aim lower, or raise its leak_rate"
        what = f"it reaches {high} at most, not {target.value:g}, {span}{why if most.saturated else ''}"
    else:
        what = f"it does not come below {low}, to {target.value:g}, {span}"
        hint = "aim higher, or lower what drives it besides: bias, other synapses, the input's own regularity"
    return LsmError(what, where=where, hint=hint)
