"""What a frame's values become, one at a time: the arithmetic of `encoders`, in its order, without temporaries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.compiled import compiled
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["measure_fields", "move", "normalise", "round_stably", "send", "spike_late"]

_DROPPED = fixed.DROPPED


@compiled
def normalise(frame: Floats, low: Floats, width: Floats, still: float, x: Floats) -> bool:
    """Values of a frame as 0 to 1; whether one lay beyond its range."""
    beyond = False
    for c in range(len(x)):
        if width[c] > 0:
            value = (frame[c] - low[c]) / width[c]
            beyond |= frame[c] < low[c] or value > 1
            # Of a width that is no number nothing comes but 0: what is coded of x is an index.
            x[c] = (1.0 if value > 1 else value) if value > 0 else 0.0
        else:
            x[c] = still
    return beyond


@compiled
def measure_fields(x: Floats, centres: Floats, spread: float, out: Floats) -> None:
    """Of each value and field, the exponent of what the field has of it."""
    fields = len(centres)
    for c in range(len(x)):
        for i in range(fields):
            away = x[c] - centres[i]
            out[c * fields + i] = -(away * away) / spread


@compiled
def round_stably(bits: NDArray[np.int64]) -> None:
    """`fixed.stable`, in place, of floats that are given as their bits."""
    for i in range(len(bits)):
        bits[i] += ((1 << (_DROPPED - 1)) - 1) + ((bits[i] >> _DROPPED) & 1)
        bits[i] &= -1 << _DROPPED


@compiled
def send(x: Floats, unit: float, largest: int, entering: Messages) -> None:
    """A message in each step: the nearest, halves away from zero."""
    for c in range(len(x)):
        units = (2 * x[c] - 1) * unit
        size = min(np.floor(abs(units) + 0.5), float(largest))
        entering[0, c] = -size if units < 0 else size
    for step in range(1, len(entering)):
        for c in range(len(x)):
            entering[step, c] = entering[0, c]


@compiled
def spike_late(x: Floats, threshold: float, work: Floats, bits: NDArray[np.int64], entering: Messages) -> None:
    """A spike in the step of each value that is not below the threshold; bits: those of `work`."""
    steps = len(entering)
    entering[:] = 0
    for c in range(len(x)):
        fires = False
        for late in (False, True):
            work[c] = (1 - x[c]) * (steps - 1) if late else x[c]
            bits[c] += ((1 << (_DROPPED - 1)) - 1) + ((bits[c] >> _DROPPED) & 1)
            bits[c] &= -1 << _DROPPED
            if not late:
                fires = work[c] >= threshold
            elif fires:
                entering[int(np.rint(work[c])), c] = 1


@compiled
def move(target: Floats, levels: Floats, entering: Messages) -> None:
    """Up and down spikes of whole levels, as many as steps hold, evenly over them; levels: where they are."""
    steps = len(entering)
    for c in range(len(levels)):
        moves = min(max(np.trunc(target[c] - levels[c]), -float(steps)), float(steps))
        levels[c] += moves
        many = int(abs(moves))
        for step in range(steps):
            due = (step * many) % steps < many
            entering[step, 2 * c] = due and moves > 0
            entering[step, 2 * c + 1] = due and moves < 0
