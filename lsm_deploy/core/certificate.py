"""What is proved about a program: see `certify`, which proves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.shown import Brief

__all__ = ["TYPES", "Certificate"]


@dataclass(frozen=True, eq=False, repr=False)
class Certificate(Brief):
    """Per neuron, whatever the input: what is bounded, and whether every bound fits its register.

    largest_sum: of the |synaptic sum|. largest_u: of its registers (LIF: |u| + |bias|). shortest_interval: steps
    between two spikes, 0 where it never spikes. certified: sum and registers cannot overflow. by_geometry: that much
    follows without looking at how often sources can spike.
    """

    largest_sum: NDArray[np.int64]
    largest_u: NDArray[np.float64]
    shortest_interval: NDArray[np.int64]
    certified: NDArray[np.bool_]
    by_geometry: NDArray[np.bool_]

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, **TYPES)
        sizes = {getattr(self, name).shape for name in TYPES}
        if len(sizes) != 1 or len(next(iter(sizes))) != 1:
            raise ValueError(f"a certificate of {sizes} neurons")

    def follows_from(self, proved: Certificate, most: NDArray[np.int64]) -> bool:
        """Whether it promises no more than `proved` does, up to the last digits of a float; most: of |synaptic sum|.

        It may promise less: a version that proved shorter intervals, and so larger bounds, was not wrong.
        """
        never = np.iinfo(np.int64).max
        mine, theirs = (np.where(c.shortest_interval == 0, never, c.shortest_interval) for c in (self, proved))
        fits = (self.largest_sum <= most) & (self.largest_u < fixed.UV_LIMIT)
        holds = (
            (self.largest_sum >= proved.largest_sum)
            & (self.largest_u >= proved.largest_u * (1 - 1e-6))
            & (mine > 0)
            & (mine <= theirs)
            & (self.certified == fits)
            & (self.certified <= proved.certified)
            & (self.by_geometry <= proved.by_geometry)
        )
        return bool(holds.all())


TYPES: dict[str, type] = {
    "largest_sum": np.int64,
    "largest_u": np.float64,
    "shortest_interval": np.int64,
    "certified": np.bool_,
    "by_geometry": np.bool_,
}
"""Of its arrays, by name: what a file of one holds."""
