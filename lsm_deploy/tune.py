"""Gains that bring a liquid to a firing rate or a branching ratio, before it is quantised; measured after.

The gain of the synapses from the input sets the rate, the gain of those among the liquid's own neurons its branching
ratio; where both are wanted they take turns. Every measurement compiles the spec with its gains and runs the integers
on training data. No more is assumed of a curve than that it crosses its target somewhere: gains are doubled or halved
until it has, and Brent's method narrows the crossing down. Homeostasis as a property of the whole liquid: Lazar, Pipa &
Triesch, Frontiers in Computational Neuroscience 3 (2009); the branching ratio of Wilting & Priesemann (2018).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

import numpy as np
from scipy.optimize import brentq

from lsm_deploy import backend as backends
from lsm_deploy.data import Frames, load_data
from lsm_deploy.encode import fit_ranges
from lsm_deploy.errors import LsmError, raise_all
from lsm_deploy.fidelity import branching_ratio
from lsm_deploy.ir import INPUT, Stimulus
from lsm_deploy.model import columns_of, data_of, encode_for
from lsm_deploy.pipeline import compile_spec
from lsm_deploy.spec import Path_, Spec
from lsm_deploy.spec.load import suggest
from lsm_deploy.spec.schema import Explicit, Gain, PerTypeGain

__all__ = ["Measured", "Tuned", "tune"]

Part = Literal["input", "recurrent"]
Progress = Callable[[int, int], None]

RATE_TOLERANCE = 0.02
"""Of a rate, relative."""
BRANCHING_TOLERANCE = 0.01
"""Of a branching ratio, absolute."""
NEAR = 5.0
"""Tolerances that are let pass where there is nothing nearer: weights of few values move in steps on the chip."""
REACH = 12
"""Doublings, or halvings, of a gain until it is given up."""
ROUNDS = 10
"""Turns of both gains until they are given up."""
SAMPLES = 200
"""Training samples that are run, of more: evenly spaced, because files are often sorted by class."""


@dataclass(frozen=True)
class Measured:
    """What the deployed liquid does at these factors of its gains. branching: None where activity has no memory.

    part: whose gain was being sought. silent, saturated: shares of neurons that never spike, or in half of all steps.
    wraps: how often a current passed its 24 bits, in the whole network.
    """

    part: Part
    input: float
    recurrent: float
    rate_hz: float
    branching: float | None
    silent: float
    saturated: float
    wraps: int


@dataclass(frozen=True)
class Tuned:
    """A spec with its new gains; `gains` are those that changed, by the index of their projection."""

    spec: Spec
    population: str
    samples: int
    gains: Mapping[int, Gain]
    before: Measured
    after: Measured
    steps: tuple[Measured, ...]
    """All that was measured, in order."""

    @property
    def changes(self) -> dict[Path_, Any]:
        """What to put into the text of the spec."""
        return {
            ("projections", i, "gain"): asdict(gain) if isinstance(gain, PerTypeGain) else gain
            for i, gain in self.gains.items()
        }


def tune(
    spec: Spec,
    rate_hz: float | None = None,
    branching: float | None = None,
    population: str | None = None,
    train: Frames | None = None,
    progress: Progress | None = None,
) -> Tuned:
    """Find gains at which `population` (the one that is read, if none is given) fires at `rate_hz`, branches with
    `branching`, or both, on `train` (the spec's own, if none is given).

    rate_hz: the mean over neurons and time, met within 2 %. branching: met within 0.01; it counts what the input has in
    common with itself, so compare it with that of another gain and not with 1. Where the integers jump over a target,
    the nearest is taken, up to 10 % or 0.05 from it; an LsmError says what was reached of one that is out of reach.
    """
    name = _population(spec, population)
    chosen = _projections(spec, name, rate_hz, branching, 1000 / spec.dt_ms)
    liquid = _Liquid(spec, name, chosen, load_data(data_of(spec))[0] if train is None else train, progress)
    targets: list[_Target] = []
    if rate_hz is not None:
        targets.append(_Target("input", rate_hz, RATE_TOLERANCE * rate_hz, lambda m: m.rate_hz, "{:.4g} Hz"))
    if branching is not None:
        targets.append(
            _Target("recurrent", branching, BRANCHING_TOLERANCE, lambda m: m.branching or 0.0, "a branching of {:.4g}")
        )
    factors: dict[Part, float] = {"input": 1.0, "recurrent": 1.0}
    for _ in range(ROUNDS):
        for target in targets:
            factors[target.part] *= _find(target, liquid, dict(factors), alone=len(targets) == 1)
        now = liquid.measure(targets[-1].part, factors)
        if len(targets) == 1 or all(target.met_by(now) for target in targets):
            break
    if all(target.met_by(now, NEAR) for target in targets):
        gains = {i: gain for i, gain in liquid.gains(factors).items() if gain != spec.projections[i].gain}
        samples, steps = len(liquid.stimulus.starts), tuple(liquid.steps)
        return Tuned(liquid.spec_at(factors), name, samples, gains, steps[0], now, steps)
    raise LsmError(
        f"rate and branching ratio pull each other away: after {ROUNDS} rounds it fires at {now.rate_hz:.4g} Hz with a "
        f"branching of {now.branching or 0:.4g}",
        where=f"population {name!r}",
        hint="give one of them, or both nearer to these",
    )


# --- what is asked for ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Target:
    """A value that the gain of one part is to bring about, and how to say it."""

    part: Part
    value: float
    tolerance: float
    of: Callable[[Measured], float]
    words: str

    def off(self, measured: Measured) -> float:
        return abs(self.of(measured) - self.value)

    def met_by(self, measured: Measured, tolerances: float = 1.0) -> bool:
        return self.off(measured) <= tolerances * self.tolerance


def _population(spec: Spec, name: str | None) -> str:
    names = list(spec.populations)
    if name is None and spec.readout is not None:
        return spec.readout.population
    if name is None and len(names) > 1:
        raise LsmError(f"the spec has {len(names)} populations", where="tune", hint=f"choose from {', '.join(names)}")
    if name is not None and name not in names:
        raise LsmError(f"there is no population {name!r}", where="tune", hint=suggest(name, names))
    return names[0] if name is None else name


def _projections(
    spec: Spec, name: str, rate_hz: float | None, branching: float | None, fastest: float
) -> dict[Part, tuple[int, ...]]:
    """Indices of the projections that each part's gain multiplies; all that keeps it from being asked for."""
    errors: list[LsmError] = []

    def report(what: str, hint: str, where: str = f"population {name!r}") -> None:
        errors.append(LsmError(what, where=where, hint=hint))

    if rate_hz is None and branching is None:
        report("there is nothing to tune for", "give a rate, a branching ratio, or both", "tune")
    if rate_hz is not None and not 0 < rate_hz <= fastest:
        report(f"a rate of {rate_hz:g} Hz does not fit steps of {spec.dt_ms:g} ms", f"aim at most at {fastest:g}")
    if branching is not None and not 0 < branching < 2:
        report(f"a branching ratio of {branching:g} is out of range", "aim between 0 and 2, at 0.9, say")
    ends = [(p.source, p.target) for p in spec.projections]
    chosen: dict[Part, tuple[int, ...]] = {
        "input": tuple(i for i, end in enumerate(ends) if end == (INPUT, name)),
        "recurrent": tuple(i for i, end in enumerate(ends) if end == (name, name)),
    }
    if rate_hz is not None and not chosen["input"]:
        report("no synapse joins the input to it", "tune a population that hears the input")
    if branching is not None and not chosen["recurrent"]:
        report("no synapse joins its neurons to each other", "ask for a rate only, or give it a projection onto itself")
    used = (chosen["input"] if rate_hz is not None else ()) + (chosen["recurrent"] if branching is not None else ())
    for i in used:
        topology = spec.projections[i].topology
        if isinstance(topology, Explicit) and topology.exact:
            report(
                "exact weights cannot be multiplied by a gain", "drop exact", f"projection {spec.projections[i].name!r}"
            )
    raise_all(errors)
    return chosen


# --- the liquid at some gains --------------------------------------------------------------------------------------


class _Liquid:
    """Measures the deployed liquid at factors of its gains, each pair once."""

    def __init__(
        self, spec: Spec, population: str, chosen: dict[Part, tuple[int, ...]], data: Frames, progress: Progress | None
    ) -> None:
        self.spec, self.population, self.chosen, self.progress = spec, population, chosen, progress
        program = compile_spec(spec).program
        whole = encode_for(program, spec.input, fit_ranges(data, spec.input), data, spec.seed, "train")
        self.stimulus = _evenly(whole, SAMPLES)
        if not self.stimulus.spikes.any():
            hint = "raise max_rate_hz, or lower threshold or delta"
            raise LsmError("the encoded training data has no spikes", where="input", hint=hint)
        self.known: dict[tuple[float, float], Measured] = {}
        self.steps: list[Measured] = []

    def gains(self, factors: Mapping[Part, float]) -> dict[int, Gain]:
        return {
            i: _times(self.spec.projections[i].gain, factor)
            for part, factor in factors.items()
            if factor != 1.0
            for i in self.chosen[part]
        }

    def spec_at(self, factors: Mapping[Part, float]) -> Spec:
        gains = self.gains(factors)
        projections = (replace(p, gain=gains.get(i, p.gain)) for i, p in enumerate(self.spec.projections))
        return replace(self.spec, projections=tuple(projections))

    def measure(self, part: Part, factors: Mapping[Part, float]) -> Measured:
        at = (factors["input"], factors["recurrent"])
        if at not in self.known:
            program = compile_spec(self.spec_at(factors)).program
            trace = backends.run(backends.DEFAULT, program, self.stimulus)
            spikes = trace.spikes[:, columns_of(program, self.population)]
            per_step = (spikes != 0).mean(axis=0)
            found = Measured(
                part,
                *at,
                rate_hz=float(per_step.mean()) * 1000 / self.spec.dt_ms,
                branching=branching_ratio(spikes, trace.starts),
                silent=float((per_step == 0).mean()),
                saturated=float((per_step > 0.5).mean()),
                wraps=trace.counts.get("u_wraps", 0),
            )
            self.known[at] = found
            self.steps.append(found)
            if self.progress:
                self.progress(len(self.steps), max(2 * REACH, len(self.steps) + 1))
        return replace(self.known[at], part=part)


def _times(gain: Gain, factor: float) -> Gain:
    # Rounded before it is measured, so that what is measured is what is written.
    if isinstance(gain, PerTypeGain):
        return PerTypeGain(**{f.name: float(f"{getattr(gain, f.name) * factor:.5g}") for f in fields(gain)})
    return float(f"{gain * factor:.5g}")


def _evenly(stimulus: Stimulus, most: int) -> Stimulus:
    """At most so many of the samples, evenly spaced."""
    samples = len(stimulus.starts)
    if samples <= most:
        return stimulus
    windows = np.stack([stimulus.starts, np.append(stimulus.starts[1:], len(stimulus.spikes))], axis=1)
    kept = windows[np.linspace(0, samples - 1, most).round().astype(np.int64)]
    starts = np.concatenate([[0], np.cumsum(kept[:, 1] - kept[:, 0])[:-1]])
    return Stimulus(np.concatenate([stimulus.spikes[a:b] for a, b in kept]), starts)


# --- where a curve crosses its target ------------------------------------------------------------------------------


def _find(target: _Target, liquid: _Liquid, factors: Mapping[Part, float], alone: bool) -> float:
    """What to multiply the gain of the target's part by; an LsmError where no factor meets the target.

    Where it is not alone the nearest will do for now: the other gain may yet move the jump away.
    """
    seen: dict[float, Measured] = {}

    def excess(octaves: float) -> float:
        at = {**factors, target.part: factors[target.part] * 2.0**octaves}
        measured = liquid.measure(target.part, at)
        if measured.wraps and octaves > 0:
            raise LsmError("its current wraps", where=f"population {liquid.population!r}", hint="take a smaller gain")
        seen[octaves] = measured
        return 0.0 if target.met_by(measured) else target.of(measured) - target.value

    bracket = _bracket(excess)
    if bracket is None:
        raise _unreachable(target, liquid, seen)
    low, high = bracket
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


def _unreachable(target: _Target, liquid: _Liquid, seen: Mapping[float, Measured]) -> LsmError:
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
        what = f"it reaches {high} at most, not {target.value:g}, {span}{why if most.saturated else ''}"
    else:
        what = f"it does not come below {low}, to {target.value:g}, {span}"
        hint = "aim higher, or lower what drives it besides: bias, other synapses, the input's own regularity"
    return LsmError(what, where=where, hint=hint)
