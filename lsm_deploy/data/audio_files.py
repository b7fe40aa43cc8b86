"""Sound: an `.npz` of all utterances end to end, a folder of WAV or FLAC files, or one of them.

.npz    audio [t], int16, or floats of -1 to 1, or [t, channel] if they are mixed; length [utterance] values of each;
        rate, in Hz; digit or labels [utterance]; speaker or groups, and take or takes [utterance], left out where there
        are none
folder  <label>_<group>_<take>.wav or .flac, or as a regular expression with groups of these names says; or
        <label>/<any name>, of which a regular expression may say group and take
file    an utterance, labelled where its name says how

One channel, unless `mono` mixes them (their mean); one rate, unless each file is resampled (by a polyphase filter).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import AbsentError, LsmError, raise_all
from lsm_deploy.core.indices import ends_of, mistake_in
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data.frame_files import SHOWN
from lsm_deploy.data.frames import names_of, starts_of
from lsm_deploy.data.raw import INT16, Audio, is_rate
from lsm_deploy.store.files import reading
from lsm_deploy.store.kinds import SOUND, files_by_class, samples_in
from lsm_deploy.store.npz import misspelt

__all__ = ["PATTERN", "Sound", "audio_from_arrays", "load_sound"]

PATTERN = r"(?P<label>[^_]+)_(?P<group>[^_]+)_(?P<take>\d+)\.(wav|flac)"
LOSSY = (".mp3", ".ogg", ".opus", ".m4a", ".aac", ".wma", ".amr")
"""What decoders do not agree on."""

PLAIN = ("PCM_16", "PCM_U8", "PCM_S8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
"""How a WAV file may hold its values."""
RIFF: dict[bytes, Literal["little", "big"]] = {b"RIFF": "little", b"RF64": "little", b"RIFX": "big"}
STREAMED = (1 << 32) - 1
"""The size that a writer leaves who could not go back to it; RF64 has its own elsewhere."""
CHUNKS = 1000
"""More come before no sound."""
MOST_A_BYTE = 1 << 14
"""Values of a file, of which FLAC makes the fewest bytes where all of a block are the same."""
STEEPEST = 1_000_000
"""Of rates in lowest terms, the larger: the filter has 20 times as many values."""
MOST_MADE = 1 << 27
"""Values that resampling may make of fewer: a gibibyte of them. A rate of 1 Hz is a mistake in a header."""

_ALIASES = {
    "length": ("length", "lengths"),
    "label": ("digit", "labels", "label"),
    "group": ("speaker", "groups", "group"),
    "take": ("take", "takes"),
}


@dataclass(frozen=True)
class Sound:
    """What is done to recordings as they are read. mono: channels are mixed. rate_hz: they are resampled to that."""

    mono: bool = False
    rate_hz: float | None = None

    def mixed(self, sound: NDArray[Any]) -> NDArray[Any]:
        """The mean of the channels of a recording `[t, channel]`, if they are to be mixed."""
        return _as_floats(sound).mean(axis=1) if self.mono and sound.ndim == 2 and sound.size else sound

    def resampled(self, sound: NDArray[Any], rate: float) -> NDArray[Any]:
        """A recording `[t]` of `rate` values a second, as one of `rate_hz`."""
        if self.rate_hz is None or self.rate_hz == rate:
            return sound
        from scipy.signal import resample_poly  # half a second

        resampled: Floats = resample_poly(_as_floats(sound), *self._ratio(rate))
        return resampled

    def mistake(self, rate: float, values: int) -> str | None:
        """Why so many values of sound of this rate cannot be resampled, if so."""
        if self.rate_hz is None or self.rate_hz == rate:
            return None
        what = f"{rate:g} values a second cannot be made {self.rate_hz:g}"
        if not (float(rate).is_integer() and self.rate_hz.is_integer()):
            return f"{what}: both have to be whole"
        up, down = self._ratio(rate)
        if max(up, down) > STEEPEST:
            return f"{what}: they are as {up} to {down}, and more than {STEEPEST} takes too long a filter"
        if values * up // down > max(values, MOST_MADE):
            return f"{what}: these would be {values * up // down} values, and at most {MOST_MADE} are made"
        return None

    def _ratio(self, rate: float) -> tuple[int, int]:
        """What the rates are to each other, in lowest terms: wanted, given."""
        wanted, given = round(self.rate_hz or rate), round(rate)
        common = gcd(wanted, given)
        return wanted // common, given // common


def _as_floats(sound: NDArray[Any]) -> Floats:
    return sound * INT16 if sound.dtype == np.int16 else sound.astype(np.float64)


PLAINLY = Sound()
"""As it is."""


def audio_from_arrays(arrays: Mapping[str, NDArray[Any]], where: str, how: Sound = PLAINLY) -> Audio:
    """Sound from the arrays of an `.npz`, as the head of this module describes them."""
    errors = misspelt(arrays, ("audio", "rate", *(alias for aliases in _ALIASES.values() for alias in aliases)), where)

    def report(what: str, hint: str) -> None:
        errors.append(LsmError(what, where=where, hint=hint))

    for aliases in _ALIASES.values():
        if len(twice := [alias for alias in aliases if alias in arrays]) > 1:
            report(f"{' and '.join(twice)} say the same", f"keep {twice[0]}, or the other")
    sound, rate = arrays["audio"], arrays.get("rate", np.zeros(0))
    arrays = {
        name: next((arrays[alias] for alias in aliases if alias in arrays), np.zeros(0, np.int64))
        for name, aliases in _ALIASES.items()
    }
    many, takes = arrays["length"], arrays["take"]
    if sound.dtype == np.int16 or sound.dtype.kind == "f":
        sound = how.mixed(sound)
    if sound.ndim != 1 or not (sound.dtype == np.int16 or sound.dtype.kind == "f") or not sound.size:
        hint = "write int16 or floats [t], all end to end"
        hint += "; channels [t, channel] are mixed by `data: {mono: true}`" if sound.ndim == 2 else ""
        report(f"audio is {sound.dtype} of shape {list(sound.shape)}", hint)
    elif sound.dtype.kind == "f" and not np.isfinite(sound).all():
        report(f"audio has {int((~np.isfinite(sound)).sum())} values that are not finite", "write finite numbers")
    elif sound.dtype.kind == "f" and (peak := float(np.abs(sound).max())) > 1:
        report(f"audio reaches {peak:g}, beyond the range of floats, -1 to 1", "scale it, or write int16")
    if rate.size != 1 or rate.dtype.kind not in "iuf" or not is_rate(float(rate.ravel()[0])):
        report(f"rate is {rate.ravel()[:3].tolist() or 'missing'}", "write how many values a second has, in Hz")
    elif mistake := how.mistake(float(rate.ravel()[0]), sound.size):
        report(mistake, "resample it yourself")
    hint = "write how many values each utterance has"
    if mistake := mistake_in(many, sound.size + 1, start=1) or (None if many.size else "there is none"):
        report(f"length: {mistake}", hint)
    elif sound.ndim == 1 and mistake_in(ends_of(many), sound.size + 1, "not descending", last=sound.size):
        report(f"lengths sum to {sum(many.tolist())}, but audio has {sound.size} values", hint)
    labels, groups = (names_of(arrays[name], name, many.size, where, errors) for name in ("label", "group"))
    hint = "write a whole number for each, or none at all"
    if takes.size and takes.shape != many.shape:
        report(f"there are {takes.size} takes for {many.size} samples", hint)
    elif takes.size and (mistake := mistake_in(takes, 2**63)):
        report(f"takes: {mistake}", hint)
    raise_all(errors)
    per_second = float(rate.ravel()[0])
    if how.rate_hz not in (None, per_second):
        utterances = [how.resampled(each, per_second) for each in np.split(sound, starts_of(many)[1:])]
        sound, many, per_second = np.concatenate(utterances), np.array([len(u) for u in utterances]), how.rate_hz or 0.0
    return Audio(sound, starts_of(many), per_second, labels, where, groups, takes.astype(np.int64))


def load_sound(path: Path, pattern: str | None = None, how: Sound = PLAINLY, labelled: bool = True) -> Audio:
    """Sound from a folder of WAV and FLAC files, in the order of their names, or from one file.

    pattern: how names are written, see the head of this module. labelled: False lets them be any; what not all of them
    say, none does.
    """
    try:
        expression = re.compile(pattern or PATTERN, re.IGNORECASE if pattern is None else 0)
    except re.error as error:
        what = f"the pattern of file names, {pattern!r}, is no regular expression: {error}"
        raise LsmError(what, where=str(path), hint="mend the pattern") from None
    files, by_class = samples_in(path, SOUND) if path.is_dir() else ([path], False)
    errors = _lossy(path) if path.is_dir() else []
    sounds, names = [], []
    rates: dict[float, Path] = {}
    for file in files:
        match = expression.fullmatch(file.name)
        if match is None and labelled and path.is_dir() and not (by_class and pattern is None):
            what = f"its name does not follow {expression.pattern}"
            hint = "rename it, or set `data: {pattern: ...}`, for `predict` --pattern"
            errors.append(LsmError(what, where=str(file), hint=hint))
            continue
        try:
            sound, rate = _read(file, how)
        except LsmError as error:
            errors += error.each()
            continue
        rates.setdefault(rate, file)
        if rate != next(iter(rates)):
            first, other = next(iter(rates.items()))
            what, hint = f"it has {rate:g} values a second, {other.name} has {first:g}", "set `data: {resample: true}`"
            errors.append(LsmError(what, where=str(file), hint=hint))
        sounds.append(sound)
        said = match.groupdict() if match is not None and (not by_class or pattern) else {}
        names.append(said | {"label": file.parent.name} if by_class else said)
    if len(errors) > SHOWN:
        rest = LsmError(f"and {len(errors) - SHOWN} more mistakes", where=str(path), hint="mend those above first")
        errors = [*errors[:SHOWN], rest]
    raise_all(errors)
    if len({sound.dtype for sound in sounds}) > 1:
        sounds = [_as_floats(sound) for sound in sounds]
    labels, groups, takes = (_all_or_none(each.get(key) for each in names) for key in ("label", "group", "take"))
    numbers = [int(take) for take in takes if take.isdecimal()]
    return Audio(
        np.concatenate(sounds),
        starts_of([len(sound) for sound in sounds]),
        next(iter(rates)),
        labels,
        str(path),
        groups,
        np.array(numbers if len(numbers) == len(sounds) else [], np.int64),
        tuple(file.relative_to(path).as_posix() if path.is_dir() else file.name for file in files),
    )


def _all_or_none(names: Iterable[str | None]) -> tuple[str, ...]:
    known = tuple(names)
    return () if None in known else tuple(str(name) for name in known)


def _lossy(folder: Path) -> list[LsmError]:
    """An error for each file of sound that would be passed over."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in LOSSY) + files_by_class(folder, LOSSY)
    hint = "convert it to WAV or FLAC, or take it out"
    return [LsmError("what it sounds like depends on its decoder", where=str(file), hint=hint) for file in files]


