"""Neurons, in int32 registers: all arithmetic is that of `lsm_deploy.core.fixed`, narrowed to what the ranges allow.

decay     |x| = 4096 h + l, so |x| * k >> 12 = h * k + (l * k >> 12), both within 31 bits for k <= 4096
sums      int32 additions wrap as the accumulator does, modulo 2**32
"""

from __future__ import annotations

import numba
import numpy as np

from lsm_backends.fast.kernels.machine import apart, array, inner, lowest, not_zero, some_not_zero
from lsm_deploy.core.fixed import ACT_SHIFT, DECAY_BITS, DECAY_UNITY, SUM_LIMIT, UV_LIMIT

__all__ = ["BY_NUMBER", "atrlif", "collect", "decay", "lif", "list_active", "update"]

_I = np.int32


@numba.njit(inline="always")
def decay(x, k):  # type: ignore[no-untyped-def]
    a = _I(abs(x))
    r = _I(_I(_I(a >> _I(DECAY_BITS)) * k) + _I(_I(_I(a & _I(DECAY_UNITY - 1)) * k) >> _I(DECAY_BITS)))
    return r if x >= 0 else _I(-r)


@numba.njit(inline="always")
def _current(u, keep, a):  # type: ignore[no-untyped-def]
    """The decayed current plus the sum, before it wraps; of a wide sum the low 32 bits are enough."""
    return _I(decay(u, keep) + _I(_I(a) << _I(ACT_SHIFT)))


@numba.njit(inline="always")
def _wrap(x):  # type: ignore[no-untyped-def]
    u = x
    if x > _I(UV_LIMIT):
        u = _I(x - _I(2 * UV_LIMIT))
    elif x <= _I(-UV_LIMIT):
        u = _I(x + _I(2 * UV_LIMIT))
    return u


@numba.njit(inline="always")
def _clip(x):  # type: ignore[no-untyped-def]
    # Not by min and max, each of which numba would compile for itself.
    high = _I(UV_LIMIT - 1) if x > _I(UV_LIMIT - 1) else x
    return _I(1 - UV_LIMIT) if high < _I(1 - UV_LIMIT) else high


# One function a kind: `registers_of` constants and state, and sums, of `count` neurons in; state and spikes out, and
# sums of 0. Counts are 32 bits wide, as everything else, or the loops would not be vectorised.


@inner
def lif(constants, state, sums, fires, count):  # type: ignore[no-untyped-def]
    """constants: 4096 - (du + 1), 4096 - dv, vth << 6, bias_mant << bias_exp; state: u, v."""
    keep_u, keep_v, theta, bias = constants[:4]
    us, vs = state[:2]
    apart()
    wraps = saturations = wide = _I(0)
    for i in range(count):
        x = _current(us[i], keep_u[i], sums[i])
        u = _wrap(x)
        total = _I(_I(decay(vs[i], keep_v[i]) + u) + bias[i])
        v = _clip(total)
        fired = v > theta[i]
        wraps = _I(wraps + _I(u != x))
        saturations = _I(saturations + _I(v != total))
        wide = _I(wide + _I((sums[i] > SUM_LIMIT) | (sums[i] < -SUM_LIMIT)))
        us[i] = u
        vs[i] = _I(0) if fired else v
        fires[i] = fired
        sums[i] = 0
    return wraps, saturations, wide


@inner
def ternary(constants, state, sums, fires, count):  # type: ignore[no-untyped-def]
    """constants: 4096 - (du + 1), 4096 - dv, vth_hi << 6, bias_mant << bias_exp, vth_lo << 6; state: u, v."""
    keep_u, keep_v, high, bias, low = constants[:5]
    us, vs = state[:2]
    apart()
    wraps = saturations = wide = _I(0)
    for i in range(count):
        x = _current(us[i], keep_u[i], sums[i])
        u = _wrap(x)
        total = _I(_I(decay(vs[i], keep_v[i]) + u) + bias[i])
        v = _clip(total)
        spike = np.int8(v > high[i]) - np.int8(v < low[i])
        wraps = _I(wraps + _I(u != x))
        saturations = _I(saturations + _I(v != total))
        wide = _I(wide + _I((sums[i] > SUM_LIMIT) | (sums[i] < -SUM_LIMIT)))
        us[i] = u
        vs[i] = _I(0) if spike != 0 else v
        fires[i] = spike
        sums[i] = 0
    return wraps, saturations, wide


@inner
def refractory(constants, state, sums, fires, count):  # type: ignore[no-untyped-def]
    """constants: as LIF, then refractory_period; state: u, v, refractory."""
    keep_u, keep_v, theta, bias, period = constants[:5]
    us, vs, counters = state[:3]
    apart()
    wraps = saturations = wide = _I(0)
    for i in range(count):
        x = _current(us[i], keep_u[i], sums[i])
        u = _wrap(x)
        total = _I(_I(decay(vs[i], keep_v[i]) + u) + bias[i])
        moved = _clip(total)
        moves = counters[i] == 0
        v = moved if moves else vs[i]
        fired = v > theta[i]
        wraps = _I(wraps + _I(u != x))
        saturations = _I(saturations + _I(moves & (moved != total)))
        wide = _I(wide + _I((sums[i] > SUM_LIMIT) | (sums[i] < -SUM_LIMIT)))
        us[i] = u
        vs[i] = _I(0) if fired else v
        counters[i] = period[i] if fired else _I(max(counters[i] - _I(1), _I(0)))
        fires[i] = fired
        sums[i] = 0
    return wraps, saturations, wide


