"""Generated input for measures that data cannot be had for: samples of one length, and variants of them.

`probability` is that of a spike in a channel and step. What is drawn depends on the generator that is handed in alone,
so that floats and integers, and one measure beside another, see the same input.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lsm_deploy.core import memory
from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.messages import Messages

__all__ = ["Rows", "end_to_end", "jittered", "poisson", "redrawn", "windows"]

Rows = Messages
"""The input spikes of one sample `[t, channel]`."""


def poisson(steps: int, channels: int, probability: float, rng: np.random.Generator) -> Rows:
    """Independent spikes."""
    what = f"a sample of {steps} steps and {channels} channels takes"
    memory.require(10 * steps * channels, what, where="diagnosis", hint="take longer steps")
    return (rng.random((steps, channels)) < probability).astype(np.int8)


def redrawn(rows: Rows, share: float, probability: float, rng: np.random.Generator) -> Rows:
    """The sample with that share of its channels and steps, chosen at random, drawn again; 0 leaves it as it is."""
    again = rng.random(rows.shape) < share
    return np.where(again, poisson(len(rows), rows.shape[1], probability, rng), rows).astype(np.int8)


def jittered(rows: Rows, deviation_steps: float, rng: np.random.Generator) -> Rows:
    """Each spike moved by a normal deviate, in whole steps and within the sample; two that meet become one."""
    t, channel = np.nonzero(rows)
    moved = np.clip(t + np.rint(rng.standard_normal(len(t)) * deviation_steps).astype(np.int64), 0, len(rows) - 1)
    result = np.zeros_like(rows)
    result[moved, channel] = 1
    return result


def end_to_end(samples: Sequence[Rows]) -> Stimulus:
    """One stimulus of all samples."""
    lengths = [len(rows) for rows in samples]
    return Stimulus(np.concatenate(samples), np.cumsum([0, *lengths[:-1]]))


def windows(stimulus: Stimulus) -> list[slice]:
    """The steps of each sample."""
    starts = stimulus.starts.tolist()
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(stimulus.spikes)], strict=True)]