def _read(file: Path, how: Sound) -> tuple[NDArray[Any], float]:
    """The sound `[t]` of a file, and its rate; an LsmError where it holds none that is read."""
    soundfile = _soundfile(file)
    if (mistake := _mistake_in(file)) is not None:
        raise LsmError(mistake, where=str(file), hint="record it again, or take it out")
    try:
        with soundfile.SoundFile(file) as opened:
            if opened.subtype not in PLAIN:
                what, hint = f"its sound is compressed ({opened.subtype_info})", "write it again as 16-bit WAV"
                raise LsmError(what, where=str(file), hint=hint)
            if opened.frames > MOST_A_BYTE * file.stat().st_size:  # a FLAC of a stream says so, too
                what = "its header does not say how many values it has, or more than fit into it"
                raise LsmError(what, where=str(file), hint="write it again as WAV or FLAC")
            sound = opened.read(dtype="int16" if opened.subtype == "PCM_16" else "float64")
            rate, many = float(opened.samplerate), opened.frames
    except (soundfile.LibsndfileError, OSError) as error:
        reason = getattr(error, "error_string", None) or str(error)
        hint = "write it again as WAV or FLAC"
        raise LsmError(f"it cannot be read: {reason}", where=str(file), hint=hint) from None
    sound = how.mixed(sound)
    if sound.ndim != 1:
        what, hint = f"it has {sound.shape[1]} channels", "mix them down to one: `data: {mono: true}`"
    elif not len(sound) or not np.isfinite(sound).all():
        what = "it holds no sound" if not len(sound) else "it has values that are not finite"
        hint = "record it again, or take it out"
    elif len(sound) != many:
        what, hint = f"it was cut off: it has {len(sound)} values, and says {many}", "record it again, or take it out"
    elif sound.dtype != np.int16 and (peak := float(np.abs(sound).max())) > 1:
        what, hint = f"its values reach {peak:g}, beyond the range of sound, -1 to 1", "scale it down"
    elif mistake := how.mistake(rate, len(sound)):
        what, hint = mistake, "resample it yourself; or check its rate, and the front end's"
    else:
        return how.resampled(sound, rate), how.rate_hz or rate
    raise LsmError(what, where=str(file), hint=hint)


