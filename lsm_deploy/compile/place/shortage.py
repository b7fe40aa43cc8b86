"""A network that does not fit its board: which limit ends its cores, by how much it is too big, and what would fit.

Nothing is extrapolated: a share of the neurons or synapses, a number of bits or a board is named because a network with
it was placed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.build import rows
from lsm_deploy.compile.place.axons import Axons, axons_of
from lsm_deploy.compile.place.filling import LIMITS, Filling, fill
from lsm_deploy.core.boards import BOARDS, Board
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import QNetwork

__all__ = ["too_big"]

_PARTS = 64
"""Shares are found to one in so many."""


def too_big(network: QNetwork, axons: Axons, target: Board, least: Filling) -> LsmError:
    """The error of a network whose placement with the fewest cores is `least`."""
    ways_out = [*_neurons(axons, target), *_synapses(axons, target), *_weight_bits(network, target)]
    board = next((name for name, other in BOARDS.items() if other.chips > target.chips and _holds(other, least)), None)
    ways = [f"keep {', '.join(ways_out[:-1])}{' or ' * (len(ways_out) > 1)}{ways_out[-1]}"] if ways_out else []
    ways.append(f"choose {board}, or board none" if board else "choose board none")
    worst = int(np.argmax(least.closed))
    return LsmError(
        f"the network needs {least.used} cores, {target.name} has {target.cores}; "
        f"{least.closed[worst]} are full by {LIMITS[worst]}",
        hint=", or ".join(ways),
    )


def _holds(target: Board, filling: Filling) -> bool:
    # Cores have the same limits on every board.
    return filling.used <= target.cores


def _neurons(axons: Axons, target: Board) -> list[str]:
    sizes = np.bincount(axons.groups)
    rank = np.arange(len(axons.groups)) - (np.cumsum(sizes) - sizes)[axons.groups]  # within its population
    of_all = np.ones(len(axons.out_begin), bool)

    def fits(part: int) -> bool:
        chosen = rank < sizes[axons.groups] * part // _PARTS
        of_all[: len(chosen)] = chosen
        return _fits(_thinned(axons, of_all[axons.sources]), target, np.flatnonzero(chosen).astype(np.int32))

    part = _most(fits)
    return [f"{int((sizes * part // _PARTS).sum())} neurons"] if part else []


def _synapses(axons: Axons, target: Board) -> list[str]:
    number = np.arange(len(axons.sources))

    def fits(part: int) -> bool:
        return _fits(_thinned(axons, (number + 1) * part // _PARTS > number * part // _PARTS), target)

    part = _most(fits)
    return [f"{100 * part // _PARTS}% of the synapses"] if part else []  # never rounded up


def _weight_bits(network: QNetwork, target: Board) -> list[str]:
    for bits in range(max((p.num_weight_bits for p in network.projections), default=1) - 1, 0, -1):
        if _fits(axons_of(network, most_weight_bits=bits), target):
            return [f"{bits} bit{'s' * (bits > 1)} a weight"]
    return []


def _fits(axons: Axons, target: Board, order: NDArray[np.int32] | None = None) -> bool:
    wanted = len(axons.groups) if order is None else len(order)
    return any(
        fill(axons, target, grow=g, order=order, most_cores=target.cores).placed == wanted for g in (True, False)
    )


def _thinned(axons: Axons, chosen: NDArray[np.bool_]) -> Axons:
    indptr, sources = rows.count_chosen(axons.indptr, chosen), axons.sources[chosen]
    begin, targets = rows.transpose(indptr, sources, len(axons.out_begin))
    bits = axons.bits if axons.bits_of_sources else axons.bits[chosen]
    return Axons(indptr, sources, bits, axons.bits_of_sources, begin[:-1], begin[1:], targets, axons.groups)


def _most(fits: Callable[[int], bool]) -> int:
    """The most parts that fit, if fewer always do: 0 to `_PARTS` - 1."""
    low, high = 0, _PARTS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
