"""Gated neurons: the arithmetic of `lsm_deploy.core.neurons.gated`, as `graded` does it."""

from __future__ import annotations

import numba
import numpy as np

from lsm_backends.fast.kernels.graded import SHARED, activate, held, rounded, send
from lsm_deploy.core.fixed import UV_LIMIT
from lsm_deploy.core.neurons.gated import GATE_BITS

__all__ = ["CONSTANTS", "gated"]

CONSTANTS = (*SHARED, "gate_down", "gate_up", "gate_bias", "fused", "base")
_DOWN, _UP, _BIAS, _FRACTION, _PHASE, _GATE_DOWN, _GATE_UP, _GATE_BIAS, _FUSED, _BASE = (
    CONSTANTS.index(name)
    for name in (
        "input_down", "input_up", "bias", "fraction", "phase", "gate_down", "gate_up", "gate_bias", "fused", "base",
    )
)  # fmt: skip
_I, _L = np.int32, np.int64
_MOST = UV_LIMIT - 1


@numba.njit(inline="always")
def _sum(sum_, down, up, bias):  # type: ignore[no-untyped-def]
    """Of a sum modulo 2**32, what it is before it is held within 24 bits."""
    return (rounded(_L(_I(sum_)), _L(down)) << _L(up)) + bias


@numba.njit(boundscheck=False)
def gated(constants, state, sums, sent, first, last, onto_gate, activation, output, gate, tables, work):  # type: ignore[no-untyped-def]
    """One step of neurons first..last, alike in their functions; arguments as of `graded`.

    state: u, w, v, clock; onto_gate: the place of the first neuron's sum onto its gate.
    """
    us, ws, vs, clocks = state[0][first:last], state[1][first:last], state[2][first:last], state[3][first:last]
    down, up, bias = constants[_DOWN][first:last], constants[_UP][first:last], constants[_BIAS][first:last]
    gate_down, gate_up = constants[_GATE_DOWN][first:last], constants[_GATE_UP][first:last]
    gate_bias, fraction = constants[_GATE_BIAS][first:last], constants[_FRACTION][first:last]
    fused, bases, phase = constants[_FUSED][first:last], constants[_BASE][first:last], constants[_PHASE][first:last]
    gate_sums, sums = sums[onto_gate : onto_gate + last - first], sums[first:last]
    y, opened = work[0], work[6]
    clipped = saturations = wide = _L(0)
    for i in range(us.shape[0]):
        total_u = _sum(sums[i], down[i], up[i], bias[i])
        total_w = _sum(gate_sums[i], gate_down[i], gate_up[i], gate_bias[i])
        u, w = held(total_u, _L(_MOST)), held(total_w, _L(_MOST))
        clipped += (u != total_u) | (w != total_w)
        wide += (sums[i] > _MOST) | (sums[i] < -_MOST)
        wide += (gate_sums[i] > _MOST) | (gate_sums[i] < -_MOST)
        us[i] = u
        ws[i] = w
    activate(gate, ws, constants, first, last, tables, work)
    for i in range(ws.shape[0]):
        f = _L(fraction[i])
        share = min(max(_L(y[i]), _L(0)), _L(1) << f)
        opened[i] = rounded(share, max(f - GATE_BITS, _L(0))) << max(GATE_BITS - f, _L(0))
    activate(activation, us, constants, first, last, tables, work)
    for i in range(vs.shape[0]):
        base, gamma, x = _L(bases[i]) * _L(vs[i]), _L(opened[i]), _L(y[i])
        mixed = base + rounded(gamma * (x - base), _L(GATE_BITS))
        both = base + x
        taken = both - rounded(gamma * both, _L(GATE_BITS))
        moved = taken if fused[i] else mixed
        total = moved if clocks[i] == phase[i] else _L(vs[i])
        v = held(total, _L(_MOST))
        saturations += v != total
        vs[i] = v
    send(constants, vs, clocks, sent, first, last, output, tables, work)
    return clipped, saturations, wide
