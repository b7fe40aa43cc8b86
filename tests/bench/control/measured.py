"""What each controller comes to: a liquid and what hangs on it is one piece of work, all that has no liquid another.

Controllers, by the names that tables have:

    liquid        the deployed integers, through the live interface
    cut           the same integers without recurrence
    spiking       a liquid of spiking neurons, deployed integers likewise
    frame         the same readout on the current frame: no liquid
    two           on the last two frames
    window        on as many values of the past as the liquid has states
    nvar          on a shorter past and all products of two of its values, together about as many
    gru           a GRU of as many units as the liquid
    differences   the expert, velocities by finite differences
    filtered      the expert, state by a Kalman filter
    expert        the expert, who sees all

Where a condition is not as in training, `liquid+` and `window+` are readouts that went on learning under it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import lsm_deploy as ld
from bench.control import exported, gru
from bench.control.adaptation import adapted
from bench.control.episodes import Condition, Controller, Outcome, outcome_of, run
from bench.control.estimators import Differences, Filtered
from bench.control.experts import EXPERTS, Seeing
from bench.control.imitation import Imitated, imitate
from bench.control.learners import Learner, Liquid, LiquidController, Window
from bench.control.plants import PLANTS, Altered, Plant
from bench.control.spiking import spiking_of
from bench.workers import ROOT

__all__ = [
    "CONDITIONS",
    "LEARNT",
    "QUICK",
    "TRAINED",
    "WHOLE",
    "Done",
    "InC",
    "Size",
    "of_baselines",
    "of_liquid",
    "spec_of",
]

TRAINED = "as trained"
CONDITIONS: Mapping[str, Mapping[str, Condition]] = {
    "cart_pole": {
        "noise of 3 %": Condition(noise=0.03),
        "noise of 10 %": Condition(noise=0.1),
        "20 ms late": Condition(delay=1),
        "40 ms late": Condition(delay=2),
        "60 ms late": Condition(delay=3),
        "a pole of 8 times the mass": Condition(plant=Altered(mass=8.0)),
        "a pole 3 times as long": Condition(plant=Altered(length=3.0)),
    },
    "pendulum": {
        "noise of 3 %": Condition(noise=0.03),
        "noise of 10 %": Condition(noise=0.1),
        "20 ms late": Condition(delay=1),
        "40 ms late": Condition(delay=2),
        "60 ms late": Condition(delay=3),
        "1.5 times the mass": Condition(plant=Altered(mass=1.5)),
        "1.25 times as long": Condition(plant=Altered(length=1.25)),
    },
    "double_pendulum": {
        "noise of 0.3 %": Condition(noise=0.003),
        "noise of 1 %": Condition(noise=0.01),
        "noise of 3 %": Condition(noise=0.03),
        "20 ms late": Condition(delay=1),
        "40 ms late": Condition(delay=2),
        "poles of twice the mass": Condition(plant=Altered(mass=2.0)),
        "poles of 3 times the mass": Condition(plant=Altered(mass=3.0)),
    },
}
"""Noise is in units of a frame: of the limits of the cart-pole, of the pendulum's length; of a metre and of a sine."""


@dataclass(frozen=True)
class Size:
    """Of all that is run: rounds of imitation, and episodes in each; test episodes, and of them those under conditions;
    episodes in which readouts learn on; liquids; how many of the conditions; steps whose time is taken."""

    rounds: int
    episodes: int
    tests: int
    disturbed: int
    adapting: int
    liquids: int
    conditions: int
    steps: int


WHOLE = Size(rounds=6, episodes=8, tests=30, disturbed=15, adapting=8, liquids=5, conditions=7, steps=20_000)
QUICK = Size(rounds=2, episodes=3, tests=4, disturbed=2, adapting=1, liquids=1, conditions=1, steps=2_000)

DISTURBED = ("liquid", "spiking", "window", "nvar", "gru")
"""What learnt, of all that did, is tested under conditions, beside the experts."""
LEARNING_ON = ("liquid", "window")
LEARNT = ("liquid", "cut", "spiking", "frame", "two", "window", "nvar", "gru")


@dataclass(frozen=True)
class InC:
    """What C came to beside Python: commands compared, how many differed, episodes; bytes of its state."""

    commands: int
    differ: int
    episodes: int
    state: int


