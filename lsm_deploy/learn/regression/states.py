"""States: what a readout of signals sees of a liquid after each frame, in integers, as the chip or its host holds them.

Frame k of a sample enters in steps k F up to (k + 1) F - 1, and has reached the messages of step (k + 1) F: each
sample is run for one more step, so that its last frame is seen, too. Of a graded population the state is the message
`[neuron]` of that step; of a spiking one it is the trace of its spikes up to and with that step (`traces` has the
register), shifted to 16 bits, as messages have at most, and rounded. `frame` puts the frame itself beside them, its
values within their range as -1..1 in 16 bits; `squares` puts the square of each beside it, in as many bits as it has
itself.

In floats, messages are what they stand for, traces are sums of exp(-(r - t) dt / tau) over spikes at t <= r.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import Network, Program, Stimulus
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Progress, part_of
from lsm_deploy.data import Frames, Role
from lsm_deploy.data.encoders import as_messages
from lsm_deploy.learn.listener import Listener
from lsm_deploy.learn.regression.traces import TRACE_BITS, decayed, traces
from lsm_deploy.run import backends
from lsm_deploy.run.extremes import warn_of_extremes
from lsm_deploy.run.reference import run_float
from lsm_deploy.spec.schema import Regression

__all__ = [
    "FRAME_BITS",
    "StatesRun",
    "finished",
    "frame_features",
    "graded_populations",
    "one_more_step",
    "run_float_states",
    "run_states",
    "squared",
    "steps_of_frame",
]

FRAME_BITS = 16
"""Of a value of a frame."""


@dataclass(frozen=True, eq=False)
class StatesRun:
    """A run over samples: features `[frame, feature]`; fired `[neuron]`: steps in which each neuron of the network sent
    something, of `steps` in all; counts: as in a trace."""

    features: NDArray[Any]
    fired: Ints
    steps: int
    counts: Mapping[str, int]

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, "counts", fired=np.int64, features=self.features.dtype)


def run_states(
    listener: Listener,
    section: Regression,
    data: Frames,
    role: Role = "test",
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    *,
    warn: bool = False,
) -> StatesRun:
    """Run all samples on a backend, and read the states after each frame, as integers.

    warn: an LsmWarning for each population that is silent or saturated.
    """
    program = listener.program
    _check_phase(listener, section)
    backend = backends.choose(backend, program)
    states, fired, counts, steps = [], np.zeros(program.network.neurons, np.int64), Counter[str](), 0
    total = int(listener.steps(data).sum()) + data.samples
    for stimulus in listener.stimuli(data, role):
        longer = one_more_step(stimulus)
        trace = backends.run_program(backend, program, longer, progress=part_of(progress, steps, total))
        states.append(_states(program, section, trace.spikes, longer.starts, steps_of_frame(listener)))
        if warn:
            warn_of_extremes(program, trace.spikes, longer)
        fired += np.count_nonzero(trace.spikes, axis=0)
        counts.update(trace.counts)
        steps += len(trace.spikes)
    return StatesRun(finished(listener, section, np.concatenate(states), data), fired, steps, dict(counts))


def finished(listener: Listener, section: Regression, states: Ints, data: Frames) -> Ints:
    """The features `[frame, feature]` of states `[frame, neuron]`: with frames and squares, where these are read."""
    if section.features.frame:
        states = np.column_stack([states, frame_features(listener, data)])
    if section.features.squares:
        states = np.column_stack([states, squared(states, _bits(listener.program, section, states.shape[1]))])
    return states


def run_float_states(
    network: Network,
    listener: Listener,
    section: Regression,
    data: Frames,
    role: Role = "test",
    progress: Progress | None = None,
) -> Floats:
    """The same of the float liquid that the program stands for `[frame, feature]`."""
    states, steps, total = [], 0, int(listener.steps(data).sum()) + data.samples
    for stimulus in listener.stimuli(data, role):
        longer = one_more_step(stimulus)
        trace = run_float(network, longer, progress=part_of(progress, steps, total))
        states.append(_float_states(listener.program, section, trace.spikes, longer.starts, steps_of_frame(listener)))
        steps += len(trace.spikes)
    floats = np.concatenate(states)
    if section.features.frame:
        floats = np.column_stack([floats, frame_features(listener, data) / (1 << FRAME_BITS - 1)])
    return np.column_stack([floats, floats**2]) if section.features.squares else floats


def steps_of_frame(listener: Listener) -> int:
    """The steps that a frame lasts."""
    assert listener.input.encoder is not None  # a spec with a readout has one
    return round(listener.input.encoder.frame_ms / listener.program.network.dt_ms)


def one_more_step(stimulus: Stimulus) -> Stimulus:
    """Every sample a step longer, in which nothing enters."""
    ends = np.append(stimulus.starts[1:], len(stimulus.spikes))
    return Stimulus(np.insert(stimulus.spikes, ends, 0, axis=0), stimulus.starts + np.arange(len(ends)))


def frame_features(listener: Listener, data: Frames) -> Ints:
    """The frames themselves `[frame, channel]`: -1 to 1 within the range of each channel, clipped, in 16 bits."""
    return as_messages(data.frames, listener.ranges, FRAME_BITS).astype(np.int64)


def squared(x: Ints, bits: Ints) -> Ints:
    """The squares of features `[row, feature]`, in as many bits as each has."""
    return fixed.round_shift(x * x, bits - 1)


def graded_populations(program: Program) -> set[str]:
    """Those whose messages say more than that a neuron fired."""
    return {p.name for p in program.network.populations if KINDS[p.kind].MESSAGE.graded}


def _check_phase(listener: Listener, section: Regression) -> None:
    """Graded neurons that do not move in every step send nothing in the others: what is read has to be theirs."""
    frame, errors = steps_of_frame(listener), []
    for population in listener.program.network.populations:
        period, phase = (population.registers.get(name, np.zeros(1, np.int64)) for name in ("period", "phase"))
        if population.name in section.populations and ((frame % np.maximum(period, 1) != 0) | (phase != 0)).any():
            what = f"its neurons send in step {phase.max()} of {period.max()}, and are read after each {frame} steps"
            hint = "let a frame last a multiple of `period` steps, and leave out `phase`"
            errors.append(LsmError(what, where=f"population {population.name!r}", hint=hint))
    raise_all(errors)


# --- one trace -----------------------------------------------------------------------------------------------------


def _rows(starts: Ints, steps: int, frame: int) -> Ints:
    """The step after each frame `[frame]`, of samples that are a step longer than their frames are."""
    ends = np.append(starts[1:], steps)
    rows: Ints = np.concatenate([np.arange(a + frame, b, frame) for a, b in zip(starts, ends, strict=True)])
    return rows


def _states(program: Program, section: Regression, spikes: NDArray[Any], starts: Ints, frame: int) -> Ints:
    network, parts, graded = program.network, [], graded_populations(program)
    for name in section.populations:
        mine = spikes[:, network.columns(name)]
        if name in graded:
            parts.append(mine[_rows(starts, len(spikes), frame)].astype(np.int64))
        else:
            parts.append(traces(mine, starts, frame, section.features.tau_ms, network.dt_ms))
    return np.concatenate(parts, axis=1)


def _float_states(program: Program, section: Regression, spikes: NDArray[Any], starts: Ints, frame: int) -> Floats:
    network, parts, graded = program.network, [], graded_populations(program)
    rows = _rows(starts, len(spikes), frame)
    for name in section.populations:
        mine = spikes[:, network.columns(name)]
        if name not in graded:
            mine = decayed(mine, starts, section.features.tau_ms / network.dt_ms)
        parts.append(mine[rows].astype(np.float64))
    return np.concatenate(parts, axis=1)


def _bits(program: Program, section: Regression, features: int) -> Ints:
    """Of each feature, before squares `[feature]`."""
    there = {p.name: p.registers.get("message_bits", np.full(p.size, TRACE_BITS)) for p in program.network.populations}
    bits = np.concatenate([there[name] for name in section.populations]).astype(np.int64)
    return np.concatenate([bits, np.full(features - len(bits), FRAME_BITS)])
