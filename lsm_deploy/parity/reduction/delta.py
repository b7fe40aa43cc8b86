"""Delta debugging of a case: from what could have caused the difference to what cannot be left out.

First the causal slice. The neuron that differs first is fed by what reached it and by nothing else, so it is tried
alone, every source being replaced by the spikes that it sent; where that loses the difference, with the neurons whose
spikes reached it, with those that reached them, and so on. In a recurrent liquid everything reaches everything within
a few steps, but a mistake of arithmetic is made in one place.

Then ddmin (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 28, 2002) on neurons,
synapses, input spikes and steps in turn, until a round leaves nothing out. Steps after the first difference never
count. Registers, weights and the sample policy stay as they are; delays of input synapses are taken out where the
spikes sent later do as well.

A last draw of short pieces helps where a difference is a coincidence (`_draw`).

Which difference is left is not asked: a case that is small may show another one than the case it came from.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Reported
from lsm_deploy.parity.compare import Divergence
from lsm_deploy.parity.reduction.parts import (
    Parts,
    assemble,
    drop_rows,
    keep_neurons,
    keep_synapses,
    replay,
    take_apart,
    tidy,
    undelay,
)
from lsm_deploy.parity.reduction.question import Question
from lsm_deploy.run import backends as backend

__all__ = ["SECONDS", "Shrunk", "shrink"]

SECONDS = 60.0
"""What a search may take by default."""


@dataclass(frozen=True, eq=False, repr=False)
class Shrunk(Reported):
    """The smallest case found, what it was before, and what the search took."""

    _short = ("neurons", "steps", "synapses", "input_spikes", "seconds", "stopped")

    program: Program
    stimulus: Stimulus
    neurons: tuple[int, int]
    """Before and after, as all pairs here."""
    steps: tuple[int, int]
    synapses: tuple[int, int]
    input_spikes: tuple[int, int]
    asked: int
    """Cases that the two sides were run on."""
    runs: int
    """Runs of each side, many cases in one."""
    seconds: float
    stopped: str
    """Why the search ended before nothing more could be left out; "" if it did not."""
    original: Ints
    """The number, in the whole program, of each neuron that is left."""


def shrink(
    program: Program,
    stimulus: Stimulus,
    question: Question,
    *,
    known: tuple[Divergence, Messages] | None = None,
    seconds: float = SECONDS,
    progress: Progress | None = None,
) -> Shrunk:
    """Shrink a case on which the two sides part; an LsmError if they do not.

    known: where they part on the whole case, and the definition's spikes `[t, neuron]` there, for who has run it.
    Interrupted, or out of time, it gives the smallest case so far. progress: told parts left out, and parts there were.
    """
    started = time.monotonic()
    search = _Search(question, take_apart(program, stimulus), known, started + seconds, progress)
    if not search.begin():
        what = "the two sides do not part on this program and stimulus"
        raise LsmError(what, hint="compare them with `parity` first")
    stopped = ""
    try:
        _reduce(search)
        if search.first([search.best]) is None:  # it parted beside other cases, and does not alone
            search.batch = 1
            search.begin()
            _reduce(search)
    except KeyboardInterrupt:
        stopped = "interrupted"
    except _OutOfTime:
        stopped = "the time was up"
    best = search.best
    small, short, _ = assemble([best])
    return Shrunk(
        program=small,
        stimulus=short,
        neurons=(program.network.neurons, small.network.neurons),
        steps=(len(stimulus.spikes), len(short.spikes)),
        synapses=(program.network.synapses, small.network.synapses),
        input_spikes=(int(np.count_nonzero(stimulus.spikes)), int(np.count_nonzero(short.spikes))),
        asked=search.asked,
        runs=search.runs,
        seconds=time.monotonic() - started,
        stopped=stopped,
        original=best.neurons,
    )


class _OutOfTime(Exception):  # noqa: N818 - not an error
    pass


class _Search:
    """Asks, counts, and remembers the smallest case on which the two sides part."""

    def __init__(
        self,
        question: Question,
        whole: Parts,
        known: tuple[Divergence, Messages] | None,
        deadline: float,
        progress: Progress | None,
    ) -> None:
        self.question, self.whole, self.known, self.deadline, self.progress = question, whole, known, deadline, progress
        self.size = _size(whole)
        self.asked = self.runs = 0
        self.best: Parts
        self.divergence: Divergence | None = None
        self.batch = BATCH
        self.started = time.monotonic()

    def begin(self) -> bool:
        """Whether they part on the whole case, which is the best one from then on; it is not run if that is known."""
        if self.known is None:
            return self.first([self.whole]) is not None
        self.best, self.divergence = self.whole, self.known[0]
        self.asked, self.runs = self.asked + 1, self.runs + 1
        return True

    def spikes(self) -> Messages:
        """The definition's spikes on the best case."""
        if self.best is self.whole and self.known is not None:
            return self.known[1]
        program, stimulus, _ = assemble([self.best])
        return backend.run_program("emulator", program, stimulus).spikes

    def first(self, cases: Sequence[Parts]) -> int | None:
        """The number of the first of the cases on which they part; it is the best one from then on."""
        for start in range(0, len(cases), self.batch):
            batch = cases[start : start + self.batch]
            if self.runs and time.monotonic() > self.deadline:
                raise _OutOfTime
            answers = self.question(batch)
            self.asked += len(batch)
            self.runs += 1
            for i, answer in enumerate(answers):
                if answer:
                    self.best = batch[i]
                    self.divergence = answer if isinstance(answer, Divergence) else None
                    if self.progress:
                        self.progress(self.size - _size(self.best), self.size)
                    return start + i
        return None