@dataclass(frozen=True, eq=False)
class Done:
    """outcomes: by condition, then controller; curves: of the rounds of imitation, by controller; steps: that were
    trained on, by controller; left_out: by controller, why; model: of the liquid."""

    outcomes: dict[str, dict[str, Outcome]] = field(default_factory=dict)
    curves: dict[str, tuple[float, ...]] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    in_c: InC | None = None
    model: ld.RegressionModel | None = None


def spec_of(name: str, seed: int | None = None) -> ld.Spec:
    spec = ld.load(ROOT / "configs" / f"{name}.yaml")
    return spec if seed is None else replace(spec, seed=seed)


def products_of(values: int, channels: int) -> int:
    """Frames whose values and their products of two are no more than so many."""
    frames = 1
    while (many := (frames + 1) * channels) + many * (many + 1) // 2 <= values:
        frames += 1
    return frames


def conditions_of(name: str, size: Size) -> dict[str, Condition]:
    return dict(list(CONDITIONS[name].items())[: size.conditions])


def of_liquid(name: str, seed: int, size: Size) -> Done:
    """Train, test, disturb and export the liquid of this seed."""
    spec = spec_of(name, seed)
    found = {
        "liquid": imitate(name, Liquid(spec), size.rounds, size.episodes),
        "cut": imitate(name, Liquid(spec, cut=True), size.rounds, size.episodes),
        "spiking": imitate(name, Liquid(spiking_of(name, spec)), size.rounds, size.episodes),
    }
    done = _tested(name, found, size)
    controller: LiquidController = found["liquid"].controller
    in_c = None if exported.missing() else compared(name, controller.model, size.tests)
    return replace(done, in_c=in_c, model=controller.model)


def of_baselines(name: str, size: Size) -> Done:
    """All that depends on no liquid."""
    spec = spec_of(name)
    units, channels = sum(p.neurons for p in spec.drawn.values()), spec.input.channels
    learners: dict[str, Learner] = {
        "frame": Window(spec, 1),
        "two": Window(spec, 2),
        "window": Window(spec, (units + channels) // channels),
        "nvar": Window(spec, products_of(units + channels, channels), products=True),
    }
    why = gru.missing()
    if not why:
        learners["gru"] = gru.Gru(channels, units, 1)
    found = {each: imitate(name, learner, size.rounds, size.episodes) for each, learner in learners.items()}
    done = _tested(name, found, size)
    others: dict[str, Callable[[Plant], Controller]] = {
        "differences": lambda plant: Differences(name),
        "filtered": lambda plant: Filtered(name),
        "expert": lambda plant: Seeing(EXPERTS[name](), plant),
    }
    for what, condition in {TRAINED: None, **conditions_of(name, size)}.items():
        seeds = range(size.tests if condition is None else size.disturbed)
        for each, made in others.items():
            done.outcomes[what][each] = outcome_of(name, made, seeds, condition)
    return replace(done, left_out={"gru": why} if why else {})


def _tested(name: str, found: Mapping[str, Imitated], size: Size) -> Done:
    """Test what was trained, as it was trained and under each condition, with readouts that learn on beside it."""
    done = Done()
    for each, imitated in found.items():
        done.curves[each] = imitated.curve
        done.steps[each] = sum(len(episode.frames) for episode in imitated.episodes)
    for what, condition in {TRAINED: None, **conditions_of(name, size)}.items():
        outcomes, seeds = done.outcomes.setdefault(what, {}), range(size.tests if condition is None else size.disturbed)
        for each, imitated in found.items():
            if condition is not None and each not in DISTURBED:
                continue
            controller: Any = imitated.controller
            outcomes[each] = outcome_of(name, lambda plant, one=controller: one, seeds, condition)
            if condition is not None and each in LEARNING_ON:
                after = adapted(name, controller, condition, size.adapting)
                outcomes[f"{each}+"] = outcome_of(name, lambda plant, one=after: one, seeds, condition)
    return done


def compared(name: str, model: ld.RegressionModel, episodes: int) -> InC:
    """Drive test episodes by C and by Python, each for itself, and compare every command."""
    plant, commands, differ = PLANTS[name](), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        in_c, here = exported.Compiled(model, Path(folder)), LiquidController(model)
        for seed in range(episodes):
            ours, theirs = (run(plant, each, seed).commands for each in (here, in_c))
            longest = max(len(ours), len(theirs))
            same = int((ours[: len(theirs)] == theirs[: len(ours)]).sum())
            commands, differ = commands + longest, differ + longest - same
    return InC(commands, differ, episodes, in_c.state)
