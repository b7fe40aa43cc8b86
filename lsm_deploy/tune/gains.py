"""Gains that bring a liquid to a firing rate or a branching ratio, before it is quantised; measured after.

The gain of the synapses from the input sets the rate, the gain of those among the liquid's own neurons its branching
ratio; where both are wanted they take turns. Graded neurons send in every step and have neither: there the gain of the
input sets the level, how large a message is on average. Homeostasis as a property of the whole liquid: Lazar, Pipa &
Triesch, Frontiers in Computational Neuroscience 3 (2009); the branching ratio is Wilting & Priesemann's (2018).

A recurrence that feeds itself makes the curve of the rate over the input's gain jump from nearly silent to runaway, and
no gain of the input meets a rate in between. Then the balance is moved first (`CALMER`, `LOUDER`: inhibition, then
recurrent excitation), by as little as lets the curve pass the target, and the input's gain is sought again. Inhibition
comes first because it is what holds excitation in balanced networks (van Vreeswijk & Sompolinsky, Science 274, 1996)
without weakening the recurrence, which is the liquid's memory. What comes nearest of all that was measured is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any, TypeAlias

from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.errors import LsmError, MisuseError, raise_all, require_type
from lsm_deploy.core.ir import INPUT
from lsm_deploy.core.notes import warn
from lsm_deploy.core.shown import Brief, Reported
from lsm_deploy.data import Frames
from lsm_deploy.data.front import training_frames
from lsm_deploy.measure.judgement import Judgement, judge
from lsm_deploy.run import backends
from lsm_deploy.run.recorded import trace_of
from lsm_deploy.spec import Path_, Spec
from lsm_deploy.spec.mistakes import suggest
from lsm_deploy.spec.schema import Explicit, Gain, PerTypeGain, Projection
from lsm_deploy.spec.values import Constant, Gamma, Lognormal, Uniform
from lsm_deploy.tune.crossing import NEAR, Aim, Crossing, find, nearest
from lsm_deploy.tune.liquid import START, Factors, Measurement, Part, Progress, Synapses, Tunable, is_graded

__all__ = ["Tuning", "Turn", "tune_gains"]

RATE_TOLERANCE = 0.02
"""Of a rate, relative."""
BRANCHING_TOLERANCE = 0.01
"""Of a branching ratio, absolute."""
LEVEL_TOLERANCE = 0.02
"""Of a level, relative."""
ROUNDS = 10
"""Turns of both gains until they are given up."""
Order: TypeAlias = Mapping[Part, tuple[float, ...]]
CALMER: Order = {
    "inhibition": (2.0, 4.0),
    "excitation": (0.5, *(0.25**i for i in range(1, 4))),
    "recurrent": (0.5, *(0.25**i for i in range(1, 7))),
}
"""What is turned, in this order, where a value jumps past its target or stays above it; `recurrent` where no weights
are of one sign."""
LOUDER: Order = {"inhibition": (0.5, 0.25, 0.25**2), "excitation": (2.0, 4.0, 16.0), "recurrent": (2.0, 4.0, 16.0)}
"""The same where it stays below."""
UNWRAPPED: Order = {"recurrent": CALMER["recurrent"], **CALMER}
"""The same where currents wrap as the spec is written: what it does then says nothing of a balance."""


@dataclass(frozen=True, repr=False)
class Turn(Brief):
    """One search: what was set beforehand, such as `inhibition x 2`, whose gain was sought then, and the nearest.

    why: it came no nearer than that; "" where that is near enough.
    """

    beforehand: str
    part: Part
    nearest: Measurement
    why: str = ""
    hint: str = ""

    @property
    def knobs(self) -> str:
        return f"{self.beforehand}, then {self.part}" if self.beforehand else self.part


@dataclass(frozen=True, repr=False)
class Tuning(Reported):
    """A spec with its new gains, the nearest to what was asked for that was reached.

    gains: those that changed, by the index of their projection. missed: what keeps it from being reached, and how far
    it is away; "" where it is within 10 % (a branching ratio: 0.05).
    """

    _short = ("population", "gains", "before", "after", "missed")

    spec: Spec
    population: str
    samples: int
    gains: Mapping[int, Gain]
    before: Measurement
    after: Measurement
    steps: tuple[Measurement, ...]
    """All that was measured, in order."""
    turns: tuple[Turn, ...]
    judgement: Judgement
    """Of what the new gains do with the training samples."""
    missed: str = ""

    @property
    def changes(self) -> dict[Path_, Any]:
        """What to put into the text of the spec."""
        return {
            ("projections", i, "gain"): asdict(gain) if isinstance(gain, PerTypeGain) else gain
            for i, gain in self.gains.items()
        }


def tune_gains(
    spec: Spec,
    rate_hz: float | None = None,
    branching: float | None = None,
    population: str | None = None,
    train: Frames | str | Path | None = None,
    progress: Progress | None = None,
    *,
    level: float | None = None,
    strict: bool = False,
    backend: str = backends.DEFAULT,
) -> Tuning:
    """Find gains at which `population` (the one that is read, if none is given) fires at `rate_hz`, branches with
    `branching`, or both, or, being graded, sends messages of this `level`; on `train`: frames, or a file of them,
    instead of the spec's training data.

    rate_hz: the mean over neurons and time, met within 2 %. branching: met within 0.01; it counts what the input has in
    common with itself, so compare it with that of another gain and not with 1. level: the mean magnitude of a message,
    of the largest that there can be, met within 2 %. Where nothing comes so near, the nearest of all that was measured
    is taken, and where that is more than 10 % or 0.05 away, an LsmWarning says what keeps it; strict: an LsmError does.
    So it does, too, where nothing comes nearer than the spec as it is.
    """
    require_type(spec, Spec, "spec", "read one with `load`")
    name = _population(spec, population)
    chosen = _synapses(spec, name, rate_hz, branching, level)
    liquid = Tunable(spec, name, chosen, training_frames(train, spec), backend, progress)
    aims: list[Aim] = []
    if rate_hz is not None:
        aims.append(Aim("input", rate_hz, RATE_TOLERANCE * rate_hz, lambda m: m.rate_hz, "{:.4g} Hz"))
    if branching is not None:
        aims.append(
            Aim("recurrent", branching, BRANCHING_TOLERANCE, lambda m: m.branching or 0.0, "a branching of {:.4g}")
        )
    if level is not None:
        aims.append(Aim("input", level, LEVEL_TOLERANCE * level, lambda m: m.level, "a level of {:.3g}"))
    turns = tuple(_in_order(aims[0], liquid) if len(aims) == 1 else _in_turn(aims, liquid))
    before, after = liquid.steps[0], _nearest(aims, liquid)
    missed = "" if all(aim.met_by(after, NEAR) for aim in aims) else _missed(aims, after, turns)
    if missed and (strict or after == before):
        hint = next(turn.hint for turn in reversed(turns) if turn.hint)
        raise LsmError(missed, where=f"population {name!r}", hint=hint)
    if missed:
        warn(f"population {name!r}: {missed}", level=2)
    samples, tuned = len(liquid.stimulus.starts), liquid.spec_at(after.factors)
    program = compile_spec(tuned).program
    judgement = judge(program, liquid.stimulus, trace_of(program, liquid.stimulus, backend=backend))  # it may warn
    gains, steps = liquid.gains(after.factors), tuple(liquid.steps)
    return Tuning(tuned, name, samples, gains, before, after, steps, turns, judgement, missed)


def _in_order(aim: Aim, liquid: Tunable) -> Iterator[Turn]:
    """Seek one target by its own gain; where that does not meet it, turn the other knobs by and by, and seek again."""
    crossing = find(aim, liquid, START)
    yield _turn("", aim, crossing)
    wraps = bool(liquid.steps[0].wraps) and not liquid.graded
    order = {"over": CALMER, "under": LOUDER}.get(crossing.side, {})
    for part, factors in (UNWRAPPED if wraps and crossing.side else order).items():
        if part == aim.part or (part == "recurrent" and liquid.chosen["excitation"] and not wraps):
            continue
        side = crossing.side
        for factor in factors if liquid.chosen[part] else ():
            here: Factors = {**START, aim.part: getattr(crossing.nearest, aim.part), part: factor}
            try:
                turned = find(aim, liquid, here)
            except LsmError:  # weights that do not compile
                break
            yield _turn(f"{part} × {factor:.3g}", aim, turned)
            if not turned.side:
                return
            if turned.side != side and not wraps:
                break  # it is too much of it
            crossing = turned


def _turn(beforehand: str, aim: Aim, crossing: Crossing) -> Turn:
    return Turn(beforehand, aim.part, crossing.nearest, crossing.why, crossing.hint)


def _in_turn(aims: Sequence[Aim], liquid: Tunable) -> Iterator[Turn]:
    """Seek several targets, each by its own gain, until they are met together or nothing moves any more."""
    now, factors = liquid.measure(aims[0].part, START), dict(START)
    for _ in range(ROUNDS):
        for aim in aims:
            crossing = find(aim, liquid, factors)
            yield _turn("", aim, crossing)
            factors = dict(crossing.nearest.factors)
        before, now = now, crossing.nearest
        if all(aim.met_by(now) for aim in aims) or now.factors == before.factors:
            return


def _nearest(aims: Sequence[Aim], liquid: Tunable) -> Measurement:
    """Of all that was measured; of equals the first, and what is silent only where all is."""
    return nearest(liquid, liquid.steps, lambda m: max(aim.off(m) for aim in aims))


def _missed(aims: Sequence[Aim], after: Measurement, turns: Sequence[Turn]) -> str:
    """What was reached, how far that is from what was asked for, and what keeps it there."""
    reached = " with ".join(aim.say(after) for aim in aims)
    asked = " with ".join(aim.words.format(aim.value) for aim in aims)
    if len(aims) > 1:
        why = f"rate and branching ratio pull each other away in {len(turns)} searches"
    else:
        why = next((turn.why for turn in turns if turn.nearest.factors == after.factors), turns[0].why)
    return f"{reached} is the nearest to {asked} that its gains bring about: {why}"


# --- what is asked for ---------------------------------------------------------------------------------------------


def _population(spec: Spec, name: str | None) -> str:
    names = list(spec.populations)
    if name is None and spec.readout is not None:
        name = spec.readout.populations[0]
    if name is None and len(names) > 1:
        raise MisuseError(
            f"the spec has {len(names)} populations", where="tune", hint=f"choose from {', '.join(names)}"
        )
    name = names[0] if name is None else name
    require_type(name, str, "population", "name one of the spec's")
    if name.partition("/")[0] in spec.read:
        hint = "tune a population that the spec makes, or train it in its source"
        raise MisuseError("its weights are those of its file", where=f"population {name!r}", hint=hint)
    if name not in names:
        raise MisuseError(f"there is no population {name!r}", where="tune", hint=suggest(name, names))
    return name


def _synapses(spec: Spec, name: str, rate_hz: float | None, branching: float | None, level: float | None) -> Synapses:
    """The synapses that each part's gain multiplies; all that keeps it from being asked for."""
    errors: list[LsmError] = []
    graded, fastest = is_graded(spec, name), 1000 / spec.dt_ms

    def report(what: str, hint: str, where: str = f"population {name!r}") -> None:
        errors.append(MisuseError(what, where=where, hint=hint))

    if rate_hz is None and branching is None and level is None:
        hint = "give a level" if graded else "give a rate, a branching ratio, or both"
        report("there is nothing to tune for", hint, "tune")
    if graded and (rate_hz is not None or branching is not None):
        what = "its neurons are graded: they send in every step, and have no rate and no branching ratio"
        report(what, "give a level, or `search` over spectral_radius, leak_rate and gain for the least error")
        raise_all(errors)
    if not graded and level is not None:
        report("its neurons spike, and all spikes are alike: there is no level", "give a rate")
    if level is not None and not 0 < level < 1:
        report(f"a level of {level:g} is out of range", "aim between 0 and 1, at 0.4, say")
    if rate_hz is not None and not 0 < rate_hz <= fastest:
        report(f"a rate of {rate_hz:g} Hz does not fit steps of {spec.dt_ms:g} ms", f"aim at most at {fastest:g}")
    if branching is not None and not 0 < branching < 2:
        report(f"a branching ratio of {branching:g} is out of range", "aim between 0 and 2, at 0.9, say")
    chosen = _parts(spec, name)
    if (rate_hz is not None or level is not None) and not chosen["input"]:
        report("no synapse joins the input to it", "tune a population that hears the input")
    if branching is not None and not chosen["recurrent"]:
        report("no synapse joins its neurons to each other", "ask for a rate only, or give it a projection onto itself")
    driven = rate_hz is not None or level is not None
    used = (chosen["input"] if driven else ()) + (chosen["recurrent"] if branching is not None else ())
    for i, _ in used:
        if _is_exact(spec.projections[i]):
            report(
                "exact weights cannot be multiplied by a gain", "drop exact", f"projection {spec.projections[i].name!r}"
            )
    raise_all(errors)
    return chosen


