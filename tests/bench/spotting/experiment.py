"""Who is trained on, who chooses thresholds, who is tested; and what each way names in the streams of all of them.

Each speaker is tested by readouts of the three others. Their thresholds are chosen on those three, each named by a
readout of the two that are left. What babbles in a stream that is trained on or chosen on is its own speaker, so that
nobody who is tested is heard in it; in a stream that is tested it is the three others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

import lsm_deploy as ld
from bench.spotting.sound import CONDITIONS, Ints, compose, words_of
from bench.spotting.ways import Named, Speakers, buffered, cut_of, fitted, named, of_liquid, of_windows
from bench.spotting.windows import Heard, chosen, heard, windows
from lsm_deploy.core.streams import stream
from lsm_deploy.data import Audio, Frames
from lsm_deploy.learn.listener import Listener, listen
from lsm_deploy.learn.model import Model, OnHost, readout_of
from lsm_deploy.learn.readout import Classifier, IntegerReadout
from lsm_deploy.spec.schema import AudioFrontEnd, Spec

__all__ = ["Found", "Sounds", "of_buffers", "of_seed", "sounds"]

VARY_DB = 3.0
"""By which blocks of training words are louder or softer."""

Readouts = dict[Speakers, tuple[Classifier, IntegerReadout]]
Parts = Callable[[Heard], Iterator[tuple[Ints, ...]]]


@dataclass(frozen=True, eq=False)
class Sounds:
    """Streams by speaker, to train on, to choose on, and, by condition, to test; windows of those to train on, which
    end `at` these frames of each."""

    speakers: Speakers
    conditions: tuple[str, ...]
    train: dict[str, Heard]
    choose: dict[str, Heard]
    test: dict[tuple[str, str], Heard]
    windows: Frames
    at: tuple[Ints, ...]

    def without(self, *names: str) -> Speakers:
        return tuple(name for name in self.speakers if name not in names)

    @property
    def sets(self) -> list[Speakers]:
        """Who readouts are trained on: all but one, and all but two."""
        every = [self.without(test, other) for test in self.speakers for other in self.speakers]
        return list(dict.fromkeys(every))


@dataclass(frozen=True, eq=False)
class Found:
    """What one way names: in each test stream, by speaker and condition; and, by the speaker who is heard and the one
    who is to be tested, in those to choose on."""

    test: dict[tuple[str, str], Named]
    choose: dict[tuple[str, str], Named]


def sounds(
    audio: Audio, spec: Spec, conditions: Sequence[str] = tuple(CONDITIONS), many: tuple[int, int] = (0, 0)
) -> Sounds:
    """All streams, drawn from the spec's seed; many: words of each to train on,
    and in other streams, instead of all."""
    words, front_end = words_of(audio), spec.front_end
    if not isinstance(front_end, AudioFrontEnd):
        raise ValueError("the spec has no front end for sound")
    speakers = tuple(sorted(set(words.speaker)))

    def made(name: str, what: str, heard_in: Sequence[str], vary_db: float = 0.0) -> Heard:
        own = words.of([name])
        others = own if what != "test" else words.of([other for other in speakers if other != name])
        rng = stream(spec.seed, "spotting", name, what, *(heard_in if what == "test" else ()))
        return heard(compose(own, others, heard_in, rng, many[what != "train"], vary_db), front_end)

    train = {name: made(name, "train", tuple(CONDITIONS), VARY_DB) for name in speakers}
    choose = {name: made(name, "choose", tuple(CONDITIONS)) for name in speakers}
    test = {(name, condition): made(name, "test", [condition]) for name in speakers for condition in conditions}
    picked = [chosen(each, stream(spec.seed, "spotting", name, "windows")) for name, each in train.items()]
    at = tuple(ends for ends, _ in picked)
    cut = windows(list(train.values()), speakers, at, [label for _, labels in picked for label in labels])
    return Sounds(speakers, tuple(conditions), train, choose, test, cut, at)


def of_seed(given: Sounds, spec: Spec, ways: Sequence[str]) -> tuple[dict[str, Found], Model[OnHost]]:
    """What a liquid names: `liquid`, trained on its endless run, `windows`, on windows that begin at rest, `encoded`,
    its input alone, or `feedforward`, with its recurrence off, which goes alone. And the model of all speakers but the
    first, of the first of these ways."""
    section, listener = readout_of(spec), listen(spec, given.windows)
    if "feedforward" in ways:
        listener = cut_of(listener)
    liquid, encoded = _endless(given, listener, spec)
    features = {name: encoded if name == "encoded" else liquid for name in ways}
    if "windows" in ways:
        features["windows"], _ = of_windows(listener, section, given.windows)
    made = {name: fitted(x, given.windows, section, spec.seed, given.sets) for name, x in features.items()}

    def parts(each: Heard) -> Iterator[tuple[Ints, ...]]:
        return of_liquid(listener, section, each.frames)

    found = _found(given, parts, [(int(name == "encoded"), each) for name, each in made.items()])
    first = next(iter(made.values()))[given.without(given.speakers[0])]
    return dict(zip(made, found, strict=True)), Model(listener, OnHost(section, *first))


def _endless(given: Sounds, listener: Listener, spec: Spec) -> tuple[Ints, Ints]:
    """Features, of the liquid and of its input, where windows end in runs that never rest."""
    rows: tuple[list[Ints], list[Ints]] = ([], [])
    for each, at in zip(given.train.values(), given.at, strict=True):
        first = 0
        for both in of_liquid(listener, readout_of(spec), each.frames):
            here = at[(at >= first) & (at < first + len(both[0]))] - first
            for kept, features in zip(rows, both, strict=True):
                kept.append(features[here])
            first += len(both[0])
    return np.concatenate(rows[0]), np.concatenate(rows[1])


def of_buffers(given: Sounds, spec: Spec, lengths: Sequence[int]) -> list[Found]:
    """What linear readouts of so many past frames name."""
    encoder = spec.input.encoder
    if encoder is None or encoder.range is None:
        raise ValueError("the spec says no range of values")
    low, high = encoder.range
    found = []
    for long in lengths:
        rows = [
            buffered(each.frames, at, long, low, high) for each, at in zip(given.train.values(), given.at, strict=True)
        ]
        made = fitted(np.concatenate(rows), given.windows, readout_of(spec), spec.seed, given.sets)

        def parts(each: Heard, long: int = long) -> Iterator[tuple[Ints, ...]]:
            for first in range(0, len(each.frames), 1 << 11):
                ends = np.arange(first, min(first + (1 << 11), len(each.frames)))
                yield (buffered(each.frames, ends, long, low, high),)

        found += _found(given, parts, [(0, made)])
    return found


def _found(given: Sounds, parts: Parts, made: Sequence[tuple[int, Readouts]]) -> list[Found]:
    """What the readouts of each way name in all streams; made: of which of the parts, and by who is trained on."""
    test: list[dict[tuple[str, str], Named]] = [{} for _ in made]
    choose: list[dict[tuple[str, str], Named]] = [{} for _ in made]
    for (name, condition), each in given.test.items():
        asked = [(way, of[given.without(name)][1]) for way, of in made]
        for kept, one in zip(test, named(parts(each), asked), strict=True):
            kept[name, condition] = one
    for name, each in given.choose.items():
        tested = given.without(name)
        asked = [(way, of[given.without(name, other)][1]) for way, of in made for other in tested]
        some = iter(named(parts(each), asked))
        for kept in choose:
            kept.update({(name, other): next(some) for other in tested})
    return [Found(*both) for both in zip(test, choose, strict=True)]


def reseeded(spec: Spec, liquid: int) -> Spec:
    """The spec with the seed of a liquid; streams stay as they are."""
    return replace(spec, seed=spec.seed + liquid)


def live(model: Model[OnHost], threshold: float, refractory: int) -> ld.Spotter:
    """What a user runs."""
    return ld.Spotter(model.start(), round(threshold * model.answerer.integers.scale), refractory)