BATCH = 32
"""Cases asked about at once."""
_DRAWN = 512
_ROUNDS = 12
"""Pieces drawn at once, and how often, of each length."""
_SLOW = 0.5
"""Seconds a run beyond which pieces are not drawn."""


def _size(parts: Parts) -> int:
    return len(parts.neurons) + len(parts.target) + len(parts.spikes) + int(np.count_nonzero(parts.spikes))


def _reduce(search: _Search) -> None:
    _truncate(search)
    _last_sample(search)
    _slice(search)
    _minimise(search)
    if _draw(search):
        _minimise(search)


def _minimise(search: _Search) -> None:
    size = None
    while size != (size := _size(search.best)):
        for reduction in (_leading_steps, _neurons, _channels, _synapses, _input_spikes, _delays, _rows):
            reduction(search)
            _truncate(search)
            search.best = tidy(search.best)  # what is silent or unconnected decides nothing, and is not asked about


# --- the causal slice -------------------------------------------------------------------------------------------------


def _truncate(search: _Search) -> None:
    """Leave out the steps after the first difference; where it is not known, find it by halves."""
    best = search.best
    if search.divergence is not None:
        steps = search.divergence.t + 1
        if steps < len(best.spikes):
            search.first([_first_rows(best, steps)])
        return
    low, high = 0, len(best.spikes)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if search.first([_first_rows(search.best, middle)]) == 0 else (middle, high)


def _first_rows(parts: Parts, steps: int) -> Parts:
    return drop_rows(parts, np.arange(len(parts.spikes)) < steps)


def _last_sample(search: _Search) -> None:
    best = search.best
    if len(best.starts) > 1:
        search.first([drop_rows(best, np.arange(len(best.spikes)) >= best.starts[-1])])


def _slice(search: _Search) -> None:
    """The neuron that differs first, alone or with the neurons whose spikes could have reached it."""
    best, spikes = search.best, search.spikes()
    for cone in _cones(best, spikes, _culprits(search, best, spikes)):
        fed = replay(best, cone, spikes)
        cases = [tidy(case) for case in (keep_neurons(best, cone), fed) if case is not None]
        # Without replayed spikes the case is a part of the network as it was; so it is preferred where it does.
        if search.first(cases) is not None:
            return


def _culprits(search: _Search, best: Parts, spikes: Messages) -> Ints:
    if search.divergence is not None:
        return best.neurons[[search.divergence.neuron]]
    return best.neurons  # a predicate that says only yes or no: ddmin has to find it


def _cones(parts: Parts, spikes: Messages, culprits: Ints) -> Iterator[Ints]:
    """The culprits, then with the neurons of which a spike reached them in time, and so on, until nothing is new.

    `latest` is the last step of a neuron that can matter: that of the difference, or of a spike that arrives in time.
    """
    latest = np.full(int(parts.neurons.max(initial=0)) + 1, -1)
    latest[culprits] = len(parts.spikes) - 1
    column = np.searchsorted(parts.neurons, np.arange(len(latest)))
    inner = np.flatnonzero(~parts.from_input)
    # The last spike of each neuron up to each step, or -1.
    t = np.where(spikes != 0, np.arange(len(spikes))[:, None], -1)
    last = np.maximum.accumulate(t, axis=0) if len(t) else t
    yield culprits
    while True:
        due = latest[parts.target[inner]] - 1 - parts.delay[inner]
        possible = inner[due >= 0]
        sent = last[due[due >= 0], column[parts.source[possible]]]
        before = latest.copy()
        np.maximum.at(latest, parts.source[possible], sent)
        if np.array_equal(before, latest):
            return
        if (before < 0).sum() != (latest < 0).sum():
            yield np.intersect1d(np.flatnonzero(latest >= 0), parts.neurons)


