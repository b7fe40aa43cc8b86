"""Where cores lie, for counting hops: a documented guess, because the maps of Loihi 2 and its boards are not published.

A chip is a mesh of 8 x 4 tiles of 4 cores, as Loihi 1 is (Davies et al. 2018: 128 cores; SANA-FE's `loihi.yaml`). Cores
fill tile after tile, and tiles columns of four up and down in turn, so that cores with neighbouring numbers are
neighbours. Of 32 tiles, 30 hold the 120 cores that are planned with; input enters at the last tile of the first chip.
Chips lie in a rectangle, `Target.chips_across` wide, and their meshes join: a message goes first along x, then y.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.boards import Board

__all__ = ["CORES_PER_TILE", "ENTRANCE", "HEIGHT", "WIDTH", "tiles"]

WIDTH, HEIGHT = 8, 4
"""Tiles of a chip: Davies et al. 2018, figure 4, and SANA-FE's `loihi.yaml`."""
CORES_PER_TILE = 4
ENTRANCE = (WIDTH - 1, 0)
"""The tile, x and y, where input spikes enter: the last of the first chip."""


def tiles(cores: NDArray[np.int64], target: Board) -> NDArray[np.int64]:
    """The position x, y `[core, 2]` of each core's tile on the mesh of the whole board."""
    chip, tile = cores // target.cores_per_chip, cores % target.cores_per_chip // CORES_PER_TILE
    column, row = tile // HEIGHT, tile % HEIGHT
    row = np.where(column % 2, HEIGHT - 1 - row, row)
    x = chip % target.chips_across * WIDTH + column
    y = chip // target.chips_across * HEIGHT + row
    return np.stack([x, y], axis=-1)
