"""Frames that a user made, with labels or targets: whatever is wrong with them, at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.indices import ends_of, mistake_in
from lsm_deploy.core.masked import unmasked
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data.raw import LARGEST, Frames

__all__ = ["REGRESSION", "SIGNALS", "make_frames", "names_of", "starts_of"]


def make_frames(
    frames: NDArray[Any],
    starts: NDArray[Any],
    labels: NDArray[Any] | Sequence[str] = (),
    source: str = "data",
    groups: NDArray[Any] | Sequence[str] = (),
    channels: Sequence[str] = (),
    targets: NDArray[Any] | None = None,
    target_names: NDArray[Any] | Sequence[str] = (),
    ids: Sequence[str] = (),
) -> Frames:
    """Frames that a user made, with labels, or targets `[frame, output]`, or neither, and with names of channels and
    targets or without; an LsmError has all that is wrong with them. ids: what each sample is called."""
    errors: list[LsmError] = []

    def report(what: str, hint: str) -> None:
        errors.append(LsmError(what, where=source, hint=hint))

    rest = np.zeros((0, 0)) if targets is None else targets
    _report_shape(frames, "frames", "channel", report)
    if targets is not None:
        _report_shape(targets, "targets", "output", report)
        if not errors and len(targets) != len(frames):
            report(
                f"there are {len(targets)} targets for {len(frames)} frames",
                "write one row of targets a frame, and one of a whole sample in each of its frames",
            )
    total = len(frames) if frames.ndim and len(frames) else 1 << 62  # no data is a mistake of its own
    if mistake := mistake_in(starts, total, "ascending", first=0):
        report(f"starts: {mistake}", "write the first frame of each sample, 0 for the first")
    if not errors:
        frames = _finite(frames, starts, "channel", "cut it off, or give lengths", report)
        rest = _finite(rest, starts, "target", "cut it off; a readout's `washout` passes over first frames", report)
    samples = len(starts) if starts.ndim == 1 else None
    names, others = (
        names_of(given, what, samples, source, errors) for given, what in ((labels, "label"), (groups, "group"))
    )
    outputs = tuple(str(name) for name in np.ravel(target_names))
    if outputs and not errors and len(outputs) != rest.shape[1]:
        report(f"there are {len(outputs)} names for {rest.shape[1]} targets", "name each target, or none")
    if names and targets is not None:
        report("there are labels and targets, and one thing is learnt", "leave out the labels, or the targets")
    raise_all(errors)
    return Frames(
        frames,
        starts.astype(np.int64),
        names,
        source,
        others,
        names=tuple(channels),
        targets=rest,
        target_names=outputs,
        ids=tuple(ids),
    )


_Report: TypeAlias = Callable[[str, str], None]


def _report_shape(values: NDArray[Any], what: str, column: str, report: _Report) -> None:
    """Report values that are no numbers `[frame, column]`."""
    if values.dtype.kind not in "iufb":
        report(f"{what} hold {values.dtype} values, not numbers", "write floats")
    elif values.ndim != 2:
        report(f"{what} have shape {list(values.shape)}, not [frame, {column}]", f"put time first, then {column}s")
    elif not values.size:
        report(f"{what} have shape {list(values.shape)}: there is no data", f"write at least one frame of one {column}")


def _finite(given: NDArray[Any], starts: NDArray[Any], column: str, way_out: str, report: _Report) -> Floats:
    """The values as floats; a report of the first that is not finite."""
    with np.errstate(over="ignore"):  # of long doubles
        values = given.astype(np.float64)  # before it is compared: LARGEST is infinite as a float32
    if (bad := np.argwhere(~(np.abs(values) <= LARGEST))).size:
        frame, which = (int(i) for i in bad[0])
        sample = int(np.searchsorted(starts, frame, "right")) - 1
        place = f"sample {sample}, frame {frame - int(starts[sample])}, {column} {which}"
        more = f" (and {len(bad) - 1} more values)" if len(bad) > 1 else ""
        report(
            f"{place} is {given[frame, which]}{more}",
            f"write finite numbers; where NaN pads short samples, {way_out}",
        )
    return values


REGRESSION = "and labels are classes"
SIGNALS = (
    "give a class for each sample; values of frames are targets: an array `targets` [frame, output], or columns of a"
    " CSV that `data: {targets: [...]}` names"
)
"""What is said of values where classes are expected."""


def names_of(
    given: NDArray[Any] | Sequence[str], what: str, samples: int | None, source: str, errors: list[LsmError]
) -> tuple[str, ...]:
    """A label or group of each sample as text, or () where there are none; what is wrong with them goes to `errors`."""
    array = np.asarray(unmasked(given))
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


def starts_of(lengths: Sequence[int] | NDArray[Any]) -> NDArray[np.int64]:
    """Where samples of these lengths start, end to end."""
    ends = ends_of(np.asarray(lengths))
    return np.concatenate([[0], ends[:-1]]).astype(np.int64)
