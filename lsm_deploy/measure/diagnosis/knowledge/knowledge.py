"""What is still known of the past: of samples that are over, and of frames that are past, by what remembers them.

Every source (`sources`) is asked the same, at the same moments, and answers by a linear readout of its own for each
delay (`labels`, `reconstruction`). It is one liquid that is asked: intervals are over the samples, or groups, that it
answers for, and say nothing of other liquids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import Network, Program
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.shown import Brief
from lsm_deploy.measure.diagnosis.knowledge.asked import Questions
from lsm_deploy.measure.diagnosis.knowledge.labels import Naming, moments_after_end, naming_of
from lsm_deploy.measure.diagnosis.knowledge.reconstruction import Losses, Rows, losses_of, rows_of
from lsm_deploy.measure.diagnosis.knowledge.sources import (
    SOURCES,
    Moments,
    Source,
    buffer_frames,
    features_of_buffer,
    features_of_input,
    features_of_liquid,
)
from lsm_deploy.measure.diagnosis.liquid import deployed_liquid, float_liquid, some_of
from lsm_deploy.measure.evaluation.liquids import without_recurrence
from lsm_deploy.measure.uncertainty import Difference, Draws, Resampled
from lsm_deploy.run.work import completed
from lsm_deploy.spec.schema import Readout

__all__ = ["Curves", "Estimate", "Knowledge", "answerers", "knowledge_of"]

Bools = NDArray[np.bool_]

_DIGITS = 6
"""Of explained variance, that are compared."""


@dataclass(frozen=True)
class Estimate:
    """A share of right answers, or of variance, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False, repr=False)
class Curves(Brief):
    """What each source still knows, over delays.

    after_ms: how long ago that was. values: by source, of each delay; None where that could not be asked. differences:
    of the deployed liquid less each other, paired. chance: what knows nothing has. over: what intervals are over.
    """

    _short = ("after_ms", "chance", "over")

    after_ms: tuple[float, ...]
    values: Mapping[str, tuple[Estimate | None, ...]]
    differences: Mapping[str, tuple[Difference | None, ...]]
    chance: float
    over: str

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, "values", "differences")

    def known_ms(self, source: str) -> tuple[float, float] | None:
        """The first delay at which it knows more than chance, which delays of the input may put off, and the longest
        up to which it does from there on, without a gap; None where it never does."""
        span = None
        for after, estimate in zip(self.after_ms, self.values[source], strict=True):
            if estimate is None:
                continue
            if estimate.low > self.chance:
                span = (span[0] if span else after), after
            elif span:
                break
        return span

    def to_json(self) -> dict[str, Any]:
        return {
            "after_ms": list(self.after_ms),
            "chance": self.chance,
            "intervals_over": self.over,
            "values": {name: [asdict(e) if e else None for e in each] for name, each in self.values.items()},
            "differences": {
                name: [{**asdict(d), "says": d.says} if d else None for d in each]
                for name, each in self.differences.items()
            },
        }


@dataclass(frozen=True, eq=False, repr=False)
class Knowledge(Brief):
    """What a liquid knew of which samples, in words; last_ms: of what each source is read; frame_ms: of a frame.

    read: neurons, and so the numbers that a liquid is read as; buffer_frames, buffer_numbers: those of the buffer.
    encoded_numbers: channels of the input that are read, of encoded_channels; of the buffer's frames, buffer_channels
    of frame_channels.
    labels: shares of right answers (None: see why_not). frames: shares of explained variance (None: too few frames).
    """

    _short = ("words", "last_ms", "frame_ms", "read", "buffer_frames")

    words: str
    samples: int
    last_ms: float
    frame_ms: float
    read: int
    buffer_frames: int
    buffer_numbers: int
    encoded_numbers: int
    encoded_channels: int
    buffer_channels: int
    frame_channels: int
    labels: Curves | None
    why_not: str
    frames: Curves | None

    def to_json(self) -> dict[str, Any]:
        """What `diagnose --knows --json` has as `knows`."""
        return {
            "words": self.words,
            "samples": self.samples,
            "last_ms": self.last_ms,
            "frame_ms": self.frame_ms,
            "read": self.read,
            "buffer_frames": self.buffer_frames,
            "buffer_numbers": self.buffer_numbers,
            "encoded_numbers": self.encoded_numbers,
            "encoded_channels": self.encoded_channels,
            "buffer_channels": self.buffer_channels,
            "frame_channels": self.frame_channels,
            "labels": self.labels.to_json() if self.labels else None,
            "why_not": self.why_not,
            "frames": self.frames.to_json() if self.frames else None,
        }


Answerer: TypeAlias = "tuple[Source, Program | Network | None]"


def answerers(program: Program, floats: Network | None) -> list[Answerer]:
    """Who there is to be asked, and the network that it runs, if any."""
    cut = without_recurrence(program)
    every: dict[Source, Program | Network | None] = {"deployed": program, "float": floats, "feedforward": cut}
    return [(name, every.get(name)) for name in SOURCES if name not in every or every[name] is not None]


def knowledge_of(
    asked: Questions,
    sources: Sequence[Answerer],
    read: NDArray[np.int64],
    backend: str,
    readout: Readout | None,
    populations: tuple[str, ...],
    seed: int,
    answered: Callable[[], None],
    executor: Executor | None = None,
) -> Knowledge:
    """Ask every source, here or on an executor; answered: is called after each."""
    naming = None
    try:
        naming = naming_of(asked, readout, populations, seed)
    except LsmError as error:
        asked = replace(asked, why_not=error.what)  # frames can be asked about all the same
    entering = some_of(np.arange(asked.stimulus.spikes.shape[1]), seed, "channels")
    buffered = some_of(np.arange(asked.data.channels), seed, "buffer")
    shared = _Shared(asked, read, entering, buffered, backend, naming, rows_of(asked, seed))
    done: dict[Source, _Answers] = {}
    for index, answers in completed(_answers, shared, sources, executor):
        done[sources[index][0]] = answers
        answered()
    return _joined(shared, {name: done[name] for name in SOURCES if name in done})


