"""Real-valued frames with labels: a data set by name, or a user's own `.npz` or `.csv`; every mistake at once.

.npz   frames [frame, channel], samples end to end, with starts [sample] or lengths [sample]
       or frames [sample, frame, channel], padded where lengths [sample] says so
       labels [sample], text or integers; left out where there are none
.csv   a header `sample,label,<channel>,...` and one row a frame; rows of a sample stand together; label is optional
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.errors import LsmError, raise_all
from lsm_deploy.neurons.kind import Floats
from lsm_deploy.spec.schema import Data, Input
from lsm_deploy.store import read_arrays

__all__ = [
    "Frames",
    "check_channels",
    "check_labels",
    "class_order",
    "load_data",
    "load_dataset",
    "load_frames",
    "make_frames",
]

LARGEST = 1e300
"""Beyond this, the width of a range could overflow."""

SHOWN = 20
"""Mistakes of one file that are spelt out; a wrong column makes one in every row."""


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames `[frame, channel]` of all samples end to end, the first frame of each `[sample]`, and its label or ().

    source: what errors call the data, a file or a name. `make_frames` tells a user what is wrong; a `ValueError` from
    here is a bug.
    """

    frames: Floats
    starts: NDArray[np.int64]
    labels: tuple[str, ...] = ()
    source: str = "data"

    def __post_init__(self) -> None:
        frames, starts = np.array(self.frames, np.float64, order="C"), np.array(self.starts, np.int64)
        if frames.ndim != 2 or not frames.size or not (np.abs(frames) <= LARGEST).all():
            raise ValueError(f"frames of shape {frames.shape} are empty or not finite")
        if (
            starts.ndim != 1
            or not len(starts)
            or starts[0]
            or (np.diff(starts) <= 0).any()
            or starts[-1] >= len(frames)
        ):
            raise ValueError("sample starts do not ascend from 0")
        if self.labels and len(self.labels) != len(starts):
            raise ValueError(f"{len(self.labels)} labels for {len(starts)} samples")
        for name, array in (("frames", frames), ("starts", starts)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def samples(self) -> int:
        return len(self.starts)

    @property
    def channels(self) -> int:
        return int(self.frames.shape[1])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Frames in each sample."""
        return np.diff(self.starts, append=len(self.frames))


def make_frames(
    frames: NDArray[Any], starts: NDArray[Any], labels: NDArray[Any] | Sequence[str] = (), source: str = "data"
) -> Frames:
    """Frames that a user made, or an LsmError with all that is wrong with them."""
    errors: list[LsmError] = []

    def report(what: str, hint: str) -> None:
        errors.append(LsmError(what, where=source, hint=hint))

    if frames.dtype.kind not in "iufb":
        report(f"frames hold {frames.dtype} values, not numbers", "write floats")
    elif frames.ndim != 2:
        report(f"frames have shape {list(frames.shape)}, not [frame, channel]", "put time first, then channels")
    elif not frames.size:
        report(f"frames have shape {list(frames.shape)}: there is no data", "write at least one frame of one channel")
    ascending = (
        starts.ndim == 1
        and len(starts) > 0
        and starts.dtype.kind in "iu"
        and starts[0] == 0
        and (np.diff(starts.astype(np.int64)) > 0).all()
    )
    if not ascending:
        report("starts must be integers that ascend from 0", "write the first frame of each sample, 0 for the first")
    elif frames.ndim and starts[-1] >= len(frames) > 0:
        report(f"the last sample starts at frame {starts[-1]}, but there are {len(frames)}", "count frames from 0")
    if ascending and not errors and (bad := np.argwhere(~(np.abs(frames) <= LARGEST))).size:
        frame, channel = (int(i) for i in bad[0])
        sample = int(np.searchsorted(starts, frame, "right")) - 1
        place = f"sample {sample}, frame {frame - int(starts[sample])}, channel {channel}"
        more = f" (and {len(bad) - 1} more values)" if len(bad) > 1 else ""
        report(
            f"{place} is {frames[frame, channel]}{more}",
            "write finite numbers; where NaN pads short samples, cut it off, or give lengths",
        )
    names = _label_names(labels)
    if names is None:
        report("labels are neither text nor integers", "write `labels.astype(str)`, one label a sample")
    elif np.size(labels) and ascending and len(names) != len(starts):
        report(f"there are {len(names)} labels for {len(starts)} samples", "write one label a sample, or none at all")
    elif "" in names:
        report(f"sample {names.index('')} has an empty label", "label every sample, or none at all")
    raise_all(errors)
    return Frames(frames.astype(np.float64), starts, names or (), source)


def _label_names(labels: NDArray[Any] | Sequence[str]) -> tuple[str, ...] | None:
    array = np.asarray(labels)
    if not array.size:
        return ()
    return tuple(str(label) for label in array) if array.ndim == 1 and array.dtype.kind in "Uiu" else None


# --- data sets -----------------------------------------------------------------------------------------------------


def load_data(data: Data) -> tuple[Frames, Frames]:
    """The training and test data that a spec names."""
    if data.dataset is not None:
        return load_dataset(data.dataset)
    assert data.train is not None
    assert data.test is not None
    return load_frames(data.train), load_frames(data.test)


def load_dataset(name: str) -> tuple[Frames, Frames]:
    """`japanese_vowels`: the training and test part of real speech that ships inside sktime, without a download.

    270 and 370 utterances of two vowels by 9 speakers (the labels), each 7 to 29 frames of 12 LPC cepstra.
    Kudo, Toyama & Shimbo, Pattern Recognition Letters 20 (1999).
    """
    if name != "japanese_vowels":
        raise LsmError(f"there is no data set {name!r}", hint="choose japanese_vowels, or give train and test files")
    try:
        from sktime.datasets import load_japanese_vowels
    except ImportError:
        raise LsmError(
            "japanese_vowels comes with sktime, which is not installed",
            where="data set 'japanese_vowels'",
            hint="pip install -e '.[data]'",
        ) from None
    tables = {split: load_japanese_vowels(split) for split in ("TRAIN", "TEST")}
    return _from_nested(tables["TRAIN"], f"{name} train"), _from_nested(tables["TEST"], f"{name} test")


def _from_nested(split: tuple[Any, Any], source: str) -> Frames:
    """sktime's frame of series: one row a sample, one column a channel, one series a cell."""
    table, labels = split
    samples = [np.stack([np.asarray(series) for series in row], axis=1) for row in table.itertuples(index=False)]
    return make_frames(np.concatenate(samples), _starts([len(s) for s in samples]), [str(y) for y in labels], source)


# --- a user's own files --------------------------------------------------------------------------------------------


def load_frames(path: str | Path) -> Frames:
    """Frames from a `.npz` or `.csv` file, as the head of this module describes them."""
    path = Path(path)
    if path.suffix == ".npz":
        return _from_npz(read_arrays(path), str(path))
    if path.suffix == ".csv":
        return _from_csv(path)
    raise LsmError(
        f"frames cannot be read from a {path.suffix or 'nameless'} file", where=str(path), hint="write .npz or .csv"
    )


def _from_npz(arrays: Mapping[str, NDArray[Any]], where: str) -> Frames:
    known = ("frames", "starts", "lengths", "labels")
    errors = [
        LsmError(f"there is an array {name!r}", where=where, hint=f"did you mean {near[0]!r}?")
        for name in sorted(arrays.keys() - set(known))
        if (near := get_close_matches(name, known, 1, cutoff=0.8)) and near[0] not in arrays
    ]
    raise_all(errors)
    if "frames" not in arrays:
        what = f"there is no array 'frames'; here are {', '.join(sorted(arrays)) or 'none'}"
        raise LsmError(what, where=where, hint="save frames [frame, channel] with np.savez")
    frames, labels = arrays["frames"], arrays.get("labels", ())
    if frames.ndim == 3 and "starts" not in arrays:
        lengths = arrays.get("lengths", np.full(len(frames), frames.shape[1]))
        _check_lengths(lengths, where, samples=len(frames), longest=frames.shape[1])
        kept = np.arange(frames.shape[1]) < lengths[:, None]
        return make_frames(frames[kept], _starts(lengths), labels, where)
    if ("starts" in arrays) == ("lengths" in arrays) or frames.ndim == 3:
        raise LsmError(
            f"frames [frame, channel] need either starts or lengths; here are {', '.join(sorted(arrays))}",
            where=where,
            hint="write the first frame of each sample as starts, or how many frames it has as lengths",
        )
    if "starts" in arrays:
        return make_frames(frames, arrays["starts"], labels, where)
    _check_lengths(arrays["lengths"], where)
    if frames.ndim == 2 and arrays["lengths"].sum() != len(frames):
        what = f"lengths sum to {arrays['lengths'].sum()}, but there are {len(frames)} frames"
        raise LsmError(what, where=where, hint="write how many frames each sample has")
    return make_frames(frames, _starts(arrays["lengths"]), labels, where)


def _check_lengths(lengths: NDArray[Any], where: str, samples: int | None = None, longest: int | None = None) -> None:
    hint = "write how many frames each sample has, at least 1"
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or not len(lengths):
        raise LsmError("lengths is no list of integers", where=where, hint=hint)
    if samples is not None and len(lengths) != samples:
        raise LsmError(f"there are {len(lengths)} lengths for {samples} samples", where=where, hint=hint)
    outside = (lengths < 1) | (lengths > (longest or np.inf))
    if outside.any():
        i = int(np.flatnonzero(outside)[0])
        limit = f", of {longest} that there are" if longest else ""
        raise LsmError(f"sample {i} has a length of {lengths[i]} frames{limit}", where=where, hint=hint)


def _starts(lengths: Sequence[int] | NDArray[Any]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)


def _from_csv(path: Path) -> Frames:
    # Python's own reader: it knows the line of every cell, which a data frame does not.
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except OSError as error:
        raise LsmError(f"cannot read: {error.strerror}", where=str(path), hint="check the path") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise LsmError(f"this is no CSV text: {error}", where=str(path), hint="save it as UTF-8 CSV") from None
    if not rows:
        raise LsmError("the file is empty", where=str(path), hint="write a header and one row a frame")
    (_, header), *rows = rows
    labelled = "label" in header
    channels = [name for name in header if name not in ("sample", "label")]
    if "sample" not in header or not channels or len(set(header)) != len(header):
        what = f"the header is {','.join(header)!r}"
        raise LsmError(what, where=f"{path}:1", hint="write `sample,label,<channel>,...`, each name once; label may go")
    if not rows:
        raise LsmError("there is no data below the header", where=str(path), hint="write one row a frame")

    errors: list[LsmError] = []
    frames: list[list[float]] = []
    starts: list[int] = []
    labels: list[str] = []
    seen: set[str] = set()
    current: str | None = None
    for line, row in rows:
        where = f"{path}:{line}"
        if len(row) != len(header):
            what = f"there are {len(row)} cells below {len(header)} names"
            errors.append(LsmError(what, where=where, hint="write one cell for each name in the header"))
            continue
        cells = dict(zip(header, row, strict=True))
        sample = cells["sample"]
        if sample != current:
            if sample in seen:
                what = f"sample {sample!r} goes on after another sample"
                errors.append(LsmError(what, where=where, hint="keep the rows of a sample together"))
            seen.add(sample)
            current = sample
            starts.append(len(frames))
            labels.append(cells.get("label", ""))
        elif labelled and cells["label"] != labels[-1]:
            what = f"sample {sample!r} is labelled {cells['label']!r}, and {labels[-1]!r} above"
            errors.append(LsmError(what, where=where, hint="give a sample one label"))
        for name in channels:
            if _number(cells[name]) is None:
                what = f"{name} is {cells[name]!r}, not a finite number"
                errors.append(LsmError(what, where=where, hint="write a number such as -1.5e-3"))
        frames.append([_number(cells[name]) or 0.0 for name in channels])
    if len(errors) > SHOWN:
        rest = LsmError(f"and {len(errors) - SHOWN} more mistakes", where=str(path), hint="mend those above first")
        errors = [*errors[:SHOWN], rest]
    raise_all(errors)
    return make_frames(np.array(frames), np.array(starts), labels if any(labels) else (), str(path))


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST and "_" not in cell else None


# --- does it fit? --------------------------------------------------------------------------------------------------


def check_channels(data: Frames, section: Input) -> None:
    """The data have as many channels as the spec's input takes."""
    if data.channels != section.channels:
        raise LsmError(
            f"the frames have {data.channels} channels, the spec's input takes {section.channels}",
            where=data.source,
            hint=f"set `input: {{channels: {data.channels}}}`, or choose other data",
        )


def check_labels(train: Frames, test: Frames | None = None) -> None:
    """All parts are labelled, and the test part has no class that the training part lacks."""
    errors = [
        LsmError("the samples have no labels", where=part.source, hint="add labels; `predict` does without")
        for part in (train, test)
        if part is not None and not part.labels
    ]
    if test is not None and not errors and (unknown := set(test.labels) - set(train.labels)):
        names = ", ".join(repr(label) for label in class_order(unknown))
        what = f"class {names} of the test data is not in the training data ({train.source})"
        errors.append(LsmError(what, where=test.source, hint="train on every class, or remove it from the test data"))
    raise_all(errors)


def class_order(labels: set[str] | Sequence[str]) -> tuple[str, ...]:
    """The classes, in numerical order if all are whole numbers, else alphabetically."""
    classes = sorted(set(labels))
    return tuple(sorted(classes, key=int)) if all(c.isdecimal() for c in classes) else tuple(classes)
