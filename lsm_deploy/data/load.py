"""Files, folders and data sets by name, found out by their content, as raw data."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lsm_deploy.core.errors import AbsentError, LsmError, MisuseError, raise_all, require_path
from lsm_deploy.data.audio_files import Sound, audio_from_arrays, load_sound
from lsm_deploy.data.beat_files import beats_from_arrays, load_wfdb
from lsm_deploy.data.event_files import load_tonic
from lsm_deploy.data.frame_files import load_frames, load_tables, refuse_columns
from lsm_deploy.data.frames import make_frames, starts_of
from lsm_deploy.data.raw import Frames, Raw
from lsm_deploy.data.series import load_series
from lsm_deploy.spec.schema import Data
from lsm_deploy.spec.series import SERIES
from lsm_deploy.store import DATA, kind_of, read_arrays, refuse_other

__all__ = ["load_data", "load_dataset", "load_raw", "require_there"]


def load_data(data: Data, rate_hz: float | None = None) -> tuple[Raw, Raw]:
    """The training and test data that a spec names; rate_hz: resample sound to it."""
    if data.dataset in SERIES:
        return load_series(data)
    if data.dataset is not None:
        return load_dataset(data.dataset, data.root, data.drop_outside)
    if data.train is None or data.test is None:
        hint = "add a data section, or give training and test data"
        raise MisuseError("the spec names no data", where="spec", hint=hint)
    require_there(data.train, data.test)
    train, test = (
        load_raw(path, data.pattern, data.targets, mono=data.mono, rate_hz=rate_hz) for path in (data.train, data.test)
    )
    return train, test


def require_there(*paths: object) -> None:
    """An LsmError for each of these paths where nothing is: what is no path is let pass."""
    missing = [path for path in paths if isinstance(path, str | Path) and not Path(path).exists()]
    what = "cannot read: No such file or directory"
    raise_all([AbsentError(what, where=str(path), hint="check the path") for path in missing])


def load_raw(
    path: str | Path,
    pattern: str | None = None,
    targets: Sequence[str] = (),
    leave_out: Sequence[str] = (),
    *,
    mono: bool = False,
    rate_hz: float | None = None,
    labelled: bool = True,
) -> Raw:
    """Read frames, sound or beats from a file or a folder; an LsmError says what it does not hold.

    pattern: how sound files are named, if not as the default: a regular expression with groups label, group and take.
    targets: the columns of a CSV that are values to be predicted, and no channels. leave_out: those that are not read,
    and need not be there. mono: mix channels of sound down to one. rate_hz: resample sound to it. labelled: False lets
    names of sound files be any, which then have no labels.
    """
    path = require_path(path)
    refuse_other(path, "data", *DATA)
    kind = kind_of(path)
    if path.suffix != ".csv":
        refuse_columns(targets, path)
    sound = Sound(mono, rate_hz)
    if kind == "audio" and path.suffix != ".npz":
        return load_sound(path, pattern, sound, labelled)
    if kind == "beats" and path.suffix != ".npz":
        return load_wfdb(path)
    if kind == "frames" and path.is_dir():
        return load_tables(path, targets, leave_out)
    if path.is_dir():
        here = ", ".join(sorted({file.suffix.lower() or "nameless files" for file in path.iterdir()})) or "no files"
        what = f"the folder holds neither sound (.wav, .flac), tables (.csv) nor WFDB annotations; here are {here}"
        raise LsmError(what, where=str(path), hint="check the path")
    if kind == "audio":
        return audio_from_arrays(read_arrays(path), str(path), sound)
    if kind == "beats":
        return beats_from_arrays(read_arrays(path), str(path))
    if kind != "frames" and path.suffix not in (".npz", ".csv"):
        what = f"data cannot be read from a {path.suffix or 'nameless'} file"
        hint = "give .npz, .csv, .wav or .flac, a WFDB record, or a folder of such"
        raise LsmError(what, where=str(path), hint=hint)
    return load_frames(path, targets, leave_out)


def load_dataset(name: str, root: Path | None = None, drop_outside: bool = False) -> tuple[Raw, Raw]:
    """`japanese_vowels`: the training and test part of real speech that ships inside sktime, without a download.

    270 and 370 utterances of two vowels by 9 speakers (the labels), each 7 to 29 frames of 12 LPC cepstra.
    Kudo, Toyama & Shimbo, Pattern Recognition Letters 20 (1999).

    `tonic:NAME`: event data, below the folder `root`; drop_outside: without the events that are off the sensor.
    """
    if name.startswith("tonic:") and root is not None:
        return load_tonic(name.removeprefix("tonic:"), root, drop_outside)
    if name != "japanese_vowels":
        hint = f"choose from japanese_vowels, {', '.join(SERIES)}, or tonic:NAME and its root, or give files"
        raise LsmError(f"there is no data set {name!r}", hint=hint)
    folder = _japanese_vowels()
    train, test = (folder / f"JapaneseVowels_{part}.ts" for part in ("TRAIN", "TEST"))
    return _read_ts(train, f"{name} train"), _read_ts(test, f"{name} test")


def _japanese_vowels() -> Path:
    """The folder inside the installed sktime, which is not imported: that takes seconds."""
    package = importlib.util.find_spec("sktime")
    if package is None or package.origin is None:
        what = "japanese_vowels comes with sktime, which is not installed"
        raise AbsentError(what, where="data set 'japanese_vowels'", hint="pip install 'lsm-deploy[data]'")
    return Path(package.origin).parent / "datasets" / "data" / "JapaneseVowels"


def _read_ts(path: Path, source: str) -> Frames:
    """A text file of series: after `@data` a line a sample, its channels and then its label separated by colons."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        what = f"japanese_vowels comes with sktime, and the installed one does not have it: {error.strerror}"
        raise LsmError(what, where=str(path), hint="pip install 'sktime>=1.0,<2'") from None
    lines = text[text.index("@data\n") :].splitlines()[1:]
    samples, labels = [], []
    for line in lines:
        *channels, label = line.split(":")
        samples.append(np.array([channel.split(",") for channel in channels], float).T)
        labels.append(label)
    return make_frames(np.concatenate(samples), starts_of([len(s) for s in samples]), labels, source)