# --- one source ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Shared:
    asked: Questions
    read: NDArray[np.int64]
    entering: Ints
    buffered: Ints
    backend: str
    naming: Naming | None
    rows: Rows | None


@dataclass(frozen=True, eq=False)
class _Answers:
    """right: of each delay, which samples `[sample]`. losses: of each delay in frames, or None."""

    right: tuple[Bools, ...]
    losses: tuple[Losses | None, ...]


def _answers(shared: _Shared, answerer: Answerer) -> _Answers:
    asked, naming, rows = shared.asked, shared.naming, shared.rows
    after_end = moments_after_end(asked) if naming else []
    moments = [*after_end, *([rows.moments(asked)] if rows else [])]
    if not moments:
        return _Answers((), ())
    features = _features(shared, answerer, Moments.together(moments))
    of_each = np.split(features, np.cumsum([len(each.now) for each in moments])[:-1])
    integers = answerer[0] in ("deployed", "feedforward", "encoded")
    right = tuple(naming.right(x, integers=integers) for x in of_each[: len(after_end)]) if naming else ()
    delays = asked.timing.after_frames
    return _Answers(right, tuple(losses_of(asked, rows, of_each[-1], delay) for delay in delays) if rows else ())


def _features(shared: _Shared, answerer: Answerer, moments: Moments) -> NDArray[Any]:
    asked, (name, network) = shared.asked, answerer
    if isinstance(network, Program):
        return features_of_liquid(asked, moments, deployed_liquid(network, shared.read, shared.backend))
    if isinstance(network, Network):
        return features_of_liquid(asked, moments, float_liquid(network, shared.read))
    if name == "encoded":
        return features_of_input(asked, moments, shared.entering)
    return features_of_buffer(asked, moments, buffer_frames(asked, len(shared.read)), shared.buffered)


# --- all of them ---------------------------------------------------------------------------------------------------


def _joined(shared: _Shared, done: Mapping[Source, _Answers]) -> Knowledge:
    asked, timing = shared.asked, shared.asked.timing
    frames = buffer_frames(asked, len(shared.read))
    return Knowledge(
        words=asked.words,
        samples=asked.data.samples,
        last_ms=timing.last * timing.dt_ms,
        frame_ms=timing.frame * timing.dt_ms,
        read=len(shared.read),
        buffer_frames=frames,
        buffer_numbers=frames * len(shared.buffered),
        encoded_numbers=len(shared.entering),
        encoded_channels=asked.stimulus.spikes.shape[1],
        buffer_channels=len(shared.buffered),
        frame_channels=asked.data.channels,
        labels=_of_labels(shared, shared.naming, done) if shared.naming else None,
        why_not=asked.why_not,
        frames=_of_frames(shared, shared.rows, done) if shared.rows else None,
    )


def _of_labels(shared: _Shared, naming: Naming, done: Mapping[Source, _Answers]) -> Curves:
    timing, which = shared.asked.timing, naming.answered
    groups = [g for g, answered in zip(naming.data.groups, which.tolist(), strict=False) if answered]
    of_delay = [
        Resampled({name: answers.right[i][None, which] for name, answers in done.items()}, groups)
        for i in range(len(timing.after))
    ]

    def estimate(drawn: Resampled, name: str) -> Estimate | None:
        interval = drawn.interval(name)
        return Estimate(float(drawn.right[name].mean()), *interval) if interval else None

    return Curves(
        after_ms=tuple(after * timing.dt_ms for after in timing.after),
        values={name: tuple(estimate(drawn, name) for drawn in of_delay) for name in done},
        differences={
            name: tuple(drawn.difference("deployed", name) for drawn in of_delay) for name in done if name != "deployed"
        },
        chance=naming.chance,
        over=of_delay[0].over,
    )


def _of_frames(shared: _Shared, rows: Rows, done: Mapping[Source, _Answers]) -> Curves | None:
    timing = shared.asked.timing
    if all(losses is None for losses in done["deployed"].losses):
        return None
    own = done["deployed"].losses
    return Curves(
        after_ms=tuple(after * timing.frame * timing.dt_ms for after in timing.after_frames),
        values={name: tuple(map(_explained, answers.losses)) for name, answers in done.items()},
        differences={
            name: tuple(map(_less, own, answers.losses)) for name, answers in done.items() if name != "deployed"
        },
        chance=0.0,
        over=rows.over,
    )


def _explained(losses: Losses | None) -> Estimate | None:
    if losses is None:
        return None
    low, high = _of_mean(losses.sums, losses.rows)
    return Estimate(losses.explained, 1.0 - high, min(1.0 - low, 1.0))


def _less(own: Losses | None, other: Losses | None) -> Difference | None:
    """How much more the first explains than the second, of the same rows."""
    if own is None or other is None:
        return None
    return Difference(own.explained - other.explained, *_of_mean(other.sums - own.sums, own.rows))


def _of_mean(totals: Floats, rows: Floats) -> tuple[float, float]:
    """The interval of a mean over rows; totals, rows: of each unit `[unit]`, which has some. Of as many units the draws
    are the same, so that what two means differ by is paired."""
    draws = Draws(1, len(rows))
    means = [units @ totals / (units @ rows) for _, units in draws.weights()]
    # What floats round differently is no difference.
    interval = draws.between(np.round(np.concatenate(means), _DIGITS), np.array([totals.sum() / rows.sum()]))
    assert interval is not None
    return interval