@inner
def subtract(constants, state, sums, fires, count):  # type: ignore[no-untyped-def]
    """constants: as LIF, then what a spike takes from v in its own step, and in the step after it; state: u, v."""
    keep_u, keep_v, theta, bias, at_once, late = constants[:6]
    us, vs = state[:2]
    apart()
    wraps = saturations = wide = _I(0)
    for i in range(count):
        x = _current(us[i], keep_u[i], sums[i])
        u = _wrap(x)
        owed = late[i] if vs[i] > theta[i] else _I(0)
        total = _I(_I(_I(decay(vs[i], keep_v[i]) - owed) + u) + bias[i])
        v = _clip(total)
        fired = v > theta[i]
        wraps = _I(wraps + _I(u != x))
        saturations = _I(saturations + _I(v != total))
        wide = _I(wide + _I((sums[i] > SUM_LIMIT) | (sums[i] < -SUM_LIMIT)))
        us[i] = u
        vs[i] = _I(v - at_once[i]) if fired else v
        fires[i] = fired
        sums[i] = 0
    return wraps, saturations, wide


@inner
def atrlif(constants, state, sums, fires, count):  # type: ignore[no-untyped-def]
    """constants: 4096 - (delta_i + 1), 4096 - delta_v, theta_0 << 6, bias_mant << bias_exp, 4096 - delta_theta,
    4096 - delta_r, theta_step << 6; state: i, v, theta, r."""
    keep_i, keep_v, rest, bias, keep_theta, keep_r, step = constants[:7]
    currents, vs, thetas, rs = state[:4]
    apart()
    wraps = saturations = wide = _I(0)
    for i in range(count):
        x = _current(currents[i], keep_i[i], sums[i])
        u = _wrap(x)
        total = _I(_I(decay(vs[i], keep_v[i]) + u) + bias[i])
        v = _clip(total)
        theta = _I(decay(_I(thetas[i] - rest[i]), keep_theta[i]) + rest[i])
        r = decay(rs[i], keep_r[i])
        fired = _I(v - r) >= theta
        wraps = _I(wraps + _I(u != x))
        saturations = _I(saturations + _I(v != total))
        wide = _I(wide + _I((sums[i] > SUM_LIMIT) | (sums[i] < -SUM_LIMIT)))
        currents[i] = u
        vs[i] = v
        thetas[i] = _I(theta + step[i]) if fired else theta
        rs[i] = _I(r + _I(theta * _I(2))) if fired else r
        fires[i] = fired
        sums[i] = 0
    return wraps, saturations, wide


BY_NUMBER = (lif, ternary, refractory, subtract, atrlif)
"""Of the kinds, as `rules.RULES` has them."""


@numba.njit(boundscheck=False)
def update(kind, constants, state, sums, fires, count):  # type: ignore[no-untyped-def]
    """One of them, where others stand beside it in one network."""
    if kind == 0:
        return lif(constants, state, sums, fires, count)
    if kind == 1:
        return ternary(constants, state, sums, fires, count)
    if kind == 2:
        return refractory(constants, state, sums, fires, count)
    if kind == 3:
        return subtract(constants, state, sums, fires, count)
    return atrlif(constants, state, sums, fires, count)


@inner
def list_active(address, size, offset, active, signs):  # type: ignore[no-untyped-def]
    """Which of `size` spikes (int8) at an address are not 0, numbered from `offset`, and their signs; returns how many.

    64 neurons become one word of bits, so that those at rest cost nothing.
    """
    fires, count = array(address, size, np.int8), 0
    for i in range(0, size, 64):
        if i + 64 <= size:
            word = not_zero(address + i)
        elif size >= 64:  # the last few, read together with those before them
            word = not_zero(address + size - 64) >> np.uint64(i + 64 - size)
        else:
            word = _few_not_zero(address, size)
        while word:
            k = i + lowest(word)
            word &= word - np.uint64(1)
            active[count] = offset + k
            signs[count] = fires[k]
            count += 1
    return count


@inner
def _few_not_zero(address, size):  # type: ignore[no-untyped-def]
    """As `not_zero`, of fewer than 64."""
    word = np.uint64(0)
    if size >= 8:
        for i in range(0, size - 7, 8):
            word |= some_not_zero(address + i) << np.uint64(i)
        return word | some_not_zero(address + size - 8) << np.uint64(size - 8)
    fires = array(address, size, np.int8)
    for k in range(size):
        word |= np.uint64(fires[k] != 0) << np.uint64(k)
    return word


@inner
def collect(due, others, count):  # type: ignore[no-untyped-def]
    """Take what others have for the same neurons, and leave them nothing."""
    for i in range(count):
        due[i] += others[i]
        others[i] = 0
