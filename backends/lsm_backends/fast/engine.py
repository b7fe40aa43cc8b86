"""Samples on all cores: each thread takes the next one, with registers and work space of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.ir import COUNTS, Program, Stimulus, Trace

__all__ = ["missing", "run"]


def missing() -> str | None:
    """What keeps the compiled kernels from running here."""
    if find_spec("numba") is None:
        return "numba is not installed: pip install numba"
    return None


def run(
    program: Program,
    stimulus: Stimulus,
    record: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
    *,
    threads: int | None = None,
) -> Trace:
    """Run every sample; `threads` of them at a time, by default one a core."""
    from lsm_backends.fast.layout import lay_out

    network, steps = program.network, len(stimulus.spikes)
    layout = lay_out(network)
    spikes = np.zeros((steps, network.neurons), np.int8)
    registers = np.zeros((len(record), steps, network.neurons), np.int32)
    t, channels = np.nonzero(stimulus.spikes)
    events = np.searchsorted(t, np.arange(steps + 1))
    rows = np.array(
        [[state.index(name) if name in state else -1 for state in layout.states] for name in record], np.int64
    ).reshape(len(record), len(layout.states))
    # `fresh`: every sample is a run of its own. `interval`: one long run, cleared by the clock.
    starts = [0] if network.sample_interval else stimulus.starts.tolist()
    windows = [slice(a, b) for a, b in zip(starts, [*starts[1:], steps], strict=True)]

    def one(window: slice) -> tuple[int, int, int]:
        work = _Work(layout)
        found: tuple[int, int, int] = work.run(
            network.sample_interval,
            events[window],
            events[window.start + 1 : window.stop + 1],
            channels,
            spikes[window],
            rows,
            registers[:, window],
        )
        return found

    counts = np.zeros(len(COUNTS), np.int64)
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for window, found in zip(windows, pool.map(one, windows), strict=True):
            counts += found
            if progress:
                progress(window.stop, steps)
    named = {name: registers[i].copy() for i, name in enumerate(record)}
    return Trace(spikes, named, stimulus.starts, dict(zip(COUNTS, counts.tolist(), strict=True)))


class _Work:
    """The registers of one run, its sums in flight, and work space."""

    def __init__(self, layout: Any) -> None:
        self.layout = layout
        self.state = layout.initial.copy()
        self.ring = np.zeros((layout.horizon, layout.size), layout.ring_type)
        # One more than there can be: the compactions write before they know whether to keep.
        self.active = np.zeros(layout.sources + 1, np.int64)
        self.signed = np.zeros(layout.sources + 1, np.int8)
        self.rows = np.zeros(layout.sources + 4, np.int64)
        self.sums = np.zeros(layout.size, np.uint16)
        self.spikes = np.zeros(layout.size, np.int8)

    def run(
        self,
        interval: int,
        first_input: NDArray[np.int64],
        last_input: NDArray[np.int64],
        channels: NDArray[np.int64],
        out_spikes: NDArray[np.int8],
        rows: NDArray[np.int64],
        out_registers: NDArray[np.int32],
        start: int = 0,
    ) -> Any:
        from lsm_backends.fast.kernels import run_sample

        layout = self.layout
        return run_sample(
            layout.groups,
            layout.constants,
            layout.initial,
            interval,
            layout.dense,
            layout.row_of,
            layout.signs,
            layout.delays,
            layout.shifts,
            layout.indptr,
            layout.offsets,
            layout.values,
            first_input,
            last_input,
            channels,
            self.state,
            self.ring,
            self.active,
            self.signed,
            self.rows,
            self.sums,
            self.spikes,
            out_spikes,
            rows,
            out_registers,
            start,
        )
