"""Files of other tools, which are refused by their name: what each looks like, and what to do with it instead.

By the first bytes, then by what is in a zip, and by the name of the file where its bytes say no more than that it is
HDF5 or binary.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from lsm_deploy.core.errors import LsmError, require_path

__all__ = ["foreign", "is_sound", "refuse_foreign"]

_WEIGHTS = "write its weights as arrays with np.savez (see `lsm-deploy manual own-network`)"
_RATES = f"read a rate network with `lsm-deploy import` (see `lsm-deploy manual import`); of another, {_WEIGHTS}"
_NETWORK = "make a program of it with `lsm-deploy import` (see `lsm-deploy manual import`)"
_DATA = "write its values as frames with np.savez, or as CSV (see `lsm-deploy manual own-data`)"
_UNPACK = "unpack it, and give what is in it"

_STARTS = (
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ", "an xz archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"\x93NUMPY", "a single array (.npy)", "save it under the name that it is to have, with np.savez"),
    (b"PAR1", "a Parquet file", _DATA),
    (b"ARROW1", "an Arrow file", _DATA),
    (b"MATLAB 5.0", "a MATLAB file (.mat)", _DATA),
    (b"#!AER-DAT", "an AEDAT recording of events", "read it with tonic: `data: {dataset: tonic:NAME, root: FOLDER}`"),
    (b"#!AEDAT", "an AEDAT recording of events", "read it with tonic: `data: {dataset: tonic:NAME, root: FOLDER}`"),
    (b"SQLite format 3", "an SQLite database", _DATA),
    (b"%PDF", "a PDF document", "give what it was made from"),
    (b"\x89PNG", "a PNG picture", _DATA),
    (b"\xff\xd8\xff", "a JPEG picture", _DATA),
    (b"\x7fELF", "a program of this machine's", "name another file"),
    (b"<?xml", "XML", _DATA),
    (b"<!DOCTYPE", "a web page", "download the file itself"),
    (b"<html", "a web page", "download the file itself"),
    (b"version https://git-lfs", "a pointer of Git LFS to a file that is not here", "get it with `git lfs pull`"),
)
_PICKLE = ("a pickle of Python objects, which are not read", "save plain arrays with np.savez")
_TORCH = ("a PyTorch file", _RATES)
_HDF5 = {
    ".nir": ("a NIR graph (HDF5)", _NETWORK),
    ".net": (
        "a network of lava-dl (HDF5)",
        f"{_NETWORK}, or replay it with `lsm-deploy import-recording lava-dl` where its input and output are known",
    ),
    ".mat": ("a MATLAB 7.3 file (HDF5)", _DATA),
    ".pt": _TORCH,
}
_NAMES = {
    ".onnx": ("an ONNX network", _WEIGHTS),
    ".pb": ("a TensorFlow network", _WEIGHTS),
    ".tflite": ("a TensorFlow Lite network", _WEIGHTS),
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".ckpt": _TORCH,
    ".pkl": _PICKLE,
    ".pickle": _PICKLE,
    ".joblib": _PICKLE,
    ".aedat": ("an AEDAT recording of events", "read it with tonic: `data: {dataset: tonic:NAME, root: FOLDER}`"),
    ".edf": ("an EDF recording", _DATA),
    ".xlsx": ("an Excel table", "save it as CSV"),
}
"""Of binary files that no first bytes tell."""


def is_sound(start: bytes) -> bool:
    """Whether these are the first bytes, twelve or more, of a WAV or a FLAC file."""
    wav = start[:4] in (b"RIFF", b"RIFX", b"RF64") and start[8:12] == b"WAVE"
    return wav or (start[:4] == b"fLaC" and start[4:5] in (b"\x00", b"\x80"))


def foreign(path: str | Path) -> tuple[str, str] | None:
    """What a file of another tool, or an empty one, is called, and what to do instead; None where it may be ours."""
    path = Path(path)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            return "an empty file", "write it again, or copy it again"
        start = file.read(512)
    suffix = path.suffix.lower()
    if is_sound(start) or suffix in (".atr", ".qrs"):
        return None
    if start.startswith(b"\x89HDF\r\n\x1a\n"):
        return _HDF5.get(suffix, ("an HDF5 file", _DATA))
    if start.startswith(b"PK"):
        return _zip(path, suffix)
    for beginning, name, instead in _STARTS:
        # Letters alone may as well be the first of a text.
        if start.startswith(beginning) and not (beginning.isalnum() and start.isascii() and min(start) > 8):
            return name, instead
    if start[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    if start[8:10] == b'{"' and int.from_bytes(start[:8], "little") < size:
        return "a safetensors file", _RATES
    if start[:1] == b"\x80" or (not start.startswith(b"LSMDEPL") and _is_binary(start)):
        plain = _PICKLE if start[:1] == b"\x80" else ("a binary file of no kind that is read", "name another file")
        return _NAMES.get(suffix, plain)
    return None


def _is_binary(start: bytes) -> bool:
    """Whether this is no text; one in UTF-16, or with few control characters, is for its reader to judge."""
    zeros = sorted((start[::2].count(0), start[1::2].count(0)))
    return sum(byte < 9 for byte in start) > len(start) // 20 and not zeros[0] < len(start) // 4 < zeros[1]


def refuse_foreign(path: str | Path, wanted: str) -> None:
    """An LsmError that calls a file of another tool, or an empty one, by its name; wanted: what it should have been."""
    path = require_path(path)
    try:
        known = foreign(path) if os.path.isfile(path) else None
    except OSError:
        return  # its reader says why
    if known is not None:
        name, instead = known
        raise LsmError(f"this is {name}, not {wanted}", where=str(path), hint=instead)


def _zip(path: Path, suffix: str) -> tuple[str, str] | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None  # damaged: its reader says so
    if any(name.endswith("data.pkl") for name in names):
        return _TORCH
    if "[Content_Types].xml" in names:
        return _NAMES[".xlsx"] if suffix == ".xlsx" else ("an Office document", _DATA)
    if names and not any(name.endswith(".npy") for name in names):
        return "a zip archive", _UNPACK
    return None
