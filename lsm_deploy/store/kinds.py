"""What a file or a folder is, by its content: the one table of the kinds of files there are.

first bytes      LSMDEPL: a program, a model or a state, as the header says; PK (a zip): arrays, by their names
names of arrays  weights: a network; audio, frames, *_beats: data; spikes: a trace, or a stimulus without registers
folders          parts: a trace; WAV files: audio; WFDB annotations: beats
else             text: frames where it is called .csv, which looks like any other text; a spec otherwise
"""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import Literal, TypeAlias

from lsm_deploy.store.container import is_packed, kind_in
from lsm_deploy.store.files import opened, reading
from lsm_deploy.store.npz import names_of_arrays

__all__ = ["DATA", "Kind", "kind_of"]

Kind: TypeAlias = Literal[
    "program", "model", "state", "network", "trace", "stimulus", "frames", "audio", "beats", "spec", "arrays", "folder"
]
"""`arrays` and `folder`: those that none of the others would write."""

DATA = ("frames", "audio", "beats")
"""The kinds that hold recordings of a world, to be encoded."""


def kind_of(path: str | Path) -> Kind:
    """What is at the path, as far as its beginning or its names tell; an LsmError where nothing can be read.

    What a file says it is may still be damaged: its loader says so.
    """
    path = Path(path)
    if path.is_dir():
        return _of_folder(path)
    with opened(path) as (file, _):
        start = file.read(16)
        if is_packed(start):
            return kind_in(start, file)
    if start.startswith(b"PK"):
        return _of_arrays(names_of_arrays(path))
    return "frames" if path.suffix == ".csv" else "spec"


def _of_arrays(names: Set[str]) -> Kind:
    if "weights" in names:
        return "network"
    if "audio" in names:
        return "audio"
    if "frames" in names:
        return "frames"
    if any(name.endswith("_beats") for name in names):
        return "beats"
    if "spikes" in names:
        return "trace" if names - {"spikes", "starts"} else "stimulus"
    return "stimulus" if {"t", "channel", "shape"} <= names else "arrays"


def _of_folder(folder: Path) -> Kind:
    with reading(folder):
        names = [file.name for file in folder.iterdir()]
    if any(name.lower().endswith(".wav") for name in names):
        return "audio"
    if any(name.endswith((".atr", ".qrs")) for name in names):  # wfdb itself looks for small letters
        return "beats"
    return "trace" if any(name.startswith("part-") and name.endswith(".npz") for name in names) else "folder"
