"""Values that vary over neurons or synapses: drawn from the distribution that a spec names, until all are allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.build.portions import chunks
from lsm_deploy.core import fixed
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.spec.values import Constant, Gamma, Lognormal, Normal, Uniform

__all__ = ["draw", "fill"]


def draw(
    value: Any, size: int, rng: np.random.Generator, allowed: Callable[[Floats], NDArray[np.bool_]], where: str
) -> Floats:
    """`size` values."""
    values = np.empty(size)
    fill(values, (np.arange(part.start, part.stop) for part in chunks(size)), value, rng, allowed, where)
    return values


def fill(
    values: Floats,
    places: Iterable[NDArray[np.int64]],
    value: Any,
    rng: np.random.Generator,
    allowed: Callable[[Floats], NDArray[np.bool_]],
    where: str,
) -> None:
    """Draw what stands at `places`; draws that are not allowed are made again, which truncates the distribution."""
    size = 0
    outside = [np.zeros(0, np.int64)]
    for place in places:
        values[place] = drawn = _draw_once(value, len(place), rng)
        size += len(place)
        outside.append(place[~allowed(drawn)])
    bad = np.concatenate(outside)
    for _ in range(99):
        if not len(bad):
            break
        values[bad] = _draw_once(value, len(bad), rng)
        bad = bad[~allowed(values[bad])]
    if len(bad):
        raise LsmError(
            f"{len(bad)} of {size} draws are still out of range after 100 tries, such as {values[bad[0]]:g}",
            where=where,
            hint="move the distribution into the allowed range, or narrow it",
        )


def _draw_once(value: Any, size: int, rng: np.random.Generator) -> Floats:
    match value:
        case float() | int():
            return np.full(size, float(value))
        case Constant(value=constant):
            return np.full(size, constant)
        case Uniform(low=low, high=high):
            return fixed.stable(low + (high - low) * rng.random(size))
        case Normal(mean=mean, std=std):
            return fixed.stable(mean + std * rng.standard_normal(size))
        case Lognormal(mean=mean, std=std):
            variance = np.log1p((std / mean) ** 2)
            log_mean = np.log(mean) - variance / 2
            return fixed.stable(np.exp(log_mean + np.sqrt(variance) * rng.standard_normal(size)))
        case Gamma(mean=mean, std=std):
            return fixed.stable(rng.standard_gamma((mean / std) ** 2, size) * std**2 / mean)
    raise AssertionError(value)
