"""What is read from files: frames, sound, heart beats, or events; samples end to end, with their labels and groups.

A sample is an utterance, a record of beats, or a recording of events. Its group is whoever it comes from, a speaker or
a patient: `split` keeps groups together, and `check` refuses data whose training and test part share one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import require_type
from lsm_deploy.core.frozen import freeze, own, rebuilt
from lsm_deploy.core.indices import mistake_in
from lsm_deploy.core.masked import unmasked
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.shown import Reported

__all__ = [
    "INT16",
    "LARGEST",
    "Audio",
    "Beats",
    "Events",
    "Frames",
    "Raw",
    "Role",
    "digests",
    "is_rate",
    "lengths",
    "rows_of",
    "subset",
]

LARGEST = 1e300
"""Beyond this, the width of a range could overflow."""

INT16 = 1 / 32768
"""What one of an integer's sound is of 1.0."""
RATES_HZ = (1e-3, 1e9)
"""Values or beats a second: whatever is measured lies within, and what is reckoned with it stays finite."""

Integers: TypeAlias = NDArray[np.int64]
Role: TypeAlias = Literal["train", "test"]
"""What data are for: only training data are augmented, and their noise is another one."""


@dataclass(frozen=True, eq=False, repr=False)
class Frames(Reported):
    """Frames `[frame, channel]` of all samples end to end, the first frame of each `[sample]`, and its label or ().

    source: what errors call the data, a file or a name. groups: the speaker or record of each sample, or (). origin
    `[sample]`: the sample that each is an altered copy of, itself where it is none; left out, there are no copies.
    digests `[sample]`: of the recording that each was made from, or left out. names `[channel]`: what the channels are
    called, where they are. targets `[frame, output]`: the values that are to be predicted of each frame, of shape
    (0, 0) where there are none; target_names `[output]`: what they are called, where they are. ids `[sample]`: what
    each is called where it comes from, its file or record, or (). `make_frames` tells a user what is wrong; a
    `ValueError` from here is a bug.
    """

    frames: Floats
    starts: Integers
    labels: tuple[str, ...] = ()
    source: str = "data"
    groups: tuple[str, ...] = ()
    origin: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    digests: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    names: tuple[str, ...] = ()
    targets: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    target_names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, frames=np.float64, starts=np.int64, digests=np.uint64, targets=np.float64)
        frames, starts = self.frames, self.starts
        # By the extremes, which are NaN where one is: that takes no memory.
        if frames.ndim != 2 or not frames.size or not -LARGEST <= frames.min() <= frames.max() <= LARGEST:
            raise ValueError(f"frames of shape {frames.shape} are empty or not finite")
        _check_samples(starts, len(frames), self.labels, self.groups)
        every = np.arange(len(starts))
        origin = own(self.origin if len(self.origin) else every, np.int64)
        object.__setattr__(self, "origin", origin)
        if (
            mistake_in(origin, len(starts))
            or origin.shape != every.shape
            or (origin > every).any()
            or (origin[origin] != origin).any()
        ):
            raise ValueError("origin does not name an earlier sample that is no copy")
        if len(self.ids) not in (0, len(starts)):
            raise ValueError(f"{len(self.ids)} ids for {len(starts)} samples")
        if self.digests.shape not in ((0,), every.shape):
            raise ValueError(f"{self.digests.shape} digests for {len(starts)} samples")
        if len(self.names) not in (0, frames.shape[1]):
            raise ValueError(f"{len(self.names)} names for {frames.shape[1]} channels")
        targets = self.targets
        if targets.shape != (0, 0) and (targets.ndim != 2 or len(targets) != len(frames) or not targets.size):
            raise ValueError(f"targets of shape {targets.shape} for {len(frames)} frames")
        if targets.size and not -LARGEST <= targets.min() <= targets.max() <= LARGEST:
            raise ValueError("targets are not finite")
        if len(self.target_names) not in (0, targets.shape[1]):
            raise ValueError(f"{len(self.target_names)} names for {targets.shape[1]} targets")

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return len(self.starts)

    @property
    def channels(self) -> int:
        """How many values a frame has."""
        return int(self.frames.shape[1])

    @property
    def outputs(self) -> int:
        """How many targets a frame has."""
        return int(self.targets.shape[1])

    @property
    def lengths(self) -> Integers:
        """Frames in each sample."""
        return lengths(self)


