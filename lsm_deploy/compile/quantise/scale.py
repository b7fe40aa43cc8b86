"""The scale of a population: integer units to one unit of weight and threshold.

As large as the registers allow (threshold with headroom, bias, weights of 255 << 7), because what the decays truncate
in every step weighs less then; and, within a factor of two below that, where the weights lose least: each projection
proposes the scale that puts its largest weight on the largest mantissa, and the proposal with the smallest squared
rounding error over all incoming weights wins.

Of slow neurons truncation takes the most: half a unit a step in the mean, for as long as they remember. Where that is
more than a thousandth of a threshold, headroom is given up for scale, as far as no sum and no current that the synapses
can deliver overflows for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lsm_deploy.compile.quantise import kernels
from lsm_deploy.compile.quantise.compensate import BEARABLE, lost_share
from lsm_deploy.compile.quantise.grid import COARSE, exponent_of, largest_weight, range_of, to_grid
from lsm_deploy.compile.quantise.registers import registers_of
from lsm_deploy.compile.quantise.sources import Sent
from lsm_deploy.core import fixed
from lsm_deploy.core.boards import MAX_WEIGHT_EXP
from lsm_deploy.core.ir import Population, Projection
from lsm_deploy.core.neurons import KINDS, membrane
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.threads import together

__all__ = ["choose_scale"]

_ROUNDING = 1.02
"""What rounding may add to a sum of weights, with some to spare."""
_BETWEEN = (1.0, 2**-0.25, 2**-0.5, 2**-0.75)
"""With few bits the largest weight need not be on the largest mantissa: scales between are tried as well."""


def choose_scale(
    population: Population, arriving: Sequence[tuple[Projection, Sent]], dt_ms: float, ceiling: float
) -> float:
    """arriving: projections with weights in the units of what their sources send. ceiling: no larger than this."""
    incoming = [p for p, _ in arriving]
    # The scale at which each projection's largest weight is the largest on its grid, at exponent 0.
    aligned = []
    for p in incoming:
        low, high, _ = range_of(p)
        aligned.append((high or -low) / largest_weight(p))
    limit = _limit(population, arriving, dt_ms)
    limit = min([limit, ceiling, *(scale * (1 << MAX_WEIGHT_EXP) for scale in aligned)])
    candidates = [limit]
    for p, scale in zip(incoming, aligned, strict=True):
        for between in _BETWEEN if p.weight_bits <= COARSE else (1.0,):
            exponent = np.floor(np.log2(limit / (scale * between)))
            # With clipping allowed, the grid may also end below the largest weight.
            if exponent >= (0 if p.weight_bits > COARSE else -MAX_WEIGHT_EXP):
                candidates.append(scale * between * 2.0**exponent)
    stable = [float(scale) for scale in fixed.stable(np.array(candidates))]

    def error(scale: float) -> float:
        total = sum(to_grid(p, scale, exponent_of(p, scale))[0] for p in incoming)
        return float(fixed.stable(np.array(total)))

    errors = together([partial(error, scale) for scale in stable], sum(len(p.post) for p in incoming))
    return min(zip(stable, errors, strict=True), key=lambda each: (each[1], -each[0]))[0]


def _limit(population: Population, arriving: Sequence[tuple[Projection, Sent]], dt_ms: float) -> float:
    kind, parameters = KINDS[population.kind], population.parameters
    limit = kind.largest_scale(parameters)
    headroom, most = membrane.THRESHOLD_HEADROOM, None
    while headroom > membrane.LEAST_HEADROOM and np.median(lost_share(population, limit, dt_ms)) > BEARABLE:
        headroom //= 2
        larger = kind.largest_scale(parameters, headroom)
        most = _largest_drive(population, arriving) if most is None else most
        if not _fits(population, larger, most, dt_ms):
            break
        limit = larger
    return limit


def _largest_drive(population: Population, arriving: Sequence[tuple[Projection, Sent]]) -> Floats:
    """What all synapses of either sign deliver at once, whichever is more `[neuron]`, in units of weight."""
    most = np.zeros((2, population.size))
    for p, sent in arriving:
        kernels.gather(p.post, p.weight if sent.largest == 1 else p.weight * sent.largest, sent.signed, most)
    drive: Floats = most.max(axis=0)
    return drive


def _fits(population: Population, scale: float, most: Floats, dt_ms: float) -> bool:
    """Whether no sum and no register of a neuron overflows, at that scale, whatever its synapses deliver."""
    registers, _ = registers_of(population.kind, population.parameters, scale, dt_ms)
    largest_sum = membrane.nearest(np.ceil(most * (scale * _ROUNDING)))
    a, _ = KINDS[population.kind].leaks(registers)
    largest = KINDS[population.kind].largest_register(registers, membrane.largest_current(largest_sum, a))
    return bool((largest_sum <= fixed.SUM_LIMIT).all() and (largest < fixed.UV_LIMIT).all())
