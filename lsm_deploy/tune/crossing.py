"""Where the curve of a value over a gain crosses its target.

No more is assumed of the curve than that it crosses somewhere: the gain is doubled or halved until it has, and Brent's
method narrows the crossing down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lsm_deploy.core.errors import LsmError
from lsm_deploy.tune.liquid import Factors, Measurement, Part, Tunable

__all__ = ["NEAR", "Aim", "Crossing", "find", "nearest"]

NEAR = 5.0
"""Tolerances that are let pass where there is nothing nearer: weights of few values move in steps on the chip."""
REACH = 12
"""Doublings, or halvings, of a gain until it is given up."""
FLAT = 4
"""Halvings that change nothing, after which no others will."""


@dataclass(frozen=True)
class Aim:
    """A value that the gain of one part is to bring about, and how to say it."""

    part: Part
    value: float
    tolerance: float
    of: Callable[[Measurement], float]
    words: str

    def off(self, measured: Measurement) -> float:
        """How far it is from the value, in tolerances."""
        return abs(self.of(measured) - self.value) / self.tolerance

    def met_by(self, measured: Measurement, tolerances: float = 1.0) -> bool:
        return self.off(measured) <= tolerances

    def say(self, measured: Measurement) -> str:
        return self.words.format(self.of(measured))


@dataclass(frozen=True)
class Crossing:
    """The nearest that the gain of one part brings the value, and, where that is not near, on which side of it the
    curve stays and why: `over`, where it never comes down to the value or jumps past it, `under`, or `silent`. hint:
    what else could help."""

    nearest: Measurement
    side: Literal["", "over", "under", "silent"] = ""
    why: str = ""
    hint: str = ""


def find(target: Aim, liquid: Tunable, factors: Factors) -> Crossing:
    """Turn the gain of the target's part, from these factors on, until the target is met or is known not to be.

    An LsmError where what the factors make of the spec does not compile.
    """
    seen: dict[float, Measurement] = {}

    def excess(octaves: float) -> float:
        at = {**factors, target.part: factors[target.part] * 2.0**octaves}
        measured = seen[octaves] = liquid.measure(target.part, at)
        met = target.met_by(measured) and (octaves == 0 or not overflows(octaves))
        return 0.0 if met else target.of(measured) - target.value

    def overflows(octaves: float) -> bool:
        return bool(seen[octaves].wraps) and not liquid.graded  # these are held at the ends, and do not turn

    bracket = _bracket(excess, overflows)
    if bracket is None:
        sound = {o: m for o, m in seen.items() if o <= 0 or not overflows(o)}
        best = nearest(liquid, sound.values(), target.off)
        return Crossing(best) if target.met_by(best, NEAR) else _beyond_reach(target, liquid, sound, best)
    root = bracket[0]
    if bracket[0] < bracket[1]:
        from scipy.optimize import brentq

        root = float(brentq(excess, *bracket, xtol=1e-4, maxiter=60))
        excess(root)
    best = nearest(liquid, seen.values(), target.off)
    if target.met_by(best, NEAR):
        return Crossing(best)
    near = [seen[octaves] for octaves in sorted(seen, key=lambda octaves: abs(octaves - root))]
    below = next(m for m in near if target.of(m) <= target.value)
    above = next(m for m in near if target.of(m) >= target.value)
    where = f"where the {target.part} gain is {getattr(below, target.part):.4g} times what it was"
    why = f"it jumps from {target.say(below)} to {target.say(above)} {where}"
    if not liquid.graded and (below.wraps or above.wraps):
        why += ", and its currents overflow there"
    return Crossing(best, "over", why, "aim beside the jump, or smooth it with weights or time constants that vary")


def nearest(liquid: Tunable, measured: Iterable[Measurement], off: Callable[[Measurement], float]) -> Measurement:
    """The least far off of what runs as it should; of equals the first.

    A liquid whose currents wrap comes to its rate by an accident, and a silent one is no use, however near 0 is.
    """
    return min(measured, key=lambda m: (bool(m.wraps) and not liquid.graded, m.rate_hz == 0, off(m)))


def _bracket(excess: Callable[[float], float], overflows: Callable[[float], bool]) -> tuple[float, float] | None:
    """Two octaves between which the target lies, or one twice that meets it."""
    here = excess(0.0)
    if here == 0:
        return 0.0, 0.0
    up = 1 if here < 0 else -1  # a stronger gain mostly means more; where inhibition rules it is the other way round
    for direction in (up, -up):
        last: list[float] = []
        for i in range(1, REACH + 1):
            at = direction * float(i)
            try:
                now = excess(at)
            except LsmError:  # stronger than can be compiled
                break
            if now * here <= 0:
                return (at, at) if now == 0 else (min(at, at - direction), max(at, at - direction))
            if at > 0 and overflows(at):  # than a current can hold without turning its sign
                break
            last = [*last[-FLAT + 1 :], now]
            if at < 0 and len(last) == FLAT and len(set(last)) == 1:  # it is no more than what drives it besides
                break
    return None


def _beyond_reach(target: Aim, liquid: Tunable, seen: Mapping[float, Measurement], best: Measurement) -> Crossing:
    tried = [getattr(m, target.part) for m in seen.values()]
    span = f"with its {target.part} gain {min(tried):.3g} to {max(tried):.3g} times what it was"
    if max(seen) < REACH:
        span += ", beyond which its currents overflow or its weights do not compile"
    if all(m.rate_hz == 0 for m in seen.values()):
        return Crossing(best, "silent", f"it is silent {span}", "look at its threshold, its inputs and their signs")
    if target.of(best) > target.value:
        hint = "aim higher, or lower what drives it besides: bias, other synapses, the input's own regularity"
        return Crossing(best, "over", f"it does not come below {target.say(best)}, {span}", hint)
    why = f"it reaches {target.say(best)} at most, {span}"
    if most := max(seen.values(), key=target.of).saturated:
        busy = "messages are nearly the largest" if liquid.graded else "neurons spike in more than half of all steps"
        why += f"; there {most:.0%} of its {busy}"
    hint = "aim lower, shorten its refractory period, or let more input reach it"
    return Crossing(best, "under", why, "aim lower, or raise its leak_rate" if liquid.graded else hint)
