"""Event data through tonic (Lenz et al. 2021): any of its data sets by name, for those who have or can download it."""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import AbsentError, LsmError
from lsm_deploy.core.notes import warn
from lsm_deploy.data.frames import starts_of
from lsm_deploy.data.raw import Events

__all__ = ["load_tonic"]


LATEST_US = 1 << 53
"""Times beyond this, 285 years, are no whole numbers as floats."""


def load_tonic(name: str, root: Path, drop_outside: bool = False) -> tuple[Events, Events]:
    """The training and test part of the data set that tonic calls `name`, below `root`, where tonic downloads it to
    if it is not there. drop_outside: leave out events off the sensor, with a warning; otherwise one is an LsmError."""
    where = f"data set 'tonic:{name}'"
    try:
        import tonic.datasets
    except ImportError:
        what = "tonic is not installed"
        raise AbsentError(what, where=where, hint="pip install 'lsm-deploy[events]'") from None
    known = [key for key, _ in inspect.getmembers(tonic.datasets, inspect.isclass)]
    if name not in known:
        near = get_close_matches(name, known, 1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(known)}"
        raise LsmError(f"tonic has no data set {name!r}", where=where, hint=hint)
    declared = getattr(tonic.datasets, name)
    arguments = inspect.signature(declared).parameters
    if "train" in arguments:
        parts: list[dict[str, Any]] = [{"train": True}, {"train": False}]
    elif "split" in arguments:
        parts = [{"split": "train"}, {"split": "test"}]
    else:
        what = "tonic does not divide it into a training and a test part"
        raise LsmError(what, where=where, hint="choose a data set that has both")
    train, test = (
        _load(declared, root, part, f"{name} {role}", drop_outside)
        for part, role in zip(parts, ("train", "test"), strict=True)
    )
    return train, test


def _load(declared: Any, root: Path, part: dict[str, Any], source: str, drop_outside: bool) -> Events:
    try:
        data = declared(str(root), **part)
        recordings = [data[i] for i in range(len(data))]
    except Exception as error:  # no network, no space, a damaged archive: as many kinds as tonic has data sets
        what = f"tonic cannot read or download it: {error or type(error).__name__}"
        hint = f"put the data below {root / declared.__name__} as tonic lays them out, or try again"
        raise LsmError(what, where=source, hint=hint) from None
    fields = set(getattr(getattr(recordings[0][0], "dtype", None), "names", None) or ()) if recordings else set()
    if not {"t", "x"} <= fields:
        what = "a recording is not a list of events with t and x"
        raise LsmError(what, where=source, hint="choose a data set of events alone")
    for i, (events, _) in enumerate(recordings):
        if any(np.ndim(events[field]) != 1 for field in fields):
            what = f"recording {i} has shape {list(np.shape(events))}, not [event]"
            raise LsmError(what, where=source, hint="fetch the data again, or take the recording out")
    starts = starts_of([len(events) for events, _ in recordings])
    columns = [
        _whole(np.concatenate([events[field] for events, _ in recordings]), field, starts, source)
        if field in fields
        else np.zeros(sum(len(events) for events, _ in recordings), np.int64)
        for field in ("t", "x", "y", "p")
    ]
    sensor = _sensor(data, columns)
    # One polarity has many names; two may be written -1 and 1.
    columns[3] = (columns[3] > 0).astype(np.int64) if sensor[2] == 2 else np.zeros_like(columns[3])
    x, y = columns[1:3]
    outside = (x < 0) | (x >= sensor[0]) | (y < 0) | (y >= sensor[1])
    if outside.any():
        i = int(np.argmax(outside))
        what = f"{_place(starts, i)} is at x {x[i]}, y {y[i]}, off the sensor of {sensor[0]} x {sensor[1]}"
        if not drop_outside:
            more = f" (and {int(outside.sum()) - 1} more)" if outside.sum() > 1 else ""
            hint = "set `data: {drop_outside: true}` to leave out such events"
            raise LsmError(what + more, where=source, hint=hint)
        warn(f"{source}: {int(outside.sum())} events off the sensor are dropped", level=2)
        starts = starts - np.concatenate([[0], np.cumsum(outside)])[starts]
        columns = [column[~outside] for column in columns]
    speakers = np.asarray(getattr(data, "speaker", ()))
    return Events(
        columns[0],
        columns[1].astype(np.int32),
        columns[2].astype(np.int32),
        columns[3].astype(np.int8),
        starts,
        sensor,
        tuple(_label(label) for _, label in recordings),
        source,
        tuple(str(speaker) for speaker in speakers.tolist()) if len(speakers) == len(recordings) else (),
    )


def _whole(values: NDArray[Any], field: str, starts: NDArray[np.int64], source: str) -> NDArray[np.int64]:
    bad = ~(np.abs(values.astype(np.float64)) < LATEST_US)
    if bad.any():
        i = int(np.argmax(bad))
        what = f"{field} of {_place(starts, i)} is {values[i]}, not a number within 2**53"
        raise LsmError(what, where=source, hint="fetch the data again, or take the recording out")
    return values.astype(np.int64)


def _place(starts: NDArray[np.int64], event: int) -> str:
    recording = int(np.searchsorted(starts, event, "right")) - 1
    return f"event {event - int(starts[recording])} of recording {recording}"


def _sensor(data: Any, columns: list[NDArray[np.int64]]) -> tuple[int, int, int]:
    sensor = getattr(data, "sensor_size", None)
    if isinstance(sensor, tuple) and len(sensor) == 3 and all(isinstance(size, int) for size in sensor):
        return int(sensor[0]), int(sensor[1]), min(2, max(1, int(sensor[2])))
    width, height = (int(column.max(initial=0)) + 1 for column in columns[1:3])
    return width, height, 2 if len(np.unique(columns[3])) > 1 else 1


def _label(label: Any) -> str:
    return str(label.item() if isinstance(label, np.generic | np.ndarray) and np.size(label) == 1 else label)
