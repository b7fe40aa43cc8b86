"""Event data through tonic (Lenz et al. 2021): any of its data sets by name, for those who have or can download it."""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.data.frame_files import starts_of
from lsm_deploy.data.raw import Events

__all__ = ["load_tonic"]


def load_tonic(name: str, root: Path) -> tuple[Events, Events]:
    """The training and test part of the data set that tonic calls `name`, below `root`, where tonic downloads it to
    if it is not there."""
    where = f"data set 'tonic:{name}'"
    try:
        import tonic.datasets
    except ImportError:
        what = "tonic is not installed"
        raise LsmError(what, where=where, hint="pip install 'lsm-deploy[events]'") from None
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
    return _load(declared, root, parts[0], f"{name} train"), _load(declared, root, parts[1], f"{name} test")


def _load(declared: Any, root: Path, part: dict[str, Any], source: str) -> Events:
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
    columns = [
        np.concatenate([events[field] for events, _ in recordings]).astype(np.int64)
        if field in fields
        else np.zeros(sum(len(events) for events, _ in recordings), np.int64)
        for field in ("t", "x", "y", "p")
    ]
    sensor = _sensor(data, columns)
    # One polarity has many names; two may be written -1 and 1.
    columns[3] = (columns[3] > 0).astype(np.int64) if sensor[2] == 2 else np.zeros_like(columns[3])
    starts = starts_of([len(events) for events, _ in recordings])
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


def _sensor(data: Any, columns: list[NDArray[np.int64]]) -> tuple[int, int, int]:
    sensor = getattr(data, "sensor_size", None)
    if isinstance(sensor, tuple) and len(sensor) == 3 and all(isinstance(size, int) for size in sensor):
        return int(sensor[0]), int(sensor[1]), min(2, max(1, int(sensor[2])))
    width, height = (int(column.max(initial=0)) + 1 for column in columns[1:3])
    return width, height, 2 if len(np.unique(columns[3])) > 1 else 1


def _label(label: Any) -> str:
    return str(label.item() if isinstance(label, np.generic | np.ndarray) and np.size(label) == 1 else label)
