"""States: what a readout of signals sees of a liquid after each frame, in integers, as the chip or its host holds them.

Frame k of a sample enters in steps k F up to (k + 1) F - 1, and has reached the messages of step (k + 1) F: each
sample is run for one more step, so that its last frame is seen, too. Of a graded population the state is the message
`[neuron]` of that step; of a spiking one it is the trace of its spikes up to and with that step (`traces` has the
register), shifted to 16 bits, as messages have at most, and rounded. `frame` puts the frame itself beside them, its
values within their range as -1..1; `squares` puts the square of each beside it.

A host has more bits than messages: all features have 24, whose unit is 2**-23 of the largest that there can be. States
are shifted to that, frames and squares rounded. A square of 16 bits would lose half of what its feature says.

In floats, messages are what they stand for, traces are sums of exp(-(r - t) dt / tau) over spikes at t <= r.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from lsm_deploy.data.encoders import within_range
from lsm_deploy.learn.listener import Listener
from lsm_deploy.learn.regression.integer import FEATURE_BITS
from lsm_deploy.learn.regression.traces import TRACE_BITS, decayed, traces
from lsm_deploy.run import backends
from lsm_deploy.run.extremes import warn_of_extremes
from lsm_deploy.run.reference import run_float
from lsm_deploy.spec.schema import Regression

__all__ = [
    "StatesRun",
    "bits_of",
    "finished",
    "finished_in_floats",
    "frame_features",
    "frame_rows",
    "graded_populations",
    "more_steps",
    "run_float_states",
    "run_raw_states",
    "run_states",
    "squared",
    "states_of",
    "steps_of_frame",
]

_UNIT = 1 << FEATURE_BITS - 1


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

    @property
    def nbytes(self) -> int:
        return self.features.nbytes + self.fired.nbytes


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
    raw = run_raw_states(listener, section, data, role, backend, progress, warn=warn)
    return replace(raw, features=finished(listener, section, raw.features, data))


def run_raw_states(
    listener: Listener,
    section: Regression,
    data: Frames,
    role: Role,
    backend: str,
    progress: Progress | None,
    *,
    warn: bool,
) -> StatesRun:
    """The same, of the states alone `[frame, neuron]`, with no frames or squares beside them."""
    program = listener.program
    _check_phase(listener, section)
    backend = backends.choose(backend, program)
    states, fired, counts, steps = [], np.zeros(program.network.neurons, np.int64), Counter[str](), 0
    total = int(listener.steps(data).sum()) + data.samples
    for stimulus in listener.stimuli(data, role):
        longer = more_steps(stimulus)
        trace = backends.run_program(backend, program, longer, progress=part_of(progress, steps, total))
        states.append(_states(program, section, trace.spikes, longer.starts, steps_of_frame(listener)))
        if warn:
            warn_of_extremes(program, trace.spikes, longer)
        fired += np.count_nonzero(trace.spikes, axis=0)
        counts.update(trace.counts)
        steps += len(trace.spikes)
    return StatesRun(np.concatenate(states), fired, steps, dict(counts))


def finished(listener: Listener, section: Regression, states: Ints, data: Frames) -> Ints:
    """The features `[frame, feature]` of states `[frame, neuron]`: with frames and squares, where these are read."""
    features: Ints = states << FEATURE_BITS - bits_of(listener.program, section)
    if section.features.frame:
        features = np.column_stack([features, frame_features(listener, data)])
    return np.column_stack([features, squared(features)]) if section.features.squares else features


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
        longer = more_steps(stimulus)
        trace = run_float(network, longer, progress=part_of(progress, steps, total))
        states.append(_float_states(listener.program, section, trace.spikes, longer.starts, steps_of_frame(listener)))
        steps += len(trace.spikes)
    return finished_in_floats(listener, section, np.concatenate(states), data)


def finished_in_floats(listener: Listener, section: Regression, states: Floats, data: Frames) -> Floats:
    """The same as `finished` of float states `[frame, neuron]`."""
    if section.features.frame:
        states = np.column_stack([states, frame_features(listener, data) / _UNIT])
    return np.column_stack([states, states**2]) if section.features.squares else states


def steps_of_frame(listener: Listener) -> int:
    """The steps that a frame lasts."""
    assert listener.input.encoder is not None  # a spec with a readout has one
    return round(listener.input.encoder.frame_ms / listener.program.network.dt_ms)


def more_steps(stimulus: Stimulus, steps: int = 1) -> Stimulus:
    """Every sample some steps longer, in which nothing enters."""
    ends = np.repeat(np.append(stimulus.starts[1:], len(stimulus.spikes)), steps)
    longer = np.insert(stimulus.spikes, ends, 0, axis=0)
    return Stimulus(longer, stimulus.starts + steps * np.arange(len(stimulus.starts)))


def states_of(program: Program, section: Regression, features: Ints) -> Ints:
    """The states `[frame, neuron]` that features came from."""
    bits = bits_of(program, section)
    states: Ints = features[:, : len(bits)] >> FEATURE_BITS - bits
    return states


def frame_features(listener: Listener, data: Frames) -> Ints:
    """The frames themselves `[frame, channel]`: -1 to 1 within the range of each channel, clipped, in 24 bits."""
    units = np.rint(within_range(data.frames, listener.ranges) * _UNIT)
    features: Ints = np.clip(units, 1 - _UNIT, _UNIT - 1).astype(np.int64)
    return features


def squared(x: Ints) -> Ints:
    """The squares of features, as features again."""
    return fixed.round_shift(x * x, FEATURE_BITS - 1)


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


def frame_rows(starts: Ints, steps: int, frame: int, late: int = 1) -> Ints:
    """The step `late` after each frame `[frame]`, of samples that are as many steps longer than their frames are."""
    ends, first = np.append(starts[1:], steps), frame + late - 1
    rows: Ints = np.concatenate([np.arange(a + first, b, frame) for a, b in zip(starts, ends, strict=True)])
    return rows


def _states(program: Program, section: Regression, spikes: NDArray[Any], starts: Ints, frame: int) -> Ints:
    network, parts, graded = program.network, [], graded_populations(program)
    for name in section.populations:
        mine = spikes[:, network.columns(name)]
        if name in graded:
            parts.append(mine[frame_rows(starts, len(spikes), frame)].astype(np.int64))
        else:
            parts.append(traces(mine, starts, frame, section.features.tau_ms, network.dt_ms))
    return np.concatenate(parts, axis=1)


def _float_states(program: Program, section: Regression, spikes: NDArray[Any], starts: Ints, frame: int) -> Floats:
    network, parts, graded = program.network, [], graded_populations(program)
    rows = frame_rows(starts, len(spikes), frame)
    for name in section.populations:
        mine = spikes[:, network.columns(name)]
        if name not in graded:
            mine = decayed(mine, starts, section.features.tau_ms / network.dt_ms)
        parts.append(mine[rows].astype(np.float64))
    return np.concatenate(parts, axis=1)


def bits_of(program: Program, section: Regression) -> Ints:
    """Of each state `[neuron]`."""
    there = {p.name: p.registers.get("message_bits", np.full(p.size, TRACE_BITS)) for p in program.network.populations}
    return np.concatenate([there[name] for name in section.populations]).astype(np.int64)
