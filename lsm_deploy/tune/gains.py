"""Gains that bring a liquid to a firing rate or a branching ratio, before it is quantised; measured after.

The gain of the synapses from the input sets the rate, the gain of those among the liquid's own neurons its branching
ratio; where both are wanted they take turns. Graded neurons send in every step and have neither: there the gain of the
input sets the level, how large a message is on average. Homeostasis as a property of the whole liquid: Lazar, Pipa &
Triesch, Frontiers in Computational Neuroscience 3 (2009); the branching ratio is Wilting & Priesemann's (2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.errors import LsmError, MisuseError, raise_all, require_type
from lsm_deploy.core.ir import INPUT
from lsm_deploy.core.shown import Reported
from lsm_deploy.data import Frames
from lsm_deploy.data.front import training_frames
from lsm_deploy.run import backends
from lsm_deploy.run.recorded import trace_of
from lsm_deploy.spec import Path_, Spec
from lsm_deploy.spec.mistakes import suggest
from lsm_deploy.spec.schema import Explicit, Gain, PerTypeGain
from lsm_deploy.tune.crossing import NEAR, Aim, find
from lsm_deploy.tune.liquid import Measurement, Part, Progress, Tunable, is_graded

__all__ = ["Tuning", "tune_gains"]

RATE_TOLERANCE = 0.02
"""Of a rate, relative."""
BRANCHING_TOLERANCE = 0.01
"""Of a branching ratio, absolute."""
LEVEL_TOLERANCE = 0.02
"""Of a level, relative."""
ROUNDS = 10
"""Turns of both gains until they are given up."""


@dataclass(frozen=True, repr=False)
class Tuning(Reported):
    """A spec with its new gains; `gains` are those that changed, by the index of their projection."""

    spec: Spec
    population: str
    samples: int
    gains: Mapping[int, Gain]
    before: Measurement
    after: Measurement
    steps: tuple[Measurement, ...]
    """All that was measured, in order."""

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
    backend: str = backends.DEFAULT,
) -> Tuning:
    """Find gains at which `population` (the one that is read, if none is given) fires at `rate_hz`, branches with
    `branching`, or both, or, being graded, sends messages of this `level`; on `train`: frames, or a file of them,
    instead of the spec's training data.

    rate_hz: the mean over neurons and time, met within 2 %. branching: met within 0.01; it counts what the input has in
    common with itself, so compare it with that of another gain and not with 1. level: the mean magnitude of a message,
    of the largest that there can be, met within 2 %. Where the integers jump over a target,
    the nearest is taken, up to 10 % or 0.05 from it; an LsmError says what was reached of one that is out of reach.
    """
    require_type(spec, Spec, "spec", "read one with `load`")
    name = _population(spec, population)
    chosen = _projections(spec, name, rate_hz, branching, level)
    liquid = Tunable(spec, name, chosen, training_frames(train, spec), backend, progress)
    targets: list[Aim] = []
    if rate_hz is not None:
        targets.append(Aim("input", rate_hz, RATE_TOLERANCE * rate_hz, lambda m: m.rate_hz, "{:.4g} Hz"))
    if branching is not None:
        targets.append(
            Aim("recurrent", branching, BRANCHING_TOLERANCE, lambda m: m.branching or 0.0, "a branching of {:.4g}")
        )
    if level is not None:
        targets.append(Aim("input", level, LEVEL_TOLERANCE * level, lambda m: m.level, "a level of {:.3g}"))
    factors: dict[Part, float] = {"input": 1.0, "recurrent": 1.0}
    for _ in range(ROUNDS):
        for target in targets:
            factors[target.part] *= find(target, liquid, dict(factors), alone=len(targets) == 1)
        now = liquid.measure(targets[-1].part, factors)
        if len(targets) == 1 or all(target.met_by(now) for target in targets):
            break
    if all(target.met_by(now, NEAR) for target in targets):
        gains = {i: gain for i, gain in liquid.gains(factors).items() if gain != spec.projections[i].gain}
        samples, steps = len(liquid.stimulus.starts), tuple(liquid.steps)
        trace_of(compile_spec(liquid.spec_at(factors)).program, liquid.stimulus, backend=backend)  # it may warn
        return Tuning(liquid.spec_at(factors), name, samples, gains, steps[0], now, steps)
    raise LsmError(
        f"rate and branching ratio pull each other away: after {ROUNDS} rounds it fires at {now.rate_hz:.4g} Hz with a "
        f"branching of {now.branching or 0:.4g}",
        where=f"population {name!r}",
        hint="give one of them, or both nearer to these",
    )


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
    if name.partition("/")[0] in spec.read:
        hint = "tune a population that the spec makes, or train it in its source"
        raise MisuseError("its weights are those of its file", where=f"population {name!r}", hint=hint)
    if name not in names:
        raise MisuseError(f"there is no population {name!r}", where="tune", hint=suggest(name, names))
    return name


def _projections(
    spec: Spec, name: str, rate_hz: float | None, branching: float | None, level: float | None
) -> dict[Part, tuple[int, ...]]:
    """Indices of the projections that each part's gain multiplies; all that keeps it from being asked for."""
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
    ends = [(p.source, p.target) for p in spec.projections]
    chosen: dict[Part, tuple[int, ...]] = {
        "input": tuple(i for i, end in enumerate(ends) if end == (INPUT, name)),
        "recurrent": tuple(i for i, end in enumerate(ends) if end == (name, name)),
    }
    if (rate_hz is not None or level is not None) and not chosen["input"]:
        report("no synapse joins the input to it", "tune a population that hears the input")
    if branching is not None and not chosen["recurrent"]:
        report("no synapse joins its neurons to each other", "ask for a rate only, or give it a projection onto itself")
    driven = rate_hz is not None or level is not None
    used = (chosen["input"] if driven else ()) + (chosen["recurrent"] if branching is not None else ())
    for i in used:
        topology = spec.projections[i].topology
        if isinstance(topology, Explicit) and topology.exact:
            report(
                "exact weights cannot be multiplied by a gain", "drop exact", f"projection {spec.projections[i].name!r}"
            )
    raise_all(errors)
    return chosen
