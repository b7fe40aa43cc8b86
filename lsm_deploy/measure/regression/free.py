"""How far a model may run freely, its forecasts fed back as input: errors by how many frames ahead they lie.

From each of several origins in a series the model goes on alone;

    NRMSE(k) = sqrt(mean over origins of (forecast - truth)^2 at k frames ahead / variance of the series)

and its horizon is the largest k up to which that stays below a limit. Beside it the float liquid runs that the program
stands for, from the same origins, with a readout in floats: what the integers cost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.compile.place.cores import place_network
from lsm_deploy.core.boards import NOWHERE
from lsm_deploy.core.errors import LsmError, MisuseError, require_type
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import Network, Program
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.shown import Reported
from lsm_deploy.data import Frames
from lsm_deploy.data.front import training_frames
from lsm_deploy.learn.attach import OUTPUT
from lsm_deploy.learn.regression.following import free_run, free_run_in_floats
from lsm_deploy.learn.regression.linear import Regressor, fit
from lsm_deploy.learn.regression.model import RegressionModel, regression_of
from lsm_deploy.learn.regression.pairs import check_series, pairs_of
from lsm_deploy.learn.regression.states import run_float_states
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import Spec
from lsm_deploy.store import program_id

__all__ = ["FreeRun", "measure_free"]

LIMIT = 0.5


@dataclass(frozen=True, eq=False, repr=False)
class FreeRun(Reported):
    """The errors of free runs.

    nrmse `[step]`: 1, 2, ... frames after each of the `origins`; forecasts and true `[origin, step, channel]`. floats:
    the same of the float liquid, if a spec said what that is.
    """

    origins: tuple[int, ...]
    nrmse: Floats
    forecasts: Floats
    true: Floats
    floats: FreeRun | None = None

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, nrmse=np.float64, forecasts=np.float64, true=np.float64)

    def horizon(self, limit: float = LIMIT) -> int:
        """Frames ahead up to which the NRMSE is at most the limit."""
        beyond = np.flatnonzero(self.nrmse > limit)
        return int(beyond[0]) if len(beyond) else len(self.nrmse)


def measure_free(
    model: RegressionModel,
    data: Frames,
    steps: int,
    origins: int = 10,
    backend: str = backends.DEFAULT,
    *,
    spec: Spec | None = None,
    train: Frames | str | Path | None = None,
) -> FreeRun:
    """Run a model freely for `steps` frames from origins that are spread evenly over a series, after the washout.

    spec: that the model was trained by, to run the float liquid beside it. train: what that is trained on, if not the
    spec's own training data.
    """
    require_type(model, RegressionModel, "model", "train one with `ld.train_regression`")
    require_type(data, Frames, "data", "read them with `load_frames`")
    for asked, name in ((steps, "steps"), (origins, "origins")):
        require_type(asked, int, f"number of {name}", "give a whole number")
    if origins < 1 or steps < 1:
        raise MisuseError(f"{origins} origins and {steps} steps are asked for", hint="ask for at least 1 of each")
    first, last = model.readout.washout, len(data.frames) - steps - 1
    if last < first:
        what = f"{len(data.frames)} frames hold no washout of {first} and {steps} frames after it"
        raise LsmError(what, where=data.source, hint="run fewer steps, or give a longer series")
    places = tuple(dict.fromkeys(np.linspace(first, last, origins).astype(int).tolist()))
    true = np.stack([data.frames[k + 1 : k + 1 + steps] for k in places])

    def errors(forecasts: Floats, floats: FreeRun | None = None) -> FreeRun:
        share = (forecasts - true) ** 2 / np.var(data.frames, axis=0)
        return FreeRun(places, np.sqrt(share.mean(axis=(0, 2))), forecasts, true, floats)

    floats = None
    if spec is not None:
        network, regressor = _float_liquid(model, spec, train)
        floats = errors(free_run_in_floats(network, regressor, model, data, steps, places))
    return errors(free_run(model, data, steps, places, backend), floats)


def _float_liquid(model: RegressionModel, spec: Spec, train: Frames | str | Path | None) -> tuple[Network, Regressor]:
    """The float liquid of a model's spec, and a readout of it that is trained as the model's was."""
    compiled = compile_spec(spec)
    if _liquid(compiled.program) != _liquid(model.program) or regression_of(spec) != model.readout:
        raise LsmError(
            "the model was not trained by this spec", where="spec", hint="give the model's own, seed and all"
        )
    section, data = model.readout, training_frames(train, spec)
    check_series(section, data)
    pairs = pairs_of(data, section)
    states = run_float_states(compiled.network, model.listener, section, data, "train")[pairs.rows]
    return compiled.network, fit(states, pairs.targets, section, section.horizon)


def _liquid(program: Program) -> str:
    """What names a program's liquid: output neurons, and where neurons are placed, make no difference."""
    network = program.network
    populations = tuple(p for p in network.populations if p.name != OUTPUT)
    projections = tuple(p for p in network.projections if p.target != OUTPUT)
    return program_id(place_network(replace(network, populations=populations, projections=projections), NOWHERE))
