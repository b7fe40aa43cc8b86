"""Runs too long to be held: the stimulus is taken piece by piece, the trace goes to disk as it arises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsm_deploy.core.errors import LsmError, require_type
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import COUNTS, Program, QNetwork, Stimulus, check_messages, standings
from lsm_deploy.core.masked import unmasked
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.progress import Progress
from lsm_deploy.run import backends
from lsm_deploy.run.extremes import TRIED_STEPS, warn_of_counts
from lsm_deploy.store import TraceFolder, program_id

__all__ = ["Streamed", "stream"]

AT_ONCE = 1 << 24
"""Neuron steps between two looks at what else happens, such as Ctrl-C: some 20 ms."""


@dataclass(frozen=True, eq=False)
class Streamed:
    """What is known of a trace that went to disk: spikes `[neuron]` and events are counted, not held."""

    steps: int
    samples: int
    fired: Ints
    counts: dict[str, int]


def stream(
    program: Program,
    stimulus: Stimulus | Iterable[Messages],
    folder: str | Path,
    record: Sequence[str] = (),
    *,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
) -> Streamed:
    """Run a program and write its trace into `folder` (parts, each an `.npz`), in memory that does not grow.

    stimulus: whole, or an iterator of its pieces `[t, channel]`, which are one sample then. Whatever ends the run, an
    error in the iterator or Ctrl-C, the folder holds a valid trace of whole steps, up to some 20 ms before.
    LsmError: the backend knows no stepping; the folder holds something.
    """
    require_type(stimulus, (Stimulus, Iterable), "stimulus", "read one with `load_stimulus`, or give its pieces")
    if isinstance(stimulus, Stimulus):
        backends.check_fit(program, stimulus, record)
    backend = backends.choose(backend, program)
    session = backends.start(backend, program, record)
    fired, counts = np.zeros(program.network.neurons, np.int64), dict.fromkeys(COUNTS, 0)
    samples, beginning = 0, np.zeros((0, program.network.channels), program.network.input.dtype)
    total = len(stimulus.spikes) if isinstance(stimulus, Stimulus) else 0
    with TraceFolder(
        folder,
        program.network.neurons,
        message=program.network.message,
        program=program_id(program),
        backend=backend,
        standings=standings(program.network),
    ) as parts:
        for first, piece in _pieces(stimulus, program.network, max(1, AT_ONCE // program.network.neurons)):
            if first and not program.network.sample_interval:
                session.reset()
            spikes, registers = session.run(piece)
            if first:  # now that there is something of it
                parts.start_sample()
                samples += 1
            before, counts = counts, session.counts
            held = {name: np.ascontiguousarray(registers[:, i]) for i, name in enumerate(record)}
            parts.append(spikes, held, {name: counts[name] - before[name] for name in counts})
            fired += np.count_nonzero(spikes, axis=0)
            if len(beginning) < TRIED_STEPS:
                beginning = np.concatenate([beginning, piece[:TRIED_STEPS]])
            if progress and total:
                progress(parts.steps, total)
    if len(beginning):
        warn_of_counts(program, fired, parts.steps, Stimulus(beginning, np.zeros(1, np.int64)))
    return Streamed(parts.steps, samples, fired, counts)


def _pieces(
    stimulus: Stimulus | Iterable[Messages], network: QNetwork, at_once: int
) -> Iterator[tuple[bool, Messages]]:
    """Pieces of at most so many steps, and whether a sample starts with each."""
    if isinstance(stimulus, Stimulus):
        stops = [*stimulus.starts[1:].tolist(), len(stimulus.spikes)]
        samples = zip(stimulus.starts.tolist(), stops, strict=True)
        for start, stop in samples:
            for low in range(start, stop, at_once):
                yield low == start, stimulus.spikes[low : min(low + at_once, stop)]
        return
    first = True
    for given in stimulus:
        unmasked(given)
        if np.ndim(given) != 2 or np.shape(given)[1] != network.channels:
            raise LsmError(
                f"a piece has shape {list(np.shape(given))}, the program takes {network.channels} channels",
                where="stimulus",
                hint="give pieces [t, channel]",
            )
        if np.asarray(given).dtype.kind not in "biuf" or (given != np.rint(given)).any():
            raise LsmError(f"an input spike is none of {network.input}", where="stimulus", hint="give integers")
        check_messages(network, given)
        given = np.asarray(given).astype(network.input.dtype)
        for low in range(0, len(given), at_once):
            yield first, given[low : low + at_once]
            first = False
