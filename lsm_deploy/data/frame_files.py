"""Real-valued frames with labels, from a user's own `.npz` or `.csv`; every mistake at once.

.npz   frames [frame, channel], samples end to end, with starts [sample] or lengths [sample]
       or frames [sample, frame, channel], padded where lengths [sample] says so
       labels [sample], and groups [sample] (speakers, records), text or integers; left out where there are none
.csv   a header `sample,label,group,<channel>,...` and one row a frame; rows of a sample stand together; label and group
       are optional
"""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.indices import ends_of, mistake_in
from lsm_deploy.data.columns import NAMED, counter_among, mistakes_in_header
from lsm_deploy.data.raw import LARGEST, Frames
from lsm_deploy.store.files import reading
from lsm_deploy.store.kinds import refuse_other
from lsm_deploy.store.npz import misspelt, read_arrays

__all__ = ["SHOWN", "frames_from_arrays", "load_frames", "make_frames", "names_of", "starts_of"]

SHOWN = 20
"""Mistakes of one file that are spelt out; a wrong column makes one in every row."""


def make_frames(
    frames: NDArray[Any],
    starts: NDArray[Any],
    labels: NDArray[Any] | Sequence[str] = (),
    source: str = "data",
    groups: NDArray[Any] | Sequence[str] = (),
    channels: Sequence[str] = (),
) -> Frames:
    """Frames that a user made, with names of channels or without; an LsmError has all that is wrong with them."""
    errors: list[LsmError] = []

    def report(what: str, hint: str) -> None:
        errors.append(LsmError(what, where=source, hint=hint))

    if frames.dtype.kind not in "iufb":
        report(f"frames hold {frames.dtype} values, not numbers", "write floats")
    elif frames.ndim != 2:
        report(f"frames have shape {list(frames.shape)}, not [frame, channel]", "put time first, then channels")
    elif not frames.size:
        report(f"frames have shape {list(frames.shape)}: there is no data", "write at least one frame of one channel")
    total = len(frames) if frames.ndim and len(frames) else 1 << 62  # no data is a mistake of its own
    if mistake := mistake_in(starts, total, "ascending", first=0):
        report(f"starts: {mistake}", "write the first frame of each sample, 0 for the first")
    given = frames
    if not errors:
        with np.errstate(over="ignore"):  # of long doubles
            frames = frames.astype(np.float64)  # before it is compared: LARGEST is infinite as a float32
    if not errors and (bad := np.argwhere(~(np.abs(frames) <= LARGEST))).size:
        frame, channel = (int(i) for i in bad[0])
        sample = int(np.searchsorted(starts, frame, "right")) - 1
        place = f"sample {sample}, frame {frame - int(starts[sample])}, channel {channel}"
        more = f" (and {len(bad) - 1} more values)" if len(bad) > 1 else ""
        report(
            f"{place} is {given[frame, channel]}{more}",
            "write finite numbers; where NaN pads short samples, cut it off, or give lengths",
        )
    samples = len(starts) if starts.ndim == 1 else None
    names, others = (
        names_of(given, what, samples, source, errors) for given, what in ((labels, "label"), (groups, "group"))
    )
    raise_all(errors)
    return Frames(frames, starts.astype(np.int64), names, source, others, names=tuple(channels))


REGRESSION = "and only classes are told apart here"
SIGNALS = (
    "give a class for each sample; values are predicted from Python: `ld.LiquidFeatures`, then `ld.OnlineRegressor`"
)
"""What is said where a spec's readout would have to be a regression."""


