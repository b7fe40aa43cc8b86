"""Files: the compiled program (`.lsm`), a model, stimuli and traces. No pickle anywhere; nothing is left half-written.

A program or model is one canonical file; the same value gives the same bytes on every machine:

    magic     8 bytes   b"LSMDEPL" and the format version, one byte
    length    8 bytes   of the header, little-endian
    header    JSON      ASCII, sorted keys, no spaces: {"kind", "meta", "arrays": [[name, dtype, shape], ...]}
    arrays              raw, little-endian, C order, in the header's order, each padded with zeros to 8 bytes
    checksum  32 bytes  SHA-256 of all before it; its first 16 hex digits name the program (`program_id`)

Not compressed: compressors differ between versions, and bytes would with them.
Stimuli and traces are plain `.npz`, which every tool of the field can write.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import IO, Any, get_args

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.errors import LsmError
from lsm_deploy.ir import Program, QNetwork, QPopulation, QProjection, Stimulus, Trace, View
from lsm_deploy.neurons import KINDS

__all__ = [
    "TraceFile",
    "load_program",
    "load_stimulus",
    "load_trace",
    "pack",
    "program_from_bytes",
    "program_id",
    "program_to_bytes",
    "read_arrays",
    "save_program",
    "save_stimulus",
    "save_trace",
    "unpack",
    "write_file",
]

MAGIC = b"LSMDEPL"
VERSION = 1

Arrays = Mapping[str, NDArray[Any]]


# --- writing: all or nothing ---------------------------------------------------------------------------------------


def write_file(path: str | Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place; on any failure the old file stays."""
    path = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise LsmError(f"cannot write: {error.strerror}", where=str(path), hint="choose a writable folder") from None
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError):
            kept = "; the old file is untouched" if path.exists() else "; nothing was written"
            raise LsmError(f"cannot write: {error.strerror}{kept}", where=str(path), hint="free some space") from None
        raise


# --- the container -------------------------------------------------------------------------------------------------


def pack(kind: str, meta: Mapping[str, Any], arrays: Arrays) -> bytes:
    """The canonical bytes of named arrays and JSON-able facts about them."""
    listed = [(name, np.ascontiguousarray(array)) for name, array in arrays.items()]
    little = [(name, array.astype(array.dtype.newbyteorder("<"), copy=False)) for name, array in listed]
    header = json.dumps(
        {"kind": kind, "meta": meta, "arrays": [[name, a.dtype.str, list(a.shape)] for name, a in little]},
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    ).encode("ascii")
    out = io.BytesIO()
    out.write(MAGIC + bytes([VERSION]) + len(header).to_bytes(8, "little") + header + _padding(len(header)))
    for _, array in little:
        out.write(array.tobytes() + _padding(array.nbytes))
    body = out.getvalue()
    return body + hashlib.sha256(body).digest()


