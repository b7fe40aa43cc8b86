"""Whole stimuli: each thread takes the next samples, as many side by side as share the weights that are read."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import numpy as np
from numpy.typing import NDArray

from lsm_backends.fast.graded.layout import lay_out
from lsm_backends.fast.graded.session import Batch
from lsm_deploy.core.ir import COUNTS, QNetwork, Stimulus, Trace
from lsm_deploy.core.progress import Progress

__all__ = ["run_batches"]

TOGETHER = 64
"""Samples side by side: more share no more, and leave the cache."""
AT_ONCE = 1 << 21
"""Neuron steps between two looks at what else happens, such as Ctrl-C: some 20 ms."""


def run_batches(
    network: QNetwork, stimulus: Stimulus, record: Sequence[str], progress: Progress | None, threads: int
) -> Trace:
    """Run every sample, batches of them on `threads` threads."""
    steps = len(stimulus.spikes)
    starts = np.zeros(1, np.int64) if network.sample_interval else stimulus.starts
    windows = np.stack([starts, np.diff(starts, append=steps)], axis=1)
    windows = np.ascontiguousarray(windows[np.argsort(-windows[:, 1], kind="stable")])
    together = min(TOGETHER, -(-len(windows) // threads))
    layout = lay_out(network)
    entering = np.ascontiguousarray(stimulus.spikes, np.int16)
    spikes = np.empty((steps, network.neurons), np.int16)
    registers = np.zeros((steps, len(record), network.neurons), np.int32)
    done, lock, stop = 0, Lock(), Event()

    def one(those: NDArray[np.int64]) -> NDArray[np.int64]:
        nonlocal done
        batch = Batch(layout, record, len(those))
        at_once = max(1, AT_ONCE // (network.neurons * len(those)))
        for first in range(0, int(those[0, 1]), at_once):
            if stop.is_set():
                break
            left = those[those[:, 1] > first] - [0, first] + [first, 0]
            left[:, 1] = np.minimum(left[:, 1], at_once)
            batch.advance(np.ascontiguousarray(left), entering, spikes, registers)
            with lock:
                done += int(left[:, 1].sum())
                if progress:
                    progress(done, steps)
        return batch.events

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(one, windows[i : i + together]) for i in range(0, len(windows), together)]
        try:
            events = sum(each.result() for each in running)
        except BaseException:  # Ctrl-C, for one: those that have not begun never do, the others end soon
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    counts = dict(zip(COUNTS, events.tolist(), strict=True))  # type: ignore[union-attr]
    by_name = {name: registers[:, i] for i, name in enumerate(record)}
    return Trace(spikes.astype(network.message_type, copy=False), by_name, stimulus.starts, counts)
