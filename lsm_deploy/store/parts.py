"""Traces that grow on disk, for runs too long to be held: a folder of parts, each an `.npz` that numpy reads.

    part-000000.npz, part-000001.npz, ...

    spikes     uint8 [t, byte]     bits, eight neurons a byte: np.unpackbits(spikes, axis=1, count=neurons)
    negative   uint8 [t, byte]     likewise, where a spike is -1; only where a kind is ternary
    <register> int32 [t, neuron]
    first, neurons                 the step of the first row; what to unpack to
    starts                         steps, counted from the run's first, where a sample starts in this part
    count_names, counts            events in this part
    program, backend, view, standings

A part appears whole, or not at all. So the folder is a valid trace at any time, of all steps but the last few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.errors import LsmError
from lsm_deploy.ir import Trace, View
from lsm_deploy.store.files import make_folder, read_arrays, write_file
from lsm_deploy.store.origin import TraceFile, counts_arrays, origin_arrays, pairs_in

__all__ = ["TraceFolder", "load_parts"]

PART_BYTES = 1 << 26
"""A part is written when so much has come together: 64 MB, which a run may lose if it is killed."""


class TraceFolder:
    """Writes a trace part by part; on leaving the `with`, however that comes about, what is left is written too."""

    def __init__(
        self,
        folder: str | Path,
        neurons: int,
        *,
        signed: bool,
        program: str,
        backend: str,
        standings: Mapping[str, str],
    ) -> None:
        self._folder, self._neurons, self._signed = Path(folder), neurons, signed
        self._origin = origin_arrays(program, backend, "sim", standings)
        if self._folder.exists() and (not self._folder.is_dir() or any(self._folder.iterdir())):
            raise LsmError(
                "a streamed trace needs a folder of its own, this one holds something",
                where=str(folder),
                hint="name a new folder, or remove this one",
            )
        make_folder(self._folder)
        self.steps = 0
        self._parts = 0
        self._forget()

    def _forget(self) -> None:
        self._held: dict[str, list[NDArray[Any]]] = {}
        self._starts: list[int] = []
        self._counts: Counter[str] = Counter()
        self._first, self._bytes = self.steps, 0

    def __enter__(self) -> TraceFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._write()

    def start_sample(self) -> None:
        """The step that comes next is the first of a sample."""
        self._starts.append(self.steps)

    def append(
        self, spikes: NDArray[np.int8], registers: Mapping[str, NDArray[np.int32]], counts: Mapping[str, int]
    ) -> None:
        """Take steps `[t, neuron]`, registers of the same shape, and the events that occurred in them."""
        rows: dict[str, NDArray[Any]] = {"spikes": np.packbits(spikes != 0, axis=1), **registers}
        if self._signed:
            rows["negative"] = np.packbits(spikes < 0, axis=1)
        for name, values in rows.items():
            self._held.setdefault(name, []).append(values)
            self._bytes += values.nbytes
        self._counts.update(counts)
        self.steps += len(spikes)
        if self._bytes >= PART_BYTES:
            self._write()

    def _write(self) -> None:
        if self.steps == self._first:
            return
        arrays = {
            **{name: np.concatenate(values) for name, values in self._held.items()},
            "first": np.array(self._first),
            "neurons": np.array(self._neurons),
            "starts": np.array(self._starts, np.int64),
            **counts_arrays(self._counts),
            **self._origin,
        }
        write_file(self._folder / f"part-{self._parts:06}.npz", lambda file: np.savez(file, **arrays))
        self._parts += 1
        self._forget()


_NOT_REGISTERS = {
    "spikes", "negative", "first", "neurons", "starts", "count_names", "counts",
    "program", "backend", "view", "standings",
}  # fmt: skip


def load_parts(folder: str | Path) -> TraceFile:
    """The whole trace that a folder of parts holds."""
    files = sorted(Path(folder).glob("part-*.npz"))
    if not files:
        raise LsmError(
            "this folder holds no trace", where=str(folder), hint="name one that `run --stream` wrote, or a file"
        )
    spikes, registers, starts, counts = [], [], [], Counter[str]()
    steps, origin = 0, None
    for number, file in enumerate(files):
        arrays = read_arrays(file)
        _check_part(file, number, steps, arrays, origin)
        neurons = int(arrays["neurons"])
        fired = np.unpackbits(arrays["spikes"], axis=1, count=neurons).view(np.int8)
        if "negative" in arrays:
            fired = np.where(np.unpackbits(arrays["negative"], axis=1, count=neurons), -fired, fired).astype(np.int8)
        spikes.append(fired)
        registers.append({name: arrays[name] for name in sorted(arrays.keys() - _NOT_REGISTERS)})
        starts.append(arrays["starts"])
        counts.update(dict(zip(arrays["count_names"].tolist(), arrays["counts"].tolist(), strict=True)))
        steps += len(fired)
        origin = origin or {name: str(arrays[name]) for name in ("program", "backend", "view")} | {
            "names": ", ".join(sorted(arrays))
        }
    assert origin is not None
    trace = Trace(
        np.concatenate(spikes),
        {name: np.concatenate([part[name] for part in registers]) for name in registers[0]},
        np.concatenate(starts),
        dict(counts),
        cast(View, origin["view"]),
        dict(pairs_in(arrays, str(files[-1]))),
    )
    return TraceFile(trace, origin["program"], origin["backend"])


def _check_part(
    file: Path, number: int, steps: int, arrays: Mapping[str, NDArray[Any]], origin: Mapping[str, str] | None
) -> None:
    """An LsmError where a part is missing, is not whole, or is of another run."""
    again = "copy the folder again, whole"
    needed: Sequence[str] = sorted(_NOT_REGISTERS - {"negative"})
    if lacking := [name for name in needed if name not in arrays]:
        raise LsmError(f"this is no part of a trace: it has no {', '.join(lacking)}", where=str(file), hint=again)
    if file.name != f"part-{number:06}.npz" or int(arrays["first"]) != steps:
        raise LsmError(f"a part is missing before this one: step {steps} comes next", where=str(file), hint=again)
    if origin and (str(arrays["program"]), ", ".join(sorted(arrays))) != (origin["program"], origin["names"]):
        raise LsmError("this part is of another run than the first one", where=str(file), hint=again)
