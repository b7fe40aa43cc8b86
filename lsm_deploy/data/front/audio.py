"""Sound becomes frames of band power, in dB or normalised by its past (PCEN), in this order:

trim the ends; shift and add noise (altered copies); pre-emphasis; power spectrum of Hann windows, one every hop and
centred on multiples of it, silence around; bands, warped (copies); dB, floored below the loudest, or PCEN; stretch
(copies); level; normalise; resample to so many frames; differences.

The samples themselves come first and in their order, then their first altered copies, and so on.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed, memory
from lsm_deploy.core.errors import AbsentError, LsmError
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.streams import stream
from lsm_deploy.data import Audio, Frames, Role, digests, lengths
from lsm_deploy.data.front.banks import filter_bank, warped
from lsm_deploy.data.raw import INT16
from lsm_deploy.spec.schema import AudioFrontEnd, Augment, Pcen

__all__ = ["Analysis", "analysis_of", "frames_of_audio"]

QUIETEST_DB = 1e-9
"""Less than this an utterance does not vary but by rounding."""
AT_ONCE = 200
"""Windows that are transformed together."""
SILENCE = 1e-20
"""Power of which the logarithm is taken where there is none."""


def frames_of_audio(audio: Audio, front_end: AudioFrontEnd, role: Role, seed: int) -> Frames:
    """Frames `[frame, band]` in dB (without a unit, if normalised), with the altered copies if it is to train on."""
    _check(audio, front_end)
    augment = front_end.augment if role == "train" else None
    copies = augment.copies if augment is not None else 0
    _require_memory(audio, front_end, 1 + copies)
    analysis = analysis_of(front_end, audio.source)
    scale = INT16 if audio.sound.dtype == np.int16 else 1.0
    parts: list[list[Floats]] = [[] for _ in range(1 + copies)]
    for i, (start, many) in enumerate(zip(audio.starts.tolist(), lengths(audio).tolist(), strict=True)):
        sound = analysis.trimmed(audio.sound[start : start + many] * scale)
        power = analysis.power(sound)
        parts[0].append(analysis.levels(power))
        for copy in range(1, 1 + copies):
            assert augment is not None
            drawn = _draw(augment, stream(seed, "augment", i, copy))
            altered = _altered(sound, augment, drawn, front_end.rate_hz)
            spectrum = power if altered is sound else analysis.power(altered)
            levels = analysis.levels(spectrum, drawn.warp)
            parts[copy].append(_resampled(levels, max(2, round(len(levels) * drawn.stretch))))
    samples, n = [part for copy in parts for part in copy], len(audio.starts)
    if front_end.level:
        samples = [(part - part.mean()) / max(part.std(), QUIETEST_DB) for part in samples]
    if front_end.normalise != "none":
        names = audio.groups if front_end.normalise == "group" else tuple(str(i) for i in range(n))
        # A speaker whose vocal tract was altered is another one.
        keys = np.unique(names, return_inverse=True)[1] + n * np.arange(1 + copies)[:, None]
        samples = _normalised(samples, keys.ravel())
    if front_end.frames is not None:
        samples = [_resampled(part, front_end.frames) for part in samples]
    if front_end.deltas:
        samples = [np.hstack([part, np.diff(part, axis=0, prepend=part[:1])]) for part in samples]
    many = np.array([len(part) for part in samples])
    return Frames(
        fixed.stable(np.concatenate(samples)),
        np.cumsum(many) - many,
        audio.labels * (1 + copies),
        audio.source,
        audio.groups * (1 + copies),
        np.tile(np.arange(n), 1 + copies),
        np.tile(digests(audio), 1 + copies),
        ids=audio.ids * (1 + copies),
    )


def _check(audio: Audio, front_end: AudioFrontEnd) -> None:
    if audio.rate != front_end.rate_hz:
        raise LsmError(
            f"the sound has {audio.rate:g} values a second, the front end takes {front_end.rate_hz:g}",
            where=audio.source,
            hint=f"set `data: {{resample: true}}`, or `front_end: {{rate_hz: {audio.rate:g}}}`, and train again",
        )
    if front_end.normalise == "group" and not audio.groups:
        what = "each speaker is to be normalised, but the data do not say who speaks"
        raise LsmError(what, where=audio.source, hint="add groups, or set `front_end: {normalise: utterance}`")


def _require_memory(audio: Audio, front_end: AudioFrontEnd, copies: int) -> None:
    """Room for the bank of filters, the spectrum of the longest utterance, and all frames, as they are made anew."""
    window, hop, many = *_samples(front_end), lengths(audio)
    bins, channels = 1 << (window - 1).bit_length(), front_end.frame_channels
    frames = len(many) * front_end.frames if front_end.frames is not None else many.sum() / hop + len(many)
    spectrum = 32.0 * bins * (many.max() / hop + 1)
    needed = 8.0 * bins * front_end.bands + spectrum + 32.0 * copies * float(frames) * channels
    hint = "shorten window_ms, or take fewer bands, frames or copies"
    memory.require(needed, "the front end takes", where=audio.source, hint=hint)


def _samples(front_end: AudioFrontEnd) -> tuple[int, int]:
    """Of a window, and of a hop."""
    window, hop = (round(ms * front_end.rate_hz / 1000) for ms in (front_end.window_ms, front_end.hop_ms))
    return window, hop


def analysis_of(front_end: AudioFrontEnd, where: str) -> Analysis:
    """The analysis of a front end; an LsmError where librosa is not installed."""
    try:
        import librosa
    except ImportError:
        what = "sound is analysed with librosa, which is not installed"
        raise AbsentError(what, where=where, hint="pip install 'lsm-deploy[audio]'") from None
    return Analysis(librosa, front_end)


class Analysis:
    """From sound `[t]` to power `[bin, frame]` and levels `[frame, band]`, in dB or of PCEN; what is the same for all
    utterances is kept."""

    def __init__(self, librosa: Any, front_end: AudioFrontEnd) -> None:
        self.librosa, self.front_end = librosa, front_end
        self.window, self.hop = _samples(front_end)
        # Twice as fine as the window resolves, so that narrow bands at low frequencies are not empty.
        self.n_fft = 2 << (self.window - 1).bit_length()
        self.bank = filter_bank(front_end, self.n_fft)
        self.hann = np.zeros(self.n_fft)
        """The window, in the middle of a frame."""
        before = (self.n_fft - self.window) // 2
        self.hann[before : before + self.window] = librosa.filters.get_window("hann", self.window, fftbins=True)

    def trimmed(self, sound: Floats) -> Floats:
        if self.front_end.trim_db is None:
            return sound
        trimmed, _ = self.librosa.effects.trim(
            sound, top_db=self.front_end.trim_db, frame_length=self.window, hop_length=self.hop
        )
        return trimmed if len(trimmed) else sound

    def power(self, sound: Floats) -> Floats:
        """That of librosa's `stft`, which looks at more than short sounds take."""
        from scipy.fft import rfft

        if self.front_end.pre_emphasis is not None:
            sound = np.append(sound[:1], sound[1:] - self.front_end.pre_emphasis * sound[:-1])
        around = np.zeros(self.n_fft + len(sound))
        around[self.n_fft // 2 : self.n_fft // 2 + len(sound)] = sound
        frames = np.lib.stride_tricks.sliding_window_view(around, self.n_fft)[:: self.hop]
        power = np.empty((len(frames), self.n_fft // 2 + 1))
        for first in range(0, len(frames), AT_ONCE):
            spectrum = rfft(self.hann * frames[first : first + AT_ONCE])
            power[first : first + AT_ONCE] = spectrum.real**2 + spectrum.imag**2
        return power.T

    def levels(self, power: Floats, warp: float = 1.0) -> Floats:
        """Of a whole utterance."""
        return self.levels_after(power, None, warp)[0]

    def levels_after(self, power: Floats, smoothed: Floats | None, warp: float = 1.0) -> tuple[Floats, Floats | None]:
        """Of some frames, and what is to be given with the next ones; smoothed: that of the frames before, if any."""
        bands = (warped(self.bank, warp) if warp != 1.0 else self.bank) @ power
        if self.front_end.pcen is not None:
            return self._normalised(bands, self.front_end.pcen, smoothed)
        return self._decibels(bands), None

    def _normalised(self, bands: Floats, pcen: Pcen, smoothed: Floats | None) -> tuple[Floats, Floats]:
        frames = pcen.time_constant_ms / 1000 * self.front_end.rate_hz / self.hop
        step = 2 / (1 + np.sqrt(1 + 4 * frames**2))  # librosa's, without a difference of what is nearly alike
        if smoothed is None:
            smoothed = (1 - step) * bands[:, :1]  # as if the first frame had always been: M is E there
        values, smoothed = self.librosa.pcen(
            bands, b=step, gain=pcen.gain, bias=pcen.bias, power=pcen.power, eps=pcen.eps, zi=smoothed, return_zf=True
        )
        return values.T, smoothed

    def _decibels(self, bands: Floats) -> Floats:
        known = self.front_end.loudest_db
        loudest = max(float(bands.max()), SILENCE) if known is None else 10 ** (known / 10)
        floor = loudest * 10 ** (-self.front_end.lowest_db / 10)
        return np.asarray(10 * np.log10(np.maximum(bands, floor))).T


# --- altered copies ------------------------------------------------------------------------------------------------


class _Drawn(NamedTuple):
    warp: float
    stretch: float
    shift: float
    """-1 to 1, of the longest."""
    random: np.random.Generator


def _draw(augment: Augment, random: np.random.Generator) -> _Drawn:
    # Always three draws, so that a copy's warp does not change when stretching is turned on.
    warp, stretch, shift = random.random(3).tolist()
    between = [
        low + (high - low) * x
        for (low, high), x in ((augment.warp or (1.0, 1.0), warp), (augment.stretch or (1.0, 1.0), stretch))
    ]
    return _Drawn(between[0], between[1], 2 * shift - 1, random)


def _altered(sound: Floats, augment: Augment, drawn: _Drawn, rate_hz: float) -> Floats:
    """The sound itself where neither a shift nor noise is asked for."""
    if augment.time_shift_ms is not None:
        longest = min(augment.time_shift_ms * rate_hz / 1000, len(sound) / 4)
        by = round(longest * drawn.shift)
        silence = np.zeros(abs(by))
        sound = np.concatenate([silence, sound[: len(sound) - by]] if by >= 0 else [sound[-by:], silence])
    if augment.noise_db is not None:
        loudness = np.sqrt(np.mean(sound**2)) * 10 ** (-augment.noise_db / 20)
        sound = sound + loudness * drawn.random.standard_normal(len(sound))
    return sound


# --- frames in time ------------------------------------------------------------------------------------------------


def _resampled(frames: Floats, many: int) -> Floats:
    """So many frames, evenly from the first to the last, interpolated linearly."""
    if many == len(frames):
        return frames
    at = np.linspace(0.0, len(frames) - 1, many)
    below = np.minimum(at.astype(np.int64), max(len(frames) - 2, 0))
    above = np.minimum(below + 1, len(frames) - 1)
    part = (at - below)[:, None]
    return np.asarray(frames[below] * (1 - part) + frames[above] * part)


def _normalised(samples: list[Floats], keys: NDArray[np.int64]) -> list[Floats]:
    """Mean 0 and variance 1 of each band over all samples of one key; 0 where it does not vary."""
    _, keys = np.unique(keys, return_inverse=True)
    many = np.bincount(keys, [len(part) for part in samples])[:, None]
    total, squares = (np.zeros((len(many), samples[0].shape[1])) for _ in range(2))
    np.add.at(total, keys, np.array([part.sum(axis=0) for part in samples]))
    mean = total / many
    samples = [part - mean[key] for part, key in zip(samples, keys, strict=True)]
    np.add.at(squares, keys, np.array([(part**2).sum(axis=0) for part in samples]))
    std = np.sqrt(squares / many)
    # Rounding leaves a little of what is constant.
    width = np.where(std > 1e-9, std, np.inf)
    return [part / width[key] for part, key in zip(samples, keys, strict=True)]