def unpack(data: bytes, kind: str, where: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Meta and arrays of a packed file of that kind; whatever is wrong with it is an LsmError."""
    again = "copy or compile it again"
    if data[:7] != MAGIC or len(data) < 48:
        what = "the file is truncated" if data and MAGIC.startswith(data[:7]) else f"this is no lsm_deploy {kind}"
        raise LsmError(what, where=where, hint=again)
    if data[7] != VERSION:
        hint = "compile it again" if data[7] < VERSION else "install a newer lsm_deploy, or compile it again"
        raise LsmError(f"the file has format {data[7]}, this version reads {VERSION}", where=where, hint=hint)
    if hashlib.sha256(data[:-32]).digest() != data[-32:]:
        raise LsmError("the checksum does not match: the file is truncated or was altered", where=where, hint=again)
    try:
        return _parse(data, kind)
    except LsmError as error:
        raise LsmError(error.what, where=where, hint=error.hint) from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise LsmError(f"the checksum is right but the content is not: {error}", where=where, hint=again) from None


def _parse(data: bytes, kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    length = int.from_bytes(data[8:16], "little")
    if length > len(data) - 48:
        raise ValueError("the header is longer than the file")
    header = json.loads(data[16 : 16 + length])
    if header["kind"] != kind:
        raise LsmError(f"this is a {header['kind']}, not a {kind}", hint="see what it holds with `lsm-deploy inspect`")
    position = 16 + length + len(_padding(length))
    arrays = {}
    for name, dtype, shape in header["arrays"]:
        if dtype[:2] not in ("<i", "<f", "|i", "|u", "<u", "|b", "<U"):
            raise ValueError(f"array {name} has type {dtype}")
        if any(not isinstance(side, int) or side < 0 for side in shape):
            raise ValueError(f"array {name} has shape {shape}")
        count = 1
        for side in shape:
            count *= side
        size = count * np.dtype(dtype).itemsize
        if position + size > len(data) - 32:
            raise ValueError(f"array {name} reaches beyond the end")
        arrays[name] = np.frombuffer(data, dtype, count, position).reshape(shape)
        position += size + len(_padding(size))
    if position != len(data) - 32:
        raise ValueError("there are bytes that no array owns")
    return header["meta"], arrays


def _padding(length: int) -> bytes:
    return bytes(-length % 8)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LsmError(f"cannot read: {error.strerror}", where=str(path), hint="check the path") from None


# --- programs ------------------------------------------------------------------------------------------------------


def program_to_bytes(program: Program) -> bytes:
    """The `.lsm` file of a program."""
    return pack("program", *program_to_parts(program))


def program_id(program: Program) -> str:
    """16 hex digits that name a program: equal if and only if it is, bit for bit."""
    return program_to_bytes(program)[-32:].hex()[:16]


def program_to_parts(program: Program, prefix: str = "") -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The facts and the arrays of a program; array names start with `prefix`."""
    network = program.network
    arrays: dict[str, NDArray[Any]] = {f"{prefix}cores": program.cores}
    for i, population in enumerate(network.populations):
        for name, values in population.registers.items():
            arrays[f"{prefix}population.{i}.{name}"] = values.astype(np.int32)
    for i, p in enumerate(network.projections):
        for name in ("indptr", "post", "weights", "delays"):
            arrays[f"{prefix}projection.{i}.{name}"] = getattr(p, name)
    meta = {
        "dt_ms": network.dt_ms,
        "channels": network.channels,
        "sample_interval": network.sample_interval,
        "target": program.target,
        "populations": [
            {"name": p.name, "kind": p.kind, "size": p.size, "scale": p.scale} for p in network.populations
        ],
        "projections": [{name: getattr(p, name) for name in _PROJECTION_FACTS} for p in network.projections],
    }
    return meta, arrays


_PROJECTION_FACTS = ("name", "source", "target", "sign_mode", "num_weight_bits", "weight_exp")


def program_from_parts(meta: Mapping[str, Any], arrays: Arrays, where: str, prefix: str = "") -> Program:
    """The program, checked again by the constructors of its parts."""
    try:
        populations = []
        for i, facts in enumerate(meta["populations"]):
            if facts["kind"] not in KINDS:
                raise ValueError(f"there is no neuron kind {facts['kind']!r} in this version")
            fields = KINDS[facts["kind"]].Registers.__dataclass_fields__
            registers = {name: arrays[f"{prefix}population.{i}.{name}"] for name in fields}
            populations.append(QPopulation(registers=registers, **facts))
        projections = []
        for i, facts in enumerate(meta["projections"]):
            if facts["sign_mode"] not in ("excitatory", "inhibitory", "mixed"):
                raise ValueError(f"there is no sign mode {facts['sign_mode']!r}")
            wiring: dict[str, Any] = {
                n: arrays[f"{prefix}projection.{i}.{n}"] for n in ("indptr", "post", "weights", "delays")
            }
            projections.append(QProjection(**facts, **wiring))
        network = QNetwork(
            dt_ms=float(meta["dt_ms"]),
            channels=index(meta["channels"]),
            sample_interval=index(meta["sample_interval"]),
            populations=tuple(populations),
            projections=tuple(projections),
        )
        return Program(network, arrays[f"{prefix}cores"], meta["target"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise LsmError(f"the program is not valid: {what}", where=where, hint="compile it again") from None


def program_from_bytes(data: bytes, where: str) -> Program:
    """The program of a `.lsm` file."""
    return program_from_parts(*unpack(data, "program", where), where)


def save_program(path: str | Path, program: Program) -> None:
    data = program_to_bytes(program)
    write_file(path, lambda file: file.write(data))


def load_program(path: str | Path) -> Program:
    return program_from_bytes(_read_bytes(Path(path)), str(path))


# --- stimuli and traces --------------------------------------------------------------------------------------------


def read_arrays(path: str | Path) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz`; one that carries pickles, or is no `.npz`, is an LsmError."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise LsmError(
                    "this is a single array, not an .npz of named ones", where=str(path), hint="use np.savez"
                )
            return {name: archive[name] for name in archive.files}
    except OSError as error:
        reason = error.strerror or str(error)
        raise LsmError(f"cannot read: {reason}", where=str(path), hint="check the path") from None
    except (ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        if "allow_pickle" in str(error) or "pickle" in str(error):
            what, hint = (
                "the file carries Python objects (pickle), which are not read",
                "save plain arrays with np.savez",
            )
        else:
            what, hint = "this is not an .npz file, or it is damaged", "write it again with np.savez"
        raise LsmError(what, where=str(path), hint=hint) from None


def _write_npz(path: str | Path, arrays: Arrays) -> None:
    write_file(path, lambda file: np.savez_compressed(file, **dict(arrays)))


def save_stimulus(path: str | Path, stimulus: Stimulus) -> None:
    _write_npz(path, {"spikes": stimulus.spikes, "starts": stimulus.starts})


def load_stimulus(path: str | Path) -> Stimulus:
    """From `spikes` [t, channel], or from events `t`, `channel` and `shape`; `starts` where there are samples."""
    arrays, where = read_arrays(path), str(path)
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
    if not np.isin(spikes, (0, 1)).all():
        raise LsmError("an input spike is neither 0 nor 1", where=where, hint="write 0 and 1")
    return Stimulus(spikes.astype(np.int8), _starts(arrays, len(spikes), where))


def _from_events(arrays: Arrays, where: str) -> NDArray[np.int8]:
    t, channel, shape = arrays["t"], arrays["channel"], arrays["shape"]
    if (
        t.shape != channel.shape
        or t.ndim != 1
        or shape.shape != (2,)
        or not all(np.issubdtype(array.dtype, np.integer) for array in (t, channel, shape))
    ):
        raise LsmError(
            "events are two lists of integers of one length, and `shape` holds steps and channels",
            where=where,
            hint="write t [event], channel [event], shape [2]",
        )
    steps, channels = (int(side) for side in shape)
    outside = (t < 0) | (t >= steps) | (channel < 0) | (channel >= channels)
    if outside.any():
        i = int(np.flatnonzero(outside)[0])
        what = f"event {i} (t {t[i]}, channel {channel[i]}) lies outside the shape ({steps}, {channels})"
        raise LsmError(what, where=where, hint="enlarge shape; t and channel count from 0")
    spikes = np.zeros((steps, channels), np.int8)
    spikes[t, channel] = 1
    return spikes


@dataclass(frozen=True, eq=False)
class TraceFile:
    """A trace and what its file says of its origin; "" where it does not (a recording by another tool)."""

    trace: Trace
    program: str = ""
    backend: str = ""


def save_trace(path: str | Path, trace: Trace, *, program: str, backend: str) -> None:
    arrays: dict[str, NDArray[Any]] = {
        "spikes": trace.spikes,
        **trace.registers,
        "starts": trace.starts,
        "view": np.array(trace.view),
        "program": np.array(program),
        "backend": np.array(backend),
        "count_names": np.array(sorted(trace.counts), dtype="U32"),
        "counts": np.array([trace.counts[name] for name in sorted(trace.counts)], np.int64),
    }
    _write_npz(path, arrays)


_NOT_REGISTERS = {"spikes", "starts", "view", "program", "backend", "count_names", "counts"}


def load_trace(path: str | Path) -> TraceFile:
    """A trace of ours, or any `.npz` with `spikes` [t, neuron] and registers of the same shape by name."""
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
    view = str(arrays.get("view", np.array("sim")))
    if view not in get_args(View):
        raise LsmError(f"view is {view!r}", where=where, hint="write 'sim' or 'chip'")
    names, counts = arrays.get("count_names", np.array([])), arrays.get("counts", np.array([]))
    trace = Trace(
        spikes.astype(np.int8),
        registers,
        _starts(arrays, len(spikes), where),
        {str(name): int(count) for name, count in zip(names, counts, strict=False)},
        view,  # type: ignore[arg-type]
    )
    return TraceFile(trace, str(arrays.get("program", "")), str(arrays.get("backend", "")))


def _check_matrix(name: str, values: NDArray[Any], axes: str, where: str) -> None:
    if values.ndim != 2 or not len(values):
        what = f"{name} has shape {list(values.shape)}, not {axes}"
        raise LsmError(what, where=where, hint="put time first, then one column each")
    if values.dtype.kind not in "iufb" or not np.isfinite(values).all() or (values != np.rint(values)).any():
        raise LsmError(f"{name} holds values that are not integers", where=where, hint="write integers")
    if np.abs(values).max(initial=0) > (127 if name == "spikes" else 2**31 - 1):
        raise LsmError(f"{name} holds values that do not fit", where=where, hint="check the units")


def _starts(arrays: Arrays, steps: int, where: str) -> NDArray[np.int64]:
    starts = arrays.get("starts", np.zeros(1, np.int64))
    if starts.ndim != 1 or not len(starts) or starts.dtype.kind not in "iu":
        raise LsmError("starts is no list of steps", where=where, hint="write the first step of each sample")
    if starts[0] != 0 or (np.diff(starts.astype(np.int64)) <= 0).any() or starts[-1] >= steps:
        what = f"starts must ascend from 0 and stay below the {steps} steps that there are"
        raise LsmError(what, where=where, hint="write the first step of each sample, 0 for the first")
    return starts.astype(np.int64)