def names_of(
    given: NDArray[Any] | Sequence[str], what: str, samples: int | None, source: str, errors: list[LsmError]
) -> tuple[str, ...]:
    """A label or group of each sample as text, or () where there are none; what is wrong with them goes to `errors`."""
    array = np.asarray(given)
    if not array.size:
        return ()
    hint = f"write `{what}s.astype(str)`, one {what} a sample"
    if array.ndim != 1:
        mistake = f"{what}s have shape {list(array.shape)}, not [sample]"
        errors.append(LsmError(mistake, where=source, hint=f"write `{what}s.ravel()`, one {what} a sample"))
        return ()
    if what == "label" and array.dtype.kind == "f" and np.isfinite(array).all() and (array != np.rint(array)).any():
        errors.append(
            LsmError(
                f"labels are values such as {array[array != np.rint(array)][0]:g}, {REGRESSION}",
                where=source,
                hint=SIGNALS,
            )
        )
        return ()
    if array.dtype.kind not in "Uiu":
        errors.append(LsmError(f"{what}s are neither text nor integers", where=source, hint=hint))
        return ()
    names = tuple(str(name) for name in array)
    if samples is not None and len(names) != samples:
        mistake = f"there are {len(names)} {what}s for {samples} samples"
        hint = f"write one {what} a sample, or none at all"
        errors.append(LsmError(mistake, where=source, hint=hint))
    elif missing := [name for name in ("", "nan", "NaN") if name in names]:
        empty = f"an empty {what}" if not missing[0] else f"the {what} {missing[0]!r}: none, as text"
        mistake, hint = f"sample {names.index(missing[0])} has {empty}", f"{what} every sample, or none at all"
        errors.append(LsmError(mistake, where=source, hint=hint))
    return names


def load_frames(path: str | Path) -> Frames:
    """Read frames from an `.npz` or `.csv` file (`lsm-deploy manual files`); an LsmError names every mistake in it."""
    path = Path(path)
    refuse_other(path, "frames", "frames")
    if path.suffix == ".npz":
        return frames_from_arrays(read_arrays(path), str(path))
    if path.suffix == ".csv":
        return _from_csv(path)
    with reading(path):
        path.stat()
    what = "a folder" if path.is_dir() else f"a {path.suffix or 'nameless'} file"
    raise LsmError(f"frames cannot be read from {what}", where=str(path), hint="give an .npz or .csv")


def frames_from_arrays(arrays: Mapping[str, NDArray[Any]], where: str) -> Frames:
    """Frames from the arrays of an `.npz`."""
    known = ("frames", "starts", "lengths", "labels", "groups")
    raise_all(misspelt(arrays, known, where))
    if "frames" not in arrays:
        what = f"there is no array 'frames'; here are {', '.join(sorted(arrays)) or 'none'}"
        raise LsmError(what, where=where, hint="save frames [frame, channel] with np.savez")
    frames, labels, groups = arrays["frames"], arrays.get("labels", ()), arrays.get("groups", ())
    if frames.ndim == 3 and "starts" not in arrays:
        given = arrays.get("lengths", np.full(len(frames), frames.shape[1]))
        lengths = _checked_lengths(given, where, samples=len(frames), longest=frames.shape[1])
        present = np.arange(frames.shape[1]) < lengths[:, None]
        return make_frames(frames[present], starts_of(lengths), labels, where, groups)
    if ("starts" in arrays) == ("lengths" in arrays) or frames.ndim == 3:
        raise LsmError(
            f"frames [frame, channel] need either starts or lengths; here are {', '.join(sorted(arrays))}",
            where=where,
            hint="write the first frame of each sample as starts, or how many frames it has as lengths",
        )
    if "starts" in arrays:
        return make_frames(frames, arrays["starts"], labels, where, groups)
    total = len(frames) if frames.ndim else 0
    lengths = _checked_lengths(arrays["lengths"], where, longest=total)
    if frames.ndim == 2 and mistake_in(ends_of(lengths), total + 1, "not descending", last=total):
        what = f"lengths sum to {sum(lengths.tolist())}, but there are {total} frames"
        raise LsmError(what, where=where, hint="write how many frames each sample has")
    return make_frames(frames, starts_of(lengths), labels, where, groups)


def _checked_lengths(
    lengths: NDArray[Any], where: str, *, longest: int, samples: int | None = None
) -> NDArray[np.int64]:
    hint = "write how many frames each sample has, at least 1"
    if mistake := mistake_in(lengths, longest + 1, start=1):
        raise LsmError(f"lengths: {mistake}", where=where, hint=hint)
    if samples is not None and len(lengths) != samples:
        raise LsmError(f"there are {len(lengths)} lengths for {samples} samples", where=where, hint=hint)
    return lengths.astype(np.int64)


