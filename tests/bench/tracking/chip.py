"""What a forecast takes: the spiking liquid's events on the chip, modelled, and a processor's time, measured here."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

import lsm_deploy as ld
from bench.tracking.scenes import FRAME_MS
from lsm_deploy.data import Frames, subset
from lsm_deploy.learn.regression.states import steps_of_frame
from lsm_deploy.measure.cost.figures import MEASURED
from lsm_deploy.measure.cost.resources import Range, Resources, count_resources
from lsm_deploy.run import backends

__all__ = ["Cost", "cost_of"]

WARM = 50
"""Frames that are not timed."""


@dataclass(frozen=True)
class Cost:
    """Of a forecast, one a frame. energy in J, dynamic, and time of its steps in s, both modelled; static: J that a
    chip takes in that time whatever it does, as one was measured with another network. cpu: s of a frame through the
    live interface with the readout, 50 and 99 in 100 within; whole: s of a frame where sequences are run at once,
    without the readout."""

    energy: Range
    time: Range
    static: float
    cpu: tuple[float, float]
    whole: float
    resources: Resources


def cost_of(spec: ld.Spec, train: Frames, test: Frames) -> Cost:
    """Of a liquid with its readout on the host."""
    model = ld.train_regression(spec, train)
    listener = model.listener
    stimulus = listener.encode(test)
    backends.run_program(backends.FAST, model.program, stimulus)
    begun = time.perf_counter()
    trace = backends.run_program(backends.FAST, model.program, stimulus)
    whole = (time.perf_counter() - begun) / len(test.frames)
    resources = count_resources(model.program, stimulus, trace)
    steps = steps_of_frame(listener)
    share = steps / resources.events.steps
    energy, step = resources.estimate.energy, resources.estimate.step_time
    live, seconds = model.start(), []
    for frame in subset(test, np.array([0])).frames:
        begun = time.perf_counter()
        live.step(frame)
        seconds.append(time.perf_counter() - begun)
    within = np.percentile(seconds[WARM:], [50, 99])
    return Cost(
        Range(energy.least * share, energy.most * share),
        Range(step.least * steps, step.most * steps),
        MEASURED.static_watts * FRAME_MS / 1000,
        (float(within[0]), float(within[1])),
        whole,
        resources,
    )
