"""Features less what is usual for their group: a speaker's, or a patient's, own mean is no news of the class.

The mean is that of the group's samples in the same data, rounded to whole numbers where features are; whoever answers
for a new speaker needs some samples of his first, but no labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError

__all__ = ["centred"]


def centred(features: NDArray[Any], groups: Sequence[str], source: str = "data") -> NDArray[Any]:
    """Of features `[sample, feature]`, the mean over their group's samples taken off."""
    if not groups:
        what = "features are to be centred by group, but the data do not say to which each sample belongs"
        raise LsmError(what, where=source, hint="add groups, or set `readout: {centre: none}`")
    number = np.unique(np.array(groups), return_inverse=True)[1]
    many = np.bincount(number)[:, None]
    if alone := sorted({name for name, i in zip(groups, number.tolist(), strict=True) if many[i] == 1}):
        more = f" and {len(alone) - 1} more" if len(alone) > 1 else ""
        what = f"group {alone[0]!r}{more} has a single sample: less its own mean, nothing is left of it"
        raise LsmError(what, where=source, hint="give several samples of each group, or set `readout: {centre: none}`")
    rows = np.split(np.argsort(number, kind="stable"), np.cumsum(many)[:-1])
    total = np.stack([features[own].sum(axis=0) for own in rows])
    # Half up, in integers: the same on every machine.
    mean = (2 * total + many) // (2 * many) if features.dtype.kind == "i" else total / many
    return np.asarray(features - mean[number])
