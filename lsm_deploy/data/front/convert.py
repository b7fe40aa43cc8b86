"""From files and raw data to the frames that a spec's input takes: which front end, and whether it fits."""

from __future__ import annotations

from pathlib import Path

from lsm_deploy import data
from lsm_deploy.core.errors import LsmError, require_type
from lsm_deploy.data import Audio, Beats, Events, Frames, Raw, Role, load_raw
from lsm_deploy.data.front.audio import frames_of_audio
from lsm_deploy.data.front.beats import frames_of_beats
from lsm_deploy.data.front.events import frames_of_events
from lsm_deploy.spec.schema import AudioFrontEnd, BeatsFrontEnd, Data, EventsFrontEnd, FrontEnd, Spec

__all__ = ["frames_for", "load", "load_data", "recordings", "to_frames", "training_frames"]

_EXAMPLES = {
    Audio: "add `front_end: {kind: mel, rate_hz: ...}`, or gammatone",
    Beats: "add `front_end: {kind: beats, window_beats: ...}`",
    Events: "add `front_end: {kind: events, bin_ms: ...}`",
}


def load_data(spec: Spec, train: Path | None = None, test: Path | None = None) -> tuple[Frames, Frames]:
    """Training and test frames: those of two files or folders, or the ones that the spec names.

    Whether they may be used together is for `check_split` to say.
    """
    if train is not None and test is not None:
        return load(train, spec, "train"), load(test, spec, "test")
    raws = data.load_data(spec.data if spec.data is not None else Data(), spec.resampled_hz)
    return frames_for(raws[0], spec, "train"), frames_for(raws[1], spec, "test")


def load(path: str | Path, spec: Spec, role: Role = "test") -> Frames:
    """Frames from a file or folder of what the spec's front end takes, or of frames where it has none."""
    return frames_for(recordings(path, spec), spec, role)


def recordings(source: Raw | str | Path, spec: Spec) -> Raw:
    """Raw data, or those of a file or folder, read as the spec says."""
    section = spec.data if spec.data is not None else Data()
    if not isinstance(source, str | Path):
        require_type(source, (Frames, Audio, Beats, Events), "data", "read them with `load_raw`, or name their file")
        return source
    return load_raw(source, section.pattern, section.targets, mono=section.mono, rate_hz=spec.resampled_hz)


def training_frames(source: Frames | str | Path | None, spec: Spec) -> Frames:
    """Frames to train on, or those of a file or folder; without either, the spec's own."""
    if isinstance(source, Frames):
        return source
    own = data.load_data(spec.data or Data(), spec.resampled_hz)[0] if source is None else source
    return frames_for(recordings(own, spec), spec, "train")


def frames_for(raw: Raw, spec: Spec, role: Role = "test") -> Frames:
    """What the spec's front end makes of raw data, if its input takes that."""
    frames = to_frames(raw, spec.front_end, role=role, seed=spec.seed)
    if spec.front_end is None:
        data.check_channels(frames, spec.input)
    elif frames.channels != spec.input.channels:
        raise LsmError(
            f"the front end ({spec.front_end.kind}) makes {frames.channels} channels, the spec's input takes"
            f" {spec.input.channels}",
            where=frames.source,
            hint=f"set `input: {{channels: {frames.channels}}}`",
        )
    return frames


def to_frames(raw: Raw, front_end: FrontEnd | None, *, role: Role = "test", seed: int = 0) -> Frames:
    """What the front end makes of raw data; frames, which need none, stay as they are.

    role: only training data are augmented. seed: of the augmentation.
    """
    require_type(raw, (Frames, Audio, Beats, Events), "data", "read them with `load_raw`")
    if front_end is not None:
        kinds = (AudioFrontEnd, BeatsFrontEnd, EventsFrontEnd)
        require_type(front_end, kinds, "front end", "give that of a spec: `spec.front_end`")
    if isinstance(raw, Audio) and isinstance(front_end, AudioFrontEnd):
        return frames_of_audio(raw, front_end, role, seed)
    if isinstance(raw, Beats) and isinstance(front_end, BeatsFrontEnd):
        return frames_of_beats(raw, front_end)
    if isinstance(raw, Events) and isinstance(front_end, EventsFrontEnd):
        return frames_of_events(raw, front_end)
    if isinstance(raw, Frames):
        if front_end is None:
            return raw
        what = f"this is frames, and the spec's front end is for {front_end.kind}"
        raise LsmError(what, where=raw.source, hint="give the recordings, or remove front_end")
    kind = type(raw).__name__.lower()
    if front_end is None:
        raise LsmError(f"this is {kind}, and the spec has no front end", where=raw.source, hint=_EXAMPLES[type(raw)])
    what = f"this is {kind}, and the spec's front end is for {front_end.kind}"
    raise LsmError(what, where=raw.source, hint="choose other data, or another kind of front end")
