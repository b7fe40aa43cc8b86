"""On the chip: the same decisions and registers on every backend, and what the decisions are modelled to take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import lsm_deploy as ld
from bench.af.windows import SPLIT, front_of
from lsm_deploy import backend as backends
from lsm_deploy.data import Beats, Frames, splits, subset
from lsm_deploy.front import to_frames
from lsm_deploy.ir import Stimulus, Trace
from lsm_deploy.model import OnChip
from lsm_deploy.parity import compare
from lsm_deploy.resources import Range, Resources, estimate
from lsm_deploy.spec.schema import Spec
from lsm_deploy.states import encode_for

__all__ = ["Deployed", "Parity", "Power", "backends_here", "deployed", "parity", "power", "sampled", "stimulus_of"]

REGISTERS = ("u", "v")


@dataclass(frozen=True)
class Parity:
    """The emulator beside another backend: values that were compared, and that differ."""

    backend: str
    windows: int
    spikes: int
    spikes_differ: int
    values: int
    values_differ: int
    decisions_differ: int


@dataclass(frozen=True)
class Power:
    """Dynamic energy of a beat in J, average dynamic power in W, and the time of a beat's steps in s, all modelled."""

    beats_per_minute: float
    steps: int
    energy: Range
    power: Range
    latency: Range
    resources: Resources


def backends_here() -> list[str]:
    """What simulates and is installed, the emulator first."""
    return [name for name in ("emulator", "fast", "lava", "brian") if backends.load(name).missing() is None]


def sampled(data: Frames, windows: int) -> Frames:
    """So many windows, evenly from all of them."""
    return subset(data, np.unique(np.linspace(0, data.samples - 1, min(windows, data.samples)).astype(np.int64)))


def stimulus_of(chip: OnChip, data: Frames) -> Stimulus:
    return encode_for(chip.program, chip.input, chip.ranges, data, chip.seed, "test")


def parity(chip: OnChip, stimulus: Stimulus, names: Sequence[str]) -> list[Parity]:
    """Run the same windows on each backend: what the others are beside the first."""
    traces = {name: backends.run(name, chip.program, stimulus, REGISTERS) for name in names}
    first, found = traces[names[0]], []
    for name in names[1:]:
        verdict = compare(chip.program, first, traces[name], REGISTERS)
        said = zip(chip.decisions(first), chip.decisions(traces[name]), strict=True)
        found.append(
            Parity(
                backend=name,
                windows=len(stimulus.starts),
                spikes=verdict.spikes[0],
                spikes_differ=verdict.differing["s"],
                values=sum(verdict.compared[register] for register in REGISTERS),
                values_differ=sum(verdict.differing[register] for register in REGISTERS),
                decisions_differ=sum(one != other for one, other in said),
            )
        )
    return found


def power(chip: OnChip, stimulus: Stimulus, trace: Trace, frame_ms: float, beats_per_minute: float) -> Power:
    """Of windows of this rhythm; the chip runs a beat's steps at once, and waits for the next."""
    resources = estimate(chip.program, stimulus, trace)
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
    trace = backends.run("fast", chip.program, stimulus)
    took = power(chip, stimulus, trace, spec.input.encoder.frame_ms, beats_per_minute)
    return Deployed(tuple(compared), took, seconds)