def _parts(spec: Spec, name: str) -> Synapses:
    parts: dict[Part, list[tuple[int, str]]] = {part: [] for part in START}
    for i, p in enumerate(spec.projections):
        if p.target != name:
            continue
        if p.source == INPUT:
            parts["input"].append((i, "EI"))
            continue
        if p.source == name:
            parts["recurrent"].append((i, "EI"))
        types = _types(spec, p)
        if types == "E and I":
            parts["excitation"].append((i, "E"))
            parts["inhibition"].append((i, "I"))
        elif types:
            parts["excitation" if types == "E" else "inhibition"].append((i, "EI"))
    return {part: tuple(synapses) for part, synapses in parts.items()}


def _types(spec: Spec, p: Projection) -> str:
    """Of which types the sources of a projection are, as far as gains can part them: `E`, `I`, `E and I`, or none."""
    source, target = (spec.drawn.get(end) for end in (p.source, p.target))
    if source is None or target is None or isinstance(p.topology, Explicit):  # whose weights have signs of their own
        return ""
    if source.inhibitory_fraction is not None:
        if source.inhibitory_fraction in (0.0, 1.0):
            return "I" if source.inhibitory_fraction else "E"
        return "E and I" if target.inhibitory_fraction is not None else ""
    low, high = _range(p)
    return "E" if low >= 0 else "I" if high <= 0 else ""


def _range(p: Projection) -> tuple[float, float]:
    """What weights may be drawn from."""
    match p.weight:
        case float() | int():
            return p.weight, p.weight
        case Constant(value=value):
            return value, value
        case Uniform(low=low, high=high):
            return low, high
        case Lognormal() | Gamma():
            return 0.0, inf
    return -inf, inf


def _is_exact(p: Projection) -> bool:
    return isinstance(p.topology, Explicit) and p.topology.exact
