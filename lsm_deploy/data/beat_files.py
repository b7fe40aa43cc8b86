"""Heart beats with rhythms: an `.npz` of several records, or a folder of WFDB annotations (Moody & Mark, PhysioNet).

.npz    of each record R: R_beats [beat], the sample number of the first beat and then first differences; R_onset, the
        sample numbers at which a rhythm begins, and R_rhythm, which: 0 N, 1 AFIB, 2 AFL, 3 J; rate, 250 Hz if left out
folder  R.atr with the rhythms; the beats from R.qrs, or where that is missing from R.atr; the rate from either, or else
        from R.hea; one of these files stands for its record alone

A rhythm's note in R.atr is its name behind a bracket, "(AFIB", on a mark of its own (+) or on a beat; the bracket of a
mark may be missing. It lasts until the next, or until a note that ends in ")" or a mark without a note, behind which
beats are in the rhythm `unknown`: Icentia11k is written so. Case counts, spaces and null bytes do not.

Beats before the first onset count as N. Where no record has rhythms, there are none: `predict` does without.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.indices import ends_of, mistake_in
from lsm_deploy.data.annotations import BEATS, RHYTHM, Annotations, rate_in_header, read_annotations
from lsm_deploy.data.frame_files import SHOWN
from lsm_deploy.data.frames import starts_of
from lsm_deploy.data.raw import Beats, is_rate

__all__ = ["beats_from_arrays", "load_wfdb"]

RHYTHMS = ("N", "AFIB", "AFL", "J")
RATE_HZ = 250.0
LATEST = 1 << 53
"""Sample numbers beyond this are no integers as floats; a million years at 250 Hz."""
UNKNOWN = "unknown"
"""The rhythm of beats between one that ended and the next."""
MOST = np.iinfo(np.int8).max


def beats_from_arrays(arrays: Mapping[str, NDArray[Any]], where: str) -> Beats:
    """Beats from the arrays of an `.npz`, as the head of this module describes them."""
    records = [name.removesuffix("_beats") for name in arrays if name.endswith("_beats")]
    known_names = {"rate", *(f"{record}_{name}" for record in records for name in ("beats", "onset", "rhythm"))}
    errors = [
        LsmError(f"there is an array {name!r}, which belongs to no record", where=where, hint="rename it, or remove it")
        for name in sorted(arrays.keys() - known_names)
    ]
    beats, rhythms = [], []
    known = any(f"{record}_{name}" in arrays for record in records for name in ("onset", "rhythm"))
    unknown = {} if known else dict.fromkeys(("onset", "rhythm"), np.zeros(0, np.int64))
    for record in records:
        part: dict[str, Any] = {name: arrays.get(f"{record}_{name}") for name in ("beats", "onset", "rhythm")} | unknown
        mistakes = _mistakes(part)
        for what, hint in mistakes:
            errors.append(LsmError(what, where=f"{where}: record {record!r}", hint=hint))
        if not mistakes:
            at = ends_of(part["beats"])
            beats.append(at)
            rhythms.append(_rhythm_of(at, part["onset"], part["rhythm"]))
    rate = arrays.get("rate", np.array(RATE_HZ))
    if rate.size != 1 or rate.dtype.kind not in "iuf" or not is_rate(float(rate.ravel()[0])):
        errors.append(LsmError(f"rate is {rate.tolist()}", where=where, hint="write the samples a second has, in Hz"))
    raise_all(errors)
    return _beats(records, beats, rhythms, float(rate.ravel()[0]), RHYTHMS if known else (), where)


def _mistakes(part: Mapping[str, Any]) -> list[tuple[str, str]]:
    mistakes = [
        (f"{name} is no list of whole numbers", f"save R_{name} beside R_beats, integers")
        for name, array in part.items()
        if array is None or array.ndim != 1 or (array.dtype.kind not in "iu" and array.size)
    ]
    if mistakes:
        return mistakes
    # What numpy makes of [] is floats.
    beats, onset, rhythm = (part[name] if part[name].size else np.zeros(0, np.int64) for name in part)
    if not len(beats):
        mistakes.append(("there are no beats", "leave the record out"))
    elif mistake := mistake_in(beats, LATEST, start=-LATEST):
        mistakes.append((f"beats: {mistake}", "save the first beat's sample number, then first differences"))
    elif len(late := np.flatnonzero(beats[1:] < 0)):
        what = f"beat {late[0] + 1} comes {-int(beats[late[0] + 1])} samples before the one it follows"
        mistakes.append((what, "save first differences of ascending sample numbers"))
    elif mistake := mistake_in(ends_of(beats), LATEST, start=-LATEST):
        mistakes.append((f"the sum of the beats: {mistake}", "save first differences of ascending sample numbers"))
    if len(onset) != len(rhythm):
        mistakes.append((f"there are {len(onset)} onsets for {len(rhythm)} rhythms", "write one for each"))
    if mistake := mistake_in(onset, LATEST, "not descending", start=-LATEST):
        mistakes.append((f"onset: {mistake}", "write sample numbers in the order of time"))
    if mistake := mistake_in(rhythm, len(RHYTHMS)):
        mistakes.append((f"rhythm: {mistake}", "write 0 for N, 1 for AFIB, 2 for AFL, 3 for J"))
    return mistakes


def load_wfdb(path: Path) -> Beats:
    """Beats from a folder of WFDB annotation files, in the order of their names, or from one record's file."""
    errors: list[LsmError] = []
    folder = path if path.is_dir() else path.parent
    sources = sorted(file for file in folder.iterdir() if file.suffix in (".atr", ".qrs"))
    if folder != path:
        sources = [file for file in sources if file.stem == path.stem]
    records = sorted({file.stem for file in sources})
    if not records:
        what, hint = "the record has no annotations here", "put its .atr, or its .qrs, beside it"
        raise LsmError(what, where=str(path), hint=hint)
    beats, marks = [], []
    rates: dict[float, str] = {}
    has_rhythms = any(file.suffix == ".atr" for file in sources)
    for record in records:
        where = f"{folder}: record {record!r}"
        files = [folder / f"{record}.{kind}" for kind in ("atr", "qrs")]
        if has_rhythms and not files[0].exists():
            what, hint = f"there is no {files[0].name}", "put the rhythms beside the beats"
            errors.append(LsmError(what, where=where, hint=hint))
            continue
        try:
            parts = [read_annotations(file) for file in files if file.exists()]
            header = rate_in_header(folder / f"{record}.hea")
            marks.append(_rhythms_noted(parts[0], files[0]) if has_rhythms else [])
        except LsmError as error:
            errors += error.each()
            continue
        at = parts[-1].samples[np.isin(parts[-1].types, BEATS)]
        mine = {rate for part in parts if (rate := part.rate or header) is not None}
        if not len(at) or len(mine) != 1:
            what, hint = "there are no beats", "put its .qrs beside its .atr"
            if not mine:
                what, hint = "nothing says how many samples a second has", "put its .hea beside its .atr"
            elif len(at):
                what, hint = f"its rhythms and beats are of {' and '.join(f'{rate:g}' for rate in mine)} Hz", "use one"
            errors.append(LsmError(what, where=where, hint=hint))
            continue
        rates.setdefault(mine.pop(), record)
        beats.append(at)
    if len(rates) > 1:
        what = f"records have different rates: {', '.join(f'{name!r} {rate:g} Hz' for rate, name in rates.items())}"
        errors.append(LsmError(what, where=str(folder), hint="keep each rate in a folder of its own"))
    raise_all(errors)
    if not any(marks):
        rhythms = [np.zeros(len(at), np.int64) for at in beats]
        return _beats(records, beats, rhythms, next(iter(rates)), (), str(folder))
    names = sorted({name for record in marks for _, name in record} | {"N", UNKNOWN})
    rhythms = [
        # Who ends a rhythm first, or notes none, does not say that it was N.
        _rhythm_of(
            at,
            [t for t, _ in record],
            [names.index(name) for _, name in record],
            names.index(UNKNOWN if not record or record[0][1] == UNKNOWN else "N"),
        )
        for at, record in zip(beats, marks, strict=True)
    ]
    there, every = np.unique(np.concatenate(rhythms), return_inverse=True)
    if len(there) > MOST:
        what = f"there are {len(there)} different rhythms, more than {MOST}"
        raise LsmError(what, where=str(folder), hint="check the notes: PhysioNet has some 20")
    occurring = tuple(names[i] for i in there)
    return _beats(records, beats, [every], next(iter(rates)), occurring, str(folder))


