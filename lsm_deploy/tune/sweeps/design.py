"""Which points of a space are tried: all of a grid, or some that are drawn."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any, Literal, get_args

import numpy as np

from lsm_deploy.core.errors import MisuseError
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.streams import stream
from lsm_deploy.spec import Parameter

__all__ = ["DESIGNS", "MOST", "Design", "drawn", "grid", "require_few"]

Design = Literal["uniform", "latin", "sobol"]
DESIGNS: tuple[Design, ...] = get_args(Design)
MOST = 100_000
"""Points of a sweep, and pieces of work: of each point every liquid, and of that every fault."""


def require_few(pieces: int) -> None:
    """A MisuseError where a run would be of more pieces than `MOST`, before there is a list of them."""
    if pieces > MOST:
        what = f"{pieces} evaluations are asked for, more than {MOST}"
        raise MisuseError(what, hint="ask for fewer values, liquids or draws")


def grid(parameters: Sequence[Parameter]) -> list[dict[str, Any]]:
    """Every combination of values, the last path varying first; a MisuseError where there are too many."""
    points = prod(len(p.values) for p in parameters)
    if points > MOST:
        what = f"the grid has {points} points, more than {MOST}"
        raise MisuseError(what, where="vary", hint="give fewer values, or draw some: so many `random`")
    paths = [p.path for p in parameters]
    return [dict(zip(paths, values, strict=True)) for values in product(*(p.values for p in parameters))]


def drawn(parameters: Sequence[Parameter], points: int, seed: int, design: Design) -> list[dict[str, Any]]:
    """So many points. `uniform` and `sobol` are begun anew by more of them, `latin` is another design.

    uniform: each value by itself. latin: of each parameter one value in each of as many parts (McKay, Beckman &
    Conover, Technometrics 21, 1979). sobol: Sobol' points (USSR Comp. Math. 7, 1967), shifted at random.
    """
    shares = np.stack([stream(seed, "sweep", p.path).random(points) for p in parameters], axis=1)
    if design == "latin":
        order = [np.argsort(stream(seed, "sweep order", p.path).random(points)) for p in parameters]
        shares = (np.stack(order, axis=1) + shares) / points
    elif design == "sobol":
        shares = (_sobol(points, len(parameters)) + shares[0]) % 1.0
    return [{p.path: _value(p, float(u)) for p, u in zip(parameters, row, strict=True)} for row in shares]


def _sobol(points: int, dimensions: int) -> Floats:
    from scipy.stats.qmc import Sobol

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a power of two of them would be balanced
        unit: Floats = Sobol(dimensions, scramble=False).random(points)
    return unit


def _value(p: Parameter, u: float) -> Any:
    """The value of a share 0 <= u < 1 of what may stand there."""
    if p.values:
        return p.values[int(u * len(p.values))]
    low, high = (p.low, p.high + 1) if p.whole else (p.low, p.high)
    value = low * (high / low) ** u if p.log else low + u * (high - low)
    # As it is written: nobody reads seventeen digits.
    return min(int(value), int(p.high)) if p.whole else min(max(float(f"{value:.5g}"), p.low), p.high)
