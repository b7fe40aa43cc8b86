"""What a chip or a simulator did, kept so that it can be replayed: a folder of one manifest and three files.

    recording.json   {"format": 1,
                      "program": "program.lsm",     or an integer network NET.npz
                      "stimulus": "stimulus.npz",   spikes [t, channel], starts
                      "trace": "trace.npz",         spikes and registers [t, neuron], `view`: sim or chip
                      "silicon": true,              false: a simulator other than ours
                      "recorded_on": "Loihi 2",     the chip and board, or the simulator and its version
                      "source": "...",              where it comes from, and who made it
                      "licence": "BSD-3-Clause",
                      "population": "",             the trace holds this population only; "": all neurons
                      "first_step": 0}              the step of the trace's first row

The last two may be left out. `first_step` is how the recording was made (an adapter that answers two steps late, say),
known from elsewhere: it is never to be found by shifting the data until they fit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lsm_deploy import store
from lsm_deploy.core.errors import LsmError, raise_all, require_path, require_type
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.shown import Reported
from lsm_deploy.learn.deployable import compile_any
from lsm_deploy.store.files import read_json

__all__ = ["Recording", "load_recording", "load_recordings", "save_recording"]

MANIFEST = "recording.json"
NAMES = (MANIFEST, "program.lsm", "stimulus.npz", "trace.npz")
FORMAT = 1


@dataclass(frozen=True, eq=False, repr=False)
class Recording(Reported):
    """A program, its input, and what was recorded: of all neurons, or of one population, from `first_step` on."""

    name: str
    program: Program
    stimulus: Stimulus
    trace: Trace
    silicon: bool
    recorded_on: str
    source: str
    licence: str
    population: str = ""
    first_step: int = 0

    @property
    def columns(self) -> slice:
        """The neurons that were recorded."""
        network = self.program.network
        if not self.population:
            return slice(0, network.neurons)
        return network.columns(self.population)

    @property
    def rows(self) -> slice:
        """The steps that were recorded."""
        return slice(self.first_step, self.first_step + len(self.trace.spikes))


_FACTS = tuple(field.name for field in fields(Recording))[4:]
_FILES = ("program", "stimulus", "trace")
_TYPES = {name: str for name in (*_FILES, *_FACTS)} | {"silicon": bool, "first_step": int}
_OPTIONAL = ("population", "first_step")


def save_recording(folder: str | Path, recording: Recording) -> None:
    """Write a recording's folder."""
    require_type(recording, Recording, "recording", "make a `Recording`")
    identity = store.program_id(recording.program)
    manifest = {
        "format": FORMAT,
        "program": "program.lsm",
        "stimulus": "stimulus.npz",
        "trace": "trace.npz",
        **{name: getattr(recording, name) for name in _FACTS},
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    with store.new_folder(folder, NAMES) as made:
        store.save_program(made / "program.lsm", recording.program)
        store.save_stimulus(made / "stimulus.npz", recording.stimulus)
        store.save_trace(made / "trace.npz", recording.trace, program=identity, backend=recording.recorded_on)
        store.write_text(made / MANIFEST, text)


def load_recordings(folder: str | Path) -> Sequence[Recording]:
    """Every recording in a folder and below it, by path; all that is wrong with them at once."""
    folder = require_path(folder)
    if not folder.is_dir():
        raise LsmError("there is no such folder", where=str(folder), hint="give a folder of recordings")
    manifests = sorted(folder.rglob(MANIFEST))
    if not manifests:
        raise LsmError(
            f"there is no {MANIFEST} in it or below it",
            where=str(folder),
            hint="make a recording with `lsm-deploy import-recording`, or write one "
            "(its format: `lsm-deploy manual files`)",
        )
    recordings: list[Recording] = []
    errors: list[LsmError] = []
    for manifest in manifests:
        try:
            recordings.append(load_recording(manifest.parent, root=folder))
        except LsmError as error:
            errors += error.each()
    raise_all(errors)
    return recordings


def load_recording(folder: Path, root: Path | None = None) -> Recording:
    """The recording in a folder; it is named by its path below `root`."""
    where = str(folder / MANIFEST)
    manifest = _manifest(folder / MANIFEST)
    errors: list[LsmError] = []
    parts: dict[str, Any] = {}
    readers: dict[str, Any] = {"program": _program, "stimulus": store.load_stimulus, "trace": _trace}
    for name, read in readers.items():
        try:
            parts[name] = read(folder / manifest[name])
        except LsmError as error:
            errors += error.each()
    raise_all(errors)
    within = folder.relative_to(root) if root is not None and folder != root else Path(folder.resolve().name)
    recording = Recording(
        name=within.as_posix(), **parts, **{name: manifest[name] for name in _FACTS if name in manifest}
    )
    _check(recording, where)
    return recording


def _manifest(file: Path) -> dict[str, Any]:
    where = str(file)
    manifest = read_json(file)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        version = manifest.get("format") if isinstance(manifest, dict) else None
        raise LsmError(
            f"the recording has format {version}, this version reads {FORMAT}",
            where=where,
            hint=f'write "format": {FORMAT}',
        )
    errors: list[LsmError] = []
    for name in manifest.keys() - {"format", *_TYPES}:
        errors.append(LsmError(f"there is no key {name!r} in a recording", where=where, hint="leave it out"))
    for name, kind in _TYPES.items():
        if name not in manifest:
            if name not in _OPTIONAL:
                errors.append(LsmError(f"the key {name!r} is missing", where=where, hint=f"write a {_WORDS[kind]}"))
        elif not isinstance(manifest[name], kind) or (kind is int and isinstance(manifest[name], bool)):
            what = f"{name} is {manifest[name]!r}, not a {_WORDS[kind]}"
            errors.append(LsmError(what, where=where, hint=f"write a {_WORDS[kind]}"))
    raise_all(sorted(errors, key=lambda error: error.what))
    return manifest


_WORDS = {str: "text", bool: "truth value (true or false)", int: "whole number"}


def _program(file: Path) -> Program:
    return compile_any(file).program


def _trace(file: Path) -> Trace:
    return store.load_trace(file).trace


def _check(recording: Recording, where: str) -> None:
    network = recording.program.network
    if recording.population and recording.population not in network.sizes:
        what = f"there is no population {recording.population!r} in the program, only {', '.join(network.sizes)}"
        raise LsmError(what, where=where, hint="name one of these, or leave the key out")
    spikes, columns = recording.trace.spikes, recording.columns
    steps = len(recording.stimulus.spikes)
    mistakes = []
    if recording.stimulus.spikes.shape[1] != network.channels:
        mistakes.append(
            f"the stimulus has {recording.stimulus.spikes.shape[1]} channels, the program takes {network.channels}"
        )
    if spikes.shape[1] != columns.stop - columns.start:
        mistakes.append(f"the trace has {spikes.shape[1]} neurons, the program {columns.stop - columns.start}")
    if recording.first_step < 0 or recording.rows.stop > steps:
        mistakes.append(
            f"the trace covers steps {recording.first_step} to {recording.rows.stop - 1}, the stimulus has {steps}"
        )
    raise_all([LsmError(what, where=where, hint="record program, stimulus and trace in one run") for what in mistakes])