@dataclass(frozen=True, eq=False, repr=False)
class Audio(Reported):
    """Mono sound `[t]` of all utterances end to end, int16 or float, `rate` values a second.

    takes `[utterance]`: which repetition of a word by a speaker each is, or none. ids `[utterance]`: what each is
    called where it comes from, or ().
    """

    sound: NDArray[np.int16] | Floats
    starts: Integers
    rate: float
    labels: tuple[str, ...] = ()
    source: str = "data"
    groups: tuple[str, ...] = ()
    takes: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    ids: tuple[str, ...] = ()

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        whole = np.asarray(self.sound).dtype == np.int16
        if not whole and np.asarray(self.sound).dtype.kind != "f":  # of which nobody knows the range
            raise ValueError(f"sound is {np.asarray(self.sound).dtype}, neither int16 nor float")
        freeze(self, sound=np.int16 if whole else np.float64, starts=np.int64, takes=np.int64)
        sound, starts, takes = self.sound, self.starts, self.takes
        if sound.ndim != 1 or not np.isfinite(sound).all():
            raise ValueError(f"sound of shape {sound.shape} is not [t], or not finite")
        _check_samples(starts, len(sound), self.labels, self.groups)
        if takes.shape not in ((0,), starts.shape):
            raise ValueError(f"{len(takes)} takes for {len(starts)} utterances")
        if len(self.ids) not in (0, len(starts)):
            raise ValueError(f"{len(self.ids)} ids for {len(starts)} utterances")
        if not is_rate(self.rate):
            raise ValueError(f"the rate is {self.rate}")


@dataclass(frozen=True, eq=False, repr=False)
class Beats(Reported):
    """Heart beats of all records end to end, as sample numbers `[beat]` at `rate` Hz, each with its rhythm `[beat]`.

    rhythm: indices into `rhythms`, names such as N and AFIB, or 0 where no rhythm is known, and rhythms (). groups: the
    records' names.
    """

    beats: Integers
    starts: Integers
    rate: float
    rhythm: NDArray[np.int8]
    rhythms: tuple[str, ...]
    groups: tuple[str, ...]
    source: str = "data"

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, beats=np.int64, starts=np.int64, rhythm=np.int8)
        beats, starts, rhythm = self.beats, self.starts, self.rhythm
        if beats.ndim != 1 or rhythm.shape != beats.shape:
            raise ValueError(f"beats {beats.shape} and rhythms {rhythm.shape} are not both [beat]")
        _check_samples(starts, len(beats), (), self.groups)
        if np.delete(beats[1:] < beats[:-1], starts[1:] - 1).any():
            raise ValueError("the beats of a record descend")
        if len(self.groups) != len(starts) or len(set(self.groups)) != len(starts):
            raise ValueError("the records do not have a name each")
        if mistake := mistake_in(rhythm, max(1, len(self.rhythms))):
            raise ValueError(f"rhythm: {mistake}")
        if not is_rate(self.rate):
            raise ValueError(f"the rate is {self.rate}")

    @property
    def labels(self) -> tuple[str, ...]:
        """None: windows of beats have them."""
        return ()


@dataclass(frozen=True, eq=False, repr=False)
class Events(Reported):
    """Events of all samples end to end: time in µs, pixel x and y, polarity p, each `[event]`; a sample may have none.

    sensor: its width, height and polarities; p is 0 or 1, or always 0 where there is one polarity.
    """

    t_us: Integers
    x: NDArray[np.int32]
    y: NDArray[np.int32]
    p: NDArray[np.int8]
    starts: Integers
    sensor: tuple[int, int, int]
    labels: tuple[str, ...] = ()
    source: str = "data"
    groups: tuple[str, ...] = ()

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, t_us=np.int64, x=np.int32, y=np.int32, p=np.int8, starts=np.int64)
        _check_samples(self.starts, len(self.t_us), self.labels, self.groups, empty=True)
        pixels: tuple[NDArray[Any], ...] = (self.x, self.y, self.p)
        for name, values, limit in zip("xyp", pixels, self.sensor, strict=True):
            if values.shape != self.t_us.shape or mistake_in(values, limit):
                raise ValueError(f"{name} does not lie within the sensor, {self.sensor}, for each event")


