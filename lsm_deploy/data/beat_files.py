"""Heart beats with rhythms: an `.npz` of several records, or a folder of WFDB annotations (Moody & Mark, PhysioNet).

.npz    of each record R: R_beats [beat], the sample number of the first beat and then first differences; R_onset, the
        sample numbers at which a rhythm begins, and R_rhythm, which: 0 N, 1 AFIB, 2 AFL, 3 J; rate, 250 Hz if left out
folder  R.atr with the rhythms, marked "(AFIB" and so on; the beats from R.qrs, or where that is missing from R.atr; the
        rate from R.hea, or from the annotations

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
from lsm_deploy.data.frame_files import starts_of
from lsm_deploy.data.raw import Beats

__all__ = ["beats_from_arrays", "load_wfdb"]

RHYTHMS = ("N", "AFIB", "AFL", "J")
RATE_HZ = 250.0
LATEST = 1 << 53
"""Sample numbers beyond this are no integers as floats; a million years at 250 Hz."""


def beats_from_arrays(arrays: Mapping[str, NDArray[Any]], where: str) -> Beats:
    """Beats from the arrays of an `.npz`, as the head of this module describes them."""
    records = [name.removesuffix("_beats") for name in arrays if name.endswith("_beats")]
    errors: list[LsmError] = []
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
    if rate.size != 1 or rate.dtype.kind not in "iuf" or not 0 < float(rate.ravel()[0]) < np.inf:
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
    beats, onset, rhythm = (np.asarray(part[name]) for name in ("beats", "onset", "rhythm"))
    if not len(beats):
        mistakes.append(("there are no beats", "leave the record out"))
    elif mistake := mistake_in(beats, LATEST, start=-LATEST):
        mistakes.append((f"beats: {mistake}", "save the first beat's sample number, then first differences"))
    elif len(late := np.flatnonzero(beats[1:] < 0)):
        what = f"beat {late[0] + 1} comes {-beats[late[0] + 1]} samples before the one it follows"
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


def load_wfdb(folder: Path) -> Beats:
    """Beats from a folder of WFDB annotation files, in the order of their names."""
    try:
        import wfdb
    except ImportError:
        what = "WFDB annotations are read with wfdb, which is not installed"
        raise LsmError(what, where=str(folder), hint="pip install 'lsm-deploy[wfdb]'") from None
    errors: list[LsmError] = []
    records = sorted({file.stem for file in folder.iterdir() if file.suffix in (".atr", ".qrs")})
    beats, marks = [], []
    rates: dict[float, str] = {}
    known = any(file.suffix == ".atr" for file in folder.iterdir())
    for record in records:
        try:
            rhythm = wfdb.rdann(str(folder / record), "atr" if known else "qrs")
            separate = (folder / f"{record}.qrs").exists()
            marked = wfdb.rdann(str(folder / record), "qrs") if separate else rhythm
        except FileNotFoundError as error:
            what, hint = f"there is no {Path(error.filename).name}", "put the rhythms beside the beats"
            errors.append(LsmError(what, where=f"{folder}: record {record!r}", hint=hint))
            continue
        except Exception as error:  # whatever a damaged file makes of wfdb's parser
            what, hint = f"the annotations cannot be read: {error}", "fetch the files again"
            errors.append(LsmError(what, where=f"{folder}: record {record!r}", hint=hint))
            continue
        at = marked.sample[np.isin(marked.symbol, _beat_symbols())].astype(np.int64)
        rate = rhythm.fs or marked.fs
        if not len(at) or not rate:
            what = "there are no beats" if not len(at) else "nothing says how many samples a second has"
            hint = "put its .qrs beside its .atr" if not len(at) else "put its .hea beside its .atr"
            errors.append(LsmError(what, where=f"{folder}: record {record!r}", hint=hint))
            continue
        rates.setdefault(float(rate), record)
        beats.append(np.sort(at))
        # A rhythm's note is its name behind a bracket; older writers end it with a null byte.
        notes = zip(rhythm.sample.tolist(), rhythm.symbol, rhythm.aux_note, strict=True)
        marks.append([(t, note.strip("(\0 ")) for t, symbol, note in notes if symbol == "+" and note.startswith("(")])
    if len(rates) > 1:
        what = f"records have different rates: {', '.join(f'{name!r} {rate:g} Hz' for rate, name in rates.items())}"
        errors.append(LsmError(what, where=str(folder), hint="keep each rate in a folder of its own"))
    raise_all(errors)
    if not known:
        return _beats(records, beats, [np.zeros(len(at), np.int8) for at in beats], next(iter(rates)), (), str(folder))
    names = (*RHYTHMS, *sorted({name for record in marks for _, name in record} - set(RHYTHMS)))
    rhythms = [
        _rhythm_of(at, [t for t, _ in record], [names.index(name) for _, name in record])
        for at, record in zip(beats, marks, strict=True)
    ]
    return _beats(records, beats, rhythms, next(iter(rates)), names, str(folder))


def _beat_symbols() -> list[str]:
    from wfdb.io.annotation import ann_labels, is_qrs

    return [label.symbol for label in ann_labels if is_qrs[label.label_store]]


def _rhythm_of(beats: NDArray[np.int64], onset: Any, rhythm: Any) -> NDArray[np.int8]:
    """The rhythm that last began at or before each beat; 0 before the first."""
    return np.concatenate([[0], np.asarray(rhythm)]).astype(np.int8)[np.searchsorted(onset, beats, "right")]


def _beats(
    records: list[str],
    beats: list[NDArray[np.int64]],
    rhythms: list[NDArray[np.int8]],
    rate: float,
    names: tuple[str, ...],
    where: str,
) -> Beats:
    starts = starts_of([len(record) for record in beats])
    return Beats(np.concatenate(beats), starts, rate, np.concatenate(rhythms), names, tuple(records), where)