# --- delta debugging --------------------------------------------------------------------------------------------------


def _ddmin(search: _Search, units: Ints, keep: Callable[[Ints], Parts]) -> None:
    """Leave out as many of the units as can be; `keep` makes the case that has only the given ones."""
    if not len(units) or search.first([keep(units[:0])]) == 0:
        return
    pieces = 2
    while len(units) > 1:
        chunks = np.array_split(units, min(pieces, len(units)))
        rests = [np.concatenate([c for j, c in enumerate(chunks) if j != i]) for i in range(len(chunks))]
        tried = [*chunks, *rests] if len(chunks) > 2 else rests
        which = search.first([keep(units) for units in tried])
        if which is not None:
            units = tried[which]
            pieces = 2 if len(chunks) > 2 and which < len(chunks) else max(len(chunks) - 1, 2)
        elif len(chunks) == len(units):
            return
        else:
            pieces = 2 * len(chunks)


def _leading_steps(search: _Search) -> None:
    """Start as late as possible."""
    best = search.best
    steps = np.arange(len(best.spikes))
    # From one step left to all but one: the first that does is nearly the best.
    left = np.unique(np.geomspace(1, max(len(steps) - 1, 1), 24).astype(np.int64))
    search.first([drop_rows(best, steps >= len(steps) - n) for n in left.tolist() if n < len(steps)])


def _neurons(search: _Search) -> None:
    best = search.best
    if len(best.neurons) > 1:
        # A program has neurons: one of them is no piece, and each is tried as the one that stays.
        _ddmin(search, best.neurons, lambda neurons: keep_neurons(best, neurons if len(neurons) else best.neurons[:1]))


def _draw(search: _Search) -> bool:
    """Draw short pieces of what is left, with some of its spikes, until the sides part on one; whether they did.

    Where two numbers have to be equal for a difference (`>` against `>=`) whatever is left out makes them unequal, and
    ddmin ends early: but among thousands of short pieces there is often another with the same luck.
    """
    best, rng = search.best, np.random.default_rng(0)
    steps = len(best.spikes)
    slow = (time.monotonic() - search.started) / search.runs > _SLOW
    if slow or search.batch == 1 or len(best.starts) > 1:
        return False
    usual, search.batch = search.batch, _DRAWN
    try:
        for length in (4, 6, 9, 14, 21, 32):
            if length > steps // 2:
                return False
            for _ in range(_ROUNDS):
                if search.first([_piece(best, length, rng) for _ in range(_DRAWN)]) is not None:
                    return True
    finally:
        search.batch = usual
    return False


def _piece(best: Parts, length: int, rng: np.random.Generator) -> Parts:
    start = int(rng.integers(0, len(best.spikes) - length + 1))
    spikes = best.spikes[start : start + length]
    return replace(best, spikes=spikes * (rng.random(spikes.shape) < rng.uniform(0.5, 1.0)))


def _channels(search: _Search) -> None:
    best = search.best
    channels = np.arange(best.spikes.shape[1])

    def keep(some: Ints) -> Parts:
        return tidy(keep_synapses(best, ~best.from_input | np.isin(best.source, some)))

    _ddmin(search, channels, keep)


def _synapses(search: _Search) -> None:
    best = search.best
    numbers = np.arange(len(best.target))
    _ddmin(search, numbers, lambda some: tidy(keep_synapses(best, np.isin(numbers, some))))


def _input_spikes(search: _Search) -> None:
    best = search.best
    events = np.argwhere(best.spikes)

    def keep(some: Ints) -> Parts:
        spikes = np.zeros_like(best.spikes)
        spikes[tuple(events[some].T)] = 1
        return replace(best, spikes=spikes)

    _ddmin(search, np.arange(len(events)), keep)


def _delays(search: _Search) -> None:
    best = search.best
    if (best.from_input & (best.delay > 0)).any():
        search.first([tidy(undelay(best))])


def _rows(search: _Search) -> None:
    best = search.best
    steps = np.arange(len(best.spikes))
    _ddmin(search, steps, lambda some: drop_rows(best, np.isin(steps, some)))
