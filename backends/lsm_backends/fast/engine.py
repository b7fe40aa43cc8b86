"""Whole stimuli: each thread takes the next sample, or, where a network is large and samples are few, a block of it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from queue import SimpleQueue
from threading import Event, Lock
from typing import TYPE_CHECKING

import numpy as np

from lsm_backends.fast.graded import is_graded
from lsm_deploy.core.ir import COUNTS, Program, Stimulus, Trace
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.threads import processors

if TYPE_CHECKING:
    from lsm_backends.fast.graded.session import GradedSession
    from lsm_backends.fast.session import Session

__all__ = ["missing", "run", "start"]

AT_ONCE = 1 << 24
"""Neuron steps between two looks at what else happens, such as Ctrl-C: some 20 ms."""


def missing() -> str | None:
    """What keeps the compiled kernels from running here."""
    if find_spec("numba") is None:
        return "numba is not installed: pip install numba"
    return None


def run(
    program: Program,
    stimulus: Stimulus,
    record: Sequence[str] = (),
    progress: Progress | None = None,
    *,
    threads: int | None = None,
) -> Trace:
    """Run every sample, on `threads` threads (by default one a core)."""
    from lsm_backends.fast.layout import lay_out
    from lsm_backends.fast.session import Session, blocks_for

    network, steps = program.network, len(stimulus.spikes)
    if is_graded(network):
        from lsm_backends.fast.graded.batch import run_batches

        return run_batches(network, stimulus, record, progress, threads or processors())
    # `fresh`: every sample is a run of its own. `interval`: one long run, cleared by the clock.
    starts = [0] if network.sample_interval else stimulus.starts.tolist()
    windows = [slice(a, b) for a, b in zip(starts, [*starts[1:], steps], strict=True)]
    threads = threads or processors()
    blocks = blocks_for(network, threads) if len(windows) < 2 * threads else 1
    layout = lay_out(network, blocks)
    sessions: SimpleQueue[Session] = SimpleQueue()
    for _ in range(1 if blocks > 1 else min(threads, len(windows))):
        sessions.put(Session.on(layout, record))

    spikes = np.empty((steps, network.neurons), np.int8)  # every one is written
    registers = {name: np.zeros((steps, network.neurons), np.int32) for name in record}
    done, lock, stop = 0, Lock(), Event()

    def one(window: slice) -> None:
        nonlocal done
        session = sessions.get()
        try:
            session.reset()
            at_once = max(1, AT_ONCE // network.neurons)
            for first in range(window.start, window.stop, at_once):
                if stop.is_set():
                    return
                here = slice(first, min(first + at_once, window.stop))
                _, recorded = session.run(stimulus.spikes[here], spikes[here])
                for i, values in enumerate(registers.values()):
                    values[here] = recorded[:, i]
                with lock:
                    done += here.stop - here.start
                    if progress:
                        progress(done, steps)
        finally:
            sessions.put(session)  # another window may wait for it

    with ThreadPoolExecutor(sessions.qsize()) as pool:
        running = [pool.submit(one, window) for window in windows]
        try:
            for each in running:
                each.result()
        except BaseException:  # Ctrl-C, for one: those that have not begun never do, the others end soon
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    counts = np.zeros(len(COUNTS), np.int64)
    while not sessions.empty():
        counts += list(sessions.get().counts.values())
    return Trace(spikes, registers, stimulus.starts, dict(zip(COUNTS, counts.tolist(), strict=True)))


def start(program: Program, record: Sequence[str] = (), *, threads: int | None = None) -> Session | GradedSession:
    """A program in motion: see `session.Session`; threads: at most so many, of which a graded one takes one."""
    from lsm_backends.fast.session import Session

    if is_graded(program.network):
        from lsm_backends.fast.graded.session import GradedSession

        return GradedSession(program, record)
    return Session(program, record, threads=threads)
