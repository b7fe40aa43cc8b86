"""The integer contract for arrays, written with division and remainder so that it shares no operation with the code.

What the shifts of the contract mean: `>>` floors, t0 divides by 4096 and truncates toward zero, `<< n` is times 2**n.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LIMIT = 2**23


def t0(x: Any) -> Any:
    return np.where(x >= 0, x // 4096, -(-x // 4096))


def wrap32(x: Any) -> Any:
    low = x % 2**32
    return np.where(low >= 2**31, low - 2**32, low)


def wrap24(x: Any) -> Any:
    return x - 2 * LIMIT * (x > LIMIT).astype(np.int64) + 2 * LIMIT * (x <= -LIMIT).astype(np.int64)


def step(u: Any, v: Any, a: Any, du: Any, dv: Any, vth: Any, mant: Any, exp: Any) -> tuple[Any, Any, Any]:
    """The current, the voltage after its reset, and the spike; int64 arrays."""
    u = wrap24(wrap32(t0(u * (4095 - du)) + 64 * a))
    v = np.minimum(np.maximum(t0(v * (4096 - dv)) + u + mant * 2**exp, 1 - LIMIT), LIMIT - 1)
    s = v > 64 * vth
    return u, v * (1 - s.astype(np.int64)), s


def on_grid(weight: Any, mode: str, bits: int) -> Any:
    """Lava's weight for any integer: clipped to the sign's range, then on the grid, magnitudes of one sign floored.

    Mixed weights floor, to the left; inhibitory ones are negated before they floor, which moves them toward zero.
    """
    low, high = {"excitatory": (0, 255), "inhibitory": (-255, 0), "mixed": (-256, 255)}[mode]
    weight = np.minimum(np.maximum(weight, low), high)
    step = 2 ** (8 - bits + (mode == "mixed"))
    return -(-weight // step * step) if mode == "inhibitory" else weight // step * step
