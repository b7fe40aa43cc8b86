"""Sound with labels: an `.npz` of all utterances end to end, or a folder of WAV files whose names say what they are.

.npz    audio [t], int16, or floats of -1 to 1; length [utterance] values of each; rate, in Hz; digit or labels
        [utterance]; speaker or groups, and take or takes [utterance], left out where there are none
folder  <label>_<group>_<take>.wav, or as a regular expression with groups of these names says; one channel, one rate
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import AbsentError, LsmError, raise_all
from lsm_deploy.core.indices import ends_of, mistake_in
from lsm_deploy.data.frame_files import SHOWN
from lsm_deploy.data.frames import names_of, starts_of
from lsm_deploy.data.raw import Audio, is_rate
from lsm_deploy.store.files import reading
from lsm_deploy.store.npz import misspelt

__all__ = ["PATTERN", "audio_from_arrays", "load_wavs"]

PATTERN = r"(?P<label>[^_]+)_(?P<group>[^_]+)_(?P<take>\d+)\.wav"

PLAIN = ("PCM_16", "PCM_U8", "PCM_S8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
"""How a WAV file may hold its values."""
RIFF: dict[bytes, Literal["little", "big"]] = {b"RIFF": "little", b"RF64": "little", b"RIFX": "big"}
STREAMED = (1 << 32) - 1
"""The size that a writer leaves who could not go back to it; RF64 has its own elsewhere."""
CHUNKS = 1000
"""More come before no sound."""

_ALIASES = {
    "length": ("length", "lengths"),
    "label": ("digit", "labels", "label"),
    "group": ("speaker", "groups", "group"),
    "take": ("take", "takes"),
}


def audio_from_arrays(arrays: Mapping[str, NDArray[Any]], where: str) -> Audio:
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
    if sound.ndim != 1 or not (sound.dtype == np.int16 or sound.dtype.kind == "f") or not sound.size:
        report(f"audio is {sound.dtype} of shape {list(sound.shape)}", "write int16 or floats [t], all end to end")
    elif sound.dtype.kind == "f" and not np.isfinite(sound).all():
        report(f"audio has {int((~np.isfinite(sound)).sum())} values that are not finite", "write finite numbers")
    elif sound.dtype.kind == "f" and (peak := float(np.abs(sound).max())) > 1:
        report(f"audio reaches {peak:g}, beyond the range of floats, -1 to 1", "scale it, or write int16")
    if rate.size != 1 or rate.dtype.kind not in "iuf" or not is_rate(float(rate.ravel()[0])):
        report(f"rate is {rate.ravel()[:3].tolist() or 'missing'}", "write how many values a second has, in Hz")
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
    return Audio(sound, starts_of(many), float(rate.ravel()[0]), labels, where, groups, takes.astype(np.int64))


def load_wavs(folder: Path, pattern: str | None = None) -> Audio:
    """Sound from a folder of WAV files, in the order of their names; pattern: see the head of this module."""
    soundfile = _soundfile(folder)
    try:
        expression = re.compile(pattern or PATTERN)
    except re.error as error:
        what = f"the pattern of file names, {pattern!r}, is no regular expression: {error}"
        raise LsmError(what, where=str(folder), hint="mend the pattern") from None
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() == ".wav")
    errors: list[LsmError] = []
    sounds, matches = [], []
    rates: dict[int, Path] = {}
    for file in files:
        match = expression.fullmatch(file.name)
        if match is None:
            what = f"its name does not follow {expression.pattern}"
            hint = "rename it, or set `data: {pattern: ...}`, for `predict` --pattern"
            errors.append(LsmError(what, where=str(file), hint=hint))
            continue
        if (mistake := _mistake_in(file)) is not None:
            errors.append(LsmError(mistake, where=str(file), hint="record it again, or take it out"))
            continue
        try:
            with soundfile.SoundFile(file) as opened:
                if opened.subtype not in PLAIN:
                    what, hint = f"its sound is compressed ({opened.subtype_info})", "write it again as 16-bit WAV"
                    errors.append(LsmError(what, where=str(file), hint=hint))
                    continue
                kind = "int16" if opened.subtype == "PCM_16" else "float64"
                sound, rate = opened.read(dtype=kind), opened.samplerate
        except (soundfile.LibsndfileError, OSError) as error:
            reason = getattr(error, "error_string", None) or str(error)
            errors.append(LsmError(f"it cannot be read: {reason}", where=str(file), hint="write it again as WAV"))
            continue
        rates.setdefault(rate, file)
        if sound.ndim != 1:
            what, hint = f"it has {sound.shape[1]} channels", "mix them down to one"
            errors.append(LsmError(what, where=str(file), hint=hint))
        elif not len(sound) or not np.isfinite(sound).all():
            what = "it holds no sound" if not len(sound) else "it has values that are not finite"
            errors.append(LsmError(what, where=str(file), hint="record it again, or take it out"))
        elif sound.dtype != np.int16 and (peak := float(np.abs(sound).max())) > 1:
            what, hint = f"its values reach {peak:g}, beyond the range of sound, -1 to 1", "scale it down"
            errors.append(LsmError(what, where=str(file), hint=hint))
        elif rate != next(iter(rates)):
            first, other = next(iter(rates.items()))
            what = f"it has {rate} values a second, {other.name} has {first}"
            errors.append(LsmError(what, where=str(file), hint="resample all to one rate"))
        sounds.append(sound)
        matches.append(match.groupdict())
    if len(errors) > SHOWN:
        rest = LsmError(f"and {len(errors) - SHOWN} more mistakes", where=str(folder), hint="mend those above first")
        errors = [*errors[:SHOWN], rest]
    raise_all(errors)
    if len({sound.dtype for sound in sounds}) > 1:
        sounds = [sound / 32768 if sound.dtype == np.int16 else sound for sound in sounds]
    names = {key: [match.get(key) for match in matches] for key in ("label", "group", "take")}
    labels, groups = (
        tuple(str(name) for name in names[key]) if None not in names[key] else () for key in ("label", "group")
    )
    takes = [int(take) for take in names["take"] if take is not None and take.isdecimal()]
    return Audio(
        np.concatenate(sounds),
        starts_of([len(sound) for sound in sounds]),
        float(next(iter(rates))),
        labels,
        str(folder),
        groups,
        np.array(takes if len(takes) == len(sounds) else [], np.int64),
    )


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


def _soundfile(folder: Path) -> Any:
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: the package is there, its library is not
        what = "WAV files are read with soundfile, which is not installed"
        raise AbsentError(what, where=str(folder), hint="pip install 'lsm-deploy[audio]'") from None
    return soundfile
