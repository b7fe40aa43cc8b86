"""Index arrays that came from outside: one check, before anything is read, repeated or jumped to by them.

A file's checksum tells an accident, not an author. Compiled loops look at no bound (`compiled`), and numpy reads from
the end where an index is negative: so each index array of a program, a model, a state, a stimulus, a trace or data
passes here, in the constructor of the value that holds it, and where a reader has a better place to name. What the
loops take for granted, and who grants it:

    the synapses of source j are `indptr[j]:indptr[j + 1]`, within the lists        Projection, QProjection (`ir`)
    lists of one projection are of one length; a delay is at most MAX_DELAY         Projection, QProjection
    there is an `indptr` entry for each source and one more; each target exists     Network, QNetwork
    a neuron's core is one of the board's                                           Program; `place.cores.board_of`
    input is `[t, channel]` of this network, and what it takes                      check_messages, Session.run, .step
    samples lie within it                                                           Stimulus
    a state's registers and sums in flight are of this network, and fit the ring    State, Session.restore
    what a graded neuron looks up in a table is in it: fraction_bits                QPopulation
    a feature that a readout takes is one that there is                             Classifier, IntegerReadout
    samples, beats, pixels and rhythms lie within their data                        Frames, Audio, Beats, Events
    entries of a sparse matrix lie within it                                        `formats.sparse_files`
    what comes in a frame, and the registers of a window, fit what was made for it  Coder, Live
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Order", "ends_of", "mistake_in"]

Order: TypeAlias = Literal["any", "not descending", "ascending"]


def mistake_in(
    values: NDArray[Any],
    stop: int,
    order: Order = "any",
    *,
    start: int = 0,
    first: int | None = None,
    last: int | None = None,
) -> str | None:
    """What is wrong with indices `[entry]` of which each lies in `start` .. `stop` - 1, to be put behind their name.

    order: how they follow each other. first, last: what they begin and end with; given either, there is one at least.
    Neighbours are compared, never subtracted: a difference wraps, and 2**63 - 1 before -2 would pass for ascending.
    """
    if values.dtype.kind not in "iu":
        return f"{values.dtype} values are no integers"
    if values.ndim != 1:
        return f"shape {list(values.shape)} is not that of a list"
    if not len(values):
        return None if first is last is None else "there is none"
    if int(values.min()) < start or int(values.max()) >= stop:
        i = int(np.argmax((values < start) | (values >= stop)))
        reach = f"not {start} to {stop - 1}" if stop > start else "and there is nothing that it could mean"
        return f"entry {i} is {values[i]}, {reach}"
    if order != "any":
        wrong = values[1:] <= values[:-1] if order == "ascending" else values[1:] < values[:-1]
        if wrong.any():
            i = int(np.argmax(wrong)) + 1
            must = "must ascend" if order == "ascending" else "must not descend"
            return f"entry {i} is {values[i]} after {values[i - 1]}: they {must}"
    if first is not None and values[0] != first:
        return f"the first is {values[0]}, not {first}"
    if last is not None and values[-1] != last:
        return f"the last is {values[-1]}, not {last}"
    return None


def ends_of(lengths: NDArray[Any]) -> NDArray[np.int64]:
    """Where parts of these lengths end, end to end, as far as int64 reaches: `mistake_in` sees a sum that does not fit.

    Lengths that `mistake_in` has passed, each below 2**63: the first sum beyond that wraps to a negative number.
    """
    return np.cumsum(lengths, dtype=np.int64)
