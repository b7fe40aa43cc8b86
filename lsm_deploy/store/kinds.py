"""What a file or a folder is, by its content: the one table of the kinds of files there are.

first bytes      LSMDEPL: a program, a model or a state, as the header says; PK (a zip): arrays, by their names
                 RIFF, fLaC: audio
names of arrays  weights or populations: a network; audio, frames, *_beats: data; spikes: a trace, or without registers
                 a stimulus
folders          parts: a trace; sound (.wav, .flac): audio; WFDB annotations: beats; tables (.csv): frames; or folders
                 of sound or tables, one for each class
names            .atr, .qrs and .hea: beats; text is frames where it is called .csv, a spec otherwise

What other tools write is refused by its name: `core/foreign.py` has the table of those.
"""

from __future__ import annotations

import os
from collections.abc import Set
from pathlib import Path
from typing import Literal, TypeAlias

from lsm_deploy.core.errors import LsmError, raise_all, require_path
from lsm_deploy.core.foreign import is_sound, refuse_foreign
from lsm_deploy.store.container import is_packed, kind_in
from lsm_deploy.store.files import opened, reading
from lsm_deploy.store.npz import names_of_arrays

__all__ = ["DATA", "SOUND", "TABLES", "Kind", "files_by_class", "kind_of", "refuse_other", "samples_in"]

Kind: TypeAlias = Literal[
    "program", "model", "state", "network", "trace", "stimulus", "frames", "audio", "beats", "spec", "arrays", "folder"
]
"""`arrays` and `folder`: those that none of the others would write."""

DATA: tuple[Kind, ...] = ("frames", "audio", "beats")
"""The kinds that hold recordings of a world, to be encoded."""


def kind_of(path: str | Path) -> Kind:
    """What is at the path, as far as its beginning or its names tell; an LsmError where nothing can be read.

    What a file says it is may still be damaged: its loader says so.
    """
    path = require_path(path)
    if os.path.isdir(path):  # which asks without an error: a name may be too long
        return _of_folder(path)
    refuse_foreign(path, "one that is read here")
    with opened(path) as (file, _):
        start = file.read(16)
        if is_packed(start):
            return kind_in(start, file)
    if path.suffix in _OF_BEATS:
        return "beats"
    if is_sound(start):
        return "audio"
    if start.startswith(b"PK"):
        return _of_arrays(names_of_arrays(path))
    return "frames" if path.suffix == ".csv" else "spec"


SHOWN = 20
"""Files that are named of those that would be passed over."""
_OF_BEATS = (".atr", ".qrs", ".hea")
SOUND, TABLES = (".wav", ".flac"), (".csv",)
_OF_SAMPLES: dict[tuple[str, ...], Kind] = {SOUND: "audio", TABLES: "frames"}

_NAMES: dict[Kind, tuple[str, str]] = {
    "program": ("a compiled program", "`run`, `parity` and `inspect` take it; for others give the spec"),
    "model": ("a trained model", "`predict`, `run` and `inspect` take it; for others give the spec or the program"),
    "state": ("the state of a session", "load it with `ld.load_state`"),
    "network": ("an integer network", "`compile` makes a program of it"),
    "trace": ("a trace", "`parity --trace` and `inspect` take it"),
    "stimulus": ("a stimulus", "`run --input` and `parity --input` take it"),
    "frames": ("data (frames)", "`eval`, `train` and `predict` take it, and `run --input` of a spec or a model"),
    "audio": ("data (sound)", "`eval`, `train` and `predict` take it, and `run --input` of a spec or a model"),
    "beats": ("data (heart beats)", "`eval`, `train` and `predict` take it, and `run --input` of a spec or a model"),
    "spec": ("a spec", "`compile` makes a program of it, `train` a model"),
}
"""How a refusal calls each kind, and who takes it."""


def refuse_other(path: str | Path, wanted: str, *kinds: Kind) -> None:
    """An LsmError that calls a file by its name where it is known to be of no such kind.

    wanted: these kinds, in words. What is of no known kind is let pass: its reader says what it lacks.
    """
    refuse_foreign(path, wanted)
    kind = kind_of(path)
    known = kind in _NAMES and (kind != "spec" or Path(path).suffix in (".yaml", ".yml"))
    if known and kind not in kinds:
        name, instead = _NAMES[kind]
        raise LsmError(f"this is {name}, not {wanted}", where=str(path), hint=instead)


def _of_arrays(names: Set[str]) -> Kind:
    if "frames" in names:  # first what has a name of its own: weights may be those of samples
        return "frames"
    if "audio" in names:
        return "audio"
    if "spikes" in names:
        return "trace" if names - {"spikes", "starts"} else "stimulus"
    if names & {"weights", "populations"}:
        return "network"
    if any(name.endswith("_beats") for name in names):
        return "beats"
    return "stimulus" if {"t", "channel", "shape"} <= names else "arrays"


def _of_folder(folder: Path) -> Kind:
    with reading(folder):
        names = [file.name for file in _visible(folder)]
    if any(name.startswith("part-") and name.endswith(".npz") for name in names):
        return "trace"
    if any(name.endswith((".atr", ".qrs")) for name in names):
        return "beats"
    for suffixes, kind in _OF_SAMPLES.items():
        if any(name.lower().endswith(suffixes) for name in names) or files_by_class(folder, suffixes):
            return kind
    return "folder"


def files_by_class(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The files of these endings in folders of `folder`, which name a class each, in the order of their names."""
    with reading(folder):
        return [file for each in _visible(folder) if each.is_dir() for file in _plain(each, suffixes)]


def samples_in(folder: Path, suffixes: tuple[str, ...]) -> tuple[list[Path], bool]:
    """The files of these endings that are a sample each, and whether they stand in folders of classes.

    What is hidden is passed over, as editors and systems leave copies there; an LsmError names what else would be.
    """
    with reading(folder):
        plain, by_class = _plain(folder, suffixes), files_by_class(folder, suffixes)
        inner = [each for each in _visible(folder) if each.is_dir()]
        deeper = [] if plain else [file for each in inner for file in files_by_class(each, suffixes)]
    what, hint = "it lies deeper than others, and would be passed over", "move it beside them, or out of the folder"
    lost = by_class if plain else deeper
    raise_all([LsmError(what, where=str(file), hint=hint) for file in lost[:SHOWN]])
    return plain or by_class, not plain


def _visible(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if not each.name.startswith("."))


def _plain(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    return [file for file in _visible(folder) if file.suffix.lower() in suffixes]
