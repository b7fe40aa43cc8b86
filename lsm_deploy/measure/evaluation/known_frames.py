"""Frames that front ends make of recordings, known again by content; on disk where that takes long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.data import Frames, Raw, Role
from lsm_deploy.data.front import frames_for
from lsm_deploy.run.memo import MEMO, Form, digest
from lsm_deploy.spec.schema import AudioFrontEnd, Spec

__all__ = ["frames_of"]

LARGE = 1 << 20
"""Bytes of recordings whose frames are looked for on the disk."""


def frames_of(part: Raw, spec: Spec, role: Role) -> Frames:
    """What the spec's front end makes of recordings: known again, where another liquid was given the same."""
    if isinstance(part, Frames):
        return part if spec.front_end is not None else frames_for(part, spec, role)
    # Only sound is altered, and only for training.
    seed = spec.seed if isinstance(spec.front_end, AudioFrontEnd) and role == "train" else None
    key = digest("frames", spec.front_end, spec.input.channels, role, seed, part)
    large = sum(array.nbytes for array in _split(part)[1].values()) >= LARGE
    return MEMO.get(
        key, lambda: frames_for(part, spec, role), lambda made: made.frames.nbytes, _FORM if large else None
    )


def _split(raw: Raw) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Facts and arrays of data."""
    values = {each.name: getattr(raw, each.name) for each in fields(raw)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    return {name: value for name, value in values.items() if name not in arrays}, arrays


def _joined(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Frames:
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
    every: dict[str, Any] = {**plain, **arrays}
    return Frames(**every)


_FORM = Form(_split, _joined)
