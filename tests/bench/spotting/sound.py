"""Streams of spoken digits: words in a row and with pauses between, noise, and where each word ends.

A word begins with the first, and ends with the last 10 ms of its recording whose power is within `AUDIBLE_DB` of its
loudest 10 ms; what is recorded around it stays in the stream. Each speaker has one gain, so that his words have a mean
power of `SPEECH_DB` (of what is between their begins and ends; 0 dB is that of a constant of 1), as who sets up a
microphone does. Between words are short and long pauses, in some of the long ones a burst of noise; beneath all of it
lies the white noise of a quiet room, so that nobody hears where a recording ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.data import Audio, lengths
from lsm_deploy.data.raw import INT16

__all__ = ["CONDITIONS", "PIECE", "RATE", "Stream", "Words", "compose", "words_of"]

Floats, Ints = NDArray[np.float64], NDArray[np.int64]

RATE = 8000
PIECE = RATE // 100
"""10 ms, in which power is measured."""
AUDIBLE_DB, SPEECH_DB, ROOM_DB = 30.0, -26.0, -60.0
SHORT_S, LONG_S = (0.15, 0.4), (0.4, 2.0)
"""Pauses: half of them short, half of them long."""
BURST_S, BURST_DB, BURSTS = (0.1, 0.4), (-12.0, 0.0), 0.4
"""Bursts: how long, how loud beside speech, and in which share of the pauses that have room for one."""
VOICES = 6
"""Who babble."""
BLOCK = 25
"""Words that are heard in one kind of noise, where it changes."""

CONDITIONS: dict[str, tuple[str, float]] = {
    "clean": ("", 0.0),
    "white, 20 dB": ("white", 20.0),
    "white, 10 dB": ("white", 10.0),
    "babble, 20 dB": ("babble", 20.0),
    "babble, 10 dB": ("babble", 10.0),
}
"""The noise, and how far its mean power lies below that of words."""


@dataclass(frozen=True, eq=False)
class Words:
    """Recordings of digits, at the level of speech: their sound, what is said, by whom, and where in it that is."""

    sound: tuple[Floats, ...]
    digit: tuple[str, ...]
    speaker: tuple[str, ...]
    begin: Ints
    end: Ints

    def of(self, speakers: Sequence[str]) -> Words:
        """Those of some speakers."""
        chosen = [i for i, name in enumerate(self.speaker) if name in speakers]
        return Words(
            tuple(self.sound[i] for i in chosen),
            tuple(self.digit[i] for i in chosen),
            tuple(self.speaker[i] for i in chosen),
            self.begin[chosen],
            self.end[chosen],
        )


@dataclass(frozen=True, eq=False)
class Stream:
    """Sound as a microphone gives it, int16 `[t]`, with the digit of each word and the samples that it lies between."""

    sound: NDArray[np.int16]
    digit: tuple[str, ...]
    begin: Ints
    end: Ints

    @property
    def hours(self) -> float:
        return len(self.sound) / RATE / 3600


def words_of(audio: Audio) -> Words:
    """All recordings of a data set of spoken digits."""
    if audio.rate != RATE:
        raise ValueError(f"the sound has {audio.rate:g} values a second, and not {RATE}")
    scale = INT16 if audio.sound.dtype == np.int16 else 1.0
    sound = [
        audio.sound[start : start + many] * scale
        for start, many in zip(audio.starts.tolist(), lengths(audio).tolist(), strict=True)
    ]
    begin, end = np.array([audible(each) for each in sound]).T
    gain = {}
    for name in dict.fromkeys(audio.groups):
        said = [sound[i][begin[i] : end[i]] for i, other in enumerate(audio.groups) if other == name]
        gain[name] = amplitude(SPEECH_DB) / rms(np.concatenate(said))
    levelled = tuple(gain[name] * each for name, each in zip(audio.groups, sound, strict=True))
    return Words(levelled, audio.labels, audio.groups, begin, end)


def audible(sound: Floats) -> tuple[int, int]:
    """Where the word in a recording begins, and where it ends."""
    pieces = np.append(sound, np.zeros(-len(sound) % PIECE)).reshape(-1, PIECE)
    power = (pieces**2).mean(axis=1)
    loud = np.flatnonzero(power >= power.max() * 10 ** (-AUDIBLE_DB / 10))
    return int(loud[0]) * PIECE, min(int(loud[-1] + 1) * PIECE, len(sound))


def compose(
    words: Words,
    others: Words,
    conditions: Sequence[str],
    rng: np.random.Generator,
    many: int = 0,
    vary_db: float = 0.0,
) -> Stream:
    """A stream of words, each once, or `many` of them, in a random order, in noise; others: who babble.

    Of several conditions, each block of words is heard in the next, and louder or softer by up to vary_db."""
    order = rng.permutation(len(words.sound))[: many or None].tolist()
    parts, begins, ends, blocks = [_pause(rng)], list[int](), list[int](), list[int]()
    total = len(parts[0])
    for place, i in enumerate(order):
        if place % BLOCK == 0:
            blocks.append(total)
        begins.append(total + int(words.begin[i]))
        ends.append(total + int(words.end[i]))
        parts += [words.sound[i], _pause(rng)]
        total += len(parts[-2]) + len(parts[-1])
    sound = np.concatenate(parts) + amplitude(ROOM_DB) * rng.standard_normal(total)
    for number, (first, last) in enumerate(zip([0, *blocks[1:]], [*blocks[1:], total], strict=True)):
        kind, snr_db = CONDITIONS[conditions[number % len(conditions)]]
        if kind:
            sound[first:last] += amplitude(SPEECH_DB - snr_db) * _noise(kind, last - first, others, rng)
        sound[first:last] *= amplitude(rng.uniform(-vary_db, vary_db))
    whole = np.clip(np.rint(sound / INT16), -1 / INT16, 1 / INT16 - 1).astype(np.int16)
    return Stream(whole, tuple(words.digit[i] for i in order), np.array(begins), np.array(ends))


def _pause(rng: np.random.Generator) -> Floats:
    """Nothing, for a while; in some of it a burst of noise, white or, as a wind, without most of what is high."""
    low, high = SHORT_S if rng.random() < 0.5 else LONG_S
    sound = np.zeros(round(RATE * rng.uniform(low, high)))
    many = round(RATE * rng.uniform(*BURST_S))
    if low == LONG_S[0] and rng.random() < BURSTS and len(sound) > many:
        burst = rng.standard_normal(many)
        if rng.random() < 0.5:
            burst = np.convolve(burst, np.ones(8), "same")
        first = rng.integers(len(sound) - many)
        sound[first : first + many] = amplitude(SPEECH_DB + rng.uniform(*BURST_DB)) * burst / rms(burst)
    return sound


def _noise(kind: str, many: int, others: Words, rng: np.random.Generator) -> Floats:
    """Noise of power 1: white, or of `VOICES` who say words of the others, one after the other."""
    if kind == "white":
        return rng.standard_normal(many)
    sound = np.zeros(many)
    for _ in range(VOICES):
        at = -int(rng.integers(RATE))
        while at < many:
            i = int(rng.integers(len(others.sound)))
            word = others.sound[i][others.begin[i] : others.end[i]]
            part = word[max(-at, 0) : many - at]
            sound[max(at, 0) : max(at, 0) + len(part)] += part
            at += len(word)
    return np.asarray(sound / rms(sound))


def rms(sound: Floats) -> float:
    return float(np.sqrt(np.mean(sound**2)))


def amplitude(decibels: float) -> float:
    return float(10 ** (decibels / 20))
