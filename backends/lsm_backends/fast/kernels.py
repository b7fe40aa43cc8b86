"""The compiled loop: one sample, step by step, in int32 registers.

All arithmetic is that of `lsm_deploy.fixed`, narrowed to what the ranges allow:

    decay     |x| = 4096 h + l, so |x| * k >> 12 = h * k + (l * k >> 12), both within 31 bits for k <= 4096
    sums      int32 additions wrap as the accumulator does, modulo 2**32; the ring is int64 where a true sum could wrap
    rows      mantissas of up to 256 rows of uint8 add within uint16, and are shifted by their exponent once for all

Everything that is compiled stands in this one file: numba's cache looks at no other.
"""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["KINDS", "run_sample"]

KINDS = {"LIF": 0, "TernaryLIF": 1, "LIFRefractory": 2, "ATRLIF": 3}
"""The kinds that `_update` has a rule for, and their numbers there."""

_I = np.int32
_ROWS = 256
"""Rows of uint8 that a uint16 holds the sum of: 256 * 255 < 2**16."""


@numba.njit(inline="always")
def _decay(x, k):  # type: ignore[no-untyped-def]
    a = _I(abs(x))
    r = _I(_I(_I(a >> _I(12)) * k) + _I(_I(_I(a & _I(4095)) * k) >> _I(12)))
    return r if x >= 0 else _I(-r)


@numba.njit(inline="always")
def _current(u, keep, a):  # type: ignore[no-untyped-def]
    """The decayed current plus the sum, before it wraps."""
    return _I(_decay(u, keep) + _I(a << 6))


@numba.njit(inline="always")
def _wrap(x):  # type: ignore[no-untyped-def]
    u = x
    if x > _I(8388608):
        u = _I(x - _I(16777216))
    elif x <= _I(-8388608):
        u = _I(x + _I(16777216))
    return u


@numba.njit(inline="always")
def _clip(x):  # type: ignore[no-untyped-def]
    return _I(min(max(x, _I(-8388607)), _I(8388607)))


# One function a kind: constants and state `[register, neuron]` and sums of its neurons in, state and spikes out. They
# are given slices, so that indices start at 0: one that might be negative keeps a loop from being vectorised.


@numba.njit(nogil=True, cache=True, boundscheck=False)
def _lif(constants, state, sums, fires):  # type: ignore[no-untyped-def]
    """constants: 4096 - (du + 1), 4096 - dv, vth << 6, bias_mant << bias_exp; state: u, v."""
    keep_u, keep_v, theta, bias = constants[0], constants[1], constants[2], constants[3]
    us, vs = state[0], state[1]
    wraps = saturations = wide = 0
    for i in range(sums.shape[0]):
        x = _current(us[i], keep_u[i], sums[i])
        u = _wrap(x)
        total = _I(_I(_decay(vs[i], keep_v[i]) + u) + bias[i])
        v = _clip(total)
        fired = v > theta[i]
        wraps += u != x
        saturations += v != total
        wide += (sums[i] > 32767) | (sums[i] < -32767)
        us[i] = u
        vs[i] = _I(0) if fired else v
        fires[i] = fired
    return wraps, saturations, wide


@numba.njit(nogil=True, cache=True, boundscheck=False)
def _ternary(constants, state, sums, fires):  # type: ignore[no-untyped-def]
    """constants: 4096 - (du + 1), 4096 - dv, vth_hi << 6, bias_mant << bias_exp, vth_lo << 6; state: u, v."""
    keep_u, keep_v, high, bias, low = constants[0], constants[1], constants[2], constants[3], constants[4]
    us, vs = state[0], state[1]
    wraps = saturations = wide = 0
    for i in range(sums.shape[0]):
        x = _current(us[i], keep_u[i], sums[i])
        u = _wrap(x)
        total = _I(_I(_decay(vs[i], keep_v[i]) + u) + bias[i])
        v = _clip(total)
        spike = np.int8(v > high[i]) - np.int8(v < low[i])
        wraps += u != x
        saturations += v != total
        wide += (sums[i] > 32767) | (sums[i] < -32767)
        us[i] = u
        vs[i] = _I(0) if spike != 0 else v
        fires[i] = spike
    return wraps, saturations, wide


