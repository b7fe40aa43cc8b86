"""How far a model may run freely, its forecasts fed back as input: errors by how many frames ahead they lie.

From each of several origins in a series the model goes on alone;

    NRMSE(k) = sqrt(mean over origins of (forecast - truth)^2 at k frames ahead / variance of the series)

and its horizon is the largest k up to which that stays below a limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsm_deploy.core.errors import LsmError, MisuseError, require_type
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import Frames
from lsm_deploy.learn.regression.following import free_run
from lsm_deploy.learn.regression.model import RegressionModel
from lsm_deploy.run import backends

__all__ = ["FreeRun", "measure_free"]

LIMIT = 0.5


@dataclass(frozen=True, eq=False)
class FreeRun:
    """The errors of free runs.

    nrmse `[step]`: 1, 2, ... frames after each of the `origins`; forecasts and true `[origin, step, channel]`.
    """

    origins: tuple[int, ...]
    nrmse: Floats
    forecasts: Floats
    true: Floats

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, nrmse=np.float64, forecasts=np.float64, true=np.float64)

    def horizon(self, limit: float = LIMIT) -> int:
        """Frames ahead up to which the NRMSE is at most the limit."""
        beyond = np.flatnonzero(self.nrmse > limit)
        return int(beyond[0]) if len(beyond) else len(self.nrmse)


def measure_free(
    model: RegressionModel, data: Frames, steps: int, origins: int = 10, backend: str = backends.DEFAULT
) -> FreeRun:
    """Run a model freely for `steps` frames from origins that are spread evenly over a series, after the washout."""
    require_type(model, RegressionModel, "model", "train one with `ld.train_regression`")
    if origins < 1 or steps < 1:
        raise MisuseError(f"{origins} origins and {steps} steps are asked for", hint="ask for at least 1 of each")
    first, last = model.readout.washout, len(data.frames) - steps - 1
    if last < first:
        what = f"{len(data.frames)} frames hold no washout of {first} and {steps} frames after it"
        raise LsmError(what, where=data.source, hint="run fewer steps, or give a longer series")
    places = tuple(dict.fromkeys(np.linspace(first, last, origins).astype(int).tolist()))
    forecasts = free_run(model, data, steps, places, backend)
    true = np.stack([data.frames[k + 1 : k + 1 + steps] for k in places])
    share = (forecasts - true) ** 2 / np.var(data.frames, axis=0)
    return FreeRun(places, np.sqrt(share.mean(axis=(0, 2))), forecasts, true)
