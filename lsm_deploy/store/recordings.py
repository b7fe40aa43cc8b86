"""Stimuli and traces: plain `.npz`, which every tool of the field can write and read.

    stimulus  spikes [t, channel], 0 and 1, or integers of 16 bits for a program that takes graded input; or events:
              t [event], channel [event], and shape [2], steps and channels
              starts [sample]       the first step of each sample; left out, there is one
    trace     spikes [t, neuron]    0 and 1, -1 where a kind is ternary, integers of 16 bits where one is graded
              <register> [t, neuron]  int32, as a step leaves it, for each that was recorded: u, v, ...
              starts [sample]       as above
              view                  sim, or chip where `v` reads as silicon shows it in the step of a spike
              program, backend, count_names, counts, standings
                                    what ran where, events that were counted, and how far each kind is witnessed

All but spikes may be left out, so another tool's trace needs no more than `np.savez(file, spikes=..., v=...)`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.archives import save_arrays
from lsm_deploy.core.errors import LsmError, raise_all, require_path, require_type
from lsm_deploy.core.indices import mistake_in
from lsm_deploy.core.ir import Program, Stimulus, Trace, View, narrowest
from lsm_deploy.core.messages import Messages
from lsm_deploy.store.container import Arrays
from lsm_deploy.store.files import is_modest, require_modest
from lsm_deploy.store.kinds import refuse_other
from lsm_deploy.store.npz import misspelt, read_arrays
from lsm_deploy.store.origin import TraceFile, counts_arrays, origin_arrays, pairs_in
from lsm_deploy.store.parts import load_parts
from lsm_deploy.store.programs import program_id
from lsm_deploy.store.whole import write_file

__all__ = ["load_stimulus", "load_trace", "load_trace_of", "save_stimulus", "save_trace"]


def _write_npz(path: str | Path, arrays: Arrays) -> None:
    """Compressed, unless it would shrink so far that nobody would read it without being asked."""

    def write(file: IO[bytes]) -> None:
        save_arrays(file, arrays, compressed=True)
        if not is_modest(sum(array.nbytes for array in arrays.values()), file.tell()):
            file.seek(0)
            file.truncate()
            save_arrays(file, arrays)

    write_file(path, write)


def save_stimulus(path: str | Path, stimulus: Stimulus) -> None:
    """Write a stimulus as `.npz`, whole or not at all."""
    require_type(stimulus, Stimulus, "stimulus", "make one with `poisson_stimulus`, or encode it")
    _write_npz(path, {"spikes": stimulus.spikes, "starts": stimulus.starts})


def load_stimulus(path: str | Path) -> Stimulus:
    """Read a stimulus from an `.npz` of `spikes` `[t, channel]`, or of events `t`, `channel` and `shape`.

    starts: the first step of each sample. LsmError: there are neither, or spikes are no integers of 16 bits. Whether a
    program takes them is asked when it runs.
    """
    refuse_other(path, "a stimulus", "stimulus", "trace")
    arrays, where = read_arrays(path), str(path)
    known = ("spikes", "starts") if "spikes" in arrays else ("spikes", "starts", "channel", "shape")
    raise_all(misspelt(arrays, known, where))
    if "spikes" in arrays and {"t", "channel"} <= arrays.keys():
        what = "there are `spikes`, and events `t` and `channel` too"
        raise LsmError(what, where=where, hint="keep one or the other")
    if "spikes" in arrays:
        spikes = arrays["spikes"]
    elif {"t", "channel", "shape"} <= arrays.keys():
        spikes = _from_events(arrays, where)
    else:
        raise LsmError(
            f"a stimulus has `spikes`, or `t`, `channel` and `shape`; here are {', '.join(sorted(arrays)) or 'none'}",
            where=where,
            hint="save spikes [t, channel] with np.savez",
        )
    _check_matrix("spikes", spikes, "[t, channel]", where)
    return Stimulus(_in_type(spikes), _starts(arrays, len(spikes), where))


def _from_events(arrays: Arrays, where: str) -> NDArray[np.int8]:
    t, channel, shape = arrays["t"], arrays["channel"], arrays["shape"]
    if t.shape != channel.shape or t.ndim != 1 or shape.shape != (2,) or shape.dtype.kind not in "iu":
        raise LsmError(
            "events are two lists of integers of one length, and `shape` holds steps and channels",
            where=where,
            hint="write t [event], channel [event], shape [2]",
        )
    steps, channels = (int(side) for side in shape)
    if steps < 1 or channels < 1 or steps * channels > LARGEST:
        what = f"a stimulus of {steps} steps and {channels} channels is empty, or too large to be held"
        raise LsmError(what, where=where, hint="write the number of steps, then of channels; split a long stimulus")
    for name, values, limit in (("t", t, steps), ("channel", channel, channels)):
        if mistake := mistake_in(values, limit):
            what = f"{name}: {mistake}"
            raise LsmError(what, where=where, hint="enlarge shape; t and channel count from 0, in integers")
    require_modest(steps * channels, os.path.getsize(where), where)
    places, first = np.unique(t.astype(np.int64) * channels + channel.astype(np.int64), return_index=True)
    if len(places) < len(t):
        i = int(np.setdiff1d(np.arange(len(t)), first)[0])
        what = f"channel {channel[i]} has more than one event in step {t[i]}"
        raise LsmError(what, where=where, hint="an input spike is binary: merge them, or take shorter steps")
    spikes = np.zeros((steps, channels), np.int8)
    spikes.ravel()[places] = 1
    return spikes


LARGEST = 1 << 34
"""Cells of a dense stimulus: 16 GB."""


def save_trace(path: str | Path, trace: Trace, *, program: str, backend: str) -> None:
    """Write a trace as `.npz`; program, backend: the `program_id` of what ran, and where it ran."""
    require_type(trace, Trace, "trace", "give what `run_program` returns")
    for given, name in ((program, "program"), (backend, "backend")):
        require_type(given, str, f"name of the {name}", "give text; `program_id` names a program")
    arrays: dict[str, NDArray[Any]] = {
        "spikes": trace.spikes,
        **trace.registers,
        "starts": trace.starts,
        **counts_arrays(trace.counts),
        **origin_arrays(program, backend, trace.view, trace.standings),
    }
    _write_npz(path, arrays)


_NOT_REGISTERS = {"spikes", "starts", "view", "program", "backend", "count_names", "counts", "standings"}


def load_trace(path: str | Path, view: View | None = None) -> TraceFile:
    """Read a trace: an `.npz` with `spikes` `[t, neuron]` and registers of that shape by name, or a folder of parts.

    view: how a file that does not say so itself shows its voltages. LsmError: what is in the file is no trace.
    """
    if require_path(path).is_dir():
        loaded = load_parts(path)
        _check_view(loaded.trace.view, view, str(path))
        return loaded
    refuse_other(path, "a trace", "trace", "stimulus")
    arrays, where = read_arrays(path), str(path)
    if "spikes" not in arrays:
        raise LsmError(
            "a trace has `spikes` [t, neuron]; here there are none", where=where, hint="save it with np.savez"
        )
    spikes = arrays["spikes"]
    _check_matrix("spikes", spikes, "[t, neuron]", where)
    registers = {}
    for name in sorted(arrays.keys() - _NOT_REGISTERS):
        values = arrays[name]
        _check_matrix(name, values, "[t, neuron]", where)
        if values.shape != spikes.shape:
            what = f"{name} has shape {list(values.shape)}, spikes have {list(spikes.shape)}"
            raise LsmError(what, where=where, hint="give every register the shape of the spikes")
        registers[name] = values.astype(np.int32)
    stated = str(arrays.get("view", np.array(view or "sim")))
    if stated not in get_args(View):
        raise LsmError(f"view is {stated!r}", where=where, hint="write 'sim' or 'chip'")
    _check_view(stated, view, where)
    names, counts = arrays.get("count_names", np.array([])), arrays.get("counts", np.array([]))
    if names.ndim != 1 or names.shape != counts.shape or (counts.size and counts.dtype.kind not in "iu"):
        raise LsmError("counts and count_names do not belong together", where=where, hint="remove both")
    trace = Trace(
        _in_type(spikes),
        registers,
        _starts(arrays, len(spikes), where),
        {str(name): int(count) for name, count in zip(names, counts, strict=False)},
        cast(View, stated),
        dict(pairs_in(arrays, where)),
    )
    return TraceFile(trace, str(arrays.get("program", "")), str(arrays.get("backend", "")))


def load_trace_of(program: Program, path: str | Path, view: View | None = None) -> TraceFile:
    """`load_trace`, but a trace that says that it is of another program is an LsmError."""
    file, identity = load_trace(path, view), program_id(program)
    if file.program and file.program != identity:
        what = f"the trace is of program {file.program}, this is {identity}"
        raise LsmError(what, where=str(path), hint="run it again on this program")
    message = program.network.message
    spikes = file.trace.spikes
    if not message.signed and (spikes < 0).any():
        what = "a spike is -1, and no neuron of this program is ternary"
        raise LsmError(what, where=str(path), hint="write 1 where a neuron spikes")
    if spikes.size and not message.least <= spikes.min() <= spikes.max() <= message.largest:
        what = f"a spike is none of {message}, which is what this program sends"
        raise LsmError(what, where=str(path), hint="write what each neuron sent, not how often")
    return file


def _check_view(stated: str, view: View | None, where: str) -> None:
    if view and stated != view:
        what = f"the file says that its voltages are in the {stated} view, not {view}"
        raise LsmError(what, where=where, hint="leave out the view (--view)")


def _check_matrix(name: str, values: NDArray[Any], axes: str, where: str) -> None:
    if values.ndim != 2 or not len(values):
        what = f"{name} has shape {list(values.shape)}, not {axes}"
        raise LsmError(what, where=where, hint="put time first, then one column each")
    if values.dtype.kind not in "iufb" or not np.isfinite(values).all() or (values != np.rint(values)).any():
        raise LsmError(f"{name} holds values that are not integers", where=where, hint="write integers")
    limit = np.iinfo(np.int16).max if name == "spikes" else 2**31 - 1
    if (values > limit).any() or (values < -limit).any():
        raise LsmError(f"{name} holds values that do not fit", where=where, hint="check the units")


def _in_type(spikes: NDArray[Any]) -> Messages:
    """In the narrowest type that holds them all."""
    return spikes.astype(narrowest(spikes.astype(np.int32)))


def _starts(arrays: Arrays, steps: int, where: str) -> NDArray[np.int64]:
    starts = arrays.get("starts", np.zeros(1, np.int64))
    if mistake := mistake_in(starts, steps, "ascending", first=0):
        what = f"starts: {mistake}"
        raise LsmError(what, where=where, hint="write the first step of each sample, 0 for the first")
    return starts.astype(np.int64)
