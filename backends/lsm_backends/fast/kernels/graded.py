"""Graded neurons: the arithmetic of `lsm_deploy.core.neurons.graded`, in int64, one short loop for each operation.

Neurons of one call share their activation and their output, by number, so that no loop asks for them. Each loop is
short for the sake of vectors: a compiler makes them of what has no branch.
"""

from __future__ import annotations

import numba
import numpy as np

from lsm_backends.fast.kernels.machine import U
from lsm_deploy.core.activations import (
    CLIP,
    FEWEST_FRACTION_BITS,
    QUADRATIC,
    RATIO,
    RELU,
    SIGMOID,
    TABLE,
    TABLE_FRACTION,
    TANH,
)
from lsm_deploy.core.fixed import DECAY_BITS, UV_LIMIT

__all__ = ["CONSTANTS", "SHARED", "WORK_ROWS", "activate", "graded", "held", "rounded", "send"]

SHARED = (
    "input_down", "input_up", "bias", "lo", "hi", "fraction", "message_down", "message_up", "largest", "period",
    "phase",
)  # fmt: skip
"""What gated neurons have too. A shift is in two: right with rounding, then left; one of them is 0."""
CONSTANTS = (*SHARED, "alpha", "leak")
_DOWN, _UP, _BIAS, _LO, _HI, _FRACTION, _SENT_DOWN, _SENT_UP, _LARGEST, _PERIOD, _PHASE, _ALPHA, _LEAK = range(
    len(CONSTANTS)
)
WORK_ROWS = 7
"""Of which `activate` and `send` use all but the last."""
_REACH = (len(TABLE) - 1).bit_length() - 1 - FEWEST_FRACTION_BITS
"""Beyond 2**_REACH a function is what it is at the end of its table."""
_I, _L = np.int32, np.int64


@numba.njit(inline="always")
def rounded(x, down):  # type: ignore[no-untyped-def]
    """x / 2**down to the nearest, halves away from zero."""
    size = (abs(x) + ((_L(1) << down) >> 1)) >> down
    return -size if x < 0 else size


@numba.njit(inline="always")
def held(x, most):  # type: ignore[no-untyped-def]
    return min(max(x, -most), most)


@numba.njit(boundscheck=False)
def _looked_up(z, fractions, table, work, y):  # type: ignore[no-untyped-def]
    """y of z, odd as tanh is.

    Three loops: what is looked up stands alone, for it keeps a loop from being made of vectors.
    """
    segments, rests, lows, rises = work[1], work[2], work[3], work[4]
    for i in range(z.shape[0]):
        fraction = _L(fractions[i])
        size, shift = min(abs(_L(z[i])), _L(1) << (fraction + _REACH)), fraction - FEWEST_FRACTION_BITS
        segment = size >> shift
        segments[i] = segment
        rests[i] = size - (segment << shift)
    for i in range(z.shape[0]):
        entry = table[U(segments[i])]
        lows[i] = entry[0]
        rises[i] = entry[1]
    for i in range(z.shape[0]):
        fraction = _L(fractions[i])
        between = _L(lows[i]) + rounded(_L(rises[i]) * _L(rests[i]), fraction - FEWEST_FRACTION_BITS)
        size = rounded(between, TABLE_FRACTION - fraction)
        y[i] = -size if z[i] < 0 else size


@numba.njit(boundscheck=False)
def activate(number, z, constants, first, last, tables, work):  # type: ignore[no-untyped-def]
    """The first row of `work`, of z, both of the neurons first..last."""
    y = work[0]
    lo, hi, fractions = constants[_LO][first:last], constants[_HI][first:last], constants[_FRACTION][first:last]
    if number == CLIP:
        for i in range(z.shape[0]):
            y[i] = min(max(z[i], lo[i]), hi[i])
    elif number == RELU:
        for i in range(z.shape[0]):
            y[i] = max(z[i], _I(0))
    elif number == TANH:
        _looked_up(z, fractions, tables[0], work, y)
    elif number == QUADRATIC:
        for i in range(z.shape[0]):
            near = held(_L(z[i]), _L(2) << _L(fractions[i]))
            y[i] = near - rounded(near * abs(near), _L(fractions[i]) + 2)
    elif number == SIGMOID:
        for i in range(z.shape[0]):
            work[5, i] = rounded(_L(z[i]), _L(1))
        _looked_up(work[5][: z.shape[0]], fractions, tables[0], work, y)
        for i in range(z.shape[0]):
            y[i] = rounded((_L(1) << _L(fractions[i])) + y[i], _L(1))
    elif number == RATIO:
        for i in range(z.shape[0]):
            work[5, i] = max(z[i], _I(0))
        _looked_up(work[5][: z.shape[0]], fractions, tables[1], work, y)
    else:
        for i in range(z.shape[0]):
            y[i] = z[i]


@numba.njit(boundscheck=False)
def graded(constants, state, sums, sent, first, last, activation, output, tables, work):  # type: ignore[no-untyped-def]
    """One step of neurons first..last, alike in `activation` and `output`; arguments and counts as of `update`.

    state: u, v, clock; tables: of tanh and of ratios, `[segment, 2]`, its value and how far it rises; work: room
    `[WORK_ROWS, neuron]`.
    """
    us, vs, clocks = state[0][first:last], state[1][first:last], state[2][first:last]
    down, up, bias = constants[_DOWN][first:last], constants[_UP][first:last], constants[_BIAS][first:last]
    alpha, leak, phase = constants[_ALPHA][first:last], constants[_LEAK][first:last], constants[_PHASE][first:last]
    sums, y = sums[first:last], work[0]
    clipped = saturations = wide = _L(0)
    for i in range(us.shape[0]):
        a = _L(_I(sums[i]))  # modulo 2**32
        total = (rounded(a, _L(down[i])) << _L(up[i])) + bias[i]
        u = held(total, _L(UV_LIMIT - 1))
        clipped += u != total
        wide += (sums[i] > UV_LIMIT - 1) | (sums[i] < 1 - UV_LIMIT)
        us[i] = u
    activate(activation, us, constants, first, last, tables, work)
    for i in range(vs.shape[0]):
        change = rounded(_L(alpha[i]) * (_L(y[i]) - _L(leak[i]) * _L(vs[i])), _L(DECAY_BITS))
        total = _L(vs[i]) + (change if clocks[i] == phase[i] else _L(0))
        v = held(total, _L(UV_LIMIT - 1))
        saturations += v != total
        vs[i] = v
    send(constants, vs, clocks, sent, first, last, output, tables, work)
    return clipped, saturations, wide


@numba.njit(boundscheck=False)
def send(constants, vs, clocks, sent, first, last, output, tables, work):  # type: ignore[no-untyped-def]
    """What neurons first..last send of `vs`, where it is their step; and their clocks go on."""
    sent_down, sent_up = constants[_SENT_DOWN][first:last], constants[_SENT_UP][first:last]
    largest, period, phase = (
        constants[_LARGEST][first:last],
        constants[_PERIOD][first:last],
        constants[_PHASE][first:last],
    )
    sent, y = sent[first:last], work[0]
    activate(output, vs, constants, first, last, tables, work)
    for i in range(vs.shape[0]):
        message = held(rounded(_L(y[i]), _L(sent_down[i])) << _L(sent_up[i]), _L(largest[i]))
        sent[i] = message if clocks[i] == phase[i] else _L(0)
        following = _I(clocks[i] + _I(1))
        clocks[i] = _I(0) if following == period[i] else following
