"""The traces that spikes leave: what a readout of signals sees of spiking neurons, as their registers hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.learn.readout import kernels
from lsm_deploy.learn.readout.features import trace_registers

__all__ = ["TRACE_BITS", "TraceRegister", "decayed", "traces"]

TRACE_BITS = 16
"""Of a trace as it is read, as messages have at most."""


@dataclass(frozen=True)
class TraceRegister:
    """The trace of a neuron's spikes: times `keep` of 4096 in each step, and `step` more for a spike; read shifted."""

    keep: int
    step: int
    shift: int

    @classmethod
    def of(cls, tau_ms: float, dt_ms: float) -> TraceRegister:
        du, weight = trace_registers(tau_ms, dt_ms)
        step = weight << fixed.ACT_SHIFT
        largest = step * fixed.DECAY_UNITY // (du + 1)  # that of a spike in every step
        return cls(fixed.DECAY_UNITY - (du + 1), step, max(0, largest.bit_length() - (TRACE_BITS - 1)))

    def shifted(self, values: Ints) -> Ints:
        """In 16 bits, rounded to the nearest."""
        return fixed.round_shift(values, self.shift)


def traces(spikes: NDArray[Any], starts: Ints, frame: int, tau_ms: float, dt_ms: float) -> Ints:
    """The traces `[frame, neuron]` in the step after each frame of `frame` steps, of spikes `[t, neuron]`."""
    spikes, ends = np.ascontiguousarray(spikes, np.int8), np.append(starts[1:], len(spikes))
    register, values = TraceRegister.of(tau_ms, dt_ms), []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        # Parts end with the step after each frame.
        edges = np.concatenate([[start], np.arange(start + frame, end, frame) + 1])[None]
        of_sample = np.zeros((1, edges.shape[1] - 1, spikes.shape[1]), np.int64)
        kernels.decay_parts(spikes, edges, register.keep, register.step, of_sample)
        values.append(of_sample[0])
    return register.shifted(np.concatenate(values))


def decayed(spikes: NDArray[Any], starts: Ints, tau_steps: float) -> Floats:
    """The traces of floats after each step `[t, neuron]`: samples begin at 0."""
    from scipy.signal import lfilter

    pieces = np.split(spikes.astype(np.float64), starts[1:])
    return np.concatenate([lfilter([1.0], [1.0, -np.exp(-1 / tau_steps)], piece, axis=0) for piece in pieces])