Raw: TypeAlias = Frames | Audio | Beats | Events


def _check_samples(
    starts: Integers, total: int, labels: tuple[str, ...], groups: tuple[str, ...], empty: bool = False
) -> None:
    mistake = mistake_in(starts, total + empty, "not descending" if empty else "ascending", first=0)
    if mistake:
        raise ValueError(f"starts: {mistake}")
    if labels and len(labels) != len(starts):
        raise ValueError(f"{len(labels)} labels for {len(starts)} samples")
    if groups and len(groups) != len(starts):
        raise ValueError(f"{len(groups)} groups for {len(starts)} samples")


def is_rate(rate: float) -> bool:
    """Whether something can be measured so many times a second."""
    return RATES_HZ[0] <= rate <= RATES_HZ[1]


# --- samples of any kind -------------------------------------------------------------------------------------------

_SERIES: dict[type[Any], tuple[str, ...]] = {
    Frames: ("frames",),
    Audio: ("sound",),
    Beats: ("beats", "rhythm"),
    Events: ("t_us", "x", "y", "p"),
}
"""What runs through all samples; all else that has entries has one for each sample."""

_Some = TypeVar("_Some", Frames, Audio, Beats, Events)


def lengths(data: Raw) -> Integers:
    """Frames, values, beats or events in each sample."""
    return np.diff(data.starts, append=len(getattr(data, _SERIES[type(data)][0])))


def rows_of(starts: Integers, many: Integers) -> Integers:
    """The rows of samples that start at `starts` and have `many` rows each, end to end."""
    many = np.asarray(many)
    first = np.cumsum(many) - many
    rows: Integers = np.arange(int(many.sum())) + np.repeat(starts - first, many)
    return rows


def subset(data: _Some, chosen: NDArray[Any] | Sequence[int]) -> _Some:
    """The samples that a mask, or ascending indices, choose: at least one. Of copies whose original is not among
    them, the first is the original of the others."""
    require_type(data, tuple(_SERIES), "data", "read them with `load_raw`")
    asked, samples = np.asarray(unmasked(chosen)), len(data.starts)
    if asked.dtype == bool and asked.shape != (samples,):
        raise ValueError(f"a mask of shape {list(asked.shape)} for {samples} samples")
    picked = np.flatnonzero(asked) if asked.dtype == bool else asked
    if not picked.size or mistake_in(picked, samples, "ascending"):
        raise ValueError("a subset chooses at least one sample, and in their order")
    many = lengths(data)[picked]
    rows = rows_of(data.starts[picked], many)
    changed: dict[str, Any] = {name: getattr(data, name)[rows] for name in _SERIES[type(data)]}
    changed["starts"] = np.cumsum(many) - many
    for name in ("labels", "groups", "ids"):
        if name in data.__dataclass_fields__ and getattr(data, name):
            changed[name] = tuple(getattr(data, name)[i] for i in picked)
    for name in ("takes", "digests"):
        if len(getattr(data, name, ())):
            changed[name] = getattr(data, name)[picked]
    if isinstance(data, Frames):
        changed["targets"] = data.targets[rows] if data.outputs else data.targets
        _, first, which = np.unique(data.origin[picked], return_index=True, return_inverse=True)
        changed["origin"] = first[which]
    return replace(data, **changed)


def digests(data: Raw) -> NDArray[np.uint64]:
    """64 bits for each sample that are equal where samples are: those it was made from, if the data say so."""
    if isinstance(data, Frames) and len(data.digests):
        return data.digests
    prints = []
    for start, many in zip(data.starts.tolist(), lengths(data).tolist(), strict=True):
        parts = [getattr(data, name)[start : start + many] for name in _SERIES[type(data)]]
        if isinstance(data, Beats):
            parts = [np.diff(parts[0])]  # when a recording began, and how it is annotated, is no difference
        content = b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
        prints.append(int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little"))
    return np.array(prints, np.uint64)
