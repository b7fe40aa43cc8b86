"""Traces that grow on disk, for runs too long to be held: a folder of parts, each an `.npz` that numpy reads.

    part-000000.npz, part-000001.npz, ...

    spikes     uint8 [t, byte]     bits, eight neurons a byte: np.unpackbits(spikes, axis=1, count=neurons)
    negative   uint8 [t, byte]     likewise, where a spike is -1; only where a kind is ternary
    messages   int16 [t, neuron]   only where a kind is graded, and then there are no bits in `spikes`: [t, 0]
    <register> int32 [t, neuron]
    first, neurons                 the step of the first row; what to unpack to
    starts                         steps, counted from the run's first, where a sample starts in this part
    count_names, counts            events in this part
    program, backend, view, standings
    ended                          whether the run came to its end in this part

A part appears whole, or not at all. So the folder is a valid trace at any time, of all steps but the last few; if no
part says that the run ended, it was stopped or killed, or is still under way. (Folders of older versions do not say.)
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.archives import save_arrays
from lsm_deploy.core.errors import LsmError, require_path
from lsm_deploy.core.ir import Trace, View
from lsm_deploy.core.messages import Message, Messages
from lsm_deploy.store.files import require_modest
from lsm_deploy.store.npz import read_arrays
from lsm_deploy.store.origin import TraceFile, counts_arrays, origin_arrays, pairs_in
from lsm_deploy.store.whole import check_own_folder, make_folder, write_file

__all__ = ["TraceFolder", "load_parts"]

AGAIN = "copy the folder again, whole"
PART_BYTES = 1 << 26
PART_SECONDS = 60.0
"""A part is written when so much has come together, or has waited so long: what a run may lose if it is killed. The
first is smaller by a factor of 2 ** DOUBLINGS, 256 KB, and each one twice the one before."""
DOUBLINGS = 8


class TraceFolder:
    """Writes a trace part by part; on leaving the `with`, however that comes about, what is left is written too."""

    def __init__(
        self,
        folder: str | Path,
        neurons: int,
        *,
        message: Message,
        program: str,
        backend: str,
        standings: Mapping[str, str],
    ) -> None:
        self._folder, self._neurons, self._message = require_path(folder), neurons, message
        self._origin = origin_arrays(program, backend, "sim", standings)
        check_own_folder(self._folder)
        make_folder(self._folder)
        self.steps = 0
        self._parts = 0
        self._forget()

    def _forget(self) -> None:
        self._held: dict[str, list[NDArray[Any]]] = {}
        self._starts: list[int] = []
        self._counts: Counter[str] = Counter()
        self._first, self._bytes, self._begun = self.steps, 0, time.monotonic()

    def __enter__(self) -> TraceFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._write(ended=kind is None)

    def start_sample(self) -> None:
        """The step that comes next is the first of a sample."""
        self._starts.append(self.steps)

    def append(self, spikes: Messages, registers: Mapping[str, NDArray[np.int32]], counts: Mapping[str, int]) -> None:
        """Take steps `[t, neuron]`, registers of the same shape, and the events that occurred in them."""
        rows: dict[str, NDArray[Any]] = {"spikes": np.packbits(spikes != 0, axis=1), **registers}
        if self._message.graded:
            rows |= {"spikes": rows["spikes"][:, :0], "messages": spikes.astype(np.int16)}
        elif self._message.signed:
            rows["negative"] = np.packbits(spikes < 0, axis=1)
        size = sum(values.nbytes for values in rows.values())
        smaller = max(DOUBLINGS - self._parts, 0)
        waited = time.monotonic() - self._begun
        # Only now that more has come: so there is something left to say of it that it was the last.
        if self._bytes + size >= PART_BYTES >> smaller or waited >= PART_SECONDS / (1 << smaller):
            self._write()
        for name, values in rows.items():
            self._held.setdefault(name, []).append(values)
        self._bytes += size
        self._counts.update(counts)
        self.steps += len(spikes)

    def _write(self, ended: bool = False) -> None:
        if self.steps == self._first:
            return
        arrays = {
            **{name: np.concatenate(values) for name, values in self._held.items()},
            "first": np.array(self._first),
            "neurons": np.array(self._neurons),
            "starts": np.array(self._starts, np.int64),
            **counts_arrays(self._counts),
            **self._origin,
            "ended": np.array(ended),
        }
        write_file(self._folder / f"part-{self._parts:06}.npz", lambda file: save_arrays(file, arrays))
        self._parts += 1
        self._forget()


_NOT_REGISTERS = {
    "spikes", "negative", "messages", "first", "neurons", "starts", "count_names", "counts",
    "program", "backend", "view", "standings", "ended",
}  # fmt: skip


def load_parts(folder: str | Path) -> TraceFile:
    """The whole trace that a folder of parts holds."""
    files = sorted(Path(folder).glob("part-*.npz"))
    if not files:
        raise LsmError(
            "this folder holds no trace", where=str(folder), hint="name one that `run --stream` wrote, or a file"
        )
    last = read_arrays(files[-1])
    _check_keys(files[-1], last)
    _check_shapes(files[-1], last)
    try:
        names = tuple(sorted(last.keys() - _NOT_REGISTERS))
        steps, neurons = int(last["first"]) + len(last["spikes"]), int(last["neurons"])
        size = sum(os.path.getsize(file) for file in files)
        require_modest(steps * neurons * (1 + ("messages" in last) + 4 * len(names)), size, str(folder))
        spikes = np.empty((steps, neurons), np.int16 if "messages" in last else np.int8)
        registers = {name: np.empty((steps, neurons), np.int32) for name in names}
        starts, counts, first = [], Counter[str](), 0
        for number, file in enumerate(files):
            arrays = read_arrays(file)
            _check_part(file, number, first, arrays, last)
            here = slice(first, first + len(arrays["spikes"]))
            if "messages" in arrays:
                spikes[here] = arrays["messages"]
            else:
                spikes[here] = np.unpackbits(arrays["spikes"], axis=1, count=neurons)
            if "negative" in arrays:
                below = np.unpackbits(arrays["negative"], axis=1, count=neurons).astype(np.bool_)
                spikes[here] = np.where(below, -spikes[here], spikes[here])
            for name in names:
                registers[name][here] = arrays[name]
            starts.append(arrays["starts"])
            counts.update(dict(zip(arrays["count_names"].tolist(), arrays["counts"].tolist(), strict=True)))
            first = here.stop
        view = str(last["view"])
        if view not in get_args(View):
            raise ValueError(f"view is {view!r}")
        standings = dict(pairs_in(last, str(files[-1])))
        trace = Trace(spikes, registers, np.concatenate(starts), dict(counts), cast(View, view), standings)
    except (ValueError, TypeError, IndexError) as error:
        raise LsmError(f"a part is damaged: {error}", where=str(folder), hint=AGAIN) from None
    return TraceFile(trace, str(last["program"]), str(last["backend"]), bool(last.get("ended", True)))


def _check_part(
    file: Path, number: int, steps: int, arrays: Mapping[str, NDArray[Any]], last: Mapping[str, NDArray[Any]]
) -> None:
    """An LsmError where a part is missing, is not whole, or is of another run."""
    _check_keys(file, arrays)
    _check_shapes(file, arrays)
    if file.name != f"part-{number:06}.npz" or int(arrays["first"]) != steps:
        raise LsmError(f"a part is missing before this one: step {steps} comes next", where=str(file), hint=AGAIN)
    if str(arrays["program"]) != str(last["program"]) or arrays.keys() != last.keys():
        raise LsmError("this part is of another run than the last one", where=str(file), hint=AGAIN)


def _check_shapes(file: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """An LsmError where numpy would stretch what does not fit, or cut digits off."""
    for name in ("first", "neurons"):
        if arrays[name].shape != () or arrays[name].dtype.kind not in "iu" or not 0 <= arrays[name] < 1 << 62:
            raise LsmError(f"{name} is no number of steps or neurons", where=str(file), hint=AGAIN)
    steps, neurons = len(np.atleast_1d(arrays["spikes"])), int(arrays["neurons"])
    graded = "messages" in arrays
    held: dict[str, tuple[type[Any], tuple[int, int]]] = {
        "spikes": (np.uint8, (steps, 0 if graded else -(-neurons // 8))),
        "negative": (np.uint8, (steps, -(-neurons // 8))),
        "messages": (np.int16, (steps, neurons)),
    }
    for name in sorted(arrays.keys() - (_NOT_REGISTERS - held.keys())):
        dtype, shape = held.get(name, (np.int32, (steps, neurons)))
        if arrays[name].dtype != dtype or arrays[name].shape != shape:
            is_there = f"{arrays[name].dtype} of shape {list(arrays[name].shape)}"
            what = f"{name} is {is_there}, not {dtype.__name__} {list(shape)}"
            raise LsmError(what, where=str(file), hint=AGAIN)
    if "ended" in arrays and (arrays["ended"].shape or arrays["ended"].dtype != np.bool_):
        raise LsmError("ended is no truth value", where=str(file), hint=AGAIN)
    names, counts = arrays["count_names"], arrays["counts"]
    if names.ndim != 1 or names.shape != counts.shape or counts.dtype.kind not in "iu":
        raise LsmError("counts and count_names do not belong together", where=str(file), hint=AGAIN)


def _check_keys(file: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    if lacking := sorted(_NOT_REGISTERS - {"negative", "messages", "ended"} - arrays.keys()):
        raise LsmError(f"this is no part of a trace: it has no {', '.join(lacking)}", where=str(file), hint=AGAIN)
