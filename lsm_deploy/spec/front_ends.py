"""From recordings to frames: what a spec says of front ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

from annotated_types import Ge, Gt, Le, Len
from pydantic import Field

from lsm_deploy.spec.values import (
    Count,
    Flag,
    Integer,
    NotNegative,
    Number,
    Positive,
    Probability,
    Text,
    forbid_unknown,
)

__all__ = [
    "AudioFrontEnd",
    "Augment",
    "BeatChannel",
    "BeatsFrontEnd",
    "EventsFrontEnd",
    "FrontEnd",
    "GammatoneFrontEnd",
    "MelFrontEnd",
    "Pcen",
]

FLOOR_DB = 60.0


@dataclass(frozen=True)
class Augment:
    """Altered copies of the training utterances; test data stay as they are. Each copy draws its own values, evenly.

    warp: the factor on the frequency axis (vocal tract length perturbation: Jaitly & Hinton, ICML workshop 2013).
    stretch: the factor on the duration. time_shift_ms: at most so much later or earlier, at most a quarter of the
    utterance. noise_db: white noise, so many dB below the utterance.
    """

    copies: Count = 1
    warp: Annotated[tuple[Positive, ...], Len(2, 2)] | None = None
    stretch: Annotated[tuple[Positive, ...], Len(2, 2)] | None = None
    noise_db: Number | None = None
    time_shift_ms: Positive | None = None

    def __post_init__(self) -> None:
        if (self.warp, self.stretch, self.noise_db, self.time_shift_ms) == (None,) * 4:
            raise ValueError("copies are asked for, and nothing says how they differ")
        for name in ("warp", "stretch"):
            bounds = getattr(self, name)
            if bounds is not None and not 0.25 <= bounds[0] <= bounds[1] <= 4:
                raise ValueError(f"{name} is {list(bounds)}, not two ascending factors within 0.25 to 4")


@dataclass(frozen=True)
class Pcen:
    """Per-channel energy normalisation: in the place of dB, a band's power E becomes

        (E / (eps + M)**gain + bias)**power - bias**power

    where M follows E with `time_constant_ms`, from the first frame on. It looks back alone, so that live sound is
    normalised as recordings are; what stays the same in a band, such as a microphone or a level, goes by the gain.
    E and eps are powers of sound from -1 to 1 (Wang et al., ICASSP 2017; librosa's filter)."""

    gain: Probability = 0.98
    bias: Positive = 2.0
    power: Annotated[Positive, Le(1)] = 0.5
    time_constant_ms: Annotated[Positive, Le(1e6)] = 400.0
    eps: Positive = 1e-6


@dataclass(frozen=True, kw_only=True)
class AudioFrontEnd:
    """Sound to `bands` of log power `[frame, band]`, one frame every `hop_ms`, in dB.

    rate_hz: of the recordings. bands: so many channels. fmin_hz: where the lowest band begins. fmax_hz: where the
    highest ends; left out, half the rate. window_ms: what a frame is made of. hop_ms: from one frame to the next.
    floor_db: nothing is further below the loudest value; left out, 60. loudest_db: which that is, so that it is known
    before the utterance is, as live sound needs it; left out, the utterance's own. pcen: bands that are normalised by
    their past, and not in dB, of which floor_db and loudest_db are. trim_db: cuts both ends where they are so far
    below the loudest frame. level: first, mean 0 and variance 1 of every utterance over all its bands together, so that
    near and far sound alike. normalise: mean 0 and variance 1 of every band, over the `utterance` or over all
    utterances of its `group`, the speaker, in the same file. frames: every utterance in time resampled to so many.
    deltas: what changed since the frame before, as `bands` more channels.
    """

    rate_hz: Positive
    bands: Count = 24
    fmin_hz: NotNegative = 50.0
    fmax_hz: Positive | None = None
    window_ms: Positive = 25.0
    hop_ms: Positive = 10.0
    floor_db: Positive | None = None
    loudest_db: Number | None = None
    pcen: Pcen | None = None
    trim_db: Positive | None = None
    pre_emphasis: Annotated[Probability, Gt(0)] | None = None
    level: Flag = False
    normalise: Literal["none", "utterance", "group"] = "none"
    frames: Annotated[Integer, Ge(2)] | None = None
    deltas: Flag = False
    augment: Augment | None = None

    def __post_init__(self) -> None:
        if not self.fmin_hz < self.highest_hz <= self.rate_hz / 2:
            raise ValueError(
                f"the bands run from {self.fmin_hz:g} to {self.highest_hz:g} Hz, not upwards within half the rate,"
                f" {self.rate_hz / 2:g} Hz"
            )
        of_db = [name for name in ("floor_db", "loudest_db") if getattr(self, name) is not None]
        if self.pcen is not None and of_db:
            are = "is" if len(of_db) == 1 else "are"
            raise ValueError(f"{' and '.join(of_db)} {are} of dB, and pcen stands in their place: leave one out")
        for name in ("window_ms", "hop_ms"):
            samples = getattr(self, name) * self.rate_hz / 1000
            if samples < 1:
                raise ValueError(f"{name} is {getattr(self, name):g}, less than one sample of {self.rate_hz:g} Hz")
            if abs(samples - round(samples)) > 0.1 * samples:
                raise ValueError(
                    f"{name} is {samples:g} samples of {self.rate_hz:g} Hz, and a whole number is too far off"
                )

    @property
    def lowest_db(self) -> float:
        """Below the loudest value."""
        return FLOOR_DB if self.floor_db is None else self.floor_db

    @property
    def highest_hz(self) -> float:
        return self.rate_hz / 2 if self.fmax_hz is None else self.fmax_hz

    @property
    def frame_channels(self) -> int:
        return self.bands * (2 if self.deltas else 1)


@dataclass(frozen=True, kw_only=True)
class MelFrontEnd(AudioFrontEnd):
    """Triangles, evenly spaced on the mel scale (Slaney 1998, librosa's)."""

    kind: Literal["mel"]


@dataclass(frozen=True, kw_only=True)
class GammatoneFrontEnd(AudioFrontEnd):
    """The power responses of gammatone filters, evenly spaced in ERBs (Slaney 1993; Glasberg & Moore 1990)."""

    kind: Literal["gammatone"]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fmin_hz == 0:
            raise ValueError("fmin_hz is 0, and a gammatone filter needs a frequency above it")


BeatChannel: TypeAlias = Literal["rr", "rr_relative", "drr", "drr_relative", "abs_drr_relative", "ddrr_relative"]


@dataclass(frozen=True, kw_only=True)
class BeatsFrontEnd:
    """Heart beats to windows of `window_beats`, one frame a beat; a last window that is not full is left out.

    A window is AF if more than half of its beats lie in the rhythm `positive`, else not AF. stride_beats: from one
    window to the next; left out, as long as a window. channels, of RR, the interval in s that a beat ends: rr;
    rr_relative, its excess over the median of its window so far, as a share of that; drr, less the one before;
    drr_relative, that over the mean of both, and abs_drr_relative, without its sign; ddrr_relative, what drr_relative
    changed by.
    """

    kind: Literal["beats"]
    window_beats: Count
    stride_beats: Count | None = None
    positive: Text = "AFIB"
    channels: Annotated[tuple[BeatChannel, ...], Len(1)] = ("rr", "drr_relative")

    def __post_init__(self) -> None:
        if len(set(self.channels)) < len(self.channels):
            raise ValueError(f"channels are {', '.join(self.channels)}: one stands twice")

    @property
    def stride(self) -> int:
        return self.window_beats if self.stride_beats is None else self.stride_beats

    @property
    def frame_channels(self) -> int:
        return len(self.channels)


@dataclass(frozen=True, kw_only=True)
class EventsFrontEnd:
    """Events to frames of `bin_ms`: 1 where a bin has an event, else 0.

    pool: pixels, along x and along y, that become one channel. merge_polarity: brighter and darker become one.
    """

    kind: Literal["events"]
    bin_ms: Positive
    pool: Annotated[tuple[Count, ...], Len(2, 2)] = (1, 1)
    merge_polarity: Flag = False
    frame_channels: ClassVar[None] = None
    """That is the sensor's to say."""


FrontEnd: TypeAlias = Annotated[
    MelFrontEnd | GammatoneFrontEnd | BeatsFrontEnd | EventsFrontEnd, Field(discriminator="kind")
]


forbid_unknown(globals())
