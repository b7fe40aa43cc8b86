"""Which frames are answered, and what the answers should be.

Frame k of a sample is paired with the target of frame k + horizon, from the washout on, as far as the sample goes. The
targets of a signal are its own frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import Frames, check_targets
from lsm_deploy.learn.readout.ridge import LARGEST
from lsm_deploy.spec.schema import Regression

__all__ = ["Pairs", "check_series", "output_names", "pairs_of", "series_of"]


@dataclass(frozen=True, eq=False)
class Pairs:
    """rows `[pair]`: the frames that are answered, of all samples end to end; targets `[pair, output]`."""

    rows: Ints
    targets: Floats

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, rows=np.int64, targets=np.float64)


def pairs_of(data: Frames, section: Regression) -> Pairs:
    """The pairs of all samples, in their order; data: as `check_series` lets them pass."""
    series = series_of(data, section)
    firsts, ends = data.starts + section.washout, data.starts + data.lengths - section.horizon
    rows = np.concatenate([np.arange(a, b) for a, b in zip(firsts, ends, strict=True)])
    return Pairs(rows, series[rows + section.horizon])


def series_of(data: Frames, section: Regression) -> Floats:
    """What is to be answered `[frame, output]`, in the frame that it belongs to."""
    return data.frames if section.target == "signal" else data.targets


def output_names(data: Frames, section: Regression) -> tuple[str, ...]:
    """What the outputs are called."""
    names = data.names if section.target == "signal" else data.target_names
    return names or tuple(str(i) for i in range(series_of(data, section).shape[1]))


def check_series(section: Regression, train: Frames, test: Frames | None = None) -> None:
    """Raise, all at once, what keeps the data from being answered: no targets, or a sample that is too short."""
    parts = [train] if test is None else [train, test]
    if section.target == "targets":
        check_targets(train, test)
    raise_all([error for part in parts for error in [*_too_short(section, part), *_too_large(section, part)]])


def _too_large(section: Regression, data: Frames) -> list[LsmError]:
    largest = float(np.abs(series_of(data, section)).max())
    if largest <= LARGEST:
        return []
    what = f"what is to be answered reaches {largest:g}, and its squares overflow"
    return [LsmError(what, where=data.source, hint=f"scale it to at most {LARGEST:g}")]


def _too_short(section: Regression, data: Frames) -> list[LsmError]:
    shortest, at = int(data.lengths.min()), int(data.lengths.argmin())
    if shortest > section.washout + section.horizon:
        return []
    of = f"sample {at} has" if data.samples > 1 else "the series has"
    if section.horizon >= shortest:
        what = f"{of} {shortest} frames, and the horizon lies {section.horizon} frames ahead: no frame has its answer"
        return [LsmError(what, where=data.source, hint=f"set `readout: {{horizon: ...}}` below {shortest}")]
    most = shortest - section.horizon - 1
    what = f"{of} {shortest} frames: a washout of {section.washout} and a horizon of {section.horizon} leave none"
    hint = f"set `readout: {{washout: {most}}}` or less, or give longer samples"
    return [LsmError(what, where=data.source, hint=hint)]
