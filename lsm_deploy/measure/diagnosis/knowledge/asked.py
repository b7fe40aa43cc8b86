"""What is asked, and when: samples that are over, and frames that are past.

Each sample is followed by a rest in which nothing enters, as long as the longest delay. Times are the network's own: a
frame lasts `frame_ms` of the encoder. Where there are no data, Poisson input is asked about, whose frames are counts of
each channel's spikes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lsm_deploy.core import memory
from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import QNetwork, Stimulus
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.notes import warn
from lsm_deploy.core.shown import Brief
from lsm_deploy.core.streams import stream
from lsm_deploy.data import Frames, subset
from lsm_deploy.data.encoders import encode, fit_ranges
from lsm_deploy.learn.regression.states import more_steps
from lsm_deploy.measure.diagnosis.liquid import loud
from lsm_deploy.measure.diagnosis.stimuli import end_to_end, poisson
from lsm_deploy.spec.schema import Readout, Regression, Spec

__all__ = ["Questions", "Timing", "questions_of", "timing_of"]

SAMPLES = 500
"""That are asked about, at most, and the steps that they have together, where one alone has not more."""
STEPS = 1 << 19
FEWEST = 4
"""Samples of a class: one is held out, and of three that are trained on one is held out again."""
FRAME_MS = 10.0
"""Of a frame, where nobody says; of graded neurons it is a step."""
LAST_FRAMES, AFTER_FRAMES = 10, (0, 5, 10, 15, 20, 25, 40, 60)
"""What is read, and asked about, of spiking neurons, where nobody says: their state shows in spikes, which are rare;"""
GRADED_LAST_FRAMES, GRADED_AFTER_FRAMES = 1, (0, 1, 2, 3, 5, 8, 12, 20, 30, 50)
"""and of graded ones, whose message is their state."""
POISSON_SAMPLES, POISSON_FRAMES = 20, 100
"""Frames that can be asked about in each."""


@dataclass(frozen=True)
class Timing:
    """In steps: how long a frame lasts, what is read, and how long ago what is asked about was."""

    dt_ms: float
    frame: int
    last: int
    after: tuple[int, ...]

    @property
    def last_frames(self) -> int:
        """As many as what is read lasts."""
        return max(1, round(self.last / self.frame))

    @property
    def after_frames(self) -> tuple[int, ...]:
        """Delays in whole frames, each once."""
        return tuple(sorted({round(after / self.frame) for after in self.after}))


@dataclass(frozen=True, eq=False, repr=False)
class Questions(Brief):
    """The samples, in words what they are, and what enters: each sample and its rest.

    data: frames, labels (or none, and then why_not says why) and groups; of Poisson input, counts of spikes. stimulus:
    its samples are longer by `rest` steps. washout: first frames of a sample that are not asked about, where the
    spec has a readout of signals that does not answer them.
    """

    _short = ("words", "timing", "rest")

    words: str
    timing: Timing
    rest: int
    data: Frames
    stimulus: Stimulus
    why_not: str
    washout: int = 0

    @property
    def ends(self) -> Ints:
        """The step before which all of a sample has entered `[sample]`."""
        ends: Ints = self.stimulus.starts + self.data.lengths * self.timing.frame
        return ends


def timing_of(
    spec: Spec | None,
    network: QNetwork,
    populations: Sequence[str],
    after_ms: Sequence[float] | None,
    last_ms: float | None,
) -> Timing:
    """What is asked for, in whole steps, or what goes with the neurons that are read; LsmErrors of all mistakes.

    An LsmWarning says what is asked about in the place of what is no whole number of steps, or of frames."""
    dt_ms = network.dt_ms
    graded = any(KINDS[p.kind].MESSAGE.graded for p in network.populations if not populations or p.name in populations)
    encoder = spec.input.encoder if spec is not None else None
    own = 1 if graded else max(1, round(FRAME_MS / dt_ms))
    frame = round(encoder.frame_ms / dt_ms) if encoder is not None else own
    errors: list[LsmError] = []
    if last_ms is not None and not dt_ms / 2 <= last_ms < np.inf:
        hint = f"read at least one step of {dt_ms:g} ms"
        errors.append(MisuseError(f"the last {last_ms:g} ms are to be read", where="diagnose", hint=hint))
    if after_ms is not None and not len(after_ms):
        errors.append(MisuseError("nothing is asked", where="diagnose", hint="name delays in ms, such as 0,100,250"))
    longest = STEPS * dt_ms
    far = [ms for ms in (*(after_ms or ()), *([] if last_ms is None else [last_ms])) if longest < ms < np.inf]
    if far:
        hint = f"ask for {longest:g} ms at the most"
        errors.append(MisuseError(f"{far[0]:g} ms are more than {STEPS} steps", where="diagnose", hint=hint))
    wrong = [ms for ms in after_ms or () if not 0 <= ms < np.inf]
    if wrong:
        hint = "name delays in ms from 0 on, such as 0,100,250"
        errors.append(MisuseError(f"a delay of {wrong[0]:g} ms is asked about", where="diagnose", hint=hint))
    raise_all(errors)
    frames, delays = (GRADED_LAST_FRAMES, GRADED_AFTER_FRAMES) if graded else (LAST_FRAMES, AFTER_FRAMES)
    last = frames * frame if last_ms is None else round(last_ms / dt_ms)
    after = [each * frame for each in delays] if after_ms is None else [round(ms / dt_ms) for ms in after_ms]
    timing = Timing(dt_ms, frame, max(1, last), tuple(sorted(set(after))))
    _tell_of_rounding(timing, after_ms, last_ms)
    return timing


def _tell_of_rounding(timing: Timing, after_ms: Sequence[float] | None, last_ms: float | None) -> None:
    dt_ms, frame_ms = timing.dt_ms, timing.frame * timing.dt_ms
    if last_ms is not None and _parted(last_ms, timing.last * dt_ms):
        warn(f"the last {timing.last * dt_ms:g} ms are read, whole steps of {dt_ms:g} ms, and not {last_ms:g}", level=3)
    if after_ms is None:
        return
    steps = [after * dt_ms for after in timing.after]
    if len(steps) < len(after_ms) or any(map(_parted, sorted(after_ms), steps)):
        words = ", ".join(f"{ms:g}" for ms in steps)
        warn(f"samples are asked about after {words} ms, in whole steps of {dt_ms:g} ms, each once", level=3)
    frames = [after * frame_ms for after in timing.after_frames]
    if len(frames) < len(steps) or any(map(_parted, steps, frames)):
        words = ", ".join(f"{ms:g}" for ms in frames)
        warn(f"frames are asked about after {words} ms, in whole frames of {frame_ms:g} ms, each once", level=3)


def _parted(one: float, other: float) -> bool:
    return abs(one - other) > 1e-9 * max(abs(one), abs(other))


def questions_of(
    spec: Spec | None, network: QNetwork, data: Frames | None, timing: Timing, seed: int, rate_hz: float
) -> Questions:
    """About samples of training data, of each class alike, or, without any, about Poisson input of this rate."""
    if spec is None or data is None:
        return _of_poisson(network, timing, seed, rate_hz)
    originals = data if not len(data.origin) else subset(data, data.origin == np.arange(data.samples))
    why_not = _why_not(originals.labels)
    rest = 1 if why_not else timing.after[-1] + 1
    # Nothing is further back than a sample and its rest.
    there = max(int(originals.lengths.max()) * timing.frame + timing.after[-1], LAST_FRAMES * timing.frame)
    if timing.last > there:
        what = f"the last {timing.last * timing.dt_ms:g} ms are to be read, and no sample is so long, with its rest"
        hint = f"read {there * timing.dt_ms:g} ms at the most"
        raise MisuseError(what, where="diagnose", hint=hint)
    some = _some(originals, timing.frame, rest, seed)
    if isinstance(spec.readout, Readout) and spec.readout.centre == "group" and some.groups:
        some = _in_company(some)
    if not why_not and (why_not := _why_not(some.labels)):
        why_not += f"; of {originals.samples}, delays up to {timing.after[-1] * network.dt_ms:g} ms leave room for few"
    encoded = encode(spec.input, fit_ranges(data, spec.input), some, network.dt_ms, spec.seed, role="train")
    steps = len(encoded.spikes) + some.samples * rest
    needed = 2 * steps * network.channels * network.input.dtype().itemsize
    memory.require(needed, "samples with their rests take", where="diagnose", hint="ask for shorter delays")
    words = f"{some.samples} of {data.samples} samples of the training data"
    washout = spec.readout.washout if isinstance(spec.readout, Regression) else 0
    return Questions(words, timing, rest, some, more_steps(encoded, rest), why_not, washout)


def _why_not(labels: Sequence[str]) -> str:
    counts = {name: labels.count(name) for name in dict.fromkeys(labels)}
    if not counts:
        return "the samples have no labels"
    rarest = min(counts, key=counts.__getitem__)
    if len(counts) < 2:
        return f"all samples are of class {rarest!r}"
    if counts[rarest] < FEWEST:
        return f"class {rarest!r} has {counts[rarest]} samples, and {FEWEST} are needed to hold some out"
    return ""


def _some(data: Frames, frame: int, rest: int, seed: int) -> Frames:
    """Samples drawn at random, every class in turn, in the order of the data."""
    shuffled = np.argsort(stream(seed, "diagnose", "knowledge").random(data.samples))
    labels = np.array(data.labels or ("",) * data.samples)
    turn = np.zeros(data.samples, np.int64)
    for name in np.unique(labels):
        of_class = shuffled[labels[shuffled] == name]
        turn[of_class] = np.arange(len(of_class))
    order = shuffled[np.argsort(turn[shuffled], kind="stable")][:SAMPLES]
    steps = np.cumsum(data.lengths[order] * frame + rest)
    many = max(1, int(np.searchsorted(steps, STEPS, "right")))
    return subset(data, np.sort(order[:many]))


def _in_company(data: Frames) -> Frames:
    """Without those that are alone in their group: less its mean, nothing is left of them."""
    together = np.array([data.groups.count(name) > 1 for name in data.groups])
    return subset(data, together) if together.any() else data


def _of_poisson(network: QNetwork, timing: Timing, seed: int, rate_hz: float) -> Questions:
    rng = stream(seed, "diagnose", "knowledge")
    there = max(STEPS // POISSON_SAMPLES, (LAST_FRAMES + AFTER_FRAMES[-1]) * timing.frame)
    if timing.after[-1] + timing.last > there:
        far = (timing.after[-1] + timing.last) * timing.dt_ms
        hint = f"take no more than {there * timing.dt_ms:g} ms for the window and the longest delay, or show it data"
        raise MisuseError(f"{far:g} ms of Poisson input are to be remembered", where="diagnose", hint=hint)
    many = timing.after_frames[-1] + timing.last_frames + POISSON_FRAMES
    memory.require(
        6 * POISSON_SAMPLES * many * timing.frame * network.channels * network.input.dtype().itemsize,
        "samples of Poisson input take",
        where="diagnose",
        hint="ask for shorter delays",
    )
    probability = rate_hz * network.dt_ms / 1000
    samples = [poisson(many * timing.frame, network.channels, probability, rng) for _ in range(POISSON_SAMPLES)]
    stimulus = end_to_end(samples)
    counts = stimulus.spikes.reshape(-1, timing.frame, network.channels).sum(axis=1, dtype=np.int64)
    data = Frames(counts.astype(np.float64), np.arange(POISSON_SAMPLES) * many, source="Poisson input")
    words = f"Poisson input, {POISSON_SAMPLES} samples of {many} frames of {timing.frame * network.dt_ms:g} ms"
    longer = replace(more_steps(loud(stimulus, network.input), 1))
    return Questions(words, timing, 1, data, longer, "Poisson input has no labels")
