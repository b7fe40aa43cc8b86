"""What a liquid is shown: samples of its own training data, or Poisson input where a spec has none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import QNetwork, Stimulus
from lsm_deploy.core.shown import Brief
from lsm_deploy.core.streams import stream
from lsm_deploy.data import Frames
from lsm_deploy.data.encoders import encode, fit_ranges
from lsm_deploy.data.front import load, training_frames
from lsm_deploy.measure.diagnosis.liquid import loud
from lsm_deploy.measure.diagnosis.stimuli import end_to_end, poisson
from lsm_deploy.spec import Spec

__all__ = ["RATE_HZ", "SAMPLES", "Shown", "frames_to_show", "shown_of"]

SAMPLES = 45
RATE_HZ = 50.0
"""Of a channel, where there are no data to take it from."""
LENGTH_MS = 200.0


@dataclass(frozen=True, eq=False, repr=False)
class Shown(Brief):
    """The stimulus, its samples' labels or (), in words what it is, and its rate a channel, which generated input has
    as well."""

    stimulus: Stimulus
    labels: tuple[str, ...]
    words: str
    rate_hz: float


def frames_to_show(spec: Spec | None, train: Frames | str | Path | None = None) -> Frames | None:
    """The training data that are given, or the spec's; None where there are none.

    Training data: what a liquid is tuned by must not have seen the test."""
    if spec is None or (train is None and (spec.data is None or not spec.data.named)):
        return None
    return load(train, spec) if isinstance(train, str | Path) else training_frames(train, spec)


def shown_of(spec: Spec | None, network: QNetwork, samples: int, seed: int, train: Frames | None = None) -> Shown:
    """At most so many samples, every class in turn, of training data; of Poisson input, where there are none."""
    channels, dt_ms = network.channels, network.dt_ms
    if spec is None or train is None:
        rng = stream(seed, "diagnose", "shown")
        steps, rate_hz = max(1, round(LENGTH_MS / dt_ms)), min(RATE_HZ, 500 / dt_ms)
        stimulus = end_to_end([poisson(steps, channels, rate_hz * dt_ms / 1000, rng) for _ in range(samples)])
        return Shown(
            loud(stimulus, network.input), (), f"Poisson input, {samples} samples of {LENGTH_MS:g} ms", rate_hz
        )
    some = _of_each_class(train, samples)
    stimulus = encode(spec.input, fit_ranges(train, spec.input), some, dt_ms, spec.seed, role="train")
    rate_hz = float(np.count_nonzero(stimulus.spikes) / stimulus.spikes.size) * 1000 / dt_ms
    if not rate_hz:
        hint = "raise max_rate_hz, or lower threshold or delta"
        raise LsmError("the encoded training data has no spikes", where="input", hint=hint)
    words = f"the spec's encoded training data ({some.samples} of {train.samples} samples)"
    return Shown(stimulus, some.labels, words, rate_hz)


def _of_each_class(frames: Frames, samples: int) -> Frames:
    """The first of each class, the second of each, ..., in the order of the data: files are often sorted by class."""
    seen: dict[str, int] = {}
    turns = []
    for i, label in enumerate(frames.labels or ("",) * frames.samples):
        turns.append((seen.get(label, 0), i))
        seen[label] = seen.get(label, 0) + 1
    chosen = sorted(i for _, i in sorted(turns)[:samples])
    parts = [frames.frames[frames.starts[i] : frames.starts[i] + frames.lengths[i]] for i in chosen]
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    labels = tuple(frames.labels[i] for i in chosen) if frames.labels else ()
    return Frames(np.concatenate(parts), starts, labels, frames.source)
