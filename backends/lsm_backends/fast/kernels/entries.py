"""Neurons as `loop` calls them: by address, each kind and width of sums for itself.

What a network does not have is not compiled: that takes a second for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lsm_backends.fast.kernels import neurons
from lsm_backends.fast.kernels.machine import array, registers_of


def _entry(update: Any, ring_type: Any) -> Callable[..., None]:
    def entry(constants, state, sums, fires, size, first, last, events):  # type: ignore[no-untyped-def]
        """Addresses of `[register, neuron]` twice, of sums and spikes of neurons first..last, and of the three
        counts; `size`: neurons in a row."""
        many = last - first
        counts = array(events, 3, np.int64)
        wraps, saturations, wide = update(
            registers_of(constants, size, first, last),
            registers_of(state, size, first, last),
            array(sums, many, ring_type),
            array(fires, many, np.int8),
            many,
        )
        counts[0] += wraps
        counts[1] += saturations
        counts[2] += wide

    return entry


for _number, _update in enumerate(neurons.BY_NUMBER):
    for _type in (np.int16, np.int32, np.int64):
        globals()[f"update_{_number}_{_type.__name__}"] = _entry(_update, _type)