@numba.njit(nogil=True, cache=True, boundscheck=False)
def _refractory(constants, state, sums, fires):  # type: ignore[no-untyped-def]
    """constants: as LIF, then refractory_period; state: u, v, refractory."""
    keep_u, keep_v, theta, bias, period = constants[0], constants[1], constants[2], constants[3], constants[4]
    us, vs, counters = state[0], state[1], state[2]
    wraps = saturations = wide = 0
    for i in range(sums.shape[0]):
        x = _current(us[i], keep_u[i], sums[i])
        u = _wrap(x)
        total = _I(_I(_decay(vs[i], keep_v[i]) + u) + bias[i])
        moved = _clip(total)
        moves = counters[i] == 0
        v = moved if moves else vs[i]
        fired = v > theta[i]
        wraps += u != x
        saturations += moves & (moved != total)
        wide += (sums[i] > 32767) | (sums[i] < -32767)
        us[i] = u
        vs[i] = _I(0) if fired else v
        counters[i] = period[i] if fired else _I(max(counters[i] - _I(1), _I(0)))
        fires[i] = fired
    return wraps, saturations, wide


@numba.njit(nogil=True, cache=True, boundscheck=False)
def _atrlif(constants, state, sums, fires):  # type: ignore[no-untyped-def]
    """constants: 4096 - (delta_i + 1), 4096 - delta_v, theta_0 << 6, bias_mant << bias_exp, 4096 - delta_theta,
    4096 - delta_r, theta_step << 6; state: i, v, theta, r."""
    keep_i, keep_v, rest, bias = constants[0], constants[1], constants[2], constants[3]
    keep_theta, keep_r, step = constants[4], constants[5], constants[6]
    currents, vs, thetas, rs = state[0], state[1], state[2], state[3]
    wraps = saturations = wide = 0
    for i in range(sums.shape[0]):
        x = _current(currents[i], keep_i[i], sums[i])
        u = _wrap(x)
        total = _I(_I(_decay(vs[i], keep_v[i]) + u) + bias[i])
        v = _clip(total)
        theta = _I(_decay(_I(thetas[i] - rest[i]), keep_theta[i]) + rest[i])
        r = _decay(rs[i], keep_r[i])
        fired = _I(v - r) >= theta
        wraps += u != x
        saturations += v != total
        wide += (sums[i] > 32767) | (sums[i] < -32767)
        currents[i] = u
        vs[i] = v
        thetas[i] = _I(theta + step[i]) if fired else theta
        rs[i] = _I(r + _I(theta * _I(2))) if fired else r
        fires[i] = fired
    return wraps, saturations, wide


@numba.njit(nogil=True, cache=True, boundscheck=False)
def _update(kind, constants, state, sums, fires):  # type: ignore[no-untyped-def]
    if kind == 0:
        return _lif(constants, state, sums, fires)
    if kind == 1:
        return _ternary(constants, state, sums, fires)
    if kind == 2:
        return _refractory(constants, state, sums, fires)
    return _atrlif(constants, state, sums, fires)


@numba.njit(nogil=True, cache=True, boundscheck=False)
def _add_rows(weights, rows, sums):  # type: ignore[no-untyped-def]
    """Add rows, a multiple of four, to `sums`; eight at a time, so that sums are read and written once for eight."""
    size = sums.shape[0]
    count = rows.shape[0]
    j = 0
    while j + 8 <= count:
        a, b, c, d = weights[rows[j]], weights[rows[j + 1]], weights[rows[j + 2]], weights[rows[j + 3]]
        e, f, g, h = weights[rows[j + 4]], weights[rows[j + 5]], weights[rows[j + 6]], weights[rows[j + 7]]
        for i in range(size):
            low = np.uint16(np.uint16(a[i]) + np.uint16(b[i]) + np.uint16(c[i]) + np.uint16(d[i]))
            high = np.uint16(np.uint16(e[i]) + np.uint16(f[i]) + np.uint16(g[i]) + np.uint16(h[i]))
            sums[i] = np.uint16(sums[i] + low + high)
        j += 8
    if j < count:
        a, b, c, d = weights[rows[j]], weights[rows[j + 1]], weights[rows[j + 2]], weights[rows[j + 3]]
        for i in range(size):
            low = np.uint16(np.uint16(a[i]) + np.uint16(b[i]) + np.uint16(c[i]) + np.uint16(d[i]))
            sums[i] = np.uint16(sums[i] + low)


