"""Real-valued frames with labels or targets, from a user's own `.npz`, `.csv` or folder; every mistake at once.

.npz   frames [frame, channel], samples end to end, with starts [sample] or lengths [sample]
       or frames [sample, frame, channel], padded where lengths [sample] says so
       labels [sample], and groups [sample] (speakers, records), text or integers; left out where there are none
       targets, as frames but [..., output]: values to be predicted of each frame, in the place of labels;
       target_names [output] may say what they are called
.csv   a header `sample,label,group,<channel>,...` and one row a frame; rows of a sample stand together; label and group
       are optional; columns that `data: {targets: [...]}` names are targets and no channels
       without `sample` all rows are one sample; semicolons or tabs may separate cells where the header has no comma;
       between semicolons decimals may have one
folder of such tables, each one sample without `sample` and `label`; folders in it are classes
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

from lsm_deploy.core.errors import LsmError, raise_all, require_path
from lsm_deploy.core.indices import ends_of, mistake_in
from lsm_deploy.data.columns import NAMED, counter_among, mistakes_in_header
from lsm_deploy.data.frames import make_frames, starts_of
from lsm_deploy.data.raw import LARGEST, Frames
from lsm_deploy.store.files import reading
from lsm_deploy.store.kinds import TABLES, refuse_other, samples_in
from lsm_deploy.store.npz import misspelt, read_arrays

__all__ = ["SHOWN", "frames_from_arrays", "load_frames", "load_tables", "refuse_columns"]

SHOWN = 20
"""Mistakes of one file that are spelt out; a wrong column makes one in every row."""

GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}[.,]\d{3}")
"""A number that may have a mark of thousands, where semicolons stand between cells."""


def load_frames(path: str | Path, targets: Sequence[str] = (), leave_out: Sequence[str] = ()) -> Frames:
    """Read frames from an `.npz` or `.csv` file (`lsm-deploy manual files`); an LsmError names every mistake in it.

    targets: the columns of a CSV that are values to be predicted, and no channels. leave_out: those that are not read,
    and need not be there.
    """
    path = require_path(path)
    refuse_other(path, "frames", "frames")
    if path.suffix == ".npz":
        refuse_columns(targets, path)
        return frames_from_arrays(read_arrays(path), str(path))
    if path.suffix == ".csv":
        return _from_csv(path, targets, leave_out)
    with reading(path):
        path.stat()
    what = "a folder" if path.is_dir() else f"a {path.suffix or 'nameless'} file"
    raise LsmError(f"frames cannot be read from {what}", where=str(path), hint="give an .npz or .csv")


def load_tables(folder: Path, targets: Sequence[str] = (), leave_out: Sequence[str] = ()) -> Frames:
    """Frames from a folder of tables, a sample each, or of folders of them, which are classes."""
    files, by_class = samples_in(folder, TABLES)
    errors: list[LsmError] = []
    parts: list[Frames] = []
    for file in files:
        try:
            part = _from_csv(file, targets, leave_out)
        except LsmError as error:
            errors += error.each()
            continue
        if part.ids or part.labels:
            what = "a table in a folder is one sample, and this one has a column `sample` or `label`"
            hint = "give the file itself; or leave the columns out, and put it in a folder that has its label's name"
            errors.append(LsmError(what, where=str(file), hint=hint))
        elif parts and part.names != parts[0].names:
            what = f"its columns are {', '.join(part.names)}, and those of {files[0].name} {', '.join(parts[0].names)}"
            errors.append(LsmError(what, where=str(file), hint="write the same columns in the same order"))
        parts.append(part)
    raise_all(errors[:SHOWN])
    return make_frames(
        np.concatenate([part.frames for part in parts]),
        starts_of([len(part.frames) for part in parts]),
        [file.parent.name for file in files] if by_class else (),
        str(folder),
        [group for part in parts for group in part.groups],
        parts[0].names,
        np.concatenate([part.targets for part in parts]) if targets else None,
        targets,
        [file.relative_to(folder).as_posix() for file in files],
    )


def refuse_columns(targets: Sequence[str], path: Path) -> None:
    """An LsmError for targets that are asked of a file that has no columns."""
    if targets:
        what = f"targets name the columns {', '.join(map(repr, targets))} of a CSV, and this is none"
        hint = "leave `data: {targets: ...}` out; frames in an .npz have an array `targets` [frame, output]"
        raise LsmError(what, where=str(path), hint=hint)


def frames_from_arrays(arrays: Mapping[str, NDArray[Any]], where: str) -> Frames:
    """Frames from the arrays of an `.npz`."""
    known = ("frames", "starts", "lengths", "labels", "groups", "targets", "target_names")
    raise_all(misspelt(arrays, known, where))
    if "frames" not in arrays:
        what = f"there is no array 'frames'; here are {', '.join(sorted(arrays)) or 'none'}"
        raise LsmError(what, where=where, hint="save frames [frame, channel] with np.savez")
    frames, targets = arrays["frames"], arrays.get("targets")
    if frames.ndim == 3 and "starts" not in arrays:
        given = arrays.get("lengths", np.full(len(frames), frames.shape[1]))
        lengths = _checked_lengths(given, where, samples=len(frames), longest=frames.shape[1])
        present = np.arange(frames.shape[1]) < lengths[:, None]
        if targets is not None and targets.shape[:2] != frames.shape[:2]:
            what = f"targets have shape {list(targets.shape)}, frames {list(frames.shape)}"
            raise LsmError(what, where=where, hint="write targets [sample, frame, output], padded as the frames are")
        frames, starts = frames[present], starts_of(lengths)
        targets = None if targets is None else targets[present]
    elif ("starts" in arrays) == ("lengths" in arrays) or frames.ndim == 3:
        raise LsmError(
            f"frames [frame, channel] need either starts or lengths; here are {', '.join(sorted(arrays))}",
            where=where,
            hint="write the first frame of each sample as starts, or how many frames it has as lengths",
        )
    elif "starts" in arrays:
        starts = arrays["starts"]
    else:
        total = len(frames) if frames.ndim else 0
        lengths = _checked_lengths(arrays["lengths"], where, longest=total)
        if frames.ndim == 2 and mistake_in(ends_of(lengths), total + 1, "not descending", last=total):
            what = f"lengths sum to {sum(lengths.tolist())}, but there are {total} frames"
            raise LsmError(what, where=where, hint="write how many frames each sample has")
        starts = starts_of(lengths)
    labels, groups = arrays.get("labels", ()), arrays.get("groups", ())
    return make_frames(
        frames, starts, labels, where, groups, targets=targets, target_names=arrays.get("target_names", ())
    )


def _checked_lengths(
    lengths: NDArray[Any], where: str, *, longest: int, samples: int | None = None
) -> NDArray[np.int64]:
    hint = "write how many frames each sample has, at least 1"
    if mistake := mistake_in(lengths, longest + 1, start=1):
        raise LsmError(f"lengths: {mistake}", where=where, hint=hint)
    if samples is not None and len(lengths) != samples:
        raise LsmError(f"there are {len(lengths)} lengths for {samples} samples", where=where, hint=hint)
    return lengths.astype(np.int64)


def _from_csv(path: Path, targets: Sequence[str], leave_out: Sequence[str]) -> Frames:
    where, errors, mistakes = str(path), [], 0

    def report(what: str, hint: str, line: int) -> None:
        nonlocal mistakes
        mistakes += 1
        if mistakes <= SHOWN:
            errors.append(LsmError(what, where=f"{path}:{line}", hint=hint))

    delimiter = _delimiter(path)
    table = _rows(path, delimiter)
    line, header = next(table, (0, []))
    if not header:
        raise LsmError("the file is empty", where=where, hint="write a header and one row a frame")
    in_header = mistakes_in_header([name for name in header if name not in leave_out], targets)
    raise_all([LsmError(what, where=f"{path}:{line}", hint=hint) for what, hint in in_header])
    columns = {name: i for i, name in enumerate(header)}
    channels = [name for name in header if name not in (*NAMED, *targets, *leave_out)]
    numbers = [*channels, *targets]
    names: dict[str, list[str]] = {name: [] for name in ("label", "group") if name in columns}
    values, starts = array("d"), []  # and no text: that of a long file takes ten times as much
    seen: dict[str, None] = {}
    marks: set[str] = set()
    written: dict[str, set[str]] = {name: set() for name in numbers}
    current: str | None = None
    for line, cells in table:
        if len(cells) != len(header):
            what = f"there are {len(cells)} cells below {len(header)} names"
            report(what, "write one cell for each name in the header", line)
            continue
        sample = cells[columns["sample"]] if "sample" in columns else ""
        if sample != current:
            if sample in seen:
                report(f"sample {sample!r} goes on after another sample", "keep the rows of a sample together", line)
            seen[sample] = None
            current = sample
            starts.append(len(values) // len(numbers))
            for name, of_samples in names.items():
                of_samples.append(cells[columns[name]])
        else:
            for name, of_samples in names.items():
                if cells[columns[name]] != of_samples[-1]:
                    verb = "is labelled" if name == "label" else "is of group"
                    one = f"sample {sample!r}" if "sample" in columns else "this row"
                    what = f"{one} {verb} {cells[columns[name]]!r}, and {of_samples[-1]!r} above"
                    hint = f"give a sample one {name}"
                    if "sample" not in columns:
                        hint = "add a column `sample` that says which rows are one sample"
                    report(what, hint, line)
        for name in numbers:
            cell = cells[columns[name]]
            mark = next((mark for mark in ".," if mark in cell), None)
            marks |= {mark} if mark else set()
            mixed = mark is not None and delimiter == ";" and len(marks) == 2
            if delimiter == ";":
                written[name].add("whole" if mark is None else "grouped" if GROUPED.fullmatch(cell) else "decimal")
            number = None if mixed else _number(cell.replace(",", ".") if delimiter == ";" else cell)
            if number is None:
                decimal = re.fullmatch(r"-?\d+,\d+", cell)
                hint = "write decimals with a point" if decimal else "write a number such as -1.5e-3"
                if mixed:
                    hint = "write all decimals with a point, or all with a comma"
                report(f"{name} is {cell!r}, not a finite number", hint, line)
            values.append(number or 0.0)
    for name, ways in written.items():
        if ways == {"whole", "grouped"}:
            what = f"{name} has numbers such as 1{max(marks)}000 beside whole ones: a thousand, or 1"
            report(what, "leave out marks of thousands, or write all with as many decimals", 1)
    if mistakes > SHOWN:
        errors.append(LsmError(f"and {mistakes - SHOWN} more mistakes", where=where, hint="mend those above first"))
    raise_all(errors)
    if not values:
        raise LsmError("there is no data below the header", where=where, hint="write one row a frame")
    frames, outputs = np.split(np.array(values).reshape(-1, len(numbers)), [len(channels)], axis=1)
    if (counter := counter_among(frames, channels, len(starts))) is not None:
        what = f"column {counter!r} numbers the rows, through all samples"
        raise LsmError(
            what, where=f"{path}:1", hint="leave it out: an index (`to_csv(..., index=False)`) tells nothing"
        )
    labels, groups = (names[name] if any(names.get(name, ())) else () for name in ("label", "group"))
    values_to_predict = outputs if targets else None
    ids = list(seen) if "sample" in columns else ()
    return make_frames(frames, np.array(starts), labels, where, groups, channels, values_to_predict, targets, ids)


def _delimiter(path: Path) -> str:
    """What separates cells: a comma, unless the header has none and has semicolons, or tabs."""
    with reading(path), path.open(encoding="utf-8-sig", errors="replace") as file:
        header = next((line for line in iter(lambda: file.readline(1 << 20), "") if line.strip()), "")
    return next((mark for mark in ";\t" if mark in header and "," not in header), ",")


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row that has any, with its line, one by one."""
    # Python's own reader: it knows the line of every cell, which a data frame does not.
    try:
        with reading(path), path.open(newline="", encoding="utf-8-sig") as file:
            reader, last = csv.reader(file, delimiter=delimiter, skipinitialspace=delimiter != "\t"), 0
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