def _mistake_in(file: Path) -> str | None:
    """What the chunks of a RIFF file say against it: soundfile takes one that was cut off for whole."""
    with reading(file), file.open("rb") as opened:
        size = opened.seek(0, 2)
        opened.seek(0)
        form, _, kind = opened.read(4), opened.read(4), opened.read(4)
        if form not in RIFF or kind != b"WAVE":  # others bear the name, NIST SPHERE for one: soundfile knows them
            return None if size else "it cannot be read: it is empty"
        for _ in range(CHUNKS):
            name, many = opened.read(4), int.from_bytes(opened.read(4), RIFF[form])
            known = form != b"RF64" and many != STREAMED
            if name == b"data" and known and opened.tell() + many > size:
                return f"it was cut off: it has {size - opened.tell()} bytes of sound, and says {many}"
            if name == b"data" or not name:
                return None if name else "it has no sound: it was cut off, or is damaged"
            opened.seek(many + many % 2, 1)
    return f"it has no sound in its first {CHUNKS} chunks"


def _soundfile(file: Path) -> Any:
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: the package is there, its library is not
        what = "WAV and FLAC files are read with soundfile, which is not installed"
        raise AbsentError(what, where=str(file), hint="pip install 'lsm-deploy[audio]'") from None
    return soundfile