@numba.njit(nogil=True, cache=True, boundscheck=False)
def _propagate_dense(weights, row_of, signs, delays, shifts, active, signed, wanted, sums, rows, ring, t):  # type: ignore[no-untyped-def]
    """Add the rows of all active sources whose spike is `wanted` (+1 or -1)."""
    nothing = weights.shape[0] - 1  # the last row, all zeros, fills up to a multiple of four
    for c in range(row_of.shape[0]):
        # Without a branch: which sources have a row is as good as random.
        found = 0
        of_class = row_of[c]
        for j in range(active.shape[0]):
            row = of_class[active[j]]
            rows[found] = row
            found += (row >= 0) & (signed[j] == wanted)
        if found == 0:
            continue
        while found % 4:
            rows[found] = nothing
            found += 1
        target, shift = ring[(t + 1 + delays[c]) % ring.shape[0]], shifts[c]
        sign = signs[c] * wanted
        for first in range(0, found, _ROWS):
            sums[:] = 0
            _add_rows(weights, rows[first : min(first + _ROWS, found)], sums)
            if sign > 0:
                for i in range(sums.shape[0]):
                    target[i] += _I(_I(sums[i]) << shift[i])
            else:
                for i in range(sums.shape[0]):
                    target[i] -= _I(_I(sums[i]) << shift[i])


@numba.njit(nogil=True, cache=True, boundscheck=False)
def _propagate_events(indptr, offsets, values, active, signed, count, ring, t):  # type: ignore[no-untyped-def]
    """Add each synapse of each active source; an offset is delay * row length + target."""
    flat = ring.ravel()
    end = flat.shape[0]
    base = ((t + 1) % ring.shape[0]) * ring.shape[1]
    for j in range(count):
        source = active[j]
        if signed[j] > 0:
            for k in range(indptr[source], indptr[source + 1]):
                i = base + offsets[k]
                if i >= end:
                    i -= end
                flat[i] += values[k]
        else:
            for k in range(indptr[source], indptr[source + 1]):
                i = base + offsets[k]
                if i >= end:
                    i -= end
                flat[i] -= values[k]


@numba.njit(nogil=True, cache=True, boundscheck=False)
def run_sample(  # type: ignore[no-untyped-def]
    groups,
    constants,
    initial,
    interval,
    dense,
    row_of,
    signs,
    delays,
    shifts,
    indptr,
    offsets,
    values,
    first_input,
    last_input,
    channels,
    state,
    ring,
    active,
    signed,
    rows,
    sums,
    spikes,
    out_spikes,
    recorded,
    out_registers,
    start,
):
    """Run `len(out_spikes)` steps from step `start`; returns the wraps, saturations and wide sums.

    groups: [kind, first, last] a population. first_input, last_input `[t]`: which of `channels` spike in each step.
    state, ring, spikes and the work arrays are the caller's, and keep what the next call needs.
    """
    size = spikes.shape[0]
    neurons = out_spikes.shape[1]
    wraps = saturations = wide = 0
    for t in range(start, start + out_spikes.shape[0]):
        if interval and t % interval == 0:
            state[:] = initial
        a = ring[t % ring.shape[0]]
        for g in range(groups.shape[0]):
            first, last = groups[g, 1], groups[g, 2]
            one, two, three = _update(
                groups[g, 0], constants[:, first:last], state[:, first:last], a[first:last], spikes[first:last]
            )
            wraps += one
            saturations += two
            wide += three
        a[:] = 0

        count = 0
        negative = False
        for i in range(size):  # without a branch: whether a neuron spiked is as good as random
            active[count] = i
            signed[count] = spikes[i]
            negative |= spikes[i] < 0
            count += spikes[i] != 0
        for k in range(first_input[t - start], last_input[t - start]):
            active[count] = size + channels[k]
            signed[count] = 1
            count += 1

        row = t - start
        for i in range(neurons):
            out_spikes[row, i] = spikes[i]
        for r in range(recorded.shape[0]):
            for g in range(groups.shape[0]):
                if recorded[r, g] >= 0:
                    first, last = groups[g, 1], groups[g, 2]
                    out_registers[r, row, first:last] = state[recorded[r, g], first:last]

        if count:
            if row_of.shape[0]:
                fired, sign = active[:count], signed[:count]
                _propagate_dense(dense, row_of, signs, delays, shifts, fired, sign, 1, sums, rows, ring, t)
                if negative:
                    _propagate_dense(dense, row_of, signs, delays, shifts, fired, sign, -1, sums, rows, ring, t)
            if offsets.shape[0]:
                _propagate_events(indptr, offsets, values, active, signed, count, ring, t)
    return wraps, saturations, wide
