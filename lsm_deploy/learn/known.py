"""Runs over samples that are known again by their content: in this process, and on disk where they take long.

A run is of a program, the encoder with its ranges and seed, the frames, their role and place, the backend, and of what
is read; of nothing else. So a liquid is run once for all readouts of the same features: those that a sweep compares, or
a search tries, or the next command asks for. Of a fault of input spikes there is no digest, and no backend but ours is
trusted to answer the next time as it did this time: a board is to be asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from numpy.typing import NDArray

from lsm_deploy import store
from lsm_deploy.core.progress import Progress
from lsm_deploy.data import Frames, Role
from lsm_deploy.learn.listener import Listener
from lsm_deploy.learn.regression.states import StatesRun, finished, run_raw_states
from lsm_deploy.learn.runs import Run, Samples, run_samples
from lsm_deploy.run import backends
from lsm_deploy.run.memo import MEMO, Form, digest
from lsm_deploy.spec.schema import Readout, Regression

__all__ = ["known_float_run", "known_run", "known_states"]

_Of = TypeVar("_Of", Run, StatesRun)
_Facts = Mapping[str, Any]
_Arrays = Mapping[str, NDArray[Any]]

OURS = (backends.FAST, "emulator")
LARGE = 1 << 26
"""Steps times neurons and synapses of a run that is looked for on the disk: it takes a second or so."""


def known_run(
    listener: Listener,
    readout: Readout,
    data: Frames,
    role: Role,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    *,
    hold: int = 0,
) -> Run:
    """`run_samples`, or what it made of the same before. hold: as there; what is held is on no disk."""

    def run() -> Run:
        return run_samples(listener, readout, data, role, backend, progress, hold=hold)

    backend = backends.choose(backend, listener.program)
    what = "samples", readout.populations, readout.features, backend, hold
    return _known(listener, data, role, what, run, _RUN if backend in OURS and not hold else None)


def known_float_run(
    listener: Listener, readout: Readout, data: Frames, role: Role, liquid: bytes, run: Callable[[], Run]
) -> Run:
    """What a float liquid made of samples, or makes of them now; liquid: a digest of it."""
    return _known(listener, data, role, ("floats", readout.populations, readout.features, liquid), run, _RUN)


def known_states(
    listener: Listener,
    section: Regression,
    data: Frames,
    role: Role,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    *,
    warn: bool = False,
) -> StatesRun:
    """`run_states`, or what it made of the same before."""

    def run() -> StatesRun:
        return run_raw_states(listener, section, data, role, backend, progress, warn=warn)

    backend = backends.choose(backend, listener.program)
    # Without frames and squares, which are twice as much and made in no time.
    what = "states", section.populations, section.features.tau_ms, backend, warn
    raw = _known(listener, data, role, what, run, _STATES if backend in OURS else None)
    return replace(raw, features=finished(listener, section, raw.features, data))


def _known(
    listener: Listener, data: Frames, role: Role, what: tuple[Any, ...], run: Callable[[], _Of], form: Form[_Of] | None
) -> _Of:
    if listener.fault is not None:
        return run()
    network = listener.program.network
    key = digest(
        *(store.program_id(listener.program), listener.input, listener.ranges, listener.seed, listener.names),
        *(data.frames, data.starts, data.names, role, what),
    )
    large = int(listener.steps(data).sum()) * (network.neurons + network.synapses) >= LARGE
    return MEMO.get(key, run, lambda made: made.nbytes, form if large else None)


# --- as files ------------------------------------------------------------------------------------------------------


_SAMPLES = ("features", "encoded", "whole", "busiest", "entered")


def _run_parts(run: Run) -> tuple[_Facts, _Arrays]:
    arrays = {name: getattr(run.samples, name) for name in _SAMPLES}
    facts = {"steps": run.steps, "counts": dict(run.counts), "contaminated": int(run.contaminated)}
    return facts, {**arrays, "fired": run.fired}


def _run_made(facts: _Facts, arrays: _Arrays) -> Run:
    _check(arrays, **dict.fromkeys(("features", "encoded", "whole"), 2), busiest=1, entered=1, fired=1)
    if len({len(arrays[name]) for name in _SAMPLES}) > 1:
        raise ValueError("these are of different numbers of samples")
    features, encoded, whole, busiest, entered = (arrays[name] for name in _SAMPLES)
    samples = Samples(features, encoded, whole, busiest, entered)
    return Run(samples, arrays["fired"], facts["steps"], facts["counts"], facts["contaminated"])


def _states_parts(run: StatesRun) -> tuple[_Facts, _Arrays]:
    return {"steps": run.steps, "counts": dict(run.counts)}, {"features": run.features, "fired": run.fired}


def _states_made(facts: _Facts, arrays: _Arrays) -> StatesRun:
    _check(arrays, features=2, fired=1)
    return StatesRun(arrays["features"], arrays["fired"], facts["steps"], facts["counts"])


def _check(arrays: _Arrays, **dimensions: int) -> None:
    if {name: array.ndim for name, array in arrays.items()} != dimensions:
        raise ValueError("these are not the arrays of a run")


_RUN = Form(_run_parts, _run_made)
_STATES = Form(_states_parts, _states_made)
