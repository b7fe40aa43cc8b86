"""What a graded neuron makes of a number, in integers of `fraction_bits` F and in floats.

    0  identity   z
    1  clip       z held within lo .. hi
    2  relu       z where it is positive, else 0
    3  tanh       a table of 257 entries for |z| in 0 .. 8, with straight lines between them: off by 1e-4 at most
    4  quadratic  z (1 - |z| / 4) on [-2, 2], and -1 or 1 beyond: what tanh is like, without a table
    5  sigmoid    (1 + tanh(z / 2)) / 2
    6  ratio      z / (1 + z) from 0 to 8 by such a table, 0 below and 8 / 9 beyond: of gates only

Whether a table fits the program of a neuron on Loihi 2 is unknown; all others are products, shifts and comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.fixed import Ints, round_shift

__all__ = [
    "ACTIVATIONS",
    "BOUNDS",
    "FEWEST_FRACTION_BITS",
    "GATES",
    "RATIOS",
    "TABLE",
    "TABLES",
    "TABLE_FRACTION",
    "activate",
    "of_floats",
]

ACTIVATIONS = ("identity", "clip", "relu", "tanh", "quadratic", "sigmoid")
"""By number: what the registers `activation` and `output` hold."""
GATES = (*ACTIVATIONS, "ratio")
"""By number: what the register `gate` holds."""
IDENTITY = 0
CLIP = 1
RELU = 2
TANH = 3
QUADRATIC = 4
SIGMOID = 5
RATIO = 6
TABLES = (TANH, SIGMOID, RATIO)
"""What needs a table."""
BOUNDS = {TANH: 1.0, QUADRATIC: 1.0, SIGMOID: 1.0}
"""What these do not exceed in magnitude, whatever they are given."""

FEWEST_FRACTION_BITS = 5
"""Of what a table is asked for: a segment is 2**-5."""
TABLE_FRACTION = 22
_REACH = 3  # |z| below 2**3, in segments of 2**-5
_SEGMENT = FEWEST_FRACTION_BITS
_LAST = 1 << (_REACH + _SEGMENT)
TABLE: Ints = np.rint(fixed.stable(np.tanh(np.arange(_LAST + 1) / (1 << _SEGMENT)) * (1 << TABLE_FRACTION))).astype(
    np.int64
)
"""Of tanh, at every 2**-5 of 0 .. 8."""
_STEPS: NDArray[np.float64] = np.arange(_LAST + 1) / (1 << _SEGMENT)
RATIOS: Ints = np.rint(fixed.stable(_STEPS / (1.0 + _STEPS) * float(1 << TABLE_FRACTION))).astype(np.int64)
"""Of z / (1 + z)."""
TABLE.setflags(write=False)
RATIOS.setflags(write=False)


def activate(number: Ints, z: Ints, registers: Mapping[str, Ints]) -> Ints:
    """What each neuron's function, by number `[neuron]`, makes of `z` `[neuron]`, both of `fraction_bits`."""
    fraction, y = registers["fraction_bits"], z
    for each in np.unique(number).tolist():
        if each == CLIP:
            value = np.minimum(np.maximum(z, registers["lo"]), registers["hi"])
        elif each == RELU:
            value = np.maximum(z, 0)
        elif each == TANH:
            value = tanh(z, fraction)
        elif each == QUADRATIC:
            value = quadratic(z, fraction)
        elif each == SIGMOID:
            value = sigmoid(z, fraction)
        elif each == RATIO:
            value = round_shift(between(RATIOS, np.maximum(z, 0), fraction), TABLE_FRACTION - fraction)
        else:
            continue
        y = np.where(number == each, value, y)
    return y


def between(table: Ints, z: Ints, fraction: Ints) -> Ints:
    """What a table has at |z|, in units of 2**-22: straight lines join its entries."""
    size, shift = np.minimum(np.abs(z), 1 << (fraction + _REACH)), fraction - _SEGMENT
    segment = size >> shift
    rest = size - (segment << shift)
    low, high = table[segment], table[np.minimum(segment + 1, _LAST)]
    value: Ints = low + round_shift((high - low) * rest, shift)
    return value


def tanh(z: Ints, fraction: Ints) -> Ints:
    return np.sign(z) * round_shift(between(TABLE, z, fraction), TABLE_FRACTION - fraction)


def quadratic(z: Ints, fraction: Ints) -> Ints:
    held = np.clip(z, -2 << fraction, 2 << fraction)
    return held - round_shift(held * np.abs(held), fraction + 2)


def sigmoid(z: Ints, fraction: Ints) -> Ints:
    return round_shift((1 << fraction) + tanh(round_shift(z, 1), fraction), 1)


# --- in floats --------------------------------------------------------------------------------------------------------

_Floats = NDArray[np.float64]


def of_floats(number: _Floats, z: _Floats, lo: _Floats, hi: _Floats) -> _Floats:
    """The same of floats `[..., neuron]`: what the integers stand for."""
    y = z
    for each in np.unique(number).tolist():
        if each == IDENTITY:
            continue
        if each == CLIP:
            value = np.minimum(np.maximum(z, lo), hi)
        elif each == RELU:
            value = np.maximum(z, 0.0)
        elif each == TANH:
            value = np.tanh(z)
        elif each == QUADRATIC:
            held = np.clip(z, -2.0, 2.0)
            value = held * (1 - np.abs(held) / 4)
        elif each == SIGMOID:
            value = 0.5 * (1 + np.tanh(z / 2))
        else:
            held = np.maximum(z, 0.0)
            value = held / (1 + held)
        y = np.where(number == each, value, y)
    return y