def starts_of(lengths: Sequence[int] | NDArray[Any]) -> NDArray[np.int64]:
    """Where samples of these lengths start, end to end."""
    ends = ends_of(np.asarray(lengths))
    return np.concatenate([[0], ends[:-1]]).astype(np.int64)


def _from_csv(path: Path) -> Frames:
    where, errors, mistakes = str(path), [], 0

    def report(what: str, hint: str, line: int) -> None:
        nonlocal mistakes
        mistakes += 1
        if mistakes <= SHOWN:
            errors.append(LsmError(what, where=f"{path}:{line}", hint=hint))

    table = _rows(path)
    line, header = next(table, (0, []))
    if not header:
        raise LsmError("the file is empty", where=where, hint="write a header and one row a frame")
    raise_all([LsmError(what, where=f"{path}:{line}", hint=hint) for what, hint in mistakes_in_header(header)])
    columns = {name: i for i, name in enumerate(header)}
    channels = [name for name in header if name not in NAMED]
    names: dict[str, list[str]] = {name: [] for name in ("label", "group") if name in columns}
    values, starts = array("d"), []  # and no text: that of a long file takes ten times as much
    seen: set[str] = set()
    current: str | None = None
    for line, cells in table:
        if len(cells) != len(header):
            what = f"there are {len(cells)} cells below {len(header)} names"
            report(what, "write one cell for each name in the header", line)
            continue
        sample = cells[columns["sample"]]
        if sample != current:
            if sample in seen:
                report(f"sample {sample!r} goes on after another sample", "keep the rows of a sample together", line)
            seen.add(sample)
            current = sample
            starts.append(len(values) // len(channels))
            for name, of_samples in names.items():
                of_samples.append(cells[columns[name]])
        else:
            for name, of_samples in names.items():
                if cells[columns[name]] != of_samples[-1]:
                    verb = "is labelled" if name == "label" else "is of group"
                    what = f"sample {sample!r} {verb} {cells[columns[name]]!r}, and {of_samples[-1]!r} above"
                    report(what, f"give a sample one {name}", line)
        for name in channels:
            number = _number(cell := cells[columns[name]])
            if number is None:
                decimal = re.fullmatch(r"-?\d+,\d+", cell)
                hint = "write decimals with a point" if decimal else "write a number such as -1.5e-3"
                report(f"{name} is {cell!r}, not a finite number", hint, line)
            values.append(number or 0.0)
    if mistakes > SHOWN:
        errors.append(LsmError(f"and {mistakes - SHOWN} more mistakes", where=where, hint="mend those above first"))
    raise_all(errors)
    if not values:
        raise LsmError("there is no data below the header", where=where, hint="write one row a frame")
    frames = np.array(values).reshape(-1, len(channels))
    if (counter := counter_among(frames, channels, len(starts))) is not None:
        what = f"column {counter!r} numbers the rows, through all samples"
        raise LsmError(
            what, where=f"{path}:1", hint="leave it out: an index (`to_csv(..., index=False)`) tells nothing"
        )
    labels, groups = (names[name] if any(names.get(name, ())) else () for name in ("label", "group"))
    return make_frames(frames, np.array(starts), labels, where, groups, channels)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row that has any, with its line, one by one."""
    # Python's own reader: it knows the line of every cell, which a data frame does not.
    try:
        with reading(path), path.open(newline="", encoding="utf-8-sig") as file:
            reader, last = csv.reader(file, skipinitialspace=True), 0
            for row in reader:
                first, last = last + 1, reader.line_num
                cells = [cell.strip() for cell in row]
                if first < last or any(char < " " and char != "\t" for cell in cells for char in cell):
                    what = "a cell goes over several lines" if first < last else "a cell holds control characters"
                    raise LsmError(what, where=f"{path}:{first}", hint="close each quote in its line; save plain text")
                if row:
                    yield last, cells
    except (UnicodeDecodeError, csv.Error) as error:
        raise LsmError(f"this is no CSV text: {error}", where=str(path), hint="save it as UTF-8 CSV") from None


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST and "_" not in cell else None
