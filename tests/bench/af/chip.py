"""On the chip: the same decisions and registers on every backend, and what the decisions are modelled to take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import lsm_deploy as ld
from bench.af.windows import SPLIT, front_of
from bench.decided import Parity, parity, sampled, stimulus_of
from lsm_deploy.core.ir import Stimulus, Trace
from lsm_deploy.data import Beats, splits
from lsm_deploy.data.front import to_frames
from lsm_deploy.learn.model import Model
from lsm_deploy.measure.cost.resources import Range, Resources, count_resources
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import Spec

__all__ = ["Deployed", "Power", "deployed", "power"]


@dataclass(frozen=True)
class Power:
    """Dynamic energy of a beat in J, average dynamic power in W, and the time of a beat's steps in s, all modelled."""

    beats_per_minute: float
    steps: int
    energy: Range
    power: Range
    latency: Range
    resources: Resources


def power(chip: Model, stimulus: Stimulus, trace: Trace, frame_ms: float, beats_per_minute: float) -> Power:
    """Of windows of this rhythm; the chip runs a beat's steps at once, and waits for the next."""
    resources = count_resources(chip.program, stimulus, trace)
    steps = round(frame_ms / chip.program.network.dt_ms)
    a_beat = steps / resources.events.steps
    energy, step_time = resources.estimate.energy, resources.estimate.step_time
    return Power(
        beats_per_minute,
        steps,
        Range(energy.least * a_beat, energy.most * a_beat),
        Range(energy.least * a_beat * beats_per_minute / 60, energy.most * a_beat * beats_per_minute / 60),
        Range(step_time.least * steps, step_time.most * steps),
        resources,
    )


@dataclass(frozen=True)
class Deployed:
    """The spec's liquid, its output neurons trained on the training records of the first fold. seconds: of training,
    for the host and for the chip."""

    parity: tuple[Parity, ...]
    power: Power
    seconds: dict[str, float]


def deployed(spec: Spec, data: Beats, windows: int, names: Sequence[str], beats_per_minute: float) -> Deployed:
    """Compare backends on so many windows of the test records; events are those of all of them."""
    assert spec.input.encoder is not None
    _, first, second = next(splits(data, SPLIT, spec.seed))
    train, test = to_frames(first, front_of(spec)), to_frames(second, front_of(spec))
    begun = time.monotonic()
    ld.train(spec, train)
    host = time.monotonic() - begun
    chip = ld.train_on_chip(spec, train)
    seconds = {
        f"training on {train.samples} windows": host,
        "training for the chip": time.monotonic() - begun - host,
    }
    compared = parity(chip, stimulus_of(chip, sampled(test, windows)), names)
    stimulus = stimulus_of(chip, test)
    trace = backends.run_program("fast", chip.program, stimulus)
    took = power(chip, stimulus, trace, spec.input.encoder.frame_ms, beats_per_minute)
    return Deployed(tuple(compared), took, seconds)
