"""What answers while frames come in: registers of the neurons that are read, and what is made of them. No temporaries.

ring `[row, neuron]`: the registers after t steps stand in row t % rows; before the first step they are 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.compiled import compiled
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["add_spikes", "decay_spikes", "forecast", "read_parts", "score", "see"]

_Ints = NDArray[np.int64]


@compiled
def add_spikes(sent: Messages, columns: _Ints, ring: _Ints, t: int) -> None:
    """Registers that count, after each step of `sent` `[step, neuron]` from step t on."""
    rows = len(ring)
    for step in range(len(sent)):
        before, after = ring[(t + step) % rows], ring[(t + step + 1) % rows]
        for n in range(len(columns)):
            after[n] = before[n] + sent[step, columns[n]]


@compiled
def decay_spikes(sent: Messages, columns: _Ints, keep: int, grow: int, ring: _Ints, t: int) -> None:
    """Registers that decay, likewise."""
    rows = len(ring)
    for step in range(len(sent)):
        before, after = ring[(t + step) % rows], ring[(t + step + 1) % rows]
        for n in range(len(columns)):
            product = before[n] * keep
            up = (product >> 63) & fixed.LARGEST_DECAY  # as in `readout.kernels`: the shift truncates
            after[n] = ((product + up) >> fixed.DECAY_BITS) + grow * sent[step, columns[n]]


@compiled
def read_parts(ring: _Ints, t: int, length: int, counts: bool, root: bool, group: _Ints, features: _Ints) -> None:
    """Features `[part, group]` of the last `length` steps before step t."""
    rows, parts = len(ring), len(features)
    features[:] = 0
    for k in range(parts):
        begin = t - length + length * k // parts
        ends, begins = ring[(t - length + length * (k + 1) // parts) % rows], ring[begin % rows]
        for n in range(len(group)):
            value = ends[n]
            if counts and begin > 0:  # there they are 0, and the row may be another's by now
                value -= begins[n]
            if root:
                size = np.int64(np.floor(np.sqrt(np.float64(abs(value) << 8))))
                value = -size if value < 0 else size
            features[k, group[n]] += value


@compiled
def score(features: _Ints, support: _Ints, weights: _Ints, biases: _Ints, scores: _Ints) -> None:
    """weights @ features[support] + biases."""
    for c in range(len(scores)):
        total = biases[c]
        for i in range(len(support)):
            total += weights[c, i] * features[support[i]]
        scores[c] = total


@compiled
def see(sent: Messages, columns: _Ints, t: int, last: _Ints) -> None:
    """The step after the last spike of each neuron `[neuron]`, as the steps of `sent` from step t on leave it."""
    for step in range(len(sent)):
        for n in range(len(columns)):
            if sent[step, columns[n]] != 0:
                last[n] = t + step + 1


@compiled
def forecast(
    after: Messages,
    columns: _Ints,
    spiking: _Ints,
    registers: _Ints,
    keep: int,
    grow: int,
    down: int,
    up: _Ints,
    frame: Floats,
    squares: bool,
    square_shift: int,
    features: _Ints,
    weights: _Ints,
    biases: _Ints,
    scale: Floats,
    answer: Floats,
) -> None:
    """What is answered, from what is sent in the step after a frame; frame: its values as -1 to 1, or none."""
    neurons, unit = len(columns), 1 << square_shift
    for n in range(neurons):
        state = np.int64(after[columns[n]])
        if spiking[n]:
            product = registers[n] * keep
            bias = (product >> 63) & fixed.LARGEST_DECAY
            value = ((product + bias) >> fixed.DECAY_BITS) + grow * state
            size = (abs(value) + ((1 << down) >> 1)) >> down
            state = -size if value < 0 else size
        features[n] = state << up[n]
    for c in range(len(frame)):
        features[neurons + c] = min(max(np.int64(np.rint(frame[c] * unit)), 1 - unit), unit - 1)
    plain = neurons + len(frame)
    if squares:
        for i in range(plain):
            square = features[i] * features[i]
            features[plain + i] = (square + (unit >> 1)) >> square_shift
    for o in range(len(answer)):
        total = biases[o]
        for i in range(len(features)):
            total += weights[o, i] * features[i]
        answer[o] = total / scale[o]
