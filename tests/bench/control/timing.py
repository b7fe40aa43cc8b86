"""From sensor to action: what a controller takes from a frame to its command, on this machine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld
from bench.control import exported
from bench.control.episodes import Controller, run
from bench.control.learners import LiquidController
from bench.control.plants import PLANTS

__all__ = ["QUANTILES", "Latency", "latencies"]

Floats = NDArray[np.float64]

QUANTILES = (0.5, 0.99, 0.999)
WARM = 300
"""Steps that are not counted."""


@dataclass(frozen=True)
class Latency:
    """Microseconds of each of `QUANTILES`, and the longest."""

    quantiles: tuple[float, ...]
    longest: float


def latencies(name: str, model: ld.RegressionModel, steps: int, seeds: Sequence[int]) -> dict[str, Latency]:
    """Of a liquid by the live interface, and in C, on the frames that it saw in its own episodes, again and again."""
    plant, here = PLANTS[name](), LiquidController(model)
    frames = np.concatenate([run(plant, here, seed).frames for seed in seeds])
    with tempfile.TemporaryDirectory() as folder:
        controllers: dict[str, Controller] = {"`step` of the live interface": here}
        if not exported.missing():
            controllers["C, called from Python"] = exported.Compiled(model, Path(folder))
        return {
            what: timed(controller.act, controller.begin, frames, steps) for what, controller in controllers.items()
        }


def timed(act: Callable[[Floats], float], begin: Callable[[], None], frames: Floats, steps: int) -> Latency:
    begin()
    took = np.zeros(WARM + steps)
    for k in range(WARM + steps):
        frame = frames[k % len(frames)]
        begun = time.perf_counter()
        act(frame)
        took[k] = time.perf_counter() - begun
    micro = 1e6 * took[WARM:]
    return Latency(tuple(float(each) for each in np.quantile(micro, QUANTILES)), float(micro.max()))