def _rhythms_noted(annotations: Annotations, file: Path) -> list[tuple[int, str]]:
    """Where a rhythm begins, and which; UNKNOWN where one ends and none begins."""
    marks, errors = [], []
    for i, (t, kind) in enumerate(zip(annotations.samples.tolist(), annotations.types.tolist(), strict=True)):
        note = annotations.notes.get(i, "")
        bracket = note.startswith("(") or note.endswith(")")
        if kind != RHYTHM and (kind not in BEATS or not (bracket or note in (*RHYTHMS, "AF"))):
            continue
        name = UNKNOWN if note.endswith(")") else note.removeprefix("(").strip() or UNKNOWN
        if kind != RHYTHM and not bracket:
            what = f"the beat at sample {t} has the note {note!r}: a rhythm's name without its bracket"
            hint = f"write '({note}' where the rhythm begins, and ')' where it ends"
            errors.append(LsmError(what, where=str(file), hint=hint))
        elif not name.isprintable():
            what = f"the note at sample {t} is {note!r}, which is no rhythm's name"
            errors.append(LsmError(what, where=str(file), hint="fetch the file again"))
        marks.append((t, name))
    raise_all(errors[:SHOWN])
    return marks


def _rhythm_of(beats: NDArray[np.int64], onset: Any, rhythm: Any, before: int = 0) -> NDArray[np.int64]:
    """The rhythm that last began at or before each beat; `before` the first."""
    return np.concatenate([[before], np.asarray(rhythm)]).astype(np.int64)[np.searchsorted(onset, beats, "right")]


def _beats(
    records: list[str],
    beats: list[NDArray[np.int64]],
    rhythms: list[NDArray[np.int64]],
    rate: float,
    names: tuple[str, ...],
    where: str,
) -> Beats:
    starts = starts_of([len(record) for record in beats])
    rhythm = np.concatenate(rhythms).astype(np.int8)
    return Beats(np.concatenate(beats), starts, rate, rhythm, names, tuple(records), where)
